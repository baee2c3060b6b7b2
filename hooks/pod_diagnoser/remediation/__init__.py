"""Which Pods to replace, why not, and replacing them."""
