"""From a Pod to its diagnoses: what crashed in it and what that means.

`detection` finds what ended, `cause_rules` what that means; here both meet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pod_diagnoser.api.causes import REQUESTED_RESTARTS, Cause
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.diagnosis.cause_rules import rule_for, state
from pod_diagnoser.diagnosis.detection import detect_symptoms
from pod_diagnoser.diagnosis.evidence import (
    NO_EVIDENCE,
    EventFinding,
    EventLookup,
    Evidence,
    OutputReason,
)
from pod_diagnoser.diagnosis.lasting_conditions import detect_lasting_conditions
from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.quoting import word
from pod_diagnoser.diagnosis.rules.row import CauseRule
from pod_diagnoser.diagnosis.start_event_rules import seconds_until_slow
from pod_diagnoser.diagnosis.statement import Statement
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind

_LIKE_STOPS = (Cause.KILLED, Cause.TERMINATED, Cause.COMPLETED)
"""What a stop by the kubelet, for a failed probe or a resize, looks like in the status."""

_CAUSES_OF_PROBES = {
    "liveness": Cause.LIVENESS_PROBE_FAILED,
    "startup": Cause.STARTUP_PROBE_FAILED,
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What happened to one container, or to the Pod as a whole, and what it means.

    Attributes:
        symptom: what ended or failed, with its evidence.
        status_cause: the cause by the Pod's status alone. Remediation is decided by it, since
            Events, and what is kept of them on the Pod, can be forged.
        rule: the row of the table of causes that words it.
    """

    symptom: Symptom
    status_cause: Cause
    rule: CauseRule

    @property
    def cause(self) -> Cause:
        """The machine-readable cause."""
        return self.rule.cause

    @property
    def statement(self) -> Statement:
        """What happened, what proves it and what to do next, in words."""
        return state(self.rule, self.symptom)

    @property
    def reason_class(self) -> str | None:
        """What kind of reason the container's output gives; None where none was read."""
        output = self.symptom.output
        return output.reason_class.value if output is not None else None

    def with_output(self, output: OutputReason | None) -> "Diagnosis":
        """Return it with the reason that the container's output gives."""
        if output is self.symptom.output:
            return self
        return replace(self, symptom=self.symptom._replace(output=output))

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
        """The exit code, or None where the Pod has none."""
        return self.symptom.exit_code

    @property
    def restarts(self) -> int:
        """The container's restartCount."""
        return self.symptom.restarts

    @property
    def termination_number(self) -> int:
        """Which termination of its container this is, by the kubelet's count; 0 if it is none."""
        return self.symptom.termination_number

    @property
    def started_at(self) -> datetime | None:
        """When the container had started, or None where that is not known."""
        return self.symptom.started_at

    @property
    def finished_at(self) -> datetime | None:
        """When the container ended, or None where that is not known."""
        return self.symptom.finished_at

    @property
    def ended_by(self) -> datetime | None:
        """The time by which the container had ended for certain, or None."""
        return self.symptom.ended_by

    @property
    def restarted(self) -> bool:
        """Whether the container was restarted since: remediation is about such crashes."""
        return self.symptom.restarted

    @property
    def final(self) -> bool:
        """Whether nothing will start the container again in this Pod."""
        return self.symptom.final

    @property
    def possible_causes(self) -> tuple[str, ...]:
        """The failed probes that its Events, which were read and do not tell, may have hidden."""
        evidence = self.symptom.evidence
        if evidence is None or not evidence.is_unclear or self.cause not in _LIKE_STOPS:
            return ()
        return tuple(_CAUSES_OF_PROBES[probe].value for probe in self.symptom.probes)

    @property
    def may_be_resize(self) -> bool:
        """Whether it may be a restart for a resize: it looks like one, and no Events deny it."""
        symptom = self.symptom
        if not (symptom.resizable and symptom.spec_may_have_changed):
            return False
        evidence = symptom.evidence
        told = evidence is not None and evidence.lookup in (EventLookup.FOUND, EventLookup.SILENT)
        return self.status_cause in _LIKE_STOPS and not told

    @property
    def was_requested(self) -> bool:
        """Whether it is a restart that somebody requested, and no crash."""
        return self.cause in REQUESTED_RESTARTS or self.status_cause in REQUESTED_RESTARTS

    @property
    def restart_reason(self) -> str:
        """Reason and exit code in the form ``Completed (Exit Code: 0)``; or the reason alone.

        A reason that is no single word is quoted: it stands in sentences, too.
        """
        reason = word(self.symptom.reason) if self.symptom.reason else ""
        if self.symptom.kind is SymptomKind.TERMINATED:
            return f"{reason or 'Unknown'} (Exit Code: {self.symptom.exit_code_text})"
        return reason


def diagnose(pod: Pod, evidence: Mapping[str, Evidence] = NO_EVIDENCE) -> tuple[Diagnosis, ...]:
    """Diagnose what ended or failed in a Pod.

    Args:
        pod: the Pod.
        evidence: what is known beyond its status, by crash id.

    Returns:
        A diagnosis for each symptom, in the order of `detect_symptoms`.
    """
    return tuple(
        diagnose_symptom(symptom, evidence.get(symptom.id)) for symptom in detect_symptoms(pod)
    )


def diagnose_lasting_conditions(
    pod: Pod,
    now: datetime,
    evidence: Mapping[str, Evidence] = NO_EVIDENCE,
    *,
    with_pulls: bool = False,
) -> tuple[tuple[Diagnosis, ...], float | None]:
    """Diagnose the conditions that have kept a Pod from its work for long.

    Args:
        pod: the Pod.
        now: the time, in UTC.
        evidence: what is known beyond its status, by crash id.
        with_pulls: whether to return those too that only wait for a pull (`waits_for_pull`).

    Returns:
        A diagnosis for each; and the seconds after which there may be another, or None.
    """
    diagnoses, waits = [], []
    for symptom, reported_from in detect_lasting_conditions(pod):
        if reported_from > now:
            waits.append((reported_from - now).total_seconds())
            continue
        diagnosis = diagnose_symptom(symptom, evidence.get(symptom.id))
        if with_pulls or not waits_for_pull(diagnosis, now):
            diagnoses.append(diagnosis)
    return tuple(diagnoses), min(waits, default=None)


def waits_for_pull(diagnosis: Diagnosis, now: datetime) -> bool:
    """Say whether a container only waits for an image that is being pulled, and not for long."""
    evidence = diagnosis.symptom.evidence
    if evidence is None or evidence.finding is not EventFinding.PULLING:
        return False
    seconds = seconds_until_slow(evidence, now)
    return seconds is None or seconds > 0


def _is_same_pull(now: Evidence | None, known: Evidence) -> bool:
    """Say whether a pull still fails for the same reason, of which the words stay those of before.

    A port or an id in its message may be another one at each try, of which there are many.
    """
    if now is None or not now.finding is known.finding is EventFinding.PULL_FAILED:
        return False
    kinds = [each.problem.kind if each.problem else None for each in (now, known)]
    # The status says that the registry refused; that a Secret is missing only an Event says.
    return kinds[0] is kinds[1] or kinds == [
        ProblemKind.IMAGE_UNAUTHORIZED,
        ProblemKind.IMAGE_PULL_SECRET_MISSING,
    ]


def diagnose_symptom(symptom: Symptom, evidence: Evidence | None) -> Diagnosis:
    """Diagnose a symptom.

    Args:
        symptom: what ended or failed.
        evidence: what is known beyond the Pod's status, or None. It is ignored where a moment of
            the status itself gave evidence, which counts for `Diagnosis.status_cause` too; but not
            where that tells the same of a pull again.
    """
    by_status = rule_for(symptom)
    if evidence is None or (
        symptom.event_finding is not None and not _is_same_pull(symptom.evidence, evidence)
    ):
        return Diagnosis(symptom, by_status.cause, by_status)
    explained = symptom._replace(evidence=evidence)
    return Diagnosis(explained, by_status.cause, rule_for(explained))
