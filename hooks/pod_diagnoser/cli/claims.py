"""Which PodDiagnoser or ClusterPodDiagnoser claims a Pod, by what was read. Pure.

Of a ClusterPodDiagnoser its DiagnosisTarget in the Pod's namespace is read: who may read a
namespace may read that, and it says which namespaces are selected. What it does about crashes says
the ClusterPodDiagnoser itself, which few may read.
"""

from collections.abc import Iterable, Sequence

from pod_diagnoser.api.cluster_diagnostics_v1 import (
    ClusterPodDiagnoser,
    ClusterPodDiagnoserMeta,
    ClusterPodDiagnoserSpec,
)
from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    CLUSTER_POD_DIAGNOSER,
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
    pod: OwnedPod,
    diagnosers: Iterable[PodDiagnoser],
    targets: Sequence[DiagnosisTarget] = (),
    of_cluster: Iterable[ClusterPodDiagnoser] = (),
) -> PodDiagnoser | None:
    """Return the PodDiagnoser or ClusterPodDiagnoser that claims a Pod, or None.

    Args:
        pod: the Pod.
        diagnosers: PodDiagnosers, of any namespace.
        targets: DiagnosisTargets of ClusterPodDiagnosers, of any namespace.
        of_cluster: the ClusterPodDiagnosers that could be read.

    Returns:
        Of a ClusterPodDiagnoser that could not be read only what its DiagnosisTarget says: no
        action and no status (`is_read`).
    """
    matching = [each for each in diagnosers_beside(pod, diagnosers) if _matches(each, pod)]
    active = next((each for each in matching if each.active), None)
    if active is not None or matching or not targets:
        return active
    published = [each for each in targets if each.spec.is_of_cluster]
    valid = valid_targets(published, pod.metadata.namespace)
    claim = claiming_target(valid, pod.metadata.labels)
    if claim is None:
        return None
    read = (each for each in of_cluster if each.metadata.uid == claim.diagnoser.uid)
    return next(read, None) or _described(claim)


def is_read(claim: PodDiagnoser) -> bool:
    """Say whether it is known what a PodDiagnoser or ClusterPodDiagnoser does about crashes."""
    return claim.KIND != CLUSTER_POD_DIAGNOSER or claim.metadata.generation is not None


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
