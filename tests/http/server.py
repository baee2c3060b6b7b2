"""The hook as it runs in production: ``pod-diagnoser serve`` in a process of its own."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dev.local_ports import free_ports
from tests.http.inprocess import JSON_TYPE, Reply

COMMAND: Final = Path(sys.executable).with_name("pod-diagnoser")

PATIENCE: Final = 30.0
"""Seconds after which something that should have happened is held to be stuck."""


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a server: only the given variables of the hook."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("POD_DIAGNOSER_", "GUNICORN_"))
        and key not in ("PORT", "WEB_CONCURRENCY")
    }
    return kept | {"POD_DIAGNOSER_LOG_FORMAT": "json"} | dict(variables or {})


class Server:
    """A running server.

    Args:
        process: its process.
        port: the port that it listens on.
        log: the file that its standard error goes to.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self._log = log

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.connect()
        return connection

    def dial(self) -> socket.socket:
        """Open a connection for bytes of any kind."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def call(self, method: str, path: str, body: bytes = b"") -> Reply:
        """Send a request on a connection of its own."""
        connection = self.connect()
        try:
            return exchange(connection, method, path, body)
        finally:
            connection.close()

    def raw(self, sent: bytes) -> bytes:
        """Send bytes and read until the server closes the connection."""
        with self.dial() as connection:
            connection.sendall(sent)
            return read_all(connection)

    def log(self) -> list[dict[str, Any]]:
        """Return the log so far: each line has to be a JSON object by itself."""
        lines = self._log.read_bytes().decode("ascii").split("\n")
        assert lines.pop() == ""
        return [json.loads(line) for line in lines]

    def terminate(self) -> None:
        """Ask it to stop, as the kubelet does."""
        self.process.send_signal(signal.SIGTERM)


def read_all(connection: socket.socket) -> bytes:
    """Read until the other side closes the connection."""
    received = bytearray()
    while chunk := connection.recv(65536):
        received += chunk
    return bytes(received)


def exchange(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes = b"",
    content_type: str = JSON_TYPE,
) -> Reply:
    """Send a request on an open connection and read the whole answer."""
    connection.request(method, path, body, {"Content-Type": content_type})
    response = connection.getresponse()
    content = response.read()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, headers, content)


def head(
    path: str, length: int | None, *more: str, method: str = "POST", content_type: str = JSON_TYPE
) -> bytes:
    """Return the lines before a body, for a client that goes its own way with the body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Type: {content_type}", *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


@contextmanager
def serving(
    variables: Mapping[str, str] | None = None, readiness_port: int | None = None
) -> Iterator[Server]:
    """Serve while the context lasts.

    Args:
        variables: environment variables for the server.
        readiness_port: where it says that it is ready; None: where it serves hooks.

    Returns:
        The server, which answers. It is stopped at the end, by force if it has to be.
    """
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [COMMAND, "serve", "--port", str(port)],
                env=environment(variables),
                stdout=subprocess.DEVNULL,
                stderr=stream,
            )
        server = Server(process, port, log)
        try:
            _wait_until_ready(Server(process, readiness_port or port, log), log)
            yield server
            server.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()  # the worker sees that its parent is gone
            process.wait()


def _wait_until_ready(server: Server, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            assert server.call("GET", "/readyz").status == 200
        except OSError:
            assert server.process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        else:
            return
