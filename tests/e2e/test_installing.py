"""The manifests on a real API server: what they start, and what is left after their removal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests
import yaml

from controlplane import installation
from controlplane.client import CUSTOM_RESOURCES, DECORATOR_CONTROLLERS, NAMESPACES, Resource
from controlplane.installation import MANIFESTS
from tests.e2e.workspace import ERROR, eventually, marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controlplane.client import Json
    from controlplane.cluster import Cluster
    from tests.e2e.workspace import Workspace

SYSTEM = "pod-diagnoser-system"
DEPLOYMENTS = Resource("apps/v1", "deployments")
KINDS = ("poddiagnosers.diagnostics.local.io", "diagnosistargets.diagnostics.local.io")


@pytest.fixture
def reinstalled(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, from which the test may remove the operator; it is installed again."""
    yield cluster
    eventually(lambda: cluster.admin.find(NAMESPACES, SYSTEM) is None, timeout=60)
    installation.install(cluster.control_plane, cluster.urls)


def test_the_operators_own_pods_are_admitted(cluster: Cluster) -> None:
    """Both Deployments come up in a namespace that enforces the restricted Pod security."""

    def available() -> dict[str, int]:
        return {
            one["metadata"]["name"]: one.get("status", {}).get("availableReplicas", 0)
            for one in cluster.admin.list(DEPLOYMENTS, SYSTEM)
        }

    eventually(
        available,
        lambda found: found == {"pod-diagnoser-pods": 2, "pod-diagnoser-poddiagnosers": 2},
    )
    labels = cluster.admin.get(NAMESPACES, SYSTEM)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_applying_again_changes_nothing(cluster: Cluster) -> None:
    """The manifests are complete and stable: no warning, and no object changes."""
    manifests = installation.redirected(
        installation.render(cluster.control_plane, MANIFESTS / "overlays/default"), cluster.urls
    )

    def versions() -> str:
        columns = "custom-columns=K:.kind,N:.metadata.name,V:.metadata.resourceVersion"
        text = yaml.safe_dump_all(manifests)
        return cluster.control_plane.kubectl("get", "-o", columns, "-f", "-", stdin=text)

    before = versions()
    # kubectl says "configured" of some, since its patch repeats selectors; versions do not lie.
    assert "Warning" not in installation.apply(cluster.control_plane, manifests)
    assert versions() == before


def test_the_hook_serves_its_endpoints_alone(cluster: Cluster) -> None:
    """Each of the two processes refuses what belongs to the other."""
    with requests.Session() as session:
        session.trust_env = False
        for url, path in (
            (cluster.pods_hook.url, "/poddiagnosers/sync"),
            (cluster.poddiagnosers_hook.url, "/pods/sync"),
        ):
            answer = session.post(url + path, json={}, timeout=5)
            assert answer.status_code == requests.codes.not_found


def test_removal_leaves_nothing_of_ours_and_all_of_theirs(
    shop: Workspace, reinstalled: Cluster
) -> None:
    """A PodDiagnoser's end cleans its Pods; the operator's removal takes nobody's objects away."""
    shop.diagnose("leaving")
    shop.diagnose("staying", targetLabels={"app": "other"})
    shop.start_pod("fragile-app-1")
    shop.start_pod("other", {"app": "other"})
    for name in ("fragile-app-1", "other"):
        shop.crash(name, ERROR)
        shop.annotated(name)
    shop.counted(1, "staying")
    shop.kubectl("delete", "pdiag", "leaving")
    shop.clean("fragile-app-1")

    reinstalled.control_plane.kubectl("delete", "--wait=false", "-k", str(MANIFESTS / "base"))
    eventually(lambda: reinstalled.admin.list(DECORATOR_CONTROLLERS), lambda found: found == [])
    eventually(lambda: reinstalled.admin.find(NAMESPACES, SYSTEM) is None, timeout=60)
    kept: Json = shop.diagnoser("staying")
    assert kept["status"]["diagnosedPods"] == 1
    assert marks(shop.pod("other"))[0]["restart-reason"] == "Error (Exit Code: 1)"
    assert all(reinstalled.admin.find(CUSTOM_RESOURCES, kind) for kind in KINDS)
    assert all("finalizers" not in pod["metadata"] for pod in shop.pods())
    shop.kubectl("delete", "pod,pdiag", "--all")  # nothing waits for an operator that is gone


def test_a_namespace_can_be_deleted(shop: Workspace) -> None:
    """Nothing of ours holds a namespace back, crashed Pods and PodDiagnosers in it or not."""
    shop.diagnose()
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1", ERROR)
    shop.annotated("fragile-app-1")
    shop.cluster.admin.delete(NAMESPACES, shop.namespace)
    eventually(lambda: shop.cluster.admin.find(NAMESPACES, shop.namespace) is None, timeout=60)
