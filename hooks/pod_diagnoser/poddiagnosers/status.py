"""What a PodDiagnoser shows: its status. Pure.

The status is a function of the stored one and of the Pods that carry the PodDiagnoser's label;
where nothing happened it stays the same to the byte.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTargetSpec,
    PodDiagnoser,
    PodDiagnoserStatus,
    RecentDiagnosis,
)
from pod_diagnoser.api.fields import UNKNOWN_TIME
from pod_diagnoser.api.time import earliest, whole_seconds
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.poddiagnosers.conditions import (
    active_condition,
    complete_condition,
    condition_summary,
    conditions,
    overlapping_condition,
    remediating_condition,
)
from pod_diagnoser.poddiagnosers.counting import counted_pods, uncounted_pods
from pod_diagnoser.poddiagnosers.workloads import seconds_until_forgotten, workloads
from pod_diagnoser.pods.history import CrashHistory, drop_future
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.model import ExecutionReport, Phase
from pod_diagnoser.remediation.planner import Plan, WithheldPod, plan

MAX_RECENT_DIAGNOSES = 10

WRITE_INTERVAL = timedelta(seconds=2)
"""The least time between two writes of mere reporting."""

EXECUTION_DELAY_SECONDS = 1.0
"""After how many seconds a sync is asked for that carries out what is planned."""
_MAX_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StatusReport:
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
    resync_after: float | None = None
    plans_changed: bool = False
    withheld_pods: Sequence[WithheldPod] = ()


def build_status(  # noqa: PLR0913 (all that a status is made of)
    diagnoser: PodDiagnoser,
    crashed: Sequence[CrashedPod],
    targets: Sequence[DiagnosisTargetSpec],
    effects: ExecutionReport,
    now: datetime,
    *,
    complete: bool = True,
) -> StatusReport:
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
    stored = diagnoser.status
    pods = [each.pod for each in crashed]
    records = {each.pod.metadata.uid: drop_future(each.history, now) for each in crashed}
    recent = _recent_diagnoses(stored, crashed, records)
    new = uncounted_pods(stored, pods, records, now)
    lines = workloads(
        stored.workloads,
        _select_diagnoses(crashed, lambda found: not found.was_requested),
        records,
        {pod.metadata.uid for pod in new.values()},
        now,
        complete=complete,
    )
    planned = _plan_remediation(diagnoser, crashed, effects, now, complete=complete)
    claims = (
        active_condition(diagnoser),
        overlapping_condition(diagnoser, targets),
        complete_condition(complete=complete),
        remediating_condition(diagnoser, planned, effects),
    )
    wanted = stored.model_copy(
        update={
            "observedGeneration": diagnoser.metadata.generation,
            "diagnosedPods": min(stored.diagnosedPods + len(new), _MAX_INT64),
            "lastProcessedPod": recent[0].pod if recent else stored.lastProcessedPod,
            "conditions": conditions(diagnoser, claims, now),
            "recentDiagnoses": recent,
            "countedPods": counted_pods(stored, pods, new, complete=complete),
            "remediations": planned.remediations,
            "owners": planned.owners,
            "withheld": planned.withheld,
            "workloads": lines,
        }
    )
    again = earliest(
        _seconds_until_execution(planned, effects),
        planned.resync_after,
        seconds_until_forgotten(lines, now) if complete else None,
    )
    if wanted == stored:
        return StatusReport(
            stored, changed=False, resync_after=again, withheld_pods=planned.withheld_pods
        )
    urgent = (
        condition_summary(wanted) != condition_summary(stored)
        or wanted.observedGeneration != stored.observedGeneration
        or wanted.remediations != stored.remediations
        # A Pod that goes has to be counted while it is still there to be seen.
        or any(pod.metadata.terminating for pod in new.values())
    )
    wait = _until_next_write(stored, now)
    if wait > 0 and not urgent:
        return StatusReport(
            stored,
            changed=False,
            resync_after=earliest(again, wait),
            withheld_pods=planned.withheld_pods,
        )
    return StatusReport(
        wanted.model_copy(update={"lastUpdateTime": whole_seconds(now)}),
        changed=True,
        resync_after=again,
        plans_changed=wanted.remediations != stored.remediations,
        withheld_pods=planned.withheld_pods,
    )


def _plan_remediation(
    diagnoser: PodDiagnoser,
    crashed: Sequence[CrashedPod],
    effects: ExecutionReport,
    now: datetime,
    *,
    complete: bool,
) -> Plan:
    """Work out what to say of remediation, or leave it as it is where that can't be worked out.

    What is not restarted, a new Pod does not help; what was restarted on purpose needs no help.
    """
    if effects.connected and effects.server_time_known:
        restarted = _select_diagnoses(
            crashed, lambda found: found.restarted and not found.was_requested
        )
        return plan(diagnoser, restarted, effects.outcomes, now, complete=complete)
    stored = diagnoser.status
    return Plan(
        remediations=stored.remediations,
        owners=stored.owners,
        withheld=stored.withheld if effects.connected else (),
    )


def _select_diagnoses(
    crashed: Iterable[CrashedPod], holds: Callable[[Diagnosis], bool]
) -> list[CrashedPod]:
    """Those diagnoses of which something holds; Pods without one are left out."""
    kept = []
    for each in crashed:
        found = [diagnosis for diagnosis in each.diagnoses if holds(diagnosis)]
        if found:
            whole = len(found) == len(each.diagnoses)
            kept.append(each if whole else replace(each, diagnoses=found))
    return kept


def _seconds_until_execution(planned: Plan, effects: ExecutionReport) -> float | None:
    """Seconds until planned remediations are to be carried out.

    A new plan's own write brings the next sync; this is for when that is lost.
    """
    waiting = any(entry.phase == Phase.PLANNED for entry in planned.remediations)
    if waiting and effects.connected and effects.api_failure is None:
        return earliest(effects.resync_after, EXECUTION_DELAY_SECONDS)
    return effects.resync_after


def _until_next_write(stored: PodDiagnoserStatus, now: datetime) -> float:
    last = stored.lastUpdateTime
    if last is None or last > now:
        return 0.0
    return max(0.0, (last + WRITE_INTERVAL - now).total_seconds())


def _recent_diagnoses(
    stored: PodDiagnoserStatus, crashed: Iterable[CrashedPod], records: Mapping[str, CrashHistory]
) -> tuple[RecentDiagnosis, ...]:
    by_id = {entry.id: entry for entry in stored.recentDiagnoses}
    for each in crashed:
        pod = each.pod
        seen = {crash.id: crash.seen for crash in records[pod.metadata.uid].history}
        for diagnosis in each.diagnoses:
            told = by_id.get(diagnosis.id)
            # What was told once stays, whatever clock or annotation says now.
            first = told.seen if told else seen.get(diagnosis.id)
            by_id[diagnosis.id] = RecentDiagnosis(
                id=diagnosis.id,
                pod=pod.metadata.name,
                podUID=pod.metadata.uid,
                container=diagnosis.container,
                cause=diagnosis.cause.value,
                reason=diagnosis.restart_reason,
                time=diagnosis.finished_at,
                seen=first,
                diagnosis=diagnosis.sentence,
            )
    ordered = sorted(
        by_id.values(),
        key=lambda entry: (entry.time or entry.seen or UNKNOWN_TIME, entry.id),
        reverse=True,
    )
    return tuple(ordered[:MAX_RECENT_DIAGNOSES])
