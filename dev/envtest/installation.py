"""Install what the project ships into a control plane: kinds, DecoratorControllers, manifests.

Everything is rendered from the project's own files, so that what is tested is what users apply.
Only the URLs of the hook are replaced, since no Service leads to a process on this machine.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from dev.envtest.client import CUSTOM_RESOURCES, Json
from dev.envtest.control_plane import ControlPlane

PROJECT = Path(__file__).parents[2]
MANIFESTS = PROJECT / "metacontroller" / "pod-diagnoser"
SERVICES = {
    "pods": "https://pod-diagnoser-pods.pod-diagnoser-system.svc:8443",
    "poddiagnosers": "https://pod-diagnoser-poddiagnosers.pod-diagnoser-system.svc:8443",
}
"""Where the manifests expect the two Deployments of the hook."""

SYSTEM = "pod-diagnoser-system"
"""The operator's namespace."""

TOKENS = "pod-diagnoser-token"
"""The Secret with the tokens that Metacontroller shows to the hook."""

CERTIFICATE = "pod-diagnoser-tls"
"""The Secret with the hook's certificate, its key, and what it was signed by."""

EXTRA_NAMES = "IP:127.0.0.1"
"""For the certificate: where the hook's processes are, which are no Services."""

REMEDIATOR = "pod-diagnoser-poddiagnosers"
"""The ServiceAccount of the hook that remediates."""

PODS_HOOK = "pod-diagnoser-pods"
"""The ServiceAccount of the hook that serves Pods."""

EVIDENCE = "evidence"
"""The component with which that hook may read Events."""

EVIDENCE_LOGS = "evidence-logs"
"""The component with which it may read logs, too."""

EVIDENCE_CHANGES = "evidence-changes"
"""The component with which it may read what templates changed, too."""

_NEEDED_BY_PROCESSES = {
    "Namespace",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "DecoratorController",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
_ROLE = "pod-diagnoser:metacontroller"
_CONTROLLERS = ("compositecontrollers", "decoratorcontrollers", "controllerrevisions")


class InstallError(RuntimeError):
    """The manifests are not what this module expects; the message says in which way."""


def install_metacontroller(control_plane: ControlPlane) -> None:
    """Install what Metacontroller needs: its kinds, and the rights of our component.

    The rights are those of ``upstream/components/rbac``, so that every run shows that they
    suffice.

    Args:
        control_plane: where.

    Raises:
        InstallError: they are not served in time.
    """
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": _ROLE},
        "rules": _metacontroller_rules(),
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": _ROLE},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": _ROLE,
        },
        "subjects": [
            {"kind": "ServiceAccount", "name": "metacontroller", "namespace": "metacontroller"}
        ],
    }
    apply(control_plane, [role, binding, *_metacontroller_kinds()])
    wait_for_kinds(control_plane, *(f"{plural}.metacontroller.k8s.io" for plural in _CONTROLLERS))


def install(
    control_plane: ControlPlane,
    urls: dict[str, str],
    overlay: str | None = "default",
    components: Sequence[str] = (),
) -> None:
    """Install our kinds and DecoratorControllers, and the rest of an overlay.

    Args:
        control_plane: where; Metacontroller's kinds are already there.
        urls: base URLs that take the place of `SERVICES`: keys ``pods``, ``poddiagnosers``.
        overlay: of ``metacontroller/pod-diagnoser/overlays``; None installs, beside the kinds, only
            what the processes on this machine need: no Deployments, Services and the like.
        components: of ``metacontroller/pod-diagnoser/components``, in this order.

    Raises:
        InstallError: the kinds are not served in time, or the manifests hold other URLs.
    """
    apply(control_plane, render(control_plane, PROJECT / "crds"))
    wait_for_kinds(
        control_plane,
        "poddiagnosers.diagnostics.local.io",
        "clusterpoddiagnosers.diagnostics.local.io",
        "diagnosistargets.diagnostics.local.io",
    )
    manifests = render_with(
        control_plane, "base" if overlay is None else f"overlays/{overlay}", components
    )
    if overlay is None:
        manifests = [one for one in manifests if one["kind"] in _NEEDED_BY_PROCESSES]
    apply(control_plane, redirected(manifests, urls))


def credentials(control_plane: ControlPlane, verb: str) -> str:
    """Make or replace tokens and certificate, as an administrator does; return what is said.

    Args:
        control_plane: where.
        verb: of ``metacontroller/credentials.sh``.

    Raises:
        InstallError: it failed.
    """
    kubectl = f"{control_plane.binaries.kubectl} --kubeconfig {control_plane.kubeconfig}"
    done = subprocess.run(
        ["/bin/sh", PROJECT / "metacontroller/credentials.sh", verb],
        env={**os.environ, "KUBECTL": kubectl, "EXTRA_NAMES": EXTRA_NAMES},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        msg = f"credentials.sh {verb}: {done.stderr.strip()}"
        raise InstallError(msg)
    return done.stdout


def redirected(manifests: list[Json], urls: dict[str, str]) -> list[Json]:
    """Replace the hook's URLs, and the hosts for which token and CA are meant.

    Args:
        manifests: among them the DecoratorControllers.
        urls: base URLs that take the place of `SERVICES`. No CA is named where one is plain HTTP.

    Raises:
        InstallError: the URL of a DecoratorController is not in `SERVICES`.
    """
    for manifest in manifests:
        if manifest["kind"] != "DecoratorController":
            continue
        for hook in manifest["spec"]["hooks"].values():
            hook["webhook"]["url"] = _redirect(hook["webhook"]["url"], urls)
        for endpoint in manifest["spec"].get("endpointConfigs", []):
            url = urlsplit(_redirect(f"https://{endpoint['host']}/", urls))
            endpoint["host"] = url.netloc
            if url.scheme == "http":
                del endpoint["caBundle"]
    return manifests


def render(control_plane: ControlPlane, folder: Path) -> list[Json]:
    """Render a kustomization.

    Args:
        control_plane: its kubectl does the work.
        folder: the kustomization's folder.

    Raises:
        KubectlError: it cannot be rendered.
    """
    return list(yaml.safe_load_all(control_plane.kubectl("kustomize", str(folder))))


def render_with(control_plane: ControlPlane, folder: str, components: Sequence[str]) -> list[Json]:
    """Render a kustomization with components, as a user's own overlay has them.

    Args:
        control_plane: its kubectl does the work, and its scratch folder holds that overlay.
        folder: of ``metacontroller/pod-diagnoser``, such as ``overlays/default``.
        components: of ``metacontroller/pod-diagnoser/components``, in this order.

    Raises:
        KubectlError: it cannot be rendered.
    """
    if not components:
        return render(control_plane, MANIFESTS / folder)
    own = control_plane.folder / "overlay"
    own.mkdir(exist_ok=True)

    def relative(path: str) -> str:  # as kustomize wants it
        return os.path.relpath(MANIFESTS.resolve() / path, own.resolve())

    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [relative(folder)],
        "components": [relative(f"components/{name}") for name in components],
    }
    (own / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return render(control_plane, own)


def apply(control_plane: ControlPlane, manifests: list[Json]) -> str:
    """Apply manifests, as ``kubectl apply -f`` does.

    Args:
        control_plane: where.
        manifests: what.

    Returns:
        kubectl's output: a line for each manifest, and warnings.
    """
    return control_plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(manifests))


def wait_for_kinds(control_plane: ControlPlane, *names: str, timeout: float = 20.0) -> None:
    """Wait until the API server serves custom resources.

    Args:
        control_plane: where.
        names: names of the CustomResourceDefinitions.
        timeout: seconds.

    Raises:
        InstallError: they are not served in time.
    """
    deadline = time.monotonic() + timeout
    for name in names:
        while not _established(control_plane.admin.find(CUSTOM_RESOURCES, name)):
            if time.monotonic() > deadline:
                msg = f"{name} is not served after {timeout:.0f} s"
                raise InstallError(msg)
            time.sleep(0.1)


def metacontroller_flags() -> dict[str, str]:
    """Return the flags with which ``upstream/components/flags`` runs Metacontroller.

    Returns:
        Flag to value, without the dashes.

    Raises:
        InstallError: the component holds none.
    """
    component = _load(PROJECT / "metacontroller/upstream/components/flags/kustomization.yaml")
    values = [
        operation["value"]
        for patch in component["patches"]
        for operation in yaml.safe_load(patch["patch"])
        if operation["path"].endswith("/args/-")
    ]
    flags = dict(value.removeprefix("--").split("=", 1) for value in values)
    if not flags:
        msg = "upstream/components/flags sets no flag"
        raise InstallError(msg)
    return flags


def _metacontroller_rules() -> list[Json]:
    """Return the rules of ``upstream/components/rbac``, a JSON patch that replaces /rules."""
    (operation,) = _load(PROJECT / "metacontroller/upstream/components/rbac/clusterrole.yaml")
    rules: list[Json] = operation["value"]
    return rules


def _metacontroller_kinds() -> list[Json]:
    """Return stand-ins for Metacontroller's CustomResourceDefinitions.

    Its own CRDs describe every field, in thousands of lines that are not part of this project.
    These accept anything; Metacontroller checks our DecoratorControllers when it runs them.
    """
    kinds = {
        "compositecontrollers": ("CompositeController", "Cluster"),
        "decoratorcontrollers": ("DecoratorController", "Cluster"),
        "controllerrevisions": ("ControllerRevision", "Namespaced"),
    }
    return [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": f"{plural}.metacontroller.k8s.io",
                # Groups under k8s.io ask for this; the value is what unapproved ones must say.
                "annotations": {
                    "api-approved.kubernetes.io": "unapproved, request not yet submitted"
                },
            },
            "spec": {
                "group": "metacontroller.k8s.io",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "scope": scope,
                "versions": [
                    {
                        "name": "v1alpha1",
                        "served": True,
                        "storage": True,
                        "subresources": {"status": {}},
                        "schema": {
                            "openAPIV3Schema": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                            }
                        },
                    }
                ],
            },
        }
        for plural, (kind, scope) in kinds.items()
    ]


def _redirect(url: str, urls: dict[str, str]) -> str:
    """Return a URL with its host replaced."""
    for service, expected in SERVICES.items():
        if url.startswith(f"{expected}/"):
            return urls[service] + url.removeprefix(expected)
    msg = f"no Service of ours: {url}"
    raise InstallError(msg)


def _established(definition: Json | None) -> bool:
    """Say whether a CustomResourceDefinition is served."""
    conditions = (definition or {}).get("status", {}).get("conditions") or []  # null at first
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
