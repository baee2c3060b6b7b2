"""ClusterPodDiagnosers that replace Pods: where, how many, and whose crashes."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from pod_diagnoser.api.diagnostics_v1 import CLUSTER_LABEL, PodDiagnoser
from pod_diagnoser.api.time import format_time
from pod_diagnoser.poddiagnosers.cluster_claims import MAX_CLAIMS
from pod_diagnoser.poddiagnosers.response import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.pods.keys import LABEL
from pod_diagnoser.remediation.model import ExecutionReport
from tests.manifests.structural import problems
from tests.manifests.test_crds import schema
from tests.support.builders import condition, diagnoser, diagnoser_request, replacing, target
from tests.support.cluster_api import ClusterApi, replacing_cluster
from tests.support.cluster_builders import Json
from tests.support.fake_api import refused

NAME = "kubernetes.io/metadata.name"


def started(of: Json | None = None, *names: str) -> ClusterApi:
    """Return a cluster in which it is known what is claimed."""
    api = ClusterApi(of, *names)
    api.sync()
    api.pass_time(5)
    return api


def own_target(**spec: Any) -> Json:
    """Return the DiagnosisTarget of a PodDiagnoser."""
    made = target(diagnoser("own", 5, **spec))
    if spec.get("enableAnnotations") is False:
        made["metadata"]["name"] += "-off"
        made["spec"]["active"] = False
    return made


@pytest.mark.parametrize(("action", "verb"), [("RestartPod", "delete"), ("EvictPod", "evict")])
def test_a_crashed_pod_is_replaced(action: str, verb: str) -> None:
    """Planned first; then on a live read of it, of the Namespace and of the Pod; told twice."""
    api = started(replacing_cluster(action))
    api.crashing(1, "bank")
    (plan,) = api.sync()["remediations"]
    assert (plan["namespace"], plan["phase"]) == ("bank", "Planned")
    api.calls.clear()
    status = api.sync()
    assert [each for each in api.verbs() if each != "event"] == [
        "get cluster diagnoser",
        "get namespace",
        "get pod",
        verb,
    ]
    (entry,) = status["remediations"]
    assert entry["phase"] == "Done"
    assert "diagnosis" not in entry, "nothing that a container's author wrote is in the status"
    (owner,) = status["owners"]
    assert (owner["namespace"], owner["attempts"]) == ("bank", 1)
    assert condition({"status": status})["reason"] == "ReplacingPods"
    on_pod, on_diagnoser = sorted(
        api.events.values(), key=lambda each: str(each["involvedObject"]["kind"]), reverse=True
    )
    assert on_pod["metadata"]["namespace"] == on_pod["involvedObject"]["namespace"] == "bank"
    assert on_diagnoser["metadata"]["namespace"] == "default"
    assert on_diagnoser["involvedObject"]["kind"] == "ClusterPodDiagnoser"
    assert "namespace" not in on_diagnoser["involvedObject"]
    assert "of ClusterPodDiagnoser cluster" in on_diagnoser["message"]
    assert list(problems(schema("ClusterPodDiagnoser")["properties"]["status"], status)) == []
    assert {*status, "countedPods"} >= {"claims", "writerNamespaces", "action", "withheld"}


@pytest.mark.parametrize("where", ["kube-system", "kube-public", "metacontroller", "operator"])
@pytest.mark.parametrize(
    ("selector", "named"),
    [
        ({}, False),
        ({"matchLabels": {NAME: "it"}}, True),
        ({"matchExpressions": [{"key": NAME, "operator": "In", "values": ["a", "it"]}]}, True),
        ({"matchExpressions": [{"key": NAME, "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": NAME, "operator": "Exists"}]}, False),
        ({"matchLabels": {"team": "it"}}, False),
    ],
)
def test_what_the_cluster_needs_is_named_or_left_alone(
    where: str, selector: Json, *, named: bool
) -> None:
    """It is diagnosed all the same, and the status says why nothing is done."""
    it = json.loads(json.dumps(selector).replace('"it"', f'"{where}"'))
    api = ClusterApi(replacing_cluster(namespaceSelector=it), where)
    api.add_namespace(where, team=where)
    api.reconciler = api.start(own_namespaces=("metacontroller", "operator"))
    api.sync()
    name = api.crashing(1, where)
    status = api.settle()
    assert status["diagnosedPods"] == 1
    assert bool(api.deleted) is named
    assert api.withheld() == ({} if named else {"ProtectedNamespace": [f"{where}/{name}"]})


def test_other_namespaces_are_nobodys_but_their_users() -> None:
    """A name that only resembles one of those is one of theirs."""
    api = started(None, "mykube-x", "metacontroller-2")
    api.crashing(1, "mykube-x")
    api.crashing(2, "metacontroller-2")
    api.settle()
    assert len(api.deleted) == 2


def test_each_namespace_has_a_budget_beside_the_total() -> None:
    """What exceeds one of them waits, and says which."""
    policy = {"budget": {"pods": 3, "podsPerNamespace": 2, "windowSeconds": 600}}
    api = started(replacing_cluster(remediation=policy))
    for number in (1, 2, 3):
        api.crashing(number, "shop")
    assert len(api.settle()["remediations"]) == 2
    assert api.withheld() == {"NamespaceBudgetSpent": ["shop/app-3"]}
    api.crashing(4, "bank")
    api.crashing(5, "bank")
    api.settle()
    assert [where for where, _ in api.where] == ["shop", "shop", "bank"]
    assert set(api.withheld()) == {"BudgetSpent"}
    api.pass_time(620)
    api.settle()
    assert len(api.deleted) == 5, "what waited is done when the window is over"


def ends(meta: Json) -> None:
    """Have a namespace be deleted."""
    meta["deletionTimestamp"] = "2026-11-23T10:00:00Z"


def leaves(meta: Json) -> None:
    """Have a namespace match no more."""
    del meta["labels"]["team"]


@pytest.mark.parametrize("change", [ends, leaves, None])
def test_a_plan_is_checked_by_the_live_namespace(change: Callable[[Json], None] | None) -> None:
    """It may have left, whatever Metacontroller sent; then nothing is deleted there."""
    api = ClusterApi(replacing_cluster(namespaceSelector={"matchLabels": {"team": "a"}}))
    api.add_namespace("shop", team="a")
    api.sync()
    api.crashing(1)
    api.sync()
    request = api.request()
    if change is None:
        del api.namespaces["shop"]
    else:
        change(api.namespaces["shop"]["metadata"])
    (entry,) = api.sync(request)["remediations"]
    assert (entry["phase"], entry["reason"]) == ("Expired", "NoLongerClaimed")
    assert api.deleted == []


def test_a_plan_that_somebody_stored_is_checked_as_any_other() -> None:
    """Who may write the status cannot have a Pod deleted that has not crashed."""
    api = started()
    healthy = api.create(1)
    stored = copy.deepcopy(api.diagnosers["cluster"])
    stored["status"]["remediations"] = [
        {
            "id": "0" * 16,
            "namespace": "shop",
            "action": "RestartPod",
            "pod": healthy["metadata"]["name"],
            "podUID": healthy["metadata"]["uid"],
            "owner": "rs-1",
            "container": "app",
            "cause": "Killed",
            "phase": "Planned",
            "reason": "Crashed",
            "plannedAt": format_time(api.now),
        }
    ]
    api.put(stored)
    (entry,) = api.sync()["remediations"]
    assert (entry["phase"], entry["reason"]) == ("Expired", "NoLongerClaimed")
    assert api.deleted == []


def test_what_is_forbidden_in_one_namespace_is_done_in_the_others() -> None:
    """To read its Pods, or to delete them; the condition says where."""
    for verb in ("get pod", "delete"):
        api = started()
        api.crashing(1, "shop")
        api.crashing(2, "bank")
        api.sync()
        api.faults[verb] = [refused(403)]
        status = api.settle(2)
        phases = {each["namespace"]: each["phase"] for each in status["remediations"]}
        assert sorted(phases.values()) == ["Done", "Failed"]
        (failed,) = [name for name, phase in phases.items() if phase == "Failed"]
        found = condition({"status": status})
        assert (found["reason"], f"namespace {failed}" in found["message"]) == ("Forbidden", True)
        assert len(api.deleted) == 1


def test_a_selector_that_cannot_be_evaluated_stops_it() -> None:
    """A plan that is stored is not executed, and none is made."""
    api = started()
    api.crashing(1)
    api.sync()
    api.change(namespaceSelector={"matchExpressions": [{"key": "a", "operator": "In"}]})
    status = api.settle()
    assert api.deleted == []
    assert condition({"status": status})["reason"] == "InvalidNamespaceSelector"
    (entry,) = status["remediations"]
    assert entry["phase"] == "Expired"


@pytest.mark.parametrize("policy", [{"paused": True}, {"dryRun": True}])
def test_paused_or_in_a_dry_run_nothing_is_replaced(policy: Json) -> None:
    """The status counts what would be."""
    api = started(replacing_cluster(remediation=policy))
    api.crashing(1)
    status = api.settle()
    assert api.deleted == []
    reason = "Paused" if "paused" in policy else "DryRun"
    assert api.withheld() == {reason: ["shop/app-1"]}
    assert condition({"status": status})["reason"] == reason


# Whose crash it was


def test_taken_over_from_a_poddiagnoser_its_crash_is_not_acted_on() -> None:
    """The PodDiagnoser may have: only the next one is."""
    api = started()
    own = own_target()
    api.targets["shop"].append(own)
    api.sync()
    name = api.crashing(1)
    assert api.pods[name]["metadata"]["labels"][LABEL] == "own"
    api.targets["shop"].remove(own)
    api.pass_time(10)
    api.sync_pods()
    assert api.pods[name]["metadata"]["labels"][CLUSTER_LABEL] == "cluster"
    api.settle()
    assert (api.deleted, api.withheld()) == ([], {"BeforeClaim": [f"shop/{name}"]})
    api.crash(name)
    api.settle()
    assert len(api.deleted) == 1


def test_taken_over_by_a_poddiagnoser_its_crash_is_not_acted_on() -> None:
    """Though it is within the time for which its own action is asked for, by a wrong clock, too."""
    api = started(replacing_cluster(remediation={"paused": True}))
    name = api.crashing(1)
    own = replacing(minPodAgeSeconds=0)
    own["metadata"]["creationTimestamp"] = "2026-11-23T09:00:00Z"
    api.targets["shop"].append(target(own))
    for next_crash in (False, True):
        if next_crash:
            api.pass_time(10)
            api.crash(name)
        api.now = api.now.replace(microsecond=0)
        api.sync_pods()
        pod = api.pods[name]
        assert pod["metadata"]["labels"][LABEL] == own["metadata"]["name"]
        seen = take_snapshot(diagnoser_request(own, target(own), pod))
        answer = sync_pod_diagnoser(seen, api.now, ExecutionReport()).response
        status = json.loads(answer.encode())["status"]
        assert len(status["remediations"]) == next_crash
        assert [each["reason"] for each in status["withheld"]] == ["BeforeClaim"] * (not next_crash)
    assert PodDiagnoser.model_validate(own).active


def test_what_crashed_while_the_namespace_declined_is_not_acted_on() -> None:
    """Its Pods say nothing of that time; the status notices that the decline is over."""
    api = started()
    off = own_target(enableAnnotations=False)
    api.targets["shop"].append(off)
    api.sync()
    shop, bank = api.crashing(1, "shop"), api.crashing(2, "bank")
    assert CLUSTER_LABEL not in api.pods[shop]["metadata"]["labels"]
    api.targets["shop"].remove(off)
    api.pass_time(3)
    api.sync_pods()
    status = api.settle()
    assert [where for where, _ in api.where] == ["bank"]
    assert bank
    assert api.withheld() == {"BeforeClaim": [f"shop/{shop}"]}
    assert "shop" in {each["namespace"] for each in status["claims"]}


@pytest.mark.parametrize(
    "begin", ["joins", "is narrowed", "older one goes", "memory is lost", "is switched on"]
)
def test_a_claim_begins(begin: str) -> None:
    """Crashes from before it are left alone, those after it are acted on."""
    api = started(replacing_cluster("LogEvent" if begin == "is switched on" else "RestartPod"))
    own = own_target()
    if begin == "joins":
        del api.targets["shop"]
    elif begin in ("is narrowed", "older one goes"):
        api.targets["shop"].append(own)
    api.sync()
    name = api.crashing(1)
    if begin == "joins":
        api.add_namespace("shop")
    elif begin == "is narrowed":
        api.targets["shop"][1] = own_target(targetLabels={"app": "other"})
    elif begin == "older one goes":
        del api.targets["shop"][1]
    elif begin == "memory is lost":
        stored = copy.deepcopy(api.diagnosers["cluster"])
        del stored["status"]["writerNamespaces"]
        api.put(stored)
    else:
        api.change(remediationAction="RestartPod")
    # Nothing on the Pod tells of it.
    document = copy.deepcopy(api.pods[name])
    document["metadata"]["annotations"] = {}
    document["metadata"]["labels"].pop(LABEL, None)
    api.put(document)
    api.pass_time(3)
    api.sync_pods()
    api.settle()
    assert api.deleted == []
    api.crash(name)
    api.settle()
    assert len(api.deleted) == 1


def test_where_nothing_begins_the_status_stays_the_same() -> None:
    """To the byte; and what is no longer needed is dropped."""
    api = started()
    before = api.settle(3)
    assert api.settle(3) == before
    api.add_namespace("new")
    after = api.settle(3)
    assert [each["namespace"] for each in after["claims"]] == ["new", "*"]
    api.pass_time(36 * 60)
    assert api.settle(2)["claims"] == []


def test_the_list_of_claims_is_bounded() -> None:
    """Where more begin at once, all of them do."""
    api = started()
    for number in range(MAX_CLAIMS + 1):
        api.add_namespace(f"n{number}")
    status = api.sync()
    assert [each["namespace"] for each in status["claims"]] == ["*"]
    assert len(status["writerNamespaces"]) == 8 * (MAX_CLAIMS + 3)
    assert list(problems(schema("ClusterPodDiagnoser")["properties"]["status"], status)) == []


def test_without_replacing_nothing_is_kept_of_claims() -> None:
    """It would only be written."""
    api = started(replacing_cluster("LogEvent"))
    status = api.settle()
    assert status["claims"] == []
    assert "writerNamespaces" not in status
