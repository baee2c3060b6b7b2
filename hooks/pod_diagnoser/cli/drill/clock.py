"""The clock of a drill, which tests replace."""

from time import monotonic, sleep


class Clock:
    """Seconds that pass by themselves."""

    def now(self) -> float:
        """Return the seconds since some moment."""
        return monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        sleep(seconds)
