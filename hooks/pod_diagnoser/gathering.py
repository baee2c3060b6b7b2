"""Asks the API server for what the core would like to know of a crash, and costs it little.

A Pod's sync waits for the answer, so that all of it is bounded: in time, in bytes, in how many
calls there are at once. Where a call would meet with what the last one met with, none is made:
crashes come by the thousand just when an API server is busy.
"""

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol, TypeVar

from pydantic import ValidationError

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


_Content = TypeVar("_Content", str, bytes)


class Reads(Protocol):
    """What is read of the cluster (`pod_diagnoser.cluster.Cluster`)."""

    def list_events(
        self, namespace: str, pod: str, uid: str, seconds: float
    ) -> tuple[bytes, datetime]:
        """Read the Events about a Pod."""

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


class _EventList(Read):
    items: Many[_Event]


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
            asked, listed = self._read_events(wanted, min(until, self._monotonic() + seconds))
        log = None if wanted.log is None else self._read_log(wanted, wanted.log, until)
        return Gathered(asked, listed, log)

    def _read_events(self, wanted: Wanted, until: float) -> tuple[Asked, tuple[Event, ...]]:
        def read(seconds: float) -> bytes:
            return self._cluster.list_events(wanted.namespace, wanted.pod, wanted.uid, seconds)[0]

        content = self._ask(self._events, wanted.namespace, until, read)
        if isinstance(content, Asked):
            return content, ()
        try:
            found = _EventList.model_validate_json(content)
        except ValidationError:
            return Asked.UNAVAILABLE, ()
        return Asked.FOUND, tuple(_about(wanted.uid, found.items))

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
