"""What a rollout changed, on the real controllers: versions, their numbers, and who may read them.

The hook reads them with its ServiceAccount's own token, under the role of evidence-changes.
"""

import contextlib
import json
import time
from collections.abc import Iterator

import pytest

from dev.envtest import pods
from dev.envtest.client import CLUSTER_ROLE_BINDINGS, Json
from dev.envtest.cluster import Cluster
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES
from tests.e2e.evidence import CHANGES_ROLE, EvidenceRig
from tests.e2e.workspace import APP, ERROR, Workspace, eventually, shown_metadata

OLD, NEW = "shop/web:1.4", "shop/web:1.5"
VALUE = "postgres://shop:hunter2@db"
"""The value of a variable, which must not be seen anywhere."""

CHANGED = f"image {OLD} → {NEW}, env DATABASE_URL added"
BACK = f"image {NEW} → {OLD}, env DATABASE_URL removed"


@pytest.fixture(scope="module")
def with_changes(cluster: Cluster) -> Iterator[EvidenceRig]:
    """The Pods' hook with the right to read versions of templates, for all tests of this module."""
    with EvidenceRig(cluster, changes=True) as rig:
        yield rig


@pytest.fixture
def rig(with_changes: EvidenceRig) -> Iterator[EvidenceRig]:
    """That hook with nothing in mind."""
    with_changes.reset()
    yield with_changes
    with_changes.reset()


def apply(shop: Workspace, kind: str, image: str, env: dict[str, str]) -> None:
    """Apply a workload of this kind with one container; its Pods get the new template at once."""
    labels = {**APP, "set": "web"}
    spec = pods.manifest("web", labels, node=None)["spec"]
    variables = [{"name": name, "value": value} for name, value in env.items()]
    spec["containers"][0] |= {"image": image, "env": variables}
    body: Json = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    if kind == "StatefulSet":
        body["spec"]["serviceName"] = "web"
    shop.kubectl("apply", "--filename", "-", stdin=json.dumps(body))
    running(shop, image)


def running(shop: Workspace, image: str) -> str:
    """Wait until only a Pod with this image runs; return its name."""

    def images() -> list[tuple[str, str]]:
        found = shop.running("set=web")
        return [
            (each["metadata"]["name"], each["spec"]["containers"][0]["image"]) for each in found
        ]

    (found,) = eventually(images, lambda found: [each[1] for each in found] == [image])
    return found[0]


def crash(shop: Workspace, image: str) -> dict[str, str]:
    """Let the container of the Pod with an image end; return what the Pod shows then."""
    name = running(shop, image)
    shop.crash(name, ERROR)
    return shown_metadata(shop.annotated(name))[0]


def crash_until_said(shop: Workspace, image: str) -> tuple[str, int]:
    """Let a container end until its Pod says what changed; return that, and how often it ended.

    Once is enough but on a busy machine: what cannot be read within half a second is left to the
    next crash.
    """
    name = running(shop, image)
    for number in range(1, 5):
        shop.crash(name, ERROR)
        shop.annotated(name)
        with contextlib.suppress(AssertionError):
            shown = eventually(
                lambda: shown_metadata(shop.pod(name))[0], lambda found: found["changes"], timeout=5
            )
            return shown["changes"], number
    pytest.fail("what changed was never said")


def template(shop: Workspace) -> Json:
    """Return what the status says of the workload's template."""
    (entry,) = eventually(
        lambda: shop.status().get("workloads", []), lambda found: found[0]["template"]["changes"]
    )
    found: Json = entry["template"]
    return found


def reads(rig: EvidenceRig, shop: Workspace) -> list[str]:
    """Return the resources that were read of the group apps, by the requests' paths."""
    paths = [request.path for request in rig.requests_about(shop.namespace)]
    return [path.partition(f"{shop.namespace}/")[2] for path in paths if "/apis/apps/" in path]


def test_a_deployment_rolled_out_to_a_crashing_revision(rig: EvidenceRig, shop: Workspace) -> None:
    """Which image came when, for two calls; and the same after it was rolled back."""
    shop.diagnose(evidence={"events": False})
    apply(shop, "Deployment", OLD, {})
    time.sleep(1)  # so that it ran for whole seconds
    apply(shop, "Deployment", NEW, {"DATABASE_URL": VALUE})
    line, crashes = crash_until_said(shop, NEW)
    assert line.startswith("Revision 2 began ")
    assert f" before this crash: {CHANGED}; revision 1 ran for " in line
    assert len(line.encode()) <= MAX_LINE_BYTES
    found = template(shop)
    assert (found["revision"], found["crashes"]) == (2, crashes)
    assert (found["history"] == "The first crash of revision 2") is (crashes == 1)
    assert f" before its first crash: {CHANGED}; revision 1 ran for " in found["changes"]
    crash(shop, NEW)
    of_calls = reads(rig, shop)
    assert {path.partition("?")[0].partition("/")[0] for path in of_calls} == {"replicasets"}
    assert "labelSelector=" in of_calls[-1]
    assert len(of_calls) == 2 or crashes > 1

    shop.kubectl("rollout", "undo", "deployment/web")
    line, _ = crash_until_said(shop, OLD)
    assert line == f"Revision 3: {BACK} from revision 2"
    eventually(lambda: template(shop), lambda found: found["revision"] == 3)
    everything = json.dumps([shop.pods(), shop.diagnoser()])
    assert everything.count(VALUE) == everything.count(f'"value": "{VALUE}"')


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_of_others_the_controller_revisions_say_it(
    rig: EvidenceRig, shop: Workspace, kind: str
) -> None:
    """By the label of their Pods; here, too, for two calls."""
    shop.diagnose(evidence={"events": False})
    apply(shop, kind, OLD, {})
    time.sleep(1)
    apply(shop, kind, NEW, {"DATABASE_URL": VALUE})
    line, crashes = crash_until_said(shop, NEW)
    assert line.startswith("Revision 2 began ")
    assert f" before this crash: {CHANGED}; revision 1 ran for " in line
    assert template(shop)["revision"] == 2
    assert len(reads(rig, shop)) == 2 or crashes > 1


def test_without_the_role_nothing_is_said(rig: EvidenceRig, shop: Workspace) -> None:
    """The Pod is diagnosed as without; in a minute it is asked for once."""
    rig.cluster.admin.delete(CLUSTER_ROLE_BINDINGS, CHANGES_ROLE)
    rig.await_changes(wanted=False)
    try:
        shop.diagnose()
        apply(shop, "Deployment", OLD, {})
        for _ in range(3):
            shown = crash(shop, OLD)
            assert shown["cause"] == "ApplicationError"
            assert "changes" not in shown
        shop.settled()
        assert len(reads(rig, shop)) == 1
        assert "changes" not in shown_metadata(shop.pods()[0])[0]
    finally:
        rig.grant()
        rig.await_changes(wanted=True)
