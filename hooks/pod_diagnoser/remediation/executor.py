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

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTargetSpec,
    OwnerHistory,
    PodDiagnoser,
    Remediation,
)
from pod_diagnoser.cluster.errors import (
    DENIED_BY_POLICY,
    DISRUPTION_BUDGET,
    SEVERAL_DISRUPTION_BUDGETS,
    ApiError,
    ApiFailure,
    describe_failure,
)
from pod_diagnoser.cluster.reader import LiveReader
from pod_diagnoser.pods.claims import claimed_pods
from pod_diagnoser.pods.observation import reportable_crashes
from pod_diagnoser.remediation.ledger import apply_outcome
from pod_diagnoser.remediation.limits import record_attempt
from pod_diagnoser.remediation.model import REPLACING, Action, Outcome, Phase, Reason
from pod_diagnoser.remediation.planner import planned_entries
from pod_diagnoser.remediation.verification import reason_to_withhold

MAX_EXECUTIONS: Final = 5
"""How many plans are carried out in one sync."""

MAX_PLAN_AGE_SECONDS: Final = 120.0
"""How old a plan may be when it is carried out, by the API server's clock; and how young, where it
was made by another."""


class PodRemover(Protocol):
    """What makes Pods go (`pod_diagnoser.cluster.client.ApiClient`)."""

    def delete_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Delete a Pod."""

    def evict_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Evict a Pod."""


@dataclass(slots=True)
class ExecutionResult:
    """What came of carrying out plans.

    Attributes:
        now: the time by the API server's clock, or None where it did not tell.
        settled: the plans of which it is known what came of them, with that. A plan that is not
            among them stands as it was and is tried again.
        trouble: what held plans up, or None.
        unanswered: the crash id of the plan at which no answer came, or None.
    """

    now: datetime | None = None
    outcomes: list[tuple[Remediation, Outcome]] = field(default_factory=list)
    api_failure: ApiFailure | None = None
    unanswered: str | None = None


def execute_plans(  # noqa: PLR0913 (all that it takes to act)
    diagnoser: PodDiagnoser,
    targets: Sequence[DiagnosisTargetSpec],
    live: LiveReader,
    cluster: PodRemover,
    in_time: Callable[[], bool],
    *,
    unanswered: Mapping[str, float] = MappingProxyType({}),
) -> ExecutionResult:
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
    if not planned_entries(diagnoser):
        return ExecutionResult()
    namespace = diagnoser.metadata.namespace
    live.invalidate(diagnoser)  # another process may have acted on what was read a moment ago
    try:
        stored, now = live.pod_diagnoser(diagnoser)
    except ApiError as error:
        return ExecutionResult(api_failure=describe_failure(error, "read PodDiagnosers", namespace))
    acted = ExecutionResult(now)
    if stored is None:
        return acted
    live.invalidate(stored)  # what comes now is to change it
    plans = sorted(planned_entries(stored), key=lambda plan: unanswered.get(plan.id, float("-inf")))
    doubted = {plan.id: plan for plan in plans if plan.id in unanswered}
    turn = _PlanExecutor(stored, targets, live, cluster, in_time, now=now, doubted=doubted)
    for plan in plans[:MAX_EXECUTIONS]:
        if not in_time():
            break
        try:
            outcome = turn.execute(plan)
        except ApiError as error:
            acted.api_failure = describe_failure(error, turn.doing, namespace)
            acted.unanswered = plan.id if error.status is None else None
            if acted.api_failure.server_wide or acted.api_failure.reason == "Forbidden":
                break
            turn.assume_done(plan)
            continue  # it may be about this Pod alone
        if outcome is not None:
            acted.outcomes.append((plan, outcome))
            acted.now = max(outcome.at, now)
    return acted


class _PlanExecutor:
    """Carries out the plans of one PodDiagnoser, one after the other, and keeps count.

    Attributes:
        doing: what is being done, for the message if it can't be.
    """

    def __init__(  # noqa: PLR0913 (all that it takes to act)
        self,
        stored: PodDiagnoser,
        targets: Sequence[DiagnosisTargetSpec],
        live: LiveReader,
        cluster: PodRemover,
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

    def execute(self, plan: Remediation) -> Outcome | None:
        """Carry out one plan. None: it stands as it was.

        Raises:
            ApiError: nobody knows what came of it; the plan stands.
        """
        self._doubted.pop(plan.id, None)
        outcome = self._outcome(plan)
        if outcome is not None:
            self._stored = _with_outcome(self._stored, plan, outcome)
        return outcome

    def assume_done(self, plan: Remediation) -> None:
        """Let a plan of which nobody knows what came of it count as done for the others.

        Its Pod may have been made to go by a call whose answer was lost.
        """
        self._doubted[plan.id] = plan

    def _outcome(self, plan: Remediation) -> Outcome | None:
        self.doing = "read Pods"
        try:
            pod, now = self._live.pod(self._stored.metadata.namespace, plan.pod)
        except ApiError as error:
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
        return self._replace(pod, plan, now)

    def _replace(self, pod: OwnedPod, plan: Remediation, now: datetime) -> Outcome | None:
        evicts = plan.action == Action.EVICT_POD
        self.doing = "evict Pods" if evicts else "delete Pods"
        act = self._cluster.evict_pod if evicts else self._cluster.delete_pod
        meta = pod.metadata
        try:
            at = act(meta.namespace, meta.name, plan.podUID, meta.resourceVersion)
        except ApiError as error:
            return _outcome_of_refusal(error, now)
        return Outcome(Phase.DONE, Reason.EVICTED if evicts else Reason.DELETED, at)

    def _refusal(self, pod: OwnedPod, plan: Remediation, now: datetime) -> Reason | None:
        """Decide anew, from what is live and by the API server's clock."""
        live = self._stored
        for doubted in self._doubted.values():
            live = _with_outcome(live, doubted, Outcome(Phase.DONE, Reason.POD_GONE, self._now))
        if abs((now - plan.plannedAt).total_seconds()) > MAX_PLAN_AGE_SECONDS:
            return Reason.PLAN_TOO_OLD
        if live.spec.remediationAction != plan.action or plan.action not in REPLACING:
            return Reason.ACTION_CHANGED
        if live.metadata.terminating or not claimed_pods(live, [pod], self._targets):
            return Reason.NO_LONGER_CLAIMED
        found = next(
            (each for each in reportable_crashes(pod, live.spec) if each.id == plan.id), None
        )
        if found is None:
            return Reason.CRASH_SUPERSEDED
        reason = reason_to_withhold(live, pod, found, now)
        if reason is None and pod.owner_uid != plan.owner:
            return Reason.OWNER_CHANGED  # it would be charged to the former one
        return reason


def _with_outcome(live: PodDiagnoser, plan: Remediation, outcome: Outcome) -> PodDiagnoser:
    """The PodDiagnoser as it will be when an outcome is stored."""
    status = live.status
    entries = [
        apply_outcome(entry, outcome) if entry is plan else entry for entry in status.remediations
    ]
    owners: Sequence[OwnerHistory] = status.owners
    if outcome.phase is Phase.DONE:
        owners = record_attempt(owners, plan.owner, outcome.at)
    update = {"remediations": tuple(entries), "owners": tuple(owners)}
    return live.model_copy(update={"status": status.model_copy(update=update)})


def _outcome_of_refusal(error: ApiError, now: datetime) -> Outcome | None:
    """What a refusal of the API server means for a plan. None: look again.

    Raises:
        ApiError: it means nothing for the plan, which stands.
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
