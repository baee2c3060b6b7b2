# A kind cluster of your own, with everything in it. Needed: kubectl, docker and kind.
KUBECTL ?= kubectl
KIND_CLUSTER ?= pod-diagnoser
# Names the context, so that no other cluster is touched than the one that kind-up made.
KIND_KUBECTL = $(KUBECTL) --context kind-$(KIND_CLUSTER)
KIND_PORT ?= 8081

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
	@test -d metacontroller/upstream/released || sh metacontroller/upstream/download.sh
	$(KIND_KUBECTL) apply -k metacontroller/upstream/overlays/tuned
	$(KIND_KUBECTL) -n metacontroller rollout status statefulset/metacontroller --timeout=300s
	KUBECTL="$(KIND_KUBECTL)" sh metacontroller/install.sh metacontroller/pod-diagnoser/overlays/kind
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
kind-reset: ## start again: new Pods of fragile-app, a new PodDiagnoser
	$(KIND_KUBECTL) delete -f crds/samples/fragileapp-diagnoser.yaml --ignore-not-found
	$(KIND_KUBECTL) delete -k fragile-app --ignore-not-found
	$(KIND_KUBECTL) apply -k fragile-app
	$(KIND_KUBECTL) apply -f crds/samples/fragileapp-diagnoser.yaml
	$(KIND_KUBECTL) rollout status deployment/fragile-app --timeout=300s

.PHONY: kind-down
kind-down: ## remove the kind cluster
	kind delete cluster --name $(KIND_CLUSTER)
