"""The lines of an output: bounded, and freed of what wraps them. Pure."""

import re
from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 65_536
"""How much of the end of an output is read."""

MAX_LINES: Final = 4_096
"""How many lines, blank ones not counted, are read at most: the last."""

MAX_CHARS: Final = 4_096
"""How many characters of a line are read at most: its start."""

_ANSI: Final = re.compile(
    r"\x1b(?:\[[0-9;:?]{0,32}[ -/]?[@-~]|\][^\x07\x1b\n]{0,256}\x07?|[()][0AB]|[=>])"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an output.

    Attributes:
        raw: the line as it stands, without the end of line.
        text: the same without wrapping, for matching.
    """

    raw: str
    text: str


def split(text: str) -> list[Line]:
    """Return the last lines of a text, without blank ones."""
    if len(text) > MAX_BYTES:
        # The first line is only a part of one.
        text = text[-MAX_BYTES:].partition("\n")[2] or text[-MAX_BYTES:]
    raws = [raw for raw in text.replace("\r", "\n").split("\n") if raw and not raw.isspace()]
    return [Line(raw, _ANSI.sub("", raw[:MAX_CHARS])) for raw in raws[-MAX_LINES:]]
