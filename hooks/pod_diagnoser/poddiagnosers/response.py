"""Build the responses for a PodDiagnoser. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTargetSpec,
    PodDiagnoser,
    PodDiagnoserStatus,
    diagnosis_target,
)
from pod_diagnoser.api.metacontroller import (
    CustomizeRequest,
    CustomizeResponse,
    RelatedResourceRule,
    SyncResponse,
    targets_rule,
)
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot
from pod_diagnoser.poddiagnosers.status import StatusReport, build_status
from pod_diagnoser.pods.keys import LABEL
from pod_diagnoser.remediation.model import NOT_CONNECTED, ExecutionReport, acts
from pod_diagnoser.remediation.planner import WithheldPod, planned_entries


@dataclass(frozen=True, slots=True)
class PodDiagnoserSync:
    """The result of a sync of a PodDiagnoser.

    Attributes:
        response: what Metacontroller gets.
        status_changed: whether the response changes the stored status.
        executed: whether something was executed or planned.
        urgent: whether the next sync has something to do, so that the response is not debounced.
        idle_seconds: seconds for which a sync could do nothing, whatever happens: what is to be
            reported has to wait, and nothing else is to be done for a crash.
        withheld_pods: the crashed Pods that are not replaced.
    """

    response: SyncResponse
    status_changed: bool
    executed: bool = False
    urgent: bool = False
    idle_seconds: float = 0.0
    withheld_pods: Sequence[WithheldPod] = ()


def customize_pod_diagnoser(request: CustomizeRequest) -> CustomizeResponse:
    """Return the rules for what a PodDiagnoser's sync needs.

    The Pods of its namespace that carry its label, and the DiagnosisTargets there. They depend on
    namespace and name only.
    """
    meta = request.parent.metadata
    return CustomizeResponse(
        relatedResources=(
            RelatedResourceRule(
                apiVersion="v1",
                resource="pods",
                namespace=meta.namespace,
                labelSelector={"matchLabels": {LABEL: meta.name}},
            ),
            targets_rule(meta.namespace),
        )
    )


def sync_pod_diagnoser(
    snapshot: DiagnoserSnapshot, now: datetime, report: ExecutionReport = NOT_CONNECTED
) -> PodDiagnoserSync:
    """Work out a PodDiagnoser's status and its DiagnosisTarget.

    Args:
        snapshot: what the request holds.
        now: the time, in UTC; by the API server's clock where that is known.
        report: what was done in the cluster before.
    """
    result = build_status(snapshot, report, now)
    response = build_response(
        snapshot.diagnoser,
        result.status,
        result.resync_after,
        publishes=snapshot.publishes,
        stored=snapshot.own_target,
    )
    return result_of_sync(snapshot, report, result, response, may_act=acts(snapshot.diagnoser))


def result_of_sync(
    snapshot: DiagnoserSnapshot,
    report: ExecutionReport,
    result: StatusReport,
    response: SyncResponse,
    *,
    may_act: bool,
) -> PodDiagnoserSync:
    """Return the result of a sync of either kind.

    Args:
        snapshot: what the request holds.
        report: what was done in the cluster before.
        result: the status that was worked out.
        response: what Metacontroller gets.
        may_act: whether a sync may have something to do before the status is written.
    """
    executed = bool(report.outcomes) or result.plans_changed
    # A sync of the version between the two writes of a plan does nothing; the one that executes the
    # plan follows when this response has arrived.
    pending = report.api_failure is None and bool(planned_entries(snapshot.diagnoser))
    return PodDiagnoserSync(
        response,
        status_changed=result.changed,
        executed=executed,
        urgent=executed or pending,
        idle_seconds=0.0 if may_act else result.write_after,
        withheld_pods=result.withheld_pods,
    )


def response_for_deleted(snapshot: DiagnoserSnapshot) -> PodDiagnoserSync:
    """Return the response for a PodDiagnoser whose deletion Metacontroller does not know yet.

    No DiagnosisTarget is published. The garbage collector would delete it each time, and the Pods
    would be wiped and annotated in turns until Metacontroller knows of the deletion.
    """
    return PodDiagnoserSync(
        build_response(snapshot.diagnoser, snapshot.diagnoser.status, None, publishes=False),
        status_changed=False,
    )


def build_response(
    diagnoser: PodDiagnoser,
    status: PodDiagnoserStatus,
    resync_after: float | None,
    *,
    publishes: bool,
    stored: DiagnosisTargetSpec | None = None,
) -> SyncResponse:
    """Build the response for a PodDiagnoser: the one place where such a response is built.

    A response without the DiagnosisTarget makes Metacontroller delete it, and so wipes every Pod
    that the PodDiagnoser claims. Every response for a PodDiagnoser within the limit of its
    namespace contains it, unless the API server itself says that there is no such PodDiagnoser.

    Args:
        diagnoser: the PodDiagnoser.
        status: its status.
        resync_after: seconds after which to sync again, or None.
        publishes: whether it has a DiagnosisTarget.
        stored: the spec of its DiagnosisTarget as it is stored, or None.
    """
    namespace = diagnoser.metadata.namespace
    attachments = (dict(diagnosis_target(diagnoser, namespace, stored)),) if publishes else ()
    response: dict[str, Any] = {
        "status": status.model_dump(mode="json", exclude_none=True),
        "attachments": attachments,
    }
    if resync_after is not None:
        response["resyncAfterSeconds"] = resync_after
    return SyncResponse(**response)
