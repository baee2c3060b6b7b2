"""From Pods and Events to the diagnoses that the hook would show. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.diagnostics_v1 import API_VERSION, DiagnosisTargetSpec
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.snapshot import Snapshot
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.diagnosis.statement import Statement
from pod_diagnoser.pods.history import parse_history, serialize
from pod_diagnoser.pods.keys import CRASHES
from pod_diagnoser.pods.observation import PodObservation, observe_pod
from pod_diagnoser.pods.statements import statement_with_history

KIND = "PodDiagnosisList"

_DEFAULTS = DiagnosisTargetSpec()
"""The filters and the evidence of a PodDiagnoser whose spec is empty."""


@dataclass(frozen=True, slots=True)
class PodDiagnosis:
    """A symptom of a Pod and its diagnosis, as it is printed.

    Attributes:
        diagnosis: the diagnosis.
        statement: its lines, with the history of the container.
    """

    diagnosis: Diagnosis
    statement: Statement

    def to_json(self) -> dict[str, Any]:
        """Return it as an item of the list; what is not known is left out."""
        symptom = self.diagnosis.symptom
        times = {"startedAt": symptom.started_at, "finishedAt": symptom.finished_at}
        facts = {
            "containerKind": symptom.container_kind,
            "node": symptom.node,
            "reason": symptom.reason,
            "exitCode": symptom.exit_code,
            "restartCount": symptom.restarts if symptom.container else None,
            **{name: format_time(time) for name, time in times.items() if time is not None},
        }
        return {
            "namespace": symptom.namespace,
            "pod": symptom.pod,
            "container": symptom.container,
            "cause": self.diagnosis.cause.value,
            "diagnosis": self.statement.diagnosis,
            "evidence": self.statement.evidence,
            "nextStep": self.statement.next_step,
            "symptom": symptom.kind.name.title().replace("_", ""),
            **{name: fact for name, fact in facts.items() if fact not in ("", None)},
        }


def diagnose_snapshot(snapshot: Snapshot, now: datetime) -> Iterator[PodDiagnosis]:
    """Diagnose the Pods of a snapshot.

    Args:
        snapshot: the Pods and their Events.
        now: the time at which to look at them, in UTC.

    Yields:
        What is wrong with each Pod, in the order of the Pods, the most important of a Pod first.
        Nothing for a Pod with which nothing is.
    """
    for pod in snapshot.pods:
        yield from _diagnose_pod(pod, snapshot, now)


def to_list(diagnoses: Sequence[PodDiagnosis]) -> dict[str, Any]:
    """Return the ``PodDiagnosisList`` of some diagnoses."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "items": [each.to_json() for each in diagnoses],
    }


def _diagnose_pod(pod: Pod, snapshot: Snapshot, now: datetime) -> Iterator[PodDiagnosis]:
    fetched = snapshot.evidence_of(pod)
    if fetched is not None:
        pod = _without_failed_lookups(pod)
    observation = observe_pod(pod, _DEFAULTS, now, fetched)
    shown: set[tuple[str, str]] = set()
    for diagnosis in _by_importance(observation):
        key = (diagnosis.container, diagnosis.cause)
        if key not in shown:  # else an earlier end of the same container for the same cause
            shown.add(key)
            yield PodDiagnosis(diagnosis, statement_with_history(diagnosis, observation))


def _by_importance(observation: PodObservation) -> Sequence[Diagnosis]:
    """Sort as `pod_diagnoser.pods.observation.latest_crash` does, whose result comes first."""
    records = observation.records
    return sorted(
        observation.diagnoses,
        key=lambda each: (not each.was_requested, records[each.id].happened, each.symptom.final),
        reverse=True,
    )


def _without_failed_lookups(pod: Pod) -> Pod:
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
