"""The reason that a container's own output gives for its end: read, masked and bounded. Pure.

`pod_diagnoser.diagnosis.output` picks the lines; here it is decided which output is read, and what
of the lines is shown.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.evidence import OutputReason, OutputSource
from pod_diagnoser.diagnosis.message_text import fit
from pod_diagnoser.diagnosis.quoting import shorten
from pod_diagnoser.diagnosis.redaction import MAX_READ, NOT_SHOWN, redact_head, redact_line
from pod_diagnoser.diagnosis.symptoms import NEVER_RAN, Symptom, SymptomKind

if TYPE_CHECKING:
    from pod_diagnoser.diagnosis.output import OutputReading

MAX_LOG_BYTES: Final = 64 * 1024
"""How much of the end of a log is read."""

MAX_SAID_BYTES: Final = 160
"""Of the line that says why, in a sentence."""

MAX_LINE_BYTES: Final = 256
"""Of each line as it stands."""

MAX_LINES: Final = 3

_SURELY_WHOLE_BYTES: Final = 1024
_SURELY_WHOLE_LINES: Final = 79
"""Below both a termination message is what the application wrote, or its whole log, never the end
of a longer log: of that the kubelet takes up to 2048 bytes and 80 lines, and less only where more
than 12 containers share the 12 KiB of a Pod.

Source: ``MaxContainerTerminationMessageLogLength``, ``MaxPodTerminationMessageLogLength`` in
``pkg/kubelet/container/runtime.go``.
"""

_WITHOUT_OUTPUT: Final = (Cause.OUT_OF_MEMORY, Cause.START_FAILED)
"""Causes of which the output cannot tell: the kernel killed it, or it never ran."""


def may_explain(symptom: Symptom, cause: Cause) -> bool:
    """Say whether the output of a container may explain its end."""
    return symptom.kind is SymptomKind.TERMINATED and cause not in _WITHOUT_OUTPUT


def needs_log(symptom: Symptom, cause: Cause) -> bool:
    """Say whether the log may tell more of the end than the termination message."""
    if not may_explain(symptom, cause):
        return False
    message = _termination_message(symptom)
    return not (_is_whole(message) and _explains(_read_message(message)))


def find_reason(
    symptom: Symptom, log: str | None = None, mask_patterns: Sequence[str] = ()
) -> OutputReason | None:
    """Find the reason that the output of a container gives for its end.

    Args:
        symptom: what ended; its termination message is masked already.
        log: the end of its log; None where it was not read.
        mask_patterns: what is masked in the log, beside what always is.

    Returns:
        The reason, which may be that the output does not explain the end; None where there is no
        output.
    """
    chosen = choose_reading(symptom, log)
    return None if chosen is None else reason_of(chosen, tuple(mask_patterns))


@dataclass(frozen=True, slots=True)
class ChosenReading:
    """What was read of the output that explains an end best.

    Attributes:
        reading: what it says, not masked.
        source: which output it is.
        text: the whole of that output.
    """

    reading: "OutputReading"
    source: OutputSource
    text: str


def choose_reading(symptom: Symptom, log: str | None = None) -> ChosenReading | None:
    """Read the output of a container, and choose between its termination message and its log.

    Args:
        symptom: what ended; its termination message is masked already.
        log: the end of its log; None where it was not read.

    Returns:
        The one that explains the end; None where there is no output.
    """
    message = _termination_message(symptom)
    from_message = ChosenReading(_read_message(message), OutputSource.MESSAGE, message)
    if log is None:
        return from_message if message else None
    log = log[-MAX_LOG_BYTES:]
    from_log = ChosenReading(_read_output(log), OutputSource.LOG, log)
    # What an application writes on purpose counts before its log; the end of its log does not.
    on_purpose = _is_whole(message) and _last_line(message) != _last_line(log)
    readings = [from_message, from_log] if on_purpose else [from_log, from_message]
    return next(
        (each for each in readings if _explains(each.reading)),
        next(
            (each for each in readings if each.reading.reason_class is not ReasonClass.NOTHING),
            from_log,
        ),
    )


def _termination_message(symptom: Symptom) -> str:
    """What the container wrote to its termination log; under some reasons it is the runtime's."""
    return "" if symptom.reason in NEVER_RAN else symptom.termination_message.strip()


def _is_whole(message: str) -> bool:
    """Say whether a termination message is no part of a longer log."""
    lines = message.count("\n")
    return lines < _SURELY_WHOLE_LINES and len(message.encode()) < _SURELY_WHOLE_BYTES


def _last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2].strip()


def _read_output(text: str) -> "OutputReading":
    # Its patterns take a third of the command line's start, which mostly has no output to read.
    from pod_diagnoser.diagnosis.output import read_output  # noqa: PLC0415

    return read_output(text)


@lru_cache(maxsize=256)
def _read_message(message: str) -> "OutputReading":
    """Read a termination message, which comes with every sync of its Pod.

    A single line that an application wrote there says why it ended, whatever its form.
    """
    reading = _read_output(message)
    if reading.reason_class is not ReasonClass.NOTHING or "\n" in message:
        return reading
    from pod_diagnoser.diagnosis.output import OutputReading  # noqa: PLC0415 - as above
    from pod_diagnoser.diagnosis.output.classes import classify  # noqa: PLC0415

    kind = classify(message)
    return reading if kind is None else OutputReading((message,), kind)


def _explains(reading: "OutputReading") -> bool:
    return reading.reason_class not in (ReasonClass.NOTHING, ReasonClass.ASKED_TO_STOP)


def reason_of(chosen: ChosenReading, mask_patterns: Sequence[str] = ()) -> OutputReason:
    """Mask and bound the lines of a reading."""
    found = chosen.reading
    masked = [redact_line(chosen.text, line, mask_patterns) for line in found.lines[:MAX_LINES]]
    lines = tuple(shorten(line, MAX_LINE_BYTES) for line in masked if line not in ("", NOT_SHOWN))
    said = gist(masked[0], mask_patterns) if lines and masked[0] != NOT_SHOWN else ""
    return OutputReason(found.reason_class, chosen.source, said, lines)


# The gist of a line

_TIME: Final = r"\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?"
_STAMP: Final = re.compile(
    r"(?:"
    rf"[\[(]?\d{{4}}[-/.]\d\d[-/.]\d\d[T ]{_TIME}(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?[\])]?"
    rf"|[\[(]?{_TIME}[\])]?"
    rf"|[A-Z][a-z]{{2}} [ \d]\d {_TIME}"
    rf"|[IWEF]\d{{4}} {_TIME} {{1,16}}\d{{1,10}} [^\s:\]]{{1,64}}:\d{{1,6}}\]"
    r"|[\[<(]?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|FATAL|CRITICAL|PANIC|EMERG|error"
    r"|fatal|critical|panic|emerg)[\]>)]?(?=\s)"
    r"|\[\d{1,10}\]|[-|:](?=\s)"
    r")\s{0,8}"
)
"""What loggers put before a message: times, levels, process ids."""

_MAX_STAMPS: Final = 6
_MAX_JSON_CHARS: Final = 3 * 1024
_MAX_VALUE_CHARS: Final = 1024

_MESSAGE_FIELDS: Final = ("msg", "message", "@m", "body", "log")
_ERROR_FIELDS: Final = (
    "error",
    "err",
    "exception",
    "error.message",
    "exception.message",
    "exc_info",
    "cause",
)


def gist(line: str, mask_patterns: Sequence[str] = ()) -> str:
    """Return what a line says, without what its logger wrote around it, on one line, bounded.

    Args:
        line: a line, redacted.
        mask_patterns: what is masked in it, beside what always is: JSON may have escaped a secret.
    """
    text = redact_head(_text_of_json(line), MAX_READ, mask_patterns) or line
    for _ in range(_MAX_STAMPS):
        found = _STAMP.match(text)
        if found is None or found.end() == len(text):
            break
        text = text[found.end() :]
    return fit(text, MAX_SAID_BYTES)


def _text_of_json(line: str) -> str:
    """Return message and error of a line that is JSON; empty for any other."""
    start = line.find("{")
    if start < 0 or not line.endswith("}") or len(line) > _MAX_JSON_CHARS:
        return ""
    try:
        fields = json.loads(line[start:])
    except (ValueError, RecursionError):
        return ""
    if not isinstance(fields, dict):
        return ""
    message = next(_texts(fields, _MESSAGE_FIELDS), "")
    error = next(_texts(fields, _ERROR_FIELDS), "")
    if message and error and error not in message:
        return error if message in error else f"{message}: {error}"
    return message or error


def _texts(fields: dict[str, Any], names: Sequence[str]) -> Iterator[str]:
    for name in names:
        value = fields.get(name)
        if value is None and "." in name:
            outer, _, inner = name.partition(".")
            nested = fields.get(outer)
            value = nested.get(inner) if isinstance(nested, dict) else None
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value.strip():
            yield value.strip()[:_MAX_VALUE_CHARS]
