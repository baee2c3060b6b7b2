"""Where crashes of a namespace come together, and share what is read for one of them."""

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

from pod_diagnoser.cluster.event_list import ByPod

RUSH: Final = 4
RUSH_SECONDS: Final = 2.0
"""So many crashes of a namespace in so short a time share one read of its Events."""

MAX_SHARED: Final = 8
MAX_SHARED_BYTES: Final = 16 * 1024 * 1024
"""Of how many namespaces Events are kept, for those seconds, and how many bytes they had in all; in
memory they take twice as many."""

MAX_RUSHES: Final = 1000
"""Of how many namespaces it is known how many crashes there were. Forgetting one costs calls."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Events that were read together.

    Attributes:
        events: the Events.
        until: until when they will do, by the monotonic clock.
        size: how many bytes they had.
    """

    events: ByPod
    until: float
    size: int


class Rush:
    """Crashes of one namespace that come together.

    Attributes:
        times: when the latest wanted Events, by the monotonic clock.
        reading: held while they are read for all.
        kept: what was read.
        too_many_until: until when there are too many to be read together.
    """

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=RUSH)
        self.reading = threading.Lock()
        self.kept: Kept | None = None
        self.too_many_until = float("-inf")


class Rushes:
    """Where crashes come together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._namespaces: OrderedDict[str, Rush] = OrderedDict()
        self._keeping: deque[Rush] = deque()

    def of(self, namespace: str, now: float) -> Rush | None:
        """Count a crash.

        Returns:
            The rush of which it is one, or None where it is alone.
        """
        with self._lock:
            rush = self._namespaces.setdefault(namespace, Rush())
            self._namespaces.move_to_end(namespace)
            while len(self._namespaces) > MAX_RUSHES:
                self._namespaces.popitem(last=False)
            while self._keeping and not _will_do(self._keeping[0].kept, now):
                self._keeping.popleft().kept = None
            rush.times.append(now)
            on = len(rush.times) == RUSH and now - rush.times[0] <= RUSH_SECONDS
            # While a slow read lasted, nobody came: those who come after it are not alone.
            return rush if on or _will_do(rush.kept, now) else None

    def keep(self, rush: Rush, kept: Kept) -> None:
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


def _will_do(kept: Kept | None, now: float) -> bool:
    return kept is not None and now < kept.until
