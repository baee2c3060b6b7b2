"""The hooks for Pods, pure: a request and the time in, a response out.

The same request at the same time always gets the same response, so a sync that is repeated, lost or
out of order does no harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.api.metacontroller import (
    CustomizeRequest,
    CustomizeResponse,
    PodSyncRequest,
    SyncResponse,
    targets_rule,
)
from pod_diagnoser.api.time import parse_time
from pod_diagnoser.diagnosis.evidence import Evidence, EvidenceRequest, FetchedEvidence
from pod_diagnoser.diagnosis.redaction import redact_head, redact_tail
from pod_diagnoser.pods.claims import claiming_target, valid_targets
from pod_diagnoser.pods.keys import MAX_LOG_BYTES, MAX_MESSAGE_BYTES
from pod_diagnoser.pods.metadata import (
    NO_OUTPUT,
    ContainerOutput,
    desired_metadata,
    metadata_removal,
)
from pod_diagnoser.pods.observation import PodObservation, SettledCrash, observe_pod
from pod_diagnoser.pods.recall import diagnosed_late


@dataclass(frozen=True, slots=True)
class PodSync:
    """The result of a Pod's sync.

    Attributes:
        response: what Metacontroller gets.
        settled: the crashes whose causes are known now, for logs and metrics.
        lookups: what the Events showed that were looked up, for each crash, for metrics.
        evidence_request: the evidence that is missing, or None. Where it can be fetched, sync the
            Pod again with it.
        late_for: the uid of what claims the Pod, where a crash was diagnosed late, as after an
            outage of the hook; else None.
    """

    response: SyncResponse
    settled: Sequence[SettledCrash] = ()
    lookups: Sequence[Evidence] = ()
    evidence_request: EvidenceRequest | None = None
    late_for: str | None = None


def customize_pod(request: CustomizeRequest) -> CustomizeResponse:
    """Ask for the objects that a Pod's sync needs: the DiagnosisTargets of its namespace.

    The rules depend on the namespace alone: Metacontroller caches the response for 20 minutes, and
    evaluates the rules of every Pod when a DiagnosisTarget changes.
    """
    return CustomizeResponse(relatedResources=(targets_rule(request.parent.metadata.namespace),))


def sync_pod(
    request: PodSyncRequest,
    now: datetime,
    fetched: FetchedEvidence | None = None,
    *,
    confidential: bool = False,
) -> PodSync:
    """Work out the metadata of a Pod.

    Args:
        request: the sync request.
        now: the time by the hook's clock, in UTC.
        fetched: the result of an earlier `PodSync.evidence_request`; None at first.
        confidential: whether only authorized clients can get the response. Otherwise it contains
            nothing that applications wrote.

    Returns:
        Annotations and label for a Pod that is claimed and crashed; removal of the managed ones
        from a Pod that is not claimed; an empty response for all others.
    """
    pod = request.object
    targets = valid_targets(request.related.targets.values(), pod.metadata.namespace)
    claim = claiming_target(targets, pod.metadata.labels)
    if claim is None:
        return PodSync(metadata_removal(pod))
    if not confidential:
        claim = _without_container_output(claim)
    observation = observe_pod(pod, claim, now, fetched)
    output = _container_output(claim, observation, fetched)
    response = desired_metadata(pod, claim, observation, now, output)
    late = diagnosed_late(observation.new_records, parse_time(claim.since))
    return PodSync(
        response,
        observation.settled,
        observation.lookups,
        observation.evidence_request,
        claim.diagnoser.uid if late else None,
    )


def _without_container_output(claim: DiagnosisTargetSpec) -> DiagnosisTargetSpec:
    """Switch off the evidence that applications wrote."""
    evidence = claim.evidence.without_container_output()
    return claim if evidence is claim.evidence else claim.model_copy(update={"evidence": evidence})


def _container_output(
    claim: DiagnosisTargetSpec, observation: PodObservation, fetched: FetchedEvidence | None
) -> ContainerOutput:
    latest = observation.latest
    if latest is None:
        return NO_OUTPUT
    evidence, request = claim.evidence, observation.evidence_request
    message = ""
    if evidence.terminationMessage:
        message = redact_head(
            latest.symptom.termination_message, MAX_MESSAGE_BYTES, evidence.maskPatterns
        )
    if not evidence.logLines:
        return ContainerOutput(message)
    if fetched is None or request is None or request.log is None:
        return ContainerOutput(message, log=None)  # fetched when the crash was first diagnosed
    log = redact_tail(
        fetched.log or "", MAX_LOG_BYTES, evidence.maskPatterns, lines=evidence.logLines
    )
    return ContainerOutput(message, log)
