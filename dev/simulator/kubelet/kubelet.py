"""The kubelet of the one node: a worker for each Pod that is bound to it."""

from dev.simulator.kubelet.node import Node
from dev.simulator.kubelet.pods import PodWorker
from dev.simulator.objects import Object, uid_of
from dev.simulator.resources import POD
from dev.simulator.tables import EventType, WatchEvent


class Kubelet:
    """Watches the Pods of its node."""

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._name = name
        self._workers: dict[str, PodWorker] = {}
        self._addresses = 1
        for pod in node.client.store.select(POD):
            self._changed(WatchEvent(EventType.ADDED, pod, None, 0))
        node.client.watch(POD, node.client.store.version, self._changed)

    def stop(self) -> None:
        """Kill every container as a power failure does; nothing is reported."""
        for worker in self._workers.values():
            worker.vanished()

    def evict(self, pod: Object, message: str, *, pressure: bool = False) -> None:
        """Evict a Pod, as the eviction manager does.

        Args:
            pod: a Pod of this node.
            message: why.
            pressure: whether the node lacks something; else the Pod is beyond a limit of its own.
        """
        self._workers[uid_of(pod)].evict(message, pressure=pressure)

    def _changed(self, event: WatchEvent) -> None:
        pod = event.object
        if pod["spec"].get("nodeName") != self._name:
            return
        uid = uid_of(pod)
        if event.type is EventType.DELETED:
            worker = self._workers.pop(uid, None)
            if worker is not None:
                worker.vanished()
            return
        if uid not in self._workers:
            self._addresses += 1
            address = f"10.244.{self._addresses // 250}.{self._addresses % 250 + 1}"
            self._workers[uid] = PodWorker(self._node, pod, address)
        self._workers[uid].seen(pod)
