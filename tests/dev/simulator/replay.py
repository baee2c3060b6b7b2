"""Replay the recorded scenario of the real Metacontroller in the simulator.

Where several workers run at once the recorded order is one of many. All random draws of the
simulator are therefore given: for each step those with which it takes the recorded order
(recordings/draws.json; find_draws searches them).
"""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from dev.simulator.cluster import Cluster, Conditions
from dev.simulator.objects import Object, copy
from dev.simulator.resources import NAMESPACE, POD, Resource
from dev.simulator.scheduling import Clock, VirtualScheduler
from dev.simulator.schemas import Schema
from dev.simulator.timing import Delay, Timing
from dev.simulator.webhooks import Answer, InProcess
from dev.simulator.writes import DeleteOptions
from tests.dev.simulator.recorded import RECORDINGS, Exchange, comparable, trial_hook

T = TypeVar("T")
DRAWS = RECORDINGS / "draws.json"
STEP = 1.0  # virtual seconds from one step to the next, as there
GROUP = "diagnostics.local.io"
OPEN = Schema.read({"type": "object", "x-kubernetes-preserve-unknown-fields": True})
DIAGNOSER = Resource(GROUP, "v1", "poddiagnosers", "PodDiagnoser", has_status=True, schema=OPEN)
TARGET = Resource(GROUP, "v1", "diagnosistargets", "DiagnosisTarget", schema=OPEN)


Draws = Mapping[str, Sequence[float]]
"""Draws between 0 and 1, for each kind of delay and for the order of sets."""


class Tape(random.Random):
    """Recorded randomness: the given draws, then those of a seed.

    Each kind of delay has a tape of its own, so that a change of one draw leaves the others where
    they are.

    Attributes:
        used: the values that were taken since draws were loaded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.used: dict[str, list[float]] = {}
        self.kind = ""
        self._draws: Draws = {}
        self._rest = random.Random(0)

    def load(self, draws: Draws, seed: float = 0) -> None:
        """Take these values next, and then those of the seed."""
        self.used = {}
        self._draws = draws
        self._rest.seed(seed)

    def random(self) -> float:
        """Return the next value; all other methods of random.Random are based on this one."""
        values, used = self._draws.get(self.kind, ()), self.used.setdefault(self.kind, [])
        value = values[len(used)] if len(used) < len(values) else round(self._rest.random(), 3)
        used.append(value)
        return value


@dataclass(frozen=True)
class TapedTiming(Timing):
    """Timing from a tape; its rng is a Tape."""

    def draw(self, delay: Delay) -> float:
        """Return how long it takes this time, in seconds."""
        self._choose(f"{delay.least}-{delay.most}")
        return super().draw(delay)

    def order(self, items: Iterable[T]) -> list[T]:
        """Return items in an order of the tape."""
        self._choose("order")
        return super().order(items)

    def _choose(self, kind: str) -> None:
        if isinstance(self.rng, Tape):
            self.rng.kind = kind


class Replay:
    """The recorded scenario, replayed in the simulator."""

    def __init__(self, recorded: list[Exchange]) -> None:
        self.recorded = recorded
        self.exchanges: list[Exchange] = []
        self.step = ""
        self.on_request: Callable[[], None] | None = None
        self.scheduler = VirtualScheduler()
        clock = Clock(self.scheduler, datetime(2026, 11, 23, 1, 38, 50, tzinfo=UTC))
        self.tape = Tape()
        timing = TapedTiming(
            self.tape,
            to_server=Delay(0.0005, 0.004),
            to_client=Delay(0.0001, 0.001),
            watch=Delay(0.0002, 0.005),
            to_hook=Delay(0.0002, 0.002),
            from_hook=Delay(0.0002, 0.0021),
            step=Delay(0.0, 0.004),
        )
        ids = random.Random(1)
        self.cluster = Cluster(self.scheduler, clock, [DIAGNOSER, TARGET], Conditions(ids, timing))
        controllers = {one.request["controller"]["metadata"]["name"]: one for one in recorded}
        self.cluster.install(one.request["controller"] for one in controllers.values())
        self.store = self.cluster.store
        self.store.create(NAMESPACE, {"metadata": {"name": "shop"}})
        self.cluster.start_metacontroller(InProcess(self.scheduler, timing, self._hook))
        self.scheduler.run_for(STEP)

    def play(self, step: str, draws: Draws, seed: float = 0) -> None:
        """Play one step of the scenario, with these draws."""
        self.step = step
        self.tape.load(draws, seed)
        STEPS[step](self)
        self.scheduler.run_for(STEP)

    def sent(self) -> list[dict[str, Any]]:
        """Return what was sent since the start, in comparable form."""
        return comparable(self.exchanges)

    def _hook(self, path: str, body: bytes) -> Answer:
        request = json.loads(body)
        response = trial_hook(path, request)
        self.exchanges.append(Exchange(self.step, path, request, response))
        if self.on_request is not None:
            self.on_request()
        return Answer(200, json.dumps(response).encode())

    # The steps

    def diagnoser(self, name: str) -> None:
        """Create a PodDiagnoser as it was created there."""
        self.store.create(DIAGNOSER, _new(self._first("parent", name)), manager="python-requests")

    def enable(self, name: str, *, value: bool) -> None:
        """Change spec.enableAnnotations of a PodDiagnoser."""
        diagnoser = copy(self.store.get(DIAGNOSER, ("shop", name)))
        diagnoser["spec"]["enableAnnotations"] = value
        self.store.update(DIAGNOSER, diagnoser, manager="python-requests")

    def pod(self, name: str) -> None:
        """Create a Pod as it was created there."""
        self.store.create(POD, _new(self._first("parent", name)), manager="python-requests")

    def report(self, name: str, index: int) -> None:
        """Report the status of the Pod that the recorded sync of that index shows."""
        shown = [
            one.request["object"]
            for one in self.recorded
            if one.path == "/pods/sync" and one.request["object"]["metadata"]["name"] == name
        ]
        pod = copy(self.store.get(POD, ("shop", name)))
        pod["status"] = shown[index]["status"]
        self.store.update(POD, pod, subresource="status", manager="python-requests")

    def crash_new(self, name: str) -> None:
        """Create a Pod and report its crash some milliseconds later."""
        self.pod(name)
        self.scheduler.run_for(0.05)
        self.report(name, 1)

    def remove(self, resource: Resource, name: str, grace: int | None = None) -> None:
        """Delete an object."""
        self.store.delete(resource, ("shop", name), DeleteOptions(grace=grace))

    def _first(self, key: str, name: str) -> Object:
        return next(
            one.request[key]
            for one in self.recorded
            if key in one.request and one.request[key]["metadata"]["name"] == name
        )


def _new(seen: Object) -> Object:
    metadata = {
        key: value
        for key, value in seen["metadata"].items()
        if key in {"name", "namespace", "labels"}
    }
    return {**{key: value for key, value in seen.items() if key != "status"}, "metadata": metadata}


STEPS: dict[str, Callable[[Replay], None]] = {
    "create fragileapp-diagnoser": lambda replay: replay.diagnoser("fragileapp-diagnoser"),
    "create fragile-app-1": lambda replay: replay.pod("fragile-app-1"),
    "run fragile-app-1": lambda replay: replay.report("fragile-app-1", 1),
    "restart fragile-app-1": lambda replay: replay.report("fragile-app-1", 2),
    "write the same status again": lambda replay: replay.report("fragile-app-1", 2),
    "crash other-1": lambda replay: replay.crash_new("other-1"),
    "create everything": lambda replay: replay.diagnoser("everything"),
    "crash fragile-app-2": lambda replay: replay.crash_new("fragile-app-2"),
    "disable fragileapp-diagnoser": lambda replay: replay.enable(
        "fragileapp-diagnoser", value=False
    ),
    "delete everything": lambda replay: replay.remove(DIAGNOSER, "everything"),
    "enable fragileapp-diagnoser": lambda replay: replay.enable("fragileapp-diagnoser", value=True),
    "delete fragile-app-1": lambda replay: replay.remove(POD, "fragile-app-1"),
    "remove fragile-app-1": lambda replay: replay.remove(POD, "fragile-app-1", grace=0),
}
