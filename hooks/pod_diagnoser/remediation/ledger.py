"""What becomes of the remediations and owners that the status has stored. Pure.

They are settled by what came of them, judged by whether it helped, kept for as long as something is
counted by them, and then forgotten.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pod_diagnoser.api.diagnostics_v1 import (
    OwnerHistory,
    PodDiagnoser,
    Remediation,
    RemediationSpec,
)
from pod_diagnoser.api.time import whole_seconds
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.limits import (
    OWNER_RETENTION,
    SKEW,
    backoff_left,
    forgive_attempt,
    record_attempt,
    window_of,
)
from pod_diagnoser.remediation.model import EXPLANATIONS, Outcome, Phase, Reason
from pod_diagnoser.remediation.safeguards import FRESH

HELPED = "OwnerDidNotCrashAgain"
DID_NOT_HELP = "OwnerCrashedAgain"

_ROUNDING = timedelta(seconds=5)
"""By how much the API server's Date may be ahead of the creationTimestamp of a Pod that was created
after it: both are in whole seconds, of two moments of one request and the next."""


def apply_outcome(entry: Remediation, outcome: Outcome | None) -> Remediation:
    """Write down what came of a remediation.

    Args:
        entry: the remediation.
        outcome: what came of it, or None where that is not known.

    Returns:
        The entry with the outcome; as it was if it was settled already.
    """
    if outcome is None or entry.phase != Phase.PLANNED:
        return entry
    return _with_outcome(entry, outcome)


def _with_outcome(entry: Remediation, outcome: Outcome) -> Remediation:
    return entry.model_copy(
        update={
            "phase": outcome.phase.value,
            "reason": outcome.reason.value,
            "message": EXPLANATIONS[outcome.reason],
            "settledAt": whole_seconds(outcome.at),
        }
    )


def deduplicate(entries: Iterable[Remediation]) -> list[Remediation]:
    """Keep one entry for each crash, should somebody have stored several.

    Args:
        entries: remediations, newest first.

    Returns:
        Of those of one crash the one that is done, else the oldest.
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
    """Settle and judge what is stored.

    An attempt is charged to its owner when it is made, and taken off again when it turns out to
    have helped: a cool-down grows with those that did not. What did not come about counts as done
    as soon as its Pod is seen to go: of two processes that answered the same request one may have
    been refused, and the other not.

    Args:
        diagnoser: the PodDiagnoser with its stored status.
        outcomes: what came of carrying out planned entries, by crash id.
        crashed: the Pods that it claims, with their crashes.
        now: the time by the API server's clock.
        complete: False when there were too many Pods to see them all.

    Returns:
        All entries, and what is remembered of owners.
    """
    stored, policy = diagnoser.status, diagnoser.spec.remediation
    by_owner: dict[str, list[CrashedPod]] = {}
    going: set[str] = set()
    for each in crashed:
        by_owner.setdefault(each.pod.owner_uid, []).append(each)
        if each.pod.metadata.terminating:
            going.add(each.pod.metadata.uid)
    owners = tuple(_clamp_owner_times(owner, now) for owner in stored.owners)
    entries: list[Remediation] = []
    for before in deduplicate(stored.remediations):
        entry = apply_outcome(_clamp_times(before, now), outcomes.get(before.id))
        if entry.phase not in (Phase.PLANNED, Phase.DONE) and entry.podUID in going:
            entry = _with_outcome(entry, Outcome(Phase.DONE, Reason.POD_GONE, now))
        if before.phase != Phase.DONE and entry.phase == Phase.DONE:
            owners = record_attempt(owners, entry.owner, entry.settledAt or now)
        if entry.phase == Phase.DONE and entry.outcome is None:
            outcome = _assess(entry, by_owner.get(entry.owner, ()), policy, now, complete=complete)
            entry = entry.model_copy(update={"outcome": outcome})
            if outcome == HELPED:
                owners = forgive_attempt(owners, entry.owner)
        entries.append(entry)
    return entries, owners


def _clamp_times(entry: Remediation, now: datetime) -> Remediation:
    """Date an entry anew whose date can't be: else it would count, or be kept, for ever."""
    settled = entry.settledAt
    if entry.phase == Phase.PLANNED or (settled is not None and settled <= now + SKEW):
        return entry
    return entry.model_copy(update={"settledAt": whole_seconds(now)})


def _clamp_owner_times(owner: OwnerHistory, now: datetime) -> OwnerHistory:
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
    """Say whether the owner crashed again within the window; None where that is not known yet."""
    settled = entry.settledAt or now
    end = settled + window_of(policy)
    if any(
        each.pod.metadata.uid != entry.podUID and _crashed_between(each, settled, end, now)
        for each in crashed
    ):
        return DID_NOT_HELP
    return HELPED if now >= end and complete else None


def _crashed_between(crashed: CrashedPod, start: datetime, end: datetime, now: datetime) -> bool:
    """Tell whether a Pod crashed in a time that the API server's clock tells.

    When a container ended is told by the clock of its node, which may be wrong. A Pod that was
    created later has crashed later, whatever that clock says, and what is seen to have crashed
    before the end has done so before the end.
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
    """Tell whether an entry is kept.

    Args:
        entry: the entry.
        shown: the ids of the fresh crashes that Pods show.
        policy: ``spec.remediation``.
        now: the time.

    Returns:
        True for what is planned; for what is done while the budget may count it, and its crash is
        fresh, by any clock; for what did not come about until its crash is history.
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
    """Forget the owners that crash no more.

    Args:
        owners: what is remembered of owners.
        entries: the remediations.
        crashed: the crashed Pods.
        now: the time.

    Returns:
        Those with a remediation that is planned, or may turn out to be done; those that crash
        still, or of which a Pod was replaced not long ago.
    """
    pending = {entry.owner for entry in entries if entry.phase != Phase.DONE}
    crashing = {(each.pod.owner_uid, each.pod.template_hash) for each in crashed}

    def keeps(owner: OwnerHistory) -> bool:
        if owner.uid in pending:
            return True
        if owner.lastTime is None:
            return False  # none of its Pods has been replaced
        return (owner.uid, owner.template) in crashing or now - owner.lastTime < OWNER_RETENTION

    return tuple(owner for owner in owners if keeps(owner))
