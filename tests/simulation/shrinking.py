"""Makes a schedule that fails smaller, for people to read."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.simulation.properties import Property, Violation
from tests.simulation.runner import run
from tests.simulation.simulation_run import Schedule

Check = Callable[[Schedule], list[Violation]]

_SIMPLER = (
    {"replicas": 1},
    {"workers": 1},
    {"pods": 1},
    {"namespaces": 1},
    {"containers": 1},
    {"silence": False},
    {"slow": False},
    {"resync": 60.0},
    {"flush": 600.0},
    {"event_ttl": 3600.0},
)


def violations_of(schedule: Schedule) -> list[Violation]:
    """Run a schedule; return what did not hold."""
    return run(schedule).violations


def shrink(schedule: Schedule, which: Property, check: Check = violations_of) -> Schedule:
    """Leave out operations, and simplify the setting, while the same property does not hold.

    Args:
        schedule: one that fails.
        which: what does not hold of it.
        check: runs a schedule.

    Returns:
        A schedule of which nothing more can be left out by itself.
    """

    def fails(candidate: Schedule) -> bool:
        return any(violation.property is which for violation in check(candidate))

    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(schedule):
            if fails(candidate):
                schedule, smaller = candidate, True
                break
    return schedule


def _smaller(schedule: Schedule) -> Iterator[Schedule]:
    count = len(schedule.operations)
    size = max(count // 2, 1)
    while count:
        for start in range(0, count, size):
            yield schedule.without(start, min(start + size, count))
        if size == 1:
            break
        size //= 2
    for change in _SIMPLER:
        setting = replace(schedule.setting, **change)
        if setting != schedule.setting:
            yield replace(schedule, setting=setting)


def told(schedule: Schedule, violation: Violation) -> str:
    """Tell the story of a run, with what is needed to repeat it."""
    result = run(schedule, told=True)
    lines = [
        f"Seed {schedule.seed}: {violation}",
        f"Setting: {schedule.setting}",
        *(f"  {one.wait:g} s later: {one.name}{one.args}" for one in schedule.operations),
        "What happened:",
        result.story,
    ]
    return "\n".join(lines)
