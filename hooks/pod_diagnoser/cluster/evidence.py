"""Asks the API server for what the core would like to know of a crash, and costs it little.

A Pod's sync waits for the answer, so that all of it is bounded: in time, in bytes, in how many
calls there are at once. Where a call would meet with what the last one met with, none is made:
crashes come by the thousand just when an API server is busy. Where many crash at once in a
namespace, they share one read of its Events, which costs the API server as much as one for a Pod.
"""

import re
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeVar

from pod_diagnoser.cluster.circuit_breaker import CircuitBreaker
from pod_diagnoser.cluster.coalescing import BurstTracker, CrashBurst, SharedEvents
from pod_diagnoser.cluster.errors import AnswerTooLongError, ApiError
from pod_diagnoser.cluster.event_list import ByPod, EventV1, events_about, parse_event_list
from pod_diagnoser.diagnosis.evidence import (
    EventLookup,
    EvidenceRequest,
    FetchedEvidence,
    LogRequest,
    PodEvent,
)

FETCH_SECONDS: Final = 1.5
"""How long gathering may take as a whole. With the half second by which a deadline may be late it
is two: Metacontroller waits for ten, and has twenty Pods at a time wait."""

EVENTS_SECONDS: Final = 1.0
"""How much of that is for Events where a log is wanted, too."""

SHARED_FETCH_SECONDS: Final = 2.5
"""How long a read for all who crash at once may take, and whoever waits for it waits. It tells of
hundreds of Pods, just when the API server is slow: not to have it costs each of these a second
look. A log has after it what it would have had otherwise."""

LEAST_SECONDS: Final = 0.1
"""With less time left no call is made."""

MAX_CALLS: Final = 8
"""How many calls there are at once: a slow API server is not made slower, and memory not full."""

SLOT_SECONDS: Final = 0.4
"""How long a call waits for its turn."""

MAX_LOG_BYTES: Final = 1024 * 1024
"""How many bytes of a log are read. Container runtimes break lines after 16 KiB, and the kubelet
counts the pieces as lines: the most lines that can be wanted are shorter.

Source: ``findTailLineStartIndex`` in ``staging/src/k8s.io/cri-client/pkg/logs``; containerd's
``defaultBufSize`` in ``internal/cri/io/logger.go``.
"""

SHARED_SECONDS: Final = 1.0
SHARED_FACTOR: Final = 2
MAX_SHARED_AGE: Final = 3.0
"""For how long what was read for all will do: so many seconds; longer, by the time that the read
took, where the API server is slow, so that reading does not take up most of the time; but only as
far as it is then no older than this, from when the read began. What it was too early for, the
second read of a crash will tell (`pod_diagnoser.diagnosis.event_rules.SECOND_LOOKUP_AFTER`), which is later than that."""

TOO_MANY_SECONDS: Final = 60.0
"""How long a namespace with too many Events has each Pod's read by itself."""

_NO_LOG: Final = re.compile(
    r"\s*(?:unable to retrieve container logs for|failed to try resolving symlinks in path) "
    r"[^\n]{1,1000}\s*"
)
"""What a kubelet sends as if it were the log, with status 200, where the log is gone."""

_TOO_MANY: Final = b""
"""Stands for an answer that is too long."""

_Content = TypeVar("_Content", str, bytes)


class EvidenceApi(Protocol):
    """What is read of the cluster (`pod_diagnoser.cluster.client.ApiClient`)."""

    def list_events(
        self, namespace: str, pod: str, uid: str, seconds: float
    ) -> tuple[bytes, datetime]:
        """Read the Events about a Pod."""

    def list_events_of_pods(self, namespace: str, seconds: float) -> tuple[bytes, datetime]:
        """Read the Events about all Pods of a namespace."""

    def read_log(  # noqa: PLR0913 (as there)
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool,
        tail_lines: int,
        limit_bytes: int,
        seconds: float,
    ) -> str:
        """Read the last lines of a container's log."""


class ApiEvidenceFetcher:
    """Asks the API server, as `pod_diagnoser.diagnosis.evidence.EvidenceFetcher`.

    Safe to be shared by greenlets and by threads. What it remembers saves calls and nothing else.

    Args:
        cluster: the API server.
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(
        self, cluster: EvidenceApi, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._cluster = cluster
        self._monotonic = monotonic
        self._places = threading.BoundedSemaphore(MAX_CALLS)
        self._events = CircuitBreaker()
        self._logs = CircuitBreaker(self._events)
        self._rushes = BurstTracker()

    def fetch(self, wanted: EvidenceRequest) -> FetchedEvidence:
        """Ask for what is wanted.

        Args:
            wanted: what is wanted.

        Returns:
            What was found. It never fails, and takes `FETCH_SECONDS` at most, as far as a deadline
            can bound it; where many crash at once `SHARED_FETCH_SECONDS`, and half a second for a log.
        """
        begun = self._monotonic()
        until = begun + FETCH_SECONDS
        asked: EventLookup | None = None
        listed: tuple[PodEvent, ...] = ()
        if wanted.events:
            rush = self._rushes.track(wanted.namespace, begun)
            shared: ByPod | EventLookup | None = None
            if rush is not None:
                shared = self._read_shared(wanted.namespace, rush, begun + SHARED_FETCH_SECONDS)
                until = max(until, self._monotonic() + FETCH_SECONDS - EVENTS_SECONDS)
            if shared is None:
                seconds = EVENTS_SECONDS if wanted.log is not None else FETCH_SECONDS
                asked, found = self._read_events(wanted, min(until, begun + seconds))
            elif isinstance(shared, EventLookup):
                asked, found = shared, ()
            else:
                asked, found = EventLookup.FOUND, shared.get(wanted.uid, ())
            listed = tuple(events_about(wanted.uid, found))
        log = None if wanted.log is None else self._read_log(wanted, wanted.log, until)
        return FetchedEvidence(asked, listed, log)

    def _read_events(
        self, wanted: EvidenceRequest, until: float
    ) -> tuple[EventLookup, Sequence[EventV1]]:
        def read(seconds: float) -> bytes:
            return self._cluster.list_events(wanted.namespace, wanted.pod, wanted.uid, seconds)[0]

        content = self._call(self._events, wanted.namespace, until, read)
        if isinstance(content, EventLookup):
            return content, ()
        found = parse_event_list(content)
        return (EventLookup.UNAVAILABLE, ()) if found is None else (EventLookup.FOUND, found.items)

    def _read_shared(
        self, namespace: str, rush: CrashBurst, until: float
    ) -> ByPod | EventLookup | None:
        """Read the Events of all Pods of a namespace, once for all who wait for them.

        Returns:
            The Events, or why there are none; None where there are too many to be read together.
        """
        if not rush.reading.acquire(timeout=max(0.0, until - self._monotonic())):
            return EventLookup.UNAVAILABLE
        try:
            now, kept = self._monotonic(), rush.kept
            if kept is not None and now < kept.until:
                return kept.events
            if now < rush.too_many_until:
                return None
            content = self._call(self._events, namespace, until, partial(self._read_all, namespace))
            if isinstance(content, EventLookup):
                return content
            return self._share(content, rush, now)
        finally:
            rush.reading.release()

    def _share(self, content: bytes, rush: CrashBurst, begun: float) -> ByPod | EventLookup | None:
        found, now = parse_event_list(content), self._monotonic()
        if content == _TOO_MANY or (found is not None and not found.is_complete):
            rush.too_many_until = now + TOO_MANY_SECONDS
            return None
        if found is None:
            return EventLookup.UNAVAILABLE
        taken = now - begun
        seconds = max(SHARED_SECONDS, min(SHARED_FACTOR * taken, MAX_SHARED_AGE - taken))
        kept = SharedEvents(found.by_subject(), now + seconds, len(content))
        self._rushes.share(rush, kept)
        return kept.events

    def _read_all(self, namespace: str, seconds: float) -> bytes:
        try:
            return self._cluster.list_events_of_pods(namespace, seconds)[0]
        except AnswerTooLongError:
            return _TOO_MANY

    def _read_log(self, wanted: EvidenceRequest, log: LogRequest, until: float) -> str | None:
        def read(lines: int) -> str | EventLookup:
            def call(seconds: float) -> str:
                return self._cluster.read_log(
                    wanted.namespace,
                    wanted.pod,
                    log.container,
                    previous=log.previous,
                    tail_lines=lines,
                    limit_bytes=MAX_LOG_BYTES,
                    seconds=seconds,
                )

            return self._call(self._logs, wanted.namespace, until, call)

        if log.lines <= 0:
            return None
        text = read(log.lines)
        if _is_truncated(text) and log.lines > 1:
            # What is missing is the end. The last line alone is short enough, or nothing is.
            text = read(1)
        if isinstance(text, EventLookup) or _is_truncated(text) or _NO_LOG.fullmatch(text):
            return None
        return text

    def _call(
        self,
        pauses: CircuitBreaker,
        namespace: str,
        until: float,
        call: Callable[[float], _Content],
    ) -> _Content | EventLookup:
        """Make a call, unless it is known to be in vain, or others take all the time there is."""
        now = self._monotonic()
        standing = pauses.open_reason(namespace, now)
        if standing is not None:
            return standing
        if not self._places.acquire(timeout=max(0.0, min(SLOT_SECONDS, until - now))):
            return EventLookup.UNAVAILABLE
        try:
            now = self._monotonic()
            standing = pauses.open_reason(namespace, now)
            if standing is not None:
                return standing
            if until - now < LEAST_SECONDS:
                return EventLookup.UNAVAILABLE
            content = call(until - now)
        except ApiError as error:
            return pauses.record_failure(error, namespace, self._monotonic())
        finally:
            self._places.release()
        pauses.record_success()
        return content


def _is_truncated(text: str | EventLookup) -> bool:
    return isinstance(text, str) and len(text.encode()) >= MAX_LOG_BYTES
