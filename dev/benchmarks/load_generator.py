"""A load generator that needs almost no CPU: prepared bytes, raw sockets, epoll.

Like Metacontroller's client it keeps its connections; each has one request at a time.
"""

import selectors
import socket
import time
from dataclasses import dataclass

CONNECTIONS = 5
_LENGTH = b"content-length:"
_SUCCESS = b"HTTP/1.1 200 "
_END_OF_HEAD = b"\r\n\r\n"
_PATIENCE = 30.0


class AnswerError(RuntimeError):
    """An answer was not a success, or none came; the message shows how it began."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was done.

    Attributes:
        requests: how many were answered.
        seconds: how long that took.
    """

    requests: int
    seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


@dataclass(slots=True)
class _Pending:
    """A connection, and as much of the answer to its request as has come."""

    connection: socket.socket
    answer: bytes = b""


def drive(
    port: int,
    path: str,
    body: bytes,
    *,
    seconds: float | None = None,
    requests: int | None = None,
) -> Load:
    """Send the same request again and again, over `CONNECTIONS` at once.

    Args:
        port: the server's, on 127.0.0.1.
        path: where it is posted to.
        body: the body, JSON.
        seconds: when to end; None means not by time.
        requests: after how many answers to end; None means not by number.

    Raises:
        AnswerError: an answer was no success.
        OSError: the server cannot be reached.
    """
    message = _message(path, body)
    with selectors.DefaultSelector() as selector:
        sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        try:
            begun = time.perf_counter()
            for connection in sockets:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(message)
                selector.register(connection, selectors.EVENT_READ, _Pending(connection))
            answered = 0
            deadline = None if seconds is None else begun + seconds
            while (deadline is None or time.perf_counter() < deadline) and (
                requests is None or answered < requests
            ):
                ready = selector.select(_PATIENCE)
                if not ready:
                    problem = f"no answer within {_PATIENCE:.0f} s"
                    raise AnswerError(problem)
                for key, _ in ready:
                    pending: _Pending = key.data
                    pending.answer += pending.connection.recv(65536)
                    if _complete(pending.answer):
                        pending.answer = b""
                        answered += 1
                        pending.connection.sendall(message)
            return Load(answered, time.perf_counter() - begun)
        finally:
            for connection in sockets:
                connection.close()


def call(port: int, path: str, body: bytes) -> bytes:
    """Send one request; return the answer's body.

    Args:
        port: the server's, on 127.0.0.1.
        path: where it is posted to.
        body: the body, JSON.

    Raises:
        AnswerError: the answer was no success.
        OSError: the server cannot be reached.
    """
    with socket.create_connection(("127.0.0.1", port), _PATIENCE) as connection:
        connection.sendall(_message(path, body))
        answer = b""
        while not _complete(answer):
            answer += connection.recv(1 << 20)
        return answer.split(_END_OF_HEAD, 1)[1]


def _message(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "User-Agent: Go-http-client/1.1\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Content-Type: application/json\r\n"
        "Accept-Encoding: gzip\r\n\r\n"
    )
    return head.encode() + body


def _complete(answer: bytes) -> bool:
    """Say whether an answer is complete.

    Raises:
        AnswerError: it is no success.
    """
    end = answer.find(_END_OF_HEAD)
    if end < 0:
        return False
    head = answer[:end].lower()
    if not answer.startswith(_SUCCESS):
        raise AnswerError(repr(answer[:200]))
    start = head.index(_LENGTH) + len(_LENGTH)
    length = int(head[start:].split(b"\r\n", 1)[0])
    return len(answer) - end - len(_END_OF_HEAD) >= length
