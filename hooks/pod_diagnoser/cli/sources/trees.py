"""Folders and archives, as trees of files that are read and never written."""

import gzip
import os
import stat
import sys
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, cast

from pod_diagnoser.cli.decoding import ByteSource
from pod_diagnoser.cli.sources.bounds import (
    FREE_BYTES,
    MAX_ENTRIES,
    Allowance,
    Counted,
    LimitError,
    Peeked,
    TreeError,
    allowance_of_archive,
    read_exactly,
)
from pod_diagnoser.cli.sources.tails import MAX_TAIL_BYTES
from pod_diagnoser.cli.sources.tar import is_tar, tar_members

_TOO_MANY: Final = "more than a million files"
_BROKEN: Final = "a broken archive, or one that is cut off"
_BROKEN_FILE: Final = "a broken file of an archive"

HEAD_BYTES: Final = 1024
"""By how much of its beginning a file is told from others."""

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_OTHERS: Final = (b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"Rar!")
"""How bzip2, xz, zstd, 7z and rar begin."""

STANDARD_INPUT: Final = "-"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a tree.

    Attributes:
        path: its path in the tree, with slashes; anything, where an archive says so.
        open: opens it. A file of a tar archive is open only until the next entry.
        open_end: opens it so near its end that the end of a log is still read whole.
        is_folder: whether it is no file, but a folder that cannot be read, as opening it tells.
    """

    path: str
    open: Callable[[], AbstractContextManager[ByteSource]]
    open_end: Callable[[], AbstractContextManager[ByteSource]]
    is_folder: bool = False


class Tree(ABC):
    """A folder or an archive."""

    @abstractmethod
    def entries(self) -> Iterator[Entry]:
        """Yield its regular files.

        Raises:
            TreeError: the rest cannot be read.
            LimitError: it has too many files, or too long ones.
            OSError: the rest cannot be read.
        """


class Folder(Tree):
    """A folder, with the folders in it. Links in it are not followed.

    Args:
        path: its path.
        allowance: what counts the bytes that are read.
    """

    def __init__(self, path: str, allowance: Allowance) -> None:
        self._path, self._allowance = path, allowance

    def entries(self) -> Iterator[Entry]:
        """Yield its regular files, those of a folder before those of the folders in it."""
        waiting, count = [""], 0
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(Path(self._path, folder)) as found:
                    children = sorted(found, key=lambda each: each.name)
            except OSError as error:
                if not folder:
                    raise
                yield _unreadable(folder, error)
                continue
            inner = []
            for child in children:
                path = f"{folder}/{child.name}" if folder else child.name
                if child.is_dir(follow_symlinks=False):
                    inner.append(path)
                elif child.is_file(follow_symlinks=False):
                    count += 1
                    if count > MAX_ENTRIES:
                        raise LimitError(_TOO_MANY)
                    yield self._entry(path)
            waiting += reversed(inner)

    def _entry(self, path: str) -> Entry:
        whole = str(Path(self._path, path))
        return Entry(
            path,
            lambda: _open_file(whole, self._allowance),
            lambda: _open_file(whole, self._allowance, before_end=2 * MAX_TAIL_BYTES),
        )


class Tar(Tree):
    """A tar archive, which is read once, from its beginning to its end.

    Args:
        source: the archive, unpacked.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def entries(self) -> Iterator[Entry]:
        """Yield its regular files, each to be read before the next."""
        for member in tar_members(self._source):
            opened = partial(_as_it_is, member)
            yield Entry(member.path, opened, opened)


class Zip(Tree):
    """A zip archive.

    Args:
        file: the archive.
        size: how long it is.
        allowance: what counts the bytes that are read.
    """

    def __init__(self, file: BinaryIO, size: int, allowance: Allowance) -> None:
        self._allowance = allowance_of_archive(size, allowance)
        try:
            self._archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError):
            raise TreeError(_BROKEN) from None

    def entries(self) -> Iterator[Entry]:
        """Yield its regular files."""
        infos = self._archive.infolist()
        if len(infos) > MAX_ENTRIES:
            raise LimitError(_TOO_MANY)
        for info in infos:
            mode = info.external_attr >> 16
            if not info.is_dir() and (not mode or stat.S_ISREG(mode) or not stat.S_IFMT(mode)):
                yield self._entry(info)

    def _entry(self, info: zipfile.ZipInfo) -> Entry:
        opened = partial(_open_zipped, self._archive, info, self._allowance)
        return Entry(info.filename, opened, opened)


def is_regular(name: str) -> bool:
    """Say whether an input is a file or a folder, which can be read again; others are pipes."""
    path = Path(name)
    return name != STANDARD_INPUT and (path.is_file() or path.is_dir())


@contextmanager
def open_input(name: str, allowance: Allowance) -> Iterator[Tree | ByteSource]:
    """Open what was named on the command line.

    Args:
        name: of a file, a folder or an archive; ``-`` is standard input.
        allowance: what counts the bytes that are read.

    Yields:
        A folder or an archive as a tree; any other file as it is, or unpacked.

    Raises:
        TreeError: it is an archive that cannot be read.
        LimitError: it is too long.
        OSError: it cannot be read.
        ValueError: its name holds a NUL.
    """
    if name != STANDARD_INPUT and Path(name).is_dir():
        yield Folder(name, allowance)
        return
    with nullcontext(sys.stdin.buffer) if name == STANDARD_INPUT else Path(name).open("rb") as file:
        size = os.fstat(file.fileno()).st_size if is_regular(name) else None
        yield _look_into(cast("BinaryIO", file), size, allowance)


def _look_into(file: BinaryIO, size: int | None, allowance: Allowance) -> Tree | ByteSource:
    """Tell by the first bytes of a file what it is.

    Args:
        file: the file.
        size: how long it is; None for a pipe.
        allowance: what counts the bytes that are read.
    """
    source = Peeked(file)
    start = source.peek(HEAD_BYTES)
    if start.startswith(_OTHERS):
        message = "an archive of a form that is not read: unpack it"
        raise TreeError(message)
    if start.startswith(_ZIP):
        return _zip(file, source, size, allowance)
    if start.startswith(_GZIP):
        unpacked = _Unpacked(source)
        source = Peeked(Counted(unpacked, allowance_of_archive(size, allowance)))
        return Tar(source) if is_tar(source.peek(HEAD_BYTES)) else source
    counted = Counted(source, allowance)
    return Tar(counted) if is_tar(start) else counted


def _zip(file: BinaryIO, source: Peeked, size: int | None, allowance: Allowance) -> "Zip":
    if size is None:  # a pipe, which cannot be read from its end, where the directory is
        content = read_exactly(source, FREE_BYTES + 1)
        if len(content) > FREE_BYTES:
            message = "a zip archive of more than 64 MiB that is no file"
            raise LimitError(message)
        file, size = BytesIO(content), len(content)
    return Zip(file, size, allowance)


def _open_regular(path: str) -> BinaryIO:
    """Open a regular file; not through a link, and not a pipe that somebody put there meanwhile.

    Raises:
        OSError: it is none.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    file = os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        message = "not a regular file"
        raise OSError(message)
    return file


def _unreadable(path: str, error: OSError) -> Entry:
    """Return what stands for a folder that cannot be read."""

    def opened() -> AbstractContextManager[ByteSource]:
        raise error

    return Entry(path, opened, opened, is_folder=True)


@contextmanager
def _as_it_is(source: ByteSource) -> Iterator[ByteSource]:
    yield source


@contextmanager
def _open_file(
    path: str, allowance: Allowance, before_end: int | None = None
) -> Iterator[ByteSource]:
    """Open a file of a folder, at its start or so many bytes before its end."""
    with _open_regular(path) as file:
        if before_end is not None:
            file.seek(max(0, file.seek(0, os.SEEK_END) - before_end))
        yield Counted(file, allowance)


@contextmanager
def _open_zipped(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance
) -> Iterator[ByteSource]:
    """Open a file of a zip archive.

    Raises:
        TreeError: it cannot be read.
    """
    try:
        file = archive.open(info)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        message = "an encrypted file" if info.flag_bits & 1 else _BROKEN_FILE
        raise TreeError(message) from None
    with file:
        yield _Zipped(Counted(file, allowance))


class _Zipped:
    """A file of a zip archive."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes.

        Raises:
            TreeError: it is broken.
        """
        try:
            return self._source.read(size)
        except (zipfile.BadZipFile, EOFError, ValueError, zlib.error):
            raise TreeError(_BROKEN_FILE) from None


class _Unpacked:
    """What is packed with gzip."""

    def __init__(self, packed: ByteSource) -> None:
        self._file = gzip.GzipFile(fileobj=cast("BinaryIO", packed))

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes.

        Raises:
            TreeError: it is broken.
        """
        try:
            return self._file.read(size)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise TreeError(_BROKEN) from None
