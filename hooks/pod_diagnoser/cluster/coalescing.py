"""Where crashes of a namespace come together, and share what is read for one of them."""

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from pod_diagnoser.cluster.event_list import ByPod

BURST_SIZE: Final = 4
BURST_SECONDS: Final = 2.0
"""So many crashes of a namespace in so short a time share one read of its Events."""

MAX_SHARED: Final = 8
MAX_SHARED_BYTES: Final = 16 * 1024 * 1024
"""Of how many namespaces Events are kept, for those seconds, and how many bytes they had in all; in
memory they take twice as many."""

MAX_BURSTS: Final = 1000
"""Of how many namespaces it is known how many crashes there were. Forgetting one costs calls."""


@dataclass(frozen=True, slots=True)
class SharedEvents:
    """Events that were read together.

    Attributes:
        events: the Events.
        until: until when they will do, by the monotonic clock.
        size: how many bytes they had.
    """

    events: ByPod
    until: float
    size: int


class CrashBurst:
    """Crashes of one namespace that come together.

    Attributes:
        times: when the latest wanted Events, by the monotonic clock.
        reading: held while they are read for all.
        kept: what was read.
        too_many_until: until when there are too many to be read together.
    """

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=BURST_SIZE)
        self.reading = threading.Lock()
        self.kept: SharedEvents | None = None
        self.too_many_until = float("-inf")


class BurstTracker:
    """Where crashes come together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._namespaces: OrderedDict[str, CrashBurst] = OrderedDict()
        self._keeping: deque[CrashBurst] = deque()

    def track(self, namespace: str, now: float) -> CrashBurst | None:
        """Count a crash.

        Returns:
            The rush of which it is one, or None where it is alone.
        """
        with self._lock:
            rush = self._namespaces.setdefault(namespace, CrashBurst())
            self._namespaces.move_to_end(namespace)
            while len(self._namespaces) > MAX_BURSTS:
                self._namespaces.popitem(last=False)
            while self._keeping and not _is_current(self._keeping[0].kept, now):
                self._keeping.popleft().kept = None
            rush.times.append(now)
            on = len(rush.times) == BURST_SIZE and now - rush.times[0] <= BURST_SECONDS
            # While a slow read lasted, nobody came: those who come after it are not alone.
            return rush if on or _is_current(rush.kept, now) else None

    def share(self, rush: CrashBurst, kept: SharedEvents) -> None:
        """Keep what was read for those who come soon."""
        with self._lock:
            rush.kept = kept
            if rush in self._keeping:
                self._keeping.remove(rush)
            self._keeping.append(rush)
            while len(self._keeping) > MAX_SHARED or self._size() > MAX_SHARED_BYTES:
                self._keeping.popleft().kept = None

    def _size(self) -> int:
        return sum(each.kept.size for each in self._keeping if each.kept is not None)


def _is_current(kept: SharedEvents | None, now: float) -> bool:
    return kept is not None and now < kept.until
