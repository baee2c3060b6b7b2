"""The one engine: from a snapshot to a report, with the hook's own diagnoses. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.cli.report import Finding, PodReport, Report
from pod_diagnoser.cli.snapshot import Snapshot
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.poddiagnosers.workload_names import workload_of
from pod_diagnoser.pods.history import parse_history, serialize
from pod_diagnoser.pods.keys import CRASHES
from pod_diagnoser.pods.observation import PodObservation, observe_pod
from pod_diagnoser.pods.statements import statement_with_history

_DEFAULTS: Final = DiagnosisTargetSpec()
"""The filters and the evidence of a PodDiagnoser whose spec is empty."""


def diagnose_snapshot(snapshot: Snapshot, now: datetime) -> Report:
    """Diagnose the Pods of a snapshot.

    Args:
        snapshot: what is known.
        now: the time at which to look at it, in UTC.
    """
    pods = []
    for pod in snapshot.pods:
        findings = tuple(_findings(pod, snapshot, now))
        if findings:
            pods.append(PodReport(pod, workload_of(pod), findings))
    return Report(pods, snapshot.looked_at, now, snapshot.missing, snapshot.unreadable)


def _findings(pod: OwnedPod, snapshot: Snapshot, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with a Pod, the most important first."""
    fetched = snapshot.evidence_of(pod)
    if fetched is not None:
        pod = _without_failed_lookups(pod)
    observation = observe_pod(pod, _DEFAULTS, now, fetched)
    shown: set[tuple[str, str]] = set()
    for diagnosis in _by_importance(observation):
        key = (diagnosis.container, diagnosis.cause)
        if key not in shown:  # else an earlier end of the same container for the same cause
            shown.add(key)
            statement = statement_with_history(diagnosis, observation)
            yield Finding(diagnosis, statement, observation.records[diagnosis.id].happened)


def _by_importance(observation: PodObservation) -> Sequence[Diagnosis]:
    """Sort as `pod_diagnoser.pods.observation.latest_crash` does, whose result comes first."""
    records = observation.records
    return sorted(
        observation.diagnoses,
        key=lambda each: (not each.was_requested, records[each.id].happened, each.symptom.final),
        reverse=True,
    )


def _without_failed_lookups(pod: OwnedPod) -> OwnedPod:
    """Remove from the history of a Pod that the Events of a crash could not explain it.

    The hook may have had no access to them, or looked too early; here they are.
    """
    if CRASHES not in pod.metadata.annotations:
        return pod
    history = parse_history(pod)
    records = tuple(
        record.model_copy(update={"evidence": None})
        if record.evidence is not None and record.evidence.asked is not EventLookup.FOUND
        else record
        for record in history.history
    )
    crashes = serialize(history.model_copy(update={"history": records}))
    annotations = {**pod.metadata.annotations, CRASHES: crashes}
    metadata = pod.metadata.model_copy(update={"annotations": annotations})
    return pod.model_copy(update={"metadata": metadata})
