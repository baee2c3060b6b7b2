"""What happens to an output on its way to a reader: wrapped, coloured, padded, repeated, cut.

Each mutation leaves the reason where it is, so the same line must be found.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from tests.output.entries import Entry

_LIMIT: Final = 65_536

Mutation = Callable[[str], str]


def _each_line(change: Callable[[int, str], str]) -> Mutation:
    def mutate(log: str) -> str:
        lines = log.rstrip("\n").split("\n")
        return "".join(f"{change(number, line)}\n" for number, line in enumerate(lines))

    return mutate


def _time(number: int) -> str:
    return f"2026-11-23T10:{number // 60 % 60:02}:{number % 60:02}"


def _docker(number: int, line: str) -> str:
    record = {"log": f"{line}\n", "stream": "stderr", "time": f"{_time(number)}.1Z"}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


def _coloured(number: int, line: str) -> str:
    first, space, rest = line.partition(" ")
    return f"\x1b[{31 + number % 6}m{first}\x1b[0m{space}{rest}"


def _two_services(number: int, line: str) -> str:
    other = f"web-1  | GET /healthz 200 {number}"
    return f"app-1  | {line}\n{other}"


def _padded(log: str) -> str:
    """Make dumps of 200 more frames of those that are there."""
    frame = re.search(r"^\s+at \S.*\n", log, re.MULTILINE)
    if frame is not None:
        return f"{log[: frame.end()]}{frame[0] * 200}{log[frame.end() :]}"
    if re.search(r"^goroutine \d+ \[", log, re.MULTILINE):
        more = "".join(
            f"\ngoroutine {number} [select]:\nmain.work(0xc000)\n\t/src/work.go:42 +0x1f\n"
            for number in range(100, 167)
        )
        return f"{log.rstrip()}\n{more}"
    return log


def _stopping(log: str) -> str:
    noise = "".join(
        f"2026-11-23 10:00:{number:02} INFO  stopping component {number}, connection closed\n"
        for number in range(30)
    )
    return f"{log.rstrip()}\n{noise}"


def _healthy_before(log: str) -> str:
    return "".join(f"GET /orders/{number} 200 0.012\n" for number in range(200)) + log


def _cut(log: str) -> str:
    """Put so much before it that the limit falls into the middle of a line."""
    line = "GET /orders/1234567 200 0.012 with nothing to say about errors\n"
    missing = _LIMIT - len(log)
    if missing <= 0:
        return log
    return line * (missing // len(line) + 2) + log


MUTATIONS: Final[Mapping[str, Mutation]] = {
    "CRI's format": _each_line(lambda number, line: f"{_time(number)}.123456789Z stdout F {line}"),
    "docker's json-file": _each_line(_docker),
    "kubectl logs --timestamps": _each_line(lambda number, line: f"{_time(number)}.5Z {line}"),
    "kubectl logs --prefix": _each_line(lambda _, line: f"[pod/app-1/app] {line}"),
    "docker compose": _each_line(lambda _, line: f"app-1  | {line}"),
    "docker compose, two services": _each_line(_two_services),
    "honcho, foreman": _each_line(lambda number, line: f"10:00:{number % 60:02} web.1  | {line}"),
    "concurrently": _each_line(lambda _, line: f"[1] {line}"),
    "journald": _each_line(
        lambda number, line: f"Nov 23 10:00:{number % 60:02} node-1 app[4711]: {line}"
    ),
    "ANSI colours": _each_line(_coloured),
    "CRLF": lambda log: log.replace("\n", "\r\n"),
    "dumps of 200 lines": _padded,
    "30 lines of shutdown": _stopping,
    "200 lines before": _healthy_before,
    "two runs": lambda log: f"{log.rstrip()}\n{log}",
    "cut in mid-line": _cut,
}
"""How an output is changed, by what is said of it."""

ONLY_CAUSES: Final = frozenset(["30 lines of shutdown"])
"""Mutations that would make a reason of what has none: to stop says that it was asked to."""


def unwrapped(line: str) -> str:
    """Return a quoted line without colours, and without JSON if it is a record of docker's."""
    if line.startswith('{"log":'):
        line = str(json.loads(line)["log"])
    return re.sub(r"\x1b\[\d+m", "", line)


def _is_in(entry: Entry, read: str) -> bool:
    return not entry.has_cause or any(quote in read for quote in entry.quotes)


def mutated(entry: Entry, mutation: str) -> str | None:
    """Return an entry's output, changed.

    Args:
        entry: the entry.
        mutation: one of `MUTATIONS`.

    Returns:
        None where that changes nothing, or leaves the reason out of what is read.
    """
    if mutation in ONLY_CAUSES and not entry.has_cause:
        return None
    log = MUTATIONS[mutation](entry.log)
    if log == entry.log or (len(log) > _LIMIT and not _is_in(entry, log[-_LIMIT:])):
        return None
    return log
