"""Traces of Java, Kotlin, Scala and what else runs on the JVM. Pure.

The outermost exception stands first, so the reason is the last ``Caused by:`` of a chain.

Source: OpenJDK java.lang.Throwable printStackTrace; logback's root-cause-first layout.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight
from pod_diagnoser.diagnosis.output.grammars.traces import start_of, weight_after

_FRAME: Final = re.compile(
    r"\s*(?:at [^\s()]{3,400}\((?:[\w$.-]{1,100}\.\w{1,8}(?::-?\d{1,7})?|Native Method|Unknown Source|<\w{1,20}>)\)"
    r"|\.\.\. \d+ (?:more|common frames omitted|frames))"
)
_CAUSE: Final = re.compile(r"\s*(?:Caused by|Wrapped by): ")
_INJECTOR: Final = re.compile(
    r"1\) (?:\[Guice/|Error: |No implementation|Could not find|Error in|Explicit bindings"
    r"|(?:Invalid )?[Cc]onfiguration property )"
)
"""The first of the errors that Guice, and Airlift with it, list below a headline."""

_SUPPRESSED: Final = re.compile(r"\s+Suppressed: ")
_THREAD: Final = re.compile(r'Exception in thread "|Exception: .{1,200} thrown from the Uncaught')
_NAME: Final = re.compile(
    r"(?:[a-z_][\w$]{0,60}\.){1,12}[A-Z][\w$]{0,120}(?=[:\s\[]|$)"
    r"|[A-Z]\w{0,80}(?:Exception|Error)(?=[:\[]|$)"
)
_ELSEWHERE: Final = re.compile(
    r"(?<![\w.$/])(?:[a-z_]\w{0,60}\.){2,12}[A-Z]\w{0,120}(?:Exception|Error|Failure)\b"
)
_ASSERTION: Final = re.compile(r"\bjava\.lang\.AssertionError\b")
_BUG: Final = re.compile(
    r"\bjava\.(?:lang|util)\.(?:NullPointer|ArrayIndexOutOfBounds|StringIndexOutOfBounds|IndexOutOfBounds"
    r"|ClassCast|Arithmetic|NegativeArraySize|ConcurrentModification|NoSuchElement|EmptyStack|IllegalMonitorState)"
    r"Exception\b(?!: SRCFG)|java\.lang\.StackOverflowError\b|UninitializedPropertyAccessException"
)
"""Mistakes of the program itself, whatever the words."""

_MAX_MESSAGE: Final = 12
"""How many lines the message of an exception has at most, before its first frame."""

# What only says that something within failed.
_HOLLOW: Final = re.compile(
    r"(?:\s*Caused by: )?[\w.$]{0,200}(?:InvocationTargetException|ExecutionException|CompletionException"
    r"|UndeclaredThrowableException|ExceptionInInitializerError)(?::? ?(?:null)?$|: [\w.$]{1,200}$)"
)

_CANCELLED: Final = re.compile(
    r"(?:\s*Caused by: )?java\.(?:util\.concurrent\.Cancellation|lang\.Interrupted)Exception(?:: null)?\s*$"
)


@dataclass(slots=True)
class _Chain:
    """One exception with its causes: where it begins, and the line of each link, outermost first."""

    start: int
    links: list[int] = field(default_factory=list)
    frames: int = 0
    # In a suppressed exception, whose causes are not the reason
    aside: bool = False


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    chain: _Chain | None = None
    head: int | None = None
    for number, line in enumerate(lines):
        if line.startswith("1) ") and _INJECTOR.match(line):
            yield Finding(
                number, (number,), ReasonClass.INVALID_CONFIGURATION, weight=Weight.DECISIVE
            )
        elif _FRAME.match(line):
            if chain is None and head is not None:
                chain = _Chain(head, [head])
            if chain is not None:
                chain.frames += 1
        elif _CAUSE.match(line):
            chain = chain or _Chain(number)
            if not line[:1].isspace() or not chain.aside:
                chain.links.append(number)
                chain.aside = False
        elif _SUPPRESSED.match(line) and chain is not None:
            chain.aside = True
        else:
            starts = _starts(line)
            if chain is not None and (starts or chain.frames):
                yield _finding(lines, chain)
                chain = None
            if starts:
                head = number
                if _THREAD.match(line):
                    chain = _Chain(number, [number])
            elif head is not None and number - head > _MAX_MESSAGE:
                head = None
    if chain is not None:
        yield _finding(lines, chain)


def _starts(line: str) -> bool:
    return bool(_THREAD.match(line) or _NAME.match(line.lstrip()) or _ELSEWHERE.search(line))


def _finding(lines: Sequence[str], chain: _Chain) -> Finding:
    links = [number for number in chain.links if not _HOLLOW.match(lines[number])] or chain.links
    weight = weight_after(lines, chain.start)
    start = start_of(lines, chain.start)
    quotes = tuple(dict.fromkeys((links[-1], links[0])))
    if start < chain.start and _CANCELLED.match(lines[links[-1]]):
        # Another part of the program gave up, and why is said by the record above.
        quotes = (start, *quotes)
    if _THREAD.match(lines[chain.start]):
        weight = Weight.FATAL
    if _ASSERTION.search(lines[quotes[0]], 0, 200):
        return Finding(start, quotes, ReasonClass.ASSERTION_OR_PANIC, weight=weight, exact=True)
    bug = _BUG.search(lines[quotes[0]], 0, 400) is not None
    return Finding(start, quotes, meaning=_meaning(lines, quotes[0]), weight=weight, exact=bug)


def _meaning(lines: Sequence[str], number: int) -> str:
    """Return the message of an exception, which can go on for some lines."""
    end = number + 1
    while end < min(len(lines), number + 4) and not _FRAME.match(lines[end]):
        end += 1
    return "\n".join(lines[number:end])


GRAMMAR: Final = Grammar(
    "java",
    ("\tat ", " at ", "at java", "at org", "at com", "exception in thread", "caused by: ", "1) "),
    _find,
)
