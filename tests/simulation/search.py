"""Execute many simulation runs, and report what they covered.

    python -m tests.simulation.search RUNS [FIRST_SEED]

A run that fails is shrunk and its trace is printed; then the exit code is 1. Stopped by Ctrl-C or
SIGTERM it reports what it covered until then.
"""

import argparse
import gc
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from tests.simulation.faults import ANSWERS, CALLS, WRITES
from tests.simulation.properties import Property, Violation
from tests.simulation.runner import Result, run
from tests.simulation.shrinking import explain, shrink
from tests.simulation.simulation_run import SimulationRun

CHUNK = 25
MAX_TRACES = 3
_WIDTH = 40
_MINUTE = 60.0


@dataclass
class Totals:
    """The results of many runs.

    Attributes:
        runs: how many.
        steps: of their schedulers.
        injected: injected faults, by kind.
        operations: what happened, by kind.
        counts: writes, calls, crashes and the like.
        states: numbers of the distinct states of PodDiagnosers.
        failed: seeds with what did not hold.
    """

    runs: int = 0
    steps: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    states: set[int] = field(default_factory=set)
    failed: list[tuple[int, Violation]] = field(default_factory=list)

    def add(self, simulation: SimulationRun, result: Result) -> None:
        """Add a run."""
        self.runs += 1
        self.steps += result.steps
        self.injected += result.injected
        self.operations.update(operation.name for operation in simulation.operations)
        self.counts += result.counts
        self.states |= result.states
        self.failed += [(simulation.seed, violation) for violation in result.violations[:1]]

    def merge(self, other: "Totals") -> None:
        """Add other runs."""
        self.runs += other.runs
        self.steps += other.steps
        self.injected += other.injected
        self.operations += other.operations
        self.counts += other.counts
        self.states |= other.states
        self.failed += other.failed

    def report(self) -> str:
        """Return the report as text."""
        found = Counter(violation.property for _, violation in self.failed)
        lines = [
            (
                f"{self.runs:,} runs, {self.steps:,} steps, "
                f"{len(self.states):,} distinct states, {len(self.failed)} with a violation"
            ),
            "",
            *_table("What happened", self.operations),
            *_table("Injected faults", self.injected),
            *_table("Counted", self.counts),
            "Properties that held" if not found else "Properties",
            *(
                f"  {'VIOLATED ' + str(found[each]) if found[each] else 'held':>12}  {each.value}"
                for each in Property
            ),
        ]
        missing = {*CALLS, *ANSWERS, *WRITES} - set(self.injected)
        if missing:
            lines.append(f"Never injected: {', '.join(sorted(missing))}")
        return "\n".join(lines)


def run_seeds(seeds: range) -> Totals:
    """Execute the runs of some seeds."""
    totals = Totals()
    for seed in seeds:
        simulation = SimulationRun.drawn(seed)
        try:
            totals.add(simulation, run(simulation))
        except Exception as error:
            error.add_note(f"in the run of seed {seed}")
            raise
    return totals


def chunks(first: int, count: int, size: int = CHUNK) -> list[range]:
    """Divide seeds among processes."""
    end = first + count
    return [range(start, min(start + size, end)) for start in range(first, end, size)]


def _table(title: str, counts: Counter[str]) -> Iterator[str]:
    yield title
    for name, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        yield f"  {count:>12,}  {name}"
    yield ""


class _Progress:
    """A bar on a terminal; a line a minute elsewhere."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._since = time.monotonic()
        self._next = self._since

    def show(self, totals: Totals) -> None:
        """Show how far it is."""
        done = totals.runs
        share = done / self._count
        rate = done / max(time.monotonic() - self._since, 1e-6)
        left = (self._count - done) / rate
        text = (
            f"{done:,} of {self._count:,} runs, {rate:.0f}/s, {left / 60:.0f} min left, "
            f"{len(totals.states):,} states, {len(totals.failed)} violated"
        )
        if sys.stderr.isatty():
            bar = "█" * int(share * _WIDTH)
            sys.stderr.write(f"\r[{bar:<{_WIDTH}}] {text} ")
        elif time.monotonic() >= self._next:
            self._next += _MINUTE
            sys.stderr.write(text + "\n")
        sys.stderr.flush()


def _on_signals(handler: Callable[..., None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def begin() -> None:
    """Set up a worker process: only the parent handles signals."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A cluster is a web of reference cycles that lives as long as its run: with fewer collections a
    # run takes an eighth less time.
    gc.set_threshold(200_000, 50, 100)


def _search(first: int, count: int, processes: int) -> Totals:
    """Execute runs in several processes, until they are done or a signal arrives."""
    totals, progress = Totals(), _Progress(count)

    def stop(*_: object) -> None:
        _on_signals(signal.SIG_IGN)
        raise KeyboardInterrupt

    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, begin) as pool:
        parts = [pool.submit(run_seeds, part) for part in chunks(first, count)]
        _on_signals(stop)
        try:
            sys.stderr.write(f"Searching by {processes} processes.\n")
            for done in as_completed(parts):
                part = done.result()
                totals.merge(part)
                for seed, violation in part.failed:
                    sys.stderr.write(f"\nSeed {seed}: {violation}\n")
                progress.show(totals)
        except (KeyboardInterrupt, BrokenProcessPool):  # a signal to the group ends workers, too
            sys.stderr.write("\nStopped before the end.\n")
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.kill()
        except Exception:  # a mistake of the simulation's: not to be kept until all else is done
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return totals


def main() -> int:
    """Search."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("runs", type=int, help="number of simulation runs")
    parser.add_argument("first_seed", type=int, nargs="?", default=0, help="seed of the first run")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--trace", action="store_true", help="print the trace of each run")
    arguments = parser.parse_args()
    if arguments.trace:
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.runs):
            sys.stdout.write(run(SimulationRun.drawn(seed), readable=True).trace + "\n")
        return 0
    totals = _search(arguments.first_seed, arguments.runs, arguments.processes)
    sys.stdout.write("\n" + totals.report() + "\n")
    for seed, violation in sorted(totals.failed, key=lambda each: each[0])[:MAX_TRACES]:
        smaller = shrink(SimulationRun.drawn(seed), violation.property)
        sys.stdout.write("\n" + explain(smaller, violation) + "\n")
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
