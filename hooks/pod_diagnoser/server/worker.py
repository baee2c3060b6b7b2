"""gunicorn's gevent worker, with a shutdown that loses no request and bodies that are bounded.

What it changes of gunicorn, and where: `HookWorker.load_wsgi` checks that the hook may be served on
its address, and lets garbage collection run less often; `HookWorker.handle` speaks TLS, and has
connections make room for others; `Connection` bounds the time of a head; `RequestBody` asks for a
body when the application reads it; `ResponseBuffer` sends a response in one piece;
`HookWorker.handle_request` reads the rest of a refused body; `HookWorker.run` closes idle
connections after SIGTERM.
"""

import gc
import resource
from collections.abc import Callable, Iterable, MutableMapping
from contextlib import AbstractContextManager, suppress
from typing import Any, Final

import gevent
import structlog
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException
from gunicorn.workers.ggevent import GeventWorker

from pod_diagnoser.server.connections import (
    SLICE_BYTES,
    Connection,
    RequestBody,
    ResponseBuffer,
)
from pod_diagnoser.server.logs import LineLimit, foreign_formatter
from pod_diagnoser.server.settings import SettingsError, load_settings
from pod_diagnoser.server.tls import CertificateError, Certificates
from pod_diagnoser.server.turns import Turns
from pod_diagnoser.server.waiting import Waits

HANDSHAKE_SECONDS: Final = 5.0
"""How long a TLS handshake may take."""

SEND_SECONDS: Final = 10.0
"""How long a client may take to read a response; as long as Metacontroller waits for all of it."""

PLACES: Final = 1000
"""The most connections of a listener. Metacontroller has some 20 for each DecoratorController, of
which it keeps two while they are idle."""

DRAIN_SECONDS: Final = 1.0
"""For how long after SIGTERM connections that are idle stay open.

Metacontroller keeps connections and does not repeat a POST that was lost on one of them. A request
that arrives in this time is answered with ``Connection: close``; what stays idle is closed then.
"""

DISCARD_SECONDS: Final = 8.0
"""For how long a connection may send the rest of a body that was refused, before it is closed.

As long as a body may take that is read. A client that writes its body before it reads a response
(Metacontroller's does) gets to see the refusal, and keeps its connection.
"""

_COLLECT_AFTER: Final = (100_000, 20, 50)
"""Thresholds of garbage collection (`gc.set_threshold`; Python's are 700, 10, 10).

A request makes up to a million objects that all end with it, without cycles: to look through them
again and again while they are made took a third of the sync of 1,000 Pods.
"""


def _plain_response(status: str) -> bytes:
    body = status.split(" ", 1)[1].lower() + "\n"
    return (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


_BAD_REQUEST: Final = _plain_response("400 Bad Request")
_INTERNAL_ERROR: Final = _plain_response("500 Internal Server Error")

_Application = Callable[[MutableMapping[str, Any], Any], Iterable[bytes]]


class HookWorker(GeventWorker):
    """gunicorn's gevent worker, with a shutdown of its own and more care for bodies.

    Without its shutdown, gunicorn would wait for idle connections until ``graceful_timeout``.
    """

    def init_process(self) -> None:
        """Prepare for connections, then load the application and serve."""
        self._waits: dict[int, Waits] = {}
        self._connections: dict[Any, Connection] = {}
        self._certificates: Certificates | None = None
        self._refusals = LineLimit()
        self._bodies = Turns()
        self._strangers = Turns()
        _allow_open_files()
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, if it may be served where this listens.

        gunicorn's own options and variables go before what the settings say of the address.

        Raises:
            gunicorn.errors.AppImportError: it may not, since anyone there could call or listen, or
                there is no certificate.
        """
        settings = load_settings()
        try:
            for listener in self.sockets:
                self._waits[id(listener)] = Waits(PLACES)
                name = listener.getsockname()
                # A socket in the file system has its permissions; metrics are for all.
                if isinstance(name, tuple) and name[1] != settings.metrics_port:
                    settings.listening_on(name[0])
            if settings.tls_folder is not None:
                self._certificates = Certificates(settings.tls_folder, _log_unusable_certificate)
        except (SettingsError, CertificateError) as error:
            raise AppImportError(str(error)) from None
        self._metrics_port = settings.metrics_port
        super().load_wsgi()
        self.wsgi = self._closing_connections(self.wsgi)
        gc.collect()
        gc.freeze()  # what is loaded stays: it need not be looked through again
        gc.set_threshold(*_COLLECT_AFTER)

    def _closing_connections(self, application: _Application) -> _Application:
        """Announce ``Connection: close`` where a connection cannot stay open after a response.

        gunicorn decides that when a request begins: a response delayed since before SIGTERM would
        say "keep-alive", and the connection would be closed then. Where a body was not asked
        for, it is not known whether a body or a request comes next.
        """

        def call(environ: MutableMapping[str, Any], start_response: Any) -> Iterable[bytes]:
            def start(*arguments: Any) -> Any:
                if not self.alive or environ["wsgi.input"].awaited:
                    start_response.__self__.force_close()
                # Not for probes, which anyone may ask.
                if arguments[0].startswith("200") and environ["REQUEST_METHOD"] == "POST":
                    self._connections[gevent.getcurrent()].waits.trust()
                return start_response(*arguments)

            return application(environ, start)

        return call

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection, also one that was accepted just before the listener was closed.

        Args:
            listener: the socket that listens; it may be closed, so the connection's own is used.
            client: the connection.
            addr: where it comes from.
        """
        waits = self._waits[id(listener)]
        with waits.connected():
            secured = self._secured(client, waits)
            if secured is None:
                client.close()
                return
            current = gevent.getcurrent()
            connection: Any = Connection(secured, waits)
            self._connections[current] = connection
            try:
                super().handle(secured, connection, addr)
            finally:
                del self._connections[current]

    def _secured(self, client: Any, waits: Waits) -> Any:
        """Speak TLS with a client, where hooks are served with it.

        Returns:
            What to read and write; None where the client did not do its part.
        """
        if self._certificates is None or client.getsockname()[1] == self._metrics_port:
            return client
        client.setblocking(True)  # noqa: FBT003 (socket's own method)
        secured = None
        with waits.wait(HANDSHAKE_SECONDS):
            try:
                secured = self._certificates.context().wrap_socket(client, server_side=True)
            except OSError:  # as ssl.SSLError is
                structlog.get_logger().debug("TLS handshake failed")
        return secured

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer a request, then read what is left of its body.

        Args:
            listener_name: where it came in.
            req: the request.
            sock: the connection.
            addr: where it comes from.

        Returns:
            True: the next request may follow.

        Raises:
            StopIteration: the connection is to be closed.
        """
        connection = self._connections[gevent.getcurrent()]
        if not connection.waits.trusted:
            self._strangers.wait()  # who sends request after request must not keep others waiting
        awaited = req._expected_100_continue  # noqa: SLF001 (gunicorn has no public name for it)
        req._expected_100_continue = False  # noqa: SLF001 (the same)
        req.body = body = RequestBody(req.body, sock, self._bodies, awaited=awaited)
        response: Any = ResponseBuffer(sock)
        try:
            super().handle_request(listener_name, req, response, addr)
        except StopIteration:
            self._send(response)
            # A connection closed with something unread is reset, and the response may be lost.
            with suppress(OSError, ParseException):
                self._discard(body)
            raise
        self._send(response)
        if not self._discard(body):
            raise StopIteration
        return True

    def _send(self, response: ResponseBuffer) -> None:
        """Send a response in time.

        Raises:
            StopIteration: the client did not read it in time.
        """
        sent = False
        with self._bounded(SEND_SECONDS):
            response.flush()
            sent = True
        if not sent:
            raise StopIteration

    def _discard(self, body: RequestBody) -> bool:
        """Read what is left of a body, and throw it away.

        Returns:
            Whether the next request may follow.
        """
        if body.failed or body.awaited:
            return False
        if body.finished:
            return True
        more = True
        with self._bounded(DISCARD_SECONDS):
            while more:
                more = bool(body.read(SLICE_BYTES))
        return not more

    def run(self) -> None:
        """Serve until the worker is asked to stop."""
        helpers = [gevent.spawn(self._drain)]
        helpers += [gevent.spawn(waits.watch) for waits in self._waits.values()]
        try:
            super().run()
        finally:
            gevent.killall(helpers)

    def timeout_ctx(  # type: ignore[override]  # its stub says None
        self,
    ) -> AbstractContextManager[None]:
        """Bound the time for which a connection waits for its next request, and for its head."""
        return self._connections[gevent.getcurrent()].next_request(self.cfg.keepalive)

    def _bounded(self, seconds: float) -> AbstractContextManager[None]:
        """Bound the time of waiting for the client; beyond it the context just ends."""
        return self._connections[gevent.getcurrent()].waits.wait(seconds)

    def handle_error(self, req: object, client: Any, addr: object, exc: BaseException) -> None:
        """Answer what is no HTTP request, without repeating any of it, and close the connection.

        Args:
            req: the request, as far as there is one.
            client: the connection.
            addr: where it comes from.
            exc: what went wrong. Its message quotes the request, so it is not logged.
        """
        del req, addr
        if not isinstance(exc, Exception):
            return
        error = type(exc).__name__
        if (left_out := self._refusals.left_out_before(error)) is not None:
            facts = {"left_out": left_out} if left_out else {}
            structlog.get_logger().warning("Connection refused", error=error, **facts)
        response = _BAD_REQUEST if isinstance(exc, ParseException) else _INTERNAL_ERROR
        with suppress(OSError):
            client.sendall(response)

    def _drain(self) -> None:
        """Wait for SIGTERM; then close idle connections, until none are left."""
        while self.alive:
            gevent.sleep(0.1)
        gevent.sleep(DRAIN_SECONDS)
        while any(waits.waiting for waits in self._waits.values()):
            for waits in self._waits.values():
                waits.end_all()
            gevent.sleep(0.1)


def _log_unusable_certificate() -> None:
    structlog.get_logger().error("Certificate cannot be used; the one before stays in use")


def _allow_open_files() -> None:
    """Let this process have as many connections as it serves; shells often allow 1,024 files."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class HookLogger(Logger):
    """gunicorn's log in the form of ours."""

    def setup(self, cfg: Any) -> None:
        """Set up the log.

        Args:
            cfg: gunicorn's configuration.
        """
        super().setup(cfg)
        form = load_settings().log_format
        for handler in self.error_log.handlers:
            handler.setFormatter(foreign_formatter(form))
