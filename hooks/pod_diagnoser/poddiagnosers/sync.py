"""Sync a PodDiagnoser: act, plan, report.

1. Act: execute the plans of the stored status, and publish crashes and what was done as Events.
2. Plan: work out the response, new plans included, from the request and from the outcomes.
3. Report: publish on a few crashed Pods why they are withheld.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.api.time import earliest
from pod_diagnoser.cluster.errors import ApiError, ApiFailure
from pod_diagnoser.poddiagnosers.access import ClusterAccess, ClusterApi, Observer
from pod_diagnoser.poddiagnosers.awaited_evidence import AwaitedEvidence
from pod_diagnoser.poddiagnosers.cluster_snapshot import ClusterSnapshot
from pod_diagnoser.poddiagnosers.cluster_status import sync_cluster
from pod_diagnoser.poddiagnosers.decisions import Decisions
from pod_diagnoser.poddiagnosers.event_publisher import TOO_SLOW, EventPublisher
from pod_diagnoser.poddiagnosers.response import (
    PodDiagnoserSync,
    response_for_deleted,
    sync_pod_diagnoser,
)
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot, target_missing
from pod_diagnoser.remediation.executor import ExecutionResult, PlanExecutor, TimeBudget
from pod_diagnoser.remediation.model import OWN_NAMESPACES, ExecutionReport, acts
from pod_diagnoser.remediation.planner import planned_entries
from pod_diagnoser.remediation.switching import is_switched_on

MAX_PROMPT: Final = 5
"""Up to how many crashes that begin to wait for evidence the response is not debounced. Where more
Pods crash at once, their changes are better one sync than many."""


_Snapshot = TypeVar("_Snapshot", bound=DiagnoserSnapshot)


class Reconciler:
    """Syncs PodDiagnosers.

    What it remembers saves calls and nothing else: it may be lost at any time.

    Args:
        cluster: the API server.
        clock: returns our time, in UTC.
        instance: which process this is, for Events.
        monotonic: a clock for how long things take, in seconds.
        observer: what is called on what the status does not show.
        own_namespaces: the namespaces of the operator and of Metacontroller.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that it does not work out by itself
        self,
        cluster: ClusterApi,
        clock: Callable[[], datetime],
        instance: str,
        monotonic: Callable[[], float],
        observer: Observer | None = None,
        own_namespaces: Collection[str] = OWN_NAMESPACES,
    ) -> None:
        self._access = ClusterAccess(
            cluster, clock, monotonic, observer or Observer(), own_namespaces
        )
        self._awaited = AwaitedEvidence(monotonic)
        self._decisions = Decisions(self._access.observer.decided)
        self._executor = PlanExecutor(self._access.live, cluster, monotonic, own_namespaces)
        self._publisher = EventPublisher(self._access, self._awaited, instance)

    def sync(self, snapshot: DiagnoserSnapshot) -> PodDiagnoserSync:
        """Do what is to be done for a PodDiagnoser, and return the response."""
        time_budget = TimeBudget(self._access.monotonic)
        if target_missing(snapshot, self._access.server_time.now()) and self._is_gone(snapshot):
            return response_for_deleted(snapshot)
        return self._sync(snapshot, time_budget, sync_pod_diagnoser)

    def sync_cluster(self, snapshot: ClusterSnapshot) -> PodDiagnoserSync:
        """Do what is to be done for a ClusterPodDiagnoser, and return the response."""
        return self._sync(snapshot, TimeBudget(self._access.monotonic), sync_cluster)

    def _sync(
        self,
        snapshot: _Snapshot,
        time_budget: TimeBudget,
        plan: Callable[[_Snapshot, datetime, ExecutionReport], PodDiagnoserSync],
    ) -> PodDiagnoserSync:
        snapshot, begun = self._awaited.update(snapshot)
        report = self._act(snapshot, time_budget)
        result = plan(snapshot, self._access.server_time.now(), report)
        self._decisions.withheld(snapshot.diagnoser, result.withheld_pods)
        self._report(snapshot, report, result, time_budget)
        # The Pod's own sync has begun at the same time: the next sync follows within a moment.
        next_is_due = 0 < begun <= MAX_PROMPT and bool(report.awaited)
        return replace(result, urgent=True) if next_is_due else result

    def _is_gone(self, snapshot: DiagnoserSnapshot) -> bool:
        """Return whether the API server has no such PodDiagnoser, or another of its name.

        It is asked while a circuit breaker is open, too: publishing a DiagnosisTarget for one that
        is gone costs many writes, until it ends.
        """
        try:
            found, now = self._access.live.pod_diagnoser(snapshot.diagnoser, any_version=True)
        except ApiError:
            return False  # not known: keep the DiagnosisTarget published
        self._access.server_time.update(now)
        return found is None

    # Act

    def _act(self, snapshot: DiagnoserSnapshot, time_budget: TimeBudget) -> ExecutionReport:
        """Execute the plans of the stored status; publish crashes, and what was done."""
        execution = self._execute_plans(snapshot, time_budget)
        self._decisions.executed(snapshot.diagnoser, execution.outcomes)
        failure = execution.api_failure
        known = self._access.server_time.known or not _depends_on_time(snapshot)
        if not known and failure is None:
            failure = self._update_server_time(snapshot.diagnoser)
            known = self._access.server_time.known
        resync_after: float | None = None
        if known:
            published = self._publisher.publish_crash_events(snapshot, time_budget)
            resync_after = published.resync_after
            # Where something was executed, that took the time.
            if published.api_failure is not TOO_SLOW or not execution.outcomes:
                failure = failure or published.api_failure
        self._publisher.publish_remediation_events(
            snapshot.diagnoser, execution.outcomes, time_budget
        )
        waits = self._waits(snapshot)
        return ExecutionReport(
            outcomes={entry.id: outcome for entry, outcome in execution.outcomes},
            api_failure=failure,
            resync_after=earliest(
                failure.retry_after if failure else None, resync_after, *waits.values()
            ),
            awaited=waits,
            own_namespaces=self._access.own_namespaces,
            server_time_known=known,
        )

    def _waits(self, snapshot: DiagnoserSnapshot) -> dict[str, float]:
        """Return for how many seconds yet which crashes wait for evidence, by crash id."""
        diagnoser = snapshot.diagnoser
        if not acts(diagnoser):
            return {}
        return {
            crash: seconds
            for each in snapshot.crashed
            for crash, seconds in self._awaited.waits(each, diagnoser.spec).items()
        }

    def _execute_plans(
        self, snapshot: DiagnoserSnapshot, time_budget: TimeBudget
    ) -> ExecutionResult:
        if not planned_entries(snapshot.diagnoser):
            return ExecutionResult()
        failure = self._access.open_failure()
        if failure is not None:
            return ExecutionResult(api_failure=failure)
        result = self._executor.execute(snapshot.diagnoser, snapshot.targets_of, time_budget)
        if result.now is not None:
            self._access.server_time.update(result.now)
        if result.api_failure is not None:
            self._access.record_failure(result.api_failure)
        return result

    def _update_server_time(self, diagnoser: PodDiagnoser) -> ApiFailure | None:
        """Read the API server's time: whether a crash is fresh must not depend on our clock."""
        failure = self._access.open_failure()
        if failure is not None:
            return failure
        try:
            _, now = self._access.live.pod_diagnoser(diagnoser, any_version=True)
        except ApiError as error:
            namespace = diagnoser.metadata.namespace
            return self._access.record_error(error, "read PodDiagnosers", namespace)
        self._access.server_time.update(now)
        return None

    # Report

    def _report(
        self,
        snapshot: DiagnoserSnapshot,
        report: ExecutionReport,
        result: PodDiagnoserSync,
        time_budget: TimeBudget,
    ) -> None:
        """Publish why Pods are withheld, only if nothing was executed and no call failed."""
        if not result.executed and report.api_failure is None:
            withheld = [
                each for each in result.withheld_pods if each.diagnosis.id not in report.awaited
            ]
            self._publisher.publish_withheld_events(snapshot, withheld, time_budget)


def _depends_on_time(snapshot: DiagnoserSnapshot) -> bool:
    """Return whether anything is decided, or expires, by how long ago it was."""
    diagnoser = snapshot.diagnoser
    if diagnoser.status.remediations or diagnoser.status.owners or is_switched_on(diagnoser):
        return True
    return acts(diagnoser) and any(each.diagnoses for each in snapshot.crashed)
