"""Tar archives: what the standard library writes is read, and nothing more than that."""

import io
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cli.sources.bounds import Allowance, Counted, LimitError, TreeError
from pod_diagnoser.cli.sources.tar import is_tar, tar_members

LAYOUTS = st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
LONG = "namespaces/" + "x" * 90 + "/" + "y" * 90 + "/" + "z" * 120 + ".json"
FILES = st.dictionaries(st.sampled_from(["a.json", "b/ü.json", LONG]), st.binary(max_size=2000))
OTHERS = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]


def packed(files: dict[str, bytes], layout: int = tarfile.PAX_FORMAT, **header: object) -> bytes:
    """Return an archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=layout) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in header.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def read(content: bytes) -> dict[str, bytes]:
    """Read an archive, in pieces."""
    found = {}
    for member in tar_members(io.BytesIO(content)):
        parts = []
        while part := member.read(100):
            parts.append(part)
        found[member.path] = b"".join(parts)
    return found


@given(FILES, LAYOUTS)
def test_what_is_packed_is_read(files: dict[str, bytes], layout: int) -> None:
    """Names of any length, in the forms that GNU tar and Go write."""
    assert read(packed(files, layout)) == files


def test_ustar_splits_names() -> None:
    """Into a prefix and the rest."""
    name = "x" * 90 + "/" + "y" * 90
    assert read(packed({name: b"1"}, tarfile.USTAR_FORMAT)) == {name: b"1"}


def test_files_that_are_not_read_are_skipped() -> None:
    """The next one begins where it should."""
    content = packed({"a": b"x" * 1000, "b": b"2"})
    assert [each.path for each in tar_members(io.BytesIO(content))] == ["a", "b"]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_only_regular_files(kind: bytes) -> None:
    """No links, pipes or devices."""
    assert read(packed({"a": b""}, type=kind, linkname="/etc/passwd")) == {}


def test_archive_that_is_cut_off() -> None:
    """What comes before is read."""
    content = packed({"a": b"1", "b": b"x" * 2000})[:2500]
    members = tar_members(io.BytesIO(content))
    first = next(members)
    assert (first.path, first.read(10)) == ("a", b"1")
    second = next(members)
    assert second.read(1000)
    with pytest.raises(TreeError, match="cut off"):
        list(iter(lambda: second.read(4096), b""))
    with pytest.raises(TreeError, match="cut off"):
        next(members)


def header(size: bytes = b"00000000001\0", kind: bytes = b"0") -> bytes:
    """Return a header of a file, with a right sum."""
    block = bytearray(b"a".ljust(100, b"\0") + b"0000644\0" * 3 + size + b"0" * 12)
    block += b" " * 8 + kind + bytes(100) + b"ustar\0" + b"00" + bytes(247)
    block = block[:512]
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "content",
    [
        header(b"\xff" * 12),  # a negative size
        header(b"\x80" + b"\xff" * 11),  # of more than any disk
        header(b"nonsense\0\0\0\0"),
        header(b"77777777777\0", b"L"),  # a name of eight gigabytes
        header(b"00000000004\0", b"x") + b"9 a\n".ljust(512, b"\0"),
        header(b"00000000004\0", b"x") + b"0 ab".ljust(512, b"\0"),
        header(b"00000000013\0", b"x") + b"11 size=-1\n".ljust(512, b"\0") + header(),
        b"x" * 512,
    ],
)
def test_forged_headers(content: bytes) -> None:
    """They are refused, without memory or time."""
    with pytest.raises(TreeError):
        read(content + bytes(1024))


def test_size_that_is_claimed_is_not_allocated() -> None:
    """A file of eight gigabytes that has a byte."""
    with pytest.raises(TreeError, match="cut off"):
        read(header(b"77777777777\0") + b"x")


@given(st.binary(max_size=600) | st.binary(max_size=600).map(lambda tail: header() + tail))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """No other exception."""
    is_tar(content)
    with suppress(TreeError, LimitError):
        read(content)


def test_bytes_are_counted() -> None:
    """Also of what is skipped."""
    source = Counted(io.BytesIO(packed({"a": bytes(5000)})), Allowance(4000, "too much"))
    with pytest.raises(LimitError, match="too much"):
        list(tar_members(source))
