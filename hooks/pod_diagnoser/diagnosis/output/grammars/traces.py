"""What grammars of traces share: how sure an event is by the record before it. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from pod_diagnoser.diagnosis.output.grammar import Weight
from pod_diagnoser.diagnosis.output.levels import Level, level_of

_ENDS: Final = re.compile(
    r"[Uu]ncaught|[Uu]nhandled|UNCAUGHT|UNHANDLED|[Ff]atal|FATAL|[Cc]rash|[Pp]anic"
    r"|[Ff]ailed to (?:start|boot|initiali[sz]e|launch)|[Ff]ailure starting|[Ss]tart-?up failed"
    r"|[Ee]xception (?:during|on) (?:start|boot|initial)|[Ee]xception in worker process"
    r"|Application run failed|Startup failed|startup error|[Uu]nable to start|[Cc]ould not start"
    r"|[Ee]xiting|[Tt]erminating|shutting down|Shutting down|[Cc]ould not be started"
)


def weight_after(lines: Sequence[str], number: int) -> Weight:
    """Return how sure an event is that begins at a line, by the record in or before this line.

    A trace that stands alone was written by the runtime as it ended; one after a record of a log
    was caught, and the program may have gone on, unless the record says that it did not.
    """
    for place in (number, number - 1):
        if place < 0 or (level := level_of(lines[place])) is None:
            continue
        if level is Level.FATAL or _ENDS.search(lines[place]):
            return Weight.FATAL
        if level is Level.ERROR:
            return Weight.LOGGED
        # An exception that was told as a warning did not end it.
        return Weight.WEAK if place == number or level is Level.WARNING else Weight.FATAL
    return Weight.FATAL


def start_of(lines: Sequence[str], number: int) -> int:
    """Return the line at which an event begins: the record that a trace stands below, if any.

    Of the record and the trace, which then begin at one line, the trace says more.
    """
    if not number:
        return number
    level = level_of(lines[number - 1])
    return number if level is None or level < Level.WARNING else number - 1
