""".NET: unhandled exceptions, the console log of its host, and what the host says before. Pure.

Sources: dotnet/runtime src/coreclr (Unhandled exception., Process terminated., Stack overflow.),
System.Exception.ToString, Microsoft.Extensions.Logging.Console SimpleConsoleFormatter,
src/native/corehost (frameworks and libraries that are not found).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight
from pod_diagnoser.diagnosis.output.grammars.traces import start_of, weight_after

_UNHANDLED: Final = re.compile(
    r".{0,80}?Unhandled (?:[Ee]xception\.|Exception:|exception:(?= \S))", re.DOTALL
)
_TYPE: Final = re.compile(
    r"\s*(?:\[[\w.-]{1,40}\] )?(?P<name>(?:[A-Z]\w{0,80}\.){1,10}[A-Z]\w{0,120}(?:Exception|Error))(?: \([^()\n]{1,60}\))?: "
)
_FRAME: Final = re.compile(r"\s{1,12}at .{1,600}(?:\(|\) in )|\s*--- End of")
_INNER: Final = re.compile(r"\s*---> (?!\(Inner)\S")
_HOLLOW: Final = re.compile(
    r".{0,60}(?:TypeInitializationException|AggregateException|TargetInvocationException|HostAbortedException)\b"
)
_LOG: Final = re.compile(r"(?P<level>crit|fail): [\w.`+]{1,300}\[\d{1,10}\]")
_HOST: Final = re.compile(
    r"(?P<version>You must install or update \.NET|It was not possible to find any compatible framework"
    r"|.{0,60}The framework 'Microsoft|Framework: 'Microsoft)"
    r"|(?P<module>.{0,100}The library '?\S{1,60}'? required to execute|Could not execute because the application was not found"
    r"|.{0,40}No usable version of (?:the )?libssl|.{0,60}Couldn't find a valid ICU package|Failed to load .{1,300}lib\w{1,40}\.so"
    r"|The application '[^'\n]{1,300}' does not exist|.{0,60}An assembly specified in the application dependencies)"
    r"|(?P<memory>GC heap initialization failed|Failed to create CoreCLR, HRESULT: 0x8007000E|Out of memory\.)"
    r"|(?P<other>Process terminated\. \S|Failed to create CoreCLR|Stack overflow\.)"
)
_CLASSES: Final = {
    "version": ReasonClass.VERSION_MISMATCH,
    "module": ReasonClass.MISSING_MODULE,
    "memory": ReasonClass.MEMORY_EXHAUSTED,
    "other": ReasonClass.UNCAUGHT_EXCEPTION,
}
_REACH: Final = 200
"""How many lines of one exception are read at most."""


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    after = 0
    for number, line in enumerate(lines):
        if number < after:
            continue
        if "nhandled" in line and _UNHANDLED.match(line):
            after, quotes = _exception(lines, number)
            yield Finding(number, quotes)
        elif found := _LOG.match(line):
            after, quotes = _exception(lines, number + 1)
            weight = Weight.FATAL if found["level"] == "crit" else Weight.LOGGED
            if quotes:
                yield Finding(number, quotes, weight=weight)
        elif found := _HOST.match(line):
            yield _host(lines, number, _CLASSES[found.lastgroup or "other"])
        elif _TYPE.match(line) and any(map(_FRAME.match, lines[number + 1 : number + 4])):
            after, quotes = _exception(lines, number)
            yield Finding(start_of(lines, number), quotes, weight=weight_after(lines, number))


def _host(lines: Sequence[str], number: int, reason_class: ReasonClass) -> Finding:
    framework = [
        place
        for place in range(number + 1, min(number + 6, len(lines)))
        if lines[place].startswith("Framework: ")
    ]
    return Finding(number, (number, *framework[:1]), reason_class)


def _exception(lines: Sequence[str], number: int) -> tuple[int, tuple[int, ...]]:
    """Return the line after an exception, and which of its lines say most, best first."""
    if number >= len(lines):
        return number, ()
    first, inner = number, None
    framed = False
    place = number + 1
    for place in range(number + 1, min(number + _REACH, len(lines))):
        line = lines[place]
        if _FRAME.match(line):
            framed = True
        elif _INNER.match(line) and not framed:
            inner = place
        elif framed or not line[:1].isspace():
            break
        elif _TYPE.match(line) and not _TYPE.match(lines[first]):
            first = place
    else:
        place += 1
    quotes = (first,) if inner is None else (first, inner)
    if inner is not None and _HOLLOW.match(lines[first]):
        quotes = (inner, first)
    elif first != number:
        quotes = (*quotes, number)
    return place, quotes


GRAMMAR: Final = Grammar(
    "dotnet",
    (
        "unhandled exception",
        "   at ",
        "crit: ",
        "fail: ",
        "framework",
        "coreclr",
        "process terminated.",
        "the application '",
        "libssl",
        "icu package",
        "required to execute",
        "stack overflow.",
        "gc heap",
    ),
    _find,
)
