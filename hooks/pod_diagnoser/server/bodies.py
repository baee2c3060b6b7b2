"""Request bodies, bounded in size, in time and in how much memory they take together."""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

_CHUNK = 256 * 1024

_IDENTIFIED_FROM = 64 * 1024
"""Of a body with so many bytes its namespace is looked for while it is read. Smaller ones are
nobody's: so many at once would take as many connections as there may be."""

Identify = Callable[[bytes], str | None]
"""Returns the namespace of a body by its start; None if that does not show it yet."""


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

    Bytes count as they arrive: what is only announced takes nothing from others. One namespace gets
    half of them, so that others have the other half. Greenlets of one process share a budget; it is
    not for threads that run in parallel.

    Args:
        limit: the number of bytes. A single body that is larger is accepted when it is alone.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._reserved = 0
        self._by_namespace: Counter[str] = Counter()

    @contextmanager
    def reserve(self) -> Iterator["Reservation"]:
        """Make a reservation, empty at first, that is given back at the end of the context."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self._reserved -= reservation.size
            if reservation.namespace is not None:
                self._by_namespace[reservation.namespace] -= reservation.size
                self._by_namespace += Counter()  # forget those that have none

    def enlarge(self, reservation: "Reservation", size: int) -> None:
        """Reserve more for one body; called by its `Reservation`."""
        if self._reserved > reservation.size and self._reserved + size > self._limit:
            raise TooManyBodiesError
        if reservation.namespace is not None:
            self._take(reservation.namespace, size, reservation.size)
        self._reserved += size
        reservation.size += size

    def assign(self, reservation: "Reservation", namespace: str) -> None:
        """Count a body for a namespace; called by its `Reservation`."""
        self._take(namespace, reservation.size, 0)
        reservation.namespace = namespace

    def _take(self, namespace: str, size: int, own: int) -> None:
        taken = self._by_namespace[namespace]
        if taken > own and taken + size > self._limit // 2:
            raise TooManyBodiesError
        self._by_namespace[namespace] = taken + size


class Reservation:
    """What one body takes of a memory budget.

    Attributes:
        size: the bytes that it takes.
        namespace: whose body it is; None if that is not known, or it is small.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self.size = 0
        self.namespace: str | None = None

    def grow(self, size: int) -> None:
        """Take more bytes.

        Raises:
            TooManyBodiesError: the budget does not have so many now.
        """
        self._budget.enlarge(self, size)

    def assign(self, namespace: str) -> None:
        """Count what it takes for a namespace.

        Raises:
            TooManyBodiesError: the namespace has used up its part.
        """
        self._budget.assign(self, namespace)


def read_body(
    stream: Readable,
    length: int,
    limit: int,
    reservation: Reservation,
    identify: Identify = lambda _: None,
) -> bytes:
    """Read a body; of one that is too large, the start.

    What is beyond the limit is read too and thrown away: a client that is still writing would take
    an early response for a broken connection.

    Args:
        stream: where it comes from.
        length: its announced length in bytes.
        limit: the most bytes to keep.
        reservation: grows by what is kept.
        identify: finds the body's namespace.

    Raises:
        BodyIncompleteError: it ended early.
        TooManyBodiesError: the memory budget is used up.
    """
    content = io.BytesIO()  # a list of chunks would have to be joined: twice the memory at the end
    remaining, keep = length, limit
    look_at = _IDENTIFIED_FROM
    while remaining:
        chunk = stream.read(min(remaining, _CHUNK))
        if not chunk:
            raise BodyIncompleteError
        remaining -= len(chunk)
        if keep:
            part = chunk[:keep]
            reservation.grow(len(part))
            content.write(part)
            keep -= len(part)
            if reservation.namespace is None and reservation.size >= look_at:
                look_at = 2 * reservation.size  # linear, wherever the namespace stands
                namespace = identify(content.getvalue())
                if namespace is not None:
                    reservation.assign(namespace)
    return content.getvalue()
