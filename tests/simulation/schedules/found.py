"""Schedules that led to mistakes of the hook once, made as small as they go.

The hook with each of these mistakes is among the mutants too.
"""

from collections.abc import Mapping

from tests.simulation.schedules.schedule import Operation, Schedule, Setting

_ALONE = Setting(replicas=1, workers=1, pods=1)

FOUND: Mapping[str, Schedule] = {
    "a crash after the node's clock was set back was not shown": Schedule(
        163,
        _ALONE,
        (
            Operation(130.0, "ambush_read", (997, 705, 108)),
            Operation(0.01, "crash", (783, 259, 362)),
            Operation(130.0, "set_node_clock", (854, 467, 756)),
            Operation(936.01, "crash_all", (453, 782, 45)),
        ),
    ),
    "a plan was carried out by what had been read for another sync": Schedule(
        9,
        Setting(replicas=1, workers=1, pods=2),
        (
            Operation(0.01, "crash_all", (3, 124, 782)),
            Operation(0.005, "create_pod", (338, 8, 913)),
        ),
    ),
}
"""What went wrong, and how to get there."""
