"""Tell of each decision about a crash once: what was done, and what was not.

What is remembered, so that it is told once, is this process's: after its start it tells again of
crashes that are withheld.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from cachetools import FIFOCache

from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser, Remediation
from pod_diagnoser.remediation.model import Outcome, Reason
from pod_diagnoser.remediation.planner import WithheldPod

MAX_TOLD: Final = 20_000
"""How many crashes are remembered that were withheld, each with each reason."""

WITHHELD: Final = "Withheld"
"""The outcome of what was not even planned; the others are phases."""

_NO_DECISION: Final = (Reason.AWAITING_EVIDENCE, Reason.TERMINATING)
"""Reasons that say nothing yet, or nothing any more."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of a crash.

    Attributes:
        outcome: the phase of its remediation, or `WITHHELD`.
        reason: why.
        action: what was asked for.
        namespace: the Pod's namespace.
        pod: the Pod's name; as stored in the status, which others may write.
        uid: its uid.
        owner: the uid of its controller.
        container: which container crashed.
        cause: of the crash.
        crash: the id of the crash.
    """

    outcome: str
    reason: Reason
    action: str
    namespace: str
    pod: str
    uid: str
    owner: str
    container: str
    cause: str
    crash: str


Decided = Callable[[PodDiagnoser, Decision], None]
"""Is called with each decision."""


class Decisions:
    """Tells of decisions.

    Args:
        decided: is called with each.
    """

    def __init__(self, decided: Decided) -> None:
        self._decided = decided
        self._told: FIFOCache[tuple[str, str, str], bool] = FIFOCache(MAX_TOLD)

    def executed(
        self, diagnoser: PodDiagnoser, outcomes: Iterable[tuple[Remediation, Outcome]]
    ) -> None:
        """Tell what came of executed plans."""
        for entry, outcome in outcomes:
            decision = Decision(
                outcome.phase.value,
                outcome.reason,
                entry.action,
                entry.pod_namespace or diagnoser.metadata.namespace,
                entry.pod,
                entry.podUID,
                entry.owner,
                entry.container,
                entry.cause,
                entry.id,
            )
            self._decided(diagnoser, decision)

    def withheld(self, diagnoser: PodDiagnoser, withheld: Iterable[WithheldPod]) -> None:
        """Tell of withheld crashes: once for each reason.

        Of a crash that is no longer fresh nothing more is told.
        """
        for each in withheld:
            reason, crash = each.reason, each.diagnosis.id
            if reason in _NO_DECISION:
                continue
            key = (diagnoser.metadata.uid, crash)
            known = (*key, reason.value) in self._told
            if known or (reason is Reason.NOT_FRESH and (*key, "") in self._told):
                continue
            self._told[*key, reason.value] = self._told[*key, ""] = True
            decision = Decision(
                WITHHELD,
                reason,
                diagnoser.spec.remediationAction,
                each.pod.metadata.namespace,
                each.pod.metadata.name,
                each.pod.metadata.uid,
                each.pod.owner_uid,
                each.diagnosis.container,
                each.diagnosis.cause.value,
                crash,
            )
            self._decided(diagnoser, decision)
