"""The app that crashes, as a real process: what it answers, what it prints, how it ends."""

import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "fragile-app" / "app.py"
PATIENCE = 30.0  # seconds after which something that should have happened is held to be stuck


class App:
    """A running app.

    Args:
        environment: Its environment variables; those of this process are not passed on.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        # Isolated: neither the environment's packages nor the project's, as in its image.
        self.process = subprocess.Popen(
            [sys.executable, "-I", APP],
            env=dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        listening = re.fullmatch(r"Listening on port (\d+)\n", self.process.stdout.readline())
        assert listening
        self.port = int(listening[1])

    def connect(self) -> http.client.HTTPConnection:
        """Opens a connection.

        Returns:
            The connection, open.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.connect()
        return connection

    def get(self, path: str) -> tuple[int, str]:
        """Sends a request on a connection of its own.

        Args:
            path: What is asked for.

        Returns:
            Status code and body.
        """
        connection = self.connect()
        try:
            return ask(connection, path)
        finally:
            connection.close()

    def end(self) -> tuple[int, list[str]]:
        """Waits until it has ended.

        Returns:
            Exit code, and the lines that it printed after the first.
        """
        output, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, output.splitlines()


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, str]:
    """Sends a request on an open connection.

    Args:
        connection: The connection.
        path: What is asked for.

    Returns:
        Status code and body.
    """
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read().decode()


@pytest.fixture
def app() -> Iterator[App]:
    """An app on a free port, killed if the test leaves it running."""
    running = App({"PORT": "0"})
    yield running
    running.process.kill()
    running.process.communicate()


def test_sixth_request_ends_it_with_exit_code_0(app: App) -> None:
    """Six greetings are delivered, the sixth included; then it says why it ends, and exits 0."""
    greetings = [app.get("/") for _ in range(6)]
    assert greetings == [(200, f"Hello from the self-destructing app! {n}\n") for n in range(1, 7)]
    code, lines = app.end()
    assert code == 0
    assert lines == [
        *(f"Request {n}" for n in range(1, 7)),
        "Limit of 5 requests exceeded, sending myself SIGTERM",
        "Shut down cleanly",
    ]


def test_five_requests_leave_it_running(app: App) -> None:
    """The limit is more than five; nothing else counts, so that probes never end it."""
    for _ in range(5):
        assert app.get("/")[0] == 200
    for _ in range(10):
        assert app.get("/health") == (200, "OK\n")
        assert app.get("/favicon.ico")[0] == 404
    assert app.process.poll() is None
    assert app.get("/?again") == (200, "Hello from the self-destructing app! 6\n")
    assert app.end()[0] == 0


@pytest.mark.parametrize("path", ["/healthz", "/health/", "/hello", "//x"])
def test_other_paths_are_not_found(app: App, path: str) -> None:
    """Whatever is neither the greeting nor the health check is answered with 404."""
    assert app.get(path) == (404, "Not found\n")


def test_one_connection_serves_all_requests(app: App) -> None:
    """HTTP/1.1 keeps the connection; the answer that is the last one says so."""
    connection = app.connect()
    for n in range(1, 6):
        assert ask(connection, "/") == (200, f"Hello from the self-destructing app! {n}\n")
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.getheader("Connection") == "close"
    assert response.getheader("Content-Length") == str(len(response.read()))
    connection.close()
    assert app.end()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_from_outside_ends_it_with_exit_code_0(app: App, number: signal.Signals) -> None:
    """The kubelet's SIGTERM ends it like its own, without the message about the limit."""
    assert app.get("/health")[0] == 200
    app.process.send_signal(number)
    assert app.end() == (0, ["Shut down cleanly"])


def test_idle_and_aborted_connections_do_not_hold_it_up(app: App) -> None:
    """Clients that keep their connection, or vanished with a reset, do not keep it from ending."""
    idle = app.connect()
    assert ask(idle, "/health")[0] == 200
    silent = app.connect()
    vanished = app.connect()
    assert ask(vanished, "/health")[0] == 200
    assert vanished.sock is not None
    vanished.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    vanished.close()
    app.process.send_signal(signal.SIGTERM)
    code, lines = app.end()
    assert code == 0
    assert lines[-1] == "Shut down cleanly"
    idle.close()
    silent.close()


def test_requests_at_once_are_each_counted_once(app: App) -> None:
    """Five at once get the numbers one to five."""
    bodies: list[str] = []
    threads = [threading.Thread(target=lambda: bodies.append(app.get("/")[1])) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bodies) == [f"Hello from the self-destructing app! {n}\n" for n in range(1, 6)]


def test_listens_on_port_80_unless_told_otherwise() -> None:
    """Without PORT it is 80; seen where this user may have that port."""
    try:
        with socket.create_server(("", 80)):
            pass
    except OSError as refused:
        pytest.skip(f"port 80 cannot be had here: {refused}")
    app = App({})
    app.process.terminate()
    assert app.end() == (0, ["Shut down cleanly"])
    assert app.port == 80
