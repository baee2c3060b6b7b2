"""A request's body as it arrives on a connection, and a response that leaves in one piece."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from gunicorn.http.body import LengthReader

from pod_diagnoser.server.turns import Turns
from pod_diagnoser.server.waiting import Waits

SLICE_BYTES: Final = 128 * 1024
"""How much of a body is read in one turn, in bytes."""


HEAD_SECONDS: Final = 5.0
"""How long the lines before a body may take, from their first byte on."""


class Connection:
    """A connection to a client, as gunicorn reads requests from it: its heads arrive in time.

    Args:
        sock: the socket.
        waits: those of its listener.
    """

    def __init__(self, sock: Any, waits: Waits) -> None:
        self._sock = sock
        self.waits = waits
        self.sendall = sock.sendall
        self.setblocking = sock.setblocking
        self.shutdown = sock.shutdown
        self.close = sock.close
        self._between_requests = False

    @contextmanager
    def next_request(self, seconds: float) -> Iterator[None]:
        """Bound the time in which the next request begins, and then that of its head."""
        with self.waits.wait(seconds):
            self._between_requests = True
            yield

    def recv(self, size: int) -> bytes:
        """Receive up to a number of bytes."""
        data: bytes = self._sock.recv(size)
        if self._between_requests:
            self._between_requests = False
            self.waits.continue_wait(HEAD_SECONDS)
        return data


class RequestBody:
    """A request's body, as ``wsgi.input``: asked for when it is read, in turn with other greenlets.

    gunicorn sends ``100 Continue`` before the application has seen the headers, and gevent goes on
    reading for as long as there is something to read: a client that sends fast would make all
    others wait. gunicorn also copies what it has read several times from buffer to buffer, which
    for the 16 MiB of a storm took nearly as long as to parse them.

    Args:
        body: gunicorn's.
        sock: the connection.
        turns: those of all bodies.
        awaited: whether the client waits to be asked for the body (``Expect: 100-continue``).

    Attributes:
        awaited: whether it still waits.
    """

    def __init__(self, body: Any, sock: Any, turns: Turns, *, awaited: bool) -> None:
        self._body = body
        self._sock = sock
        self._turns = turns
        self._read_in_turn = 0
        self.awaited = awaited

    @property
    def failed(self) -> bool:
        """Whether reading failed, so that it is not known where the next request begins."""
        return bool(self._body.failed)

    @property
    def finished(self) -> bool:
        """Whether it is known that nothing is left, as it is after nearly every request."""
        return getattr(self._body.reader, "length", None) == 0

    def read(self, size: int) -> bytes:
        """Read up to a number of bytes, what is there of them; an empty result is the end."""
        if self.awaited:
            self.awaited = False
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._read_in_turn >= SLICE_BYTES:
            self._read_in_turn = 0
            self._turns.wait()
        reader = self._body.reader
        if isinstance(reader, LengthReader):
            data = self._receive(reader, min(size, SLICE_BYTES))
        else:  # in chunks: only ever thrown away
            data = self._body.read(size)
        self._read_in_turn += len(data)
        return data

    def _receive(self, reader: LengthReader, size: int) -> bytes:
        """Return what came with the headers, and after that what the next call brings."""
        size = min(size, reader.length)
        if not size:
            return b""
        data: bytes = reader.unreader.take_buffered()
        if not data:
            try:
                data = self._sock.recv(size)
            except BaseException:
                self._body.failed = True
                raise
        elif len(data) > size:
            reader.unreader.unread(data[size:])
            data = data[:size]
        reader.length -= len(data)
        return data


class ResponseBuffer:
    """The connection as gunicorn writes a response to it: gathered, and sent with one call.

    gunicorn sends the head and the body of a response with a call each, which are two packets and
    wake up the client twice.

    Args:
        sock: the connection.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._parts: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        """Take a part of the response."""
        self._parts.append(data)

    def flush(self) -> None:
        """Send what was gathered.

        Raises:
            OSError: the client is gone.
        """
        if self._parts:
            content = b"".join(self._parts)
            self._parts.clear()
            self._sock.sendall(content)

    def shutdown(self, how: int) -> None:
        """End the connection where a response cannot be finished; none of it is sent."""
        self._parts.clear()
        self._sock.shutdown(how)

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()
