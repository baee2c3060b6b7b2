"""gunicorn's gevent worker, with a shutdown that loses no request and bodies that are bounded.

What it changes of gunicorn, and where: `HookWorker.load_wsgi` checks that the hook may be served on
its address, and lets garbage collection run less often; `RequestBody` asks for a body when the
application reads it; `ResponseBuffer` sends a response in one piece; `HookWorker.handle_request`
reads the rest of a refused body; `HookWorker.run` closes idle connections after SIGTERM.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import gevent
import structlog
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException
from gunicorn.workers.ggevent import GeventWorker

from pod_diagnoser.server.connections import YIELD_BYTES, RequestBody, ResponseBuffer
from pod_diagnoser.server.logs import LineLimit, foreign_formatter
from pod_diagnoser.server.settings import SettingsError, load_settings

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
        """Prepare for idle connections, then load the application and serve."""
        self._idle: dict[Any, gevent.Timeout] = {}
        self._refusals = LineLimit()
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application, if it may be served where this listens.

        gunicorn's own options and variables go before what the settings say of the address.

        Raises:
            gunicorn.errors.AppImportError: it may not, since anyone there could call.
        """
        for listener in self.sockets:
            name = listener.getsockname()
            if isinstance(name, tuple):  # a socket in the file system has its permissions
                try:
                    load_settings().listening_on(name[0])
                except SettingsError as error:
                    raise AppImportError(str(error)) from None
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
        del listener
        super().handle(client, client, addr)

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
        awaited = req._expected_100_continue  # noqa: SLF001 (gunicorn has no public name for it)
        req._expected_100_continue = False  # noqa: SLF001 (the same)
        req.body = body = RequestBody(req.body, sock, awaited=awaited)
        response: Any = ResponseBuffer(sock)
        try:
            super().handle_request(listener_name, req, response, addr)
        except StopIteration:
            response.flush()
            # A connection closed with something unread is reset, and the response may be lost.
            with suppress(OSError, ParseException):
                self._discard(body)
            raise
        response.flush()
        if not self._discard(body):
            raise StopIteration
        return True

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
                more = bool(body.read(YIELD_BYTES))
        return not more

    def run(self) -> None:
        """Serve until the worker is asked to stop."""
        drain = gevent.spawn(self._drain)
        try:
            super().run()
        finally:
            drain.kill()

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:  # type: ignore[override]  # its stub says None
        """Bound the time for which a connection waits for its next request."""
        with self._bounded(self.cfg.keepalive):
            yield

    @contextmanager
    def _bounded(self, seconds: float) -> Iterator[None]:
        """Bound the time of what is between two requests; beyond it the context just ends."""
        current = gevent.getcurrent()
        no_error: Any = False  # gevent: end the context without one; its stub knows errors only
        with gevent.Timeout(seconds, no_error) as timeout:
            self._idle[current] = timeout
            try:
                yield
            finally:
                self._idle.pop(current, None)

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
        while self._idle:
            for connection in list(self._idle):
                gevent.get_hub().loop.run_callback(self._close, connection)
            gevent.sleep(0.1)

    def _close(self, connection: Any) -> None:
        """Close a connection as if its time were over. Runs in the hub, as `Deadlines` does."""
        timeout = self._idle.pop(connection, None)
        if timeout is not None:
            connection.throw(timeout)


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
