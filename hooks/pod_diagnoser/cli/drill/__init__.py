"""``kubectl diagnose drill``: Pods crash on purpose, and whatever should tell of it is checked.

`workloads` has the Pods that crash, `checks` says what should have come of it, `run` makes them,
looks, and takes them away again. Nothing here is used by the engine.
"""
