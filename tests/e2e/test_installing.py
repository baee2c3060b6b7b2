"""What is installed: stable manifests, endpoints kept apart, nothing that holds anything back."""

import requests
import yaml

from dev.envtest import installation
from dev.envtest.client import NAMESPACES
from dev.envtest.cluster import Cluster
from dev.envtest.installation import MANIFESTS
from tests.e2e.workspace import ERROR, Workspace, eventually


def test_applying_again_changes_nothing(cluster: Cluster) -> None:
    """The manifests are complete and stable: no warning, and no object changes."""
    manifests = installation.redirected(
        installation.render(cluster.control_plane, MANIFESTS / "overlays/default"), cluster.urls
    )

    def versions() -> list[str]:
        # The generation where a kind has one: its status may still be on its way.
        fields = (".kind", ".metadata.name", ".metadata.generation", ".metadata.resourceVersion")
        columns = "custom-columns=" + ",".join(f":{field}" for field in fields)
        text = yaml.safe_dump_all(manifests)
        rows = cluster.control_plane.kubectl("get", "-o", columns, "-f", "-", stdin=text)
        cells = [row.split() for row in rows.splitlines() if row.strip()]
        return [
            f"{kind} {name} {version if generation == '<none>' else generation}"
            for kind, name, generation, version in cells
        ]

    before = versions()
    # kubectl says "configured" of some, since its patch repeats selectors; versions do not lie.
    assert "Warning" not in installation.apply(cluster.control_plane, manifests)
    assert len(before) == len(manifests)
    assert versions() == before


def test_the_hook_serves_its_endpoints_alone(cluster: Cluster) -> None:
    """Each of the two processes refuses what belongs to the other."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(cluster.authority)
        for url, path in (
            (cluster.pods_hook.url, "/poddiagnosers/sync"),
            (cluster.poddiagnosers_hook.url, "/pods/sync"),
        ):
            answer = session.post(url + path, json={}, timeout=5)
            assert answer.status_code == requests.codes.not_found


def test_a_namespace_can_be_deleted(shop: Workspace) -> None:
    """The operator does not delay the deletion of a namespace with crashed Pods."""
    shop.diagnose()
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1", ERROR)
    shop.annotated("fragile-app-1")
    shop.cluster.admin.delete(NAMESPACES, shop.namespace)
    eventually(lambda: shop.cluster.admin.find(NAMESPACES, shop.namespace) is None, timeout=60)
