"""Read the output of a program that ended: from the text to the lines that say why. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.classes import classify
from pod_diagnoser.diagnosis.output.grammar import Finding, Weight
from pod_diagnoser.diagnosis.output.grammars import GRAMMARS
from pod_diagnoser.diagnosis.output.lines import Stream, read_streams
from pod_diagnoser.diagnosis.output.noise import is_wrapper
from pod_diagnoser.diagnosis.output.reading import MAX_LINES, NOTHING_READ, OutputReading
from pod_diagnoser.diagnosis.output.runs import run_starts
from pod_diagnoser.diagnosis.output.stopping import stop_marker

_NEAR: Final = 20
"""How many lines before the request to stop an error that was only logged counts as the reason."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What one stream says: a finding, or the line at which it was asked to stop."""

    stream: Stream
    finding: Finding

    @property
    def place(self) -> tuple[int, int]:
        """How it compares with others: the heaviest first, then the earliest."""
        return -self.finding.weight, self.stream.places[self.finding.start]


def read_output(text: str) -> OutputReading:
    """Find in the output of a program why it ended.

    Args:
        text: its termination message, or the end of its log; of a longer one the last 64 KiB.

    Returns:
        The lines that say why; where it was asked to stop, the line that says so; otherwise none.
    """
    streams = read_streams(text)
    candidates = [
        _Candidate(stream, finding)
        for stream in streams
        if (finding := _reason_in(stream)) is not None
    ]
    if not candidates:
        return NOTHING_READ
    best = min(candidates, key=lambda candidate: candidate.place)
    return _reading(best.stream, best.finding)


def _reading(stream: Stream, finding: Finding) -> OutputReading:
    numbers = finding.quotes[:MAX_LINES]
    told = None
    if not finding.exact:
        told = classify(finding.meaning or "\n".join(stream.texts[number] for number in numbers))
    return OutputReading(
        tuple(dict.fromkeys(stream.quotes[number] for number in numbers)),
        told or finding.reason_class or ReasonClass.UNCAUGHT_EXCEPTION,
        finding.runtime,
    )


def _reason_in(stream: Stream) -> Finding | None:
    """Return the event of a stream by which it ended, or None where none is known."""
    found = list(_findings(stream.texts))
    starts = run_starts(stream.texts)
    ends = [*starts[1:], len(stream.texts)]
    weakest = None
    for start, end in zip(reversed(starts), reversed(ends), strict=True):
        inside = [finding for finding in found if start <= finding.start < end]
        finding = _first_of_heaviest(inside)
        marker = stop_marker(stream.texts, start, end)
        if marker is not None and not _counts(finding, marker):
            return Finding(
                marker, (marker,), ReasonClass.ASKED_TO_STOP, weight=Weight.LOGGED, exact=True
            )
        if finding is not None and finding.weight >= Weight.LOGGED:
            return finding
        weakest = weakest or finding
    return weakest


def _counts(finding: Finding | None, marker: int) -> bool:
    """Say whether an event is the reason although the program says that it was asked to stop."""
    if finding is None or finding.start > marker:
        return False
    return finding.weight >= Weight.FATAL or (
        finding.weight is Weight.LOGGED and marker - finding.start <= _NEAR
    )


def _first_of_heaviest(findings: Sequence[Finding]) -> Finding | None:
    if not findings:
        return None
    # Of those that are as heavy and begin at one line, the one of the surest grammar.
    return min(findings, key=lambda finding: (-finding.weight, finding.start))


def _findings(texts: Sequence[str]) -> Iterator[Finding]:
    """Yield what the grammars find, the surest grammar first; lines that say nothing left out."""
    whole = "\n".join(texts).lower()
    for grammar in GRAMMARS:
        if not grammar.marks or any(mark in whole for mark in grammar.marks):
            for finding in grammar.find(texts):
                if not is_wrapper(texts[finding.quotes[0]]):
                    yield replace(finding, runtime=finding.runtime or grammar.runtime)
