"""What keeps a diagnoser from replacing a Pod, beside the Pod and its own safeguards. Pure.

Where Pods are never replaced unless their namespace is named; and whose a Pod was when it crashed:
a crash is acted on once, although the Pod's claim moves between PodDiagnosers and
ClusterPodDiagnosers, since each acts only on crashes from after its own claim began.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser
from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import ActionSince, PodDiagnoser
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.pods.history import parse_history
from pod_diagnoser.remediation.model import OWN_NAMESPACES
from pod_diagnoser.remediation.switching import action_since, is_before

SYSTEM_PREFIX: Final = "kube-"
"""Namespaces with names like this are Kubernetes' own, and nobody else's."""

ALL_NAMESPACES: Final = "*"
"""The namespace of the entry in ``status.claims`` that counts for all of them."""


@dataclass(frozen=True, slots=True)
class Boundaries:
    """What keeps a diagnoser from replacing a Pod, beside the Pod and its own safeguards.

    Attributes:
        diagnoser: the PodDiagnoser or ClusterPodDiagnoser, with its status.
        action: which action it asks for, and since when; None where that does not matter.
        own_namespaces: the namespaces of the operator and of Metacontroller.
    """

    diagnoser: PodDiagnoser
    action: ActionSince | None
    own_namespaces: Collection[str] = OWN_NAMESPACES

    def is_protected(self, namespace: str) -> bool:
        """Say whether no Pod of a namespace is replaced, since it is not named.

        A PodDiagnoser is in its namespace, which says enough.
        """
        if not isinstance(self.diagnoser, ClusterPodDiagnoser):
            return False
        protected = namespace.startswith(SYSTEM_PREFIX) or namespace in self.own_namespaces
        return protected and not self.diagnoser.spec.names(namespace)

    def is_before_action(self, pod: OwnedPod, found: Diagnosis) -> bool:
        """Say whether a Pod crashed before the action was asked for."""
        return self.action is not None and is_before(self.action.since, pod, found)

    def is_before_claim(self, pod: OwnedPod, found: Diagnosis) -> bool:
        """Say whether a Pod crashed before it was claimed.

        The Pod's history tells when it was taken over from another one: its owner may write that,
        and so it can only forbid. For a ClusterPodDiagnoser its own status tells since when it
        claims a namespace.
        """
        since = claimed_since(self.diagnoser, pod.metadata.namespace)
        return is_before(since, pod, found) or self._was_taken_over(pod, found)

    def _was_taken_over(self, pod: OwnedPod, found: Diagnosis) -> bool:
        history = parse_history(pod)
        seen = next((each.seen for each in history.history if each.id == found.id), None)
        if seen is None:
            return False
        if history.diagnoser != self.diagnoser.metadata.uid:
            return True
        return history.taken is not None and seen < history.taken


def claimed_since(diagnoser: PodDiagnoser, namespace: str) -> datetime | None:
    """Return since when a ClusterPodDiagnoser claims a namespace, if not for long; else None."""
    if not isinstance(diagnoser, ClusterPodDiagnoser):
        return None
    found = [
        each.since
        for each in diagnoser.status.claims
        if each.namespace in (namespace, ALL_NAMESPACES)
    ]
    return max(found, default=None)


def boundaries_of(
    diagnoser: PodDiagnoser, now: datetime, own_namespaces: Collection[str] = OWN_NAMESPACES
) -> Boundaries:
    """Return the boundaries of a diagnoser, by its status.

    Args:
        diagnoser: the diagnoser with its status.
        now: the time by the API server's clock.
        own_namespaces: the namespaces of the operator and of Metacontroller.
    """
    return Boundaries(diagnoser, action_since(diagnoser, now), own_namespaces)
