"""How long a response for a PodDiagnoser is delayed."""

from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.metacontroller import SyncResponse
from pod_diagnoser.server.debouncing import (
    DEBOUNCE_FACTOR,
    MAX_RESPONSE_SECONDS,
    Debounce,
    Debouncer,
)

_SECONDS = st.floats(0, 10)


def test_a_response_is_delayed_by_nine_times_what_it_took() -> None:
    """So that the syncs of a PodDiagnoser use a tenth of the time."""
    assert Debounce().seconds(0.1, 2.0) == 0.9


def test_a_response_that_writes_is_not_delayed_unless_it_took_long() -> None:
    """The next write is two seconds later anyway."""
    writes = Debounce(saved=2.0)
    assert writes.seconds(0.2, 2.0) == 0
    assert writes.seconds(0.5, 2.0) == 2.0


def test_while_nothing_can_be_written_the_next_sync_waits() -> None:
    """Such a sync of 200 Pods would be for nothing; one of a single Pod costs nothing."""
    idle = Debounce(idle=1.5)
    assert idle.seconds(0.03, 2.0) == 1.5
    assert idle.seconds(0.001, 2.0) == 0.09


@given(taken=_SECONDS, most=_SECONDS, idle=_SECONDS, saved=_SECONDS)
def test_no_delay_is_longer_than_its_bounds(
    taken: float, most: float, idle: float, saved: float
) -> None:
    """Neither than what is set, nor so that the whole takes too long for Metacontroller."""
    seconds = Debounce(idle, saved).seconds(taken, most)
    assert 0 <= seconds <= most
    assert seconds == 0 or taken + seconds <= MAX_RESPONSE_SECONDS + 1e-9


@given(taken=st.floats(0, 0.2), idle=st.floats(0, 2))
def test_syncs_that_write_nothing_use_a_tenth_of_the_time(taken: float, idle: float) -> None:
    """Whatever changes meanwhile."""
    assert Debounce(idle).seconds(taken, 2.0) >= DEBOUNCE_FACTOR * taken - 1e-9


def test_the_debouncer_sleeps_and_says_for_how_long() -> None:
    """It does not call sleep for nothing."""
    slept: list[float] = []
    debouncer = Debouncer(slept.append, 2.0)
    assert debouncer.wait(Debounce(), 0.1) == 0.9
    assert debouncer.wait(Debounce(saved=2.0), 0.1) == 0
    assert slept == [0.9]


def test_a_resync_counts_from_when_the_response_would_have_been_given() -> None:
    """Otherwise a status that waits for its time would wait twice."""
    response = SyncResponse(status={}, resyncAfterSeconds=1.5)
    assert response.after(1.0).resyncAfterSeconds == 0.5
    assert response.after(1.5).resyncAfterSeconds == 0.1
    assert response.after(0) is response


def test_a_response_without_a_resync_stays_without_one() -> None:
    """Nothing is set that was not set."""
    response = SyncResponse(status={})
    assert response.after(1.0) is response
