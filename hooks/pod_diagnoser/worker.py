"""gunicorn's gevent worker with an end that loses no request, and gevent's way to bound time."""

import os
import time
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import gevent
import structlog
from gevent import monkey
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException
from gunicorn.workers.ggevent import GeventWorker

from pod_diagnoser.bodies import BodyTimeoutError
from pod_diagnoser.settings import Settings
from pod_diagnoser.telemetry import foreign_formatter

DRAIN_SECONDS: Final = 1.0
"""For how long after SIGTERM connections that are idle stay open.

Metacontroller keeps connections and does not repeat a POST that was lost on one of them. A request
that arrives in this time is answered with ``Connection: close``; what stays idle is closed then.
"""


_WATCH_SECONDS: Final = 0.5


class Deadlines:
    """Bounds the time of what greenlets do, at the cost of two dictionary writes each.

    One more greenlet looks at them twice a second; a timer for each would cost more than reading a
    Pod does. Without gevent (in a test, under another server) nothing is bounded.
    """

    def __init__(self) -> None:
        self._due: dict[Any, float] = {}
        self._watching = False

    @contextmanager
    def __call__(self, seconds: float) -> Iterator[None]:
        """Bound the time of what is done in the context.

        Args:
            seconds: how long it may take, give or take half a second.

        Raises:
            BodyTimeoutError: it took longer.
        """
        if not self._watching:
            if not monkey.is_module_patched("socket"):
                yield
                return
            self._watching = True
            gevent.spawn(self._watch)
        current = gevent.getcurrent()
        self._due[current] = time.monotonic() + seconds
        try:
            yield
        finally:
            self._due.pop(current, None)

    def _watch(self) -> None:
        hub = gevent.get_hub()
        while True:
            slept = time.monotonic()
            gevent.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            # While one request was worked on, nobody's body could be read: that is not their delay.
            blocked = now - slept - _WATCH_SECONDS
            for greenlet, due in list(self._due.items()):
                if due + blocked >= now:
                    self._due[greenlet] = due + blocked
                else:
                    hub.loop.run_callback(self._expire, greenlet)

    def _expire(self, greenlet: Any) -> None:
        """End a greenlet's waiting. Runs in the hub: nothing comes between check and throw."""
        if self._due.pop(greenlet, None) is not None:
            greenlet.throw(BodyTimeoutError)


def _refusal(status: str) -> bytes:
    body = status.split(" ", 1)[1].lower() + "\n"
    return (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


_BAD_REQUEST: Final = _refusal("400 Bad Request")
_BROKEN: Final = _refusal("500 Internal Server Error")


class HookWorker(GeventWorker):
    """gunicorn's gevent worker, which also closes idle connections when it is asked to stop.

    Without that it would wait for them until ``graceful_timeout``.
    """

    def init_process(self) -> None:
        """Load the application, and see to it that a last answer is known to be the last."""
        self._idle: dict[Any, gevent.Timeout] = {}
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application."""
        super().load_wsgi()
        application = self.wsgi

        def last_answers(environ: MutableMapping[str, Any], start_response: Any) -> Iterable[bytes]:
            def start(*arguments: Any) -> Any:
                if not self.alive:
                    # gunicorn decided at the request's start whether the connection stays; one that
                    # was held since before SIGTERM would say "keep-alive" and then be closed.
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
        current = gevent.getcurrent()
        silent: Any = False  # gevent: end the context without an error; its stub knows errors only
        with gevent.Timeout(self.cfg.keepalive, silent) as timeout:
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
        form = Settings.from_environment(os.environ).log_format
        for handler in self.error_log.handlers:
            handler.setFormatter(foreign_formatter(form))
