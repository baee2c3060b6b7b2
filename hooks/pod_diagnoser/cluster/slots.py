"""How many calls to the API server are under way at once, and how many of one namespace."""

import threading
from dataclasses import dataclass


@dataclass(slots=True)
class _Own:
    """The places of one namespace, and how many calls have or want one."""

    places: threading.BoundedSemaphore
    calls: int = 0


class Slots:
    """Places for calls, of which one namespace takes half at most.

    A tenant whose calls take long then leaves places for others. Safe to be shared by greenlets and
    by threads.

    Args:
        limit: how many calls there are at once.
    """

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._places = threading.BoundedSemaphore(limit)
        self._own: dict[str, _Own] = {}
        self._lock = threading.Lock()

    def acquire(self, namespace: str, timeout: float) -> bool:
        """Take a place for a call, waiting for one if need be.

        Args:
            namespace: in which namespace the call is.
            timeout: how many seconds to wait at most.

        Returns:
            Whether there was one. It is to be given back with `release`.
        """
        with self._lock:
            own = self._own.get(namespace)
            if own is None:
                own = self._own[namespace] = _Own(threading.BoundedSemaphore(self._half))
            own.calls += 1
        if own.places.acquire(timeout=timeout / 2):
            if self._places.acquire(timeout=timeout / 2):
                return True
            own.places.release()
        self._leave(namespace, own)
        return False

    def release(self, namespace: str) -> None:
        """Give a place back."""
        self._places.release()
        own = self._own[namespace]
        own.places.release()
        self._leave(namespace, own)

    def _leave(self, namespace: str, own: _Own) -> None:
        with self._lock:
            own.calls -= 1
            if not own.calls:
                del self._own[namespace]
