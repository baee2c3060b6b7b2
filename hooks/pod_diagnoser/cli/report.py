"""What the engine found, and renderers print. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.snapshot import Missing
from pod_diagnoser.diagnosis.common_factors import CommonFactor
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.statement import Statement
from pod_diagnoser.poddiagnosers.workload_names import WorkloadName
from pod_diagnoser.pods.history import CrashRecord

_MAX_NAME: Final = 253


class TimeSource(StrEnum):
    """What says when the Pods were like that."""

    CLOCK = "Clock"
    """They are like that now."""
    GIVEN = "Given"
    """The command line."""
    INPUT = "LatestInInput"
    """The latest time in the input."""
    WRITTEN = "InputWritten"
    """The time at which the input was written."""


_SAID: Final = {
    TimeSource.INPUT: "the latest time in the input",
    TimeSource.WRITTEN: "when the input was written",
}


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What a container said itself of its end.

    Attributes:
        lines: the lines that say why, masked and safe to show; none where it says nothing of it.
        reason_class: what kind of thing it is.
        runtime: the runtime that wrote it, or an empty string.
        source: where it stands: ``termination message``, ``log``.
    """

    lines: Sequence[str]
    reason_class: ReasonClass
    runtime: str
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A symptom of a Pod and its diagnosis, as it is printed.

    Attributes:
        diagnosis: the diagnosis.
        statement: its lines, with the history of the container, as the operator writes them where
            `spec.evidence.reason` is set: they quote what the container said itself.
        proved: the same lines without that, for programs, which get it apart.
        happened: when it happened, as far as that is known.
        words: what the container said itself; None where that was not read.
    """

    diagnosis: Diagnosis
    statement: Statement
    proved: Statement
    happened: datetime | None = None
    words: OwnWords | None = None


@dataclass(frozen=True, slots=True)
class Siblings:
    """The Pods of a workload.

    Attributes:
        total: how many there are.
        causes: of how many Pods each cause is the most important one.
    """

    total: int
    causes: Mapping[str, int]

    @property
    def broken(self) -> int:
        """How many have a cause."""
        return sum(self.causes.values())


@dataclass(frozen=True, slots=True)
class PodReport:
    """A Pod and what is wrong with it.

    Attributes:
        pod: the Pod.
        workload: its workload.
        findings: what is wrong with it, the most important first; nothing of a Pod that was asked
            for and with which nothing is.
        history: its crashes that are known, the newest first; none where it is one.
        changes: what changed in its workload before, in words that are safe to show.
        siblings: the Pods of its workload, itself among them; None where that is not known.
        remediation: what the operator did for it, or why it did nothing, in words that are safe to
            show; empty where no PodDiagnoser claims it.
    """

    pod: OwnedPod
    workload: WorkloadName
    findings: Sequence[Finding]
    history: Sequence[CrashRecord] = ()
    changes: Sequence[str] = ()
    siblings: Siblings | None = None
    remediation: Sequence[str] = ()

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.pod.metadata.namespace

    @property
    def name(self) -> str:
        """Its name."""
        return self.pod.metadata.name

    @property
    def node(self) -> str:
        """Its node, or an empty string."""
        return sanitize(self.pod.spec.nodeName, _MAX_NAME) if self.pod.spec else ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a snapshot.

    Attributes:
        pods: the Pods with which something is, or that were asked for, in the order of the source.
        looked_at: how many Pods were looked at.
        now: the time at which they were looked at, in UTC.
        missing: what could not be read, and why.
        unreadable: how many objects no API server would write.
        common_factor: what the Pods that crashed within one minute have in common, or None.
        is_one_pod: whether one Pod was asked for by its name.
        left_out: how many Pods were not looked at: of other namespaces, or with other labels.
        not_found: what was asked for by name and has no Pod, as ``TYPE/NAME``.
        time_source: what says that it was `now`.
    """

    pods: Sequence[PodReport]
    looked_at: int
    now: datetime
    missing: Sequence[Missing] = ()
    unreadable: int = 0
    common_factor: CommonFactor | None = None
    is_one_pod: bool = False
    left_out: int = 0
    not_found: Sequence[str] = ()
    time_source: TimeSource = TimeSource.CLOCK

    @property
    def as_of(self) -> str:
        """As of when it is, and what says so where that is neither the clock nor the user."""
        said = _SAID.get(self.time_source)
        return f"as of {format_time(self.now)}{f', {said}' if said else ''}"

    @property
    def common(self) -> Sequence[str]:
        """What the crashes have in common, in words that are safe to show: hints, no causes."""
        return (self.common_factor.message,) if self.common_factor else ()

    @property
    def findings(self) -> Sequence[Finding]:
        """All findings, in the order of their Pods."""
        return [finding for pod in self.pods for finding in pod.findings]


@dataclass(frozen=True, slots=True)
class LogNeed:
    """A log that would tell more.

    Attributes:
        namespace: of the Pod.
        pod: its name.
        container: the container.
        previous: whether it is the log from before the container's last restart.
    """

    namespace: str
    pod: str
    container: str
    previous: bool
