"""Virtual and real time, futures, tasks and channels: the foundation of the simulator."""

import threading
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from dev.simulator.scheduling import (
    Channel,
    Clock,
    Future,
    RealScheduler,
    Scheduler,
    VirtualScheduler,
)
from dev.simulator.timing import TokenBucket


@pytest.fixture
def scheduler() -> VirtualScheduler:
    """Return a scheduler in virtual time."""
    return VirtualScheduler()


def test_callbacks_run_when_due_and_in_order(scheduler: VirtualScheduler) -> None:
    """The earlier first; of those due together, the one that was asked for first."""
    ran: list[str] = []
    for name, delay in (("c", 2.0), ("a", 1.0), ("b", 1.0), ("late", 9.0)):
        scheduler.call_later(delay, partial(ran.append, name))
    scheduler.run_for(5)
    assert ran == ["a", "b", "c"]
    assert scheduler.time() == 5


def test_a_cancelled_callback_does_not_run(scheduler: VirtualScheduler) -> None:
    """Cancelling is final, and leaves the others alone."""
    ran: list[str] = []
    timer = scheduler.call_later(1, lambda: ran.append("cancelled"))
    scheduler.call_later(2, lambda: ran.append("kept"))
    timer.cancel()
    scheduler.run_for(5)
    assert ran == ["kept"]


def test_run_until_stops_at_once(scheduler: VirtualScheduler) -> None:
    """It stops when the condition holds, or at the time-out."""
    assert scheduler.run_until(lambda: scheduler.time() >= 3, timeout=2) is False
    assert scheduler.time() == 2
    scheduler.call_later(1, lambda: None)
    scheduler.call_later(5, lambda: None)
    assert scheduler.run_until(lambda: scheduler.time() >= 3, timeout=60) is True
    assert scheduler.time() == 3


async def waits(scheduler: Scheduler, log: list[str], name: str, seconds: float) -> str:
    """Wait and say so."""
    log.append(f"{name} begins")
    await scheduler.sleep(seconds)
    log.append(f"{name} ends")
    return name


def test_tasks_take_turns(scheduler: VirtualScheduler) -> None:
    """Each runs until it waits; its result is there for whoever awaits it."""
    log: list[str] = []

    async def both() -> str:
        one = scheduler.spawn(waits(scheduler, log, "one", 2))
        other = scheduler.spawn(waits(scheduler, log, "other", 1))
        return await one + await other

    task = scheduler.spawn(both())
    scheduler.run_for(5)
    assert task.result() == "oneother"
    assert log == ["one begins", "other begins", "other ends", "one ends"]


def test_a_cancelled_task_goes_no_further(scheduler: VirtualScheduler) -> None:
    """It stops where it waits, as a process that is killed."""
    log: list[str] = []
    task = scheduler.spawn(waits(scheduler, log, "one", 2))
    scheduler.run_for(1)
    task.cancel()
    scheduler.run_for(5)
    assert log == ["one begins"]
    assert not task.done


def test_an_error_reaches_who_awaits(scheduler: VirtualScheduler) -> None:
    """An error that is not awaited is raised out of the run: it is a mistake in the simulator."""

    async def fails() -> None:
        await scheduler.sleep(1)
        message = "no"
        raise LookupError(message)

    async def asks() -> str:
        try:
            await scheduler.spawn(fails())
        except LookupError:
            return "caught"
        return "missed"

    task = scheduler.spawn(asks())
    scheduler.run_for(2)
    assert task.result() == "caught"
    scheduler.spawn(fails())
    with pytest.raises(LookupError):
        scheduler.run_for(2)


def test_a_futures_first_outcome_counts(scheduler: VirtualScheduler) -> None:
    """Later ones are ignored; asking too early is an error."""
    future: Future[int] = Future(scheduler)
    with pytest.raises(RuntimeError, match="no outcome yet"):
        future.result()
    future.resolve(1)
    future.resolve(2)
    future.fail(ValueError())
    assert future.result() == 1


def test_a_channel_keeps_order(scheduler: VirtualScheduler) -> None:
    """Each item goes to one taker, the first item first."""
    channel: Channel[int] = Channel(scheduler)
    got: list[int] = []

    async def take() -> None:
        while True:
            got.append(await channel.get())
            await scheduler.sleep(1)

    for _ in range(2):
        scheduler.spawn(take())
    scheduler.run_for(1)
    for number in range(5):
        channel.put(number)
    scheduler.run_for(0)
    assert got == [0, 1]
    scheduler.run_for(5)
    assert got == [0, 1, 2, 3, 4]


def test_clocks_may_differ(scheduler: VirtualScheduler) -> None:
    """A skewed clock moves with the true one, and may be set while it runs."""
    clock = Clock(scheduler, datetime(2026, 1, 1, tzinfo=UTC))
    other = clock.skewed(timedelta(hours=1))
    scheduler.run_for(10)
    assert clock.now() == datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
    assert other.now() - clock.now() == timedelta(hours=1)
    other.skew = timedelta(0)
    assert other.now() == clock.now()


def test_a_token_bucket_limits(scheduler: VirtualScheduler) -> None:
    """A burst is free, then each token takes its time; idle time fills it up to the burst."""
    bucket = TokenBucket(scheduler, per_second=2, burst=3)
    assert [bucket.reserve() for _ in range(5)] == [0, 0, 0, 0.5, 1.0]
    scheduler.run_for(100)
    assert [bucket.try_accept() for _ in range(4)] == [True, True, True, False]


def test_real_time_takes_work_from_other_threads() -> None:
    """What another thread posts runs on the scheduler's thread, between its timers."""
    scheduler = RealScheduler()
    ran: list[tuple[str, int]] = []
    scheduler.call_later(0.01, lambda: ran.append(("timer", threading.get_ident())))
    poster = threading.Thread(
        target=scheduler.post, args=(lambda: ran.append(("posted", threading.get_ident())),)
    )
    poster.start()
    assert scheduler.run_until(lambda: len(ran) == 2, timeout=30)
    poster.join()
    assert {name for name, _ in ran} == {"timer", "posted"}
    assert {ident for _, ident in ran} == {threading.get_ident()}
    assert scheduler.run_until(lambda: False, timeout=0.01) is False
