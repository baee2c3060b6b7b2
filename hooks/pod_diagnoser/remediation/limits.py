"""How many remediations there may be: budget, cool-down, giving up. Pure.

All of it is counted from what the status has stored, by the API server's clock, never from a
process's memory. It is asked twice: when a plan is made, and again when it is carried out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pod_diagnoser.api.diagnostics_v1 import OwnerHistory, Remediation, RemediationSpec
from pod_diagnoser.api.time import whole_seconds
from pod_diagnoser.remediation.model import Phase, Reason

SKEW = timedelta(hours=1)
"""How far clocks may differ: what is counted by time is kept for so much longer."""

FAILURE_BACKOFF = timedelta(seconds=60)
"""For how long a remediation that was refused is left alone before it is tried again."""

BLOCKED_BACKOFF = timedelta(seconds=15)
"""For how long one is left alone that a PodDisruptionBudget blocks, or that has expired."""

MAX_COOL_DOWN = timedelta(hours=1)
"""To how much a cool-down grows at most."""

OWNER_RETENTION = MAX_COOL_DOWN + SKEW
"""For how long an owner that crashes no more is remembered after the last time."""

MAX_ATTEMPTS = 1000
"""To how many attempts are counted: more than can be asked for, less than can be stored."""

_MAX_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Limit:
    """What stands against one more remediation.

    Attributes:
        reason: why.
        wait: seconds until that is over, or None where something else than time has to change.
    """

    reason: Reason
    resync_after: float | None = None


def window_of(policy: RemediationSpec) -> timedelta:
    """Say for how long a remediation uses up the budget, and is judged afterwards."""
    return timedelta(seconds=policy.budget.windowSeconds)


def backoff_left(entry: Remediation, now: datetime) -> timedelta:
    """Say for how long a remediation that did not come about is left alone still.

    Args:
        entry: one that is deferred, failed or expired.
        now: the time.

    Returns:
        The time left; 0 or less where it may be tried again.
    """
    pause = FAILURE_BACKOFF if entry.phase == Phase.FAILED else BLOCKED_BACKOFF
    if entry.settledAt is None:
        return timedelta(0)
    return pause - (now - entry.settledAt)


def is_pending(entry: Remediation, now: datetime) -> bool:
    """Tell whether a remediation may come about still, without a new plan or by the next one."""
    deferred = entry.phase == Phase.DEFERRED and backoff_left(entry, now) > timedelta(0)
    return entry.phase == Phase.PLANNED or deferred


def budget_limit(
    policy: RemediationSpec, entries: Iterable[Remediation], now: datetime
) -> Limit | None:
    """Say whether the budget is spent.

    What is not settled uses it up, and what is done does for the window from when it was done.

    Args:
        policy: ``spec.remediation``.
        entries: the other remediations of the same PodDiagnoser.
        now: the time.

    Returns:
        The limit, or None where there is room for one more.
    """
    open_, waits = 0, []
    for entry in entries:
        if is_pending(entry, now):
            open_ += 1
        elif entry.phase == Phase.DONE:
            # Nothing can be added to the last times that there are: subtract.
            left = window_of(policy) - (now - (entry.settledAt or now))
            if left > timedelta(0):
                waits.append(left.total_seconds())
    excess = open_ + len(waits) - policy.budget.pods
    if excess < 0:
        return None
    return Limit(Reason.BUDGET_SPENT, sorted(waits)[excess] if excess < len(waits) else None)


def cool_down(policy: RemediationSpec, attempts: int) -> timedelta:
    """Say how long an owner's Pods are left alone after one of them was replaced.

    Args:
        policy: ``spec.remediation``.
        attempts: how many of its Pods were replaced without that being known to have helped.

    Returns:
        The time: doubled with each attempt after the first, up to an hour.
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
    """Say whether an owner is cooling down or has been given up.

    Args:
        policy: ``spec.remediation``.
        owners: what is remembered of owners, each of their templates by itself.
        uid: the owner's uid.
        template: the template from which the Pod in question was made.
        now: the time.

    Returns:
        The limit, or None where there is none. A template that is new starts anew, but for the
        cool-down as it is set: what changes from Pod to Pod must not do away with it.
    """
    left = timedelta(0)
    for owner in owners:
        if owner.uid != uid:
            continue
        attempts = owner.attempts if owner.template == template else 0
        if attempts >= policy.maxAttempts:
            return Limit(Reason.GAVE_UP)
        if owner.lastTime is not None:
            left = max(left, cool_down(policy, attempts) - (now - owner.lastTime))
    return Limit(Reason.COOL_DOWN, left.total_seconds()) if left > timedelta(0) else None


def record_attempt(
    owners: Sequence[OwnerHistory], uid: str, at: datetime
) -> tuple[OwnerHistory, ...]:
    """Remember that a Pod of an owner was replaced.

    Args:
        owners: what is remembered of owners.
        uid: the owner's uid.
        at: when.

    Returns:
        The same with one attempt more for all templates of this owner: of which of them the Pod was
        can't be told any more when it is gone, and less would be deleted for it, never more.
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
    """Take an attempt off an owner again: since then it has not crashed for the whole window.

    Args:
        owners: what is remembered of owners.
        uid: the owner's uid.

    Returns:
        The same with one attempt less for this owner.
    """
    return tuple(
        owner.model_copy(update={"attempts": max(0, owner.attempts - 1)})
        if owner.uid == uid
        else owner
        for owner in owners
    )
