"""What the benchmarks report: figures with their spread and, where there is one, their aim."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dev.benchmarks.spread import Spread


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be.

    Attributes:
        least: Not less than this.
        most: Not more than this.
    """

    least: float = -math.inf
    most: float = math.inf

    @classmethod
    def at_least(cls, least: float) -> Aim:
        """An aim with a lower end."""
        return cls(least=least)

    @classmethod
    def at_most(cls, most: float) -> Aim:
        """An aim with an upper end."""
        return cls(most=most)

    @classmethod
    def exactly(cls, value: float) -> Aim:
        """An aim of one value."""
        return cls(value, value)

    def met_by(self, value: float) -> bool:
        """Whether a value is as it should be.

        Args:
            value: The figure's median.

        Returns:
            True if it is.
        """
        return self.least <= value <= self.most

    def __str__(self) -> str:
        """The aim as the table shows it."""
        if self.least == self.most:
            return number(self.least)
        return f"≥ {number(self.least)}" if self.most == math.inf else f"≤ {number(self.most)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        name: What was measured.
        spread: What the rounds gave.
        unit: Of the values; empty for a ratio or a count.
        aim: What it should be, if anything.
    """

    name: str
    spread: Spread
    unit: str
    aim: Aim | None = None

    @property
    def met(self) -> bool | None:
        """Whether the median meets the aim; None without one."""
        return None if self.aim is None else self.aim.met_by(self.spread.median)

    def as_json(self) -> dict[str, Any]:
        """The figure for a file.

        Returns:
            Its parts, all values among them.
        """
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.spread.median,
            "min": self.spread.least,
            "max": self.spread.most,
            "values": list(self.spread.values),
            "aim": None if self.aim is None else str(self.aim),
            "met": self.met,
        }


def table(heading: str, figures: Iterable[Figure]) -> str:
    """Writes figures as a Markdown table.

    Args:
        heading: What stands above it.
        figures: One a line.

    Returns:
        The text, with a line break at its end.
    """
    lines = [f"### {heading}", "", "| | median | min … max | aim | |", "|---|---|---|---|---|"]
    for figure in figures:
        spread = figure.spread
        several = len(spread.values) > 1
        lines.append(
            f"| {figure.name} | {number(spread.median)} {figure.unit}".rstrip()
            + f" | {f'{number(spread.least)} … {number(spread.most)}' if several else ''} "
            f"| {figure.aim or ''} | {_VERDICTS[figure.met]} |"
        )
    return "\n".join(lines) + "\n"


_VERDICTS = {None: "", True: "met", False: "**missed**"}


def number(value: float) -> str:
    """Writes a number with the digits that mean something.

    Args:
        value: The number.

    Returns:
        Three significant digits; all of those before the point, with a comma at thousands.
    """
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
