"""The API server's port: HTTP in front of the single-threaded core, each connection on a thread."""

import contextlib
import queue
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

from dev.simulator.errors import ApiError
from dev.simulator.http_api import Request, RestApi, Target, encode
from dev.simulator.objects import Object, labels_of, name_of, namespace_of
from dev.simulator.scheduling import RealScheduler
from dev.simulator.store import Store
from dev.simulator.tables import EventType, WatchEvent

T = TypeVar("T")
_WATCH_SECONDS = 300.0


class ApiServer:
    """Serves a cluster's API on the loopback address."""

    def __init__(self, scheduler: RealScheduler, store: Store, api: RestApi, port: int = 0) -> None:
        """Listen.

        Args:
            scheduler: the core's; every request is one step of it.
            store: to watch.
            api: answers.
            port: TCP port; 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """
        self._scheduler = scheduler
        self.store = store
        self.api = api
        self._server = _Server(("127.0.0.1", port), self)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def on_core(self, call: Callable[[], T]) -> T:
        """Have the core's thread call something, and wait for what it returns."""
        outcome: queue.SimpleQueue[T | Exception] = queue.SimpleQueue()

        def run() -> None:
            try:
                outcome.put(call())
            except Exception as error:  # noqa: BLE001 (raised again in the calling thread)
                outcome.put(error)

        self._scheduler.post(run)
        result = outcome.get()
        if isinstance(result, Exception):
            raise result
        return result


class _Server(ThreadingHTTPServer):
    """A thread for each connection; handlers find the ApiServer through it."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], owner: ApiServer) -> None:
        self.owner = owner
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = dict(self.headers.items())
        request = Request.make(self.command, self.path, headers, body)
        owner = self.server.owner
        target = owner.api.target(request.path)
        if target is not None and request.query.get("watch") in {"1", "true"}:
            self._watch(request, target)
            return
        response = owner.on_core(lambda: owner.api.answer(request))
        content = response.content
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _watch(self, request: Request, target: Target) -> None:
        """Stream changes, one JSON object a line, until the client goes or the time is up."""
        owner = self.server.owner
        events: queue.Queue[WatchEvent] = queue.Queue()
        since = request.query.get("resourceVersion")
        labels, fields = owner.api.selectors(request)

        def selected(obj: Object | None) -> bool:
            return (
                obj is not None
                and (not target.namespace or namespace_of(obj) == target.namespace)
                and (not target.name or name_of(obj) == target.name)
                and labels.matches(labels_of(obj))
                and fields(obj)
            )

        def subscribe() -> Callable[[], None]:
            if not since or since == "0":
                for obj in owner.store.select(target.resource):
                    events.put(WatchEvent(EventType.ADDED, obj, None, 0))
                return owner.store.watch(target.resource, events.put)
            return owner.store.watch(target.resource, events.put, int(since))

        self.send_response_only(200)
        self.send_header("Date", owner.api.date())
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            stop = owner.on_core(subscribe)
        except ApiError as error:
            self._chunk({"type": "ERROR", "object": error.status()})
            self.wfile.write(b"0\r\n\r\n")
            return
        seconds = float(request.query.get("timeoutSeconds") or _WATCH_SECONDS)
        try:
            with contextlib.suppress(queue.Empty, OSError):
                while True:
                    self._send_event(events.get(timeout=seconds), selected, target)
        finally:
            owner.on_core(stop)
            with contextlib.suppress(OSError):
                self.wfile.write(b"0\r\n\r\n")

    def _send_event(
        self, event: WatchEvent, selected: Callable[[Object | None], bool], target: Target
    ) -> None:
        """Write an event as the selection sees it: an object may come into it or leave it."""
        now, before = selected(event.object), selected(event.previous)
        kind = event.type
        if kind is EventType.MODIFIED and now and not before:
            kind = EventType.ADDED
        elif kind is EventType.MODIFIED and before and not now:
            kind = EventType.DELETED
        elif not now:
            return
        self._chunk({"type": str(kind), "object": target.shown(event.object)})

    def _chunk(self, body: Object) -> None:
        content = encode(body)
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def log_message(self, *_: object, **__: object) -> None:
        """Say nothing of each request."""
