"""What a container's history adds to its diagnosis, in words. Pure.

How often it has ended, how long it ran each time, whether that gets worse, what changed in between.
Only what the history and the kubelet's count prove is said: ends count as following each other
where their numbers do, and what nobody knows is left out. The history comes from the Pod's
annotation, which its owner may write: it decides these words, and nothing else.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Protocol

from pod_diagnoser.api.causes import Cause

MAX_SUMMARY_BYTES = 240

_MAX_ENTRIES = 100
_MAX_RUNS = 4
_MIN_TREND = 3
"""How many runs it takes to say that they become shorter."""

_MEMORY_KILLS = (Cause.OUT_OF_MEMORY, Cause.CHILD_OUT_OF_MEMORY)

_NOT_TIMED = (
    Cause.CONTAINER_STATUS_UNKNOWN,
    Cause.EXIT_STATUS_LOST,
    Cause.START_FAILED,
)
"""Causes whose times do not tell how long the container ran: lost, noticed later, or never run."""

_UNITS = (("second", "s", 1), ("minute", "min", 60), ("hour", "h", 3600), ("day", "d", 86_400))
_FEW = 2
"""A unit is used from two of it on: 119 seconds, then 2 minutes."""


class Ended(Protocol):
    """One entry of a container's history, as far as it is recounted."""

    @property
    def id(self) -> str:
        """The crash id."""

    @property
    def container(self) -> str:
        """The container's name."""

    @property
    def cause(self) -> str:
        """The cause, as the enum spells it."""

    @property
    def exitCode(self) -> int | None:  # noqa: N802 (the annotation's spelling)
        """The exit code; None for what is no end of a container."""

    @property
    def startedAt(self) -> datetime | None:  # noqa: N802
        """When the run had started that ended so, in UTC."""

    @property
    def finishedAt(self) -> datetime | None:  # noqa: N802
        """When it ended, in UTC."""

    @property
    def moment(self) -> datetime:
        """The time by which crashes are ordered, in UTC."""

    @property
    def restarts(self) -> int | None:
        """Which end of the container it was by the kubelet's count: `termination_number`."""

    @property
    def image(self) -> str:
        """A short hash of the image that ran; empty where it is not known."""


def summarize_history(
    crashes: Sequence[Ended], current: Ended, restarts: int, *, backing_off: bool
) -> str:
    """Tell the history of a container in one sentence.

    Args:
        crashes: what is remembered of the Pod's crashes, in any order. Those of other containers
            and those after the current one change nothing.
        current: the one that is told.
        restarts: which end it is by the kubelet's count (`termination_number`), 0 where unknown.
        backing_off: whether the kubelet lets time pass before it starts the container again.

    Returns:
        A sentence of at most `MAX_SUMMARY_BYTES`; empty for a first end, and for what is none.
    """
    if current.exitCode is None:
        return ""
    history = _terminations_until(crashes, current)
    counted = max(restarts, current.restarts or 0)
    number = max(counted, len(history))
    delayed = "the kubelet now delays its restarts (CrashLoopBackOff)" if backing_off else ""
    if number == 1:
        return f"{delayed[:1].upper()}{delayed[1:]}." if delayed else ""
    row = history if len(history) == counted else _consecutive(history)
    at_least = "at least " if counted < len(history) else ""
    head = f"This is {at_least}the container's {_ordinal(number)} end"
    parts = {
        "span": _span(history, number),
        "streak": _streak(row, number),
        "runs": _runs(row, number),
        "image": _image(row, history, current),
        "delayed": delayed and f"; {delayed}",
    }
    for spare in ("", "image", "span", "streak", "runs", "delayed"):
        parts.pop(spare, None)
        told = f"{head}{''.join(parts.values())}."
        if len(told.encode()) <= MAX_SUMMARY_BYTES:
            break
    return told


def _terminations_until(crashes: Iterable[Ended], current: Ended) -> list[Ended]:
    """The container's ends up to the current one, the oldest first, each once."""
    last = (current.moment, current.id)
    former = {
        crash.id: crash
        for crash in crashes
        if crash.container == current.container
        and crash.exitCode is not None
        and crash.id != current.id
        and (crash.moment, crash.id) < last
    }
    ordered = sorted(former.values(), key=lambda crash: (crash.moment, crash.id))
    return [*ordered[-(_MAX_ENTRIES - 1) :], current]


def _consecutive(history: Sequence[Ended]) -> Sequence[Ended]:
    """The last ends of which it is certain that no other was between them."""
    first = len(history) - 1
    while first > 0:
        before, after = history[first - 1].restarts, history[first].restarts
        if not before or not after or after != before + 1:
            break
        first -= 1
    return history[first:]


def _span(history: Sequence[Ended], number: int) -> str:
    """Within how long it ended so often."""
    first, last = history[0].finishedAt, history[-1].finishedAt
    if len(history) == 1 or first is None or last is None or last < first:
        return ""
    seconds = int((last - first).total_seconds())
    if len(history) == number:
        return f" in {_in_words(seconds)}"
    return f", {len(history)} of them in {_in_words(seconds)}"


def _streak(row: Sequence[Ended], number: int) -> str:
    """How often in a row it ended for this cause."""
    cause = row[-1].cause
    times = 0
    for crash in reversed(row):
        if crash.cause != cause:
            break
        times += 1
    if times == 1:
        return ""
    more = "at least " if times == len(row) < number else ""
    if cause in _MEMORY_KILLS:
        return f", {more}the {_ordinal(times)} out-of-memory kill in a row"
    if times == number:
        return ", each for the same cause"
    return f", {more}the {_ordinal(times)} in a row for this cause"


def _runs(row: Sequence[Ended], number: int) -> str:
    """How long it ran the last times."""
    runs: list[int] = []
    for crash in reversed(row[-_MAX_RUNS:]):
        seconds = _seconds(crash)
        if seconds is None:
            break
        runs.insert(0, seconds)
    if not runs:
        return ""
    words = [_briefly(seconds) for seconds in runs]
    if len(runs) == 1:
        return f"; this time it ran {words[0]}"
    last = "" if len(runs) == number else "last "
    shorter = all(before > after for before, after in pairwise(runs))
    trend = ", shorter each time" if shorter and len(runs) >= _MIN_TREND else ""
    return f"; it {last}ran {', '.join(words[:-1])} and {words[-1]}{trend}"


def _image(row: Sequence[Ended], history: Sequence[Ended], current: Ended) -> str:
    """What the image has to do with it."""
    if not current.image or all(crash.image in ("", current.image) for crash in history):
        return ""
    since = next((n for n, crash in enumerate(reversed(row)) if crash.image != current.image), 0)
    if since and row[-1 - since].image:
        return f"; it is the {_ordinal(since)} since its image changed"
    return "; it has ended with another image before"


def _seconds(crash: Ended) -> int | None:
    """How long a container ran, or None where that is not known."""
    started, finished = crash.startedAt, crash.finishedAt
    if started is None or finished is None or finished < started or crash.cause in _NOT_TIMED:
        return None
    return int((finished - started).total_seconds())


def _measured(seconds: int) -> tuple[int, str, str]:
    """A number of the largest unit of which there are a few, its name and its symbol."""
    name, symbol, length = next(
        (unit for unit in reversed(_UNITS) if seconds >= _FEW * unit[2]), _UNITS[0]
    )
    return seconds // length, name, symbol


def _in_words(seconds: int) -> str:
    if seconds < 1:
        return "a second"
    number, name, _ = _measured(seconds)
    return f"{number} {name}{'' if number == 1 else 's'}"


def _briefly(seconds: int) -> str:
    if seconds < 1:
        return "under 1 s"
    number, _, symbol = _measured(seconds)
    return f"{number} {symbol}"


def _ordinal(number: int) -> str:
    """Write 1st, 2nd, 3rd, 4th, 11th."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    teen = number // 10 % 10 == 1
    return f"{number}{'th' if teen else endings.get(number % 10, 'th')}"
