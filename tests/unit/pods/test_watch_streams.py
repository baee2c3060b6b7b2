"""Watch streams of a real kubelet, step by step: the same diagnosis at each step, and few writes.

A hook need not see every step of a Pod: it may be down, and Metacontroller sends only the latest
state. Several steps show a crash. Whichever of them come, and in whatever order, its diagnosis is
the same.
"""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.diagnostics_v1 import GROUP
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence
from pod_diagnoser.pods.keys import CAUSE, CONTAINER, CRASHES, DIAGNOSIS
from pod_diagnoser.pods.sync import sync_pod
from tests.support import corpus
from tests.support.builders import Json, applied, diagnoser, pod_request, target
from tests.support.corpus import STREAM_CAUSES, Step, final_events, observations

WITH_CRASHES = [name for name, causes in STREAM_CAUSES.items() if causes]


def test_the_causes_of_every_stream_are_listed() -> None:
    """No stream is missing in the table."""
    assert corpus.stream_names() == sorted(STREAM_CAUSES)


@pytest.mark.parametrize("name", STREAM_CAUSES)
def test_every_crash_is_found_and_nothing_else(name: str) -> None:
    """Each has its cause; what terminated after the deletion was requested is not among them."""
    steps = corpus.stream(name)
    seen = observations(steps, final_events(name, steps))
    assert tuple(shown[0][1].cause for shown in seen.values()) == STREAM_CAUSES[name]


@pytest.mark.parametrize("name", WITH_CRASHES)
@pytest.mark.parametrize("with_events", [True, False])
def test_every_observation_of_a_crash_has_the_same_diagnosis(name: str, with_events: bool) -> None:
    """The diagnosis does not depend on which of a crash's steps is observed.

    There is one exception: only while a container waits because of its postStart hook does the
    status show that the hook failed. Later only the Events do.
    """
    steps = corpus.stream(name)
    events = final_events(name, steps) if with_events else None
    for shown in observations(steps, events).values():
        words = {(each.cause, each.statement, each.restart_reason) for _, each in shown}
        transient = not with_events and name == "17-poststart-hook-error"
        assert len(words) == 1 or transient
        assert len({(each.finished_at, each.exit_code, each.container) for _, each in shown}) == 1


class SyncedPod:
    """A Pod in an API server that is synced until a response changes nothing.

    Args:
        name: the stream's name.
        late: how long it takes until an Event can be read.
        refused: whether the hook may not read Events.

    Attributes:
        writes: how often a response changed the Pod.
        resync_after: seconds until the next sync, by the last response.
    """

    MAX_SYNCS = 5

    def __init__(self, name: str, late: timedelta = timedelta(), *, refused: bool = False) -> None:
        self._events = corpus.event_items(f"kubelet-{name}") or []
        self._late = late
        self._refused = refused
        self._claim = claim_in("corpus")
        self._managed: Json = {"annotations": {}, "labels": {}}
        self.writes = 0
        self.resync_after: float | None = None

    def sync(self, of: Json, now: datetime) -> Json:
        """Sync a state of the Pod until that changes nothing, and return the Pod as it is then."""
        current = copy.deepcopy(of)
        for key, managed in self._managed.items():
            current["metadata"].setdefault(key, {}).update(managed)
        for _ in range(self.MAX_SYNCS):
            response = self._sync(current, now)
            self.resync_after = response.pop("resyncAfterSeconds", None)
            after = applied(current, response)
            if after == current:
                break
            self.writes += 1
            current = after
        else:
            pytest.fail("every response changes the Pod")
        self._managed = {
            key: {
                name: value
                for name, value in current["metadata"].get(key, {}).items()
                if name.startswith(GROUP)
            }
            for key in self._managed
        }
        return current

    def _sync(self, of: Json, now: datetime) -> Json:
        request = pod_request(of, self._claim)
        synced = sync_pod(request, now)
        if synced.evidence_request is not None:
            fetched = FetchedEvidence(EventLookup.REFUSED)
            if not self._refused:
                events = written_until(self._events, now - self._late)
                fetched = corpus.fetched(request.object, events)
            synced = sync_pod(request, now, fetched)
        return synced.response.model_dump(mode="json", exclude_unset=True)


def claim_in(namespace: str) -> Json:
    """Return the DiagnosisTarget of a PodDiagnoser that claims every Pod of a namespace."""
    text = json.dumps(target(diagnoser(created=datetime(2026, 11, 1, tzinfo=UTC))))
    return dict(json.loads(text.replace('"shop"', json.dumps(namespace))))


def written_until(items: Sequence[Json], now: datetime) -> list[Json]:
    """Return the Events as of a time: with the first occurrence alone until the last one."""
    at = format_time(now)
    written = [item for item in items if item["firstTimestamp"] <= at]
    return [
        item
        if item["lastTimestamp"] <= at
        else {**item, "lastTimestamp": item["firstTimestamp"], "count": 1}
        for item in written
    ]


def history_of(of: Json) -> dict[str, Json]:
    """Return the crash history of a Pod, by crash id."""
    text = of["metadata"].get("annotations", {}).get(CRASHES)
    return {crash["id"]: crash for crash in json.loads(text)["history"]} if text else {}


def shown_by(of: Json, sentences: Mapping[str, str]) -> Json:
    """Return what a Pod shows of its crashes, without the times and the number of lookups.

    The summary of the history is left out as well, since it depends on what was observed before.
    """
    annotations = of["metadata"].get("annotations", {})
    crashes = copy.deepcopy(history_of(of))
    for crash in crashes.values():
        del crash["seen"]
        crash.get("evidence", {}).pop("reads", None)
        crash.pop("awaits", None)
    words = annotations.get(DIAGNOSIS, "")
    latest = [key for key in crashes if words.startswith(sentences[key])]
    assert bool(latest) == bool(words)
    return {
        "crashes": crashes,
        "latest": (annotations.get(CAUSE), annotations.get(CONTAINER)),
        "sentence": latest and sentences[latest[0]],
    }


def replay(name: str, pod: SyncedPod) -> Json:
    """Replay a stream at its own times, with the syncs that responses ask for in between."""
    steps = [step for step in corpus.stream(name) if step.kind != "DELETED"]
    current: Json = {}
    ends = [step.time for step in steps[1:]] + [steps[-1].time + timedelta(minutes=1)]
    for step, until in zip(steps, ends, strict=True):
        now = step.time
        current = pod.sync(step.of, now)
        while pod.resync_after is not None and now + timedelta(seconds=pod.resync_after) < until:
            now += timedelta(seconds=pod.resync_after)
            current = pod.sync(step.of, now)
    return current


@pytest.mark.parametrize("name", WITH_CRASHES)
def test_a_termination_has_the_same_number_at_all_observations(name: str) -> None:
    """The first termination of a container is its first in each state that shows it, and so on."""
    steps = corpus.stream(name)
    for number, shown in enumerate(observations(steps, None).values(), start=1):
        ends = {each.symptom.termination_number for _, each in shown if each.exit_code is not None}
        assert ends <= {number}


@pytest.mark.parametrize("late", [0, 3])
@pytest.mark.parametrize("name", STREAM_CAUSES)
def test_a_stream_is_diagnosed_correctly_in_few_writes(name: str, late: int) -> None:
    """The history has all crashes with their causes in the end, after three writes each at most.

    A second lookup finds Events that the kubelet writes some seconds late.
    """
    pod = SyncedPod(name, timedelta(seconds=late))
    end = replay(name, pod)
    crashes = sorted(history_of(end).values(), key=lambda crash: crash.get("restarts", 0))
    assert tuple(crash["cause"] for crash in crashes) == tuple(map(str, STREAM_CAUSES[name]))
    assert pod.writes <= 3 * len(crashes)


BY_STATUS_ALONE = {
    "07-liveness-kill-137": (Cause.KILLED,),
    "07-liveness-kill-term-143": (Cause.TERMINATED,),
}
"""The causes without Events, where those are less specific."""


@pytest.mark.parametrize("name", WITH_CRASHES)
def test_a_hook_that_may_not_read_events_diagnoses_by_the_status(name: str) -> None:
    """It finds every crash, in no more writes."""
    pod = SyncedPod(name, refused=True)
    end = replay(name, pod)
    crashes = sorted(history_of(end).values(), key=lambda crash: crash.get("restarts", 0))
    known = BY_STATUS_ALONE.get(name, STREAM_CAUSES[name])
    assert tuple(crash["cause"] for crash in crashes) == tuple(map(str, known))
    assert pod.writes <= 3 * len(crashes)


@pytest.mark.parametrize("name", WITH_CRASHES)
def test_terminations_after_the_deletion_was_requested_are_not_crashes(name: str) -> None:
    """No further crash is found from then on."""
    steps = [step for step in corpus.stream(name) if step.kind != "DELETED"]
    before = [step for step in steps if not step.deleted]
    seen = observations(before, final_events(name, steps))
    later = observations(steps, final_events(name, steps))
    assert set(later) == set(seen)


def in_order(name: str, steps: Iterable[Step]) -> Json:
    """Return what a Pod shows after these steps were synced, one a second, after the stream."""
    every = corpus.stream(name)
    pod = SyncedPod(name)
    current: Json = {}
    for number, step in enumerate(steps):
        current = pod.sync(step.of, every[-1].time + timedelta(seconds=number))
    seen = observations(every, final_events(name, every))
    return shown_by(current, {key: shown[0][1].statement.diagnosis for key, shown in seen.items()})


def steps_by_crash(name: str) -> list[list[Step]]:
    """Return the steps that show each crash of a stream."""
    steps = corpus.stream(name)
    seen = observations(steps, final_events(name, steps))
    return [[step for step, _ in each] for each in seen.values()]


STEPS = {
    f"{name}-{number}": steps
    for name in WITH_CRASHES
    for number, steps in enumerate(steps_by_crash(name))
}
"""The steps that show each crash of each stream."""

FEW = [key for key, steps in STEPS.items() if len(steps) <= 5]
MANY = [key for key, steps in STEPS.items() if len(steps) > 5]


@pytest.mark.parametrize("key", FEW)
def test_a_crash_is_shown_the_same_after_observations_in_any_order(key: str) -> None:
    """This tries every order of up to five observations."""
    name = key.rpartition("-")[0]
    results = [in_order(name, order) for order in permutations(STEPS[key])]
    assert all(result == results[0] for result in results)


@settings(deadline=None)
@given(st.sampled_from(MANY), st.data())
def test_a_crash_is_shown_the_same_after_many_observations(key: str, data: st.DataObject) -> None:
    """This tries some orders of more than five observations."""
    name = key.rpartition("-")[0]
    order = data.draw(st.permutations(STEPS[key]))
    assert in_order(name, order) == in_order(name, STEPS[key])


@pytest.mark.parametrize("name", WITH_CRASHES)
def test_a_hook_that_was_down_shows_the_same(name: str) -> None:
    """A hook that misses the first steps shows the latest crash like one that observes them all.

    A Pod that failed and is being deleted no longer shows which of the two came first.
    """
    steps = [step for step in corpus.stream(name) if step.kind != "DELETED"]
    every = in_order(name, steps)
    lasts = [step.deleted for step in steps].index(True) if steps[-1].deleted else len(steps)
    for down in range(1, lasts):
        late = in_order(name, steps[down:])
        assert late["latest"] == every["latest"]
        assert late["sentence"] == every["sentence"]
        assert {key: crash["cause"] for key, crash in late["crashes"].items()}.items() <= {
            key: crash["cause"] for key, crash in every["crashes"].items()
        }.items()
