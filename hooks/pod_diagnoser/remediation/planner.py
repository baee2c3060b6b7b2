"""Which crashed Pods to replace, and why not. Pure.

No Pod is deleted without a plan that was stored before. A sync *plans*: it puts an entry into
``status.remediations``. A later sync, on the status as stored, *executes* it (`executor`) and
*applies its outcome* (`ledger`). Everything that limits remediation (`limits`) is counted from what
is stored, never from a process's memory: a write on a stale status is refused by the API server, so
that two writers cannot both spend the same budget.

A Pod's annotations decide nothing here; its labels only who claims it, and its ``remediate``
annotation only that it is withheld (`safeguards`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    CLUSTER_POD_DIAGNOSER,
    ActionSince,
    OwnerHistory,
    PodDiagnoser,
    Remediation,
    Withheld,
)
from pod_diagnoser.api.fields import UNKNOWN_TIME
from pod_diagnoser.api.time import whole_seconds
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.boundaries import boundaries_of
from pod_diagnoser.remediation.ledger import deduplicate, prune_owners, should_keep, update_ledger
from pod_diagnoser.remediation.limits import (
    ALL_TEMPLATES,
    Limit,
    add_template,
    backoff_left,
    budget_limit,
    is_pending,
    owner_limit,
    window_of,
)
from pod_diagnoser.remediation.model import (
    EXPLANATIONS,
    Action,
    ExecutionReport,
    Phase,
    Reason,
    blocked_by,
    blocking_budget,
    explanation,
    replaces,
)
from pod_diagnoser.remediation.safeguards import is_fresh, seconds_too_young, violated_safeguard

__all__ = ["Action", "Phase", "Plan", "Reason", "WithheldPod", "plan", "planned_entries"]

MAX_REMEDIATIONS = 100
MAX_OWNERS = 100
MAX_TEMPLATES = 5
"""How many templates of one owner are kept."""
MAX_EXAMPLES = 3

_RETRIED = " It is tried again."

_TRANSIENT_REASONS = (
    Reason.AWAITING_EVIDENCE,
    Reason.TOO_YOUNG,
    Reason.COOL_DOWN,
    Reason.BUDGET_SPENT,
    Reason.NAMESPACE_BUDGET_SPENT,
    Reason.HISTORY_FULL,
    Reason.FORBIDDEN,
)
"""Reasons that pass: a crash waits for its turn meanwhile."""

_PAST_REASONS = (Reason.NOT_FRESH, Reason.BEFORE_ACTION, Reason.BEFORE_CLAIM)
"""Reasons by the time of a crash: another one of the Pod says more."""

_REFUSED_PHASES = (Phase.DEFERRED, Phase.FAILED)
"""Phases in which something other than this operator prevented the remediation."""


@dataclass(frozen=True, slots=True)
class WithheldPod:
    """A crashed Pod that is not replaced, and why."""

    pod: OwnedPod
    diagnosis: Diagnosis
    reason: Reason


@dataclass(frozen=True, slots=True)
class Plan:
    """What the status should say of remediation.

    Attributes:
        remediations: the entries, newest first.
        owners: the history of owners.
        withheld: the crashed Pods that are not replaced, counted by reason.
        resync_after: seconds until something is to be decided again, or None. It disregards planned
            entries, which are executed as soon as possible.
        withheld_pods: the Pods that `withheld` counts.
        action: by which action Pods are replaced, and since when; None where they are not.
    """

    remediations: tuple[Remediation, ...] = ()
    owners: tuple[OwnerHistory, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    resync_after: float | None = None
    withheld_pods: Sequence[WithheldPod] = ()
    action: ActionSince | None = None


def planned_entries(diagnoser: PodDiagnoser) -> list[Remediation]:
    """Return the planned remediations of the status, the oldest first."""
    entries = deduplicate(diagnoser.status.remediations)
    return [entry for entry in reversed(entries) if entry.phase == Phase.PLANNED]


def plan(
    diagnoser: PodDiagnoser,
    crashed: Sequence[CrashedPod],
    report: ExecutionReport,
    now: datetime,
    *,
    complete: bool = True,
) -> Plan:
    """Work out what the status should say of remediation.

    Args:
        diagnoser: the PodDiagnoser with its stored status.
        crashed: the Pods that it claims, with their crashes.
        report: the outcomes of executed plans, and which crashes await evidence.
        now: the time by the API server's clock.
        complete: False when there were too many Pods to read them all.

    Returns:
        The stored entries, with their outcomes; new ones for fresh crashes that no safeguard,
        cool-down or budget withholds; and how many of the others there are, and why.
    """
    policy = diagnoser.spec.remediation
    entries, owners = update_ledger(diagnoser, report.outcomes, crashed, now, complete=complete)
    may_replace = replaces(diagnoser)
    shown = {
        found.id
        for each in crashed
        for found in each.diagnoses
        if may_replace and is_fresh(found, now)
    }
    entries = [entry for entry in entries if should_keep(entry, shown, policy, now)]
    if complete:
        owners = prune_owners(owners, entries, crashed, now)
    planner = _Planner(diagnoser, entries, owners, report, now)
    if may_replace:
        planner.consider(crashed)
    if policy.dryRun:
        return _in_dry_run(diagnoser, planner.plan(), planner.new, owners)
    return planner.plan()


def _in_dry_run(
    diagnoser: PodDiagnoser,
    live: Plan,
    new: Sequence[WithheldPod],
    owners: Sequence[OwnerHistory],
) -> Plan:
    """Withhold what would be planned, after all limits were applied as if it were no dry run.

    Args:
        diagnoser: the PodDiagnoser.
        live: what would be the plan.
        new: what would be planned.
        owners: the history of owners, without those that would be added.
    """
    crashes = {each.diagnosis.id for each in new}
    withheld = [*live.withheld_pods, *new]
    return replace(
        live,
        remediations=tuple(entry for entry in live.remediations if entry.id not in crashes),
        owners=tuple(owners),
        withheld=_count_by_reason(diagnoser, withheld),
        withheld_pods=withheld,
    )


class _Planner:
    """Considers one crashed Pod after the other, and keeps count.

    An entry whose remediation failed is kept while its crash is fresh: crashes that were not tried
    yet go first, then those that were tried longest ago.

    It plans in a dry run as well, and applies its own plans to what it considers next.

    Attributes:
        new: what it has planned, as a dry run withholds it.
    """

    def __init__(
        self,
        diagnoser: PodDiagnoser,
        entries: list[Remediation],
        owners: Sequence[OwnerHistory],
        report: ExecutionReport,
        now: datetime,
    ) -> None:
        self._awaited = report.awaited
        self._diagnoser = diagnoser
        self._action = diagnoser.spec.remediationAction
        self._policy = diagnoser.spec.remediation.model_copy(update={"dryRun": False})
        self._spec = diagnoser.spec.model_copy(update={"remediation": self._policy})
        self._now = now
        self._boundaries = boundaries_of(diagnoser, now, report.own_namespaces)
        self._entries = entries
        self._owners = list(owners)
        self._tried = {entry.id: entry for entry in entries if self._may_be_tried_again(entry)}
        kept = [entry for entry in entries if entry.id not in self._tried]
        self._crashes = {entry.id for entry in kept}
        self._pods = {
            # A newer crash of the Pod is another reason to replace it.
            entry.podUID
            for entry in kept
            if entry.reason != Reason.CRASH_SUPERSEDED
        }
        self._refused = {
            entry.pod_namespace
            for entry in kept
            if entry.phase == Phase.FAILED and entry.reason == Reason.FORBIDDEN
        }
        self._budgets: dict[str, Limit | None] = {}
        self._crashing: set[tuple[str, str]] = set()
        self._withheld: list[WithheldPod] = []
        self.new: list[WithheldPod] = []
        self._waits: list[float | None] = []

    def _may_be_tried_again(self, entry: Remediation) -> bool:
        if entry.phase in (Phase.PLANNED, Phase.DONE):
            return False
        return backoff_left(entry, self._now) <= timedelta(0)

    def consider(self, crashed: Sequence[CrashedPod]) -> None:
        """Plan to replace Pods, or note why not."""
        self._crashing = {(each.pod.owner_uid, each.pod.template_hash) for each in crashed}
        for each in sorted(crashed, key=self._priority):
            self._consider(each)

    def _priority(self, crashed: CrashedPod) -> tuple[datetime, datetime, str]:
        tried = [self._tried[found.id] for found in crashed.diagnoses if found.id in self._tried]
        ended = [found.ended_by for found in crashed.diagnoses if found.ended_by is not None]
        return (
            max((entry.settledAt or UNKNOWN_TIME for entry in tried), default=UNKNOWN_TIME),
            whole_seconds(min(ended, default=UNKNOWN_TIME)),
            crashed.pod.metadata.name,
        )

    def _consider(self, crashed: CrashedPod) -> None:
        pod = crashed.pod
        open_ = [found for found in crashed.diagnoses if found.id not in self._crashes]
        if not open_ or pod.metadata.uid in self._pods:
            return  # its entry covers it
        found, reason = self._pick_crash(pod, open_)
        limit = self._limit(pod, found) if reason is None else self._limit_of_safeguard(pod, reason)
        if limit is None:
            self._plan(pod, found)
            return
        self._waits.append(limit.resync_after)
        tried = self._tried.get(found.id)
        if tried is not None:
            if tried.phase in _REFUSED_PHASES and limit.reason in _TRANSIENT_REASONS:
                return  # its entry shows the outcome, and keeps its turn
            self._entries.remove(tried)
        self._withheld.append(WithheldPod(pod, found, limit.reason))

    def _pick_crash(
        self, pod: OwnedPod, crashes: Sequence[Diagnosis]
    ) -> tuple[Diagnosis, Reason | None]:
        """Check the safeguards for each crash: one that passes is enough to replace the Pod."""
        verdicts = [(found, self._reason_to_withhold(pod, found)) for found in crashes]
        return (
            next((each for each in verdicts if each[1] is None), None)
            or next((each for each in verdicts if each[1] not in _PAST_REASONS), None)
            or verdicts[0]
        )

    def _reason_to_withhold(self, pod: OwnedPod, found: Diagnosis) -> Reason | None:
        reason = violated_safeguard(pod, found, self._spec, self._now, self._boundaries)
        if found.id in self._awaited and reason in (None, Reason.MAY_BE_RESIZE):
            return Reason.AWAITING_EVIDENCE
        return reason

    def _limit_of_safeguard(self, pod: OwnedPod, reason: Reason) -> Limit:
        young = reason is Reason.TOO_YOUNG
        return Limit(reason, seconds_too_young(pod, self._policy, self._now) if young else None)

    def _limit(self, pod: OwnedPod, found: Diagnosis) -> Limit | None:
        """Return what limits one more remediation, given the others."""
        uid, template = pod.owner_uid, pod.template_hash
        limit = owner_limit(self._policy, self._owners, uid, template, self._now)
        if limit is not None and limit.reason is Reason.GAVE_UP:
            return limit
        if self._refused & {"", pod.metadata.namespace}:
            return Limit(Reason.FORBIDDEN)
        if any(entry.owner == uid and is_pending(entry, self._now) for entry in self._entries):
            return Limit(Reason.COOL_DOWN)
        return (
            limit
            or self._budget_of(pod.metadata.namespace)
            or self._make_room_for(found)
            or self._make_room_for_owner(uid, template)
        )

    def _budget_of(self, namespace: str) -> Limit | None:
        if namespace not in self._budgets:
            limit = budget_limit(self._policy, self._entries, self._now, namespace)
            self._budgets[namespace] = limit
        return self._budgets[namespace]

    def _make_room_for(self, found: Diagnosis) -> Limit | None:
        """Make room for one more entry, or return that there is none."""
        if len(self._entries) < MAX_REMEDIATIONS or found.id in self._tried:
            return None
        if not self._tried:
            return Limit(Reason.HISTORY_FULL)
        oldest = min(self._tried.values(), key=lambda entry: entry.settledAt or UNKNOWN_TIME)
        self._entries.remove(oldest)
        del self._tried[oldest.id]
        return None

    def _make_room_for_owner(self, uid: str, template: str) -> Limit | None:
        """Make room for one more template of an owner, or return that there is none."""
        known = [owner.template for owner in self._owners if owner.uid == uid]
        templates = [each for each in known if each != ALL_TEMPLATES]
        if template in templates:
            return None
        kept = self._owners
        if len(templates) >= MAX_TEMPLATES:
            former = [each for each in templates if (uid, each) not in self._crashing]
            if not former:
                return Limit(Reason.HISTORY_FULL)
            kept = [owner for owner in kept if (owner.uid, owner.template) != (uid, former[0])]
        more = 2 if templates and ALL_TEMPLATES not in known else 1
        if len(kept) + more > MAX_OWNERS:
            return Limit(Reason.HISTORY_FULL)
        self._owners = kept
        return None

    def _plan(self, pod: OwnedPod, found: Diagnosis) -> None:
        owner, template = pod.controller, pod.template_hash
        if owner is None:
            return  # no bare Pod passes the safeguards
        if not any((each.uid, each.template) == (owner.uid, template) for each in self._owners):
            new = self._diagnoser.owner_entry(
                pod.metadata.namespace,
                uid=owner.uid,
                kind=owner.kind,
                name=owner.name,
                template=template,
            )
            self._owners = add_template(self._owners, new)
        reason, message = Reason.CRASHED.value, EXPLANATIONS[Reason.CRASHED]
        tried = self._tried.pop(found.id, None)
        if tried is not None:
            self._entries.remove(tried)
            if tried.phase in _REFUSED_PHASES:
                # Show what prevented it until something else is known.
                budget = blocking_budget(tried)
                said = blocked_by(budget) if budget else explanation(tried.reason)
                reason, message = tried.reason, said + _RETRIED
        self._pods.add(pod.metadata.uid)
        self.new.append(WithheldPod(pod, found, Reason.DRY_RUN))
        entry = self._diagnoser.remediation_entry(
            pod.metadata.namespace,
            id=found.id,
            action=self._action,
            pod=pod.metadata.name,
            podUID=pod.metadata.uid,
            owner=owner.uid,
            container=found.container,
            cause=found.cause.value,
            diagnosis=found.statement.diagnosis,
            phase=Phase.PLANNED.value,
            reason=reason,
            message=message,
            plannedAt=self._now,
        )
        self._entries.insert(0, entry)
        self._budgets.clear()

    def plan(self) -> Plan:
        """Return what the status should say."""
        waits = [*self._waits, *map(self._resync_after, self._entries)]
        pending = [wait for wait in waits if wait is not None and wait > 0]
        return Plan(
            remediations=tuple(self._entries),
            owners=tuple(self._owners),
            withheld=_count_by_reason(self._diagnoser, self._withheld),
            resync_after=max(1.0, min(pending) + 0.5) if pending else None,
            withheld_pods=self._withheld,
            action=self._boundaries.action,
        )

    def _resync_after(self, entry: Remediation) -> float | None:
        """Return seconds until an entry is assessed, or may be tried again; None for neither."""
        if entry.phase not in (Phase.PLANNED, Phase.DONE):
            return backoff_left(entry, self._now).total_seconds()
        settled = entry.settledAt
        if entry.phase == Phase.PLANNED or entry.outcome is not None or settled is None:
            return None
        return (settled + window_of(self._policy) - self._now).total_seconds()


def _count_by_reason(
    diagnoser: PodDiagnoser, withheld: Sequence[WithheldPod]
) -> tuple[Withheld, ...]:
    names: dict[Reason, list[str]] = {}
    of_cluster = diagnoser.KIND == CLUSTER_POD_DIAGNOSER
    for each in withheld:
        meta = each.pod.metadata
        name = f"{meta.namespace}/{meta.name}" if of_cluster else meta.name
        names.setdefault(each.reason, []).append(name)
    return tuple(
        Withheld(
            reason=reason.value,
            message=EXPLANATIONS[reason],
            crashes=len(pods),
            examples=tuple(sorted(pods)[:MAX_EXAMPLES]),
        )
        for reason, pods in sorted(names.items())
    )
