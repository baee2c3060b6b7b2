"""The app that crashes: the sixth request has it send itself SIGTERM, and it exits with code 0.

``GET /`` greets with a running count, ``GET /health`` says OK and does not count. The environment
variable ``PORT`` sets the port; it is 80 otherwise. Only the standard library is used: the image
is Python and this file.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

LIMIT = 5
"""How many requests it answers before the one that ends it."""


class Server(ThreadingHTTPServer):
    """Counts the greetings. Closing it lets requests that are being answered finish.

    Args:
        port: The port, on all interfaces; 0 for any that is free.
    """

    daemon_threads = False  # server_close() waits for the connections' threads

    def __init__(self, port: int) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._connections: set[socket.socket] = set()
        super().__init__(("", port), Handler)

    def count(self) -> int:
        """Count a greeting.

        Returns:
            How many there have been, this one included.
        """
        with self._lock:
            self._count += 1
            return self._count

    # socketserver has datagrams in the same methods' types, hence Any.
    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, and serve it in a thread of its own."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        """Close the connection and forget it."""
        with self._lock:
            self._connections.discard(request)
        super().close_request(request)

    def server_close(self) -> None:
        """Stop listening, end connections that wait for another request, wait for the rest."""
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):  # the client may be gone already
                    connection.shutdown(socket.SHUT_RD)
        super().server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection, one after another."""

    server: Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # header and body leave in one packet

    def do_GET(self) -> None:
        """Answer a GET request."""
        path = urlsplit(self.path).path
        if path == "/health":
            self._answer(HTTPStatus.OK, "OK")
        elif path == "/":
            self._greet()
        else:
            self._answer(HTTPStatus.NOT_FOUND, "Not found")

    def _greet(self) -> None:
        """Greet; beyond the limit, have this process end once the answer is on its way."""
        count = self.server.count()
        over = count > LIMIT
        say(f"Request {count}")
        self._answer(HTTPStatus.OK, f"Hello from the self-destructing app! {count}", last=over)
        if over:
            say(f"Limit of {LIMIT} requests exceeded, sending myself SIGTERM")
            os.kill(os.getpid(), signal.SIGTERM)

    def _answer(self, status: HTTPStatus, text: str, *, last: bool = False) -> None:
        """Answer with a line of text.

        Args:
            status: HTTP status.
            text: The line.
            last: Whether the connection is closed after it.
        """
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if last:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object, **__: object) -> None:
        """Say nothing of each request: the probes' would bury the greetings."""


def say(text: str) -> None:
    """Print a line at once: a container's output is read while it runs, and after its end.

    Args:
        text: The line.
    """
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        The exit code.
    """
    # Blocked in all threads, so that a signal stays pending until this one waits for it: a handler
    # can run in the moment before a thread begins to wait, which then waits on.
    stops = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    with Server(int(os.environ.get("PORT", "80"))) as server:
        # shutdown() waits for serve_forever() to end, so they cannot share a thread.
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        say(f"Listening on port {server.server_port}")
        signal.sigwait(stops)
        server.shutdown()
        serving.join()
    say("Shut down cleanly")
    return 0


if __name__ == "__main__":
    sys.exit(main())
