"""The objects of one kind, with their history and those who watch it."""

import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from dev.simulator.errors import ApiError
from dev.simulator.objects import Object
from dev.simulator.resources import Key
from dev.simulator.writes import key_of


class EventType(StrEnum):
    """What a watch event says."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """A change of an object.

    Attributes:
        type: what happened.
        object: the object after the change; of a deletion, its last state with the
            resourceVersion of the deletion.
        previous: the object before the change, None for a new one.
        version: the change's resourceVersion.
    """

    type: EventType
    object: Object
    previous: Object | None
    version: int


Watcher = Callable[[WatchEvent], None]


@dataclass
class Table:
    """All objects of a kind, their history and watchers.

    Attributes:
        objects: as they are.
        history: the latest changes, in order.
        compacted: the resourceVersion up to which the history was dropped.
        watchers: called with each change.
    """

    objects: dict[Key, Object] = field(default_factory=dict)
    history: list[WatchEvent] = field(default_factory=list)
    compacted: int = 0
    watchers: list[Watcher] = field(default_factory=list)

    def objects_at(self, version: int) -> list[Object]:
        """Return the objects as of a resourceVersion, by namespace and name.

        Raises:
            ApiError: 410, the history does not go back that far.
        """
        self._check_history(version)
        objects = dict(self.objects)
        for event in reversed(self.history):
            if event.version <= version:
                break
            key = key_of(event.object)
            if event.previous is None:
                objects.pop(key, None)
            else:
                objects[key] = event.previous
        return [objects[key] for key in sorted(objects)]

    def watch(self, watcher: Watcher, since: int | None) -> Callable[[], None]:
        """Call a function with every change, in order, when it happens.

        Args:
            watcher: the function.
            since: changes after this resourceVersion are delivered at once; None means none.

        Returns:
            A function that ends the watch.

        Raises:
            ApiError: 410, the history does not go back that far.
        """
        if since is not None:
            self._check_history(since)
            start = bisect.bisect_right(self.history, since, key=lambda event: event.version)
            for event in self.history[start:]:
                watcher(event)
        self.watchers.append(watcher)

        def stop() -> None:
            if watcher in self.watchers:
                self.watchers.remove(watcher)

        return stop

    def commit(self, kind: EventType, obj: Object, version: int, history_limit: int) -> None:
        """Store a change of an object, and call the watchers with it.

        Args:
            kind: what happens.
            obj: the object after the change.
            version: the change's resourceVersion.
            history_limit: how many changes are kept at most.
        """
        key = key_of(obj)
        event = WatchEvent(kind, obj, self.objects.get(key), version)
        if kind is EventType.DELETED:
            del self.objects[key]
        else:
            self.objects[key] = obj
        self.history.append(event)
        if len(self.history) > history_limit:
            dropped = len(self.history) // 2
            self.compacted = self.history[dropped - 1].version
            del self.history[:dropped]
        for watcher in [*self.watchers]:
            watcher(event)

    def _check_history(self, version: int) -> None:
        if version < self.compacted:
            message = f"too old resource version: {version} ({self.compacted})"
            raise ApiError.expired(message)
