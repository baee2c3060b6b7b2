"""The whole operator in a cluster, beside one in kopf that does the same job.

Each round is a fresh control plane for each of the two, and in it: updates that matter to nobody,
single crashes in a small and in a large namespace, a storm, single crashes after it, and a storm
while the operator is down.
"""

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from dev.benchmarks.operators import OPERATORS
from dev.benchmarks.quiet import Quiet
from dev.benchmarks.site import TIMEOUT, Site, open_site
from dev.benchmarks.spread import Spread, percentile
from dev.benchmarks.test_bed import open_test_bed

_MB = 1e6
"""Bytes of what memory is given in."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a round does.

    Attributes:
        storm: Pods that crash at once, and that are there when single ones crash.
        singles: single crashes.
        late: single crashes after the storm.
        seconds: over how many the storm's crashes are spread.
    """

    storm: int = 1000
    singles: int = 50
    late: int = 20
    seconds: float = 3.5


FULL, QUICK = Size(), Size(200, 10, 5, 0.7)


@dataclass(slots=True)
class Round:
    """What one operator did in one round.

    Attributes:
        size: how much it had to do.
        figures: figure to value.
    """

    size: Size
    figures: dict[str, float] = field(default_factory=dict)

    def used(self, phase: str, before: Mapping[str, float], after: Mapping[str, float]) -> None:
        """Note the CPU seconds of each part.

        Args:
            phase: of the round.
            before: by part, when it began.
            after: by part, when it had ended.
        """
        for part, value in after.items():
            self.figures[f"{phase}, CPU: {part}"] = value - before.get(part, 0.0)

    def synced(self, phase: str, before: float | None, after: float | None, crashes: int) -> None:
        """Note how many syncs of Pods a crash took, where the operator counts them.

        Args:
            phase: of the round.
            before: how many there had been when it began.
            after: how many when it had ended.
            crashes: how many Pods crashed in it.
        """
        if before is not None and after is not None:
            self.figures[f"{phase}, Pod syncs for a crash"] = (after - before) / crashes

    def percentiles(self, name: str, delays: list[float]) -> None:
        """Note how long something took.

        Args:
            name: what.
            delays: milliseconds.
        """
        for percent in (50, 95):
            self.figures[f"{name}, p{percent}"] = percentile(delays, percent)

    def memory(self, peaks: Mapping[str, int]) -> None:
        """Note the most memory of each part so far.

        Args:
            peaks: by part, in bytes.
        """
        for part, peak in peaks.items():
            name = f"memory at most: {part}"
            self.figures[name] = max(peak / _MB, self.figures.get(name, 0.0))


def run(name: str, size: Size = FULL) -> dict[str, float]:
    """Run one round of one operator.

    Args:
        name: one of `OPERATORS`.
        size: how much it does.

    Returns:
        Figure to value.

    Raises:
        TimeoutError: Pods are not annotated.
        dev.envtest.process.StartError: something does not start.
    """
    done = Round(size)
    with open_test_bed(OPERATORS[name]) as bed, ExitStack() as watches:
        small = open_site(bed, "small", size.singles, watches)
        large = open_site(bed, "large", size.storm + size.singles, watches)
        bed.operator.start()
        for site in (small, large):
            site.quiet()
        _updates(large, done)
        _singles(small, large, done)
        names = large.load.names[size.singles :]
        storm(large, names, done)
        done.percentiles("one crash after the storm", _crash_one_by_one(large, size.late, 3))
        large.quiet()
        done.memory(bed.operator.peak_memory())
        _backlog(large, names, done)
        done.memory(bed.operator.peak_memory())
    return done.figures


def _updates(site: Site, done: Round) -> None:
    """Update healthy Pods in a way that matters to nobody."""
    before = site.bed.cpu()
    site.load.touch(site.load.names[: done.size.storm], done.size.seconds)
    site.quiet()
    done.used("unrelated updates", before, site.bed.cpu())


def _singles(small: Site, large: Site, done: Round) -> None:
    """Single crashes in both namespaces, in turn, so that what else happens hits both alike."""
    before = small.bed.cpu()
    delays: dict[str, list[float]] = {"a few": [], "many": []}
    for number in range(done.size.singles):
        for kind, site in (("a few", small), ("many", large)):
            delays[kind] += _delays(site, [site.load.names[number]], 1)
            time.sleep(0.05)
    for site in (small, large):
        site.quiet()
    done.used("single crashes", before, small.bed.cpu())
    for kind, values in delays.items():
        done.percentiles(f"one crash, {kind} Pods there", values)


def _crash_one_by_one(site: Site, count: int, code: int) -> list[float]:
    delays: list[float] = []
    for name in site.load.names[:count]:
        delays += _delays(site, [name], code)
        time.sleep(0.1)
    return delays


def _delays(site: Site, names: list[str], code: int) -> list[float]:
    """From the acknowledged status write to the annotation, in milliseconds."""
    written = site.load.crash(names, code)
    observed_at = site.watch.wait(names, code, TIMEOUT)
    return [(observed_at[name] - written[name]) * 1000 for name in names]


def storm(site: Site, names: list[str], done: Round) -> None:
    """Crash Pods within some seconds, for the first time.

    Args:
        site: their namespace.
        names: which.
        done: where the figures go.
    """
    bed, counted = site.bed, site.counted()
    before, syncs = bed.cpu(), bed.operator.pod_syncs()
    written = site.load.crash(names, 2, done.size.seconds)
    observed_at = site.watch.wait(names, 2, TIMEOUT)
    first = min(written.values())
    right = site.status_right(counted + len(names))
    site.quiet()
    done.used("storm", before, bed.cpu())
    delays = [(observed_at[name] - written[name]) * 1000 for name in names]
    done.percentiles("storm, from a Pod's crash to its annotation", delays)
    done.figures |= {
        "storm, last crash": max(written.values()) - first,
        "storm, all annotated": max(observed_at.values()) - first,
        "storm, status right": right - first,
        "storm, Pods counted": site.counted() - counted,
    }
    done.synced("storm", syncs, bed.operator.pod_syncs(), len(names))


def _backlog(site: Site, names: list[str], done: Round) -> None:
    """Crash Pods while the operator is down; start it once what serves is up."""
    operator, counted = site.bed.operator, site.counted()
    operator.stop()
    site.load.crash(names, 4)
    site.quiet(1.0)
    operator.start_servers()
    before, syncs = site.bed.cpu(), operator.pod_syncs()
    begun = time.perf_counter()
    operator.start_rest()
    ready = time.perf_counter()
    annotated = site.all_annotated(names, 4)
    site.quiet()
    done.used("backlog", before, site.bed.cpu())
    done.synced("backlog", syncs, operator.pod_syncs(), len(names))
    done.figures |= {
        "backlog, all annotated": annotated - begun,
        "backlog, ready": ready - begun,
        "backlog, Pods counted anew": site.counted() - counted,
    }


def measure(rounds: int, size: Size, quiet: Quiet) -> dict[str, dict[str, Spread]]:
    """Run both operators in turn.

    Args:
        rounds: how many rounds.
        size: how much each does.
        quiet: says what others used meanwhile.

    Returns:
        Operator to figure to its spread.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: Pods are not annotated.
    """
    results: dict[str, list[dict[str, float]]] = {name: [] for name in OPERATORS}
    for number in range(rounds):
        for name in OPERATORS if number % 2 == 0 else reversed(OPERATORS):
            # Minutes pass: show that it goes on.
            sys.stderr.write(f"round {number + 1} of {rounds}: {name}\n")
            begun = time.monotonic()
            found = run(name, size)
            results[name].append(found | {OTHERS: quiet.others(begun)})
    return {
        name: {figure: Spread(tuple(one[figure] for one in found)) for figure in found[0]}
        for name, found in results.items()
    }


OTHERS = "processors' time that went to other programs"
