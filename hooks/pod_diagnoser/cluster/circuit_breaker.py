"""When nobody asks the API server, since the answer is known: refused, busy, or silent."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

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
"""How long nobody asks again for what the hook may not read."""

NO_ANSWER_SECONDS: Final = 3.0
"""How long nobody asks again where there was no answer. Over before a crash's Events are read for
the second time (`pod_diagnoser.diagnosis.event_rules.SECOND_LOOKUP_AFTER`, by a clock of whole seconds): or the pause
that the first read brought would let the second one, the last, come to nothing as well."""

BUSY_SECONDS: Final = 1.0
MAX_BUSY_SECONDS: Final = 60.0
"""How long nobody asks again where the API server is busy: as long as it says, within these."""

MAX_NAMESPACES: Final = 1000
"""Of how many namespaces a pause is remembered. Forgetting one costs a call."""


@dataclass(frozen=True, slots=True)
class _Open:
    """What asking comes to until an instant by the monotonic clock."""

    lookup: EventLookup
    until: float


class CircuitBreaker:
    """Until when nobody asks again, everywhere or in a namespace.

    Safe to be shared by greenlets and by threads.

    Args:
        above: those of other calls to the same server, of which what concerns all calls counts here
            too.
    """

    def __init__(self, above: "CircuitBreaker | None" = None) -> None:
        self._above = above
        self._lock = threading.Lock()
        self._everywhere: _Open | None = None
        self._namespaces: OrderedDict[str, _Open] = OrderedDict()
        self._silent: set[str] = set()

    def open_reason(self, namespace: str, now: float) -> EventLookup | None:
        """Tell what asking would come to, as far as that is known."""
        above = self._above or self
        for pause in (above.server_wide, self._everywhere, self._namespaces.get(namespace)):
            if pause is not None and now < pause.until:
                return pause.lookup
        return None

    @property
    def server_wide(self) -> "_Open | None":
        """What keeps all calls from being made, perhaps no longer."""
        return self._everywhere

    def record_success(self) -> None:
        """The API server has answered."""
        self._silent.clear()

    def record_failure(self, error: ApiError, namespace: str, now: float) -> EventLookup:
        """Keep in mind what a call met with.

        A tenant can have the Events of a namespace take too long, and a kubelet that is away its
        node's logs: others are made to wait only where two namespaces have no answer.
        """
        if isinstance(error, AnswerTooLongError):
            return EventLookup.UNAVAILABLE
        if isinstance(error, UnauthorizedError):
            return (self._above or self).open("", now + REFUSED_SECONDS, EventLookup.REFUSED)
        if isinstance(error, ForbiddenError):
            self._silent.clear()
            return self.open(namespace, now + REFUSED_SECONDS, EventLookup.REFUSED)
        if isinstance(error, ThrottledError) or error.retry_after is not None:
            seconds = max(BUSY_SECONDS, min(error.retry_after or 0.0, MAX_BUSY_SECONDS))
            return (self._above or self).open("", now + seconds)
        if not isinstance(error, NoAnswerError | ServerError):
            self._silent.clear()
            return EventLookup.UNAVAILABLE
        return self._record_no_answer(namespace, now)

    def _record_no_answer(self, namespace: str, now: float) -> EventLookup:
        with self._lock:
            self._silent.add(namespace)
            several = len(self._silent) > 1
        if not several and self.open_reason(namespace, now) is not None:
            # It was begun before the pause, and tells nothing new: crashes that were seen when that
            # began would have their second look while it lasts.
            return EventLookup.UNAVAILABLE
        return self.open("" if several else namespace, now + NO_ANSWER_SECONDS)

    def open(
        self, namespace: str, until: float, asked: EventLookup = EventLookup.UNAVAILABLE
    ) -> EventLookup:
        """Have nobody ask in a namespace until an instant; everywhere, where it is empty."""
        pause = _Open(asked, until)
        with self._lock:
            if not namespace:
                self._everywhere = pause
                self._silent.clear()
            else:
                self._namespaces[namespace] = pause
                self._namespaces.move_to_end(namespace)
                while len(self._namespaces) > MAX_NAMESPACES:
                    self._namespaces.popitem(last=False)
        return asked
