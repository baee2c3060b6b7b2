"""The hooks themselves, pure: a request and the time in, an answer out.

Each follows the same three steps: gather what the request holds, decide with the modules that know,
answer. What they decide is the same whenever it is asked again, so that a sync that is repeated,
lost or out of order does no harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.api.metacontroller import (
    CustomizeRequest,
    CustomizeResponse,
    PodSyncRequest,
    SyncResponse,
    targets_rule,
)
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.evidence import EvidenceRequest, FetchedEvidence
from pod_diagnoser.diagnosis.redaction import redact_head, redact_tail
from pod_diagnoser.pods.claims import claiming_target, valid_targets
from pod_diagnoser.pods.keys import MAX_LOG_BYTES, MAX_MESSAGE_BYTES
from pod_diagnoser.pods.metadata import (
    NO_OUTPUT,
    ContainerOutput,
    DesiredMetadata,
    desired_metadata,
    metadata_removal,
)
from pod_diagnoser.pods.observation import PodObservation, observe_pod


@dataclass(frozen=True, slots=True)
class PodSync:
    """What came of a sync of a Pod.

    Attributes:
        answer: what Metacontroller gets.
        first_seen: the crashes that were diagnosed now for the first time, for logs and metrics.
        wanted: what more would be wanted to know, or None. Where it can be found out, the sync is
            asked again with it.
    """

    response: SyncResponse
    first_seen: Sequence[Diagnosis] = ()
    evidence_request: EvidenceRequest | None = None


def customize_pod(request: CustomizeRequest) -> CustomizeResponse:
    """Say what a Pod's sync needs to see: the DiagnosisTargets of its namespace.

    Args:
        request: the customize request.

    Returns:
        The rules. They depend on the namespace only, since Metacontroller keeps an answer for
        20 minutes and asks for that of every Pod when a DiagnosisTarget changes.
    """
    return CustomizeResponse(relatedResources=(targets_rule(request.parent.metadata.namespace),))


def sync_pod(
    request: PodSyncRequest,
    now: datetime,
    gathered: FetchedEvidence | None = None,
    *,
    confidential: bool = False,
) -> PodSync:
    """Say what should stand on a Pod.

    Args:
        request: the sync request.
        now: the time by our clock, in UTC.
        gathered: what came of asking for what was `PodSync.evidence_request`; None before.
        confidential: whether the answer goes to nobody but who may read it: only then is anything
            in it that applications wrote.

    Returns:
        The answer: annotations and label for a Pod that a PodDiagnoser claims and that crashed, the
        removal of ours from one that nobody claims, and an empty answer for all others.
    """
    pod = request.object
    targets = valid_targets(request.related.targets.values(), pod.metadata.namespace)
    claim = claiming_target(targets, pod.metadata.labels)
    if claim is None:
        return PodSync(_response(metadata_removal(pod)))
    if not confidential:
        claim = _without_container_output(claim)
    sighting = observe_pod(pod, claim, now, gathered)
    words = _container_output(claim, sighting, gathered)
    marks = desired_metadata(pod, claim, sighting, now, words)
    return PodSync(_response(marks), marks.first_seen, sighting.evidence_request)


def _without_container_output(claim: DiagnosisTargetSpec) -> DiagnosisTargetSpec:
    """What is claimed without what applications wrote."""
    evidence = claim.evidence
    if not (evidence.terminationMessage or evidence.logLines):
        return claim
    events_alone = evidence.model_copy(update={"terminationMessage": False, "logLines": 0})
    return claim.model_copy(update={"evidence": events_alone})


def _response(marks: DesiredMetadata) -> SyncResponse:
    answer: dict[str, Any] = {}
    if marks.annotations:
        answer["annotations"] = marks.annotations
    if marks.labels:
        answer["labels"] = marks.labels
    if marks.resync_after is not None:
        answer["resyncAfterSeconds"] = marks.resync_after
    return SyncResponse(**answer)


def _container_output(
    claim: DiagnosisTargetSpec, sighting: PodObservation, gathered: FetchedEvidence | None
) -> ContainerOutput:
    headline = sighting.headline
    if headline is None:
        return NO_OUTPUT
    evidence, ending = claim.evidence, headline.diagnosis.symptom
    message = ""
    if evidence.terminationMessage:
        message = redact_head(ending.termination_message, MAX_MESSAGE_BYTES, evidence.maskPatterns)
    if not evidence.logLines:
        return ContainerOutput(message)
    if (
        gathered is None
        or sighting.evidence_request is None
        or sighting.evidence_request.log is None
    ):
        return ContainerOutput(message, log=None)  # it was asked for when the crash was seen first
    return ContainerOutput(
        message, redact_tail(gathered.log or "", MAX_LOG_BYTES, evidence.maskPatterns)
    )
