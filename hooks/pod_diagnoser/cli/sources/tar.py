"""Reads tar archives from their beginning to their end, without writing anything.

The standard library's ``tarfile`` reads the headers of long names into memory, however long they
claim to be, and has followed forged offsets in circles. All that is needed here are regular files.

Source of the format: ``man 5 tar`` of libarchive (ustar, GNU and pax).
"""

from collections.abc import Iterator
from typing import Final

from pod_diagnoser.cli.decoding import ByteSource
from pod_diagnoser.cli.sources.bounds import MAX_ENTRIES, LimitError, TreeError, read_exactly, skip

_BLOCK: Final = 512
_MAX_EXTENSION: Final = 64 * 1024
"""How long a header may be that holds a long name."""

_REGULAR: Final = (b"0", b"\0", b"7")
_LONG_NAME: Final = b"L"
_PAX: Final = b"x"
_ZERO: Final = bytes(_BLOCK)


class Member:
    """A regular file in an archive, to be read before the next one.

    Attributes:
        path: its path, as the archive has it.
    """

    def __init__(self, path: str, source: ByteSource, size: int) -> None:
        self.path = path
        self._source, self._left = source, size

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes.

        Raises:
            TreeError: the archive ends before.
        """
        wanted = min(size, self._left)
        content = self._source.read(wanted) if wanted > 0 else b""
        if wanted > 0 and not content:
            raise TreeError(_CUT_OFF)
        self._left -= len(content)
        return content

    def skip_rest(self) -> None:
        """Go on to its end.

        Raises:
            TreeError: the archive ends before.
        """
        if skip(self._source, self._left) < self._left:
            raise TreeError(_CUT_OFF)
        self._left = 0


_CUT_OFF: Final = "an archive that ends in the middle: it is cut off"
_BROKEN: Final = "a broken archive"


def is_tar(head: bytes) -> bool:
    """Say whether a file that begins so is a tar archive."""
    return len(head) >= _BLOCK and _has_right_sum(head[:_BLOCK])


def tar_members(source: ByteSource) -> Iterator[Member]:
    """Yield the regular files of an archive, each to be read before the next.

    Raises:
        TreeError: the rest cannot be read.
        LimitError: it has too many files.
    """
    long_name, pax = "", dict[str, str]()
    for _ in range(MAX_ENTRIES):
        header = read_exactly(source, _BLOCK)
        if not header or header == _ZERO:
            return
        if len(header) < _BLOCK:
            raise TreeError(_CUT_OFF)
        if not _has_right_sum(header):
            raise TreeError(_BROKEN)
        kind, size = header[156:157], _number(header[124:136])
        if kind in (_LONG_NAME, _PAX):
            content = _extension(source, size)
            if kind == _PAX:
                pax = _pax_fields(content)
            else:
                long_name = _text(content)
        else:
            if (stated := pax.get("size")) is not None:
                size = _decimal(stated)
            name = pax.get("path") or long_name or _name(header)
            member = Member(name, source, size)
            if kind in _REGULAR and not name.endswith("/"):
                yield member
            member.skip_rest()
            long_name, pax = "", {}
        _skip_padding(source, size)
    message = "an archive of more than a million files"
    raise LimitError(message)


def _skip_padding(source: ByteSource, size: int) -> None:
    skip(source, -size % _BLOCK)


def _extension(source: ByteSource, size: int) -> bytes:
    if size > _MAX_EXTENSION:
        raise TreeError(_BROKEN)
    content = read_exactly(source, size)
    if len(content) < size:
        raise TreeError(_CUT_OFF)
    return content


def _has_right_sum(header: bytes) -> bool:
    try:
        stated = int(header[148:156].strip(b"\0 ") or b"-1", 8)
    except ValueError:
        return False
    return stated == sum(header[:148]) + sum(header[156:]) + 8 * ord(" ")


def _number(field: bytes) -> int:
    """Read a size: in octal, or in base 256 where its first bit is set."""
    if field[0] & 0x80:
        size = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    else:
        try:
            size = int(field.strip(b"\0 ") or b"0", 8)
        except ValueError:
            raise TreeError(_BROKEN) from None
    if not 0 <= size < 1 << 60:
        raise TreeError(_BROKEN)
    return size


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004 - below 1 << 60
        raise TreeError(_BROKEN)
    return int(text)


def _pax_fields(content: bytes) -> dict[str, str]:
    """Read records such as ``30 path=a/b``, whose first number is the length of each."""
    fields = {}
    while content:
        length = content.partition(b" ")[0]
        size = int(length) if length.isdigit() and len(length) <= 6 else 0  # noqa: PLR2004 - bounded
        if not len(length) + 1 < size <= len(content):
            raise TreeError(_BROKEN)
        record, content = content[len(length) + 1 : size], content[size:]
        key, _, value = record.partition(b"=")
        fields[_text(key)] = _text(value.removesuffix(b"\n"))
    return fields


def _name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")
