"""Command lines that a program does not take; the usage that follows is no reason. Pure.

Sources: Go src/flag; spf13/pflag and cobra; alecthomas/kingpin; urfave/cli; jessevdk/go-flags;
Python argparse and click; Rust's clap; glibc and BusyBox getopt; Node's commander and yargs;
picocli; HotSpot src/hotspot/share/runtime/arguments.cpp.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_PROGRAM: Final = (
    r"(?:[\w./@:+-]{1,120}: (?:line \d{1,6}: )?|\[[\w .:-]{1,40}\] |Incorrect Usage[:.] )?"
)
_ERROR: Final = r"(?:[Ee]rror: |ERROR: |[Ff]atal: |[Ee]rror parsing command ?line arguments: )?"

_UNKNOWN: Final = (
    r"flag provided but not defined: -|unknown (?:long |short(?:hand)? )?flag:? |unknown flag `"
    r"|invalid value \"?.{0,200}\"? for flag -|invalid argument \".{0,200}\" for \"-"
    r"|invalid boolean (?:value|flag)|bad flag syntax: |flag needs an argument: -"
    r"|unknown command \"|unrecognized arguments?: |argument .{1,120}: (?:invalid|expected|not allowed)"
    r"|ambiguous option: |[Nn]o such (?:option|command):? |Got unexpected extra argument"
    r"|Invalid value for '|Option '.{1,80}' (?:requires|does not)|unexpected argument '"
    r"|Found argument '|invalid value '.{0,200}' for '|unrecogni[sz]ed (?:option|command|subcommand)"
    r"|invalid option -- |option requires an argument|illegal option -- |[Ii]llegal option -"
    r"|option '.{1,80}' (?:requires|is ambiguous|doesn't allow)|bad option: -|unknown option:? "
    r"|-{1,2}\w{1,30}: invalid option"
    r"|[Uu]nknown (?:argument|arguments|option|options|command): |Unrecognized (?:VM )?option:? '?-?"
    r"|Unknown option: '|Invalid (?:maximum|initial) heap size: |Improperly specified VM option"
    r"|Invalid thread stack size|[Uu]nexpected (?:positional )?argument:? |unknown variable '"
    r"|unknown shorthand flag: |not a valid (?:option|flag|command)\b"
    r"|The \"-{1,2}.{1,80}\" option does not exist|command \".{1,80}\" is not defined"
    r"|Unknown subcommand |unsupported option '"
)
_REQUIRED: Final = (
    r"required flag(?:\(s\))? .{1,200} not (?:set|provided)|the required flag .{1,120} was not"
    r"|the following (?:arguments are required|required arguments were not provided)"
    r"|Missing (?:option|argument|parameter|required (?:option|argument|parameter))\b"
    r"|one of the arguments .{1,200} is required|required (?:argument|option)s? .{1,120} not"
)
_LINE: Final = re.compile(
    rf"{_PROGRAM}{_ERROR}(?:(?P<required>{_REQUIRED})|(?:{_UNKNOWN}))", re.MULTILINE
)
_LISTED: Final = re.compile(r"\s{1,8}-{1,2}\w|\s{1,8}<")
_GO: Final = re.compile(
    r"flag provided but|for flag -|flag needs|unknown (?:shorthand )?flag|required flag|unknown command \""
)
_JVM: Final = re.compile(r"VM option|heap size|Unrecognized option: -")
_PYTHON: Final = re.compile(
    r"unrecognized arguments|arguments are required|No such (?:option|command)|Invalid value for '"
    r"|Missing (?:option|argument) '|argument .{1,80}: (?:invalid|expected)"
)


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            continue
        quotes = [number]
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if line.rstrip().endswith(":") and _LISTED.match(below):
            quotes.append(number + 1)
        yield Finding(
            number,
            tuple(quotes),
            ReasonClass.MISSING_CONFIGURATION
            if found["required"]
            else ReasonClass.INVALID_CONFIGURATION,
            runtime=_runtime(line),
            exact=True,
        )


def _runtime(line: str) -> str:
    if _GO.search(line):
        return "go"
    if _JVM.search(line):
        return "java"
    if _PYTHON.search(line):
        return "python"
    return "node" if line.startswith("node: ") else ""


GRAMMAR: Final = Grammar(
    "",
    ("flag", "option", "argument", "unknown command", "no such command", "unrecognized",
     "unrecognised", "invalid value", "heap size", "not defined", "stack size", "missing parameter",
     "missing required", "unknown variable", "unknown subcommand"),
    _find,
)  # fmt: skip
