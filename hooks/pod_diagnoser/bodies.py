"""Request bodies, bounded in size, in time and in how many there are at once."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

_CHUNK = 256 * 1024


class Readable(Protocol):
    """A stream of bytes, as WSGI gives it."""

    def read(self, size: int, /) -> bytes:
        """Read up to a number of bytes; an empty result is the end."""


class BodyTimeoutError(Exception):
    """A body did not arrive in time."""


class BodyIncompleteError(Exception):
    """A body ended before it had the length that was announced."""


class TooManyBodiesError(Exception):
    """There is no room for another body now."""


Deadline = Callable[[float], AbstractContextManager[object]]
"""Makes a context that raises `BodyTimeoutError` in it after a number of seconds."""


class Room:
    """How many bytes of bodies may be in memory at a time.

    Not for threads that run in parallel: greenlets of one process share it.

    Args:
        limit: the number of bytes. A single body that is larger is let in when it is alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    @contextmanager
    def take(self, size: int) -> Iterator[None]:
        """Hold room for a body while the context lasts.

        Args:
            size: the body's length in bytes.

        Raises:
            TooManyBodiesError: there is none now.
        """
        if self._taken and self._taken + size > self._limit:
            raise TooManyBodiesError
        self._taken += size
        try:
            yield
        finally:
            self._taken -= size


def read_body(stream: Readable, length: int, limit: int) -> bytes:
    """Read a body, of a too large one the start.

    What is beyond the limit is read too and thrown away: a client that is still writing would take
    an early answer for a broken connection.

    Args:
        stream: where it comes from.
        length: its announced length in bytes.
        limit: the most bytes to keep.

    Returns:
        The body, or its first `limit` bytes.

    Raises:
        BodyIncompleteError: it ended early.
    """
    kept: list[bytes] = []
    remaining, room = length, limit
    while remaining:
        chunk = stream.read(min(remaining, _CHUNK))
        if not chunk:
            raise BodyIncompleteError
        remaining -= len(chunk)
        if room:
            kept.append(chunk[:room])
            room -= len(kept[-1])
    return kept[0] if len(kept) == 1 else b"".join(kept)
