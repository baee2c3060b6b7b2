"""Keys and limits of what is written on a Pod: the annotations, the label, the opt-out."""

from pod_diagnoser.api.diagnostics_v1 import CLUSTER_LABEL, GROUP, DiagnosisTargetSpec

CRASHES = f"{GROUP}/crashes"
RESTART_REASON = f"{GROUP}/restart-reason"
RESTART_TIME = f"{GROUP}/restart-time"
CONTAINER = f"{GROUP}/container"
CAUSE = f"{GROUP}/cause"
DIAGNOSIS = f"{GROUP}/diagnosis"
EVIDENCE = f"{GROUP}/evidence"
NEXT_STEP = f"{GROUP}/next-step"
REASON = f"{GROUP}/reason"
TERMINATION_MESSAGE = f"{GROUP}/termination-message"
LOG = f"{GROUP}/log"
CHANGES = f"{GROUP}/changes"
DIAGNOSED_BY = f"{GROUP}/diagnosed-by"
"""Which ClusterPodDiagnoser diagnosed the Pod; absent where a PodDiagnoser of its namespace did."""
ANNOTATIONS = (
    RESTART_REASON,
    RESTART_TIME,
    CONTAINER,
    CAUSE,
    DIAGNOSIS,
    NEXT_STEP,
    EVIDENCE,
    CRASHES,
    DIAGNOSED_BY,
    REASON,
    CHANGES,
    TERMINATION_MESSAGE,
    LOG,
)
"""All annotations that the hook manages, the most important first."""

CRASH = f"{GROUP}/crash"
"""The annotation of an Event that names the crash it is about, by its id."""

REASON_CLASS = f"{GROUP}/reason-class"
"""The annotation of an Event that says what kind of reason the container's output gives."""

LABEL = f"{GROUP}/diagnoser"
"""The label on a Pod that crashed recently: the name of the PodDiagnoser that claims it."""

LABELS = (LABEL, CLUSTER_LABEL)
"""The labels that the hook manages; a Pod has one of them at most."""


def label_of(claim: DiagnosisTargetSpec) -> str:
    """Return the key of the label that a Pod gets from the diagnoser that claims it."""
    return CLUSTER_LABEL if claim.is_of_cluster else LABEL


MAX_REASON_BYTES = 3 * 256 + 2
MAX_MESSAGE_BYTES = 512
MAX_LOG_BYTES = 2048

MAX_TOTAL_BYTES = 256 * 1024
"""Keys and values of all annotations of an object together.

Source: ``TotalAnnotationSizeLimitB`` in
``staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go``.
"""

OPT_OUT = f"{GROUP}/remediate"
"""The annotation with which a Pod's owner forbids its replacement: ``"false"``."""
