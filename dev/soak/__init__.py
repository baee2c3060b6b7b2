"""A steady load for a long time: nothing fails, nothing grows, beside a bare Flask route.

`load` makes it, `census` looks at the processes, `findings` judges; ``make soak`` runs it.
"""
