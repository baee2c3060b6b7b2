"""Speed of the hook, beside things to compare it with: ``make bench``.

Everything that is compared runs in turn in one run, so that other load on the machine affects all
alike; the ratios count, not the absolute figures. ``python -m dev.benchmarks --help`` lists what
can be run.
"""
