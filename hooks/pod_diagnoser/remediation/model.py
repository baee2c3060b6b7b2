"""Actions, phases and reasons of a remediation. Pure."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser, Remediation
from pod_diagnoser.api.fields import is_object_name
from pod_diagnoser.cluster.errors import ApiFailure
from pod_diagnoser.pods.keys import OPT_OUT


class Action(StrEnum):
    """``spec.remediationAction``."""

    NONE = ""
    LOG_EVENT = "LogEvent"
    RESTART_POD = "RestartPod"
    EVICT_POD = "EvictPod"


def is_known_action(action: str) -> bool:
    """Return whether this version knows an action: another version may have stored another one."""
    return action in tuple(Action)


OWN_NAMESPACES: Final = ("pod-diagnoser-system", "metacontroller")
"""Where the manifests install the operator and Metacontroller: its Pods are not its business."""

REPLACING = (Action.RESTART_POD, Action.EVICT_POD)
"""The actions that replace a Pod."""


def acts(diagnoser: PodDiagnoser) -> bool:
    """Return whether a PodDiagnoser does anything about a crash in the cluster."""
    return diagnoser.active and diagnoser.spec.remediationAction in (Action.LOG_EVENT, *REPLACING)


def replaces(diagnoser: PodDiagnoser) -> bool:
    """Return whether a PodDiagnoser replaces Pods."""
    return diagnoser.active and diagnoser.spec.remediationAction in REPLACING


class Phase(StrEnum):
    """The phase of a remediation."""

    PLANNED = "Planned"
    DONE = "Done"
    DEFERRED = "Deferred"
    FAILED = "Failed"
    EXPIRED = "Expired"


class Reason(StrEnum):
    """Why a remediation is in its phase, or why a Pod is withheld. CamelCase, for programs."""

    CRASHED = "Crashed"
    DELETED = "Deleted"
    EVICTED = "Evicted"
    POD_GONE = "PodGone"
    PLAN_TOO_OLD = "PlanTooOld"
    CRASH_SUPERSEDED = "CrashSuperseded"
    NO_LONGER_CLAIMED = "NoLongerClaimed"
    ACTION_CHANGED = "ActionChanged"
    OWNER_CHANGED = "OwnerChanged"
    BLOCKED_BY_DISRUPTION_BUDGET = "BlockedByDisruptionBudget"
    SEVERAL_DISRUPTION_BUDGETS = "SeveralDisruptionBudgets"
    FORBIDDEN = "Forbidden"
    REFUSED = "Refused"

    DRY_RUN = "DryRun"
    PAUSED = "Paused"
    NOT_FRESH = "NotFresh"
    BEFORE_ACTION = "BeforeAction"
    BEFORE_CLAIM = "BeforeClaim"
    PROTECTED_NAMESPACE = "ProtectedNamespace"
    TERMINATING = "Terminating"
    MIRROR_POD = "MirrorPod"
    OPTED_OUT = "OptedOut"
    BARE_POD = "BarePod"
    DAEMON_SET_POD = "DaemonSetPod"
    JOB_POD = "JobPod"
    OTHER_OWNER = "OtherOwner"
    NEVER_RESTARTED = "NeverRestarted"
    SYSTEM_CRITICAL = "SystemCritical"
    SILENCED = "Silenced"
    CAUSE_NOT_LISTED = "CauseNotListed"
    MAY_BE_RESIZE = "MayBeResize"
    AWAITING_EVIDENCE = "AwaitingEvidence"
    RECOVERED = "Recovered"
    TOO_YOUNG = "TooYoung"
    COOL_DOWN = "CoolDown"
    GAVE_UP = "GaveUp"
    BUDGET_SPENT = "BudgetSpent"
    NAMESPACE_BUDGET_SPENT = "NamespaceBudgetSpent"
    HISTORY_FULL = "HistoryFull"


EXPLANATIONS: Mapping[Reason, str] = {
    Reason.CRASHED: "The Pod crashed and is to be replaced.",
    Reason.DELETED: "The Pod was deleted, so that its controller replaces it.",
    Reason.EVICTED: "The Pod was evicted, so that its controller replaces it.",
    Reason.POD_GONE: "The Pod is gone or being deleted.",
    Reason.PLAN_TOO_OLD: "The plan was not executed in time.",
    Reason.CRASH_SUPERSEDED: "The Pod does not show this crash any more.",
    Reason.NO_LONGER_CLAIMED: "The Pod is not this PodDiagnoser's any more.",
    Reason.ACTION_CHANGED: "spec.remediationAction asks for something else by now.",
    Reason.OWNER_CHANGED: "The Pod has another controller than when this was planned.",
    Reason.BLOCKED_BY_DISRUPTION_BUDGET: "A PodDisruptionBudget does not allow the eviction now.",
    Reason.SEVERAL_DISRUPTION_BUDGETS: "Several PodDisruptionBudgets select the Pod: Kubernetes "
    "evicts no such Pod.",
    Reason.FORBIDDEN: "The operator may not do this to Pods of this namespace.",
    Reason.REFUSED: "The API server refused the request.",
    Reason.DRY_RUN: "spec.remediation.dryRun is set.",
    Reason.PAUSED: "spec.remediation.paused is set.",
    Reason.NOT_FRESH: "The crash is older than 30 minutes, or its time is not known.",
    Reason.BEFORE_ACTION: "It crashed before spec.remediationAction was set to this, as far as is "
    "known.",
    Reason.BEFORE_CLAIM: "It crashed before this object claimed it: another one may have acted "
    "on it.",
    Reason.PROTECTED_NAMESPACE: "Pods of kube-* and of the operator's namespaces are replaced only "
    "where spec.namespaceSelector names the namespace by kubernetes.io/metadata.name.",
    Reason.TERMINATING: "The Pod is being deleted already.",
    Reason.MIRROR_POD: "It is a static Pod of its node: deleting it here restarts nothing.",
    Reason.OPTED_OUT: f"The Pod's annotation {OPT_OUT} asks to leave it alone.",
    Reason.BARE_POD: "No controller would replace the Pod.",
    Reason.DAEMON_SET_POD: "spec.remediation.include does not name DaemonSetPods.",
    Reason.JOB_POD: "spec.remediation.include does not name JobPods.",
    Reason.OTHER_OWNER: "Whether its owner would replace it is not known, and "
    "spec.remediation.include does not name OtherOwners.",
    Reason.NEVER_RESTARTED: "Its restartPolicy is Never: its deletion may count as its failure.",
    Reason.SYSTEM_CRITICAL: "spec.remediation.include does not name SystemCriticalPods.",
    Reason.SILENCED: "spec.ignore or spec.thresholds suppresses it, by the Pod's status alone.",
    Reason.CAUSE_NOT_LISTED: "spec.remediation.causes does not name the cause.",
    Reason.MAY_BE_RESIZE: "It may be a restart for a resize: Events that would tell were not read.",
    Reason.AWAITING_EVIDENCE: "Its Events, which may show another cause, are being read.",
    Reason.RECOVERED: "The Pod is ready again, and spec.remediation.onlyWhileNotReady is set.",
    Reason.TOO_YOUNG: "The Pod is younger than spec.remediation.minPodAgeSeconds.",
    Reason.COOL_DOWN: "Another Pod of the same owner was replaced a short time ago.",
    Reason.GAVE_UP: "Replacing Pods of this owner did not help; two hours without a crash reset "
    "the count, and so does a change of its template, until there were twice as many attempts.",
    Reason.BUDGET_SPENT: "spec.remediation.budget is spent for now.",
    Reason.NAMESPACE_BUDGET_SPENT: "spec.remediation.budget.podsPerNamespace is spent for now in "
    "this namespace.",
    Reason.HISTORY_FULL: "There are too many remediations or owners to keep count of.",
}
"""What each reason means, for people. Constant texts, with nothing of a Pod in them."""


def explanation(reason: str) -> str:
    """Return what a stored reason means; an empty string for one of another version."""
    return EXPLANATIONS[Reason(reason)] if reason in tuple(Reason) else ""


_BLOCKED: Final = re.compile(r"PodDisruptionBudget (\S{1,253}) does not allow")


def blocked_by(budget: str) -> str:
    """Say which PodDisruptionBudget does not allow an eviction, as far as that is known."""
    if not is_object_name(budget):
        return EXPLANATIONS[Reason.BLOCKED_BY_DISRUPTION_BUDGET]
    return f"PodDisruptionBudget {budget} does not allow the eviction now."


def blocking_budget(entry: Remediation) -> str:
    """Return the PodDisruptionBudget that a stored entry names; an empty string for none."""
    if entry.reason != Reason.BLOCKED_BY_DISRUPTION_BUDGET:
        return ""
    named = _BLOCKED.match(entry.message)
    return named[1] if named and is_object_name(named[1]) else ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of executing a planned remediation.

    Attributes:
        phase: its phase now.
        reason: why.
        at: when, by the API server's clock.
        budget: the name of the PodDisruptionBudget that does not allow it, or an empty string.
    """

    phase: Phase
    reason: Reason
    at: datetime
    budget: str = ""

    @property
    def explanation(self) -> str:
        """What the reason means, for people."""
        if self.reason is Reason.BLOCKED_BY_DISRUPTION_BUDGET:
            return blocked_by(self.budget)
        return EXPLANATIONS[self.reason]


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """What was done in the cluster before the status is worked out.

    Attributes:
        outcomes: the outcomes of plans, by crash id.
        api_failure: the API failure that kept something from being done, or None.
        resync_after: seconds after which to sync again, or None.
        connected: whether the process has access to the API server.
        awaited: the ids of crashes whose evidence is awaited: nothing is planned for them.
        server_time_known: whether the API server's time is known, as far as anything depends on it.
            Without it nothing is planned and no entry expires.
        own_namespaces: the namespaces of the operator and of Metacontroller.
    """

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    api_failure: ApiFailure | None = None
    resync_after: float | None = None
    connected: bool = True
    awaited: Collection[str] = ()
    server_time_known: bool = True
    own_namespaces: Collection[str] = OWN_NAMESPACES


NOT_CONNECTED = ExecutionReport(connected=False)
"""This process has no access to the API server: it diagnoses, and remediates nothing."""
