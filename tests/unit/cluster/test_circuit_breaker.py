"""Circuit breakers: which calls are not made, why, and for how long."""

from dataclasses import dataclass

import pytest

from pod_diagnoser.cluster.circuit_breaker import (
    MAX_NAMESPACES,
    NO_ANSWER_SECONDS,
    REMEMBERED_SECONDS,
    CircuitBreaker,
    EvidenceCircuitBreaker,
    OpenCircuit,
)
from pod_diagnoser.cluster.errors import NoAnswerError, api_error
from pod_diagnoser.cluster.evidence import FETCH_SECONDS, SHARED_FETCH_SECONDS
from pod_diagnoser.diagnosis.evidence import EventLookup


@dataclass
class Monotonic:
    """A clock that is set by hand."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return its time."""
        return self.now


@pytest.fixture
def clock() -> Monotonic:
    """A clock at zero."""
    return Monotonic()


@pytest.fixture
def breaker(clock: Monotonic) -> CircuitBreaker[str]:
    """A breaker with words for reasons."""
    return CircuitBreaker(clock)


def test_it_closes_by_itself(breaker: CircuitBreaker[str], clock: Monotonic) -> None:
    """Open with its reason, for as long as the failure asked for."""
    assert breaker.find_open() is None
    breaker.open("busy", 5.0)
    clock.now = 4.0
    assert breaker.find_open() == OpenCircuit("busy", 1.0)
    assert breaker.find_open("shop") == OpenCircuit("busy", 1.0)
    clock.now = 5.0
    assert breaker.find_open() is None


def test_a_namespace_is_open_alone(breaker: CircuitBreaker[str]) -> None:
    """Others are called in, and so is what is in no namespace."""
    breaker.open("forbidden", 5.0, "shop")
    assert breaker.find_open("shop") == OpenCircuit("forbidden", 5.0)
    assert breaker.find_open("depot") is None
    assert breaker.find_open() is None


@pytest.mark.parametrize("namespace", [None, "shop"])
def test_it_is_never_open_for_a_shorter_time_than_was_said(
    breaker: CircuitBreaker[str], clock: Monotonic, namespace: str | None
) -> None:
    """Of two that overlap, the later end counts, with its reason."""
    breaker.open("first", 10.0, namespace)
    clock.now = 2.0
    breaker.open("shorter", 7.0, namespace)
    assert breaker.find_open(namespace) == OpenCircuit("first", 8.0)
    breaker.open("as long", 8.0, namespace)
    assert breaker.find_open(namespace) == OpenCircuit("as long", 8.0)
    clock.now = 20.0
    breaker.open("shorter", 1.0, namespace)
    assert breaker.find_open(namespace) == OpenCircuit("shorter", 1.0)


def test_a_parent_counts_server_wide_alone(clock: Monotonic) -> None:
    """What is open there in one namespace is about other calls."""
    parent: CircuitBreaker[str] = CircuitBreaker(clock)
    child = CircuitBreaker(clock, parent)
    parent.open("forbidden", 5.0, "shop")
    assert child.find_open("shop") is None
    parent.open("busy", 5.0)
    assert child.find_open("shop") == OpenCircuit("busy", 5.0)
    clock.now = 5.0
    child.open("away", 5.0)
    assert parent.find_open() is None


def test_namespaces_are_bounded(breaker: CircuitBreaker[str]) -> None:
    """The oldest is forgotten, which costs a call."""
    for number in range(MAX_NAMESPACES + 1):
        breaker.open("forbidden", 5.0, f"shop-{number}")
    assert breaker.find_open("shop-0") is None
    assert breaker.find_open("shop-1") is not None


def test_a_call_that_fails_while_it_is_open_does_not_extend_it(clock: Monotonic) -> None:
    """A shared read takes longer than those of single Pods that began with it."""
    breaker = EvidenceCircuitBreaker(clock)
    clock.now = FETCH_SECONDS
    breaker.record_failure(NoAnswerError(), "shop")
    clock.now = SHARED_FETCH_SECONDS
    breaker.record_failure(NoAnswerError(), "shop")
    clock.now = FETCH_SECONDS + NO_ANSWER_SECONDS - 0.01
    assert breaker.find_open("shop") is not None
    clock.now = FETCH_SECONDS + NO_ANSWER_SECONDS
    assert breaker.find_open("shop") is None
    assert breaker.record_failure(NoAnswerError(), "shop") is EventLookup.UNAVAILABLE
    assert breaker.find_open("shop") == OpenCircuit(EventLookup.UNAVAILABLE, NO_ANSWER_SECONDS)


def test_a_third_namespace_without_an_answer_opens_it_server_wide(clock: Monotonic) -> None:
    """Also while it is open for the first; what fails after that does not extend it."""
    breaker = EvidenceCircuitBreaker(clock)
    failures = ((1.0, "shop"), (1.5, "depot"), (2.0, "store"), (3.0, "shop"))
    for clock.now, namespace in failures:
        breaker.record_failure(NoAnswerError(), namespace)
    clock.now = 2.0 + NO_ANSWER_SECONDS - 0.01
    assert breaker.find_open("other") is not None
    clock.now = 2.0 + NO_ANSWER_SECONDS
    for namespace in ("shop", "depot", "store", "other"):
        assert breaker.find_open(namespace) is None


@pytest.mark.parametrize("slow", [2, 3, 7])
def test_slow_namespaces_stop_no_reads_of_the_others(clock: Monotonic, slow: int) -> None:
    """As long as at least as many are answered, in whatever order they come."""
    breaker = EvidenceCircuitBreaker(clock)
    others = [f"other-{number}" for number in range(max(slow, 1))]
    for _ in range(60):
        clock.now += 0.7
        for namespace in others:
            assert breaker.find_open(namespace) is None
            breaker.record_success(namespace)
        for number in range(slow):
            if breaker.find_open(f"slow-{number}") is None:
                breaker.record_failure(NoAnswerError(), f"slow-{number}")


def test_two_slow_namespaces_alone_stop_nobody(clock: Monotonic) -> None:
    """Not even where nobody else was read lately."""
    breaker = EvidenceCircuitBreaker(clock)
    for clock.now in (1.0, 1.1, 9.0, 9.1):
        for namespace in ("slow-1", "slow-2"):
            breaker.record_failure(NoAnswerError(), namespace)
            assert breaker.find_open("other") is None


def test_an_api_server_that_is_away_is_noticed_though_it_answered_before(clock: Monotonic) -> None:
    """What was answered long ago does not count."""
    breaker = EvidenceCircuitBreaker(clock)
    for number in range(50):
        breaker.record_success(f"shop-{number}")
    clock.now = REMEMBERED_SECONDS
    for number in range(3):
        breaker.record_failure(NoAnswerError(), f"shop-{number}")
    assert breaker.find_open("shop-9") is not None


def test_a_refusal_of_credentials_outlasts_a_later_429(clock: Monotonic) -> None:
    """Both concern all calls; the answer of a call that was under way does not shorten it."""
    breaker = EvidenceCircuitBreaker(clock)
    assert breaker.record_failure(api_error(401), "shop") is EventLookup.REFUSED
    breaker.record_failure(api_error(429, retry_after=1.0), "depot")
    clock.now = 2.0
    circuit = breaker.find_open("shop")
    assert circuit is not None
    assert circuit.reason is EventLookup.REFUSED
