"""Fairness between namespaces: who used much CPU is refused, where others would wait for it.

Each namespace has an allowance of CPU time, which its requests use up and which comes back slowly.
While it lasts, nothing is refused. A namespace that has used it up is refused only if both hold:

- another namespace, which has not used up its own, sent a request a short while ago;
- much of its time goes into requests that take long: requests are worked on one at a time, so
  that others feel each of these.

What is not refused then takes turns with what arrives from others. So a namespace that is alone may
use everything, and a thousand crashes in one, which are short requests, are never refused. A
refused request comes again: Metacontroller repeats it after Retry-After.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import greenlet
from cachetools import LRUCache
from gevent import monkey

BURST_SECONDS: Final = 2.0
"""CPU time that a namespace may use at once. A thousand crashes take some 1.2 seconds."""

PODS_RATE: Final = 0.03
PODDIAGNOSERS_RATE: Final = 0.1
"""CPU seconds that come back to a namespace each second, for the syncs of its Pods and for those of
its PodDiagnosers. One PodDiagnoser uses a tenth at most, since its syncs are debounced."""

LONG_SECONDS: Final = 0.005
"""CPU time from which on a request is long. One of a crashed Pod takes some 1.2 ms."""

LONG_SHARE: Final = 0.1
"""The part of a namespace's CPU time, of the last second of it, that long requests may take."""

OTHERS_SECONDS: Final = 30.0
"""For how long after its request a namespace counts as one that wants to be served."""

MIN_RETRY: Final = 5
MAX_RETRY: Final = 15
"""Seconds after which refused requests are to come again, spread, so that not all come at once."""

MAX_ACCOUNTS: Final = 4096
"""How many namespaces have an account. The one that was served longest ago is forgotten, which
gives it its whole allowance again."""


@dataclass(slots=True)
class _Account:
    """What a namespace has used.

    Attributes:
        left: the CPU time that it may still use, in seconds, at `at`; a debt is negative.
        at: when that was, by the clock.
        come_back: how much of it came back since the last charge.
        long_share: the part of its time that long requests took.
        working: how many of its requests were admitted and are not charged yet.
        usual: the CPU time that a request of it takes, on average of the latest.
    """

    left: float
    at: float
    come_back: float = 0.0
    long_share: float = 0.0
    working: int = 0
    usual: float = 0.0


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a request is served now.

    Attributes:
        retry_after: seconds after which it is to come again; None: it is served.
        yields: whether it takes turns with others, as `pod_diagnoser.server.turns` has it, because
            it is served beyond the allowance.
    """

    retry_after: int | None = None
    yields: bool = False


_AT_ONCE: Final = Admission()
_AFTER_OTHERS: Final = Admission(yields=True)


class Demand:
    """Who wanted to be served lately, of those that have not used up their allowance."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[float, Callable[[str], float]]] = {}

    def note(self, namespace: str, now: float, left: Callable[[str], float]) -> None:
        """Remember who sent the latest requests: two namespaces, one of which is another.

        Args:
            namespace: that of the request.
            now: the time, in seconds.
            left: returns what a namespace has left of its allowance.
        """
        self._asked.pop(namespace, None)
        self._asked[namespace] = (now, left)
        if len(self._asked) > 2:  # noqa: PLR2004 (two)
            del self._asked[next(iter(self._asked))]

    def of_others(self, namespace: str, now: float) -> bool:
        """Return whether another namespace wants to be served, within its allowance."""
        return any(
            other != namespace and now - asked < OTHERS_SECONDS and left(other) > 0
            for other, (asked, left) in self._asked.items()
        )


class Fairness:
    """Decides whose requests are refused.

    Args:
        rate: CPU seconds that come back to a namespace each second.
        monotonic: a clock, in seconds.
        demand: who wants to be served; shared by those that serve in one process.
    """

    def __init__(
        self,
        rate: float,
        monotonic: Callable[[], float] = time.monotonic,
        demand: Demand | None = None,
    ) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._demand = demand or Demand()
        self._accounts: LRUCache[str, _Account] = LRUCache(MAX_ACCOUNTS)
        self._refused = 0

    def left(self, namespace: str) -> float:
        """Return what a namespace has left of its allowance, in seconds of CPU time."""
        return self._account(namespace, self._monotonic()).left

    def admit(self, namespace: str) -> Admission:
        """Decide whether a request is served now.

        Args:
            namespace: that of the request.
        """
        now = self._monotonic()
        account = self._account(namespace, now)
        if account.left > account.working * account.usual:
            self._demand.note(namespace, now, self.left)
            account.working += 1
            return _AT_ONCE
        if account.long_share < LONG_SHARE or not self._demand.of_others(namespace, now):
            account.working += 1
            return _AFTER_OTHERS
        self._refused += 1
        needed = int(max(-account.left, 0.0) / self._rate) + MIN_RETRY
        return Admission(min(needed + self._refused % MIN_RETRY, MAX_RETRY))

    def admit_again(self, namespace: str) -> Admission:
        """Decide anew about a request that was admitted, when it is to be worked on.

        Args:
            namespace: that of the request.
        """
        account = self._account(namespace, self._monotonic())
        account.working = max(account.working - 1, 0)
        return self.admit(namespace)

    def charge(self, namespace: str, seconds: float, admission: Admission | None = None) -> None:
        """Charge CPU time to a namespace; once for each request that was admitted.

        Args:
            namespace: whose request it was.
            seconds: the CPU time.
            admission: what was decided about the request; None where that was not asked for.
        """
        account = self._account(namespace, self._monotonic())
        come_back, account.come_back = account.come_back, 0.0
        if admission is not None and admission.retry_after is not None:
            # Half of what comes back stays, so that it is served again however often it asks.
            account.left -= min(seconds, come_back / 2)
            return
        if admission is not None:
            account.working = max(account.working - 1, 0)
            account.usual += (seconds - account.usual) / 4
        if admission is not None and admission.yields:
            # Nobody else wanted the time: of all that, only the last request leaves a debt.
            account.left = min(account.left, -seconds)
        else:
            account.left = max(account.left - seconds, -BURST_SECONDS)
        is_long = 1.0 if seconds > LONG_SECONDS else 0.0
        account.long_share += (is_long - account.long_share) * min(seconds, 1.0)

    def _account(self, namespace: str, now: float) -> _Account:
        account = self._accounts.get(namespace)
        if account is None:
            account = self._accounts[namespace] = _Account(BURST_SECONDS, now)
        else:
            back = self._rate * (now - account.at)
            account.left = min(account.left + back, BURST_SECONDS)
            account.come_back += back
            account.at = now
        return account


class CpuMeter:
    """Measures the CPU time of what greenlets do, without that of others while they wait.

    Without gevent there are no others. It is for the greenlets of one thread.
    """

    def __init__(self, thread_time: Callable[[], float] = time.thread_time) -> None:
        self.thread_time = thread_time
        self._used: dict[Any, float] = {}
        self._since = 0.0
        self._tracing = False

    @contextmanager
    def __call__(self, charge: Callable[[float], object]) -> Iterator[None]:
        """Measure what is done in the context.

        Args:
            charge: is called at the end with the CPU time, in seconds.
        """
        if not monkey.is_module_patched("socket"):
            begun = self.thread_time()
            try:
                yield
            finally:
                charge(self.thread_time() - begun)
            return
        if not self._tracing:
            self._tracing = True
            greenlet.settrace(self._switched)
        current = greenlet.getcurrent()
        self._since = self.thread_time()
        self._used[current] = 0.0
        try:
            yield
        finally:
            charge(self._used.pop(current) + self.thread_time() - self._since)

    def _switched(self, event: str, pair: tuple[Any, Any]) -> None:
        del event
        now = self.thread_time()
        used = self._used.get(pair[0])
        if used is not None:
            self._used[pair[0]] = used + now - self._since
        self._since = now
