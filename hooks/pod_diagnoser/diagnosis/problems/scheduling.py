"""Why the scheduler finds no node for a Pod."""

from typing import Final

from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.problems.rule import KUBELET, SCHEDULER, rows

SCHEDULED: Final = (
    *rows(
        ProblemKind.NO_NODES,
        "kubernetes pkg/scheduler/schedule_one.go (ErrNoNodesAvailable)",
        "no nodes available to schedule pods",
    ),
    *rows(
        ProblemKind.CLAIM_UNBOUND,
        SCHEDULER + "volumebinding/volume_binding.go (PreBind)",
        "binding volumes: ",
    ),
    *rows(
        ProblemKind.DEVICE_CLASS_MISSING,
        SCHEDULER + "dynamicresources/dynamicresources.go (PreFilter)",
        ": device class … does not exist",
        ": deviceclass … does not exist",
    ),
    *rows(
        ProblemKind.SCHEDULING_GATED,
        SCHEDULER + "schedulinggates/scheduling_gates.go (PreEnqueue)",
        "due to non-empty scheduling gates",
        "waiting for scheduling gates: [",
    ),
    *rows(
        ProblemKind.READINESS_GATE_UNSET,
        KUBELET + "status/generate.go (GeneratePodReadyCondition)",
        'corresponding condition of pod readiness gate "" does not exist',
        'the status of pod readiness gate "" is not ""',
    ),
)
"""What the scheduler says of a Pod as a whole."""

SCHEDULING_RULES: Final = (
    *rows(
        ProblemKind.CLAIM_MISSING,
        SCHEDULER + "volumebinding/volume_binding.go (podHasPVCs)",
        'persistentvolumeclaim "" not found',
        'persistentvolumeclaims "" not found',
        "waiting for ephemeral volume controller to create the persistentvolumeclaim",
    ),
    *rows(
        ProblemKind.CLAIM_DELETING,
        SCHEDULER + "volumebinding/volume_binding.go (podHasPVCs)",
        'persistentvolumeclaim "" is being deleted',
    ),
    *rows(
        ProblemKind.CLAIM_UNBOUND,
        SCHEDULER + "volumebinding/volume_binding.go (PreFilter), binder.go",
        "unbound immediate persistentvolumeclaims",
        "unbound persistentvolumeclaims",
        'persistentvolumeclaim "" bound to non-existent persistentvolume',
        "pvc(s) bound to non-existent pv(s)",
        "binding volumes: ",
    ),
    *rows(
        ProblemKind.DEVICE_CLASS_MISSING,
        SCHEDULER + "dynamicresources/dynamicresources.go (PreFilter)",
        "device class … does not exist",
        "deviceclass … does not exist",
        'deviceclasses.resource.k8s.io "" not found',
        "deviceclass … not found",
    ),
    *rows(
        ProblemKind.DEVICE_CLAIM_MISSING,
        SCHEDULER + "dynamicresources/dynamicresources.go (foreachPodResourceClaim)",
        "to create the resourceclaim",
        "resourceclaim not created yet",
        'resourceclaim "" not found',
        'resourceclaim.resource.k8s.io "" not found',
    ),
    *rows(
        ProblemKind.DEVICE_CLAIM_UNMET,
        SCHEDULER + "dynamicresources/dynamicresources.go (Filter)",
        "cannot allocate all claims",
        "resourceclaim not available on the node",
        "resourceclaim not reserved",
        "resourceclaim in use",
        "unallocated immediate resourceclaim",
    ),
    *rows(
        ProblemKind.VOLUME_ATTACHED_ELSEWHERE,
        SCHEDULER + "volumerestrictions/volume_restrictions.go (ErrReasonReadWriteOncePodConflict)",
        "readwriteoncepod access mode already in-use",
        "node(s) had no available disk",
    ),
    *rows(
        ProblemKind.VOLUME_ELSEWHERE,
        SCHEDULER + "volumebinding/binder.go (ErrReasonNodeConflict), volumezone",
        "had volume node affinity conflict",
        "didn't match persistentvolume's node affinity",
        "had no available volume zone",
    ),
    *rows(
        ProblemKind.VOLUME_NOT_FOUND_FOR_CLAIM,
        SCHEDULER + "volumebinding/binder.go (ErrReasonBindConflict, ErrReasonNotEnoughSpace)",
        "didn't find available persistent volumes to bind",
        "did not have enough free storage",
    ),
    *rows(
        ProblemKind.VOLUME_LIMIT_ON_NODES,
        SCHEDULER + "nodevolumelimits (ErrReasonMaxVolumeCountExceeded)",
        "exceed max volume count",
    ),
    *rows(
        ProblemKind.HOST_PORT_TAKEN_EVERYWHERE,
        SCHEDULER + "nodeports/node_ports.go (ErrReason)",
        "didn't have free ports for the requested pod ports",
    ),
    *rows(
        ProblemKind.NODES_FULL_OF_PODS,
        SCHEDULER + "noderesources/fit.go (fitsRequest)",
        " too many pods",
    ),
    *rows(
        ProblemKind.NODES_LACK_RESOURCE,
        SCHEDULER + "noderesources/fit.go (fitsRequest)",
        " insufficient ",
    ),
    *rows(
        ProblemKind.POD_AFFINITY_UNMET,
        SCHEDULER + "interpodaffinity/filtering.go",
        "didn't match pod affinity rules",
        "didn't match pod anti-affinity rules",
        "didn't match pod affinity/anti-affinity",
        "didn't satisfy existing pods anti-affinity rules",
    ),
    *rows(
        ProblemKind.SPREAD_UNMET,
        SCHEDULER + "podtopologyspread/filtering.go (ErrReasonConstraintsNotMatch)",
        "didn't match pod topology spread constraints",
    ),
    *rows(
        ProblemKind.NODES_NOT_READY,
        "kubernetes staging/src/k8s.io/api/core/v1/well_known_taints.go",
        "taint {node.kubernetes.io/not-ready",
        "taint {node.kubernetes.io/unreachable",
        "taint {node.kubernetes.io/network-unavailable",
        "taint {node.cloudprovider.kubernetes.io/uninitialized",
    ),
    *rows(
        ProblemKind.NODES_UNDER_PRESSURE,
        "kubernetes staging/src/k8s.io/api/core/v1/well_known_taints.go",
        "taint {node.kubernetes.io/memory-pressure",
        "taint {node.kubernetes.io/disk-pressure",
        "taint {node.kubernetes.io/pid-pressure",
    ),
    *rows(
        ProblemKind.NODES_CORDONED,
        SCHEDULER + "nodeunschedulable/node_unschedulable.go (ErrReasonUnschedulable)",
        "were unschedulable",
        "taint {node.kubernetes.io/unschedulable",
    ),
    *rows(
        ProblemKind.NODES_TAINTED,
        SCHEDULER + "tainttoleration/taint_toleration.go (Filter)",
        "had untolerated taint",
        "had taint {",
        "had taints that the pod didn't tolerate",
    ),
    *rows(
        ProblemKind.NODES_LACK_FEATURE,
        SCHEDULER + "nodedeclaredfeatures/nodedeclaredfeatures.go (Filter)",
        "node declared features check failed",
    ),
    *rows(
        ProblemKind.NODES_NOT_MATCHED,
        SCHEDULER + "nodeaffinity/node_affinity.go (ErrReasonPod), nodename/node_name.go",
        "didn't match pod's node affinity/selector",
        "didn't match node selector",
        "didn't match scheduler-enforced node affinity",
        "didn't match the requested node name",
        "node affinity mismatch",
        "didn't satisfy plugin(s) [nodeaffinity]",
    ),
)
"""What the reasons mean that the scheduler gives for its nodes."""
