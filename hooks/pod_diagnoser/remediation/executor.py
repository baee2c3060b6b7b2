"""Execute what was planned: the only place where a Pod is deleted or evicted.

The request supplies the name and uid of a PodDiagnoser, nothing more. The PodDiagnoser and each Pod
are read live, the plans are those of the live status, and everything is checked again on what was
read: a forged request has no effect.

``docs/remediation.md`` lists all that is checked before a Pod is deleted, in this order.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from cachetools import FIFOCache

from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser
from pod_diagnoser.api.core_v1 import Namespace, OwnedPod
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
from pod_diagnoser.remediation.model import (
    OWN_NAMESPACES,
    REPLACING,
    Action,
    Outcome,
    Phase,
    Reason,
)
from pod_diagnoser.remediation.planner import planned_entries
from pod_diagnoser.remediation.verification import Expected, verify_live

MAX_EXECUTIONS: Final = 5
"""How many plans are executed in one sync."""

MAX_PLAN_AGE_SECONDS: Final = 120.0
"""How old a plan may be when it is executed, by the API server's clock; and how far in the future,
where another process made it."""

LATEST_CALL_START_SECONDS: Final = 3.0
"""How long after its start a sync may begin its last call. Together with the time-out of that call
this stays below the 10 seconds that Metacontroller waits for the response."""

MAX_UNANSWERED: Final = 20_000
"""How many plans are remembered whose call got no answer. A plan that is dropped from these is
executed in its usual order again."""


TargetsOf = Callable[[str], Sequence[DiagnosisTargetSpec]]
"""Returns what may claim Pods of a namespace, in that order."""


class TimeBudget:
    """The time that one sync has.

    Args:
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._begun = monotonic()

    def in_time(self, seconds: float = LATEST_CALL_START_SECONDS) -> bool:
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
    """The result of executing plans.

    Attributes:
        now: the time by the API server's clock, or None where it did not answer.
        outcomes: the plans whose outcome is known, with that outcome. A plan that is not among
            them remains planned and is tried again.
        api_failure: the API failure that kept plans from being executed, or None.
    """

    now: datetime | None = None
    outcomes: list[tuple[Remediation, Outcome]] = field(default_factory=list)
    api_failure: ApiFailure | None = None


class PlanExecutor:
    """Executes the plans of stored statuses.

    Plans whose call got no answer are executed after the others: otherwise a plan whose call always
    times out would block the others.

    Args:
        live: reads PodDiagnosers and Pods.
        remover: deletes and evicts Pods.
        monotonic: a clock for how long things take, in seconds.
        own_namespaces: the namespaces of the operator and of Metacontroller.
    """

    def __init__(
        self,
        live: LiveReader,
        remover: PodRemover,
        monotonic: Callable[[], float],
        own_namespaces: Collection[str] = OWN_NAMESPACES,
    ) -> None:
        self._live = live
        self._remover = remover
        self._monotonic = monotonic
        self._own_namespaces = own_namespaces
        self._unanswered: FIFOCache[str, float] = FIFOCache(MAX_UNANSWERED)

    def execute(
        self,
        diagnoser: PodDiagnoser,
        targets_of: TargetsOf,
        time_budget: TimeBudget,
    ) -> ExecutionResult:
        """Execute the plans of the stored status.

        Args:
            diagnoser: the PodDiagnoser as Metacontroller sent it.
            targets_of: what may claim Pods, as Metacontroller sent it.
            time_budget: the time that the sync has.

        Returns:
            The result. Nothing is executed, and it is empty, where the live PodDiagnoser has not
            the version of the request: a status write raises the version twice, and what a sync of
            the version between does would be lost in a conflict and done again.
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
        plans = sorted(planned_entries(stored), key=self._order)
        outcome_unknown = {plan.id: plan for plan in plans if plan.id in self._unanswered}
        scope = _Scope(stored, targets_of, time_budget, now, self._own_namespaces)
        execution = _Execution(self._live, self._remover, scope, outcome_unknown)
        for plan in plans[:MAX_EXECUTIONS]:
            if not time_budget.in_time():
                break
            try:
                outcome = execution.execute(plan)
            except ApiError as error:
                if isinstance(error, NoAnswerError):
                    self._unanswered[plan.id] = self._monotonic()
                failure = describe_failure(error, execution.doing, plan.pod_namespace or namespace)
                result.api_failure = failure
                if failure.server_wide or not failure.transient:
                    break
                execution.assume_done(plan)
                continue  # it may be about this Pod alone
            if outcome is not None:
                result.outcomes.append((plan, outcome))
                result.now = max(outcome.at, now)
        return result

    def _order(self, plan: Remediation) -> float:
        return self._unanswered.get(plan.id, float("-inf"))


@dataclass(slots=True)
class _Scope:
    """What the plans of one sync have in common.

    Attributes:
        stored: the live PodDiagnoser, with the outcomes so far.
        targets_of: what may claim Pods of a namespace.
        time_budget: the time that the sync has.
        now: the time by the API server's clock when the PodDiagnoser was read.
        own_namespaces: the namespaces of the operator and of Metacontroller.
    """

    stored: PodDiagnoser
    targets_of: TargetsOf
    time_budget: TimeBudget
    now: datetime
    own_namespaces: Collection[str]


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
        outcome_unknown: dict[str, Remediation],
    ) -> None:
        self.doing = ""
        self._live = live
        self._remover = remover
        self._scope = scope
        self._outcome_unknown = outcome_unknown
        self._namespaces: dict[str, Namespace | None] = {}

    def execute(self, plan: Remediation) -> Outcome | None:
        """Execute one plan. None: it remains planned.

        Raises:
            ApiError: the outcome is not known; the plan remains planned.
        """
        self._outcome_unknown.pop(plan.id, None)
        outcome = self._outcome(plan)
        if outcome is not None:
            self._scope.stored = _with_outcome(self._scope.stored, plan, outcome)
        return outcome

    def assume_done(self, plan: Remediation) -> None:
        """Count a plan whose outcome is not known as done, for the others.

        Its Pod may have been deleted by a call whose answer was lost.
        """
        self._outcome_unknown[plan.id] = plan

    def _outcome(self, plan: Remediation) -> Outcome | None:
        try:
            selected = self._selects(plan.pod_namespace)
            self.doing = "read Pods"
            namespace = plan.pod_namespace or self._scope.stored.metadata.namespace
            pod, now = self._live.pod(namespace, plan.pod)
        except BadRequestError as error:
            # No Pod can have this name (anyone who may write the status can store one): without an
            # outcome the plan would be retried endlessly.
            return Outcome(Phase.FAILED, Reason.REFUSED, error.at or self._scope.now)
        except ForbiddenError as error:
            if self.doing != "read Pods" or not plan.pod_namespace:
                raise
            # In other namespaces it may be allowed.
            return Outcome(Phase.FAILED, Reason.FORBIDDEN, error.at or self._scope.now)
        return self._outcome_for(plan, pod, now, selected=selected)

    def _outcome_for(
        self, plan: Remediation, pod: OwnedPod | None, now: datetime, *, selected: bool
    ) -> Outcome | None:
        # A Pod that is gone, terminating or another counts as remediated, and as an attempt: the
        # answer to our own DELETE may have been lost.
        if pod is None or pod.metadata.uid != plan.podUID or pod.metadata.terminating:
            return Outcome(Phase.DONE, Reason.POD_GONE, now)
        reason = self._reason_to_expire(pod, plan, now) if selected else Reason.NO_LONGER_CLAIMED
        if reason is not None:
            return Outcome(Phase.EXPIRED, reason, now)
        if not self._scope.time_budget.in_time():
            return None
        return self._replace(pod, plan, now)

    def _selects(self, namespace: str) -> bool:
        """Return whether a ClusterPodDiagnoser selects a namespace as it is live.

        Of which namespaces Metacontroller sent, a request may say anything.

        Raises:
            ApiError: that is not known.
        """
        live = self._scope.stored
        if not isinstance(live, ClusterPodDiagnoser):
            return True
        if namespace not in self._namespaces:
            self.doing = "read Namespaces"
            self._namespaces[namespace] = self._live.namespace(namespace)
        found, selector = self._namespaces[namespace], live.spec.namespaceSelector
        if found is None or found.metadata.terminating or not selector.is_valid:
            return False
        return selector.matches(found.metadata.labels)

    def _reason_to_expire(self, pod: OwnedPod, plan: Remediation, now: datetime) -> Reason | None:
        """Check a plan again, on what was read live and by the API server's clock."""
        if abs((now - plan.plannedAt).total_seconds()) > MAX_PLAN_AGE_SECONDS:
            return Reason.PLAN_TOO_OLD
        live = self._scope.stored
        for each in self._outcome_unknown.values():
            assumed = Outcome(Phase.DONE, Reason.POD_GONE, self._scope.now)
            live = _with_outcome(live, each, assumed)
        expected = Expected(
            plan.podUID,
            [action for action in REPLACING if action == plan.action],
            crash=plan.id,
            owner=plan.owner,
            deletes=True,
            own_namespaces=self._scope.own_namespaces,
        )
        targets = self._scope.targets_of(pod.metadata.namespace)
        return verify_live(live, pod, targets, expected, now).reason

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
    if outcome.phase is Phase.DONE and not _is_charged(plan, status.remediations):
        owners = record_attempt(owners, plan.owner, outcome.at)
    update = {"remediations": tuple(entries), "owners": tuple(owners)}
    return live.model_copy(update={"status": status.model_copy(update=update)})


def _is_charged(plan: Remediation, entries: Sequence[Remediation]) -> bool:
    """Return whether the Pod of a plan is counted as replaced already, for another crash of it."""
    return any(each.phase == Phase.DONE and each.podUID == plan.podUID for each in entries)


def _outcome_of_error(error: ApiError, now: datetime) -> Outcome | None:
    """Return what an error means for a plan. None: look again.

    Raises:
        ApiError: the error does not decide the outcome; the plan remains planned.
    """
    match error:
        case BlockedByBudgetError():
            return Outcome(
                Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET, now, budget=error.budget
            )
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
