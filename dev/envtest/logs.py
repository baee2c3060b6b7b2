"""Serve logs as a kubelet does: the API server forwards each request for a log to it.

A test chooses the answers, also ones that no kubelet would send.

Source: ``/containerLogs`` in ``pkg/kubelet/server/server.go`` of Kubernetes.
"""

import contextlib
import itertools
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from dev.envtest.client import NODES, Client
from dev.envtest.pods import NODE

Write = Callable[[str, dict[str, str]], Iterator[bytes]]
"""Gives a log piece by piece, for a path (``/containerLogs/shop/web/app``) and a query."""


class LogServer:
    """Serves the logs of the one Node's Pods; while entered, the Node's status has its address.

    Args:
        admin: writes the Node's status.
        port: where it listens, on 127.0.0.1.
        certificate: PEM file of its certificate; the API server takes any.
        key: PEM file of the key that belongs to it.

    Attributes:
        write: what gives the logs.
        requests: paths and queries so far.
        over: set when it ends, so that endless logs end, too.
    """

    def __init__(self, admin: Client, port: int, certificate: Path, key: Path) -> None:
        self.write: Write = lambda _, __: iter(())
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self._admin = admin
        self._port = port
        self._certificate, self._key = certificate, key
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        """Begin to listen, and report the port to the API server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        self._server = _Server(self._port, context, self._logs)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self._announce(self._port)
        return self

    def __exit__(self, *_: object) -> None:
        """End, and remove the port from the Node."""
        self._announce(0)
        self.over.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _announce(self, port: int) -> None:
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        self._admin.patch_status(NODES, NODE, {"status": status})

    def _logs(self, path: str, query: dict[str, str]) -> Iterator[bytes]:
        self.requests.append((path, query))
        return itertools.takewhile(lambda _: not self.over.is_set(), self.write(path, query))


class _Server(ThreadingHTTPServer):
    """A thread for each connection."""

    daemon_threads = True

    def __init__(self, port: int, context: ssl.SSLContext, write: Write) -> None:
        self.write = write
        super().__init__(("127.0.0.1", port), _Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """Log nothing: a reader may disconnect at any time."""


class _Handler(BaseHTTPRequestHandler):
    """One request; the answer ends with the connection."""

    server: _Server

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        """Send the log, until its end or until the reader disconnects."""
        url = urlsplit(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        with contextlib.suppress(OSError):
            for piece in self.server.write(url.path, dict(parse_qsl(url.query))):
                self.wfile.write(piece)
                self.wfile.flush()
