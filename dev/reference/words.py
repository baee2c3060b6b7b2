"""What names mean whose definitions do not say it. Tests compare the names with those in use."""

from collections.abc import Mapping
from typing import Final

from pod_diagnoser.api.diagnostics_v1 import CLUSTER_LABEL, GROUP, ConditionType
from pod_diagnoser.diagnosis.common_factors import Factor
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.poddiagnosers.namespace_selection import SELECTED_NAMESPACES
from pod_diagnoser.pods import keys
from pod_diagnoser.pods.recall import PODS_RECALLED, RECALLED
from pod_diagnoser.remediation.model import Phase

ANNOTATIONS: Final[Mapping[str, str]] = {
    keys.RESTART_REASON: "reason and exit code of the container that was restarted last",
    keys.RESTART_TIME: "when that run ended, in UTC",
    keys.CONTAINER: "the container of the latest crash",
    keys.CAUSE: "its [cause](#causes)",
    keys.DIAGNOSIS: "what happened, in at most 138 bytes",
    keys.NEXT_STEP: "one thing to do, in at most 138 bytes",
    keys.EVIDENCE: "what proves it, and what is not proved, in at most 138 bytes",
    keys.CRASHES: "the last ten crashes, as JSON",
    keys.DIAGNOSED_BY: "the ClusterPodDiagnoser that diagnosed the Pod",
    keys.REASON: "the lines of its output that say why it ended",
    keys.CHANGES: "what the workload's template changed, and when",
    keys.TERMINATION_MESSAGE: "the message that the container left",
    keys.LOG: "the last lines of its log",
}
"""What the hook writes on a Pod."""

OTHER_KEYS: Final[Mapping[str, tuple[str, str]]] = {
    keys.LABEL: (
        "label of a Pod",
        "it crashed within the last hour; the value is the name of its PodDiagnoser",
    ),
    CLUSTER_LABEL: (
        "label of a Pod or a DiagnosisTarget",
        "the same of a ClusterPodDiagnoser; on a DiagnosisTarget, whose it is",
    ),
    keys.OPT_OUT: (
        "annotation of a Pod, by its owner",
        '`"false"`: it is not replaced',
    ),
    keys.CRASH: ("annotation of an Event", "which crash the Event is about; `cause` is beside it"),
    keys.REASON_CLASS: (
        "annotation of an Event",
        "what kind of [reason](#classes-of-reasons) the container's output gives",
    ),
    RECALLED: (
        "annotation of a DiagnosisTarget, PodDiagnoser or ClusterPodDiagnoser",
        "when its Pods, or it, were last synced again after an outage",
    ),
    PODS_RECALLED: (
        "annotation of a ClusterPodDiagnoser",
        "when the Pods of its namespaces were last synced again after an outage",
    ),
    SELECTED_NAMESPACES: (
        "annotation of a ClusterPodDiagnoser",
        "which namespaces it selects: their number and hashes of their names",
    ),
    f"{GROUP}/install-step": (
        "label of what the manifests install",
        "what comes first: `1` the kinds, `3` and `4` what Metacontroller calls",
    ),
    f"{GROUP}/scrape": (
        "label of a namespace, by you",
        "`true`: its Pods may scrape the metrics",
    ),
    f"{GROUP}/drill": ("label of a namespace", "a drill made it; the value ends its name"),
    f"{GROUP}/drill-ends": (
        "annotation of a namespace of a drill",
        "after when the next drill takes it away, if it is there still",
    ),
    f"{GROUP}/retiring-token": (
        "annotation of the Secret of tokens",
        "which token a rotation that is not finished replaces",
    ),
    f"{GROUP}/never": (
        "scheduling gate",
        "of the made-up Pod by which `metacontroller/install.sh` checks an installation",
    ),
}
"""All other keys with our prefix."""

EVENT_REASONS: Final[Mapping[str, str]] = {
    "PodRestarted": "Warning on the Pod, `LogEvent`: a container crashed and was restarted",
    "PodFailed": "Warning on the Pod, `LogEvent`: it failed, and nothing restarts it",
    "PodNotStarted": "Warning on the Pod, `LogEvent`: a container cannot be started",
    "PodDeleted": "Normal on the Pod and the PodDiagnoser, `RestartPod`: the Pod was deleted",
    "PodEvicted": "Normal on the Pod and the PodDiagnoser, `EvictPod`: the Pod was evicted",
    "RemediationWithheld": "Normal on the Pod: it is not replaced, and why "
    "([reason](#reasons-of-remediations))",
}

CONDITIONS: Final[Mapping[ConditionType, str]] = {
    ConditionType.ACTIVE: "whether it claims Pods",
    ConditionType.OVERLAPPING: "whether something else comes first for Pods that it selects",
    ConditionType.COMPLETE: "whether the status holds all Pods that crashed within the last hour",
    ConditionType.REMEDIATING: "what is done about crashes, or why nothing is",
    ConditionType.COMMON_FACTOR: "whether Pods that crashed within one minute share something",
    ConditionType.NAMESPACES_SELECTED: "whether it selects namespaces (ClusterPodDiagnoser)",
}

CONDITION_REASONS: Final[Mapping[ConditionType, Mapping[str, str]]] = {
    ConditionType.ACTIVE: {
        "Claiming": "True: it claims the Pods that it selects",
        "AnnotationsDisabled": "False: `spec.enableAnnotations` is `false`",
        "TooManyPodDiagnosers": "False: it is not among the oldest 20 of its namespace",
    },
    ConditionType.OVERLAPPING: {
        "NoOlderMatches": "False: no older PodDiagnoser can match its Pods",
        "NothingComesFirst": "False: the same of a ClusterPodDiagnoser",
        "OlderMayMatch": "True: older ones, which the message names, may match the same Pods",
        "PodDiagnosersMayMatch": "True: PodDiagnosers of the namespaces that the message names",
    },
    ConditionType.COMPLETE: {
        "AllRead": "True",
        "TooManyRecentCrashes": "False: every Pod is diagnosed, not all are in the status",
    },
    ConditionType.REMEDIATING: {
        "LoggingEvents": "True: an Event is created for each fresh crash",
        "ReplacingPods": "True: Pods are deleted or evicted",
        "BlockedByDisruptionBudget": "True: all that is to be done waits for PodDisruptionBudgets",
        "NoAction": "False: `spec.remediationAction` is empty",
        "Inactive": "False: it claims no Pods",
        "DryRun": "False: `spec.remediation.dryRun`; `status.withheld` says what would be done",
        "Paused": "False: `spec.remediation.paused`",
        "NotConnected": "False: the operator has no access to the API server",
        "Forbidden": "False: the operator lacks a permission, which the message names",
        "UnknownAction": "False: another version of the operator knows this action",
        "InvalidNamespaceSelector": "False: `spec.namespaceSelector` cannot be evaluated",
    },
    ConditionType.COMMON_FACTOR: {
        Factor.WORKLOAD: "True: the workload",
        Factor.NODE: "True: the node",
        Factor.IMAGE: "True: the image",
        Factor.REASON_CLASS: "True: the class of the reason that their output gives",
        Factor.CAUSE: "True: the cause",
        Factor.SECOND: "True: the second in which they ended, and nothing else",
        Factor.MINUTE: "True: the minute, and nothing else",
        "NothingInCommon": "False: nothing that is known",
    },
    ConditionType.NAMESPACES_SELECTED: {
        "Selected": "True",
        "NoneSelected": "False: no namespace matches",
        "InvalidNamespaceSelector": "False: `spec.namespaceSelector` cannot be evaluated; what is "
        "diagnosed stays so",
    },
}

PHASES: Final[Mapping[Phase, str]] = {
    Phase.PLANNED: "stored in the status, executed by the next sync",
    Phase.DONE: "the Pod was deleted or evicted, or was gone",
    Phase.DEFERRED: "something does not allow it now; it is tried again",
    Phase.FAILED: "the API server refused it",
    Phase.EXPIRED: "the reason for it no longer holds",
}

EVENT_LOOKUPS: Final[Mapping[EventLookup, str]] = {
    EventLookup.FOUND: "they say what happened",
    EventLookup.SILENT: "none is about this crash, which proves that the kubelet did not stop it",
    EventLookup.NOTHING: "none is about this crash, which proves nothing",
    EventLookup.UNCLEAR: "they are about several ends of the container, perhaps not this one",
    EventLookup.EXPIRED: "the crash is so long ago that they may be gone",
    EventLookup.REFUSED: "the hook may not read them",
    EventLookup.UNAVAILABLE: "they could not be read in time",
}

PATHS: Final[Mapping[str, str]] = {
    "/pods/customize": "which DiagnosisTargets come with a Pod",
    "/pods/sync": "what a Pod is to show",
    "/pods/recall": "after an outage: the Pods of a DiagnosisTarget's namespace",
    "/pods/cluster/recall": "after an outage: the Pods of a ClusterPodDiagnoser's namespaces",
    "/poddiagnosers/customize": "which Pods and DiagnosisTargets come with a PodDiagnoser",
    "/poddiagnosers/sync": "its status and its DiagnosisTarget; Events and remediations",
    "/poddiagnosers/recall": "after an outage: a PodDiagnoser or a ClusterPodDiagnoser",
    "/clusterpoddiagnosers/customize": "what comes with a ClusterPodDiagnoser",
    "/clusterpoddiagnosers/sync": "its status; Events",
    "/clusterpoddiagnosers/targets/customize": "the Namespaces that it selects",
    "/clusterpoddiagnosers/targets/sync": "its DiagnosisTargets",
    "/healthz": "liveness probe, without I/O",
    "/readyz": "readiness probe, without I/O",
    "/metrics": "[metrics](#metrics) of this process",
    "/metrics/state": "metrics of what the statuses of all PodDiagnosers say",
}

HTTP_STATUSES: Final[Mapping[int, str]] = {
    200: "answered",
    400: "the body is no request of Metacontroller, or incomplete",
    401: "no valid token",
    404: "no such path, or one that this process does not serve",
    405: "not POST, or not GET",
    408: "the body took too long",
    411: "no Content-Length",
    413: "the body is too large",
    415: "not `application/json`",
    429: "too much at once; Metacontroller comes again after `Retry-After`",
    500: "a mistake of the hook's; its log has the place",
    503: "`/metrics/state`: PodDiagnosers could not be listed",
}
"""Of what the hook answers. docs/settings.md says more."""

SERVE_OPTIONS: Final[Mapping[str, str]] = {
    "--host": "`POD_DIAGNOSER_HOST`",
    "--port": "`POD_DIAGNOSER_PORT`",
    "--endpoints": "`POD_DIAGNOSER_ENDPOINTS`",
}
"""Of ``pod-diagnoser serve``: which variable each sets."""

EXIT_CODES: Final[Mapping[int, str]] = {
    0: "looked at all that was asked for, also where something is wrong with the Pods",
    1: "with `--exit-code`: something is wrong; of `drill`: something does not work",
    2: "a wrong command line, or the input or the cluster could not be read",
    130: "interrupted",
}
"""Of ``kubectl-diagnose``."""
