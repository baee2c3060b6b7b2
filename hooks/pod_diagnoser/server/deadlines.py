"""Bound the time of blocking work where gevent serves."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import gevent
from gevent import monkey

from pod_diagnoser.server.bodies import BodyTimeoutError

_WATCH_SECONDS: Final = 0.5


class Deadlines:
    """Bounds the time of what greenlets do, at the cost of two dictionary writes each.

    One more greenlet looks at them twice a second; a timer for each would cost more than reading a
    Pod does. Without gevent (in a test, under another server) nothing is bounded.
    """

    def __init__(self) -> None:
        self._due: dict[Any, float] = {}
        self._watching = False

    @contextmanager
    def __call__(self, seconds: float) -> Iterator[None]:
        """Bound the time of what is done in the context.

        Args:
            seconds: how long it may take, give or take half a second.

        Raises:
            BodyTimeoutError: it took longer.
        """
        if not self._watching:
            if not monkey.is_module_patched("socket"):
                yield
                return
            self._watching = True
            gevent.spawn(self._watch)
        current = gevent.getcurrent()
        self._due[current] = time.monotonic() + seconds
        try:
            yield
        finally:
            self._due.pop(current, None)

    def _watch(self) -> None:
        hub = gevent.get_hub()
        while True:
            slept = time.monotonic()
            gevent.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            # While one request was worked on, nobody's body could be read: that is not their delay.
            blocked = now - slept - _WATCH_SECONDS
            for greenlet, due in list(self._due.items()):
                if due + blocked >= now:
                    self._due[greenlet] = due + blocked
                else:
                    hub.loop.run_callback(self._expire, greenlet)

    def _expire(self, greenlet: Any) -> None:
        """End a greenlet's waiting. Runs in the hub: nothing comes between check and throw."""
        if self._due.pop(greenlet, None) is not None:
            greenlet.throw(BodyTimeoutError)
