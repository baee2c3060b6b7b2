# Bad input, for as long as you like: coverage tells which of it is worth changing further. The
# environment is one of its own, since atheris, which finds that out, has wheels for Linux only.
FUZZ_VENV := .cache/fuzz-venv
FUZZ_CORPUS := .cache/fuzz-corpus
SECONDS ?= 60
# What failed, to be sent once more.
INPUT ?=

$(FUZZ_VENV)/.synced: $(VENV)/.synced
	@VIRTUAL_ENV= UV_PROJECT_ENVIRONMENT=$(FUZZ_VENV) $(UV) sync --locked --quiet --no-default-groups --group test --group fuzz
	@touch $@

.PHONY: fuzz
fuzz: $(FUZZ_VENV)/.synced ## send bad input to both syncs for SECONDS (60), guided by coverage; what fails is kept
	@$(FUZZ_VENV)/bin/python -m tests.fuzz $(SECONDS) $(FUZZ_CORPUS) $(INPUT)
