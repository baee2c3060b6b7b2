"""Demos: what the product does, before your eyes."""
