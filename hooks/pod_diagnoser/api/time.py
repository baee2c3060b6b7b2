"""Kubernetes' times: RFC 3339 strings on the wire, aware datetimes in UTC inside; and seconds.

Source: ``staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/time.go`` (``metav1.Time`` is written in
UTC with whole seconds; a zero time is ``null`` there, ``0001-01-01T00:00:00Z`` in objects that
were written by others, and the Unix epoch in a container that never started).
"""

from datetime import UTC, datetime
from functools import lru_cache

_FIRST_REAL_YEAR = 1971
"""Times before it are placeholders: Go's zero time (year 1) and the Unix epoch."""


@lru_cache(maxsize=4096)
def parse_time(text: str | None) -> datetime | None:
    """Parse a time of the Kubernetes API. Cached, since an object is read at every sync.

    Returns:
        The time in UTC with whole seconds. None for what is no time: absent, malformed, without an
        offset, or one of the placeholders for "not known".
    """
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            return None
        if time.tzinfo is not UTC:  # in most cases it is
            time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if time.year < _FIRST_REAL_YEAR:
        return None
    return whole_seconds(time)


def earliest(*seconds: float | None) -> float | None:
    """Return the shortest of some waits in seconds, where None means no wait."""
    return min((each for each in seconds if each is not None), default=None)


def whole_seconds(time: datetime) -> datetime:
    """Cut a time to whole seconds, as Kubernetes stores it."""
    return time.replace(microsecond=0) if time.microsecond else time


@lru_cache(maxsize=4096)
def format_time(time: datetime) -> str:
    """Format an aware time as the Kubernetes API does, in UTC: ``2006-01-02T15:04:05Z``. Cached."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
