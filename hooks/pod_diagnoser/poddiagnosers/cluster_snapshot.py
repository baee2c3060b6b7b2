"""What a ClusterPodDiagnoser's sync request holds. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pod_diagnoser.api.cluster_diagnostics_v1 import (
    ClusterPodDiagnoser,
    ClusterPodDiagnoserStatus,
)
from pod_diagnoser.api.cluster_requests import ClusterSyncRequest
from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTarget,
    DiagnosisTargetSpec,
    PodDiagnoser,
    diagnosis_target_spec,
)
from pod_diagnoser.poddiagnosers.namespace_selection import NamespaceSelection, read_selection
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot, read_crashes
from pod_diagnoser.pods.claims import claimed_pods, older_overlapping, valid_targets
from pod_diagnoser.remediation.model import replaces


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSnapshot(DiagnoserSnapshot):
    """What a ClusterPodDiagnoser's sync request holds.

    Attributes:
        cluster_diagnoser: the ClusterPodDiagnoser, which is `diagnoser`.
        namespaces: the labels of the namespaces that it selects, by name; None where they were not
            requested, since it replaces no Pods or its selector cannot be evaluated.
        told: which namespaces it selects, by what the other controller told.
        by_namespace: the DiagnosisTargets of PodDiagnosers in these, in the order in which they
            claim.
        older: the active ClusterPodDiagnosers that may claim the same Pods first somewhere.
        claimed: the stored status with what is known now of which namespaces are claimed since
            when (`cluster_claims`); None where that was not worked out.
    """

    cluster_diagnoser: ClusterPodDiagnoser
    namespaces: Mapping[str, Mapping[str, str]] | None
    told: NamespaceSelection
    by_namespace: Mapping[str, Sequence[DiagnosisTargetSpec]]
    older: Sequence[ClusterPodDiagnoser]
    claimed: ClusterPodDiagnoserStatus | None = None

    @property
    def to_plan_for(self) -> PodDiagnoser:
        """The ClusterPodDiagnoser, as it is planned for."""
        if self.claimed is None:
            return self.diagnoser
        return self.diagnoser.model_copy(update={"status": self.claimed})

    @property
    def selection_is_known(self) -> bool:
        """Whether it is known which Pods are of namespaces that it selects."""
        if not self.cluster_diagnoser.spec.namespaceSelector.is_valid:
            return False
        return self.namespaces is not None or not replaces(self.diagnoser)

    @property
    def selected_namespaces(self) -> int | None:
        """How many namespaces it selects; None as long as they have not been counted."""
        return self.told.count if self.namespaces is None else len(self.namespaces)

    def selects(self, namespace: str) -> bool:
        """Return whether it selects a namespace, as far as that is known."""
        return namespace in (self.told if self.namespaces is None else self.namespaces)

    @property
    def spans_namespaces(self) -> bool:
        """Whether the Pods may be of several namespaces."""
        return True

    def targets_of(self, namespace: str) -> Sequence[DiagnosisTargetSpec]:
        """Return what may claim Pods of a namespace before it does, in that order.

        Where the namespaces' labels were not requested, older ClusterPodDiagnosers are not among
        it: a Pod's label names the first of them, as of the Pod's own sync.
        """
        labels = (self.namespaces or {}).get(namespace)
        older = [
            diagnosis_target_spec(each)
            for each in self.older
            if labels is not None and each.spec.namespaceSelector.matches(labels)
        ]
        return (*self.by_namespace.get(namespace, ()), *older)


def take_cluster_snapshot(
    request: ClusterSyncRequest,
    *,
    complete: bool = True,
    has_time: Callable[[], bool] = lambda: True,
) -> ClusterSnapshot:
    """Return what a sync request holds for its ClusterPodDiagnoser.

    Args:
        request: the sync request.
        complete: False when the request had more Pods than were read.
        has_time: whether there is time to read one more Pod; the rest is left out.
    """
    diagnoser, related = request.object, request.related
    namespaces = related.namespaces if diagnoser.spec.namespaceSelector.is_valid else None
    snapshot = ClusterSnapshot(
        diagnoser,
        (),
        (),
        complete,
        cluster_diagnoser=diagnoser,
        namespaces=None
        if namespaces is None
        else {each.metadata.name: each.metadata.labels for each in namespaces.values()},
        told=read_selection(diagnoser.metadata.annotations),
        by_namespace={},
        older=_older(diagnoser, related.diagnosers.values()),
    )
    if not snapshot.selection_is_known:
        return replace(snapshot, complete=False)
    snapshot = replace(snapshot, by_namespace=_by_namespace(snapshot, related.targets.values()))
    claimed = _claimed(snapshot, related.pods.values())
    crashed, all_read = read_crashes(claimed, diagnoser.spec, has_time)
    return replace(snapshot, crashed=crashed, complete=complete and all_read)


def _by_namespace(
    snapshot: ClusterSnapshot, targets: Iterable[DiagnosisTarget]
) -> dict[str, list[DiagnosisTargetSpec]]:
    grouped: defaultdict[str, list[DiagnosisTarget]] = defaultdict(list)
    for target in targets:
        if not target.spec.is_of_cluster:
            grouped[target.metadata.namespace].append(target)
    return {
        namespace: valid_targets(its_targets, namespace)
        for namespace, its_targets in grouped.items()
        if snapshot.selects(namespace)
    }


def _older(
    diagnoser: ClusterPodDiagnoser, others: Iterable[ClusterPodDiagnoser]
) -> list[ClusterPodDiagnoser]:
    active = {
        each.metadata.uid: each
        for each in others
        if each.active and not each.metadata.terminating and each.spec.namespaceSelector.is_valid
    }
    specs = (diagnosis_target_spec(each) for each in active.values())
    own = diagnosis_target_spec(diagnoser)
    return [active[each.diagnoser.uid] for each in older_overlapping(own, specs)]


def _claimed(snapshot: ClusterSnapshot, pods: Iterable[OwnedPod]) -> list[OwnedPod]:
    """Pick the Pods that a ClusterPodDiagnoser claims; anyone may have put its label on one."""
    grouped: defaultdict[str, list[OwnedPod]] = defaultdict(list)
    for pod in pods:
        grouped[pod.metadata.namespace].append(pod)
    return [
        pod
        for namespace, its_pods in grouped.items()
        if snapshot.selects(namespace)
        for pod in claimed_pods(snapshot.diagnoser, its_pods, snapshot.targets_of(namespace))
    ]
