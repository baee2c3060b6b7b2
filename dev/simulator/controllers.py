"""The built-in controllers that the operator's behaviour rests on, each with a delay of its own.

The scheduler binds Pods to the one node; the garbage collector deletes what its owners left; Events
expire. ReplicaSets are in `replicasets`, PodDisruptionBudgets in `disruptions`; the
namespace controller is not modelled.
"""

from collections.abc import Callable

from dev.simulator.client import Network
from dev.simulator.errors import ApiError
from dev.simulator.events import EventRecorder
from dev.simulator.objects import (
    Object,
    copy,
    is_terminating,
    namespace_of,
    owners_of,
    qualified_name,
    uid_of,
)
from dev.simulator.resources import EVENT, POD, Key, Resource
from dev.simulator.tables import EventType, WatchEvent
from dev.simulator.writes import DeleteOptions, key_of

EVENT_TTL = 3600.0
"""Seconds that an Event is kept: kube-apiserver's --event-ttl."""


class PodScheduler:
    """Puts every Pod without a node on the only one there is."""

    def __init__(self, network: Network, node: str, recorder: EventRecorder) -> None:
        self._network = network
        self._node = node
        self._recorder = recorder
        network.store.watch(POD, self._changed)

    def _changed(self, event: WatchEvent) -> None:
        pod = event.object
        if event.type is EventType.ADDED and not pod["spec"].get("nodeName"):
            delay = self._network.timing.draw(self._network.timing.controllers)
            self._network.scheduler.call_later(delay, lambda: self._bind(pod))

    def _bind(self, pod: Object) -> None:
        current = self._network.store.peek(POD, key_of(pod))
        if current is None or uid_of(current) != uid_of(pod) or is_terminating(current):
            return
        self._network.store.bind(current, self._node)
        message = f"Successfully assigned {qualified_name(pod)} to {self._node}"
        self._recorder.record(pod, "Normal", "Scheduled", message)


class GarbageCollector:
    """Deletes objects whose owners are all gone (kube-controller-manager's garbagecollector).

    Deletion is always in the background, and owners that do not block: no foreground deletion, no
    orphaning.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._dependents: dict[str, dict[tuple[Resource, Key], None]] = {}
        for resource in network.store.resources:
            network.store.watch(resource, self._watcher(resource))

    def _watcher(self, resource: Resource) -> Callable[[WatchEvent], None]:
        def changed(event: WatchEvent) -> None:
            dependent = (resource, key_of(event.object))
            if event.type is EventType.DELETED:
                for owner in owners_of(event.object):
                    self._dependents.get(owner["uid"], {}).pop(dependent, None)
                for orphan in self._dependents.pop(uid_of(event.object), {}):
                    self._later(orphan)
            elif owners_of(event.object):
                for owner in owners_of(event.object):
                    self._dependents.setdefault(owner["uid"], {})[dependent] = None
                if self._absent(event.object):
                    self._later(dependent)

        return changed

    def _later(self, dependent: tuple[Resource, Key]) -> None:
        delay = self._network.timing.draw(self._network.timing.controllers)
        self._network.scheduler.call_later(delay, lambda: self._attempt(*dependent))

    def _attempt(self, resource: Resource, key: Key) -> None:
        store = self._network.store
        obj = store.peek(resource, key)
        if obj is None or not owners_of(obj) or is_terminating(obj):
            return
        absent = self._absent(obj)
        if not absent:
            return
        try:
            if len(absent) == len(owners_of(obj)):
                store.delete(resource, key, DeleteOptions(uid=uid_of(obj)), manager="gc")
            else:
                new = copy(obj)
                new["metadata"]["ownerReferences"] = [
                    owner for owner in owners_of(obj) if owner["uid"] not in absent
                ]
                store.update(resource, new, manager="gc")
        except ApiError:
            return  # it changed; its event brings it here again

    def _absent(self, obj: Object) -> set[str]:
        """Return the uids of the owners that no longer exist."""
        absent = set()
        for owner in owners_of(obj):
            resource = self._network.store.find_kind(owner["apiVersion"], owner["kind"])
            if resource is None:
                continue  # an owner of an unknown kind may exist
            namespace = namespace_of(obj) if resource.namespaced else ""
            found = self._network.store.peek(resource, (namespace, owner["name"]))
            if found is None or uid_of(found) != owner["uid"]:
                absent.add(owner["uid"])
        return absent


class EventExpiry:
    """Removes Events after their time to live, counted from their last change."""

    def __init__(self, network: Network, seconds: float = EVENT_TTL) -> None:
        self._network = network
        self._seconds = seconds
        network.store.watch(EVENT, self._changed)

    def _changed(self, event: WatchEvent) -> None:
        if event.type is EventType.DELETED:
            return
        version = event.object["metadata"]["resourceVersion"]
        key = key_of(event.object)
        self._network.scheduler.call_later(self._seconds, lambda: self._expire(key, version))

    def _expire(self, key: Key, version: str) -> None:
        current = self._network.store.peek(EVENT, key)
        if current is not None and current["metadata"]["resourceVersion"] == version:
            self._network.store.delete(EVENT, key, manager="apiserver")
