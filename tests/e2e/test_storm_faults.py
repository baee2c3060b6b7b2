"""Everything is killed and every network fails while Pods crash by the dozen: all of it holds.

One storm, evaluated from the API server's own audit log. Its plan comes from a seed: ``STORM_SEED``
sets another one. ``pytest -rA`` shows the figures.
"""

import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest

from dev.envtest import pods
from dev.envtest.build import Binaries
from tests.e2e import storm
from tests.e2e.evaluation import Verdict, evaluate, evaluate_final_state, evaluate_quiet
from tests.simulation.properties import Property, Violation

pytestmark = pytest.mark.timeout(600)

SEED = int(os.environ.get("STORM_SEED", "6"))
QUIET = storm.FLUSH + 5.0
"""Seconds for which nothing may be written: Metacontroller lists all again meanwhile, and syncs."""

ROUNDS = -(-storm.SCARCE_GROUP.sets * storm.SCARCE_GROUP.replicas // 5)
"""Number of syncs in which all withheld Pods get their Event."""

CONVERGENCE = 240.0
"""Seconds within which all is to be as it should be: a machine may be slow."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the storm led to.

    Attributes:
        verdict: what did not hold, and what happened.
        kills: what was killed.
        faults: how often each network fault happened, by link.
        deletions: how many deletions and evictions each fault between hook and API server met.
    """

    verdict: Verdict
    kills: list[storm.Kill]
    faults: dict[str, Counter[str]]
    deletions: Counter[str]


@pytest.fixture(scope="module")
def outcome(binaries: Binaries) -> Outcome:
    """The storm, its end, and what it led to; some two and a half minutes."""
    with storm.Storm(binaries, SEED) as one:
        one.populate()
        chance = random.Random(SEED)
        with one.disturbances():
            _kill_and_fail(one, chance)
        one.all_run()
        one.touch()
        # Its small budget would keep it busy for minutes.
        one.set_paused(storm.SCARCE_GROUP, paused=True)
        found = _settled(one)
        late_writes = _late_writes(one)
        calls = one.log()
        kills, faults = one.kills, one.faults
        happened = sum(map(Counter.total, faults.values())) + len(kills)
        verdict = evaluate(calls, happened, timedelta(seconds=storm.LATE))
        verdict.violations += found + late_writes
        if verdict.violations:
            one.cluster.control_plane.keep = True
        _report(one, verdict)
        return Outcome(verdict, kills, faults, one.links["hook-api"].deletions)


def _kill_and_fail(one: storm.Storm, chance: random.Random) -> None:
    """Kill all that there is, and from a third of the time on has all networks fail, too."""
    plan = storm.planned_kills(chance)
    failing = []
    with ThreadPoolExecutor(len(one.links) + 1) as pool:
        for number, planned in enumerate(plan):
            if number == len(plan) // 3:
                chances = [(link, chance.random()) for link in (*one.links, storm.WIRE)]
                failing = [
                    pool.submit(one.fail, link, random.Random(seed)) for link, seed in chances
                ]
            one.kill(planned)
            time.sleep(planned.gap)
        one.all_back()
        for each in failing:
            each.result()


def _settled(one: storm.Storm) -> list[Violation]:
    """Wait until all is as it should be, and each remediation has its outcome.

    Returns:
        What is not as it should be at last.
    """
    deadline = time.monotonic() + CONVERGENCE
    while True:
        end = one.end()
        open_ = [
            entry
            for diagnoser in end.diagnosers
            for entry in diagnoser["status"].get("remediations", [])
            if entry["phase"] in ("Planned", "Done") and not entry.get("outcome")
        ]
        found = [] if open_ else evaluate_final_state(one.log(), end)
        if time.monotonic() > deadline:
            return evaluate_final_state(one.log(), end)
        if not open_ and not found:
            return []
        time.sleep(1.0)


def _late_writes(one: storm.Storm) -> list[Violation]:
    """Wait until nothing is written for a while.

    Each sync reports five withheld Pods, and quiet objects are synced when Metacontroller lists all
    again: so the last of these Events may come a little later.

    Returns:
        What was written at last.
    """
    found: list[Violation] = []
    for _ in range(1 + ROUNDS):
        since = pods.now()
        time.sleep(QUIET)  # to see that nothing happens
        found = evaluate_quiet(one.log(), since)
        if not found:
            break
    return found


def _report(one: storm.Storm, verdict: Verdict) -> None:
    """Print the figures."""
    kills = Counter(victim for kill in one.kills for victim in kill.planned.victims)
    under_way = sum(kill.under_way for kill in one.kills)
    print(f"seed {SEED}; crashes reported: {dict(one.crashes)}")
    print(f"killed: {dict(kills)}; {under_way} of {len(one.kills)} under way")
    for link, injected in one.faults.items():
        print(f"{link}: {dict(injected)}")
    print(f"deletions that faults met: {dict(one.links['hook-api'].deletions)}")
    for what, number in sorted(verdict.counts.items()):
        print(f"{what}: {number}")
    for violation in verdict.violations:
        print(violation)
    if verdict.violations:
        print(f"all logs are kept in {one.cluster.control_plane.folder}")


@pytest.mark.parametrize("which", Property, ids=lambda which: which.name)
def test_it_holds(outcome: Outcome, which: Property) -> None:
    """A property holds by what the API server logged, and by what there is in the end."""
    assert outcome.verdict.of(which) == []


def test_enough_was_killed(outcome: Outcome) -> None:
    """Each process was killed several times, mostly while something was under way."""
    kills = Counter(victim for kill in outcome.kills for victim in kill.planned.victims)
    assert set(kills) == {*storm.REPLICAS, "metacontroller", "apiserver"}
    assert min(kills.values()) >= 3
    assert min(kills["apiserver"], kills["metacontroller"]) >= 4
    for replicas in ("remediator", "annotator"):
        both = {f"{replicas}-1", f"{replicas}-2"}
        assert any(both <= set(kill.planned.victims) for kill in outcome.kills)
    under_way = sum(kill.under_way for kill in outcome.kills)
    assert under_way >= len(outcome.kills) // 3


def test_enough_failed(outcome: Outcome) -> None:
    """Each fault of each network met with something, those of single requests with deletions."""
    assert set(outcome.faults) == {"hook-api", "poddiagnosers", "pods", storm.WIRE}
    for link, injected in outcome.faults.items():
        ways = storm.WIRE_FAULTS if link == storm.WIRE else storm.FAULTS
        assert {how for how in ways if injected[how]} == set(ways), link
    assert min(outcome.deletions[how] for how in ("cut", "answer lost", "delayed")) >= 1


def test_enough_happened(outcome: Outcome) -> None:
    """The storm had crashes, deletions, evictions, Events, and conflicts."""
    counts = outcome.verdict.counts
    assert counts["crashes"] >= 100
    assert counts["Pods deleted by the hook"] >= 25
    assert counts["Events PodEvicted"] >= 1
    assert counts["Events PodRestarted"] >= 10
    assert counts["Events PodDeleted"] >= 25
    assert counts["Events that were there already"] >= 5
    assert counts["Metacontroller's update of pods refused with 409"] >= 1
    assert counts["pods written"] >= 60
    shown = "writes of which the log does not show what they changed"
    assert counts[shown] <= 0.1 * (counts["pods written"] + counts["poddiagnosers written"])
