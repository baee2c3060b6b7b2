"""The rows of the table of problems, by what they are about."""
