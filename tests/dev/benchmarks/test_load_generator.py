"""The load generator counts answers, and refuses to count errors."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dev.benchmarks.load_generator import CONNECTIONS, AnswerError, call, drive


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what was sent; an error where the path says so."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answers."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if self.path == "/error" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keeps quiet."""


class Server(http.server.ThreadingHTTPServer):
    """Takes it that the load generator hangs up in the middle of answers."""

    def handle_error(self, *_: Any) -> None:
        """Keeps quiet."""


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server on this machine."""
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_number_of_requests_is_answered(port: int) -> None:
    """At least as many: some are under way when the last one is answered."""
    load = drive(port, "/", b"{}", requests=20)
    assert 20 <= load.requests < 20 + CONNECTIONS
    assert load.rate > 0


def test_an_answer_is_read_whole(port: int) -> None:
    """However many pieces it comes in."""
    body = b'"' + b"x" * 300_000 + b'"'
    assert call(port, "/", body) == body


def test_an_error_ends_the_measurement(port: int) -> None:
    """A fast refusal is no fast answer."""
    with pytest.raises(AnswerError, match="500"):
        drive(port, "/error", b"{}", requests=1)
