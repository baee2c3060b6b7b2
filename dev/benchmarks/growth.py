"""What the Pods cost a crash that are there and healthy, in one cluster that fills up.

The same crashes come in batches among a thousand Pods and among more than ten thousand, in a
namespace of its own each, so that each batch finds as many crashed Pods as its counterpart. Then
the hook is away while a thousand crash, among as many healthy ones.
"""

import sys
from contextlib import ExitStack

from dev.benchmarks import returning
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.operators import METACONTROLLER, PODDIAGNOSERS_HOOK, PODS_HOOK, HookOperator
from dev.benchmarks.pod_load import PodLoad
from dev.benchmarks.site import Site, open_site
from dev.benchmarks.spread import Spread
from dev.benchmarks.test_bed import API_SERVER, TestBed, open_test_bed
from dev.benchmarks.workload import LABELS
from dev.envtest import pods
from dev.envtest.client import EVENTS

FEW, MANY = 1000, 10_000
BATCHES, BATCH = 3, 100
SECONDS = 4.0
"""Over which the crashes of a batch are spread: no storm."""

_HOOKS = (PODS_HOOK, PODDIAGNOSERS_HOOK)
_ALL = (*_HOOKS, METACONTROLLER)
_FILLED = 10.0
"""Seconds for which nothing may happen before the next crashes, after so much has."""


def measure(
    few: int = FEW, many: int = MANY, batch: int = BATCH, away: float = returning.AWAY
) -> list[Figure]:
    """Measure a crash among few Pods and among many, and the return of the hook among many.

    Args:
        few: how many Pods are there first, and crash in the end.
        many: how many are there then; beside those that crash in the end, as many are healthy.
        batch: how many crashes are measured together.
        away: seconds for which the hook is away.

    Returns:
        CPU for a crash, its growth, and how long the return takes.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: Pods are not annotated.
    """
    with open_test_bed(HookOperator) as bed, ExitStack() as watches:
        bed.operator.start()
        _say(f"crashes among {few:,} Pods")
        first = open_site(bed, "few", few, watches)
        first.quiet()
        among_few = _batches(first, batch)
        _say(f"crashes among {many:,} Pods")
        crashing = BATCHES * batch
        second = open_site(bed, "many", crashing + few, watches)
        _fill(second, "more", many - 2 * few - crashing)
        among_many = _batches(second, batch)
        _fill(second, "beside", few + 2 * crashing)
        what = f"{returning.away_for(away)}, beside {many:,} healthy Pods"
        _say(what)
        back = returning.outage(bed.operator, second, second.load.names[crashing:], what, away)
        second.quiet()
        events = _events(bed, set(second.load.names))
        memory = {part: peak / 1e6 for part, peak in bed.operator.peak_memory().items()}
    return [
        *_growth(among_few, among_many, few, many),
        *(
            Figure(name, Spread((value,)), "s", Aim.at_most(returning.MOST + 20))
            for name, value in back.items()
        ),
        Figure(
            f"{what}: Events about the healthy ones",
            Spread((float(events),)),
            "",
            Aim.exactly(0),
        ),
        *(
            Figure(f"memory at most, then: {part}", Spread((value,)), "MB")
            for part, value in memory.items()
        ),
    ]


def _batches(site: Site, batch: int) -> dict[str, list[float]]:
    """Crash Pods in batches.

    Returns:
        Part to CPU for a crash, of each batch, in milliseconds.
    """
    used: dict[str, list[float]] = {}
    for number in range(BATCHES):
        before = site.bed.cpu()
        names = site.load.names[number * batch : (number + 1) * batch]
        site.load.crash(names, 1, SECONDS)
        site.all_annotated(names, 1)
        site.quiet()
        for part, value in site.bed.cpu().items():
            used.setdefault(part, []).append((value - before[part]) / batch * 1000)
    return used


def _fill(site: Site, name: str, count: int) -> None:
    """Create healthy Pods beside those that crash, small ones, since only their number matters."""
    more = PodLoad(site.bed.api, site.load.namespace, count)
    more.create(lambda one: pods.manifest(f"{name}-{one}", LABELS), status=None)
    site.quiet(_FILLED)


def _events(bed: TestBed, crashed: set[str]) -> int:
    """Count the Events about Pods that did not crash."""
    found = bed.control_plane.admin.list(EVENTS, "many")
    return sum(one["involvedObject"]["name"] not in crashed for one in found)


def _growth(
    among_few: dict[str, list[float]], among_many: dict[str, list[float]], few: int, many: int
) -> list[Figure]:
    lines: list[Figure] = []
    for what, parts, aim in (
        ("the hooks", _HOOKS, None),
        ("the hooks and Metacontroller", _ALL, Aim.at_most(1.1)),
        (API_SERVER, (API_SERVER,), None),
    ):
        costs = [_sum(found, parts) for found in (among_few, among_many)]
        for number, cost in zip((few, many), costs, strict=True):
            lines.append(Figure(f"CPU for a crash among {number:,} Pods: {what}", cost, "ms"))
        lines.append(
            Figure(f"the latter over the former: {what}", costs[1].over(costs[0]), "", aim)
        )
    return lines


def _sum(found: dict[str, list[float]], parts: tuple[str, ...]) -> Spread:
    return Spread(tuple(map(sum, zip(*(found[part] for part in parts), strict=True))))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
