# Installing into a cluster, by kubectl's current context. metacontroller/README.md explains each step.
# Needed: kubectl.
KUBECTL ?= kubectl

.PHONY: credentials
credentials: ## make the hook's tokens and certificate, unless they exist
	@KUBECTL="$(KUBECTL)" sh metacontroller/credentials.sh create

.PHONY: rotate-token
rotate-token: ## have Metacontroller use the other token, and replace the one it used
	@KUBECTL="$(KUBECTL)" sh metacontroller/credentials.sh rotate-token

.PHONY: rotate-certificate
rotate-certificate: ## replace the hook's certificate and its CA
	@KUBECTL="$(KUBECTL)" sh metacontroller/credentials.sh rotate-certificate

OVERLAY ?= metacontroller/pod-diagnoser/overlays/default

.PHONY: install
install: ## install or update OVERLAY=metacontroller/pod-diagnoser/overlays/default; returns when crashes are diagnosed
	@KUBECTL="$(KUBECTL)" sh metacontroller/install.sh $(OVERLAY)

# Pods with an annotation or a label of ours, one "namespace/name" a line; fails if they cannot be listed. By their
# keys, since others under our prefix are their owners' (diagnostics.local.io/remediate).
LEFTOVERS = pods=$$($(KUBECTL) get pods --all-namespaces -o jsonpath='{range .items[*]}{.metadata.namespace}/{.metadata.name} {.metadata.annotations} {.metadata.labels}{"\n"}{end}') \
	|| exit; echo "$$pods" | grep -E '"diagnostics[.]local[.]io/(cause|changes|cluster-diagnoser|container|crashes|diagnosed-by|diagnoser|diagnosis|evidence|log|next-step|reason|restart-reason|restart-time|termination-message)":' | cut -d' ' -f1

.PHONY: leftovers
leftovers: ## list the Pods with an annotation or a label of ours
	@$(LEFTOVERS)

# Without DiagnosisTargets no Pod is claimed, so Metacontroller cleans the Pods; then the rest is deleted. The
# targets are deleted in each round: Metacontroller may create one more while its controller is being deleted.
.PHONY: uninstall
uninstall: ## clean all Pods, then remove the operator; what users wrote stays as it is
	$(KUBECTL) delete decoratorcontroller pod-diagnoser-poddiagnosers pod-diagnoser-clusterpoddiagnosers-targets --ignore-not-found
	@for round in $$(seq 100); do \
		$(KUBECTL) delete diagnosistargets --all --all-namespaces || exit; sleep 2; \
		left=$$($(LEFTOVERS)) || exit; test -n "$$left" || exit 0; \
	done; echo "Still not clean, metacontroller/README.md says what to do:"; echo "$$left"; exit 1
	$(KUBECTL) delete decoratorcontroller pod-diagnoser-pods --ignore-not-found
	$(KUBECTL) delete -k metacontroller/pod-diagnoser/base --ignore-not-found
	$(KUBECTL) delete clusterrole,clusterrolebinding pod-diagnoser-evidence pod-diagnoser-evidence-changes pod-diagnoser-metacontroller pod-diagnoser-state --ignore-not-found
	$(KUBECTL) annotate poddiagnosers,clusterpoddiagnosers --all --all-namespaces diagnostics.local.io/recalled- diagnostics.local.io/pods-recalled- diagnostics.local.io/selected-namespaces-
	@left=$$($(LEFTOVERS)) || exit; test -z "$$left" || { echo "Some Pods are not clean:"; echo "$$left"; exit 1; }
