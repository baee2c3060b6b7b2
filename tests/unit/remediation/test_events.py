"""Events: names, notes, and what the API server requires of them."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.diagnostics_v1 import Remediation
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.pods.history import CrashHistory, record_crash
from pod_diagnoser.pods.keys import CAUSE, CRASH
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.events import (
    MAX_NOTE_BYTES,
    EventDocument,
    EventFactory,
    crash_events,
    remediation_events,
    withheld_event,
    withheld_key,
)
from pod_diagnoser.remediation.model import EXPLANATIONS, Outcome, Phase, Reason
from tests.support.builders import (
    T0,
    Json,
    after,
    container,
    diagnoser,
    owned,
    parsed,
    parsed_pod,
    pod,
    replacing,
    synced,
    terminated,
)

NOW = after(10)
QUALIFIED = re.compile(r"[a-z0-9.-]+/[A-Za-z0-9][-A-Za-z0-9_.]{0,62}")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def factory(document: Json | None = None, instance: str = "hook-1") -> EventFactory:
    """Tells for a PodDiagnoser."""
    return EventFactory(parsed(document or logging()), instance)


def logging(**spec: Any) -> Json:
    """Return a PodDiagnoser that publishes crashes."""
    return diagnoser(**{"targetLabels": {"app": "app"}, "remediationAction": "LogEvent", **spec})


def published(*pods: Json, now: Any = NOW, by: EventFactory | None = None) -> list[EventDocument]:
    """Return the Events of crashes."""
    read = [parsed_pod(document) for document in pods]
    return [
        event
        for each in read
        for event in crash_events(by or factory(), CrashedPod(each, diagnose(each)), now)
    ]


def plan_of(document: Json, action: str = "RestartPod") -> Remediation:
    """The plan to replace a Pod."""
    status = parsed(synced(replacing(action), NOW, document)).status
    assert status is not None
    return status.remediations[0]


def check(event: EventDocument) -> None:
    """What the API server checks (``pkg/apis/core/validation/events.go``)."""
    document = event.document
    assert document["apiVersion"] == "v1"
    name = document["metadata"]["name"]
    assert SUBDOMAIN.fullmatch(name)
    assert len(name) <= 253
    assert event.key == f"shop/{name}"
    assert document["metadata"]["namespace"] == document["involvedObject"]["namespace"] == "shop"
    assert document["involvedObject"]["uid"]
    assert QUALIFIED.fullmatch(document["reportingComponent"])
    for field, limit in (("reportingInstance", 128), ("action", 128), ("reason", 128)):
        assert 0 < len(document[field]) <= limit
    assert document["type"] in ("Normal", "Warning")
    assert 0 < len(document["message"].encode()) <= MAX_NOTE_BYTES
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", document["eventTime"])
    second = f"{document['eventTime'][:19]}Z"
    assert (document["firstTimestamp"], document["lastTimestamp"]) == (second, second)
    assert document["count"] == 1
    assert json.loads(json.dumps(document)) == document


# LogEvent


def test_a_crash_is_published_on_the_pod_in_the_tutorials_words() -> None:
    """With container and diagnosis added; kubectl describe finds it by the uid."""
    document = pod(container(last=terminated(T0, 0, "Completed")))
    (event,) = published(document)
    check(event)
    found = diagnose(parsed_pod(document))[0]
    assert event.document["message"] == (
        "Pod app-1 restarted due to Completed (Exit Code: 0) in container app. "
        f"{found.statement.diagnosis}. Next: {found.statement.next_step}"
    )
    assert (event.document["type"], event.document["reason"]) == ("Warning", "PodRestarted")
    assert event.document["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "app-1",
        "uid": document["metadata"]["uid"],
    }


def test_the_name_depends_on_the_subject_and_the_poddiagnoser_alone() -> None:
    """Not on time, replica or observation; a new PodDiagnoser publishes them again."""
    first = pod(container(last=terminated(T0)))
    later = pod(container(last=terminated(T0), restarts=2))
    names = {
        published(first)[0].key,
        published(later, now=after(700), by=factory(instance="hook-2"))[0].key,
        published(first, by=factory(logging(targetLabels={})))[0].key,
    }
    assert len(names) == 1
    another = published(pod(container(last=terminated(after(1)))))[0].key
    recreated = diagnoser(number=901, remediationAction="LogEvent")
    assert len({*names, another, published(first, by=factory(recreated))[0].key}) == 3


def test_each_crash_of_a_pod_is_published() -> None:
    """Two containers, two Events."""
    both = pod(container("a", terminated(T0)), container("b", terminated(after(1))))
    assert len({event.key for event in published(both)}) == 2


def test_a_container_that_cannot_start_is_told_beside_one_that_crashed() -> None:
    """From when its Pod has recorded it, for half an hour, and not by the time of its crash."""
    waits = {"name": "b", "state": {"waiting": {"reason": "InvalidImageName", "message": "no"}}}
    document = pod(container("a", terminated(T0)), waits)
    read = parsed_pod(document)
    crashes = diagnose(read)
    waiting = next(each for each in crashes if each.container == "b")
    records = tuple(record_crash(each, None, after(5)) for each in crashes)
    crashed = CrashedPod(read, crashes, CrashHistory(history=records))
    events = list(crash_events(factory(), crashed, NOW))
    for event in events:
        check(event)
    assert sorted(event.document["reason"] for event in events) == ["PodNotStarted", "PodRestarted"]
    (told,) = (each.document for each in events if each.document["reason"] == "PodNotStarted")
    assert told["message"].startswith(
        "Pod app-1 cannot start due to InvalidImageName in container b."
    )
    assert told["metadata"]["annotations"] == {CAUSE: "InvalidImageName", CRASH: waiting.id}
    alone = CrashedPod(read, [waiting], crashed.history)
    assert not list(crash_events(factory(), alone, after(minutes=31)))
    assert not list(crash_events(factory(), CrashedPod(read, [waiting]), NOW))


@pytest.mark.parametrize(
    ("minutes", "count"), [(0, 1), (29.9, 1), (30, 0), (-4.9, 1), (-5.1, 0), (600, 0)]
)
def test_only_fresh_crashes_are_published(minutes: float, count: int) -> None:
    """An older one may have been published, and its Event be gone."""
    assert len(published(pod(container(last=terminated(T0))), now=after(minutes=minutes))) == count


def test_a_crash_without_a_known_time_is_not_published() -> None:
    """It would be published endlessly."""
    assert published(pod(container(last=terminated(None)))) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"remediationAction": ""},
        {"remediationAction": "RestartPod"},
        {"remediationAction": "Explode"},
        {"enableAnnotations": False},
    ],
    ids=str,
)
def test_crashes_are_published_where_that_is_asked_for(spec: Json) -> None:
    """And only there."""
    assert published(pod(container(last=terminated(T0))), by=factory(logging(**spec))) == []


# What was done


@pytest.mark.parametrize(
    ("action", "outcome", "reason", "word"),
    [
        ("RestartPod", Reason.DELETED, "PodDeleted", "was deleted, so that its controller"),
        ("EvictPod", Reason.EVICTED, "PodEvicted", "was evicted, so that its controller"),
        ("RestartPod", Reason.POD_GONE, "PodDeleted", "is gone or being deleted, as"),
        ("EvictPod", Reason.POD_GONE, "PodEvicted", "is gone or being deleted, as"),
    ],
)
def test_what_was_done_is_published_on_both(
    action: str, outcome: Reason, reason: str, word: str
) -> None:
    """On the Pod and on the PodDiagnoser, with the diagnosis, and no more than is known."""
    plan = plan_of(owned(), action)
    events = remediation_events(factory(replacing(action)), plan, Outcome(Phase.DONE, outcome, NOW))
    for event in events:
        check(event)
        assert (event.document["type"], event.document["reason"]) == ("Normal", reason)
        note = event.document["message"]
        assert note.startswith(f"Pod app-1 {word}")
        assert f"spec.remediationAction {action} of PodDiagnoser diag" in note
        assert note.endswith(f"{plan.diagnosis}.")
    assert [event.document["involvedObject"]["kind"] for event in events] == ["Pod", "PodDiagnoser"]
    assert events[0].document["involvedObject"]["uid"] == plan.podUID
    assert events[1].document["involvedObject"]["uid"] == replacing()["metadata"]["uid"]


def test_a_remediation_is_published_once_whatever_its_outcome() -> None:
    """Deleted, and found gone by the next sync since that was not stored: the same names."""
    plan, who = plan_of(owned()), factory(replacing())
    names = {
        event.key
        for reason in (Reason.DELETED, Reason.POD_GONE)
        for event in remediation_events(who, plan, Outcome(Phase.DONE, reason, NOW))
    }
    assert len(names) == 2


def test_what_is_found_out_late_is_not_published() -> None:
    """Its Events may have been published and be gone."""
    outcome = Outcome(Phase.DONE, Reason.POD_GONE, NOW + timedelta(minutes=31))
    assert remediation_events(factory(replacing()), plan_of(owned()), outcome) == []


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET),
        (Phase.FAILED, Reason.FORBIDDEN),
        (Phase.EXPIRED, Reason.PAUSED),
    ],
)
def test_what_was_refused_is_published_on_the_pod(phase: Phase, reason: Reason) -> None:
    """Once for each reason; an expired plan is not published here."""
    plan, who = plan_of(owned()), factory(replacing())
    events = remediation_events(who, plan, Outcome(phase, reason, NOW))
    assert len(events) == (phase is not Phase.EXPIRED)
    for event in events:
        check(event)
        assert event.document["reason"] == "RemediationWithheld"
        assert f"({reason}): {EXPLANATIONS[reason]}" in event.document["message"]


@pytest.mark.parametrize("action", ["", "LogEvent", "Reboot"])
def test_an_action_that_replaces_nothing_is_no_exception(action: str) -> None:
    """Whoever stored it."""
    plan = plan_of(owned()).model_copy(update={"action": action})
    outcome = Outcome(Phase.DONE, Reason.POD_GONE, NOW)
    assert remediation_events(factory(), plan, outcome) == []


def test_a_withheld_pod_gets_one_event_for_each_reason() -> None:
    """By a name that is known without putting the Event together."""
    document = parsed_pod(owned())
    (found,) = diagnose(document)
    who = factory(replacing())
    event = withheld_event(who, document, found, Reason.BARE_POD, NOW)
    check(event)
    assert event.document["message"] == (
        "Pod app-1 is left alone (BarePod): No controller would replace the Pod. "
        f"{found.statement.diagnosis}."
    )
    assert event.key == withheld_key(who, document, found, Reason.BARE_POD)
    assert event.key != withheld_key(who, document, found, Reason.PAUSED)


# Limits


@given(
    name=st.from_regex(r"[a-z0-9]([-a-z0-9]{0,5}[a-z0-9])?(\.[a-z0-9]{1,50}){0,5}", fullmatch=True),
    long=st.booleans(),
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=2000),
    instance=st.text(alphabet="abc-1", max_size=200),
)
def test_any_names_and_texts_make_valid_events(
    name: str, text: str, instance: str, *, long: bool
) -> None:
    """The longest names, notes of any length, a process without a name."""
    name = (name * 40)[: 253 if long else 240].rstrip(".-") if long else name
    document = owned(name=name)
    document["status"]["containerStatuses"][0]["lastState"]["terminated"]["reason"] = text
    read = parsed_pod(document)
    by = factory(logging(), instance)
    (event,) = published(document, by=by)
    check(event)
    (found,) = diagnose(read)
    check(withheld_event(by, read, found, Reason.GAVE_UP, NOW))
    plan = plan_of(document).model_copy(update={"diagnosis": text})
    for each in remediation_events(by, plan, Outcome(Phase.DONE, Reason.DELETED, NOW)):
        check(each)


def test_a_sentence_for_which_there_is_no_room_is_left_out() -> None:
    """A note is short, and nothing in it is cut."""
    plan = plan_of(owned()).model_copy(update={"diagnosis": "ä" * 2000})
    outcome = Outcome(Phase.DONE, Reason.DELETED, NOW)
    for event in remediation_events(factory(), plan, outcome):
        assert event.document["message"].endswith(" asks.")
    long_name = owned(name="a" * 250)
    for event in published(long_name):
        note = event.document["message"]
        assert note.startswith("The Pod restarted due to ")
        assert len(note.encode()) <= MAX_NOTE_BYTES


def test_names_that_differ_only_where_they_are_cut_make_different_events() -> None:
    """The digest distinguishes them."""
    one = owned(1, name="a" * 250 + "1")
    two = owned(2, name="a" * 250 + "2")
    assert published(one)[0].key != published(two)[0].key
