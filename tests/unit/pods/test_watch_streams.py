"""Watch streams of a real kubelet, step by step: right words, whichever step is seen, few writes.

A hook need not see every step of a Pod: it may be down, and Metacontroller gives it the latest
state only. A crash is shown by several steps, and whichever of them comes first, and in whatever
order, the same is said of it.
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
from pod_diagnoser.diagnosis.diagnose import Diagnosis, diagnose
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence
from pod_diagnoser.pods.keys import CAUSE, CONTAINER, DIAGNOSIS
from pod_diagnoser.pods.keys import CRASHES as REMEMBERED
from pod_diagnoser.pods.sync import sync_pod
from tests.support import corpus
from tests.support.builders import Json, applied, diagnoser, pod_request, target
from tests.support.corpus import Step

CRASHES: dict[str, tuple[Cause, ...]] = {
    "00-healthy-running": (Cause.COMPLETED,),
    "01-completed-exit0-never": (),
    "01-completed-exit0-restarted": (Cause.COMPLETED,) * 2,
    "02-exit1-never": (Cause.APPLICATION_ERROR,),
    "02-exit1-restarted": (Cause.APPLICATION_ERROR,),
    "03-oomkilled-never": (Cause.OUT_OF_MEMORY,),
    "03-oomkilled-restarted": (Cause.OUT_OF_MEMORY,),
    "04-sigkill-outside-restarted": (Cause.KILLED,),
    "05-crashloop-0-terminated": (Cause.APPLICATION_ERROR,) * 4,
    "06-command-not-found-crashloop": (Cause.START_FAILED,) * 2,
    "06-command-not-found-never": (Cause.START_FAILED,),
    "06-sh-command-not-found-127": (Cause.COMMAND_NOT_FOUND,),
    "07-liveness-kill-137": (Cause.LIVENESS_PROBE_FAILED,),
    "07-liveness-kill-term-143": (Cause.LIVENESS_PROBE_FAILED,),
    "07-readiness-only-not-ready": (),
    "08-init-failing-crashloop": (Cause.APPLICATION_ERROR,) * 2,
    "08-init-failing-never": (Cause.APPLICATION_ERROR,),
    "09-sidecar-crash-crashloop": (Cause.APPLICATION_ERROR,) * 2,
    "10-errimageneverpull": (Cause.IMAGE_MISSING,),
    "10-errimagepull": (Cause.IMAGE_PULL_FAILED,),
    "11-createcontainerconfigerror": (Cause.CONFIGURATION_ERROR,),
    "11-missing-configmap-volume-containercreating": (),
    "12-activedeadlineseconds": (Cause.POD_DEADLINE_EXCEEDED,),
    "12-evicted-ephemeral-storage": (Cause.EVICTED,),
    "13-job-pod-failed": (Cause.APPLICATION_ERROR,),
    "14-terminating": (),
    "15-unschedulable": (),
    "16-termination-message": (Cause.APPLICATION_ERROR,),
    "17-poststart-hook-error": (Cause.POST_START_HOOK_FAILED,) * 2,
    "20-onfailure-exit4-restarted": (Cause.APPLICATION_ERROR,),
}
"""What truly happened in each stream before its Pod was deleted, in that order.

What ended after somebody had asked for the deletion was meant to: it is no crash. Pods that never
ran, or were not ready, were deleted before that had lasted for long.
"""

WITH_CRASHES = [name for name, crashes in CRASHES.items() if crashes]


def found(name: str, steps: Sequence[Step]) -> FetchedEvidence:
    """The Events of a stream's Pod as they stood at its end."""
    items = corpus.event_items(f"kubelet-{name}")
    assert items is not None
    return corpus.fetched(steps[-1].pod, items)


def sightings(
    steps: Iterable[Step], events: FetchedEvidence | None
) -> dict[str, list[tuple[Step, Diagnosis]]]:
    """The steps that show each crash, in the order of the crashes, with what is said at each."""
    seen: dict[str, list[tuple[Step, Diagnosis]]] = {}
    for step in steps:
        if step.kind == "DELETED":
            continue
        pod = step.pod
        for diagnosis in diagnose(pod, corpus.evidence(pod, events, step.time)):
            seen.setdefault(diagnosis.id, []).append((step, diagnosis))
    return seen


def test_the_truth_of_every_stream_is_written_down() -> None:
    """No stream is left out."""
    assert corpus.stream_names() == sorted(CRASHES)


@pytest.mark.parametrize("name", CRASHES)
def test_every_crash_is_found_and_nothing_else(name: str) -> None:
    """As many as there were, of the right causes; what was meant to end is not among them."""
    steps = corpus.stream(name)
    seen = sightings(steps, found(name, steps))
    assert tuple(shown[0][1].cause for shown in seen.values()) == CRASHES[name]


@pytest.mark.parametrize("name", WITH_CRASHES)
@pytest.mark.parametrize("with_events", [True, False])
def test_every_single_sighting_says_the_same(name: str, with_events: bool) -> None:
    """The words do not depend on which of a crash's steps is seen.

    One moment proves more than the ones after it: that in which a container waits for its postStart
    hook's sake. Without Events nobody who missed it can know.
    """
    steps = corpus.stream(name)
    events = found(name, steps) if with_events else None
    for shown in sightings(steps, events).values():
        words = {(each.cause, each.sentence, each.restart_reason) for _, each in shown}
        passing = not with_events and name == "17-poststart-hook-error"
        assert len(words) == 1 or passing
        assert len({(each.finished_at, each.exit_code, each.container) for _, each in shown}) == 1


class Shop:
    """A Pod in an API server, synced as Metacontroller does until an answer changes nothing.

    Args:
        name: the stream's name.
        late: how long it takes until an Event is there to be read.
        refused: whether the hook may not read Events.

    Attributes:
        writes: how often an answer changed the Pod.
    """

    MAX_SYNCS = 5

    def __init__(self, name: str, late: timedelta = timedelta(), *, refused: bool = False) -> None:
        self._events = corpus.event_items(f"kubelet-{name}") or []
        self._late = late
        self._refused = refused
        self._claim = claim_in("corpus")
        self._ours: Json = {"annotations": {}, "labels": {}}
        self.writes = 0
        self.again: float | None = None

    def see(self, of: Json, now: datetime) -> Json:
        """Have a state of the Pod synced until that changes nothing, and give what it is then."""
        current = copy.deepcopy(of)
        for key, marks in self._ours.items():
            current["metadata"].setdefault(key, {}).update(marks)
        for _ in range(self.MAX_SYNCS):
            answer = self._sync(current, now)
            self.again = answer.pop("resyncAfterSeconds", None)
            after = applied(current, answer)
            if after == current:
                break
            self.writes += 1
            current = after
        else:
            pytest.fail("the answers never come to rest")
        self._ours = {
            key: {
                name: value
                for name, value in current["metadata"].get(key, {}).items()
                if name.startswith(GROUP)
            }
            for key in self._ours
        }
        return current

    def _sync(self, of: Json, now: datetime) -> Json:
        request = pod_request(of, self._claim)
        synced = sync_pod(request, now)
        if synced.evidence_request is not None:
            gathered = FetchedEvidence(EventLookup.REFUSED)
            if not self._refused:
                there = posted(self._events, now - self._late)
                gathered = corpus.fetched(request.object, there)
            synced = sync_pod(request, now, gathered)
        return synced.response.model_dump(mode="json", exclude_unset=True)


def claim_in(namespace: str) -> Json:
    """The DiagnosisTarget of a PodDiagnoser that claims every Pod of a namespace."""
    text = json.dumps(target(diagnoser(created=datetime(2026, 11, 1, tzinfo=UTC))))
    return dict(json.loads(text.replace('"shop"', json.dumps(namespace))))


def posted(items: Sequence[Json], now: datetime) -> list[Json]:
    """The Events that there are at a time. Between the first and the last nothing is known."""
    at = format_time(now)
    there = [item for item in items if item["firstTimestamp"] <= at]
    return [
        item
        if item["lastTimestamp"] <= at
        else {**item, "lastTimestamp": item["firstTimestamp"], "count": 1}
        for item in there
    ]


def history_of(of: Json) -> dict[str, Json]:
    """What a Pod remembers of its crashes, by crash id."""
    text = of["metadata"].get("annotations", {}).get(REMEMBERED)
    return {crash["id"]: crash for crash in json.loads(text)["history"]} if text else {}


def told(of: Json, sentences: Mapping[str, str]) -> Json:
    """What a Pod tells of its crashes: all but when and how often somebody looked.

    What the container's history adds to the sentence hangs on what was known of it by then; what
    the crash itself is told with does not.
    """
    annotations = of["metadata"].get("annotations", {})
    crashes = copy.deepcopy(history_of(of))
    for crash in crashes.values():
        del crash["seen"]
        crash.get("evidence", {}).pop("reads", None)
    words = annotations.get(DIAGNOSIS, "")
    said = [key for key in crashes if words.startswith(sentences[key])]
    assert bool(said) == bool(words)
    return {
        "crashes": crashes,
        "headline": (annotations.get(CAUSE), annotations.get(CONTAINER)),
        "said": said and sentences[said[0]],
    }


def replay(name: str, shop: Shop) -> Json:
    """Play a stream in its own time, with the syncs that answers ask for in between."""
    steps = [step for step in corpus.stream(name) if step.kind != "DELETED"]
    current: Json = {}
    ends = [step.time for step in steps[1:]] + [steps[-1].time + timedelta(minutes=1)]
    for step, until in zip(steps, ends, strict=True):
        now = step.time
        current = shop.see(step.of, now)
        while shop.again is not None and now + timedelta(seconds=shop.again) < until:
            now += timedelta(seconds=shop.again)
            current = shop.see(step.of, now)
    return current


@pytest.mark.parametrize("name", WITH_CRASHES)
def test_ends_are_numbered_alike_in_all_sightings(name: str) -> None:
    """The first end of a container is its first in each state that shows it, and so on."""
    steps = corpus.stream(name)
    for number, shown in enumerate(sightings(steps, None).values(), start=1):
        ends = {each.symptom.termination_number for _, each in shown if each.exit_code is not None}
        assert ends <= {number}


@pytest.mark.parametrize("late", [0, 3])
@pytest.mark.parametrize("name", CRASHES)
def test_stream_is_told_rightly_in_few_writes(name: str, late: int) -> None:
    """At the end all its crashes are remembered by their causes; each cost three writes at most.

    Also where the kubelet's Events are seconds late: a second look finds them.
    """
    shop = Shop(name, timedelta(seconds=late))
    end = replay(name, shop)
    crashes = sorted(history_of(end).values(), key=lambda crash: crash.get("restarts", 0))
    assert tuple(crash["cause"] for crash in crashes) == tuple(map(str, CRASHES[name]))
    assert shop.writes <= 3 * len(crashes)


BY_STATUS_ALONE = {
    "07-liveness-kill-137": (Cause.KILLED,),
    "07-liveness-kill-term-143": (Cause.TERMINATED,),
}
"""What can be known where Events may not be read, where that is less than what happened."""


@pytest.mark.parametrize("name", WITH_CRASHES)
def test_a_hook_that_may_read_no_events_claims_no_more_than_it_knows(name: str) -> None:
    """It tells of every crash what its status proves, in no more writes."""
    shop = Shop(name, refused=True)
    end = replay(name, shop)
    crashes = sorted(history_of(end).values(), key=lambda crash: crash.get("restarts", 0))
    known = BY_STATUS_ALONE.get(name, CRASHES[name])
    assert tuple(crash["cause"] for crash in crashes) == tuple(map(str, known))
    assert shop.writes <= 3 * len(crashes)


@pytest.mark.parametrize("name", WITH_CRASHES)
def test_what_was_meant_to_end_changes_nothing(name: str) -> None:
    """Once somebody has asked for the deletion, no further crash is told."""
    steps = [step for step in corpus.stream(name) if step.kind != "DELETED"]
    before = [step for step in steps if not step.deleted]
    seen = sightings(before, found(name, steps))
    later = sightings(steps, found(name, steps))
    assert set(later) == set(seen)


def in_order(name: str, steps: Iterable[Step]) -> Json:
    """What a Pod tells after a hook has seen these steps, one a second, when all was over."""
    every = corpus.stream(name)
    shop = Shop(name)
    current: Json = {}
    for number, step in enumerate(steps):
        current = shop.see(step.of, every[-1].time + timedelta(seconds=number))
    seen = sightings(every, found(name, every))
    return told(current, {key: shown[0][1].sentence for key, shown in seen.items()})


def sighted(name: str) -> list[list[Step]]:
    """For each crash of a stream the steps that show it."""
    steps = corpus.stream(name)
    seen = sightings(steps, found(name, steps))
    return [[step for step, _ in each] for each in seen.values()]


SIGHTED = {
    f"{name}-{number}": steps for name in WITH_CRASHES for number, steps in enumerate(sighted(name))
}
"""For each crash of each stream the steps that show it."""

FEW = [key for key, steps in SIGHTED.items() if len(steps) <= 5]
MANY = [key for key, steps in SIGHTED.items() if len(steps) > 5]


@pytest.mark.parametrize("key", FEW)
def test_a_crash_is_told_alike_in_whatever_order_it_is_seen(key: str) -> None:
    """Every order of its sightings, of which there are up to five, leaves the same on the Pod."""
    name = key.rpartition("-")[0]
    results = [in_order(name, order) for order in permutations(SIGHTED[key])]
    assert all(result == results[0] for result in results)


@settings(deadline=None)
@given(st.sampled_from(MANY), st.data())
def test_more_sightings_in_any_order_leave_the_same(key: str, data: st.DataObject) -> None:
    """Also where there are more than five."""
    name = key.rpartition("-")[0]
    order = data.draw(st.permutations(SIGHTED[key]))
    assert in_order(name, order) == in_order(name, SIGHTED[key])


@pytest.mark.parametrize("name", WITH_CRASHES)
def test_a_hook_that_was_down_tells_the_same(name: str) -> None:
    """Who comes late tells of the latest crash what those tell who saw it all.

    A Pod that failed and is being deleted does not show any more which of the two came first.
    """
    steps = [step for step in corpus.stream(name) if step.kind != "DELETED"]
    every = in_order(name, steps)
    lasts = [step.deleted for step in steps].index(True) if steps[-1].deleted else len(steps)
    for down in range(1, lasts):
        late = in_order(name, steps[down:])
        assert late["headline"] == every["headline"]
        assert late["said"] == every["said"]
        assert {key: crash["cause"] for key, crash in late["crashes"].items()}.items() <= {
            key: crash["cause"] for key, crash in every["crashes"].items()
        }.items()
