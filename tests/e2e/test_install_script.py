"""``metacontroller/install.sh`` on a cluster that runs already: no Pod gets a Warning.

The kubelet runs the hook's processes, once their Secret is there. Metacontroller looks for new
kinds as seldom as it is released.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dev.envtest import installation
from dev.envtest.build import Binaries
from dev.envtest.client import PODS
from dev.envtest.cluster import Cluster
from dev.envtest.installation import EVIDENCE, EVIDENCE_CHANGES, PROJECT, SYSTEM
from dev.envtest.metacontroller import Metacontroller
from tests.e2e.administration import install, make
from tests.e2e.workspace import ERROR, Workspace, warnings

PODS_BEFORE = 10


@pytest.fixture
def bare(binaries: Binaries) -> Iterator[Cluster]:
    """A cluster with Metacontroller and some Pods, and nothing of ours."""
    running = Cluster(binaries, components=(EVIDENCE, EVIDENCE_CHANGES), installed=False)
    running.metacontroller = Metacontroller(running.control_plane, discovery_interval="20s")
    started: set[str] = set()

    def run(namespace: str, name: str) -> None:
        """Run the hook's processes before their first Pod is ready, as a kubelet does."""
        for component, hook in (
            ("poddiagnosers", running.poddiagnosers_hook),
            ("pods", running.pods_hook),
        ):
            if namespace == SYSTEM and name.startswith(f"pod-diagnoser-{component}-"):
                running.mount_tokens()  # without the Secrets the Pod does not start
                running.mount_certificate()
                running.mount_service_accounts()
                if component not in started:
                    hook.start()
                    started.add(component)
        running.kubelet.start_pod(namespace, name)

    running.kubelet.run = run
    with running:
        yield running


def overlay(cluster: Cluster) -> Path:
    """Write an overlay of a user's own, whose DecoratorControllers find the hook's processes."""
    components = (EVIDENCE, EVIDENCE_CHANGES)
    plane = cluster.control_plane
    manifests = installation.render_with(plane, "overlays/default", components)
    folder = plane.folder / "mine"
    folder.mkdir()
    text = yaml.safe_dump_all(installation.redirected(manifests, cluster.urls))
    (folder / "all.yaml").write_text(text, encoding="utf-8")
    (folder / "kustomization.yaml").write_text("resources: [all.yaml]\n", encoding="utf-8")
    return folder


def everything(cluster: Cluster) -> set[str]:
    """Return all objects: kind, namespace and name, but for what Kubernetes itself keeps."""
    kubectl = cluster.control_plane.kubectl
    kinds = kubectl("api-resources", "--verbs=list", "--output=name").split()
    follow = ("events", "leases.", "apiservices.")
    counted = ",".join(kind for kind in kinds if not kind.startswith(follow))
    columns = "custom-columns=:.kind,:.metadata.namespace,:.metadata.name"
    rows = kubectl("get", counted, "--all-namespaces", "--output", columns).splitlines()
    return {" ".join(row.split()) for row in rows if row.strip()}


def test_install_and_remove(bare: Cluster) -> None:
    """No Pod gets a Warning, crashes are diagnosed when it returns; afterwards all of it goes."""
    bare.create_namespace("shop")
    shop = Workspace(bare, "shop")
    for number in range(PODS_BEFORE):
        shop.start_pod(f"fragile-app-{number}")
    before = everything(bare)
    folder = overlay(bare)

    assert "diagnoses crashes" in install(bare, folder)
    assert max(warnings(bare).values(), default=0) <= 1
    assert [
        pod for pod in bare.admin.list(PODS, SYSTEM) if "check" in pod["metadata"]["name"]
    ] == []
    assert "No resources found" in shop.kubectl("get", "pdiag", "--all-namespaces")
    shop.diagnose()
    shop.crash("fragile-app-0", ERROR)
    shop.annotated("fragile-app-0")

    assert "diagnoses crashes" in install(bare, folder)  # an update
    assert max(warnings(bare).values(), default=0) <= 1
    assert shop.counted(1)["diagnosedPods"] == 1

    shop.kubectl("annotate", "pod", "fragile-app-1", "diagnostics.local.io/remediate=false")
    shop.kubectl("annotate", "pdiag", "diagnoser", "diagnostics.local.io/recalled=x")
    make(bare, "uninstall")
    kinds = installation.render(bare.control_plane, PROJECT / "crds")
    left = {f"{one['kind']} <none> {one['metadata']['name']}" for one in kinds}
    assert everything(bare) - before == left | {"PodDiagnoser shop diagnoser"}
    assert "annotations" not in shop.diagnoser()["metadata"]
