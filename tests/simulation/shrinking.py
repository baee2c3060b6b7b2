"""Shrink a simulation run that fails, so that people can read it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.properties import Property, Violation
from tests.simulation.runner import run
from tests.simulation.simulation_run import SimulationRun

Check = Callable[[SimulationRun], list[Violation]]

_SIMPLER = (
    {"replicas": 1},
    {"workers": 1},
    {"pods": 1},
    {"namespaces": 1},
    {"containers": 1},
    {"filters": False},
    {"slow": False},
    {"resync": 60.0},
    {"flush": 600.0},
    {"event_ttl": 3600.0},
)


def violations_of(simulation: SimulationRun) -> list[Violation]:
    """Execute a run; return the violations."""
    return run(simulation).violations


def shrink(
    simulation: SimulationRun, which: Property, check: Check = violations_of
) -> SimulationRun:
    """Leave out operations, and simplify the setting, while the same property is violated.

    Args:
        simulation: a run that fails.
        which: the property that it violates.
        check: executes a run and returns the violations.

    Returns:
        A run from which no further operation can be left out alone.
    """

    def fails(candidate: SimulationRun) -> bool:
        return any(violation.property is which for violation in check(candidate))

    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(simulation):
            if fails(candidate):
                simulation, smaller = candidate, True
                break
    return simulation


def _smaller(simulation: SimulationRun) -> Iterator[SimulationRun]:
    count = len(simulation.operations)
    size = max(count // 2, 1)
    while count:
        for start in range(0, count, size):
            yield simulation.without(start, min(start + size, count))
        if size == 1:
            break
        size //= 2
    for change in _SIMPLER:
        setting = replace(simulation.setting, **change)
        if setting != simulation.setting:
            yield replace(simulation, setting=setting)


def explain(simulation: SimulationRun, violation: Violation) -> str:
    """Return the trace of a failing run, with what is needed to repeat it."""
    result = run(simulation, readable=True)
    lines = [
        f"Seed {simulation.seed}: {violation}",
        f"Setting: {simulation.setting}",
        *(f"  {one.wait:g} s later: {one.name}{one.args}" for one in simulation.operations),
        "What happened:",
        result.trace,
    ]
    return "\n".join(lines)
