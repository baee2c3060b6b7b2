# Schedules with faults in a simulated cluster, on all cores. A schedule that fails is told as a story.
SCHEDULES ?= 10000
FIRST ?= 0

.PHONY: simulate
simulate: setup ## run SCHEDULES (10000) schedules with faults in simulation, and report what they saw
	@$(RUN)/python -m tests.simulation.search $(SCHEDULES) $(FIRST)
