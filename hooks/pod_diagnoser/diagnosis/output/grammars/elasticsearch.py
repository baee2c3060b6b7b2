"""Elasticsearch and OpenSearch: bootstrap checks, and stack traces in JSON of many lines. Pure.

Source: Elasticsearch server BootstrapChecks.java, ESJsonLayout.java.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_FAILED: Final = re.compile(r".{0,200}(?:ERROR|error): \[\d+\] bootstrap checks failed")
_FAILED_LOGGED: Final = re.compile(r".{0,200}\[\d+\] bootstrap checks failed")
_CHECK: Final = re.compile(
    r"(?:.{0,200}bootstrap check failure )?\[(?P<first>\d+)\](?: of \[\d+\])?: "
)
_LIMIT: Final = re.compile(
    r"max (?:virtual memory|file descriptors|number of threads|size virtual|file size)"
    r"|memory locking|memory is not locked"
)
_TRACE: Final = re.compile(r"\"(?:stacktrace|error\.stack_trace)\" ?: ?\[? ?\"")
_CAUSE: Final = re.compile(r"\s*\"?Caused by: ")
_FRAME: Final = re.compile(r"\s*\"?(?:at |\.\.\. \d|Caused by: |Suppressed: )")
_MAX_CHECKS: Final = 3


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _FAILED.match(line) or _FAILED_LOGGED.match(line):
            checks = [
                each
                for each in range(number + 1, min(len(lines), number + 1 + _MAX_CHECKS))
                if _CHECK.match(lines[each])
            ]
            quotes = (*checks, number)
            about = " ".join(lines[each] for each in quotes)
            yield Finding(
                number,
                quotes,
                ReasonClass.RESOURCE_LIMIT
                if _LIMIT.search(about)
                else ReasonClass.INVALID_CONFIGURATION,
                exact=True,
            )
        elif _TRACE.match(line.lstrip()):
            yield _of_trace(lines, number)


def _of_trace(lines: Sequence[str], number: int) -> Finding:
    """Return the exception at the root of a trace in JSON that is printed over many lines."""
    root = number
    if "nested: " not in lines[number]:
        for each in range(number + 1, len(lines)):
            if not _FRAME.match(lines[each]):
                break
            if _CAUSE.match(lines[each]):
                root = each
    # The record begins on the line before.
    start = number - 1 if number and lines[number - 1].startswith("{") else number
    return Finding(start, (root,) if root == number else (root, number))


GRAMMAR: Final = Grammar(
    "java", ("bootstrap checks failed", '"stacktrace"', '"error.stack_trace"'), _find
)
