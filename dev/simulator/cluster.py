"""A whole cluster: the composition root of the simulator."""

import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from dev.simulator.client import Client, Interference, Lateness, Network
from dev.simulator.controllers import EVENT_TTL, EventExpiry, GarbageCollector, PodScheduler
from dev.simulator.events import EventRecorder
from dev.simulator.metacontroller.definition import Definition
from dev.simulator.metacontroller.process import Flags, Metacontroller
from dev.simulator.objects import Object
from dev.simulator.replicasets import ReplicaSetController
from dev.simulator.resources import NAMESPACE, Resource
from dev.simulator.scheduling import Clock, RealScheduler, Scheduler
from dev.simulator.store import Store
from dev.simulator.timing import IMMEDIATE, Timing
from dev.simulator.webhooks import Transport

NODE = "node1"


@dataclass
class Conditions:
    """What a run of a cluster depends on, beside the operations of the test.

    Attributes:
        rng: source of uids and other random names.
        timing: delays, with or without a random source of their own.
        interference: faults, or None.
        lateness: how far clients lag behind, or None.
        event_ttl: seconds that Events are kept.
    """

    rng: random.Random
    timing: Timing
    interference: Interference | None = None
    lateness: Lateness | None = None
    event_ttl: float = EVENT_TTL

    @classmethod
    def seeded(cls, seed: int) -> Self:
        """Return random delays and orders, all from one seed: the same seed, the same run."""
        rng = random.Random(seed)
        return cls(rng, Timing(rng))

    @classmethod
    def calm(cls) -> Self:
        """Return the least delays, everything in the order of names."""
        return cls(random.Random(0), Timing())


class Cluster:
    """API server, built-in controllers and, once started, Metacontroller.

    Attributes:
        scheduler: runs everything.
        clock: the true time; the API server's.
        network: between the API server and everyone else.
        rng: source of ids.
        definitions: the DecoratorControllers that Metacontroller starts with.
        metacontroller: the running one, or None.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        clock: Clock,
        resources: Iterable[Resource],
        conditions: Conditions,
    ) -> None:
        self.scheduler = scheduler
        self.clock = clock
        store = Store(clock, conditions.rng, resources)
        self.network = Network(
            store, scheduler, conditions.timing, conditions.interference, conditions.lateness
        )
        self.definitions: list[Definition] = []
        self.metacontroller: Metacontroller | None = None
        self.rng = conditions.rng
        for name in ("default", "kube-system"):
            store.create(NAMESPACE, {"metadata": {"name": name}}, manager="apiserver")
        recorder = EventRecorder(Client(self.network, "kube-scheduler"), clock, "default-scheduler")
        PodScheduler(self.network, NODE, recorder)
        ReplicaSetController(self.network, clock)
        GarbageCollector(self.network)
        EventExpiry(self.network, conditions.event_ttl)

    @property
    def store(self) -> Store:
        """The API server."""
        return self.network.store

    def install(self, manifests: Iterable[Object]) -> None:
        """Install DecoratorControllers; they work from the next start of Metacontroller on.

        Raises:
            ValueError: one uses what the simulator does not model.
        """
        for manifest in manifests:
            uid = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
            self.definitions.append(Definition.read(manifest, uid=uid, created=self.store.now()))

    def start_metacontroller(self, transport: Transport, flags: Flags | None = None) -> None:
        """Start Metacontroller, with its caches empty; one that runs dies first."""
        self.stop_metacontroller()
        self.metacontroller = Metacontroller(
            self.network, self.clock, self.definitions, transport, flags or Flags()
        )

    def stop_metacontroller(self) -> None:
        """Let Metacontroller die, if one runs."""
        if self.metacontroller is not None:
            self.metacontroller.stop()
            self.metacontroller = None


def real_cluster(scheduler: RealScheduler, resources: Iterable[Resource]) -> Cluster:
    """Make a cluster in real time: everything takes as long as it takes."""
    conditions = Conditions(random.SystemRandom(), IMMEDIATE)
    return Cluster(scheduler, Clock(scheduler), resources, conditions)


def load_decorator_controllers(folder: Path) -> list[Object]:
    """Read every DecoratorController among the YAML files of a folder, by file name."""
    found: list[Object] = []
    for path in sorted(folder.glob("*.yaml")):
        documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        found.extend(
            document
            for document in documents
            if document and document.get("kind") == "DecoratorController"
        )
    return found
