"""The corpus of crashed programs' outputs, by which the reader of outputs is measured."""
