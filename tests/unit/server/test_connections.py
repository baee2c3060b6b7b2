"""Bodies as they arrive, and responses in one piece, with gunicorn's own readers."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.unreader import SocketUnreader
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.server.connections import SLICE_BYTES, RequestBody, ResponseBuffer
from pod_diagnoser.server.turns import SHORT, Turn, Turns


class Connection:
    """A connection on which pieces arrive one after the other.

    Attributes:
        sent: what was sent, by call.
        ended: what was done to end it.
    """

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        self._pieces = list(pieces)
        self.sent: list[bytes] = []
        self.ended: list[str] = []

    def recv(self, size: int) -> bytes:
        """Return what arrives next; an empty piece is the end, and nothing left is an error."""
        if not self._pieces:
            raise ConnectionResetError
        piece, rest = self._pieces[0][:size], self._pieces[0][size:]
        self._pieces[:1] = [rest] if rest else []
        return piece

    def sendall(self, data: bytes) -> None:
        """Note what is sent."""
        self.sent.append(data)

    def shutdown(self, _how: int) -> None:
        """Note that it ends."""
        self.ended.append("shutdown")

    def close(self) -> None:
        """Note that it is closed."""
        self.ended.append("close")


def of_length(connection: Any, length: int, held: bytes = b"") -> Any:
    """Return gunicorn's body of an announced length; some of it came with the headers."""
    unreader = SocketUnreader(connection)
    unreader.unread(held)
    return Body(LengthReader(unreader, length))


def read_all(body: RequestBody, size: int = 1 << 20) -> bytes:
    """Read until the end."""
    read = b""
    while data := body.read(size):
        read += data
    return read


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=50), max_size=8),
    held=st.binary(max_size=50),
    following=st.binary(max_size=20),
    size=st.integers(1, 60),
)
def test_a_body_is_what_was_sent_however_it_arrives(
    pieces: list[bytes], held: bytes, following: bytes, size: int
) -> None:
    """And no byte of the next request is taken for it."""
    content = held + b"".join(pieces)
    connection = Connection([*pieces, following] if following else pieces)
    gunicorns = of_length(connection, len(content), held)
    body = RequestBody(gunicorns, connection, Turns(), awaited=False)
    assert read_all(body, size) == content
    assert body.finished
    assert not body.failed
    if following:
        assert connection.recv(100) == following


def test_the_next_request_stays_where_gunicorn_finds_it() -> None:
    """It may have come with the headers."""
    connection = Connection()
    gunicorns = of_length(connection, 3, b"bodPOST /next")
    assert read_all(RequestBody(gunicorns, connection, Turns(), awaited=False)) == b"bod"
    assert gunicorns.reader.unreader.take_buffered() == b"POST /next"


def test_a_client_that_waits_is_asked_once() -> None:
    """When the body is read, not before."""
    connection = Connection([b"ab", b"cd"])
    body = RequestBody(of_length(connection, 4), connection, Turns(), awaited=True)
    assert connection.sent == []
    assert read_all(body) == b"abcd"
    assert connection.sent == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    assert not body.awaited


def test_a_body_that_breaks_off_has_failed() -> None:
    """It is not known where the next request begins."""
    connection = Connection([b"ab"])
    body = RequestBody(of_length(connection, 4), connection, Turns(), awaited=False)
    assert body.read(10) == b"ab"
    with pytest.raises(ConnectionResetError):
        body.read(10)
    assert body.failed
    assert not body.finished


class CountedTurns(Turns):
    """Turns that come at once, counted."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def wait(self, turn: Turn = SHORT) -> None:
        """Count it."""
        assert turn is SHORT
        self.count += 1


@pytest.mark.parametrize(("slices", "turns"), [(1, 0), (5, 4)])
def test_a_large_body_is_read_in_turns(slices: int, turns: int) -> None:
    """However much has arrived, and however much is asked for at once."""
    content = b"x" * (slices * SLICE_BYTES - 1)
    connection = Connection(
        [content[at : at + 8 * 1024] for at in range(0, len(content), 8 * 1024)]
    )
    counted = CountedTurns()
    body = RequestBody(of_length(connection, len(content)), connection, counted, awaited=False)
    assert read_all(body) == content
    assert counted.count == turns


def test_a_body_in_chunks_is_left_to_gunicorn() -> None:
    """It is refused, and read to its end only to be thrown away."""
    connection: Any = Connection([b"3\r\nabc\r\n0\r\n\r\n"])
    request: Any = SimpleNamespace(limit_request_fields=10, limit_request_field_size=100, cfg=None)
    body = RequestBody(
        Body(ChunkedReader(request, SocketUnreader(connection))), connection, Turns(), awaited=False
    )
    assert body.read(3) == b"abc"
    assert not body.finished


def test_a_response_is_sent_in_one_piece() -> None:
    """Head and body; and nothing is sent twice."""
    connection = Connection()
    response = ResponseBuffer(connection)
    response.sendall(b"head")
    response.sendall(b"body")
    assert connection.sent == []
    response.flush()
    response.flush()
    assert connection.sent == [b"headbody"]


def test_a_response_that_cannot_be_finished_is_not_sent() -> None:
    """The client sees that the connection ended, and not half a response."""
    connection = Connection()
    response = ResponseBuffer(connection)
    response.sendall(b"head")
    response.shutdown(2)
    response.close()
    response.flush()
    assert connection.sent == []
    assert connection.ended == ["shutdown", "close"]
