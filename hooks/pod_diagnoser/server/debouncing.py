"""How long a response for a PodDiagnoser is delayed, so that many changes become one sync."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

DEBOUNCE_FACTOR: Final = 9
"""A response is delayed by so many times the time that it took to work out: the syncs of a
PodDiagnoser use a tenth of the time, however large they are."""

IDLE_FACTOR: Final = 90
"""The same while a sync could do nothing: a Pod that crashes and is deleted at once must still be
there in one of them, unless so many crash that each sync takes long."""

MAX_RESPONSE_SECONDS: Final = 2.5
"""No response is delayed beyond so many seconds since its body had arrived."""


@dataclass(frozen=True, slots=True)
class Debounce:
    """How long a response may be delayed.

    Metacontroller runs one sync at a time for an object: what changes until the response arrives is
    one sync more, and not hundreds.

    Attributes:
        idle: seconds until the next sync can do anything, so that an earlier one were useless.
        saved: seconds by which it is delayed less, because it was a while since the last one.
    """

    idle: float = 0.0
    saved: float = 0.0

    def seconds(self, taken: float, most: float) -> float:
        """Return for how many seconds a response is delayed.

        Args:
            taken: how many seconds it took to work out.
            most: the most seconds.
        """
        wanted = max(DEBOUNCE_FACTOR * taken - self.saved, min(IDLE_FACTOR * taken, self.idle))
        return max(0.0, min(wanted, most, MAX_RESPONSE_SECONDS - taken))


@dataclass(frozen=True, slots=True)
class Debouncer:
    """Delays responses.

    Attributes:
        sleep: waits for a number of seconds.
        max_seconds: the most seconds to wait.
    """

    sleep: Callable[[float], None]
    max_seconds: float

    def wait(self, debounce: Debounce, taken: float) -> float:
        """Delay a response.

        Args:
            debounce: for how long.
            taken: how many seconds it took to work out.

        Returns:
            By how many seconds it was delayed.
        """
        seconds = debounce.seconds(taken, self.max_seconds)
        if seconds > 0:
            self.sleep(seconds)
        return seconds
