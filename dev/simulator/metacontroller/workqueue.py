"""client-go's rate limiting work queue (util/workqueue: queue.go, delaying_queue.go).

One key is processed by one worker at a time; a key that is added meanwhile is processed again
afterwards, once, however often it was added.
"""

from dev.simulator.scheduling import Channel, Scheduler, Timer
from dev.simulator.timing import TokenBucket

BASE_DELAY, MAX_DELAY = 0.005, 1000.0
"""Seconds: of DefaultTypedControllerRateLimiter."""


class WorkQueue:
    """Keys that wait for a worker."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._queue: Channel[str] = Channel(scheduler)
        self._dirty: set[str] = set()
        self._processing: set[str] = set()
        self._waiting: dict[str, Timer] = {}
        self._failures: dict[str, int] = {}
        self._bucket = TokenBucket(scheduler, per_second=10, burst=100)
        self._shut_down = False

    @property
    def idle(self) -> bool:
        """Whether nothing is being processed or waits for a worker (later deadlines may)."""
        return not self._dirty and not self._processing

    def add(self, key: str) -> None:
        """Have a key processed."""
        if self._shut_down or key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._queue.put(key)

    def add_after(self, key: str, delay: float) -> None:
        """Have a key processed after a delay in seconds.

        A key has one deadline: the earliest requested. Processing it in between does not
        cancel it.
        """
        if self._shut_down:
            return
        if delay <= 0:
            self.add(key)
            return
        due = self._scheduler.time() + delay
        waiting = self._waiting.get(key)
        if waiting is not None:
            if waiting.due <= due:
                return
            waiting.cancel()
        self._waiting[key] = self._scheduler.call_later(delay, lambda: self._ready(key))

    def add_rate_limited(self, key: str) -> None:
        """Have a key processed after its back-off: 5 ms, doubled with each failure."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        own = min(BASE_DELAY * 2.0**failures, MAX_DELAY)
        self.add_after(key, max(own, self._bucket.reserve()))

    def forget(self, key: str) -> None:
        """Forget a key's failures; it was processed well."""
        self._failures.pop(key, None)

    async def get(self) -> str:
        """Wait for a key and take it for processing; done must follow."""
        key = await self._queue.get()
        self._processing.add(key)
        self._dirty.discard(key)
        return key

    def done(self, key: str) -> None:
        """End the processing of a key."""
        self._processing.discard(key)
        if key in self._dirty:
            self._queue.put(key)

    def shut_down(self) -> None:
        """Take no more keys and forget all deadlines."""
        self._shut_down = True
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def _ready(self, key: str) -> None:
        del self._waiting[key]
        self.add(key)
