"""Request bodies, bounded in size, in time and in how much memory they take together."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

_CHUNK = 256 * 1024


class Readable(Protocol):
    """A stream of bytes, as WSGI gives it."""

    def read(self, size: int, /) -> bytes:
        """Read up to a number of bytes; an empty result is the end."""


class BodyIncompleteError(Exception):
    """A body ended before it had the length that was announced."""


class TooManyBodiesError(Exception):
    """The memory budget has too few bytes left for a body. It bounds bytes, not how many bodies."""


class MemoryBudget:
    """How many bytes of bodies may be in memory at a time.

    Bytes count as they arrive: what is only announced takes nothing from others. Greenlets of one
    process share a budget; it is not for threads that run in parallel.

    Args:
        limit: the number of bytes. A single body that is larger is accepted when it is alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reserved = 0

    @contextmanager
    def reserve(self) -> Iterator["Reservation"]:
        """Make a reservation, empty at first, that is given back at the end of the context."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self._reserved -= reservation.size

    def enlarge(self, reservation: "Reservation", size: int) -> None:
        """Reserve more for one body; called by its `Reservation`."""
        if self._reserved > reservation.size and self._reserved + size > self._limit:
            raise TooManyBodiesError
        self._reserved += size
        reservation.size += size


class Reservation:
    """What one body takes of a memory budget.

    Attributes:
        size: the bytes that it takes.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self.size = 0

    def grow(self, size: int) -> None:
        """Take more bytes.

        Raises:
            TooManyBodiesError: the budget does not have so many now.
        """
        self._budget.enlarge(self, size)


def read_body(stream: Readable, length: int, limit: int, reservation: Reservation) -> bytes:
    """Read a body; of one that is too large, the start.

    What is beyond the limit is read too and thrown away: a client that is still writing would take
    an early response for a broken connection.

    Args:
        stream: where it comes from.
        length: its announced length in bytes.
        limit: the most bytes to keep.
        reservation: grows by what is kept.

    Raises:
        BodyIncompleteError: it ended early.
        TooManyBodiesError: the memory budget is used up.
    """
    chunks: list[bytes] = []
    remaining, keep = length, limit
    while remaining:
        chunk = stream.read(min(remaining, _CHUNK))
        if not chunk:
            raise BodyIncompleteError
        remaining -= len(chunk)
        if keep:
            part = chunk[:keep]
            reservation.grow(len(part))
            chunks.append(part)
            keep -= len(part)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
