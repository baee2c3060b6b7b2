"""Languages that are met more rarely: how each ends a program by an error of its own. Pure.

Sources: Tcl tclMain.c; R src/main/errors.c; Julia base/client.jl; OCaml
runtime/printexc.c; GHC libraries/base/GHC/Conc/Sync.hs; Dart runtime; Swift stdlib Assert.swift;
Deno cli; Crystal src/crystal/main.cr; Zig lib/std/debug.zig; D druntime; GNU make, Nim.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_LINE: Final = re.compile(
    r"(?P<tcl>(?!Trace).{1,400}(?=\n\s{4}(?:while executing|\(file \")))"
    r"|(?P<r>Error(?: in .{1,200})?: .{0,300}(?=\n.{0,200}(?:Calls: |Execution halted)))"
    r"|(?P<below>Error in .{1,200} : *(?=\n\s{2}\S))"
    r"|(?P<julia>ERROR: (?:LoadError: |InitError: )[^\n]{1,400})"
    r"|(?P<ocaml>Fatal error: exception .{1,400})"
    r"|(?P<haskell>[\w./-]{1,80}: .{1,400}(?=\nCallStack \(from HasCallStack\)))"
    r"|(?P<dart>Unhandled exception:)"
    r"|(?P<swift>(?:\S{1,200}:\d{1,7}: )?Fatal error: (?!Uncaught|Can't|Allowed|Maximum).{1,400})"
    r"|(?P<deno>error: Uncaught (?:\(in promise\) )?.{1,400})"
    r"|(?P<crystal>Unhandled exception: .{1,400})"
    r"|(?P<zig>thread \d{1,10} panic: .{1,400})"
    r"|(?P<d>(?:core|std|object)\.[\w.]{1,80}@\S{1,300}\(\d{1,7}\): .{1,400})"
    r"|(?P<nim>Error: unhandled exception: .{1,400})"
)
_BELOW: Final = ("dart", "below")
"""What says why on the next line; ``below`` is R with a long message."""

_ASSERTIONS: Final = ("swift", "zig")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        below = lines[number + 1] if number + 1 < len(lines) else ""
        found = _LINE.match(f"{line[:1000]}\n{below[:300]}")
        if found is None:
            continue
        runtime = found.lastgroup or ""
        quotes: tuple[int, ...] = (number,)
        if runtime in _BELOW and below:
            quotes = (number + 1, number)
            runtime = "r" if runtime == "below" else runtime
        default = ReasonClass.ASSERTION_OR_PANIC if runtime in _ASSERTIONS else None
        yield Finding(number, quotes, default, runtime=runtime)


GRAMMAR: Final = Grammar(
    "",
    ("while executing", '(file "', "execution halted", "error: loaderror", "error: initerror",
     "fatal error: ", "error in ", "callstack (from", "unhandled exception", "error: uncaught", " panic: ",
     "@"),
    _find,
)  # fmt: skip
