"""The hook under gunicorn, over real sockets: refusals, connections, logs and metrics."""

import concurrent.futures
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.http.answers import read_answer, read_sync
from tests.http.derived import many_crashed_pods
from tests.http.inprocess import (
    LENGTH_REQUIRED,
    NOT_A_REQUEST,
    NOT_FOUND,
    TOO_LARGE,
    WRONG_METHOD,
    WRONG_TYPE,
)
from tests.http.mutations import SEEDS
from tests.http.recorded import EVERYTHING, ONE_EACH, PATHS, Recorded, go_json, recorded
from tests.http.server import Server, exchange, head, read_all, serving
from tests.http.test_hostile import TRICKS, check_metrics

MIB = 1024 * 1024

CRASHED = recorded("pods-sync.crashed")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server for the tests of this file."""
    with serving() as server:
        yield server


@pytest.mark.parametrize("request_", EVERYTHING, ids=lambda each: each.name)
def test_real_requests_are_answered(server: Server, request_: Recorded) -> None:
    """All recorded requests get an answer that Metacontroller reads."""
    reply = server.call("POST", request_.path, request_.body)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    read_answer(request_.path, reply.body)


def test_a_connection_stays_open(server: Server) -> None:
    """Requests and refusals of all kinds follow each other on one connection."""
    connection = server.connect()
    before = connection.sock
    large = b" " * (9 * MIB)
    for _ in range(3):
        for request_ in ONE_EACH:
            reply = exchange(connection, "POST", request_.path, request_.body)
            assert reply.status == 200
            assert reply.headers["connection"] == "keep-alive"
            assert exchange(connection, "POST", request_.path, b"x").outcome == NOT_A_REQUEST
            assert exchange(connection, "POST", request_.path).outcome == NOT_A_REQUEST
            text = exchange(connection, "POST", request_.path, request_.body, "text/plain")
            assert text.outcome == WRONG_TYPE
            assert exchange(connection, "PUT", request_.path, b"{}").outcome == WRONG_METHOD
        assert exchange(connection, "POST", "/pods/sync", large).outcome == TOO_LARGE
        assert exchange(connection, "POST", "/poddiagnosers/sync", large).outcome == NOT_A_REQUEST
        assert exchange(connection, "HEAD", "/pods/sync").outcome == (405, b"")
        assert exchange(connection, "POST", "/elsewhere", b"{}").outcome == NOT_FOUND
        assert exchange(connection, "GET", "/healthz").outcome == (200, b"ok\n")
        assert connection.sock is before
    connection.close()


@pytest.mark.parametrize("path", PATHS)
def test_a_chunked_body_is_411(server: Server, path: str) -> None:
    """A chunked body is refused, at any size, and the connection goes on after it."""
    body = {each.path: each.body for each in ONE_EACH}[path]
    large = b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
    for chunks in (b"%x\r\n%s\r\n" % (len(body), body), large * 9, b""):
        received = server.raw(
            head(path, None, "Transfer-Encoding: chunked")
            + chunks
            + b"0\r\n\r\n"
            + head("/healthz", None, "Connection: close", method="GET")
        )
        first, second = received.split(LENGTH_REQUIRED[1])
        assert first.startswith(b"HTTP/1.1 411 ")
        assert second.startswith(b"HTTP/1.1 200 ")


def test_requests_in_one_packet_are_answered_in_turn(server: Server) -> None:
    """Pipelined requests are all answered."""
    one = head(CRASHED.path, len(CRASHED.body)) + CRASHED.body
    last = head("/healthz", None, "Connection: close", method="GET")
    received = server.raw(one * 20 + last)
    assert received.count(b"HTTP/1.1 200 OK\r\n") == 21


def test_a_client_may_ask_before_it_sends_its_body(server: Server) -> None:
    """Expect: 100-continue, as curl sends with large bodies, is answered."""
    with server.dial() as connection:
        more = ("Expect: 100-continue", "Connection: close")
        connection.sendall(head(CRASHED.path, len(CRASHED.body), *more))
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(CRASHED.body)
        assert read_all(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_body_in_small_pieces_is_read_whole(server: Server) -> None:
    """How the network cuts a body makes no difference."""
    with server.dial() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head(CRASHED.path, len(CRASHED.body), "Connection: close"))
        for start in range(0, len(CRASHED.body), 97):
            connection.sendall(CRASHED.body[start : start + 97])
        received = read_all(connection)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    read_sync(received.split(b"\r\n\r\n", 1)[1])


BROKEN = {
    "no HTTP": b"CANARY\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03CANARY\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nCANARY",
    "version": b"GET /CANARY HTTP/9.CANARY\r\n\r\n",
    "method": b"G\x00CANARY / HTTP/1.1\r\n\r\n",
    "header name": b"GET / HTTP/1.1\r\nCAN ARY: CANARY\r\n\r\n",
    "header value": b"GET / HTTP/1.1\r\nX-CANARY: CANARY\x1b[31m\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nX: a\r\n CANARY\r\n\r\n",
    "long line": b"GET /CANARY" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n",
    "many headers": b"GET /CANARY HTTP/1.1\r\n" + b"X: CANARY\r\n" * 200 + b"\r\n",
    "expectation": head("/pods/sync", 2, "Expect: CANARY") + b"{}",
    "transfer coding": head("/pods/sync", None, "Transfer-Encoding: CANARY") + b"{}",
    "two lengths": head("/pods/sync", 2, "Content-Length: 3") + b"{}",
    "length and chunked": head("/pods/sync", 2, "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "negative length": head("/pods/sync", -1),
    "length of words": head("/pods/sync", None, "Content-Length: CANARY") + b"{}",
    "chunk size": head("/pods/sync", None, "Transfer-Encoding: chunked") + b"CANARY\r\n{}\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_what_is_no_http_request_is_not_repeated(server: Server, sent: bytes) -> None:
    """Below the hook too, a refusal is a short constant text, and the log names no detail."""
    with server.dial() as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        try:
            received = read_all(connection)
        except ConnectionResetError:  # it need not read on what it has refused
            received = b""
    assert b"CANARY" not in received.upper()
    for answer in received.split(b"HTTP/1.1 ")[1:]:
        assert answer[:1] == b"4"
        body = answer.split(b"\r\n\r\n", 1)[1]
        assert body in (b"bad request\n", LENGTH_REQUIRED[1], NOT_A_REQUEST[1])
    assert "CANARY" not in json.dumps(server.log()).upper()
    assert server.call("GET", "/readyz").status == 200


def test_clients_that_go_away_are_no_failure(server: Server) -> None:
    """In a head, in a body, before the answer: others are served, and no failure is logged."""
    whole = head(CRASHED.path, len(CRASHED.body)) + CRASHED.body
    for end in (0, 1, 20, 100, 150, len(whole) - 1, len(whole)):
        for how in ("close", "reset"):
            with server.dial() as connection:
                connection.sendall(whole[:end])
                if how == "reset":
                    linger = b"\x01\0\0\0\0\0\0\0"  # struct linger: on, 0 seconds
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert server.call("POST", CRASHED.path, CRASHED.body).status == 200
    assert not [entry for entry in server.log() if entry["level"] in ("error", "critical")]


def test_many_clients_at_once_all_get_their_answers(server: Server) -> None:
    """Answers do not get mixed up between connections."""

    def client(number: int) -> None:
        connection = server.connect()
        for round_ in range(10):
            request = CRASHED.json
            name = f"pod-{number}-{round_}"
            request["object"]["status"]["containerStatuses"][0]["name"] = name
            reply = exchange(connection, "POST", CRASHED.path, go_json(request))
            answer = read_sync(reply.body)
            assert answer["annotations"]["diagnostics.local.io/container"] == name
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(client, range(20)))


def test_a_large_sync_of_a_poddiagnoser_delays_no_pod(server: Server) -> None:
    """15 MB: it succeeds, and Pods are answered while its answer is debounced."""
    body = go_json(many_crashed_pods(1000, 15_000))
    assert len(body) > 15_000_000
    done = threading.Event()
    served = 0

    def storm() -> int:
        try:
            reply = server.call("POST", "/poddiagnosers/sync", body)
        finally:
            done.set()
        assert read_sync(reply.body)["attachments"]
        return reply.status

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        status = pool.submit(storm)
        connection = server.connect()
        while not done.is_set():
            assert exchange(connection, "POST", CRASHED.path, CRASHED.body).status == 200
            served += 1
        connection.close()
        assert status.result() == 200
    assert served


def test_each_log_entry_is_one_line_of_json(server: Server) -> None:
    """Whatever is in names and reasons."""
    for trick in TRICKS.values():
        request = CRASHED.json
        status = request["object"]["status"]["containerStatuses"][0]
        status["name"] = trick
        status["lastState"]["terminated"]["reason"] = trick
        assert server.call("POST", CRASHED.path, go_json(request)).status == 200
        request["object"]["metadata"]["name"] = trick
        assert server.call("POST", CRASHED.path, go_json(request)).outcome == NOT_A_REQUEST
    entries = server.log()
    for entry in entries:
        assert {"event", "level", "timestamp"} <= entry.keys()
    assert {"Serving", "Crash diagnosed", "Request refused"} <= {each["event"] for each in entries}


def test_metrics_have_labels_of_enums_alone(server: Server) -> None:
    """After requests of all kinds the metrics name no object, path or method of theirs."""
    for request_ in SEEDS:
        request = request_.json
        (request.get("object") or request["parent"])["metadata"]["uid"] = "another"
        server.call("POST", request_.path, go_json(request))
        server.call("POST", request_.path + "/CANARY", request_.body)
        server.call("CANARY", request_.path, request_.body)
        server.call("POST", request_.path, request_.body[:-1])
    text = server.call("GET", "/metrics").body.decode()
    check_metrics(text)
    assert "CANARY" not in text
    assert "fragile" not in text
