"""Which Pods to replace, why not, and carrying it out."""
