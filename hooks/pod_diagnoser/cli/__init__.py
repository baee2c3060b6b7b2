"""The command line ``kubectl-diagnose``: the diagnoses of the hook, on a live cluster or on files.

Sources (`sources`) fill a `snapshot.Snapshot`, one engine (`engine`) makes a `report.Report` of it,
and renderers (`renderers`) print that. Other commands are in `commands`. Modules are imported when
they are needed: to start must not take longer than to diagnose.

``pod-diagnoser serve`` is in `pod_diagnoser.server.command`.
"""
