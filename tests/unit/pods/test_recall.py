"""Recalls: one write for each end of an outage, and none in quiet times."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.diagnostics_v1 import DiagnosisTarget
from pod_diagnoser.api.metacontroller import (
    DiagnoserRecallRequest,
    RecalledObject,
    TargetRecallRequest,
)
from pod_diagnoser.api.time import format_time
from pod_diagnoser.pods.history import CrashRecord
from pod_diagnoser.pods.recall import (
    LATE,
    MIN_CLUSTER_DISTANCE,
    MIN_DISTANCE,
    PODS_RECALLED,
    RECALLED,
    Recalls,
    diagnosed_late,
    recall_time,
    recalled_targets,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TIMES = st.integers(0, 300).map(lambda seconds: NOW + seconds * SECOND)


def target(recalled: str | None = None, **metadata: Any) -> DiagnosisTarget:
    """Return a DiagnosisTarget that was created an hour ago."""
    owner = {
        "apiVersion": "diagnostics.local.io/v1",
        "kind": "PodDiagnoser",
        "name": "d",
        "uid": "uid-d",
        "controller": True,
    }
    annotations = {} if recalled is None else {RECALLED: recalled}
    manifest = {
        "metadata": {
            "name": "d-uid-d",
            "namespace": "shop",
            "uid": "u",
            "creationTimestamp": format_time(NOW - timedelta(hours=1)),
            "annotations": annotations,
            "ownerReferences": [owner],
            **metadata,
        },
        "spec": {"diagnoser": {"name": "d", "uid": "uid-d"}},
    }
    return TargetRecallRequest.model_validate_json(json.dumps({"object": manifest})).object


def cluster(recalled: str | None = None, **metadata: Any) -> RecalledObject:
    """Return a ClusterPodDiagnoser that was created an hour ago."""
    created = format_time(NOW - timedelta(hours=1))
    annotations = {} if recalled is None else {PODS_RECALLED: recalled}
    meta = {"name": "c", "uid": "uid-c", "creationTimestamp": created, "annotations": annotations}
    manifest = {"metadata": {**meta, **metadata}, "spec": {}}
    return DiagnoserRecallRequest.model_validate_json(json.dumps({"object": manifest})).object


def answer(recalls: Recalls, of: DiagnosisTarget | RecalledObject) -> str | None:
    """Return the annotation that a sync sets, or None; it never says more."""
    if isinstance(of, DiagnosisTarget):
        wanted, made = RECALLED, recalls.sync_target(of)
    else:
        wanted, made = PODS_RECALLED, recalls.sync_cluster(of)
    response = json.loads(made.encode())
    if not response:
        return None
    ((key, value),) = response.pop("annotations").items()
    assert key == wanted
    assert not response
    return str(value)


either = pytest.mark.parametrize("of", [target, cluster])


@either
def test_a_start_recalls_once(of: Any) -> None:
    """The first answer of a process moves the annotation; with it stored, no other does."""
    recalls = Recalls(NOW + timedelta(microseconds=5))
    assert answer(recalls, of()) == "2026-01-01T12:00:00Z"
    assert answer(recalls, of("2026-01-01T11:59:59Z")) == "2026-01-01T12:00:00Z"
    assert answer(recalls, of("2026-01-01T12:00:00Z")) is None
    assert answer(recalls, of("2026-01-01T12:00:01Z")) is None


@either
def test_what_is_younger_than_the_process_needs_no_recall(of: Any) -> None:
    """Its creation, or that of its DiagnosisTargets, has put the Pods into the queue."""
    assert answer(Recalls(NOW), of(creationTimestamp=format_time(NOW + SECOND))) is None


@either
@pytest.mark.parametrize("text", ["", "soon", "0001-01-01T00:00:00Z", "2026-01-01T12:00:01"])
def test_an_annotation_that_is_no_time_counts_as_none(of: Any, text: str) -> None:
    """It is replaced."""
    assert answer(Recalls(NOW), of(text)) == "2026-01-01T12:00:00Z"


@pytest.mark.parametrize(
    "gone",
    [
        target(deletionTimestamp="2026-01-01T12:00:00Z"),
        target(ownerReferences=[]),
        cluster(deletionTimestamp="2026-01-01T12:00:00Z"),
    ],
)
def test_only_what_claims_pods_is_written(gone: DiagnosisTarget | RecalledObject) -> None:
    """Neither what is being deleted nor a forged DiagnosisTarget."""
    assert answer(Recalls(NOW), gone) is None


def test_late_diagnoses_recall_their_namespace() -> None:
    """At most once in half a minute, and only what claims the Pod."""
    recalls = Recalls(NOW - timedelta(hours=2))
    recalls.note_late("another", NOW)
    assert answer(recalls, target()) is None
    recalls.note_late("uid-d", NOW)
    assert answer(recalls, target()) == "2026-01-01T12:00:00Z"
    stored = target("2026-01-01T12:00:00Z")
    for seconds in range(int(MIN_DISTANCE.total_seconds())):
        recalls.note_late("uid-d", NOW + seconds * SECOND)
        assert answer(recalls, stored) is None
    recalls.note_late("uid-d", NOW + MIN_DISTANCE)
    assert answer(recalls, stored) == "2026-01-01T12:00:30Z"


def test_late_diagnoses_recall_all_namespaces_of_a_clusterpoddiagnoser_seldom() -> None:
    """Half a minute after a start, and then at most once in ten minutes: it is many writes."""
    recalls = Recalls(NOW)
    recalls.note_late("another", NOW + timedelta(hours=1))
    assert answer(recalls, cluster()) == "2026-01-01T12:00:00Z"
    recalls.note_late("uid-c", NOW + MIN_DISTANCE - SECOND)
    assert answer(recalls, cluster("2026-01-01T12:00:00Z")) is None
    recalls.note_late("uid-c", NOW + MIN_DISTANCE)
    assert answer(recalls, cluster("2026-01-01T12:00:00Z")) == "2026-01-01T12:00:30Z"
    for distance in (SECOND, MIN_DISTANCE, MIN_CLUSTER_DISTANCE - SECOND):
        recalls.note_late("uid-c", NOW + MIN_DISTANCE + distance)
        assert answer(recalls, cluster("2026-01-01T12:00:30Z")) is None
    recalls.note_late("uid-c", NOW + MIN_DISTANCE + MIN_CLUSTER_DISTANCE)
    assert answer(recalls, cluster("2026-01-01T12:00:30Z")) == "2026-01-01T12:10:30Z"


@pytest.mark.parametrize("text", [None, "", "soon", "2026-01-01T12:00:01"])
def test_only_a_time_is_copied_to_diagnosistargets(text: str | None) -> None:
    """Whatever else the annotation of a ClusterPodDiagnoser holds."""
    assert recalled_targets(cluster(text).metadata) == {}
    time = "2026-01-01T12:00:00Z"
    assert recalled_targets(cluster(time).metadata) == {RECALLED: time}


def test_what_is_remembered_is_bounded() -> None:
    """A cluster of many PodDiagnosers does not fill the memory; what is forgotten comes again."""
    recalls = Recalls(NOW - timedelta(hours=2))
    for number in range(25_000):
        recalls.note_late(f"uid-{number}", NOW)
    assert len(recalls._late) <= 10_000
    recalls.note_late("uid-d", NOW)
    assert answer(recalls, target()) is not None


@given(
    st.none() | TIMES,
    TIMES,
    st.none() | TIMES,
    st.sampled_from((MIN_DISTANCE, MIN_CLUSTER_DISTANCE)),
)
def test_it_only_moves_forward_and_then_rests(
    recalled: datetime | None, started: datetime, late: datetime | None, distance: timedelta
) -> None:
    """What is stored becomes later, or stays; asked again, nothing more is to be stored."""
    time = recall_time(recalled, started, late, distance)
    if time is not None:
        assert recalled is None or time > recalled
        assert time >= started
    assert recall_time(time or recalled, started, late, distance) is None


@given(
    st.lists(st.tuples(TIMES, st.none() | TIMES), min_size=1, max_size=4),
    st.lists(st.integers(0, 3), max_size=60),
)
def test_replicas_do_not_take_turns(
    replicas: list[tuple[datetime, datetime | None]], order: list[int]
) -> None:
    """Asked in any order, together they write once for each start and late diagnosis at most."""
    recalled: datetime | None = NOW - SECOND
    writes = 0
    for number in order:
        started, late = replicas[number % len(replicas)]
        time = recall_time(recalled, started, late)
        if time is not None:
            recalled, writes = time, writes + 1
    lates = {late for _, late in replicas if late is not None}
    assert writes <= len({started for started, _ in replicas}) + len(lates)


def record(ended: datetime | None, seen: datetime = NOW) -> CrashRecord:
    """Return the record of a crash."""
    return CrashRecord(id="0" * 16, container="app", cause="Killed", finishedAt=ended, seen=seen)


def test_what_is_late() -> None:
    """A termination more than ten seconds ago, by a container of a claimed Pod."""
    hour_ago = NOW - timedelta(hours=1)
    assert not diagnosed_late([], hour_ago)
    assert not diagnosed_late([record(NOW - LATE)], hour_ago)
    assert diagnosed_late([record(NOW), record(NOW - LATE - SECOND)], hour_ago)
    assert diagnosed_late([record(NOW - LATE - SECOND)], None)
    assert not diagnosed_late([record(None)], hour_ago), "nobody knows when it ended"
    assert not diagnosed_late([record(NOW + LATE + SECOND)], hour_ago), "the node's clock is ahead"
    assert not diagnosed_late([record(NOW - 2 * LATE)], NOW - LATE), "nobody claimed the Pod"
