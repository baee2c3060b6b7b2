"""Bursts of crashes in a namespace, which share one read of its Events."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from pod_diagnoser.cluster.event_list import ByPod

BURST_SIZE: Final = 4
BURST_SECONDS: Final = 2.0
"""So many crashes of a namespace in so short a time share one read of its Events."""

MAX_SHARED: Final = 8
MAX_SHARED_BYTES: Final = 16 * 1024 * 1024
"""Of how many namespaces Events are held at a time, and how many bytes they had in all; in memory
they take twice as many."""

MAX_BURSTS: Final = 1000
"""Of how many namespaces the crashes are counted. Forgetting one costs calls."""


@dataclass(frozen=True, slots=True)
class SharedEvents:
    """Events that were read together.

    Attributes:
        events: the Events.
        until: until when they are used, by the monotonic clock.
        size: how many bytes they had.
    """

    events: ByPod
    until: float
    size: int


class CrashBurst:
    """The latest crashes of one namespace.

    Attributes:
        times: when Events were requested for them, by the monotonic clock.
        reading: held while Events are read for all.
        shared: what was read.
        too_many_until: until when there are too many to be read together.
    """

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=BURST_SIZE)
        self.reading = threading.Lock()
        self.shared: SharedEvents | None = None
        self.too_many_until = float("-inf")


class BurstTracker:
    """Finds bursts, and holds what was read for them.

    Safe to be shared by greenlets and by threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._namespaces: LRUCache[str, CrashBurst] = LRUCache(MAX_BURSTS)
        self._sharing: deque[CrashBurst] = deque()

    def track(self, namespace: str, now: float) -> CrashBurst | None:
        """Count a crash.

        Returns:
            The burst that it belongs to, or None where it is alone.
        """
        with self._lock:
            burst = self._namespaces.setdefault(namespace, CrashBurst())
            while self._sharing and not _is_current(self._sharing[0].shared, now):
                self._sharing.popleft().shared = None
            burst.times.append(now)
            burst_now = len(burst.times) == BURST_SIZE and now - burst.times[0] <= BURST_SECONDS
            # Requests queue during a slow read; reuse its result for those that follow.
            return burst if burst_now or _is_current(burst.shared, now) else None

    def share(self, burst: CrashBurst, shared: SharedEvents) -> None:
        """Hold what was read, for requests that follow soon."""
        with self._lock:
            burst.shared = shared
            if burst in self._sharing:
                self._sharing.remove(burst)
            self._sharing.append(burst)
            while len(self._sharing) > MAX_SHARED or self._size() > MAX_SHARED_BYTES:
                self._sharing.popleft().shared = None

    def _size(self) -> int:
        return sum(each.shared.size for each in self._sharing if each.shared is not None)


def _is_current(shared: SharedEvents | None, now: float) -> bool:
    return shared is not None and now < shared.until
