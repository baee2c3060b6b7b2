"""The API server's store: versions, optimistic concurrency, subresources, deletion, watches.

Follows k8s.io/apiserver/pkg/registry/generic/registry/store.go and rest/delete.go. managedFields
have their entries (who, which subresource, when) and not the fields in them, since it is the
entries that make Metacontroller's second PUT a change (see `managed_fields`).
"""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from dev.simulator.disruptions import Health, check, health_of, ignores_budgets, matches
from dev.simulator.errors import ApiError
from dev.simulator.managed_fields import record_manager, without_managers
from dev.simulator.objects import (
    Object,
    adds,
    copy,
    generation_of,
    identical,
    is_terminating,
    labels_of,
    parse_timestamp,
    timestamp,
)
from dev.simulator.resources import (
    BUILT_IN,
    NAMESPACE,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    Key,
    Resource,
)
from dev.simulator.scheduling import Clock
from dev.simulator.selectors import EVERYTHING, Selector
from dev.simulator.strategies import grace_period, normalise, prepare_create, prepare_update
from dev.simulator.tables import EventType, Table, Watcher
from dev.simulator.writes import (
    AuditEntry,
    Call,
    DeleteOptions,
    check_preconditions,
    check_type,
    check_version,
    key_of,
    merge_patch,
)

_SYSTEM_METADATA = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "namespace",
    "name",
    "selfLink",
)
_MAX_GENERATED = 58  # of a name, before its five random characters (storage/names/generate.go)
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # of generateName: no vowels, so no words


class Store:
    """The objects of a cluster, behind the rules of its API server.

    Every method takes effect at once. Objects that are handed out must not be changed.

    Attributes:
        audit: every requested write, in order.
    """

    def __init__(
        self,
        clock: Clock,
        rng: random.Random,
        resources: Iterable[Resource] = (),
        *,
        history_limit: int = 100_000,
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._version = 0
        self._history_limit = history_limit
        self._tables: dict[Resource, Table] = {}
        self._names: dict[tuple[str, str], Resource] = {}
        self._kinds: dict[tuple[str, str], Resource] = {}
        self.audit: list[AuditEntry] = []
        for resource in (*BUILT_IN, *resources):
            self.serve(resource)

    # Kinds

    @property
    def resources(self) -> list[Resource]:
        """All kinds that are served."""
        return [*self._tables]

    def serve(self, resource: Resource) -> None:
        """Serve one more kind."""
        self._tables[resource] = Table()
        self._names[resource.api_version, resource.plural] = resource
        self._kinds[resource.api_version, resource.kind] = resource

    def find(self, api_version: str, plural: str) -> Resource | None:
        """Look a kind up by its name in URLs."""
        return self._names.get((api_version, plural))

    def find_kind(self, api_version: str, kind: str) -> Resource | None:
        """Look a kind up by its name in manifests."""
        return self._kinds.get((api_version, kind))

    # Reading

    @property
    def version(self) -> int:
        """The resourceVersion of the latest change of anything."""
        return self._version

    def now(self) -> str:
        """Return the API server's time, RFC 3339."""
        return timestamp(self._clock.now())

    def get(self, resource: Resource, key: Key) -> Object:
        """Return an object.

        Raises:
            ApiError: 404.
        """
        obj = self._tables[resource].objects.get(key)
        if obj is None:
            raise ApiError.not_found(resource.group, resource.plural, key[1])
        return obj

    def peek(self, resource: Resource, key: Key) -> Object | None:
        """Return an object, or None if there is none."""
        return self._tables[resource].objects.get(key)

    def select(
        self, resource: Resource, namespace: str = "", selector: Selector = EVERYTHING
    ) -> list[Object]:
        """List the objects of a kind.

        Args:
            resource: the kind.
            namespace: only those in it; "" is all.
            selector: only those whose labels match.

        Returns:
            The objects, by namespace and name.
        """
        objects = self._tables[resource].objects
        return [
            objects[key]
            for key in sorted(objects)
            if (not namespace or key[0] == namespace) and selector.matches(labels_of(objects[key]))
        ]

    def select_at(self, resource: Resource, version: int) -> list[Object]:
        """List the objects of a kind as they were.

        Args:
            resource: the kind.
            version: the resourceVersion as of which to list.

        Returns:
            The objects, by namespace and name.

        Raises:
            ApiError: 410, the history does not go back that far.
        """
        return self._tables[resource].objects_at(version)

    def watch(
        self, resource: Resource, watcher: Watcher, since: int | None = None
    ) -> Callable[[], None]:
        """Call a function with every change of a kind, in order, when it happens.

        Args:
            resource: the kind.
            watcher: called with each change.
            since: changes after this resourceVersion are delivered at once; None means none.

        Returns:
            A function that ends the watch.

        Raises:
            ApiError: 410, the history does not go back that far.
        """
        return self._tables[resource].watch(watcher, since)

    # Writing

    def create(self, resource: Resource, obj: Object, *, manager: str = "kubectl") -> Object:
        """Store a new object.

        Args:
            resource: its kind.
            obj: the object, with a name or generateName, and with a namespace if its kind has them.
            manager: the caller, for managedFields and the audit log.

        Raises:
            ApiError: 404 (no such namespace), 409 (exists), 422, or 400.
        """
        with self._audited(Call(manager, "create", resource)) as call:
            new: Object = normalise(obj)
            check_type(resource, new)
            metadata = new["metadata"]
            if not metadata.get("name") and metadata.get("generateName"):
                suffix = "".join(self._rng.choices(_SUFFIX_ALPHABET, k=5))
                metadata["name"] = metadata["generateName"][:_MAX_GENERATED] + suffix
            if not resource.namespaced:
                metadata.pop("namespace", None)
            key = call.key = key_of(new)
            if resource.namespaced and self.peek(NAMESPACE, ("", key[0])) is None:
                raise ApiError.not_found(NAMESPACE.group, NAMESPACE.plural, key[0])
            if key in self._tables[resource].objects:
                raise ApiError.already_exists(resource.group, resource.plural, key[1])
            for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"):
                metadata.pop(name, None)
            metadata["uid"] = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
            metadata["creationTimestamp"] = self.now()
            _drop_empty(metadata)
            prepare_create(resource, new)
            record_manager(new, call, self.now())
            self._commit(resource, EventType.ADDED, new)
            return new

    def update(
        self, resource: Resource, obj: Object, *, subresource: str = "", manager: str = "kubectl"
    ) -> Object:
        """Replace an object, or its status.

        An update that changes nothing succeeds, raises no resourceVersion and causes no event.

        Args:
            resource: its kind.
            obj: the whole object. With a resourceVersion it must be the stored one; without, Pods
                and other built-in kinds are overwritten and custom resources refused.
            subresource: "" or "status".
            manager: the caller.

        Raises:
            ApiError: 404, 409, 422 or 400.
        """
        with self._audited(Call(manager, "update", resource, subresource)) as call:
            new: Object = normalise(obj)
            check_type(resource, new)
            call.key = key_of(new)
            return self._replace(call, new)

    def patch(
        self,
        resource: Resource,
        key: Key,
        patch: Object,
        *,
        subresource: str = "",
        manager: str = "kubectl",
    ) -> Object:
        """Change an object, or its status, by a JSON merge patch (RFC 7386).

        Raises:
            ApiError: 404, 409 (the patch names another uid or resourceVersion), 422 or 400.
        """
        with self._audited(Call(manager, "patch", resource, subresource, key)) as call:
            new = merge_patch(copy(self.get(resource, key)), normalise(patch))
            check_type(resource, new)
            if key_of(new) != key:
                message = "the name of the object does not match the name on the URL"
                raise ApiError.bad_request(message)
            return self._replace(call, new)

    def bind(self, pod: Object, node: str) -> Object:
        """Put a Pod on a node, as POST pods/NAME/binding does: no new generation.

        Raises:
            ApiError: 404, the Pod is gone; 409, it is on a node already.
        """
        with self._audited(Call("scheduler", "create", POD, "binding", key_of(pod))) as call:
            old = self.get(POD, call.key)
            if old["spec"].get("nodeName"):
                why = f'pod {call.key[1]} is already assigned to node "{old["spec"]["nodeName"]}"'
                raise ApiError.conflict(POD.group, f"{POD.plural}/binding", call.key[1], why)
            new: Object = copy(old)
            new["spec"]["nodeName"] = node
            new["status"]["conditions"] = [
                {
                    "type": "PodScheduled",
                    "status": "True",
                    "lastProbeTime": None,
                    "lastTransitionTime": self.now(),
                }
            ]
            self._commit(POD, EventType.MODIFIED, new)
            return new

    def delete(
        self,
        resource: Resource,
        key: Key,
        options: DeleteOptions | None = None,
        *,
        manager: str = "kubectl",
    ) -> Object:
        """Delete an object, or begin to.

        A Pod on a node becomes terminating and is gone when the kubelet deletes it with a grace of
        0; an object with finalizers becomes terminating and is gone when they are.

        Args:
            resource: its kind.
            key: its namespace and name.
            options: preconditions and grace.
            manager: the caller.

        Returns:
            The object as it is now, or was last.

        Raises:
            ApiError: 404, 409, or 405 for a namespace.
        """
        options = options or DeleteOptions()
        with self._audited(Call(manager, "delete", resource, "", key)):
            if resource is NAMESPACE:
                # It would need the namespace controller, which empties it first.
                message = "the simulator does not delete namespaces"
                raise ApiError.method_not_allowed(message)
            old = self.get(resource, key)
            check_preconditions(resource, old, options)
            if is_terminating(old):
                return self._hasten(resource, old, options)
            return self._begin_deletion(resource, old, options)

    def evict(
        self, key: Key, options: DeleteOptions | None = None, *, manager: str = "kubectl"
    ) -> None:
        """Delete a Pod, as POST pods/NAME/eviction does, if PodDisruptionBudgets allow it.

        Args:
            key: its namespace and name.
            options: preconditions and grace.
            manager: the caller.

        Raises:
            ApiError: 404; 429 where a budget does not allow it, before any precondition is looked
                at; 409; 500 where several budgets select it.
        """
        options = options or DeleteOptions()
        with self._audited(Call(manager, "create", POD, "eviction", key)):
            old = self.get(POD, key)
            if not ignores_budgets(old):
                budgets = [
                    budget
                    for budget in self.select(POD_DISRUPTION_BUDGET, key[0])
                    if matches(budget, old)
                ]
                check(old, budgets, self._health)
            check_preconditions(POD, old, options)
            new: Object = copy(old)
            conditions = new["status"].setdefault("conditions", [])
            if not any(one["type"] == "DisruptionTarget" for one in conditions):
                conditions.append(
                    {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "EvictionByEvictionAPI",
                        "message": "Eviction API: evicting",
                        "lastProbeTime": None,
                        "lastTransitionTime": self.now(),
                    }
                )
                self._commit(POD, EventType.MODIFIED, new)
            if is_terminating(new):
                self._hasten(POD, new, options)
            else:
                self._begin_deletion(POD, new, options)

    def _health(self, budget: Object) -> Health:
        pods = [
            pod for pod in self.select(POD, budget["metadata"]["namespace"]) if matches(budget, pod)
        ]
        return health_of(budget, pods, self._scale_of)

    def _scale_of(self, owner: Object) -> int | None:
        found = self.peek(REPLICA_SET, (owner["namespace"], owner["name"]))
        if found is None or found["metadata"]["uid"] != owner["uid"]:
            return None
        return int(found["spec"]["replicas"])

    def _begin_deletion(self, resource: Resource, old: Object, options: DeleteOptions) -> Object:
        period = grace_period(resource, old, options.grace)
        finalizers = old["metadata"].get("finalizers")
        if period is None and not finalizers:
            return self._remove(resource, old)
        new: Object = copy(old)
        _set_deletion(new, self._clock.now() + timedelta(seconds=period or 0), period or 0)
        if generation_of(old):
            new["metadata"]["generation"] = generation_of(old) + 1
        self._commit(resource, EventType.MODIFIED, new)
        return new if period or finalizers else self._remove(resource, new)

    def _hasten(self, resource: Resource, old: Object, options: DeleteOptions) -> Object:
        """Shorten the grace of an object that is terminating already, perhaps to its end."""
        grace = old["metadata"].get("deletionGracePeriodSeconds") or 0
        if grace and (options.grace is None or options.grace >= grace):
            return old
        current = old
        if grace and options.grace is not None:
            current = copy(old)
            start = parse_timestamp(old["metadata"]["deletionTimestamp"])
            end = start + timedelta(seconds=options.grace - grace)
            _set_deletion(current, max(end, self._clock.now()), options.grace)
            self._commit(resource, EventType.MODIFIED, current)
        if options.grace or old["metadata"].get("finalizers"):
            return current
        return self._remove(resource, current)

    def _replace(self, call: Call, new: Object) -> Object:
        resource, subresource = call.resource, call.subresource
        if subresource and not (subresource == "status" and resource.has_status):
            raise ApiError.no_such_path()
        old = self.get(resource, call.key)
        check_version(resource, new, old)
        metadata = new["metadata"]
        for name in _SYSTEM_METADATA:
            metadata.pop(name, None)
            if name in old["metadata"]:
                metadata[name] = old["metadata"][name]
        if not metadata.get("managedFields") and "managedFields" in old["metadata"]:
            metadata["managedFields"] = old["metadata"]["managedFields"]
        _drop_empty(metadata)
        prepare_update(resource, new, old, subresource)
        if adds(without_managers(new), without_managers(old)):
            record_manager(new, call, self.now())
        if identical(new, old):
            return old
        if is_terminating(new) and not (
            metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
        ):
            # The last finalizer goes with the object, which is not stored without it before.
            return self._remove(resource, old)
        self._commit(resource, EventType.MODIFIED, new)
        return new

    def _remove(self, resource: Resource, obj: Object) -> Object:
        last: Object = copy(obj)
        self._commit(resource, EventType.DELETED, last)
        return last

    def _commit(self, resource: Resource, kind: EventType, obj: Object) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        self._tables[resource].commit(kind, obj, self._version, self._history_limit)

    @contextmanager
    def _audited(self, call: Call) -> Iterator[Call]:
        before = self._version
        code = 201 if call.verb == "create" else 200
        try:
            yield call
        except ApiError as error:
            code = error.code
            raise
        finally:
            version = self._version if self._version > before else None
            self.audit.append(AuditEntry(self.now(), call, code, version))


def _set_deletion(obj: Object, when: datetime, grace: int) -> None:
    obj["metadata"]["deletionTimestamp"] = timestamp(when)
    obj["metadata"]["deletionGracePeriodSeconds"] = grace


def _drop_empty(metadata: Object) -> None:
    """Drop what the API server does not write when it is empty."""
    for name in ("labels", "annotations", "ownerReferences", "finalizers", "managedFields"):
        if name in metadata and not metadata[name]:
            del metadata[name]
