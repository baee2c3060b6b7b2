"""Execute a simulation run from its beginning to its end."""

from collections import Counter
from dataclasses import dataclass

from dev.simulator.resources import EVENT, POD
from tests.simulation.convergence import converge
from tests.simulation.properties import Violation
from tests.simulation.service import cooperative
from tests.simulation.simulation_run import SimulationRun
from tests.simulation.trouble import TroubledCluster
from tests.support.cluster_fixture import DIAGNOSER

BEGINNING = 4.0
"""Seconds in which the first Pods start."""


@dataclass
class Result:
    """The result of a run.

    Attributes:
        violations: what did not hold.
        digest: equal for runs in which the same happened.
        steps: number of steps of the scheduler.
        injected: number of injected faults, by kind.
        states: numbers of the distinct states of PodDiagnosers that were stored.
        counts: what happened.
        trace: the trace, if it was to be readable.
    """

    violations: list[Violation]
    digest: str
    steps: int
    injected: Counter[str]
    states: set[int]
    counts: Counter[str]
    trace: str = ""


def run(simulation: SimulationRun, *, readable: bool = False) -> Result:
    """Execute a run, and check all properties.

    Args:
        simulation: the run.
        readable: whether to keep a trace for people.

    Returns:
        Its result. It ends with the first violation.
    """
    with cooperative():
        cluster = TroubledCluster(simulation, readable=readable)
        watch = cluster.watch
        cluster.begin()
        cluster.run(BEGINNING)
        for operation in simulation.operations:
            cluster.run(operation.wait)
            if watch.violations:
                break
            cluster.perform(operation.name, operation.args)
        if not watch.violations:
            converge(cluster)
        cluster.trace.add_facts(
            *[repr(cluster.store.select(kind)) for kind in (POD, DIAGNOSER, EVENT)]
        )
        return Result(
            watch.violations,
            cluster.trace.digest,
            cluster.scheduler.steps,
            cluster.faults.injected,
            watch.states,
            watch.counts,
            cluster.trace.text(),
        )
