"""The command line ``kubectl-diagnose``: the diagnoses of the hook, from a file, without a cluster.

``pod-diagnoser serve`` is in `pod_diagnoser.server.command`.
"""
