"""Which PodDiagnoser claims which Pod. Pure.

A PodDiagnoser claims the Pods of its own namespace that have all of its targetLabels. Where several
match, the oldest claims the Pod; of two of the same age, the first by name.
"""

from collections.abc import Iterable, Mapping, Sequence

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTarget,
    DiagnosisTargetSpec,
    PodDiagnoser,
    diagnosis_target_spec,
)
from pod_diagnoser.pods.keys import LABEL


def claimed_pods(
    diagnoser: PodDiagnoser, pods: Iterable[OwnedPod], targets: Sequence[DiagnosisTargetSpec]
) -> list[OwnedPod]:
    """Pick the Pods that are a PodDiagnoser's by their labels now.

    Args:
        diagnoser: the PodDiagnoser.
        pods: Pods as Metacontroller sent them; anyone may have put its label on one.
        targets: the published DiagnosisTargets of its namespace.

    Returns:
        Those of its namespace that carry its label and that it claims.
    """
    if not diagnoser.active:
        return []
    own = diagnosis_target_spec(diagnoser)
    # Its own target may not be in the cache yet, or not as it is now: it is taken from the spec.
    rivals = [target for target in targets if target.diagnoser.uid != own.diagnoser.uid]
    order = [*older_overlapping(own, rivals), own]
    return [
        pod
        for pod in pods
        if pod.metadata.namespace == diagnoser.metadata.namespace
        and pod.metadata.labels.get(LABEL) == diagnoser.metadata.name
        and claiming_target(order, pod.metadata.labels) is own
    ]


def valid_targets(targets: Iterable[DiagnosisTarget], namespace: str) -> list[DiagnosisTargetSpec]:
    """Pick the DiagnosisTargets that count.

    Args:
        targets: DiagnosisTargets as Metacontroller sent them.
        namespace: the namespace in which they are to claim Pods. The one place where it is held
            that no PodDiagnoser reaches into another namespace.

    Returns:
        The specs of those of this namespace that are not being deleted and that a PodDiagnoser
        controls, in the order in which they claim: oldest first, then by name.
    """
    specs = [
        target.spec
        for target in targets
        if target.metadata.namespace == namespace
        and not target.metadata.terminating
        and target.is_owned_by_its_diagnoser
    ]
    if len(specs) > 1:
        specs.sort(key=_precedence)
    return specs


def claiming_target(
    targets: Iterable[DiagnosisTargetSpec], labels: Mapping[str, str]
) -> DiagnosisTargetSpec | None:
    """Find who claims a Pod.

    Args:
        targets: the published targets of the Pod's namespace, in the order of `valid_targets`.
        labels: the Pod's labels.

    Returns:
        The target of the PodDiagnoser that claims it, or None.
    """
    for target in targets:
        if matches(target.targetLabels, labels):
            return target
    return None


def matches(target_labels: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Tell whether a Pod has all of a PodDiagnoser's targetLabels.

    Args:
        target_labels: the labels asked for; none of them asked for matches every Pod.
        labels: the Pod's labels.

    Returns:
        True when each label asked for is there with its value.
    """
    return all(labels.get(key) == value for key, value in target_labels.items())


def may_overlap(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Tell whether there can be a Pod that two sets of targetLabels both match.

    Args:
        one: targetLabels of one PodDiagnoser.
        other: targetLabels of another.

    Returns:
        False only when both ask for the same label with different values.
    """
    return all(other.get(key, value) == value for key, value in one.items())


def older_overlapping(
    own: DiagnosisTargetSpec, targets: Iterable[DiagnosisTargetSpec]
) -> list[DiagnosisTargetSpec]:
    """Find the PodDiagnosers that may take Pods away from one.

    Args:
        own: the target of the one that asks.
        targets: the published targets of its namespace; its own may be among them.

    Returns:
        Those that precede it and may match the same Pods, in the order in which they claim.
    """
    return [
        target
        for target in targets
        if target.diagnoser.uid != own.diagnoser.uid
        and _precedence(target) < _precedence(own)
        and may_overlap(own.targetLabels, target.targetLabels)
    ]


def _precedence(target: DiagnosisTargetSpec) -> tuple[str, str]:
    # Both times come from metadata.creationTimestamp, which the API server writes in UTC with whole
    # seconds, so that their text sorts as the times do.
    return target.since, target.diagnoser.name
