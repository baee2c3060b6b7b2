"""The kind ClusterPodDiagnoser, as it is read and written.

Its CRD is made from that of PodDiagnoser (``dev/cluster_crd.py``), and so are these models: what is
not said here is said there.
"""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pod_diagnoser.api.diagnostics_v1 import (
    CLUSTER_POD_DIAGNOSER,
    OwnerHistory,
    PodDiagnoser,
    PodDiagnoserMeta,
    PodDiagnoserSpec,
    PodDiagnoserStatus,
    RecentDiagnosis,
    Remediation,
    RemediationBudget,
    RemediationSpec,
    StoredModel,
    Workload,
)
from pod_diagnoser.api.fields import Int64, Many, OrNull, RequiredStoredTime, Text
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


class ClusterRemediation(Remediation):
    """One remediation in ``status.remediations``, without a text that others may have written."""

    namespace: str
    diagnosis: str = ""
    """Always empty where it is read: it is not stored."""

    @property
    def pod_namespace(self) -> str:
        """The namespace of the Pod."""
        return self.namespace


class ClusterOwnerHistory(OwnerHistory):
    """The attempts for one owner whose Pods were replaced, in ``status.owners``."""

    namespace: str = ""


class NamespaceClaim(StoredModel):
    """Since when the Pods of a namespace are claimed anew, in ``status.claims``."""

    namespace: str
    since: RequiredStoredTime
    """Crashes from before it are not acted on."""


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
    remediations: Many[ClusterRemediation] = ()
    owners: Many[ClusterOwnerHistory] = ()
    claims: Many[NamespaceClaim] = ()
    """The namespaces that were claimed anew a short time ago (`poddiagnosers.cluster_claims`)."""
    writerNamespaces: Text | None = None
    """The selected namespaces and what comes first there, by which it is noticed that they are
    claimed anew. As `writerMemory`, of no interest to people."""


ABSENT_FROM_STATUS: Final[dict[str, Any]] = {
    "countedPods": True,
    "remediations": {"__all__": {"diagnosis"}},
    "recentDiagnoses": {"__all__": {"diagnosis", "evidence", "nextStep"}},
    "workloads": {"__all__": {"template"}},
}
"""Fields of PodDiagnosers' statuses that this kind lacks: what the API server would prune would be
written again at every sync."""

NO_CLUSTER_STATUS: Final = ClusterPodDiagnoserStatus()
"""The status of a ClusterPodDiagnoser that has none yet."""


class ClusterRemediationBudget(RemediationBudget):
    """``spec.remediation.budget``: how many Pods may be replaced, in total and in a namespace."""

    podsPerNamespace: Annotated[
        int,
        BeforeValidator(lambda given: 2 if given is None else given),
        AfterValidator(lambda given: max(0, min(given, 50))),
    ] = 2

    @property
    def per_namespace(self) -> int | None:
        """How many of them in one namespace."""
        return self.podsPerNamespace


class ClusterRemediationSpec(RemediationSpec):
    """``spec.remediation`` of a ClusterPodDiagnoser."""

    budget: Annotated[ClusterRemediationBudget, OrNull(ClusterRemediationBudget)] = (
        ClusterRemediationBudget()
    )


NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The label of a Namespace with its name. The API server sets it, and nobody can change it."""


class ClusterPodDiagnoserSpec(PodDiagnoserSpec):
    """``spec`` of a ClusterPodDiagnoser."""

    remediation: Annotated[ClusterRemediationSpec, OrNull(ClusterRemediationSpec)] = (
        ClusterRemediationSpec()
    )
    namespaceSelector: Annotated[LabelSelector, OrNull(LabelSelector)] = Field(
        default_factory=LabelSelector
    )

    def names(self, namespace: str) -> bool:
        """Say whether the selector names a namespace, and does not just match it.

        It does by `NAME_LABEL` in matchLabels, or in matchExpressions with the operator In.
        """
        selector = self.namespaceSelector
        return selector.matchLabels.get(NAME_LABEL) == namespace or any(
            each.key == NAME_LABEL and each.operator == "In" and namespace in each.values
            for each in selector.matchExpressions
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

    def remediation_entry(self, namespace: str, **fields: Any) -> Remediation:
        """Make an entry of ``status.remediations`` for a Pod of a namespace."""
        return ClusterRemediation(**{**fields, "namespace": namespace, "diagnosis": ""})

    def owner_entry(self, namespace: str, **fields: Any) -> OwnerHistory:
        """Make an entry of ``status.owners`` for an owner in a namespace."""
        return ClusterOwnerHistory(namespace=namespace, **fields)
