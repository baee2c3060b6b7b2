"""Make docs/reference.md, the page of all names, from where each is defined: ``make reference``."""
