"""ClusterPodDiagnosers: which namespaces and Pods are theirs, and what is left when none is."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dev.envtest.client import CLUSTERPODDIAGNOSERS, NAMESPACES, Json
from dev.envtest.cluster import Cluster
from dev.envtest.installation import PROJECT
from dev.envtest.pods import now, timestamp
from tests.e2e.workspace import (
    AT_ONCE,
    COMPLETED,
    ERROR,
    PREFIX,
    Workspace,
    eventually,
    shown_metadata,
)

TEAM = "test.example/team"
POD = "fragile-app-1"
AWAY = 3.0
"""For how many seconds the hook is away."""

Diagnose = Callable[..., Json]
"""Creates a ClusterPodDiagnoser of these names and fields of the spec."""


@pytest.fixture
def diagnose(cluster: Cluster) -> Iterator[Diagnose]:
    """Create ClusterPodDiagnosers; afterwards nothing of them is left."""
    names: list[str] = []

    def create(name: str, **spec: Any) -> Json:
        names.append(name)
        return cluster.create_cluster_diagnoser(name, **spec)

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


def await_next_second() -> None:
    """Wait until it is another second: times are compared in whole ones."""
    begun = now()
    eventually(now, lambda moment: timestamp(moment) > timestamp(begun))


def await_selection(shop: Workspace, diagnose: Diagnose, name: str) -> None:
    """Diagnose a namespace; later it is old enough to be recalled, unlike what is new."""
    select(shop, name)
    diagnose(name, namespaceSelector=team(name))
    eventually(lambda: status(shop, name), lambda it: it.get("selectedNamespaces") == 1)
    await_next_second()


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
    assert found["message"] == f"PodDiagnosers come first in these namespaces: {shop.namespace}."
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


@pytest.mark.takes_hook_away
def test_after_an_outage_it_is_recalled(shop: Workspace, diagnose: Diagnose) -> None:
    """Its hook was away when a Pod crashed; once it is back, that is counted."""
    name = f"recalled-{shop.namespace[:2]}"
    await_selection(shop, diagnose, name)

    def annotations() -> dict[str, str]:
        found = shop.cluster.admin.get(CLUSTERPODDIAGNOSERS, name)["metadata"]
        return dict(found.get("annotations", {}))

    hook = shop.cluster.poddiagnosers_hook
    hook.stop(grace=0)
    try:
        crash(shop)
        labelled(shop, "cluster-diagnoser", name)
        assert f"{PREFIX}recalled" not in annotations()
    finally:
        hook.start()
    eventually(annotations, lambda found: f"{PREFIX}recalled" in found)
    eventually(lambda: status(shop, name), lambda it: it["diagnosedPods"] == 1)


@pytest.mark.takes_hook_away
def test_after_an_outage_its_pods_are_recalled(shop: Workspace, diagnose: Diagnose) -> None:
    """The hook of Pods was away when one crashed; then its DiagnosisTarget says that it is back."""
    name = f"pods-recalled-{shop.namespace[:2]}"
    await_selection(shop, diagnose, name)

    def recalled() -> list[str | None]:
        found = [shop.cluster.admin.get(CLUSTERPODDIAGNOSERS, name), *shop.targets()]
        keys = (f"{PREFIX}pods-recalled", f"{PREFIX}recalled")
        return [
            one["metadata"].get("annotations", {}).get(key)
            for one, key in zip(found, keys, strict=True)
        ]

    hook = shop.cluster.pods_hook
    hook.stop(grace=0)
    try:
        crash(shop)
        assert recalled() == [None, None]
        time.sleep(AWAY)
        assert recalled() == [None, None]
    finally:
        hook.start()
    labelled(shop, "cluster-diagnoser", name)
    first, copied = eventually(recalled, lambda it: None not in it)
    assert first == copied
    eventually(lambda: status(shop, name), lambda it: it["diagnosedPods"] == 1)


REPLACE: Json = {
    "remediationAction": "RestartPod",
    "evidence": {"events": False},
    "remediation": {**AT_ONCE, "budget": {"pods": 5, "podsPerNamespace": 1}},
}


def at_work(shop: Workspace, name: str) -> None:
    """Wait until it is known since when a ClusterPodDiagnoser claims, and a second more."""
    eventually(lambda: status(shop, name), lambda it: bool(it.get("claims")))
    await_next_second()


def withheld(shop: Workspace, name: str) -> dict[str, list[str]]:
    """Read which Pods a ClusterPodDiagnoser does not replace."""
    return {one["reason"]: one["examples"] for one in status(shop, name).get("withheld", [])}


def test_pods_are_replaced_within_the_budget_of_their_namespace(
    shop: Workspace, diagnose: Diagnose
) -> None:
    """One is, and told in its namespace and for the ClusterPodDiagnoser; the other one waits."""
    name = f"replace-{shop.namespace[:2]}"
    select(shop, shop.namespace)
    made = diagnose(name, namespaceSelector=team(shop.namespace), **REPLACE)
    at_work(shop, name)
    (first,), (second,) = shop.replica_set("web"), shop.replica_set("db")
    before = shop.pod(first)["metadata"]["uid"]
    shop.crash(first, ERROR)
    shop.replaced(before, "set=web")
    found = eventually(
        lambda: status(shop, name)["remediations"], lambda it: it[0]["phase"] == "Done"
    )
    assert (found[0]["namespace"], found[0]["pod"]) == (shop.namespace, first)
    assert "diagnosis" not in found[0]
    shop.crash(second, ERROR)
    eventually(
        lambda: withheld(shop, name),
        lambda it: it == {"NamespaceBudgetSpent": [f"{shop.namespace}/{second}"]},
    )
    (event,) = shop.await_events("PodDeleted", 1)
    assert event["involvedObject"]["uid"] == before
    described = shop.kubectl("describe", "cpdiag", name).partition("Events:")[2]
    assert f"{first} was deleted" in described
    assert made["metadata"]["uid"] not in json.dumps(event)
    version = shop.cluster.admin.get(CLUSTERPODDIAGNOSERS, name)["metadata"]["resourceVersion"]
    shop.settled()
    after = shop.cluster.admin.get(CLUSTERPODDIAGNOSERS, name)["metadata"]["resourceVersion"]
    assert version == after, "what is written is stored as it is, and not written again"


def test_who_takes_a_pod_over_acts_on_its_next_crash(shop: Workspace, diagnose: Diagnose) -> None:
    """From a PodDiagnoser, which told its crash, and back to another one."""
    name = f"taker-{shop.namespace[:2]}"
    select(shop, shop.namespace)
    spec = {**REPLACE, "remediation": AT_ONCE}
    diagnose(name, namespaceSelector=team(shop.namespace), **spec)
    at_work(shop, name)
    shop.diagnose(remediationAction="LogEvent", evidence={"events": False})
    (pod,) = shop.replica_set("web")
    before = shop.pod(pod)["metadata"]["uid"]
    shop.crash(pod, ERROR)
    shop.await_events("PodRestarted", 1)
    shop.delete_diagnoser()
    eventually(
        lambda: withheld(shop, name),
        lambda it: it == {"BeforeClaim": [f"{shop.namespace}/{pod}"]},
    )
    await_next_second()
    shop.crash(pod, COMPLETED)
    shop.replaced(before, "set=web")


def test_who_may_not_delete_all_pods_cannot_have_it_done(shop: Workspace) -> None:
    """Neither on creation nor by a change; paused or switched off it is taken."""
    author = ("--as", f"author-{shop.namespace}")
    role = f"author-{shop.namespace}"
    writes = ("--verb=get,create,update,patch,delete", "--resource=clusterpoddiagnosers")
    shop.kubectl("create", "clusterrole", role, *writes)
    shop.kubectl("create", "clusterrolebinding", role, f"--clusterrole={role}", f"--user={role}")
    shop.kubectl("create", "role", role, "--verb=delete", "--resource=pods")
    shop.kubectl("create", "rolebinding", role, f"--role={role}", f"--user={role}")

    def create(**spec: Any) -> str:
        body = {
            "apiVersion": CLUSTERPODDIAGNOSERS.version,
            "kind": "ClusterPodDiagnoser",
            "metadata": {"name": role},
            "spec": {"namespaceSelector": team("nobody"), **spec},
        }
        arguments = ("create", "--dry-run=server", "-f", "-", *author)
        return shop.kubectl(*arguments, stdin=json.dumps(body), check=False)

    try:
        for action, permission in (("RestartPod", "delete pods"), ("EvictPod", "pods/eviction")):
            refused = create(remediationAction=action)
            assert f"{permission} in all namespaces" in refused
            assert "created" in create(remediationAction=action, enableAnnotations=False)
            assert "created" in create(remediationAction=action, remediation={"paused": True})
        assert "created" in create(remediationAction="LogEvent")
        everywhere = f"{role}-pods"
        shop.kubectl("create", "clusterrole", everywhere, "--verb=delete", "--resource=pods")
        bind = (f"--clusterrole={everywhere}", f"--user={role}")
        shop.kubectl("create", "clusterrolebinding", everywhere, *bind)
        eventually(lambda: create(remediationAction="RestartPod"), lambda said: "created" in said)
    finally:
        for each in (role, f"{role}-pods"):
            shop.kubectl("delete", "clusterrolebinding,clusterrole", each, check=False)


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
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            "In and NotIn need values",
        ),
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "/a", "operator": "Exists"}]}},
            "namespaceSelector.matchExpressions[0].key",
        ),
        ({"namespaceSelector": {"matchLabels": {"a": "/"}}}, "not a label value"),
        ({"remediation": {"budget": {"podsPerNamespace": 51}}}, "podsPerNamespace"),
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
