"""The time by the API server's clock, as far as it is known. Pure: the clocks are passed in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_AGE_SECONDS = 3600.0
"""How long a time that the API server sent is relied on."""

MAX_DRIFT_SECONDS = 5.0
"""By how much our two clocks may disagree on how long that was ago. Where they disagree by more,
one of them was set, or the machine slept."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """The three clocks at the same moment."""

    server: datetime
    clock: datetime
    monotonic: float


class ServerTime:
    """Works out the API server's time between its answers.

    Args:
        clock: returns our time, in UTC. It may be wrong, and be set at any time.
        monotonic: a clock for how much time passes, in seconds. It may stand still while a machine
            sleeps.
    """

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._reading: _Reading | None = None

    def update(self, server: datetime) -> None:
        """Take note of the time that the API server sent just now."""
        self._reading = _Reading(server, self._clock(), self._monotonic())

    @property
    def known(self) -> bool:
        """Whether the API server's time can be relied on."""
        if self._reading is None:
            return False
        passed = self._monotonic() - self._reading.monotonic
        passed_by_clock = (self._clock() - self._reading.clock).total_seconds()
        return passed < MAX_AGE_SECONDS and abs(passed_by_clock - passed) < MAX_DRIFT_SECONDS

    def now(self) -> datetime:
        """Return the API server's time if it ever sent one, else ours."""
        if self._reading is None:
            return self._clock()
        passed = self._monotonic() - self._reading.monotonic
        return self._reading.server + timedelta(seconds=passed)
