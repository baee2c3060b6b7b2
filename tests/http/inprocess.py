"""Calls the hook in this process, as a WSGI server does."""

import io
import itertools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, redirect_stderr
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from wsgiref.util import setup_testing_defaults

from pod_diagnoser.server.app import Parts, create_app
from pod_diagnoser.server.logs import configure_logs
from pod_diagnoser.server.settings import Settings
from tests.http.recorded import NOW

JSON_TYPE: Final = "application/json"

NOT_A_REQUEST: Final = (400, b"body is not a DecoratorController v2 request for this hook\n")
INCOMPLETE: Final = (400, b"body is incomplete\n")
NOT_FOUND: Final = (404, b"not found\n")
WRONG_METHOD: Final = (405, b"method not allowed\n")
TIMED_OUT: Final = (408, b"body did not arrive in time\n")
LENGTH_REQUIRED: Final = (411, b"Content-Length is required\n")
TOO_LARGE: Final = (413, b"body is too large\n")
WRONG_TYPE: Final = (415, b"Content-Type must be application/json\n")
OVERLOADED: Final = (429, b"too many requests at once\n")
INTERNAL: Final = (500, b"internal error\n")
"""What is answered when something is wrong: nothing else, ever."""


class Stream(Protocol):
    """A request's body."""

    def read(self, size: int, /) -> bytes:
        """Read up to a number of bytes."""


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        status: the HTTP status.
        headers: the headers, their names in lower case.
        body: the body.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def outcome(self) -> tuple[int, bytes]:
        """Status and body."""
        return self.status, self.body

    @property
    def sent(self) -> bytes:
        """All bytes that the client gets, to be searched."""
        return repr(self.headers).encode() + self.body


_TAKEN = 1 / 128
"""How long each request takes, in seconds, so that nothing depends on how long it really takes."""


@dataclass
class Hook:
    """The hook, with a clock that stands still and delays that are recorded, not waited for.

    Making one sets up the log of this process: only the last one that was made has a log.

    Attributes:
        settings: its settings.
        clock: returns the current time.
        deadline: bounds the time for reading a body; None: nothing does.
        debounced: the seconds by which answers were delayed.
        parts: more `Parts` of the hook: a reconciler, an evidence fetcher.
    """

    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], datetime] = lambda: NOW
    deadline: Callable[[float], AbstractContextManager[object]] | None = None
    debounced: list[float] = field(default_factory=list)
    parts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._log = io.StringIO()
        with redirect_stderr(self._log):
            configure_logs("debug", "json")
            self.app = create_app(
                self.settings,
                Parts(
                    clock=self.clock,
                    sleep=self.debounced.append,
                    timer=itertools.count(0.0, _TAKEN).__next__,
                    deadline=self.deadline,
                    **{"thread_time": lambda: 0.0, **self.parts},
                ),
            )
        self.take_log()

    def take_log(self) -> list[str]:
        """Return the lines that were logged since the last time, in the form of production."""
        text = self._log.getvalue()
        self._log.seek(0)
        self._log.truncate()
        assert not text or text.endswith("\n")
        return text.split("\n")[:-1]

    def call(
        self,
        method: str,
        path: str,
        stream: Stream | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request of any form.

        Args:
            method: the method.
            path: the path, decoded.
            stream: the body; None for none.
            environment: more of the WSGI environment.

        Returns:
            The answer.
        """
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path}
        setup_testing_defaults(environ)
        environ.update(environment or {})
        environ["wsgi.input"] = stream or io.BytesIO()
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _error: object = None
        ) -> Callable[[bytes], object]:
            started.append((status, headers))
            return lambda _: None

        body = b"".join(self.app(environ, start_response))
        ((status, headers),) = started
        names = [name.lower() for name, _ in headers]
        assert len(names) == len(set(names))
        reply = Reply(
            int(status.split()[0]), dict(zip(names, dict(headers).values(), strict=True)), body
        )
        if method != "HEAD":
            assert reply.headers["content-length"] == str(len(body))
        return reply

    def post(
        self,
        path: str,
        body: bytes,
        content_type: str | None = JSON_TYPE,
        environment: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a body as Metacontroller does.

        Args:
            path: the endpoint.
            body: the body.
            content_type: its type; None for none.
            environment: more of the WSGI environment.

        Returns:
            The answer.
        """
        given = {"CONTENT_LENGTH": str(len(body)), **(environment or {})}
        if content_type is not None:
            given["CONTENT_TYPE"] = content_type
        return self.call("POST", path, io.BytesIO(body), given)
