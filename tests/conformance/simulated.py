"""A scenario in the simulator."""

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from dev.simulator.client import Network
from dev.simulator.controllers import GarbageCollector
from dev.simulator.errors import ApiError
from dev.simulator.metacontroller.definition import Definition
from dev.simulator.metacontroller.process import Flags, Metacontroller
from dev.simulator.objects import Object, copy, name_of
from dev.simulator.resources import NAMESPACE, Key, Resource, from_crd
from dev.simulator.scheduling import Clock, VirtualScheduler
from dev.simulator.store import Store
from dev.simulator.timing import Delay, Timing
from dev.simulator.webhooks import Answer, InProcess
from dev.simulator.writes import DeleteOptions
from tests.conformance.script import (
    BARE,
    RELATED_EVERYTHING,
    WARM,
    Act,
    Adopt,
    Create,
    Json,
    Kind,
    Patch,
    Prompter,
    Restart,
    Scenario,
    controllers,
    subject,
)
from tests.conformance.traces import Entry, HookCall, Written

_FACTORS = (0.02, 0.2, 1.0, 5.0, 20.0)
_GAPS = (0.0, 0.01, 0.05)


class Dice(random.Random):
    """The random source of a run, seeded for each step.

    Attributes:
        pace: how fast each kind of thing goes, beside the others.
        gap: seconds from one act to the next, and to what follows.
    """

    def __init__(self) -> None:
        super().__init__(0)
        self.pace: dict[Delay, float] = {}
        self.gap = 0.0

    def throw(self, step: int, seed: int) -> None:
        """Begin a step; with the seed 0 everything goes at its usual pace."""
        self.seed(f"{step} {seed}")
        self.pace = {delay: self.choice(_FACTORS) if seed else 1.0 for delay in _DELAYS.values()}
        self.gap = self.choice(_GAPS) if seed else _GAPS[1]


_DELAYS = {
    "to_server": Delay(0.0005, 0.0041),  # no two alike, so that each has a pace of its own
    "to_client": Delay(0.0005, 0.0042),
    "watch": Delay(0.0005, 0.0200),
    "to_hook": Delay(0.0005, 0.0043),
    "from_hook": Delay(0.0005, 0.0044),
    "controllers": Delay(0.0100, 0.2000),
    "step": Delay(0.0000, 0.0045),
    "handler": Delay(0.0000, 0.0046),
}


@dataclass(frozen=True)
class Paced(Timing):
    """Delays at the pace of the dice."""

    dice: Dice = field(default_factory=Dice)

    def draw(self, delay: Delay) -> float:
        """Return how long it takes this time, in seconds."""
        span = (delay.most - delay.least) * self.dice.pace.get(delay, 1.0)
        return delay.least + span * self.dice.random()


class AuditedStore(Store):
    """An API server that records Metacontroller's writes with their bodies."""

    record: Callable[[tuple[str, str, str], Object, int, Object], None]

    def create(self, resource: Resource, obj: Object, *, manager: str = "kubectl") -> Object:
        """Store a new object."""
        make = super().create
        return self._record_event(
            ("create", resource, "", name_of(obj)),
            _as_read(resource, obj),
            manager,
            lambda: make(resource, obj, manager=manager),
        )

    def update(
        self, resource: Resource, obj: Object, *, subresource: str = "", manager: str = "kubectl"
    ) -> Object:
        """Replace an object."""
        replace = super().update
        return self._record_event(
            ("update", resource, subresource, name_of(obj)),
            _as_read(resource, obj),
            manager,
            lambda: replace(resource, obj, subresource=subresource, manager=manager),
        )

    def patch(
        self,
        resource: Resource,
        key: Key,
        patch: Object,
        *,
        subresource: str = "",
        manager: str = "kubectl",
    ) -> Object:
        """Change an object."""
        change = super().patch
        return self._record_event(
            ("patch", resource, subresource, key[1]),
            copy(patch),
            manager,
            lambda: change(resource, key, patch, subresource=subresource, manager=manager),
        )

    def delete(
        self,
        resource: Resource,
        key: Key,
        options: DeleteOptions | None = None,
        *,
        manager: str = "kubectl",
    ) -> Object:
        """Delete an object."""
        remove = super().delete
        options = options or DeleteOptions()
        # The simulator's deletions are all in the background, as Metacontroller requests.
        body = {
            "apiVersion": resource.api_version,
            "kind": "DeleteOptions",
            "preconditions": {"uid": options.uid},
            "propagationPolicy": "Background",
        }

        def go() -> Object:
            last = remove(resource, key, options, manager=manager)
            if self.peek(resource, key) is not None:
                return last
            return {"kind": "Status", "status": "Success", "metadata": {}}

        return self._record_event(("delete", resource, "", key[1]), body, manager, go)

    def _record_event(
        self,
        what: tuple[str, Resource, str, str],
        body: Object,
        manager: str,
        write: Callable[[], Object],
    ) -> Object:
        if manager != "metacontroller":
            return write()
        verb, resource, subresource, name = what
        full = f"{resource.plural}/{subresource}" if subresource else resource.plural
        try:
            stored = write()
        except ApiError as error:
            self.record((verb, full, name), body, error.code, error.status())
            raise
        self.record((verb, full, name), body, 201 if verb == "create" else 200, stored)
        return stored


def _as_read(resource: Resource, obj: Object) -> Object:
    """Return an object as the API server reads it, before any rule: it logs that."""
    read: Object = copy(obj)
    metadata = read.pop("metadata")
    for name in ("labels", "annotations"):
        if name in metadata and not metadata[name]:
            del metadata[name]
    if resource.schema is not None:
        resource.schema.prune(read)
        resource.schema.default(read)
    return {**read, "metadata": metadata}


class Simulated:
    """A scenario as it is played in the simulator.

    Args:
        scenario: which.
        crds: the kinds beside Pods, as CustomResourceDefinitions.

    Attributes:
        entries: what Metacontroller did so far.
    """

    def __init__(self, scenario: Scenario, crds: Iterable[Json]) -> None:
        self.entries: list[Entry] = []
        self.scheduler = VirtualScheduler()
        self._scenario, self._step = scenario, -1
        self._prompter = Prompter(scenario)
        self._clock = Clock(self.scheduler, datetime(2026, 11, 23, 1, 38, 50, tzinfo=UTC))
        self._dice = Dice()
        self._dice.throw(-1, 0)
        timing = Paced(self._dice, **_DELAYS, dice=self._dice)
        ids = random.Random(1)
        self.store = AuditedStore(self._clock, ids, [from_crd(crd) for crd in crds])
        self.store.record = self._record_event
        self._network = Network(self.store, self.scheduler, timing)
        for name in ("default", WARM, scenario.namespace, scenario.apart):
            self.store.create(NAMESPACE, {"metadata": {"name": name}})
        GarbageCollector(self._network)
        self._definitions = [
            Definition.read(manifest, uid=f"controller-{number}", created=self.store.now())
            for number, manifest in enumerate(controllers("http://hook.test"))
        ]
        self._transport = InProcess(self.scheduler, timing, self._hook)
        self._metacontroller: Metacontroller | None = None
        self.act(Restart())
        self._warm_up()

    def play(self, seed: int) -> None:
        """Play the next step.

        Args:
            seed: of its delays and orders.
        """
        self._step += 1
        step = self._scenario.steps[self._step]
        self._dice.throw(self._step, seed)
        self._prompter.turn_to(step)
        for act in step.does:
            self.act(act)
            self.scheduler.run_for(self._dice.gap)
        self.scheduler.run_for(step.seconds)

    def act(self, act: Act) -> None:
        """Execute an act."""
        store = self.store
        if isinstance(act, Restart):
            if self._metacontroller is not None:
                self._metacontroller.stop()
            for other in act.meanwhile:
                self.act(other)
            self._metacontroller = Metacontroller(
                self._network, self._clock, self._definitions, self._transport, Flags()
            )
        elif isinstance(act, Create):
            namespace = self._scenario.apart if act.apart else self._scenario.namespace
            store.create(self._find(act.kind), act.manifest(namespace), manager="script")
        elif isinstance(act, Patch):
            store.patch(
                self._find(act.kind),
                self._key(act.kind, act.name),
                act.patch,
                subresource=act.subresource,
                manager="script",
            )
        elif isinstance(act, Adopt):
            owner = store.get(self._find(act.owner_kind), self._key(act.owner_kind, act.owner))
            patch = act.patch(owner["metadata"]["uid"])
            store.patch(
                self._find(act.kind), self._key(act.kind, act.name), patch, manager="script"
            )
        elif store.peek(self._find(act.kind), self._key(act.kind, act.name)) is not None:
            store.delete(self._find(act.kind), self._key(act.kind, act.name), manager="script")

    def _key(self, kind: Kind, name: str) -> Key:
        return (self._scenario.namespace if kind.namespaced else "", name)

    def _warm_up(self) -> None:
        """Have Metacontroller watch all that scenarios relate to, as it does for good."""
        self.scheduler.run_for(1)
        for kind in BARE:
            self.store.create(self._find(kind), Create(kind, "warm", BARE[kind]).manifest(WARM))
        self.scheduler.run_for(1)
        for kind in BARE:
            self.store.delete(self._find(kind), (WARM, "warm"))
        self.scheduler.run_for(1)

    def _find(self, kind: Kind) -> Resource:
        found = self.store.find(kind.api_version, kind.plural)
        assert found is not None, kind
        return found

    def _hook(self, path: str, body: bytes) -> Answer:
        request = json.loads(body)
        metadata, endpoint = subject(request)["metadata"], path.lstrip("/")
        if metadata.get("namespace") == WARM:
            warm = RELATED_EVERYTHING if "parent" in request else {}
            return Answer(200, json.dumps(warm).encode())
        reply = self._prompter.reply(endpoint, metadata["name"])
        after = reply.headers.get("Retry-After", "")
        self.entries.append(
            HookCall(
                self.scheduler.time(),
                self._step,
                endpoint,
                request,
                0 if reply.cut else reply.status,
                float(after) if after.isdecimal() else 0.0,
            )
        )
        gap = self._dice.gap
        for number, act in enumerate(reply.meanwhile):
            self.scheduler.call_later(number * gap, partial(self.act, act))
        if reply.cut:
            message = "EOF"
            raise ConnectionError(message)
        headers = {name.lower(): value for name, value in reply.headers.items()}
        delay = reply.delay + len(reply.meanwhile) * gap
        return Answer(reply.status, reply.content, headers, delay)

    def _record_event(
        self, what: tuple[str, str, str], body: Object, code: int, answer: Object
    ) -> None:
        if self._step >= 0:
            time = self.scheduler.time()
            self.entries.append(Written(time, self._step, *what, body, code, answer))


def simulate(scenario: Scenario, crds: Sequence[Json], seeds: Sequence[int]) -> list[Entry]:
    """Play the first steps of a scenario.

    Args:
        scenario: which.
        crds: the kinds beside Pods.
        seeds: one for each step that is played.

    Returns:
        What Metacontroller did.
    """
    simulated = Simulated(scenario, crds)
    for seed in seeds:
        simulated.play(seed)
    return simulated.entries
