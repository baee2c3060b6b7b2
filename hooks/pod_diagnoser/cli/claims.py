"""Which PodDiagnoser claims a Pod, by the PodDiagnosers that were read. Pure."""

from collections.abc import Iterable

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.pods.claims import matches


def diagnosers_beside(pod: OwnedPod, diagnosers: Iterable[PodDiagnoser]) -> list[PodDiagnoser]:
    """Return the PodDiagnosers of a Pod's namespace: the oldest first, then by name."""
    return sorted(
        (each for each in diagnosers if each.metadata.namespace == pod.metadata.namespace),
        key=lambda each: (each.metadata.creationTimestamp, each.metadata.name),
    )


def claiming_diagnoser(pod: OwnedPod, diagnosers: Iterable[PodDiagnoser]) -> PodDiagnoser | None:
    """Return the PodDiagnoser that claims a Pod, or None."""
    own = diagnosers_beside(pod, diagnosers)
    return next((each for each in own if _may_claim(each, pod)), None)


def _may_claim(diagnoser: PodDiagnoser, pod: OwnedPod) -> bool:
    return (
        diagnoser.active
        and not diagnoser.metadata.terminating
        and matches(diagnoser.spec.targetLabels, pod.metadata.labels)
    )
