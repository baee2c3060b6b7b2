"""When nobody asks the API server, since the answer is known: refused, busy, or silent."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pod_diagnoser.cluster.errors import AnswerTooLongError, ClusterError
from pod_diagnoser.diagnosis.evidence import Asked

REFUSED_SECONDS: Final = 60.0
"""How long nobody asks again for what the hook may not read."""

SILENT_SECONDS: Final = 3.0
"""How long nobody asks again where there was no answer. Over before a crash's Events are read for
the second time (`pod_diagnoser.proving.AGAIN_AFTER`, by a clock of whole seconds): or the pause
that the first read brought would let the second one, the last, come to nothing as well."""

BUSY_SECONDS: Final = 1.0
MAX_BUSY_SECONDS: Final = 60.0
"""How long nobody asks again where the API server is busy: as long as it says, within these."""

MAX_PAUSES: Final = 1000
"""Of how many namespaces a pause is remembered. Forgetting one costs a call."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """What asking comes to until an instant by the monotonic clock."""

    asked: Asked
    until: float


class Pauses:
    """Until when nobody asks again, everywhere or in a namespace.

    Safe to be shared by greenlets and by threads.

    Args:
        above: those of other calls to the same server, of which what concerns all calls counts here
            too.
    """

    def __init__(self, above: "Pauses | None" = None) -> None:
        self._above = above
        self._lock = threading.Lock()
        self._everywhere: _Pause | None = None
        self._namespaces: OrderedDict[str, _Pause] = OrderedDict()
        self._silent: set[str] = set()

    def standing(self, namespace: str, now: float) -> Asked | None:
        """Tell what asking would come to, as far as that is known."""
        above = self._above or self
        for pause in (above.everywhere, self._everywhere, self._namespaces.get(namespace)):
            if pause is not None and now < pause.until:
                return pause.asked
        return None

    @property
    def everywhere(self) -> "_Pause | None":
        """What keeps all calls from being made, perhaps no longer."""
        return self._everywhere

    def answered(self) -> None:
        """The API server has answered."""
        self._silent.clear()

    def note(self, error: ClusterError, namespace: str, now: float) -> Asked:
        """Keep in mind what a call met with.

        A tenant can have the Events of a namespace take too long, and a kubelet that is away its
        node's logs: others are made to wait only where two namespaces have no answer.
        """
        if isinstance(error, AnswerTooLongError):
            return Asked.UNAVAILABLE
        if error.status == HTTPStatus.UNAUTHORIZED:
            return (self._above or self).pause("", now + REFUSED_SECONDS, Asked.REFUSED)
        if error.status == HTTPStatus.FORBIDDEN:
            self._silent.clear()
            return self.pause(namespace, now + REFUSED_SECONDS, Asked.REFUSED)
        if error.status == HTTPStatus.TOO_MANY_REQUESTS or error.retry_after is not None:
            seconds = max(BUSY_SECONDS, min(error.retry_after or 0.0, MAX_BUSY_SECONDS))
            return (self._above or self).pause("", now + seconds)
        if error.status is not None and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._silent.clear()
            return Asked.UNAVAILABLE
        return self._note_silence(namespace, now)

    def _note_silence(self, namespace: str, now: float) -> Asked:
        with self._lock:
            self._silent.add(namespace)
            several = len(self._silent) > 1
        if not several and self.standing(namespace, now) is not None:
            # It was begun before the pause, and tells nothing new: crashes that were seen when that
            # began would have their second look while it lasts.
            return Asked.UNAVAILABLE
        return self.pause("" if several else namespace, now + SILENT_SECONDS)

    def pause(self, namespace: str, until: float, asked: Asked = Asked.UNAVAILABLE) -> Asked:
        """Have nobody ask in a namespace until an instant; everywhere, where it is empty."""
        pause = _Pause(asked, until)
        with self._lock:
            if not namespace:
                self._everywhere = pause
                self._silent.clear()
            else:
                self._namespaces[namespace] = pause
                self._namespaces.move_to_end(namespace)
                while len(self._namespaces) > MAX_PAUSES:
                    self._namespaces.popitem(last=False)
        return asked
