"""Bound the time of blocking work where gevent serves."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import gevent
from gevent import monkey

_WATCH_SECONDS: Final = 0.5


class DeadlineExceededError(Exception):
    """Something took longer than it may.

    No OSError: urllib3 would catch one while it connects, and go on with the next address.
    """


Deadline = Callable[[float], AbstractContextManager[object]]
"""Makes a context that raises `DeadlineExceededError` in it after a number of seconds."""


class Deadlines:
    """Bounds the time of what greenlets do, at the cost of two dictionary writes each.

    One more greenlet looks at them twice a second; a timer for each would cost more than reading a
    Pod does. Without gevent (in a test, under another server) nothing is bounded.
    """

    def __init__(self) -> None:
        self._ends: dict[Any, float] = {}
        self._watching = False

    @contextmanager
    def __call__(self, seconds: float) -> Iterator[None]:
        """Bound the time of what is done in the context.

        Args:
            seconds: how long it may take, give or take half a second.

        Raises:
            DeadlineExceededError: it took longer.
        """
        if not self._watching:
            if not monkey.is_module_patched("socket"):
                yield
                return
            self._watching = True
            gevent.spawn(self._watch)
        current = gevent.getcurrent()
        self._ends[current] = time.monotonic() + seconds
        try:
            yield
        finally:
            self._ends.pop(current, None)

    def _watch(self) -> None:
        hub = gevent.get_hub()
        while True:
            slept = time.monotonic()
            gevent.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            # While one request was worked on, no body could be read: do not count that as delay.
            blocked = now - slept - _WATCH_SECONDS
            for greenlet, end in list(self._ends.items()):
                if end + blocked >= now:
                    self._ends[greenlet] = end + blocked
                else:
                    hub.loop.run_callback(self._expire, greenlet)

    def _expire(self, greenlet: Any) -> None:
        """End a greenlet's waiting. Runs in the hub: nothing comes between check and throw."""
        if self._ends.pop(greenlet, None) is not None:
            greenlet.throw(DeadlineExceededError)


def call_deadline(deadline: Deadline) -> Callable[[float], AbstractContextManager[None]]:
    """Bound the time of a call to the API server, as `ApiClient` wants it: with a TimeoutError."""

    @contextmanager
    def bounded(seconds: float) -> Iterator[None]:
        try:
            with deadline(seconds):
                yield
        except DeadlineExceededError:
            raise TimeoutError from None

    return bounded
