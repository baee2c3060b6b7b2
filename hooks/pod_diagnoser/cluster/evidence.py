"""Fetches from the API server what is needed to explain a crash, at little cost for it.

A Pod's sync waits for the answer, so that all of it is bounded: in time, in bytes, in how many
calls there are at once. A call that is known to fail as the last one did is not made (circuit
breaker): crashes come by the thousand just when an API server is busy. Where many crash at once in
a namespace, they share one read of its Events (coalescing), which costs the API server as much as
one for a Pod. The Events of a node are read once a minute at most. A log is read only for a
DiagnosisTarget that was read live and is what the request says.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeVar

from pod_diagnoser.cluster.circuit_breaker import EvidenceCircuitBreaker
from pod_diagnoser.cluster.client import NODE_EVENTS_NAMESPACE, PodLogOptions
from pod_diagnoser.cluster.coalescing import BurstTracker, CrashBurst, SharedEvents
from pod_diagnoser.cluster.errors import AnswerTooLongError, ApiError
from pod_diagnoser.cluster.event_list import ByPod, EventV1, events_about, parse_event_list
from pod_diagnoser.cluster.node_event_reader import NodeEventReader
from pod_diagnoser.cluster.slots import Slots
from pod_diagnoser.cluster.target_reader import TargetReader
from pod_diagnoser.cluster.template_changes import TemplateApi, TemplateChangeReader
from pod_diagnoser.diagnosis.evidence import (
    EventLookup,
    EvidenceRequest,
    FetchedEvidence,
    LogRequest,
)

FETCH_SECONDS: Final = 1.5
"""How long fetching may take as a whole. With the half second by which a deadline may be late it is
two: Metacontroller waits for ten, and has twenty Pods at a time wait."""

EVENTS_SECONDS: Final = 1.0
"""How much of that is for Events where a log is requested, too."""

SHARED_FETCH_SECONDS: Final = 2.5
"""How long a shared read for all that crash at once may take, and those that wait for it. It brings
the Events of hundreds of Pods just when the API server is slow; without it each of them would need
a second lookup. A log has the same time after it as otherwise."""

LEAST_SECONDS: Final = 0.1
"""With less time left no call is made."""

MAX_CALLS: Final = 8
"""How many calls there are at once: a slow API server is not made slower, and memory not full. Half
of them may be in one namespace (`Slots`)."""

SLOT_SECONDS: Final = 0.4
"""How long a call waits until fewer than `MAX_CALLS` are under way."""

MAX_LOG_BYTES: Final = 1024 * 1024
"""How many bytes of a log are read. Container runtimes break lines after 16 KiB, and the kubelet
counts the pieces as lines: the most lines that can be requested are shorter.

Source: ``findTailLineStartIndex`` in ``staging/src/k8s.io/cri-client/pkg/logs``; containerd's
``defaultBufSize`` in ``internal/cri/io/logger.go``.
"""

LINES_BEFORE: Final = 100
"""How many more lines of a log are read than shown: whether a line is part of a private key is seen
by the lines before it. A key of 8192 bits has as many."""

REASON_LINES: Final = 500
FEWER_REASON_LINES: Final = (100, 15)
MAX_REASON_LOG_BYTES: Final = 256 * 1024
"""How many lines and bytes of a log are read for the reason of an end alone: as many lines as a
trace with all its threads has. Fewer lines are read where those are too long; so few fit.

Of what is read the last 64 KiB count (`pod_diagnoser.diagnosis.output_reason.MAX_LOG_BYTES`), but a
limit of the bytes would leave out the end of a log, not its start.
"""

SHARED_SECONDS: Final = 1.0
SHARED_FACTOR: Final = 2
MAX_SHARED_AGE: Final = 3.0
"""How long the result of a shared read is used: `SHARED_SECONDS`, or `SHARED_FACTOR` times what the
read took where the API server is slow, so that reading does not take up most of the time; but never
when it is older than `MAX_SHARED_AGE`, counted from when the read began. Events that were not there
yet are found by the second lookup of a crash, which is later than that
(`pod_diagnoser.diagnosis.event_rules.SECOND_LOOKUP_AFTER`)."""

TOO_MANY_SECONDS: Final = 60.0
"""How long the Events of a namespace that has too many are read for each Pod by itself."""

_NO_LOG: Final = re.compile(
    r"\s*(?:unable to retrieve container logs for|failed to try resolving symlinks in path) "
    r"[^\n]{1,1000}\s*"
)
"""What a kubelet sends as if it were the log, with status 200, where the log is gone."""

_TOO_MANY: Final = b""
"""Stored instead of an answer that is too long."""

_Content = TypeVar("_Content", str, bytes, tuple[bytes, datetime])


@dataclass(frozen=True, slots=True)
class _Listed:
    """The Events of a Pod as listed.

    Attributes:
        lookup: `EventLookup.FOUND`, or why there are none.
        events: the Events.
        complete: whether these are all.
    """

    lookup: EventLookup | None
    events: Sequence[EventV1] = ()
    complete: bool = True


_NOT_REQUESTED: Final = _Listed(None)


class EvidenceApi(Protocol):
    """The calls that are made (`pod_diagnoser.cluster.client.ApiClient`)."""

    def list_events(
        self, namespace: str, pod: str, uid: str, seconds: float
    ) -> tuple[bytes, datetime]:
        """Read the Events about a Pod."""

    def list_events_of_pods(self, namespace: str, seconds: float) -> tuple[bytes, datetime]:
        """Read the Events about all Pods of a namespace."""

    def list_events_of_node(self, node: str, seconds: float) -> tuple[bytes, datetime]:
        """Read the Events about a node."""

    def get_diagnosis_target(self, namespace: str, name: str, seconds: float) -> bytes:
        """Read a DiagnosisTarget."""

    def read_log(self, namespace: str, pod: str, options: PodLogOptions, seconds: float) -> str:
        """Read the last lines of a container's log."""


class ApiEvidenceFetcher:
    """Fetches from the API server, as `pod_diagnoser.diagnosis.evidence.EvidenceFetcher`.

    Safe to be shared by greenlets and by threads. Its caches save calls and nothing else.

    Args:
        api: the API server.
        monotonic: a clock for how long things take, in seconds.
        templates: the API server, where it may be read what templates changed; otherwise None.
    """

    def __init__(
        self,
        api: EvidenceApi,
        monotonic: Callable[[], float] = time.monotonic,
        templates: TemplateApi | None = None,
    ) -> None:
        self._api = api
        self._monotonic = monotonic
        self._slots = Slots(MAX_CALLS)
        self._events_breaker = EvidenceCircuitBreaker(monotonic)
        self._logs_breaker = EvidenceCircuitBreaker(monotonic, self._events_breaker)
        self._nodes_breaker = EvidenceCircuitBreaker(monotonic, self._events_breaker)
        self._bursts = BurstTracker()
        self._targets_breaker = EvidenceCircuitBreaker(monotonic, self._events_breaker)
        self._nodes = NodeEventReader(self._list_events_of_node, monotonic)
        self._targets = TargetReader(self._get_target, monotonic)
        self._changes: TemplateChangeReader | None = None
        if templates is not None:
            breaker = EvidenceCircuitBreaker(monotonic, self._events_breaker)
            self._changes = TemplateChangeReader(templates, monotonic, breaker)

    def fetch(self, request: EvidenceRequest) -> FetchedEvidence:
        """Fetch what is requested.

        It never fails, and takes `FETCH_SECONDS` at most, as far as a deadline can bound it; where
        many crash at once `SHARED_FETCH_SECONDS`, and half a second for a log.
        """
        begun = self._monotonic()
        until = begun + FETCH_SECONDS
        found = _NOT_REQUESTED
        if request.events:
            shared: ByPod | EventLookup | None = None
            burst = self._bursts.track(request.namespace, begun)
            if burst is not None:
                shared = self._read_shared(request.namespace, burst, begun + SHARED_FETCH_SECONDS)
                until = max(until, self._monotonic() + FETCH_SECONDS - EVENTS_SECONDS)
            if shared is None:
                seconds = EVENTS_SECONDS if request.log is not None else FETCH_SECONDS
                found = self._read_events(request, min(until, begun + seconds))
            elif isinstance(shared, EventLookup):
                found = _Listed(shared)
            else:
                found = _Listed(EventLookup.FOUND, shared.get(request.uid, ()))
        node = self._nodes.read(request.node, until) if request.node else None
        log = None if request.log is None else self._read_log(request, request.log, until)
        missed = log is EventLookup.UNAVAILABLE
        # Last, with the time that is left: nothing waits longer than without it.
        change = None
        if request.template is not None and self._changes is not None:
            change = self._changes.read(request.namespace, request.template, until)
        events = tuple(events_about(request.uid, found.events))
        return FetchedEvidence(
            found.lookup,
            events,
            None if isinstance(log, EventLookup) else log,
            complete=found.complete,
            node=node,
            change=change,
            log_missed=missed,
        )

    def _read_events(self, request: EvidenceRequest, until: float) -> "_Listed":
        def read(seconds: float) -> bytes:
            return self._api.list_events(request.namespace, request.pod, request.uid, seconds)[0]

        content = self._call(self._events_breaker, request.namespace, until, read)
        if isinstance(content, EventLookup):
            return _Listed(content)
        found = parse_event_list(content)
        if found is None:
            return _Listed(EventLookup.UNAVAILABLE)
        return _Listed(EventLookup.FOUND, found.items, found.is_complete)

    def _list_events_of_node(self, node: str, until: float) -> tuple[bytes, datetime] | EventLookup:
        # A refusal concerns no Pods of that namespace: it may be that only nodes' are not read.
        read = partial(self._api.list_events_of_node, node)
        return self._call(self._nodes_breaker, NODE_EVENTS_NAMESPACE, until, read)

    def _read_shared(
        self, namespace: str, burst: CrashBurst, until: float
    ) -> ByPod | EventLookup | None:
        """Read the Events of all Pods of a namespace, once for all that wait for them.

        Returns:
            The Events, or why there are none; None where there are too many to be read together.
        """
        if not burst.reading.acquire(timeout=max(0.0, until - self._monotonic())):
            return EventLookup.UNAVAILABLE
        try:
            now, shared = self._monotonic(), burst.shared
            if shared is not None and now < shared.until:
                return shared.events
            if now < burst.too_many_until:
                return None
            read = partial(self._read_all, namespace)
            content = self._call(self._events_breaker, namespace, until, read)
            if isinstance(content, EventLookup):
                return content
            return self._share(content, burst, now)
        finally:
            burst.reading.release()

    def _share(self, content: bytes, burst: CrashBurst, begun: float) -> ByPod | EventLookup | None:
        found, now = parse_event_list(content), self._monotonic()
        if content == _TOO_MANY or (found is not None and not found.is_complete):
            burst.too_many_until = now + TOO_MANY_SECONDS
            return None
        if found is None:
            return EventLookup.UNAVAILABLE
        taken = now - begun
        seconds = max(SHARED_SECONDS, min(SHARED_FACTOR * taken, MAX_SHARED_AGE - taken))
        shared = SharedEvents(found.by_subject(), now + seconds, len(content))
        self._bursts.share(burst, shared)
        return shared.events

    def _read_all(self, namespace: str, seconds: float) -> bytes:
        try:
            return self._api.list_events_of_pods(namespace, seconds)[0]
        except AnswerTooLongError:
            return _TOO_MANY

    def _get_target(self, namespace: str, name: str, until: float) -> bytes | EventLookup:
        read = partial(self._api.get_diagnosis_target, namespace, name)
        return self._call(self._targets_breaker, namespace, until, read)

    def _read_log(
        self, request: EvidenceRequest, log: LogRequest, until: float
    ) -> str | EventLookup | None:
        limit = MAX_LOG_BYTES if log.lines > 0 else MAX_REASON_LOG_BYTES

        def read(lines: int) -> str | EventLookup:
            options = PodLogOptions(log.container, log.previous, lines, limit)

            def call(seconds: float) -> str:
                return self._api.read_log(request.namespace, request.pod, options, seconds)

            return self._call(self._logs_breaker, request.namespace, until, call)

        if log.lines <= 0 and not log.for_reason:
            return None
        if not self._targets.confirms(request.namespace, log.target, until):
            return None
        # Of a log that is too long the end is missing; its last line alone is short enough.
        for lines in _numbers_of_lines(log):
            text = read(lines)
            if not _is_truncated(text, limit):
                break
        if isinstance(text, EventLookup):
            return text
        return None if _is_truncated(text, limit) or _NO_LOG.fullmatch(text) else text

    def _call(
        self,
        breaker: EvidenceCircuitBreaker,
        namespace: str,
        until: float,
        call: Callable[[float], _Content],
    ) -> _Content | EventLookup:
        """Make a call, unless its breaker is open or there is no time for it."""
        now = self._monotonic()
        if (circuit := breaker.find_open(namespace)) is not None:
            return circuit.reason
        if not self._slots.acquire(namespace, max(0.0, min(SLOT_SECONDS, until - now))):
            return EventLookup.UNAVAILABLE
        try:
            if (circuit := breaker.find_open(namespace)) is not None:
                return circuit.reason
            seconds = until - self._monotonic()
            if seconds < LEAST_SECONDS:
                return EventLookup.UNAVAILABLE
            content = call(seconds)
        except ApiError as error:
            return breaker.record_failure(error, namespace)
        finally:
            self._slots.release(namespace)
        breaker.record_success(namespace)
        return content


def _numbers_of_lines(log: LogRequest) -> Iterable[int]:
    """Return how many lines of a log to read, and how many where those are too long."""
    for_reason = (REASON_LINES, *FEWER_REASON_LINES) if log.for_reason else ()
    shown = (log.lines + LINES_BEFORE, log.lines) if log.lines > 0 else ()
    # What is shown must be there, whatever is read for the reason.
    most = [max(lines, *shown, 1) for lines in for_reason]
    return dict.fromkeys((*most, *shown, 1))


def _is_truncated(text: str | EventLookup, limit: int) -> bool:
    return isinstance(text, str) and len(text.encode()) >= limit
