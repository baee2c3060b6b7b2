"""Erlang and Elixir: boot failures, crash reports, exceptions with two asterisks. Pure.

Sources: erlang/otp erts/preloaded/src/init.erl (init terminating, Runtime terminating),
lib/kernel/src/application_controller.erl; elixir lib/elixir/lib/exception.ex (** (Name) …),
lib/elixir/lib/config/provider.ex; rabbitmq-server rabbit_prelaunch_errors.erl (BOOT FAILED).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight
from pod_diagnoser.diagnosis.output.levels import level_of

_BOOT: Final = re.compile(
    r".{0,80}?(?:init terminating in do_boot|Runtime terminating during boot|\{\"init terminating|Kernel pid terminated|\{\"Kernel pid terminated)"
)
_EXCEPTION: Final = re.compile(
    r".{0,200}?\*\* \((?P<name>(?!EXIT|stop|exit|throw|SystemExit)[A-Z][\w.]{0,120})\) (?P<message>.*)",
    re.DOTALL,
)
_EXIT: Final = re.compile(r"(?:.{0,200}?\*\* \((?:EXIT|stop|exit|throw)|.{0,100}?Reason: +\S)")
_STARTING: Final = re.compile(
    r".{0,120}?(?:BOOT FAILED|Exception during startup:|Error description:|Error during startup:)"
)
_QUOTED: Final = re.compile(
    r".{0,120}?(?:\"?Error when reading .{1,300}\.erlang\.cookie|Cookie file .{1,300} must be accessible by owner only)"
)
_EMPTY: Final = re.compile(r"(?:BOOT FAILED|={3,}|-{3,})?\s*")
_PREFIX: Final = re.compile(r"(?:\d\S{1,40} \S{1,40} )?(?:\[\w{1,12}\] <[\d.]{1,40}>)?\s*")
_BUGS: Final = (
    "MatchError",
    "FunctionClauseError",
    "CaseClauseError",
    "BadMapError",
    "ArithmeticError",
)
"""Mistakes of the program itself, whatever the words."""

_OPEN: Final = re.compile(r"[{\[,]\s*$")
_TEXT: Final = re.compile(r"\"[^\"\s]{1,80} [^\"]{8,1000}\"")
_MAX_TERM: Final = 6
"""How many lines of a term are looked at for a text that says more than its names."""

_REACH: Final = 12


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    after = 0
    for number, line in enumerate(lines):
        if number < after:
            continue
        if _QUOTED.match(line):
            yield Finding(number, (number,), ReasonClass.PERMISSION_DENIED)
        elif "** (" in line and (found := _EXCEPTION.match(line)):
            quotes = _with_rest(lines, number, found["message"])
            yield Finding(
                number,
                quotes,
                _default(found["name"]),
                meaning=_meanings(lines, quotes, found["message"]),
                weight=_weight(lines, number),
                runtime="elixir",
                exact=found["name"] in _BUGS,
            )
        elif "** (" in line and _EXIT.match(line):
            yield Finding(number, (number,), weight=Weight.LOGGED)
        elif _STARTING.match(line):
            place = _described(lines, number)
            after = number + 1 if place is None else place + 1
            if place is not None:
                yield Finding(number, tuple(dict.fromkeys((_text_in_term(lines, place), place))))
        elif _BOOT.match(line):
            yield Finding(number, (number,), _boot_default(line))


def _with_rest(lines: Sequence[str], number: int, message: str) -> tuple[int, ...]:
    """Return an exception, and the next line where the message stands there."""
    return (number + 1, number) if not message.strip() and number + 1 < len(lines) else (number,)


def _meanings(lines: Sequence[str], quotes: Sequence[int], message: str) -> tuple[str, ...]:
    """Return what tells the class: of an application that did not start first its innermost exit."""
    said = "\n".join(lines[number] for number in quotes)
    if "Could not start application" not in message:
        return (said,)
    first = max(0, quotes[0] - _REACH)
    exits = [line for line in lines[first : quotes[0] + _REACH] if "** (EXIT) " in line]
    innermost = max(exits, key=lambda line: line.index("** (EXIT) "), default="")
    return (innermost, said)


def _default(name: str) -> ReasonClass | None:
    return ReasonClass.MISSING_MODULE if name == "UndefinedFunctionError" else None


def _boot_default(line: str) -> ReasonClass | None:
    return ReasonClass.MISSING_MODULE if "{undef," in line else None


def _weight(lines: Sequence[str], number: int) -> Weight:
    """An exception at the start of a line ended the program, one in a report a process of it."""
    return (
        Weight.FATAL
        if lines[number].startswith("** (") and (not number or level_of(lines[number - 1]) is None)
        else Weight.LOGGED
    )


def _described(lines: Sequence[str], number: int) -> int | None:
    """Return the first line after a headline that describes the failure."""
    for place in range(number + 1, min(number + _REACH, len(lines))):
        rest = _PREFIX.sub("", lines[place], count=1)
        if not rest or _STARTING.match(lines[place]) or _EMPTY.fullmatch(rest):
            continue
        return place
    return None


def _text_in_term(lines: Sequence[str], number: int) -> int:
    """Return the line of a term that begins at a line which holds a text, if any does."""
    if not _OPEN.search(lines[number]):
        return number
    for place in range(number + 1, min(number + _MAX_TERM, len(lines))):
        if _TEXT.search(lines[place]):
            return place
        if not _OPEN.search(lines[place]):
            break
    return number


GRAMMAR: Final = Grammar(
    "erlang",
    ("** (", "boot", "erlang", "kernel pid terminated", "error description", "during startup"),
    _find,
)
