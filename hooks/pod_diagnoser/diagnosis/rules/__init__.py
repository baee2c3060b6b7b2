"""The rows of the table of causes, by what they are about."""
