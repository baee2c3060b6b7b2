#!/bin/sh
# The tokens with which Metacontroller calls the hook: two keys of one Secret. The hook takes both, and Metacontroller
# uses the one that its DecoratorControllers name. So the other one is known to the hook long before it is used.
#
#   sh metacontroller/token.sh create    make the Secret, unless it is there
#   sh metacontroller/token.sh rotate    use the other token, and replace the one that was used
#
# KUBECTL says how to call kubectl, options included. No token is ever an argument of a command, or printed.
set -eu

kubectl=${KUBECTL:-kubectl}
namespace=pod-diagnoser-system
secret=pod-diagnoser-token
components="pods poddiagnosers"
controllers="$components clusterpoddiagnosers clusterpoddiagnosers-targets recall-pods recall-cluster-pods recall-poddiagnosers"
# Which token is being replaced, until it is: a rotation that was interrupted goes on with the same.
retiring_key=diagnostics.local.io/retiring-token

k() { $kubectl "$@"; } # unquoted: it may hold options

fail() {
	echo "$*" >&2
	exit 1
}

random() {
	token=$(od -An -N32 -v -tx1 /dev/urandom | tr -d ' \n')
	[ ${#token} -eq 64 ] || fail "There are no random bytes."
	printf %s "$token"
}

create() {
	k get namespace "$namespace" >/dev/null 2>&1 || k create namespace "$namespace" --save-config
	if k -n "$namespace" get secret "$secret" >/dev/null 2>&1; then
		echo "The Secret $secret is there already."
		return
	fi
	a=$(random)
	b=$(random)
	printf '{"apiVersion": "v1", "kind": "Secret",
		"metadata": {"name": "%s", "labels": {"app.kubernetes.io/name": "pod-diagnoser", "app.kubernetes.io/part-of": "pod-diagnoser"}},
		"stringData": {"token-a": "%s", "token-b": "%s"}}' "$secret" "$a" "$b" |
		k -n "$namespace" create -f -
}

secret_value() { k -n "$namespace" get secret "$secret" -o "jsonpath=$1"; }

renew() { # the value of a key
	value=$(random)
	printf '{"stringData": {"%s": "%s"}}' "$1" "$value" |
		k -n "$namespace" patch secret "$secret" --type=merge --patch-file=/dev/stdin
}

use() { # a key, from the next request on: Metacontroller reads a token when the spec that names it changes
	for controller in $controllers; do
		k patch decoratorcontroller "pod-diagnoser-$controller" --type=json --patch \
			"[{\"op\": \"replace\", \"path\": \"/spec/endpointConfigs/0/authorization/secretRef/key\", \"value\": \"$1\"}]"
	done
}

spread() { # what the Secret holds to every Pod of the hook. The kubelet does so by itself, within two minutes or so.
	for component in $components; do
		k -n "$namespace" rollout restart deployment "pod-diagnoser-$component"
	done
	for component in $components; do
		k -n "$namespace" rollout status deployment "pod-diagnoser-$component" --timeout=300s
	done
}

rotate() {
	retiring=$(secret_value '{.metadata.annotations.diagnostics\.local\.io/retiring-token}')
	if [ -z "$retiring" ]; then
		for controller in $controllers; do
			key=$(k get decoratorcontroller "pod-diagnoser-$controller" -o 'jsonpath={.spec.endpointConfigs[0].authorization.secretRef.key}')
			[ "${retiring:=$key}" = "$key" ] || fail "The DecoratorControllers name different keys, $retiring and $key: apply the manifests first."
		done
	fi
	case $retiring in
	token-a) other=token-b ;;
	token-b) other=token-a ;;
	*) fail "The DecoratorControllers name the key \"$retiring\", neither token-a nor token-b." ;;
	esac
	value=$(secret_value "{.data.$other}")
	if [ -z "$value" ]; then
		renew "$other"
		spread
	fi
	k -n "$namespace" annotate secret "$secret" --overwrite "$retiring_key=$retiring"
	use "$other"
	renew "$retiring"
	spread
	use "$other" # changes nothing, unless the manifests were applied meanwhile
	k -n "$namespace" annotate secret "$secret" "$retiring_key-"
	echo "Metacontroller uses $other; what $retiring was before is not accepted any more."
}

case ${1-} in
create | rotate) "$1" ;;
*) fail "usage: sh metacontroller/token.sh create | rotate" ;;
esac
