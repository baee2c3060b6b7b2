"""Properties of the two syncs, for any mutation of a real Pod."""

import copy
import json
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest, PodSyncRequest
from pod_diagnoser.diagnosis.lasting_conditions import detect_lasting_conditions
from pod_diagnoser.poddiagnosers.response import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.pods.keys import ANNOTATIONS, LABEL, LABELS, MAX_TOTAL_BYTES
from pod_diagnoser.pods.sync import sync_pod
from tests.support import corpus
from tests.support.builders import T0, Json, after, applied, crashed, diagnoser, target

PODS = [corpus.document(name) for name in corpus.names()]
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", 0, -1, 2**40, [], {}, "x" * 300, "\u202e\x00", "0001-01-01T00:00:00Z", True, 1.5]
).map(copy.copy)
TIMES = st.integers(-(10**7), 10**7).map(after)
TARGETS = [
    target(diagnoser("all")),
    target(diagnoser("apps", 901, after(-10), targetLabels={"app": "app"})),
    target(diagnoser("none", 902, after(-20), targetLabels={"no": "such"})),
]


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths to all values in a document."""
    found = [path] if path else []
    if isinstance(node, dict):
        for key, value in node.items():
            found += places(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            found += places(value, (*path, index))
    return found


@st.composite
def mutated_pods(draw: st.DrawFn) -> Json:
    """Draw a Pod of the golden files with up to three values changed or removed."""
    document = copy.deepcopy(draw(st.sampled_from(PODS)))
    document["metadata"].pop("managedFields", None)
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(document)))
        node = document
        for step in path[:-1]:
            node = node[step]
        if draw(st.booleans()):
            node[path[-1]] = draw(ODD)
        else:
            del node[path[-1]]
    return dict(document)


def read(document: Json, *targets: Json) -> PodSyncRequest | None:
    """Read the request for a Pod; None where the API server would not accept its shape."""
    keyed = {f"shop/{number}": each for number, each in enumerate(targets)}
    request = {"object": document, "related": {"DiagnosisTarget.diagnostics.local.io/v1": keyed}}
    try:
        return PodSyncRequest.model_validate_json(json.dumps(request))
    except ValidationError:
        return None


def in_shop(document: Json) -> Json:
    """Move the Pod to the namespace of the DiagnosisTargets, where it has metadata."""
    if isinstance(document.get("metadata"), dict):
        document["metadata"]["namespace"] = "shop"
    return document


@given(mutated_pods(), TIMES, TIMES)
def test_any_pod_gets_the_same_response_each_time_and_then_none(
    document: Json, now: datetime, later: datetime
) -> None:
    """A sync is total, deterministic and idempotent, and changes only what the hook manages."""
    document = in_shop(document)
    request = read(document, *TARGETS)
    if request is None:
        return
    before = request.model_dump_json()
    first = sync_pod(request, now).response.encode()
    assert sync_pod(request, now).response.encode() == first
    assert request.model_dump_json() == before

    answer = json.loads(first)
    assert set(answer.get("annotations", {})) <= set(ANNOTATIONS)
    assert set(answer.get("labels", {})) <= {LABEL}
    document["metadata"] = {
        **document["metadata"],
        "annotations": document["metadata"].get("annotations") or {},
        "labels": document["metadata"].get("labels") or {},
    }
    synced = applied(document, answer)
    annotations = synced["metadata"]["annotations"]
    assert sum(len((k + v).encode()) for k, v in annotations.items()) <= MAX_TOTAL_BYTES
    # A lasting condition is shown after some time.
    times = (now,) if detect_lasting_conditions(request.object) else (now, max(now, later))
    for time in times:
        again = read(synced, *TARGETS)
        assert again is not None
        shown = applied(synced, json.loads(sync_pod(again, time).response.encode()))
        assert shown["metadata"]["annotations"] == annotations


@given(mutated_pods(), TIMES)
def test_all_managed_metadata_of_an_unclaimed_pod_is_removed(document: Json, now: datetime) -> None:
    """One sync removes whatever was there."""
    document = in_shop(document)
    claimed = read(document, *TARGETS)
    if claimed is None:
        return
    answer = json.loads(sync_pod(claimed, now).response.encode())
    document["metadata"]["annotations"] = document["metadata"].get("annotations") or {}
    document["metadata"]["labels"] = document["metadata"].get("labels") or {}
    annotated = applied(document, answer)
    unclaimed = read(annotated)
    assert unclaimed is not None
    cleaned = applied(annotated, json.loads(sync_pod(unclaimed, now).response.encode()))
    assert not {*ANNOTATIONS, *LABELS} & {
        *cleaned["metadata"]["annotations"],
        *cleaned["metadata"]["labels"],
    }


@given(
    st.lists(mutated_pods().map(in_shop), max_size=4),
    st.booleans() | st.none(),
    st.booleans(),
    st.lists(st.integers(0, 4000), min_size=1, max_size=4),
    st.booleans(),
)
def test_every_response_for_a_poddiagnoser_has_its_target(
    pods: list[Json], enabled: bool | None, unlabelled: bool, seconds: list[int], complete: bool
) -> None:
    """Without it Metacontroller would delete the target, and all Pods would lose their metadata."""
    spec: Json = {} if enabled is None else {"enableAnnotations": enabled}
    subject = diagnoser("all", **spec)
    for number, document in enumerate(pods):
        if not isinstance(document.get("metadata"), dict):
            return
        document["metadata"]["name"] = f"app-{number}"
        if not unlabelled:
            document["metadata"]["labels"] = {LABEL: "all"}
    written = 0
    for second in sorted(seconds):
        body = {
            "object": subject,
            "related": {
                "DiagnosisTarget.diagnostics.local.io/v1": {"shop/a": TARGETS[0]},
                "Pod.v1": {f"shop/{n}": each for n, each in enumerate(pods)},
            },
        }
        try:
            request = PodDiagnoserSyncRequest.model_validate_json(json.dumps(body))
        except ValidationError:
            return
        result = sync_pod_diagnoser(take_snapshot(request, complete=complete), after(second))
        answer = json.loads(result.response.encode())
        (published,) = answer["attachments"]
        assert published["spec"].get("active", True) is (enabled is not False)
        assert answer["status"]
        assert None not in answer["status"].values()
        assert (answer["status"] != subject.get("status")) == result.status_changed
        assert answer["status"]["diagnosedPods"] >= written
        written = answer["status"]["diagnosedPods"]
        subject = applied(subject, answer)
    assert written <= len(pods)


@given(st.permutations(range(6)))
def test_two_crashes_show_the_same_in_any_order_of_observations(order: list[int]) -> None:
    """Each of two crashes of one container is observed in several states."""
    states = []
    for finished, count in ((0, 1), (60, 2)):
        running = crashed(after(finished))
        running["status"]["containerStatuses"][0]["restartCount"] = count
        waiting = copy.deepcopy(running)
        waiting["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "x"}}
        late = copy.deepcopy(running)
        late["status"]["containerStatuses"][0]["restartCount"] = count + 1
        states += [running, waiting, late]
    document = crashed(T0)
    document["metadata"]["annotations"] = {}
    for step in [*order, 5]:
        document["status"] = states[step]["status"]
        request = read(document, TARGETS[0])
        assert request is not None
        document = applied(document, json.loads(sync_pod(request, after(100)).response.encode()))
    annotations = document["metadata"]["annotations"]
    history = json.loads(annotations["diagnostics.local.io/crashes"])["history"]
    assert annotations["diagnostics.local.io/restart-time"] == "2026-11-23T10:01:00Z"
    assert [entry["finishedAt"] for entry in history] == [
        "2026-11-23T10:01:00Z",
        "2026-11-23T10:00:00Z",
    ]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_pod_or_a_validation_error(body: bytes) -> None:
    """No other error is raised."""
    try:
        Pod.model_validate_json(body)
    except ValidationError:
        return
