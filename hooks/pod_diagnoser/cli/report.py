"""What the engine found, and renderers print. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.cli.snapshot import Missing
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.statement import Statement
from pod_diagnoser.poddiagnosers.workload_names import WorkloadName


@dataclass(frozen=True, slots=True)
class Finding:
    """A symptom of a Pod and its diagnosis, as it is printed.

    Attributes:
        diagnosis: the diagnosis.
        statement: its lines, with the history of the container.
        happened: when it happened, as far as that is known.
    """

    diagnosis: Diagnosis
    statement: Statement
    happened: datetime | None = None


@dataclass(frozen=True, slots=True)
class PodReport:
    """A Pod and what is wrong with it.

    Attributes:
        pod: the Pod.
        workload: its workload.
        findings: what is wrong with it, the most important first; nothing of a Pod that was asked
            for and with which nothing is.
    """

    pod: OwnedPod
    workload: WorkloadName
    findings: Sequence[Finding]

    @property
    def node(self) -> str:
        """Its node, or an empty string."""
        return self.pod.spec.nodeName if self.pod.spec else ""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a snapshot.

    Attributes:
        pods: the Pods with which something is, or that were asked for, in the order of the source.
        looked_at: how many Pods were looked at.
        now: the time at which they were looked at, in UTC.
        missing: what could not be read, and why.
        unreadable: how many objects no API server would write.
    """

    pods: Sequence[PodReport]
    looked_at: int
    now: datetime
    missing: Sequence[Missing] = ()
    unreadable: int = 0

    @property
    def findings(self) -> Sequence[Finding]:
        """All findings, in the order of their Pods."""
        return [finding for pod in self.pods for finding in pod.findings]
