"""What the benchmarks report: figures with their spread and, where there is one, their aim."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

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


class Line(Protocol):
    """One line of a table."""

    COLUMNS: ClassVar[tuple[str, ...]]
    """The table's heads."""

    @property
    def name(self) -> str:
        """What was measured."""

    @property
    def met(self) -> bool | None:
        """Whether the median meets the aim; None without one."""

    def cells(self) -> tuple[str, ...]:
        """Return the line as the table shows it, a text for each of its columns."""

    def as_json(self) -> dict[str, Any]:
        """Return the line for a file."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, with its spread.

    Attributes:
        name: what was measured.
        spread: what the rounds gave.
        unit: of the values; empty for a ratio or a count.
        aim: what it should be, if anything.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ("", "median", "min … max", "aim", "")

    name: str
    spread: Spread
    unit: str
    aim: Aim | None = None

    @classmethod
    def of(
        cls, name: str, values: Iterable[float], unit: str, most: float | None = None
    ) -> "Figure":
        """Make a figure of what the rounds gave; `most` is its aim, if any."""
        aim = None if most is None else Aim.at_most(most)
        return cls(name, Spread(tuple(values)), unit, aim)

    @property
    def met(self) -> bool | None:
        """Whether the median meets the aim; None without one."""
        return None if self.aim is None else self.aim.met_by(self.spread.median)

    def cells(self) -> tuple[str, ...]:
        """Return the line as the table shows it."""
        spread, several = self.spread, len(self.spread.values) > 1
        return (
            self.name,
            f"{number(spread.median)} {self.unit}".rstrip(),
            f"{number(spread.least)} … {number(spread.most)}" if several else "",
            str(self.aim or ""),
            _VERDICTS[self.met],
        )

    def as_json(self) -> dict[str, Any]:
        """Return the figure for a file."""
        return {
            "name": self.name,
            "unit": self.unit,
            **_spread_as_json(self.spread),
            "aim": None if self.aim is None else str(self.aim),
            "met": self.met,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of two operators side by side, and its ratio round by round.

    Attributes:
        name: what was measured.
        ours: what the rounds gave for this project.
        theirs: what they gave for the other one; None where it has nothing of the kind.
        unit: of the values; empty for a count.
        aim: what the ratio should be.
        of_ratio: whether it is; otherwise the aim is what ours should be.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ("", "ours", "kopf", "ours / kopf", "aim", "")

    name: str
    ours: Spread
    theirs: Spread | None
    unit: str
    aim: Aim | None = None
    of_ratio: bool = True

    @property
    def ratio(self) -> Spread | None:
        """Ours over theirs, round by round; None where there is none, and of counts and shares."""
        if self.theirs is None or self.unit in {"", "%"} or not all(self.theirs.values):
            return None
        return self.ours.over(self.theirs)

    @property
    def met(self) -> bool | None:
        """Whether the median meets the aim; None without one."""
        judged = self.ratio if self.of_ratio else self.ours
        return None if self.aim is None or judged is None else self.aim.met_by(judged.median)

    def cells(self) -> tuple[str, ...]:
        """Return the line as the table shows it."""
        ratio = self.ratio
        return (
            self.name,
            _with_ends(self.ours, self.unit),
            "" if self.theirs is None else _with_ends(self.theirs, self.unit),
            "" if ratio is None else _with_ends(ratio, ""),
            str(self.aim or ""),
            _VERDICTS[self.met],
        )

    def as_json(self) -> dict[str, Any]:
        """Return the line for a file."""
        ratio = self.ratio
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": _spread_as_json(self.ours),
            "kopf": None if self.theirs is None else _spread_as_json(self.theirs),
            "ratio": None if ratio is None else _spread_as_json(ratio),
            "aim": None if self.aim is None else str(self.aim),
            "met": self.met,
        }


def table(heading: str, lines: Sequence[Line], note: str = "") -> str:
    """Write lines as a Markdown table.

    Args:
        heading: what stands above it, with its ``#``; without them it is one of three.
        lines: all of one kind, at least one.
        note: a paragraph between heading and table.
    """
    columns = lines[0].COLUMNS
    rows = (columns, ("---",) * len(columns), *(line.cells() for line in lines))
    above = [heading if heading.startswith("#") else f"### {heading}", ""]
    if note:
        above += [note, ""]
    return "\n".join([*above, *(_row(row) for row in rows)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    if set(cells) == {"---"}:
        return f"|{'|'.join(cells)}|"
    return "".join(f"| {cell} " if cell else "|  " for cell in cells) + "|"


def _with_ends(spread: Spread, unit: str) -> str:
    """Write a median, and the ends where there are several values."""
    text = f"{number(spread.median)} {unit}".rstrip()
    if len(set(spread.values)) == 1:
        return text
    return f"{text} ({number(spread.least)} … {number(spread.most)})"


def _spread_as_json(spread: Spread) -> dict[str, Any]:
    return {
        "median": spread.median,
        "min": spread.least,
        "max": spread.most,
        "values": list(spread.values),
    }


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
