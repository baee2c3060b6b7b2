"""What Events of a node prove of a container's end, and what they do not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis.diagnose import Diagnosis, diagnose_symptom
from pod_diagnoser.diagnosis.event_rules import (
    LOOKUPS_AWAITED,
    MAX_LOOKUPS,
    THIRD_LOOKUP_AFTER,
    evaluate_events,
    needs_node_events,
    seconds_until_lookup,
)
from pod_diagnoser.diagnosis.evidence import (
    EventFinding,
    EventLookup,
    Evidence,
    FetchedEvidence,
    NodeEvent,
    NodeEvents,
    PodEvent,
)
from pod_diagnoser.diagnosis.symptoms import Symptom
from tests.support.builders import termination

END = datetime(2026, 11, 23, 10, tzinfo=UTC)
OOM = "System OOM encountered, victim process: java, pid: 41231"
GLOBAL = "Out of memory: Killed process 41231 (java) total-vm:8191240kB, anon-rss:3900124kB"
CGROUP = "Memory cgroup out of memory: Killed process 977 (ruby) total-vm:91240kB"


def after(seconds: float) -> datetime:
    """Return a time after the container's end."""
    return END + timedelta(seconds=seconds)


KILLED = termination(
    reason="Error",
    exit_code=137,
    node="node1",
    started_at=after(-600),
    finished_at=END,
    ended_by=END,
)
LOST = KILLED._replace(reason="Unknown", exit_code=255)
UNKNOWN = KILLED._replace(reason="ContainerStatusUnknown", started_at=None, finished_at=None)


def event(reason: str, seconds: float, message: str = "", source: str = "kubelet") -> NodeEvent:
    """Return an Event of the node, so many seconds after the container's end."""
    return NodeEvent(source, reason, message, after(seconds), after(seconds))


def diagnosed(symptom: Symptom, *events: NodeEvent) -> Diagnosis:
    """Diagnose a container's end with Events of its node, and none of its Pod."""
    node = NodeEvents(events, after(10))
    fetched = FetchedEvidence(EventLookup.FOUND, node=node)
    return diagnose_symptom(symptom, evaluate_events(symptom, fetched, None, after(10)))


@pytest.mark.parametrize(
    ("symptom", "events", "cause"),
    [
        (KILLED, [event("SystemOOM", 0, OOM)], Cause.NODE_OUT_OF_MEMORY),
        (KILLED, [event("SystemOOM", -2, OOM)], Cause.NODE_OUT_OF_MEMORY),
        (KILLED, [event("SystemOOM", -3, OOM)], Cause.KILLED),
        (KILLED, [event("SystemOOM", 6, OOM)], Cause.KILLED),
        (KILLED, [event("SystemOOM", 0, OOM, "kernel-monitor")], Cause.KILLED),
        (KILLED, [event("OOMKilling", 3, GLOBAL, "kernel-monitor")], Cause.NODE_OUT_OF_MEMORY),
        (KILLED, [event("OOMKilling", 0, CGROUP, "kernel-monitor")], Cause.KILLED),
        (KILLED, [event("Rebooted", 90)], Cause.NODE_REBOOTED),
        (KILLED, [event("Rebooted", 301)], Cause.KILLED),
        (KILLED, [event("Rebooted", -61)], Cause.KILLED),
        (KILLED, [event("Rebooted", 0, source="node-controller")], Cause.KILLED),
        (KILLED, [event("NodeNotReady", 0, source="node-controller")], Cause.KILLED),
        (LOST, [event("Rebooted", -5)], Cause.NODE_REBOOTED),
        (LOST, [event("SystemOOM", 0, OOM)], Cause.EXIT_STATUS_LOST),
        (UNKNOWN, [event("Rebooted", -8)], Cause.NODE_REBOOTED),
        (UNKNOWN, [event("Rebooted", -200)], Cause.NODE_REBOOTED),
        (UNKNOWN, [event("Rebooted", -301)], Cause.CONTAINER_STATUS_UNKNOWN),
        (UNKNOWN, [event("SystemOOM", 0, OOM)], Cause.CONTAINER_STATUS_UNKNOWN),
        (KILLED._replace(exit_code=255), [event("Rebooted", 1)], Cause.NODE_REBOOTED),
        (KILLED._replace(exit_code=1), [event("Rebooted", 1)], Cause.APPLICATION_ERROR),
        (KILLED._replace(exit_code=143), [event("SystemOOM", 0)], Cause.TERMINATED),
        (KILLED._replace(reason="OOMKilled"), [event("SystemOOM", 0)], Cause.OUT_OF_MEMORY),
        # It began to run after the reboot.
        (KILLED._replace(started_at=after(-30)), [event("Rebooted", -20)], Cause.KILLED),
    ],
)
def test_a_node_explains_what_its_pod_cannot(
    symptom: Symptom, events: list[NodeEvent], cause: Cause
) -> None:
    """A kill in the second in which it ran out of memory; what it lost when it was rebooted."""
    diagnosis = diagnosed(symptom, *events)
    assert diagnosis.cause is cause
    assert diagnosis.status_cause is diagnose_symptom(symptom, None).cause


def test_what_the_event_says_is_kept_with_its_time() -> None:
    """So that it can be quoted when the Event is gone."""
    evidence = diagnosed(KILLED, event("SystemOOM", 1, OOM)).symptom.evidence
    assert evidence == Evidence(
        EventLookup.FOUND,
        EventFinding.NODE_OUT_OF_MEMORY,
        OOM,
        event="SystemOOM",
        event_time=after(1),
    )


def test_an_event_that_proves_nothing_is_a_hint() -> None:
    """It is quoted, and the cause stays what it is."""
    diagnosis = diagnosed(LOST, event("NodeNotReady", -40, "Node n status is now: NodeNotReady"))
    assert diagnosis.cause is Cause.EXIT_STATUS_LOST
    assert "Event NodeNotReady 09:59:20 UTC" in diagnosis.statement.evidence


def test_the_start_of_kube_proxy_is_no_hint() -> None:
    """It says Starting, as the kubelet does."""
    proxy = diagnosed(LOST, event("Starting", 0, source="kube-proxy")).symptom.evidence
    kubelet = diagnosed(LOST, event("Starting", 0)).symptom.evidence
    assert proxy is not None
    assert kubelet is not None
    assert (proxy.event, kubelet.event) == ("", "Starting")


def test_the_pod_s_own_events_come_first() -> None:
    """A kill by the kubelet is one, whatever happened on the node."""
    symptom = KILLED._replace(probes=("liveness",))
    kill = PodEvent("Killing", "Container app failed liveness probe", "app", END, END)
    node = NodeEvents((event("SystemOOM", 0, OOM),), after(10))
    fetched = FetchedEvidence(EventLookup.FOUND, (kill,), node=node)
    found = evaluate_events(symptom, fetched, None, after(10))
    assert found.finding is EventFinding.LIVENESS_PROBE


def test_the_node_is_asked_with_the_second_lookup() -> None:
    """The first one may explain it; and only where the Pod cannot."""
    nothing = Evidence(EventLookup.NOTHING)
    assert not needs_node_events(KILLED, None)
    assert needs_node_events(KILLED, nothing)
    assert needs_node_events(LOST, nothing)
    assert not needs_node_events(KILLED._replace(exit_code=1), nothing)
    assert not needs_node_events(KILLED._replace(exit_code=0), nothing)


@pytest.mark.parametrize(("read_at", "again"), [(-20, True), (1, True), (2, False), (5, False)])
def test_events_of_the_node_from_before_the_end_are_read_once_more(
    read_at: float, again: bool
) -> None:
    """They are kept for a minute; then they are read again, and never a fourth time."""
    node = NodeEvents((), after(read_at))
    fetched = FetchedEvidence(EventLookup.FOUND, node=node)
    first = Evidence(EventLookup.NOTHING)
    second = evaluate_events(KILLED, fetched, first, after(6))
    wait = seconds_until_lookup(KILLED, second, END, after(6))
    assert wait == (THIRD_LOOKUP_AFTER.total_seconds() - 6 if again else None)
    third = evaluate_events(KILLED, fetched, second, after(70))
    assert third.lookups == MAX_LOOKUPS
    assert seconds_until_lookup(KILLED, third, END, after(70)) is None


def test_what_is_found_after_a_minute_changes_no_cause() -> None:
    """The cause was told and acted upon seconds after the end; the Event is named beside it."""
    symptom = KILLED._replace(probes=("liveness",))
    kill = PodEvent("Killing", "Container app failed liveness probe", "app", END, END)
    known = Evidence(EventLookup.NOTHING, lookups=LOOKUPS_AWAITED)
    for found, name in (
        (FetchedEvidence(EventLookup.FOUND, (kill,)), "Killing"),
        (
            FetchedEvidence(
                EventLookup.FOUND, node=NodeEvents((event("SystemOOM", 0, OOM),), after(70))
            ),
            "SystemOOM",
        ),
    ):
        evidence = evaluate_events(symptom, found, known, after(70))
        assert evidence.finding is None
        diagnosis = diagnose_symptom(symptom, evidence)
        assert diagnosis.cause is Cause.KILLED
        assert name in diagnosis.statement.evidence


TIMES = st.none() | st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the time zone
    max_value=datetime(9999, 12, 31, 23, 59, 59),  # noqa: DTZ001
    timezones=st.just(UTC),
)
EVENTS = st.builds(
    NodeEvent,
    source=st.sampled_from(["kubelet", "node-controller", "kernel-monitor"]),
    reason=st.sampled_from(
        ["SystemOOM", "OOMKilling", "Rebooted", "NodeNotReady", "Starting", "x"]
    ),
    message=st.text(max_size=20) | st.sampled_from([OOM, GLOBAL, CGROUP]),
    first=TIMES,
    last=TIMES | st.integers(-400, 400).map(after),
)
SYMPTOMS = st.builds(
    Symptom._replace,
    st.sampled_from([KILLED, LOST, UNKNOWN]),
    started_at=TIMES,
    ended_by=TIMES | st.just(END),
)


@given(SYMPTOMS, st.lists(EVENTS, max_size=5), TIMES)
def test_events_of_any_time_prove_nothing_of_another(
    symptom: Symptom, events: list[NodeEvent], read_at: datetime | None
) -> None:
    """Whatever they say: what is found happened within minutes of the end."""
    node = NodeEvents(events, read_at or END)
    fetched = FetchedEvidence(EventLookup.FOUND, node=node)
    found = evaluate_events(symptom, fetched, None, after(10))
    if found.finding is not None or found.event:
        assert symptom.ended_by is not None
        assert found.event_time is not None
        assert abs(found.event_time - symptom.ended_by) <= timedelta(minutes=5)
        assert found.event in [each.reason for each in events]
