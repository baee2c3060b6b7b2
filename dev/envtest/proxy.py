"""An HTTP proxy with which tests make the network fail.

It stands between the hook and the API server, or between Metacontroller and the hook. A rule is
called with each request and a function that forwards it; it returns the answer, or None to close
the connection without one. The rules below make the usual faults.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

_UPSTREAM_TIMEOUT = 60.0
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the client sent it.

    Attributes:
        method: such as ``DELETE``.
        path: path and query.
        headers: all of them.
        body: empty where there is none.
        at: when it came, by ``time.monotonic``.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    at: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, as it goes back to the client.

    Attributes:
        code: HTTP status code.
        headers: without those that belong to one connection.
        body: the whole of it.
    """

    code: int
    headers: dict[str, str]
    body: bytes = b""


Forward = Callable[[], Answer]
"""Sends the request on and gives the answer.

Raises:
    OSError: upstream cannot be reached.
    http.client.HTTPException: it does not speak HTTP.
"""

Rule = Callable[[Request, Forward], Answer | None]
"""What becomes of a request. None closes the connection without an answer."""


def forward(_: Request, onward: Forward) -> Answer | None:
    """Forward the request: a network that works."""
    return onward()


def cut(_: Request, __: Forward) -> Answer | None:
    """Break the connection before the request has arrived."""
    return None


def lose(_: Request, onward: Forward) -> Answer | None:
    """Let the request have its effect, but break the connection before the answer comes."""
    onward()
    return None


def answering(code: int, reason: str, **headers: str) -> Rule:
    """Make a rule that answers in the API server's name, with a Status object.

    Args:
        code: HTTP status code.
        reason: the Status object's reason.
        headers: further headers; ``_`` in their names stands for ``-``.
    """

    def answer(_: Request, __: Forward) -> Answer | None:
        text = (
            '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
            f'"message":"made up by a test","reason":"{reason}","code":{code}}}'
        )
        return Answer(
            code,
            {
                "Content-Type": "application/json",
                "Date": formatdate(usegmt=True),
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            text.encode(),
        )

    return answer


def waiting(seconds: float) -> Rule:
    """Make a rule that forwards each request after a delay.

    Args:
        seconds: how long.
    """

    def wait(_: Request, onward: Forward) -> Answer | None:
        time.sleep(seconds)
        return onward()

    return wait


def hanging(until: threading.Event, seconds: float = 30.0) -> Rule:
    """Make a rule that holds each request back and never answers it.

    Args:
        until: set at the end of the test, so that no thread outlives it for long.
        seconds: after how long the connection is closed in any case.
    """

    def hang(_: Request, __: Forward) -> Answer | None:
        until.wait(seconds)
        return None

    return hang


class Proxy:
    """Listens on 127.0.0.1 and passes on what its rule lets through.

    Args:
        upstream: ``http://host:port`` or ``https://host:port``.
        port: where it listens.
        certificate: PEM file of upstream's certificate, which is shown to clients, too. None where
            both sides are plain HTTP.
        key: PEM file of the key that belongs to it.
        authority: PEM file of what has signed it; None where it has signed itself.

    Attributes:
        rule: called for each request, on the request's own thread.
        requests: every request so far, in the order in which they came.
        url: where it listens, as a URL.
    """

    def __init__(
        self,
        upstream: str,
        port: int,
        certificate: Path | None = None,
        key: Path | None = None,
        authority: Path | None = None,
    ) -> None:
        self.rule: Rule = forward
        self.requests: list[Request] = []
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://127.0.0.1:{port}"
        self._upstream = upstream
        self._port = port
        self._certificate, self._key = certificate, key
        self._authority = authority or certificate
        self._server: _Server | None = None
        self._local = threading.local()

    def __enter__(self) -> Self:
        """Begin to listen."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.stop()

    def start(self) -> None:
        """Begin to listen; always on the same port."""
        if self._server is not None:
            return
        context = None
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate, self._key)
        self._server = _Server(self._port, self._handle, context)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening and break all connections: new ones are refused."""
        if self._server is not None:
            server, self._server = self._server, None
            server.shutdown()
            server.server_close()
            server.break_connections()

    def seen(self, method: str, *parts: str) -> list[Request]:
        """Return the requests so far that have a method and hold all of some texts in their path.

        Args:
            method: such as ``DELETE``.
            parts: texts that the path holds.
        """
        return [
            one
            for one in list(self.requests)
            if one.method == method and all(part in one.path for part in parts)
        ]

    def send(
        self,
        request: Request,
        upstream: str | None = None,
        timeout: float = _UPSTREAM_TIMEOUT,
    ) -> Answer:
        """Send a request on, as the forwarding of a rule does.

        Args:
            request: the request.
            upstream: where to; None means where all of them go.
            timeout: seconds for which nothing may come.

        Raises:
            OSError: upstream cannot be reached, or says nothing.
            http.client.HTTPException: it does not speak HTTP.
        """
        target = urlsplit(upstream or self._upstream)
        if target.scheme == "https":
            context = ssl.create_default_context(cafile=str(self._authority))
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                target.netloc, timeout=timeout, context=context
            )
        else:
            connection = http.client.HTTPConnection(target.netloc, timeout=timeout)
        with contextlib.closing(connection):
            headers = {
                name: value
                for name, value in request.headers.items()
                if name.lower() not in {*_HOP_BY_HOP, "host"}
            }
            connection.request(request.method, request.path, request.body or None, headers)
            response = connection.getresponse()
            kept = {
                name: value
                for name, value in response.getheaders()
                if name.lower() not in _HOP_BY_HOP
            }
            return Answer(response.status, kept, response.read())

    def _handle(self, request: Request) -> Answer | None:
        """Apply the rule to a request."""
        self.requests.append(request)
        try:
            return self.rule(request, lambda: self.send(request))
        except (OSError, http.client.HTTPException):
            return None  # upstream does not answer, nor does the proxy


class _Server(ThreadingHTTPServer):
    """A thread for each connection."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(
        self,
        port: int,
        handle: Callable[[Request], Answer | None],
        context: ssl.SSLContext | None,
    ) -> None:
        self.handle_one = handle
        self._context = context
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, on its own thread; only there the TLS handshake may take time."""
        connection = request
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(request, server_side=True)
            with self._lock:
                self._open.add(connection)
            _Handler(connection, client_address, self)
        except OSError:
            pass  # the client has disconnected, or `break_connections` closed it
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def break_connections(self) -> None:
        """End what is still open."""
        with self._lock:
            left = list(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection: request after request until one of the two closes it."""

    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer in one piece

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Serve every method in the same way."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client is gone; servers take no request without its end
            self.close_connection = True
            return
        answer = self.server.handle_one(
            Request(self.command, self.path, dict(self.headers.items()), body)
        )
        if answer is None:
            self.close_connection = True
            return
        self.send_response_only(answer.code)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()
