"""A client of the API server on another machine: requests and watch events take their time."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from dev.simulator.objects import Object
from dev.simulator.resources import Key, Resource
from dev.simulator.scheduling import Future, Scheduler
from dev.simulator.store import Store
from dev.simulator.tables import Watcher, WatchEvent
from dev.simulator.timing import Delay, Timing, TokenBucket
from dev.simulator.writes import Call, DeleteOptions

T = TypeVar("T")


class Interference(Protocol):
    """Faults between a client and the API server."""

    def before(self, call: Call) -> Exception | None:
        """Return the error that a request gets instead of being executed, or None."""

    def after(self, call: Call) -> Exception | None:
        """Return the error that a request gets though it was executed, or None."""


class Lateness(Protocol):
    """How far a client's view of the API server lags behind, beyond the usual delays."""

    def watch(self, manager: str, resource: Resource) -> float:
        """Return the extra seconds until a client is notified of a change that happens now."""

    def listed(self, manager: str, resource: Resource) -> int | None:
        """Return the older resourceVersion that a list shows; None is the latest.

        An API server answers a list with resourceVersion "0", as client-go's reflector asks for at
        its start, from its watch cache, which may be behind.
        """


@dataclass
class Network:
    """What lies between the machines of a cluster and its API server.

    Attributes:
        store: the API server.
        scheduler: of the whole cluster.
        timing: how long things take.
        interference: faults, or None.
        lateness: how far clients lag behind, or None.
    """

    store: Store
    scheduler: Scheduler
    timing: Timing
    interference: Interference | None = None
    lateness: Lateness | None = None


class Client:
    """Sends requests to the store, each after a delay, and gets each answer after another.

    What was sent is executed even if the sender is gone by then.
    """

    def __init__(self, network: Network, manager: str, limiter: TokenBucket | None = None) -> None:
        self.network = network
        self.store = network.store
        self.scheduler = network.scheduler
        self.timing = network.timing
        self.manager = manager
        self._limiter = limiter

    async def list(self, resource: Resource) -> tuple[list[Object], int]:
        """Return all objects of a kind, and the resourceVersion of the list."""
        call = Call(self.manager, "list", resource)
        return await self._send(call, lambda: _listed(self.network, self.manager, resource))

    async def get(self, resource: Resource, key: Key) -> Object:
        """Return an object.

        Raises:
            ApiError: as Store.get.
        """
        call = Call(self.manager, "get", resource, key=key)
        return await self._send(call, lambda: self.store.get(resource, key))

    async def create(self, resource: Resource, obj: Object) -> Object:
        """Create an object.

        Raises:
            ApiError: as Store.create.
        """
        call = Call(self.manager, "create", resource)
        return await self._send(
            call, lambda: self.store.create(resource, obj, manager=self.manager)
        )

    async def update(self, resource: Resource, obj: Object, subresource: str = "") -> Object:
        """Replace an object or its status.

        Raises:
            ApiError: as Store.update.
        """
        call = Call(self.manager, "update", resource, subresource)
        return await self._send(
            call,
            lambda: self.store.update(resource, obj, subresource=subresource, manager=self.manager),
        )

    async def patch(
        self, resource: Resource, key: Key, patch: Object, subresource: str = ""
    ) -> Object:
        """Change an object or its status by a merge patch.

        Raises:
            ApiError: as Store.patch.
        """
        call = Call(self.manager, "patch", resource, subresource, key)
        return await self._send(
            call,
            lambda: self.store.patch(
                resource, key, patch, subresource=subresource, manager=self.manager
            ),
        )

    async def delete(self, resource: Resource, key: Key, options: DeleteOptions) -> Object:
        """Delete an object.

        Raises:
            ApiError: as Store.delete.
        """
        call = Call(self.manager, "delete", resource, key=key)
        return await self._send(
            call, lambda: self.store.delete(resource, key, options, manager=self.manager)
        )

    async def step(self) -> None:
        """Let the time between two steps of a program pass."""
        await self.pause(self.timing.step)

    async def pause(self, span: Delay) -> None:
        """Let a span of time pass."""
        delay = self.timing.draw(span)
        if delay:
            await self.scheduler.sleep(delay)

    def watch(self, resource: Resource, since: int, deliver: Watcher) -> Callable[[], None]:
        """Get the changes of a kind, in order, each some time after it happened.

        Returns:
            A function that ends the watch; what is under way then is lost.
        """
        alive = True
        latest = self.scheduler.time()
        under_way: deque[WatchEvent] = (
            deque()
        )  # timers due at the same time may fire in either order

        def changed(event: WatchEvent) -> None:
            nonlocal latest
            delay = self.timing.draw(self.timing.watch)
            if self.network.lateness is not None:
                delay += self.network.lateness.watch(self.manager, resource)
            latest = max(latest, self.scheduler.time() + delay)
            under_way.append(event)
            self.scheduler.call_later(latest - self.scheduler.time(), arrived)

        def arrived() -> None:
            event = under_way.popleft()
            if alive:
                deliver(event)

        unsubscribe = self.store.watch(resource, changed, since)

        def stop() -> None:
            nonlocal alive
            alive = False
            unsubscribe()

        return stop

    async def _send(self, call: Call, operation: Callable[[], T]) -> T:
        if self._limiter is not None and (wait := self._limiter.reserve()):
            await self.scheduler.sleep(wait)
        answer: Future[T] = Future(self.scheduler)
        delay = self.timing.draw(self.timing.to_server)
        self.scheduler.call_later(delay, lambda: self._execute(call, operation, answer))
        return await answer

    def _execute(self, call: Call, operation: Callable[[], T], answer: Future[T]) -> None:
        interference = self.network.interference
        try:
            if interference is not None:
                _raise_if(interference.before(call))
            value = operation()
            if interference is not None:
                _raise_if(interference.after(call))
        except Exception as error:  # noqa: BLE001 (any error is raised again where the answer is awaited)
            deliver = partial(answer.fail, error)
        else:
            deliver = partial(answer.resolve, value)
        self.scheduler.call_later(self.timing.draw(self.timing.to_client), deliver)


def _raise_if(fault: Exception | None) -> None:
    if fault is not None:
        raise fault


def _listed(network: Network, manager: str, resource: Resource) -> tuple[list[Object], int]:
    """List a kind as a client gets it: as it is, or as it was."""
    store, lateness = network.store, network.lateness
    version = lateness.listed(manager, resource) if lateness is not None else None
    if version is None:
        return store.select(resource), store.version
    return store.select_at(resource, version), version
