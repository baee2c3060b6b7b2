"""Redis, Valkey, KeyDB and Sentinel. Pure.

Source: Redis src/server.c (serverLogRaw), src/config.c, src/rdb.c, src/aof.c, src/debug.c.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.class_rows import ClassRows
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_WARNING: Final = re.compile(r"(?:\[\d{1,10}\]|\d{1,10}:[XCSM]) .{0,40}# (?P<said>.{0,400})")
_CONFIG: Final = re.compile(r"\*\*\* FATAL CONFIG FILE ERROR")
_FATAL: Final = (
    (
        ReasonClass.VERSION_MISMATCH,
        r"Can't handle RDB format version|requires? (?:a newer|at least) |Unknown RDB encoding",
    ),
    (
        ReasonClass.DATA_CORRUPT,
        (
            r"Bad file format reading|Unexpected end of file reading the append|Unrecoverable error"
            r"|Wrong signature trying|Short read or OOM|Internal error in RDB|Terminating server after"
            r" rdb|corrupted cluster config|Error reading the RDB|Fatal error loading the DB"
            r"|RDB file was saved with checksum|Wrong RDB checksum|Invalid AOF|AOF .{1,80}doesn't exist"
        ),
    ),
    (ReasonClass.LOCK_HELD, r"configuration file .{1,80} is already used by a different"),
    (ReasonClass.PORT_IN_USE, r"[Cc]ould not create server TCP listening.{0,80}already in use"),
    (ReasonClass.MEMORY_EXHAUSTED, r"Out Of Memory allocating"),
    (ReasonClass.ASSERTION_OR_PANIC, r"ASSERTION FAILED|Guru Meditation|=== ASSERTION"),
    (ReasonClass.NATIVE_CRASH, r"(?:Redis|Valkey|KeyDB) .{1,20} crashed by signal"),
    (ReasonClass.TLS_FAILURE, r"Failed to (?:load (?:certificate|private key)|configure TLS)"),
    (
        ReasonClass.INVALID_CONFIGURATION,
        (
            r"[Cc]ould not create server TCP listening|Failed listening on|Can't (?:chdir|open the log)"
            r"|Can't load module|Module .{1,200} failed to load|Fatal error|FATAL|is not writable"
            r"|Failed to (?:resolve hostname|bind)|Can't resolve (?:master|instance)|Configured to not"
            r"|Failed to set(?:up| up)|can't open the append"
        ),
    ),
)
_BY_WORDS: Final = ClassRows(_FATAL)
_LOGGED: Final = re.compile(
    r"Failed opening|Error (?:saving|moving|trying to save)|MISCONF|Write error"
)


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _CONFIG.search(line):
            yield _of_config(lines, number)
            continue
        found = _WARNING.match(line)
        if found is None:
            continue
        said = found["said"]
        name = _BY_WORDS.find(said)
        if name is not None and not said.startswith("WARNING"):
            yield Finding(number, (number,), name)
        elif _LOGGED.search(said):
            yield Finding(number, (number,), weight=Weight.LOGGED)


def _of_config(lines: Sequence[str], number: int) -> Finding:
    """Return the error in a configuration: what is wrong stands below the line that is quoted."""
    shown = list(range(number, min(len(lines), number + 4)))
    at = next((each for each in shown if lines[each].startswith(">>> ")), None)
    if at is None or at + 1 >= len(lines):
        return Finding(number, tuple(shown[:2]), ReasonClass.INVALID_CONFIGURATION)
    return Finding(number, (at + 1, at), ReasonClass.INVALID_CONFIGURATION)


GRAMMAR: Final = Grammar("redis", ("# ", "fatal config file error"), _find)
