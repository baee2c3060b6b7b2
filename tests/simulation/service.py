"""The real hook in this process: replicas that run side by side and may be killed at any moment.

Each request runs in a greenlet, as under gunicorn with gevent, which is suspended at each call of
the API server: the cluster may change between any two calls of the hook.
"""

import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol
from unittest import mock
from urllib.parse import urlsplit

import requests
from greenlet import getcurrent, greenlet
from pydantic import ValidationError
from pydantic_core import from_json

from dev.simulator.http_api import Request, Response, RestApi
from dev.simulator.scheduling import Clock, Scheduler
from dev.simulator.timing import Timing
from dev.simulator.webhooks import Answer, Failure, Outcome
from pod_diagnoser.api.raw_request import find_namespace
from pod_diagnoser.api.time import whole_seconds
from pod_diagnoser.cluster import (
    circuit_breaker,
    coalescing,
    shared_reads,
    slots,
)
from pod_diagnoser.cluster.client import ApiClient
from pod_diagnoser.cluster.connection import error_of
from pod_diagnoser.cluster.errors import ApiError, NoAnswerError
from pod_diagnoser.cluster.evidence import ApiEvidenceFetcher
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.pods.recall import Recalls
from pod_diagnoser.server import gateway
from pod_diagnoser.server.endpoints import PodDiagnoserEndpoints, PodEndpoints
from pod_diagnoser.server.fairness import PODDIAGNOSERS_RATE, Fairness
from pod_diagnoser.server.settings import Settings
from tests.simulation.faults import Faults
from tests.simulation.trace import Trace

SECONDS_PER_BYTE = 27e-9
MAX_DEBOUNCE = 2.0
"""The hook debounces an answer for a PodDiagnoser by how long it took to work out, at most 2 s.
Here that time must not depend on this machine, so it is computed from the request's size."""

REFUSABLE = ("/pods/sync", "/poddiagnosers/sync")
"""Whose requests may be refused for what their namespace has used."""

MAX_REQUESTS = 8
"""Of one process at a time; more are answered 429."""

_AGENT = {"user-agent": "pod-diagnoser", "content-type": "application/json"}


class Watcher(Protocol):
    """Looks at what the hook is incoming and does."""

    def calling(self, incoming: "Incoming", request: Request) -> None:
        """A call of the hook is about to be executed."""

    def called(self, incoming: "Incoming", request: Request, response: Response) -> None:
        """A call of the hook was executed."""

    def answered(self, incoming: "Incoming", status: int, error: Exception | None) -> None:
        """The hook has answered."""

    def refused(self, namespace: str, used: float, retry_after: int) -> None:
        """The hook has refused a request, for the CPU time that its namespace has used."""


@dataclass
class Incoming:
    """A request to the hook.

    Attributes:
        process: which process answers it.
        path: its path.
        body: its body.
        since: when it came, in virtual seconds.
        sent: when the call that is under way was sent.
        late: whether its effect comes after the hook has given up.
    """

    process: "Process"
    path: str
    body: bytes
    since: float
    sent: float = 0.0
    late: bool = False
    _parent: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def about(self) -> str:
        """Name and version of the object that it is about."""
        metadata = self.parent["metadata"]
        return f"{metadata['name']} v{metadata['resourceVersion']}"

    @property
    def parent(self) -> dict[str, Any]:
        """The object that it is about."""
        if self._parent is None:
            document = from_json(self.body)
            self._parent = document.get("object") or document["parent"]
        return self._parent


@dataclass(frozen=True, slots=True)
class _Sleep:
    seconds: float


@dataclass(frozen=True, slots=True)
class _Call:
    request: Request


class _Killed(BaseException):
    """The process has ended."""


class SimulatedApiClient(ApiClient):
    """The hook's client, connected to the simulator's REST API: each call takes its time."""

    def __init__(self) -> None:
        self.calls = 0

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        **_: object,
    ) -> tuple[bytes, datetime]:
        self.calls += 1
        content = b"" if body is None else json.dumps(body).encode()
        answer = _suspend(_Call(Request.make(method, path, _AGENT, content)))
        if isinstance(answer, ApiError):
            raise answer
        found: tuple[bytes, datetime] = answer
        return found


def _suspend(step: _Call | _Sleep) -> Any:
    hub = getcurrent().parent
    assert hub is not None
    return hub.switch(step)


class _Lock:
    """threading's locks, for greenlets that the simulation's scheduler runs."""

    def __init__(self, value: int = 1) -> None:
        self._left = value

    def acquire(self, timeout: float = 60.0) -> bool:
        """Take it, or wait for it."""
        while self._left <= 0:
            if timeout <= 0:
                return False
            _suspend(_Sleep(0.01))
            timeout -= 0.01
        self._left -= 1
        return True

    def release(self) -> None:
        """Give it back."""
        self._left += 1

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _Threading:
    """The part of threading that the hook uses; in production gevent patches it."""

    Lock = _Lock
    BoundedSemaphore = _Lock


_LOCKING = (
    circuit_breaker,
    coalescing,
    shared_reads,
    slots,
)
"""Modules of the hook whose locks a handler may wait for, or hold while it does."""


@contextmanager
def cooperative() -> Iterator[None]:
    """Make the hook's locks those of the simulation: one of the system's would stop all of it."""
    with ExitStack() as stack:
        for module in _LOCKING:
            stack.enter_context(mock.patch.object(module, "threading", _Threading))
        yield


class NotedRecalls(Recalls):
    """Recalls, with what they remember in sight.

    Attributes:
        late: when a Pod was last diagnosed late, by the uid of what claims it, by the replica's
            clock.
    """

    def __init__(self, started: datetime) -> None:
        super().__init__(started)
        self.late: dict[str, datetime] = {}

    def note_late(self, uid: str, now: datetime) -> None:
        """Note that a Pod was diagnosed late."""
        self.late[uid] = whole_seconds(now)
        super().note_late(uid, now)


class _NoTelemetry:
    """In place of telemetry: nothing reads it."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Process:
    """A process of a replica; its memory is lost when it ends."""

    def __init__(self, replica: "Replica") -> None:
        self.replica = replica
        self.reads: deque[tuple[float, str, str, str]] = deque(maxlen=200)
        self.alive = True
        self._requests: dict[greenlet, Callable[[Outcome | None], None]] = {}
        clock, time = replica.clock.now, replica.service.scheduler.time
        self._reconciler = Reconciler(SimulatedApiClient(), clock, f"hook-{replica.number}", time)
        templates = SimulatedApiClient() if replica.service.reads_templates else None
        fetcher = ApiEvidenceFetcher(SimulatedApiClient(), time, templates=templates)
        telemetry: Any = _NoTelemetry()
        self.started = clock()
        self._fairness = Fairness(PODDIAGNOSERS_RATE, time)
        self._used: dict[str, float] = {}
        self.recalls = recalls = NotedRecalls(self.started)
        pods = PodEndpoints(clock, recalls, telemetry, fetcher, confidential=True)
        diagnosers = PodDiagnoserEndpoints(
            clock, recalls, telemetry, self._reconciler, Settings().max_related, lambda: 0.0
        )
        self._diagnosers = diagnosers
        self._handlers: dict[str, gateway.Handler] = {
            "/pods/customize": pods.customize,
            "/pods/sync": pods.sync,
            "/pods/recall": pods.recall,
            "/pods/cluster/recall": pods.recall_cluster,
            "/poddiagnosers/customize": diagnosers.customize,
            "/poddiagnosers/sync": self._sync_pod_diagnoser,
            "/poddiagnosers/recall": diagnosers.recall,
        }

    def _sync_pod_diagnoser(self, body: gateway.Body) -> gateway.Reply:
        max_related = self.replica.service.faults.max_related
        if max_related is None:
            return self._diagnosers.sync(body)
        return replace(self._diagnosers, max_related=max_related).sync(body)

    def serve(self, path: str, body: bytes, done: Callable[[Outcome | None], None]) -> None:
        """Begin to answer a request; None is for one that the process does not outlive."""
        service = self.replica.service
        if len(self._requests) >= MAX_REQUESTS:
            done(Answer(429, b"", {"retry-after": "5"}))
            return
        namespace = find_namespace(body) or ""
        admission = None
        if path in REFUSABLE:
            admission = self._fairness.admit(namespace)
            retry_after = admission.retry_after
            if retry_after is not None:
                service.watcher.refused(namespace, self._used.get(namespace, 0.0), retry_after)
                done(Answer(429, b"", {"retry-after": str(retry_after)}))
                return
        taken = len(body) * SECONDS_PER_BYTE + service.faults.burdens.get(namespace, 0.0)
        self._fairness.charge(namespace, taken, admission)
        self._used[namespace] = self._used.get(namespace, 0.0) + taken
        incoming = Incoming(self, path, body, service.scheduler.time())
        if service.trace.readable and path.endswith("/sync"):
            service.trace.add_detail(f"hook-{self.replica.number} receives {path} {incoming.about}")
        running = greenlet(partial(self._answer, incoming))
        self._requests[running] = done
        self._continue(running, incoming, None)

    def kill(self) -> None:
        """End at once; calls that were already sent are executed."""
        self.alive = False
        under_way, self._requests = self._requests, {}
        for running, done in under_way.items():
            running.throw(_Killed)
            done(None)

    def _continue(self, running: greenlet, incoming: Incoming, value: Any) -> None:
        if not self.alive:
            return
        step = running.switch(value)
        service = self.replica.service
        if running.dead:
            self._requests.pop(running)(step)
            return

        def resume(outcome: Any) -> None:
            self._continue(running, incoming, outcome)

        if isinstance(step, _Sleep):
            service.scheduler.call_later(step.seconds, lambda: resume(None))
        else:
            service.execute(incoming, step.request, resume)

    def _answer(self, incoming: Incoming, _: object = None) -> Outcome | None:
        try:
            return self._reply(incoming)
        except _Killed:
            return None

    def _reply(self, incoming: Incoming) -> Answer:
        watcher = self.replica.service.watcher
        try:
            reply = self._handlers[incoming.path](gateway.Body(incoming.body, complete=True))
            content = reply.response.encode()
        except ValidationError as error:
            watcher.answered(incoming, 400, error)
            return Answer(400, b"body is not a request\n")
        except gateway.RequestRefusedError as error:
            watcher.answered(incoming, error.refusal.status, None)
            return Answer(error.refusal.status, error.refusal.problem.encode())
        except Exception as error:  # noqa: BLE001 (as the hook's edge does)
            watcher.answered(incoming, 500, error)
            return Answer(500, b"internal error\n")
        watcher.answered(incoming, 200, None)
        if reply.debounce is not None:
            waited = reply.debounce.seconds(len(incoming.body) * SECONDS_PER_BYTE, MAX_DEBOUNCE)
            _suspend(_Sleep(waited))
            content = reply.response.after(waited).encode()
        return Answer(200, content)


class Replica:
    """One of the hook's processes, and those that follow it.

    Attributes:
        clock: its own, which may be wrong.
    """

    def __init__(self, service: "Service", number: int, clock: Clock) -> None:
        self.service = service
        self.number = number
        self.clock = clock
        self.process: Process | None = Process(self)

    def kill(self, down: float) -> None:
        """End the process; another is there some time later."""
        process, self.process = self.process, None
        self.service.trace.add(f"hook-{self.number} is killed, for {down:g} s")
        if process is not None:
            process.kill()
        self.service.scheduler.call_later(down, self.start)

    def start(self) -> None:
        """Be there, if it is not."""
        if self.process is None:
            self.process = Process(self)
            self.service.trace.add(f"hook-{self.number} is there again")


class Service:
    """All replicas, behind one address: dev.simulator.webhooks.Transport.

    Attributes:
        replicas: the processes.
        requests: the latest requests, for being repeated.
        reads_templates: whether the hook may read the versions of templates.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        timing: Timing,
        api: RestApi,
        *,
        faults: Faults,
        watcher: Watcher,
        trace: Trace,
        reads_templates: bool,
    ) -> None:
        self.scheduler = scheduler
        self.reads_templates = reads_templates
        self.faults = faults
        self.watcher = watcher
        self.trace = trace
        self.replicas: list[Replica] = []
        self.requests: deque[tuple[str, bytes]] = deque(maxlen=60)
        self._timing = timing
        self._rng = timing.rng or random.Random(0)
        self._api = api

    def post(self, url: str, body: bytes, timeout: float, done: Callable[[Outcome], None]) -> None:
        """See dev.simulator.webhooks.Transport."""
        path = urlsplit(url).path
        self.requests.append((path, body))
        settled = False

        def finish(outcome: Outcome) -> None:
            nonlocal settled
            if not settled:
                settled = True
                done(outcome)

        def give_up() -> None:
            finish(Failure(f'Post "{url}": context deadline exceeded'))

        def lost() -> None:
            finish(Failure(f'Post "{url}": EOF'))

        def answered(outcome: Outcome) -> None:
            self.scheduler.call_later(
                self._timing.draw(self._timing.from_hook), lambda: finish(outcome)
            )

        self.scheduler.call_later(timeout, give_up)
        how = self.faults.inject("answer") if path.endswith("/sync") else ""
        arrive = partial(self._arrive, path, body, how, answered, lost)
        self.scheduler.call_later(self._timing.draw(self._timing.to_hook), arrive)

    def repeat(self, path: str, body: bytes) -> None:
        """Send an old request once more, and discard the answer."""
        self._arrive(path, body, "", lambda _: None, lambda: None)

    def _arrive(
        self,
        path: str,
        body: bytes,
        how: str,
        answered: Callable[[Outcome], None],
        lost: Callable[[], None],
    ) -> None:
        replica = self._rng.choice(self.replicas)
        process = replica.process
        if how:
            self.trace.add(f"FAULT at {path}: {how}")
        if process is None or path.startswith(self.faults.away or ("nowhere",)):
            answered(Failure("dial tcp: connect: connection refused"))
        elif how == "killed before answering":
            replica.kill(1.0)
            lost()
        elif how == "answered 429":
            answered(Answer(429, b"", {"retry-after": "5"}))
        else:
            finish = answered
            if how == "killed after answering":
                finish = partial(self._killed_after, replica, lost)
            elif how == "answer lost on its way":
                finish = partial(self._swallowed, lost)
            elif how == "answer too late":
                finish = partial(self._late, answered)
            elif how == "asked twice":
                again = partial(self.repeat, path, body)
                self.scheduler.call_later(self._rng.choice((0.0, 0.01, 1.0)), again)
            elif how:
                raise ValueError(how)
            process.serve(path, body, partial(self._finish, process, finish, lost))

    def _finish(
        self,
        _: Process,
        finish: Callable[[Outcome], None],
        lost: Callable[[], None],
        outcome: Outcome | None,
    ) -> None:
        if outcome is None:
            lost()
        else:
            finish(outcome)

    def _killed_after(self, replica: Replica, lost: Callable[[], None], _: Outcome) -> None:
        replica.kill(1.0)
        lost()

    def _swallowed(self, lost: Callable[[], None], _: Outcome) -> None:
        lost()

    def _late(self, answered: Callable[[Outcome], None], outcome: Outcome) -> None:
        self.scheduler.call_later(11.0, lambda: answered(outcome))

    # The calls of the hook

    def execute(self, incoming: Incoming, request: Request, resume: Callable[[Any], None]) -> None:
        """Send a call to the API server, and resume the hook with its result."""
        deletes = request.method == "DELETE" or request.path.endswith("/eviction")
        how = (self.faults.inject("deletion") if deletes else "") or self.faults.inject("call")
        if how:
            self.trace.add(f"FAULT at {request.method} {request.path}: {how}")
        incoming = replace(
            incoming, sent=self.scheduler.time(), late=how.startswith("effect after")
        )
        delay = self._timing.draw(self._timing.to_server)
        self.scheduler.call_later(delay, partial(self._arrived, incoming, request, how, resume))

    def _arrived(
        self, incoming: Incoming, request: Request, how: str, resume: Callable[[Any], None]
    ) -> None:
        later = self.scheduler.call_later
        back = self._timing.draw(self._timing.to_client)
        if how == "killed before the call":
            incoming.process.replica.kill(1.0)
        elif how == "refused connection":
            later(back, lambda: resume(NoAnswerError()))
        elif how == "no answer and no effect":
            later(3.0, lambda: resume(NoAnswerError()))
        elif how == "effect after the time-out":
            later(3.0, lambda: resume(NoAnswerError()))
            later(5.0, partial(self._late_effect, incoming, request))
        elif how.startswith("status "):
            code = int(how.removeprefix("status "))
            headers = {"Date": self._api.date()}
            if code == 429:
                headers["Retry-After"] = "7"
            refused = Response(code, {"kind": "Status", "status": "Failure"}, headers)
            later(back, lambda: resume(self._received(refused)))
        else:
            response = self._effect(incoming, request)
            if how == "killed after the call":
                incoming.process.replica.kill(1.0)
            elif how == "answer lost":
                later(3.0, lambda: resume(NoAnswerError()))
            else:
                later(back, lambda: resume(self._received(response)))

    def _late_effect(self, incoming: Incoming, request: Request) -> None:
        self._effect(incoming, request)

    def _effect(self, incoming: Incoming, request: Request) -> Response:
        self.watcher.calling(incoming, request)
        response = self._api.answer(request)
        self.watcher.called(incoming, request, response)
        return response

    def _received(self, response: Response) -> tuple[bytes, datetime] | ApiError:
        content = response.content
        received = requests.Response()
        received.status_code = response.status
        received.headers.update(response.headers)
        error = error_of(received, content)
        if response.status >= 300:
            return error
        assert error.at is not None
        return content, error.at


def skewed(clock: Clock, seconds: float) -> None:
    """Set a clock wrong by some seconds, or right."""
    clock.skew = timedelta(seconds=seconds)
