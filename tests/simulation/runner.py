"""Runs a schedule from its beginning to its end."""

from collections import Counter
from dataclasses import dataclass

from dev.simulator.resources import EVENT, POD
from tests.simulation.convergence import converge
from tests.simulation.faulty_cluster import World
from tests.simulation.properties import Violation
from tests.simulation.service import cooperative
from tests.simulation.simulation_run import Schedule
from tests.support.cluster_fixture import DIAGNOSER

BEGINNING = 4.0
"""Seconds in which the first Pods start."""


@dataclass
class Result:
    """What came of a run.

    Attributes:
        violations: what did not hold.
        digest: the same for runs in which the same happened.
        steps: how many steps of the scheduler it took.
        struck: faults that struck, by kind.
        states: numbers of the distinct states of PodDiagnosers that were stored.
        counts: what happened.
        story: what happened, if it was to be told.
    """

    violations: list[Violation]
    digest: str
    steps: int
    struck: Counter[str]
    states: set[int]
    counts: Counter[str]
    story: str = ""


def run(schedule: Schedule, *, told: bool = False) -> Result:
    """Run a schedule, and check that everything holds that should.

    Args:
        schedule: the schedule.
        told: whether the story is to be told.

    Returns:
        What came of it. It ends with the first violation.
    """
    with cooperative():
        world = World(schedule, told=told)
        watch = world.watch
        world.begin()
        world.run(BEGINNING)
        for operation in schedule.operations:
            world.run(operation.wait)
            if watch.violations:
                break
            world.perform(operation.name, operation.args)
        if not watch.violations:
            converge(world)
        world.story.note(*[repr(world.store.select(kind)) for kind in (POD, DIAGNOSER, EVENT)])
        return Result(
            watch.violations,
            world.story.digest,
            world.scheduler.steps,
            world.faults.struck,
            watch.states,
            watch.counts,
            world.story.text(),
        )
