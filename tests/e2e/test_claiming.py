"""Which PodDiagnoser claims which Pod, and what is left when none does."""

import json

import pytest
import yaml

from dev.envtest.client import DIAGNOSISTARGETS, PODDIAGNOSERS, PODS
from dev.envtest.credentials import METACONTROLLER
from dev.envtest.pods import now, timestamp
from tests.e2e.workspace import APP, COMPLETED, ERROR, Workspace, eventually, shown_metadata

NAMES = ("fragile-app-1", "fragile-app-2")


@pytest.fixture
def crashed(shop: Workspace) -> Workspace:
    """A namespace with a PodDiagnoser and two Pods that have crashed and were counted."""
    shop.diagnose()
    for name in NAMES:
        shop.start_pod(name)
        shop.crash(name, ERROR)
    for name in NAMES:
        shop.annotated(name)
    eventually(shop.status, lambda status: status["diagnosedPods"] == len(NAMES))
    return shop


def relabel(shop: Workspace, name: str, app: str | None) -> None:
    """Change a Pod's label app; None takes it off."""
    shop.cluster.admin.patch(PODS, name, {"metadata": {"labels": {"app": app}}}, shop.namespace)


def labelled_for(shop: Workspace, name: str, diagnoser: str) -> None:
    """Wait until a Pod's label names a PodDiagnoser."""
    eventually(
        lambda: shown_metadata(shop.pod(name))[1], lambda labels: labels["diagnoser"] == diagnoser
    )


def test_an_unclaimed_pod_is_never_written(shop: Workspace) -> None:
    """A Pod that is not claimed crashes: only the kubelet writes it."""
    shop.diagnose()
    shop.start_pod("other", {"app": "other"})
    shop.start_pod("unlabelled", {})
    shop.start_pod("fragile-app-1")
    unclaimed = {name: shop.crash(name) for name in ("other", "unlabelled")}
    shop.crash("fragile-app-1")
    shop.annotated("fragile-app-1")
    shop.settled()
    for name, pod in unclaimed.items():
        after = shop.pod(name)
        assert after["metadata"]["resourceVersion"] == pod["metadata"]["resourceVersion"]
        assert {entry["manager"] for entry in after["metadata"]["managedFields"]} == {
            "admin",
            "kubelet",
        }


def test_other_namespaces_are_not_reached(shop: Workspace) -> None:
    """A PodDiagnoser without targetLabels claims every Pod of its own namespace, and no other."""
    elsewhere = Workspace(shop.cluster, f"{shop.namespace}-elsewhere")
    shop.cluster.create_namespace(elsewhere.namespace)
    shop.diagnose(targetLabels=None)
    for workspace in (shop, elsewhere):
        workspace.start_pod("fragile-app-1")
        workspace.crash("fragile-app-1")
    shop.annotated("fragile-app-1")
    elsewhere.settled()
    assert shown_metadata(elsewhere.pod("fragile-app-1")) == ({}, {})
    assert shop.status()["diagnosedPods"] == 1


def test_the_older_one_wins(shop: Workspace) -> None:
    """Two claim the same Pod: the older gets it, the younger says so; it takes over when alone."""
    created = shop.diagnose("older")["metadata"]["creationTimestamp"]
    # Ages are compared in whole seconds; within one the name would decide, the other way round.
    eventually(lambda: timestamp(now()), lambda moment: moment > created)
    shop.diagnose("anyone", targetLabels={})
    shop.start_pod("fragile-app-1")
    shop.start_pod("other", {"app": "other"})
    shop.crash("fragile-app-1", ERROR)
    shop.crash("other", ERROR)
    labelled_for(shop, "fragile-app-1", "older")
    labelled_for(shop, "other", "anyone")
    overlapping = eventually(
        lambda: shop.condition("Overlapping", "anyone"), lambda found: found["status"] == "True"
    )
    assert "older" in overlapping["message"]
    assert shop.condition("Overlapping", "older")["status"] == "False"
    assert shop.counted(1, "older")["diagnosedPods"] == 1
    assert shop.status("anyone")["diagnosedPods"] == 1

    shop.delete_diagnoser("older")
    labelled_for(shop, "fragile-app-1", "anyone")
    assert shop.counted(2, "anyone")["diagnosedPods"] == 2
    assert shop.condition("Overlapping", "anyone")["status"] == "False"


def test_a_pod_that_is_relabelled_changes_hands(crashed: Workspace) -> None:
    """Without the labels a Pod loses its metadata; with them it has it again, counted once."""
    relabel(crashed, NAMES[0], "other")
    crashed.clean(NAMES[0])
    assert shown_metadata(crashed.pod(NAMES[1]))[0], "the other Pod keeps what it has"
    relabel(crashed, NAMES[0], APP["app"])
    crashed.annotated(NAMES[0])
    crashed.settled()
    assert crashed.status()["diagnosedPods"] == len(NAMES)


def test_changed_target_labels_are_followed(crashed: Workspace) -> None:
    """The PodDiagnoser selects other labels: Pods without them are cleaned, others are claimed."""
    crashed.start_pod("web-1", {"app": "web"})
    crashed.crash("web-1", ERROR)
    crashed.change(targetLabels={"app": "web"})
    crashed.annotated("web-1")
    crashed.clean(*NAMES)
    assert crashed.counted(len(NAMES) + 1)["diagnosedPods"] == len(NAMES) + 1


def test_switched_off_and_on(crashed: Workspace) -> None:
    """Off takes everything off the Pods and says so; on brings it back, and counts no Pod twice."""
    crashed.change(enableAnnotations=False)
    crashed.clean()
    active = crashed.condition("Active")
    assert (active["status"], active["reason"]) == ("False", "AnnotationsDisabled")
    (declining,) = crashed.targets()
    assert declining["spec"]["active"] is False
    crashed.crash(NAMES[0], COMPLETED)
    crashed.settled()
    assert shown_metadata(crashed.pod(NAMES[0])) == ({}, {})

    crashed.change(enableAnnotations=True)
    crashed.annotated(NAMES[0], "Completed (Exit Code: 0)")
    crashed.annotated(NAMES[1], "Error (Exit Code: 1)")
    crashed.settled()
    assert crashed.status()["diagnosedPods"] == len(NAMES)
    assert crashed.condition("Active")["status"] == "True"


def test_deletion_leaves_nothing(crashed: Workspace) -> None:
    """The PodDiagnoser is deleted: no managed metadata and no DiagnosisTarget is left."""
    crashed.kubectl("delete", "pdiag", "--all")
    crashed.clean()
    eventually(crashed.targets, lambda targets: targets == [])
    for pod in crashed.pods():
        assert "finalizers" not in pod["metadata"]


def test_a_recreated_diagnoser_starts_without_history(crashed: Workspace) -> None:
    """Deleted and created again under its name: it counts from zero, with a new target."""
    before = crashed.diagnoser()
    (target_before,) = crashed.targets()
    manifest = {key: before[key] for key in ("apiVersion", "kind", "spec")}
    manifest["metadata"] = {"name": "diagnoser"}
    crashed.kubectl("replace", "--force", "-f", "-", stdin=yaml.safe_dump(manifest))
    after = crashed.diagnoser()
    assert after["metadata"]["uid"] != before["metadata"]["uid"]

    def settled_target() -> list[str]:
        return [one["spec"]["diagnoser"]["uid"] for one in crashed.targets()]

    eventually(settled_target, lambda uids: uids == [after["metadata"]["uid"]])
    (target,) = crashed.targets()
    assert target["metadata"]["name"] != target_before["metadata"]["name"]
    assert crashed.counted(len(NAMES))["diagnosedPods"] == len(NAMES)
    crashed.start_pod("fragile-app-3")
    crashed.crash("fragile-app-3")
    assert crashed.counted(len(NAMES) + 1)["diagnosedPods"] == len(NAMES) + 1


def test_a_made_up_target_claims_nothing(shop: Workspace) -> None:
    """A DiagnosisTarget that has no PodDiagnoser behind it is ignored, whoever wrote it."""
    uid = "11111111-2222-3333-4444-555555555555"
    target = {
        "apiVersion": DIAGNOSISTARGETS.version,
        "kind": "DiagnosisTarget",
        "metadata": {"name": f"made-up-{uid[:8]}"},
        "spec": {
            "diagnoser": {"name": "made-up", "uid": uid},
            "since": "2020-01-01T00:00:00Z",
            "targetLabels": {},
        },
    }
    metacontroller = shop.cluster.control_plane.client("metacontroller")
    metacontroller.create(DIAGNOSISTARGETS, target, shop.namespace)
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1")
    shop.settled()
    assert shown_metadata(shop.pod("fragile-app-1")) == ({}, {})
    shop.diagnose()
    labelled_for(shop, "fragile-app-1", "diagnoser")
    assert shop.cluster.admin.list(PODDIAGNOSERS, shop.namespace)[0]["metadata"]["name"] == (
        "diagnoser"
    )


def test_an_edited_target_is_put_right(crashed: Workspace) -> None:
    """What is changed in a DiagnosisTarget, or added to it, by whoever may, does not stay."""
    (own,) = crashed.targets()
    edits = {
        "since": "2000-01-01T00:00:00Z",
        "targetLabels": {"app": "other", "tier": "x"},
        "ignore": {"exitCodes": [1], "podLabels": APP},
        "thresholds": [{"container": "*", "restarts": 50, "withinSeconds": 60}],
    }
    name, patch = own["metadata"]["name"], json.dumps({"spec": edits})
    target = ("diagnosistarget", name)
    crashed.kubectl("patch", *target, "--type=merge", "--patch", patch, "--as", METACONTROLLER)

    def whole_spec() -> dict[str, object]:
        (target,) = crashed.targets()
        return {key: value for key, value in target["spec"].items() if value != {}}

    eventually(whole_spec, lambda spec: spec == own["spec"])
    crashed.annotated(NAMES[0])
    crashed.settled()
    assert crashed.status()["diagnosedPods"] == len(NAMES)
