"""The transport from Metacontroller to the hook: in this process, or by HTTP."""

import http.client
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import requests

from dev.simulator.scheduling import RealScheduler, Scheduler
from dev.simulator.timing import Timing


@dataclass(frozen=True)
class Answer:
    """A hook's HTTP answer.

    Attributes:
        status: HTTP status code.
        body: the body.
        headers: their names in lower case.
        delay: seconds of virtual time that the hook took.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass(frozen=True)
class Failure:
    """No answer.

    Attributes:
        message: Go's words for it.
    """

    message: str


Outcome = Answer | Failure
Handler = Callable[[str, bytes], Answer]
"""A hook in this process: path and body in, answer out. ConnectionError means it is down."""


class Transport(Protocol):
    """Posts a request to a hook."""

    def post(self, url: str, body: bytes, timeout: float, done: Callable[[Outcome], None]) -> None:
        """Post a body as JSON and call back, on the scheduler, with the result."""


class InProcess:
    """Calls a function, with the delays of a network around it."""

    def __init__(self, scheduler: Scheduler, timing: Timing, handler: Handler) -> None:
        self.handler = handler
        self._scheduler = scheduler
        self._timing = timing

    def post(self, url: str, body: bytes, timeout: float, done: Callable[[Outcome], None]) -> None:
        """See Transport."""
        sent = self._scheduler.time()
        timed_out = Failure(
            f'Post "{url}": context deadline exceeded '
            f"(Client.Timeout exceeded while awaiting headers)"
        )

        def finish(outcome: Outcome, delay: float) -> None:
            left = sent + timeout - self._scheduler.time()
            if delay > left:
                outcome, delay = timed_out, left
            self._scheduler.call_later(delay, lambda: done(outcome))

        def arrive() -> None:
            back = self._timing.draw(self._timing.from_hook)
            try:
                answer = self.handler(urlsplit(url).path, body)
            except ConnectionError as error:
                finish(Failure(f'Post "{url}": {error}'), back)
            else:
                finish(answer, answer.delay + back)

        self._scheduler.call_later(self._timing.draw(self._timing.to_hook), arrive)


class OverHttp:
    """Posts by HTTP/1.1 with keep-alive, each request on a thread of a small pool."""

    def __init__(
        self, scheduler: RealScheduler, base: str, token: str = "", threads: int = 16
    ) -> None:
        """Make the pool.

        Args:
            scheduler: where outcomes are handed in.
            base: scheme, host and port that stand in for those of the manifest's URL.
            token: the bearer token to show; none if it is empty.
            threads: how many requests may be under way at once.
        """
        self._scheduler = scheduler
        self._base = base
        self._token = token
        self._work: queue.SimpleQueue[Callable[[requests.Session], None] | None] = (
            queue.SimpleQueue()
        )
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def post(self, url: str, body: bytes, timeout: float, done: Callable[[Outcome], None]) -> None:
        """See Transport."""
        address = self._base + urlsplit(url).path

        def send(session: requests.Session) -> None:
            outcome = _post(session, address, body, timeout)
            self._scheduler.post(lambda: done(outcome))

        self._work.put(send)

    def close(self) -> None:
        """Close the connections, once the requests that are under way have ended."""
        for _ in self._threads:
            self._work.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        session = requests.Session()
        session.trust_env = False
        session.headers.clear()
        session.headers["User-Agent"] = "Go-http-client/1.1"
        session.headers["Accept-Encoding"] = "gzip"
        if self._token:
            session.headers["Authorization"] = f"Bearer {self._token}"
        while (send := self._work.get()) is not None:
            send(session)
        session.close()


def _post(session: requests.Session, url: str, body: bytes, timeout: float) -> Outcome:
    try:
        response = session.post(
            url,
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=timeout,
            allow_redirects=False,
        )
    except (requests.RequestException, http.client.HTTPException) as error:
        return Failure(f'Post "{url}": {error}')
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, response.content, headers)
