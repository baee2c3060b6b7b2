"""Measures the reader on entries of the corpus: ``python -m tests.output.scoring [PART...]``.

Prints the figures, and each entry that is not read as it should be.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from pod_diagnoser.diagnosis.output import OutputReading, read_output
from tests.output.entries import Entry, entries


@dataclass(slots=True)
class Figures:
    """How many entries are read how.

    Attributes:
        cause: those that hold a reason.
        first: the first line is one that an engineer would quote.
        any: one of the lines is.
        wrong: the first line is none: worse than silence.
        silent: no line, though there is a reason.
        named: the first line is right, and so is the class.
        runtime: the first line is right, and so is the runtime.
        quiet: entries that hold no reason.
        calm: of these, those of which it is said.
    """

    cause: int = 0
    first: int = 0
    any: int = 0
    wrong: int = 0
    silent: int = 0
    named: int = 0
    runtime: int = 0
    quiet: int = 0
    calm: int = 0

    def add(self, entry: Entry, reading: OutputReading) -> bool:
        """Count an entry; say whether line, class and runtime are right."""
        if not entry.has_cause:
            self.quiet += 1
            calm = reading.reason_class is entry.reason_class
            self.calm += calm
            return calm
        self.cause += 1
        first = bool(reading.lines) and entry.is_quoted_by(reading.lines[0])
        named = first and reading.reason_class is entry.reason_class
        runtime = first and reading.runtime == entry.runtime
        self.first += first
        self.any += any(map(entry.is_quoted_by, reading.lines))
        self.silent += not reading.lines
        self.wrong += bool(reading.lines) and not first
        self.named += named
        self.runtime += runtime
        return named and runtime

    def __add__(self, other: "Figures") -> "Figures":
        """Return the sums."""
        return Figures(
            *(getattr(self, each.name) + getattr(other, each.name) for each in fields(self))
        )

    def share(self, name: str) -> float:
        """Return a figure as a part of those that it counts among.

        Args:
            name: of the figure.
        """
        whole = {"calm": self.quiet, "named": self.first, "runtime": self.first}
        count: int = getattr(self, name)
        return count / max(1, whole.get(name, self.cause))


def score(measured: Iterable[Entry]) -> Figures:
    """Return the figures of entries."""
    figures = Figures()
    for entry in measured:
        figures.add(entry, read_output(entry.log))
    return figures


def _differences(measured: Iterable[Entry], figures: Figures) -> Iterator[str]:
    for entry in measured:
        reading = read_output(entry.log)
        if figures.add(entry, reading):
            continue
        yield (
            f"{entry.name}: {reading.reason_class} {reading.runtime} {list(reading.lines[:2])}\n"
            f"    should be {entry.reason_class} {entry.runtime} {list(entry.quotes[:1])}"
        )


def main(parts: list[str]) -> None:
    """Print the figures of the entries with these parts in their names; without parts, of all."""
    chosen = [
        entry for entry in entries() if not parts or any(part in entry.name for part in parts)
    ]
    figures = Figures()
    for line in _differences(chosen, figures):
        print(line)
    print(figures)
    print({each: f"{figures.share(each):.1%}" for each in SHARES})


SHARES = ("first", "any", "wrong", "silent", "named", "runtime", "calm")
"""The figures that are shown as shares, in the order of the table."""


if __name__ == "__main__":
    main(sys.argv[1:])
