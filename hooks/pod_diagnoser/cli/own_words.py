"""What a container said itself of its end: its termination message, or else its log. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.cli.report import OwnWords
from pod_diagnoser.cli.snapshot import Log
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.output_reason import find_reason, may_explain
from pod_diagnoser.diagnosis.redaction import redact_head, redact_line

if TYPE_CHECKING:
    from pod_diagnoser.diagnosis.output import OutputReading

_MAX_BYTES: Final = 1500
"""How much of it is shown."""


def own_words(diagnosis: Diagnosis, log: Log | None, mask: Sequence[str]) -> OwnWords | None:
    """Read what a container said of its end.

    Args:
        diagnosis: the diagnosis of its end.
        log: the end of its log, or None.
        mask: what is masked in it, beside what always is.

    Returns:
        What it says; None where there is nothing to read.
    """
    message = diagnosis.symptom.termination_message
    if not message and log is None:
        return None
    from pod_diagnoser.diagnosis.output import read_output  # noqa: PLC0415 - takes long to import

    if message:
        reading = read_output(message)
        if reading.lines or log is None:
            return _words(reading, message, mask, "termination message")
    if log is None:
        return None
    if not log.text.strip():
        return OwnWords((), ReasonClass.NOTHING, "", "log")
    return _words(read_output(log.text), log.text, mask, "log")


def with_own_words(diagnosis: Diagnosis, log: Log | None, mask: Sequence[str]) -> Diagnosis:
    """Add to a diagnosis what a container said of its end, as the operator does.

    Args:
        diagnosis: the diagnosis of its end.
        log: the end of its log, or None.
        mask: what is masked in it, beside what always is.
    """
    if not may_explain(diagnosis.symptom, diagnosis.status_cause):
        return diagnosis
    return diagnosis.with_output(find_reason(diagnosis.symptom, log.text if log else None, mask))


def _words(reading: "OutputReading", text: str, mask: Sequence[str], source: str) -> OwnWords:
    # Whether a line belongs to a secret may be seen by those beside it: in the text, and here.
    lines = [redact_line(text, line, mask) for line in reading.lines]
    shown = redact_head("\n".join(lines), _MAX_BYTES, mask).splitlines()
    return OwnWords(tuple(shown), reading.reason_class, reading.runtime, source)
