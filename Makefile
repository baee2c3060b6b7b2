# Every target does its own set-up. Needed beforehand: Python 3.11 or newer and make; what a target
# needs beyond that, its section in README.md says.
PYTHON ?= python3
PORT ?= 8080
VENV := .venv
RUN := $(VENV)/bin
UV := $(RUN)/uv
UV_VERSION := $(shell sed -n 's/.*"uv==\([0-9.]*\)".*/\1/p' pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help
help: ## show the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# The lock file is followed to the letter. The stamp is older than either file: the sync runs again.
$(VENV)/.synced: pyproject.toml uv.lock
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(RUN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --locked --quiet
	@touch $@

.PHONY: setup
setup: $(VENV)/.synced ## make the virtual environment by the lock file

.PHONY: serve
serve: setup ## serve the hook on localhost, PORT=8080, as production does
	@$(RUN)/pod-diagnoser serve --port $(PORT)

.PHONY: test
test: setup ## run all tests that need no control plane
	$(RUN)/pytest --ignore tests/e2e

.PHONY: golden
golden: setup ## write the golden files' outputs anew; read what changed
	$(RUN)/pytest tests/golden --update-golden

.PHONY: lint
lint: setup ## lint, formatting, types, import contracts
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

include mk/*.mk
