"""Records of logs at the level ERROR or above, in whatever form: klog, logfmt, JSON, … Pure.

A record at FATAL is the end of its program. Of records at ERROR a program writes many, and goes
on; the reason is the first of the last of them, if not much is logged after it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight
from pod_diagnoser.diagnosis.output.levels import Level, level_of
from pod_diagnoser.diagnosis.output.noise import (
    end_of_what_counts,
    has_own_grammar,
    is_headline,
    is_wrapper,
)
from pod_diagnoser.diagnosis.output.reading import MAX_LINES

_MAX_AFTER: Final = 12
"""After how many more lines an error that was only logged did not end the program."""

_MAX_AFTER_RETRY: Final = 4
"""After how many more lines one did not of which the program said that it tries again."""

_GAP: Final = 6
"""How many other lines may stand between two errors of one kind of end."""

_ENDS: Final = re.compile(
    r"problem running manager|[Uu]nable to (?:start|run|initiali[sz]e) |(?:failed|cannot|could not|couldn't) to? ?"
    r"(?:start|run|launch|boot|initiali[sz]e|init)\b|command failed|exiting(?: abnormally)?\b"
    r"|[Ee]rror (?:running|starting|initiali[sz]ing)|start(?:up)? failed|leader ?election lost"
    r"|[Ss]hutting down due to|terminat(?:ed|ing) due to|giving up|Fatal error|fatal exception"
    r"|Application run failed|Application startup failed|uncaught exception|[Uu]nhandled",
)
"""Words by which an error says that the program ends of it."""

_GOES_ON: Final = re.compile(
    r"[Rr]econciler error|[Rr]etry|[Rr]etries|[Rr]equeu|object has been modified|[Rr]econnect"
    r"|[Tt]ry(?:ing)? again|[Ii]gnor|[Ss]kipp|[Bb]ack(?:ing)? ?off|falling back|continuing",
)
"""Words by which an error says that the program goes on."""

_HEALTHY: Final = re.compile(
    r"(?:\berr(?:or|ors|s)?|\"err(?:or|ors)?\"|failed|failures)[=:] ?\"?(?:0|null|nil|none|<nil>)\b",
    re.IGNORECASE,
)
_LEVELS: Final = re.compile(
    r"err|fatal|crit|panic|alert|emerg|sever|ftl|[EF](?:\d{4})?\d{4} |\[[EF]\] |[CE] \| |\"[EF]\"|: ?[56]0\b",
    re.IGNORECASE,
)
_TRACE: Final = re.compile(
    r"(?:\[[\w.-]{1,40}\] )?(?:Traceback \(most recent|[\w.$]{0,200}(?:Exception|Error|Throwable)(?::|$)|\s{1,8}at [\w.$]"
    r"|\*\* \([A-Z][\w.]{0,120}\) )"
)
_FRAME: Final = re.compile(r"\s{1,12}at [\w.$]")
_FIELDS: Final = re.compile(r"\s+\"?err(?:or)?\"?: \{$")
_FIELD_OF_MESSAGE: Final = re.compile(r"\s+\"?message\"?: \"")
_AT_PLACE: Final = re.compile(r"\S{1,200}:\d{1,6}(?::\d{1,5})?: .{0,40}\berrors?\b ?:")
_NEAR: Final = 3
"""Within how many lines above a record a parser says what it is about."""

_MAX_MESSAGE: Final = 5
"""How many lines below a record its trace begins at most."""

_DIGITS: Final = re.compile(r"\d+")
_ERLANG: Final = re.compile(r"\[(?:error|critical|emergency|alert)\] <\d+\.\d+\.\d+>")
_GO: Final = re.compile(
    r"^[IWEF]\d{4} \d|\.go:\d|level=\w+ (?:msg|ts|caller)=|^time=|^ts=|^t=|\"caller\":|\t(?:error|fatal)\t"
    r"|\"level\":\"\w{4,6}\",\"(?:error|ts|time|msg)\"|^\{\"time\":\"[^\"]{10,40}\",\"level\":\"[A-Z]"
    r"|[CEWNID] \| |^(?:FATA|ERRO)\[\d{4}\]"
)
_NODE: Final = re.compile(
    r"^\[Nest\] |\"level\":[56]0,\"time\":|\"hostname\":.{1,200}\"level\":[56]0\b"
)
_JAVA: Final = re.compile(
    r"\"logger_name\"|\"thread_name\"|\"loggerClassName\"|\d --- \[|\] (?:o|c|org|com|io|net)\.[\w.$]+"
    r"|\((?:org|com|io|kafka|net)\.[\w.$]+\)| \[(?:org|com|io|net)\.[\w.$]+\]|\"log\.logger\""
)
_PYTHON: Final = re.compile(
    r"^(?:ERROR|CRITICAL): {4}|^(?:ERROR|CRITICAL):[\w.]+:|\[\d{1,10}\] \[(?:ERROR|CRITICAL)\]|\.py:\d|\"levelname\"|\"event\":"
    r"| - (?:ERROR|CRITICAL) - | (?:ERROR|CRITICAL) +\| "
)
_QUOTED: Final = r"(?P<quoted>(?:[^\"\\]|\\.){1,3000})"
_ERROR_FIELD: Final = re.compile(
    r"\"(?:err|error|exception|cause|error\.message|exception\.message|reason|errorVerbose)\""
    rf"\s?:\s?\"{_QUOTED}|\b(?:err|error|cause)=(?:\"{_QUOTED.replace('quoted', 'again')}|(?P<bare>[^\s\"]{{1,300}}))"
)
_MESSAGE_FIELD: Final = re.compile(
    rf"\"(?:msg|message|event|body|textPayload)\"\s?:\s?\"{_QUOTED}"
    rf"|\bmsg=\"{_QUOTED.replace('quoted', 'again')}"
)
_PANICS: Final = re.compile(r"\"level\":\"d?panic\"|level=panic|\tD?PANIC\t")
_CAPNSLOG: Final = re.compile(r"(?:[\d:. -]{8,30} )?(?P<level>[CEWNID]) \| [\w./-]{1,60}: ")
"""etcd's log before 3.4."""

_SAYS_NO_MORE: Final = re.compile(
    r"(?:[Ff]ailed|[Ee]rror|[Uu]nable|[Cc]ould not|[Cc]annot|[Cc]an't|[Cc]ouldn't) [^:=,/'\"]{0,60}$"
    r"|\b(?:raised|threw|with|following|an) (?:an? )?(?:exception|error)$"
)
"""What says that something failed, and leaves to the next record why."""

_GIVES_UP: Final = re.compile(
    r"(?:[Ff]ailed|[Ee]rror|[Uu]nable|[Cc]ould not|[Cc]annot|[Cc]an't|[Cc]ouldn't) [^:=/'\"]{0,60}\"?[.!\s]*$"
)
"""What says that something failed, and no more, where the record above may have said why."""

_OF_FILE: Final = re.compile(
    r"(?:[Ee]rror|[Ff]ailed|[Uu]nable|[Cc]ould not|[Cc]annot|[Cc]ouldn't|bad)\b[^:]{0,20}"
    r"\b(?:pars|read|load|process)?[^:]{0,20}\b(?:config|file|rules?)\b[^:]{0,200}$"
)
"""What says that a file could not be read, where the line above may have said at which place."""

_REFERS_BACK: Final = re.compile(
    r"one or more errors|(?:\b\d{1,3} |previous |these )errors?\b|errors? (?:occurred|above)"
    r"|\babove\b"
)
"""What speaks of errors that were told before."""

_UNREADABLE: Final = re.compile(
    r"unmarshal errors?:|field \w{1,80} not found in type|cannot unmarshal|did not find expected|"
    r"mapping values are not allowed|[Cc]onfig(?:uration)? ?[Ee]rror|[Uu]nknown (?:\w{1,20} )?plugin"
    r"|plugin name that doesn't exist|in the initial cluster configuration"
)
"""What a configuration is told to be wrong in, whatever else is not found."""

_GITEA: Final = re.compile(
    r"(?:\d{4}/\d{2}/\d{2} )?(?:\d{2}:\d{2}:\d{2} )?\S{1,80}\.go:\d{1,6}:\S{1,80} \[(?P<level>[A-Z])\] "
)
"""Gitea's and Forgejo's log."""

_TIMEOUT: Final = re.compile(r"WORKER TIMEOUT")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    errors: list[int] = []
    for number, line in enumerate(lines):
        if not _LEVELS.search(line[:400]) or has_own_grammar(line):
            continue
        level = _level_of(line)
        if level is None or level < Level.ERROR or is_headline(line):
            continue
        if _has_trace(lines, number):
            # Its trace, which has a grammar of its own, says more.
            yield Finding(number, (number,), weight=Weight.WEAK)
        elif level is Level.FATAL:
            yield Finding(number, (number,))
        elif not _HEALTHY.search(line) or _ENDS.search(line):
            errors.append(number)
            if _ENDS.search(line):
                yield Finding(number, (number,))
    wrapper = None
    while errors and is_wrapper(lines[errors[-1]]):
        wrapper = errors.pop()
    if not errors and wrapper is not None:
        yield from _warned_before(lines, wrapper)
    if errors and errors[-1] >= end_of_what_counts(lines, _most_after(lines[errors[-1]])):
        cluster = _last_cluster(errors)
        if all(_REFERS_BACK.search(lines[number]) for number in cluster):
            # They speak of errors that were told before.
            former = [number for number in errors if number < cluster[0]]
            cluster = (_last_cluster(former) if former else []) + cluster
        last = [
            number for number in cluster if number == errors[-1] or not is_wrapper(lines[number])
        ]
        reason = next((number for number in last if not _GOES_ON.search(lines[number])), last[0])
        first = next(number for number in reversed(last) if _same(lines[number], lines[reason]))
        others = _distinct(lines, [first, *(number for number in last if number != first)])
        yield Finding(reason, others, weight=Weight.LOGGED)


def _warned_before(lines: Sequence[str], wrapper: int) -> Iterator[Finding]:
    """Yield the warnings right above an error that says no more than that it failed."""
    number = wrapper
    while number and level_of(lines[number - 1]) is Level.WARNING:
        number -= 1
    if number < wrapper:
        yield Finding(number, tuple(range(number, wrapper))[:MAX_LINES], weight=Weight.LOGGED)


def _has_trace(lines: Sequence[str], number: int) -> bool:
    """Say whether a trace stands below a record, or below the lines of its message."""
    for place in range(number + 1, min(number + _MAX_MESSAGE, len(lines))):
        if _TRACE.match(lines[place]):
            return (
                place == number + 1
                or _FRAME.match(lines[min(place + 1, len(lines) - 1)]) is not None
            )
        if _level_of(lines[place]) is not None:
            break
    return False


def _most_after(line: str) -> int:
    return _MAX_AFTER_RETRY if _GOES_ON.search(line) else _MAX_AFTER


def _level_of(line: str) -> Level | None:
    if found := _CAPNSLOG.match(line):
        return {"C": Level.FATAL, "E": Level.ERROR}.get(found["level"])
    if found := _GITEA.match(line):
        return {"F": Level.FATAL, "C": Level.FATAL, "E": Level.ERROR}.get(found["level"])
    return level_of(line)


def _complete(lines: Sequence[str], finding: Finding) -> Finding:
    number, *others = finding.quotes
    line = lines[number]
    if _says_no_more(line) and _is_error(lines, number + 1):
        number, others = number + 1, [number, *others]
    elif _GIVES_UP.search(line) and _is_error(lines, number - 1):
        number, others = number - 1, [number, *others]
    elif _OF_FILE.search(line) and (place := _place_above(lines, number)) is not None:
        number, others = place, [number, *others]
    elif line.rstrip().endswith(":") and number + 1 < len(lines):
        others = [number + 1, *others]
    elif (message := _message_below(lines, number)) is not None:
        number, others = message, [number, *others]
    line = lines[number]
    default = ReasonClass.INVALID_CONFIGURATION if finding.weight is Weight.FATAL else None
    if _TIMEOUT.search(line):
        default = ReasonClass.TIME_LIMIT
    elif _PANICS.search(line):
        default = ReasonClass.ASSERTION_OR_PANIC
    elif _UNREADABLE.search(line):
        default = ReasonClass.INVALID_CONFIGURATION
    return replace(
        finding,
        quotes=tuple(dict.fromkeys((number, *others))),
        reason_class=default,
        meaning=_meanings(line),
        runtime=_runtime(line[:1000]),
        exact=_TIMEOUT.search(line) is not None or _UNREADABLE.search(line) is not None,
    )


def _message_below(lines: Sequence[str], number: int) -> int | None:
    """Return the message of an error that stands below a record as fields, as pino-pretty has it."""
    if number + 1 < len(lines) and _FIELDS.match(lines[number + 1]):
        for place in range(number + 2, min(number + _MAX_MESSAGE, len(lines))):
            if _FIELD_OF_MESSAGE.match(lines[place]):
                return place
    return None


def _place_above(lines: Sequence[str], number: int) -> int | None:
    """Return the line above a record in which a parser names a place and what is wrong there."""
    places = range(max(0, number - _NEAR), number)
    return next((each for each in places if _AT_PLACE.match(lines[each])), None)


def _says_no_more(line: str) -> bool:
    """Say whether a record leaves to the next why it failed: before that it names no error."""
    found = _SAYS_NO_MORE.search(line.rstrip(": "))
    return found is not None and " error " not in line[: found.start()]


def _is_error(lines: Sequence[str], number: int) -> bool:
    """Say whether a line is an error that says more than that something failed."""
    if not 0 <= number < len(lines):
        return False
    line = lines[number]
    level = _level_of(line)
    return (
        level is not None
        and level >= Level.ERROR
        and not (is_wrapper(line) or is_headline(line) or _GIVES_UP.search(line))
    )


def _meanings(line: str) -> tuple[str, ...]:
    """Return what tells the class of a record: the root of its error, all of it, its message."""
    meanings: list[str] = []
    for fields in (_ERROR_FIELD, _MESSAGE_FIELD):
        found = fields.search(line)
        if found is not None:
            said = found[found.lastgroup or 0].replace('\\"', '"')
            meanings += (said.rpartition(": ")[2], said)
    return tuple(meanings) or (line.rpartition(": ")[2], line)


def _last_cluster(errors: Sequence[int]) -> list[int]:
    cluster = [errors[-1]]
    for number in reversed(errors[:-1]):
        if cluster[-1] - number > _GAP:
            break
        cluster.append(number)
    return cluster[::-1]


def _masked(line: str) -> str:
    return _DIGITS.sub("0", line[:300])


def _same(one: str, other: str) -> bool:
    return _masked(one) == _masked(other)


def _distinct(lines: Sequence[str], numbers: Sequence[int]) -> tuple[int, ...]:
    kept: dict[str, int] = {}
    for number in numbers:
        kept.setdefault(_masked(lines[number]), number)
    return tuple(kept.values())[:MAX_LINES]


def _runtime(line: str) -> str:
    for runtime, words in (
        ("erlang", _ERLANG),
        ("python", _PYTHON),
        ("node", _NODE),
        ("java", _JAVA),
        ("go", _GO),
    ):
        if words.search(line):
            return runtime
    return ""


GRAMMAR: Final = Grammar("", (), _find, _complete)
