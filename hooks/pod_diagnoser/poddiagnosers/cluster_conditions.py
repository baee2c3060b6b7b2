"""Work out the conditions of a ClusterPodDiagnoser's status. Pure."""

from typing import Final

from pod_diagnoser.api.diagnostics_v1 import ConditionType
from pod_diagnoser.poddiagnosers.cluster_snapshot import ClusterSnapshot
from pod_diagnoser.poddiagnosers.conditions import (
    INACTIVE,
    ConditionState,
    named,
    remediating_condition,
)
from pod_diagnoser.remediation.model import ExecutionReport
from pod_diagnoser.remediation.planner import Plan

INVALID_SELECTOR: Final = "InvalidNamespaceSelector"


def cluster_active_condition(snapshot: ClusterSnapshot) -> ConditionState:
    """Return whether the ClusterPodDiagnoser claims Pods."""
    if not snapshot.diagnoser.active:
        return ConditionState(
            ConditionType.ACTIVE,
            holds=False,
            reason="AnnotationsDisabled",
            message="spec.enableAnnotations is false: it claims no Pods and diagnoses nothing.",
        )
    return ConditionState(
        ConditionType.ACTIVE,
        holds=True,
        reason="Claiming",
        message=(
            "Claims the Pods of the namespaces that it selects, but for those that a PodDiagnoser "
            "of their namespace selects, be it switched off."
        ),
    )


def namespaces_condition(snapshot: ClusterSnapshot) -> ConditionState | None:
    """Return whether spec.namespaceSelector could be evaluated, and selects anything.

    Returns:
        The condition; None as long as the namespaces have not been counted.
    """
    if not snapshot.selection_is_known:
        return ConditionState(
            ConditionType.NAMESPACES_SELECTED,
            holds=False,
            reason=INVALID_SELECTOR,
            message=(
                "spec.namespaceSelector cannot be evaluated: where Pods are diagnosed stays as it "
                "was, and nothing is done about crashes."
            ),
        )
    count = snapshot.selected_namespaces
    if count is None:
        return None
    noun = "namespace" if count == 1 else "namespaces"
    return ConditionState(
        ConditionType.NAMESPACES_SELECTED,
        holds=count > 0,
        reason="Selected" if count else "NoneSelected",
        message=f"spec.namespaceSelector matches {count} {noun}.",
    )


def cluster_overlapping_condition(snapshot: ClusterSnapshot) -> ConditionState | None:
    """Return who may claim the same Pods first.

    Returns:
        The condition; None as long as it is not known of which namespaces that is to be said.
    """
    if snapshot.by_namespace and snapshot.selected_namespaces is None:
        return None
    parts = []
    if snapshot.older:
        older = named([each.metadata.name for each in snapshot.older])
        parts.append(f"Pods that these older ClusterPodDiagnosers match too are theirs: {older}.")
    if snapshot.by_namespace:
        names = named(sorted(snapshot.by_namespace))
        parts.append(f"PodDiagnosers come first in these namespaces: {names}.")
    if not snapshot.diagnoser.active or not parts:
        return ConditionState(
            ConditionType.OVERLAPPING,
            holds=False,
            reason="NothingComesFirst",
            message="No PodDiagnoser and no older ClusterPodDiagnoser can match the same Pods.",
        )
    return ConditionState(
        ConditionType.OVERLAPPING,
        holds=True,
        reason="OlderMayMatch" if snapshot.older else "PodDiagnosersMayMatch",
        message=" ".join(parts),
    )


def cluster_remediating_condition(
    snapshot: ClusterSnapshot, planned: Plan, report: ExecutionReport
) -> ConditionState:
    """Return what is done about crashes, or why nothing is."""
    inactive = None
    if not snapshot.diagnoser.active:
        inactive = INACTIVE
    elif not snapshot.selection_is_known:
        inactive = INVALID_SELECTOR, "spec.namespaceSelector cannot be evaluated: nothing is done."
    return remediating_condition(snapshot.diagnoser, planned, report, inactive=inactive)
