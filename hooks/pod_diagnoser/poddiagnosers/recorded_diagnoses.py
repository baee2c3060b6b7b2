"""Diagnoses of crashes that their Pods no longer show, as the Pods' records have them. Pure.

A Pod's record of a crash may get another cause or reason when Events or the log are read. Where no
status could be written between that and the Pod's next crash, as while a watch of Metacontroller is
behind, the status still says what was known at first.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from pod_diagnoser.api.diagnostics_v1 import EvidenceSpec, RecentDiagnosis
from pod_diagnoser.diagnosis.detection import build_symptom
from pod_diagnoser.diagnosis.diagnose import Diagnosis, diagnose_symptom
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind
from pod_diagnoser.pods.history import CrashRecord
from pod_diagnoser.pods.observation import CrashedPod

_RESTART_REASON: Final = re.compile(r"(?P<reason>.*) \(Exit Code: [^()]*\)")
"""How `pod_diagnoser.diagnosis.diagnose.Diagnosis.restart_reason` says how a container ended."""


def revised(
    entries: Iterable[RecentDiagnosis], crashed: Iterable[CrashedPod], spec: EvidenceSpec
) -> Mapping[str, tuple[CrashedPod, Diagnosis] | None]:
    """Find the entries of a status that a Pod's record of the same crash contradicts.

    Args:
        entries: those of crashes that no Pod shows.
        crashed: the claimed Pods.
        spec: how evidence is read.

    Returns:
        For each such entry, by its crash id, what the record says; None where that cannot be put
        into words any more.
    """
    told = {(entry.podUID, entry.id): entry for entry in entries}
    if not told:
        return {}
    found: dict[str, tuple[CrashedPod, Diagnosis] | None] = {}
    for each in crashed:
        for record in each.history.history:
            entry = told.get((each.pod.metadata.uid, record.id))
            if entry is None or record.silent or _names(record) == (entry.cause, entry.reasonClass):
                continue
            diagnosis = _diagnose(each, record, entry, spec)
            found[record.id] = None if diagnosis is None else (each, diagnosis)
    return found


def diagnose_again(symptom: Symptom, record: CrashRecord, spec: EvidenceSpec) -> Diagnosis:
    """Diagnose a crash that was shown before with the evidence that was found since.

    Args:
        symptom: how it showed, without evidence.
        record: its record.
        spec: how evidence is read.
    """
    evidence = record.evidence.to_evidence() if record.evidence is not None else None
    found = diagnose_symptom(symptom, evidence)
    if not spec.reason or record.reason is None:
        return found
    return found.with_output(record.reason.to_reason(spec.maskPatterns))


def _names(record: CrashRecord) -> tuple[str, str | None]:
    return record.cause, record.reason.reasonClass if record.reason is not None else None


def _diagnose(
    crashed: CrashedPod, record: CrashRecord, entry: RecentDiagnosis, spec: EvidenceSpec
) -> Diagnosis | None:
    """Diagnose the end of a container by what is stored of it; None where that is not enough."""
    containers = (each for each in crashed.pod.containers() if each.status.name == entry.container)
    container = next(containers, None)
    ended = _RESTART_REASON.fullmatch(entry.reason)
    if container is None or ended is None:
        return None
    symptom = build_symptom(
        crashed.pod,
        container,
        id=record.id,
        kind=SymptomKind.TERMINATED,
        reason=ended["reason"],
        exit_code=record.exitCode,
        restarts=container.restarts,
        termination_number=record.restarts or 0,
        restarted=True,
        started_at=record.startedAt,
        finished_at=record.finishedAt,
        ended_by=record.ended,
    )
    found = diagnose_again(symptom, record, spec)
    same = (found.cause.value, found.reason_class) == _names(record)
    return found if same else None
