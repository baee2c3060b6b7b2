# Every target does its own set-up. What is needed beforehand: Python 3.11 or newer, make.
PYTHON ?= python3
PORT ?= 8080
UV_VERSION := $(shell sed -n 's/.*"uv==\([0-9.]*\)".*/\1/p' pyproject.toml)
VENV := .venv
UV := $(VENV)/bin/uv
RUN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help
help: ## show the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# The lock file is followed to the letter; the stamp is newer than both files or the sync runs again.
$(VENV)/.synced: pyproject.toml uv.lock
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(RUN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV= UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --locked --quiet
	@touch $@

.PHONY: setup
setup: $(VENV)/.synced ## make the virtual environment by the lock file

.PHONY: serve
serve: setup ## serve the hook on localhost, PORT=8080
	$(RUN)/pod-diagnoser serve --port $(PORT)

.PHONY: test
test: setup ## run all tests but e2e
	$(RUN)/pytest --ignore tests/e2e

.PHONY: lint
lint: setup ## lint, formatting, types, import contracts
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
