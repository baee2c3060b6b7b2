"""Asks the API server for what the core would like to know of a crash, and costs it little.

A Pod's sync waits for the answer, so that all of it is bounded: in time, in bytes, in how many
calls there are at once. Where a call would meet with what the last one met with, none is made:
crashes come by the thousand just when an API server is busy. Where many crash at once in a
namespace, they share one read of its Events, which costs the API server as much as one for a Pod.
"""

import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol, TypeVar

from pydantic import Field, ValidationError

from pod_diagnoser.cluster import (
    AnswerTooLongError,
    Cluster,
    ClusterError,
    Credentials,
    in_cluster,
)
from pod_diagnoser.evidence import Asked, Event, Gathered, Log, Wanted
from pod_diagnoser.pods import Many, Read, Text, Time
from pod_diagnoser.settings import Endpoints, Settings, SettingsError
from pod_diagnoser.texts import clean

GATHER_SECONDS: Final = 1.5
"""How long gathering may take as a whole. With the half second by which a deadline may be late it
is two: Metacontroller waits for ten, and has twenty Pods at a time wait."""

EVENTS_SECONDS: Final = 1.0
"""How much of that is for Events where a log is wanted, too."""

LEAST_SECONDS: Final = 0.1
"""With less time left no call is made."""

MAX_CALLS: Final = 8
"""How many calls there are at once: a slow API server is not made slower, and memory not full."""

PLACE_SECONDS: Final = 0.4
"""How long a call waits for its turn."""

REFUSED_SECONDS: Final = 60.0
"""How long nobody asks again for what the hook may not read."""

SILENT_SECONDS: Final = 5.0
"""How long nobody asks again where there was no answer."""

BUSY_SECONDS: Final = 1.0
MAX_BUSY_SECONDS: Final = 60.0
"""How long nobody asks again where the API server is busy: as long as it says, within these."""

MAX_MESSAGE_BYTES: Final = 512
MAX_REASON_BYTES: Final = 128

MAX_LOG_BYTES: Final = 1024 * 1024
"""How many bytes of a log are read. Container runtimes break lines after 16 KiB, and the kubelet
counts the pieces as lines: the most lines that can be wanted are shorter.

Source: ``findTailLineStartIndex`` in ``staging/src/k8s.io/cri-client/pkg/logs``; containerd's
``defaultBufSize`` in ``internal/cri/io/logger.go``.
"""

RUSH: Final = 4
RUSH_SECONDS: Final = 2.0
"""So many crashes of a namespace in so short a time share one read of its Events."""

SHARED_SECONDS: Final = 1.0
"""For how long after such a read nobody reads again. What it was too early for, the second read of
a crash will tell."""

TOO_MANY_SECONDS: Final = 60.0
"""How long a namespace with too many Events has each Pod's read by itself."""

MAX_SHARED: Final = 8
"""Of how many namespaces Events are kept, for that second."""

MAX_RUSHES: Final = 1000
"""Of how many namespaces it is known how many crashes there were. Forgetting one costs calls."""

MAX_PAUSES: Final = 1000
"""Of how many namespaces a pause is remembered. Forgetting one costs a call."""

SOURCES: Final = frozenset({"kubelet", "default-scheduler"})
"""Whose Events are taken.

Anyone who may create Events in the namespace can write these names as well: an Event proves no more
than that somebody who may do so said it. So what Events tell is shown, and nothing is done for it.
"""

_CONTAINER: Final = re.compile(r"spec\.(?:initC|ephemeralC|c)ontainers\{([a-z0-9-]{1,63})\}")
"""A fieldPath. Source: ``GenerateContainerRef`` in ``pkg/kubelet/container/ref.go``."""

_NO_LOG: Final = re.compile(
    r"\s*(?:unable to retrieve container logs for|failed to try resolving symlinks in path) "
    r"[^\n]{1,1000}\s*"
)
"""What a kubelet sends as if it were the log, with status 200, where the log is gone."""


_TOO_MANY: Final = b""
"""Stands for an answer that is too long."""

_Content = TypeVar("_Content", str, bytes)


class Reads(Protocol):
    """What is read of the cluster (`pod_diagnoser.cluster.Cluster`)."""

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


class _Involved(Read):
    uid: Text = ""
    fieldPath: Text = ""  # noqa: N815


class _Source(Read):
    component: Text = ""


class _Series(Read):
    lastObservedTime: Time = None  # noqa: N815


class _Event(Read):
    """A core/v1 Event, as the API server shows those of ``events.k8s.io`` too."""

    involvedObject: _Involved | None = None  # noqa: N815
    reason: Text = ""
    message: Text = ""
    source: _Source | None = None
    reportingComponent: Text = ""  # noqa: N815
    firstTimestamp: Time = None  # noqa: N815
    lastTimestamp: Time = None  # noqa: N815
    eventTime: Time = None  # noqa: N815
    series: _Series | None = None


class _ListMeta(Read):
    rest: Text = Field(default="", alias="continue")
    """Set where there are more."""


class _EventList(Read):
    items: Many[_Event]
    metadata: _ListMeta | None = None


_ByPod = Mapping[str, Sequence[_Event]]
"""Events by the uid of what they are about."""


class ClusterGatherer:
    """Asks the API server, as `pod_diagnoser.evidence.Gatherer`.

    Safe to be shared by greenlets and by threads. What it remembers saves calls and nothing else.

    Args:
        cluster: the API server.
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(self, cluster: Reads, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._monotonic = monotonic
        self._places = threading.BoundedSemaphore(MAX_CALLS)
        self._events = _Pauses()
        self._logs = _Pauses(self._events)
        self._rushes = _Rushes()

    def gather(self, wanted: Wanted) -> Gathered:
        """Ask for what is wanted.

        Args:
            wanted: what is wanted.

        Returns:
            What was found. It never fails, and takes `GATHER_SECONDS` at most, as far as a deadline
            can bound it.
        """
        until = self._monotonic() + GATHER_SECONDS
        asked: Asked | None = None
        listed: tuple[Event, ...] = ()
        if wanted.events:
            seconds = EVENTS_SECONDS if wanted.log is not None else GATHER_SECONDS
            asked, found = self._read_events(wanted, min(until, self._monotonic() + seconds))
            listed = tuple(_about(wanted.uid, found))
        log = None if wanted.log is None else self._read_log(wanted, wanted.log, until)
        return Gathered(asked, listed, log)

    def _read_events(self, wanted: Wanted, until: float) -> tuple[Asked, Sequence[_Event]]:
        rush = self._rushes.of(wanted.namespace, self._monotonic())
        if rush is not None:
            shared = self._read_together(wanted.namespace, rush, until)
            if isinstance(shared, Asked):
                return shared, ()
            if shared is not None:
                return Asked.FOUND, shared.get(wanted.uid, ())

        def read(seconds: float) -> bytes:
            return self._cluster.list_events(wanted.namespace, wanted.pod, wanted.uid, seconds)[0]

        content = self._ask(self._events, wanted.namespace, until, read)
        if isinstance(content, Asked):
            return content, ()
        found = _parse(content)
        return (Asked.UNAVAILABLE, ()) if found is None else (Asked.FOUND, found.items)

    def _read_together(self, namespace: str, rush: "_Rush", until: float) -> _ByPod | Asked | None:
        """Read the Events of all Pods of a namespace, once for all who wait for them.

        Returns:
            The Events, or why there are none; None where there are too many to be read together.
        """
        if not rush.reading.acquire(timeout=max(0.0, until - self._monotonic())):
            return Asked.UNAVAILABLE
        try:
            now, kept = self._monotonic(), rush.kept
            if kept is not None and now < kept.until:
                return kept.events
            if now < rush.too_many_until:
                return None
            content = self._ask(self._events, namespace, until, partial(self._read_all, namespace))
            if isinstance(content, Asked):
                return content
            return self._share(content, rush)
        finally:
            rush.reading.release()

    def _share(self, content: bytes, rush: "_Rush") -> _ByPod | Asked | None:
        found, now = _parse(content), self._monotonic()
        if content == _TOO_MANY or (found and found.metadata and found.metadata.rest):
            rush.too_many_until = now + TOO_MANY_SECONDS
            return None
        if found is None:
            return Asked.UNAVAILABLE
        events: dict[str, list[_Event]] = {}
        for event in found.items:
            if event.involvedObject is not None:
                events.setdefault(event.involvedObject.uid, []).append(event)
        self._rushes.keep(rush, _Kept(events, now + SHARED_SECONDS))
        return events

    def _read_all(self, namespace: str, seconds: float) -> bytes:
        try:
            return self._cluster.list_events_of_pods(namespace, seconds)[0]
        except AnswerTooLongError:
            return _TOO_MANY

    def _read_log(self, wanted: Wanted, log: Log, until: float) -> str | None:
        def read(lines: int) -> str | Asked:
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

            return self._ask(self._logs, wanted.namespace, until, call)

        if log.lines <= 0:
            return None
        text = read(log.lines)
        if _is_cut(text) and log.lines > 1:
            # What is missing is the end. The last line alone is short enough, or nothing is.
            text = read(1)
        if isinstance(text, Asked) or _is_cut(text) or _NO_LOG.fullmatch(text):
            return None
        return text

    def _ask(
        self,
        pauses: "_Pauses",
        namespace: str,
        until: float,
        call: Callable[[float], _Content],
    ) -> _Content | Asked:
        """Make a call, unless it is known to be in vain, or others take all the time there is."""
        now = self._monotonic()
        standing = pauses.standing(namespace, now)
        if standing is not None:
            return standing
        if not self._places.acquire(timeout=max(0.0, min(PLACE_SECONDS, until - now))):
            return Asked.UNAVAILABLE
        try:
            now = self._monotonic()
            standing = pauses.standing(namespace, now)
            if standing is not None:
                return standing
            if until - now < LEAST_SECONDS:
                return Asked.UNAVAILABLE
            content = call(until - now)
        except ClusterError as error:
            return pauses.note(error, namespace, self._monotonic())
        finally:
            self._places.release()
        pauses.answered()
        return content


@dataclass(frozen=True, slots=True)
class _Kept:
    """Events that were read together, and until when they will do."""

    events: _ByPod
    until: float


class _Rush:
    """Crashes of one namespace that come together.

    Attributes:
        times: when the latest wanted Events, by the monotonic clock.
        reading: held while they are read for all.
        kept: what was read.
        too_many_until: until when there are too many to be read together.
    """

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=RUSH)
        self.reading = threading.Lock()
        self.kept: _Kept | None = None
        self.too_many_until = float("-inf")


class _Rushes:
    """Where crashes come together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._namespaces: OrderedDict[str, _Rush] = OrderedDict()
        self._keeping: deque[_Rush] = deque()

    def of(self, namespace: str, now: float) -> _Rush | None:
        """Count a crash.

        Returns:
            The rush of which it is one, or None where it is alone.
        """
        with self._lock:
            rush = self._namespaces.setdefault(namespace, _Rush())
            self._namespaces.move_to_end(namespace)
            while len(self._namespaces) > MAX_RUSHES:
                self._namespaces.popitem(last=False)
            while self._keeping and not _will_do(self._keeping[0].kept, now):
                self._keeping.popleft().kept = None
            rush.times.append(now)
            on = len(rush.times) == RUSH and now - rush.times[0] <= RUSH_SECONDS
            return rush if on else None

    def keep(self, rush: _Rush, kept: _Kept) -> None:
        """Keep what was read for those who come soon."""
        with self._lock:
            rush.kept = kept
            if rush in self._keeping:
                self._keeping.remove(rush)
            self._keeping.append(rush)
            while len(self._keeping) > MAX_SHARED:
                self._keeping.popleft().kept = None


def _will_do(kept: _Kept | None, now: float) -> bool:
    return kept is not None and now < kept.until


class _Pauses:
    """Until when nobody asks again, everywhere or in a namespace.

    Args:
        above: those of other calls to the same server, of which what concerns all calls counts here
            too.
    """

    def __init__(self, above: "_Pauses | None" = None) -> None:
        self._above = above
        self._lock = threading.Lock()
        self._everywhere: _Pause | None = None
        self._namespaces: OrderedDict[str, _Pause] = OrderedDict()
        self._silent: set[str] = set()

    def standing(self, namespace: str, now: float) -> Asked | None:
        """Tell what asking would come to, as far as that is known."""
        above = self._above or self
        for pause in (above.everywhere, self._everywhere, self._namespaces.get(namespace)):
            if pause is not None and now < pause.until:
                return pause.asked
        return None

    @property
    def everywhere(self) -> "_Pause | None":
        """What keeps all calls from being made, perhaps no longer."""
        return self._everywhere

    def answered(self) -> None:
        """The API server has answered."""
        self._silent.clear()

    def note(self, error: ClusterError, namespace: str, now: float) -> Asked:
        """Keep in mind what a call met with.

        A tenant can have the Events of a namespace take too long, and a kubelet that is away its
        node's logs: others are made to wait only where two namespaces have no answer.
        """
        if isinstance(error, AnswerTooLongError):
            return Asked.UNAVAILABLE
        if error.status == HTTPStatus.UNAUTHORIZED:
            return (self._above or self).pause("", now + REFUSED_SECONDS, Asked.REFUSED)
        if error.status == HTTPStatus.FORBIDDEN:
            self._silent.clear()
            return self.pause(namespace, now + REFUSED_SECONDS, Asked.REFUSED)
        if error.status == HTTPStatus.TOO_MANY_REQUESTS or error.retry_after is not None:
            seconds = max(BUSY_SECONDS, min(error.retry_after or 0.0, MAX_BUSY_SECONDS))
            return (self._above or self).pause("", now + seconds)
        if error.status is not None and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._silent.clear()
            return Asked.UNAVAILABLE
        with self._lock:
            self._silent.add(namespace)
            several = len(self._silent) > 1
        return self.pause("" if several else namespace, now + SILENT_SECONDS)

    def pause(self, namespace: str, until: float, asked: Asked = Asked.UNAVAILABLE) -> Asked:
        """Have nobody ask in a namespace until an instant; everywhere, where it is empty."""
        pause = _Pause(asked, until)
        with self._lock:
            if not namespace:
                self._everywhere = pause
                self._silent.clear()
            else:
                self._namespaces[namespace] = pause
                self._namespaces.move_to_end(namespace)
                while len(self._namespaces) > MAX_PAUSES:
                    self._namespaces.popitem(last=False)
        return asked


@dataclass(frozen=True, slots=True)
class _Pause:
    """What asking comes to until an instant by the monotonic clock."""

    asked: Asked
    until: float


def _about(uid: str, events: Iterable[_Event]) -> Iterator[Event]:
    """Pick the Events that the node or the scheduler tells of this very Pod."""
    for event in events:
        involved = event.involvedObject
        source = (event.source and event.source.component) or event.reportingComponent
        if involved is None or involved.uid != uid or source not in SOURCES:
            continue
        container = _CONTAINER.fullmatch(involved.fieldPath)
        first = event.firstTimestamp or event.eventTime
        again = event.series and event.series.lastObservedTime
        yield Event(
            reason=clean(event.reason, MAX_REASON_BYTES),
            message=clean(" ".join(event.message.split()), MAX_MESSAGE_BYTES),
            container=container[1] if container else "",
            first=first,
            last=again or event.lastTimestamp or first,
        )


def _parse(content: bytes) -> _EventList | None:
    try:
        return _EventList.model_validate_json(content)
    except ValidationError:
        return None


def _is_cut(text: str | Asked) -> bool:
    return isinstance(text, str) and len(text.encode()) >= MAX_LOG_BYTES


def api_server(settings: Settings, environment: Mapping[str, str]) -> Credentials | None:
    """Find the API server.

    Args:
        settings: the settings, which may name one.
        environment: environment variables, which tell a Pod where it is.

    Returns:
        How to reach it, or None where there is none.
    """
    if settings.api_server is None or settings.api_token_file is None:
        return in_cluster(environment)
    return Credentials(
        settings.api_server,
        settings.api_token_file.read_text,
        str(settings.api_ca_file) if settings.api_ca_file else None,
    )


def connect_gatherer(
    settings: Settings,
    environment: Mapping[str, str],
    deadline: Callable[[float], AbstractContextManager[object]] = nullcontext,
) -> ClusterGatherer | None:
    """Find what evidence is asked of, for a process that serves Pods.

    Args:
        settings: the settings.
        environment: environment variables, which tell a Pod where the API server is.
        deadline: bounds the time of a call, as `Cluster` takes it.

    Returns:
        What asks; None where nothing may be asked, or there is nobody to be asked.

    Raises:
        SettingsError: evidence is demanded, and there is no API server.
    """
    if settings.endpoints is Endpoints.POD_DIAGNOSERS or not settings.may_gather:
        return None
    credentials = api_server(settings, environment)
    if credentials is not None:
        return ClusterGatherer(Cluster(credentials, deadline=deadline))
    if settings.evidence:
        message = (
            "POD_DIAGNOSER_EVIDENCE=true needs an API server: POD_DIAGNOSER_API_SERVER, "
            "or a Pod with the token of its service account"
        )
        raise SettingsError(message)
    return None
