"""How the benchmarks hold the figures of both operators against the aims."""

import pytest

from dev.benchmarks import comparison, storm
from dev.benchmarks.figures import Aim, Comparison
from dev.benchmarks.operators import KOPF, METACONTROLLER, PODDIAGNOSERS_HOOK, PODS_HOOK
from dev.benchmarks.spread import Spread
from dev.benchmarks.test_bed import API_SERVER

PHASES = ("storm", "backlog", "single crashes", "unrelated updates")
SAME = {
    "storm, all annotated": (7.0, 6.0),
    "storm, status right": (9.0, 8.0),
    "storm, last crash": (4.0, 4.0),
    "backlog, all annotated": (7.0, 7.0),
    "backlog, ready": (0.1, 0.6),
    "storm, Pods counted": (1000, 1000),
    "backlog, Pods counted anew": (0, 0),
    storm.OTHERS: (1.0, 7.0),
    **{
        f"{what}, p{percent}": (10.0, 9.0)
        for what in (
            "one crash, a few Pods there",
            "one crash, many Pods there",
            "one crash after the storm",
            "storm, from a Pod's crash to its annotation",
        )
        for percent in (50, 95)
    },
    **{f"{phase}, CPU: {API_SERVER}": (5.0, 6.0) for phase in PHASES},
}


def found(ours: dict[str, float], kopf: dict[str, float]) -> comparison.Found:
    """What both did in two rounds that were alike."""
    mine = {name: values[0] for name, values in SAME.items()} | ours
    its = {name: values[1] for name, values in SAME.items()} | kopf
    return {
        operator: {name: Spread((value, value)) for name, value in values.items()}
        for operator, values in (("ours", mine), ("kopf", its))
    }


@pytest.fixture
def aims() -> dict[str, Comparison]:
    """The lines that have aims, by their names, of which there are no two."""
    ours = {"storm, Pod syncs for a crash": 2.0, "backlog, Pod syncs for a crash": 2.1}
    kopf = {f"memory at most: {KOPF}": 80.0}
    for phase in PHASES:
        ours |= {
            f"{phase}, CPU: {PODS_HOOK}": 1.0,
            f"{phase}, CPU: {PODDIAGNOSERS_HOOK}": 0.5,
            f"{phase}, CPU: {METACONTROLLER}": 2.5,
        }
        kopf[f"{phase}, CPU: {KOPF}"] = 2.0
    for part in comparison.ALL:
        ours[f"memory at most: {part}"] = 90.0
    both = found(ours, kopf)
    lines = comparison.aims(both, storm.FULL)
    more = comparison.rest(both, storm.FULL)
    names = [one.name for one in (*lines, *more)]
    assert len(set(names)) == len(names)
    return {one.name: one for one in lines}


def test_every_aim_is_judged(aims: dict[str, Comparison]) -> None:
    """By the ratio where there is one."""
    assert {name for name, one in aims.items() if one.met is None} == set()
    missed = {name for name, one in aims.items() if one.met is False}
    assert "1,000 Pods crash: all annotated" in missed  # 7 / 6 is more than 1.15
    assert "1,000 Pods crash: the status is right" not in missed  # 9 / 8 is less than 1.2
    assert "one crash to its annotation, 50 Pods there, p95" in missed


def test_the_hooks_count_together_with_and_without_metacontroller(
    aims: dict[str, Comparison],
) -> None:
    """Both processes of the hook."""
    hooks = aims["1,000 Pods crash: CPU of the hooks"]
    assert (hooks.ours, hooks.met) == (Spread((1.5, 1.5)), True)
    everything = aims["1,000 Pods crash: CPU of the hooks and Metacontroller"]
    assert (everything.ours, everything.met) == (Spread((4.0, 4.0)), False)


def test_memory_and_counts_are_held_against_what_is_ours(aims: dict[str, Comparison]) -> None:
    """Not against the ratio."""
    memory = aims["memory of both hooks at most"]
    assert (memory.ours.median, memory.met) == (180.0, True)
    assert aims["1,000 Pods crash: Pods in the status"].met is True


def test_a_comparison_without_a_ratio_has_not_met_its_aim() -> None:
    """Nor missed it: nothing can be said."""
    nothing = Comparison("a", Spread((1.0,)), Spread((0.0,)), "s", Aim.at_most(2))
    assert (nothing.ratio, nothing.met) == (None, None)


def test_a_comparison_shows_both_and_the_ratio_with_their_ends() -> None:
    """The ratio is that of each round."""
    line = Comparison("a", Spread((4.0, 6.0, 8.0)), Spread((4.0, 3.0, 2.0)), "s", Aim.at_most(1))
    assert line.cells() == ("a", "6 s (4 … 8)", "3 s (2 … 4)", "2 (1 … 4)", "≤ 1", "**missed**")
