"""Which PodDiagnoser or ClusterPodDiagnoser claims a Pod, by what was read. Pure.

Of a ClusterPodDiagnoser its DiagnosisTarget in the Pod's namespace is read: who may read a
namespace may read that, and it says which namespaces are selected.
"""

from collections.abc import Iterable, Sequence

from pod_diagnoser.api.cluster_diagnostics_v1 import (
    ClusterPodDiagnoser,
    ClusterPodDiagnoserMeta,
    ClusterPodDiagnoserSpec,
)
from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTarget,
    DiagnosisTargetSpec,
    PodDiagnoser,
)
from pod_diagnoser.pods.claims import claiming_target, matches, valid_targets


def diagnosers_beside(pod: OwnedPod, diagnosers: Iterable[PodDiagnoser]) -> list[PodDiagnoser]:
    """Return the PodDiagnosers of a Pod's namespace: the oldest first, then by name."""
    return sorted(
        (each for each in diagnosers if each.metadata.namespace == pod.metadata.namespace),
        key=lambda each: (each.metadata.creationTimestamp, each.metadata.name),
    )


def claiming_diagnoser(
    pod: OwnedPod, diagnosers: Iterable[PodDiagnoser], targets: Sequence[DiagnosisTarget] = ()
) -> PodDiagnoser | None:
    """Return the PodDiagnoser or ClusterPodDiagnoser that claims a Pod, or None.

    Args:
        pod: the Pod.
        diagnosers: PodDiagnosers, of any namespace.
        targets: DiagnosisTargets of ClusterPodDiagnosers, of any namespace.

    Returns:
        Of a ClusterPodDiagnoser only what its DiagnosisTarget says: no action and no status.
    """
    matching = [each for each in diagnosers_beside(pod, diagnosers) if _matches(each, pod)]
    active = next((each for each in matching if each.active), None)
    if active is not None or matching or not targets:
        return active
    of_cluster = [each for each in targets if each.spec.is_of_cluster]
    valid = valid_targets(of_cluster, pod.metadata.namespace)
    claim = claiming_target(valid, pod.metadata.labels)
    return None if claim is None else _described(claim)


def _matches(diagnoser: PodDiagnoser, pod: OwnedPod) -> bool:
    return not diagnoser.metadata.terminating and matches(
        diagnoser.spec.targetLabels, pod.metadata.labels
    )


def _described(target: DiagnosisTargetSpec) -> ClusterPodDiagnoser:
    return ClusterPodDiagnoser(
        metadata=ClusterPodDiagnoserMeta(
            name=target.diagnoser.name,
            uid=target.diagnoser.uid,
            creationTimestamp=target.since,
        ),
        spec=ClusterPodDiagnoserSpec(
            targetLabels=target.targetLabels,
            evidence=target.evidence,
            ignore=target.ignore,
            thresholds=target.thresholds,
        ),
    )
