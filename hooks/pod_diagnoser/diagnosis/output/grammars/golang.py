"""Go: panics, fatal errors of the runtime, klog's and glog's fatal records. Pure.

Sources: Go src/runtime/panic.go, proc.go, os_linux.go, malloc.go; klog; k8s.io/apimachinery
pkg/util/runtime (Observed a panic); net/http server.go (panic serving).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_START: Final = re.compile(
    r"(?P<panic>\s{0,8}panic: )"
    r"|(?P<fatal>fatal error: )"
    r"|(?P<runtime>runtime: (?:failed to create new OS thread|program exceeds|out of memory|cannot allocate))"
    r"|(?P<signal>(?:SIGSEGV: segmentation violation|SIGABRT: abort|SIGBUS: bus error|SIGFPE: "
    r"|SIGILL: illegal|SIGTRAP: ))"
    r"|(?P<klog>F(?:\d{4})?\d{4} \d{2}:\d{2}:\d{2}\.\d{1,9}\s{1,8}\d{1,10} [^\]\n]{1,200}\] )"
)
_GLOG: Final = re.compile(r"F\d{4,8} [^\]\n]{1,240}\.(?:cc|cpp|cxx|c|h|hpp):\d{1,6}\] ")
"""The same header from C++, whose logger klog was made after."""

_OBSERVED: Final = "Observed a panic"
_SERVING: Final = re.compile(r"http: panic serving |[\w/]{0,60}[Rr]ecovered (?:from )?panic")
_HOLLOW: Final = re.compile(r"\s*panic: \(\*?[\w./]{1,100}\) \(?0x[0-9a-f]")
_NOT_GO: Final = re.compile(
    r"fatal error: .{1,200}\.h(?:pp)?: No such|fatal error: (?:error in backend|Uncaught)"
)
_BUG: Final = re.compile(
    r"runtime error: |invalid memory address|assignment to entry in nil map|(?:close of|send on) (?:closed|nil) channel"
    r"|interface conversion: |sync: (?:negative|unlock|WaitGroup)"
)
"""Mistakes of the program itself, whatever the words."""

_NATIVE: Final = re.compile(r"fatal error: (?:unexpected signal|fault\b|misaligned)")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    ended = False
    for number, line in enumerate(lines):
        found = _START.match(line)
        if found is None:
            if _OBSERVED in line and "goroutine" not in line[:10]:
                yield Finding(number, (number,), exact=_is_bug(line))
            elif "panic" in line and _SERVING.search(line, 0, 200):
                yield Finding(number, (number,), weight=Weight.LOGGED)
            elif line.startswith("goroutine "):
                ended = True
            continue
        kind = found.lastgroup
        if kind == "panic":
            # What follows a dump is the same panic, raised again.
            if not (ended and line[:1].isspace()):
                yield _panic(lines, number)
        elif kind == "fatal":
            if not _NOT_GO.match(line):
                native = ReasonClass.NATIVE_CRASH if _NATIVE.match(line) else None
                yield Finding(number, (number,), native)
        elif kind == "runtime":
            yield Finding(number, (number, *_next(lines, number, "fatal error: ")))
        else:
            default = ReasonClass.NATIVE_CRASH if kind == "signal" else None
            if _GLOG.match(line):
                yield Finding(number, (number,), ReasonClass.ASSERTION_OR_PANIC, runtime="c++")
            else:
                yield Finding(number, (number,), default)


def _panic(lines: Sequence[str], number: int) -> Finding:
    line = lines[number]
    weight = Weight.WEAK if _HOLLOW.match(line) else Weight.FATAL
    end = number + 1
    while end < min(len(lines), number + 4) and not lines[end].startswith(
        ("goroutine ", "[signal")
    ):
        end += 1
    meaning = "\n".join(lines[number:end])
    return Finding(number, (number,), None, meaning, weight, exact=_is_bug(line))


def _is_bug(line: str) -> bool:
    return _BUG.search(line, 0, 400) is not None


def _next(lines: Sequence[str], number: int, start: str) -> tuple[int, ...]:
    after = range(number + 1, min(number + 4, len(lines)))
    return tuple(place for place in after if lines[place].startswith(start))


GRAMMAR: Final = Grammar(
    "go", ("panic", "fatal error: ", "runtime: ", "sig", ".go:", "f0", "f1", "f2"), _find
)
