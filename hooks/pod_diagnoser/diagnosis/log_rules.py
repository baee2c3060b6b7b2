"""What the log of a container proves of its end, where it was read. Pure.

A log is the application's own, and proves nothing about others. But where a program could not be
executed at all, the runtime writes the error there, and nothing else: the exit code is 1 or 255,
as of any failure.

Sources: runc ``libcontainer/standard_init_linux.go`` and ``init_linux.go`` (exec), crun
``src/libcrun/container.c`` (exec container process); execve(2) ENOEXEC.
"""

import re
from collections.abc import Sequence
from typing import Final

from pod_diagnoser.diagnosis.evidence import (
    MAX_DETAIL_BYTES,
    EventFinding,
    EventLookup,
    Evidence,
)
from pod_diagnoser.diagnosis.messages import read_message
from pod_diagnoser.diagnosis.redaction import redact_message
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind

_NOT_EXECUTED: Final = (1, 255)
"""What runc's and crun's init leave where they cannot execute the program."""

_EXEC_FORMAT: Final = re.compile(
    r"(?:standard_init_linux\.go:\d{1,6}: |\{.{0,200}\"msg\":\")?"
    r"exec(?:va)?(?: user process caused:?| container process| [^\s:]{1,512}:| \"[^\"]{1,512}\":)"
    r"[^:]{0,512}:? ?\"?exec format error\b",
    re.IGNORECASE,
)

_MAX_LINES: Final = 2
"""How many lines the log has at most: an application writes more before it quotes such an error."""

_MAX_CHARS: Final = 2048


def find_in_log(symptom: Symptom, log: str, mask_patterns: Sequence[str] = ()) -> Evidence | None:
    """Find what a log proves of the end of its container.

    Args:
        symptom: what ended.
        log: the end of its log.
        mask_patterns: what is masked in it, beside what always is.

    Returns:
        Its evidence now, or None where the log proves nothing.
    """
    if symptom.kind is not SymptomKind.TERMINATED or symptom.event_finding is not None:
        return None
    if symptom.exit_code not in _NOT_EXECUTED or not symptom.ran_briefly:
        return None
    lines = log.strip().splitlines()
    if not 0 < len(lines) <= _MAX_LINES or len(log) > _MAX_CHARS:
        return None
    if _EXEC_FORMAT.match(lines[-1].strip()) is None:
        return None
    message = read_message(redact_message(lines[-1], mask_patterns))
    lookups = symptom.evidence.lookups if symptom.evidence else 1
    return Evidence(
        EventLookup.FOUND,
        EventFinding.EXEC_FORMAT,
        message.fit(MAX_DETAIL_BYTES),
        lookups,
        problem=message.problem,
    )
