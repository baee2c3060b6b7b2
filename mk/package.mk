# The wheel as others would install it: built, installed into an environment of its own, started.
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
