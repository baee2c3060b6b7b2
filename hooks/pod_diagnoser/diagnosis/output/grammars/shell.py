"""What shells say of the commands that they could not run. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_LINE: Final = re.compile(
    r"[\w./-]{1,200}: (?:line )?\d{1,6}: .{1,1000}"
    r"(?:unbound variable|parameter not set|not found|Permission denied)$"
)


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _LINE.match(line):
            yield Finding(number, (number,))


GRAMMAR: Final = Grammar("shell", (": line ", ": not found", "parameter not set"), _find)
