"""Update the stored remediations and owners. Pure.

Outcomes are applied to the remediations; later it is assessed whether they helped. Both are kept
for as long as limits are counted by them, and pruned afterwards.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pod_diagnoser.api.diagnostics_v1 import (
    OwnerHistory,
    PodDiagnoser,
    Remediation,
    RemediationSpec,
)
from pod_diagnoser.api.time import format_time, whole_seconds
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.limits import (
    ALL_TEMPLATES,
    BLOCKED_BACKOFF,
    OWNER_RETENTION,
    SKEW,
    backoff_left,
    forgive_attempt,
    record_attempt,
    window_of,
)
from pod_diagnoser.remediation.model import Outcome, Phase, Reason
from pod_diagnoser.remediation.safeguards import FRESH

HELPED = "OwnerDidNotCrashAgain"
DID_NOT_HELP = "OwnerCrashedAgain"

_ROUNDING = timedelta(seconds=5)
"""By how much the API server's Date may be ahead of the creationTimestamp of a Pod that was created
after it: both are in whole seconds, of two moments of one request and the next."""


def apply_outcome(entry: Remediation, outcome: Outcome | None) -> Remediation:
    """Return a remediation with its outcome, None if it is not known; only planned ones change."""
    if outcome is None or entry.phase != Phase.PLANNED:
        return entry
    return _with_outcome(entry, outcome)


def _with_outcome(entry: Remediation, outcome: Outcome) -> Remediation:
    return entry.model_copy(
        update={
            "phase": outcome.phase.value,
            "reason": outcome.reason.value,
            "message": _message(outcome),
            "settledAt": whole_seconds(outcome.at),
        }
    )


def _message(outcome: Outcome) -> str:
    """Say what an outcome means and, where it is deferred, when it is tried again."""
    if outcome.phase is not Phase.DEFERRED:
        return outcome.explanation
    again = format_time(whole_seconds(outcome.at) + BLOCKED_BACKOFF)
    return f"{outcome.explanation} It is tried again after {again}."


def deduplicate(entries: Iterable[Remediation]) -> list[Remediation]:
    """Keep one entry for each crash, in case several were stored by hand.

    Args:
        entries: remediations, newest first.

    Returns:
        For each crash the entry that is done, else the oldest.
    """
    kept: dict[str, Remediation] = {}
    for entry in entries:
        if entry.id not in kept or kept[entry.id].phase != Phase.DONE:
            kept[entry.id] = entry
    return list(kept.values())


def update_ledger(
    diagnoser: PodDiagnoser,
    outcomes: Mapping[str, Outcome],
    crashed: Iterable[CrashedPod],
    now: datetime,
    *,
    complete: bool,
) -> tuple[list[Remediation], tuple[OwnerHistory, ...]]:
    """Apply outcomes to the stored remediations, and assess those that were done.

    An attempt is recorded for its owner when it is made, and forgiven when it turns out to have
    helped: a cool-down grows with those that did not. A remediation that failed counts as done as
    soon as its Pod is terminating: of two processes that answered the same request one may have
    been refused, and the other not. But a Pod is replaced once, however many of its crashes have
    an entry: only one of them counts.

    Args:
        diagnoser: the PodDiagnoser with its stored status.
        outcomes: the outcomes of executed plans, by crash id.
        crashed: the Pods that it claims, with their crashes.
        now: the time by the API server's clock.
        complete: False when there were too many Pods to read them all.

    Returns:
        All entries, and the history of owners.
    """
    stored, policy = diagnoser.status, diagnoser.spec.remediation
    by_owner: dict[str, list[CrashedPod]] = {}
    terminating: set[str] = set()
    for pod in crashed:
        by_owner.setdefault(pod.pod.owner_uid, []).append(pod)
        if pod.pod.metadata.terminating:
            terminating.add(pod.pod.metadata.uid)
    owners = tuple(_clamp_owner_times(owner, now) for owner in stored.owners)
    known = deduplicate(stored.remediations)
    charged = {entry.podUID for entry in known if entry.phase == Phase.DONE}
    current = [apply_outcome(_clamp_times(each, now), outcomes.get(each.id)) for each in known]
    covered = {each.podUID for each in current if each.phase in (Phase.PLANNED, Phase.DONE)}
    entries: list[Remediation] = []
    for each in current:
        entry = each
        if entry.podUID in terminating - covered:
            covered.add(entry.podUID)
            entry = _with_outcome(entry, Outcome(Phase.DONE, Reason.POD_GONE, now))
        if entry.phase == Phase.DONE and entry.podUID not in charged:
            charged.add(entry.podUID)
            owners = record_attempt(owners, entry.owner, entry.settledAt or now)
        if entry.phase == Phase.DONE and entry.outcome is None:
            outcome = _assess(entry, by_owner.get(entry.owner, ()), policy, now, complete=complete)
            entry = entry.model_copy(update={"outcome": outcome})
            if outcome == HELPED:
                owners = forgive_attempt(owners, entry.owner)
        entries.append(entry)
    return entries, owners


def _clamp_times(entry: Remediation, now: datetime) -> Remediation:
    """Clamp an implausible settledAt to now; otherwise the entry would never expire."""
    settled = entry.settledAt
    if entry.phase == Phase.PLANNED or (settled is not None and settled <= now + SKEW):
        return entry
    return entry.model_copy(update={"settledAt": whole_seconds(now)})


def _clamp_owner_times(owner: OwnerHistory, now: datetime) -> OwnerHistory:
    """Clamp an implausible lastTime to now; otherwise the owner would never be pruned."""
    last = owner.lastTime
    never = last is None and not owner.attempts
    if never or (last is not None and last <= now + SKEW):
        return owner
    return owner.model_copy(update={"lastTime": whole_seconds(now)})


def _assess(
    entry: Remediation,
    crashed: Iterable[CrashedPod],
    policy: RemediationSpec,
    now: datetime,
    *,
    complete: bool,
) -> str | None:
    """Return whether the owner crashed again within the window; None if that is not known yet."""
    settled = entry.settledAt or now
    end = settled + window_of(policy)
    if any(
        each.pod.metadata.uid != entry.podUID and _crashed_between(each, settled, end, now)
        for each in crashed
    ):
        return DID_NOT_HELP
    return HELPED if now >= end and complete else None


def _crashed_between(crashed: CrashedPod, start: datetime, end: datetime, now: datetime) -> bool:
    """Return whether a Pod crashed between two times by the API server's clock.

    The time of a crash is by the clock of its node, which may be wrong. A Pod that was created
    after the start has crashed after it, also if that clock differs, and a crash that is observed
    before the end was before the end.
    """
    created = crashed.pod.metadata.created
    younger = created is not None and created >= start - _ROUNDING
    return any(
        (younger or (found.ended_by is not None and found.ended_by > start))
        and (now < end or found.ended_by is None or found.ended_by < end)
        for found in crashed.diagnoses
    )


def should_keep(
    entry: Remediation, shown: Collection[str], policy: RemediationSpec, now: datetime
) -> bool:
    """Return whether an entry is kept.

    A planned one is; one that is done, while the budget may count it and its crash may be fresh, by
    any clock; any other, until its crash is no longer fresh.

    Args:
        entry: the entry.
        shown: the ids of the fresh crashes that Pods show.
        policy: ``spec.remediation``.
        now: the time.
    """
    if entry.phase == Phase.PLANNED:
        return True
    if entry.phase == Phase.DONE:
        settled = entry.settledAt
        return settled is None or now - settled < window_of(policy) + max(SKEW, FRESH)
    return backoff_left(entry, now) > timedelta(0) or entry.id in shown


def prune_owners(
    owners: Sequence[OwnerHistory],
    entries: Iterable[Remediation],
    crashed: Iterable[CrashedPod],
    now: datetime,
) -> tuple[OwnerHistory, ...]:
    """Drop the owners whose Pods no longer crash.

    Kept are those with a remediation that is planned, or may turn out to be done; and of those of
    which a Pod was replaced, the ones that still crash or for which that is not long ago.

    Args:
        owners: the history of owners.
        entries: the remediations.
        crashed: the crashed Pods.
        now: the time.
    """
    pending = {entry.owner for entry in entries if entry.phase != Phase.DONE}
    crashing = {(each.pod.owner_uid, each.pod.template_hash) for each in crashed}
    crashing |= {(uid, ALL_TEMPLATES) for uid, _ in crashing}

    def keeps(owner: OwnerHistory) -> bool:
        if owner.uid in pending:
            return True
        if owner.lastTime is None:
            return False  # none of its Pods has been replaced
        return (owner.uid, owner.template) in crashing or now - owner.lastTime < OWNER_RETENTION

    return tuple(owner for owner in owners if keeps(owner))
