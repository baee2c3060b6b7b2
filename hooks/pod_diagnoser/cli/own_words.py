"""What a container said itself of its end: its termination message or its log. Pure."""

from collections.abc import Sequence
from typing import Final

from pod_diagnoser.cli.report import OwnWords
from pod_diagnoser.cli.snapshot import Log
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.evidence import OutputSource
from pod_diagnoser.diagnosis.output_reason import choose_reading, may_explain, reason_of
from pod_diagnoser.diagnosis.redaction import redact_head, redact_line

_MAX_BYTES: Final = 1500
"""How much of it is shown."""

_NAMES: Final = {OutputSource.MESSAGE: "termination message", OutputSource.LOG: "log"}


def add_own_words(
    diagnosis: Diagnosis, log: Log | None, mask: Sequence[str]
) -> tuple[Diagnosis, OwnWords | None]:
    """Add to a diagnosis what a container said of its end, as the operator does.

    Args:
        diagnosis: the diagnosis of its end.
        log: the end of its log, or None.
        mask: what is masked in it, beside what always is.

    Returns:
        The diagnosis with it, where it may explain the end, and what was said; the diagnosis as it
        is and None where there is nothing to read.
    """
    chosen = choose_reading(diagnosis.symptom, log.text if log else None)
    if chosen is None:
        return diagnosis, None
    if may_explain(diagnosis.symptom, diagnosis.status_cause):
        diagnosis = diagnosis.with_output(reason_of(chosen, mask))
    # Whether a line belongs to a secret may be seen by those beside it: in the text, and here.
    lines = [redact_line(chosen.text, line, mask) for line in chosen.reading.lines]
    shown = redact_head("\n".join(lines), _MAX_BYTES, mask).splitlines()
    words = OwnWords(
        tuple(shown), chosen.reading.reason_class, chosen.reading.runtime, _NAMES[chosen.source]
    )
    return diagnosis, words
