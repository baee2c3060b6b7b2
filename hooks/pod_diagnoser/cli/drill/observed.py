"""What a drill has seen of its namespace at one moment. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pod_diagnoser.api.diagnostics_v1 import POD_DIAGNOSER
from pod_diagnoser.cli.drill.workloads import APP_LABEL, Workload
from pod_diagnoser.cli.report import Finding
from pod_diagnoser.diagnosis.redaction import redact_head

Json = dict[str, Any]

_MAX_BYTES: Final = 300
"""How much of a text of others is shown."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who diagnoses the Pods of the drill.

    Attributes:
        kind: PodDiagnoser or ClusterPodDiagnoser.
        name: its name.
        logs_events: whether it creates Events; None where that is not known.
    """

    kind: str
    name: str
    logs_events: bool | None = True

    @property
    def is_of_cluster(self) -> bool:
        """Whether it is a ClusterPodDiagnoser."""
        return self.kind != POD_DIAGNOSER

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Observed:
    """What was read.

    Attributes:
        pods: the Pods.
        findings: what kubectl diagnose says of a Pod, by its name.
        events: the Events of the namespace; None where they could not be read.
        events_refused: why not.
        diagnoser: who diagnoses, as it is stored; None where it could not be read.
        diagnoser_refused: why not.
        series: the causes of a workload's crashing Pods in the state metrics, by its name; None
            where they are not looked at.
    """

    pods: Sequence[Json] = ()
    findings: Mapping[str, Sequence[Finding]] = field(default_factory=dict)
    events: Sequence[Json] | None = ()
    events_refused: str = ""
    diagnoser: Json | None = None
    diagnoser_refused: str = ""
    series: Mapping[str, frozenset[str]] | None = None

    def pod_of(self, workload: Workload) -> Json | None:
        """Return the Pod of a workload."""
        for pod in self.pods:
            if text_at(pod, "metadata", "labels", APP_LABEL) == workload.name:
                return pod
        return None

    def findings_of(self, workload: Workload) -> Sequence[Finding]:
        """Return what kubectl diagnose says of a workload's Pod."""
        pod = self.pod_of(workload)
        return () if pod is None else self.findings.get(text_at(pod, "metadata", "name"), ())

    def status(self) -> Json:
        """Return the status of who diagnoses; empty where there is none."""
        status = (self.diagnoser or {}).get("status")
        return status if isinstance(status, dict) else {}

    def condition(self, kind: str) -> str:
        """Return reason and message of a condition that is not True, or an empty string."""
        for each in items(self.status(), "conditions"):
            if each.get("type") == kind and each.get("status") != "True":
                return shown(f"{each.get('reason', '')}: {each.get('message', '')}")
        return ""

    def sync_error(self) -> str:
        """Return what Metacontroller says of a sync that failed, or an empty string."""
        for each in reversed(self.events or ()):
            if each.get("reason") == "SyncError":
                return shown(str(each.get("message", "")))
        return ""


def shown(text: str) -> str:
    """Make a text of others safe to show, in one line."""
    return redact_head(text, _MAX_BYTES).replace("\n", " ")


def items(value: Json, key: str) -> Iterator[Json]:
    """Yield the objects of a list."""
    found = value.get(key)
    yield from (each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()


def text_at(value: Any, *path: str) -> str:
    """Return the text at a path; an empty string where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
