"""What an administrator does: installs the manifests, and removes them again."""

from __future__ import annotations

import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pytest
import yaml

from controlplane.client import NAMESPACES, PODDIAGNOSERS, PODS
from controlplane.cluster import Cluster
from controlplane.installation import PROJECT
from tests.e2e.workspace import COMPLETED, Workspace, eventually, marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.build import Binaries
    from controlplane.client import Json

SYSTEM = "pod-diagnoser-system"
FULL = PROJECT / "tests" / "manifests" / "status.yaml"
LONG_NAME = "k" * 63
LONG_PREFIX = "p" * 253


@pytest.fixture
def own_cluster(binaries: Binaries) -> Iterator[Cluster]:
    """A cluster that may be taken apart."""
    with Cluster(binaries) as running:
        yield running


def make(cluster: Cluster, target: str) -> str:
    """Runs a target of mk/kind.mk on a cluster; answers with what it printed."""
    plane = cluster.control_plane
    kubectl = f"KUBECTL={plane.binaries.kubectl} --kubeconfig {plane.kubeconfig}"
    done = subprocess.run(
        ["make", "--no-print-directory", "-f", "mk/kind.mk", kubectl, target],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pod_security_admits_the_hooks_pods(cluster: Cluster) -> None:
    """The namespace enforces the restricted standard, and each Deployment gets its two Pods."""
    namespace = cluster.admin.get(NAMESPACES, SYSTEM)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for component in ("pods", "poddiagnosers"):
        selector = f"app.kubernetes.io/component={component}"
        eventually(
            partial(cluster.admin.list, PODS, SYSTEM, selector), lambda found: len(found) == 2
        )


def test_pod_security_admits_fragile_app(cluster: Cluster, shop: Workspace) -> None:
    """The sample application runs in a namespace that enforces the restricted standard too."""
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    cluster.admin.patch(NAMESPACES, shop.namespace, label)
    shop.kubectl("apply", "-k", str(PROJECT / "fragile-app"))
    eventually(
        lambda: cluster.admin.list(PODS, shop.namespace, "app=fragile-app"),
        lambda found: len(found) == 1,
    )


def test_no_field_of_a_status_is_pruned(shop: Workspace) -> None:
    """The API server keeps each field of the full status, and kubectl prints what happened."""
    wanted: Json = yaml.safe_load(FULL.read_text(encoding="utf-8"))
    text = yaml.safe_dump(wanted)
    shop.kubectl("create", "-f", "-", stdin=text)
    stored = yaml.safe_load(
        shop.kubectl(
            "replace", "--subresource=status", "--dry-run=server", "-o=yaml", "-f", "-", stdin=text
        )
    )
    assert stored["status"] == wanted["status"]


@pytest.mark.parametrize(
    ("labels", "refusal"),
    [
        ({"app": None}, "a label has no value"),
        ({"app": "x", "tier": None}, "a label has no value"),
        ({"": "x"}, "not a label key"),
        ({f"{LONG_NAME}k": "x"}, "not a label key"),
        ({"a/b/c": "x"}, "not a label key"),
        ({"Example.com/app": "x"}, "not a label key"),
        ({f"p{LONG_PREFIX}/app": "x"}, "not a label key"),
        ({"app": "ends-"}, "not a label value"),
        ({"app": "two\nlines"}, "not a label value"),
        ({"app": "v" * 64}, "Too long"),
        ({"app": ""}, None),
        ({"app": "v" * 63}, None),
        ({LONG_NAME: "x"}, None),
        ({f"{LONG_PREFIX}/{LONG_NAME}": "x"}, None),
        ({"app.kubernetes.io/name": "A_b-c.9"}, None),
        ({str(number): "" for number in range(32)}, None),
        ({str(number): "" for number in range(33)}, "at most 32"),
    ],
)
def test_labels_are_those_that_pods_can_have(
    shop: Workspace, labels: dict[str, str | None], refusal: str | None
) -> None:
    """What no Pod can carry, or what would quietly mean every Pod, is refused with the reason."""
    manifest = {
        "apiVersion": PODDIAGNOSERS.version,
        "kind": "PodDiagnoser",
        "metadata": {"name": "x"},
        "spec": {"targetLabels": labels},
    }
    said = shop.kubectl(
        "create", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(manifest), check=False
    )
    if refusal is None:
        assert "poddiagnoser.diagnostics.local.io/x created" in said
    else:
        assert refusal in said
        assert "created" not in said


def test_removal_leaves_nothing_on_any_pod(own_cluster: Cluster) -> None:
    """``make uninstall`` leaves Pods as they were, and PodDiagnosers as their users wrote them."""
    own_cluster.create_namespace("shop")
    shop = Workspace(own_cluster, "shop")
    shop.diagnose("fragileapp-diagnoser")
    for number in range(5):
        shop.start_pod(f"fragile-app-{number}")
        shop.crash(f"fragile-app-{number}", COMPLETED)
    for number in range(5):
        shop.annotated(f"fragile-app-{number}")
    assert make(own_cluster, "leftovers").split() == [f"shop/fragile-app-{n}" for n in range(5)]
    spec = shop.diagnoser("fragileapp-diagnoser")["spec"]

    make(own_cluster, "uninstall")

    assert make(own_cluster, "leftovers") == ""
    for pod in own_cluster.admin.list(PODS, "shop"):
        assert marks(pod) == ({}, {})
        assert "finalizers" not in pod["metadata"]
    assert shop.diagnoser("fragileapp-diagnoser")["spec"] == spec
    assert "No resources found" in shop.kubectl("get", "decoratorcontrollers")
    eventually(lambda: own_cluster.admin.find(NAMESPACES, SYSTEM) is None)
