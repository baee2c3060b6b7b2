"""What each URL answers."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, Protocol

from flask import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.exceptions import HTTPException

from pod_diagnoser.api.metacontroller import (
    CustomizeRequest,
    CustomizeResponse,
    PodDiagnoserSyncRequest,
    PodSyncRequest,
    SyncResponse,
)
from pod_diagnoser.api.raw_request import (
    between_status_writes,
    needs_no_annotations,
    parse_truncated,
    strip_unread_fields,
    truncate_related,
)
from pod_diagnoser.diagnosis.evidence import EvidenceFetcher
from pod_diagnoser.poddiagnosers.answer import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.model import is_known_action
from pod_diagnoser.server.gateway import TEXT, TOO_LARGE, Body, Reply, RequestRejected
from pod_diagnoser.server.telemetry import Telemetry

_EMPTY: Final = SyncResponse()


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Return the time now, in UTC."""


def utc_now() -> datetime:
    """Tell the time.

    Returns:
        The time now, in UTC.
    """
    return datetime.now(UTC)


def healthy() -> Response:
    """Answer a probe. It does no I/O: an outage of the API server must not unready the hook."""
    return Response("ok\n", mimetype="text/plain")


def metrics(telemetry: Telemetry) -> Response:
    """Answer a scrape by Prometheus."""
    return Response(generate_latest(telemetry.registry), content_type=CONTENT_TYPE_LATEST)


def reject_unknown(error: HTTPException) -> Response:
    """Answer a path or method that there is not, without repeating it."""
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    allowed = getattr(error, "valid_methods", None)
    return Response(
        f"{status.phrase.lower()}\n",
        status=status,
        headers={"Allow": ", ".join(sorted(allowed))} if allowed else {},
        content_type=TEXT,
    )


def customize(hook: Callable[[CustomizeRequest], CustomizeResponse], body: Body) -> Reply:
    """Answer which related objects a sync needs."""
    return Reply(hook(CustomizeRequest.model_validate_json(body.content)))


def sync_pod_endpoint(
    clock: Clock,
    telemetry: Telemetry,
    gatherer: EvidenceFetcher | None,
    confidential: bool,  # noqa: FBT001 (bound by position, once)
    body: Body,
) -> Reply:
    """Answer ``POST /pods/sync``: twice diagnosed where Events may tell more."""
    if needs_no_annotations(body.content):
        return Reply(_EMPTY)
    sync_request = PodSyncRequest.model_validate_json(strip_unread_fields(body.content))
    result = sync_pod(sync_request, clock(), confidential=confidential)
    if result.evidence_request is not None and gatherer is not None:
        gathered = gatherer.fetch(result.evidence_request)
        telemetry.evidence_fetched(gathered.lookup)
        result = sync_pod(sync_request, clock(), gathered, confidential=confidential)
    for diagnosis in result.first_seen:
        telemetry.diagnosed(sync_request.object.metadata, diagnosis)
    return Reply(result.response)


def sync_pod_diagnoser_endpoint(
    clock: Clock,
    telemetry: Telemetry,
    remediator: Reconciler | None,
    max_related: int,
    body: Body,
) -> Reply:
    """Answer ``POST /poddiagnosers/sync``."""
    content = truncate_related(body.content, max_related)
    complete = body.complete and len(content) == len(body.content)
    if complete:
        sync_request = PodDiagnoserSyncRequest.model_validate_json(strip_unread_fields(content))
    else:
        start = parse_truncated(strip_unread_fields(content))
        if start is None:
            raise RequestRejected(*TOO_LARGE)
        sync_request = start
    observed = take_snapshot(
        sync_request, complete=complete, between_status_writes=between_status_writes(content)
    )
    if remediator is None:
        result = sync_pod_diagnoser(observed, clock())
    else:
        result = remediator.sync(observed)
    if result.status_changed and not is_known_action(observed.diagnoser.spec.remediationAction):
        telemetry.unknown_action(observed.diagnoser.metadata)
    return Reply(result.response, debounce=not result.urgent)
