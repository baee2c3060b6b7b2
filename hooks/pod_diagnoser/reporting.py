"""What a PodDiagnoser shows: its status. Pure.

The status is a function of the stored one and of the Pods that carry the PodDiagnoser's label;
where nothing happened it stays the same to the byte.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pod_diagnoser.annotating import LABEL, RECENT, read_record
from pod_diagnoser.claiming import claimant, older_rivals
from pod_diagnoser.diagnosing import diagnose
from pod_diagnoser.pods import Pod
from pod_diagnoser.resources import (
    Condition,
    ConditionType,
    DiagnosisTargetSpec,
    PodDiagnoser,
    PodDiagnoserStatus,
    RecentDiagnosis,
    diagnosis_target_spec,
)
from pod_diagnoser.times import format_time, parse_time

MAX_RECENT_DIAGNOSES = 10

MAX_FORMER_PODS = 1000
"""How many counted Pods are remembered that carry the label no more.

Memory of them is what keeps a Pod from being counted twice when it loses its label early (the
PodDiagnoser switched off and on, an older one created and deleted) and gets it again."""

MAX_COUNTED_PODS = 20_000
"""How many counted Pods are remembered at the very most, those with the label included."""

WRITE_INTERVAL = timedelta(seconds=2)
"""The least time between two writes of mere reporting."""

_KNOWN_ACTIONS = ("LogEvent", "RestartPod")
_MAX_RIVALS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Report:
    """What the status should be.

    Attributes:
        status: the status to answer with.
        changed: whether it differs from the stored one.
        write_after: seconds until a change that is held back is due, or None.
    """

    status: PodDiagnoserStatus
    changed: bool
    write_after: float | None = None


def report(
    diagnoser: PodDiagnoser,
    pods: Iterable[Pod],
    targets: Sequence[DiagnosisTargetSpec],
    now: datetime,
    *,
    complete: bool = True,
) -> Report:
    """Work out a PodDiagnoser's status.

    Args:
        diagnoser: the PodDiagnoser with its stored status.
        pods: the Pods of its namespace that carry its label.
        targets: the published DiagnosisTargets of its namespace, in the order in which they claim.
        now: the time by our clock, in UTC.
        complete: False when there were too many Pods to read them all.

    Returns:
        The new status. The first change is in it at once; later ones that only report are held
        back, so that there is at most one write in `WRITE_INTERVAL`, and the stored status is
        returned with the time after which to ask again.
    """
    stored = diagnoser.status or PodDiagnoserStatus()
    pods = _claimed(diagnoser, pods, targets)
    conditions = _conditions(diagnoser, stored, targets, now, complete=complete)
    recent = _recent_diagnoses(stored, pods, now)
    new = _uncounted(stored, pods, now)
    wanted = stored.model_copy(
        update={
            "observedGeneration": diagnoser.metadata.generation,
            "diagnosedPods": stored.diagnosedPods + len(new),
            "lastProcessedPod": recent[0].pod if recent else stored.lastProcessedPod,
            "conditions": conditions,
            "recentDiagnoses": recent,
            "countedPods": _counted(stored, pods, new, complete=complete),
        }
    )
    if wanted == stored:
        return Report(stored, changed=False)
    urgent = (
        wanted.conditions != stored.conditions
        or wanted.observedGeneration != stored.observedGeneration
        # A Pod that goes has to be counted while it is still there to be seen.
        or any(pod.metadata.terminating for pod in new.values())
    )
    wait = _until_next_write(stored, now)
    if wait > 0 and not urgent:
        return Report(stored, changed=False, write_after=wait)
    return Report(
        wanted.model_copy(update={"lastUpdateTime": format_time(now)}),
        changed=True,
    )


def pod_hash(uid: str) -> str:
    """Shorten a Pod's uid for ``status.countedPods``.

    Args:
        uid: the Pod's uid.

    Returns:
        12 hexadecimal digits; among 5,000 Pods two share them once in 20 million times.
    """
    return hashlib.sha256(uid.encode()).hexdigest()[:12]


def _claimed(
    diagnoser: PodDiagnoser, pods: Iterable[Pod], targets: Sequence[DiagnosisTargetSpec]
) -> list[Pod]:
    """The Pods that are this PodDiagnoser's by their labels now, whatever label they carry."""
    if not diagnoser.active:
        return []
    own = diagnosis_target_spec(diagnoser)
    # Its own target may not be in the cache yet, or not as it is now: it is taken from the spec.
    rivals = [target for target in targets if target.diagnoser.uid != own.diagnoser.uid]
    order = [*older_rivals(own, rivals), own]
    return [
        pod
        for pod in pods
        if pod.metadata.namespace == diagnoser.metadata.namespace
        and pod.metadata.labels.get(LABEL) == diagnoser.metadata.name
        and claimant(order, pod.metadata.labels) is own
    ]


def _until_next_write(stored: PodDiagnoserStatus, now: datetime) -> float:
    last = parse_time(stored.lastUpdateTime)
    if last is None or last > now:
        return 0.0
    return max(0.0, (last + WRITE_INTERVAL - now).total_seconds())


def _uncounted(stored: PodDiagnoserStatus, pods: Iterable[Pod], now: datetime) -> dict[str, Pod]:
    """The Pods that are to be counted now, by their hashes.

    A Pod is counted when its hash is not known and it was first diagnosed within the time for which
    it then carries the label: one first diagnosed earlier has been counted then, even where its
    hash has been forgotten since.
    """
    known = set(stored.countedPods)
    hashes = ((pod_hash(pod.metadata.uid), pod) for pod in pods)
    return {
        name: pod
        for name, pod in hashes
        if name not in known and _first_diagnosed_recently(pod, now)
    }


def _counted(
    stored: PodDiagnoserStatus, pods: Iterable[Pod], new: Iterable[str], *, complete: bool
) -> tuple[str, ...]:
    """All counted Pods of which the memory is kept, the newest first.

    Where not all Pods were read, one that is missing may carry the label all the same.
    """
    counted = (*sorted(new), *stored.countedPods)[:MAX_COUNTED_PODS]
    if len(counted) <= MAX_FORMER_PODS or not complete:
        return counted
    labelled = {pod_hash(pod.metadata.uid) for pod in pods}
    former = [name for name in counted if name not in labelled]
    forgotten = set(former[MAX_FORMER_PODS:])
    return tuple(name for name in counted if name not in forgotten)


def _first_diagnosed_recently(pod: Pod, now: datetime) -> bool:
    record = read_record(pod, now)
    return record.since is not None and now - record.since < RECENT


def _recent_diagnoses(
    stored: PodDiagnoserStatus, pods: Iterable[Pod], now: datetime
) -> tuple[RecentDiagnosis, ...]:
    by_id = {entry.id: entry for entry in stored.recentDiagnoses}
    for pod in pods:
        seen = {crash.id: crash.seen for crash in read_record(pod, now).history}
        for diagnosis in diagnose(pod):
            told = by_id.get(diagnosis.id)
            # What was told once stays, whatever clock or annotation says now.
            first = told.seen if told else _formatted(seen.get(diagnosis.id))
            by_id[diagnosis.id] = RecentDiagnosis(
                id=diagnosis.id,
                pod=pod.metadata.name,
                podUID=pod.metadata.uid,
                container=diagnosis.container,
                cause=diagnosis.cause.value,
                reason=diagnosis.restart_reason,
                time=_formatted(diagnosis.finished_at),
                seen=first,
                diagnosis=diagnosis.sentence,
            )
    ordered = sorted(
        by_id.values(), key=lambda entry: (entry.time or entry.seen or "", entry.id), reverse=True
    )
    return tuple(ordered[:MAX_RECENT_DIAGNOSES])


def _formatted(time: datetime | None) -> str | None:
    return None if time is None else format_time(time)


def _conditions(
    diagnoser: PodDiagnoser,
    stored: PodDiagnoserStatus,
    targets: Sequence[DiagnosisTargetSpec],
    now: datetime,
    *,
    complete: bool,
) -> tuple[Condition, ...]:
    wanted = (
        _active(diagnoser),
        _overlapping(diagnoser, targets),
        _complete(complete=complete),
        _remediating(diagnoser),
    )
    before = {condition.type: condition for condition in stored.conditions}
    return tuple(
        _condition(claim, before.get(claim.type), diagnoser.metadata.generation, now)
        for claim in wanted
    )


@dataclass(frozen=True, slots=True)
class _Claim:
    type: ConditionType
    holds: bool
    reason: str
    message: str


def _condition(
    claim: _Claim, before: Condition | None, generation: int | None, now: datetime
) -> Condition:
    status = "True" if claim.holds else "False"
    same = before is not None and before.status == status
    return Condition(
        type=claim.type.value,
        status="True" if claim.holds else "False",
        reason=claim.reason,
        message=claim.message,
        observedGeneration=generation,
        lastTransitionTime=before.lastTransitionTime
        if same and before is not None
        else format_time(now),
    )


def _active(diagnoser: PodDiagnoser) -> _Claim:
    if diagnoser.active:
        which = (
            "have all of its targetLabels" if diagnoser.spec.targetLabels else "nobody older claims"
        )
        return _Claim(
            ConditionType.ACTIVE,
            holds=True,
            reason="Claiming",
            message=f"Claims the Pods of its namespace that {which}.",
        )
    return _Claim(
        ConditionType.ACTIVE,
        holds=False,
        reason="AnnotationsDisabled",
        message="spec.enableAnnotations is false: it claims no Pods and diagnoses nothing.",
    )


def _overlapping(diagnoser: PodDiagnoser, targets: Sequence[DiagnosisTargetSpec]) -> _Claim:
    rivals = older_rivals(diagnosis_target_spec(diagnoser), targets) if diagnoser.active else []
    if not rivals:
        return _Claim(
            ConditionType.OVERLAPPING,
            holds=False,
            reason="NoOlderMatches",
            message="No older PodDiagnoser can match the same Pods.",
        )
    names = ", ".join(rival.diagnoser.name for rival in rivals[:_MAX_RIVALS_NAMED])
    more = len(rivals) - _MAX_RIVALS_NAMED
    if more > 0:
        names += f" and {more} more"
    return _Claim(
        ConditionType.OVERLAPPING,
        holds=True,
        reason="OlderMayMatch",
        message=f"Pods that these older PodDiagnosers match too are theirs: {names}.",
    )


def _complete(*, complete: bool) -> _Claim:
    if complete:
        return _Claim(
            ConditionType.COMPLETE,
            holds=True,
            reason="AllRead",
            message="All Pods that crashed recently were read.",
        )
    return _Claim(
        ConditionType.COMPLETE,
        holds=False,
        reason="TooManyRecentCrashes",
        message=(
            "More Pods crashed recently than one request may hold: every Pod is diagnosed, "
            "but not all are in this status. Narrower targetLabels help."
        ),
    )


def _remediating(diagnoser: PodDiagnoser) -> _Claim:
    action = diagnoser.spec.remediationAction
    if not action:
        reason, message = "NoAction", "spec.remediationAction asks for nothing to be done."
    elif action in _KNOWN_ACTIONS:
        reason = "NotAvailable"
        message = f"This version diagnoses only: {action} is not carried out."
    else:
        reason = "UnknownAction"
        message = "spec.remediationAction is none that this version knows: nothing is done."
    return _Claim(ConditionType.REMEDIATING, holds=False, reason=reason, message=message)
