"""Work out the conditions of a PodDiagnoser's status. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pod_diagnoser.api.diagnostics_v1 import (
    CLUSTER_POD_DIAGNOSER,
    Condition,
    ConditionType,
    DiagnosisTargetSpec,
    PodDiagnoser,
    PodDiagnoserStatus,
    diagnosis_target_spec,
)
from pod_diagnoser.api.fields import is_object_name
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.common_factors import CommonFactor
from pod_diagnoser.pods.claims import MAX_CLAIMING, is_beyond_limit, older_overlapping
from pod_diagnoser.remediation.limits import BLOCKED_BACKOFF
from pod_diagnoser.remediation.model import (
    REPLACING,
    Action,
    ExecutionReport,
    Phase,
    Reason,
    blocking_budget,
)
from pod_diagnoser.remediation.planner import Plan

_MAX_OLDER_NAMED = 3

_MAX_BUDGETS_NAMED = 3

_BLOCKED_REASONS = (Reason.BLOCKED_BY_DISRUPTION_BUDGET, Reason.SEVERAL_DISRUPTION_BUDGETS)


def urgent_conditions(status: PodDiagnoserStatus) -> list[tuple[str, str, str]]:
    """Return the conditions whose changes are written at once, without their messages."""
    return [
        (each.type, each.status, each.reason)
        for each in status.conditions
        if each.type != ConditionType.COMMON_FACTOR
    ]


def conditions(
    diagnoser: PodDiagnoser, states: Iterable["ConditionState"], now: datetime
) -> tuple[Condition, ...]:
    """Build the conditions, with the stored transition times where the status did not change."""
    before = {condition.type: condition for condition in diagnoser.status.conditions}
    return tuple(
        _condition(state, before.get(state.type), diagnoser.metadata.generation, now)
        for state in states
    )


@dataclass(frozen=True, slots=True)
class ConditionState:
    """A condition before it is compared with the stored one."""

    type: ConditionType
    holds: bool
    reason: str
    message: str


def _condition(
    state: ConditionState, before: Condition | None, generation: int | None, now: datetime
) -> Condition:
    status = "True" if state.holds else "False"
    same = before is not None and before.status == status
    return Condition(
        type=state.type.value,
        status="True" if state.holds else "False",
        reason=state.reason,
        message=state.message,
        observedGeneration=generation,
        lastTransitionTime=before.lastTransitionTime if same and before is not None else now,
    )


def active_condition(
    diagnoser: PodDiagnoser, targets: Sequence[DiagnosisTargetSpec]
) -> ConditionState:
    """Return whether the PodDiagnoser claims Pods."""
    if diagnoser.active and is_beyond_limit(diagnoser, targets):
        return ConditionState(
            ConditionType.ACTIVE,
            holds=False,
            reason="TooManyPodDiagnosers",
            message=(
                f"Only the oldest {MAX_CLAIMING} PodDiagnosers of a namespace claim Pods, and this "
                "is none of them: it diagnoses nothing until one of these is deleted or switched "
                "off."
            ),
        )
    if diagnoser.active:
        which = (
            "have all of its targetLabels"
            if diagnoser.spec.targetLabels
            else "no older PodDiagnoser claims"
        )
        return ConditionState(
            ConditionType.ACTIVE,
            holds=True,
            reason="Claiming",
            message=f"Claims the Pods of its namespace that {which}.",
        )
    return ConditionState(
        ConditionType.ACTIVE,
        holds=False,
        reason="AnnotationsDisabled",
        message="spec.enableAnnotations is false: it claims no Pods and diagnoses nothing.",
    )


def overlapping_condition(
    diagnoser: PodDiagnoser, targets: Sequence[DiagnosisTargetSpec]
) -> ConditionState:
    """Return whether older PodDiagnosers may claim the same Pods first."""
    overlapping = (
        older_overlapping(diagnosis_target_spec(diagnoser), targets) if diagnoser.active else []
    )
    if not overlapping:
        return ConditionState(
            ConditionType.OVERLAPPING,
            holds=False,
            reason="NoOlderMatches",
            message="No older PodDiagnoser can match the same Pods.",
        )
    names = named([each.diagnoser.name for each in overlapping])
    return ConditionState(
        ConditionType.OVERLAPPING,
        holds=True,
        reason="OlderMayMatch",
        message=f"Pods that these older PodDiagnosers match too are theirs: {names}.",
    )


def named(names: Sequence[str]) -> str:
    """List the first few names, and say how many there are more."""
    listed = ", ".join(names[:_MAX_OLDER_NAMED])
    more = len(names) - _MAX_OLDER_NAMED
    return f"{listed} and {more} more" if more > 0 else listed


def complete_condition(*, complete: bool) -> ConditionState:
    """Return whether all Pods of the request were read."""
    if complete:
        return ConditionState(
            ConditionType.COMPLETE,
            holds=True,
            reason="AllRead",
            message="All Pods that crashed recently were read.",
        )
    return ConditionState(
        ConditionType.COMPLETE,
        holds=False,
        reason="TooManyRecentCrashes",
        message=(
            "More Pods crashed recently than one sync can read: every Pod is diagnosed, "
            "but not all are in this status. Narrower targetLabels help."
        ),
    )


def common_factor_condition(found: CommonFactor | None) -> ConditionState:
    """Return whether Pods that crashed within one minute have anything in common."""
    if found is None:
        return ConditionState(
            ConditionType.COMMON_FACTOR,
            holds=False,
            reason="NothingInCommon",
            message=(
                "No three Pods that crashed within one minute have anything in common that others "
                "do not have, as far as is known."
            ),
        )
    return ConditionState(
        ConditionType.COMMON_FACTOR, holds=True, reason=found.factor, message=found.message
    )


_NOTHING_DONE = {
    "": ("NoAction", "spec.remediationAction asks for nothing to be done."),
    None: (
        "UnknownAction",
        "spec.remediationAction is none that this version knows: nothing is done.",
    ),
}


INACTIVE = ("Inactive", "It claims no Pods, so there is nothing to be done.")


def remediating_condition(
    diagnoser: PodDiagnoser,
    planned: Plan,
    report: ExecutionReport,
    *,
    inactive: tuple[str, str] | None,
) -> ConditionState:
    """Return what is done about crashes, or why nothing is. Transient failures are not in it.

    Args:
        diagnoser: the PodDiagnoser or ClusterPodDiagnoser.
        planned: what is to be done.
        report: what was done before.
        inactive: reason and message where it claims no Pods, or it is not known which.
    """
    action, policy = diagnoser.spec.remediationAction, diagnoser.spec.remediation
    refused = _where_refused(diagnoser, planned)
    holds = False
    if action not in tuple(Action):
        reason, message = _NOTHING_DONE[None]
    elif not action:
        reason, message = _NOTHING_DONE[""]
    elif inactive is not None:
        reason, message = inactive
    elif not report.connected:
        reason = "NotConnected"
        message = "The operator runs without access to the API server: nothing is done."
    elif report.api_failure is not None and not report.api_failure.transient:
        reason, message = report.api_failure.reason, report.api_failure.message
    elif refused:
        reason = "Forbidden"
        message = f"The operator may not delete or evict Pods in namespace {refused}."
    elif action == Action.LOG_EVENT:
        holds, reason = True, "LoggingEvents"
        of_cluster = diagnoser.KIND == CLUSTER_POD_DIAGNOSER
        where = ", in the Pod's namespace" if of_cluster else ""
        message = f"An Event is created for each fresh crash{where}."
    elif policy.paused or policy.dryRun:
        reason = "Paused" if policy.paused else "DryRun"
        message = "Nothing is done. " + _summary(planned)
    else:
        blocked = _blocked(planned)
        holds, reason = True, "BlockedByDisruptionBudget" if blocked else "ReplacingPods"
        message = blocked + _summary(planned)
    return ConditionState(ConditionType.REMEDIATING, holds=holds, reason=reason, message=message)


def _where_refused(diagnoser: PodDiagnoser, planned: Plan) -> str:
    """Return in which namespaces the operator may not replace Pods; "" for none."""
    if diagnoser.spec.remediationAction not in REPLACING:
        return ""
    refused = {
        entry.pod_namespace or diagnoser.metadata.namespace
        for entry in planned.remediations
        if entry.reason == Reason.FORBIDDEN
    }
    return named(sorted(filter(is_object_name, refused)))


def _blocked(planned: Plan) -> str:
    """Say which PodDisruptionBudgets block all that is to be done; "" where they do not."""
    pending = [
        each for each in planned.remediations if each.phase in (Phase.PLANNED, Phase.DEFERRED)
    ]
    if not pending or any(each.reason not in _BLOCKED_REASONS for each in pending):
        return ""
    names = sorted({blocking_budget(each) for each in pending} - {""})
    shown = f" ({', '.join(names[:_MAX_BUDGETS_NAMED])})" if names else ""
    settled = [each.settledAt for each in pending if each.settledAt is not None]
    again = format_time(min(settled) + BLOCKED_BACKOFF) if settled else ""
    next_try = f" The next try is after {again}." if again else ""
    return f"PodDisruptionBudgets{shown} allow no eviction now.{next_try} "


def _summary(planned: Plan) -> str:
    """Count the stored remediations by phase, and the withheld crashes by reason."""
    phases = Counter(entry.phase for entry in planned.remediations)
    done = ", ".join(f"{count} {phase}" for phase, count in sorted(phases.items()))
    withheld = ", ".join(f"{each.crashes} {each.reason}" for each in planned.withheld)
    return f"Remediations: {done or 'none'}. Withheld: {withheld or 'none'}."
