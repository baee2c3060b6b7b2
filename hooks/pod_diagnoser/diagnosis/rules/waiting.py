"""Rows about a container that is not started, since that fails."""

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis import phrases
from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.rules.row import (
    KUBELET_CONTAINER,
    KUBELET_IMAGES,
    LOGS_STEP,
    CauseRule,
    Predicate,
    reason_in,
)
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind


def _waits_with_reason(*names: str) -> Predicate:
    return reason_in(SymptomKind.WAITING, "waiting, reason", names)


def _has_ambiguous_image(symptom: Symptom) -> bool:
    return (
        symptom.reason == "ImageInspectError"
        and symptom.problem is not None
        and symptom.problem.kind is ProblemKind.IMAGE_NAME_AMBIGUOUS
    )


WAITING_RULES: tuple[CauseRule, ...] = (
    CauseRule(
        Cause.IMAGE_PULL_FAILED,
        _waits_with_reason("ImagePullBackOff"),
        phrases.cannot_be_pulled,
        "waiting with reason ImagePullBackOff[: {event_detail}][; {unread_events}]",
        phrases.step_by_problem("[see the registry's answer in its Events: ]{describe}"),
        KUBELET_IMAGES,
    ),
    CauseRule(
        Cause.IMAGE_MISSING,
        _waits_with_reason("ErrImageNeverPull"),
        "{Subject} cannot start: {image} is not on the node, and imagePullPolicy is Never",
        "waiting with reason {reason}[ on {node}]",
        "set imagePullPolicy IfNotPresent, or load the image onto {node}",
        KUBELET_IMAGES,
    ),
    CauseRule(
        Cause.INVALID_IMAGE_NAME,
        _waits_with_reason("InvalidImageName"),
        "{Subject} cannot start: {quoted_image} is not a valid image name",
        "waiting with reason {reason}[ {message}]",
        "correct the image's name: registry/repository:tag, in lower case",
        KUBELET_IMAGES,
    ),
    CauseRule(
        Cause.INVALID_IMAGE_NAME,
        Predicate(
            "waiting, reason ImageInspectError, and the message says that the name is ambiguous",
            _has_ambiguous_image,
            ("reason", "problem"),
            SymptomKind.WAITING,
        ),
        "{Subject} cannot start: {quoted_image} may stand for images of several registries",
        "waiting with reason {reason}[: {message}]",
        phrases.step_by_problem("write the whole name of the image, with its registry"),
        "github.com/containers/image pkg/shortnames",
    ),
    CauseRule(
        Cause.IMAGE_UNUSABLE,
        _waits_with_reason("SignatureValidationFailed"),
        "{Subject} cannot start: the signature of {image} was rejected",
        "waiting with reason {reason}[: {event_detail}]",
        phrases.step_by_problem(
            "look at the image's signature and at the runtime's policy on {node}"
        ),
        KUBELET_IMAGES,
    ),
    CauseRule(
        Cause.IMAGE_UNUSABLE,
        _waits_with_reason("ImageInspectError"),
        "{Subject} cannot start: the runtime cannot read {image}[: {message}]",
        "waiting with reason {reason}[ on {node}]",
        phrases.step_by_problem("look at the image with crictl inspecti on {node}"),
        KUBELET_IMAGES,
    ),
    CauseRule(
        Cause.CONFIGURATION_ERROR,
        _waits_with_reason("CreateContainerConfigError"),
        phrases.by_problem(
            "{Subject} cannot start: ",
            "{Subject} cannot start: what it refers to is missing or wrong[: {message}]",
        ),
        phrases.waiting_evidence,
        phrases.step_by_problem(
            "create or correct what the message names: ConfigMap, Secret, key, user or path"
        ),
        KUBELET_CONTAINER,
    ),
    CauseRule(
        Cause.CREATION_FAILED,
        _waits_with_reason(
            "CreateContainerError", "PreCreateHookError", "ImageVolumeMountFailed", "RROUnsupported"
        ),
        phrases.cannot_be_created,
        phrases.waiting_evidence,
        phrases.step_by_problem(
            "follow the message; where it names nothing of the Pod, the runtime's log on {node}"
        ),
        KUBELET_CONTAINER,
    ),
    CauseRule(
        Cause.START_FAILED,
        _waits_with_reason("PreStartHookError"),
        phrases.by_problem(
            "{Subject} never ran: ",
            "{Subject} never ran: the kubelet could not prepare its start[: {message}]",
        ),
        phrases.waiting_evidence,
        phrases.step_by_problem(
            "[look at the CPUs, memory and devices that the node manages: ]{describe_node}"
        ),
        KUBELET_CONTAINER,
    ),
    CauseRule(
        Cause.START_FAILED,
        _waits_with_reason("RunContainerError"),
        phrases.never_ran,
        phrases.waiting_evidence,
        phrases.step_by_problem(
            "follow the message; where it names nothing of the Pod, the runtime's log on {node}"
        ),
        KUBELET_CONTAINER,
    ),
    CauseRule(
        Cause.POST_START_HOOK_FAILED,
        _waits_with_reason("PostStartHookError"),
        "{Subject} was stopped by the kubelet because its postStart hook failed",
        "waiting with reason {reason}[ {message}]",
        "[check what lifecycle.postStart runs, and what that needs: ]{logs}",
        KUBELET_CONTAINER,
    ),
    CauseRule(
        Cause.CRASH_LOOP_BACK_OFF,
        _waits_with_reason("CrashLoopBackOff"),
        "{Subject} keeps ending, and the kubelet delays its next start",
        "waiting with reason {reason}; how it ended is no longer in the Pod's status",
        LOGS_STEP,
        KUBELET_CONTAINER,
    ),
)
