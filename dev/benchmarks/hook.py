"""The hook alone: requests a second with one Pod of 15 KB, beside a bare route."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dev.benchmarks import bare, samples
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.load_generator import drive
from dev.benchmarks.servers import BARE, GTHREAD, HOOK, Server
from dev.benchmarks.spread import Spread

PODS = "/pods/sync"
BASELINE = "bare route, gevent"
THREADS = ("bare route, gthread, 2 threads", "bare route, gthread, 4 threads")
HEALTHY = "hook, healthy Pod"
CRASHED = "hook, crashed Pod at first sight"
ANNOTATED = "hook, crashed Pod with our annotations"


@dataclass(frozen=True, slots=True)
class _Case:
    """Something that is measured in each round."""

    name: str
    server: Server
    path: str
    body: Callable[[datetime], bytes]


def measure(rounds: int = 30, seconds: float = 0.4) -> list[Figure]:
    """Measure all cases in turn, round by round.

    Args:
        rounds: how many rounds.
        seconds: for each case in a round.

    Returns:
        Requests a second, CPU for a request, and the ratios.

    Raises:
        dev.envtest.process.StartError: a server does not start.
        dev.benchmarks.load_generator.AnswerError: a request fails.
    """
    rates: dict[str, list[float]] = {}
    costs: dict[str, list[float]] = {}
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        cases = _cases(running, folder)
        for case in cases:  # a warm-up
            drive(case.server.port, case.path, case.body(datetime.now(UTC)), seconds=seconds / 2)
        for number in range(rounds):
            # In alternating order, so that drift within a round cancels out.
            for case in cases if number % 2 else reversed(cases):
                body = case.body(datetime.now(UTC))
                before = case.server.cpu_seconds()
                load = drive(case.server.port, case.path, body, seconds=seconds)
                used = case.server.cpu_seconds() - before
                rates.setdefault(case.name, []).append(load.rate)
                costs.setdefault(case.name, []).append(used / load.requests * 1e6)
    return _figures(
        {name: Spread(tuple(values)) for name, values in rates.items()},
        {name: Spread(tuple(values)) for name, values in costs.items()},
    )


def _cases(running: ExitStack, folder: Path) -> list[_Case]:
    """Start the servers."""
    hook = running.enter_context(Server("hook", HOOK, folder))
    gevent = running.enter_context(Server("bare-gevent", BARE, folder))
    threads = [
        running.enter_context(Server(f"bare-gthread-{number}", BARE, folder, (*GTHREAD, number)))
        for number in ("2", "4")
    ]
    return [
        _Case(BASELINE, gevent, bare.PATH, samples.healthy),
        _Case(HEALTHY, hook, PODS, samples.healthy),
        _Case(CRASHED, hook, PODS, samples.crashed),
        _Case(ANNOTATED, hook, PODS, samples.annotated),
        *(
            _Case(name, server, bare.PATH, samples.healthy)
            for name, server in zip(THREADS, threads, strict=True)
        ),
    ]


def _figures(rates: dict[str, Spread], costs: dict[str, Spread]) -> list[Figure]:
    figures = [Figure(name, rate, "requests/s") for name, rate in rates.items()] + [
        Figure(f"{name}: CPU", cost, "µs/request") for name, cost in costs.items()
    ]
    for name, least in ((HEALTHY, 0.85), (CRASHED, 0.7), (ANNOTATED, 0.7)):
        ratio = rates[name].over(rates[BASELINE])
        figures.append(Figure(f"{name} / {BASELINE}", ratio, "", Aim.at_least(least)))
        figures.append(
            Figure(
                f"{name} / {BASELINE}, by CPU for a request", costs[BASELINE].over(costs[name]), ""
            )
        )
        for other in THREADS:
            ratio = rates[name].over(rates[other])
            figures.append(Figure(f"{name} / {other}", ratio, "", Aim.at_least(1.5)))
    return figures
