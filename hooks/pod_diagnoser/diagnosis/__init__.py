"""From a Pod, its Events and its output to causes and sentences."""
