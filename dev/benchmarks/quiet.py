"""Find out whether anything else used the machine while something was measured (Linux, proc(5)).

The processors' own count says how busy they were; whatever the benchmark, the programs that it
started and their children did not use of that was used by others, containers beside this one
included.
"""

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

MOST = 5.0
"""Per cent of all processors that others may use, what a hypervisor takes away included."""

_PERIOD = 2.0
_USER, _NICE, _SYSTEM, _STEAL = 0, 1, 2, 7


@dataclass(frozen=True, slots=True)
class Sample:
    """What has been used so far.

    Attributes:
        at: seconds, by any clock that goes steadily.
        busy: CPU seconds of all processes on all processors.
        stolen: CPU seconds that a hypervisor gave to others.
        own: CPU seconds of each of the benchmark's processes, ended children that it has waited
            for included.
        waited_for: those of them whose CPU goes over to the benchmark when they end.
    """

    at: float
    busy: float
    stolen: float
    own: Mapping[int, float]
    waited_for: frozenset[int]


def by_others(before: Sample, after: Sample, processors: int) -> float | None:
    """Return how much others used between two samples.

    Args:
        before: the first.
        after: the second.
        processors: how many there are.

    Returns:
        Per cent of all processors; None where it is not known, since a process of the benchmark's
        has ended with which its CPU time went.
    """
    if before.own.keys() - after.own.keys() - before.waited_for:
        return None
    own = sum(after.own.values()) - sum(before.own.values())
    used = after.busy - before.busy - own + after.stolen - before.stolen
    return 100 * max(0.0, used) / ((after.at - before.at) * processors)


class Quiet:
    """Watches the machine while it is entered; a context manager."""

    def __init__(self) -> None:
        self._shares: list[tuple[float, float]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._end.set()
        self._thread.join()

    def others(self, since: float = 0.0) -> float:
        """Return what others used on average.

        Args:
            since: from when on, by `time.monotonic`.

        Returns:
            Per cent of all processors; 0 where nothing was measured.
        """
        shares = [share for at, share in list(self._shares) if at >= since]
        return sum(shares) / len(shares) if shares else 0.0

    def note(self, since: float = 0.0) -> str:
        """Return a sentence for the table.

        Args:
            since: from when on, by `time.monotonic`.
        """
        used = self.others(since)
        text = f"{used:.1f} % of its processors' time went to other programs"
        if used > MOST:
            return f"**The machine was not quiet: {text}.** Times and CPU below are weak evidence."
        return f"The machine was quiet: {text}."

    def _follow(self) -> None:
        processors, before = os.cpu_count() or 1, _sample()
        while not self._end.wait(_PERIOD):
            after = _sample()
            share = by_others(before, after, processors)
            if share is not None:
                self._shares.append((after.at, share))
            before = after


def _sample() -> Sample:
    tick = os.sysconf("SC_CLK_TCK")
    with Path("/proc/stat").open(encoding="ascii") as stat:
        totals = [int(field) / tick for field in stat.readline().split()[1:]]
    own, waited_for = _own(tick)
    return Sample(
        time.monotonic(),
        totals[_USER] + totals[_NICE] + totals[_SYSTEM],
        totals[_STEAL],
        own,
        waited_for,
    )


def _own(tick: int) -> tuple[dict[int, float], frozenset[int]]:
    """Return the CPU seconds of this process and its descendants, and which are its children."""
    used: dict[int, float] = {}
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # The name is in parentheses and may hold spaces; ppid is the 2nd field after it.
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            children.setdefault(int(fields[1]), []).append(int(entry.name))
            used[int(entry.name)] = sum(map(int, fields[11:15])) / tick
    me = os.getpid()
    own, rest = {}, [me]
    while rest:
        pid = rest.pop()
        own[pid] = used.get(pid, 0.0)
        rest += children.get(pid, [])
    return own, frozenset(children.get(me, []))
