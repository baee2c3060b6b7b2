"""From a Pod to what crashed in it and what that means. Pure.

`detect_symptoms` tells what ended, `cause_rules` what that means; here both meet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pod_diagnoser.api.causes import REQUESTED_RESTARTS, TRANSIENT, Cause
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.diagnosis.cause_rules import explain
from pod_diagnoser.diagnosis.detection import detect_lasting_conditions, detect_symptoms
from pod_diagnoser.diagnosis.evidence import NO_EVIDENCE, EventFinding, Evidence
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What happened to one container, or to the Pod as a whole, and what it means.

    Attributes:
        ending: what ended or failed, with its evidence.
        cause: the machine-readable cause.
        own_cause: the cause by the Pod's status alone. What is done about a crash is decided by it:
            Events, and what of them stands on the Pod, can be made up.
        sentence: what this means and where to look next.
    """

    symptom: Symptom
    cause: Cause
    status_cause: Cause
    sentence: str

    @property
    def id(self) -> str:
        """The crash id."""
        return self.symptom.id

    @property
    def container(self) -> str:
        """The container's name; empty for the Pod as a whole."""
        return self.symptom.container

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None where the Pod tells none."""
        return self.symptom.exit_code

    @property
    def restarts(self) -> int:
        """The container's restartCount."""
        return self.symptom.restarts

    @property
    def termination_number(self) -> int:
        """Which end of its container this is by the kubelet's count; 0 for what is none."""
        return self.symptom.termination_number

    @property
    def started_at(self) -> datetime | None:
        """When the container had started, or None where nobody knows."""
        return self.symptom.started_at

    @property
    def finished_at(self) -> datetime | None:
        """When the container ended, or None where nobody knows."""
        return self.symptom.finished_at

    @property
    def ended_by(self) -> datetime | None:
        """The time by which it had ended for certain, or None."""
        return self.symptom.ended_by

    @property
    def restarted(self) -> bool:
        """Whether a container was restarted after it: what remediation is about."""
        return self.symptom.restarted

    @property
    def final(self) -> bool:
        """Whether nothing will start it again in this Pod."""
        return self.symptom.final

    @property
    def was_requested(self) -> bool:
        """Whether somebody asked for it: a restart, and no crash."""
        return self.cause in REQUESTED_RESTARTS or self.status_cause in REQUESTED_RESTARTS

    @property
    def is_transient(self) -> bool:
        """Whether it may be over again."""
        return self.cause in TRANSIENT

    @property
    def restart_reason(self) -> str:
        """Reason and exit code in the form ``Completed (Exit Code: 0)``; or the reason alone."""
        if self.symptom.kind is SymptomKind.TERMINATED:
            return f"{self.symptom.reason or 'Unknown'} (Exit Code: {self.symptom.exit_code_text})"
        return self.symptom.reason


def diagnose(pod: Pod, evidence: Mapping[str, Evidence] = NO_EVIDENCE) -> tuple[Diagnosis, ...]:
    """Say what ended or failed in a Pod, and why.

    Args:
        pod: the Pod.
        evidence: what is known beyond its status, by crash id.

    Returns:
        A diagnosis for each ending, in the order of `detect_symptoms`.
    """
    return tuple(
        diagnose_symptom(ending, evidence.get(ending.id)) for ending in detect_symptoms(pod)
    )


def diagnose_lasting_conditions(
    pod: Pod, now: datetime, evidence: Mapping[str, Evidence] = NO_EVIDENCE
) -> tuple[tuple[Diagnosis, ...], float | None]:
    """Say in which states that keep it from its work a Pod has been for long.

    Args:
        pod: the Pod.
        now: the time, in UTC.
        evidence: what is known beyond its status, by crash id.

    Returns:
        A diagnosis for each; and in how many seconds there may be another, or None.
    """
    due, waits = [], []
    for state, told_from in detect_lasting_conditions(pod):
        known = evidence.get(state.id)
        if known is not None and known.finding is EventFinding.PULLING:
            continue  # nothing is wrong
        if told_from <= now:
            due.append(diagnose_symptom(state, known))
        else:
            waits.append((told_from - now).total_seconds())
    return tuple(due), min(waits, default=None)


def diagnose_symptom(ending: Symptom, evidence: Evidence | None) -> Diagnosis:
    """Say what an ending means.

    Args:
        ending: what ended or failed.
        evidence: what is known beyond the Pod's status, or None.

    Returns:
        The diagnosis. What a passing moment of the status proved counts as the status' own word.
    """
    own_cause, sentence = explain(ending)
    if evidence is None or (ending.evidence is not None and ending.evidence.finding is not None):
        return Diagnosis(ending, own_cause, own_cause, sentence)
    known = replace(ending, evidence=evidence)
    cause, sentence = explain(known)
    return Diagnosis(known, cause, own_cause, sentence)
