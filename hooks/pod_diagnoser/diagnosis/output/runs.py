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
    r"\b(?:start(?:ing|ed|up)?|boot(?:ing)?|initiali[sz]ing|launching|running|version)\b",
    re.IGNORECASE,
)
_DIGITS: Final = re.compile(r"[0-9a-f]{0,64}\d[0-9a-f]{0,64}")
_MAX_CHARS: Final = 200
_MIN_LENGTH: Final = 3
"""How many lines a run has at least, if a repeated line is all that shows that it starts."""


def run_starts(texts: Sequence[str]) -> list[int]:
    """Return the lines at which a run begins, in order; the first is 0.

    A run begins with a banner that is known, or where the first line that speaks of starting
    comes again, numbers aside.
    """
    starts = [0]
    first = ""
    for number, text in enumerate(texts):
        if _BANNER.search(text):
            starts.append(number)
            continue
        if _END.search(text) and number + 1 < len(texts):
            starts.append(number + 1)
            continue
        if not _START_WORD.search(text):
            continue
        masked = _DIGITS.sub("0", text[:_MAX_CHARS])
        if not first:
            first = masked
        elif masked == first and number - starts[-1] >= _MIN_LENGTH:
            starts.append(number)
    return starts
