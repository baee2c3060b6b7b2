# Without a cluster: the real hook, the real fragile-app, and dev/simulator for the rest.
.PHONY: demo
demo: setup ## see it work without a cluster; KEEP=1 stays up for curl
	@KEEP=$(KEEP) $(RUN)/python -m dev.demo.simulated
