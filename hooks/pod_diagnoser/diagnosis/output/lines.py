"""The lines of an output: bounded, and freed of what wraps them. Pure.

What collectors and viewers put before each line (`wrapping`) is taken off, and lines are told
apart by the name that stands in it: the traces of two services printed at once are no trace.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pod_diagnoser.diagnosis.output.wrapping import Unwrapped, unwrap

MAX_TEXT: Final = 65_536
"""How many characters of the end of an output are read."""

MAX_LINES: Final = 1_500
"""How many lines, blank ones not counted, are read at most: the last."""

MAX_CHARS: Final = 4_096
"""How many characters of a line are read at most: its start."""

MAX_STREAMS: Final = 32
"""How many names of services are told apart at most; with more, the names are none."""

_MAX_PARTS: Final = 100
"""How many lines within one line are read at most."""

_MAX_WITHIN: Final = 500
"""How many lines within lines are read at most: of the last."""

_LAST_FIELD: Final = re.compile(r'.*"\s?[:=]\s?"|.*="', re.DOTALL)


@dataclass(slots=True)
class Stream:
    """The lines of one service, top to bottom; blank ones are left out.

    Attributes:
        texts: the lines without what wraps them, for matching. A line that holds a text of many
            lines, such as a trace in JSON, is followed by these.
        quotes: the same lines as they stand in the output, without what collectors put there.
        raws: the lines of the output in which they stand.
        places: at which line of the output each stands.
    """

    texts: list[str] = field(default_factory=list)
    quotes: list[str] = field(default_factory=list)
    raws: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    def add(self, text: str, quote: str, raw: str, place: int) -> None:
        """Add a line."""
        self.raws.append(raw)
        self.texts.append(text)
        self.quotes.append(quote)
        self.places.append(place)


def read_streams(text: str) -> list[Stream]:
    """Return the last lines of an output, a stream for each service that is named in it."""
    lines = unwrap(_last_lines(text))
    names = {line.stream for line in lines}
    one = len(names) > MAX_STREAMS
    streams: dict[str, Stream] = {}
    first_opened = _first_opened(lines)
    for place, line in enumerate(lines):
        stream = streams.setdefault("" if one else line.stream, Stream())
        for part, quote in _parts(line, opened=place >= first_opened):
            # A wrapped blank line is one only now.
            if part and not part.isspace():
                stream.add(part, quote, line.raw, place)
    return list(streams.values())


def _last_lines(text: str) -> list[str]:
    if len(text) > MAX_TEXT:
        # What is left of the first line is a part of one.
        text = text[-MAX_TEXT:].partition("\n")[2] or text[-MAX_TEXT:]
    lines = [line for line in text.replace("\r", "\n").split("\n") if line and not line.isspace()]
    return lines[-MAX_LINES:]


def _first_opened(lines: Sequence[Unwrapped]) -> int:
    """Return the first line that is looked into: those within the last are as many as are read."""
    within = 0
    for place in reversed(range(len(lines))):
        within += min(lines[place].text.count("\\n"), _MAX_PARTS)
        if within > _MAX_WITHIN:
            return place + 1
    return 0


def _parts(line: Unwrapped, *, opened: bool) -> list[tuple[str, str]]:
    """Return the text of a line and what to quote, then the same of each line within it."""
    text = line.text
    quote = line.raw.strip()
    parts = [(text[:MAX_CHARS], line.own if line.own in line.raw else quote)]
    if opened and "\\n" in text:
        first, *others = text.split("\\n", _MAX_PARTS)[:_MAX_PARTS]
        first = first[-MAX_CHARS:]
        field_before = _LAST_FIELD.match(first)
        within = [first[field_before.end() :] if field_before else first, *others]
        for part in within:
            shown = part.replace("\\t", "\t").replace('\\"', '"')[:MAX_CHARS]
            parts.append((shown, shown.strip() if shown.strip() in line.raw else quote))
    return parts
