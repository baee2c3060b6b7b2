"""What is a secret in a text: rules of our own, gitleaks' rules, and users' patterns. Pure."""
