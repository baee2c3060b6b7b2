"""Simulation runs with every kind of fault: all properties hold, and the search can be trusted."""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
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
from tests.simulation.service import cooperative
from tests.simulation.shrinking import explain, shrink
from tests.simulation.simulation_run import TROUBLE, UNUSUAL, USUAL, SimulationRun
from tests.simulation.trouble import TroubledCluster

pytestmark = pytest.mark.timeout(600)  # a test waits for runs that a busy machine executes slowly

RUNS = int(os.environ.get("RUNS", "500"))
"""A sample; ``make simulate`` executes as many as are asked for."""
PROCESSES = 2
PARTS = chunks(0, RUNS, max(RUNS // 40, 1))


@pytest.fixture(scope="module")
def runs() -> Iterator[list[AsyncResult[Totals]]]:
    """Execute all runs in the background."""
    pool: Pool
    with multiprocessing.get_context("spawn").Pool(PROCESSES, begin) as pool:
        yield [pool.apply_async(run_seeds, (part,)) for part in PARTS]


@pytest.mark.parametrize("part", range(len(PARTS)))
def test_everything_holds(runs: list[AsyncResult[Totals]], part: int) -> None:
    """No run violates a property; one that does is shrunk and its trace is shown."""
    totals = runs[part].get()
    assert totals.runs == len(PARTS[part])
    for seed, violation in totals.failed:
        pytest.fail(explain(shrink(SimulationRun.drawn(seed), violation.property), violation))


def test_what_others_made_of_the_memory_stays_where_there_is_no_crash_to_show() -> None:
    """They wrote what cannot be read, and what crashed afterwards is ignored."""
    assert run(SimulationRun.drawn(3003010)).violations == []


def test_what_interferes_with_a_plan_does_not_outlive_the_faults() -> None:
    """Else Metacontroller is stopped by a plan that is stored as they end, and never starts."""
    happened: list[str] = []
    with cooperative():
        cluster = TroubledCluster(SimulationRun.drawn(0))
        cluster.begin()
        cluster.interfere_later(1.0, lambda: happened.append("before the end"))
        cluster.interfere_later(3.0, lambda: happened.append("after it"))
        cluster.run(2.0)
        cluster.end_faults()
        cluster.run(10.0)
    assert happened == ["before the end"]


def test_the_search_looked_everywhere(runs: list[AsyncResult[Totals]]) -> None:
    """Every operation and every fault happened; Pods were deleted and crashes reported."""
    totals = Totals()
    for part in runs:
        totals.merge(part.get())
    if totals.runs < 500:
        pytest.skip("too few runs were asked for")
    assert {*USUAL, *UNUSUAL, *TROUBLE} <= set(totals.operations)
    assert {*CALLS, *ANSWERS, *WRITES} <= set(totals.injected)
    assert totals.counts["Pods deleted by the hook"] > totals.runs / 4
    assert totals.counts["crashes reported"] > totals.runs / 4
    assert totals.counts["requests refused for their namespace"] > totals.runs / 4
    assert len(totals.states) > totals.runs


@pytest.mark.parametrize("mistake", sorted(FOUND))
def test_what_was_found_once_holds_now(mistake: str) -> None:
    """Runs in which the hook once made a mistake no longer violate anything."""
    assert not run(FOUND[mistake]).violations


# The same seed, the same run

DIGESTS = """
import sys
from tests.simulation.simulation_run import SimulationRun
from tests.simulation.runner import run
print(*[run(SimulationRun.drawn(seed)).digest for seed in map(int, sys.argv[1:])])
"""


def test_the_same_seed_gives_the_same_run() -> None:
    """Twice in this process, with a readable trace too, and in processes with other hash seeds."""
    seeds = (3, 7, 8, 21, 50)
    here = [run(SimulationRun.drawn(seed)).digest for seed in seeds]
    assert [run(SimulationRun.drawn(seed), readable=True).digest for seed in seeds] == here
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


def test_a_trace_is_the_same_each_time() -> None:
    """To the byte: each write, call and fault at its time."""
    first, second = (run(SimulationRun.drawn(50), readable=True) for _ in range(2))
    assert first.trace == second.trace
    assert len(first.trace.splitlines()) > 50


def test_storms_of_hundreds_hold() -> None:
    """Hundreds of Pods crash together, with faults, and each is diagnosed and accounted for."""
    simulation = SimulationRun.drawn(999)
    assert simulation.setting.pods >= 200
    result = run(simulation)
    assert not result.violations
    assert result.counts["crashes"] >= 200


# A failing run is shrunk and explained


def test_a_failing_run_is_shrunk() -> None:
    """The shrunk run fails in the same way, and no operation can be left out of it."""
    mutant = mutants()["forgets the cool-down"]

    def check(simulation: SimulationRun) -> list[Violation]:
        with mutant.alive():
            return run(simulation).violations

    seed = next(
        seed
        for seed in range(200)
        if any(one.property is Property.COOL_DOWN for one in check(SimulationRun.drawn(seed)))
    )
    simulation = SimulationRun.drawn(seed)
    smaller = shrink(simulation, Property.COOL_DOWN, check)
    (violation, *_) = check(smaller)
    assert violation.property is Property.COOL_DOWN
    assert len(smaller.operations) < len(simulation.operations)
    for place in range(len(smaller.operations)):
        left = check(smaller.without(place, place + 1))
        assert not any(one.property is Property.COOL_DOWN for one in left)
    with mutant.alive():
        text = explain(smaller, violation)
    assert f"Seed {seed}: COOL_DOWN: {Property.COOL_DOWN.value}." in text
    assert "DELETE /api/v1/namespaces/default/pods/" in text
    assert "VIOLATED COOL_DOWN" in text


def test_leaving_an_operation_out_keeps_the_time_of_the_others() -> None:
    """Later operations happen at the same time as before."""
    simulation = SimulationRun.drawn(5)
    smaller = simulation.without(1, 3)

    def end(of: SimulationRun) -> float:
        return sum(one.wait for one in of.operations)

    assert len(smaller.operations) == len(simulation.operations) - 2
    assert end(smaller) == pytest.approx(end(simulation))


def test_a_run_without_operations_holds() -> None:
    """A quiet cluster converges, with every setting."""
    for replicas in (1, 3):
        simulation = SimulationRun.drawn(1)
        setting = replace(simulation.setting, replicas=replicas, to_the_end=True)
        assert not run(replace(simulation, operations=(), setting=setting)).violations


def test_a_search_that_is_stopped_ends_and_reports() -> None:
    """The signal goes to its workers too, as that of timeout(1) does: it waits for none of them."""
    command = [sys.executable, "-m", "tests.simulation.search", "100000", "--processes", "1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True
    ) as search:
        assert search.stderr is not None
        assert search.stderr.readline().startswith("Searching")
        time.sleep(1.0)  # its workers begin
        os.killpg(search.pid, signal.SIGTERM)
        report, problems = search.communicate(timeout=60)
    assert search.returncode == 0
    assert "Stopped before the end" in problems
    assert re.match(r"\s*\d+ runs, ", report)
