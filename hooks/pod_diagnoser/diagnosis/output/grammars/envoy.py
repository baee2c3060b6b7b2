"""Envoy, and what else logs by spdlog's pattern. Pure.

Source: Envoy source/common/common/logger.cc, source/server/server.cc, source/server/backtrace.h.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_CRITICAL: Final = re.compile(r"(?:.{0,48}\[\d{1,10}\])?\[critical\]\[(?P<part>[\w.-]{1,40})\] ")
_FRAME: Final = re.compile(r".{0,200}(?:#\d{1,3}: |Backtrace |Envoy version: |address mapping)")
_CRASH: Final = re.compile(r".{0,300}Caught (?:Segmentation fault|Aborted|Bus error|Illegal|Float)")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        found = _CRITICAL.match(line)
        if found is None or _FRAME.match(line):
            continue
        if _CRASH.match(line):
            yield Finding(number, (number,), ReasonClass.NATIVE_CRASH, exact=True)
        elif found["part"] == "assert":
            yield Finding(number, (number,), ReasonClass.ASSERTION_OR_PANIC, exact=True)
        else:
            yield Finding(number, (number,), ReasonClass.INVALID_CONFIGURATION)


GRAMMAR: Final = Grammar("c++", ("[critical][",), _find)
