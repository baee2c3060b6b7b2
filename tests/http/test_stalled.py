"""Clients that stall in the middle of a body, while others go on."""

import contextlib
import select
import socket
import time
from collections.abc import Iterator

import pytest

from pod_diagnoser.server.logs import MAX_LINES
from tests.http.inprocess import TIMED_OUT
from tests.http.recorded import ONE_EACH, recorded
from tests.http.server import Server, exchange, head, read_all, serving

CRASHED = recorded("pods-sync.crashed")
STORM = recorded("poddiagnosers-sync.three-crashes")

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server for the tests of this file."""
    with serving() as server:
        yield server


@contextlib.contextmanager
def stalled(
    server: Server, number: int, path: str, start: bytes, length: int
) -> Iterator[list[socket.socket]]:
    """Have clients stall while the context lasts.

    Args:
        server: the server.
        number: how many.
        path: the endpoint.
        start: what they send of their bodies.
        length: how long they say the bodies are.
    """
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(number):
            connection = stack.enter_context(server.dial())
            connection.sendall(head(path, length) + start)
            connections.append(connection)
        yield connections


@pytest.fixture(scope="module", autouse=True)
def stalled_clients(server: Server) -> Iterator[list[socket.socket]]:
    """Clients that stall all the while that the tests of this file run."""
    with stalled(server, 50, CRASHED.path, CRASHED.body[:4000], len(CRASHED.body)) as connections:
        yield connections


def serve_others(server: Server) -> None:
    """Four others make 200 requests, each of which has to be answered."""
    others = [server.connect() for _ in range(4)]
    for _ in range(50 // len(ONE_EACH) + 1):
        for request_ in ONE_EACH:
            for other in others:
                assert exchange(other, "POST", request_.path, request_.body).status == 200
    for other in others:
        assert exchange(other, "GET", "/readyz").status == 200
        other.close()


@pytest.mark.parametrize(
    ("number", "path", "start", "length"),
    [
        (4, CRASHED.path, CRASHED.body[:4000], len(CRASHED.body)),
        (4, STORM.path, STORM.body[:4000], len(STORM.body)),
        (500, CRASHED.path, CRASHED.body[:4000], len(CRASHED.body)),
        (500, CRASHED.path, b"", 8 * MIB),
        (500, STORM.path, b"{", 80 * MIB),
    ],
    ids=["4 Pods", "4 PodDiagnosers", "500 Pods", "500 largest Pods", "500 largest PodDiagnosers"],
)
def test_others_are_served(
    server: Server, number: int, path: str, start: bytes, length: int
) -> None:
    """However many clients stall, and whatever they announce."""
    with stalled(server, number, path, start, length) as connections:
        serve_others(server)
        answered, _, _ = select.select(connections, [], [], 0)
        # None was sent away; on a slow machine their time may be over.
        assert all(each.recv(13) == b"HTTP/1.1 408 " for each in answered)


def test_clients_stalled_in_their_heads_delay_no_other(server: Server) -> None:
    """Before the body, in the middle of a header."""
    with contextlib.ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(server.dial()).sendall(head(CRASHED.path, 10)[:60])
        serve_others(server)


def test_a_stalled_body_is_408_and_its_connection_is_closed(
    server: Server, stalled_clients: list[socket.socket]
) -> None:
    """Also one that trickles."""
    trickle, *others = stalled_clients
    trickle.settimeout(0.2)
    end = time.monotonic() + 60
    received = b""
    while not received.endswith(TIMED_OUT[1]):
        assert time.monotonic() < end
        if not received:
            trickle.sendall(b" ")
        with contextlib.suppress(TimeoutError):
            received += trickle.recv(4096)
    assert received.startswith(b"HTTP/1.1 408 ")
    for connection in others:
        received = read_all(connection)
        assert received.startswith(b"HTTP/1.1 408 ")
        assert received.endswith(TIMED_OUT[1])
    timed_out = [entry for entry in server.log() if entry.get("status") == 408]
    assert len(timed_out) >= min(len(stalled_clients), MAX_LINES)
    assert server.call("POST", CRASHED.path, CRASHED.body).status == 200
