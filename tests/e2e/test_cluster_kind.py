"""ClusterPodDiagnosers: which namespaces and Pods are theirs, and what is left when none is."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dev.envtest.client import CLUSTERPODDIAGNOSERS, NAMESPACES, Json
from dev.envtest.cluster import Cluster
from dev.envtest.installation import PROJECT
from dev.envtest.pods import now, timestamp
from tests.e2e.workspace import (
    COMPLETED,
    ERROR,
    PREFIX,
    Workspace,
    eventually,
    shown_metadata,
)

TEAM = "test.example/team"
POD = "fragile-app-1"

Diagnose = Callable[..., Json]
"""Creates a ClusterPodDiagnoser of these names and fields of the spec."""


@pytest.fixture
def diagnose(cluster: Cluster) -> Iterator[Diagnose]:
    """Create ClusterPodDiagnosers; afterwards nothing of them is left."""
    names: list[str] = []

    def create(name: str, **spec: Any) -> Json:
        body = {
            "apiVersion": CLUSTERPODDIAGNOSERS.version,
            "kind": "ClusterPodDiagnoser",
            "metadata": {"name": name},
            "spec": spec,
        }
        names.append(name)
        return cluster.admin.create(CLUSTERPODDIAGNOSERS, body)

    yield create
    for name in names:
        if cluster.admin.find(CLUSTERPODDIAGNOSERS, name) is not None:
            cluster.admin.delete(CLUSTERPODDIAGNOSERS, name)
    listed = ("get", "dtarget", "-A", "-l", f"{PREFIX}cluster-diagnoser", "-o", "name")
    eventually(lambda: cluster.control_plane.kubectl(*listed), lambda found: not found, pause=0.2)


def select(shop: Workspace, team: str | None) -> None:
    """Set the label of a namespace by which it is selected; None takes it off."""
    labels = {"metadata": {"labels": {TEAM: team}}}
    shop.cluster.admin.patch(NAMESPACES, shop.namespace, labels)


def team(name: str) -> Json:
    """Return the selector of a team's namespaces."""
    return {"matchLabels": {TEAM: name}}


def status(shop: Workspace, name: str) -> Json:
    """Read the status of a ClusterPodDiagnoser."""
    found: Json = shop.cluster.admin.get(CLUSTERPODDIAGNOSERS, name).get("status", {})
    return found


def condition(shop: Workspace, name: str, kind: str) -> Json:
    """Read a condition of a ClusterPodDiagnoser."""
    conditions = status(shop, name).get("conditions", [])
    return next((one for one in conditions if one["type"] == kind), {})


def labelled(shop: Workspace, key: str, value: str) -> None:
    """Wait until a Pod has a label of ours, and no other."""
    eventually(lambda: shown_metadata(shop.pod(POD))[1], lambda labels: labels == {key: value})


def crash(shop: Workspace) -> None:
    """Start a Pod, and have it crash."""
    shop.start_pod(POD)
    shop.crash(POD, ERROR)


def test_namespaces_join_and_leave(shop: Workspace, diagnose: Diagnose) -> None:
    """A namespace that comes to match is diagnosed; when it leaves, nothing is left on its Pods."""
    crash(shop)
    name = f"joined-{shop.namespace[:2]}"
    diagnose(name, namespaceSelector=team(name))
    eventually(
        lambda: condition(shop, name, "NamespacesSelected"),
        lambda found: found["reason"] == "NoneSelected",
    )
    assert shown_metadata(shop.pod(POD)) == ({}, {})

    select(shop, name)
    pod = shop.annotated(POD, "Error (Exit Code: 1)")
    annotations, labels = shown_metadata(pod)
    assert labels == {"cluster-diagnoser": name}
    assert annotations["diagnosed-by"] == f"ClusterPodDiagnoser/{name}"
    (target,) = shop.targets()
    assert target["metadata"]["name"].endswith("-cluster")
    found = eventually(lambda: status(shop, name), lambda it: it["diagnosedPods"] == 1)
    assert found["selectedNamespaces"] == 1
    assert found["namespaces"] == [{"name": shop.namespace, "crashingPods": 1, "workloads": 1}]
    assert [(one["namespace"], one["name"]) for one in found["workloads"]] == [
        (shop.namespace, POD)
    ]
    assert "diagnosis" not in found["recentDiagnoses"][0]
    line = shop.kubectl("get", "cpdiag", name, "--no-headers").split()
    assert line[:5] == [name, "True", "NoAction", "1", "1"]
    before = shop.cluster.admin.get(CLUSTERPODDIAGNOSERS, name)["metadata"]["resourceVersion"]
    shop.settled()
    after = shop.cluster.admin.get(CLUSTERPODDIAGNOSERS, name)["metadata"]["resourceVersion"]
    assert before == after, "what is written is stored as it is, and not written again"

    select(shop, None)
    shop.clean(POD)
    eventually(shop.targets, lambda targets: targets == [])
    eventually(lambda: status(shop, name), lambda it: it["selectedNamespaces"] == 0)


def test_a_poddiagnoser_comes_first_and_gives_back(shop: Workspace, diagnose: Diagnose) -> None:
    """It takes a Pod over, declines for it while it is switched off, and gives it back deleted."""
    name = "diagnoser"  # the same name as the PodDiagnoser's
    select(shop, shop.namespace)
    diagnose(name, namespaceSelector=team(shop.namespace), remediationAction="LogEvent")
    crash(shop)
    labelled(shop, "cluster-diagnoser", name)
    (told,) = shop.await_events("PodRestarted", 1)
    assert told["involvedObject"]["name"] == POD

    shop.diagnose()
    labelled(shop, "diagnoser", "diagnoser")
    assert "diagnosed-by" not in shown_metadata(shop.pod(POD))[0]
    found = eventually(
        lambda: condition(shop, name, "Overlapping"), lambda it: it["status"] == "True"
    )
    assert shop.namespace in found["message"]
    eventually(lambda: status(shop, name), lambda it: not it.get("namespaces"))

    shop.change(enableAnnotations=False)
    shop.clean(POD)
    shop.settled()
    assert shown_metadata(shop.pod(POD)) == ({}, {})

    shop.delete_diagnoser()
    labelled(shop, "cluster-diagnoser", name)
    shop.settled()
    assert len(shop.events("PodRestarted")) == 1, "the crash was told before it was taken over"
    shop.crash(POD, COMPLETED)
    shop.await_events("PodRestarted", 2)


def test_the_older_one_of_two_wins(shop: Workspace, diagnose: Diagnose) -> None:
    """The younger one has what the older leaves, and takes over when that is gone."""
    select(shop, shop.namespace)
    older, younger = (f"{first}-{shop.namespace[:2]}" for first in "za")
    made = diagnose(older, namespaceSelector=team(shop.namespace))
    # Ages are compared in whole seconds; within one the name would decide, the other way round.
    eventually(
        lambda: timestamp(now()), lambda moment: moment > made["metadata"]["creationTimestamp"]
    )
    diagnose(younger, namespaceSelector=team(shop.namespace))
    crash(shop)
    labelled(shop, "cluster-diagnoser", older)
    found = eventually(
        lambda: condition(shop, younger, "Overlapping"), lambda it: it["status"] == "True"
    )
    assert older in found["message"]
    shop.cluster.admin.delete(CLUSTERPODDIAGNOSERS, older)
    labelled(shop, "cluster-diagnoser", younger)
    eventually(lambda: status(shop, younger), lambda it: it["diagnosedPods"] == 1)


def test_the_tutorial_for_the_whole_cluster(shop: Workspace, diagnose: Diagnose) -> None:
    """No labels, all namespaces: the tutorial's application crashes, and both are told."""
    diagnose("cluster", enableAnnotations=True, remediationAction="LogEvent")
    shop.kubectl("apply", "-k", str(PROJECT / "fragile-app"))
    (pod,) = eventually(lambda: shop.running("app=fragile-app"))
    name = pod["metadata"]["name"]
    shop.crash(name, COMPLETED)
    shop.annotated(name, "Completed (Exit Code: 0)")
    (event,) = shop.await_events("PodRestarted", 1)
    assert f"Pod {name} restarted due to Completed (Exit Code: 0)" in event["message"]
    found = eventually(lambda: status(shop, "cluster"), lambda it: it["lastProcessedPod"] == name)
    assert found["workloads"][0]["kind"] == "Deployment"
    assert found["selectedNamespaces"] > 3


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"remediationAction": "RestartPod"}, "does not replace Pods for now"),
        ({"remediationAction": "EvictPod"}, "does not replace Pods for now"),
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            "In and NotIn need values",
        ),
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "/a", "operator": "Exists"}]}},
            "namespaceSelector.matchExpressions[0].key",
        ),
        ({"namespaceSelector": {"matchLabels": {"a": "/"}}}, "not a label value"),
        ({"remediation": {"paused": True}}, "unknown field"),
    ],
)
def test_what_is_refused(shop: Workspace, spec: Json, problem: str) -> None:
    """Nothing that the operator could not evaluate, or may not do, is stored."""
    body = {
        "apiVersion": CLUSTERPODDIAGNOSERS.version,
        "kind": "ClusterPodDiagnoser",
        "metadata": {"name": "refused"},
        "spec": spec,
    }
    done = shop.kubectl(
        "create", "--validate=strict", "-f", "-", stdin=json.dumps(body), check=False
    )
    assert problem in done
    assert shop.cluster.admin.find(CLUSTERPODDIAGNOSERS, "refused") is None
