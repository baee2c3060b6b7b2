"""Perl: die, and modules that are not there. Pure.

Source: perl pp_ctl.c (Can't locate), perldiag.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_LOCATE: Final = re.compile(r"Can't locate \S{1,300} in @INC")
_DIED: Final = re.compile(
    r" at \S{1,400} line \d{1,7}(?:, <[\w$]{1,60}> (?:line|chunk) \d{1,12})?\.\s*$"
)
_SYNTAX: Final = re.compile(r"syntax error at \S{1,400} line \d{1,7}, near ")
_AFTER: Final = ("BEGIN failed", "Compilation failed", "\t", "Execution of ", "END failed")
_NEAR: Final = 3
"""Within how many lines another follows that makes the first a warning."""

_SCRIPT: Final = re.compile(r"Can't open perl script ")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _LOCATE.search(line[:400]):
            yield Finding(number, (number,), ReasonClass.MISSING_MODULE, exact=True)
        elif _SCRIPT.match(line):
            yield Finding(number, (number,), ReasonClass.FILE_NOT_FOUND)
        elif _SYNTAX.match(line) or (_is_told(line) and not _is_warning(lines, number)):
            yield Finding(number, (number,))


def _is_told(line: str) -> bool:
    return (
        " line " in line[-120:]
        and not line.lstrip().startswith("at ")
        and not line.startswith(_AFTER)
        and _DIED.search(line, max(0, len(line) - 600)) is not None
    )


def _is_warning(lines: Sequence[str], number: int) -> bool:
    """Say whether a line was a warning: the program went on to a line of the same form."""
    return any(map(_is_told, lines[number + 1 : number + 1 + _NEAR]))


GRAMMAR: Final = Grammar("perl", ("@inc", " line ", "perl script"), _find)
