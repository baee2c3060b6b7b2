"""Python's tracebacks. Pure.

Source: CPython Lib/traceback.py.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_HEADER: Final = "Traceback (most recent call last):"
_EXCEPTION: Final = re.compile(r"[A-Za-z_][\w.]{0,200}(?::|$)")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    start: int | None = None
    for number, line in enumerate(lines):
        if _HEADER in line:
            start = number
        elif start is not None and not line.startswith((" ", "\t")):
            if _EXCEPTION.match(line):
                yield Finding(start, (number,))
            start = None


GRAMMAR: Final = Grammar("python", ("traceback (most",), _find)
