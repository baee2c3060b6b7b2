"""The servers MySQL and MariaDB, and what their images' entrypoints say. Pure.

Sources: MySQL sql/log.cc, sql/mysqld.cc; MariaDB sql/log.cc; InnoDB os/os0file.cc, log/log0recv.cc.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.class_rows import ClassRows
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_ERROR: Final = re.compile(
    r"(?:.{0,48} )?\[ERROR\] |\x07?(?:/\S{1,60}/)?(?:mysqld(?:_safe)?|mariadbd): |.{0,60}\bgot signal \d+ ;"
)
_PROGRAM: Final = re.compile(
    r"(?:[\d: T.Z+-]{0,40}\d )?\[ERROR\] (?:\[MY-|\[Entrypoint\]|InnoDB|Plugin |"
    r"mysqld|mariadbd|Could not|Can't|Fatal|Unknown|Aborting|Incorrect|Failed|SSL|Do you|Unable|"
    r"Cannot|Master|Slave|Table|unknown|Bind)|\x07?(?:/\S{1,60}/)?(?:mysqld|mariadbd)|.{0,60}\bgot signal"
)
_CONSEQUENCE: Final = re.compile(
    r"\[ERROR\] (?:\[MY-\d+\] )?(?:\[\w+\] )?(?:Aborting|Plugin '|InnoDB: Plugin initiali|"
    r"Plugin initialization aborted|Could not open mysql|Unknown/unsupported storage|"
    r"Failed to initialize (?:DD|builtin)|Data Dictionary init|The (?:newly|designated) data "
    r"directory|InnoDB: Database creation was aborted)|mysqld: Shutdown|(?:mysqld|mariadbd): ready|"
    r"mysqld_safe"
)
_WARNED: Final = re.compile(
    r".{0,48} \[Warning\] .{0,60}(?:Can't|Cannot|Could not|Failed|Unable) ?"
)
_ENDED: Final = re.compile(r"\[ERROR\] .{0,60}Aborting|[Ss]hutdown complete|got signal \d+ ;")
_CLASSES: Final = (
    (
        ReasonClass.VERSION_MISMATCH,
        (
            r"[Uu]pgrade after a crash|Cannot (?:boot|upgrade) server|downgrade|[Uu]nsupported (?:redo|un)"
            r"|redo log format|Invalid MySQL server (?:up|down)grade|built by version|higher version"
            r"|[Ii]nvalid flags|was created with"
        ),
    ),
    (ReasonClass.NATIVE_CRASH, r"got signal (?:4|6|7|8|11) ;"),
    (ReasonClass.ASSERTION_OR_PANIC, r"Assertion failure"),
    (ReasonClass.LOCK_HELD, r"Unable to lock|Can't lock aria control|already using the same"),
    (
        ReasonClass.DATA_CORRUPT,
        (
            r"corrupt|Missing (?:MLOG|FILE)_CHECKPOINT|checksum|sequence number .{1,40} in the future"
            r"|No valid checkpoint|Tablespace .{1,60} was not found|is not a valid"
        ),
    ),
    (ReasonClass.PERMISSION_DENIED, r"error number 13\b|access rights|Errcode: 13|errno: 1\b"),
    (ReasonClass.FILE_NOT_FOUND, r"error number 2\b|Errcode: 2\b"),
    (ReasonClass.DISK_FULL, r"error number 28\b|Errcode: 28|disk is full"),
    (ReasonClass.MEMORY_EXHAUSTED, r"[Cc]annot allocate memory|Out of memory"),
    (ReasonClass.SCHEMA_MIGRATION, r"Table 'mysql\.\w+' doesn't exist|privilege tables"),
    (ReasonClass.MISSING_CONFIGURATION, r"password option is not specified|uninitialized"),
    (ReasonClass.INVALID_CONFIGURATION, r"unknown (?:variable|option)|as root!"),
)
_BY_WORDS: Final = ClassRows(_CLASSES)
_MEANT: Final = 3


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    errors = [
        number for number, line in enumerate(lines) if _ERROR.match(line) and _PROGRAM.match(line)
    ]
    if not errors:
        return
    is_mariadb = any("ariadb" in line or "MariaDB" in line for line in lines)
    ended = any(_ENDED.search(line) for line in lines)
    weight = Weight.FATAL if ended or len(errors) == len(lines) else Weight.LOGGED
    reasons = [number for number in errors if not _CONSEQUENCE.search(lines[number])]
    if not reasons:
        reasons = [*_warnings(lines[: errors[0]]), errors[0]]
    for place, number in enumerate(reasons):
        quotes = tuple(reasons[place : place + _MEANT])
        sure = "got signal" in lines[number] or "d: " in lines[number][:12]
        yield Finding(
            number,
            quotes,
            weight=Weight.FATAL if sure else weight,
            runtime="mariadb" if is_mariadb else "mysql",
        )


def _complete(lines: Sequence[str], finding: Finding) -> Finding:
    """Tell the class, of the first error where it has words for it."""
    own = " ".join(lines[each] for each in finding.quotes)
    known = _BY_WORDS.find(own)
    return replace(
        finding,
        reason_class=known or ReasonClass.INVALID_CONFIGURATION,
        meaning=lines[finding.quotes[0]] if known else own,
    )


def _warnings(lines: Sequence[str]) -> list[int]:
    """Return the last warning that something could not be done: all there is before consequences."""
    found = [number for number, line in enumerate(lines) if _WARNED.match(line)]
    return found[-1:]


GRAMMAR: Final = Grammar(
    "mysql", ("[error] ", "mysqld: ", "mariadbd: ", "got signal"), _find, _complete
)
