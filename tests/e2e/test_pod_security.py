"""A real API server accepts every overlay, and its Pods by the restricted Pod Security Standard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.envtest import installation
from dev.envtest.client import NAMESPACES, Json
from dev.envtest.cluster import Cluster
from dev.envtest.installation import MANIFESTS, SYSTEM
from tests.manifests.released import copy_with_release, make_repository

ENFORCED = {"pod-security.kubernetes.io/enforce": "restricted"}
FOREIGN = ("monitoring.coreos.com/", "cert-manager.io/")
"""Groups of kinds that a cluster has only where others installed them."""

COMPONENTS = sorted(
    path.name for path in (MANIFESTS / "components").iterdir() if path.name != "without-token"
)


def templates(manifests: list[Json]) -> Iterator[Json]:
    """Make a Pod of each workload's template."""
    for one in manifests:
        template: dict[str, Any] = one.get("spec", {}).get("template", {})
        if "containers" in template.get("spec", {}):
            metadata = {**one["metadata"], "labels": template["metadata"]["labels"]}
            yield {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata,
                "spec": template["spec"],
            }


def accepted(cluster: Cluster, manifests: list[Json]) -> int:
    """Have the API server look at all objects, and at a Pod of each workload; count the Pods."""
    plane = cluster.control_plane
    known = [one for one in manifests if not one["apiVersion"].startswith(FOREIGN)]
    # A Pod is not accepted before its ServiceAccount is there, which a dry run does not make.
    installation.apply(plane, [one for one in known if one["kind"] == "ServiceAccount"])
    server = ("--dry-run=server", "-f", "-")
    output = plane.kubectl("apply", *server, stdin=yaml.safe_dump_all(known))
    assert "Warning" not in output
    pods = list(templates(manifests))
    output = plane.kubectl("create", *server, stdin=yaml.safe_dump_all(pods))
    assert output.count("created (server dry run)") == len(pods)
    assert "Warning" not in output
    return len(pods)


@pytest.mark.parametrize(
    ("overlay", "components"),
    [
        ("default", ()),
        ("default", COMPONENTS),
        ("default", ("without-token",)),
        ("evidence", ()),
        ("kind", ()),
        ("together", ()),
        ("together-evidence", ()),
    ],
)
def test_ours_are_accepted(cluster: Cluster, overlay: str, components: tuple[str, ...]) -> None:
    """Each overlay, and all components together, in the order of their names."""
    namespace = cluster.admin.get(NAMESPACES, SYSTEM)
    assert namespace["metadata"]["labels"].items() >= ENFORCED.items()
    manifests = installation.render_with(cluster.control_plane, f"overlays/{overlay}", components)
    assert accepted(cluster, manifests) == (1 if overlay.startswith("together") else 2)


def test_metacontroller_is_accepted(cluster: Cluster, tmp_path: Path) -> None:
    """With its flags and the role of its own, and in a namespace that enforces the standard."""
    metadata = {"name": "metacontroller", "labels": ENFORCED}
    enforcing = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    installation.apply(cluster.control_plane, [enforcing])
    (tmp_path / "repository").mkdir()
    upstream = copy_with_release(tmp_path, make_repository(tmp_path / "repository"))
    for overlay in ("tuned", "least-privilege"):
        manifests = installation.render(cluster.control_plane, upstream / "overlays" / overlay)
        (namespace,) = (one for one in manifests if one["kind"] == "Namespace")
        assert namespace["metadata"]["labels"].items() >= ENFORCED.items()
        assert accepted(cluster, manifests) == 1
