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


class MemoryBudget:
    """How many bytes of bodies may be in memory at a time.

    Counted as they arrive: what is only announced takes no room from others. Not for threads that
    run in parallel: greenlets of one process share it.

    Args:
        limit: the number of bytes. A single body that is larger is let in when it is alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    @contextmanager
    def reserve(self) -> Iterator["Reservation"]:
        """Hold room for a body, which is given back at the end of the context.

        Returns:
            The body's share, empty to begin with.
        """
        share = Reservation(self)
        try:
            yield share
        finally:
            self._taken -= share.taken

    def take(self, size: int, share: "Reservation") -> None:
        """Take room for one body; called by its `Reservation`."""
        if self._taken > share.taken and self._taken + size > self._limit:
            raise TooManyBodiesError
        self._taken += size
        share.taken += size


class Reservation:
    """One body's share of the room.

    Attributes:
        taken: the bytes that it holds.
    """

    def __init__(self, room: MemoryBudget) -> None:
        self._room = room
        self.taken = 0

    def grow(self, size: int) -> None:
        """Take more room.

        Args:
            size: how many bytes.

        Raises:
            TooManyBodiesError: there is none now.
        """
        self._room.take(size, self)


def read_body(stream: Readable, length: int, limit: int, share: Reservation) -> bytes:
    """Read a body, of a too large one the start.

    What is beyond the limit is read too and thrown away: a client that is still writing would take
    an early answer for a broken connection.

    Args:
        stream: where it comes from.
        length: its announced length in bytes.
        limit: the most bytes to keep.
        share: takes room for what is kept.

    Returns:
        The body, or its first `limit` bytes.

    Raises:
        BodyIncompleteError: it ended early.
        TooManyBodiesError: there is no room for it now.
    """
    kept: list[bytes] = []
    remaining, room = length, limit
    while remaining:
        chunk = stream.read(min(remaining, _CHUNK))
        if not chunk:
            raise BodyIncompleteError
        remaining -= len(chunk)
        if room:
            part = chunk[:room]
            share.grow(len(part))
            kept.append(part)
            room -= len(part)
    return kept[0] if len(kept) == 1 else b"".join(kept)
