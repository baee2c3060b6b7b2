"""Rust: panics, and errors that main returned. Pure.

Sources: rust library/std/src/panicking.rs, library/alloc (handle_alloc_error), anyhow, color-eyre.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar
from pod_diagnoser.diagnosis.output.noise import is_wrapper

_PANIC: Final = re.compile(r".{0,200}?\bpanicked at (?P<old>['\"])?", re.DOTALL)
_PLACE: Final = re.compile(r"panicked at [^\n]{1,1000}:\d{1,7}:\d{1,7}:?\s*$")
_END: Final = re.compile(r"note: |stack backtrace:|\s+\d{1,4}: |thread '")
_RUNTIME: Final = re.compile(
    r"(?P<memory>memory allocation of \d{1,20} bytes failed)"
    r"|fatal runtime error: |thread '[^'\n]{0,200}'.{0,20} has overflowed its stack"
)
_DEBUG: Final = re.compile(r"Error: [A-Z]\w{1,60}(?: \{ |\()")
"""An error as main returns it, in the form for debugging."""

_CAUSES: Final = "Caused by:"
_HEAD: Final = re.compile(r"(?:Error|error|ERROR)\b|.{0,80}\bERROR\b")
_VAGUE: Final = re.compile(
    r"(?:Error|error): (?:[Ff]ailed|[Uu]nable|[Cc]ould not|[Cc]annot|[Cc]ouldn't) [^:=,/'\"`]{0,60}$"
)
_CAUSE: Final = re.compile(r"\s+(?P<number>\d{1,3}: )?\S")
_MAX_CAUSES: Final = 20


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if "panicked at " in line:
            yield _panic(lines, number)
        elif found := _RUNTIME.match(line):
            memory = found["memory"] is not None
            crash = ReasonClass.MEMORY_EXHAUSTED if memory else ReasonClass.NATIVE_CRASH
            yield Finding(number, (number,), crash)
        elif _DEBUG.match(line):
            yield Finding(number, (number,))
        elif line.rstrip() == _CAUSES and number and _HEAD.match(lines[number - 1]):
            returned = _returned(lines, number)
            if not is_wrapper(lines[max(returned.quotes)]):
                yield returned
        elif (
            line.rstrip() == "Error:"
            and number + 1 < len(lines)
            and lines[number + 1].startswith("   0: ")
        ):
            last = _last_cause(lines, number)
            yield Finding(number, tuple(dict.fromkeys((number + 1, last))))


def _panic(lines: Sequence[str], number: int) -> Finding:
    """Return the message, which newer versions print on the lines after the place."""
    after = number + 1
    if (
        _PLACE.search(lines[number], max(0, len(lines[number]) - 1200))
        and after < len(lines)
        and not _END.match(lines[after])
    ):
        quotes: tuple[int, ...] = (after, number)
        if (
            after + 1 < len(lines)
            and lines[after].rstrip().endswith(":")
            and not _END.match(lines[after + 1])
        ):
            quotes = (after, after + 1, number)
    else:
        quotes = (number,)
    return Finding(number, quotes, ReasonClass.ASSERTION_OR_PANIC)


def _returned(lines: Sequence[str], number: int) -> Finding:
    """Return an error with the root of what caused it, which is first where the error is vague."""
    quotes = (number - 1, _last_cause(lines, number))
    if _VAGUE.match(lines[number - 1]):
        quotes = quotes[::-1]
    return Finding(number - 1, tuple(dict.fromkeys(quotes)))


def _last_cause(lines: Sequence[str], number: int) -> int:
    """Return the first line of the last cause: of a list with numbers, or else below a headline."""
    last, first, numbers = number - 1, True, False
    for place in range(number + 1, min(number + _MAX_CAUSES, len(lines))):
        cause = _CAUSE.match(lines[place])
        if cause is None and lines[place].rstrip() != _CAUSES:
            break
        if cause is None:
            first, numbers = True, False
        elif first or (numbers and cause["number"]):
            last, first, numbers = place, False, cause["number"] is not None
    return last


GRAMMAR: Final = Grammar(
    "rust",
    (
        "panicked at ",
        "caused by:\n",
        "error:\n",
        "error: ",
        "fatal runtime error",
        "memory allocation of",
        "overflowed its stack",
    ),
    _find,
)
