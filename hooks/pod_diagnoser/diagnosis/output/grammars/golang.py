"""Go's panics and fatal errors. Pure.

Source: Go src/runtime/panic.go.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_START: Final = re.compile(r"panic: |fatal error: ")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _START.match(line):
            yield Finding(number, (number,))


GRAMMAR: Final = Grammar("go", ("panic: ", "fatal error: "), _find)
