"""What tables and cards say of findings in a few characters. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pod_diagnoser.api.causes import REQUESTED_RESTARTS
from pod_diagnoser.cli.report import Finding, PodReport
from pod_diagnoser.diagnosis.quoting import name, word
from pod_diagnoser.diagnosis.symptoms import SymptomKind

_SHORT: Final = {
    "Deployment": "deploy",
    "ReplicaSet": "rs",
    "StatefulSet": "sts",
    "DaemonSet": "ds",
    "CronJob": "cj",
    "Job": "job",
    "Pod": "pod",
}
"""kubectl's short names of kinds."""

_UNITS: Final = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_MIN_UNITS: Final = 2


def age(then: datetime | None, now: datetime) -> str:
    """Return how long ago something was, as kubectl writes it: ``95s``, ``12m``."""
    if then is None:
        return "<unknown>"
    seconds = max(int((now - then).total_seconds()), 0)
    for symbol, length in _UNITS:
        if seconds >= _MIN_UNITS * length or length == 1:
            return f"{seconds // length}{symbol}"
    return f"{seconds}s"


def workload_text(pod: PodReport) -> str:
    """Name the workload of a Pod: ``deploy/api``."""
    kind = pod.workload.kind
    return f"{_SHORT.get(kind) or word(kind.lower() or 'unknown')}/{name(pod.workload.name)}"


def owner_text(pod: PodReport) -> str:
    """Name the workload of a Pod in a sentence: ``Deployment api``."""
    return f"{word(pod.workload.kind)} {name(pod.workload.name)}"


def is_broken_now(finding: Finding) -> bool:
    """Say whether something does not run now; else it was restarted, and runs."""
    symptom = finding.diagnosis.symptom
    if finding.diagnosis.was_requested:
        return False
    return symptom.kind is not SymptomKind.TERMINATED or symptom.backing_off or symptom.final


def severity(findings: Sequence[Finding]) -> int:
    """Return how bad it is: 2 where something does not run, 1 where it was restarted, 0 else."""
    if any(map(is_broken_now, findings)):
        return 2
    return int(any(each.diagnosis.cause not in REQUESTED_RESTARTS for each in findings))


def style_of(findings: Sequence[Finding]) -> str:
    """Return the style in which a cause is shown."""
    return ("dim", "warning", "bad")[severity(findings)]
