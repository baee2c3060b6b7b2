"""Schedules with every kind of fault: what must hold does, and the search can be believed."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.pool import AsyncResult, Pool

import pytest

from tests.simulation.faults import ANSWERS, CALLS, WRITES
from tests.simulation.found import FOUND
from tests.simulation.mutants import mutants
from tests.simulation.properties import Property, Violation
from tests.simulation.runner import run
from tests.simulation.search import Totals, begin, chunks, run_seeds
from tests.simulation.shrinking import shrink, told
from tests.simulation.simulation_run import UNUSUAL, USUAL, Schedule

SCHEDULES = int(os.environ.get("SCHEDULES", "2000"))
PROCESSES = 2
PARTS = chunks(0, SCHEDULES, max(SCHEDULES // 40, 1))


@pytest.fixture(scope="module")
def runs() -> Iterator[list[AsyncResult[Totals]]]:
    """Run all schedules, beside the tests that wait for them."""
    pool: Pool
    with multiprocessing.get_context("spawn").Pool(PROCESSES, begin) as pool:
        yield [pool.apply_async(run_seeds, (part,)) for part in PARTS]


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_everything_holds(runs: list[AsyncResult[Totals]], part: int) -> None:
    """No schedule leads to anything that must not be; one that does is told as a story."""
    totals = runs[part].get()
    assert totals.schedules == len(PARTS[part])
    for seed, violation in totals.failed:
        pytest.fail(told(shrink(Schedule.drawn(seed), violation.property), violation))


def test_the_search_looked_everywhere(runs: list[AsyncResult[Totals]]) -> None:
    """Every operation happened and every fault struck; Pods were deleted and crashes told."""
    totals = Totals()
    for part in runs:
        totals.merge(part.get())
    if totals.schedules < 1000:
        pytest.skip("too few schedules were asked for")
    assert {*USUAL, *UNUSUAL} <= set(totals.operations)
    assert {*CALLS, *ANSWERS, *WRITES} <= set(totals.struck)
    assert totals.counts["Pods deleted by the hook"] > totals.schedules / 4
    assert totals.counts["crashes told"] > totals.schedules / 4
    assert len(totals.states) > totals.schedules


@pytest.mark.parametrize("mistake", sorted(FOUND))
def test_what_was_found_once_holds_now(mistake: str) -> None:
    """Schedules that led to mistakes of the hook lead to none any more."""
    assert not run(FOUND[mistake]).violations


# The same seed, the same run

DIGESTS = """
import sys
from tests.simulation.simulation_run import Schedule
from tests.simulation.runner import run
print(*[run(Schedule.drawn(seed)).digest for seed in map(int, sys.argv[1:])])
"""


def test_the_same_seed_gives_the_same_run() -> None:
    """Twice in this process, with the story and without, and under other hash seeds elsewhere."""
    seeds = (3, 7, 8, 21, 50)
    here = [run(Schedule.drawn(seed)).digest for seed in seeds]
    assert [run(Schedule.drawn(seed), told=True).digest for seed in seeds] == here
    assert len(set(here)) == len(seeds)
    for hash_seed in ("0", "1", "4711"):
        elsewhere = subprocess.run(
            [sys.executable, "-c", DIGESTS, *map(str, seeds)],
            env={
                **os.environ,
                "PYTHONHASHSEED": hash_seed,
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert elsewhere.stdout.split() == here


def test_a_story_is_the_same_each_time() -> None:
    """To the byte: each write, call and fault at its time."""
    first, second = (run(Schedule.drawn(50), told=True) for _ in range(2))
    assert first.story == second.story
    assert len(first.story.splitlines()) > 50


def test_storms_of_hundreds_hold() -> None:
    """Hundreds of Pods crash together, with faults, and each is diagnosed and accounted for."""
    schedule = Schedule.drawn(999)
    assert schedule.setting.pods >= 200
    result = run(schedule)
    assert not result.violations
    assert result.counts["crashes"] >= 200


# A failing schedule is made smaller and told


def test_a_failing_schedule_is_made_smaller() -> None:
    """What is left fails in the same way, and nothing of it can be left out."""
    mutant = mutants()["forgets the cool-down"]

    def check(schedule: Schedule) -> list[Violation]:
        with mutant.alive():
            return run(schedule).violations

    seed = next(
        seed
        for seed in range(200)
        if any(one.property is Property.COOL_DOWN for one in check(Schedule.drawn(seed)))
    )
    schedule = Schedule.drawn(seed)
    smaller = shrink(schedule, Property.COOL_DOWN, check)
    (violation, *_) = check(smaller)
    assert violation.property is Property.COOL_DOWN
    assert len(smaller.operations) < len(schedule.operations)
    for place in range(len(smaller.operations)):
        left = check(smaller.without(place, place + 1))
        assert not any(one.property is Property.COOL_DOWN for one in left)
    with mutant.alive():
        story = told(smaller, violation)
    assert f"Seed {seed}: COOL_DOWN: {Property.COOL_DOWN.value}." in story
    assert "DELETE /api/v1/namespaces/default/pods/" in story
    assert "VIOLATED COOL_DOWN" in story


def test_leaving_an_operation_out_keeps_the_time_of_the_others() -> None:
    """What comes later comes when it did."""
    schedule = Schedule.drawn(5)
    smaller = schedule.without(1, 3)

    def end(of: Schedule) -> float:
        return sum(one.wait for one in of.operations)

    assert len(smaller.operations) == len(schedule.operations) - 2
    assert end(smaller) == pytest.approx(end(schedule))


def test_a_schedule_without_operations_holds() -> None:
    """A quiet cluster converges, with every setting."""
    for replicas in (1, 3):
        schedule = Schedule.drawn(1)
        setting = replace(schedule.setting, replicas=replicas, to_the_end=True)
        assert not run(replace(schedule, operations=(), setting=setting)).violations
