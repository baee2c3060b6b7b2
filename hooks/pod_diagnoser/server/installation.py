"""The commands with which an installation is checked and removed, as Jobs in the cluster run them.

Both wait for Metacontroller, which does the work: they poll until it is done or the time is up.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pod_diagnoser.api.diagnostics_v1 import GROUP
from pod_diagnoser.cluster.administration import Administration
from pod_diagnoser.cluster.errors import ApiError, NotFoundError
from pod_diagnoser.pods.keys import ANNOTATIONS, CAUSE, LABELS

POLL_SECONDS: Final = 2.0

CONTROLLERS: Final = (
    "poddiagnosers",
    "clusterpoddiagnosers-targets",
    "pods",
    "clusterpoddiagnosers",
    "recall-pods",
    "recall-cluster-pods",
    "recall-poddiagnosers",
)
"""Our DecoratorControllers, without their prefix; the first two publish DiagnosisTargets."""

_PUBLISHERS: Final = 2
_CONTROLLER: Final = "/apis/metacontroller.k8s.io/v1alpha1/decoratorcontrollers/pod-diagnoser-"
_API: Final = f"/apis/{GROUP}/v1"
_GUARD: Final = (
    "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/pod-diagnoser-targets"
)
_OURS: Final = frozenset((*ANNOTATIONS, *LABELS))
_SHOWN: Final = 5


class InstallationError(Exception):
    """What was to be done was not done in time. The message says what is missing."""


class Patience:
    """Waits, for so many seconds altogether.

    Args:
        seconds: how many.
        monotonic: a clock, in seconds.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._until = monotonic() + seconds
        self._monotonic = monotonic
        self._sleep = sleep

    def rounds(self) -> Iterator[None]:
        """Yield at once and then every `POLL_SECONDS`, until the time is up."""
        yield
        while self._monotonic() < self._until:
            self._sleep(POLL_SECONDS)
            yield


def clean_pods(cluster: Administration, patience: Patience) -> None:
    """Have Metacontroller take our annotations and labels off all Pods; then stop it calling us.

    Without a DiagnosisTarget no Pod is claimed, and an unclaimed Pod is cleaned. What users wrote,
    PodDiagnosers and ClusterPodDiagnosers, stays.

    Raises:
        InstallationError: Pods are not clean in time.
        ApiError: DecoratorControllers cannot be deleted.
    """
    for name in CONTROLLERS[:_PUBLISHERS]:
        cluster.delete(_CONTROLLER + name)
    cluster.delete(_GUARD)  # it lets Metacontroller alone delete DiagnosisTargets
    left: list[str] = []
    for _ in patience.rounds():
        try:
            # Metacontroller may create one more while its controller is being deleted.
            published = _delete_targets(cluster)
            left = [f"{one['namespace']}/{one['name']}" for one in _marked_pods(cluster)]
        except ApiError as error:  # the guard's end takes a moment to arrive
            left = [f"(not known: {error})"]
            continue
        if not left and not published:
            break
    else:
        shown = ", ".join(left[:_SHOWN]) or "DiagnosisTargets"
        message = f"still not clean: {shown} and {max(0, len(left) - _SHOWN)} more"
        raise InstallationError(message)
    for name in CONTROLLERS[_PUBLISHERS:]:
        cluster.delete(_CONTROLLER + name)


def _delete_targets(cluster: Administration) -> int:
    """Delete all DiagnosisTargets; return how many there were."""
    targets = list(cluster.metadata(f"{_API}/diagnosistargets"))
    for one in targets:
        cluster.delete(f"{_API}/namespaces/{one['namespace']}/diagnosistargets/{one['name']}")
    return len(targets)


def _marked_pods(cluster: Administration) -> Iterator[dict[str, Any]]:
    """List the metadata of the Pods that have an annotation or a label of ours."""
    for pod in cluster.metadata("/api/v1/pods"):
        if not _OURS.isdisjoint((*(pod.get("annotations") or ()), *(pod.get("labels") or ()))):
            yield pod


class InstallationCheck:
    """A made-up Pod that crashes, and the PodDiagnoser that is to diagnose it.

    Args:
        cluster: where.
        namespace: in this namespace; afterwards nothing is left there.
        objects: manifests, and how the Pod crashes: keys ``poddiagnoser``, ``pod``, ``crash``.
    """

    def __init__(
        self, cluster: Administration, namespace: str, objects: Mapping[str, dict[str, Any]]
    ) -> None:
        self._cluster = cluster
        self._diagnoser, self._pod = objects["poddiagnoser"], objects["pod"]
        self._crash = objects["crash"]
        self._diagnosers = f"{_API}/namespaces/{namespace}/poddiagnosers"
        self._pods = f"/api/v1/namespaces/{namespace}/pods"

    def run(self, patience: Patience, *, crash: bool) -> None:
        """Wait until the PodDiagnoser is active and, unless told otherwise, the crash diagnosed.

        Raises:
            InstallationError: that does not happen in time.
            ApiError: the objects cannot be created.
        """
        self._remove()
        try:
            self._wait(patience, self._is_created, "The kind PodDiagnoser, and those who serve it,")
            self._wait(patience, self._is_active, "Metacontroller and the PodDiagnosers' hook")
            if crash:
                pod = self._cluster.create(self._pods, self._pod)
                # It is on no node, so nobody else writes its status.
                path = f"{self._pods}/{pod['metadata']['name']}/status"
                self._cluster.replace(path, {**pod, "status": self._crash["status"]})
                self._wait(patience, self._is_diagnosed, "Metacontroller and the Pods' hook")
        finally:
            self._remove()

    def _wait(self, patience: Patience, done: Callable[[], bool], who: str) -> None:
        for _ in patience.rounds():
            if done():
                return
        message = f"{who} do not work together: kubectl get events -A says why"
        raise InstallationError(message)

    def _is_created(self) -> bool:
        try:
            self._cluster.create(self._diagnosers, self._diagnoser)
        except NotFoundError:  # the kind was created a moment ago
            return False
        return True

    def _is_active(self) -> bool:
        found = self._cluster.find(f"{self._diagnosers}/{self._diagnoser['metadata']['name']}")
        conditions = ((found or {}).get("status") or {}).get("conditions") or ()
        return any(one["type"] == "Active" and one["status"] == "True" for one in conditions)

    def _is_diagnosed(self) -> bool:
        found = self._cluster.find(f"{self._pods}/{self._pod['metadata']['name']}") or {}
        return CAUSE in (found.get("metadata", {}).get("annotations") or {})

    def _remove(self) -> None:
        self._cluster.delete(f"{self._pods}/{self._pod['metadata']['name']}")
        self._cluster.delete(f"{self._diagnosers}/{self._diagnoser['metadata']['name']}")
