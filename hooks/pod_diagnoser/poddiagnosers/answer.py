"""Build the responses for a PodDiagnoser. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser, PodDiagnoserStatus, diagnosis_target
from pod_diagnoser.api.metacontroller import (
    CustomizeRequest,
    CustomizeResponse,
    RelatedResourceRule,
    SyncResponse,
    targets_rule,
)
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot
from pod_diagnoser.poddiagnosers.status import build_status
from pod_diagnoser.pods.keys import LABEL
from pod_diagnoser.remediation.model import NOT_CONNECTED, ExecutionReport
from pod_diagnoser.remediation.planner import WithheldPod, planned_entries


@dataclass(frozen=True, slots=True)
class PodDiagnoserSync:
    """What came of a sync of a PodDiagnoser.

    Attributes:
        answer: what Metacontroller gets.
        status_changed: whether the answer changes the stored status.
        acted: whether something was done or planned.
        pressing: whether the next sync has something to do, so that this answer should not be held.
        spared: the crashed Pods that are left alone.
    """

    response: SyncResponse
    status_changed: bool
    executed: bool = False
    urgent: bool = False
    withheld_pods: Sequence[WithheldPod] = ()


def customize_pod_diagnoser(request: CustomizeRequest) -> CustomizeResponse:
    """Say what a PodDiagnoser's sync needs to see.

    Args:
        request: the customize request.

    Returns:
        Rules for the Pods of its namespace that carry its label, and for the DiagnosisTargets
        there. They depend on namespace and name only.
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
    observed: DiagnoserSnapshot, now: datetime, effects: ExecutionReport = NOT_CONNECTED
) -> PodDiagnoserSync:
    """Say what a PodDiagnoser's status and its DiagnosisTarget should be.

    Args:
        observed: what the request holds.
        now: the time, in UTC; by the API server's clock where that is known.
        effects: what came of what was done in the cluster before.

    Returns:
        The answer.
    """
    result = build_status(
        observed.diagnoser,
        observed.crashed,
        observed.targets,
        effects,
        now,
        complete=observed.complete,
    )
    acted = bool(effects.outcomes) or result.plans_changed
    # A sync of the version between the two writes of a plan does nothing; the one that carries the
    # plan out waits for its answer.
    waiting = effects.api_failure is None and bool(planned_entries(observed.diagnoser))
    return PodDiagnoserSync(
        build_response(observed.diagnoser, result.status, result.resync_after),
        status_changed=result.changed,
        executed=acted,
        urgent=acted or waiting,
        withheld_pods=result.withheld_pods,
    )


def answer_for_deleted(observed: DiagnoserSnapshot) -> PodDiagnoserSync:
    """Answer for a PodDiagnoser that is gone, of which Metacontroller has not learned.

    The garbage collector takes away what is published for it, and each time all its Pods are
    wiped: published again and again, they would be written to in turns until Metacontroller learns
    of it.

    Args:
        observed: what the request holds.

    Returns:
        The answer: nothing is to be published.
    """
    return PodDiagnoserSync(
        build_response(observed.diagnoser, observed.diagnoser.status, None, gone=True),
        status_changed=False,
    )


def build_response(
    diagnoser: PodDiagnoser,
    status: PodDiagnoserStatus,
    resync_after: float | None,
    *,
    gone: bool = False,
) -> SyncResponse:
    """Build the answer for a PodDiagnoser: the one place where such an answer is made.

    An answer without the DiagnosisTarget makes Metacontroller delete it, and so wipes every Pod
    that the PodDiagnoser claims. Whatever is answered for an active PodDiagnoser carries it, unless
    the API server itself says that there is no such PodDiagnoser.

    Args:
        diagnoser: the PodDiagnoser.
        status: its status.
        resync_after: seconds until it should be asked for again, or None.
        gone: whether there is no such PodDiagnoser any more.

    Returns:
        The answer.
    """
    publishes = diagnoser.active and not gone
    attachments = (dict(diagnosis_target(diagnoser)),) if publishes else ()
    answer: dict[str, Any] = {
        "status": status.model_dump(mode="json", exclude_none=True),
        "attachments": attachments,
    }
    if resync_after is not None:
        answer["resyncAfterSeconds"] = resync_after
    return SyncResponse(**answer)
