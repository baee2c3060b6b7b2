"""What is known of a cluster at one moment: what sources fill and the engine diagnoses. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pod_diagnoser.api.core_v1 import MIRROR_POD_ANNOTATION, OwnedPod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTarget, PodDiagnoser
from pod_diagnoser.cluster.event_list import ByPod, events_about, events_about_node
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence, NodeEvents
from pod_diagnoser.poddiagnosers.workload_names import WorkloadName

if TYPE_CHECKING:
    from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser

LogKey = tuple[str, str, str]
"""Whose log it is: namespace, Pod, container."""

AFTER_ALL: Final = datetime.max.replace(tzinfo=UTC)
"""Nothing was written after the Events of a file were read."""


@dataclass(frozen=True, slots=True)
class Log:
    """The end of a container's log, raw: it is masked where it is shown.

    Attributes:
        text: the text.
        previous: whether it is the log from before the container's last restart.
    """

    text: str
    previous: bool


@dataclass(frozen=True, slots=True)
class HealthyPod:
    """A Pod with which nothing is, as far as it counts for others.

    Attributes:
        namespace: its namespace.
        name: its name.
        workload: its workload.
        node: its node, or an empty string.
        images: the images of its containers, by the containers' names.
    """

    namespace: str
    name: str
    workload: WorkloadName
    node: str
    images: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Missing:
    """What could not be read.

    Attributes:
        what: what it is: ``Events of namespace shop``. It may be shown as it is.
        why: why: ``forbidden``. It may be shown as it is.
        without: what was done without it: ``probes' kills look like crashes``.
    """

    what: str
    why: str
    without: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        line = f"{self.what}: {self.why}"
        return f"{line}; {self.without}" if self.without else line


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Pods, and what explains them, of one moment.

    Attributes:
        pods: the Pods that may have something to tell, each once, in the order of the source.
        healthy: the others, of which nothing more is kept: ten thousand Pods are 200 MB.
        events: the Events, by the uid of what they are about.
        namespaces_with_events: the namespaces whose Events are known. Of the others nobody can say
            that there were none.
        node_events: the Events about nodes, by the node's name.
        logs: the ends of logs.
        revisions: ReplicaSets and ControllerRevisions as the API server writes them, by uid.
        nodes: Nodes as the API server writes them, by name.
        diagnosers: the PodDiagnosers.
        cluster_diagnosers: the ClusterPodDiagnosers, where they could be read.
        cluster_targets: the DiagnosisTargets of ClusterPodDiagnosers.
        missing: what could not be read, and why.
        unreadable: how many objects of these kinds no API server would write.
        left_out: how many Pods are of other namespaces, or have other labels.
    """

    pods: Sequence[OwnedPod] = ()
    healthy: Sequence[HealthyPod] = ()
    events: ByPod = field(default_factory=dict)
    namespaces_with_events: frozenset[str] = frozenset()
    node_events: ByPod = field(default_factory=dict)
    logs: Mapping[LogKey, Log] = field(default_factory=dict)
    revisions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    diagnosers: Sequence[PodDiagnoser] = ()
    cluster_diagnosers: Sequence["ClusterPodDiagnoser"] = ()
    cluster_targets: Sequence[DiagnosisTarget] = ()
    missing: Sequence[Missing] = ()
    unreadable: int = 0
    left_out: int = 0

    @property
    def looked_at(self) -> int:
        """How many Pods there are."""
        return len(self.pods) + len(self.healthy)

    def evidence_of(self, pod: OwnedPod) -> FetchedEvidence | None:
        """Return what a lookup of the Pod's Events would find; None where they are not known."""
        meta = pod.metadata
        # The kubelet writes a static Pod's Events with the uid by which it knows the Pod itself.
        uid = meta.annotations.get(MIRROR_POD_ANNOTATION, meta.uid)
        own = self.events.get(uid, ())
        node = pod.spec.nodeName if pod.spec else ""
        of_node = self.node_events.get(node, ())
        if not own and not of_node and meta.namespace not in self.namespaces_with_events:
            return None
        return FetchedEvidence(
            EventLookup.FOUND,
            tuple(events_about(uid, own)),
            complete=meta.namespace in self.namespaces_with_events,
            node=NodeEvents(tuple(events_about_node(node, of_node)), AFTER_ALL),
        )
