"""Read the output of a program that ended: from the text to the lines that say why. Pure."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.classes import classify
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight
from pod_diagnoser.diagnosis.output.grammars import GRAMMARS
from pod_diagnoser.diagnosis.output.lines import Stream, read_streams
from pod_diagnoser.diagnosis.output.noise import is_of_client, is_wrapper
from pod_diagnoser.diagnosis.output.reading import MAX_LINES, NOTHING_READ, OutputReading
from pod_diagnoser.diagnosis.output.runs import run_starts
from pod_diagnoser.diagnosis.output.stopping import mild_stop_marker, stop_marker

_AROUND: Final = 30
"""How many lines around an event others are quoted, too, where there is room."""

_LONG: Final = 600
"""How many seconds before the request to stop an event did not end the program."""

_WHILE: Final = 30
"""The same of an error that was only logged, before an end in order that no request is told of."""

_CLOCK: Final = re.compile(r"(?<![\d:.])([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?![\d:])")
_EPOCH: Final = re.compile(r"\"(?:ts|time|timestamp)\":\s?(1\d{9})(?:\.\d|\d{3}\b|\b)")
"""Seconds since 1970, or milliseconds: zap, pino and bunyan."""

_CLOCK_REACH: Final = 80
_DAY: Final = 86_400

_NEAR: Final = 3
"""How many lines before the request to stop an error that was only logged counts as the reason."""


_HOLLOW: Final = re.compile(r"\s*(?:\w{1,80}\.){1,12}\w{1,80}(?:Error|Exception|Failure)\s*$")
"""An exception of a library without a message."""

_EXCEPTION: Final = re.compile(r"(?:\w{1,80}\.){0,12}\w{1,80}(?:Error|Exception|Failure): \S")

_SOON: Final = 8
"""How many lines lie between the two at most if a program stops of an error, and says so."""


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
        meaning = finding.meaning or "\n".join(stream.texts[number] for number in numbers)
        texts = (meaning,) if isinstance(meaning, str) else meaning
        told = next(filter(None, map(classify, texts)), None)
    return OutputReading(
        tuple(dict.fromkeys(stream.quotes[number] for number in numbers)),
        told or finding.reason_class or ReasonClass.UNCAUGHT_EXCEPTION,
        finding.runtime,
    )


def _reason_in(stream: Stream) -> Finding | None:
    """Return the event of a stream by which it ended, or None where none is known."""
    found = list(_findings(stream.texts))
    # An event that begins the text begins no run: another of its kind may follow from it.
    cut = any(not finding.start and finding.weight >= Weight.LOGGED for finding, _ in found)
    starts = run_starts(stream.texts, cut=cut)
    starts = _outside(starts, [finding for finding, _ in found])
    best = _best_of_runs(stream.texts, starts, found)
    less: Finding | None = None
    for run in reversed(range(len(starts))):
        end = starts[run + 1] if run + 1 < len(starts) else len(stream.texts)
        finding = best.get(run)
        if less is None or less.weight < Weight.LOGGED:
            marker = _stop(stream, starts[run], end, finding, [other for other, _ in found])
            if marker is not None:
                return marker
        if finding is not None and (less is None or finding.weight > less.weight):
            inside = [other for other, _ in found if starts[run] <= other.start < end]
            less = _with_others(stream.texts, finding, inside)
            if finding.weight >= Weight.FATAL:
                break
    return less


def _stop(
    stream: Stream, start: int, end: int, finding: Finding | None, others: Sequence[Finding]
) -> Finding | None:
    """Return that a run was asked to stop, unless an event in it is the reason all the same."""
    texts = stream.texts
    marker = stop_marker(texts, start, end)
    if marker is not None and (
        _counts(stream.raws[:end], finding, marker)
        or _stops_itself(stream.raws[:end], finding, marker, others)
    ):
        marker = None
    elif marker is None and (finding is None or finding.weight < Weight.LOGGED):
        marker = mild_stop_marker(texts, start, end)
        if (
            marker is not None
            and finding is not None
            and finding.start < marker
            and not is_of_client(texts[finding.start])
        ):
            marker = None
    elif marker is None and finding is not None and finding.weight is Weight.LOGGED:
        marker = mild_stop_marker(texts, start, end)
        if marker is not None and not _lived_with(stream.raws[:end], finding, marker):
            marker = None
    if marker is None:
        return None
    return Finding(marker, (marker,), ReasonClass.ASKED_TO_STOP, weight=Weight.LOGGED, exact=True)


def _with_others(texts: Sequence[str], finding: Finding, others: Sequence[Finding]) -> Finding:
    """Add to the lines of an event those of others around it, as long as there is room."""
    quotes = list(finding.quotes[:MAX_LINES])
    meaning = finding.meaning or "\n".join(texts[number] for number in quotes)
    near = [other for other in others if abs(other.start - finding.start) <= _AROUND]
    for other in sorted(near, key=lambda other: (-other.weight, other.start)):
        line = other.quotes[0]
        if len(quotes) == MAX_LINES or other.weight < Weight.LOGGED:
            break
        known = [texts[number].strip() for number in quotes]
        if line not in quotes and texts[line].strip() not in known and not is_wrapper(texts[line]):
            quotes.append(line)
    if len(quotes) > 1 and quotes[1] < quotes[0] and _HOLLOW.match(texts[quotes[0]]):
        # A record before it says what an exception without a message does not.
        quotes[:2] = quotes[1::-1]
        meaning = f"{texts[quotes[0]]}\n{meaning}"
    elif (
        len(quotes) > 1
        and texts[quotes[0]].rstrip().endswith(":")
        and all(_EXCEPTION.match(texts[number]) for number in quotes[:2])
    ):
        # The first of a chain only announces the second.
        quotes[:2] = quotes[1::-1]
    return replace(finding, quotes=tuple(quotes), meaning=meaning)


def _counts(lines: Sequence[str], finding: Finding | None, marker: int) -> bool:
    """Say whether an event is the reason although the program says that it was asked to stop."""
    if finding is None or finding.start > marker or _long_before(lines, finding, marker):
        return False
    return finding.weight >= Weight.FATAL or (
        finding.weight is Weight.LOGGED and marker - max(finding.quotes) <= _NEAR
    )


def _stops_itself(
    lines: Sequence[str], finding: Finding | None, marker: int, others: Sequence[Finding]
) -> bool:
    """Say whether a program that says that it stops does so of an error: told before and after."""
    return (
        finding is not None
        and finding.weight >= Weight.FATAL
        and marker < finding.start <= marker + _SOON
        and any(
            other.weight >= Weight.LOGGED
            and marker - _SOON <= max(place for place in other.quotes if place < marker)
            and not _long_before(lines, other, marker)
            for other in others
            if other.start < marker and min(other.quotes) < marker
        )
    )


def _lived_with(lines: Sequence[str], finding: Finding, marker: int) -> bool:
    """Say whether a program worked on after an error that it logged, until it went down in order."""
    return marker - max(finding.quotes) >= _NEAR and _long_before(lines, finding, marker, _WHILE)


def _long_before(lines: Sequence[str], finding: Finding, marker: int, seconds: int = _LONG) -> bool:
    """Say whether a program worked on for long after an event, by the times in its lines."""
    at = _clock(lines, range(finding.start, min(finding.start + 2, marker)))
    until = _clock(lines, range(marker, min(marker + 3, len(lines))))
    return at is not None and until is not None and seconds < (until - at) % _DAY < _DAY - seconds


def _clock(lines: Sequence[str], numbers: range) -> int | None:
    """Return the first time of day in lines, in seconds."""
    for number in numbers:
        if found := _EPOCH.search(lines[number][:_CLOCK_REACH]):
            return int(found[1]) % _DAY
        if found := _CLOCK.search(lines[number][:_CLOCK_REACH]):
            hours, minutes, seconds = map(int, found.groups())
            return (hours * 60 + minutes) * 60 + seconds
    return None


def _outside(starts: list[int], findings: Sequence[Finding]) -> list[int]:
    """Return the lines at which a run begins without those in the middle of an event."""
    inside: set[int] = set()
    for finding in findings:
        if finding.weight >= Weight.LOGGED:
            first = bisect_right(starts, finding.start)
            inside.update(starts[first : bisect_right(starts, max(finding.quotes))])
    return [start for start in starts if start not in inside]


def _best_of_runs(
    texts: Sequence[str], starts: Sequence[int], found: Sequence[tuple[Finding, Grammar]]
) -> dict[int, Finding]:
    """Return the event that counts of each run: the heaviest, of these the first.

    Of two that begin at one line, that of the surer grammar counts. What only says that something
    failed does not.
    """
    best: dict[int, Finding] = {}
    for finding, grammar in found:
        run = bisect_right(starts, finding.start) - 1
        former = best.get(run)
        if (former is None or _heavier(finding, former)) and (
            finding.exact or not is_wrapper(texts[finding.quotes[0]])
        ):
            full = grammar.complete(texts, finding) if grammar.complete else finding
            best[run] = full if full.runtime else replace(full, runtime=grammar.runtime)
    return best


def _heavier(finding: Finding, former: Finding) -> bool:
    return (-finding.weight, finding.start) < (-former.weight, former.start)


def _findings(texts: Sequence[str]) -> Iterator[tuple[Finding, Grammar]]:
    """Yield what the grammars find, the surest grammar first, each with its grammar."""
    whole = "\n".join(texts).lower()
    for grammar in GRAMMARS:
        if not grammar.marks or any(mark in whole for mark in grammar.marks):
            for finding in grammar.find(texts):
                if not is_of_client(texts[finding.start]):
                    yield finding, grammar
                elif finding.start not in finding.quotes:
                    # A trace: told where nothing else is.
                    yield replace(finding, weight=Weight.WEAK), grammar
