"""What the benchmarks read of the hook's metrics."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from dev.benchmarks import answering
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.server.telemetry import Telemetry


@pytest.fixture
def metrics() -> str:
    """The hook's own metrics after some answers."""
    telemetry = Telemetry(CollectorRegistry())
    for seconds in (0.001, 0.5, 2.5, 2.6, 30.0):
        telemetry.answered("/pods/sync", 200, seconds)
    telemetry.answered("/poddiagnosers/sync", 200, 9.0)
    telemetry.answered("/pods/sync", 429)
    telemetry.answered("/poddiagnosers/sync", 500)
    for asked in (EventLookup.FOUND, EventLookup.FOUND, EventLookup.UNAVAILABLE):
        telemetry.events_looked_up(asked)
    return generate_latest(telemetry.registry).decode()


def test_answers_are_counted_by_endpoint_and_status(metrics: str) -> None:
    """And those that are none together."""
    answers = answering.answers(metrics)
    assert answers["/pods/sync", "200"] == 5
    assert answers["/pods/sync", "429"] == 1
    assert answers["/pods/sync", "500"] == 0
    assert answering.refused(metrics) == 2


def test_slow_answers_are_those_above_a_bound(metrics: str) -> None:
    """Of one endpoint; the histogram must have the bound."""
    assert answering.slower(metrics, "/pods/sync", 2.5) == 2
    assert answering.slower(metrics, "/poddiagnosers/sync", 2.5) == 1
    assert answering.slower(metrics, "/pods/customize", 2.5) == 0
    with pytest.raises(LookupError):
        answering.slower(metrics, "/pods/sync", 2.4)


def test_looks_at_events_are_counted_by_what_came_of_them(metrics: str) -> None:
    """What they showed of a crash, or why they could not be read."""
    found = answering.evidence(metrics)
    assert (found["Found"], found["Unavailable"], found.total()) == (2, 1, 3)


def test_a_hook_that_has_just_started_has_answered_nothing() -> None:
    """There are no such lines yet."""
    metrics = generate_latest(CollectorRegistry()).decode()
    assert answering.answers(metrics)["/pods/sync", "200"] == 0
    assert answering.refused(metrics) == 0
    assert answering.evidence(metrics)["Found"] == 0
