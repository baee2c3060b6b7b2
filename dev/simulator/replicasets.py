"""The ReplicaSet controller: keep as many Pods of a template as spec.replicas says.

Follows pkg/controller/replicaset. It adopts no Pods, its Pods are available as soon as they are
ready, and there is no Deployment above it.
"""

from dev.simulator.client import Client, Network
from dev.simulator.disruptions import is_ready
from dev.simulator.errors import ApiError
from dev.simulator.events import EventRecorder
from dev.simulator.objects import (
    Object,
    controller_of,
    copy,
    generation_of,
    is_terminating,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
    version_of,
)
from dev.simulator.resources import POD, REPLICA_SET, Key
from dev.simulator.scheduling import Clock
from dev.simulator.tables import WatchEvent
from dev.simulator.writes import DeleteOptions, key_of

_NAME = "replicaset-controller"


class ReplicaSetController:
    """Creates and deletes the Pods of every ReplicaSet."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self._network = network
        self._store = network.store
        self._recorder = EventRecorder(Client(network, _NAME), clock, _NAME)
        self._pending: set[Key] = set()
        network.store.watch(REPLICA_SET, lambda event: self._later(key_of(event.object)))
        network.store.watch(POD, self._pod_changed)

    def _pod_changed(self, event: WatchEvent) -> None:
        owner = controller_of(event.object)
        if owner is not None and owner["kind"] == REPLICA_SET.kind:
            self._later((namespace_of(event.object), owner["name"]))

    def _later(self, key: Key) -> None:
        if key not in self._pending:
            self._pending.add(key)
            delay = self._network.timing.draw(self._network.timing.controllers)
            self._network.scheduler.call_later(delay, lambda: self._sync(key))

    def _sync(self, key: Key) -> None:
        self._pending.discard(key)
        replica_set = self._store.peek(REPLICA_SET, key)
        if replica_set is None:
            return
        pods = self._active(replica_set)
        try:
            if not is_terminating(replica_set):
                self._manage(replica_set, pods)
            self._report(replica_set, self._active(replica_set))
        except ApiError:
            self._later(key)  # it changed meanwhile

    def _active(self, replica_set: Object) -> list[Object]:
        """Return its Pods that are neither finished nor terminating."""
        return [
            pod
            for pod in self._store.select(POD, namespace_of(replica_set))
            if (controller_of(pod) or {}).get("uid") == uid_of(replica_set)
            and not is_terminating(pod)
            and pod["status"].get("phase") not in {"Succeeded", "Failed"}
        ]

    def _manage(self, replica_set: Object, pods: list[Object]) -> None:
        excess = len(pods) - replica_set["spec"]["replicas"]
        for _ in range(-excess):
            pod = self._store.create(POD, _pod_of(replica_set), manager=_NAME)
            message = f"Created pod: {name_of(pod)}"
            self._recorder.record(replica_set, "Normal", "SuccessfulCreate", message)
        # Those that are not ready go first, then the younger ones.
        ranked = sorted(pods, key=lambda pod: (is_ready(pod), -int(version_of(pod))))
        for pod in ranked[: max(0, excess)]:
            self._store.delete(POD, key_of(pod), DeleteOptions(uid=uid_of(pod)), manager=_NAME)
            message = f"Deleted pod: {name_of(pod)}"
            self._recorder.record(replica_set, "Normal", "SuccessfulDelete", message)

    def _report(self, replica_set: Object, pods: list[Object]) -> None:
        new = copy(replica_set)
        ready = sum(map(is_ready, pods))
        new["status"] = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "observedGeneration": generation_of(replica_set),
        }
        if ready:
            new["status"].update(readyReplicas=ready, availableReplicas=ready)
        self._store.update(REPLICA_SET, new, subresource="status", manager=_NAME)


def _pod_of(replica_set: Object) -> Object:
    template = copy(replica_set["spec"]["template"])
    owner = {
        "apiVersion": REPLICA_SET.api_version,
        "kind": REPLICA_SET.kind,
        "name": name_of(replica_set),
        "uid": uid_of(replica_set),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "metadata": {
            "generateName": f"{name_of(replica_set)}-",
            "namespace": namespace_of(replica_set),
            "labels": dict(labels_of(template)),
            "annotations": dict(template["metadata"].get("annotations") or {}),
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }
