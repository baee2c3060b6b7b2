# Each target sets up what it needs. You need Python 3.11 or newer and make; targets that need more say so
# in CONTRIBUTING.md. Installing into a cluster is in mk/deploy.mk, a kind cluster of your own in mk/kind.mk.
PYTHON ?= python3
PORT ?= 8080
KUBECTL ?= kubectl
VENV := .venv
RUN := $(VENV)/bin
UV := $(RUN)/uv

# Tests, simulation and demo start hundreds of processes; without bytecode each compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help
help: ## show the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

# The stamp is older than either file after a change of it: then the sync runs again.
$(VENV)/.synced: pyproject.toml uv.lock uv.requirements.txt
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(UV) || $(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement uv.requirements.txt
	@env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --locked --quiet
	@touch $@

.PHONY: setup
setup: $(VENV)/.synced ## make the virtual environment from the lock file

# Run it: KEEP=1 leaves a demo running, so that you can send requests.
.PHONY: demo demo-real serve
demo: setup ## see it work without a cluster; KEEP=1 leaves it running
	@KEEP=$(KEEP) $(RUN)/python -m dev.demo.simulated

demo-real: setup ## the same on a real control plane and Metacontroller
	@KEEP=$(KEEP) $(RUN)/python -m dev.demo.real

serve: setup ## serve the hook on localhost, PORT=8080, as in production
	@$(RUN)/pod-diagnoser serve --port $(PORT)

# Check it.
.PHONY: test crds chart reference golden lint output-corpus output-score
test: setup $(if $(shell which npm 2>/dev/null),axe) ## run all tests that need no control plane, on all cores
	$(RUN)/pytest -n auto --dist loadfile --no-loadscope-reorder --ignore tests/e2e

crds: setup ## make the CRD of ClusterPodDiagnoser from that of PodDiagnoser
	@$(RUN)/python -m dev.cluster_crd

reference: setup ## make docs/reference.md from where names are defined
	@$(RUN)/python -m dev.reference

chart: setup ## bring the Helm chart up to date with the manifests, rules and values it is made from
	@$(RUN)/python -m dev.chart

golden: setup ## write the golden files' outputs again; read the diff
	$(RUN)/pytest tests/golden --update-golden

output-corpus: setup ## run the programs of tests/output that fail, and store what they print
	@$(RUN)/python -m tests.output.generate

output-score: setup ## how well the reader reads tests/output, and what it misreads; written into docs/output.md
	@$(RUN)/python -m tests.output.scoring
	@$(RUN)/python -m tests.output.report

# actionlint comes by the Go command, which checks it against the checksum database.
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

.PHONY: lint-workflows
lint-workflows: setup ## lint the workflows; takes Go
	go run $(ACTIONLINT)
	$(RUN)/zizmor --quiet --offline .github

lint: setup ## lint, formatting, types, import contracts
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

# gitleaks' rules, by which secrets are masked beside our own: data of its Go module. Takes Go. Read the diff.
GITLEAKS ?= latest

.PHONY: gitleaks
gitleaks: setup ## take over gitleaks' rules of GITLEAKS=latest, to mask secrets by them
	@$(RUN)/python -m dev.gitleaks $(GITLEAKS)

# With the oldest versions that pyproject.toml allows of every direct dependency, in an environment of its own.
LOWEST_VENV := .cache/lowest-venv

$(LOWEST_VENV)/.synced: $(VENV)/.synced
	@$(UV) venv --quiet --clear --python $(RUN)/python $(LOWEST_VENV)
	@$(UV) pip install --quiet --python $(LOWEST_VENV)/bin/python --resolution lowest-direct --group test --editable .
	@touch $@

.PHONY: test-lowest
test-lowest: $(LOWEST_VENV)/.synced ## run the tests of the hook with the oldest versions that pyproject.toml allows
	$(LOWEST_VENV)/bin/pytest -n auto tests/unit tests/golden tests/http

# A missing control plane or Metacontroller skips the tests and says how to get it; E2E_REQUIRE=1 makes it a
# failure (for releases). The tests mostly wait, so two control planes run at a time.
.PHONY: e2e control-plane prometheus helm
e2e: setup ## test with real etcd, kube-apiserver and Metacontroller
	$(RUN)/pytest -n 2 --dist loadfile tests/e2e

.PHONY: e2e-again
e2e-again: setup ## run once more, one by one, what failed in the last run of e2e
	$(RUN)/pytest --last-failed --last-failed-no-failures none tests/e2e

control-plane: setup ## build the control plane from its Go modules, once; print its folder
	@$(RUN)/python -m dev.envtest.build

prometheus: setup ## build Prometheus and promtool from their Go module, once; print their folder
	@$(RUN)/python -m dev.prometheus.build

# What other tools say of the same Pods: those of k8sgpt and kwatch that are on the PATH. COMPARISON holds options.
COMPARISON ?=

.PHONY: comparison
comparison: setup ## ask this and other tools why the same Pods crashed, on a real control plane
	@$(RUN)/python -m dev.comparison $(COMPARISON)

helm: setup ## build Helm from its Go module, once; print its path
	@$(RUN)/python -m dev.helm.build

# Headlamp's plug-in, in a copy with npm's packages by its lock file; scripts of packages do not run. Takes Node.js.
HEADLAMP := .cache/headlamp

$(HEADLAMP)/.installed: contrib/headlamp/package.json contrib/headlamp/package-lock.json
	@mkdir -p $(HEADLAMP)
	@cp $^ $(HEADLAMP)
	cd $(HEADLAMP) && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline
	@touch $@

.PHONY: headlamp
headlamp: $(HEADLAMP)/.installed ## test Headlamp's plug-in, and build it in .cache/headlamp
	@rm -rf $(HEADLAMP)/src $(HEADLAMP)/dist
	@cp -R contrib/headlamp/src contrib/headlamp/tsconfig.json $(HEADLAMP)
	cd $(HEADLAMP) && npm run tsc && npm test && npm run build

.PHONY: pictures
pictures: setup ## make the pictures in docs/pictures anew, of the programs that are on PATH
	@$(RUN)/python -m dev.contrib.pictures

# What judges whether all can read the HTML report, by npm's lock file; without it these tests are skipped.
AXE := .cache/axe

$(AXE)/.installed: tests/axe/package.json tests/axe/package-lock.json
	@mkdir -p $(AXE)
	@cp $^ $(AXE)
	@cd $(AXE) && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error >/dev/null \
		&& touch .installed || echo "axe-core was not installed: its tests are skipped"

.PHONY: axe
axe: $(AXE)/.installed ## install axe-core, by which tests judge the HTML report. Takes Node.js

# Simulation runs with faults, on all cores. A run that fails is shrunk, and its trace is printed.
RUNS ?= 10000
FIRST_SEED ?= 0

.PHONY: simulate
simulate: setup ## execute RUNS=10000 simulation runs with faults
	@$(RUN)/python -m tests.simulation.search $(RUNS) $(FIRST_SEED)

# Invalid input, guided by coverage. It has its own environment, since atheris has wheels for Linux only.
# INPUT names a failed input to send again.
FUZZ_VENV := .cache/fuzz-venv
FUZZ_CORPUS := .cache/fuzz-corpus
SECONDS ?= 60
INPUT ?=

$(FUZZ_VENV)/.synced: $(VENV)/.synced
	@VIRTUAL_ENV= UV_PROJECT_ENVIRONMENT=$(FUZZ_VENV) $(UV) sync --locked --quiet --no-default-groups --group test --group fuzz
	@touch $@

.PHONY: fuzz
fuzz: $(FUZZ_VENV)/.synced ## send invalid input to both syncs for SECONDS=60
	@$(FUZZ_VENV)/bin/python -m tests.fuzz $(SECONDS) $(FUZZ_CORPUS) $(INPUT)

.PHONY: fuzz-output
fuzz-output: setup ## read ever stranger outputs of programs for SECONDS=60, and show which take the longest
	@$(RUN)/python -m tests.fuzz.outputs $(SECONDS)

# Benchmarks. They have their own environment, since only they need kopf, to compare with.
# BENCH holds options and parts, such as BENCH="--quick hook".
BENCH_VENV := .cache/bench-venv
BENCH ?=

$(BENCH_VENV)/.synced: $(VENV)/.synced
	@VIRTUAL_ENV= UV_PROJECT_ENVIRONMENT=$(BENCH_VENV) $(UV) sync --locked --quiet --no-default-groups --group test --group bench
	@touch $@

.PHONY: bench bench-capture
bench: $(BENCH_VENV)/.synced ## measure the hook; with a control plane also beside a kopf operator
	@$(BENCH_VENV)/bin/python -m dev.benchmarks $(BENCH)

bench-capture: $(BENCH_VENV)/.synced ## capture the benchmarks' requests again from a real control plane
	@$(BENCH_VENV)/bin/python -m dev.benchmarks.capture

# A steady load for a long time: on a control plane and Metacontroller, beside a bare Flask route. Exits with 1
# where anything fails, grows or takes too long. The warm-up ends once each Pod's history has all the crashes that it may.
MINUTES ?= 30
WARM_UP ?= 7

.PHONY: soak
soak: setup ## 50 syncs a second and a crash a second for MINUTES=30: nothing fails, nothing grows
	@$(RUN)/python -m dev.soak --minutes $(MINUTES) --warm-up $(WARM_UP)

# The wheel as others install it: built, installed into an environment of its own, started.
DIST := .cache/dist
DIST_VENV := .cache/dist-venv

.PHONY: package
package: setup ## build sdist and wheel, install the wheel elsewhere and start it
	@rm -rf $(DIST) $(DIST_VENV)
	$(UV) build --quiet --out-dir $(DIST)
	$(UV) venv --quiet --python $(RUN)/python $(DIST_VENV)
	$(UV) export --quiet --locked --no-dev --no-emit-project --output-file $(DIST)/requirements.txt
	$(UV) pip install --quiet --python $(DIST_VENV)/bin/python --requirement $(DIST)/requirements.txt
	$(UV) pip install --quiet --python $(DIST_VENV)/bin/python --no-deps $(DIST)/*.whl
	cd $(DIST) && ../../$(DIST_VENV)/bin/python -c 'from pod_diagnoser.server.app import create_app; create_app()'
	$(DIST_VENV)/bin/pod-diagnoser --help > /dev/null
	$(DIST_VENV)/bin/kubectl-diagnose causes > /dev/null

# The chart as others install it. The variables say where a release has pushed the image.
IMAGE_REGISTRY ?=
IMAGE_REPOSITORY ?=
IMAGE_TAG ?=
IMAGE_DIGEST ?=
CHART_COPY := .cache/chart/pod-diagnoser

.PHONY: package-chart
package-chart: setup ## package the Helm chart into .cache/dist; takes Helm, or Go to build it
	@rm -rf $(dir $(CHART_COPY)) && mkdir -p $(dir $(CHART_COPY)) $(DIST) && cp -R charts/pod-diagnoser $(CHART_COPY)
	@$(RUN)/python -m dev.chart image $(CHART_COPY) registry="$(IMAGE_REGISTRY)" repository="$(IMAGE_REPOSITORY)" \
		tag="$(IMAGE_TAG)" digest="$(IMAGE_DIGEST)"
	@helm=$$($(RUN)/python -m dev.helm.build) && $$helm lint --strict --quiet $(CHART_COPY) \
		&& $$helm package $(CHART_COPY) --destination $(DIST)

# What a release is built from. update-pins needs the registry of the base images.
SBOM := $(DIST)/sbom.cdx.json

.PHONY: update-pins check-pins sbom licences
update-pins: setup ## pin base images by their present digests, and uv by hash
	@$(RUN)/python -m dev.supply_chain.pins update

check-pins: setup ## fail if a release would be built from a base image without a digest
	@$(RUN)/python -m dev.supply_chain.pins check

sbom: setup ## list what is installed with the product, as CycloneDX, in .cache/dist/sbom.cdx.json
	@mkdir -p $(DIST)
	@env -u VIRTUAL_ENV UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) export --quiet --locked --no-dev --all-extras \
		--preview-features sbom-export --format cyclonedx1.5 --output-file $(SBOM)

licences: sbom ## print the licences of all that; fail on one that may not be shipped
	@$(RUN)/python -m dev.supply_chain.licences $(SBOM)

include mk/deploy.mk mk/kind.mk
