"""Stands in for kubectl where ``metacontroller/credentials.sh`` is tried; understands its calls.

The cluster is a JSON file whose path is in ``FAKE_CLUSTER``. It holds what is stored, and beside
that what the rest of the system makes of it: which token Metacontroller has read for each of its
controllers, and what the Secret may hold as far as each of the hook's Deployments knows; which CA
it has read, and which certificates each Deployment may show. With ``calls_left`` commands left, the
last one fails without an effect.
"""

# Started some hundred times: nothing is imported that takes long.
import json
import os
import sys
from pathlib import Path
from typing import Any

Cluster = dict[str, Any]

NAME = "pod-diagnoser-token"
CA = "{.spec.endpointConfigs[0].caBundle}"
NAMESPACE = "pod-diagnoser-system"
KEY = "{.spec.endpointConfigs[0].authorization.secretRef.key}"
RETIRING = "diagnostics.local.io/retiring-token"


def main() -> int:
    """Execute one command; return its exit code."""
    file = Path(os.environ["FAKE_CLUSTER"])
    cluster = json.loads(file.read_text(encoding="utf-8"))
    arguments = sys.argv[1:]
    cluster["commands"].append(list(arguments))
    cluster["calls_left"] -= 1
    code = 1
    if cluster["calls_left"] != 0:
        if arguments[0] == "-n":
            assert arguments[1] == NAMESPACE
            del arguments[:2]
        code = carry_out(cluster, arguments)
        note_refusals(cluster)
    file.write_text(json.dumps(cluster), encoding="utf-8")
    return code


def carry_out(cluster: Cluster, arguments: list[str]) -> int:
    """Change the cluster or prints of it; return kubectl's exit code."""
    match arguments:
        case ["get", "namespace", "pod-diagnoser-system"]:
            return 0 if cluster["namespace"] else 1
        case ["create", "namespace", "pod-diagnoser-system", "--save-config"]:
            cluster["namespace"] = True
        case [verb, "secret", "pod-diagnoser-token", *options]:
            return secret(cluster, verb, options)
        case ["get", "secret" | "configmap" as kind, name, *options] if name != NAME:
            return certificate(cluster, kind, options)
        case ["create" | "replace", "-f", "-"]:
            create(cluster, json.load(sys.stdin))
        case ["patch", "secret" | "configmap" as kind, name, *options] if name != NAME:
            assert options == ["--type=merge", "--patch-file=/dev/stdin"]
            change_certificates(cluster, kind, json.load(sys.stdin))
        case [verb, "decoratorcontroller", name, *options]:
            controller(cluster, verb, name.removeprefix("pod-diagnoser-"), options)
        case ["rollout", verb, "deployment", name, *options]:
            rollout(cluster, verb, name.removeprefix("pod-diagnoser-"), options)
        case _:
            message = f"unexpected: {arguments}"
            raise AssertionError(message)
    return 0


def secret(cluster: Cluster, verb: str, options: list[str]) -> int:
    """Read or change the Secret."""
    match verb, options:
        case "get", []:
            return 0 if cluster["secret"] is not None else 1
        case "get", ["-o", template]:
            path = template.removeprefix("jsonpath={").removesuffix("}")
            if path.startswith(".metadata.annotations."):
                key = path.removeprefix(".metadata.annotations.").replace("\\.", ".")
                assert key == RETIRING
                sys.stdout.write(cluster["retiring"])
            else:  # it would be in base64; what is asked is whether there is anything
                sys.stdout.write(cluster["secret"].get(path.removeprefix(".data."), ""))
        case "annotate", [*options]:
            (change,) = set(options) - {"--overwrite"}
            key, _, cluster["retiring"] = change.partition("=")
            assert key.removesuffix("-") == RETIRING
        case "patch", ["--type=merge", "--patch-file=/dev/stdin"]:
            cluster["secret"].update(json.load(sys.stdin)["stringData"])
            for known in cluster["known"].values():  # its kubelets may report it now, or later
                known.append(sorted(cluster["secret"].values()))
        case _:
            message = f"unexpected: {verb} {options}"
            raise AssertionError(message)
    return 0


def create(cluster: Cluster, manifest: dict[str, Any]) -> None:
    """Create an object, or replace it."""
    assert cluster["namespace"]
    match manifest["kind"], manifest["metadata"]["name"]:
        case "Secret", "pod-diagnoser-token":
            cluster["secret"] = manifest["stringData"]
        case "Secret", "pod-diagnoser-tls":
            assert manifest["type"] == "kubernetes.io/tls"
            cluster["tls"] = manifest["stringData"]
        case "ConfigMap", "pod-diagnoser-ca":
            cluster["cas"] = manifest["data"]
        case other:
            raise AssertionError(other)


def certificate(cluster: Cluster, kind: str, options: list[str]) -> int:
    """Say whether there is a certificate, or its CA; print that."""
    held = cluster["tls" if kind == "secret" else "cas"]
    if held is None:
        return 1
    if options:
        assert [kind, *options] == ["configmap", "-o", "jsonpath={.data.ca-a\\.crt}"]
        sys.stdout.write(held["ca-a.crt"])
    return 0


def change_certificates(cluster: Cluster, kind: str, change: dict[str, Any]) -> None:
    """Change what the Secret or the ConfigMap holds; kubelets may report it now, or later."""
    if kind == "configmap":
        cluster["cas"].update(change["data"])
        return
    cluster["tls"].update(change["stringData"])
    if "tls.crt" in change["stringData"]:
        for shown in cluster["served"].values():
            shown.append(cluster["tls"]["tls.crt"])


def controller(cluster: Cluster, verb: str, component: str, options: list[str]) -> None:
    """Read or change which key a DecoratorController names."""
    if verb == "get":
        asked = options[1].removeprefix("jsonpath=")
        assert options == ["-o", f"jsonpath={asked}"]
        assert asked in (KEY, CA)
        bundle = {"secretRef": {"key": cluster["ca_keys"][component]}}
        sys.stdout.write(cluster["keys"][component] if asked == KEY else json.dumps(bundle))
        return
    assert (verb, *options[:2]) == ("patch", "--type=json", "--patch")
    (operation,) = json.loads(options[2])
    assert operation["op"] == "replace"
    if operation["path"] == "/spec/endpointConfigs/0/caBundle/secretRef/key":
        assert cluster["ca_keys"][component] != operation["value"], "it would not be read again"
        cluster["ca_keys"][component] = operation["value"]
        cluster["trusted"][component] = cluster["tls"][operation["value"]]
        return
    assert operation["path"] == "/spec/endpointConfigs/0/authorization/secretRef/key"
    if cluster["keys"][component] != operation["value"]:
        cluster["keys"][component] = operation["value"]
        # Metacontroller reads the token, now and not again.
        cluster["held"][component] = cluster["secret"][operation["value"]]


def rollout(cluster: Cluster, verb: str, component: str, options: list[str]) -> None:
    """Restart a Deployment, or wait for that: then its Pods know the Secret as it is."""
    if verb == "restart":
        assert not options
        cluster["restarted"].append(component)
        return
    assert (verb, *options) == ("status", "--timeout=300s")
    cluster["restarted"].remove(component)
    cluster["known"][component] = [sorted(cluster["secret"].values())]
    cluster["served"][component] = [cluster["tls"]["tls.crt"]]


def component_of(controller_: str) -> str:
    """Return the component that a DecoratorController calls."""
    return "poddiagnosers" if "poddiagnosers" in controller_ else "pods"


def note_refusals(cluster: Cluster) -> None:
    """Note where the hook, whichever of what it may know it knows, refuses Metacontroller."""
    for controller_, held in cluster["held"].items():
        component = component_of(controller_)
        if not all(held in tokens for tokens in cluster["known"][component]):
            cluster["refused"].append(component)
    for controller_, trusted in cluster["trusted"].items():
        for shown in cluster["served"][component_of(controller_)]:
            issuer = shown.strip().removeprefix("issued by ").removesuffix(".")
            if issuer not in trusted.splitlines():
                cluster["mistrusted"].append(controller_)


if __name__ == "__main__":
    sys.exit(main())
