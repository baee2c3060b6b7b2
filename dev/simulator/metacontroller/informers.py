"""Shared informers: Metacontroller's own copy of the API server's objects, a little behind.

Follows pkg/dynamic/informer and client-go's shared informer: a list, then a watch; the cache is
updated first, then the handlers are called, one change after another. A handler that waits delays
the next change, not the cache.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from dev.simulator.client import Client
from dev.simulator.objects import Object, labels_of
from dev.simulator.resources import Key, Resource
from dev.simulator.scheduling import Channel, Task
from dev.simulator.selectors import EVERYTHING, Selector
from dev.simulator.tables import EventType, WatchEvent
from dev.simulator.writes import key_of


class Handler(Protocol):
    """Is called with changes."""

    async def on_add(self, obj: Object) -> None:
        """An object is new to the cache."""

    async def on_update(self, old: Object, new: Object) -> None:
        """An object changed; in a resync both are the same."""

    async def on_delete(self, obj: Object) -> None:
        """An object is gone."""


@dataclass(frozen=True, slots=True)
class _Notification:
    """A change that the handlers have not been called with yet."""

    old: Object | None
    new: Object | None


class Informer:
    """The cache of a kind.

    Attributes:
        resource: the kind.
        synced: whether the first list is in the cache.
    """

    def __init__(self, resource: Resource, client: Client, resync_period: float) -> None:
        self.resource = resource
        self.synced = False
        self._client = client
        self._resync_period = resync_period
        self._objects: dict[str, dict[str, Object]] = {}
        self._handlers: list[tuple[object, Handler]] = []
        self._notifications: Channel[_Notification] = Channel(client.scheduler)
        self._busy = False
        self._stop_watch: Callable[[], None] | None = None
        self._reflector: Task[None] | None = None
        self._tasks: list[Task[None]] = []
        self._periodic: dict[object, list[Task[None]]] = {}

    # The lister

    def get(self, key: Key) -> Object | None:
        """Return an object of the cache."""
        return self._objects.get(key[0], {}).get(key[1])

    def select(self, namespace: str = "", selector: Selector = EVERYTHING) -> list[Object]:
        """List objects of the cache; namespace "" is all of them."""
        return self._client.timing.order(
            obj for obj in self._all(namespace) if selector.matches(labels_of(obj))
        )

    def _all(self, namespace: str = "") -> Iterable[Object]:
        for space in [namespace] if namespace else sorted(self._objects):
            objects = self._objects.get(space, {})
            for name in sorted(objects):
                yield objects[name]

    # Handlers

    async def add_handler(
        self, owner: object, handler: Handler, resync_period: float | None = None
    ) -> None:
        """Add a handler; it is called with all that is in the cache, as in a resync.

        Args:
            owner: whom it is removed with.
            handler: what is called.
            resync_period: seconds between resyncs of this handler alone, if that is more often
                than the informer's own.
        """
        self._handlers.append((owner, handler))
        await self._resync(handler)
        if resync_period is not None and resync_period < self._resync_period:
            task = self._client.scheduler.spawn(self._resync_every(handler, resync_period))
            self._periodic.setdefault(owner, []).append(task)

    def remove_handlers(self, owner: object) -> None:
        """Remove the handlers of an owner."""
        self._handlers = [entry for entry in self._handlers if entry[0] is not owner]
        for task in self._periodic.pop(owner, []):
            task.cancel()

    # The reflector

    def start(self) -> None:
        """List, then watch."""
        spawn = self._client.scheduler.spawn
        self._reflector = spawn(self._list_and_watch())
        self._tasks = [spawn(self._notify_handlers()), spawn(self._resync_all())]

    def stop(self) -> None:
        """End it, as the end of the process does."""
        self._disconnect()
        for task in [*self._tasks, *(task for tasks in self._periodic.values() for task in tasks)]:
            task.cancel()

    def relist(self) -> None:
        """Lose the watch, and what was under way on it, and begin again with a list."""
        self._disconnect()
        self._reflector = self._client.scheduler.spawn(self._list_and_watch())

    @property
    def idle(self) -> bool:
        """Whether the handlers have been called with all that is in the cache."""
        return not self._notifications and not self._busy

    def _disconnect(self) -> None:
        if self._stop_watch is not None:
            self._stop_watch()
            self._stop_watch = None
        if self._reflector is not None:
            self._reflector.cancel()

    async def _list_and_watch(self) -> None:
        objects, version = await self._client.list(self.resource)
        listed = {key_of(obj) for obj in objects}
        for obj in objects:
            self._store(obj)
        for gone in [obj for obj in self._all() if key_of(obj) not in listed]:
            self._drop(gone)
        self.synced = True
        self._stop_watch = self._client.watch(self.resource, version, self._changed)

    def _changed(self, event: WatchEvent) -> None:
        if event.type is EventType.DELETED:
            self._drop(event.object)
        else:
            self._store(event.object)

    def _store(self, obj: Object) -> None:
        namespace, name = key_of(obj)
        space = self._objects.setdefault(namespace, {})
        self._notifications.put(_Notification(space.get(name), obj))
        space[name] = obj

    def _drop(self, obj: Object) -> None:
        namespace, name = key_of(obj)
        self._objects.get(namespace, {}).pop(name, None)
        self._notifications.put(_Notification(obj, None))

    async def _notify_handlers(self) -> None:
        while True:
            change = await self._notifications.get()
            self._busy = True
            await self._client.step()  # the cache is ahead of the handlers
            for _, handler in self._client.timing.order(self._handlers):  # a map in Go
                await _notify(handler, change)
                await self._client.pause(self._client.timing.handler)
            self._busy = False

    async def _resync_all(self) -> None:
        while True:
            await self._client.scheduler.sleep(self._resync_period)
            for obj in self.select():
                self._notifications.put(_Notification(obj, obj))

    async def _resync_every(self, handler: Handler, period: float) -> None:
        while True:
            await self._client.scheduler.sleep(period)
            await self._resync(handler)

    async def _resync(self, handler: Handler) -> None:
        for obj in self.select():
            await handler.on_update(obj, obj)


async def _notify(handler: Handler, change: _Notification) -> None:
    if change.new is None:
        if change.old is not None:
            await handler.on_delete(change.old)
    elif change.old is None:
        await handler.on_add(change.new)
    else:
        await handler.on_update(change.old, change.new)


class InformerFactory:
    """One informer a kind, shared by all controllers of the process."""

    def __init__(self, client: Client, resync_period: float) -> None:
        self._client = client
        self._resync_period = resync_period
        self._informers: dict[Resource, Informer] = {}

    def get(self, resource: Resource) -> Informer:
        """Return the informer of a kind, started if it is new."""
        informer = self._informers.get(resource)
        if informer is None:
            informer = Informer(resource, self._client, self._resync_period)
            self._informers[resource] = informer
            informer.start()
        return informer

    @property
    def all(self) -> list[Informer]:
        """Every informer so far."""
        return [*self._informers.values()]

    def stop(self) -> None:
        """Stop every informer."""
        for informer in self._informers.values():
            informer.stop()
