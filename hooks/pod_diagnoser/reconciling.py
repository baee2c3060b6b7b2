"""The hooks themselves, pure: a request and the time in, an answer out.

Each follows the same three steps: gather what the request holds, decide with the modules that know,
answer. What they decide is the same whenever it is asked again, so that a sync that is repeated,
lost or out of order does no harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pod_diagnoser.annotating import (
    LABEL,
    MAX_LOG_BYTES,
    MAX_MESSAGE_BYTES,
    SILENT,
    LastWords,
    Marks,
    mark,
    unmark,
)
from pod_diagnoser.claiming import claimant, published
from pod_diagnoser.diagnosing import Diagnosis
from pod_diagnoser.evidence import Gathered, Wanted
from pod_diagnoser.masking import fit_end, fit_start
from pod_diagnoser.protocol import (
    CustomizeAnswer,
    CustomizeRequest,
    PodDiagnoserSyncRequest,
    PodSyncRequest,
    RelatedResourceRule,
    SyncAnswer,
)
from pod_diagnoser.remediating import Spared, due
from pod_diagnoser.remembering import parse_record
from pod_diagnoser.reporting import NOT_CONNECTED, Effects, claimed_pods, report
from pod_diagnoser.resources import (
    API_VERSION,
    DiagnosisTargetSpec,
    PodDiagnoser,
    PodDiagnoserStatus,
    diagnosis_target,
)
from pod_diagnoser.safeguarding import Crashed
from pod_diagnoser.sighting import Sighting, crashes_of, sight
from pod_diagnoser.times import parse_time


@dataclass(frozen=True, slots=True)
class PodSync:
    """What came of a sync of a Pod.

    Attributes:
        answer: what Metacontroller gets.
        first_seen: the crashes that were diagnosed now for the first time, for logs and metrics.
        wanted: what more would be wanted to know, or None. Where it can be found out, the sync is
            asked again with it.
    """

    answer: SyncAnswer
    first_seen: Sequence[Diagnosis] = ()
    wanted: Wanted | None = None


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

    answer: SyncAnswer
    status_changed: bool
    acted: bool = False
    pressing: bool = False
    spared: Sequence[Spared] = ()


def customize_pod(request: CustomizeRequest) -> CustomizeAnswer:
    """Say what a Pod's sync needs to see: the DiagnosisTargets of its namespace.

    Args:
        request: the customize request.

    Returns:
        The rules. They depend on the namespace only, since Metacontroller keeps an answer for
        20 minutes and asks for that of every Pod when a DiagnosisTarget changes.
    """
    return CustomizeAnswer(relatedResources=(_targets_of(request.parent.metadata.namespace),))


def customize_pod_diagnoser(request: CustomizeRequest) -> CustomizeAnswer:
    """Say what a PodDiagnoser's sync needs to see.

    Args:
        request: the customize request.

    Returns:
        Rules for the Pods of its namespace that carry its label, and for the DiagnosisTargets
        there. They depend on namespace and name only.
    """
    meta = request.parent.metadata
    return CustomizeAnswer(
        relatedResources=(
            RelatedResourceRule(
                apiVersion="v1",
                resource="pods",
                namespace=meta.namespace,
                labelSelector={"matchLabels": {LABEL: meta.name}},
            ),
            _targets_of(meta.namespace),
        )
    )


def _targets_of(namespace: str) -> RelatedResourceRule:
    return RelatedResourceRule(
        apiVersion=API_VERSION, resource="diagnosistargets", namespace=namespace
    )


def sync_pod(
    request: PodSyncRequest,
    now: datetime,
    gathered: Gathered | None = None,
    *,
    confidential: bool = False,
) -> PodSync:
    """Say what should stand on a Pod.

    Args:
        request: the sync request.
        now: the time by our clock, in UTC.
        gathered: what came of asking for what was `PodSync.wanted`; None before.
        confidential: whether the answer goes to nobody but who may read it: only then is anything
            in it that applications wrote.

    Returns:
        The answer: annotations and label for a Pod that a PodDiagnoser claims and that crashed, the
        removal of ours from one that nobody claims, and an empty answer for all others.
    """
    pod = request.object
    targets = published(request.related.targets.values(), pod.metadata.namespace)
    claim = claimant(targets, pod.metadata.labels)
    if claim is None:
        return PodSync(_pod_answer(unmark(pod)))
    if not confidential:
        claim = _discreet(claim)
    sighting = sight(pod, claim, now, gathered)
    words = _last_words(claim, sighting, gathered)
    marks = mark(pod, claim, sighting, now, words)
    return PodSync(_pod_answer(marks), marks.first_seen, sighting.wanted)


def _discreet(claim: DiagnosisTargetSpec) -> DiagnosisTargetSpec:
    """What is claimed without what applications wrote."""
    evidence = claim.evidence
    if not (evidence.terminationMessage or evidence.logLines):
        return claim
    events_alone = evidence.model_copy(update={"terminationMessage": False, "logLines": 0})
    return claim.model_copy(update={"evidence": events_alone})


def _pod_answer(marks: Marks) -> SyncAnswer:
    answer: dict[str, Any] = {}
    if marks.annotations:
        answer["annotations"] = marks.annotations
    if marks.labels:
        answer["labels"] = marks.labels
    if marks.resync_after is not None:
        answer["resyncAfterSeconds"] = marks.resync_after
    return SyncAnswer(**answer)


def _last_words(
    claim: DiagnosisTargetSpec, sighting: Sighting, gathered: Gathered | None
) -> LastWords:
    headline = sighting.headline
    if headline is None:
        return SILENT
    evidence, ending = claim.evidence, headline.diagnosis.ending
    message = ""
    if evidence.terminationMessage:
        message = fit_start(ending.last_message, MAX_MESSAGE_BYTES, evidence.maskPatterns)
    if not evidence.logLines:
        return LastWords(message)
    if gathered is None or sighting.wanted is None or sighting.wanted.log is None:
        return LastWords(message, log=None)  # it was asked for when the crash was seen first
    return LastWords(message, fit_end(gathered.log or "", MAX_LOG_BYTES, evidence.maskPatterns))


@dataclass(frozen=True, slots=True)
class Observed:
    """What a PodDiagnoser's sync request holds.

    Attributes:
        diagnoser: the PodDiagnoser with its stored status.
        targets: the published DiagnosisTargets of its namespace, in the order in which they claim.
        crashed: the Pods that it claims, with their crashes.
        complete: False when the request had more Pods than were read.
        half_written: whether it seems to be of the version between Metacontroller's two writes.
    """

    diagnoser: PodDiagnoser
    targets: Sequence[DiagnosisTargetSpec]
    crashed: Sequence[Crashed]
    complete: bool
    half_written: bool = False


def observe(
    request: PodDiagnoserSyncRequest, *, complete: bool = True, half_written: bool = False
) -> Observed:
    """Gather what a PodDiagnoser's sync request holds.

    Args:
        request: the sync request.
        complete: False when the request had more Pods than were read.
        half_written: whether it seems to be of the version between Metacontroller's two writes.

    Returns:
        What concerns this PodDiagnoser of it.
    """
    diagnoser = request.object
    targets = published(request.related.targets.values(), diagnoser.metadata.namespace)
    claimed = claimed_pods(diagnoser, request.related.pods.values(), targets)
    remembered = [(pod, parse_record(pod)) for pod in claimed]
    crashed = [
        Crashed(pod, crashes_of(pod, diagnoser.spec, record), record) for pod, record in remembered
    ]
    return Observed(diagnoser, targets, crashed, complete, half_written)


def sync_pod_diagnoser(
    observed: Observed, now: datetime, effects: Effects = NOT_CONNECTED
) -> PodDiagnoserSync:
    """Say what a PodDiagnoser's status and its DiagnosisTarget should be.

    Args:
        observed: what the request holds.
        now: the time, in UTC; by the API server's clock where that is known.
        effects: what came of what was done in the cluster before.

    Returns:
        The answer.
    """
    result = report(
        observed.diagnoser,
        observed.crashed,
        observed.targets,
        effects,
        now,
        complete=observed.complete,
    )
    acted = bool(effects.outcomes) or result.planned
    # A sync of the version between the two writes of a plan does nothing; the one that carries the
    # plan out waits for its answer.
    waiting = effects.trouble is None and bool(due(observed.diagnoser))
    return PodDiagnoserSync(
        answer_pod_diagnoser(observed.diagnoser, result.status, result.again),
        status_changed=result.changed,
        acted=acted,
        pressing=acted or waiting,
        spared=result.spared,
    )


NEW = timedelta(seconds=5)
"""For how long Metacontroller may not have learned of the DiagnosisTarget that it has created."""


def lost_its_target(observed: Observed, now: datetime) -> bool:
    """Tell whether a PodDiagnoser's DiagnosisTarget was there before, and is not any more.

    Args:
        observed: what the request holds.
        now: the time, in UTC; by the API server's clock where that is known.

    Returns:
        True where it is active and has a status, which is written with the DiagnosisTarget, is not
        `NEW`, and has no DiagnosisTarget. Somebody may have deleted that; or the PodDiagnoser is
        gone, and Metacontroller has not learned of it.
    """
    diagnoser = observed.diagnoser
    created = parse_time(diagnoser.metadata.creationTimestamp)
    if not diagnoser.active or diagnoser.status is None or created is None or now - created < NEW:
        return False
    return all(target.diagnoser.uid != diagnoser.metadata.uid for target in observed.targets)


def let_go(observed: Observed) -> PodDiagnoserSync:
    """Answer for a PodDiagnoser that is gone, of which Metacontroller has not learned.

    The garbage collector takes away what is published for it, and each time all its Pods are
    wiped: published again and again, they would be written to in turns until Metacontroller learns
    of it.

    Args:
        observed: what the request holds.

    Returns:
        The answer: nothing is to be published.
    """
    stored = observed.diagnoser.status or PodDiagnoserStatus()
    return PodDiagnoserSync(
        answer_pod_diagnoser(observed.diagnoser, stored, None, gone=True), status_changed=False
    )


def answer_pod_diagnoser(
    diagnoser: PodDiagnoser,
    status: PodDiagnoserStatus,
    resync_after: float | None,
    *,
    gone: bool = False,
) -> SyncAnswer:
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
    return SyncAnswer(**answer)
