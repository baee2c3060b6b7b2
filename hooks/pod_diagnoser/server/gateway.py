"""What every request of a hook passes: authentication, bounds, constant refusals."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import ValidationError

from pod_diagnoser.api.metacontroller import HookResponse
from pod_diagnoser.api.raw_request import find_namespace
from pod_diagnoser.server.auth import Tokens
from pod_diagnoser.server.bodies import (
    BodyIncompleteError,
    Identify,
    MemoryBudget,
    Readable,
    Reservation,
    TooManyBodiesError,
    read_body,
)
from pod_diagnoser.server.deadlines import Deadline, DeadlineExceededError
from pod_diagnoser.server.debouncing import Debounce, Debouncer
from pod_diagnoser.server.fairness import Admission, CpuMeter, Fairness
from pod_diagnoser.server.telemetry import Telemetry
from pod_diagnoser.server.turns import SHORT, Turn, Turns

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RETRY_AFTER: Final = "5"
"""Seconds. Metacontroller retries after that without an error; without the header it retries at
once, in a hot loop."""

_NO_HEADERS: Final[tuple[tuple[str, str], ...]] = ()
_EXTRA_HEADERS: Final = {
    401: (("WWW-Authenticate", "Bearer"),),
    405: (("Allow", "POST"),),
}

LONG_BYTES: Final = 64 * 1024
"""Beyond so many bytes a request takes turns with others. An ordinary Pod has some 10 KB."""

_JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


class Refusal(NamedTuple):
    """A response other than 200.

    Metacontroller quotes the body of a refusal in an Event on the object, so it is one of the
    constants below and holds nothing of the request.
    """

    status: int
    problem: str


UNAUTHORIZED: Final = Refusal(401, "a valid bearer token is required")
WRONG_METHOD: Final = Refusal(405, "method not allowed")
LENGTH_REQUIRED: Final = Refusal(411, "Content-Length is required")
WRONG_TYPE: Final = Refusal(415, "Content-Type must be application/json")
TOO_LARGE: Final = Refusal(413, "body is too large")
TIMED_OUT: Final = Refusal(408, "body did not arrive in time")
INCOMPLETE: Final = Refusal(400, "body is incomplete")
NOT_A_REQUEST: Final = Refusal(400, "body is not a DecoratorController v2 request for this hook")
OVERLOADED: Final = Refusal(429, "too many requests at once")
"""The bodies in memory have too many bytes together; how many requests there are has no bound."""
OUT_OF_TURN: Final = Refusal(429, "others come first: this namespace used much CPU time")
"""See `pod_diagnoser.server.fairness`."""
INTERNAL: Final = Refusal(500, "internal error")


class RequestRefusedError(Exception):
    """A request is refused, with the response that it gets.

    Args:
        refusal: the response.
        retry_after: seconds after which it is to come again, where that has any use.
    """

    def __init__(self, refusal: Refusal, retry_after: int | str = RETRY_AFTER) -> None:
        super().__init__(refusal.problem)
        self.refusal = refusal
        self.retry_after = str(retry_after)


class Body(NamedTuple):
    """A request's body.

    Attributes:
        content: the body, or its start.
        complete: whether it is the whole of it.
        turn: where work on it gives way to others.
    """

    content: bytes
    complete: bool
    turn: Turn = SHORT


class Reply(NamedTuple):
    """What a handler returns.

    Attributes:
        response: what Metacontroller gets.
        debounce: how long the response may be delayed; None: not at all.
    """

    response: HookResponse
    debounce: Debounce | None = None


Handler = Callable[[Body], Reply]
"""From a body to the response."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook and its bounds.

    Attributes:
        handler: makes the response.
        limit: the most bytes of a body that are kept.
        fairness: accounts for the CPU time of namespaces.
        accepts_truncated: whether the start of a larger body will do.
        refusable: whether a request may be refused for what its namespace has used. A sync comes
            again; of a refused customize request Metacontroller would lose what had changed.
    """

    handler: Handler
    limit: int
    fairness: Fairness
    accepts_truncated: bool = False
    refusable: bool = False


@dataclass(frozen=True, slots=True)
class BodyBounds:
    """What bounds the reading of bodies.

    Attributes:
        budget: bounds their bytes in memory.
        deadline: bounds the time in which one arrives.
        timeout: seconds for that.
    """

    budget: MemoryBudget
    deadline: Deadline
    timeout: float

    def read(
        self,
        stream: Readable,
        length: int,
        limit: int,
        reservation: Reservation,
        identify: Identify,
    ) -> bytes:
        """Read a body, as `read_body`, in time.

        Raises:
            RequestRefusedError: it did not arrive, or not in time, or `identify` refuses it.
            TooManyBodiesError: the memory budget is used up.
        """
        try:
            with self.deadline(self.timeout):
                return read_body(stream, length, limit, reservation, identify)
        except DeadlineExceededError:
            raise RequestRefusedError(TIMED_OUT) from None
        except (BodyIncompleteError, OSError):
            raise RequestRefusedError(INCOMPLETE) from None


@dataclass(frozen=True, slots=True)
class PortSwitch:
    """Keeps what is served on one port apart from what is served on all others.

    Attributes:
        port: that port.
        app: what answers there.
        others: what answers elsewhere.
    """

    port: str
    app: "WSGIApplication"
    others: "WSGIApplication"

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer by the port of the connection; gunicorn takes it from there, not from a header."""
        app = self.app if environ["SERVER_PORT"] == self.port else self.others
        return app(environ, start_response)


@dataclass(frozen=True, slots=True)
class HookMiddleware:
    """Answers the requests of hooks, and passes everything else on.

    A request of Metacontroller has one of a few paths and no cookies, sessions or URL parameters:
    what Flask does to find that out costs as much as reading the Pod does.

    Attributes:
        wsgi_app: what answers all other paths.
        hooks: the hooks by path.
        telemetry: counts and logs.
        tokens: who may call; None: anyone.
        bodies: bounds the reading of bodies.
        debouncer: delays the responses that may be delayed.
        meter: measures the CPU time of requests.
        turns: those that long requests take.
        timer: a clock for how long things take, in seconds.
    """

    wsgi_app: "WSGIApplication"
    hooks: Mapping[str, Hook]
    telemetry: Telemetry
    tokens: Tokens | None
    bodies: BodyBounds
    debouncer: Debouncer
    meter: CpuMeter
    turns: Turns
    timer: Callable[[], float] = time.perf_counter

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request, or refuse it with a constant text."""
        path = environ["PATH_INFO"]
        hook = self.hooks.get(path)
        if hook is None:
            return self.wsgi_app(environ, start_response)
        try:
            content = self._answer(path, hook, environ)
        except RequestRefusedError as error:
            self.telemetry.refused(path, error.refusal.status, error.refusal.problem)
            return _respond(environ, start_response, error.refusal, error.retry_after)
        except Exception as error:  # noqa: BLE001 (any defect: respond, and repeat none of it)
            self.telemetry.failed(path, error)
            return _respond(environ, start_response, INTERNAL)
        start_response("200 OK", [("Content-Type", _JSON), ("Content-Length", str(len(content)))])
        return (content,)

    def _answer(self, path: str, hook: Hook, environ: "WSGIEnvironment") -> bytes:
        tokens = self.tokens
        if tokens is not None and not tokens.allow(environ.get("HTTP_AUTHORIZATION", "")):
            raise RequestRefusedError(UNAUTHORIZED)
        length = _announced_length(environ)
        if length > hook.limit and not hook.accepts_truncated:
            raise RequestRefusedError(TOO_LARGE)
        account = _Account(hook)
        try:
            with self.meter(account.charge), self.bodies.budget.reserve() as reservation:
                stream = environ["wsgi.input"]
                content = self.bodies.read(
                    stream, length, hook.limit, reservation, account.identify
                )
                turn = self._turn(account, content)
                turn.begin()
                account.confirm()
                begun = self.timer()
                reply = hook.handler(Body(content, length <= hook.limit, turn))
                encoded = reply.response.encode()
                taken = self.timer() - begun
                del content  # not to be kept in memory while the response waits
        except TooManyBodiesError:
            raise RequestRefusedError(OVERLOADED) from None
        except ValidationError:
            raise RequestRefusedError(NOT_A_REQUEST) from None
        self.telemetry.answered(path, HTTPStatus.OK, taken)
        if reply.debounce is not None:
            waited = self.debouncer.wait(reply.debounce, taken)
            sooner = reply.response.after(waited)
            return encoded if sooner is reply.response else sooner.encode()
        return encoded

    def _turn(self, account: "_Account", content: bytes) -> Turn:
        """Return the turn of a request: short ones within their allowance wait for no other.

        Raises:
            RequestRefusedError: the request is refused for what its namespace has used.
        """
        if account.namespace is None:
            account.admit(find_namespace(content) or "")
        yields = account.admission is not None and account.admission.yields
        if len(content) <= LONG_BYTES and not yields:
            return SHORT
        return Turn(self.turns, account.left, self.meter.thread_time)


class _Account:
    """To whom the CPU time of a request is charged, as soon as that is known.

    Args:
        hook: the hook that is called.

    Attributes:
        namespace: to whom; None as long as that is not known.
        admission: what was decided about the request; None where that was not asked for.
    """

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self.namespace: str | None = None
        self.admission: Admission | None = None

    def identify(self, start: bytes) -> str | None:
        """Return the namespace by the start of a body; refuse it before the rest is read.

        Raises:
            RequestRefusedError: the request is refused for what its namespace has used.
        """
        namespace = find_namespace(start)
        if namespace is not None:
            self.admit(namespace)
        return namespace

    def admit(self, namespace: str) -> None:
        """Charge the request to a namespace from now on.

        Raises:
            RequestRefusedError: the request is refused for what the namespace has used.
        """
        self.namespace = namespace
        if self._hook.refusable:
            self._decided(self._hook.fairness.admit(namespace))

    def confirm(self) -> None:
        """Decide again, now that its turn has come: others may have come while it waited.

        Raises:
            RequestRefusedError: the request is refused for what the namespace has used.
        """
        if self.admission is not None and self.admission.yields:
            self._decided(self._hook.fairness.admit_again(self.namespace or ""))

    def _decided(self, admission: Admission) -> None:
        self.admission = admission
        if admission.retry_after is not None:
            raise RequestRefusedError(OUT_OF_TURN, admission.retry_after)

    def left(self) -> float:
        """Return what the namespace has left of its allowance."""
        return self._hook.fairness.left(self.namespace or "")

    def charge(self, seconds: float) -> None:
        """Charge CPU time to the namespace."""
        self._hook.fairness.charge(self.namespace or "", seconds, self.admission)


def _respond(
    environ: "WSGIEnvironment",
    start_response: "StartResponse",
    refusal: Refusal,
    retry_after: str = RETRY_AFTER,
) -> Iterable[bytes]:
    content = refusal.problem.encode() + b"\n"
    headers = _EXTRA_HEADERS.get(refusal.status, _NO_HEADERS)
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        headers = (("Retry-After", retry_after),)
    start_response(
        f"{refusal.status} {HTTPStatus(refusal.status).phrase}",
        [("Content-Type", TEXT), ("Content-Length", str(len(content))), *headers],
    )
    return (b"" if environ["REQUEST_METHOD"] == "HEAD" else content,)


def _announced_length(environ: "WSGIEnvironment") -> int:
    """Check method and headers, before anything of the body is read.

    Returns:
        The body's length in bytes.

    Raises:
        RequestRefusedError: the body is not announced as JSON of a certain length.
    """
    if environ["REQUEST_METHOD"] != "POST":
        raise RequestRefusedError(WRONG_METHOD)
    content_type = environ.get("CONTENT_TYPE", "")
    if content_type != _JSON and content_type.split(";")[0].strip().lower() != _JSON:
        raise RequestRefusedError(WRONG_TYPE)
    text = environ.get("CONTENT_LENGTH", "")
    # A chunked body has no length, and would be cut off where it reaches a limit.
    if not (text.isascii() and text.isdigit()) or "HTTP_TRANSFER_ENCODING" in environ:
        raise RequestRefusedError(LENGTH_REQUIRED)
    return int(text[:16])
