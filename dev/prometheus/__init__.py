"""A real Prometheus and promtool on this machine, for tests of the rules."""
