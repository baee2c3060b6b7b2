"""What every request passes: authentication, bounds, constant refusals."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from flask import Flask
from pydantic import ValidationError

from pod_diagnoser.api.metacontroller import HookResponse
from pod_diagnoser.server.auth import Tokens
from pod_diagnoser.server.bodies import (
    BodyIncompleteError,
    BodyTimeoutError,
    Deadline,
    MemoryBudget,
    Readable,
    Reservation,
    TooManyBodiesError,
    read_body,
)
from pod_diagnoser.server.settings import Settings
from pod_diagnoser.server.telemetry import Telemetry

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


RETRY_AFTER: Final = "5"
"""Seconds. Metacontroller asks again then, quietly; a 429 without it is a hot loop."""

DEBOUNCE_FACTOR: Final = 9
"""An answer for a PodDiagnoser is held for so many times the time that it took."""

MAX_RESPONSE_SECONDS: Final = 2.5
"""No answer is held for longer than so many seconds since its body was there."""

_NOTHING_EXTRA: Final[tuple[tuple[str, str], ...]] = ()
_EXTRA_HEADERS: Final = {
    401: (("WWW-Authenticate", "Bearer"),),
    405: (("Allow", "POST"),),
    429: (("Retry-After", RETRY_AFTER),),
}

_JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


class RequestRejected(Exception):  # noqa: N818 (an answer, not an error of ours)
    """A request is refused.

    Metacontroller quotes the body of a refusal in an Event on the object, so it is one of the
    constants below and holds nothing of the request.
    """

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


UNAUTHORIZED: Final = (401, "a valid bearer token is required")
WRONG_METHOD: Final = (405, "method not allowed")
LENGTH_REQUIRED: Final = (411, "Content-Length is required")
WRONG_TYPE: Final = (415, "Content-Type must be application/json")
TOO_LARGE: Final = (413, "body is too large")
TIMED_OUT: Final = (408, "body did not arrive in time")
INCOMPLETE: Final = (400, "body is incomplete")
NOT_A_REQUEST: Final = (400, "body is not a DecoratorController v2 request for this hook")
OVERLOADED: Final = (429, "too many requests at once")
INTERNAL: Final = (500, "internal error")


class Body(NamedTuple):
    """A request's body.

    Attributes:
        content: the body, or its start.
        complete: whether it is the whole of it.
    """

    content: bytes
    complete: bool


class Reply(NamedTuple):
    """What a hook has to say.

    Attributes:
        answer: what Metacontroller gets.
        may_hold: whether it may be held to let events gather. Metacontroller runs one sync at a
            time for an object, so that what comes meanwhile is one sync more and not hundreds.
    """

    response: HookResponse
    debounce: bool = False


Handler = Callable[[Body], Reply]
"""From a body to the answer."""


class HookApp(Flask):
    """Flask, with the hooks in front of it.

    A request of Metacontroller has one of four paths and no cookies, sessions or URL parameters:
    what Flask does to find that out costs as much as reading the Pod does. Everything else that is
    asked of the process takes Flask's way.
    """

    def __init__(self, edge: "HookMiddleware") -> None:
        super().__init__("pod_diagnoser", static_folder=None)
        self._edge = edge

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        hook = self._edge.hooks.get(environ["PATH_INFO"])
        if hook is None:
            return super().wsgi_app(environ, start_response)
        return self._edge.answer(hook, environ, start_response)


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook and its bounds.

    Attributes:
        path: where it is served.
        handler: what answers.
        limit: the most bytes of a body that are read.
        reads_start: whether it makes do with the start of a larger body.
    """

    path: str
    handler: Handler
    limit: int
    reads_start: bool = False


class HookMiddleware:
    """What every hook has around it."""

    def __init__(  # noqa: PLR0913 (all that bounds a request)
        self,
        hooks: Iterable[Hook],
        settings: Settings,
        telemetry: Telemetry,
        *,
        tokens: Tokens | None,
        sleep: Callable[[float], None],
        deadline: Deadline,
    ) -> None:
        self.hooks = {hook.path: hook for hook in hooks}
        self._settings = settings
        self._telemetry = telemetry
        self._tokens = tokens
        self._sleep = sleep
        self._deadline = deadline
        self._room = MemoryBudget(settings.max_bodies)

    def answer(
        self, hook: Hook, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request, or refuse it with a constant text."""
        status, content_type, extra = "200 OK", _JSON, _NOTHING_EXTRA
        try:
            content = self._answer(hook, environ)
        except RequestRejected as refusal:
            self._telemetry.rejected(hook.path, refusal.status, refusal.problem)
            status = f"{refusal.status} {HTTPStatus(refusal.status).phrase}"
            content, content_type = refusal.problem.encode() + b"\n", TEXT
            extra = _EXTRA_HEADERS.get(refusal.status, _NOTHING_EXTRA)
        except Exception as error:  # noqa: BLE001 (the last resort: say so, and nothing of it)
            self._telemetry.failed(hook.path, error)
            status = "500 Internal Server Error"
            content, content_type = INTERNAL[1].encode() + b"\n", TEXT
        start_response(
            status,
            [("Content-Type", content_type), ("Content-Length", str(len(content))), *extra],
        )
        return (b"" if environ["REQUEST_METHOD"] == "HEAD" else content,)

    def _answer(self, hook: Hook, environ: "WSGIEnvironment") -> bytes:
        if self._tokens is not None and not self._tokens.allow(
            environ.get("HTTP_AUTHORIZATION", "")
        ):
            raise RequestRejected(*UNAUTHORIZED)
        length = _announced_length(environ)
        if length > hook.limit and not hook.reads_start:
            raise RequestRejected(*TOO_LARGE)
        try:
            with self._room.reserve() as share:
                content = self._read(environ["wsgi.input"], length, hook.limit, share)
                begun = time.perf_counter()
                reply = hook.handler(Body(content, length <= hook.limit))
                encoded = reply.response.encode()
                taken = time.perf_counter() - begun
                del content
        except TooManyBodiesError:
            raise RequestRejected(*OVERLOADED) from None
        except ValidationError:
            raise RequestRejected(*NOT_A_REQUEST) from None
        self._telemetry.answered(hook.path, HTTPStatus.OK, taken)
        if reply.debounce and taken < MAX_RESPONSE_SECONDS:
            self._sleep(
                min(
                    DEBOUNCE_FACTOR * taken,
                    self._settings.max_debounce,
                    MAX_RESPONSE_SECONDS - taken,
                )
            )
        return encoded

    def _read(self, stream: Readable, length: int, limit: int, share: Reservation) -> bytes:
        try:
            with self._deadline(self._settings.body_timeout):
                return read_body(stream, length, limit, share)
        except BodyTimeoutError:
            raise RequestRejected(*TIMED_OUT) from None
        except (BodyIncompleteError, OSError):
            raise RequestRejected(*INCOMPLETE) from None


def _announced_length(environment: "WSGIEnvironment") -> int:
    """Check method and headers, before anything of the body is read.

    Returns:
        The body's length in bytes.

    Raises:
        RequestRejected: the body is not announced as JSON of a certain length.
    """
    if environment["REQUEST_METHOD"] != "POST":
        raise RequestRejected(*WRONG_METHOD)
    content_type = environment.get("CONTENT_TYPE", "")
    if content_type != _JSON and content_type.split(";")[0].strip().lower() != _JSON:
        raise RequestRejected(*WRONG_TYPE)
    text = environment.get("CONTENT_LENGTH", "")
    # A chunked body has no length, and would be cut off silently where it reaches a limit.
    if not (text.isascii() and text.isdigit()) or "HTTP_TRANSFER_ENCODING" in environment:
        raise RequestRejected(*LENGTH_REQUIRED)
    return int(text[:16])
