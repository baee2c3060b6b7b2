#!/bin/sh
# The credentials between Metacontroller and the hook.
#
# The tokens with which Metacontroller calls: two keys of one Secret. The hook takes both, and Metacontroller uses the one
# that its DecoratorControllers name. So the other one is known to the hook long before it is used.
#
# The hook's certificate, its key, and the authority (CA) that signed it. Metacontroller reads the CA when its
# DecoratorControllers name another key for it, so it stands under two keys. Nobody has the CA's own key: it is forgotten as
# soon as it has signed, and each new certificate comes with a new CA.
#
#   sh metacontroller/credentials.sh create               make what is not there
#   sh metacontroller/credentials.sh rotate-token         use the other token, and replace the one that was used
#   sh metacontroller/credentials.sh rotate-certificate   replace the certificate and its CA
#
# KUBECTL says how to call kubectl, options included. EXTRA_NAMES holds more names for the certificate, as openssl writes
# them: "DNS:hook.example.com,IP:192.0.2.1". Needs openssl. No token or key is ever an argument of a command, or printed.
set -eu

kubectl=${KUBECTL:-kubectl}
EXTRA_NAMES=${EXTRA_NAMES:-}
namespace=pod-diagnoser-system
secret=pod-diagnoser-token
tls_secret=pod-diagnoser-tls
ca_configmap=pod-diagnoser-ca
labels='"labels": {"app.kubernetes.io/name": "pod-diagnoser", "app.kubernetes.io/part-of": "pod-diagnoser"}'
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

exists() { k -n "$namespace" get "$1" "$2" >/dev/null 2>&1; }

create() {
	k get namespace "$namespace" >/dev/null 2>&1 || k create namespace "$namespace" --save-config
	create_tokens
	create_certificate
}

create_tokens() {
	if exists secret "$secret"; then
		echo "The Secret $secret is there already."
		return
	fi
	a=$(random)
	b=$(random)
	printf '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "%s", %s},
		"stringData": {"token-a": "%s", "token-b": "%s"}}' "$secret" "$labels" "$a" "$b" |
		k -n "$namespace" create -f -
}

create_certificate() { # the ConfigMap last: where it is, the Secret is complete
	if exists configmap "$ca_configmap"; then
		echo "The Secret $tls_secret and the ConfigMap $ca_configmap are there already."
		return
	fi
	issue
	exists secret "$tls_secret" && verb=replace || verb=create
	printf '{"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "%s", %s},
		"stringData": {"tls.crt": "%s", "tls.key": "%s", "ca-a.crt": "%s", "ca-b.crt": "%s"}}' \
		"$tls_secret" "$labels" "$(quoted tls.crt)" "$(quoted tls.key)" "$(quoted ca.crt)" "$(quoted ca.crt)" |
		k -n "$namespace" $verb -f -
	printf '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "%s", %s},
		"data": {"ca-a.crt": "%s", "ca-b.crt": "%s"}}' "$ca_configmap" "$labels" "$(quoted ca.crt)" "$(quoted ca.crt)" |
		k -n "$namespace" create -f -
}

issue() { # a certificate by a new CA, into a folder that is gone when this script ends
	command -v openssl >/dev/null || fail "openssl is needed, to make the hook's certificate."
	folder=$(mktemp -d) || fail "There is no room for temporary files."
	trap 'rm -rf "$folder"' EXIT
	trap 'exit 1' HUP INT TERM
	names=$EXTRA_NAMES
	for component in $components; do names="DNS:pod-diagnoser-$component.$namespace.svc${names:+,$names}"; done
	cat >"$folder/openssl.cnf" <<-END
		[req]
		distinguished_name = name
		[name]
		[ca]
		basicConstraints = critical, CA:true, pathlen:0
		keyUsage = critical, keyCertSign
		subjectKeyIdentifier = hash
		[server]
		basicConstraints = critical, CA:false
		keyUsage = critical, digitalSignature
		extendedKeyUsage = serverAuth
		subjectAltName = $names
		subjectKeyIdentifier = hash
		authorityKeyIdentifier = keyid
	END
	(
		umask 077
		cd "$folder"
		openssl ecparam -name prime256v1 -genkey -noout -out ca.key &&
			openssl req -new -x509 -sha256 -days 3650 -config openssl.cnf -extensions ca -key ca.key \
				-subj "/CN=pod-diagnoser CA $(date -u +%Y%m%dT%H%M%SZ)" -out ca.crt &&
			openssl ecparam -name prime256v1 -genkey -noout -out tls.key &&
			openssl req -new -sha256 -config openssl.cnf -key tls.key -subj "/CN=pod-diagnoser" -out tls.csr &&
			openssl x509 -req -sha256 -days 3650 -in tls.csr -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" \
				-extfile openssl.cnf -extensions server -out tls.crt
	) 2>"$folder/openssl.log" || fail "openssl made no certificate: $(tail -n 1 "$folder/openssl.log")"
	rm "$folder/ca.key"
}

quoted() { # a file of the issued ones as JSON has it in a string; PEM has neither quotes nor backslashes
	awk '{ printf "%s\\n", $0 }' "$folder/$1"
}

secret_value() { k -n "$namespace" get secret "$secret" -o "jsonpath=$1"; }

renew() { # the value of a key
	value=$(random)
	printf '{"stringData": {"%s": "%s"}}' "$1" "$value" |
		k -n "$namespace" patch secret "$secret" --type=merge --patch-file=/dev/stdin
}

use() { # a key, from the next request on: Metacontroller reads a token when the spec that names it changes
	for controller in $controllers; do
		name_key "$controller" authorization/secretRef "$1"
	done
}

name_key() { # have a DecoratorController name a key
	k patch decoratorcontroller "pod-diagnoser-$1" --type=json --patch \
		"[{\"op\": \"replace\", \"path\": \"/spec/endpointConfigs/0/$2/key\", \"value\": \"$3\"}]"
}

spread() { # what the Secret holds to every Pod of the hook. The kubelet does so by itself, within two minutes or so.
	for component in $components; do
		k -n "$namespace" rollout restart deployment "pod-diagnoser-$component"
	done
	for component in $components; do
		k -n "$namespace" rollout status deployment "pod-diagnoser-$component" --timeout=300s
	done
}

rotate_token() {
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

trust() { # certificates as they stand in JSON: both keys hold them, and Metacontroller reads the one that it has not read
	printf '{"stringData": {"ca-a.crt": "%s", "ca-b.crt": "%s"}}' "$1" "$1" |
		k -n "$namespace" patch secret "$tls_secret" --type=merge --patch-file=/dev/stdin
	printf '{"data": {"ca-a.crt": "%s", "ca-b.crt": "%s"}}' "$1" "$1" |
		k -n "$namespace" patch configmap "$ca_configmap" --type=merge --patch-file=/dev/stdin
	for controller in $controllers; do
		bundle=$(k get decoratorcontroller "pod-diagnoser-$controller" -o 'jsonpath={.spec.endpointConfigs[0].caBundle}')
		case $bundle in
		*configMapRef*) source=configMapRef ;; # components/without-token
		*) source=secretRef ;;
		esac
		case $bundle in
		*'"ca-a.crt"'*) name_key "$controller" "caBundle/$source" ca-b.crt ;;
		*'"ca-b.crt"'*) name_key "$controller" "caBundle/$source" ca-a.crt ;;
		*) fail "The DecoratorController pod-diagnoser-$controller names neither ca-a.crt nor ca-b.crt: apply the manifests first." ;;
		esac
	done
}

rotate_certificate() { # an interrupted one only leaves more trusted than needs be; the next one clears that away
	exists configmap "$ca_configmap" || fail "There is no certificate yet: sh metacontroller/credentials.sh create"
	issue
	k -n "$namespace" get configmap "$ca_configmap" -o 'jsonpath={.data.ca-a\.crt}' >"$folder/trusted.crt"
	cat "$folder/ca.crt" >>"$folder/trusted.crt"
	trust "$(quoted trusted.crt)"
	printf '{"stringData": {"tls.crt": "%s", "tls.key": "%s"}}' "$(quoted tls.crt)" "$(quoted tls.key)" |
		k -n "$namespace" patch secret "$tls_secret" --type=merge --patch-file=/dev/stdin
	spread
	trust "$(quoted ca.crt)"
	echo "The hook has a new certificate, by a new CA; the CA before is not trusted any more."
}

case ${1-} in
create) create ;;
rotate-token) rotate_token ;;
rotate-certificate) rotate_certificate ;;
*) fail "usage: sh metacontroller/credentials.sh create | rotate-token | rotate-certificate" ;;
esac
