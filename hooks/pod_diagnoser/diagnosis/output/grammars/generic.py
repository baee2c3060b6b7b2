"""Lines of no known form that speak of an error. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_WORDS: Final = re.compile(
    r"\b(?:fatal|error|failed|cannot|can't|could not|refused|denied|no such|invalid)\b",
    re.IGNORECASE,
)
_HEALTHY: Final = re.compile(r"error\.log|errors?[=:] ?(?:0|null)\b", re.IGNORECASE)


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _WORDS.search(line) and not _HEALTHY.search(line):
            yield Finding(number, (number,), weight=Weight.WEAK)


GRAMMAR: Final = Grammar("", (), _find)
