"""Work out the status of a PodDiagnoser. Pure.

The status is a function of the stored one and of the Pods that carry the PodDiagnoser's label;
where nothing happened it stays the same to the byte.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.diagnostics_v1 import EvidenceSpec, PodDiagnoserStatus, RecentDiagnosis
from pod_diagnoser.api.fields import UNKNOWN_TIME
from pod_diagnoser.api.time import earliest, whole_seconds
from pod_diagnoser.diagnosis.common_factors import CommonFactor, find_common_factor
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.poddiagnosers.conditions import (
    INACTIVE,
    active_condition,
    common_factor_condition,
    complete_condition,
    conditions,
    overlapping_condition,
    remediating_condition,
    urgent_conditions,
)
from pod_diagnoser.poddiagnosers.counting import counted_pods, uncounted_pods
from pod_diagnoser.poddiagnosers.crash_facts import facts_of_crashed
from pod_diagnoser.poddiagnosers.recorded_diagnoses import revised
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot
from pod_diagnoser.poddiagnosers.workloads import seconds_until_expiry, workloads
from pod_diagnoser.pods.history import drop_future
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.model import ExecutionReport, Phase
from pod_diagnoser.remediation.planner import Plan, WithheldPod, plan
from pod_diagnoser.remediation.switching import stored_action

MAX_RECENT_DIAGNOSES = 10

WRITE_INTERVAL = timedelta(seconds=2)
"""The least time between two writes of mere reporting."""

EXECUTION_DELAY_SECONDS = 1.0
"""After how many seconds to sync again to execute what is planned."""

_MAX_INT64 = 2**63 - 1

_Snapshot = TypeVar("_Snapshot", bound=DiagnoserSnapshot)
_Recent = TypeVar("_Recent", bound=RecentDiagnosis)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What the status should be.

    Attributes:
        status: the status to return.
        changed: whether it differs from the stored one.
        resync_after: seconds after which to sync again, or None.
        write_after: seconds until a change that only reports may be written; 0 where there is none.
        plans_changed: whether the remediations differ from the stored ones.
        withheld_pods: the crashed Pods that are not replaced.
    """

    status: PodDiagnoserStatus
    changed: bool
    resync_after: float | None = None
    write_after: float = 0.0
    plans_changed: bool = False
    withheld_pods: Sequence[WithheldPod] = ()


@dataclass(frozen=True, slots=True)
class Findings:
    """What is worked out of a request once.

    Attributes:
        planned: what is to be done.
        new: the Pods that are to be counted now, by their hashes.
        common: what crashed Pods have in common, or None.
    """

    planned: Plan
    new: Mapping[str, Pod]
    common: CommonFactor | None


def build_status(
    snapshot: DiagnoserSnapshot, report: ExecutionReport, now: datetime
) -> StatusReport:
    """Work out a PodDiagnoser's status, as `paced_status` does."""
    return paced_status(snapshot, report, now, desired_status)


def paced_status(
    snapshot: _Snapshot,
    report: ExecutionReport,
    now: datetime,
    desired: Callable[[_Snapshot, ExecutionReport, Findings, datetime], PodDiagnoserStatus],
) -> StatusReport:
    """Work out the status of a PodDiagnoser or a ClusterPodDiagnoser.

    Args:
        snapshot: what the request holds.
        report: what was done in the cluster before.
        now: the time, in UTC.
        desired: returns the status that shows everything.

    Returns:
        The new status. A first change is in it at once; later ones that only report are delayed, so
        that there is at most one write in `WRITE_INTERVAL`, and the stored status is returned with
        the time after which to sync again. A new plan or outcome is never delayed.
    """
    snapshot = _without_future_crashes(snapshot, now)
    stored = snapshot.diagnoser.status
    planned = _plan_remediation(snapshot, report, now)
    new = uncounted_pods(stored, snapshot.crashed, now)
    common = find_common_factor(facts_of_crashed(snapshot.crashed), now)
    shown = desired(snapshot, report, Findings(planned, new, common), now)
    result = StatusReport(
        stored,
        changed=False,
        resync_after=earliest(
            _seconds_until_execution(planned, report),
            planned.resync_after,
            seconds_until_expiry(shown.workloads, now) if snapshot.complete else None,
            common.seconds_left(now) if common else None,
        ),
        withheld_pods=planned.withheld_pods,
    )
    if shown == stored:
        return result
    delay = _until_next_write(stored, now)
    if delay > 0 and not _is_urgent(shown, stored, new.values()):
        return replace(result, resync_after=earliest(result.resync_after, delay), write_after=delay)
    return replace(
        result,
        status=shown.model_copy(update={"lastUpdateTime": whole_seconds(now)}),
        changed=True,
        plans_changed=shown.remediations != stored.remediations,
    )


def _without_future_crashes(snapshot: _Snapshot, now: datetime) -> _Snapshot:
    """Disregard what the Pods' annotations say of the future."""
    crashed = [replace(each, history=drop_future(each.history, now)) for each in snapshot.crashed]
    return replace(snapshot, crashed=crashed)


def desired_status(
    snapshot: DiagnoserSnapshot,
    report: ExecutionReport,
    findings: Findings,
    now: datetime,
) -> PodDiagnoserStatus:
    """Return the status of a PodDiagnoser that shows everything, but for the time of its update."""
    diagnoser, stored = snapshot.diagnoser, snapshot.diagnoser.status
    planned, new = findings.planned, findings.new
    recent = latest_diagnoses(
        stored.recentDiagnoses, snapshot.crashed, _recent_diagnosis, diagnoser.spec.evidence
    )
    states = (
        active_condition(diagnoser, snapshot.targets),
        overlapping_condition(diagnoser, snapshot.targets),
        complete_condition(complete=snapshot.complete),
        remediating_condition(
            diagnoser, planned, report, inactive=None if snapshot.may_claim else INACTIVE
        ),
        common_factor_condition(findings.common),
    )
    return stored.model_copy(
        update={
            "observedGeneration": diagnoser.metadata.generation,
            **common_fields(snapshot, findings, recent),
            **planned_fields(planned),
            "conditions": conditions(diagnoser, states, now),
            "recentDiagnoses": recent,
            "countedPods": None,
            "workloads": workloads(
                stored.workloads,
                select_diagnoses(snapshot.crashed, lambda found: not found.was_requested),
                {pod.metadata.uid for pod in new.values()},
                now,
                complete=snapshot.complete,
            ),
        }
    )


def common_fields(
    snapshot: DiagnoserSnapshot, findings: Findings, recent: Sequence[RecentDiagnosis]
) -> dict[str, object]:
    """Return what the statuses of both kinds say in the same way."""
    stored, new = snapshot.diagnoser.status, findings.new
    pods = [each.pod for each in snapshot.crashed]
    return {
        "diagnosedPods": min(stored.diagnosedPods + len(new), _MAX_INT64),
        "lastProcessedPod": recent[0].pod if recent else stored.lastProcessedPod,
        "writerMemory": counted_pods(stored, pods, new, complete=snapshot.complete) or None,
    }


def planned_fields(planned: Plan) -> dict[str, object]:
    """Return what the statuses of both kinds say of remediation."""
    return {
        "action": planned.action,
        "remediations": planned.remediations,
        "owners": planned.owners,
        "withheld": planned.withheld,
    }


def _is_urgent(desired: PodDiagnoserStatus, stored: PodDiagnoserStatus, new: Iterable[Pod]) -> bool:
    """Return whether a change is not delayed."""
    return (
        urgent_conditions(desired) != urgent_conditions(stored)
        or desired.observedGeneration != stored.observedGeneration
        or desired.remediations != stored.remediations
        # A terminating Pod has to be counted while it can be observed.
        or any(pod.metadata.terminating for pod in new)
    )


def _plan_remediation(snapshot: DiagnoserSnapshot, report: ExecutionReport, now: datetime) -> Plan:
    """Plan, or leave remediation as it is stored where that cannot be worked out.

    A new Pod does not help what is not restarted; what was restarted on purpose needs no help.
    """
    diagnoser = snapshot.diagnoser
    if report.connected and report.server_time_known:
        restarted = select_diagnoses(
            snapshot.crashed, lambda found: found.restarted and not found.was_requested
        )
        return plan(snapshot.to_plan_for, restarted, report, now, complete=snapshot.complete)
    stored = diagnoser.status
    return Plan(
        remediations=stored.remediations,
        owners=stored.owners,
        withheld=stored.withheld if report.connected else (),
        action=stored_action(diagnoser),
    )


def select_diagnoses(
    crashed: Iterable[CrashedPod], holds: Callable[[Diagnosis], bool]
) -> list[CrashedPod]:
    """Return the Pods with those of their diagnoses of which something holds, if there are any."""
    selected = []
    for each in crashed:
        found = [diagnosis for diagnosis in each.diagnoses if holds(diagnosis)]
        if found:
            unchanged = len(found) == len(each.diagnoses)
            selected.append(each if unchanged else replace(each, diagnoses=found))
    return selected


def _seconds_until_execution(planned: Plan, report: ExecutionReport) -> float | None:
    """Return seconds until planned remediations are to be executed.

    The write of a new plan brings the next sync; this is for when that is lost.
    """
    pending = any(entry.phase == Phase.PLANNED for entry in planned.remediations)
    if pending and report.connected and report.api_failure is None:
        return earliest(report.resync_after, EXECUTION_DELAY_SECONDS)
    return report.resync_after


def _until_next_write(stored: PodDiagnoserStatus, now: datetime) -> float:
    last = stored.lastUpdateTime
    if last is None or last > now:
        return 0.0
    return max(0.0, (last + WRITE_INTERVAL - now).total_seconds())


def latest_diagnoses(
    stored: Sequence[_Recent],
    crashed: Sequence[CrashedPod],
    build: Callable[[CrashedPod, Diagnosis, Mapping[str, _Recent]], _Recent],
    spec: EvidenceSpec,
) -> tuple[_Recent, ...]:
    """Return the latest crashes, the newest first.

    Args:
        stored: the entries of the stored status.
        crashed: the claimed Pods with their crashes.
        build: makes an entry, and gets those that are stored by their crash ids.
        spec: how evidence is read.
    """
    known = {entry.id: entry for entry in stored}
    times = {entry.id: entry.time or entry.seen for entry in stored}
    shown: dict[str, tuple[CrashedPod, Diagnosis]] = {}
    for each in crashed:
        for diagnosis in (*each.diagnoses, *each.former):
            shown[diagnosis.id] = each, diagnosis
            times[diagnosis.id] = diagnosis.finished_at or first_seen(each, diagnosis, known)
    past = [entry for entry in stored if entry.id not in shown]
    for crash, found in revised(past, crashed, spec).items():
        if found is None:
            del times[crash]
        else:
            shown[crash] = found
    latest = sorted(times, key=lambda crash: (times[crash] or UNKNOWN_TIME, crash), reverse=True)
    # Most of what a busy PodDiagnoser sees is not among the latest: only these are worded.
    return tuple(
        build(*shown[crash], known) if crash in shown else known[crash]
        for crash in latest[:MAX_RECENT_DIAGNOSES]
    )


def _recent_diagnosis(
    crashed: CrashedPod, diagnosis: Diagnosis, known: Mapping[str, RecentDiagnosis]
) -> RecentDiagnosis:
    lines = diagnosis.statement
    return RecentDiagnosis(
        id=diagnosis.id,
        pod=crashed.pod.metadata.name,
        podUID=crashed.pod.metadata.uid,
        container=diagnosis.container,
        cause=diagnosis.cause.value,
        reason=diagnosis.restart_reason,
        time=diagnosis.finished_at,
        seen=first_seen(crashed, diagnosis, known),
        diagnosis=lines.diagnosis,
        evidence=lines.evidence,
        nextStep=lines.next_step,
        reasonClass=diagnosis.reason_class,
    )


def first_seen(
    crashed: CrashedPod, diagnosis: Diagnosis, known: Mapping[str, _Recent]
) -> datetime | None:
    """Return when a crash was first diagnosed, or None.

    A stored time stays, also if a clock or an annotation differs now.
    """
    if diagnosis.id in known:
        return known[diagnosis.id].seen
    records = crashed.history.history
    return next((record.seen for record in records if record.id == diagnosis.id), None)
