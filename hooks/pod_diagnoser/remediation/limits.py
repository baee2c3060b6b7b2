"""How many remediations there may be: budget, cool-down, giving up. Pure.

All of it is counted from the stored status, by the API server's clock, never from a process's
memory. It is checked twice: when a plan is made, and again when it is executed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pod_diagnoser.api.diagnostics_v1 import OwnerHistory, Remediation, RemediationSpec
from pod_diagnoser.api.time import whole_seconds
from pod_diagnoser.remediation.model import Phase, Reason

SKEW = timedelta(hours=1)
"""How far clocks may differ: what is counted by time is kept for that much longer."""

FAILURE_BACKOFF = timedelta(seconds=60)
"""How long after a refusal a remediation is tried again."""

BLOCKED_BACKOFF = timedelta(seconds=15)
"""How long after it expired, or was blocked by a PodDisruptionBudget, one is tried again."""

MAX_COOL_DOWN = timedelta(hours=1)
"""The longest cool-down."""

OWNER_RETENTION = MAX_COOL_DOWN + SKEW
"""How long an owner whose Pods no longer crash is kept after the last remediation."""

MAX_ATTEMPTS = 1000
"""Attempts are counted up to this: more than the spec can ask for, less than the CRD allows."""

ALL_TEMPLATES = "*"
"""The template of the entry that counts an owner's attempts for all its templates. No label can
have this value, so no Pod has this template."""

_MAX_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Limit:
    """Why there may not be one more remediation.

    Attributes:
        reason: why.
        resync_after: seconds until that is over, or None where it is not a matter of time.
    """

    reason: Reason
    resync_after: float | None = None


def window_of(policy: RemediationSpec) -> timedelta:
    """Return for how long a remediation uses up the budget, and its outcome is watched."""
    return timedelta(seconds=policy.budget.windowSeconds)


def backoff_left(entry: Remediation, now: datetime) -> timedelta:
    """Return how long to wait before an entry that is deferred, failed or expired is tried again.

    0 or less where it may be tried.
    """
    backoff = FAILURE_BACKOFF if entry.phase == Phase.FAILED else BLOCKED_BACKOFF
    if entry.settledAt is None:
        return timedelta(0)
    return backoff - (now - entry.settledAt)


def is_pending(entry: Remediation, now: datetime) -> bool:
    """Return whether a remediation is planned, or deferred for a while."""
    deferred = entry.phase == Phase.DEFERRED and backoff_left(entry, now) > timedelta(0)
    return entry.phase == Phase.PLANNED or deferred


def budget_limit(
    policy: RemediationSpec, entries: Iterable[Remediation], now: datetime, namespace: str = ""
) -> Limit | None:
    """Return the limit if the budget is spent, None if it allows one more remediation.

    Pending remediations use it up, and those that were done for the window from then on. Of a
    ClusterPodDiagnoser both budgets have to allow it: in total, and in the namespace.

    Args:
        policy: ``spec.remediation``.
        entries: the other remediations of the same PodDiagnoser.
        now: the time.
        namespace: the namespace of the Pod, where entries say theirs.
    """
    known = tuple(entries)
    limit = _limit(known, policy.budget.pods, Reason.BUDGET_SPENT, policy, now)
    least = policy.budget.per_namespace
    if limit is not None or least is None:
        return limit
    own = [entry for entry in known if entry.pod_namespace == namespace]
    return _limit(own, least, Reason.NAMESPACE_BUDGET_SPENT, policy, now)


def _limit(
    entries: Iterable[Remediation],
    most: int,
    reason: Reason,
    policy: RemediationSpec,
    now: datetime,
) -> Limit | None:
    """Return the limit if so many Pods are being replaced, or were within the window."""
    pending = 0
    done: dict[str, float] = {}
    for entry in entries:
        if is_pending(entry, now):
            pending += 1
        elif entry.phase == Phase.DONE:
            # Subtract: nothing can be added to a time in the year 9999.
            left = (window_of(policy) - (now - (entry.settledAt or now))).total_seconds()
            if left > 0:  # one Pod is gone once, however many of its crashes were planned
                done[entry.podUID] = max(left, done.get(entry.podUID, 0.0))
    waits = list(done.values())
    excess = pending + len(waits) - most
    if excess < 0:
        return None
    return Limit(reason, sorted(waits)[excess] if excess < len(waits) else None)


def cool_down(policy: RemediationSpec, attempts: int) -> timedelta:
    """Return how long no Pod of an owner is replaced after one of them was.

    Doubled with each attempt after the first, up to an hour.

    Args:
        policy: ``spec.remediation``.
        attempts: how many of its Pods were replaced without that being known to have helped.
    """
    doublings = min(max(attempts - 1, 0), _MAX_DOUBLINGS)
    return min(timedelta(seconds=policy.coolDownSeconds) * (1 << doublings), MAX_COOL_DOWN)


def owner_limit(
    policy: RemediationSpec,
    owners: Iterable[OwnerHistory],
    uid: str,
    template: str,
    now: datetime,
) -> Limit | None:
    """Return the limit if an owner is cooling down or has been given up, None otherwise.

    A new template starts with no attempts, but within the cool-down as it is set, and for all
    templates together there are twice the attempts: a template that changes from Pod to Pod must
    not evade either.

    Args:
        policy: ``spec.remediation``.
        owners: the history of owners, one entry for each of their templates.
        uid: the owner's uid.
        template: the template from which the Pod in question was made.
        now: the time.
    """
    left = timedelta(0)
    for owner in owners:
        if owner.uid != uid:
            continue
        if owner.template == ALL_TEMPLATES and owner.attempts >= 2 * policy.maxAttempts:
            return Limit(Reason.GAVE_UP)
        attempts = owner.attempts if owner.template == template else 0
        if attempts >= policy.maxAttempts:
            return Limit(Reason.GAVE_UP)
        if owner.lastTime is not None:
            left = max(left, cool_down(policy, attempts) - (now - owner.lastTime))
    return Limit(Reason.COOL_DOWN, left.total_seconds()) if left > timedelta(0) else None


def add_template(owners: Sequence[OwnerHistory], new: OwnerHistory) -> list[OwnerHistory]:
    """Add a template of an owner; with its second one, begin to count those of all its templates.

    Attempts are counted for all templates that are known (`record_attempt`), so the first one has
    had all of them until then.

    Args:
        owners: the history of owners.
        new: an entry without attempts.
    """
    former = [owner for owner in owners if owner.uid == new.uid]
    if not former or any(owner.template == ALL_TEMPLATES for owner in former):
        return [*owners, new]
    most = max(former, key=lambda owner: owner.attempts)
    times = [owner.lastTime for owner in former if owner.lastTime is not None]
    update = {"template": ALL_TEMPLATES, "lastTime": max(times, default=None)}
    return [*owners, new, most.model_copy(update=update)]


def record_attempt(
    owners: Sequence[OwnerHistory], uid: str, at: datetime
) -> tuple[OwnerHistory, ...]:
    """Count one more attempt for all templates of an owner, of which a Pod was replaced.

    When a Pod is gone, the template from which it was made is not known; counting it for all
    templates can only lead to fewer deletions.

    Args:
        owners: the history of owners.
        uid: the owner's uid.
        at: when the Pod was replaced.
    """
    return tuple(
        owner.model_copy(
            update={
                "attempts": min(owner.attempts + 1, MAX_ATTEMPTS),
                "lastTime": max(owner.lastTime or at, whole_seconds(at)),
            }
        )
        if owner.uid == uid
        else owner
        for owner in owners
    )


def forgive_attempt(owners: Sequence[OwnerHistory], uid: str) -> tuple[OwnerHistory, ...]:
    """Count one attempt less for an owner: it has not crashed for the whole window since.

    Args:
        owners: the history of owners.
        uid: the owner's uid.
    """
    return tuple(
        owner.model_copy(update={"attempts": max(0, owner.attempts - 1)})
        if owner.uid == uid
        else owner
        for owner in owners
    )
