"""What the benchmarks report: figures with their spread and, where there is one, their aim."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from dev.benchmarks.spread import Spread


@dataclass(frozen=True, slots=True)
class Aim:
    """What a figure should be.

    Attributes:
        least: not less than this.
        most: not more than this.
    """

    least: float = -math.inf
    most: float = math.inf

    @classmethod
    def at_least(cls, least: float) -> Self:
        """An aim with a lower end."""
        return cls(least=least)

    @classmethod
    def at_most(cls, most: float) -> Self:
        """An aim with an upper end."""
        return cls(most=most)

    @classmethod
    def exactly(cls, value: float) -> Self:
        """An aim of one value."""
        return cls(value, value)

    def met_by(self, value: float) -> bool:
        """Say whether a value is as it should be.

        Args:
            value: the figure's median.
        """
        return self.least <= value <= self.most

    def __str__(self) -> str:
        """Return the aim as the table shows it."""
        if self.least == self.most:
            return number(self.least)
        return f"≥ {number(self.least)}" if self.most == math.inf else f"≤ {number(self.most)}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        name: what was measured.
        spread: what the rounds gave.
        unit: of the values; empty for a ratio or a count.
        aim: what it should be, if anything.
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
        """Return the figure for a file."""
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
    """Write figures as a Markdown table.

    Args:
        heading: what stands above it.
        figures: one a line.
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
    """Write a number with three significant digits.

    Args:
        value: the number.

    Returns:
        Three significant digits; all of those before the point, with a comma at thousands.
    """
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
