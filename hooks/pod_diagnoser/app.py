"""The hook over HTTP: bounds and refusals around the pure core, and nothing of it decided here."""

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from pod_diagnoser.auth import Tokens
from pod_diagnoser.bodies import (
    BodyIncompleteError,
    BodyTimeoutError,
    Deadline,
    Readable,
    Room,
    Share,
    TooManyBodiesError,
    read_body,
)
from pod_diagnoser.cluster import Cluster
from pod_diagnoser.evidence import Gatherer
from pod_diagnoser.gathering import api_server, connect_gatherer
from pod_diagnoser.phases import is_known
from pod_diagnoser.protocol import (
    Answer,
    CustomizeAnswer,
    CustomizeRequest,
    PodDiagnoserSyncRequest,
    PodSyncRequest,
    SyncAnswer,
    essence,
    half_written,
    read_start,
    steady_start,
    uneventful,
)
from pod_diagnoser.reconciling import (
    customize_pod,
    customize_pod_diagnoser,
    observe,
    sync_pod,
    sync_pod_diagnoser,
)
from pod_diagnoser.remediator import Remediator
from pod_diagnoser.settings import Endpoints, Settings
from pod_diagnoser.telemetry import Telemetry, configure_logs
from pod_diagnoser.worker import Deadlines

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

RETRY_AFTER: Final = "5"
"""Seconds. Metacontroller asks again then, quietly; a 429 without it is a hot loop."""

HOLD_FACTOR: Final = 9
"""An answer for a PodDiagnoser is held for so many times the time that it took."""

ANSWER_SECONDS: Final = 2.5
"""No answer is held for longer than so many seconds since its body was there."""

_NOTHING_EXTRA: Final[tuple[tuple[str, str], ...]] = ()
_EXTRA_HEADERS: Final = {
    401: (("WWW-Authenticate", "Bearer"),),
    405: (("Allow", "POST"),),
    429: (("Retry-After", RETRY_AFTER),),
}

_EMPTY: Final = SyncAnswer()

_JSON: Final = "application/json"
_TEXT: Final = "text/plain; charset=utf-8"


class Refusal(Exception):  # noqa: N818 (an answer, not an error of ours)
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


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Return the time now, in UTC."""


def utc_now() -> datetime:
    """Tell the time.

    Returns:
        The time now, in UTC.
    """
    return datetime.now(UTC)


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

    answer: Answer
    may_hold: bool = False


Handler = Callable[[Body], Reply]
"""From a body to the answer."""


def create_app(  # noqa: PLR0913 (its parts, each of which a test may replace)
    settings: Settings | None = None,
    *,
    clock: Clock = utc_now,
    sleep: Callable[[float], None] = time.sleep,
    deadline: Deadline | None = None,
    remediator: Remediator | None = None,
    gatherer: Gatherer | None = None,
) -> Flask:
    """Put the hook together: the one place where its parts meet.

    Args:
        settings: the settings; None reads them from the environment.
        clock: tells the time, in UTC.
        sleep: waits for a number of seconds.
        deadline: bounds the time for reading a body; None does so where gevent serves.
        remediator: does what is to be done in the cluster; None makes one where the settings or
            the Pod in which this runs tell of an API server.
        gatherer: asks for Events and logs; None makes one where the settings allow it.

    Returns:
        The WSGI application.

    Raises:
        pod_diagnoser.settings.SettingsError: the environment holds a setting that cannot be.
    """
    if settings is None:
        settings = Settings.from_environment(os.environ)
        configure_logs(settings.log_level, settings.log_format)
    telemetry = Telemetry(CollectorRegistry())
    deadline = deadline or Deadlines()
    if remediator is None:
        remediator = _connect(settings, clock, deadline, telemetry)
    if gatherer is None:
        gatherer = connect_gatherer(settings, os.environ, call_deadline(deadline))
    tokens = None
    if settings.token_folder is not None:
        tokens = Tokens(settings.token_folder, sleep=sleep)
    hooks: list[_Hook] = []
    if settings.endpoints in (Endpoints.ALL, Endpoints.PODS):
        hooks += [
            _Hook("/pods/customize", partial(_customize, customize_pod), settings.max_pod_body),
            _Hook(
                "/pods/sync",
                partial(_sync_pod, clock, telemetry, gatherer, tokens is not None),
                settings.max_pod_body,
            ),
        ]
    if settings.endpoints in (Endpoints.ALL, Endpoints.POD_DIAGNOSERS):
        hooks += [
            _Hook(
                "/poddiagnosers/customize",
                partial(_customize, customize_pod_diagnoser),
                settings.max_pod_body,
            ),
            _Hook(
                "/poddiagnosers/sync",
                partial(_sync_pod_diagnoser, clock, telemetry, remediator, settings.max_related),
                settings.max_pod_diagnoser_body,
                reads_start=True,
            ),
        ]
    edge = _Edge(
        hooks,
        settings,
        telemetry,
        tokens=tokens,
        sleep=sleep,
        deadline=deadline,
    )
    app = _App(edge)
    app.add_url_rule("/healthz", endpoint="healthz", view_func=_healthy)
    app.add_url_rule("/readyz", endpoint="readyz", view_func=_healthy)
    app.add_url_rule("/metrics", endpoint="metrics", view_func=partial(_metrics, telemetry))
    app.register_error_handler(HTTPException, _refuse_unknown)
    telemetry.started(
        settings.endpoints.value,
        authenticated=tokens is not None,
        connected=remediator is not None,
    )
    return app


def _connect(
    settings: Settings, clock: Clock, deadline: Deadline, telemetry: Telemetry
) -> Remediator | None:
    """Find the API server, for a process that serves PodDiagnosers."""
    if settings.endpoints is Endpoints.PODS:
        return None
    credentials = api_server(settings, os.environ)
    if credentials is None:
        return None
    cluster = Cluster(credentials, deadline=call_deadline(deadline))
    instance = socket.gethostname()
    return Remediator(cluster, clock, instance, dropped=telemetry.dropped_event)


def call_deadline(deadline: Deadline) -> Callable[[float], AbstractContextManager[None]]:
    """Bound the time of a call to the API server as that of reading a body is bounded.

    Args:
        deadline: bounds the time for reading a body.

    Returns:
        Makes a context that raises TimeoutError in it after a number of seconds.
    """

    @contextmanager
    def bounded(seconds: float) -> Iterator[None]:
        try:
            with deadline(seconds):
                yield
        except BodyTimeoutError:
            raise TimeoutError from None

    return bounded


class _App(Flask):
    """Flask, with the hooks in front of it.

    A request of Metacontroller has one of four paths and no cookies, sessions or URL parameters:
    what Flask does to find that out costs as much as reading the Pod does. Everything else that is
    asked of the process takes Flask's way.
    """

    def __init__(self, edge: "_Edge") -> None:
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


def _healthy() -> Response:
    """Answer a probe. It does no I/O: an outage of the API server must not unready the hook."""
    return Response("ok\n", mimetype="text/plain")


def _metrics(telemetry: Telemetry) -> Response:
    return Response(generate_latest(telemetry.registry), content_type=CONTENT_TYPE_LATEST)


def _refuse_unknown(error: HTTPException) -> Response:
    """Answer a path or method that there is not, without repeating it."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    allowed = getattr(error, "valid_methods", None)
    return Response(
        f"{status.phrase.lower()}\n",
        status=status,
        headers={"Allow": ", ".join(sorted(allowed))} if allowed else {},
        content_type=_TEXT,
    )


def _customize(hook: Callable[[CustomizeRequest], CustomizeAnswer], body: Body) -> Reply:
    return Reply(hook(CustomizeRequest.model_validate_json(body.content)))


def _sync_pod(
    clock: Clock,
    telemetry: Telemetry,
    gatherer: Gatherer | None,
    confidential: bool,  # noqa: FBT001 (bound by position, once)
    body: Body,
) -> Reply:
    if uneventful(body.content):
        return Reply(_EMPTY)
    sync_request = PodSyncRequest.model_validate_json(essence(body.content))
    result = sync_pod(sync_request, clock(), confidential=confidential)
    if result.wanted is not None and gatherer is not None:
        gathered = gatherer.gather(result.wanted)
        telemetry.gathered(gathered.events)
        result = sync_pod(sync_request, clock(), gathered, confidential=confidential)
    for diagnosis in result.first_seen:
        telemetry.diagnosed(sync_request.object.metadata, diagnosis)
    return Reply(result.answer)


def _sync_pod_diagnoser(
    clock: Clock,
    telemetry: Telemetry,
    remediator: Remediator | None,
    max_related: int,
    body: Body,
) -> Reply:
    content = steady_start(body.content, max_related)
    complete = body.complete and len(content) == len(body.content)
    if complete:
        sync_request = PodDiagnoserSyncRequest.model_validate_json(essence(content))
    else:
        start = read_start(essence(content))
        if start is None:
            raise Refusal(*TOO_LARGE)
        sync_request = start
    observed = observe(sync_request, complete=complete, half_written=half_written(content))
    if remediator is None:
        result = sync_pod_diagnoser(observed, clock())
    else:
        result = remediator.sync(observed)
    if result.status_changed and not is_known(observed.diagnoser.spec.remediationAction):
        telemetry.unknown_action(observed.diagnoser.metadata)
    return Reply(result.answer, may_hold=not result.pressing)


@dataclass(frozen=True, slots=True)
class _Hook:
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


class _Edge:
    """What every hook has around it."""

    def __init__(  # noqa: PLR0913 (all that bounds a request)
        self,
        hooks: Iterable[_Hook],
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
        self._room = Room(settings.max_bodies)

    def answer(
        self, hook: _Hook, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request, or refuse it with a constant text."""
        status, content_type, extra = "200 OK", _JSON, _NOTHING_EXTRA
        try:
            content = self._answer(hook, environ)
        except Refusal as refusal:
            self._telemetry.refused(hook.path, refusal.status, refusal.problem)
            status = f"{refusal.status} {HTTPStatus(refusal.status).phrase}"
            content, content_type = refusal.problem.encode() + b"\n", _TEXT
            extra = _EXTRA_HEADERS.get(refusal.status, _NOTHING_EXTRA)
        except Exception as error:  # noqa: BLE001 (the last resort: say so, and nothing of it)
            self._telemetry.failed(hook.path, error)
            status = "500 Internal Server Error"
            content, content_type = INTERNAL[1].encode() + b"\n", _TEXT
        start_response(
            status,
            [("Content-Type", content_type), ("Content-Length", str(len(content))), *extra],
        )
        return (b"" if environ["REQUEST_METHOD"] == "HEAD" else content,)

    def _answer(self, hook: _Hook, environ: "WSGIEnvironment") -> bytes:
        if self._tokens is not None and not self._tokens.allow(
            environ.get("HTTP_AUTHORIZATION", "")
        ):
            raise Refusal(*UNAUTHORIZED)
        length = _announced_length(environ)
        if length > hook.limit and not hook.reads_start:
            raise Refusal(*TOO_LARGE)
        try:
            with self._room.share() as share:
                content = self._read(environ["wsgi.input"], length, hook.limit, share)
                begun = time.perf_counter()
                reply = hook.handler(Body(content, length <= hook.limit))
                encoded = reply.answer.encode()
                taken = time.perf_counter() - begun
                del content
        except TooManyBodiesError:
            raise Refusal(*OVERLOADED) from None
        except ValidationError:
            raise Refusal(*NOT_A_REQUEST) from None
        self._telemetry.answered(hook.path, HTTPStatus.OK, taken)
        if reply.may_hold and taken < ANSWER_SECONDS:
            self._sleep(min(HOLD_FACTOR * taken, self._settings.max_hold, ANSWER_SECONDS - taken))
        return encoded

    def _read(self, stream: Readable, length: int, limit: int, share: Share) -> bytes:
        try:
            with self._deadline(self._settings.body_timeout):
                return read_body(stream, length, limit, share)
        except BodyTimeoutError:
            raise Refusal(*TIMED_OUT) from None
        except (BodyIncompleteError, OSError):
            raise Refusal(*INCOMPLETE) from None


def _announced_length(environment: "WSGIEnvironment") -> int:
    """Check method and headers, before anything of the body is read.

    Returns:
        The body's length in bytes.

    Raises:
        Refusal: the body is not announced as JSON of a certain length.
    """
    if environment["REQUEST_METHOD"] != "POST":
        raise Refusal(*WRONG_METHOD)
    content_type = environment.get("CONTENT_TYPE", "")
    if content_type != _JSON and content_type.split(";")[0].strip().lower() != _JSON:
        raise Refusal(*WRONG_TYPE)
    text = environment.get("CONTENT_LENGTH", "")
    # A chunked body has no length, and would be cut off silently where it reaches a limit.
    if not (text.isascii() and text.isdigit()) or "HTTP_TRANSFER_ENCODING" in environment:
        raise Refusal(*LENGTH_REQUIRED)
    return int(text[:16])
