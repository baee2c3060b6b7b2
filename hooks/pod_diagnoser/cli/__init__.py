"""Reserved for the command line ``kubectl diagnose``.

``pod-diagnoser serve`` is in `pod_diagnoser.server.command`.
"""
