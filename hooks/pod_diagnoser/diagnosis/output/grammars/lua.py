"""Lua: errors of the interpreter. Pure.

Source: lua lua.c (msghandler, l_message).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_ERROR: Final = re.compile(
    r"(?:\S{0,100}/)?(?:lua(?:jit)?[\d.]{0,4}|luajit): (?:[^\s:]{1,400}:\d{1,7}: )?\S"
)


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _ERROR.match(line):
            bug = "attempt to " in line
            yield Finding(number, (number,), exact=bug)


GRAMMAR: Final = Grammar("lua", ("lua",), _find)
