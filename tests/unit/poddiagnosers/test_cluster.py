"""ClusterPodDiagnosers: what they publish, claim, tell and report."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser
from pod_diagnoser.api.cluster_requests import (
    ClusterCustomizeRequest,
    parse_truncated_cluster,
)
from pod_diagnoser.api.diagnostics_v1 import CLUSTER_LABEL, DiagnosisTarget
from pod_diagnoser.poddiagnosers.cluster_snapshot import take_cluster_snapshot
from pod_diagnoser.poddiagnosers.cluster_status import (
    MAX_NAMESPACES,
    customize_cluster,
    sync_cluster,
)
from pod_diagnoser.poddiagnosers.cluster_targets import (
    RETRY_SECONDS,
    customize_cluster_targets,
    sync_cluster_targets,
)
from pod_diagnoser.poddiagnosers.namespace_selection import (
    MAX_LISTED,
    SELECTED_NAMESPACES,
    read_selection,
    selection_annotation,
)
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.pods.claims import claiming_target, valid_targets
from pod_diagnoser.pods.keys import DIAGNOSED_BY, LABEL
from pod_diagnoser.pods.recall import PODS_RECALLED, RECALLED
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.model import ExecutionReport
from tests.manifests.structural import problems
from tests.manifests.test_crds import schema
from tests.support.builders import (
    T0,
    after,
    applied,
    condition,
    crashed,
    diagnoser,
    owned,
    pod_request,
    target,
)
from tests.support.cluster_builders import (
    Json,
    cluster_body,
    cluster_diagnoser,
    cluster_request,
    cluster_target,
    namespace,
    targets_request,
)
from tests.support.fake_api import FakeApi, refused

CLUSTER = cluster_diagnoser()
ON = "enableAnnotations"
INVALID = {"matchExpressions": [{"key": "a", "operator": "In", "values": []}]}


def after_own_sync(of: Json, *targets: Json, seconds: float = 1) -> Json:
    """Return a Pod after its own sync."""
    made = sync_pod(pod_request(of, *targets), after(seconds)).response
    return applied(of, json.loads(made.encode()))


def shown(of: Json) -> Json:
    """Return a Pod's labels and annotations of ours that say whose it is."""
    meta = of["metadata"]
    keys = {**meta["labels"], **meta.get("annotations", {})}
    return {key: keys[key] for key in (LABEL, CLUSTER_LABEL, DIAGNOSED_BY) if key in keys}


def published(request: Any) -> list[str]:
    """Return in which namespaces DiagnosisTargets are published."""
    answer = json.loads(sync_cluster_targets(request).encode())
    return [each["metadata"]["namespace"] for each in answer["attachments"]]


def synced(of: Json, seconds: float, *related: Json, selected: bool = True) -> Json:
    """Return a ClusterPodDiagnoser after the sync that reports."""
    snapshot = take_cluster_snapshot(cluster_request(of, *related, selected=selected))
    answer = json.loads(sync_cluster(snapshot, after(seconds), ExecutionReport()).response.encode())
    assert "attachments" not in answer
    assert (
        list(problems(schema("ClusterPodDiagnoser")["properties"]["status"], answer["status"]))
        == []
    )
    return applied(of, answer)


# Claims


def test_a_pod_says_which_clusterpoddiagnoser_it_belongs_to() -> None:
    """By a label of its own key, and by an annotation that stays when the label goes."""
    pod = after_own_sync(crashed(), cluster_target(CLUSTER))
    assert shown(pod) == {CLUSTER_LABEL: "cluster", DIAGNOSED_BY: "ClusterPodDiagnoser/cluster"}
    assert shown(after_own_sync(pod)) == {}, "nothing is left where nobody claims it"


def test_a_poddiagnoser_comes_first_though_it_is_younger_and_bears_the_same_name() -> None:
    """It takes the Pod over whole; gone, it gives it back."""
    both = cluster_target(CLUSTER), target(diagnoser("cluster", created=after(hours=5)))
    before = after_own_sync(crashed(), both[0])
    taken = after_own_sync(before, *both, seconds=9)
    assert shown(taken) == {LABEL: "cluster"}
    assert shown(after_own_sync(taken, both[0], seconds=19)) == shown(before)


def test_one_that_is_switched_off_keeps_the_clusters_away() -> None:
    """From the Pods that it selects and from no others; and it takes none from an active one."""
    off = off_target(targetLabels={"app": "app"})
    whole = cluster_target(CLUSTER)
    pod = after_own_sync(crashed(), whole)
    assert shown(after_own_sync(pod, whole, off)) == {}
    other = after_own_sync(crashed(labels={"app": "other"}), whole, off)
    assert shown(other)[CLUSTER_LABEL] == "cluster"
    active = target(diagnoser("active", 901, after(hours=9)))
    assert shown(after_own_sync(pod, whole, off, active)) == {LABEL: "active"}


def off_target(**spec: Any) -> Json:
    """Return the DiagnosisTarget of a PodDiagnoser that is switched off."""
    made = target(diagnoser(**spec))
    made["metadata"]["name"] += "-off"
    made["spec"]["active"] = False
    return made


@pytest.mark.parametrize(
    ("change", "value"), [("kind", "PodDiagnoser"), ("uid", "other"), ("name", "x")]
)
def test_a_target_counts_only_by_the_owner_that_it_names(change: str, value: str) -> None:
    """A PodDiagnoser cannot have one of the cluster's, nor the other way round."""
    forged = cluster_target(CLUSTER)
    forged["metadata"]["ownerReferences"][0][change] = value
    assert valid_targets([DiagnosisTarget.model_validate(forged)], "shop") == []
    real = cluster_target(CLUSTER)
    real["metadata"]["name"] = real["metadata"]["name"].removesuffix("-cluster")
    assert valid_targets([DiagnosisTarget.model_validate(real)], "shop") == []


@given(st.permutations(range(6)))
def test_precedence_does_not_depend_on_the_order_of_a_request(order: list[int]) -> None:
    """PodDiagnosers, then the cluster's; of each the oldest, then the first by name."""
    documents = [
        target(diagnoser("young", 1, after(hours=2))),
        target(diagnoser("old", 2, after(hours=1))),
        off_target(targetLabels={"app": "off"}),
        cluster_target(cluster_diagnoser("b", 4, after(-9))),
        cluster_target(cluster_diagnoser("a", 5, after(-9))),
        cluster_target(cluster_diagnoser("ancient", 6, after(hours=-9), targetLabels={"x": "y"})),
    ]
    found = valid_targets(
        [DiagnosisTarget.model_validate(documents[each]) for each in order], "shop"
    )
    names = [each.diagnoser.name for each in found]
    assert names == ["old", "young", "diag", "ancient", "a", "b"]
    without = [each for each in found if each.is_of_cluster or not each.active]
    assert (claim := claiming_target(without, {"app": "app"})) is not None
    assert claim.diagnoser.name == "a"
    assert claiming_target(without, {"app": "off"}) is None


# Publishing


def test_each_selected_namespace_gets_a_target_of_its_own() -> None:
    """It carries the name for a label selector, and is what Pods accept."""
    answer = json.loads(
        sync_cluster_targets(targets_request(CLUSTER, namespace("b"), namespace("a"))).encode()
    )
    assert answer.keys() == {"attachments"}
    first, second = answer["attachments"]
    assert (first["metadata"]["namespace"], second["metadata"]["namespace"]) == ("a", "b")
    assert first["metadata"]["labels"] == {CLUSTER_LABEL: "cluster"}
    assert first["spec"]["diagnoser"]["kind"] == "ClusterPodDiagnoser"
    node = schema("DiagnosisTarget")["properties"]["spec"]
    assert list(problems(node, first["spec"])) == []


def test_a_selector_that_cannot_be_evaluated_changes_nothing_that_is_published() -> None:
    """Neither where Metacontroller sent no Namespaces, nor where it sent them all the same."""
    broken = cluster_diagnoser(namespaceSelector=INVALID)
    existing = (cluster_target(CLUSTER, "a"), cluster_target(CLUSTER, "b"))
    for request in (
        targets_request(broken, existing=existing, selected=False),
        targets_request(broken, namespace("c"), existing=existing),
        targets_request(CLUSTER, existing=existing, selected=False),
    ):
        assert published(request) == ["a", "b"]
    asked = ClusterCustomizeRequest.model_validate({"parent": broken})
    assert customize_cluster_targets(asked).relatedResources == ()


def test_in_a_namespace_that_is_being_deleted_nothing_is_created() -> None:
    """What is there already stays until the namespace goes."""
    going = namespace("going", terminating=True)
    assert published(targets_request(CLUSTER, going, namespace("a"))) == ["a"]
    existing = (cluster_target(CLUSTER, "going"),)
    assert published(targets_request(CLUSTER, going, existing=existing)) == ["going"]


def test_switched_off_it_publishes_nothing() -> None:
    """It is none that a namespace could decline by."""
    off = cluster_diagnoser(enableAnnotations=False)
    existing = (cluster_target(CLUSTER, "a"),)
    assert published(targets_request(off, namespace("a"), existing=existing)) == []


def rules(of: Json) -> list[Json]:
    """Return the rules for what its status needs."""
    asked = ClusterCustomizeRequest.model_validate({"parent": of})
    return list(json.loads(customize_cluster(asked).encode())["relatedResources"])


def test_the_rules_are_those_of_the_selector_and_the_name() -> None:
    """Pods by the label, no DiagnosisTarget of the cluster's own."""
    selector = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
    pods, targets, others = rules(cluster_diagnoser(namespaceSelector=selector))
    assert pods["labelSelector"] == {"matchLabels": {CLUSTER_LABEL: "cluster"}}
    (requirement,) = targets["labelSelector"]["matchExpressions"]
    assert requirement == {"key": CLUSTER_LABEL, "operator": "DoesNotExist"}
    assert others["resource"] == "clusterpoddiagnosers"


@pytest.mark.parametrize("action", ["RestartPod", "EvictPod"])
def test_namespaces_are_requested_by_who_publishes_and_by_who_replaces_pods(action: str) -> None:
    """By the selector; else they would come with each crash, and 2,000 are a megabyte."""
    selector = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
    replacing = cluster_diagnoser(namespaceSelector=selector, remediationAction=action)
    namespaces, *others = rules(replacing)
    assert others == rules(cluster_diagnoser(namespaceSelector=selector))
    assert namespaces == {
        "apiVersion": "v1",
        "resource": "namespaces",
        "labelSelector": selector,
    }
    everything = ClusterCustomizeRequest.model_validate({"parent": CLUSTER})
    (all_of_them,) = json.loads(customize_cluster_targets(everything).encode())["relatedResources"]
    assert all_of_them["labelSelector"] == {"matchLabels": {}}


# Reporting


def in_namespace(name: str, number: int, **options: Any) -> Json:
    """Return a crashed Pod of a namespace after its own sync."""
    document = owned(number, T0, **options)
    del document["metadata"]["labels"][LABEL]
    document["metadata"]["namespace"] = name
    return after_own_sync(document, cluster_target(CLUSTER, name))


def test_the_status_has_namespaces_and_workloads_and_no_text_of_others() -> None:
    """The same workload in two namespaces is two; texts are on the Pods alone."""
    pods = [in_namespace("a", 1), in_namespace("b", 2), in_namespace("b", 3)]
    seen = synced(CLUSTER, 5, namespace("a"), namespace("b"), namespace("c"), *pods)
    status = seen["status"]
    assert status["selectedNamespaces"] == 3
    assert status["diagnosedPods"] == 3
    assert status["namespaces"] == [
        {"name": "b", "crashingPods": 2, "workloads": 1},
        {"name": "a", "crashingPods": 1, "workloads": 1},
    ]
    lines = {(one["namespace"], one["crashingPods"]) for one in status["workloads"]}
    assert lines == {("a", 1), ("b", 2)}
    assert {one["namespace"] for one in status["recentDiagnoses"]} == {"a", "b"}
    for one in status["recentDiagnoses"]:
        assert not one.keys() & {"diagnosis", "evidence", "nextStep"}
    assert "countedPods" not in status
    assert synced(seen, 60, namespace("a"), namespace("b"), namespace("c"), *pods) == seen


def test_the_list_of_namespaces_is_bounded() -> None:
    """Those with most crashing Pods are in it."""
    pods = [in_namespace(f"n{number:03}", number) for number in range(MAX_NAMESPACES + 5)]
    names = [namespace(f"n{number:03}") for number in range(MAX_NAMESPACES + 5)]
    status = synced(CLUSTER, 5, *names, *pods)["status"]
    assert len(status["namespaces"]) == MAX_NAMESPACES
    assert len(status["workloads"]) == 50
    assert status["diagnosedPods"] == MAX_NAMESPACES + 5


def test_a_label_that_somebody_put_on_a_pod_counts_for_nothing() -> None:
    """In a namespace that is not selected, or on a Pod that another one claims."""
    pod = in_namespace("a", 1)
    assert synced(CLUSTER, 5, namespace("b"), pod)["status"]["diagnosedPods"] == 0
    own = target(diagnoser(created=after(hours=3)))
    own["metadata"]["namespace"] = "a"
    assert synced(CLUSTER, 5, namespace("a"), pod, own)["status"]["diagnosedPods"] == 0
    older = cluster_diagnoser("older", 701, after(hours=-1))
    assert synced(CLUSTER, 5, namespace("a"), pod, older)["status"]["diagnosedPods"] == 0
    elsewhere = cluster_diagnoser(
        "older", 701, after(hours=-1), namespaceSelector={"matchLabels": {"x": "y"}}
    )
    assert synced(CLUSTER, 5, namespace("a"), pod, elsewhere)["status"]["diagnosedPods"] == 1


def test_conditions_say_who_comes_first() -> None:
    """Older ClusterPodDiagnosers by name, PodDiagnosers by namespace."""
    alone = synced(CLUSTER, 5, namespace("a"))
    assert condition(alone, "Overlapping")["reason"] == "NothingComesFirst"
    own = target(diagnoser())
    beside = synced(CLUSTER, 5, namespace("shop"), own)
    assert condition(beside, "Overlapping")["reason"] == "PodDiagnosersMayMatch"
    assert "shop" in condition(beside, "Overlapping")["message"]
    older = cluster_diagnoser("older", 701, after(hours=-1))
    younger = cluster_diagnoser("younger", 702, after(hours=1))
    third = synced(CLUSTER, 5, namespace("a"), older, younger)
    assert condition(third, "Overlapping")["reason"] == "OlderMayMatch"
    assert "older." in condition(third, "Overlapping")["message"]
    assert "younger" not in condition(third, "Overlapping")["message"]


def test_what_is_known_stays_where_the_selector_cannot_be_evaluated() -> None:
    """The condition says so, and nothing is done."""
    pod = in_namespace("a", 1)
    seen = synced(cluster_diagnoser(remediationAction="LogEvent"), 5, namespace("a"), pod)
    seen["spec"]["namespaceSelector"] = INVALID
    broken = synced(seen, 60, pod, selected=False)
    assert condition(broken, "NamespacesSelected")["reason"] == "InvalidNamespaceSelector"
    assert condition(broken)["reason"] == "InvalidNamespaceSelector"
    for field in ("selectedNamespaces", "namespaces", "workloads", "recentDiagnoses"):
        assert broken["status"][field] == seen["status"][field]
    assert take_cluster_snapshot(cluster_request(seen, pod, selected=False)).crashed == ()


def counted(of: Json, *names: str) -> Json:
    """Return a ClusterPodDiagnoser after its DiagnosisTargets were published."""
    existing = tuple(cluster_target(of, name) for name in names if of["spec"].get(ON, True))
    request = targets_request(of, *(namespace(name) for name in names), existing=existing)
    answer = json.loads(sync_cluster_targets(request).encode())
    return applied(of, {"annotations": answer["annotations"]})


SOME = cluster_diagnoser(namespaceSelector={"matchLabels": {"team": "red"}})


def test_who_replaces_no_pods_reads_how_many_namespaces_there_are() -> None:
    """The one that publishes tells it."""
    pods = [in_namespace("a", 1), in_namespace("b", 2)]
    seen = synced(counted(CLUSTER, "a", "b", "c"), 5, *pods, selected=False)
    assert seen["status"]["selectedNamespaces"] == 3
    assert seen["status"]["diagnosedPods"] == 2
    assert condition(seen, "NamespacesSelected")["message"].endswith("matches 3 namespaces.")
    assert condition(seen, "Complete")["status"] == "True"
    none = synced(counted(CLUSTER), 5, selected=False)
    assert condition(none, "NamespacesSelected")["reason"] == "NoneSelected"


def test_who_replaces_no_pods_reads_which_namespaces_there_are() -> None:
    """A label that somebody put on a Pod elsewhere counts for nothing, nor a PodDiagnoser there."""
    own = target(diagnoser())
    own["metadata"]["namespace"] = "b"
    pods = [in_namespace("a", 1), in_namespace("b", 2)]
    seen = synced(counted(SOME, "a", "c"), 5, *pods, own, selected=False)
    assert seen["status"]["diagnosedPods"] == 1
    assert condition(seen, "Overlapping")["reason"] == "NothingComesFirst"
    both = synced(counted(SOME, "a", "b"), 5, *pods, own, selected=False)
    assert both["status"]["selectedNamespaces"] == 2
    assert condition(both, "Overlapping")["message"].endswith("in these namespaces: b.")


@given(st.sets(st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True), max_size=40), st.booleans())
def test_what_is_told_of_namespaces_is_read(names: set[str], everything: bool) -> None:
    """Their number, and those of which it is told; all where it is told of all."""
    read = read_selection(selection_annotation(names, everything=everything))
    assert read.count == len(names)
    assert all(name in read for name in names)
    assert ("not-a-name" in read) is everything


def test_of_too_many_namespaces_only_the_number_is_told() -> None:
    """What any API server stores."""
    names = [f"n{number}" for number in range(MAX_LISTED + 1)]
    most, more = (
        selection_annotation(found, everything=False)[SELECTED_NAMESPACES]
        for found in (names[:-1], names)
    )
    assert len(most) < 50_000
    assert len(more) < 20
    assert "other" in read_selection({SELECTED_NAMESPACES: more})


def test_the_annotation_changes_with_each_namespace_that_comes_or_goes() -> None:
    """So the status is worked out again also where as many are selected as before."""
    texts = {
        tuple(names): counted(CLUSTER, *names)["metadata"]["annotations"][SELECTED_NAMESPACES]
        for names in (["a", "b"], ["b", "a"], ["a", "c"], ["a"], [])
    }
    assert texts["a", "b"] == texts["b", "a"]
    assert len(set(texts.values())) == 4
    assert [text.split()[0] for text in texts.values()] == ["2", "2", "2", "1", "0"]


def test_each_target_says_when_the_pods_were_last_recalled() -> None:
    """Also where the selector cannot be evaluated; one that is switched off has none."""

    def recalled(**spec: Any) -> list[Json]:
        of = cluster_diagnoser(**spec)
        of["metadata"]["annotations"] = {PODS_RECALLED: "2026-11-23T10:00:00Z"}
        existing = cluster_target(of, "a"), cluster_target(of, "b")
        request = targets_request(of, namespace("a"), namespace("b"), existing=existing)
        made = json.loads(sync_cluster_targets(request).encode())
        return [each["metadata"]["annotations"] for each in made["attachments"]]

    each = {RECALLED: "2026-11-23T10:00:00Z"}
    assert recalled() == [each, each]
    assert recalled(namespaceSelector=INVALID) == [each, each]
    assert recalled(enableAnnotations=False) == []
    made = json.loads(sync_cluster_targets(targets_request(CLUSTER, namespace("a"))).encode())
    assert "annotations" not in made["attachments"][0]["metadata"]


def test_the_first_targets_come_before_what_is_told() -> None:
    """A write to the parent that loses a race takes the attachments with it; it is tried again."""
    first, second = cluster_target(CLUSTER, "a"), cluster_target(CLUSTER, "b")
    names = namespace("a"), namespace("b")
    answer = sync_cluster_targets(targets_request(CLUSTER, *names))
    assert json.loads(answer.encode()).keys() == {"attachments"}
    for existing in ((first,), (first, second), (first, cluster_target(CLUSTER, "c"))):
        answer = sync_cluster_targets(targets_request(CLUSTER, *names, existing=existing))
        assert answer.annotations.keys() == {SELECTED_NAMESPACES}
        assert answer.resyncAfterSeconds == RETRY_SECONDS
        assert len(answer.attachments) == 2
    again = targets_request(counted(CLUSTER, "a", "b"), *names, existing=(first, second))
    assert json.loads(sync_cluster_targets(again).encode()).keys() == {"attachments"}


@pytest.mark.parametrize(
    "text", [None, "", "3", "3 namespaces", "-3 abcdefgh", "1 abcdefgh abcde", "9" * 99]
)
def test_until_the_namespaces_are_counted_nothing_is_said_of_them(text: str | None) -> None:
    """Whatever the annotation holds that is not ours."""
    of = cluster_diagnoser()
    if text is not None:
        of["metadata"]["annotations"] = {SELECTED_NAMESPACES: text}
    elsewhere = target(diagnoser(created=after(hours=3)))
    elsewhere["metadata"]["namespace"] = "elsewhere"
    seen = synced(of, 5, in_namespace("a", 1), elsewhere, selected=False)
    said = {one["type"] for one in seen["status"]["conditions"]}
    assert not said & {"NamespacesSelected", "Overlapping"}
    assert seen["status"]["diagnosedPods"] == 1


def test_switched_off_it_still_says_how_many_namespaces_there_are() -> None:
    """As its selector matches them."""
    off = counted(cluster_diagnoser(enableAnnotations=False), "a", "b")
    assert synced(off, 5, selected=False)["status"]["selectedNamespaces"] == 2


def test_a_poddiagnoser_comes_first_where_namespaces_are_not_requested() -> None:
    """And of ClusterPodDiagnosers the one that the Pod's label names, by the Pod's own sync."""
    pod, of = in_namespace("a", 1), counted(CLUSTER, "a")
    own = target(diagnoser(created=after(hours=3)))
    own["metadata"]["namespace"] = "a"
    taken = synced(of, 5, pod, own, selected=False)
    assert taken["status"]["diagnosedPods"] == 0
    assert "a" in condition(taken, "Overlapping")["message"]
    older = cluster_diagnoser("older", 701, after(hours=-1))
    beside = synced(of, 5, pod, older, selected=False)
    assert beside["status"]["diagnosedPods"] == 1
    assert condition(beside, "Overlapping")["reason"] == "OlderMayMatch"


@pytest.mark.parametrize("action", ["RestartPod", "EvictPod"])
def test_without_the_namespaces_no_pod_is_replaced(action: str) -> None:
    """What comes first in each is not known: an old response, from before the action was set."""
    of = counted(cluster_diagnoser(remediationAction=action), "a")
    snapshot = take_cluster_snapshot(cluster_request(of, in_namespace("a", 1), selected=False))
    assert (snapshot.crashed, snapshot.complete) == ((), False)


def test_a_request_whose_end_is_missing_is_read_up_to_there() -> None:
    """The Pods come last; without what says who is selected there is nothing to go by."""
    pods = [in_namespace("a", number) for number in range(3)]
    body = json.dumps(cluster_body(CLUSTER, namespace("a"), *pods), separators=(",", ":"))
    start = parse_truncated_cluster(body[:-20].encode())
    assert start is not None
    assert len(take_cluster_snapshot(start, complete=False).crashed) == 2
    assert parse_truncated_cluster(body[: body.index('"Namespace.v1"') + 30].encode()) is None


# Events


def tell(api: FakeApi, of: Json, *pods: Json, names: tuple[str, ...] = ("shop",)) -> Json:
    """Sync a ClusterPodDiagnoser at an API server; return the answer."""
    reconciler = Reconciler(api, lambda: api.now, "hook-1", lambda: api.monotonic)
    request = cluster_request(of, *(namespace(name) for name in names), *pods)
    result = reconciler.sync_cluster(take_cluster_snapshot(request))
    return dict(json.loads(result.response.encode()))


LOGGING = cluster_diagnoser(remediationAction="LogEvent", evidence={"events": False})


def test_a_crash_is_told_in_the_namespace_of_its_pod() -> None:
    """By the live ClusterPodDiagnoser and the live Pod, once."""
    api = FakeApi(now=after(10))
    pod = api.put(in_namespace("shop", 1))
    api.put(LOGGING)
    answer = tell(api, LOGGING, pod)
    assert api.verbs() == ["get cluster diagnoser", "get pod", "event"]
    (event,) = api.events.values()
    assert event["metadata"]["namespace"] == "shop"
    assert event["involvedObject"]["namespace"] == "shop"
    assert condition({"status": answer["status"]})["reason"] == "LoggingEvents"
    tell(api, LOGGING, pod)
    assert len(api.events) == 1


def test_a_crash_of_before_it_took_the_pod_over_is_not_told_again() -> None:
    """Another one diagnosed it first; the next crash is told."""
    api = FakeApi(now=after(20))
    document = owned(1, T0)
    del document["metadata"]["labels"][LABEL]
    first = after_own_sync(document, target(diagnoser("first", 2)))
    taken = after_own_sync(first, cluster_target(LOGGING), seconds=12)
    assert shown(taken)[CLUSTER_LABEL] == "cluster"
    pod = api.put(taken)
    api.put(LOGGING)
    tell(api, LOGGING, pod)
    assert api.events == {}
    following = owned(1, after(15))["status"]
    again = after_own_sync({**taken, "status": following}, cluster_target(LOGGING), seconds=16)
    tell(api, LOGGING, api.put(again))
    assert len(api.events) == 1


def test_nothing_is_told_for_one_that_was_changed_or_is_gone() -> None:
    """A request may be old, or forged."""
    pod = in_namespace("shop", 1)
    for live in (None, cluster_diagnoser(evidence={"events": False}), cluster_diagnoser(number=1)):
        api = FakeApi(now=after(10))
        api.put(pod)
        if live is not None:
            api.put(live)
        tell(api, LOGGING, pod)
        assert api.events == {}


def test_where_it_is_forbidden_in_one_namespace_the_others_are_told() -> None:
    """And the condition says where it is."""
    api = FakeApi(now=after(10))
    pods = [api.put(in_namespace("shop", number)) for number in (1, 2)]
    api.put(LOGGING)
    api.faults["event"] = [refused(403)]
    answer = tell(api, LOGGING, *pods)
    assert len(api.events) == 1
    found = condition({"status": answer["status"]})
    assert (found["reason"], found["status"]) == ("Forbidden", "False")
    assert "in namespace shop" in found["message"]


def test_its_own_name_of_a_live_object_is_read_as_the_kind_it_is() -> None:
    """A ClusterPodDiagnoser has no namespace, and claims in every one."""
    read = ClusterPodDiagnoser.model_validate(LOGGING)
    assert read.reaches("anything")
    assert read.metadata.namespace == ""
