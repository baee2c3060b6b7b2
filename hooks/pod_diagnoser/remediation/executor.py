"""Execute what was planned: the only place where a Pod is deleted or evicted.

The request supplies the name and uid of a PodDiagnoser, nothing more. The PodDiagnoser and each Pod
are read live, the plans are those of the live status, and everything is decided anew from what was
read (`verification`): a forged request has no effect.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from cachetools import FIFOCache

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTargetSpec,
    OwnerHistory,
    PodDiagnoser,
    Remediation,
)
from pod_diagnoser.cluster.errors import (
    ApiError,
    ApiFailure,
    BadRequestError,
    BlockedByBudgetError,
    ConflictError,
    DeniedByPolicyError,
    ForbiddenError,
    NoAnswerError,
    NotFoundError,
    ServerError,
    SeveralBudgetsError,
    ThrottledError,
    UnauthorizedError,
    describe_failure,
)
from pod_diagnoser.cluster.reader import LiveReader
from pod_diagnoser.remediation.ledger import apply_outcome
from pod_diagnoser.remediation.limits import record_attempt
from pod_diagnoser.remediation.model import REPLACING, Action, Outcome, Phase, Reason
from pod_diagnoser.remediation.planner import planned_entries
from pod_diagnoser.remediation.verification import Expected, verify_live

MAX_EXECUTIONS: Final = 5
"""How many plans are executed in one sync."""

MAX_PLAN_AGE_SECONDS: Final = 120.0
"""How old a plan may be when it is executed, by the API server's clock; and how far in the future,
where another process made it."""

LAST_CALL_SECONDS: Final = 3.0
"""How long after its start a sync begins no further call. With what a call may take it answers in
time: Metacontroller waits 10 seconds."""

MAX_UNANSWERED: Final = 20_000
"""How many plans are kept at which no answer came. One that is dropped has its turn as before."""


class TimeBudget:
    """The time that one sync has.

    Args:
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._begun = monotonic()

    def in_time(self, seconds: float = LAST_CALL_SECONDS) -> bool:
        """Return whether a further call may begin, so long after the start of the sync."""
        return self._monotonic() - self._begun <= seconds


class PodRemover(Protocol):
    """What deletes Pods (`pod_diagnoser.cluster.client.ApiClient`)."""

    def delete_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Delete a Pod."""

    def evict_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Evict a Pod."""


@dataclass(slots=True)
class ExecutionResult:
    """What came of executing plans.

    Attributes:
        now: the time by the API server's clock, or None where it did not answer.
        outcomes: the plans whose outcome is known, with that. A plan that is not among them stands
            as it was and is tried again.
        api_failure: what held plans up, or None.
    """

    now: datetime | None = None
    outcomes: list[tuple[Remediation, Outcome]] = field(default_factory=list)
    api_failure: ApiFailure | None = None


class PlanExecutor:
    """Executes the plans of stored statuses.

    Plans at which no answer came are executed after the others: otherwise one that hangs each time
    would hold all others up.

    Args:
        live: reads PodDiagnosers and Pods.
        remover: deletes and evicts Pods.
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(
        self, live: LiveReader, remover: PodRemover, monotonic: Callable[[], float]
    ) -> None:
        self._live = live
        self._remover = remover
        self._monotonic = monotonic
        self._unanswered: FIFOCache[str, float] = FIFOCache(MAX_UNANSWERED)

    def execute(
        self, diagnoser: PodDiagnoser, targets: Sequence[DiagnosisTargetSpec], budget: TimeBudget
    ) -> ExecutionResult:
        """Execute the plans of the stored status.

        Args:
            diagnoser: the PodDiagnoser as Metacontroller sent it.
            targets: the published DiagnosisTargets of its namespace, as Metacontroller sent them.
            budget: the time for it.

        Returns:
            What came of it. Nothing at all where the live PodDiagnoser is not the very version of
            the request: a status write raises the version twice, and what a sync of the version
            between does would be lost in a conflict and done again.
        """
        if not planned_entries(diagnoser):
            return ExecutionResult()
        namespace = diagnoser.metadata.namespace
        self._live.invalidate(diagnoser)  # another process may have acted since the last read
        try:
            stored, now = self._live.pod_diagnoser(diagnoser)
        except ApiError as error:
            failure = describe_failure(error, "read PodDiagnosers", namespace)
            return ExecutionResult(api_failure=failure)
        result = ExecutionResult(now)
        if stored is None:
            return result
        self._live.invalidate(stored)  # it is going to change
        plans = sorted(planned_entries(stored), key=self._turn)
        doubtful = {plan.id: plan for plan in plans if plan.id in self._unanswered}
        scope = _Scope(stored, targets, budget, now)
        execution = _Execution(self._live, self._remover, scope, doubtful)
        for plan in plans[:MAX_EXECUTIONS]:
            if not budget.in_time():
                break
            try:
                outcome = execution.execute(plan)
            except ApiError as error:
                if isinstance(error, NoAnswerError):
                    self._unanswered[plan.id] = self._monotonic()
                result.api_failure = describe_failure(error, execution.doing, namespace)
                if result.api_failure.server_wide or result.api_failure.reason == "Forbidden":
                    break
                execution.assume_done(plan)
                continue  # it may be about this Pod alone
            if outcome is not None:
                result.outcomes.append((plan, outcome))
                result.now = max(outcome.at, now)
        return result

    def _turn(self, plan: Remediation) -> float:
        return self._unanswered.get(plan.id, float("-inf"))


@dataclass(slots=True)
class _Scope:
    """What the plans of one sync have in common.

    Attributes:
        stored: the live PodDiagnoser, with the outcomes so far.
        targets: the published DiagnosisTargets of its namespace.
        budget: the time for it.
        now: the time by the API server's clock when the PodDiagnoser was read.
    """

    stored: PodDiagnoser
    targets: Sequence[DiagnosisTargetSpec]
    budget: TimeBudget
    now: datetime


class _Execution:
    """Executes the plans of one PodDiagnoser, one after the other, and keeps count.

    Attributes:
        doing: what is being done, for the message if it fails.
    """

    def __init__(
        self,
        live: LiveReader,
        remover: PodRemover,
        scope: _Scope,
        doubtful: dict[str, Remediation],
    ) -> None:
        self.doing = ""
        self._live = live
        self._remover = remover
        self._scope = scope
        self._doubtful = doubtful

    def execute(self, plan: Remediation) -> Outcome | None:
        """Execute one plan. None: it stands as it was.

        Raises:
            ApiError: the outcome is not known; the plan stands.
        """
        self._doubtful.pop(plan.id, None)
        outcome = self._outcome(plan)
        if outcome is not None:
            self._scope.stored = _with_outcome(self._scope.stored, plan, outcome)
        return outcome

    def assume_done(self, plan: Remediation) -> None:
        """Count a plan whose outcome is not known as done, for the others.

        Its Pod may have been deleted by a call whose answer was lost.
        """
        self._doubtful[plan.id] = plan

    def _outcome(self, plan: Remediation) -> Outcome | None:
        self.doing = "read Pods"
        try:
            pod, now = self._live.pod(self._scope.stored.metadata.namespace, plan.pod)
        except BadRequestError as error:
            # No Pod can have this name: such a plan, whoever stored it, would never be over.
            return Outcome(Phase.FAILED, Reason.REFUSED, error.at or self._scope.now)
        # A Pod that is gone, terminating or another counts as remediated, and as an attempt: the
        # answer to our own DELETE may have been lost.
        if pod is None or pod.metadata.uid != plan.podUID or pod.metadata.terminating:
            return Outcome(Phase.DONE, Reason.POD_GONE, now)
        reason = self._reason_to_expire(pod, plan, now)
        if reason is not None:
            return Outcome(Phase.EXPIRED, reason, now)
        if not self._scope.budget.in_time():
            return None
        return self._replace(pod, plan, now)

    def _reason_to_expire(self, pod: OwnedPod, plan: Remediation, now: datetime) -> Reason | None:
        """Decide anew, from what is live and by the API server's clock."""
        if abs((now - plan.plannedAt).total_seconds()) > MAX_PLAN_AGE_SECONDS:
            return Reason.PLAN_TOO_OLD
        live = self._scope.stored
        for each in self._doubtful.values():
            assumed = Outcome(Phase.DONE, Reason.POD_GONE, self._scope.now)
            live = _with_outcome(live, each, assumed)
        expected = Expected(
            plan.podUID,
            [action for action in REPLACING if action == plan.action],
            crash=plan.id,
            owner=plan.owner,
            deletes=True,
        )
        return verify_live(live, pod, self._scope.targets, expected, now).reason

    def _replace(self, pod: OwnedPod, plan: Remediation, now: datetime) -> Outcome | None:
        evicts = plan.action == Action.EVICT_POD
        self.doing = "evict Pods" if evicts else "delete Pods"
        remove = self._remover.evict_pod if evicts else self._remover.delete_pod
        meta = pod.metadata
        try:
            at = remove(meta.namespace, meta.name, plan.podUID, meta.resourceVersion)
        except ApiError as error:
            return _outcome_of_error(error, now)
        return Outcome(Phase.DONE, Reason.EVICTED if evicts else Reason.DELETED, at)


def _with_outcome(live: PodDiagnoser, plan: Remediation, outcome: Outcome) -> PodDiagnoser:
    """Return the PodDiagnoser as it will be when an outcome is stored."""
    status = live.status
    entries = [
        apply_outcome(entry, outcome) if entry is plan else entry for entry in status.remediations
    ]
    owners: Sequence[OwnerHistory] = status.owners
    if outcome.phase is Phase.DONE:
        owners = record_attempt(owners, plan.owner, outcome.at)
    update = {"remediations": tuple(entries), "owners": tuple(owners)}
    return live.model_copy(update={"status": status.model_copy(update=update)})


def _outcome_of_error(error: ApiError, now: datetime) -> Outcome | None:
    """Return what an error means for a plan. None: look again.

    Raises:
        ApiError: it means nothing for the plan, which stands.
    """
    match error:
        case BlockedByBudgetError():
            return Outcome(Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET, now)
        case SeveralBudgetsError():
            return Outcome(Phase.DEFERRED, Reason.SEVERAL_DISRUPTION_BUDGETS, now)
        case ConflictError() | NotFoundError():
            return None  # the next read of the Pod shows whether it is the Pod that is gone
        case DeniedByPolicyError():
            return Outcome(Phase.FAILED, Reason.REFUSED, now)  # it may be about this Pod alone
        case UnauthorizedError() | ForbiddenError():
            return Outcome(Phase.FAILED, Reason.FORBIDDEN, now)
        case NoAnswerError() | ThrottledError() | ServerError():
            raise error
        case _:
            return Outcome(Phase.FAILED, Reason.REFUSED, now)
