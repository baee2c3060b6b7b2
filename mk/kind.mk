# Installing into a cluster, and the same on a kind cluster of one's own. Each target is the few commands
# of metacontroller/README.md. Needed: kubectl; for the kind-* targets also docker and kind.
KUBECTL ?= kubectl
KIND_CLUSTER ?= pod-diagnoser
# Never another cluster than the one that kind-up made.
KIND_KUBECTL = $(KUBECTL) --context kind-$(KIND_CLUSTER)
KIND_PORT ?= 8081

.PHONY: install
install: token ## install the kinds and the operator by kubectl's current context
	$(KUBECTL) apply -k metacontroller/overlays/default

# Pods that carry an annotation or a label of ours, one "namespace/name" a line; fails if that cannot be read.
LEFTOVERS = pods=$$($(KUBECTL) get pods --all-namespaces -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {.metadata.annotations} {.metadata.labels}{"\n"}{end}') \
	|| exit; echo "$$pods" | grep -F '"diagnostics.local.io/' | cut -d' ' -f1

.PHONY: leftovers
leftovers: ## list the Pods that carry an annotation or a label of ours
	@$(LEFTOVERS)

# Nobody publishes DiagnosisTargets any more, so Pods are claimed by no one and get cleaned; then the rest goes.
# Deleted again in each round: Metacontroller may still have been at one when its controller went.
.PHONY: uninstall
uninstall: ## clean all Pods, then remove the operator; PodDiagnosers stay as they are
	$(KUBECTL) delete decoratorcontroller pod-diagnoser-poddiagnosers --ignore-not-found
	@for round in $$(seq 100); do \
		$(KUBECTL) delete diagnosistargets --all --all-namespaces || exit; sleep 2; \
		left=$$($(LEFTOVERS)) || exit; test -n "$$left" || exit 0; \
	done; echo "Still not clean, metacontroller/README.md says what to do:"; echo "$$left"; exit 1
	$(KUBECTL) delete decoratorcontroller pod-diagnoser-pods --ignore-not-found
	$(KUBECTL) delete -k metacontroller/base --ignore-not-found
	$(KUBECTL) delete clusterrole,clusterrolebinding pod-diagnoser-evidence --ignore-not-found
	@left=$$($(LEFTOVERS)) || exit; test -z "$$left" || { echo "Not clean after all:"; echo "$$left"; exit 1; }

.PHONY: kind-up
kind-up: ## make a kind cluster
	kind create cluster --name $(KIND_CLUSTER)

.PHONY: kind-load
kind-load: ## build both images and load them into the kind cluster
	docker build --tag pod-diagnoser:dev .
	docker build --tag fragile-app:latest fragile-app
	kind load docker-image --name $(KIND_CLUSTER) pod-diagnoser:dev fragile-app:latest

.PHONY: kind-deploy
kind-deploy: ## install Metacontroller, the operator, fragile-app and its PodDiagnoser into the kind cluster
	$(KIND_KUBECTL) apply -k metacontroller/overlays/metacontroller
	$(KIND_KUBECTL) wait --for=condition=Established --timeout=60s crd/decoratorcontrollers.metacontroller.k8s.io
	$(KIND_KUBECTL) -n metacontroller rollout status statefulset/metacontroller --timeout=300s
	KUBECTL="$(KIND_KUBECTL)" sh metacontroller/token.sh create
	$(KIND_KUBECTL) apply -k metacontroller/overlays/kind
	$(KIND_KUBECTL) wait --for=condition=Established --timeout=60s crd/poddiagnosers.diagnostics.local.io
	$(KIND_KUBECTL) -n pod-diagnoser-system rollout status deployment/pod-diagnoser-pods --timeout=300s
	$(KIND_KUBECTL) -n pod-diagnoser-system rollout status deployment/pod-diagnoser-poddiagnosers --timeout=300s
	$(KIND_KUBECTL) apply -k fragile-app
	$(KIND_KUBECTL) apply -f crds/samples/fragileapp-diagnoser.yaml
	$(KIND_KUBECTL) rollout status deployment/fragile-app --timeout=300s

.PHONY: kind-forward
kind-forward: ## forward localhost:KIND_PORT (8081) to fragile-app until Ctrl-C
	$(KIND_KUBECTL) port-forward service/fragile-app $(KIND_PORT):80

.PHONY: kind-crash
kind-crash: ## send fragile-app the six requests that end it
	@$(KIND_KUBECTL) port-forward service/fragile-app $(KIND_PORT):80 >/dev/null & forward=$$!; trap 'kill $$forward' EXIT; \
		curl --fail --silent --retry 30 --retry-delay 1 --retry-connrefused --output /dev/null localhost:$(KIND_PORT)/health && \
		for request in 1 2 3 4 5 6; do curl --fail --silent --show-error localhost:$(KIND_PORT)/ || exit; done

.PHONY: kind-show
kind-show: ## show what the Pods and the PodDiagnoser say
	$(KIND_KUBECTL) get pods -l app=fragile-app
	$(KIND_KUBECTL) get pods -l app=fragile-app -o custom-columns='POD:.metadata.name,REASON:.metadata.annotations.diagnostics\.local\.io/restart-reason,TIME:.metadata.annotations.diagnostics\.local\.io/restart-time,DIAGNOSIS:.metadata.annotations.diagnostics\.local\.io/diagnosis'
	$(KIND_KUBECTL) get poddiagnosers

.PHONY: kind-events
kind-events: ## show fragile-app's Events
	$(KIND_KUBECTL) get events --sort-by=.lastTimestamp

.PHONY: kind-logs
kind-logs: ## show the logs of fragile-app (before its restart), the hook and Metacontroller
	-$(KIND_KUBECTL) logs -l app=fragile-app --previous --tail=20
	$(KIND_KUBECTL) -n pod-diagnoser-system logs -l app.kubernetes.io/name=pod-diagnoser --prefix --tail=20
	$(KIND_KUBECTL) -n metacontroller logs statefulset/metacontroller --tail=20

.PHONY: kind-reset
kind-reset: ## begin anew: other Pods of fragile-app, a PodDiagnoser without a history
	$(KIND_KUBECTL) delete -f crds/samples/fragileapp-diagnoser.yaml --ignore-not-found
	$(KIND_KUBECTL) delete -k fragile-app --ignore-not-found
	$(KIND_KUBECTL) apply -k fragile-app
	$(KIND_KUBECTL) apply -f crds/samples/fragileapp-diagnoser.yaml
	$(KIND_KUBECTL) rollout status deployment/fragile-app --timeout=300s

.PHONY: kind-down
kind-down: ## remove the kind cluster
	kind delete cluster --name $(KIND_CLUSTER)
