"""What a PodDiagnoser's sync request holds. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, PodDiagnoser, PodDiagnoserSpec
from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest
from pod_diagnoser.pods.claims import claimed_pods, may_claim, publishes, valid_targets
from pod_diagnoser.pods.history import parse_history
from pod_diagnoser.pods.observation import CrashedPod, reportable_crashes


@dataclass(frozen=True, slots=True)
class DiagnoserSnapshot:
    """What a PodDiagnoser's sync request holds.

    Attributes:
        diagnoser: the PodDiagnoser with its stored status.
        targets: the published DiagnosisTargets of its namespace, in the order in which they claim.
        crashed: the Pods that it claims, with their crashes.
        complete: False when the request had more Pods than were read.
    """

    diagnoser: PodDiagnoser
    targets: Sequence[DiagnosisTargetSpec]
    crashed: Sequence[CrashedPod]
    complete: bool

    @property
    def spans_namespaces(self) -> bool:
        """Whether the Pods may be of several namespaces."""
        return False

    @property
    def to_plan_for(self) -> PodDiagnoser:
        """The PodDiagnoser, as it is planned for."""
        return self.diagnoser

    def targets_of(self, namespace: str) -> Sequence[DiagnosisTargetSpec]:
        """Return the DiagnosisTargets that may claim Pods of a namespace, in that order."""
        del namespace
        return self.targets

    @property
    def may_claim(self) -> bool:
        """Whether the PodDiagnoser may claim Pods."""
        return may_claim(self.diagnoser, self.targets)

    @property
    def own_target(self) -> DiagnosisTargetSpec | None:
        """What the PodDiagnoser has published, as it is stored; None where there is nothing.

        Switched on and off it has another one.
        """
        uid, active = self.diagnoser.metadata.uid, self.diagnoser.active
        own = (each for each in self.targets if each.diagnoser.uid == uid)
        return next((each for each in own if each.active is active), None)

    @property
    def publishes(self) -> bool:
        """Whether the PodDiagnoser has a DiagnosisTarget."""
        return publishes(self.diagnoser, self.targets)


def take_snapshot(
    request: PodDiagnoserSyncRequest,
    *,
    complete: bool = True,
    has_time: Callable[[], bool] = lambda: True,
) -> DiagnoserSnapshot:
    """Return what a sync request holds for its PodDiagnoser.

    Args:
        request: the sync request.
        complete: False when the request had more Pods than were read.
        has_time: whether there is time to read one more Pod; the rest is left out.
    """
    diagnoser = request.object
    targets = valid_targets(request.related.targets.values(), diagnoser.metadata.namespace)
    claimed = claimed_pods(diagnoser, request.related.pods.values(), targets)
    crashed, all_read = read_crashes(claimed, diagnoser.spec, has_time)
    return DiagnoserSnapshot(diagnoser, targets, crashed, complete and all_read)


def read_crashes(
    pods: Iterable[OwnedPod], spec: PodDiagnoserSpec, has_time: Callable[[], bool]
) -> tuple[Sequence[CrashedPod], bool]:
    """Read the crashes of claimed Pods.

    Args:
        pods: the Pods.
        spec: of what claims them.
        has_time: whether there is time to read one more Pod.

    Returns:
        The Pods with their crashes, and whether there was time for all of them.
    """
    crashed: list[CrashedPod] = []
    for pod in pods:
        if not has_time():
            return crashed, False
        history = parse_history(pod)
        crashed.append(CrashedPod(pod, reportable_crashes(pod, spec, history), history))
    return crashed, True


TARGET_CREATION_GRACE = timedelta(seconds=5)
"""For how long Metacontroller may not see the DiagnosisTarget that it has created."""


def target_missing(snapshot: DiagnoserSnapshot, now: datetime) -> bool:
    """Return whether a PodDiagnoser's DiagnosisTarget was published before, and is not there.

    Either it was deleted by hand; or the PodDiagnoser is deleted, and Metacontroller does
    not know it yet. A status is written together with the DiagnosisTarget: without one, or within
    `TARGET_CREATION_GRACE`, it is not missing.

    Args:
        snapshot: what the request holds.
        now: the time, in UTC; by the API server's clock where that is known.
    """
    diagnoser = snapshot.diagnoser
    created = diagnoser.metadata.created
    if (
        not snapshot.publishes
        or not diagnoser.has_status
        or created is None
        or now - created < TARGET_CREATION_GRACE
    ):
        return False
    return all(each.diagnoser.uid != diagnoser.metadata.uid for each in snapshot.targets)
