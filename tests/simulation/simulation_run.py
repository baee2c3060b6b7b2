"""Simulation runs: what happens to a cluster and when, all of it drawn from one seed.

A simulation run is data. Its operations are drawn beforehand and refer to objects by numbers, so
that any operation can be left out and the rest still has a meaning: that is how a failing run is
shrunk.
"""

import random
from dataclasses import dataclass, replace
from typing import Self

WAITS = {
    "hasty": (0.0, 0.0, 0.002, 0.005, 0.01, 0.03, 0.1, 0.3),
    "brisk": (0.0, 0.005, 0.02, 0.1, 0.3, 1.0, 2.0, 5.0),
    "mixed": (0.0, 0.01, 0.1, 0.5, 1.0, 3.0, 11.0, 16.0, 31.0, 65.0),
    "patient": (0.01, 1.0, 5.0, 16.0, 65.0, 130.0, 310.0, 610.0),
    "slow": (0.1, 5.0, 65.0, 130.0, 610.0, 1300.0, 1900.0, 3700.0),
}
"""Seconds between operations."""

USUAL = {
    "crash": 12,
    "crash_all": 3,
    "edit_diagnoser": 4,
    "edit_pod": 3,
    "rest": 2,
}
"""Operations that every run may have, with their weights."""

UNUSUAL = {
    "create_pod": 2,
    "delete_pod": 2,
    "replace_pod": 4,
    "create_diagnoser": 2,
    "delete_diagnoser": 2,
    "swap_diagnoser": 2,
    "budget": 2,
    "kill_hook": 3,
    "fail_call": 5,
    "fail_deletion": 5,
    "ambush_plan": 6,
    "ambush_read": 3,
    "fail_answer": 4,
    "fail_write": 4,
    "repeat_request": 3,
    "stall": 4,
    "relist": 2,
    "restart_metacontroller": 2,
    "stop_metacontroller": 1,
    "set_hook_clock": 2,
    "set_node_clock": 2,
    "expire_events": 1,
    "outage": 1,
    "cut_bodies": 1,
}
"""Operations of which each run has some (swarm testing, Groce et al., ISSTA 2012)."""

TROUBLE = {
    "burden": 3,
    "delete_target": 2,
    "edit_target": 4,
    "forge_target": 3,
    "contend": 4,
    "ambush_labels": 4,
}
"""Operations of every sixth run: small replicas of what a large cluster is full of. One namespace
needs much time; others write our DiagnosisTargets, our annotations and the labels of Pods."""

_SIXTH, _WHICH = 6, 4

AMBUSHES = ("ambush_plan", "ambush_plan", "ambush_plan", "ambush_read", "fail_deletion")

MOST = 1000

MANY, LONG = 150, 60.0
"""Pods, and seconds without the hook."""

SOON = 15.0
"""Seconds after the end of an outage within which all is as it should be."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that happens.

    Attributes:
        wait: seconds of virtual time before it.
        name: the method of `FaultyCluster` that performs it.
        args: numbers by which it chooses among the objects that exist.
    """

    wait: float
    name: str
    args: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run depends on beside its operations.

    Attributes:
        replicas: processes of the hook.
        workers: of each of Metacontroller's controllers.
        resync: seconds between the periodic syncs of a PodDiagnoser and its DiagnosisTarget; None
            leaves the periods of the manifests.
        flush: seconds between Metacontroller's resyncs of all caches.
        event_ttl: seconds that Events are kept; one Event per crash needs more than 30 minutes.
        pods: replicas of the first ReplicaSet.
        to_the_end: whether the run goes on until everything that depends on time is over.
        slow: whether the network is slow.
        action: what the first PodDiagnoser asks for; None is drawn.
        namespaces: in how many of them there are Pods and PodDiagnosers, of the same names.
        containers: how many a Pod may have.
        filters: whether PodDiagnosers have `ignore` and `thresholds`.
        reason: whether output is read for the reason that it gives.
    """

    replicas: int = 2
    workers: int = 3
    resync: float | None = 60.0
    flush: float = 600.0
    event_ttl: float = 3600.0
    pods: int = 2
    to_the_end: bool = False
    slow: bool = False
    action: str | None = None
    namespaces: int = 1
    containers: int = 1
    filters: bool = False
    reason: bool = False


@dataclass(frozen=True, slots=True)
class SimulationRun:
    """A run of a cluster.

    Attributes:
        seed: of what is drawn while it runs: delays, orders, ids.
        setting: what it depends on.
        operations: what happens.
    """

    seed: int
    setting: Setting
    operations: tuple[Operation, ...]

    @classmethod
    def drawn(cls, seed: int) -> Self:
        """Draw a run from a seed."""
        rng = random.Random(seed)
        if seed % 50 == 17:
            return cls(seed, *_outage(rng))
        storm = seed % 2000 == 999
        to_the_end = seed % 12 == 7 and not storm
        setting = Setting(
            replicas=rng.choice((1, 2, 2, 3)),
            workers=rng.choice((1, 2, 4)),
            resync=1800.0 if to_the_end else rng.choice((60.0, 300.0, 600.0, 600.0)),
            flush=1800.0 if to_the_end else rng.choice((600.0, 1200.0)),
            event_ttl=rng.choice((1860.0, 3600.0)),
            pods=rng.randint(200, 250) if storm else rng.choice((1, 2, 2, 3)),
            to_the_end=to_the_end,
            slow=rng.random() < 0.2,
            namespaces=rng.choice((1, 1, 2)),
            containers=rng.choice((1, 1, 2)),
            filters=rng.random() < 0.3,
            reason=seed % 29 == 21,
        )
        weights = dict(USUAL)
        weights.update(
            {
                name: weight * rng.choice((1, 1, 3))
                for name, weight in UNUSUAL.items()
                if rng.random() < 0.3
            }
        )
        pace = rng.choices([*WAITS], k=2)
        if "slow" in pace:  # hours, in which syncs for nothing would cost most of the run
            setting = replace(setting, resync=max(setting.resync or 0.0, 1200.0), flush=1800.0)
        operations: list[Operation] = []

        def happen(name: str, wait: float | None = None) -> None:
            waits = WAITS[rng.choice(pace)] if wait is None else (wait,)
            numbers = (rng.randrange(MOST), rng.randrange(MOST), rng.randrange(MOST))
            operations.append(Operation(rng.choice(waits), name, numbers))

        names = rng.choices([*weights], weights=[*weights.values()], k=rng.randint(4, 12))
        if seed % 2:  # aimed at the short time between a plan and its deletion
            for _ in range(rng.randint(1, 3)):
                happen(rng.choice(AMBUSHES))
                happen(rng.choice(("crash", "crash", "crash_all")), 0.01)
                happen(names.pop())
                happen("rest")
        for name in names[: 3 if storm else None]:
            happen(name)
        if storm:
            operations.insert(0, Operation(1.0, "crash_all", (0, 0, 0)))
        elif seed % _SIXTH == _WHICH:
            setting, operations = _with_trouble(seed, setting, operations)
        return cls(seed, setting, tuple(operations))

    def without(self, start: int, stop: int) -> "SimulationRun":
        """Return the run without some operations; their time passes all the same."""
        kept = [*self.operations[:start], *self.operations[stop:]]
        lost = sum(operation.wait for operation in self.operations[start:stop])
        if start < len(kept):
            kept[start] = replace(kept[start], wait=kept[start].wait + lost)
        return replace(self, operations=tuple(kept))


def _with_trouble(
    seed: int, setting: Setting, operations: list[Operation]
) -> tuple[Setting, list[Operation]]:
    """Draw trouble into a run, apart from all else: runs without any stay as they were."""
    rng = random.Random(f"trouble {seed}")
    names = rng.choices([*TROUBLE], weights=[*TROUBLE.values()], k=rng.randint(1, 3))
    if "burden" in names:
        setting = replace(setting, namespaces=2)

    def happen(wait: float, name: str) -> Operation:
        return Operation(
            wait, name, (rng.randrange(MOST), rng.randrange(MOST), rng.randrange(MOST))
        )

    operations = list(operations)
    for name in names:
        crash = happen(rng.choice((0.0, 0.01, 0.3, 1.0, 5.0)), rng.choice(("crash", "crash_all")))
        trouble = happen(rng.choice(WAITS["brisk"]), name)
        both = (
            [crash, trouble]
            if name != "ambush_labels" and rng.random() < 1 / 2
            else [trouble, crash]
        )
        if name == "burden":  # what it took is known afterwards: the next requests feel it
            both = [trouble, crash, happen(rng.choice((3.0, 12.0)), "crash_all")]
        place = rng.randint(0, len(operations))
        operations[place:place] = both
    return setting, operations


def _outage(rng: random.Random) -> tuple[Setting, tuple[Operation, ...]]:
    """Draw an outage of the hook, without other faults: soon after it all is as it should be."""
    setting = Setting(
        replicas=rng.choice((1, 2, 3)),
        workers=rng.choice((2, 4)),
        resync=None,
        pods=rng.choice((1, 3, 20, MANY)),
        action="",
    )

    def happen(wait: float, name: str) -> Operation:
        return Operation(
            wait, name, (rng.randrange(MOST), rng.randrange(MOST), rng.randrange(MOST))
        )

    operations = [happen(40.0, "crash_all")] if rng.random() < 0.3 else []
    length = rng.choice((15.0, 30.0, LONG, 300.0))
    which = rng.randrange(3)
    operations.append(Operation(40.0, "leave", (which, 0, 0)))
    left = length
    # A Metacontroller that starts without the hook is known to it by the first Pod that is tried.
    others = ("crash", "rest", "restart_at_once") if setting.pods == MANY else ("crash", "rest")
    names = ["crash_all", *rng.choices(others, k=2)]
    if length > LONG:  # after minutes each Pod waits for longer than all the others take
        names = ["rest" if name == "restart_at_once" else name for name in names]
    for name in names:
        wait = rng.uniform(0.0, left / 3)
        left -= wait
        operations.append(happen(wait, name))
    # What was only out of reach is known by late Pods, of which there have to be many, and after
    # minutes each of them waits for longer than all the others take.
    restarted = int(rng.random() < 0.5 or which == 1 or setting.pods < MANY or length != LONG)
    operations.append(Operation(left, "come_back", (restarted, 0, 0)))
    operations.append(Operation(SOON, "check_return", (0, 0, 0)))
    return setting, tuple(operations)
