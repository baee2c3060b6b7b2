"""A crash and its remediation, with each call, answer and write failing in each way, one by one."""

import pytest

from tests.simulation.faults import ANSWERS, CALLS, WRITES
from tests.simulation.runner import Result, run
from tests.simulation.simulation_run import Operation, Setting, SimulationRun

PLACES = (("call", CALLS), ("answer", ANSWERS), ("write", WRITES))
ACTIONS = ("RestartPod", "EvictPod", "LogEvent")
MOST = 10
"""More calls, answers or writes than a crash and its remediation take."""

SEED = 4
"""Seed of the delays; its PodDiagnoser sets no minimum age of Pods."""


def ran(action: str, *faults: tuple[int, int, int]) -> Result:
    """Let a Pod crash after some faults were armed."""
    operations = [Operation(40.0, "fail", fault) for fault in faults]
    operations += [Operation(0.0, "crash_all", (1, 0, 0)), Operation(15.0, "rest", (0, 0, 0))]
    setting = Setting(replicas=2, workers=1, pods=1, resync=300.0, action=action)
    return run(SimulationRun(SEED, setting, tuple(operations)))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("place", range(len(PLACES)), ids=[name for name, _ in PLACES])
def test_each_fails_in_each_way(place: int, action: str) -> None:
    """Each call, answer and write fails in each way: no property is violated, and all converges."""
    injected = 0
    name, kinds = PLACES[place]
    for skip in range(MOST):
        for how, words in enumerate(kinds):
            result = ran(action, (place, skip, how))
            assert not result.violations, f"{name} {skip}: {words}"
            injected += result.injected[words]
    assert injected >= 3 * len(kinds), "most of them are beyond what happens"


@pytest.mark.parametrize("action", ACTIONS)
def test_without_a_fault_it_is_done(action: str) -> None:
    """Without faults the crash is reported, or its Pod replaced."""
    counts = ran(action).counts
    assert counts["crashes reported" if action == "LogEvent" else "Pods deleted by the hook"] >= 1
