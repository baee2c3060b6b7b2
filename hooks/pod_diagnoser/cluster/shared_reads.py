"""What was read of the API server by key, so that those who want the same share one read."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from cachetools import LRUCache

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class SharedRead(Generic[Value]):
    """What is known of one key.

    Attributes:
        reading: held while it is read, for all that wait for it.
        value: what was read, or None.
        until: until when that is used, by the monotonic clock.
    """

    def __init__(self) -> None:
        self.reading = threading.Lock()
        self.value: Value | None = None
        self.until = float("-inf")


class SharedReads(Generic[Key, Value]):
    """What was read by key, the latest used ones of it.

    Safe to be shared by greenlets and by threads.

    Args:
        most: how many keys are held at a time. Forgetting one costs a read.
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(self, most: int, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._reads: LRUCache[Key, SharedRead[Value]] = LRUCache(most)

    @contextmanager
    def hold(self, key: Key, until: float) -> Iterator[SharedRead[Value] | None]:
        """Hold what is known of a key alone, so that others wait for what is read meanwhile.

        Args:
            key: the key.
            until: until when to wait for others, by the monotonic clock.

        Yields:
            What is known; None where others took too long.
        """
        with self._lock:
            read = self._reads.setdefault(key, SharedRead())
        if not read.reading.acquire(timeout=max(0.0, until - self._monotonic())):
            yield None
            return
        try:
            yield read
        finally:
            read.reading.release()
