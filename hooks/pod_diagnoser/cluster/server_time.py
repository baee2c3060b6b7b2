"""The time by the API server's clock, as far as it is known. Pure: the clocks are passed in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

MAX_AGE_SECONDS = 3600.0
"""For how long what was learned is relied on."""

MAX_DRIFT_SECONDS = 5.0
"""By how much our two clocks may disagree on how long that was ago. Where they disagree by more,
one of them was set, or the machine slept."""


@dataclass(frozen=True, slots=True)
class _Reading:
    theirs: datetime
    ours: datetime
    monotonic: float


class ServerTime:
    """Tells the API server's time between its answers.

    Args:
        clock: tells our time, in UTC. It may be wrong, and be set at any time.
        monotonic: tells how much time passes, in seconds. It may stand still while a machine
            sleeps.
    """

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._learned: _Reading | None = None

    def update(self, theirs: datetime) -> None:
        """Take note of the time that the API server told just now."""
        self._learned = _Reading(theirs, self._clock(), self._monotonic())

    @property
    def known(self) -> bool:
        """Whether what was learned can be relied on."""
        if self._learned is None:
            return False
        passed = self._monotonic() - self._learned.monotonic
        by_ours = (self._clock() - self._learned.ours).total_seconds()
        return passed < MAX_AGE_SECONDS and abs(by_ours - passed) < MAX_DRIFT_SECONDS

    def now(self) -> datetime:
        """Tell the time: the API server's if it was ever learned, else ours."""
        if self._learned is None:
            return self._clock()
        passed = self._monotonic() - self._learned.monotonic
        return self._learned.theirs + timedelta(seconds=passed)
