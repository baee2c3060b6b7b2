"""The entries of the corpus: what crashed programs printed, and what is true of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from pod_diagnoser.api.reason_classes import ReasonClass
from tests.output.definitions import Definition, programs, written

CALM = (ReasonClass.NOTHING, ReasonClass.ASKED_TO_STOP)
"""The classes of outputs that hold no reason for a failure."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a program printed.

    Attributes:
        name: the definition's.
        log: what it printed.
        quotes: parts of the lines that an engineer would quote, best first.
        reason_class: the class of the reason.
        runtime: what wrote it.
        is_run: that a program printed this; otherwise it is written by hand, by the form that a
            program's source has.
    """

    name: str
    log: str
    quotes: tuple[str, ...]
    reason_class: ReasonClass
    runtime: str
    is_run: bool

    @property
    def has_cause(self) -> bool:
        """Say whether the output holds a reason for a failure."""
        return self.reason_class not in CALM

    def is_quoted_by(self, line: str) -> bool:
        """Say whether a line is one that an engineer would quote."""
        shown = line.strip()
        return any(
            quote.strip() in shown or (bool(shown) and shown in quote) for quote in self.quotes
        )


def entries() -> Iterator[Entry]:
    """Yield all entries, the programs' first."""
    for program in programs():
        if program.printed.exists():
            yield _entry(program, program.printed.read_text(encoding="utf-8"), is_run=True)
    for each in written():
        yield _entry(each, each.files["output"], is_run=False)


def _entry(definition: Definition, log: str, *, is_run: bool) -> Entry:
    return Entry(
        definition.name,
        log,
        definition.quotes,
        definition.reason_class,
        definition.runtime,
        is_run,
    )
