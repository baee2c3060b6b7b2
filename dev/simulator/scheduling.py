"""Time, and what happens when: schedulers in virtual and in real time, and tasks that run on them.

Everything in the simulator happens in callbacks of one scheduler, one after another. Code that has
to wait is written as a coroutine that awaits a Future; it is resumed by the scheduler, never by
whoever resolves the Future, so no two pieces of code ever run at the same time.
"""

import heapq
import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
_POLL = 0.05  # seconds
Callback = Callable[[], None]


class Timer:
    """A callback that is due at some time, and can be cancelled before."""

    __slots__ = ("callback", "due")

    def __init__(self, due: float, callback: Callback) -> None:
        self.due = due
        self.callback: Callback | None = callback

    def cancel(self) -> None:
        """Forget the callback; of no effect once it ran."""
        self.callback = None


class Scheduler(ABC):
    """Runs callbacks in the order in which they are due; ties, in the order of the calls."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    @abstractmethod
    def time(self) -> float:
        """Return the seconds since some fixed moment; they never go back."""

    def call_later(self, delay: float, callback: Callback) -> Timer:
        """Run a callback after a delay.

        Args:
            delay: seconds; less than 0 counts as 0.
            callback: called without arguments.
        """
        timer = Timer(self.time() + max(delay, 0.0), callback)
        heapq.heappush(self._heap, (timer.due, next(self._order), timer))
        return timer

    def call_soon(self, callback: Callback) -> Timer:
        """Run a callback after those that are due already."""
        return self.call_later(0, callback)

    def spawn(self, coroutine: "Coroutine[Future[Any], None, T]") -> "Task[T]":
        """Start a coroutine; its first step runs soon, not now."""
        return Task(self, coroutine)

    def future(self) -> "Future[Any]":
        """Return a future that is resumed by this scheduler."""
        return Future(self)

    def sleep(self, delay: float) -> "Future[None]":
        """Return a future that is resolved after a delay in seconds."""
        future: Future[None] = Future(self)
        self.call_later(delay, lambda: future.resolve(None))
        return future

    def _next_due(self) -> float | None:
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _run_next(self) -> None:
        _, _, timer = heapq.heappop(self._heap)
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()


class VirtualScheduler(Scheduler):
    """Virtual time: it jumps to whatever is due next, so an hour costs only what happens in it."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self.steps = 0

    def time(self) -> float:
        """Return the virtual seconds since the start."""
        return self._now

    def step(self) -> bool:
        """Run what is due next.

        Returns:
            False if nothing is left to run.
        """
        due = self._next_due()
        if due is None:
            return False
        self._now = max(self._now, due)
        self.steps += 1
        self._run_next()
        return True

    def run_for(self, seconds: float) -> None:
        """Run all that is due within the next seconds, and let them pass."""
        end = self._now + seconds
        while (due := self._next_due()) is not None and due <= end:
            self.step()
        self._now = end

    def run_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Run until a condition holds.

        Args:
            condition: looked at before each step.
            timeout: virtual seconds to try.
        """
        end = self._now + timeout
        while not condition():
            due = self._next_due()
            if due is None or due > end:
                self._now = end
                return condition()
            self.step()
        return True


class RealScheduler(Scheduler):
    """Real time: one thread runs everything; other threads hand in work with post."""

    def __init__(self) -> None:
        super().__init__()
        self._posted: deque[Callback] = deque()
        self._wake = threading.Condition()

    def time(self) -> float:
        """Return the seconds of the monotonic clock."""
        return time.monotonic()

    def post(self, callback: Callback) -> None:
        """Run a callback on the scheduler's thread; may be called from any thread."""
        with self._wake:
            self._posted.append(callback)
            self._wake.notify()

    def run_until(self, condition: Callable[[], bool], timeout: float | None = None) -> bool:
        """Run callbacks as they become due until a condition holds.

        Args:
            condition: looked at after each callback, and several times a second, since it may be
                about something outside.
            timeout: seconds to try; None is no limit.
        """
        end = None if timeout is None else self.time() + timeout
        while not condition():
            if end is not None and self.time() >= end:
                return False
            self._run_once()
        return True

    def _run_once(self) -> None:
        with self._wake:
            due = self._next_due()
            wait = _POLL if due is None else min(due - self.time(), _POLL)
            if not self._posted and wait > 0:
                self._wake.wait(wait)
            posted, self._posted = self._posted, deque()
        for callback in posted:
            callback()
        due = self._next_due()
        if due is not None and due <= self.time():
            self._run_next()


class Clock:
    """Wall-clock time that moves with a scheduler, and may be wrong by a skew.

    Attributes:
        skew: how far this clock is ahead of the true time.
    """

    def __init__(self, scheduler: Scheduler, epoch: datetime | None = None) -> None:
        now = datetime.now(UTC) if epoch is None else epoch
        self._scheduler = scheduler
        self._epoch = now - timedelta(seconds=scheduler.time())
        self.skew = timedelta(0)

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self._epoch + timedelta(seconds=self._scheduler.time()) + self.skew

    def skewed(self, skew: timedelta) -> "Clock":
        """Return a clock of another machine, which differs from this one by a skew."""
        other = Clock(self._scheduler, self._epoch + timedelta(seconds=self._scheduler.time()))
        other.skew = self.skew + skew
        return other


class Future(Generic[T]):
    """A value that will be there later, or the error that came instead of it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._done = False
        self._value: T | None = None
        self._error: Exception | None = None
        self._waiting: list[Callback] = []

    @property
    def done(self) -> bool:
        """Say whether value or error is there."""
        return self._done

    def resolve(self, value: T) -> None:
        """Set the value; the first outcome counts, later ones are ignored."""
        self._settle(value, None)

    def fail(self, error: Exception) -> None:
        """Set an error, which is raised where the value is awaited."""
        self._settle(None, error)

    def when_done(self, callback: Callback) -> None:
        """Call back soon after the outcome is there."""
        if self._done:
            self._scheduler.call_soon(callback)
        else:
            self._waiting.append(callback)

    def result(self) -> T:
        """Return the value.

        Raises:
            RuntimeError: there is no value yet.
            Exception: what was set with fail.
        """
        if not self._done:
            msg = "the future has no outcome yet"
            raise RuntimeError(msg)
        if self._error is not None:
            raise self._error
        return cast("T", self._value)  # T may itself allow None

    def __await__(self) -> Generator["Future[Any]", None, T]:
        if not self._done:
            yield self
        return self.result()

    def _settle(self, value: T | None, error: Exception | None) -> None:
        if self._done:
            return
        self._done, self._value, self._error = True, value, error
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            self._scheduler.call_soon(callback)


class Task(Future[T]):
    """A running coroutine, and the future of what it returns.

    An exception that is not awaited is a mistake in the simulator: it is raised out of the
    scheduler's run.
    """

    def __init__(self, scheduler: Scheduler, coroutine: Coroutine[Future[Any], None, T]) -> None:
        super().__init__(scheduler)
        self._coroutine: Coroutine[Future[Any], None, T] | None = coroutine
        scheduler.call_soon(self._step)

    def cancel(self) -> None:
        """Stop the coroutine where it waits, as when its process is killed."""
        if self._coroutine is not None:
            self._coroutine.close()
            self._coroutine = None

    def _step(self) -> None:
        if self._coroutine is None:
            return
        try:
            awaited = self._coroutine.send(None)
        except StopIteration as stop:
            self._coroutine = None
            self.resolve(stop.value)
        except Exception as error:
            self._coroutine = None
            if not self._waiting:
                raise
            self.fail(error)
        else:
            awaited.when_done(self._step)


class Channel(Generic[T]):
    """An unbounded queue between tasks."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._items: deque[T] = deque()
        self._getters: deque[Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Append an item and wake one task that waits."""
        self._items.append(item)
        if self._getters:
            self._getters.popleft().resolve(None)

    async def get(self) -> T:
        """Wait for the first item and take it."""
        while not self._items:
            getter: Future[None] = Future(self._scheduler)
            self._getters.append(getter)
            await getter
        return self._items.popleft()
