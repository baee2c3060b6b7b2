"""The kind ClusterPodDiagnoser, as it is read and written.

Its CRD is made from that of PodDiagnoser (``dev/cluster_crd.py``), and so are these models: what is
not said here is said there.
"""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field

from pod_diagnoser.api.diagnostics_v1 import (
    CLUSTER_POD_DIAGNOSER,
    PodDiagnoser,
    PodDiagnoserMeta,
    PodDiagnoserSpec,
    PodDiagnoserStatus,
    RecentDiagnosis,
    Remediation,
    StoredModel,
    Workload,
)
from pod_diagnoser.api.fields import Int64, Many, OrNull
from pod_diagnoser.api.meta_v1 import LabelSelector


class ClusterRecentDiagnosis(RecentDiagnosis):
    """One crash in ``status.recentDiagnoses``, without a text that others may have written.

    Who may read a ClusterPodDiagnoser may not read the Pods of all namespaces for that.
    """

    namespace: str
    diagnosis: str = ""
    """Always empty, as evidence and next step are: the Pod has them."""


class ClusterWorkload(Workload):
    """One owner whose Pods crash, in ``status.workloads``."""

    namespace: str


class CrashingNamespace(StoredModel):
    """One namespace whose Pods crash, in ``status.namespaces``."""

    name: str
    crashingPods: Int64
    """How many of its Pods show a recent crash now."""
    workloads: Int64
    """To how many workloads they belong."""


class ClusterPodDiagnoserStatus(PodDiagnoserStatus):
    """``status`` of a ClusterPodDiagnoser."""

    selectedNamespaces: Int64 = 0
    namespaces: Many[CrashingNamespace] = ()
    recentDiagnoses: Many[ClusterRecentDiagnosis] = ()
    workloads: Many[ClusterWorkload] = ()
    remediations: Annotated[Many[Remediation], BeforeValidator(lambda _: ())] = ()
    """None: this kind replaces no Pods, whatever is stored."""


ABSENT_FROM_STATUS: Final[dict[str, Any]] = {
    "action": True,
    "remediations": True,
    "owners": True,
    "withheld": True,
    "countedPods": True,
    "recentDiagnoses": {"__all__": {"diagnosis", "evidence", "nextStep"}},
    "workloads": {"__all__": {"template"}},
}
"""Fields of PodDiagnosers' statuses that this kind lacks: what the API server would prune would be
written again at every sync."""

NO_CLUSTER_STATUS: Final = ClusterPodDiagnoserStatus()
"""The status of a ClusterPodDiagnoser that has none yet."""


class ClusterPodDiagnoserSpec(PodDiagnoserSpec):
    """``spec`` of a ClusterPodDiagnoser."""

    namespaceSelector: Annotated[LabelSelector, OrNull(LabelSelector)] = Field(
        default_factory=LabelSelector
    )


class ClusterPodDiagnoserMeta(PodDiagnoserMeta):
    """The metadata of a ClusterPodDiagnoser."""

    namespace: Literal[""] = ""


class ClusterPodDiagnoser(PodDiagnoser):
    """A ClusterPodDiagnoser, as Metacontroller sends it."""

    KIND: ClassVar = CLUSTER_POD_DIAGNOSER

    metadata: ClusterPodDiagnoserMeta
    spec: ClusterPodDiagnoserSpec = ClusterPodDiagnoserSpec()
    status: Annotated[ClusterPodDiagnoserStatus, OrNull(lambda: NO_CLUSTER_STATUS)] = (
        NO_CLUSTER_STATUS
    )

    @property
    def has_status(self) -> bool:
        """Whether a status is stored, be it an empty one."""
        return self.status is not NO_CLUSTER_STATUS

    def reaches(self, namespace: str) -> bool:
        """Say whether it may claim Pods of a namespace at all: of which, its selector says."""
        del namespace
        return True
