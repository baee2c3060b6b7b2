"""SIGTERM under load: every request that was sent on an open connection is answered."""

import concurrent.futures
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pod_diagnoser.server.worker import DRAIN_SECONDS
from tests.http.answers import read_answer
from tests.http.derived import many_crashed_pods
from tests.http.inprocess import JSON_TYPE
from tests.http.recorded import ONE_EACH, Recorded, go_json, recorded
from tests.http.server import PATIENCE, Server, exchange, head, read_all, serving

CRASHED = recorded("pods-sync.crashed")

PROMPT = 12.0
"""Seconds: well over what an end takes, below gunicorn's graceful_timeout of 15."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that a test may stop."""
    with serving() as server:
        yield server


class Client:
    """A client that keeps its connection for as long as the server does, as Metacontroller's.

    Args:
        server: the server.
        request_: what to send again and again.
    """

    def __init__(self, server: Server, request_: Recorded) -> None:
        self._server = server
        self._request = request_
        self.answered = 0
        self.close_headers = 0
        self.failed: list[str] = []

    def run(self) -> None:
        """Send requests until the port is closed."""
        while (connection := self._connect()) is not None:
            self._use(connection)
            connection.close()

    def _connect(self) -> http.client.HTTPConnection | None:
        try:
            return self._server.connect()
        except OSError:
            return None  # what a Service's endpoints are for: it goes to another replica

    def _use(self, connection: http.client.HTTPConnection) -> None:
        established = False
        while True:
            try:
                reply = exchange(connection, "POST", self._request.path, self._request.body)
            except (OSError, http.client.HTTPException) as error:
                # One that was never accepted is as good as refused.
                if established:
                    self.failed.append(repr(error))
                return
            if reply.status != 200:
                self.failed.append(repr(reply.outcome))
            read_answer(self._request.path, reply.body)
            self.answered += 1
            established = True
            if reply.headers["connection"] == "close":
                self.close_headers += 1
                return


@pytest.mark.parametrize("clients", [5, 40])
def test_no_request_is_lost_when_it_is_stopped_under_load(server: Server, clients: int) -> None:
    """Each gets its answer, and the process ends with exit code 0."""
    load = [Client(server, ONE_EACH[number % len(ONE_EACH)]) for number in range(clients)]
    threads = [threading.Thread(target=client.run) for client in load]
    for thread in threads:
        thread.start()
    while any(client.answered < 3 for client in load):
        time.sleep(0.01)
    server.terminate()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert server.process.wait(PROMPT) == 0
    assert [failure for client in load for failure in client.failed] == []
    assert all(client.close_headers for client in load)
    assert not [entry for entry in server.log() if entry["level"] in ("error", "critical")]


def test_idle_connections_do_not_delay_the_end(server: Server) -> None:
    """They are closed, some time after they could still be used."""
    idle = [server.connect() for _ in range(20)]
    for connection in idle:
        assert exchange(connection, "POST", CRASHED.path, CRASHED.body).status == 200
    quiet_sockets = [server.dial() for _ in range(5)]
    partial = server.dial()
    partial.sendall(head(CRASHED.path, 10)[:20])
    terminated_at = time.monotonic()
    server.terminate()
    for connection in idle:
        assert connection.sock.recv(1) == b""
        # Not sooner; a slow machine only makes it later.
        assert time.monotonic() - terminated_at >= DRAIN_SECONDS
        connection.close()
    assert server.process.wait(PROMPT) == 0
    for other in (*quiet_sockets, partial):
        assert other.recv(1) == b""
        other.close()
    with socket.socket() as probe:  # the port is free again at once: a restart finds it
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", server.port))


def test_an_idle_connection_still_takes_a_request_at_first(server: Server) -> None:
    """A request that was on its way at SIGTERM is answered."""
    connections = [server.connect() for _ in range(20)]
    for connection in connections:
        assert exchange(connection, "GET", "/readyz").headers["connection"] == "keep-alive"
    server.terminate()
    for connection in connections:  # all at once: their time is short
        connection.request("POST", CRASHED.path, CRASHED.body, {"Content-Type": JSON_TYPE})
    for connection in connections:
        assert connection.getresponse().status == 200
        connection.close()
    assert server.process.wait(PROMPT) == 0


def listens(server: Server) -> bool:
    """Return whether new connections are accepted."""
    try:
        server.dial().close()
    except OSError:
        return False
    return True


def test_what_is_under_way_is_finished(server: Server) -> None:
    """A body that is arriving, and an answer that is debounced, are not cut off.

    Their answers say that the connection ends: a client that used it again would lose its request.
    """
    request = many_crashed_pods(300, 15_000)
    # A status that is to be written is not debounced.
    written = server.call("POST", "/poddiagnosers/sync", go_json(request))
    request["object"]["status"] = json.loads(written.body)["status"]
    storm = go_json(request)
    with concurrent.futures.ThreadPoolExecutor(1) as pool, server.dial() as slow:
        slow.sendall(head(CRASHED.path, len(CRASHED.body)) + CRASHED.body[:1000])
        for number in range(2, 11):  # a machine may be too busy to see the first ones in time
            debounced = pool.submit(server.call, "POST", "/poddiagnosers/sync", storm)
            answered = (
                f'_hook_requests_total{{endpoint="/poddiagnosers/sync",status="200"}} {number}.0'
            )
            while answered.encode() not in server.call("GET", "/metrics").body:
                time.sleep(0.1)  # the page is made ten times a second at most
            if not debounced.done():  # it was counted, and is debounced now
                break
        else:
            pytest.fail("no answer is debounced")
        server.terminate()
        while listens(server):
            time.sleep(0.05)
        slow.sendall(CRASHED.body[1000:])
        reply = debounced.result()
        received = read_all(slow)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in received
    assert reply.status == 200
    assert reply.headers["connection"] == "close"
    assert server.process.wait(PROMPT) == 0
