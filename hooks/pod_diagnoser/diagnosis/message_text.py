"""Texts of messages: on one line, without escapes, and short enough without losing their end. Pure.

All of it takes time in proportion to the length of a text; beyond `MAX_CHARS` the middle is not
read at all.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Final

from pod_diagnoser.api.text import ELLIPSIS, sanitize

MAX_CHARS: Final = 4096
"""How much of a message is read: half from its start, half from its end. The kubelet's and the
runtimes' are at most some kilobytes long."""

GAP: Final = f" {ELLIPSIS} "


# Plain text

_ESCAPED_QUOTE: Final = re.compile(r"""(?<!\\)\\+(?=["'`])""")
_ESCAPED_BREAK: Final = re.compile(r"""(?<!\\)\\+[nrt](?=["'`\s\\]|$)""")


def _plain(message: str) -> str:
    """A message on one line, with single spaces and nothing that cannot be shown.

    Of one that is too long to be read, its start and its end.
    """
    if len(message) <= MAX_CHARS:
        return _on_one_line(message)
    half = (MAX_CHARS - len(GAP)) // 2
    return f"{_on_one_line(message[:half])}{GAP}{_on_one_line(message[-half:])}".strip()


def _on_one_line(text: str) -> str:
    line = " ".join(text.split())
    return " ".join(sanitize(line, 4 * len(line) + 4).split())


def unescaped(text: str) -> str:
    """A plain text without the backslashes of texts that were quoted in texts."""
    if "\\" not in text:
        return text
    return " ".join(_ESCAPED_BREAK.sub(" ", _ESCAPED_QUOTE.sub("", text)).split())


def opened_text(message: str) -> str:
    """A message, bounded, plain and without escapes."""
    return unescaped(_plain(message))


# Bounds

_MAX_QUOTED_WORDS: Final = 12


def _units(text: str) -> list[str]:
    """The words of a text, with what stands in quotation marks or braces as one where it is short.

    Braces hold the taints of nodes: `{node.kubernetes.io/not-ready: }`.
    """
    units: list[str] = []
    open_from: int | None = None
    for word in text.split(" "):
        units.append(word)
        if open_from is not None and len(units) - open_from > _MAX_QUOTED_WORDS:
            open_from = None
        if word.count('"') % 2 or word.count("{") != word.count("}"):
            if open_from is None:
                open_from = len(units) - 1
            else:
                units[open_from:] = [" ".join(units[open_from:])]
                open_from = None
    return units


class _Selection:
    """Which units of a text to keep, and how many bytes that takes with the gaps between them."""

    def __init__(self, units: Sequence[str], limit: int) -> None:
        self._units = units
        self._limit = limit
        self._kept = [False] * len(units)
        self._bytes = len(GAP.encode()) - 1
        """As if something were missing at the start, which no space precedes."""

    def keep(self, number: int, limit: int | None = None) -> bool:
        """Keep a unit, if it fits."""
        if self._kept[number]:
            return True
        left = number == 0 or self._kept[number - 1]
        right = number + 1 == len(self._units) or self._kept[number + 1]
        gap = len(GAP.encode()) - 1
        needed = len(self._units[number].encode()) + 1 + gap * (1 - left - right)
        if self._bytes + needed > (self._limit if limit is None else limit):
            return False
        self._bytes += needed
        self._kept[number] = True
        return True

    def keep_first(self, numbers: Iterable[int], limit: int | None = None) -> None:
        """Keep units from the first on, until one does not fit."""
        for number in numbers:
            if not self.keep(number, limit):
                return

    def text(self) -> str:
        """The kept units, with an ellipsis for each gap."""
        words: list[str] = []
        for unit, kept in zip(self._units, self._kept, strict=True):
            word = unit if kept else ELLIPSIS
            if word != ELLIPSIS or not words or words[-1] != ELLIPSIS:
                words.append(word)
        return " ".join(words)


def _units_with(parts: Iterable[str], text: str, units: Sequence[str]) -> Iterator[int]:
    """The numbers of the units that hold the parts of a pattern."""
    lowered, position = text.lower(), 0
    if len(lowered) != len(text):
        return
    starts = [0]
    for unit in units:
        starts.append(starts[-1] + len(unit) + 1)
    number = 0
    for part in parts:
        found = as_seen(part).search(lowered, position)
        if found is None:
            continue
        position = found.end()
        while starts[number + 1] <= found.start():
            number += 1
        for each in range(number, len(units)):
            if starts[each] >= found.end():
                break
            yield each


NAMED: Final = {
    "kernel-file-system": (
        r'["`](?:proc|sysfs|cgroup2?|tmpfs|devpts|mqueue|devtmpfs|securityfs|bpf)["`](?= to )'
    ),
    "local-server": r'"http://(?:localhost|127\.0\.0\.1|\[::1\])[:/][^"\s]{0,512}"',
}
"""Quoted names that mean something, by what stands for them in the patterns of `problem_rules`.

What a runtime mounts in each container by itself, and is no volume; a server on the node in plain
HTTP, which no API server speaks."""


@cache
def as_seen(part: str) -> re.Pattern[str]:
    """A part of a pattern, for a text from which names were not taken out."""
    text = re.escape(part.strip())
    for name, meant in NAMED.items():
        text = text.replace(re.escape(name), meant)
    return re.compile(text.replace('""', r'"[^"]{0,512}"').replace("``", "`[^`]{0,512}`"))


def fit(text: str, limit: int, keep: Sequence[str] = ()) -> str:
    """Bound a text, leaving out its middle: the cause stands at its end.

    A text that fits is returned on one line as it is, so that this is idempotent. What is left out
    is marked by an ellipsis; words and quoted names stay whole where there is room for one.

    Args:
        text: any text.
        limit: the most bytes of UTF-8 that the result may have.
        keep: parts of a pattern of `problem_rules` to keep too, where there is room.

    Returns:
        The text, or its start, an ellipsis and its end.
    """
    text = _plain(text)
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    units = _units(text)
    last = len(units) - 1
    selection = _Selection(units, limit)
    if not selection.keep(last):
        return _end_of(encoded, limit)
    proof = [number for number in _units_with(keep, text, units) if selection.keep(number)]
    selection.keep_first(range(last, -1, -1), limit - limit // 3)
    if proof:
        # What stands between such words and the end is worth more than the start.
        selection.keep_first(range(last, proof[-1], -1))
    selection.keep_first(range(last))
    selection.keep_first(range(last, -1, -1))
    return selection.text()


def _end_of(encoded: bytes, limit: int) -> str:
    """The last bytes of a text, after an ellipsis where there is room for one."""
    mark = ELLIPSIS if limit > len(ELLIPSIS.encode()) else ""
    room = max(limit - len(mark.encode()), 0)
    return mark + encoded[len(encoded) - room :].decode(errors="ignore").lstrip()
