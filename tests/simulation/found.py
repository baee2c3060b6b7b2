"""Shrunk simulation runs in which the hook once made a mistake.

Each of these mistakes is among the mutants, too.
"""

from collections.abc import Mapping

from tests.simulation.simulation_run import Operation, Setting, SimulationRun

_ALONE = Setting(replicas=1, workers=1, pods=1)

PUBLISHED_AGAIN = "what a PodDiagnoser that is gone had published was created again and again"
LOOKED_UP_LATE = "the plan of a crash named another cause, with one replica's clock ahead"
JUDGED_ANEW = "a crash was judged anew where the hook's clock was behind"
FAR_AHEAD = "of crashes far ahead of the hook's clock the first container's was shown"
SETTLED_LATE = "a crash got another reason in the write that ended its label"
LOST_REASON = "a crash lost its reason when it was ignored"
KNOWN_FIRST = "a status kept the first cause of a crash that its Pod showed no longer"

FOUND: Mapping[str, SimulationRun] = {
    PUBLISHED_AGAIN: SimulationRun(
        19,
        Setting(replicas=1, workers=2, pods=3, action=""),
        (
            Operation(70.0, "crash_all", (1, 0, 0)),
            Operation(3.0, "stall", (1, 3, 0)),
            Operation(0.01, "delete_diagnoser", (0, 0, 0)),
            Operation(65.0, "rest", (0, 0, 0)),
        ),
    ),
    FAR_AHEAD: SimulationRun(
        7,
        Setting(replicas=1, workers=1, pods=1, containers=2),
        (
            Operation(611.11, "crash_all", (25, 585, 840)),
            Operation(5.0, "set_hook_clock", (280, 645, 676)),
            Operation(1.005, "crash", (937, 286, 334)),
            Operation(16.0, "rest", (758, 700, 740)),
        ),
    ),
    "a crash after the node's clock was set back was not shown": SimulationRun(
        163,
        _ALONE,
        (
            Operation(130.0, "ambush_read", (997, 705, 108)),
            Operation(0.01, "crash", (783, 259, 362)),
            Operation(130.0, "set_node_clock", (854, 467, 756)),
            Operation(936.01, "crash_all", (453, 782, 45)),
        ),
    ),
    JUDGED_ANEW: SimulationRun(
        509627,
        Setting(replicas=1, workers=1, pods=2, containers=2),
        (
            Operation(1900.01, "crash", (600, 319, 935)),
            Operation(1627.12, "set_hook_clock", (124, 63, 629)),
            Operation(70.0, "crash", (406, 519, 678)),
        ),
    ),
    LOOKED_UP_LATE: SimulationRun(
        28,
        Setting(
            replicas=2,
            workers=1,
            resync=1200.0,
            flush=1800.0,
            pods=1,
            action="RestartPod",
            namespaces=2,
            containers=2,
        ),
        (
            Operation(0.1, "crash", (732, 185, 15)),
            Operation(0.3, "crash", (123, 696, 266)),
            Operation(2031.0, "crash", (97, 115, 419)),
            Operation(0.005, "set_hook_clock", (138, 319, 513)),
            Operation(1900.0, "crash", (237, 639, 239)),
            Operation(70.0, "crash", (952, 987, 928)),
        ),
    ),
    SETTLED_LATE: SimulationRun(
        100,
        Setting(
            replicas=2,
            workers=1,
            flush=1800.0,
            pods=1,
            namespaces=2,
            containers=2,
            filters=True,
            reason=True,
        ),
        (
            Operation(1900.0, "crash", (55, 608, 98)),
            Operation(31.0, "crash", (805, 542, 713)),
            Operation(65.0, "edit_diagnoser", (773, 473, 487)),
            Operation(65.0, "fail_call", (167, 749, 885)),
            Operation(610.0, "set_hook_clock", (360, 601, 28)),
            Operation(0.0, "crash_all", (935, 129, 921)),
            Operation(74.005, "crash_all", (988, 677, 33)),
        ),
    ),
    LOST_REASON: SimulationRun(
        1017225,
        Setting(replicas=1, workers=1, pods=2, filters=True, reason=True),
        (
            Operation(65.01, "crash_all", (278, 386, 76)),
            Operation(1.115, "edit_diagnoser", (162, 9, 457)),
        ),
    ),
    KNOWN_FIRST: SimulationRun(
        3041195,
        Setting(replicas=1, workers=1, pods=1),
        (
            Operation(604.54, "stall", (130, 619, 63)),
            Operation(0.01, "crash", (119, 549, 887)),
            Operation(441.0, "crash", (791, 565, 752)),
        ),
    ),
    "a plan was executed by what had been read for another sync": SimulationRun(
        9,
        Setting(replicas=1, workers=1, pods=2),
        (
            Operation(0.01, "crash_all", (3, 124, 782)),
            Operation(0.005, "create_pod", (338, 8, 913)),
        ),
    ),
}
"""What went wrong, and how to get there."""
