"""The history of a container in a few words, which follow its diagnosis. Pure.

It says how often the container terminated, how long it ran each time, whether that gets worse, and
whether its image changed. It says only what follows from the crash history and the kubelet's count:
terminations are consecutive where their numbers are, and what is not known is left out. The history
comes from the Pod's annotation, which its owner may write; it decides nothing but these words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis.phrases import duration
from pod_diagnoser.pods.history import CrashRecord

_MAX_ENTRIES = 100
_MAX_RUNS = 4
_MIN_TREND = 3
"""How many runs it takes to call them shorter each time."""

_MEMORY_KILLS = (Cause.OUT_OF_MEMORY, Cause.CHILD_OUT_OF_MEMORY)

_NOT_TIMED = (
    Cause.CONTAINER_STATUS_UNKNOWN,
    Cause.EXIT_STATUS_LOST,
    Cause.START_FAILED,
)
"""Causes whose times do not say how long the container ran: lost, noticed late, or never run."""


_PROBE_KILLS = {
    Cause.LIVENESS_PROBE_FAILED: "liveness",
    Cause.STARTUP_PROBE_FAILED: "startup",
}
_UNCLEAR = (Cause.KILLED, Cause.TERMINATED, Cause.COMPLETED)
"""What a kill for a failed probe looks like in the status."""

_UNEXPLAINED = (
    Cause.KILLED,
    Cause.APPLICATION_ERROR,
    Cause.EXIT_STATUS_LOST,
    Cause.NODE_REBOOTED,
)
_CODES_OF_NODES = (137, 255)
"""Causes and exit codes that all containers of a node may have which ends them."""


_IT_RAN: Final = "; it ran "


@dataclass(frozen=True, slots=True)
class HistorySummary:
    """The history of a container, as it may follow a line of its diagnosis.

    Attributes:
        times: how often it terminated: forms from the longest to the shortest.
        details: how long it ran, whether that gets worse: forms from the longest to the shortest.
        hints: what the history says of a cause that its Events do not tell, and what ended with it.
        run: the part of the details that says how long it ran, where one run is known.
    """

    times: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    hints: str = ""
    run: str = ""

    def details_beside(self, line: str) -> tuple[str, ...]:
        """Return the details, without how long it ran where a line says that already."""
        if not self.run or f" after {self.run.removeprefix(_IT_RAN)}" not in line:
            return self.details
        return tuple(filter(None, (each.replace(self.run, "", 1) for each in self.details)))


NO_HISTORY = HistorySummary()
"""Of a crash that is no termination, and mostly of a first one."""


def summarize_history(
    history: Sequence[CrashRecord], current: CrashRecord, number: int, *, backing_off: bool
) -> HistorySummary:
    """Summarize the history of a container.

    Args:
        history: the crash records of the Pod, in any order. Those after the current one change
            nothing, and those of other containers only where they ended in the same second.
        current: the crash record that the diagnosis is about.
        number: which termination it is by the kubelet's count (`termination_number`), 0 where that
            is not known.
        backing_off: whether the kubelet delays the next start of the container.

    Returns:
        Nothing for a crash that is not a termination; no more than a delayed restart for a first
        one.
    """
    if current.exitCode is None:
        return NO_HISTORY
    ends = _terminations_until(history, current)
    counted = max(number, current.restarts or 0)
    total = max(counted, len(ends))
    delayed = "; CrashLoopBackOff delays its restart" if backing_off else ""
    together = _together(history, current)
    if total == 1:
        if not delayed and not together:
            return NO_HISTORY
        return HistorySummary(details=(delayed,) if delayed else (), hints=together)
    row = ends if len(ends) == counted else _consecutive(ends)
    at_least = "at least " if counted < len(ends) else ""
    times = f", for {at_least}the {_ordinal(total)} time"
    runs = _runs(row, total)
    parts = {
        "streak": _streak(row, total),
        "runs": runs,
        "image": _image(row, ends, current),
        "delayed": delayed,
    }
    details = []
    for least_important in ("", "image", "delayed", "streak"):
        parts.pop(least_important, None)
        details.append("".join(parts.values()))
    span = _span(ends, total)
    return HistorySummary(
        tuple(dict.fromkeys((times + span, times))),
        tuple(dict.fromkeys(filter(None, (*details, delayed)))),
        _probe_kills(ends) + together,
        runs if runs.startswith(_IT_RAN) and " and " not in runs else "",
    )


def _probe_kills(ends: Sequence[CrashRecord]) -> str:
    """Say how often a probe had stopped it, where its Events do not tell if one did this time."""
    *former, current = ends
    evidence = current.evidence
    if evidence is None or not evidence.to_evidence().is_unclear or current.cause not in _UNCLEAR:
        return ""
    kills = [record.cause for record in former if record.cause in _PROBE_KILLS]
    if not kills:
        return ""
    probe = _PROBE_KILLS[Cause(kills[-1])]
    number = len(kills) if len(set(kills)) == 1 else kills.count(kills[-1])
    known = "" if number == len(former) else f" of {len(former)}"
    times = "time" if len(former) == 1 else "times"
    return f"; its {probe} probe stopped it {number}{known} {times} before"


def _together(history: Iterable[CrashRecord], current: CrashRecord) -> str:
    """Say how many other containers of the Pod ended in the same second, not by themselves."""
    if current.finishedAt is None or not _is_lost_or_killed(current):
        return ""
    others = {
        record.container
        for record in history
        if record.container != current.container
        and record.finishedAt == current.finishedAt
        and _is_lost_or_killed(record)
    }
    if not others:
        return ""
    what = "another container" if len(others) == 1 else f"{len(others)} more containers"
    return f"; {what} ended in that second"


def _is_lost_or_killed(record: CrashRecord) -> bool:
    return record.exitCode in _CODES_OF_NODES and record.cause in _UNEXPLAINED


def _terminations_until(history: Iterable[CrashRecord], current: CrashRecord) -> list[CrashRecord]:
    """Return the container's terminations up to the current one, the oldest first, each once."""
    others = {
        record.id: record
        for record in history
        if record.container == current.container
        and record.exitCode is not None
        and record.id != current.id
    }
    if not others:
        return [current]
    last = _order(current)
    former = sorted((each for each in others.values() if _order(each) < last), key=_order)
    return [*former[-(_MAX_ENTRIES - 1) :], current]


def _order(record: CrashRecord) -> tuple[datetime, str]:
    return record.moment, record.id


def _consecutive(ends: Sequence[CrashRecord]) -> Sequence[CrashRecord]:
    """Return the last terminations between which there was certainly no other."""
    first = len(ends) - 1
    while first > 0:
        before, after = ends[first - 1].restarts, ends[first].restarts
        if not before or not after or after != before + 1:
            break
        first -= 1
    return ends[first:]


def _span(ends: Sequence[CrashRecord], total: int) -> str:
    """Say within which time it terminated so often."""
    first, last = ends[0].finishedAt, ends[-1].finishedAt
    if len(ends) == 1 or first is None or last is None or last < first:
        return ""
    seconds = int((last - first).total_seconds())
    if len(ends) == total:
        return f" in {duration(seconds)}"
    return f" ({len(ends)} of them in {duration(seconds)})"


def _streak(row: Sequence[CrashRecord], total: int) -> str:
    """Say how often in a row it terminated for this cause."""
    cause = row[-1].cause
    times = 0
    for record in reversed(row):
        if record.cause != cause:
            break
        times += 1
    if times == 1:
        return ""
    more = "at least " if times == len(row) < total else ""
    if cause in _MEMORY_KILLS:
        return f"; {more}the {_ordinal(times)} out-of-memory kill in a row"
    if times == total:
        return "; each time for this cause"
    return f"; {more}the {_ordinal(times)} in a row for this cause"


def _runs(row: Sequence[CrashRecord], total: int) -> str:
    """Say how long it ran the last times."""
    runs: list[int] = []
    for record in reversed(row[-_MAX_RUNS:]):
        seconds = _run_seconds(record)
        if seconds is None:
            break
        runs.insert(0, seconds)
    if not runs:
        return ""
    words = [duration(seconds) for seconds in runs]
    if len(runs) == 1:
        return f"{_IT_RAN}{words[0]}"
    last = "" if len(runs) == total else "last "
    shorter = all(before > after for before, after in pairwise(runs))
    trend = ", shorter each time" if shorter and len(runs) >= _MIN_TREND else ""
    return f"; it {last}ran {', '.join(words[:-1])} and {words[-1]}{trend}"


def _image(row: Sequence[CrashRecord], ends: Sequence[CrashRecord], current: CrashRecord) -> str:
    """Say whether it terminated with another image before."""
    if not current.image or all(record.image in ("", current.image) for record in ends):
        return ""
    since = next((n for n, record in enumerate(reversed(row)) if record.image != current.image), 0)
    if since and row[-1 - since].image:
        return f"; it is the {_ordinal(since)} since its image changed"
    return "; it has ended with another image before"


def _run_seconds(record: CrashRecord) -> int | None:
    """Return how long the container ran, or None where that is not known."""
    started, finished = record.startedAt, record.finishedAt
    if started is None or finished is None or finished < started or record.cause in _NOT_TIMED:
        return None
    return int((finished - started).total_seconds())


def _ordinal(number: int) -> str:
    """Write 1st, 2nd, 3rd, 4th, 11th."""
    suffixes = {1: "st", 2: "nd", 3: "rd"}
    teen = number // 10 % 10 == 1
    return f"{number}{'th' if teen else suffixes.get(number % 10, 'th')}"
