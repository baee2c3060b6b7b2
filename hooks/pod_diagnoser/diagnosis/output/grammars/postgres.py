"""The PostgreSQL server, and what its image's entrypoint says. Pure.

Source: PostgreSQL src/backend/utils/error/elog.c, src/backend/postmaster, src/backend/utils/init.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.class_rows import ClassRows
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_RECORD: Final = re.compile(
    r"(?P<prefix>.{0,160}\] |.{0,160}[\w@,=-]: |.{0,40}\d )?"
    r"(?P<level>LOG|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT): (?(prefix) ?| )(?=\S)"
)
_REACH: Final = 240

_REFUSED: Final = re.compile(
    r"the database system is |terminating (?:connection|autovacuum|background|walreceiver|logical)"
    r"|connection to client lost|canceling authentication|unsupported frontend protocol"
    r"|too many clients|remaining connection slots|invalid length of startup packet"
    r"|could not receive data from (?:client|WAL stream)|streaming replication receiver"
)
"""What a server that works says to its clients and its helpers."""

_REFUSED_LOGIN: Final = re.compile(
    r"authentication failed for user|no pg_hba\.conf entry|(?:role|database) \".{1,200}\" does not"
)
_READY: Final = re.compile(r"database system is ready to accept")
_STARTS: Final = re.compile(r"LOG: {1,2}(?:starting PostgreSQL |database system was )")
_VAGUE: Final = re.compile(
    r"database files are incompatible|could not access status of transaction"
    r"|has invalid permissions|could not open relation"
)
"""What says less than its DETAIL."""

_SUMMARY: Final = re.compile(
    r"configuration file .{1,300} contains errors|could not create any (?:TCP/IP|Unix-domain) sock"
    r"|could not load .{1,300}(?:pg_hba|pg_ident)"
)
"""What sums up what the lines before say."""

_SAYS: Final = re.compile(
    r"could not|invalid|unrecogni|syntax error|unsupported|not supported|must "
)
_CRASHED: Final = re.compile(
    r"(?:server|startup|checkpointer|background writer|walwriter) process .{0,40}was terminated by "
    r"signal (?P<signal>\d+)"
)
_BEFORE_LOG: Final = re.compile(
    r"(?:\"root\" execution of the PostgreSQL server is not permitted"
    r"|(?:postgres|pg_ctl|initdb|psql|pg_isready|pg_basebackup|pg_restore|pg_dump)"
    r": (?:error: |fatal: )?(?!hint|detail|warning|server starting|removing).{1,300}"
    r"(?:could not|cannot|failed|exists but|not |invalid)"
    r"|psql:.{1,300}:\d{1,7}: (?:ERROR|FATAL): "
    r"|Error: Database is uninitialized and superuser password is not specified)"
)
_CLASSES: Final = (
    (ReasonClass.INVALID_CONFIGURATION, r"\"root\" execution"),
    (ReasonClass.VERSION_MISMATCH, r"incompatible|_VERSION_NO|initialized by PostgreSQL version"),
    (ReasonClass.PERMISSION_DENIED, r"wrong ownership|invalid permissions"),
    (ReasonClass.LOCK_HELD, r"lock file \".{1,200}\" already exists|is locked by|Is another post"),
    (
        ReasonClass.DATA_CORRUPT,
        (
            r"valid checkpoint|required checkpoint|invalid page|checksum|invalid magic|corrupt"
            r"|bogus data|unexpected pageaddr|contains unexpected zero"
        ),
    ),
    (ReasonClass.RESOURCE_LIMIT, r"could not (?:map anonymous|create) shared memory|semaphores"),
    (ReasonClass.MISSING_CONFIGURATION, r"password is not specified|You must specify"),
)
_BY_WORDS: Final = ClassRows(_CLASSES)
_NEAR: Final = 12
_SIGKILL: Final = "9"


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    serves = False
    for number, line in enumerate(lines):
        head = line[:_REACH]
        if _BEFORE_LOG.match(head):
            yield _finding(lines, number, (number,), Weight.FATAL)
            continue
        found = _RECORD.match(head)
        if found is None or "Exception" in head[: found.start("level")]:
            continue
        level = found["level"]
        if level == "LOG":
            serves = (serves or _READY.search(line) is not None) and not _STARTS.search(line)
        if level in ("FATAL", "PANIC") and not _REFUSED.search(line):
            is_login = _REFUSED_LOGIN.search(line) is not None
            if is_login and serves:
                # The client ended of it, if anything did.
                continue
            weight = Weight.LOGGED if is_login else Weight.FATAL
            yield _finding(lines, number, _quotes(lines, number), weight)
        elif level == "LOG" and (crashed := _CRASHED.search(line)):
            default = None if crashed["signal"] == _SIGKILL else ReasonClass.NATIVE_CRASH
            yield Finding(number, (number,), default, weight=Weight.LOGGED)


def _quotes(lines: Sequence[str], number: int) -> tuple[int, ...]:
    """Return the lines that tell of a fatal error: itself, its DETAIL, or what it sums up."""
    if _SUMMARY.search(lines[number]):
        before = next(
            (
                each
                for each in range(max(0, number - _NEAR), number)
                if (found := _RECORD.match(lines[each][:_REACH]))
                and found["level"] in ("LOG", "WARNING")
                and _SAYS.search(lines[each])
            ),
            None,
        )
        return (number,) if before is None else (before, number)
    details = []
    for each in range(number + 1, min(len(lines), number + 3)):
        found = _RECORD.match(lines[each][:_REACH])
        if found is None or found["level"] not in ("DETAIL", "HINT"):
            break
        details.append(each)
    if details and "DETAIL:" in lines[details[0]] and _VAGUE.search(lines[number]):
        return (details[0], number, *details[1:])
    return (number, *details)


def _finding(lines: Sequence[str], number: int, quotes: tuple[int, ...], weight: Weight) -> Finding:
    meaning = " ".join(lines[each] for each in quotes)
    name = _BY_WORDS.find(meaning)
    if name is not None:
        return Finding(number, quotes, name, weight=weight, exact=True)
    return Finding(number, quotes, ReasonClass.INVALID_CONFIGURATION, meaning, weight)


GRAMMAR: Final = Grammar(
    "postgres",
    ("fatal: ", "panic: ", "terminated by signal", "postgres: ", "psql:", "initdb: ", "pg_ctl: ",
     '"root" execution', "superuser password", "pg_basebackup: ", "pg_restore: ", "pg_dump: "),
    _find,
)  # fmt: skip
