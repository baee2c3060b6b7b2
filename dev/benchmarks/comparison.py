"""Put the figures of both operators side by side, and hold them against the aims."""

from collections.abc import Mapping
from dataclasses import dataclass

from dev.benchmarks.figures import Aim, Comparison
from dev.benchmarks.operators import KOPF, METACONTROLLER, PODDIAGNOSERS_HOOK, PODS_HOOK
from dev.benchmarks.quiet import MOST
from dev.benchmarks.spread import Spread
from dev.benchmarks.storm import OTHERS, Size
from dev.benchmarks.test_bed import API_SERVER

HOOKS = (PODS_HOOK, PODDIAGNOSERS_HOOK)
ALL = (*HOOKS, METACONTROLLER)

Found = Mapping[str, Mapping[str, Spread]]
"""Operator to figure to its spread."""


def aims(found: Found, size: Size) -> list[Comparison]:
    """Return the figures that have an aim.

    Args:
        found: what both operators did in the same rounds.
        size: how much that was.
    """
    rows = _Rows(found)
    crowds = {"a few": f"{size.singles:,}", "many": f"{size.storm:,}"}
    crowd = f"{size.storm:,} Pods crash"
    return [
        rows.same(f"{crowd}: all annotated", "storm, all annotated", "s", 1.15),
        rows.same(f"{crowd}: the status is right", "storm, status right", "s", 1.2),
        rows.cpu(f"{crowd}: CPU of the hooks", "storm", HOOKS, 0.8),
        rows.cpu(f"{crowd}: CPU of the hooks and Metacontroller", "storm", ALL, 1.8),
        rows.same(f"{crowd}: CPU of {API_SERVER}", f"storm, CPU: {API_SERVER}", "s", 1.0),
        rows.same(
            f"{crowd} while it was down: all annotated, from the start of Metacontroller or kopf",
            "backlog, all annotated",
            "s",
            1.0,
        ),
        *(
            rows.same(
                f"one crash to its annotation, {number} Pods there, p{percent}",
                f"one crash, {kind} Pods there, p{percent}",
                "ms",
                1.0,
            )
            for kind, number in crowds.items()
            for percent in (50, 95)
        ),
        rows.cpu(f"{size.storm:,} unrelated updates: CPU of the hooks", _UPDATES, HOOKS, 0.5),
        rows.cpu(
            f"{size.storm:,} unrelated updates: CPU of the hooks and Metacontroller",
            _UPDATES,
            ALL,
            0.5,
        ),
        rows.memory("memory of both hooks at most", HOOKS, Aim.at_most(200)),
        rows.alone(f"{crowd}: Pods in the status", "storm, Pods counted", Aim.exactly(size.storm)),
        rows.alone("…, and anew after being down", "backlog, Pods counted anew", Aim.exactly(0)),
        rows.alone(OTHERS, OTHERS, Aim.at_most(MOST), "%"),
    ]


def rest(found: Found, size: Size) -> list[Comparison]:
    """Return the other figures.

    Args:
        found: what both operators did in the same rounds.
        size: how much that was.
    """
    rows = _Rows(found)
    lines = []
    for phase in ("storm", "backlog", "single crashes", _UPDATES):
        lines += [
            rows.alone(f"{phase}: CPU of {part}", f"{phase}, CPU: {part}", None, "s")
            for part in ALL
        ]
        if phase != "storm":
            figure = f"{phase}, CPU: {API_SERVER}"
            lines.append(rows.same(f"{phase}: CPU of {API_SERVER}", figure, "s"))
    lines += [
        rows.same("storm: last crash", "storm, last crash", "s"),
        *(
            rows.same(f"{what}, p{percent}", f"{what}, p{percent}", "ms")
            for what in ("storm, from a Pod's crash to its annotation", "one crash after the storm")
            for percent in (50, 95)
        ),
        rows.same("backlog: from its start until it is ready", "backlog, ready", "s"),
        rows.alone(
            "storm: Pod syncs for a crash",
            "storm, Pod syncs for a crash",
            # Slightly above 2: a periodic resync of Metacontroller may fall into the storm.
            Aim.at_most(2.05) if size.storm >= 1000 else None,
        ),
        rows.alone(
            "backlog: Pod syncs for a crash, those of Pods that did not crash included",
            "backlog, Pod syncs for a crash",
            None,
        ),
        rows.memory("memory at most, Metacontroller", (METACONTROLLER,), None),
    ]
    return lines


_UPDATES = "unrelated updates"


@dataclass(frozen=True, slots=True)
class _Rows:
    """Makes lines of the table.

    Attributes:
        found: operator to figure to its spread.
    """

    found: Found

    def same(self, name: str, figure: str, unit: str, most: float | None = None) -> Comparison:
        """Compare a figure that both have."""
        aim = None if most is None else Aim.at_most(most)
        return Comparison(name, self.found["ours"][figure], self.found["kopf"][figure], unit, aim)

    def cpu(self, name: str, phase: str, parts: tuple[str, ...], most: float) -> Comparison:
        """Compare the CPU of parts of ours with that of kopf."""
        ours = self._sum([f"{phase}, CPU: {part}" for part in parts])
        theirs = self.found["kopf"][f"{phase}, CPU: {KOPF}"]
        return Comparison(name, ours, theirs, "s", Aim.at_most(most))

    def memory(self, name: str, parts: tuple[str, ...], aim: Aim | None) -> Comparison:
        """Show the memory of parts of ours; an aim is one of theirs alone, not of the ratio."""
        ours = self._sum([f"memory at most: {part}" for part in parts])
        theirs = self.found["kopf"][f"memory at most: {KOPF}"] if len(parts) > 1 else None
        return Comparison(name, ours, theirs, "MB", aim, of_ratio=False)

    def alone(self, name: str, figure: str, aim: Aim | None, unit: str = "") -> Comparison:
        """Show a figure; an aim is one of ours alone, not of the ratio."""
        theirs = self.found["kopf"].get(figure)
        return Comparison(name, self.found["ours"][figure], theirs, unit, aim, of_ratio=False)

    def _sum(self, figures: list[str]) -> Spread:
        first, *others = (self.found["ours"][figure] for figure in figures)
        for other in others:
            first = first.plus(other)
        return first
