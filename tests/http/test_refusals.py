"""What is refused, with which status and which short constant text."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from wsgiref.validate import validator

import pytest

from pod_diagnoser.server.deadlines import DeadlineExceededError
from pod_diagnoser.server.settings import Endpoints, Settings
from tests.http.answers import read_answer
from tests.http.inprocess import (
    INCOMPLETE,
    INTERNAL,
    JSON_TYPE,
    LENGTH_REQUIRED,
    NOT_A_REQUEST,
    NOT_FOUND,
    OVERLOADED,
    TIMED_OUT,
    TOO_LARGE,
    WRONG_METHOD,
    WRONG_TYPE,
    Hook,
    Reply,
)
from tests.http.recorded import EVERYTHING, NOW, ONE_EACH, PATHS, Recorded, recorded

each_hook = pytest.mark.parametrize("request_", ONE_EACH, ids=lambda each: each.path)
each_path = pytest.mark.parametrize("path", PATHS)

PODS_SYNC = recorded("pods-sync.crashed")
POD_DIAGNOSERS_SYNC = recorded("poddiagnosers-sync.three-crashes")


@pytest.mark.parametrize("request_", EVERYTHING, ids=lambda each: each.name)
def test_real_requests_are_answered(hook: Hook, request_: Recorded) -> None:
    """All recorded requests are answered as Metacontroller reads it, and the same each time."""
    reply = hook.post(request_.path, request_.body)
    assert reply.status == 200
    assert reply.headers["content-type"] == JSON_TYPE
    read_answer(request_.path, reply.body)
    assert hook.post(request_.path, request_.body) == reply
    assert Hook().post(request_.path, request_.body) == reply


@each_hook
def test_hooks_conform_to_wsgi(request_: Recorded) -> None:
    """They are answered before Flask, by the same rules."""
    hook = Hook()
    hook.app.wsgi_app = validator(hook.app.wsgi_app)  # type: ignore[assignment,method-assign]  # as Flask says
    environ = hook.app.test_request_context(
        request_.path, method="POST", data=request_.body, content_type=JSON_TYPE
    ).request.environ
    started: list[str] = []

    def start_response(status: str, _headers: Any, _error: Any = None) -> Callable[[bytes], object]:
        started.append(status)
        return lambda _: None

    answer = hook.app(environ, start_response)
    assert b"".join(answer) == Hook().post(request_.path, request_.body).body
    answer.close()  # type: ignore[attr-defined] # the validator's has it, and wants it called
    assert started == ["200 OK"]


NOT_REQUESTS = {
    "empty": b"",
    "blank": b" \r\n\t",
    "not JSON": b"shop/fragile-app-1",
    "form": b"object=1&related=2",
    "cut off": PODS_SYNC.body[:-1],
    "two": PODS_SYNC.body * 2,
    "null": b"null",
    "true": b"true",
    "number": b"1",
    "string": b'"object"',
    "list": b"[]",
    "empty object": b"{}",
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "NUL": b"\0",
    "BOM": b"\xef\xbb\xbf" + PODS_SYNC.body,
    "UTF-16": PODS_SYNC.body.decode().encode("utf-16"),
    "not UTF-8": b'{"object":"\xff\xfe","parent":"\xc3\x28"}',
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
    "nulls": b'{"controller":null,"object":null,"parent":null,"attachments":null,"related":null}',
    "lists": b'{"controller":[],"object":[],"parent":[],"attachments":[],"related":[]}',
    "numbers": b'{"controller":1,"object":1.5,"parent":1e400,"attachments":-1,"related":0}',
    "single quotes": b"{'object': {}}",
    "comment": b"/* */ {}",
    "trailing comma": b'{"object":{},}',
}


@each_path
@pytest.mark.parametrize("body", NOT_REQUESTS.values(), ids=NOT_REQUESTS)
def test_a_body_that_is_no_request_is_400(hook: Hook, path: str, body: bytes) -> None:
    """Not JSON, or not that of a request."""
    reply = hook.post(path, body)
    assert reply.outcome == NOT_A_REQUEST
    assert reply.headers == {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(NOT_A_REQUEST[1])),
    }


@each_path
def test_a_request_for_another_hook_is_400(hook: Hook, path: str) -> None:
    """A request that went to the wrong hook is refused, not half read."""
    for other in ONE_EACH:
        customize = path.endswith("customize")
        if other.path != path and other.path.endswith("customize") != customize:
            assert hook.post(path, other.body).outcome == NOT_A_REQUEST
    if path == "/poddiagnosers/sync":
        assert hook.post(path, PODS_SYNC.body).outcome == NOT_A_REQUEST


@pytest.mark.parametrize(
    ("request_", "group"),
    [
        (PODS_SYNC, "DiagnosisTarget.diagnostics.local.io/v1"),
        (POD_DIAGNOSERS_SYNC, "DiagnosisTarget.diagnostics.local.io/v1"),
        (POD_DIAGNOSERS_SYNC, "Pod.v1"),
    ],
    ids=lambda each: each if isinstance(each, str) else each.path,
)
def test_a_missing_group_of_related_objects_is_400(
    hook: Hook, request_: Recorded, group: str
) -> None:
    """A controller without our customize hook must not read as one without DiagnosisTargets."""
    request = request_.json
    del request["related"][group]
    assert hook.post(request_.path, json.dumps(request).encode()).outcome == NOT_A_REQUEST
    others: tuple[Any, ...] = (None, {}, [], "")
    for related in others:
        request["related"] = related
        assert hook.post(request_.path, json.dumps(request).encode()).outcome == NOT_A_REQUEST
    del request["related"]
    assert hook.post(request_.path, json.dumps(request).encode()).outcome == NOT_A_REQUEST


@each_path
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "application/json5",
        "application/json-patch+json",
        "application/jsonx; charset=utf-8",
        "; application/json",
        "text/plain, application/json",
    ],
)
def test_another_content_type_is_415(hook: Hook, path: str, content_type: str | None) -> None:
    """A body that is not announced as JSON is not read at all."""
    assert hook.post(path, b"{}", content_type).outcome == WRONG_TYPE


@each_hook
@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"]
)
def test_other_spellings_of_the_json_type_are_accepted(
    hook: Hook, request_: Recorded, content_type: str
) -> None:
    """Parameters, capitals and white space of the content type do not matter."""
    assert hook.post(request_.path, request_.body, content_type).status == 200


@each_hook
@pytest.mark.parametrize(
    "environment",
    [
        {"CONTENT_LENGTH": ""},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "+2"},
        {"CONTENT_LENGTH": "2.0"},
        {"CONTENT_LENGTH": "0x10"},
        {"CONTENT_LENGTH": "²"},
        {"CONTENT_LENGTH": "٣"},
        {"CONTENT_LENGTH": "2, 2"},
        {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
        {"HTTP_TRANSFER_ENCODING": ""},
    ],
    ids=str,
)
def test_a_body_without_its_length_is_411(
    hook: Hook, request_: Recorded, environment: dict[str, str]
) -> None:
    """No length, no number, or a chunked body, which would be cut at a limit unnoticed."""
    reply = hook.post(request_.path, request_.body, environment=environment)
    assert reply.outcome == LENGTH_REQUIRED


def test_no_length_at_all_is_411(hook: Hook) -> None:
    """A server need not put CONTENT_LENGTH into the environment."""
    reply = hook.call("POST", "/pods/sync", environment={"CONTENT_TYPE": JSON_TYPE})
    assert reply.outcome == LENGTH_REQUIRED


@each_path
@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "X"]
)
def test_another_method_is_405(hook: Hook, path: str, method: str) -> None:
    """Hooks are POSTed to; the answer says so in Allow."""
    reply = hook.call(method, path, environment={"CONTENT_TYPE": JSON_TYPE, "CONTENT_LENGTH": "0"})
    assert reply.outcome == ((405, b"") if method == "HEAD" else WRONG_METHOD)
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "X"])
def test_probes_and_metrics_are_for_get_alone(hook: Hook, path: str, method: str) -> None:
    """Any other method is 405."""
    reply = hook.call(method, path)
    assert reply.outcome == WRONG_METHOD
    assert "GET" in reply.headers["allow"]
    assert "POST" not in reply.headers["allow"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_answered(hook: Hook, path: str) -> None:
    """Liveness and readiness do no I/O, so they always succeed."""
    assert hook.call("GET", path).outcome == (200, b"ok\n")
    assert hook.call("HEAD", path).outcome == (200, b"")


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/pods",
        "/pods/",
        "/pods/sync/",
        "/pods/Sync",
        "/pods/finalize",
        "/pods/../pods/sync",
        "/pods/sync\n",
        "/pods/sync\0",
        "/static/app.py",
        "/favicon.ico",
        "/\xff\xfe",
        "/" + "a" * 8000,
    ],
)
def test_another_path_is_404(hook: Hook, path: str, method: str) -> None:
    """With whatever method."""
    reply = hook.call(method, path, environment={"CONTENT_TYPE": JSON_TYPE, "CONTENT_LENGTH": "0"})
    assert reply.outcome == ((404, b"") if method == "HEAD" else NOT_FOUND)


@pytest.mark.parametrize("path", ["//healthz", "/healthz//", "//pods/sync", "///metrics"])
def test_slashes_too_many_are_no_redirect(hook: Hook, path: str) -> None:
    """No answer sends a client elsewhere, and none repeats the path or Host."""
    reply = hook.call("GET", path, environment={"HTTP_HOST": "canary.example"})
    assert reply.status in (200, 404)
    assert b"canary" not in reply.sent
    assert "location" not in reply.headers


@pytest.mark.parametrize(
    ("endpoints", "served"),
    [
        (Endpoints.ALL, PATHS),
        (Endpoints.PODS, PATHS[:3]),
        (Endpoints.POD_DIAGNOSERS, PATHS[3:]),
    ],
)
def test_hooks_of_the_other_deployment_are_404(
    endpoints: Endpoints, served: tuple[str, ...]
) -> None:
    """A process serves the hooks of its setting, and probes and metrics always."""
    hook = Hook(Settings(endpoints=endpoints))
    for request_ in ONE_EACH:
        reply = hook.post(request_.path, request_.body)
        assert reply.outcome == NOT_FOUND if request_.path not in served else reply.status == 200
    for path in ("/healthz", "/readyz", "/metrics"):
        assert hook.call("GET", path).status == 200


class Failing:
    """A body that breaks off.

    Args:
        start: what arrives.
        error: what reading on raises; None for an end of the stream.
    """

    def __init__(self, start: bytes, error: Exception | None = None) -> None:
        self._start = io.BytesIO(start)
        self._error = error

    def read(self, size: int, /) -> bytes:
        """Read what arrived, then fail."""
        chunk = self._start.read(size)
        if not chunk and self._error is not None:
            raise self._error
        return chunk


@each_hook
@pytest.mark.parametrize("error", [None, ConnectionResetError(), TimeoutError(), OSError("lost")])
def test_a_body_that_breaks_off_is_400(
    hook: Hook, request_: Recorded, error: Exception | None
) -> None:
    """A client that goes away in the middle of its body is no failure of ours."""
    environment = {"CONTENT_TYPE": JSON_TYPE, "CONTENT_LENGTH": str(len(request_.body))}
    for start in (b"", request_.body[:100], request_.body[:-1]):
        reply = hook.call("POST", request_.path, Failing(start, error), environment)
        assert reply.outcome == INCOMPLETE


@each_hook
def test_a_body_that_does_not_arrive_is_408(request_: Recorded) -> None:
    """Reading a body is bounded in time, below the 10 seconds that Metacontroller waits."""
    bounds = []

    @contextmanager
    def deadline(seconds: float) -> Iterator[None]:
        bounds.append(seconds)
        yield
        raise DeadlineExceededError

    assert Hook(deadline=deadline).post(request_.path, request_.body).outcome == TIMED_OUT
    assert bounds == [Settings().body_timeout]
    assert 1 <= Settings().body_timeout < 10


class Meanwhile:
    """A body in the middle of whose arrival another request comes in.

    Args:
        body: the body.
        other: makes the other request.
    """

    def __init__(self, body: bytes, other: Callable[[], Reply]) -> None:
        self._halves = [body[len(body) // 2 :], body[: len(body) // 2]]
        self._other = other
        self.reply: Reply | None = None

    def read(self, _size: int, /) -> bytes:
        """Read one half, and the other after the other request was answered."""
        if len(self._halves) == 1:
            self.reply = self._other()
        return self._halves.pop() if self._halves else b""


def post_twice(hook: Hook, request_: Recorded) -> tuple[Reply, Reply]:
    """Send a request in the middle of the same one.

    Returns:
        The replies to the outer and the inner one.
    """
    environment = {"CONTENT_TYPE": JSON_TYPE, "CONTENT_LENGTH": str(len(request_.body))}
    stream = Meanwhile(request_.body, lambda: hook.post(request_.path, request_.body))
    outer = hook.call("POST", request_.path, stream, environment)
    assert stream.reply is not None
    return outer, stream.reply


@each_hook
def test_too_many_bodies_at_a_time_are_429_with_retry_after(request_: Recorded) -> None:
    """Without memory for a body Metacontroller is asked to come again, and not at once."""
    size = len(request_.body)
    held = size // 2
    hook = Hook(Settings(max_bodies=held + size))
    outer, inner = post_twice(hook, request_)
    assert (outer.status, inner.status) == (200, 200)
    hook = Hook(Settings(max_bodies=held + size - 1))
    outer, inner = post_twice(hook, request_)
    assert outer.status == 200
    assert inner.outcome == OVERLOADED
    assert int(inner.headers["retry-after"]) >= 5


@each_hook
def test_an_announced_body_reserves_no_memory(request_: Recorded) -> None:
    """Clients that announce large bodies and send nothing of them cost others nothing."""
    hook = Hook(Settings(max_bodies=len(request_.body)))
    replies: list[Reply] = []

    class Silent:
        def read(self, _size: int, /) -> bytes:
            replies.append(hook.post(request_.path, request_.body))
            return b""

    length = {"CONTENT_TYPE": JSON_TYPE, "CONTENT_LENGTH": str(Settings().max_pod_body)}
    assert hook.call("POST", request_.path, Silent(), length).outcome == INCOMPLETE
    assert [reply.status for reply in replies] == [200]


@each_hook
def test_a_body_larger_than_the_memory_budget_is_read_when_alone(request_: Recorded) -> None:
    """No request is refused each time."""
    assert Hook(Settings(max_bodies=1)).post(request_.path, request_.body).status == 200


@each_hook
def test_reserved_memory_is_released_after_any_outcome(request_: Recorded) -> None:
    """Refusals and failures leave no body counted that is gone."""
    size = len(request_.body)
    hook = Hook(Settings(max_bodies=size // 2 + size))
    environment = {"CONTENT_TYPE": JSON_TYPE, "CONTENT_LENGTH": str(size)}
    for _ in range(3):
        hook.call("POST", request_.path, Failing(b"{" * (size - 1)), environment)
        hook.call("POST", request_.path, Failing(b"{" * (size - 1), OSError()), environment)
        hook.post(request_.path, b"{" * size)
        outer, inner = post_twice(hook, request_)
        assert (outer.status, inner.status) == (200, 200)


@pytest.mark.parametrize("request_", ONE_EACH[:3], ids=lambda each: each.path)
@pytest.mark.parametrize("size", [1, 1000, 2**20])
def test_bodies_over_the_limit_are_413(request_: Recorded, size: int) -> None:
    """A body of the limit is read, one of a byte more is not, however long it says it is.

    /poddiagnosers/sync answers from the start of a larger body: test_limits.py.
    """
    limit = len(request_.body)
    hook = Hook(Settings(max_pod_body=limit))
    assert hook.post(request_.path, request_.body).status == 200
    padded = request_.body + b" " * size
    assert hook.post(request_.path, padded).outcome == TOO_LARGE
    padding = {"CONTENT_LENGTH": "1" + "0" * 30}
    assert hook.post(request_.path, request_.body, environment=padding).outcome == TOO_LARGE


def test_order_of_refusals_needs_no_body(hook: Hook) -> None:
    """Method, type and length are checked in this order, before anything of the body is read."""

    class Unread:
        def read(self, _size: int, /) -> bytes:
            pytest.fail("read a body that it refuses")

    huge = {"CONTENT_LENGTH": str(2**40)}
    json_type = {"CONTENT_TYPE": JSON_TYPE}
    for path in PATHS:
        assert hook.call("GET", path, Unread(), huge).outcome == WRONG_METHOD
        assert hook.call("POST", path, Unread(), huge).outcome == WRONG_TYPE
        assert hook.call("POST", path, Unread(), json_type).outcome == LENGTH_REQUIRED
        if path != "/poddiagnosers/sync":
            assert hook.call("POST", path, Unread(), huge | json_type).outcome == TOO_LARGE


@pytest.mark.parametrize("path", ["/pods/sync", "/poddiagnosers/sync"])
def test_an_internal_error_is_500_and_one_line_of_log(path: str) -> None:
    """An unexpected error is logged by its type and place, never by its message."""
    started = False

    def broken() -> datetime:
        if not started:
            return NOW
        message = "CANARY"
        raise LookupError(message)

    request_ = {each.path: each for each in ONE_EACH}[path]
    hook = Hook(clock=broken)
    started = True
    assert hook.post(path, request_.body).outcome == INTERNAL
    (line,) = hook.take_log()
    assert "CANARY" not in line
    entry = json.loads(line)
    assert entry["event"] == "Request failed"
    assert entry["level"] == "error"
    assert entry["endpoint"] == path
    assert entry["error"] == "LookupError"
    assert any(place.startswith("pod_diagnoser.server.endpoints:") for place in entry["places"])
    assert not any("/" in place for place in entry["places"])
    metrics = hook.call("GET", "/metrics").body.decode()
    assert f'pod_diagnoser_hook_requests_total{{endpoint="{path}",status="500"}} 1.0' in metrics


def test_refusals_are_counted_and_logged_in_one_line(hook: Hook) -> None:
    """Each refusal is a line of the log with the constant text, and a count by its status."""
    hook.post("/pods/sync", b"CANARY")
    hook.post("/pods/sync", b"CANARY", "text/CANARY")
    entries = [json.loads(line) for line in hook.take_log()]
    assert [(entry["status"], entry["problem"]) for entry in entries] == [
        (400, NOT_A_REQUEST[1].decode().strip()),
        (415, WRONG_TYPE[1].decode().strip()),
    ]
    assert {entry["level"] for entry in entries} == {"warning"}
    metrics = hook.call("GET", "/metrics").body.decode()
    for status in (400, 415):
        assert f'_hook_requests_total{{endpoint="/pods/sync",status="{status}"}} 1.0' in metrics
