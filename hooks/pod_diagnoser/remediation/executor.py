"""Carrying out what was planned: the only place where a Pod is made to go.

The request supplies the name and uid of a PodDiagnoser, nothing more. It and each Pod are read
live, the plans are those of the live status, and it is decided anew from what is read; a forged
request makes nothing happen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, Protocol

from pod_diagnoser.api.core_v1 import OwnedPod, owner_of
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTargetSpec,
    OwnerHistory,
    PodDiagnoser,
    PodDiagnoserStatus,
    Remediation,
)
from pod_diagnoser.api.time import parse_time
from pod_diagnoser.cluster.errors import (
    DENIED_BY_POLICY,
    DISRUPTION_BUDGET,
    SEVERAL_DISRUPTION_BUDGETS,
    ClusterError,
    Trouble,
    trouble_of,
)
from pod_diagnoser.cluster.reader import Live
from pod_diagnoser.pods.claims import claimed_pods
from pod_diagnoser.pods.observation import crashes_of
from pod_diagnoser.remediation.ledger import settle
from pod_diagnoser.remediation.limits import charged
from pod_diagnoser.remediation.model import REPLACING, Action, Outcome, Phase, Reason
from pod_diagnoser.remediation.planner import due
from pod_diagnoser.remediation.verification import reason_against

MAX_ACTS: Final = 5
"""How many plans are carried out in one sync."""

PLAN_SECONDS: Final = 120.0
"""How old a plan may be when it is carried out, by the API server's clock; and how young, where it
was made by another."""


class Pods(Protocol):
    """What makes Pods go (`pod_diagnoser.cluster.Cluster`)."""

    def delete_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Delete a Pod."""

    def evict_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Evict a Pod."""


@dataclass(slots=True)
class Acted:
    """What came of carrying out plans.

    Attributes:
        now: the time by the API server's clock, or None where it did not tell.
        settled: the plans of which it is known what came of them, with that. A plan that is not
            among them stands as it was and is tried again.
        trouble: what held plans up, or None.
        unanswered: the crash id of the plan at which no answer came, or None.
    """

    now: datetime | None = None
    settled: list[tuple[Remediation, Outcome]] = field(default_factory=list)
    trouble: Trouble | None = None
    unanswered: str | None = None


def carry_out(  # noqa: PLR0913 (all that it takes to act)
    diagnoser: PodDiagnoser,
    targets: Sequence[DiagnosisTargetSpec],
    live: Live,
    cluster: Pods,
    in_time: Callable[[], bool],
    *,
    unanswered: Mapping[str, float] = MappingProxyType({}),
) -> Acted:
    """Carry out the plans of the stored status.

    Args:
        diagnoser: the PodDiagnoser as Metacontroller sent it.
        targets: the published DiagnosisTargets of its namespace, as Metacontroller sent them.
        live: what is read live.
        cluster: the API server.
        in_time: tells whether there is time left to begin another call.
        unanswered: when no answer came at a plan, by crash id. These have their turn after the
            others, or one that hangs each time would keep them all.

    Returns:
        What came of it. Nothing at all where the live PodDiagnoser is not the very version of the
        request: a status write raises the version twice, and what a sync of the version between
        does would be lost in a conflict and done again.
    """
    if not due(diagnoser):
        return Acted()
    namespace = diagnoser.metadata.namespace
    live.forget(diagnoser)  # another process may have acted on what was read a moment ago
    try:
        stored, now = live.pod_diagnoser(diagnoser)
    except ClusterError as error:
        return Acted(trouble=trouble_of(error, "read PodDiagnosers", namespace))
    acted = Acted(now)
    if stored is None:
        return acted
    live.forget(stored)  # what comes now is to change it
    plans = sorted(due(stored), key=lambda plan: unanswered.get(plan.id, float("-inf")))
    doubted = {plan.id: plan for plan in plans if plan.id in unanswered}
    turn = _Turn(stored, targets, live, cluster, in_time, now=now, doubted=doubted)
    for plan in plans[:MAX_ACTS]:
        if not in_time():
            break
        try:
            outcome = turn.carry_out(plan)
        except ClusterError as error:
            acted.trouble = trouble_of(error, turn.doing, namespace)
            acted.unanswered = plan.id if error.status is None else None
            if acted.trouble.everywhere or acted.trouble.reason == "Forbidden":
                break
            turn.doubt(plan)
            continue  # it may be about this Pod alone
        if outcome is not None:
            acted.settled.append((plan, outcome))
            acted.now = max(outcome.at, now)
    return acted


class _Turn:
    """Carries out the plans of one PodDiagnoser, one after the other, and keeps count.

    Attributes:
        doing: what is being done, for the message if it can't be.
    """

    def __init__(  # noqa: PLR0913 (all that it takes to act)
        self,
        stored: PodDiagnoser,
        targets: Sequence[DiagnosisTargetSpec],
        live: Live,
        cluster: Pods,
        in_time: Callable[[], bool],
        *,
        now: datetime,
        doubted: dict[str, Remediation],
    ) -> None:
        self.doing = ""
        self._stored = stored
        self._doubted = doubted
        self._now = now
        self._targets = targets
        self._live = live
        self._cluster = cluster
        self._in_time = in_time

    def carry_out(self, plan: Remediation) -> Outcome | None:
        """Carry out one plan. None: it stands as it was.

        Raises:
            ClusterError: nobody knows what came of it; the plan stands.
        """
        self._doubted.pop(plan.id, None)
        outcome = self._outcome(plan)
        if outcome is not None:
            self._stored = _with(self._stored, plan, outcome)
        return outcome

    def doubt(self, plan: Remediation) -> None:
        """Let a plan of which nobody knows what came of it count as done for the others.

        Its Pod may have been made to go by a call whose answer was lost.
        """
        self._doubted[plan.id] = plan

    def _outcome(self, plan: Remediation) -> Outcome | None:
        self.doing = "read Pods"
        try:
            pod, now = self._live.pod(self._stored.metadata.namespace, plan.pod)
        except ClusterError as error:
            if error.status != HTTPStatus.BAD_REQUEST:
                raise
            # No Pod can have this name: whoever stored it, it would be a plan for ever.
            return Outcome(Phase.FAILED, Reason.REFUSED, error.at or self._now)
        # A Pod that is gone, going or another counts as remediated, and is charged: the answer to
        # our own DELETE may have been lost.
        if pod is None or pod.metadata.uid != plan.podUID or pod.metadata.terminating:
            return Outcome(Phase.DONE, Reason.POD_GONE, now)
        refusal = self._refusal(pod, plan, now)
        if refusal is not None:
            return Outcome(Phase.EXPIRED, refusal, now)
        if not self._in_time():
            return None
        return self._act(pod, plan, now)

    def _act(self, pod: OwnedPod, plan: Remediation, now: datetime) -> Outcome | None:
        evicts = plan.action == Action.EVICT_POD
        self.doing = "evict Pods" if evicts else "delete Pods"
        act = self._cluster.evict_pod if evicts else self._cluster.delete_pod
        meta = pod.metadata
        try:
            at = act(meta.namespace, meta.name, plan.podUID, meta.resourceVersion)
        except ClusterError as error:
            return _refused(error, now)
        return Outcome(Phase.DONE, Reason.EVICTED if evicts else Reason.DELETED, at)

    def _refusal(self, pod: OwnedPod, plan: Remediation, now: datetime) -> Reason | None:
        """Decide anew, from what is live and by the API server's clock."""
        live = self._stored
        for doubted in self._doubted.values():
            live = _with(live, doubted, Outcome(Phase.DONE, Reason.POD_GONE, self._now))
        planned = parse_time(plan.plannedAt)
        if planned is None or abs((now - planned).total_seconds()) > PLAN_SECONDS:
            return Reason.PLAN_TOO_OLD
        if live.spec.remediationAction != plan.action or plan.action not in REPLACING:
            return Reason.ACTION_CHANGED
        if live.metadata.terminating or not claimed_pods(live, [pod], self._targets):
            return Reason.NO_LONGER_CLAIMED
        found = next((each for each in crashes_of(pod, live.spec) if each.id == plan.id), None)
        if found is None:
            return Reason.CRASH_SUPERSEDED
        reason = reason_against(live, pod, found, now)
        if reason is None and owner_of(pod) != plan.owner:
            return Reason.OWNER_CHANGED  # it would be charged to the former one
        return reason


def _with(live: PodDiagnoser, plan: Remediation, outcome: Outcome) -> PodDiagnoser:
    """The PodDiagnoser as it will be when an outcome is stored."""
    status = live.status or PodDiagnoserStatus()
    entries = [settle(entry, outcome) if entry is plan else entry for entry in status.remediations]
    owners: Sequence[OwnerHistory] = status.owners
    if outcome.phase is Phase.DONE:
        owners = charged(owners, plan.owner, outcome.at)
    update = {"remediations": tuple(entries), "owners": tuple(owners)}
    return live.model_copy(update={"status": status.model_copy(update=update)})


def _refused(error: ClusterError, now: datetime) -> Outcome | None:
    """What a refusal of the API server means for a plan. None: look again.

    Raises:
        ClusterError: it means nothing for the plan, which stands.
    """
    if error.cause == DISRUPTION_BUDGET or error.kind == "poddisruptionbudget":
        return Outcome(Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET, now)
    if error.cause == SEVERAL_DISRUPTION_BUDGETS:
        return Outcome(Phase.DEFERRED, Reason.SEVERAL_DISRUPTION_BUDGETS, now)
    # What a 404 is about, Pod or budget, the next look at the Pod tells.
    if error.status in (HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND):
        return None
    if error.cause == DENIED_BY_POLICY:  # it may be about this Pod alone
        return Outcome(Phase.FAILED, Reason.REFUSED, now)
    if error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Outcome(Phase.FAILED, Reason.FORBIDDEN, now)
    if (
        error.status is None
        or error.status == HTTPStatus.TOO_MANY_REQUESTS
        or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    ):
        raise error
    return Outcome(Phase.FAILED, Reason.REFUSED, now)
