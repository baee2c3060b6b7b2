"""What the tests of the manifests share: the project's files, rendered as kubectl renders them."""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
NAMESPACE = "pod-diagnoser-system"
COMPONENTS = ("pods", "poddiagnosers")
SERVED_BY = {
    "pods": "pods",
    "poddiagnosers": "poddiagnosers",
    "recall-pods": "pods",
    "recall-poddiagnosers": "poddiagnosers",
    "clusterpoddiagnosers": "poddiagnosers",
    "clusterpoddiagnosers-targets": "poddiagnosers",
    "recall-cluster-pods": "pods",
}
"""The DecoratorControllers, and the component that serves each."""
BASE = "metacontroller/pod-diagnoser/base"
DEFAULT = "metacontroller/pod-diagnoser/overlays/default"
KIND = "metacontroller/pod-diagnoser/overlays/kind"

Object = dict[str, Any]
"""A Kubernetes object as YAML has it."""


def load(path: str) -> Object:
    """Read a file with one YAML document.

    Args:
        path: relative to the project.

    Returns:
        The document.
    """
    document: Object = yaml.safe_load((PROJECT / path).read_text(encoding="utf-8"))
    return document


def build(folder: Path) -> list[Object]:
    """Render a kustomization; skips the test where there is no kubectl.

    Args:
        folder: where its kustomization.yaml is.

    Returns:
        The objects.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is missing: it renders the kustomizations")
    done = subprocess.run(
        [kubectl, "kustomize", folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    objects = list(yaml.safe_load_all(done.stdout))
    assert objects
    return objects


def build_overlay(
    folder: Path,
    overlay: str,
    *components: str,
    of: str = "metacontroller/pod-diagnoser",
) -> list[Object]:
    """Render an overlay of a user's own: one of the project's with components.

    Args:
        folder: where its kustomization.yaml is written.
        overlay: its name in ``overlays``.
        components: their names in ``components``.
        of: the folder of ``overlays`` and ``components``, if relative then to the project.

    Returns:
        The objects.
    """

    def relative(path: str) -> str:  # as kustomize wants it
        return os.path.relpath(PROJECT / of / path, folder.resolve())

    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [relative(f"overlays/{overlay}")],
        "components": [relative(f"components/{name}") for name in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return build(folder)


@functools.cache
def render(path: str) -> tuple[Object, ...]:
    """Render one of the project's kustomizations, once.

    Args:
        path: its folder, relative to the project.

    Returns:
        The objects; not to be changed.
    """
    return tuple(build(PROJECT / path))


def of_kind(objects: tuple[Object, ...] | list[Object], kind: str) -> dict[str, Object]:
    """Pick the objects of a kind.

    Args:
        objects: from these.
        kind: this kind; there has to be one at least.

    Returns:
        Name to object.
    """
    found = {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}
    assert found, f"no {kind}"
    return found


def containers(workload: Object) -> Iterator[Object]:
    """Return all containers of a workload, the init containers among them.

    Args:
        workload: A Deployment or StatefulSet.

    Yields:
        The containers.
    """
    pod = workload["spec"]["template"]["spec"]
    yield from pod.get("initContainers", [])
    yield from pod["containers"]


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether labels match a selector.

    Args:
        selector: labels that have to be there; at least one.
        labels: labels that are there.

    Returns:
        True if all of them are.
    """
    assert selector
    return selector.items() <= labels.items()
