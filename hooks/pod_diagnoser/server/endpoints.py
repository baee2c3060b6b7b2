"""What each URL returns: the hooks for Pods, PodDiagnosers and ClusterPodDiagnosers; probes.

Raw request in, response out: the bytes are read with the models, and what is decided is decided by
`pod_diagnoser.pods` and `pod_diagnoser.poddiagnosers`.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, TypeVar

from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from pod_diagnoser.api.cluster_requests import (
    ClusterCustomizeRequest,
    ClusterSyncRequest,
    ClusterTargetsRequest,
    parse_truncated_cluster,
)
from pod_diagnoser.api.metacontroller import (
    CustomizeRequest,
    DiagnoserRecallRequest,
    PodDiagnoserSyncRequest,
    PodSyncRequest,
    RelatedToPodDiagnoser,
    SyncResponse,
    TargetRecallRequest,
)
from pod_diagnoser.api.raw_request import (
    Shortcut,
    needs_no_annotations,
    parse_pods,
    parse_truncated,
    split_pods,
    strip_unread_fields,
    truncate_related,
)
from pod_diagnoser.diagnosis.evidence import EvidenceFetcher
from pod_diagnoser.poddiagnosers.cluster_snapshot import take_cluster_snapshot
from pod_diagnoser.poddiagnosers.cluster_status import customize_cluster, sync_cluster
from pod_diagnoser.poddiagnosers.cluster_targets import (
    customize_cluster_targets,
    sync_cluster_targets,
)
from pod_diagnoser.poddiagnosers.response import (
    PodDiagnoserSync,
    customize_pod_diagnoser,
    sync_pod_diagnoser,
)
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.poddiagnosers.status import WRITE_INTERVAL
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.pods.recall import Recalls
from pod_diagnoser.pods.sync import customize_pod, sync_pod
from pod_diagnoser.remediation.model import is_known_action
from pod_diagnoser.server.debouncing import Debounce
from pod_diagnoser.server.gateway import TEXT, TOO_LARGE, Body, Reply, RequestRefusedError
from pod_diagnoser.server.state_metrics import StateMetrics, StateUnavailableError
from pod_diagnoser.server.telemetry import Telemetry
from pod_diagnoser.server.turns import SHORT, Turn

_EMPTY: Final = SyncResponse()

_Request = TypeVar("_Request")

MAX_READING_SECONDS: Final = 3.0
"""CPU time of the process for which a PodDiagnoser's Pods are diagnosed in one sync. 5,000 take
less than a second; Metacontroller waits ten for the response."""

PART_BYTES: Final = 128 * 1024
"""Of so many bytes of a PodDiagnoser's Pods each part is that is parsed in one turn."""

ALONE_BYTES: Final = 512 * 1024
"""Larger requests about PodDiagnosers are parsed one after the other: parsed they take several
times as much memory, until their crashes have been read."""

PAGES_A_SECOND: Final = 10
"""How often the page of metrics is made in a second; making it takes a few milliseconds."""

Clock = Callable[[], datetime]
"""Returns the time now, in UTC."""


def utc_now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PodEndpoints:
    """The hooks of the DecoratorController for Pods, and of the one that recalls them.

    Attributes:
        clock: returns the time.
        recalls: recalls Pods after an outage.
        telemetry: counts and logs.
        evidence_fetcher: fetches Events and logs; None where they are not read.
        confidential: whether only callers with a token get responses, which may then hold what a
            container wrote.
    """

    clock: Clock
    recalls: Recalls
    telemetry: Telemetry
    evidence_fetcher: EvidenceFetcher | None
    confidential: bool

    def customize(self, body: Body) -> Reply:
        """Answer ``POST /pods/customize``."""
        return Reply(customize_pod(CustomizeRequest.model_validate_json(body.content)))

    def sync(self, body: Body) -> Reply:
        """Answer ``POST /pods/sync``: diagnose, and once more where Events may say more."""
        empty = needs_no_annotations(body.content)
        self.telemetry.shortcut_tried(Shortcut.NEEDS_NO_ANNOTATIONS, hit=empty)
        if empty:
            return Reply(_EMPTY)
        content = _strip(body.content, self.telemetry)
        body.turn.give_way()
        request = PodSyncRequest.model_validate_json(content)
        body.turn.give_way()
        result = sync_pod(request, self.clock(), confidential=self.confidential)
        if result.evidence_request is not None and self.evidence_fetcher is not None:
            evidence = self.evidence_fetcher.fetch(result.evidence_request)
            if result.evidence_request.is_more_than_template or evidence.change is not None:
                result = sync_pod(request, self.clock(), evidence, confidential=self.confidential)
            for found in result.lookups:
                self.telemetry.events_looked_up(found.lookup)
        for crash in result.settled:
            self.telemetry.diagnosed(request.object.metadata, crash)
        if result.late_for is not None:
            self.recalls.note_late(result.late_for, self.clock())
        return Reply(result.response)

    def recall(self, body: Body) -> Reply:
        """Answer ``POST /pods/recall``, a sync of a DiagnosisTarget."""
        request = TargetRecallRequest.model_validate_json(body.content)
        return Reply(self.recalls.sync_target(request.object))

    def recall_cluster(self, body: Body) -> Reply:
        """Answer ``POST /pods/cluster/recall``, a small sync of a ClusterPodDiagnoser."""
        request = DiagnoserRecallRequest.model_validate_json(body.content)
        return Reply(self.recalls.sync_cluster(request.object))


@dataclass(frozen=True, slots=True)
class PodDiagnoserEndpoints:
    """The hooks of the DecoratorController for PodDiagnosers, and of the one that recalls them.

    Attributes:
        clock: returns the time.
        recalls: recalls PodDiagnosers after an outage.
        telemetry: counts and logs.
        reconciler: does what is to be done in the cluster; None where there is no API server.
        max_related: the most bytes of related objects that are read.
        thread_time: a clock for the CPU time of this thread, in seconds.
    """

    clock: Clock
    recalls: Recalls
    telemetry: Telemetry
    reconciler: Reconciler | None
    max_related: int
    thread_time: Callable[[], float]

    def customize(self, body: Body) -> Reply:
        """Answer ``POST /poddiagnosers/customize``."""
        return Reply(customize_pod_diagnoser(CustomizeRequest.model_validate_json(body.content)))

    def sync(self, body: Body) -> Reply:
        """Answer ``POST /poddiagnosers/sync``.

        Raises:
            RequestRefusedError: the request was truncated before its PodDiagnoser ended.
        """
        turn = body.turn
        with turn.alone() if len(body.content) > ALONE_BYTES else nullcontext():
            content, complete = _truncated(body, self.max_related, self.telemetry)
            request = self._parse_in_turns(content, turn, complete=complete)
            has_time = _time_to_read(self.thread_time, turn)
            snapshot = take_snapshot(request, complete=complete, has_time=has_time)
        turn.give_way()
        if self.reconciler is None:
            result = sync_pod_diagnoser(snapshot, self.clock())
        else:
            result = self.reconciler.sync(snapshot)
        action = snapshot.diagnoser.spec.remediationAction
        if result.status_changed and not is_known_action(action):
            self.telemetry.unknown_action(snapshot.diagnoser.metadata)
        return Reply(result.response, _debounce(result))

    def _parse_in_turns(
        self, content: bytes, turn: Turn, *, complete: bool
    ) -> PodDiagnoserSyncRequest:
        """Parse a request, a large one part by part."""
        if turn is not SHORT:
            split = split_pods(content, PART_BYTES, complete=complete)
            self.telemetry.shortcut_tried(Shortcut.SPLIT_PODS, hit=split is not None)
            if split is not None:
                rest = _strip(split[0], self.telemetry)
                request = _parse_parts(content, rest, split[1], turn)
                if request is not None:
                    return request
        parse = PodDiagnoserSyncRequest.model_validate_json if complete else parse_truncated
        return _read_or_refuse(parse, _strip(content, self.telemetry))

    def recall(self, body: Body) -> Reply:
        """Answer ``POST /poddiagnosers/recall``, a small sync of a diagnoser of either kind."""
        request = DiagnoserRecallRequest.model_validate_json(body.content)
        return Reply(self.recalls.sync_diagnoser(request.object))


@dataclass(frozen=True, slots=True)
class ClusterPodDiagnoserEndpoints:
    """The hooks of the two DecoratorControllers for ClusterPodDiagnosers.

    Attributes:
        clock: returns the time.
        telemetry: counts and logs.
        reconciler: does what is to be done in the cluster; None where there is no API server.
        max_related: the most bytes of related objects that are read.
        thread_time: a clock for the CPU time of this thread, in seconds.
    """

    clock: Clock
    telemetry: Telemetry
    reconciler: Reconciler | None
    max_related: int
    thread_time: Callable[[], float]

    def customize(self, body: Body) -> Reply:
        """Answer ``POST /clusterpoddiagnosers/customize``."""
        return Reply(customize_cluster(ClusterCustomizeRequest.model_validate_json(body.content)))

    def sync(self, body: Body) -> Reply:
        """Answer ``POST /clusterpoddiagnosers/sync``: the status, and Events.

        Raises:
            RequestRefusedError: the request was truncated before its Pods begin.
        """
        content, complete = _truncated(body, self.max_related, self.telemetry)
        parse = ClusterSyncRequest.model_validate_json if complete else parse_truncated_cluster
        request = _read_or_refuse(parse, _strip(content, self.telemetry))
        body.turn.give_way()
        has_time = _time_to_read(self.thread_time, body.turn)
        snapshot = take_cluster_snapshot(request, complete=complete, has_time=has_time)
        if self.reconciler is None:
            result = sync_cluster(snapshot, self.clock())
        else:
            result = self.reconciler.sync_cluster(snapshot)
        return Reply(result.response, _debounce(result))

    def customize_targets(self, body: Body) -> Reply:
        """Answer ``POST /clusterpoddiagnosers/targets/customize``."""
        request = ClusterCustomizeRequest.model_validate_json(body.content)
        return Reply(customize_cluster_targets(request))

    def sync_targets(self, body: Body) -> Reply:
        """Answer ``POST /clusterpoddiagnosers/targets/sync``: the DiagnosisTargets."""
        content = _strip(body.content, self.telemetry)
        return Reply(sync_cluster_targets(ClusterTargetsRequest.model_validate_json(content)))


def _truncated(body: Body, max_related: int, telemetry: Telemetry) -> tuple[bytes, bool]:
    """Return what is read of a request with many Pods, and whether that is all of it."""
    truncated = truncate_related(body.content, max_related)
    telemetry.shortcut_tried(Shortcut.TRUNCATE_RELATED, hit=truncated is not None)
    content = body.content if truncated is None else truncated
    return content, body.complete and len(content) == len(body.content)


def _parse_parts(
    content: bytes, rest: bytes, parts: Sequence[tuple[int, int]], turn: Turn
) -> PodDiagnoserSyncRequest | None:
    """Parse a request as it was split, and give way between its parts.

    Returns:
        The request; None where it has to be parsed as a whole.
    """
    try:
        request = PodDiagnoserSyncRequest.model_validate_json(rest)
        pods = request.related.pods
        if pods:
            return None
        for start, end in parts:
            turn.give_way()
            pods |= parse_pods(content[start:end])
    except ValidationError:
        return None
    related = RelatedToPodDiagnoser.model_construct(targets=request.related.targets, pods=pods)
    return PodDiagnoserSyncRequest.model_construct(object=request.object, related=related)


def _read_or_refuse(parse: Callable[[bytes], _Request | None], content: bytes) -> _Request:
    """Parse what is read of a request with many Pods.

    Raises:
        RequestRefusedError: not even what comes before the Pods is there.
    """
    request = parse(content)
    if request is None:
        raise RequestRefusedError(TOO_LARGE)
    return request


def _time_to_read(thread_time: Callable[[], float], turn: Turn) -> Callable[[], bool]:
    """Return what gives way and says whether `MAX_READING_SECONDS` from now on are not over."""
    end = thread_time() + MAX_READING_SECONDS

    def has_time() -> bool:
        turn.give_way()
        return thread_time() < end

    return has_time


def _debounce(result: PodDiagnoserSync) -> Debounce | None:
    """Return how long the response to a PodDiagnoser's sync may be delayed."""
    if result.urgent:
        return None
    if result.status_changed:
        # The write brings the next sync at once, and that is delayed; there is one in two seconds.
        return Debounce(saved=WRITE_INTERVAL.total_seconds())
    return Debounce(idle=result.idle_seconds)


def _strip(content: bytes, telemetry: Telemetry) -> bytes:
    stripped = strip_unread_fields(content)
    telemetry.shortcut_tried(Shortcut.STRIP_UNREAD_FIELDS, hit=stripped is not content)
    return stripped


def healthy() -> Response:
    """Answer a probe. It does no I/O: an outage of the API server must not unready the hook."""
    return Response("ok\n", mimetype="text/plain")


class MetricsPage:
    """The metrics as Prometheus scrapes them; anyone who reaches the port may ask for them.

    Args:
        telemetry: what is shown.
        monotonic: a clock, in seconds.
    """

    def __init__(
        self, telemetry: Telemetry, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._telemetry = telemetry
        self._monotonic = monotonic
        self._page = b""
        self._second = 0.0
        self._made = 0

    def __call__(self) -> Response:
        """Answer a scrape: beyond `PAGES_A_SECOND`, with the page that was made last."""
        now = self._monotonic()
        if not self._page or now - self._second >= 1:
            self._second, self._made = now, 0
        if self._made < PAGES_A_SECOND:
            self._made += 1
            self._page = generate_latest(self._telemetry.registry)
        return Response(self._page, content_type=CONTENT_TYPE_LATEST)


def state_metrics(state: StateMetrics, telemetry: Telemetry) -> Response:
    """Answer a scrape by Prometheus of what the statuses of PodDiagnosers say."""
    try:
        return Response(state.scrape(), content_type=CONTENT_TYPE_LATEST)
    except StateUnavailableError as error:
        telemetry.state_unavailable(str(error))
        return Response(f"{error}\n", status=HTTPStatus.SERVICE_UNAVAILABLE, content_type=TEXT)


def refuse_unknown(error: HTTPException) -> Response:
    """Answer a path or method that does not exist, without repeating it."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    allowed = getattr(error, "valid_methods", None)
    return Response(
        f"{status.phrase.lower()}\n",
        status=status,
        headers={"Allow": ", ".join(sorted(allowed))} if allowed else {},
        content_type=TEXT,
    )
