"""From a Pod to what crashed in it and what that means. Pure.

`endings` tells what ended, `explaining` what that means; here both meet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pod_diagnoser.api.causes import PASSING, PLANNED, Cause
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.diagnosis.cause_rules import explain
from pod_diagnoser.diagnosis.detection import endings, states
from pod_diagnoser.diagnosis.evidence import NOT_ASKED, Evidence, Proof
from pod_diagnoser.diagnosis.symptoms import Ending, How


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

    ending: Ending
    cause: Cause
    own_cause: Cause
    sentence: str

    @property
    def id(self) -> str:
        """The crash id."""
        return self.ending.id

    @property
    def container(self) -> str:
        """The container's name; empty for the Pod as a whole."""
        return self.ending.container

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None where the Pod tells none."""
        return self.ending.exit_code

    @property
    def restarts(self) -> int:
        """The container's restartCount."""
        return self.ending.restarts

    @property
    def number(self) -> int:
        """Which end of its container this is by the kubelet's count; 0 for what is none."""
        return self.ending.number

    @property
    def started_at(self) -> datetime | None:
        """When the container had started, or None where nobody knows."""
        return self.ending.started_at

    @property
    def finished_at(self) -> datetime | None:
        """When the container ended, or None where nobody knows."""
        return self.ending.finished_at

    @property
    def ended_by(self) -> datetime | None:
        """The time by which it had ended for certain, or None."""
        return self.ending.ended_by

    @property
    def restarted(self) -> bool:
        """Whether a container was restarted after it: what remediation is about."""
        return self.ending.restarted

    @property
    def final(self) -> bool:
        """Whether nothing will start it again in this Pod."""
        return self.ending.final

    @property
    def planned(self) -> bool:
        """Whether somebody asked for it: a restart, and no crash."""
        return self.cause in PLANNED or self.own_cause in PLANNED

    @property
    def passing(self) -> bool:
        """Whether it may be over again."""
        return self.cause in PASSING

    @property
    def restart_reason(self) -> str:
        """Reason and exit code in the form ``Completed (Exit Code: 0)``; or the reason alone."""
        if self.ending.how is How.TERMINATED:
            return f"{self.ending.reason or 'Unknown'} (Exit Code: {self.ending.code})"
        return self.ending.reason


def diagnose(pod: Pod, evidence: Mapping[str, Evidence] = NOT_ASKED) -> tuple[Diagnosis, ...]:
    """Say what ended or failed in a Pod, and why.

    Args:
        pod: the Pod.
        evidence: what is known beyond its status, by crash id.

    Returns:
        A diagnosis for each ending, in the order of `endings`.
    """
    return tuple(interpret(ending, evidence.get(ending.id)) for ending in endings(pod))


def lasting(
    pod: Pod, now: datetime, evidence: Mapping[str, Evidence] = NOT_ASKED
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
    for state, told_from in states(pod):
        known = evidence.get(state.id)
        if known is not None and known.proof is Proof.PULLING:
            continue  # nothing is wrong
        if told_from <= now:
            due.append(interpret(state, known))
        else:
            waits.append((told_from - now).total_seconds())
    return tuple(due), min(waits, default=None)


def interpret(ending: Ending, evidence: Evidence | None) -> Diagnosis:
    """Say what an ending means.

    Args:
        ending: what ended or failed.
        evidence: what is known beyond the Pod's status, or None.

    Returns:
        The diagnosis. What a passing moment of the status proved counts as the status' own word.
    """
    own_cause, sentence = explain(ending)
    if evidence is None or (ending.evidence is not None and ending.evidence.proof is not None):
        return Diagnosis(ending, own_cause, own_cause, sentence)
    known = replace(ending, evidence=evidence)
    cause, sentence = explain(known)
    return Diagnosis(known, cause, own_cause, sentence)
