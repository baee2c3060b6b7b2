"""Circuit breakers: calls that are known to fail are not made until some time has passed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from cachetools import FIFOCache, TTLCache

from pod_diagnoser.cluster.errors import (
    AnswerTooLongError,
    ApiError,
    ForbiddenError,
    NoAnswerError,
    ServerError,
    ThrottledError,
    UnauthorizedError,
)
from pod_diagnoser.diagnosis.evidence import EventLookup

REFUSED_SECONDS: Final = 60.0
"""How long no evidence is read where the hook may not read it."""

NO_ANSWER_SECONDS: Final = 3.0
"""How long no evidence is read after no answer. Over before a crash's Events are read for the
second time (`pod_diagnoser.diagnosis.event_rules.SECOND_LOOKUP_AFTER`, by a clock of whole
seconds): otherwise the failure of the first read would prevent the second one, which is the last.
"""

BUSY_SECONDS: Final = 1.0
MAX_BUSY_SECONDS: Final = 60.0
"""How long no evidence is read where the API server is busy: as long as it says, within these."""

MIN_WITHOUT_ANSWER: Final = 3
"""In how many namespaces at least reads must be without answer until none are made anywhere."""

REMEMBERED_SECONDS: Final = 30.0
"""For how long it is known of a namespace whether its last read was answered."""

MAX_NAMESPACES: Final = 1000
"""For how many namespaces a breaker is open at a time. Forgetting one costs a call."""

_Reason = TypeVar("_Reason")


@dataclass(frozen=True, slots=True)
class OpenCircuit(Generic[_Reason]):
    """Why calls are not made, and for how long.

    Attributes:
        reason: what the caller gave as the reason.
        seconds_left: for how many seconds more.
    """

    reason: _Reason
    seconds_left: float


class CircuitBreaker(Generic[_Reason]):
    """Remembers which calls are not worth making: all of them, or those in a namespace.

    Safe to be shared by greenlets and by threads.

    Args:
        monotonic: a clock for how long things take, in seconds.
        parent: that of other calls to the same server; what is open there server-wide is open here
            too.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        parent: "CircuitBreaker[_Reason] | None" = None,
    ) -> None:
        self._monotonic = monotonic
        self._parent = parent
        self._lock = threading.Lock()
        self._server_wide: tuple[_Reason, float] | None = None
        self._by_namespace: FIFOCache[str, tuple[_Reason, float]] = FIFOCache(MAX_NAMESPACES)

    def find_open(self, namespace: str | None = None) -> OpenCircuit[_Reason] | None:
        """Return why calls in a namespace are not made; None if they are.

        Args:
            namespace: the namespace; None for calls in any namespace.
        """
        now = self._monotonic()
        if self._parent is not None and (found := self._parent.find_open()) is not None:
            return found
        for circuit in (self._server_wide, self._in(namespace)):
            if circuit is not None and now < circuit[1]:
                return OpenCircuit(circuit[0], circuit[1] - now)
        return None

    def _in(self, namespace: str | None) -> tuple[_Reason, float] | None:
        if namespace is None:
            return None
        with self._lock:
            return self._by_namespace.get(namespace)

    def open(self, reason: _Reason, seconds: float, namespace: str | None = None) -> None:
        """Have calls not made for some seconds, unless they are not for longer already.

        Args:
            reason: why; `find_open` returns it.
            seconds: for how long.
            namespace: in which namespace; None: in all of them.
        """
        until = self._monotonic() + seconds
        with self._lock:
            current = self._server_wide if namespace is None else self._by_namespace.get(namespace)
            if current is not None and until < current[1]:
                return
            if namespace is None:
                self._server_wide = (reason, until)
            else:
                self._by_namespace[namespace] = (reason, until)


class EvidenceCircuitBreaker(CircuitBreaker[EventLookup]):
    """Decides from the errors of reads of evidence for how long no more are made.

    A tenant can have the Events of a namespace take too long, and a kubelet that is away its node's
    logs: it concerns others only when most namespaces have no answer, of those that were read
    lately.

    Args:
        monotonic: as `CircuitBreaker`.
        parent: the breaker of reads whose errors concern these as well.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        parent: "EvidenceCircuitBreaker | None" = None,
    ) -> None:
        super().__init__(monotonic, parent)
        self._all_calls = parent or self
        self._answered: TTLCache[str, bool] = TTLCache(
            MAX_NAMESPACES, REMEMBERED_SECONDS, timer=monotonic
        )

    def record_success(self, namespace: str) -> None:
        """Take note that the API server has answered, for a namespace."""
        with self._lock:
            self._answered[namespace] = True

    def record_failure(self, error: ApiError, namespace: str) -> EventLookup:
        """Take note of an error, and return what it means for the lookup of Events."""
        if isinstance(error, AnswerTooLongError):
            return EventLookup.UNAVAILABLE
        if isinstance(error, UnauthorizedError):
            self._all_calls.open(EventLookup.REFUSED, REFUSED_SECONDS)
            return EventLookup.REFUSED
        if isinstance(error, ForbiddenError):
            self.record_success(namespace)
            self.open(EventLookup.REFUSED, REFUSED_SECONDS, namespace)
            return EventLookup.REFUSED
        if isinstance(error, ThrottledError) or error.retry_after is not None:
            seconds = max(BUSY_SECONDS, min(error.retry_after or 0.0, MAX_BUSY_SECONDS))
            self._all_calls.open(EventLookup.UNAVAILABLE, seconds)
        elif isinstance(error, NoAnswerError | ServerError):
            self._record_no_answer(namespace)
        else:
            self.record_success(namespace)
        return EventLookup.UNAVAILABLE

    def _record_no_answer(self, namespace: str) -> None:
        with self._lock:
            self._answered[namespace] = False
            known = list(self._answered.values())
        missing = known.count(False)
        if missing >= MIN_WITHOUT_ANSWER and missing > len(known) - missing:
            if self.find_open() is None:
                self.open(EventLookup.UNAVAILABLE, NO_ANSWER_SECONDS)
        elif self.find_open(namespace) is None:
            # Else the call began before the breaker opened, and says nothing new: the second
            # lookup of crashes that were seen when it opened would fall into the longer time.
            self.open(EventLookup.UNAVAILABLE, NO_ANSWER_SECONDS, namespace)
