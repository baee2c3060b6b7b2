# Figures beside each other, with their spread. The environment is one of its own, since kopf, with which
# the hook is compared, is needed by nothing else. BENCH: options and parts, such as BENCH="--quick hook".
BENCH_VENV := .cache/bench-venv
BENCH ?=

$(BENCH_VENV)/.synced: $(VENV)/.synced
	@VIRTUAL_ENV= UV_PROJECT_ENVIRONMENT=$(BENCH_VENV) $(UV) sync --locked --quiet --no-default-groups --group test --group bench
	@touch $@

.PHONY: bench bench-capture
bench: $(BENCH_VENV)/.synced ## measure the hook alone, and beside kopf where a control plane is at hand
	@$(BENCH_VENV)/bin/python -m dev.benchmarks $(BENCH)

bench-capture: $(BENCH_VENV)/.synced ## capture the requests that the benchmarks send anew, from a real control plane
	@$(BENCH_VENV)/bin/python -m dev.benchmarks.capture
