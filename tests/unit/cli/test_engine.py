"""From objects to items of the list: the diagnoses of the hook, for any Pods and Events."""

import copy
import json
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.api.metacontroller import SyncResponse
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.collector import take_snapshot
from pod_diagnoser.cli.decoding import DecodingError, decode
from pod_diagnoser.cli.engine import diagnose_snapshot
from pod_diagnoser.cli.renderers.json_list import to_list
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES
from pod_diagnoser.pods.keys import CAUSE, CONTAINER, CRASHES, DIAGNOSIS, EVIDENCE, NEXT_STEP
from pod_diagnoser.pods.metadata import NO_OUTPUT, desired_metadata
from pod_diagnoser.pods.observation import observe_pod
from tests.fuzz.mutating import Mutator
from tests.support import corpus
from tests.support.builders import (
    UID,
    after,
    container,
    crashed,
    kubelet_event,
    pod,
    terminated,
)

Json = dict[str, Any]

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


def items(*objects: Json, now: datetime = NOW) -> list[Json]:
    """Return the items for a List of objects."""
    document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    found: list[Json] = to_list(diagnose_snapshot(take_snapshot([document]), now))["items"]
    return found


def annotated(name: str) -> SyncResponse:
    """Return what the hook writes on a golden Pod, after its Events were read."""
    of, claim = corpus.pod(name), DiagnosisTargetSpec()
    fetched = corpus.fetched_for(name, of) if corpus.event_items(name) else None
    observation = observe_pod(of, claim, NOW, fetched)
    return desired_metadata(of, claim, observation, NOW, NO_OUTPUT)


@pytest.mark.parametrize("name", corpus.names())
def test_first_item_is_what_the_hook_writes_on_the_pod(name: str) -> None:
    """The same lines about the same container; nothing where the hook writes nothing."""
    annotations = annotated(name).annotations
    found = items(corpus.document(name), *(corpus.event_items(name) or []))
    if annotations.get(CAUSE) is None:
        assert found == [] or CAUSE not in annotations  # an older crash than the stored one
        return
    first = found[0]
    assert first["cause"] == annotations[CAUSE]
    assert first["container"] == (annotations.get(CONTAINER) or "")
    assert first["diagnosis"] == annotations[DIAGNOSIS]
    assert first["evidence"] == (annotations.get(EVIDENCE) or "")
    assert first["nextStep"] == (annotations.get(NEXT_STEP) or "")


def test_item_has_the_facts_of_the_container() -> None:
    """Beside the texts, what a program wants to know."""
    (item,) = items(crashed(after()), now=after(60))
    texts = {key: item.pop(key) for key in ("diagnosis", "evidence", "nextStep")}
    assert item == {
        "namespace": "shop",
        "pod": "app-1",
        "container": "app",
        "containerKind": "container",
        "workload": {"kind": "Pod", "name": "app-1"},
        "node": "node1",
        "cause": "ApplicationError",
        "causeProvedBy": "Status",
        "symptom": "Terminated",
        "brokenNow": False,
        "reason": "Error",
        "exitCode": 1,
        "restartCount": 1,
        "startedAt": format_time(after(-5)),
        "finishedAt": format_time(after()),
        "happenedAt": format_time(after()),
    }
    assert texts["diagnosis"].startswith("Container app ")


def test_healthy_pods_have_no_item() -> None:
    """Nor what is no Pod."""
    assert items(pod(container()), {"apiVersion": "v1", "kind": "Node"}) == []


def test_every_container_and_cause_once_the_latest_first() -> None:
    """Two containers; of one container two ends of the same cause."""
    twice = container("twice", last=terminated(after(10)), restarts=2)
    twice["state"] = {"terminated": terminated(after(20))}
    other = container("other", last=terminated(after(15), code=139))
    found = items(pod(twice, other), now=after(60))
    assert [(each["container"], each["cause"]) for each in found] == [
        ("twice", "ApplicationError"),
        ("other", "SegmentationFault"),
    ]
    assert found[0]["finishedAt"] == format_time(after(20))


def killed_pod(**options: Any) -> Json:
    """Return a Pod whose container was killed at `T0`."""
    of = pod(container(last=terminated(after(), code=137)), **options)
    of["spec"]["containers"][0]["livenessProbe"] = {}
    return of


def probe_kill(**changes: Any) -> Json:
    """Return the Event of the kubelet that its liveness probe failed."""
    event = {"apiVersion": "v1", "kind": "Event", **kubelet_event(**changes)}
    event["involvedObject"]["uid"] = UID.format(1)
    event["firstTimestamp"] = event["lastTimestamp"] = format_time(after(-1))
    return event


def as_events_v1(event: Json) -> Json:
    """Return a core/v1 Event as ``events.k8s.io/v1`` shows it."""
    names = {
        "involvedObject": "regarding",
        "message": "note",
        "source": "deprecatedSource",
        "firstTimestamp": "deprecatedFirstTimestamp",
        "lastTimestamp": "deprecatedLastTimestamp",
        "count": "deprecatedCount",
        "reportingComponent": "reportingController",
    }
    renamed = {names.get(key, key): value for key, value in event.items()}
    return {**renamed, "apiVersion": "events.k8s.io/v1"}


@pytest.mark.parametrize("convert", [copy.deepcopy, as_events_v1])
def test_events_of_both_apis_prove_a_cause(convert: Any) -> None:
    """Before and after the Pod, whichever comes first."""
    event = convert(probe_kill())
    for objects in ([killed_pod(), event], [event, killed_pod()]):
        (item,) = items(*objects, now=after(60))
        assert item["cause"] == "LivenessProbeFailed"


def test_events_that_the_file_does_not_have_are_not_known_to_be_none() -> None:
    """`kubectl get pods -o json` has no Events: the Pod's status is all that is known."""
    snapshot = take_snapshot([killed_pod()])
    assert snapshot.evidence_of(snapshot.pods[0]) is None
    other = probe_kill()
    other["involvedObject"]["uid"] = UID.format(2)
    other["metadata"] = {"namespace": "shop", "name": "other"}
    snapshot = take_snapshot([killed_pod(), other])
    evidence = snapshot.evidence_of(snapshot.pods[0])
    assert evidence is not None
    assert evidence.events == ()


def test_events_of_nodes_explain_a_kill() -> None:
    """Those of the Pod's own node, in the second of the kill."""
    of = pod(container(last=terminated(after(), code=137)))
    event = {
        **probe_kill(reason="SystemOOM"),
        "metadata": {"namespace": "default", "name": "node1.1"},
        "message": "System OOM encountered, victim process: java, pid: 4711",
        "involvedObject": {"kind": "Node", "name": "node1", "uid": "node1"},
    }
    event["firstTimestamp"] = event["lastTimestamp"] = format_time(after())
    (item,) = items(of, event, now=after(60))
    assert "SystemOOM" in item["evidence"]
    assert "no Event" not in item["evidence"]
    other = {**event, "involvedObject": {"kind": "Node", "name": "node2", "uid": "node2"}}
    (item,) = items(of, other, now=after(60))
    assert "SystemOOM" not in item["evidence"]


def test_lookups_of_the_hook_that_failed_do_not_count() -> None:
    """The operator was not allowed to read the Events; the file has them."""
    refused = {"asked": "Refused"}
    found = observe_pod(take_snapshot([killed_pod()]).pods[0], DiagnosisTargetSpec(), after(60))
    record = json.loads(found.history[0].model_dump_json())
    crashes = json.dumps({"history": [{**record, "evidence": refused}]})
    of = killed_pod(annotations={CRASHES: crashes})
    assert [each["cause"] for each in items(of, now=after(60))] == ["Killed"]
    (item,) = items(of, probe_kill(), now=after(60))
    assert item["cause"] == "LivenessProbeFailed"


def test_lists_in_lists_arrays_and_lists_without_kinds() -> None:
    """`kubectl get --raw` gives items without kind; `jq .items` an array."""
    bare = {key: value for key, value in crashed().items() if key not in ("kind", "apiVersion")}
    pods = {"apiVersion": "v1", "kind": "PodList", "items": [bare]}
    for document in (pods, [pods], {"kind": "List", "items": [pods]}, [crashed()]):
        assert len(take_snapshot([document]).pods) == 1


def test_object_that_occurs_twice_counts_once() -> None:
    """Of a watch the last state counts."""
    event = {**probe_kill(), "metadata": {"namespace": "shop", "name": "one"}}
    snapshot = take_snapshot([crashed(), event, pod(container()), event])
    assert snapshot.looked_at == 1
    assert sum(map(len, snapshot.events.values())) == 1
    assert diagnose_snapshot(snapshot, NOW).findings == []


def test_objects_that_are_not_readable_are_counted() -> None:
    """A Pod without a name, an Event whose message is a number."""
    snapshot = take_snapshot(
        [{"kind": "Pod"}, {"kind": "Event", "message": 5}, {"kind": ["Pod"]}, 7, crashed()]
    )
    assert snapshot.unreadable == 2
    assert len(snapshot.pods) == 1


def test_half_of_a_character() -> None:
    """JSON can escape one, of which no UTF-8 can be made: no API server writes it."""
    of = crashed()
    last = of["status"]["containerStatuses"][0]["lastState"]["terminated"]
    last["containerID"] = "containerd://\ud800"
    snapshot = take_snapshot(decode(json.dumps(of).encode()))
    assert (snapshot.looked_at, snapshot.unreadable) == (0, 1)


@given(st.sampled_from(corpus.names()), st.randoms(use_true_random=False))
def test_any_pods_and_events_give_a_list(name: str, random: Random) -> None:
    """Mutated golden Pods and Events: no exception, the same result twice, bounded texts."""
    objects = [corpus.document(name), *(corpus.event_items(name) or [])[:20]]
    content = Mutator(random).body({"kind": "List", "items": objects})
    try:
        snapshot = take_snapshot(decode(content))
    except DecodingError:
        return
    found = to_list(diagnose_snapshot(snapshot, NOW))
    assert found == to_list(diagnose_snapshot(snapshot, NOW))
    for item in found["items"]:
        lines = [item[key] for key in ("diagnosis", "evidence", "nextStep")]
        assert all(line.isprintable() and len(line.encode()) <= MAX_LINE_BYTES for line in lines)
        assert len(json.dumps(item)) < 8192


def test_what_pods_have_in_common_is_told_beside_the_list() -> None:
    """Healthy Pods are what it is compared with; without anything in common there is no field."""
    last = {
        at: terminated(after(at), startedAt=format_time(after(-900 * at))) for at in range(1, 5)
    }
    pods = [pod(container(last=last[at]), name=f"p{at}", number=at) for at in last]
    healthy = [pod(container(), name=f"h{at}", number=50 + at) for at in range(9)]
    for each in healthy:
        each["spec"]["nodeName"] = "node2"
    document = {"kind": "List", "items": [*pods, *healthy]}
    found = to_list(diagnose_snapshot(take_snapshot([document]), after(9000)))
    (common,) = found["summary"]["common"]
    assert common == {
        "reason": "SameNode",
        "message": (
            "4 Pods of 4 workloads crashed within 3 s, from 2026-11-23T10:00:01Z: all on node "
            "node1 (none of 9 other Pods). A hint, not a cause."
        ),
        "since": "2026-11-23T10:00:01Z",
        "pods": 4,
    }
    document["items"] = [*pods[:2], *healthy]
    found = to_list(diagnose_snapshot(take_snapshot([document]), after(9000)))
    assert "common" not in found["summary"]
