"""Sources, which fill a `pod_diagnoser.cli.snapshot.Snapshot`: files, and a cluster by kubectl."""
