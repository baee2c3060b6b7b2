"""What a PodDiagnoser shows: its status. Pure.

The status is a function of the stored one and of the Pods that carry the PodDiagnoser's label;
where nothing happened it stays the same to the byte.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pod_diagnoser.annotating import LABEL
from pod_diagnoser.claiming import claimant, older_rivals
from pod_diagnoser.diagnosing import Diagnosis
from pod_diagnoser.phases import REPLACING, Action, Outcome, Phase, Reason
from pod_diagnoser.pods import OwnedPod, Pod
from pod_diagnoser.remediating import Plan, Spared, plan
from pod_diagnoser.remembering import RECENT, Record, believable
from pod_diagnoser.resources import (
    Condition,
    ConditionType,
    DiagnosisTargetSpec,
    PodDiagnoser,
    PodDiagnoserStatus,
    RecentDiagnosis,
    diagnosis_target_spec,
)
from pod_diagnoser.safeguarding import Crashed
from pod_diagnoser.times import format_time, parse_time, soonest
from pod_diagnoser.workloads import until_forgotten, workloads

MAX_RECENT_DIAGNOSES = 10

MAX_FORMER_PODS = 1000
"""How many counted Pods are remembered that carry the label no more.

Memory of them is what keeps a Pod from being counted twice when it loses its label early (the
PodDiagnoser switched off and on, an older one created and deleted) and gets it again."""

MAX_COUNTED_PODS = 20_000
"""How many counted Pods are remembered at the very most, those with the label included."""

WRITE_INTERVAL = timedelta(seconds=2)
"""The least time between two writes of mere reporting."""

ACT_SECONDS = 1.0
"""After how many seconds a sync is asked for that carries out what is planned."""

_MAX_RIVALS_NAMED = 3
_MAX_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Effects:
    """What came of what was done in the cluster before the status is worked out.

    Attributes:
        outcomes: what came of plans, by crash id.
        trouble: reason and message of what held something up, or None.
        again: seconds after which to ask again, or None.
        connected: whether anything can be done at all.
        dated: whether the API server's time is known as far as anything hangs on it. Without it
            nothing is planned and nothing forgotten.
    """

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    trouble: tuple[str, str] | None = None
    again: float | None = None
    connected: bool = True
    dated: bool = True


NOT_CONNECTED = Effects(connected=False)
"""This process has no access to the API server: it diagnoses, and does nothing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the status should be.

    Attributes:
        status: the status to answer with.
        changed: whether it differs from the stored one.
        again: seconds until something is due, or None.
        planned: whether remediations are not as they were.
        spared: the crashed Pods that are left alone.
    """

    status: PodDiagnoserStatus
    changed: bool
    again: float | None = None
    planned: bool = False
    spared: Sequence[Spared] = ()


def report(  # noqa: PLR0913 (all that a status is made of)
    diagnoser: PodDiagnoser,
    crashed: Sequence[Crashed],
    targets: Sequence[DiagnosisTargetSpec],
    effects: Effects,
    now: datetime,
    *,
    complete: bool = True,
) -> Report:
    """Work out a PodDiagnoser's status.

    Args:
        diagnoser: the PodDiagnoser with its stored status.
        crashed: the Pods that it claims, with their crashes.
        targets: the published DiagnosisTargets of its namespace, in the order in which they claim.
        effects: what came of what was done in the cluster before.
        now: the time, in UTC.
        complete: False when there were too many Pods to read them all.

    Returns:
        The new status. The first change is in it at once; later ones that only report are held
        back, so that there is at most one write in `WRITE_INTERVAL`, and the stored status is
        returned with the time after which to ask again. A new plan or outcome is never held back.
    """
    stored = diagnoser.status or PodDiagnoserStatus()
    pods = [each.pod for each in crashed]
    records = {each.pod.metadata.uid: believable(each.record, now) for each in crashed}
    recent = _recent_diagnoses(stored, crashed, records)
    new = _uncounted(stored, pods, records, now)
    lines = workloads(
        stored.workloads,
        _only(crashed, lambda found: not found.planned),
        records,
        {pod.metadata.uid for pod in new.values()},
        now,
        complete=complete,
    )
    planned = _planned(diagnoser, crashed, effects, now, complete=complete)
    claims = (
        _active(diagnoser),
        _overlapping(diagnoser, targets),
        _complete(complete=complete),
        _remediating(diagnoser, planned, effects),
    )
    wanted = stored.model_copy(
        update={
            "observedGeneration": diagnoser.metadata.generation,
            "diagnosedPods": min(stored.diagnosedPods + len(new), _MAX_INT64),
            "lastProcessedPod": recent[0].pod if recent else stored.lastProcessedPod,
            "conditions": _conditions(diagnoser, claims, now),
            "recentDiagnoses": recent,
            "countedPods": _counted(stored, pods, new, complete=complete),
            "remediations": planned.remediations,
            "owners": planned.owners,
            "withheld": planned.withheld,
            "workloads": lines,
        }
    )
    again = soonest(
        _next_act(planned, effects),
        planned.resync_after,
        until_forgotten(lines, now) if complete else None,
    )
    if wanted == stored:
        return Report(stored, changed=False, again=again, spared=planned.spared)
    urgent = (
        _stated(wanted) != _stated(stored)
        or wanted.observedGeneration != stored.observedGeneration
        or wanted.remediations != stored.remediations
        # A Pod that goes has to be counted while it is still there to be seen.
        or any(pod.metadata.terminating for pod in new.values())
    )
    wait = _until_next_write(stored, now)
    if wait > 0 and not urgent:
        return Report(stored, changed=False, again=soonest(again, wait), spared=planned.spared)
    return Report(
        wanted.model_copy(update={"lastUpdateTime": format_time(now)}),
        changed=True,
        again=again,
        planned=wanted.remediations != stored.remediations,
        spared=planned.spared,
    )


def _planned(
    diagnoser: PodDiagnoser,
    crashed: Sequence[Crashed],
    effects: Effects,
    now: datetime,
    *,
    complete: bool,
) -> Plan:
    """Work out what to say of remediation, or leave it as it is where that can't be worked out.

    What is not restarted, a new Pod does not help; what was restarted on purpose needs no help.
    """
    if effects.connected and effects.dated:
        restarted = _only(crashed, lambda found: found.restarted and not found.planned)
        return plan(diagnoser, restarted, effects.outcomes, now, complete=complete)
    stored = diagnoser.status or PodDiagnoserStatus()
    return Plan(
        remediations=stored.remediations,
        owners=stored.owners,
        withheld=stored.withheld if effects.connected else (),
    )


def _only(crashed: Iterable[Crashed], holds: Callable[[Diagnosis], bool]) -> list[Crashed]:
    """Those diagnoses of which something holds; Pods without one are left out."""
    kept = []
    for each in crashed:
        found = [diagnosis for diagnosis in each.diagnoses if holds(diagnosis)]
        if found:
            whole = len(found) == len(each.diagnoses)
            kept.append(each if whole else replace(each, diagnoses=found))
    return kept


def _next_act(planned: Plan, effects: Effects) -> float | None:
    """Seconds until planned remediations are to be carried out.

    A new plan's own write brings the next sync; this is for when that is lost.
    """
    waiting = any(entry.phase == Phase.PLANNED for entry in planned.remediations)
    if waiting and effects.connected and effects.trouble is None:
        return soonest(effects.again, ACT_SECONDS)
    return effects.again


def _stated(status: PodDiagnoserStatus) -> list[tuple[str, str, str]]:
    """What the conditions say, without their wording."""
    return [(each.type, each.status, each.reason) for each in status.conditions]


def pod_hash(uid: str) -> str:
    """Shorten a Pod's uid for ``status.countedPods``.

    Args:
        uid: the Pod's uid.

    Returns:
        12 hexadecimal digits; among 5,000 Pods two share them once in 20 million times.
    """
    return hashlib.sha256(uid.encode()).hexdigest()[:12]


def claimed_pods(
    diagnoser: PodDiagnoser, pods: Iterable[OwnedPod], targets: Sequence[DiagnosisTargetSpec]
) -> list[OwnedPod]:
    """Pick the Pods that are a PodDiagnoser's by their labels now.

    Args:
        diagnoser: the PodDiagnoser.
        pods: Pods as Metacontroller sent them; anyone may have put its label on one.
        targets: the published DiagnosisTargets of its namespace.

    Returns:
        Those of its namespace that carry its label and that it claims.
    """
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


def _uncounted(
    stored: PodDiagnoserStatus,
    pods: Iterable[Pod],
    records: Mapping[str, Record],
    now: datetime,
) -> dict[str, Pod]:
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
        if name not in known and _first_diagnosed_recently(records[pod.metadata.uid], now)
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


def _first_diagnosed_recently(record: Record, now: datetime) -> bool:
    return record.since is not None and now - record.since < RECENT


def _recent_diagnoses(
    stored: PodDiagnoserStatus, crashed: Iterable[Crashed], records: Mapping[str, Record]
) -> tuple[RecentDiagnosis, ...]:
    by_id = {entry.id: entry for entry in stored.recentDiagnoses}
    for each in crashed:
        pod = each.pod
        seen = {crash.id: crash.seen for crash in records[pod.metadata.uid].history}
        for diagnosis in each.diagnoses:
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
    diagnoser: PodDiagnoser, claims: Iterable["_Claim"], now: datetime
) -> tuple[Condition, ...]:
    stored = diagnoser.status or PodDiagnoserStatus()
    before = {condition.type: condition for condition in stored.conditions}
    return tuple(
        _condition(claim, before.get(claim.type), diagnoser.metadata.generation, now)
        for claim in claims
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


_NOTHING_DONE = {
    "": ("NoAction", "spec.remediationAction asks for nothing to be done."),
    None: (
        "UnknownAction",
        "spec.remediationAction is none that this version knows: nothing is done.",
    ),
}


def _remediating(diagnoser: PodDiagnoser, planned: Plan, effects: Effects) -> _Claim:
    """Sum up what is done about crashes, or why nothing is."""
    action, policy = diagnoser.spec.remediationAction, diagnoser.spec.remediation
    namespace = diagnoser.metadata.namespace
    refused = action in REPLACING and any(
        entry.reason == Reason.FORBIDDEN for entry in planned.remediations
    )
    holds = False
    if action not in tuple(Action):
        reason, message = _NOTHING_DONE[None]
    elif not action:
        reason, message = _NOTHING_DONE[""]
    elif not diagnoser.active:
        reason, message = "Inactive", "It claims no Pods, so there is nothing to be done."
    elif not effects.connected:
        reason = "NotConnected"
        message = "The operator runs without access to the API server: nothing is done."
    elif effects.trouble is not None:
        reason, message = effects.trouble
    elif refused:
        reason = "Forbidden"
        message = f"The operator may not delete or evict Pods in namespace {namespace}."
    elif action == Action.LOG_EVENT:
        holds, reason = True, "LoggingEvents"
        message = "An Event tells each fresh crash."
    elif policy.paused or policy.dryRun:
        reason = "Paused" if policy.paused else "DryRun"
        message = "Nothing is done. " + _summary(planned)
    else:
        holds, reason = True, "ReplacingPods"
        message = _summary(planned)
    return _Claim(ConditionType.REMEDIATING, holds=holds, reason=reason, message=message)


def _summary(planned: Plan) -> str:
    """Count what is remembered of remediations, and what is withheld."""
    phases = Counter(entry.phase for entry in planned.remediations)
    done = ", ".join(f"{count} {phase}" for phase, count in sorted(phases.items()))
    withheld = ", ".join(f"{each.crashes} {each.reason}" for each in planned.withheld)
    return f"Remediations: {done or 'none'}. Withheld: {withheld or 'none'}."
