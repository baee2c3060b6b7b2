"""What a grammar is: how the last words of one runtime, server or log format look. Pure.

A grammar reads the lines of one stream, top to bottom, as a state machine, and yields a `Finding`
for each event that can end a program. It never goes back: each line is matched a fixed number of
times, by patterns that are anchored or start with a literal, and hold no repeat inside a repeat.
So its time grows with the length of the text, whatever the text is.

How to add one: write a module in `grammars` with a function from lines to findings and a constant
``GRAMMAR``, and put that into the row of `grammars.GRAMMARS` at the place of its rank.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from pod_diagnoser.api.reason_classes import ReasonClass


class Weight(IntEnum):
    """How sure it is that an event ended the program. The higher wins, whatever the rank."""

    # Only words such as "failed" in a line of an unknown form
    WEAK = 1
    # An error that was logged; the program may have gone on
    LOGGED = 2
    # What a runtime or a server writes when it ends
    FATAL = 3
    # What explains the other events of the run, such as Spring's analysis of its own failure
    DECISIVE = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One event in a stream that can have ended the program.

    Attributes:
        start: the line at which it begins; the first of several events is the reason.
        quotes: the lines that say why, best first. At most three are used.
        reason_class: the class where words of the quotes tell none; None for UncaughtException.
        meaning: what the class is read from, if that is not the quoted lines; of several texts
            the first that tells one.
        weight: how sure it is that this ended the program.
        runtime: which one it was, if the grammar knows several.
        exact: that `reason_class` holds whatever the words are.
    """

    start: int
    quotes: tuple[int, ...]
    reason_class: ReasonClass | None = None
    meaning: str | tuple[str, ...] = ""
    weight: Weight = Weight.FATAL
    runtime: str = ""
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Grammar:
    """How the last words of one runtime, server or log format look.

    Attributes:
        runtime: what writes like this, such as ``python``; empty if that cannot be known.
        marks: without any of these in the text there is nothing to find, and it is not searched;
            in lower case, compared with the text in lower case. Empty: always search.
        find: finds the events in the lines of one stream: without wrapping (timestamps of
            collectors, colours), without blank lines, each at most `lines.MAX_CHARS` long.
        complete: adds to an event that counts what is costly to tell of each, such as its class.
    """

    runtime: str
    marks: tuple[str, ...]
    find: Callable[[Sequence[str]], Iterator[Finding]]
    complete: Callable[[Sequence[str], Finding], Finding] | None = None
