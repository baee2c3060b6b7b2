"""Which crashed Pods to replace, and why not. Pure.

Nothing destructive is done that was not written down first. A sync *plans*: it puts an entry into
``status.remediations``. A later sync, on the status as stored, has it *carried out* (`acting`) and
*settles* it. Everything that limits remediation (budget, cool-down, giving up) is counted from
what is stored, never from a process's memory: a write on a stale status is refused by the API
server, so that two writers cannot both spend the same budget.

What a Pod's annotations say decides nothing here; its labels only who claims it, and its
``remediate`` annotation only that it is left alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pod_diagnoser.diagnosing import Diagnosis
from pod_diagnoser.pods import OwnedPod, OwnerReference
from pod_diagnoser.resources import (
    GROUP,
    OwnerHistory,
    PodDiagnoser,
    PodDiagnoserStatus,
    Remediation,
    RemediationSpec,
    Withheld,
)
from pod_diagnoser.times import format_time, parse_time

FRESH = timedelta(minutes=30)
"""Only crashes this young are remediated or logged; older ones are never replayed."""

PLAN_LIFETIME = timedelta(minutes=2)
"""How old a plan may be when it is carried out."""

FAILURE_PAUSE = timedelta(seconds=60)
"""For how long a crash whose remediation was refused is left alone before it is planned anew."""

BLOCKED_PAUSE = timedelta(seconds=15)
"""For how long a remediation that a PodDisruptionBudget blocks is left alone."""

SKEW = timedelta(hours=1)
"""How far clocks may differ: what is counted by time is kept for so much longer."""

MAX_COOL_DOWN = timedelta(hours=1)
MAX_REMEDIATIONS = 100
MAX_OWNERS = 100
MAX_EXAMPLES = 3

OPT_OUT = f"{GROUP}/remediate"
"""The annotation by which a Pod's owner asks that it be left alone: ``"false"``."""

MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a static Pod's mirror. Source: ``pkg/kubelet/types/pod_update.go``."""

_SYSTEM_CRITICAL = ("system-cluster-critical", "system-node-critical")
"""Source: ``pkg/apis/scheduling/types.go``."""

_TEMPLATE_LABELS = ("pod-template-hash", "controller-revision-hash")
"""What a workload's controller writes on its Pods to tell one template from the next."""


class Action(StrEnum):
    """``spec.remediationAction``."""

    NONE = ""
    LOG_EVENT = "LogEvent"
    RESTART_POD = "RestartPod"
    EVICT_POD = "EvictPod"


REPLACING = (Action.RESTART_POD, Action.EVICT_POD)
"""The actions that make a Pod go."""


class Phase(StrEnum):
    """Where a remediation stands."""

    PLANNED = "Planned"
    DONE = "Done"
    DEFERRED = "Deferred"
    FAILED = "Failed"
    EXPIRED = "Expired"


class Reason(StrEnum):
    """Why a remediation stands where it does, or why there is none. CamelCase, for programs."""

    CRASHED = "Crashed"
    DELETED = "Deleted"
    EVICTED = "Evicted"
    POD_GONE = "PodGone"
    PLAN_TOO_OLD = "PlanTooOld"
    CRASH_SUPERSEDED = "CrashSuperseded"
    NO_LONGER_CLAIMED = "NoLongerClaimed"
    BLOCKED_BY_DISRUPTION_BUDGET = "BlockedByDisruptionBudget"
    FORBIDDEN = "Forbidden"
    REFUSED = "Refused"

    DRY_RUN = "DryRun"
    PAUSED = "Paused"
    NOT_FRESH = "NotFresh"
    TERMINATING = "Terminating"
    MIRROR_POD = "MirrorPod"
    OPTED_OUT = "OptedOut"
    BARE_POD = "BarePod"
    DAEMON_SET_POD = "DaemonSetPod"
    JOB_POD = "JobPod"
    SYSTEM_CRITICAL = "SystemCritical"
    CAUSE_NOT_LISTED = "CauseNotListed"
    TOO_YOUNG = "TooYoung"
    COOL_DOWN = "CoolDown"
    GAVE_UP = "GaveUp"
    BUDGET_SPENT = "BudgetSpent"
    HISTORY_FULL = "HistoryFull"
    ALREADY_REMEDIATED = "AlreadyRemediated"


EXPLANATIONS: Mapping[Reason, str] = {
    Reason.CRASHED: "The Pod crashed and is to be replaced.",
    Reason.DELETED: "The Pod was deleted, so that its controller replaces it.",
    Reason.EVICTED: "The Pod was evicted, so that its controller replaces it.",
    Reason.POD_GONE: "The Pod is gone or going.",
    Reason.PLAN_TOO_OLD: "The plan was not carried out in time.",
    Reason.CRASH_SUPERSEDED: "The Pod does not show this crash any more.",
    Reason.NO_LONGER_CLAIMED: "The Pod is not this PodDiagnoser's any more.",
    Reason.BLOCKED_BY_DISRUPTION_BUDGET: "A PodDisruptionBudget does not allow the eviction now.",
    Reason.FORBIDDEN: "The operator may not do this to Pods of this namespace.",
    Reason.REFUSED: "The API server refused the request.",
    Reason.DRY_RUN: "spec.remediation.dryRun is set.",
    Reason.PAUSED: "spec.remediation.paused is set.",
    Reason.NOT_FRESH: "The crash is too long ago, or nobody knows when it was.",
    Reason.TERMINATING: "The Pod is being deleted already.",
    Reason.MIRROR_POD: "A static Pod is its node's own: deleting its mirror restarts nothing.",
    Reason.OPTED_OUT: f"The Pod's annotation {OPT_OUT} asks to leave it alone.",
    Reason.BARE_POD: "No controller would replace the Pod.",
    Reason.DAEMON_SET_POD: "spec.remediation.include does not name DaemonSetPods.",
    Reason.JOB_POD: "spec.remediation.include does not name JobPods.",
    Reason.SYSTEM_CRITICAL: "spec.remediation.include does not name SystemCriticalPods.",
    Reason.CAUSE_NOT_LISTED: "spec.remediation.causes does not name the cause.",
    Reason.TOO_YOUNG: "The Pod is younger than spec.remediation.minPodAgeSeconds.",
    Reason.COOL_DOWN: "Another Pod of the same owner was replaced a short time ago.",
    Reason.GAVE_UP: "Replacing Pods of this owner did not help; a change of its template would "
    "start anew.",
    Reason.BUDGET_SPENT: "spec.remediation.budget is spent for now.",
    Reason.HISTORY_FULL: "There are too many remediations or owners to keep count of.",
    Reason.ALREADY_REMEDIATED: "The Pod has been dealt with.",
}
"""What each reason means, for people. Constant texts: nothing of a Pod is in them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of carrying out a planned remediation.

    Attributes:
        phase: where it stands now.
        reason: why.
        at: when, by the API server's clock.
    """

    phase: Phase
    reason: Reason
    at: datetime


@dataclass(frozen=True, slots=True)
class Crashed:
    """A Pod that is claimed, with what crashed in it."""

    pod: OwnedPod
    diagnoses: Sequence[Diagnosis]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the status should say of remediation.

    Attributes:
        remediations: the entries, newest first.
        owners: what is remembered of owners.
        withheld: the crashes that are not remediated, counted by reason.
        resync_after: seconds until something is due, or None.
    """

    remediations: tuple[Remediation, ...]
    owners: tuple[OwnerHistory, ...]
    withheld: tuple[Withheld, ...]
    resync_after: float | None


def controller_of(pod: OwnedPod) -> OwnerReference | None:
    """Find the controller that would replace a Pod.

    Args:
        pod: the Pod.

    Returns:
        Its controller owner reference, or None for a bare Pod.
    """
    return next((owner for owner in pod.metadata.ownerReferences if owner.controller), None)


def template_of(pod: OwnedPod) -> str:
    """Say which template of its owner a Pod was made from.

    Args:
        pod: the Pod.

    Returns:
        The hash that the owner's controller wrote on it, or an empty string.
    """
    labels = pod.metadata.labels
    return next((labels[key] for key in _TEMPLATE_LABELS if key in labels), "")[:63]


def safeguard(
    pod: OwnedPod, diagnosis: Diagnosis, policy: RemediationSpec, now: datetime
) -> Reason | None:
    """Say what of a Pod itself forbids to replace it.

    The same safeguards are asked when a plan is made and, of the live Pod, when it is carried out.

    Args:
        pod: the Pod.
        diagnosis: what crashed in it.
        policy: ``spec.remediation``.
        now: the time.

    Returns:
        The first reason that holds, the lasting ones before those that pass; None if none does.
    """
    meta, owner = pod.metadata, controller_of(pod)
    priority = pod.spec.priorityClassName if pod.spec else ""
    ended = diagnosis.ended_by
    created = parse_time(meta.creationTimestamp)
    young = created is None or now - created < timedelta(seconds=policy.minPodAgeSeconds)
    checks = (
        (meta.terminating, Reason.TERMINATING),
        (MIRROR in meta.annotations, Reason.MIRROR_POD),
        (meta.annotations.get(OPT_OUT, "").lower() in ("false", "no", "0"), Reason.OPTED_OUT),
        (owner is None or owner.kind == "Node", Reason.BARE_POD),
        (_is(owner, "DaemonSet") and "DaemonSetPods" not in policy.include, Reason.DAEMON_SET_POD),
        (_is(owner, "Job") and "JobPods" not in policy.include, Reason.JOB_POD),
        (
            priority in _SYSTEM_CRITICAL and "SystemCriticalPods" not in policy.include,
            Reason.SYSTEM_CRITICAL,
        ),
        (diagnosis.cause.value not in policy.causes, Reason.CAUSE_NOT_LISTED),
        (ended is None or now - ended > FRESH, Reason.NOT_FRESH),
        (policy.paused, Reason.PAUSED),
        (policy.dryRun, Reason.DRY_RUN),
        (young, Reason.TOO_YOUNG),
    )
    return next((reason for holds, reason in checks if holds), None)


def _is(owner: OwnerReference | None, kind: str) -> bool:
    return owner is not None and owner.kind == kind


def due(diagnoser: PodDiagnoser) -> list[Remediation]:
    """Pick the remediations of the stored status that are to be carried out.

    Args:
        diagnoser: the PodDiagnoser as Metacontroller sent it.

    Returns:
        Its planned entries, the oldest first.
    """
    stored = diagnoser.status or PodDiagnoserStatus()
    return [entry for entry in reversed(stored.remediations) if entry.phase == Phase.PLANNED]


def plan(
    diagnoser: PodDiagnoser,
    crashed: Sequence[Crashed],
    outcomes: Mapping[str, Outcome],
    now: datetime,
    *,
    connected: bool = True,
) -> Plan:
    """Work out what the status should say of remediation.

    Args:
        diagnoser: the PodDiagnoser with its stored status.
        crashed: the Pods that it claims, with their crashes.
        outcomes: what came of carrying out planned entries, by crash id.
        now: the time.
        connected: whether anything can be done at all; without it nothing new is planned.

    Returns:
        The stored entries, settled where there is an outcome; new ones for fresh crashes that no
        safeguard, cool-down or budget withholds; and of the others how many there are, and why.
    """
    stored = diagnoser.status or PodDiagnoserStatus()
    window = timedelta(seconds=diagnoser.spec.remediation.budget.windowSeconds)
    entries = [_settled(entry, outcomes.get(entry.id)) for entry in stored.remediations]
    owners = _owners(stored, entries, outcomes, crashed, now)
    entries = [
        _judged(entry, crashed, window, now) for entry in entries if _kept(entry, window, now)
    ]
    replaces = diagnoser.spec.remediationAction in REPLACING
    if not replaces or not diagnoser.active or not connected:
        return Plan(tuple(entries), tuple(owners.values()), (), _next_due(entries, window, now))

    planner = _Planner(diagnoser, entries, owners, window, now)
    for each in sorted(crashed, key=_first_crash):
        planner.consider(each)
    due_after = _next_due(planner.entries, window, now)
    again = min((each for each in (due_after, planner.again) if each is not None), default=None)
    return Plan(
        remediations=tuple(planner.entries),
        owners=tuple(planner.owners.values()),
        withheld=planner.withheld(),
        resync_after=again,
    )


def _first_crash(crashed: Crashed) -> tuple[str, str]:
    times = [found.ended_by for found in crashed.diagnoses if found.ended_by is not None]
    return (format_time(min(times)) if times else "", crashed.pod.metadata.name)


def _settled(entry: Remediation, outcome: Outcome | None) -> Remediation:
    if outcome is None or entry.phase != Phase.PLANNED:
        return entry
    return entry.model_copy(
        update={
            "phase": outcome.phase.value,
            "reason": outcome.reason.value,
            "message": EXPLANATIONS[outcome.reason],
            "settledAt": format_time(outcome.at),
        }
    )


def _counts(entry: Remediation, window: timedelta, now: datetime) -> bool:
    """Whether an entry uses up the budget.

    What is not settled always does; what is done does from the time of the act.
    """
    if entry.phase in (Phase.PLANNED, Phase.DEFERRED):
        return True
    settled = parse_time(entry.settledAt)
    return entry.phase == Phase.DONE and (settled is None or now - settled < window)


def _kept(entry: Remediation, window: timedelta, now: datetime) -> bool:
    settled = parse_time(entry.settledAt)
    if entry.phase == Phase.PLANNED or settled is None:
        return True
    if entry.phase == Phase.DONE:
        return now - settled < window + max(SKEW, FRESH)
    if entry.reason == Reason.CRASH_SUPERSEDED:
        return False  # a newer crash of the same Pod is to be planned
    pause = FAILURE_PAUSE if entry.phase == Phase.FAILED else BLOCKED_PAUSE
    return timedelta(0) <= now - settled < pause


def _judged(
    entry: Remediation, crashed: Sequence[Crashed], window: timedelta, now: datetime
) -> Remediation:
    """Say of a remediation that is done whether its owner crashed again within the window."""
    settled = parse_time(entry.settledAt)
    if entry.phase != Phase.DONE or entry.outcome is not None or settled is None:
        return entry
    again = any(
        _owner_uid(each.pod) == entry.owner
        and each.pod.metadata.uid != entry.podUID
        and any(
            found.ended_by is not None and settled < found.ended_by < settled + window
            for found in each.diagnoses
        )
        for each in crashed
    )
    if again:
        return entry.model_copy(update={"outcome": "OwnerCrashedAgain"})
    if now - settled >= window:
        return entry.model_copy(update={"outcome": "OwnerDidNotCrashAgain"})
    return entry


def _owner_uid(pod: OwnedPod) -> str:
    owner = controller_of(pod)
    return owner.uid if owner else ""


def _owners(
    stored: PodDiagnoserStatus,
    entries: Iterable[Remediation],
    outcomes: Mapping[str, Outcome],
    crashed: Sequence[Crashed],
    now: datetime,
) -> dict[str, OwnerHistory]:
    """What is remembered of owners, kept as long as they crash and for a while after."""
    owners = {owner.uid: owner for owner in stored.owners}
    for entry in entries:
        outcome = outcomes.get(entry.id)
        if outcome is None or outcome.phase is not Phase.DONE or entry.owner not in owners:
            continue
        known = owners[entry.owner]
        owners[entry.owner] = known.model_copy(
            update={"attempts": known.attempts + 1, "lastTime": format_time(outcome.at)}
        )
    crashing = {_owner_uid(each.pod): template_of(each.pod) for each in crashed}
    unsettled = {entry.owner for entry in entries if entry.phase == Phase.PLANNED}
    kept: dict[str, OwnerHistory] = {}
    for uid, owner in owners.items():
        template = crashing.get(uid)
        last = parse_time(owner.lastTime)
        if template is not None and template != owner.template and uid not in unsettled:
            continue  # another template: what did not help the old one says nothing of it
        if uid in crashing or uid in unsettled or (last and now - last < MAX_COOL_DOWN + SKEW):
            kept[uid] = owner
    return kept


def _next_due(entries: Iterable[Remediation], window: timedelta, now: datetime) -> float | None:
    """Seconds until a planned entry should be carried out or a settled one looked at again."""
    waits: list[float] = []
    for entry in entries:
        settled = parse_time(entry.settledAt)
        if entry.phase == Phase.PLANNED:
            waits.append(0.0)
        elif settled is None:
            continue
        elif entry.phase == Phase.DONE and entry.outcome is None:
            waits.append((settled + window - now).total_seconds())
        elif entry.phase in (Phase.DEFERRED, Phase.EXPIRED):
            waits.append((settled + BLOCKED_PAUSE - now).total_seconds())
        elif entry.phase == Phase.FAILED:
            waits.append((settled + FAILURE_PAUSE - now).total_seconds())
    return max(1.0, min(waits) + 0.5) if waits else None


class _Planner:
    """Considers one crashed Pod after the other, and keeps count."""

    def __init__(
        self,
        diagnoser: PodDiagnoser,
        entries: list[Remediation],
        owners: dict[str, OwnerHistory],
        window: timedelta,
        now: datetime,
    ) -> None:
        self.entries = entries
        self.owners = owners
        self.again: float | None = None
        self._action = diagnoser.spec.remediationAction
        self._policy = diagnoser.spec.remediation
        self._window = window
        self._now = now
        self._pods = {entry.podUID for entry in entries}
        self._crashes = {entry.id for entry in entries}
        self._withheld: dict[Reason, list[str]] = {}

    def consider(self, crashed: Crashed) -> None:
        """Plan to replace a Pod, or count why not."""
        fresh = [found for found in crashed.diagnoses if found.id not in self._crashes]
        if not fresh or crashed.pod.metadata.uid in self._pods:
            return
        verdicts = [
            (found, safeguard(crashed.pod, found, self._policy, self._now)) for found in fresh
        ]
        # A Pod is replaced for any of its crashes that may be a reason to.
        found, reason = next((each for each in verdicts if each[1] is None), verdicts[0])
        if reason is Reason.NOT_FRESH:
            return  # history, not news: neither done nor counted
        reason = reason or self._count(crashed.pod)
        if reason is not None:
            self._withheld.setdefault(reason, []).append(crashed.pod.metadata.name)
            if reason in (Reason.TOO_YOUNG, Reason.COOL_DOWN, Reason.BUDGET_SPENT):
                self._look_again(5.0)
            return
        self._plan(crashed.pod, found)

    def _count(self, pod: OwnedPod) -> Reason | None:
        """What of the other remediations stands against one more."""
        uid = _owner_uid(pod)
        owner = self.owners.get(uid)
        if any(
            entry.owner == uid and entry.phase in (Phase.PLANNED, Phase.DEFERRED)
            for entry in self.entries
        ):
            return Reason.COOL_DOWN
        if owner is not None and owner.attempts >= self._policy.maxAttempts:
            return Reason.GAVE_UP
        last = parse_time(owner.lastTime) if owner is not None else None
        if owner is not None and last is not None:
            factor = 2 ** min(max(owner.attempts - 1, 0), 16)
            pause = min(timedelta(seconds=self._policy.coolDownSeconds) * factor, MAX_COOL_DOWN)
            if self._now - last < pause:
                return Reason.COOL_DOWN
        used = sum(_counts(entry, self._window, self._now) for entry in self.entries)
        if used >= self._policy.budget.pods:
            return Reason.BUDGET_SPENT
        if len(self.entries) >= MAX_REMEDIATIONS or (
            owner is None and len(self.owners) >= MAX_OWNERS
        ):
            return Reason.HISTORY_FULL
        return None

    def _plan(self, pod: OwnedPod, found: Diagnosis) -> None:
        owner = controller_of(pod)
        assert owner is not None  # noqa: S101 (a bare Pod does not pass the safeguards)
        self.owners.setdefault(
            owner.uid,
            OwnerHistory(
                uid=owner.uid, kind=owner.kind, name=owner.name, template=template_of(pod)
            ),
        )
        self._pods.add(pod.metadata.uid)
        self.entries.insert(
            0,
            Remediation(
                id=found.id,
                action=self._action,
                pod=pod.metadata.name,
                podUID=pod.metadata.uid,
                owner=owner.uid,
                container=found.container,
                cause=found.cause.value,
                diagnosis=found.sentence,
                phase=Phase.PLANNED.value,
                reason=Reason.CRASHED.value,
                message=EXPLANATIONS[Reason.CRASHED],
                plannedAt=format_time(self._now),
            ),
        )

    def _look_again(self, seconds: float) -> None:
        self.again = seconds if self.again is None else min(self.again, seconds)

    def withheld(self) -> tuple[Withheld, ...]:
        """How many crashed Pods are left alone, by reason."""
        return tuple(
            Withheld(
                reason=reason.value,
                message=EXPLANATIONS[reason],
                crashes=len(names),
                examples=tuple(sorted(names)[:MAX_EXAMPLES]),
            )
            for reason, names in sorted(self._withheld.items())
        )
