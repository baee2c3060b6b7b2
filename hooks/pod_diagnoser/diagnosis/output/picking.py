"""Read the output of a program that ended: from the text to the lines that say why. Pure."""

from collections.abc import Iterator

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output import lines as output_lines
from pod_diagnoser.diagnosis.output.classes import classify
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar
from pod_diagnoser.diagnosis.output.grammars import GRAMMARS
from pod_diagnoser.diagnosis.output.reading import MAX_LINES, NOTHING_READ, OutputReading


def read_output(text: str) -> OutputReading:
    """Find in the output of a program why it ended.

    Args:
        text: its termination message, or the end of its log; of a longer one the last 64 KiB.

    Returns:
        The lines that say why, or a reading without lines.
    """
    lines = output_lines.split(text)
    found = list(_findings([line.text for line in lines]))
    if not found:
        return NOTHING_READ
    finding, grammar = max(found, key=lambda pair: pair[0].weight)
    quotes = finding.quotes[:MAX_LINES]
    meaning = finding.meaning or " ".join(lines[number].text for number in quotes)
    told = None if finding.exact else classify(meaning)
    return OutputReading(
        tuple(lines[number].raw for number in quotes),
        told or finding.reason_class or ReasonClass.UNCAUGHT_EXCEPTION,
        finding.runtime or grammar.runtime,
    )


def _findings(texts: list[str]) -> Iterator[tuple[Finding, Grammar]]:
    """Yield what the grammars find, the surest grammar first."""
    whole = "\n".join(texts).lower()
    for grammar in GRAMMARS:
        if not grammar.marks or any(mark in whole for mark in grammar.marks):
            for finding in grammar.find(texts):
                yield finding, grammar
