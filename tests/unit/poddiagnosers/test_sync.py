"""Whole syncs of a PodDiagnoser by one process or two: calls, Events and responses."""

import copy
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cluster.server_time import MAX_AGE_SECONDS
from pod_diagnoser.poddiagnosers import event_publisher
from pod_diagnoser.poddiagnosers.access import Observer
from pod_diagnoser.poddiagnosers.event_publisher import MAX_WITHHELD_EVENTS
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.pods.keys import LABEL
from pod_diagnoser.remediation.executor import LATEST_CALL_START_SECONDS
from tests.support.builders import (
    UID,
    Json,
    after,
    condition,
    container,
    diagnoser,
    entries,
    observed,
    owned,
    replacing,
    withheld,
)
from tests.support.fake_api import (
    FakeApi,
    Fault,
    KilledError,
    hanging,
    killed_after,
    killed_before,
    lost,
    refused,
)


class Hook:
    """A process of the hook at an API server, and Metacontroller's part.

    Attributes:
        api: the API server.
        wrong_by: by how much the process's clock is wrong.
        suspended_seconds: seconds that the monotonic clock missed, as of a suspended machine.
        failures: the reasons of failures that pass, which are logged and counted.
    """

    def __init__(self, api: FakeApi | None = None, hours: float = 0) -> None:
        self.api = api or FakeApi(now=after(10))
        self.wrong_by = timedelta(hours=hours)
        self.suspended_seconds = 0.0
        self.failures: list[str] = []
        self.start()

    def start(self) -> None:
        """Start the process, perhaps again."""
        self.reconciler = Reconciler(
            self.api,
            lambda: self.api.now + self.wrong_by,
            "hook-1",
            lambda: self.api.monotonic - self.suspended_seconds,
            Observer(api_failed=lambda failure: self.failures.append(failure.reason)),
        )

    def sleep(self, seconds: float) -> None:
        """The machine sleeps: only its monotonic clock does not notice."""
        self.suspended_seconds += seconds
        self.api.pass_time(seconds)

    def answer(self, diag: Json, pods: list[Json]) -> Json:
        """What a request is answered with."""
        begun = self.api.monotonic
        result = self.reconciler.sync(observed(diag, *pods))
        assert self.api.monotonic - begun < 8, "Metacontroller waits 10 seconds"
        return dict(json.loads(result.response.encode()))

    def sync(self) -> Json:
        """A sync on what is there, its answer stored."""
        diag, pods = self.api.snapshot()
        answer = self.answer(diag, pods)
        self.api.write_status("diag", diag["metadata"]["resourceVersion"], answer["status"])
        return answer

    def calls(self) -> list[str]:
        """The verbs of the calls since this was asked last."""
        verbs = self.api.verbs()
        self.api.calls.clear()
        return verbs

    @property
    def diag(self) -> Json:
        """The PodDiagnoser as stored."""
        return self.api.diagnosers["diag"]


NO_EVENTS = {"events": False}
"""``spec.evidence`` with which no crash waits for what its Events say."""


def logging(number: int = 1, finished: datetime | None = None, **options: Any) -> Hook:
    """A process with a PodDiagnoser that logs, and as many crashed Pods."""
    hook = Hook(**options)
    hook.api.put(diagnoser(remediationAction="LogEvent", evidence=NO_EVENTS))
    for each in range(number):
        document = owned(each, finished or hook.api.now - timedelta(seconds=5))
        hook.api.put(document)
    return hook


def restarting(*pods: Json, **options: Any) -> Hook:
    """A process with a PodDiagnoser that replaces Pods."""
    hook = Hook(**options)
    hook.api.put(replacing())
    for each in pods:
        hook.api.put(each)
    return hook


@pytest.fixture
def hook() -> Hook:
    """With one crashed Pod to be replaced."""
    return restarting(owned())


# What one crash costs


def test_a_crash_is_published_once_with_two_reads_and_a_write() -> None:
    """The PodDiagnoser is read once for all crashes of a sync, and of the next moment."""
    hook = logging(3)
    hook.sync()
    assert hook.calls() == ["get diagnoser", *["get pod", "event"] * 3]
    hook.api.put(owned(9, hook.api.now))
    for _ in range(3):
        hook.sync()
    assert hook.calls() == ["get pod", "event"]
    hook.api.pass_time(2)
    hook.api.put(owned(10, hook.api.now))
    for _ in range(3):
        hook.sync()
    assert hook.calls() == ["get diagnoser", "get pod", "event"]
    assert len(hook.api.events_of("PodRestarted")) == 5
    assert condition(hook.diag)["reason"] == "LoggingEvents"


def test_a_replacement_costs_two_reads_a_deletion_and_its_events(hook: Hook) -> None:
    """Planned, stored, executed, published on the Pod and on the PodDiagnoser."""
    hook.sync()
    assert hook.calls() == ["get diagnoser"]
    assert entries(hook.diag)[0]["phase"] == "Planned"
    hook.sync()
    assert hook.calls() == ["get diagnoser", "get pod", "delete", "event", "event"]
    assert entries(hook.diag)[0]["phase"] == "Done"
    for _ in range(3):
        hook.sync()
    assert hook.calls() == []
    assert len(hook.api.events_of("PodDeleted")) == 2


def test_a_plan_is_executed_by_what_is_read_for_it(hook: Hook) -> None:
    """Not by what a sync of the version between two writes read: another process may have acted."""
    hook.sync()
    between, pods = hook.api.snapshot()
    hook.api.put(between)
    hook.calls()
    hook.api.pass_time(2)
    hook.answer(between, pods)
    assert hook.calls() == ["get diagnoser"]
    hook.sync()
    assert hook.calls() == ["get diagnoser", "get pod", "delete", "event", "event"]


@pytest.mark.parametrize("seconds", [1.5, 3600])
def test_what_was_read_is_soon_read_again(hook: Hook, seconds: float) -> None:
    """What the owner of a PodDiagnoser changes holds a second later."""
    hook.sync()
    between, pods = hook.api.snapshot()
    hook.api.put(between)
    hook.answer(between, pods)
    hook.calls()
    hook.api.pass_time(seconds)
    diag, _ = hook.api.snapshot()
    hook.api.put(replacing(paused=True))
    hook.answer(diag, pods)
    assert hook.calls() == ["get diagnoser"]


def test_nothing_to_do_costs_nothing() -> None:
    """No crash, or no action."""
    hook = restarting()
    hook.sync()
    hook.api.put(diagnoser())
    hook.api.put(owned())
    hook.sync()
    assert hook.calls() == []


def test_a_sync_that_is_in_the_way_of_a_plan_is_not_held(hook: Hook) -> None:
    """One of the version between the two writes: the next one carries the plan out."""
    hook.sync()
    between, pods = hook.api.snapshot()
    hook.api.put(between)
    result = hook.reconciler.sync(observed(between, *pods))
    assert not result.executed
    assert result.urgent
    hook.api.faults["get diagnoser"] = [refused(500)]
    hook.api.pass_time(2)
    assert not hook.reconciler.sync(observed(between, *pods)).urgent


def test_a_sync_that_plans_or_acts_is_not_held(hook: Hook) -> None:
    """What follows is to come at once."""
    plans = hook.reconciler.sync(observed(*_request(hook)))
    assert plans.executed
    hook.sync()
    acts = hook.reconciler.sync(observed(*_request(hook)))
    assert acts.executed
    hook.sync()
    assert not hook.reconciler.sync(observed(*_request(hook))).executed


def _request(hook: Hook) -> list[Json]:
    diag, pods = hook.api.snapshot()
    return [diag, *pods]


# LogEvent: at most once


def test_a_crash_is_published_once_by_anyone_at_any_time() -> None:
    """After a restart, by another replica, from an older request."""
    hook = logging()
    old = hook.api.snapshot()
    hook.sync()
    hook.start()
    hook.sync()
    other = Hook(hook.api)
    other.sync()
    other.answer(*old)
    assert len(hook.api.events) == 1


@pytest.mark.parametrize("hours", [-30, -1, 0, 1, 30])
def test_a_wrong_clock_publishes_the_same_crashes(hours: float) -> None:
    """A slow one none that is old, a fast one all that are fresh."""
    hook = logging(hours=hours)
    hook.api.put(owned(7, hook.api.now - timedelta(minutes=31)))
    hook.sync()
    assert [event["involvedObject"]["name"] for event in hook.api.events.values()] == ["app-0"]


@pytest.mark.parametrize("hours", [-30, -1, 1, 30])
def test_a_clock_that_is_set_later_changes_nothing(hours: float) -> None:
    """The time is asked for again, once."""
    hook = logging()
    hook.sync()
    hook.wrong_by = timedelta(hours=hours)
    hook.api.put(owned(7, hook.api.now))
    hook.calls()
    hook.sync()
    hook.sync()
    assert hook.calls() == ["get diagnoser", "get pod", "event"]
    assert len(hook.api.events) == 2


def test_a_machine_that_slept_does_not_lag_behind() -> None:
    """A laptop's cluster: later crashes are published, those of long ago are not."""
    hook = logging()
    hook.sync()
    hook.api.events.clear()
    hook.start()
    hook.sync()
    hook.sleep(8 * 3600)
    hook.api.events.clear()
    hook.api.put(owned(7, hook.api.now))
    hook.sync()
    assert [event["involvedObject"]["name"] for event in hook.api.events.values()] == ["app-7"]


def test_the_time_is_asked_for_again_after_an_hour() -> None:
    """The API server's clock may have been set."""
    hook = logging()
    hook.sync()
    hook.api.now += timedelta(minutes=20)
    hook.wrong_by -= timedelta(minutes=20)
    hook.api.pass_time(MAX_AGE_SECONDS)
    hook.api.put(owned(7, hook.api.now))
    hook.calls()
    hook.sync()
    assert hook.calls() == ["get diagnoser", "get pod", "event"]


def test_without_the_time_nothing_is_published() -> None:
    """What lasts is in the condition, what passes is logged, and a resync is asked for."""
    hook = logging()
    hook.api.faults["get diagnoser"] = [refused(500), refused(403)]
    answer = hook.sync()
    assert hook.failures == ["ApiServerUnavailable"]
    assert answer["resyncAfterSeconds"] == 5
    hook.api.pass_time(5)
    hook.sync()
    assert condition(hook.diag)["reason"] == "Forbidden"
    assert "may not read PodDiagnosers in namespace shop" in condition(hook.diag)["message"]
    assert hook.api.events == {}
    hook.api.pass_time(30)
    hook.sync()
    assert len(hook.api.events) == 1


@pytest.mark.parametrize(
    ("fault", "reason", "seconds"),
    [
        (refused(403), "Forbidden", 30),
        (refused(429, retry_after=60.0), "ApiServerBusy", 60),
        (refused(500), "ApiServerUnavailable", 5),
        (hanging, "ApiServerUnavailable", 5),
        (lost, "ApiServerUnavailable", 5),
    ],
)
def test_what_cannot_be_published_is_published_later(
    fault: Fault, reason: str, seconds: float
) -> None:
    """It is the action: nothing is dropped."""
    hook = logging()
    hook.api.faults["event"] = [fault]
    answer = hook.sync()
    passes = reason != "Forbidden"
    assert hook.failures == ([reason] if passes else [])
    assert condition(hook.diag)["reason"] == ("LoggingEvents" if passes else reason)
    assert answer["resyncAfterSeconds"] == seconds
    hook.api.pass_time(seconds)
    hook.sync()
    assert len(hook.api.events) == 1
    assert condition(hook.diag)["reason"] == "LoggingEvents"


# A PodDiagnoser that is gone, of which Metacontroller has not learned


def unpublished(hook: Hook, diag: Json) -> Json:
    """What a request without the DiagnosisTarget is answered with."""
    result = hook.reconciler.sync(observed(diag, published=False))
    return dict(json.loads(result.response.encode()))


def test_nothing_is_published_for_one_that_is_gone() -> None:
    """The garbage collector would take it away each time, and wipe all Pods."""
    hook = restarting(owned(1))
    hook.api.pass_time(60)
    hook.sync()
    stale = copy.deepcopy(hook.diag)
    del hook.api.diagnosers["diag"]
    hook.api.pass_time(2)
    answer = unpublished(hook, stale)
    assert answer["attachments"] == []
    assert answer["status"] == stale["status"]


@pytest.mark.parametrize("fault", [hanging, lost, refused(403), refused(500)])
def test_nothing_is_published_for_one_that_is_gone_after_a_failure(fault: Fault) -> None:
    """Whatever was wrong a moment ago, it is looked for."""
    hook = logging()
    hook.api.pass_time(60)
    hook.api.faults["event"] = [fault]
    hook.sync()
    assert hook.failures or condition(hook.diag)["status"] == "False"
    stale = copy.deepcopy(hook.diag)
    del hook.api.diagnosers["diag"]
    hook.api.pass_time(2)
    assert unpublished(hook, stale)["attachments"] == []


def test_nothing_is_published_for_one_that_another_has_followed() -> None:
    """One of the same name has its own."""
    hook = restarting(owned(1))
    hook.api.pass_time(60)
    hook.sync()
    stale = copy.deepcopy(hook.diag)
    hook.diag["metadata"]["uid"] = UID.format(777)
    hook.api.pass_time(2)
    assert unpublished(hook, stale)["attachments"] == []


@pytest.mark.parametrize("fault", [None, refused(403), refused(404), refused(500), hanging, lost])
def test_a_lost_target_is_published_again(fault: Fault | None) -> None:
    """The PodDiagnoser is there, or that cannot be found out."""
    hook = restarting(owned(1))
    hook.api.pass_time(60)
    hook.sync()
    hook.api.pass_time(2)
    if fault is not None:
        hook.api.faults["get diagnoser"] = [fault]
    assert len(unpublished(hook, hook.diag)["attachments"]) == 1


def test_a_new_one_is_published_without_a_look() -> None:
    """It has no status yet, or Metacontroller has not learned yet of what it has created."""
    hook = restarting()
    assert len(unpublished(hook, hook.diag)["attachments"]) == 1
    hook.api.now = after(1)
    hook.sync()
    hook.api.calls.clear()
    assert len(unpublished(hook, hook.diag)["attachments"]) == 1
    assert hook.api.verbs() == []


@pytest.mark.parametrize("fault", [killed_before, killed_after], ids=["before", "after"])
@pytest.mark.parametrize("verb", ["get diagnoser", "get pod", "event"])
def test_killed_while_publishing(verb: str, fault: Fault) -> None:
    """One Event in the end."""
    hook = logging()
    hook.api.faults[verb] = [fault]
    with pytest.raises(KilledError):
        hook.sync()
    hook.start()
    hook.sync()
    assert len(hook.api.events) == 1


@pytest.mark.parametrize(
    "fault",
    [refused(404, kind="namespaces"), refused(403, cause="NamespaceTerminating")],
    ids=["404", "403"],
)
def test_in_a_terminating_namespace_events_are_dropped(fault: Fault) -> None:
    """The crash is dropped, and nothing is wrong."""
    hook = logging()
    hook.api.faults["event"] = [fault]
    hook.sync()
    hook.calls()
    hook.sync()
    assert hook.calls() == []
    assert condition(hook.diag)["reason"] == "LoggingEvents"


@pytest.mark.parametrize("status", [400, 413, 422])
def test_an_event_that_is_refused_does_not_keep_the_others(status: int) -> None:
    """Whatever is wrong with it: the others are published, and the condition shows it."""
    hook = logging(3)
    hook.api.faults["event"] = [refused(status)]
    answer = hook.sync()
    assert len(hook.api.events) == 2
    assert condition(hook.diag)["reason"] == "EventRefused"
    assert answer["resyncAfterSeconds"] == 60


def test_a_storm_is_published_over_several_syncs_each_in_time() -> None:
    """The next one publishes the rest, a second later."""
    hook = logging(500)
    hook.api.latency = 0.02
    syncs = 0
    while len(hook.api.events) < 500:
        begun = hook.api.monotonic
        answer = hook.sync()
        assert hook.api.monotonic - begun < 3
        if len(hook.api.events) < 500:
            assert answer["resyncAfterSeconds"] == 1
        syncs += 1
    assert syncs == 10
    assert hook.calls().count("event") == 500


def test_memory_is_bounded_and_nothing_is_published_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It costs a refused call."""
    monkeypatch.setattr(event_publisher, "MAX_KEYS", 10)
    hook = logging(25)
    hook.sync()
    hook.sync()
    assert len(hook.reconciler._publisher._events._published) == 10
    assert len(hook.api.events) == 25
    assert hook.calls().count("event") == 50


# Faults of the API server


def test_the_wish_to_be_asked_later_is_honoured_by_all_syncs(hook: Hook) -> None:
    """Events of the Pods bring syncs meanwhile: none of them calls."""
    hook.sync()
    hook.api.faults["delete"] = [refused(429, retry_after=20.0)]
    answer = hook.sync()
    assert answer["resyncAfterSeconds"] == 20
    hook.calls()
    hook.api.pass_time(12)
    answer = hook.sync()
    assert hook.calls() == []
    assert answer["resyncAfterSeconds"] == pytest.approx(8)
    assert hook.failures == ["ApiServerBusy"]
    hook.api.pass_time(8.5)
    hook.sync()
    assert "delete" in hook.calls()
    assert condition(hook.diag)["reason"] == "ReplacingPods"


def test_an_api_server_that_hangs_is_not_waited_for_by_every_sync(hook: Hook) -> None:
    """One call finds out, five seconds later another one."""
    hook.sync()
    hook.calls()
    hook.api.faults["get diagnoser"] = [hanging] * 2
    for _ in range(4):
        hook.sync()
    assert hook.failures == ["ApiServerUnavailable"]
    assert condition(hook.diag)["reason"] == "ReplacingPods"
    assert hook.calls() == ["get diagnoser"]
    hook.api.pass_time(5)
    hook.sync()
    hook.api.pass_time(5)
    hook.sync()
    assert entries(hook.diag)[0]["phase"] == "Done"


def test_a_failure_does_not_concern_those_who_do_nothing(hook: Hook) -> None:
    """Another PodDiagnoser, of which no Pod crashed."""
    hook.sync()
    hook.api.faults["get diagnoser"] = [hanging]
    hook.sync()
    idle = {**diagnoser("idle", 901), "spec": {"remediationAction": "RestartPod"}}
    answer = hook.answer(idle, [])
    remediating = {each["type"]: each for each in answer["status"]["conditions"]}["Remediating"]
    assert remediating["reason"] == "ReplacingPods"


@pytest.mark.parametrize("latency", [0.5, 0.9, 1.4, 3.9])
def test_a_slow_api_server_never_makes_an_answer_late(latency: float) -> None:
    """With as much to do as there can be; and in the end all of it is done."""
    pods = [owned(n, by=f"rs-{n}") for n in range(8)]
    hook = restarting(*pods)
    hook.api.latency = latency
    for _ in range(40):
        hook.sync()
        hook.api.pass_time(1)
    assert LATEST_CALL_START_SECONDS + 4.0 + 0.5 < 8
    done = [entry for entry in entries(hook.diag) if entry["phase"] == "Done"]
    assert len(done) == 5 or latency > 3


def test_a_remediation_event_that_cannot_be_created_is_dropped(hook: Hook) -> None:
    """What was done is done, and stored."""
    hook.sync()
    hook.api.faults["event"] = [refused(500)]
    hook.sync()
    assert entries(hook.diag)[0]["phase"] == "Done"
    assert condition(hook.diag)["reason"] == "ReplacingPods"
    assert hook.api.events == {}


@pytest.mark.parametrize("fault", [killed_before, killed_after], ids=["before", "after"])
@pytest.mark.parametrize("verb", ["get diagnoser", "get pod", "delete", "event"])
def test_killed_while_acting(hook: Hook, verb: str, fault: Fault) -> None:
    """One deletion; each Event at most once; the outcome is found."""
    hook.sync()
    hook.api.faults[verb] = [fault]
    with pytest.raises(KilledError):
        hook.sync()
    for _ in range(3):
        hook.start()
        hook.sync()
    assert len(hook.api.deleted) == 1
    assert entries(hook.diag)[0]["phase"] == "Done"
    assert len(hook.api.events_of("PodDeleted")) == 2
    assert len(hook.api.events) == 2


# Clocks and the budget


@pytest.mark.parametrize("hours", [-1, 1, 30])
def test_a_restart_with_a_wrong_clock_does_not_spend_the_budget_twice(hours: float) -> None:
    """Five are done; the process restarts with another clock, and asks before it decides."""
    pods = [owned(n, by=f"rs-{n}") for n in range(12)]
    hook = restarting(*pods)
    for _ in range(3):
        hook.sync()
    assert len(hook.api.deleted) == 5
    hook.wrong_by = timedelta(hours=hours)
    hook.start()
    for _ in range(5):
        hook.sync()
        hook.api.pass_time(30)
    assert len(hook.api.deleted) == 5
    assert len(entries(hook.diag, "Done")) == 5


def test_a_plan_made_by_a_wrong_clock_expires_and_is_made_again(hook: Hook) -> None:
    """Stored by a replica that did not know the time, of an older version say."""
    hook.sync()
    document = copy.deepcopy(hook.diag)
    document["status"]["remediations"][0]["plannedAt"] = format_time(after(3610))
    hook.api.put(document)
    hook.sync()
    assert entries(hook.diag)[0]["reason"] == "PlanTooOld"
    hook.api.pass_time(15)
    hook.sync()
    hook.sync()
    assert [entry["phase"] for entry in entries(hook.diag)] == ["Done"]


def test_unreachable_from_the_start_nothing_is_planned(hook: Hook) -> None:
    """Nothing is decided by a clock that may be wrong."""
    hook.api.faults["get diagnoser"] = [hanging]
    hook.sync()
    assert entries(hook.diag) == []
    assert hook.failures == ["ApiServerUnavailable"]
    hook.api.pass_time(5)
    hook.sync()
    assert entries(hook.diag, "Planned")


# Forged requests


def test_a_forged_pod_is_not_touched_and_gets_no_event(hook: Hook) -> None:
    """Under RestartPod a request with Pods that do not exist, or did not crash, writes nothing."""
    hook.api.pods.clear()
    healthy = owned(2)
    healthy["status"] = {"containerStatuses": [container()]}
    hook.api.put(healthy)
    forged = [owned(1), owned(2), owned(3, ownerReferences=[])]
    diag, _ = hook.api.snapshot()
    for _ in range(3):
        answer = hook.answer(diag, forged)
        diag = {**diag, "status": answer["status"]}
    assert set(hook.calls()) <= {"get diagnoser", "get pod"}
    assert hook.api.events == {}


def test_a_forged_plan_causes_no_write(hook: Hook) -> None:
    """The live status has none; the Pod is there and did crash."""
    diag, pods = hook.api.snapshot()
    forged = {**diag, "status": hook.answer(diag, pods)["status"]}
    assert entries(forged, "Planned")
    hook.start()
    hook.calls()
    hook.answer(forged, pods)
    assert hook.calls() == ["get diagnoser"]


def test_a_forged_poddiagnoser_causes_no_write() -> None:
    """There is none of that name."""
    hook = Hook()
    hook.api.put(owned())
    diag = replacing()
    planned = {**diag, "status": hook.answer(diag, [owned()])["status"]}
    hook.answer(planned, [owned()])
    hook.answer(planned, [owned(2, ownerReferences=[])])
    assert set(hook.calls()) == {"get diagnoser"}


def test_a_forged_crash_is_not_published() -> None:
    """Under LogEvent neither a Pod that there is not, nor a crash that there was not."""
    hook = Hook()
    hook.api.put(diagnoser(remediationAction="LogEvent", evidence=NO_EVENTS))
    healthy = owned(2)
    healthy["status"] = {"containerStatuses": [container()]}
    hook.api.put(healthy)
    replaced = owned(3, uid="another")
    hook.api.put(replaced)
    unclaimed = owned(4)
    del unclaimed["metadata"]["labels"][LABEL]
    hook.api.put(unclaimed)
    diag, _ = hook.api.snapshot()
    for _ in range(3):
        hook.answer(diag, [owned(1), owned(2), owned(3), owned(4)])
    assert hook.calls() == ["get diagnoser", *["get pod"] * 4]


@pytest.mark.parametrize("spec", [{"remediationAction": ""}, {"remediationAction": "RestartPod"}])
def test_a_forged_action_publishes_nothing(spec: Json) -> None:
    """The request says LogEvent; what is stored does not. No PodDiagnoser is stored at all."""
    hook = Hook()
    hook.api.put(owned())
    forged = diagnoser(remediationAction="LogEvent", evidence=NO_EVENTS)
    hook.answer(forged, [owned()])
    assert "event" not in hook.calls()
    hook.start()
    hook.api.put(diagnoser(evidence=NO_EVENTS, **spec))
    hook.answer(forged, [owned()])
    assert "event" not in hook.calls()


def test_a_crash_that_was_forged_once_is_published_when_it_is_true() -> None:
    """Another one of the same container."""
    hook = logging()
    diag, pods = hook.api.snapshot()
    forged = owned(0, finished=hook.api.now)
    hook.answer(diag, [forged])
    assert len(hook.api.events) == 1
    hook.answer(diag, pods)
    assert len(hook.api.events) == 1


# Why a Pod is withheld


def test_a_withheld_pod_gets_one_event_with_the_reason() -> None:
    """From what is live, once for each crash and reason; by anyone, at any time."""
    hook = restarting(owned(ownerReferences=[]))
    hook.sync()
    assert withheld(hook.diag) == {"BarePod": 1}
    (event,) = hook.api.events_of("RemediationWithheld")
    assert event["involvedObject"]["name"] == "app-1"
    assert "BarePod" in event["message"]
    hook.calls()
    for _ in range(3):
        hook.sync()
    assert hook.calls() == []
    hook.start()
    hook.sync()
    assert len(hook.api.events) == 1


def test_a_sync_publishes_on_a_few_withheld_pods() -> None:
    """Two calls for each of them and one for all."""
    hook = restarting(*(owned(n, ownerReferences=[]) for n in range(12)))
    counts = []
    for _ in range(5):
        hook.sync()
        counts.append(len(hook.calls()))
    assert counts == [1 + 2 * MAX_WITHHELD_EVENTS, 1 + 2 * MAX_WITHHELD_EVENTS, 2 * 2, 0, 0]
    assert len(hook.api.events) == 12


@pytest.mark.parametrize(
    ("reason", "policy", "change"),
    [
        ("DryRun", {"dryRun": True}, {}),
        ("Paused", {"paused": True}, {}),
        ("OptedOut", {}, {"annotations": {"diagnostics.local.io/remediate": "false"}}),
        ("CauseNotListed", {"causes": ["Killed"]}, {}),
    ],
)
def test_each_lasting_reason_is_published(reason: str, policy: Json, change: Json) -> None:
    """Not the ones that pass in a moment."""
    hook = Hook()
    hook.api.put(replacing(**policy))
    hook.api.put(owned(**change))
    hook.sync()
    hook.sync()
    (event,) = hook.api.events.values()
    assert reason in event["message"]


def test_what_passes_in_a_moment_is_not_published() -> None:
    """Too young, too long ago, going."""
    hook = restarting(
        owned(1, created=after(5)),
        owned(2, after(minutes=-40)),
        owned(3, deletionTimestamp=format_time(after(5))),
    )
    hook.sync()
    hook.sync()
    assert withheld(hook.diag) == {"NotFresh": 1, "Terminating": 1, "TooYoung": 1}
    assert hook.api.events == {}


def test_cool_down_and_giving_up_are_published() -> None:
    """And the budget, on the Pods that wait for it."""
    hook = restarting(*(owned(n, by=f"rs-{n % 6}") for n in range(12)))
    for _ in range(12):
        hook.sync()
        hook.api.pass_time(2)
    notes = [event["message"] for event in hook.api.events_of("RemediationWithheld")]
    assert sum("(CoolDown)" in note for note in notes) == 5
    assert sum("(BudgetSpent)" in note for note in notes) == 2


def test_a_reason_that_does_not_hold_live_is_not_published() -> None:
    """The request is older than the cluster: nothing false is published."""
    hook = restarting(owned())
    diag, _ = hook.api.snapshot()
    hook.answer(diag, [owned(ownerReferences=[])])
    assert hook.api.events == {}
    other = owned(7, name="app-1", ownerReferences=[])
    hook.api.put(other)
    hook.start()
    hook.answer(diag, [owned(ownerReferences=[])])
    assert hook.api.events == {}


def test_why_is_not_worth_a_failure() -> None:
    """An Event that cannot be created is no failure of the PodDiagnoser."""
    hook = restarting(owned(ownerReferences=[]))
    for verb in ("get pod", "event"):
        hook.api.faults[verb] = [refused(403)]
        hook.start()
        hook.sync()
        assert hook.api.faults[verb] == []
        assert condition(hook.diag)["reason"] == "ReplacingPods"


def test_nothing_is_published_on_a_pod_that_is_not_claimed() -> None:
    """Its label was taken off meanwhile."""
    hook = restarting(owned(ownerReferences=[]))
    diag, pods = hook.api.snapshot()
    without = copy.deepcopy(pods[0])
    del without["metadata"]["labels"][LABEL]
    hook.api.put(without)
    hook.answer(diag, pods)
    assert hook.api.events == {}


def test_events_that_are_dropped_are_counted() -> None:
    """What accompanies what was done: both of them."""
    dropped: list[None] = []
    hook = restarting(owned())
    hook.reconciler = Reconciler(
        hook.api,
        lambda: hook.api.now,
        "hook-1",
        lambda: hook.api.monotonic,
        Observer(event_dropped=lambda: dropped.append(None)),
    )
    hook.sync()
    hook.api.faults["event"] = [refused(429)]
    hook.sync()
    assert entries(hook.diag)[0]["phase"] == "Done"
    assert len(dropped) == 2
