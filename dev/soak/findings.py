"""What a soak found, in tables, with what each figure should be. Pure."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from dev.benchmarks.figures import Aim, number
from dev.benchmarks.operators import PODDIAGNOSERS_HOOK, PODS_HOOK
from dev.soak.census import Sample

BARE_ROUTE = "a bare Flask route"
SERVERS = (PODS_HOOK, PODDIAGNOSERS_HOOK, BARE_ROUTE)

SYNCS = 50
"""Syncs of Pods a second, and requests to the bare route."""

LEAST_SYNCS = 0.9 * SYNCS
"""With less it is no such load: the machine is too slow, or too busy."""

GROWTH = 5.0
"""Per cent by which memory may grow from the first third to the last one, after the warm-up."""

MORE = 5
"""File descriptors and greenlets that there may be more in the last third than in the first:
connections come and go."""

P99_MS = 500.0
_MIB = 1024 * 1024
_PARTS = 3
_VERDICTS = {None: "", True: "met", False: "**missed**"}


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen, after the warm-up.

    Attributes:
        seconds: for how long.
        samples: of each of `SERVERS`, in order.
        taken: milliseconds that each request took for its caller, for each of `SERVERS`.
        crashes: milliseconds from each crash until its Pod was annotated.
        errors: how often what went wrong, by kind.
        cpu: per cent of a processor that each part used.
    """

    seconds: float
    samples: Mapping[str, Sequence[Sample]]
    taken: Mapping[str, Sequence[float]]
    crashes: Sequence[float]
    errors: Mapping[str, int]
    cpu: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line about the whole.

    Attributes:
        name: what was measured.
        value: what was found.
        unit: of the value.
        aim: what it should be, if anything.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ("", "found", "aim", "")

    name: str
    value: float
    unit: str = ""
    aim: Aim | None = None

    @property
    def met(self) -> bool | None:
        """Whether the value meets the aim; None without one."""
        return None if self.aim is None else self.aim.met_by(self.value)

    def cells(self) -> tuple[str, ...]:
        """Return the line as the table shows it."""
        value = f"{number(self.value)} {self.unit}".rstrip()
        return (self.name, value, str(self.aim or ""), _VERDICTS[self.met])

    def as_json(self) -> dict[str, Any]:
        """Return the line for a file."""
        return {"name": self.name, "value": self.value, "unit": self.unit, "met": self.met}


@dataclass(frozen=True, slots=True)
class Beside:
    """One line about both of the hook's processes, beside the bare route.

    Attributes:
        name: what was measured, with its unit.
        values: what was found, for each of `SERVERS`; None where it is not known.
        aim: what the values of those that are `judged` should be, if anything.
        judged: whose.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ("", *SERVERS, "aim", "")

    name: str
    values: Mapping[str, float | None]
    aim: Aim | None = None
    judged: tuple[str, ...] = (PODS_HOOK, PODDIAGNOSERS_HOOK)

    @property
    def met(self) -> bool | None:
        """Whether all that are judged meet the aim; None without one."""
        if self.aim is None:
            return None
        found = [self.values[name] for name in self.judged]
        return all(value is not None and self.aim.met_by(value) for value in found)

    def cells(self) -> tuple[str, ...]:
        """Return the line as the table shows it."""
        found = [self.values[name] for name in SERVERS]
        texts = ["not known" if value is None else number(value) for value in found]
        return (self.name, *texts, str(self.aim or ""), _VERDICTS[self.met])

    def as_json(self) -> dict[str, Any]:
        """Return the line for a file."""
        return {"name": self.name, "values": dict(self.values), "met": self.met}


Tables = Mapping[str, Sequence[Finding] | Sequence[Beside]]
"""Heading to lines."""


def tables(found: Found) -> Tables:
    """Judge what was found.

    Args:
        found: what was seen.
    """
    syncs = len(found.taken[PODS_HOOK]) / found.seconds
    return {
        "What must not happen": [
            Finding(name, count, aim=Aim.exactly(0)) for name, count in found.errors.items()
        ],
        "Both processes of the hook, beside a bare Flask route": _beside(found),
        "The whole": [
            Finding("syncs of Pods", syncs, "a second", Aim.at_least(LEAST_SYNCS)),
            Finding("from a crash to its annotation, median", _part(found.crashes, 50), "ms"),
            Finding("from a crash to its annotation, p99", _part(found.crashes, 99), "ms"),
            *[Finding(f"CPU, {name}", used, "%") for name, used in found.cpu.items()],
        ],
    }


def is_violated(found: Tables) -> bool:
    """Return whether anything is not as it should be."""
    return any(line.met is False for lines in found.values() for line in lines)


def _beside(found: Found) -> list[Beside]:
    def ends(of: Callable[[Sample], float | None]) -> dict[str, tuple[float, float] | None]:
        """Return the medians of the first and the last part."""
        return {name: _ends([of(one) for one in found.samples[name]]) for name in SERVERS}

    memory = ends(lambda one: one.memory / _MIB)
    files = ends(lambda one: one.files)
    greenlets = ends(lambda one: one.greenlets)
    return [
        Beside("requests", {name: len(found.taken[name]) for name in SERVERS}),
        Beside("time of a request, median, ms", _each(found.taken, 50)),
        Beside(
            "time of a request, p99, ms",
            _each(found.taken, 99),
            Aim.at_most(P99_MS),
            (PODS_HOOK,),  # the other one's wait on purpose
        ),
        Beside("memory at the end, MiB", {name: both and both[1] for name, both in memory.items()}),
        Beside(
            "memory, growth, %",
            {name: both and 100 * (both[1] / both[0] - 1) for name, both in memory.items()},
            Aim.at_most(GROWTH),
        ),
        Beside("file descriptors, more", _more(files), Aim.at_most(MORE)),
        Beside("greenlets, more", _more(greenlets), Aim.at_most(MORE)),
    ]


def _ends(values: Sequence[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    part = len(values) // _PARTS
    if not part or len(known) < len(values):
        return None
    return statistics.median(known[:part]), statistics.median(known[-part:])


def _more(ends: Mapping[str, tuple[float, float] | None]) -> dict[str, float | None]:
    return {name: both and both[1] - both[0] for name, both in ends.items()}


def _each(taken: Mapping[str, Sequence[float]], per_cent: int) -> dict[str, float | None]:
    return {name: _part(taken[name], per_cent) for name in SERVERS}


def _part(values: Sequence[float], per_cent: int) -> float:
    """Return a percentile; 0 where there are too few values for any."""
    if len(values) < 2:
        return 0.0
    return statistics.quantiles(values, n=100)[per_cent - 1]
