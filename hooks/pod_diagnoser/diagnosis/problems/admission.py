"""Why the kubelet refuses a Pod that has been given to its node."""

from typing import Final

from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.problems.rule import KUBELET, rows

REFUSED: Final = (
    *rows(
        ProblemKind.NODE_SHUTTING_DOWN,
        KUBELET + "nodeshutdown/nodeshutdown_manager.go (nodeShutdownMessage)",
        "in response to imminent node shutdown",
        "pod was rejected as the node is shutting down",
        "node is in progress of shutting down, not admitting any new pods",
    ),
    *rows(
        ProblemKind.NODE_LOW_ON_MEMORY,
        KUBELET + "eviction/helpers.go (nodeLowMessageFmt, nodeConditionMessageFmt)",
        "the node was low on resource: memory",
    ),
    *rows(
        ProblemKind.NODE_REFUSES_BEST_EFFORT,
        KUBELET + "eviction/eviction_manager.go (Admit)",
        "the node had condition: [memorypressure",
    ),
    *rows(
        ProblemKind.NODE_LOW_ON_DISK,
        KUBELET + "eviction/helpers.go (nodeLowMessageFmt, nodeConditionMessageFmt)",
        "the node was low on resource: ephemeral-storage",
        "the node had condition: [diskpressure",
    ),
    *rows(
        ProblemKind.NODE_LOW_ON_INODES,
        KUBELET + "eviction/helpers.go (nodeLowMessageFmt)",
        "the node was low on resource: inodes",
    ),
    *rows(
        ProblemKind.NODE_LOW_ON_PROCESSES,
        KUBELET + "eviction/helpers.go (nodeLowMessageFmt, nodeConditionMessageFmt)",
        "the node was low on resource: pids",
        "the node had condition: [pidpressure",
    ),
    *rows(
        ProblemKind.NODE_LOW_ON_RESOURCE,
        KUBELET + "eviction/helpers.go (nodeLowMessageFmt, nodeConditionMessageFmt)",
        "the node was low on resource: ",
        "the node had condition: [",
    ),
    *rows(
        ProblemKind.EMPTY_DIR_LIMIT_EXCEEDED,
        KUBELET + "eviction/eviction_manager.go (emptyDirMessageFmt)",
        'usage of emptydir volume "" exceeds the limit',
    ),
    *rows(
        ProblemKind.STORAGE_LIMIT_EXCEEDED,
        KUBELET + "eviction/eviction_manager.go (podEphemeralStorageMessageFmt, container…)",
        "exceeded its local ephemeral storage limit",
        "pod ephemeral local storage usage exceeds the total limit",
    ),
    *rows(
        ProblemKind.TOPOLOGY_REFUSED,
        KUBELET + "cm/topologymanager/topology_manager.go (TopologyAffinityError), cm/cpumanager",
        "resources cannot be allocated with topology locality",
        "smt alignment error: ",
    ),
    *rows(
        ProblemKind.NODE_SELECTOR_REFUSED,
        KUBELET + "lifecycle/predicate.go (PredicateFailureError, rejectPodAdmissionBasedOnOS…)",
        "predicate nodeaffinity failed",
        "predicate matchnodeselector failed",
        "predicate hostname failed",
    ),
    *rows(
        ProblemKind.NODE_TAINT_REFUSED,
        KUBELET + "lifecycle/predicate.go (PredicateFailureError)",
        "predicate tainttoleration failed",
        "predicate podtoleratesnodetaints failed",
    ),
    *rows(
        ProblemKind.NODE_OS_REFUSED,
        KUBELET + "lifecycle/predicate.go (rejectPodAdmissionBasedOnOSSelector, …OSField)",
        "failed to admit pod as the os field doesn't match node os",
        "failed to admit pod as the `` label doesn't match node label",
    ),
    *rows(
        ProblemKind.HOST_PORT_TAKEN,
        KUBELET + "lifecycle/predicate.go (PredicateFailureError)",
        "predicate nodeports failed",
        "predicate podfitshostports failed",
    ),
    *rows(
        ProblemKind.NODE_UNKNOWN_TO_KUBELET,
        KUBELET + "lifecycle/predicate.go (Admit)",
        "kubelet cannot get node info",
    ),
    *rows(
        ProblemKind.NODE_FEATURE_MISSING,
        KUBELET + "lifecycle/predicate.go, handlers.go; containerd and cri-o server",
        "is not supported in this node",
        "does not support … restartpolicy",
        "not implemented in this … release: ",
        "pod-level resources are not supported",
        "required … feature … is not enabled on the node",
    ),
    *rows(
        ProblemKind.NODE_WITHOUT_RESOURCE,
        KUBELET + "lifecycle/predicate.go (InsufficientResourceError)",
        "node didn't have enough resource: … capacity: 0 ",
        "node didn't have enough resource: … capacity: 0: ",
        "node didn't have enough resource: … capacity: 0, ",
    ),
    *rows(
        ProblemKind.NODE_OUT_OF_RESOURCE,
        KUBELET + "lifecycle/predicate.go (InsufficientResourceError)",
        "node didn't have enough resource: ",
    ),
    *rows(
        ProblemKind.SYSCTL_REFUSED,
        KUBELET + "sysctl/allowlist.go (Admit)",
        "forbidden sysctl: ",
    ),
    *rows(
        ProblemKind.APPARMOR_OFF,
        "kubernetes pkg/security/apparmor/validate.go (validateHost)",
        "apparmor is not enabled on the host",
    ),
    *rows(
        ProblemKind.SECURITY_PROFILE_UNUSABLE,
        "kubernetes pkg/security/apparmor/validate.go, " + KUBELET + "kubelet.go",
        "cannot enforce apparmor",
    ),
)
"""What the kubelet says."""
