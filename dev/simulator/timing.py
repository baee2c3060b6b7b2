"""How long things take between the machines of a cluster, and in which order sets are gone through.

With a random source each run of a seed takes its own, repeatable way through what may happen in any
order; without one everything takes its least time, in the order of names.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from dev.simulator.scheduling import Scheduler

T = TypeVar("T")


@dataclass(frozen=True)
class Delay:
    """A span of time.

    Attributes:
        least: seconds.
        most: seconds, used with a random source only.
    """

    least: float = 0.0
    most: float = 0.0


@dataclass(frozen=True)
class Timing:
    """The delays of a cluster. The defaults are of the size seen on one machine.

    Attributes:
        rng: source of randomness, or None.
        to_server: from a client to the API server.
        to_client: from the API server back to the client.
        watch: from a change to a watching client; changes never overtake each other.
        to_hook: from Metacontroller to the hook.
        from_hook: from the hook back.
        controllers: until a built-in controller (garbage collector, scheduler) acts.
        step: between two steps of a program that does not wait for anything, in which its caches
            may change.
        handler: between two handlers that an informer calls with the same change, in which a worker
            may take what the first of them enqueued.
    """

    rng: random.Random | None = None
    to_server: Delay = Delay(0.001, 0.005)
    to_client: Delay = Delay(0.001, 0.005)
    watch: Delay = Delay(0.0005, 0.020)
    to_hook: Delay = Delay(0.0005, 0.005)
    from_hook: Delay = Delay(0.0005, 0.005)
    controllers: Delay = Delay(0.010, 0.200)
    step: Delay = Delay(0.0, 0.0005)
    handler: Delay = Delay()

    def draw(self, delay: Delay) -> float:
        """Return how long it takes this time, in seconds."""
        if self.rng is None or delay.most <= delay.least:
            return delay.least
        return self.rng.uniform(delay.least, delay.most)

    def order(self, items: Iterable[T]) -> list[T]:
        """Return items of a Go map, which has no order of its own."""
        found = list(items)
        if self.rng is not None:
            self.rng.shuffle(found)
        return found


IMMEDIATE = Timing(None, *[Delay()] * 8)
"""No delays: for real time, where things take as long as they take."""


class TokenBucket:
    """A rate limit as golang.org/x/time/rate and client-go's flowcontrol keep it."""

    def __init__(self, scheduler: Scheduler, per_second: float, burst: int) -> None:
        self._scheduler = scheduler
        self._per_second = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._last = scheduler.time()

    def reserve(self) -> float:
        """Take a token, even a future one, and return the seconds until it may be used."""
        self._refill()
        self._tokens -= 1
        return 0.0 if self._tokens >= 0 else -self._tokens / self._per_second

    def try_accept(self) -> bool:
        """Take a token if there is one."""
        self._refill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _refill(self) -> None:
        now = self._scheduler.time()
        gained = (now - self._last) * self._per_second
        self._tokens = min(self._burst, self._tokens + gained)
        self._last = now
