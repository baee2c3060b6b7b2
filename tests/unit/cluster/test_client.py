"""The API calls of our own, against a real HTTP server on this machine."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pod_diagnoser.cluster import connection
from pod_diagnoser.cluster.client import (
    EVIDENCE_SECONDS,
    IDLE_NODE_REASONS,
    MAX_EVENT_LIST,
    MAX_EVENTS,
    MAX_EVENTS_OF_PODS,
    MAX_NODE_EVENTS,
    ApiClient,
    PodLogOptions,
)
from pod_diagnoser.cluster.connection import CALL_SECONDS, MAX_ANSWER, TOKEN_SECONDS
from pod_diagnoser.cluster.credentials import Credentials, in_cluster
from pod_diagnoser.cluster.errors import (
    AnswerTooLongError,
    ApiError,
    BadRequestError,
    BlockedByBudgetError,
    ConflictError,
    DeniedByPolicyError,
    ForbiddenError,
    NoAnswerError,
    NotFoundError,
    SeveralBudgetsError,
    UnauthorizedError,
)
from tests.support.builders import T0

DATE = "Mon, 23 Nov 2026 10:00:00 GMT"
POD = b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"app-1"}}'
NOT_OURS = ",reportingComponent!=diagnostics.local.io/pod-diagnoser"
NOT_IDLE = NOT_OURS + ",reason!=Scheduled,reason!=Created,reason!=Started,reason!=BackOff"
SUCCESS = b'{"kind":"Status","apiVersion":"v1","status":"Success","code":201}'


@dataclass
class Request:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """What the server is to answer with."""

    status: int = 200
    body: bytes = POD
    headers: tuple[tuple[str, str], ...] = (("Date", DATE),)
    length: int | None = None
    pieces: Iterable[bytes] | None = None
    """What is sent one by one instead of a body, without saying how long it will be."""


@dataclass
class Server:
    """An HTTP server that gives prepared answers and records requests."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    bearer: str = "token-1"
    tokens_read: int = 0
    monotonic: float = 0.0
    url: str = ""

    def read_token(self) -> str:
        """Read the token's file."""
        self.tokens_read += 1
        return self.bearer + "\n"

    def client(self, **options: Any) -> ApiClient:
        """A client of it."""
        credentials = Credentials(self.url, self.read_token, None)
        return ApiClient(credentials, lambda: self.monotonic, **options)


class Handler(BaseHTTPRequestHandler):
    """Gives the prepared answers."""

    protocol_version = "HTTP/1.1"
    server_: Server

    def answer(self) -> None:
        """Note the request, answer the next answer; the last one again and again."""
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server_.requests.append(
            Request(self.command, self.path, dict(self.headers.items()), body)
        )
        answers = self.server_.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0] if answers else Answer()
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.pieces is not None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.close_connection = True
            with suppress(OSError):  # the client has had enough
                for piece in answer.pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")
            return
        length = len(answer.body) if answer.length is None else answer.length
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(answer.body)
        if length != len(answer.body):
            self.close_connection = True

    do_GET = do_DELETE = do_POST = answer

    def log_message(self, *_: object, **__: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a port of its own."""
    made = Server()
    handler = type("Bound", (Handler,), {"server_": made})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        made.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        yield made
        http.shutdown()
        thread.join()


def read_log(cluster: ApiClient, **changes: Any) -> str:
    """Read a log, with some other options, or in some seconds."""
    seconds = changes.pop("seconds", EVIDENCE_SECONDS)
    options = replace(PodLogOptions("app", True, 5, 100_000), **changes)
    return cluster.read_log("shop", "app-1", options, seconds)


CALLS: dict[str, Callable[[ApiClient], object]] = {
    "get_pod": lambda cluster: cluster.get_pod("shop", "app-1"),
    "get_pod_diagnoser": lambda cluster: cluster.get_pod_diagnoser("shop", "diag"),
    "delete_pod": lambda cluster: cluster.delete_pod("shop", "app-1", "uid-1", "7"),
    "evict_pod": lambda cluster: cluster.evict_pod("shop", "app-1", "uid-1", "7"),
    "create_event": lambda cluster: cluster.create_event("shop", {"metadata": {"name": "x"}}),
    "list_pod_diagnosers": lambda cluster: cluster.list_pod_diagnosers(1.5),
    "list_cluster_pod_diagnosers": lambda cluster: cluster.list_cluster_pod_diagnosers(1.5),
    "get_namespace": lambda cluster: cluster.get_namespace("shop"),
    "list_events": lambda cluster: cluster.list_events("shop", "app-1", "uid-1"),
    "list_events_of_pods": lambda cluster: cluster.list_events_of_pods("shop"),
    "list_events_of_node": lambda cluster: cluster.list_events_of_node("node1"),
    "read_log": read_log,
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def error_of(call: Callable[[], object]) -> ApiError:
    """The error of a call that does not succeed."""
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value


# Requests


def test_get_pod_returns_the_object_and_the_servers_time(server: Server) -> None:
    """The object as it is, and the Date header."""
    content, at = server.client().get_pod("shop", "app-1")
    assert (content, at) == (POD, T0)
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/api/v1/namespaces/shop/pods/app-1")
    assert request.headers["Authorization"] == "Bearer token-1"
    assert request.headers["Accept"] == "application/json"


def test_get_pod_diagnoser_uses_its_api_group(server: Server) -> None:
    """Its path has the group and version of our CRD."""
    server.client().get_pod_diagnoser("shop", "diag")
    path = "/apis/diagnostics.local.io/v1/namespaces/shop/poddiagnosers/diag"
    assert server.requests[0].path == path


def test_all_poddiagnosers_are_listed_from_the_watch_cache(server: Server) -> None:
    """One call, of all namespaces, that etcd has no part in."""
    assert server.client().list_pod_diagnosers(5.0) == POD
    path = "/apis/diagnostics.local.io/v1/poddiagnosers?resourceVersion=0"
    assert [request.path for request in server.requests] == [path]


def test_a_deletion_has_its_preconditions_and_no_grace_period(server: Server) -> None:
    """The very object that was read; its own grace period applies."""
    assert server.client().delete_pod("shop", "app-1", "uid-1", "7") == T0
    (request,) = server.requests
    assert (request.method, request.path) == ("DELETE", "/api/v1/namespaces/shop/pods/app-1")
    assert request.body == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "uid-1", "resourceVersion": "7"},
    }


def test_an_eviction_has_its_preconditions_and_no_grace_period(server: Server) -> None:
    """In the subresource, with the object's name."""
    server.answers = [Answer(201, SUCCESS)]
    assert server.client().evict_pod("shop", "app-1", "uid-1", "7") == T0
    (request,) = server.requests
    assert request.path == "/api/v1/namespaces/shop/pods/app-1/eviction"
    assert request.method == "POST"
    assert request.body == {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "app-1", "namespace": "shop"},
        "deleteOptions": {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": "uid-1", "resourceVersion": "7"},
        },
    }


def test_an_event_is_created_or_known_to_exist(server: Server) -> None:
    """409 says that there is one of that name."""
    exists = b'{"reason":"AlreadyExists","details":{"name":"x","kind":"events"},"code":409}'
    server.answers = [Answer(201, b"{}"), Answer(409, exists)]
    client = server.client()
    assert client.create_event("shop", {"note": "ä"}) is True
    assert client.create_event("shop", {"note": "ä"}) is False
    assert server.requests[0].path == "/api/v1/namespaces/shop/events"
    assert server.requests[0].body == {"note": "ä"}


def query(request: Request) -> tuple[str, dict[str, str]]:
    """The path of a request, and what it asks for."""
    url = urlsplit(request.path)
    return url.path, dict(parse_qsl(url.query, strict_parsing=True, keep_blank_values=True))


def test_events_of_one_pod_are_selected_and_limited(server: Server) -> None:
    """By its uid, as kubectl does, never all in the namespace."""
    server.answers = [Answer(body=b'{"items":[]}')]
    assert server.client().list_events("shop", "app-1", "uid-1") == (b'{"items":[]}', T0)
    (request,) = server.requests
    assert request.method == "GET"
    assert query(request) == (
        "/api/v1/namespaces/shop/events",
        {
            "fieldSelector": "involvedObject.uid=uid-1,involvedObject.name=app-1" + NOT_IDLE,
            "limit": str(MAX_EVENTS),
        },
    )


def test_events_of_all_pods_are_selected_and_limited(server: Server) -> None:
    """Those of a namespace, about Pods."""
    server.answers = [Answer(body=b'{"items":[]}')]
    assert server.client().list_events_of_pods("shop") == (b'{"items":[]}', T0)
    assert query(server.requests[0]) == (
        "/api/v1/namespaces/shop/events",
        {"fieldSelector": "involvedObject.kind=Pod" + NOT_IDLE, "limit": str(MAX_EVENTS_OF_PODS)},
    )


def test_events_of_a_node_are_selected_and_limited(server: Server) -> None:
    """They are in the namespace default; those that every node has are left out."""
    server.answers = [Answer(body=b'{"items":[]}')]
    assert server.client().list_events_of_node("node1") == (b'{"items":[]}', T0)
    path, asked = query(server.requests[0])
    assert path == "/api/v1/namespaces/default/events"
    assert asked["limit"] == str(MAX_NODE_EVENTS)
    about, *left_out = asked["fieldSelector"].split(",reason!=")
    assert about == "involvedObject.kind=Node,involvedObject.name=node1" + NOT_OURS
    assert left_out == list(IDLE_NODE_REASONS)


def test_a_uid_is_escaped_in_selector_and_query(server: Server) -> None:
    """Whatever it holds, it stays one value."""
    server.client().list_events("shop", "app-1", "a,b=c\\d&limit=9#é")
    (request,) = server.requests
    assert query(request)[1] == {
        "fieldSelector": "involvedObject.uid=a\\,b\\=c\\\\d&limit\\=9#é,"
        "involvedObject.name=app-1" + NOT_IDLE,
        "limit": str(MAX_EVENTS),
    }


@pytest.mark.parametrize("previous", [True, False])
def test_a_log_is_read_from_its_last_lines_and_not_followed(
    server: Server, *, previous: bool
) -> None:
    """The API server limits lines and bytes."""
    server.answers = [Answer(body=b"last\nwords\n")]
    assert read_log(server.client(), previous=previous) == "last\nwords\n"
    (request,) = server.requests
    assert request.method == "GET"
    assert query(request) == (
        "/api/v1/namespaces/shop/pods/app-1/log",
        {
            "container": "app",
            "previous": str(previous).lower(),
            "tailLines": "5",
            "limitBytes": "100000",
            "timestamps": "false",
            "follow": "false",
        },
    )


@pytest.mark.parametrize("container", ["a&follow=true", "../x", "a b", "é", "\ud800", "a\r\nb", ""])
def test_a_containers_name_is_escaped_in_the_query(server: Server, container: str) -> None:
    """Any name is sent as a value; the API server decides whether it exists."""
    read_log(server.client(), container=container)
    path, parameters = query(server.requests[0])
    assert path == "/api/v1/namespaces/shop/pods/app-1/log"
    assert parameters["container"] == container.replace("\ud800", "?")
    assert parameters["follow"] == "false"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"", ""),
        (b"\xff\xfeA\xc3", "\ufffd\ufffdA\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"\x00\x1b[31m", "\x00\x1b[31m"),
        ("ä\r\n".encode(), "ä\r\n"),
        (b"x" * 1_000_000 + b"\n", "x" * 1_000_000 + "\n"),
    ],
    ids=["empty", "no UTF-8", "a surrogate", "control characters", "lines", "a line of 1 MB"],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_log_is_decoded_whatever_it_holds(
    server: Server, sent: bytes, text: str, *, streamed: bool
) -> None:
    """What is no UTF-8 is replaced; nothing else is changed here."""
    pieces = [sent[at : at + 10_000] for at in range(0, len(sent), 10_000)]
    server.answers = [Answer(pieces=pieces) if streamed else Answer(body=sent)]
    assert read_log(server.client(), limit_bytes=2_000_000) == text


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (
            'admission webhook "guard.example.com" denied the request: protected',
            DeniedByPolicyError,
        ),
        (
            'admission webhook "guard.example.com" denied the request without explanation',
            DeniedByPolicyError,
        ),
        (
            "ValidatingAdmissionPolicy 'guard' with binding 'b' denied request: protected",
            DeniedByPolicyError,
        ),
        (
            'pods "x" is forbidden: User "u" cannot delete resource "pods" in API group ""',
            ForbiddenError,
        ),
    ],
)
def test_a_denial_by_policy_differs_from_a_missing_permission(
    server: Server, message: str, error: type[ApiError]
) -> None:
    """Both are a 403."""
    status = {"status": "Failure", "reason": "Forbidden", "message": message, "code": 403}
    server.answers = [Answer(403, json.dumps(status).encode())]
    caught = error_of(lambda: server.client().delete_pod("shop", "app-1", "uid-1", "7"))
    assert (type(caught), caught.status) == (error, 403)


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"reason":"Conflict","details":{"name":"objects","kind":"resourcequotas"}}'],
    ids=["about nothing", "about a quota"],
)
def test_a_409_about_something_else_does_not_mean_that_the_event_exists(
    server: Server, body: bytes
) -> None:
    """A ResourceQuota that others write at the same time refuses what it counts; try again."""
    server.answers = [Answer(409, body)]
    with pytest.raises(ConflictError):
        server.client().create_event("shop", {"note": "x"})


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a?b", "A", "a%2e", "-a", "a\n", "x" * 254])
def test_a_name_that_no_object_can_have_is_not_sent(server: Server, name: str) -> None:
    """``..`` would be another path."""
    client = server.client()
    for call in (
        lambda: client.get_pod("shop", name),
        lambda: client.get_pod(name, "app-1"),
        lambda: client.delete_pod("shop", name, "u", "1"),
        lambda: client.evict_pod("shop", name, "u", "1"),
        lambda: client.create_event(name, {}),
        lambda: client.list_events(name, "app-1", "u"),
        lambda: client.list_events("shop", name, "u"),
        lambda: client.list_events_of_pods(name),
        lambda: client.list_events_of_node(name),
        lambda: client.read_log("shop", name, PodLogOptions("app", True, 1, 100)),
        lambda: client.read_log(name, "app-1", PodLogOptions("app", True, 1, 100)),
    ):
        assert type(error_of(call)) is BadRequestError
    assert server.requests == []


def test_a_server_url_may_end_with_a_slash(server: Server) -> None:
    """As people write it."""
    credentials = Credentials(server.url + "/", server.read_token, None)
    ApiClient(credentials).get_pod("shop", "app-1")
    assert server.requests[0].path == "/api/v1/namespaces/shop/pods/app-1"


# Only what is certainly done counts as done


@each_call
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304, 100 + 200])
def test_a_redirect_is_neither_followed_nor_a_success(
    server: Server, call: Callable[[ApiClient], object], status: int
) -> None:
    """The token is sent to no other server."""
    server.answers = [Answer(status, b"", (("Date", DATE), ("Location", f"{server.url}/other")))]
    assert error_of(lambda: call(server.client())).status == status
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"<html>", b"\xff\xfe", b"[" * 9999])
@pytest.mark.parametrize("name", ["delete_pod", "evict_pod"])
def test_a_200_of_something_in_between_is_no_success(
    server: Server, name: str, body: bytes
) -> None:
    """It is not known whether the call had its effect."""
    server.answers = [Answer(200, body)]
    assert type(error_of(lambda: CALLS[name](server.client()))) is NoAnswerError


def test_an_eviction_may_be_refused_with_status_201(server: Server) -> None:
    """Several budgets select the Pod: the API server says 201, and Failure in the body."""
    body = {
        "kind": "Status",
        "status": "Failure",
        "message": "This pod has more than one PodDisruptionBudget, which the eviction subresource "
        "does not support.",
        "code": 500,
    }
    server.answers = [Answer(201, json.dumps(body).encode())]
    error = error_of(lambda: CALLS["evict_pod"](server.client()))
    assert (type(error), error.status) == (SeveralBudgetsError, 500)


def test_a_blocked_eviction_is_an_error_of_its_own(server: Server) -> None:
    """As the API server answers it, with Retry-After."""
    body = {
        "kind": "Status",
        "status": "Failure",
        "reason": "TooManyRequests",
        "details": {
            "causes": [{"reason": "DisruptionBudget", "message": "The disruption budget web …"}],
            "retryAfterSeconds": 10,
        },
        "code": 429,
    }
    headers = (("Date", DATE), ("Retry-After", "10"))
    server.answers = [Answer(429, json.dumps(body).encode(), headers)]
    error = error_of(lambda: CALLS["evict_pod"](server.client()))
    assert (type(error), error.retry_after) == (BlockedByBudgetError, 10.0)


def test_an_error_has_the_kind_and_time_of_the_answer(server: Server) -> None:
    """A 404 of the API server names the kind; one of a proxy does not."""
    body = {"kind": "Status", "reason": "NotFound", "details": {"name": "app-1", "kind": "pods"}}
    server.answers = [Answer(404, json.dumps(body).encode()), Answer(404, b"not here")]
    client = server.client()
    error = error_of(lambda: client.get_pod("shop", "app-1"))
    assert (type(error), error.kind, error.at) == (NotFoundError, "pods", T0)
    error = error_of(lambda: client.get_pod("shop", "app-1"))
    assert (type(error), error.kind) == (NotFoundError, "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"details":[]}',
        b'{"details":{"causes":{}}}',
        b'{"details":{"causes":[]}}',
        b'{"details":{"causes":[7]}}',
        b'{"details":{"causes":[{}],"kind":null}}',
        b"[" * 100_000,
    ],
)
@each_call
def test_an_error_needs_no_readable_body(
    server: Server, call: Callable[[ApiClient], object], body: bytes
) -> None:
    """The status is what counts."""
    server.answers = [Answer(503, body)]
    assert error_of(lambda: call(server.client())).status == 503


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("0", 0.0), ("99999999999999", 300.0), ("", None), ("-1", None), (DATE, None)],
)
def test_retry_after_is_read_and_bounded(server: Server, text: str, seconds: float | None) -> None:
    """Whole seconds, five minutes at most."""
    server.answers = [Answer(429, b"", (("Date", DATE), ("Retry-After", text)))]
    assert error_of(lambda: CALLS["get_pod"](server.client())).retry_after == seconds


@pytest.mark.parametrize(
    "headers", [(), (("Date", "now"),), (("Date", ""),), (("Date", "Mon, 99 Nov 2026"),)], ids=str
)
@pytest.mark.parametrize("status", [200, 404, 409])
def test_an_answer_without_a_plausible_date_is_no_answer(
    server: Server, status: int, headers: tuple[tuple[str, str], ...]
) -> None:
    """It is not the API server's."""
    server.answers = [Answer(status, POD, headers)]
    assert type(error_of(lambda: CALLS["delete_pod"](server.client()))) is NoAnswerError


@pytest.mark.parametrize("hours", [-12, 0, 5])
def test_a_date_is_read_with_its_offset(server: Server, hours: int) -> None:
    """Whatever this machine's time zone is; one without an offset is in UTC."""
    date = format_datetime(T0.astimezone(timezone(timedelta(hours=hours))))
    server.answers = [Answer(headers=(("Date", date),)), Answer(headers=(("Date", DATE[:-4]),))]
    client = server.client()
    assert client.get_pod("shop", "app-1")[1] == T0
    assert client.get_pod("shop", "app-1")[1] == datetime(2026, 11, 23, 10, tzinfo=UTC)


# The token


def test_the_token_is_read_again_each_minute(server: Server) -> None:
    """The kubelet renews it."""
    client = server.client()
    for at, token in ((0.0, "token-1"), (TOKEN_SECONDS - 1, "token-1"), (TOKEN_SECONDS, "token-2")):
        server.monotonic = at
        client.get_pod("shop", "app-1")
        assert server.requests[-1].headers["Authorization"] == f"Bearer {token}"
        server.bearer = "token-2"
    assert server.tokens_read == 2


def test_a_renewed_token_is_used_at_once_after_a_401(server: Server) -> None:
    """One more call, with the new token, succeeds."""
    client = server.client()
    client.get_pod("shop", "app-1")
    server.bearer, server.answers = "token-2", [Answer(401, b""), Answer()]
    assert client.delete_pod("shop", "app-1", "u", "1") == T0
    shown = [request.headers["Authorization"] for request in server.requests]
    assert shown == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]
    assert client.calls == 3


def test_a_token_that_is_not_accepted_is_sent_once(server: Server) -> None:
    """Where its file holds the same one, a second call would fail too."""
    server.answers = [Answer(401, b"")]
    assert type(error_of(lambda: CALLS["get_pod"](server.client()))) is UnauthorizedError
    assert len(server.requests) == 1
    assert server.tokens_read == 2


@pytest.mark.parametrize("problem", [FileNotFoundError(), PermissionError(), None])
def test_without_a_token_no_call_is_made(server: Server, problem: OSError | None) -> None:
    """A missing or empty file: certainly nothing was done."""

    def read() -> str:
        if problem:
            raise problem
        return " \n"

    client = ApiClient(Credentials(server.url, read, None))
    assert type(error_of(lambda: client.delete_pod("shop", "app-1", "u", "1"))) is UnauthorizedError
    assert server.requests == []


@pytest.mark.parametrize("token", ["a\nb", "ä€"])
def test_a_malformed_token_is_an_api_error(server: Server, token: str) -> None:
    """Whatever the file holds."""
    server.bearer = token
    error = error_of(lambda: CALLS["get_pod"](server.client()))
    assert error.status in (None, 401)
    assert server.requests == []


def test_proxies_netrc_and_ca_bundles_of_the_environment_are_ignored(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """None of them may get or replace our token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none"))
    server.client().get_pod("shop", "app-1")
    assert server.requests[0].headers["Authorization"] == "Bearer token-1"


def test_cookies_are_not_kept(server: Server) -> None:
    """A call does not depend on another."""
    server.answers = [Answer(headers=(("Date", DATE), ("Set-Cookie", "a=b")))]
    client = server.client()
    client.get_pod("shop", "app-1")
    client.get_pod("shop", "app-1")
    assert "Cookie" not in server.requests[1].headers


# Bounded


@each_call
def test_a_refused_connection_is_no_answer(call: Callable[[ApiClient], object]) -> None:
    """For every call."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    client = ApiClient(Credentials(f"http://127.0.0.1:{port}", lambda: "t", None))
    assert type(error_of(lambda: call(client))) is NoAnswerError


@each_call
def test_a_server_that_hangs_is_no_answer(
    call: Callable[[ApiClient], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts and sends nothing; with a shorter time limit than in production."""
    monkeypatch.setattr(connection, "READ_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        client = ApiClient(Credentials(f"http://127.0.0.1:{port}", lambda: "t", None))
        assert type(error_of(lambda: call(client))) is NoAnswerError


def test_the_time_limits_allow_an_answer_within_eight_seconds() -> None:
    """A call as a whole, and its parts."""
    assert connection.CONNECT_SECONDS + connection.READ_SECONDS <= CALL_SECONDS == 4.0


@each_call
def test_a_connection_that_breaks_is_no_answer(
    server: Server, call: Callable[[ApiClient], object]
) -> None:
    """In the middle of the body, whatever the status was."""
    server.answers = [Answer(body=POD, length=len(POD) + 10)]
    assert type(error_of(lambda: call(server.client()))) is NoAnswerError


def test_an_answer_that_is_too_long_is_not_read_to_its_end(server: Server) -> None:
    """It must not fill the memory."""
    server.answers = [Answer(body=b" " * (MAX_ANSWER + 1))]
    assert type(error_of(lambda: CALLS["get_pod"](server.client()))) is AnswerTooLongError


def test_a_log_beyond_its_limit_is_too_long(server: Server) -> None:
    """The server was sent the limit, and exceeded it."""
    server.answers = [Answer(pieces=repeat(b"again\n" * 1000))]
    error = error_of(lambda: read_log(server.client(), limit_bytes=50_000))
    assert isinstance(error, AnswerTooLongError)


def test_a_log_of_just_its_limit_is_returned(server: Server) -> None:
    """One byte more is too long."""
    server.answers = [Answer(body=b"x" * 1000)]
    assert read_log(server.client(), limit_bytes=1000) == "x" * 1000
    server.answers = [Answer(body=b"x" * 1001)]
    assert isinstance(
        error_of(lambda: read_log(server.client(), limit_bytes=1000)), AnswerTooLongError
    )


def test_a_list_beyond_its_limit_is_too_long(server: Server) -> None:
    """An error about this one Pod, not about the API server."""
    server.answers = [Answer(pieces=repeat(b" " * 100_000))]
    error = error_of(lambda: CALLS["list_events"](server.client()))
    assert isinstance(error, AnswerTooLongError)
    server.answers = [Answer(body=b" " * MAX_EVENT_LIST)]
    assert len(server.client().list_events("shop", "app-1", "u")[0]) == MAX_EVENT_LIST


def drip(seconds: float) -> Iterator[bytes]:
    """A byte at a time, soon enough for each."""
    while True:
        time.sleep(seconds)
        yield b"x"


@pytest.mark.parametrize(
    "call",
    [
        lambda cluster: cluster.list_events("shop", "app-1", "u", seconds=0.2),
        partial(read_log, seconds=0.2),
    ],
    ids=["list_events", "read_log"],
)
def test_a_body_that_comes_byte_by_byte_is_no_answer(
    server: Server, call: Callable[[ApiClient], object]
) -> None:
    """Also where nothing else bounds the time as a whole."""
    server.answers = [Answer(pieces=drip(0.02))]
    client = ApiClient(Credentials(server.url, server.read_token, None))
    error = error_of(lambda: call(client))
    assert type(error) is NoAnswerError


def test_reads_of_evidence_have_less_time_than_other_calls() -> None:
    """A Pod's sync waits for them."""
    assert EVIDENCE_SECONDS <= 1.5 < CALL_SECONDS


@pytest.mark.parametrize("name", ["list_events", "read_log"])
def test_errors_of_reads_of_evidence_have_status_and_retry_after(server: Server, name: str) -> None:
    """The circuit breaker needs both."""
    server.answers = [
        Answer(403, b"{}"),
        Answer(429, b"{}", (("Date", DATE), ("Retry-After", "7"))),
        Answer(400, b'{"kind":"Status","message":"previous terminated container not found"}'),
    ]
    client = server.client()
    found = [error_of(lambda: CALLS[name](client)) for _ in range(3)]
    assert [(error.status, error.retry_after) for error in found] == [
        (403, None),
        (429, 7.0),
        (400, None),
    ]


TRICKLE = """
from gevent import monkey
monkey.patch_all()
import socket, time
import gevent
from pod_diagnoser.cluster import connection
from pod_diagnoser.cluster.client import ApiClient
from pod_diagnoser.cluster.credentials import Credentials
from pod_diagnoser.cluster.errors import ApiError
from pod_diagnoser.server.deadlines import Deadlines, call_deadline

connection.CALL_SECONDS = 0.3

def trickle(connection):
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\n")
    for _ in range(600):
        gevent.sleep(0.1)
        connection.sendall(b"x")

def serve(listening):
    while True:
        gevent.spawn(trickle, listening.accept()[0])

listening = socket.create_server(("127.0.0.1", 0))
gevent.spawn(serve, listening)
url = "http://127.0.0.1:%d" % listening.getsockname()[1]
credentials = Credentials(url, lambda: "t", None)
client = ApiClient(credentials, deadline=call_deadline(Deadlines()))
begun = time.monotonic()
try:
    client.CALL
except ApiError as error:
    print(error, time.monotonic() - begun < 20)
"""


@pytest.mark.parametrize(
    "call", ['get_pod("shop", "app-1")', 'list_events("shop", "app-1", "u", seconds=0.3)']
)
def test_a_server_that_sends_byte_by_byte_is_no_answer(call: str) -> None:
    """As the hook runs in production, with gevent: a call is bounded as a whole."""
    done = subprocess.run(
        [sys.executable, "-c", TRICKLE.replace("CALL\n", f"{call}\n")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert done.stdout == "no answer True\n"


# Where the API server is


def test_a_pod_finds_the_api_server_in_its_environment(tmp_path: Path) -> None:
    """Address from the variables, token and CA from the mounted folder."""
    (tmp_path / "token").write_text("t")
    found = in_cluster(
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}, tmp_path
    )
    assert found is not None
    assert (found.server, found.ca) == ("https://10.0.0.1:6443", str(tmp_path / "ca.crt"))
    assert found.token() == "t"
    six = in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path)
    assert six is not None
    assert six.server == "https://[fd00::1]:443"


def test_outside_a_pod_no_api_server_is_found(tmp_path: Path) -> None:
    """No variables, or no token."""
    assert in_cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path) is None
    (tmp_path / "token").write_text("t")
    assert in_cluster({}, tmp_path) is None
