"""Rows about a Pod that ended as a whole, or that was never let run."""

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis import phrases
from pod_diagnoser.diagnosis.rules.row import (
    CauseRule,
    Predicate,
    reason_in,
)
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind


def _pod_has_reason(*names: str) -> Predicate:
    return reason_in(SymptomKind.POD, "the Pod failed with reason", names)


_ADMISSION_REASONS = frozenset(
    {
        "UnexpectedAdmissionError",
        "TopologyAffinityError",
        "Topology Affinity Error",
        "SMTAlignmentError",
        "NodeAffinity",
        "MatchNodeSelector",
        "NodeName",
        "HostName",
        "NodePorts",
        "PodFitsHostPorts",
        "TaintToleration",
        "PodToleratesNodeTaints",
        "InvalidNodeInfo",
        "PodOSNotSupported",
        "PodOSSelectorNodeLabelDoesNotMatch",
        "InitContainerRestartPolicyForbidden",
        "SupplementalGroupsPolicyNotSupported",
        "SysctlForbidden",
        "AppArmor",
        "NoNewPrivs",
        "ProcMount",
        "PodFeatureUnsupported",
        "VolumeAttachmentLimitExceeded",
        "UnknownReason",
        "UnexpectedPredicateFailureType",
    }
)
"""Reasons for which kubelets have refused Pods, those of old ones too."""


def _was_not_admitted(symptom: Symptom) -> bool:
    return (
        symptom.never_ran
        or symptom.reason in _ADMISSION_REASONS
        or symptom.reason.startswith("OutOf")
    )


POD_RULES: tuple[CauseRule, ...] = (
    CauseRule(
        Cause.NOT_ADMITTED,
        Predicate(
            "the Pod failed with a reason or message of the kubelet's admission (NodeAffinity, "
            "OutOf…, Pod was rejected …), or before any container was created",
            _was_not_admitted,
            ("reason", "never_ran"),
            SymptomKind.POD,
        ),
        phrases.refused,
        phrases.refusal_evidence,
        phrases.step_by_problem(
            "[compare what the Pod asks for with what its node has: ]{describe_node}"
        ),
        "pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/cm/admission/errors.go",
    ),
    CauseRule(
        Cause.EVICTED,
        _pod_has_reason("Evicted"),
        phrases.by_problem("{Subject} was evicted: ", "{Subject} was evicted[: {message}]"),
        "status.reason {reason}[ on {node}][: {message}]",
        phrases.step_by_problem(
            "[compare what the Pod used with its requests and limits: ]{describe_node}"
        ),
        "pkg/kubelet/eviction/eviction_manager.go",
    ),
    CauseRule(
        Cause.POD_DEADLINE_EXCEEDED,
        _pod_has_reason("DeadlineExceeded"),
        "{Subject} was stopped by the kubelet: it ran longer than its activeDeadlineSeconds[ "
        "({deadline})]",
        "status.reason {reason}[ {message}]",
        "raise activeDeadlineSeconds, or find out why the work takes longer",
        "pkg/kubelet/active_deadline.go",
    ),
    CauseRule(
        Cause.NODE_SHUTDOWN,
        _pod_has_reason("Terminated", "Shutdown", "NodeShutdown"),
        "{Subject} was stopped because {node} was shutting down",
        "status.reason {reason}[ {message}]",
        "[find out why the node was shut down: ]{describe_node}",
        "pkg/kubelet/nodeshutdown/nodeshutdown_manager.go",
    ),
    CauseRule(
        Cause.PREEMPTED,
        _pod_has_reason("Preempting"),
        "{Subject} was stopped by the kubelet of {node} to make room for a critical Pod",
        "status.reason {reason}[ {message}]",
        "[compare what the node has with what its critical Pods request: ]{describe_node}",
        "pkg/kubelet/preemption/preemption.go",
    ),
    CauseRule(
        Cause.NODE_LOST,
        _pod_has_reason("NodeLost"),
        "{Subject} is lost: {node} does not answer",
        "status.reason {reason}[ {message}]",
        "[find out what happened to the node: ]{describe_node}",
        "pkg/util/node/node.go",
    ),
    CauseRule(
        Cause.POD_FAILED,
        Predicate("the Pod failed with another reason", lambda _: True, ("kind",), SymptomKind.POD),
        "{Subject} failed as a whole with reason {reason}[: {message}]",
        "status.reason {reason}[ on {node}]",
        phrases.step_by_problem("[see its Events: ]{describe}"),
        "PodStatus.reason in core/v1/types.go",
    ),
)
