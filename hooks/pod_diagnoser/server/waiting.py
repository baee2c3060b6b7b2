"""Bound for how long connections wait for their clients, and how many of them there are."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import gevent

_WATCH_SECONDS: Final = 0.5


class WaitEndedError(BaseException):
    """A connection has waited for its client for long enough.

    No Exception: whatever reads or writes for the connection would take it for a problem of its
    own. It is seen outside of `Waits.wait` only where something else ended the wait at the same
    time.
    """


class Waits:
    """The connections of one listener that wait for their clients.

    Each wait is bounded in time. Beside that the number of connections is: a new one takes the
    place of the one that has waited longest, of those that have not shown yet that they may call
    as long as there are any. A caller's connection is then safe from any number of others, and a
    new caller has the time in which all places are taken once more.

    One greenlet looks at the times twice a second; a timer for each wait would cost more.

    Args:
        places: the most connections.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self._connections: dict[Any, bool] = {}
        """By greenlet: whether it has shown that it may call."""
        self._strangers: dict[Any, float] = {}
        self._callers: dict[Any, float] = {}
        """By greenlet, when its wait is over; those that have waited longest come first."""
        self._evicting: set[Any] = set()

    @property
    def waiting(self) -> int:
        """How many connections wait."""
        return len(self._strangers) + len(self._callers)

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Take a place for the current greenlet's connection."""
        if len(self._connections) >= self.places:
            self._evict()
        current = gevent.getcurrent()
        self._connections[current] = False
        try:
            yield
        finally:
            del self._connections[current]

    @property
    def trusted(self) -> bool:
        """Whether the current greenlet's connection is one of a caller."""
        return self._connections[gevent.getcurrent()]

    def trust(self) -> None:
        """Note that the current greenlet's connection is one of a caller."""
        self._connections[gevent.getcurrent()] = True

    @contextmanager
    def wait(self, seconds: float) -> Iterator[None]:
        """Bound the time of the context, which just ends when that is over.

        Args:
            seconds: how long it may take, give or take half a second.
        """
        current = gevent.getcurrent()
        waits = self._callers if self._connections.get(current) else self._strangers
        waits[current] = time.monotonic() + seconds
        try:
            yield
        except WaitEndedError:
            pass
        finally:
            waits.pop(current, None)
            self._evicting.discard(current)

    def continue_wait(self, seconds: float) -> None:
        """Give the wait in which the current greenlet is another time, from now on."""
        current = gevent.getcurrent()
        for waits in (self._strangers, self._callers):
            if current in waits:
                waits[current] = time.monotonic() + seconds

    def watch(self) -> None:
        """End the waits whose time is over, for ever."""
        while True:
            slept = time.monotonic()
            gevent.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            # While one request was worked on, nothing could be read: do not count that as waiting.
            blocked = now - slept - _WATCH_SECONDS
            for waits in (self._strangers, self._callers):
                for greenlet, end in list(waits.items()):
                    if end + blocked >= now:
                        waits[greenlet] = end + blocked
                    else:
                        self._end_soon(greenlet)

    def end_all(self) -> None:
        """End all waits."""
        for greenlet in (*self._strangers, *self._callers):
            self._end_soon(greenlet)

    def _evict(self) -> None:
        """Have the least of those that wait end; where all are being served, none does."""
        for waits in (self._strangers, self._callers):
            for greenlet in waits:
                del waits[greenlet]  # not to be chosen again
                self._evicting.add(greenlet)
                self._end_soon(greenlet)
                return

    def _end_soon(self, greenlet: Any) -> None:
        gevent.get_hub().loop.run_callback(self._end, greenlet)

    def _end(self, greenlet: Any) -> None:
        """End a wait. Runs in the hub: nothing comes between check and throw."""
        waited = greenlet in self._evicting
        self._evicting.discard(greenlet)
        for waits in (self._strangers, self._callers):
            waited |= waits.pop(greenlet, None) is not None
        if waited:
            greenlet.throw(WaitEndedError)
