#!/bin/sh
# Install the operator, or bring it up to date, in an order in which nothing fails: a hook that Metacontroller calls
# before it is there gives every Pod of the cluster a dozen Warning Events. Returns when a crash has been diagnosed.
#
#   sh metacontroller/install.sh [OVERLAY]    by default metacontroller/pod-diagnoser/overlays/default
#
# KUBECTL says how to call kubectl, options included. What comes first and last has a label in the manifests,
# diagnostics.local.io/install-step: 1 the kinds, none all that needs no order, 3 what is called for PodDiagnosers,
# 4 what is called for every Pod.
set -eu

kubectl=${KUBECTL:-kubectl}
here=$(dirname "$0")
overlay=${1:-$here/pod-diagnoser/overlays/default}
namespace=pod-diagnoser-system
step=diagnostics.local.io/install-step
check=installation-check # a PodDiagnoser and a Pod, for as long as this takes

k() { $kubectl "$@"; } # unquoted: it may hold options

fail() {
	echo "$*" >&2
	exit 1
}

apply() { printf '%s\n' "$manifests" | k apply -f - "$@"; }

remove_check() { k -n "$namespace" delete poddiagnoser,pod "$check" --ignore-not-found >/dev/null || :; }

await() { # an object of the check, and what it shall have
	k -n "$namespace" wait "$1" "--for=$2" --timeout=180s >/dev/null && return
	k -n "$namespace" get events --field-selector "involvedObject.name=$check" >&2
	k get events --field-selector involvedObject.kind=DecoratorController >&2
	fail "Installed, but Metacontroller and the hook do not work together: the Events above say why."
}

k wait --for=condition=Established crd/decoratorcontrollers.metacontroller.k8s.io --timeout=60s >/dev/null ||
	fail "Install Metacontroller first (metacontroller/README.md)."
manifests=$(k kustomize "$overlay")

apply -l "$step=1"
for kind in poddiagnosers clusterpoddiagnosers diagnosistargets; do
	k wait --for=condition=Established "crd/$kind.diagnostics.local.io" --timeout=60s
done
case $manifests in *"secretName: pod-diagnoser-"*) KUBECTL="$kubectl" sh "$here/credentials.sh" create ;; esac
apply -l "$step notin (1, 3, 4)"
for deployment in $(k -n "$namespace" get deployment -l app.kubernetes.io/part-of=pod-diagnoser -o name); do
	k -n "$namespace" rollout status "$deployment" --timeout=300s
done

# Metacontroller looks for new kinds now and then. Until it knows ours, a PodDiagnoser and not every Pod gets the Events.
trap remove_check EXIT
trap 'exit 1' HUP INT TERM
k apply -f "$here/installation-check.yaml" >/dev/null
apply -l "$step=3"
await "poddiagnoser/$check" condition=Active
apply -l "$step=4"
# The Pod is on no node, so nobody else writes its status.
k -n "$namespace" patch pod "$check" --subresource=status --type=merge --patch-file="$here/installation-check-crash.yaml" >/dev/null
await "pod/$check" "jsonpath={.metadata.annotations.diagnostics\.local\.io/cause}"
echo "PodDiagnoser is installed, and diagnoses crashes."
