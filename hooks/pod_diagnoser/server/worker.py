"""gunicorn's gevent worker with an end that loses no request, and gevent's way to bound time."""

from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import gevent
import structlog
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException
from gunicorn.workers.ggevent import GeventWorker

from pod_diagnoser.server.logs import foreign_formatter
from pod_diagnoser.server.settings import SettingsError, load_settings

DRAIN_SECONDS: Final = 1.0
"""For how long after SIGTERM connections that are idle stay open.

Metacontroller keeps connections and does not repeat a POST that was lost on one of them. A request
that arrives in this time is answered with ``Connection: close``; what stays idle is closed then.
"""


DISCARD_SECONDS: Final = 8.0
"""For how long a connection may send the rest of a body that was refused, before it is closed.

As long as a body may take that is read. A client that writes its body before it looks for an answer
(Metacontroller's does) gets to see the refusal, and keeps its connection.
"""

_TURN_BYTES: Final = 256 * 1024
"""How much of a body is read before others get their turn."""


def _refusal(status: str) -> bytes:
    body = status.split(" ", 1)[1].lower() + "\n"
    return (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


_BAD_REQUEST: Final = _refusal("400 Bad Request")
_BROKEN: Final = _refusal("500 Internal Server Error")


class BodyReader:
    """What a request's body is read from: asks for it when it is wanted, and lets others go on.

    gunicorn sends ``100 Continue`` before the application has seen the headers, and gevent goes on
    reading for as long as there is something to read: one client that sends fast would have
    everybody wait.

    Args:
        reader: gunicorn's.
        sock: the connection.
        awaited: whether the client waits to be asked for the body (``Expect: 100-continue``).

    Attributes:
        awaited: whether it still waits.
    """

    def __init__(self, reader: Any, sock: Any, *, awaited: bool) -> None:
        self._reader = reader
        self._sock = sock
        self._turn = 0
        self.awaited = awaited

    @property
    def finished(self) -> bool:
        """Whether it is known that nothing is left, as it is after nearly every request."""
        return getattr(self._reader, "length", None) == 0

    def read(self, size: int) -> bytes:
        """Read up to a number of bytes; an empty result is the end."""
        if self.awaited:
            self.awaited = False
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._turn >= _TURN_BYTES:
            self._turn = 0
            gevent.sleep(0)
        data: bytes = self._reader.read(size)
        self._turn += len(data)
        return data


class HookWorker(GeventWorker):
    """gunicorn's gevent worker, with an end of its own and more care for bodies.

    It closes idle connections when it is asked to stop; without that it would wait for them until
    ``graceful_timeout``. It asks for a body (``100 Continue``) when the application wants it, not
    before, and bounds the time for which the rest of a refused one is read.
    """

    def init_process(self) -> None:
        """Load the application, and see to it that a last answer is known to be the last."""
        self._idle: dict[Any, gevent.Timeout] = {}
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
        application = self.wsgi

        def last_answers(environ: MutableMapping[str, Any], start_response: Any) -> Iterable[bytes]:
            def start(*arguments: Any) -> Any:
                # gunicorn decided at the request's start whether the connection stays; one that was
                # held since before SIGTERM would say "keep-alive" and then be closed. Where a body
                # was not asked for nobody knows whether a body or a request comes next.
                if not self.alive or environ["wsgi.input"].reader.awaited:
                    start_response.__self__.force_close()
                return start_response(*arguments)

            return application(environ, start)

        self.wsgi = last_answers

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection, also one that was accepted just before the listener was closed.

        Args:
            listener: the socket that listens, closed perhaps.
            client: the connection.
            addr: where it comes from.
        """
        del listener  # it is asked for its name alone, which the connection knows as well
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
        body = req.body
        body.reader = BodyReader(body.reader, sock, awaited=req._expected_100_continue)  # noqa: SLF001 (it has no public name)
        req._expected_100_continue = False  # noqa: SLF001
        try:
            super().handle_request(listener_name, req, sock, addr)
        except StopIteration:
            # Closed with something unread in it, a connection is reset, and the answer may be lost.
            with suppress(OSError, ParseException):
                self._discard(body)
            raise
        if not self._discard(body):
            raise StopIteration
        return True

    def _discard(self, body: Any) -> bool:
        """Read what is left of a body, and throw it away.

        Returns:
            Whether the next request may follow.
        """
        if body.failed or body.reader.awaited:
            return False
        if body.reader.finished:
            return True
        left = True
        with self._waiting(DISCARD_SECONDS):
            while left:
                left = bool(body.read(_TURN_BYTES))
        return not left

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
        with self._waiting(self.cfg.keepalive):
            yield

    @contextmanager
    def _waiting(self, seconds: float) -> Iterator[None]:
        """Bound the time of what is between two requests; beyond it the context just ends."""
        current = gevent.getcurrent()
        silent: Any = False  # gevent: end the context without an error; its stub knows errors only
        with gevent.Timeout(seconds, silent) as timeout:
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
            exc: what went wrong. Its message quotes the request, so it goes nowhere.
        """
        del req, addr
        if not isinstance(exc, Exception):
            return
        ours = not isinstance(exc, ParseException)
        structlog.get_logger().warning("Connection refused", error=type(exc).__name__)
        with suppress(OSError):
            client.sendall(_BROKEN if ours else _BAD_REQUEST)

    def _drain(self) -> None:
        while self.alive:
            gevent.sleep(0.1)
        gevent.sleep(DRAIN_SECONDS)
        while self._idle:
            for connection in list(self._idle):
                gevent.get_hub().loop.run_callback(self._close, connection)
            gevent.sleep(0.1)

    def _close(self, connection: Any) -> None:
        """Close a connection as if its time had passed. Runs in the hub, as `Deadlines` does."""
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
