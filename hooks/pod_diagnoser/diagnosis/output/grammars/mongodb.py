"""MongoDB: mongod and mongos, as JSON since 4.4 and as text before. Pure.

Source: MongoDB src/mongo/logv2, src/mongo/db/mongod_main.cpp, src/mongo/util/assert_util.cpp.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.class_rows import ClassRows
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_JSON: Final = re.compile(r"\{\"t\":\{\"\$date\".{1,60}\"s\":\"(?P<level>[DIWEF])[1-5]?\"")
_TEXT: Final = re.compile(
    r"(?:[\dT:.+Z-]{20,35} )?(?P<level>[EFI]) {1,2}(?:-|[A-Z]{3,10}) {1,8}\[\w{1,40}\] "
)
_ENDS: Final = re.compile(
    r"(?:DB)?[Ee]xception in init(?:AndListen|[Aa]nd[Ll]isten)|Failed global initialization"
    r"|Failed to set ?up (?:listener|sockets)|Error setting up listener|Failed to start up WiredTig"
)
_SETTINGS: Final = re.compile(
    r"Error parsing (?:YAML|INI|command line)|Unrecognized option: |BadValue: |Error reading config"
    r"|Error opening config file|error command line: "
)
_KEY_FILE: Final = re.compile(r"Read security file failed|permissions on \S{1,300} are too open")
"""The end at whatever level: mongod tells of it as of information."""

_SECOND: Final = re.compile(
    r"[Ff]atal [Aa]ssertion|aborting after|Writing fatal message|Got signal|BACKTRACE"
)
"""What only says that it aborts; the error is what was logged before."""

_CLASSES: Final = (
    (
        ReasonClass.VERSION_MISMATCH,
        (
            r"featureCompatibilityVersion|[Ww]rong mongod version|UPGRADE PROBLEM|unsupported format"
            r"|newer version|IncompatibleServerVersion|Invalid feature compatibility"
        ),
    ),
    (
        ReasonClass.LOCK_HELD,
        r"DBPathInUse|Unable to lock|old lock file|lock file: .{1,200}unavailable",
    ),
    (ReasonClass.DATA_CORRUPT, r"WT_PANIC|corrupt|checksum|WT_TRY_SALVAGE|unclean"),
    (ReasonClass.NATIVE_CRASH, r"Invalid access at address|Got signal: (?:4|7|8|11)\b"),
    (ReasonClass.ASSERTION_OR_PANIC, r"[Ii]nvariant failure|Fatal assertion"),
)
_BY_WORDS: Final = ClassRows(_CLASSES)
_NEAR: Final = 8


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    error: int | None = None
    for number, line in enumerate(lines):
        found = _JSON.match(line) or _TEXT.match(line)
        level = found["level"] if found else ""
        if _ENDS.search(line[:400]) and (level or "initandlisten" in line):
            # Below it the storage engine's error may have said more.
            near = error is not None and number - error <= _NEAR and "WiredTiger" not in line
            yield _finding(lines, number, (number, error) if near and error else (number,))
        elif level and _KEY_FILE.search(line[:600]):
            yield Finding(number, (number,), ReasonClass.PERMISSION_DENIED)
        elif level == "F":
            if _SECOND.search(line[:600]) and error is not None and number - error <= _NEAR:
                yield _finding(lines, error, (error, number))
            else:
                yield _finding(lines, number, (number,))
        elif level == "E":
            if error is None or number - error > _NEAR:
                error = number
        elif not level and _SETTINGS.match(line):
            yield _finding(lines, number, (number,))


def _finding(lines: Sequence[str], start: int, quotes: tuple[int, ...]) -> Finding:
    said = lines[quotes[0]]
    name = _BY_WORDS.find(said)
    if name is not None:
        return Finding(start, quotes, name, exact=True)
    return Finding(start, quotes, ReasonClass.INVALID_CONFIGURATION, said)


GRAMMAR: Final = Grammar(
    "mongodb",
    ("[initandlisten]", '{"t":{"$date"', "unrecognized option: ", "error parsing ", "badvalue: ",
     "error opening config", "error reading config"),
    _find,
)  # fmt: skip
