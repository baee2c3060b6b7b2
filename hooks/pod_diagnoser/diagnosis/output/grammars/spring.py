"""Spring Boot's analysis of why an application did not start. Pure.

Source: spring-boot LoggingFailureAnalysisReporter.java.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_TITLE: Final = "APPLICATION FAILED TO START"
_REASON: Final = ("Reason:", "Cause:", "Property:", "Value:", "Action:")
_MAX_BLOCK: Final = 40
"""How many lines after the title belong to the analysis at most."""


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _TITLE in line and (finding := _analysis(lines, number)):
            yield finding


def _analysis(lines: Sequence[str], start: int) -> Finding | None:
    """Return the first line of the description, then what it names as the reason."""
    block = range(start + 1, min(start + _MAX_BLOCK, len(lines)))
    described = next((number for number in block if "Description:" in lines[number]), None)
    if described is None:
        return None
    inside = []
    for number in block:
        text = lines[number].strip()
        if number > described:
            if text.startswith("Action:"):
                break
            inside.append(number)
    if not inside:
        return None
    reasons = [number for number in inside[1:] if lines[number].strip().startswith(_REASON)]
    others = [number for number in inside[1:] if number not in reasons]
    quotes = (inside[0], *reasons, *others)[:3]
    return Finding(start, quotes, ReasonClass.INVALID_CONFIGURATION, weight=Weight.DECISIVE)


GRAMMAR: Final = Grammar("java", ("application failed to start",), _find)
