"""Ask this and other tools why the same Pods crashed, on a real API server: ``make comparison``.

The Pods are golden ones, with their Events and logs. What a tool says is judged by patterns that
stand here, in `dev.comparison.cases`, beside each case. Tools that are not on the
PATH are left out.
"""
