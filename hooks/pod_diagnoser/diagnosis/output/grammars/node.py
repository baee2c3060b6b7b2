"""Node.js, and Deno and Bun, which print alike: uncaught errors, rejections, V8's own end. Pure.

Sources: node lib/internal/process/promises.js, lib/internal/errors.js, lib/internal/util/inspect.js
(causes), src/node_errors.cc (the caret, FATAL ERROR), src/node_options.cc.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.classes import classify
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight
from pod_diagnoser.diagnosis.output.grammars.traces import start_of, weight_after

_ERROR: Final = re.compile(
    r"(?P<lead>.{0,120}?)(?P<uncaught>(?:error: )?Uncaught (?:\(in promise\) )?|Unhandled (?:promise )?[Rr]ejection:? |\(node:\d{1,10}\) )?"
    r"(?P<name>\b[A-Z]\w{0,80}(?:Error|Exception|Warning)|\bError|\bUnhandledPromiseRejection)"
    r"(?: \[[\w. ]{1,80}\])?(?::(?P<message> .{0,400}|$)|$)",
    re.DOTALL,
)
_FRAME: Final = re.compile(r"\s{1,12}at \S")
_FRAME_OF_JS: Final = re.compile(
    r"\s{1,12}at (?:.{0,300}\()?(?:file://|node:|internal/|/|[A-Z]:\\|async |<anonymous>|webpack|\w{1,40}\.js:|native|eval |https?:)"
)
_CARET: Final = re.compile(r"\s*\^+\s*$")
_PLACE: Final = re.compile(r"\S{1,400}:\d{1,7}\s*$")
_ABOVE_CARET: Final = 3
_FIELD: Final = re.compile(r"\s{2,20}(?:code|errno|syscall): \S")
_CAUSE: Final = re.compile(r"\s{1,40}\[cause\]: (?!undefined|null)\S")
_INNER: Final = re.compile(r"\s{2,40}(?:[A-Z]\w{0,40})?Error: \S")
_BUG: Final = re.compile(
    r"TypeError: (?:Cannot (?:read|set|destructure|convert|access)|.{1,200} is not (?:a function|a constructor|iterable|defined))"
    r"|ReferenceError: |RangeError: Maximum call stack"
)
"""Mistakes of the program itself, whatever the words."""

_REJECTED: Final = "UnhandledPromiseRejection: This error originated"
_REASON: Final = 'with the reason "'
_OLD_WARNING: Final = re.compile(
    r"\(node:\d{1,10}\) (?:UnhandledPromiseRejectionWarning: (?P<said>(?!Unhandled promise rejection\b).{1,4000})|.{0,100}Warning)"
)
_V8: Final = re.compile(
    r"(?P<heap>(?:<--- .{0,40} --->)?FATAL ERROR: .{0,200}(?:heap|[Aa]llocation|memory))"
    r"|(?P<fatal>FATAL ERROR: |# (?:Check failed|Fatal (?:error|JavaScript)))"
    r"|(?P<option>(?:\S{0,100}/)?(?:node|deno|bun): (?:bad option|.{1,100}is not allowed in NODE_OPTIONS|.{1,100}requires an argument))"
)
_CLASSES: Final = {
    "heap": ReasonClass.MEMORY_EXHAUSTED,
    "fatal": ReasonClass.NATIVE_CRASH,
    "option": ReasonClass.INVALID_CONFIGURATION,
}
_BUN: Final = re.compile(
    r"error: (?:Cannot find (?:module|package)|Module not found|Uncaught|Could not resolve)"
)
_NO_SCRIPT: Final = re.compile(
    r"npm (?:ERR!|error) (?:Missing script: |enoent ENOENT|[Ee]rror: E[A-Z]+: )"
)
_NPM_CODE: Final = re.compile(r"npm (?:ERR!|error) code E(?!LIFECYCLE)[A-Z]{2,}\s*$")
_NPM_PATH: Final = re.compile(r"npm (?:ERR!|error) path ")
"""What npm itself could not do, and where; a script that fails has another code."""

_THROWN: Final = "(Use `node --trace-uncaught"
_REACH: Final = 60
"""How many lines of one error are read at most: message, frames, causes and fields."""

_AFTER_CARET: Final = 2
"""How far below the caret the error stands."""

_MAX_MESSAGE: Final = 12
"""How many lines a message has at most."""


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    after = 0
    carets = -10
    for number, line in enumerate(lines):
        if _CARET.match(line):
            # Others print carets, too; below the place in a file only these.
            if any(map(_PLACE.match, lines[max(0, number - _ABOVE_CARET) : number])):
                carets = number
        elif number >= after:
            finding = _event(lines, number, uncaught=number - carets <= _AFTER_CARET)
            if finding is not None:
                after = _end(lines, number)
                yield finding


def _event(lines: Sequence[str], number: int, *, uncaught: bool) -> Finding | None:
    line = lines[number]
    if found := _V8.match(line):
        return Finding(number, (number,), _CLASSES[found.lastgroup or "fatal"])
    if _BUN.match(line) or _NO_SCRIPT.match(line):
        return Finding(number, (number,))
    if _NPM_CODE.match(line):
        below = range(number + 1, min(number + 4, len(lines)))
        where = tuple(place for place in below if _NPM_PATH.match(lines[place]))
        return Finding(number, (number, *where[:1]), weight=Weight.LOGGED)
    if line.startswith(_THROWN) and number:
        return Finding(number - 1, (number - 1,), exact=True)
    if found := _OLD_WARNING.match(line):
        return Finding(number, (number,), weight=Weight.LOGGED) if found["said"] else None
    if _REJECTED in line:
        return Finding(number, (number,), ReasonClass.UNCAUGHT_EXCEPTION)
    found = _ERROR.match(line) if "Error" in line or "Exception" in line else None
    if found is None:
        return None
    lead = found["lead"]
    if not uncaught and not found["uncaught"] and not _has_frames(lines, number):
        return None
    if uncaught and lead.strip():
        return None
    if uncaught or found["uncaught"] or _ends_process(lines, number):
        weight = Weight.FATAL
    else:
        weight = min(weight_after(lines, number), Weight.LOGGED)
    default = ReasonClass.ASSERTION_OR_PANIC if found["name"] == "AssertionError" else None
    broken = (
        default is not None
        or (uncaught and found["name"] == "SyntaxError" and "JSON" not in line)
        or _BUG.search(line, 0, 400) is not None
    )
    return Finding(start_of(lines, number), (number,), default, weight=weight, exact=broken)


def _complete(lines: Sequence[str], finding: Finding) -> Finding:
    """Add what the fields and the causes of an error say."""
    number = finding.quotes[0]
    if not _ERROR.match(lines[number]):
        return finding
    quotes = _quotes(lines, number)
    whole = "\n".join(lines[number : _end(lines, number)])[:4000]
    return replace(finding, quotes=quotes, meaning=_meaning(lines, quotes, whole))


def _meaning(lines: Sequence[str], quotes: Sequence[int], whole: str) -> str:
    """Return the quotes, with the code that the error's fields hold."""
    code = re.search(r"\bcode: '(\w{1,60})'", whole)
    return "\n".join(lines[number] for number in quotes) + (f"\n{code[1]}" if code else "")


def _has_frames(lines: Sequence[str], number: int) -> bool:
    for place in range(number + 1, min(number + _MAX_MESSAGE, len(lines))):
        if not lines[place].startswith((" ", "\t")):
            continue
        if _CAUSE.match(lines[place]) or _FIELD.match(lines[place]):
            return True
        if _FRAME.match(lines[place]):
            return _FRAME_OF_JS.match(lines[place]) is not None
    return False


def _ends_process(lines: Sequence[str], number: int) -> bool:
    end = _end(lines, number)
    return any(
        line.startswith(("Node.js v", "Emitted 'error' event")) for line in lines[number : end + 2]
    )


def _end(lines: Sequence[str], number: int) -> int:
    """Return the line after the last that belongs to an error: message, frames, fields."""
    last = number
    for place in range(number + 1, min(number + _REACH, len(lines))):
        line = lines[place]
        if line.startswith((" ", "\t", "}", "- ", "Require stack", "Node.js v", "Emitted ")):
            last = place
        elif place - number > _MAX_MESSAGE or last > number:
            break
    return last + 1


def _quotes(lines: Sequence[str], number: int) -> tuple[int, ...]:
    """Return the lines of an error that say most: its own, unless a cause says more."""
    end = _end(lines, number)
    inner = None
    message: list[int] = []
    framed = False
    for place in range(number + 1, end):
        if _FRAME.match(lines[place]):
            framed = True
        elif _CAUSE.match(lines[place]) or (
            framed and inner is None and _INNER.match(lines[place])
        ):
            inner = place
        elif not framed and not lines[place].startswith(("- ", "Require stack")):
            message.append(place)
    first = lines[number].rstrip()
    if first.endswith((":", "]")) and message:
        # Of a long message the line that tells of what kind it is.
        best = next((place for place in message if classify(lines[place])), message[0])
        return (best, number) if framed else (number, *message[:2])
    if inner is None:
        return (number,)
    said = lines[inner].partition("rror: ")[2].rstrip(" {")
    return (number, inner) if said and said in first else (inner, number)


GRAMMAR: Final = Grammar(
    "node",
    (
        "error",
        "npm err",
        "exception",
        "unhandledpromise",
        "--trace-uncaught",
        "node: ",
        "fatal error",
    ),
    _find,
    _complete,
)
