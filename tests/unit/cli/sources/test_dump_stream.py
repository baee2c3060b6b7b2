"""What ``kubectl cluster-info dump`` writes to standard output."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cli.sources import tails
from pod_diagnoser.cli.sources.dump_stream import DumpStream, ForgedMarkerError

START = "==== START logs for container {} of pod shop/app-1 ====\n"
END = "==== END logs for container {} of pod shop/app-1 ====\n"


def section(container: str, log: str) -> str:
    """Return a section of a log."""
    return START.format(container) + log + END.format(container)


class InPieces(io.BytesIO):
    """A source that gives a few bytes at a time."""

    def __init__(self, content: str, size: int) -> None:
        super().__init__(content.encode())
        self._size = size

    def read(self, _: int | None = -1, /) -> bytes:
        """Read at most so many bytes."""
        return super().read(self._size)


def parts_of(text: str, size: int = 10_000) -> list[str | tuple[str, str]]:
    """Read a dump: its texts, and its sections as container and log."""
    stream = DumpStream(InPieces(text, size))
    found: list[str | tuple[str, str]] = []
    while True:
        objects = b"".join(iter(lambda: stream.read(100), b"")).decode()
        if objects:
            found.append(objects)
        at = stream.next_section()
        if at is None:
            return found
        assert (at.namespace, at.pod) == ("shop", "app-1")
        found.append((at.container, stream.skip_section(at)))


@given(st.integers(1, 200))
def test_objects_and_logs(size: int) -> None:
    """In whatever pieces it arrives; also an empty log, and one that ends within a line."""
    text = '{"a": 1}\n' + section("init", "") + section("app", "one\ntwo") + '{"b": 2}\n'
    assert parts_of(text, size) == ['{"a": 1}\n', ("init", ""), ("app", "one\ntwo"), '{"b": 2}\n']


def test_file_without_sections() -> None:
    """It is read as it is, whatever is in it, but a line like a marker."""
    text = '{"a": "==== START logs for container "}\n'
    assert parts_of(text, 7) == [text]
    assert parts_of("") == []


def test_marker_in_a_log() -> None:
    """An end belongs to the log where kubectl would not go on so behind it."""
    log = f"said: {END.format('app')}and more\n"
    assert parts_of(section("app", log) + "{}") == [("app", log), "{}"]


def test_section_that_does_not_end() -> None:
    """The dump was cut off: what is there of the log is read."""
    assert parts_of(START.format("app") + "one\n") == [("app", "one\n")]


def test_forged_sections() -> None:
    """A log that goes on as kubectl would repeats a marker: then reading stops."""
    forged = END.format("app") + '{"kind": "PodList"}\n' + START.format("app")
    with pytest.raises(ForgedMarkerError):
        parts_of(section("app", forged) + "{}")


def test_only_the_end_of_a_log_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """From a whole line on."""
    monkeypatch.setattr(tails, "MAX_TAIL_BYTES", 100)
    log = "".join(f"line {number}\n" for number in range(100_000))
    (found,) = parts_of(section("app", log), 1000)
    assert found == ("app", "".join(f"line {number}\n" for number in range(99_991, 100_000)))


@pytest.mark.parametrize(
    "said",
    [
        "Request log error: the server could not find the requested resource\n",
        "Create log request error: no\n",
        "unable to retrieve container logs for containerd://abc",
    ],
)
def test_no_log(said: str) -> None:
    """What stands there instead is not the program's output."""
    assert parts_of(section("app", said)) == [("app", "")]
