"""Speed of the hook, beside things to compare it with: ``make bench``.

Whatever is compared runs in turn in one run, so that what else the machine does hits all alike;
ratios count, absolute figures do not. ``python -m dev.benchmarks --help`` says what can be run.
"""
