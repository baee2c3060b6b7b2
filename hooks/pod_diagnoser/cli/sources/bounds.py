"""How much is read of files that anybody may have made."""

from typing import Final

from pod_diagnoser.cli.decoding import ByteSource

MAX_BYTES: Final = 8 * 1024 * 1024 * 1024
"""The most bytes that are read of all files together, of archives as they are unpacked."""

MAX_ENTRIES: Final = 1_000_000
"""The most files that a folder or an archive may have."""

MAX_RATIO: Final = 200
"""How many times its own size an archive may unpack to; logs compress to a tenth or a thirtieth."""

FREE_BYTES: Final = 64 * 1024 * 1024
"""What an archive may unpack to, however small it is."""

_CHUNK_BYTES: Final = 256 * 1024


class TreeError(Exception):
    """A folder or an archive that cannot be read; its message says why, in constant words."""


class LimitError(Exception):
    """More than is read; its message says of what, in constant words."""


class Allowance:
    """How many bytes may still be read.

    Args:
        limit: how many in all.
        reason: what to say when they are used up.
        parent: an allowance that they count for, too.
    """

    def __init__(self, limit: int, reason: str, parent: "Allowance | None" = None) -> None:
        self._left, self._reason, self._parent = limit, reason, parent

    def spend(self, size: int) -> None:
        """Count bytes that were read.

        Raises:
            LimitError: they are more than allowed.
        """
        self._left -= size
        if self._left < 0:
            raise LimitError(self._reason)
        if self._parent is not None:
            self._parent.spend(size)


def allowance() -> Allowance:
    """Return the allowance of a command, for all its files."""
    return Allowance(MAX_BYTES, "more than 8 GiB in all")


def allowance_of_archive(size: int | None, parent: Allowance) -> Allowance:
    """Return the allowance of an archive.

    Args:
        size: how long it is; None where that is not known beforehand.
        parent: the allowance of the command.
    """
    limit = FREE_BYTES + MAX_RATIO * size if size is not None else MAX_BYTES
    return Allowance(limit, "unpacks to far more than archives of clusters do", parent)


class Counted:
    """A source whose bytes are counted."""

    def __init__(self, source: ByteSource, allowance: Allowance) -> None:
        self._source, self._allowance = source, allowance

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes.

        Raises:
            LimitError: they are more than allowed.
        """
        content = self._source.read(size)
        self._allowance.spend(len(content))
        return content


class Peeked:
    """A source whose beginning can be looked at."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._head = b""

    def peek(self, size: int) -> bytes:
        """Return the first bytes that are not read yet: so many, or all that are left."""
        while len(self._head) < size:
            more = self._source.read(size - len(self._head))
            if not more:
                break
            self._head += more
        return self._head[:size]

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes."""
        if not self._head:
            return self._source.read(size)
        content, self._head = self._head[:size], self._head[size:]
        return content


def read_exactly(source: ByteSource, size: int) -> bytes:
    """Read so many bytes, or all that are left."""
    parts = []
    while size > 0 and (part := source.read(min(size, _CHUNK_BYTES))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def skip(source: ByteSource, size: int) -> int:
    """Read so many bytes for nothing; return how many there were."""
    done = 0
    while done < size and (part := source.read(min(size - done, _CHUNK_BYTES))):
        done += len(part)
    return done
