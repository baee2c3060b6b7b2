"""The kubelet's back-off between restarts (client-go/util/flowcontrol/backoff.go).

The first crash is restarted at once; then 10 s pass, doubling to 5 minutes; after 10 minutes
without a crash it starts over.
"""

from dataclasses import dataclass

INITIAL, MAXIMUM = 10.0, 300.0
"""Seconds: MaxContainerBackOff and its initial period."""


@dataclass
class _Entry:
    backoff: float
    last_update: float


class Backoff:
    """The back-off of one container. All times are seconds of the scheduler."""

    def __init__(self) -> None:
        self._entry: _Entry | None = None

    def remaining(self, finished: float, now: float) -> float:
        """Return the seconds still to wait before a restart, 0 for none.

        Args:
            finished: when the container ended.
            now: the time.
        """
        if self._entry is None or self._expired(self._entry, finished):
            return 0.0
        return max(0.0, finished + self._entry.backoff - now)

    @property
    def period(self) -> float:
        """The present back-off in seconds, as it stands in the message."""
        return 0.0 if self._entry is None else self._entry.backoff

    def restart(self, finished: float, now: float) -> None:
        """Note a restart: the next back-off is longer."""
        if self._entry is None or self._expired(self._entry, finished):
            self._entry = _Entry(INITIAL, now)
        else:
            self._entry = _Entry(min(self._entry.backoff * 2, MAXIMUM), now)

    @staticmethod
    def _expired(entry: _Entry, finished: float) -> bool:
        return finished - entry.last_update > MAXIMUM * 2
