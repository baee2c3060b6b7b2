"""Where in an output a program starts anew. Pure."""

import re
from collections.abc import Sequence
from typing import Final

_BANNER: Final = re.compile(
    r"(?:oO0OoO0OoO0Oo"
    r"|\bStarting gunicorn \d"
    r"|docker-entrypoint\.d/ is not empty"
    r"|database system was (?:shut down|interrupted|not properly shut down)"
    r"|mongod? ?(?:starting|startup)|\"MongoDB starting\""
    r"|mysqld \(.{1,60}\) starting as process|starting MySQL|Entrypoint script for (?:MySQL|MariaDB)"
    r"|\*\* Starting|=> Booting |Puma starting|Booting (?:Puma|with)"
    r"|:: Spring Boot ::|npm start$|> node )"
)
_END: Final = re.compile(
    r"\[notice\] \d{1,10}#\d{1,10}: exit$|ready to exit, bye bye|database system is shut down|Shutting down: Master"
)
"""After one of these a run is over."""

_START_WORD: Final = re.compile(
    r"\b(?:start(?:ing|ed|up)?|boot(?:ing|ed)|initiali[sz]ing|launching)\b", re.IGNORECASE
)
_NO_START: Final = re.compile(
    r"n't |\bnot\b|[Ff]ail|[Uu]nable|[Cc]annot|[Ee]rror|ERROR|[Tt]erminat|[Ss]topp"
)
"""Words in a line that speaks of a start that failed."""

_PARTS: Final = (
    "tart",
    "START",
    "oot",
    "nitiali",
    "aunch",
    "oO0",
    "ntrypoint",
    "system was",
    "> node",
)
"""One of these stands in each line with which a run begins."""

_DIGITS: Final = re.compile(r"\d+")
_MAX_RUNS: Final = 8
"""How often the first line stands again at most, if a run begins with it."""

_MAX_CHARS: Final = 200
_MIN_LENGTH: Final = 3
"""How many lines a run has at least, if a repeated line is all that shows that it starts."""


def run_starts(texts: Sequence[str], *, cut: bool = False) -> list[int]:
    """Return the lines at which a run begins, in order; the first is 0.

    A run begins with a banner that is known, after a line that is known to be the last, or where
    the very first line, or the first that speaks of starting, comes again, numbers aside.

    Args:
        texts: the lines of a stream.
        cut: that the first line is not that of a run.
    """
    starts = [0]
    again = set() if cut else _again(texts)
    starting, seen = "", -1
    for number, text in enumerate(texts[1:], start=1):
        speaks = any(part in text for part in _PARTS)
        if (
            (speaks and _BANNER.search(text))
            or _ends(texts[number - 1])
            or (number in again and number - starts[-1] >= _MIN_LENGTH)
        ):
            starts.append(number)
        elif speaks and _speaks_of_start(text):
            masked = _masked(text)
            starting = starting or masked
            if masked == starting:
                # It begins no run that has begun by another sign since it was there last.
                if seen >= 0 and starts[-1] <= seen and number - seen >= _MIN_LENGTH:
                    starts.append(number)
                seen = number
    return starts


def _again(texts: Sequence[str]) -> set[int]:
    """Return where the first line stands again; nowhere if that is too often for a start."""
    if not texts:
        return set()
    first, letter = _masked(texts[0]), texts[0][:1]
    again = {
        number
        for number, text in enumerate(texts)
        if number and text[:1] == letter and _masked(text) == first
    }
    return again if len(again) <= _MAX_RUNS else set()


def _speaks_of_start(text: str) -> bool:
    return (
        text[0] not in " \t"
        and _START_WORD.search(text) is not None
        and _NO_START.search(text) is None
    )


def _ends(text: str) -> bool:
    return ("exit" in text or "down" in text) and _END.search(text) is not None


def _masked(text: str) -> str:
    """Return a line without its numbers."""
    return _DIGITS.sub("0", text[:_MAX_CHARS])
