"""Which PodDiagnoser or ClusterPodDiagnoser claims which Pod. Pure.

A PodDiagnoser claims the Pods of its own namespace that have all of its targetLabels. Where several
match, the oldest claims the Pod; of two of the same age, the first by name. Of the PodDiagnosers of
a namespace only the oldest `MAX_CLAIMING` claim Pods: a request about a Pod holds what each of them
says.

What none of them claims, a ClusterPodDiagnoser may: the oldest that matches, by the same rule. Not
so what a PodDiagnoser matches that is switched off: that is how a namespace declines. One claim
holds as a whole: nothing is merged.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTarget,
    DiagnosisTargetSpec,
    PodDiagnoser,
    diagnosis_target_spec,
)
from pod_diagnoser.pods.keys import label_of

MAX_CLAIMING: Final = 20
"""How many PodDiagnosers of a namespace claim Pods, the oldest ones."""


def claimed_pods(
    diagnoser: PodDiagnoser, pods: Iterable[OwnedPod], targets: Sequence[DiagnosisTargetSpec]
) -> list[OwnedPod]:
    """Pick the Pods that a PodDiagnoser claims by their labels now.

    Args:
        diagnoser: the PodDiagnoser.
        pods: Pods as Metacontroller sent them; anyone may have put its label on one.
        targets: the published DiagnosisTargets of its namespace.

    Returns:
        Those of its namespace that carry its label and that it claims; none if it claims none.
    """
    if not may_claim(diagnoser, targets):
        return []
    own = diagnosis_target_spec(diagnoser)
    # Take its own target from its spec: Metacontroller's cache may not have it yet, or an old one.
    order = [*older_overlapping(own, targets), own]
    return [
        pod
        for pod in pods
        if diagnoser.reaches(pod.metadata.namespace)
        and pod.metadata.labels.get(label_of(own)) == diagnoser.metadata.name
        and claiming_target(order, pod.metadata.labels) is own
    ]


def may_claim(diagnoser: PodDiagnoser, targets: Iterable[DiagnosisTargetSpec]) -> bool:
    """Return whether a PodDiagnoser may claim Pods, and so publishes its DiagnosisTarget."""
    return diagnoser.active and not is_beyond_limit(diagnoser, targets)


def publishes(diagnoser: PodDiagnoser, targets: Iterable[DiagnosisTargetSpec]) -> bool:
    """Return whether a PodDiagnoser has a DiagnosisTarget: to claim Pods, or to decline for them.

    Of those that are switched off the oldest `MAX_CLAIMING` of a namespace do so, too.
    """
    return not is_beyond_limit(diagnoser, targets)


def is_beyond_limit(diagnoser: PodDiagnoser, targets: Iterable[DiagnosisTargetSpec]) -> bool:
    """Return whether so many older PodDiagnosers claim Pods that this one may not.

    Those that are switched off are counted for themselves; ClusterPodDiagnosers, which those who
    administer the cluster write, have no limit.

    That of one of the oldest never changes, whatever younger ones publish: where many were created
    at once, each sees `MAX_CLAIMING` older ones as soon as these are published, and stays away.

    Args:
        diagnoser: the PodDiagnoser.
        targets: the published DiagnosisTargets of its namespace.
    """
    own = diagnosis_target_spec(diagnoser)
    if own.is_of_cluster:
        return False
    older = {
        each.diagnoser.uid
        for each in targets
        if _rank(each) == _rank(own) and _precedence(each) < _precedence(own)
    }
    return len(older - {own.diagnoser.uid}) >= MAX_CLAIMING


def valid_targets(targets: Iterable[DiagnosisTarget], namespace: str) -> list[DiagnosisTargetSpec]:
    """Pick the DiagnosisTargets that may claim Pods.

    Args:
        targets: DiagnosisTargets as Metacontroller sent them.
        namespace: the namespace of the Pods. This is the one check that keeps a PodDiagnoser out
            of other namespaces.

    Returns:
        The specs of those of this namespace that are not being deleted and that their diagnoser
        owns, in the order in which they claim: PodDiagnosers, those that are switched off,
        ClusterPodDiagnosers; of each the oldest first, then by name.
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
    """Find the target that claims a Pod.

    Args:
        targets: the published targets of the Pod's namespace, in the order of `valid_targets`.
        labels: the Pod's labels.

    Returns:
        The first that matches, or None; None as well where that one is switched off.
    """
    for target in targets:
        if matches(target.targetLabels, labels):
            return target if target.active else None
    return None


def matches(target_labels: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Say whether a Pod has all of a PodDiagnoser's targetLabels; empty ones match every Pod."""
    return all(labels.get(key) == value for key, value in target_labels.items())


def may_overlap(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Say whether two sets of targetLabels can match the same Pod.

    They cannot where both have the same label with different values.
    """
    return all(other.get(key, value) == value for key, value in one.items())


def older_overlapping(
    own: DiagnosisTargetSpec, targets: Iterable[DiagnosisTargetSpec]
) -> list[DiagnosisTargetSpec]:
    """Find the targets that may claim Pods before another one does.

    Args:
        own: the target of one PodDiagnoser.
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


def _precedence(target: DiagnosisTargetSpec) -> tuple[int, str, str]:
    # `since` is a creationTimestamp. The API server writes it in UTC with whole seconds, so texts
    # sort as the times do.
    return _rank(target), target.since, target.diagnoser.name


def _rank(target: DiagnosisTargetSpec) -> int:
    """Return 0 for a PodDiagnoser, 1 for one that is switched off, 2 for a ClusterPodDiagnoser."""
    if target.is_of_cluster:
        return 2
    return 0 if target.active else 1
