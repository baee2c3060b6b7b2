"""Python: tracebacks with their chains, syntax errors, and what the interpreter itself says. Pure.

Sources: CPython Lib/traceback.py (texts between the parts of a chain, groups), Python/pylifecycle.c
(Fatal Python error), Modules/main.c (can't open file), Lib/runpy.py (No module named).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight
from pod_diagnoser.diagnosis.output.grammars.traces import start_of, weight_after
from pod_diagnoser.diagnosis.output.levels import level_of

_HEADER: Final = "Traceback (most recent call last):"
_FRAME: Final = re.compile(r'\s*File "[^"\n]{1,1000}", line \d')
_MARGIN: Final = re.compile(r"\s{0,40}(?:[|+] |\+-.{0,100}$)")
_EXCEPTION: Final = re.compile(r"(?P<name>[A-Za-z_][\w.]{0,200})(?::(?: |$)|$)")
_BUILT_IN: Final = re.compile(
    r"(?:ModuleNotFound|Import|Key|Value|Type|Attribute|Name|Runtime|OS|IO|Permission|FileNotFound"
    r"|Connection(?:Refused|Reset)?|Timeout|Memory|Index|Assertion|UnicodeDecode|Syntax|Indentation"
    r"|NotImplemented|Recursion|ZeroDivision)Error: "
    r"|(?:django|sqlalchemy|psycopg2?|pymysql|MySQLdb|redis|celery|kombu|requests|urllib3|pydantic(?:_core)?"
    r"|pymongo|botocore|kubernetes|gunicorn|flask|fastapi|starlette|jinja2|yaml|alembic|asyncpg|socket|ssl"
    r"|tensorflow|torch|airflow|elasticsearch|aiohttp|httpx|pika|kafka|grpc)(?:\.\w{1,60}){1,6}: "
)
_DIRECT: Final = "The above exception was the direct cause"
_HANDLING: Final = "During handling of the above exception"
_ENDED_ON_PURPOSE: Final = re.compile(
    r"(?:SystemExit|click\.exceptions\.Exit|typer\.Exit|KeyboardInterrupt|GeneratorExit"
    r"|asyncio\.(?:exceptions\.)?CancelledError)\b"
)
_GROUP: Final = re.compile(r"(?:exceptiongroup\.)?(?:Base)?ExceptionGroup:")
_HELPERS: Final = re.compile(
    r"AttributeError: .{0,100}'__value__'|KeyError: (?:'(?![A-Z][A-Z0-9_]{2,64}'$)|[^'])"
    r"|(?:StopIteration|IndexError|AttributeError|queue\.Empty|_queue\.Empty|AssertionError$)"
)
_ASIDE: Final = re.compile(
    r"Exception ignored in|Exception in thread|Task exception was never|.{0,99}never retrieved"
)
_FATAL: Final = re.compile(
    r"(?P<crash>Fatal Python error: (?:Segmentation fault|Aborted|Bus error|Illegal instruction))"
    r"|(?P<fatal>Fatal Python error: )"
    r"|(?:\S{0,100}/)?python\S{0,10}: (?:(?P<file>can't open file )|(?P<module>No module named |Error while finding module))"
)
_CLASSES: Final = {
    "crash": ReasonClass.NATIVE_CRASH,
    "fatal": ReasonClass.UNCAUGHT_EXCEPTION,
    "file": ReasonClass.FILE_NOT_FOUND,
    "module": ReasonClass.MISSING_MODULE,
}
_BUG: Final = re.compile(
    r"(?:Attribute|Type|Name|UnboundLocal|ZeroDivision|Index|Recursion|NotImplemented|UnicodeDecode|Assertion)Error\b"
)
"""Mistakes of the program itself, whatever the words."""

_SYNTAX: Final = re.compile(r"(?:Syntax|Indentation|Tab)Error: ")
_TAIL: Final = 4
"""How many lines after an exception are read as the rest of its message."""

_MARKS: Final = ("traceback (most", 'file "', "error: ", "fatal python", "python: ", "python3")


@dataclass(slots=True)
class _Chain:
    """Tracebacks that belong together: where the first begins, and each exception's line."""

    start: int
    exceptions: list[int] = field(default_factory=list)
    # Those in whose handling the next was raised, not on purpose from them
    handled: set[int] = field(default_factory=set)
    frame: int | None = None


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    chain: _Chain | None = None
    inside = joined = False
    indent = 0
    for number, raw in enumerate(lines):
        line = _without_margin(raw)
        if _HEADER in line:
            if chain is None or not joined:
                yield from _finding(lines, chain)
                chain = _Chain(number)
            inside, joined, indent = (
                True,
                False,
                _indent(line) if line.lstrip().startswith(_HEADER) else 0,
            )
        elif _FRAME.match(line):
            if chain is None or (not inside and not joined):
                yield from _finding(lines, chain)
                chain = _Chain(number)
                indent = max(0, _indent(line) - 2)
            inside, joined = True, False
            chain.frame = number
        elif inside:
            if _indent(line) > indent or not line.strip():
                continue
            inside = False
            if chain is not None and _EXCEPTION.match(line.strip()):
                chain.exceptions.append(number)
        elif chain is not None and (_DIRECT in line or _HANDLING in line):
            joined = True
            if _HANDLING in line and chain.exceptions:
                chain.handled.add(chain.exceptions[-1])
        else:
            if (
                chain is not None and number - chain.exceptions[-1] > _TAIL
                if chain and chain.exceptions
                else False
            ):
                yield from _finding(lines, chain)
                chain = None
            yield from _single_line(line, number, alone=chain is None)
    yield from _finding(lines, chain)


def _single_line(line: str, number: int, *, alone: bool) -> Iterator[Finding]:
    """Yield what one line says without a traceback."""
    if found := _FATAL.match(line):
        yield Finding(number, (number,), _CLASSES[found.lastgroup or "fatal"])
    elif alone and _BUILT_IN.match(line):
        # As the first line it is what is left of a traceback.
        yield Finding(number, (number,), weight=Weight.LOGGED if number else Weight.FATAL)


def _without_margin(line: str) -> str:
    """Return a line of an exception group without the bars before it."""
    found = _MARGIN.match(line)
    return line[found.end() :] if found else line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _finding(lines: Sequence[str], chain: _Chain | None) -> Iterator[Finding]:
    if chain is None:
        return
    said = [_without_margin(lines[number]).strip() for number in chain.exceptions]
    kept = [
        (number, text)
        for number, text in zip(chain.exceptions, said, strict=True)
        if not _ENDED_ON_PURPOSE.match(text) and not _GROUP.match(text)
    ]
    if not kept or said[-1].startswith("KeyboardInterrupt"):
        return
    best = _best(kept, chain.handled)
    ordered = [best, *(number for number, _ in reversed(kept) if number != best)][:2]
    tail = _tail(lines, best)
    quotes = list(dict.fromkeys((best, *tail[:2], *ordered[1:])))
    broken = _SYNTAX.match(lines[best].lstrip()) is not None
    if chain.frame is not None and broken:
        quotes.insert(1, chain.frame)
    meaning = "\n".join(lines[number] for number in (best, *tail, *ordered[1:]))
    yield Finding(
        start_of(lines, chain.start),
        tuple(quotes[:3]),
        _default(lines[best]),
        meaning,
        _weight(lines, chain.start),
        exact=broken or _BUG.match(lines[best].lstrip()) is not None,
    )


def _best(kept: Sequence[tuple[int, str]], handled: set[int]) -> int:
    """Return the exception of a chain to quote first: the root, unless the last says as much.

    A root is a helper's if it is an exception that programs raise and catch as they go.
    """
    last, last_text = kept[-1]
    for number, text in kept[:-1]:
        if number in handled and _HELPERS.match(text):
            continue
        message = text.partition(": ")[2]
        return last if message and message in last_text else number
    return last


def _tail(lines: Sequence[str], number: int) -> list[int]:
    """Return the lines that belong to the message of an exception, beside its first."""
    tail: list[int] = []
    reached = 0
    for place in range(number + 1, min(number + 1 + _TAIL, len(lines))):
        line = lines[place]
        if _DIRECT in line or _HANDLING in line or _HEADER in line or level_of(line) is not None:
            break
        tail.append(place)
        if line.startswith((" ", "\t")) and "For further information" not in line:
            reached = len(tail)
    return tail[:reached]


def _weight(lines: Sequence[str], start: int) -> Weight:
    if start and _ASIDE.match(lines[start - 1]):
        return Weight.WEAK if "ignored" in lines[start - 1] else Weight.LOGGED
    return weight_after(lines, start)


def _default(line: str) -> ReasonClass | None:
    return ReasonClass.ASSERTION_OR_PANIC if "AssertionError" in line[:40] else None


GRAMMAR: Final = Grammar("python", _MARKS, _find)
