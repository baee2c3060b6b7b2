"""From a symptom to its cause: the table of causes.

`CAUSE_RULES` is one ordered table: the first row whose predicate holds names the cause and words
the three lines. The same crash always gives the same words, whichever moment of it is observed
first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis import phrases
from pod_diagnoser.diagnosis.evidence import EventFinding
from pod_diagnoser.diagnosis.phrases import Template, render
from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES, Statement
from pod_diagnoser.diagnosis.symptoms import SIGNAL_BASE, LastingCondition, Symptom, SymptomKind


@dataclass(frozen=True, slots=True)
class Predicate:
    """Which symptoms a row of the table of causes is about.

    Attributes:
        description: the predicate in words, for people.
        holds: whether it holds for a symptom.
        fields: the fields of a symptom that it rests on. Without one of them it does not hold.
        kind: the kind of symptom for which it may hold; None for any.
    """

    description: str
    holds: Callable[[Symptom], bool]
    fields: tuple[str, ...] = ()
    kind: SymptomKind | None = None


@dataclass(frozen=True, slots=True)
class CauseRule:
    """A row of the table of causes.

    The lines are templates (`statement`, `phrases.PLACEHOLDERS`), or functions that pick one where
    that depends on more than one fact.

    Attributes:
        cause: the cause.
        predicate: which symptoms the row is about, where no row above holds.
        diagnosis: what happened: only what is proved.
        evidence: what proves it, and what is not proved.
        next_step: one thing to do.
        source: where the fact comes from.
    """

    cause: Cause
    predicate: Predicate
    diagnosis: str | Template
    evidence: str | Template
    next_step: str | Template
    source: str


_KUBELET = "pkg/kubelet/kubelet_pods.go (convertStatusToAPIStatus)"
_MANAGER = "pkg/kubelet/kuberuntime/kuberuntime_manager.go (computePodActions)"
_IMAGES = "pkg/kubelet/images/types.go"
_CONTAINER = "pkg/kubelet/kuberuntime/kuberuntime_container.go"
_CRI = "containerd internal/cri/server/events.go, container_status.go"
_SHELL = "POSIX.1-2024, Shell Command Language, 2.8.2 Exit Status"
_SIGNALS = "signal(7); 128 + n is how shells, runc and the kubelet report signal n"

_LOGS_STEP = "[see its last output: ]{logs}"
_NOT_PROVED = "{exit}; not proved: the application may use this code itself[; {restart_rule}]"
_SIGNAL_EVIDENCE = (
    "exit code {exit_code} is 128 + signal {signal}; not proved: the application may use this code "
    "itself[; {restart_rule}]"
)

_NTSTATUS = "[MS-ERREF] 2.3.1 NTSTATUS Values"
_EXCEPTION = "Windows SEH exception code; dotnet/runtime corexcep.h, MSVC ehdata.h"

_MAX_EXIT_CODE = 255
_MAX_SIGNAL = 64


def _reason_in(kind: SymptomKind, words: str, names: tuple[str, ...]) -> Predicate:
    return Predicate(
        f"{words} {' or '.join(names)}",
        lambda symptom: symptom.reason in names,
        ("reason",),
        kind,
    )


def _has_reason(*names: str) -> Predicate:
    return _reason_in(SymptomKind.TERMINATED, "reason", names)


def _pod_has_reason(*names: str) -> Predicate:
    return _reason_in(SymptomKind.POD, "the Pod failed with reason", names)


def _waits_with_reason(*names: str) -> Predicate:
    return _reason_in(SymptomKind.WAITING, "waiting, reason", names)


def _has_exit_code(code: int) -> Predicate:
    return Predicate(
        f"exit code {code}",
        lambda symptom: symptom.exit_code == code,
        ("exit_code",),
        SymptomKind.TERMINATED,
    )


def _is_in_condition(condition: LastingCondition, description: str) -> Predicate:
    return Predicate(
        description,
        lambda symptom: symptom.reason == condition,
        ("reason",),
        SymptomKind.LASTING_CONDITION,
    )


def _has_finding(
    finding: EventFinding, description: str, kind: SymptomKind = SymptomKind.TERMINATED
) -> Predicate:
    return Predicate(
        description, lambda symptom: symptom.event_finding is finding, ("evidence",), kind
    )


_NOT_CREATED = _is_in_condition(
    LastingCondition.NOT_CREATED, "waiting, reason ContainerCreating or PodInitializing"
)


def _has_ambiguous_image(symptom: Symptom) -> bool:
    return (
        symptom.reason == "ImageInspectError"
        and symptom.problem is not None
        and symptom.problem.kind is ProblemKind.IMAGE_NAME_AMBIGUOUS
    )


def _all_of(one: Predicate, other: Predicate) -> Predicate:
    return Predicate(
        f"{one.description} and {other.description}",
        lambda symptom: one.holds(symptom) and other.holds(symptom),
        (*one.fields, *other.fields),
        one.kind,
    )


def _signal_rule(
    number: int, cause: Cause, name: str, meaning: str, next_step: str = _LOGS_STEP
) -> CauseRule:
    return CauseRule(
        cause,
        _has_exit_code(SIGNAL_BASE + number),
        f"{{Subject}} was killed by {name} (exit code {{exit_code}}): {meaning}",
        _SIGNAL_EVIDENCE,
        next_step,
        _SIGNALS,
    )


def _probe_rule(finding: EventFinding, cause: Cause, name: str, next_step: str) -> CauseRule:
    return CauseRule(
        cause,
        _has_finding(finding, f"an Event named Killing: failed {name} probe"),
        f"{{Subject}} was stopped by the kubelet: its {name} probe failed[: {{event_detail}}]",
        "Event {event}; {exit_clause}[ {run} after its start][; {child_out_of_memory}]"
        "[; {restart_rule}]",
        next_step,
        _MANAGER,
    )


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


def _windows_rule(
    status: int, cause: Cause, name: str, meaning: str, next_step: str | Template = _LOGS_STEP
) -> CauseRule:
    return CauseRule(
        cause,
        Predicate(
            f"exit code {status - 2**32} (0x{status:08X})",
            lambda symptom: symptom.windows_status == status,
            ("exit_code",),
            SymptomKind.TERMINATED,
        ),
        f"{{Subject}} ended with Windows status 0x{status:08X} ({name})[ after {{run}}]: {meaning}",
        f"exit code {{exit_code}} is {name}[; {{restart_rule}}][; {{unread_events}}]",
        next_step,
        _EXCEPTION if status >> 28 == 0xE else _NTSTATUS,  # noqa: PLR2004  # set by programs
    )


_WINDOWS_ERRORS = (0x8, 0xC, 0xD, 0xE)
"""How a status begins: a warning; an error, of a driver too; an exception that a program made."""


def _is_windows_error(symptom: Symptom) -> bool:
    """Whether an exit code is one of Windows' own: an error or a warning, or an exception.

    A program may leave with any number of 32 bits: -1 is no status.
    """
    status = symptom.windows_status
    return status is not None and status >> 28 in _WINDOWS_ERRORS


CAUSE_RULES: tuple[CauseRule, ...] = (
    # The Pod as a whole
    CauseRule(
        Cause.NOT_ADMITTED,
        Predicate(
            "the Pod failed with a reason or message of the kubelet's admission (NodeAffinity, "
            "OutOf…, Pod was rejected …), or before any container was created",
            _was_not_admitted,
            ("reason", "never_ran"),
            SymptomKind.POD,
        ),
        phrases.by_problem(
            "{Subject} was refused by {node} and never ran: ",
            "{Subject} was refused by {node} and never ran[: {message}]",
        ),
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
    # A container that is not started
    CauseRule(
        Cause.IMAGE_PULL_FAILED,
        _waits_with_reason("ImagePullBackOff"),
        phrases.cannot_be_pulled,
        "waiting with reason ImagePullBackOff[: {event_detail}][; {unread_events}]",
        phrases.step_by_problem("[see the registry's answer in its Events: ]{describe}"),
        _IMAGES,
    ),
    CauseRule(
        Cause.IMAGE_MISSING,
        _waits_with_reason("ErrImageNeverPull"),
        "{Subject} cannot start: {image} is not on the node, and imagePullPolicy is Never",
        "waiting with reason {reason}[ on {node}]",
        "set imagePullPolicy IfNotPresent, or load the image onto {node}",
        _IMAGES,
    ),
    CauseRule(
        Cause.INVALID_IMAGE_NAME,
        _waits_with_reason("InvalidImageName"),
        "{Subject} cannot start: {quoted_image} is not a valid image name",
        "waiting with reason {reason}[ {message}]",
        "correct the image's name: registry/repository:tag, in lower case",
        _IMAGES,
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
        _IMAGES,
    ),
    CauseRule(
        Cause.IMAGE_UNUSABLE,
        _waits_with_reason("ImageInspectError"),
        "{Subject} cannot start: the runtime cannot read {image}[: {message}]",
        "waiting with reason {reason}[ on {node}]",
        phrases.step_by_problem("look at the image with crictl inspecti on {node}"),
        _IMAGES,
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
        _CONTAINER,
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
        _CONTAINER,
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
        _CONTAINER,
    ),
    CauseRule(
        Cause.START_FAILED,
        _waits_with_reason("RunContainerError"),
        phrases.never_ran,
        phrases.waiting_evidence,
        phrases.step_by_problem(
            "follow the message; where it names nothing of the Pod, the runtime's log on {node}"
        ),
        _CONTAINER,
    ),
    CauseRule(
        Cause.POST_START_HOOK_FAILED,
        _waits_with_reason("PostStartHookError"),
        "{Subject} was stopped by the kubelet because its postStart hook failed",
        "waiting with reason {reason}[ {message}]",
        "[check what lifecycle.postStart runs, and what that needs: ]{logs}",
        _CONTAINER,
    ),
    CauseRule(
        Cause.CRASH_LOOP_BACK_OFF,
        _waits_with_reason("CrashLoopBackOff"),
        "{Subject} keeps ending, and the kubelet delays its next start",
        "waiting with reason {reason}; how it ended is no longer in the Pod's status",
        _LOGS_STEP,
        _CONTAINER,
    ),
    # A state that lasts
    CauseRule(
        Cause.UNSCHEDULABLE,
        _is_in_condition(
            LastingCondition.UNSCHEDULABLE,
            "condition PodScheduled is False, reason Unschedulable or SchedulerError",
        ),
        phrases.by_problem("{Subject} finds no node: ", "{Subject} finds no node[: {message}]"),
        "not scheduled[: {message}][, since {since}]",
        phrases.step_by_problem(
            "compare its requests, affinity, tolerations and volumes with what nodes have"
        ),
        "pkg/scheduler/schedule_one.go",
    ),
    CauseRule(
        Cause.VOLUME_NOT_MOUNTED,
        _all_of(
            _NOT_CREATED,
            _has_finding(
                EventFinding.MOUNT_FAILED,
                "an Event FailedMount, FailedAttachVolume or FailedMapVolume",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        phrases.volume_not_mounted,
        "Event {event}: {event_detail}[, since {since}]",
        phrases.step_by_problem("[look at the volume, its claim and its driver: ]{describe}"),
        "pkg/kubelet/events/event.go (FailedMountVolume, FailedAttachVolume, FailedMapVolume)",
    ),
    CauseRule(
        Cause.SANDBOX_NOT_CREATED,
        _all_of(
            _NOT_CREATED,
            _has_finding(
                EventFinding.SANDBOX_FAILED,
                "an Event FailedCreatePodSandBox or NetworkNotReady",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        phrases.sandbox_not_created,
        "Event {event}: {event_detail}[, since {since}]",
        phrases.step_by_problem(
            "[look at the network plug-in and the runtime of the node: ]{describe_node}"
        ),
        "pkg/kubelet/events/event.go (FailedCreatePodSandBox, NetworkNotReady)",
    ),
    CauseRule(
        Cause.DEVICES_NOT_PREPARED,
        _all_of(
            _NOT_CREATED,
            _has_finding(
                EventFinding.DEVICES_FAILED,
                "an Event FailedPrepareDynamicResources",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        phrases.by_problem(
            "{Subject} cannot start: ",
            "{Subject} cannot start: its devices could not be prepared[: {event_detail}]",
        ),
        "Event {event}[: {event_detail}][, since {since}]",
        phrases.step_by_problem(
            "[look at the driver of the Pod's resource claims on the node: ]{describe_node}"
        ),
        "pkg/kubelet/events/event.go (FailedPrepareDynamicResources)",
    ),
    CauseRule(
        Cause.IMAGE_PULL_SLOW,
        _all_of(
            _NOT_CREATED,
            _has_finding(
                EventFinding.PULLING,
                "an Event Pulling, and none of its end, for five minutes",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        "{Subject} cannot start yet: its node has been pulling {image}[ since {pull_since}]",
        "Event Pulling, and no Event says that this pull has ended",
        "[look at the size of the image, and at network and disk of the node: ]{describe_node}",
        "pkg/kubelet/images/image_manager.go",
    ),
    CauseRule(
        Cause.NOT_CREATED,
        _all_of(
            _NOT_CREATED,
            _has_finding(
                EventFinding.SETUP_FAILED,
                "an Event FailedCreatePodContainer or FailedSync",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        phrases.by_problem(
            "{Subject} cannot start: ",
            "{Subject} cannot start: the kubelet cannot set up the Pod[: {event_detail}]",
        ),
        "Event {event}[: {event_detail}][, since {since}]",
        phrases.step_by_problem(
            "[look at the kubelet and the runtime of the node: ]{describe_node}"
        ),
        "pkg/kubelet/events/event.go (FailedToCreatePodContainer)",
    ),
    CauseRule(
        Cause.NOT_CREATED,
        _is_in_condition(
            LastingCondition.NOT_CREATED,
            "waiting, reason ContainerCreating or PodInitializing, for two minutes",
        ),
        "{Subject} has not been created for minutes; the Pod's status does not say why",
        "it waits, and no init container runs[, since {since}][; {unread_events}]",
        "[see its Events (volumes, image, network): ]{describe}",
        "pkg/kubelet/kubelet_pods.go (ContainerCreating)",
    ),
    CauseRule(
        Cause.INIT_CONTAINER_RUN_AGAIN,
        _is_in_condition(
            LastingCondition.INIT_CONTAINER_RUNS_AGAIN,
            "an init container begins or runs, and a container of the Pod has run since before",
        ),
        "{Subject} had succeeded, and is begun again while the Pod's containers run on",
        "begun again at {since}; not proved: what was left of it on the node was removed",
        "find what removes ended containers on {node}, such as docker system prune or crictl rm",
        _MANAGER,
    ),
    CauseRule(
        Cause.NOT_PICKED_UP,
        _is_in_condition(
            LastingCondition.NOT_PICKED_UP,
            "condition PodScheduled is True, and no container has a status, for two minutes",
        ),
        "{Subject} was assigned to {node}, whose kubelet has not begun with it",
        "condition PodScheduled is True[ since {since}], and no container has a status",
        "[look at the node and its kubelet: ]{describe_node}",
        "pkg/kubelet/kubelet.go (syncLoop): the kubelet writes the first status",
    ),
    CauseRule(
        Cause.NOT_INITIALIZED,
        _is_in_condition(
            LastingCondition.NOT_INITIALIZED,
            "an init container runs for five minutes, and all others wait for it",
        ),
        "{Subject} has been running since {since}, and the Pod waits for it to end",
        "it is running; the Pod's own containers wait with reason PodInitializing",
        "[see what it waits for or works on: ]{logs}",
        "pkg/kubelet/kuberuntime/kuberuntime_container.go (computeInitContainerActions)",
    ),
    CauseRule(
        Cause.NOT_STARTED,
        _is_in_condition(
            LastingCondition.NOT_STARTED,
            "running for two minutes, and not started by its startup probe",
        ),
        "{Subject} has been running since {since}, but its startup probe has not succeeded yet",
        "started is false[; Event {event}][: {event_detail}][; {unread_events}]",
        "[see what it does at its start: ]{logs}",
        "pkg/kubelet/prober/prober_manager.go (UpdatePodStatus)",
    ),
    CauseRule(
        Cause.NOT_READY,
        _is_in_condition(
            LastingCondition.NOT_READY,
            "running and not ready for two minutes, with a readiness probe",
        ),
        phrases.not_ready,
        "condition Ready is False[ since {since}][; Event {event}]",
        "[see what the probe asks for, and what it gets: ]{describe}",
        "pkg/kubelet/prober/worker.go",
    ),
    CauseRule(
        Cause.READINESS_GATE_NOT_SET,
        _is_in_condition(
            LastingCondition.READINESS_GATE_NOT_SET,
            "condition Ready is False, reason ReadinessGatesNotReady, for two minutes",
        ),
        "{Subject} is not ready, though its containers are: readiness gate {names} is not True",
        "reason ReadinessGatesNotReady[ since {since}][; condition of the gate: {message}]",
        "look at the controller that sets this condition, for instance that of the load balancer",
        "pkg/kubelet/status/generate.go (GeneratePodReadyCondition)",
    ),
    CauseRule(
        Cause.NODE_NOT_READY,
        _is_in_condition(
            LastingCondition.NODE_NOT_READY,
            "condition Ready is False without a reason while ContainersReady is True",
        ),
        "{Subject} counts as not ready because {node} stopped reporting",
        "the node controller set Ready to False[ at {since}]; its containers may still run",
        "[look at the node and its kubelet: ]{describe_node}",
        "pkg/controller/nodelifecycle, pkg/controller/util/node (MarkPodsNotReady)",
    ),
    CauseRule(
        Cause.NOT_COMPLETED,
        _is_in_condition(
            LastingCondition.NOT_COMPLETED,
            "containers that are done (exit code 0, not started again) and one that runs on, for "
            "five minutes",
        ),
        "{Subject} still runs and keeps the Pod from completing; {names} completed at {since}",
        "{names} ended with exit code 0 and will not be started again; {subject} is running",
        "make it a sidecar (init container with restartPolicy Always), or end it after the work",
        "pkg/kubelet/kubelet_pods.go (getPhase); KEP-753",
    ),
    CauseRule(
        Cause.NOT_DELETED,
        _is_in_condition(
            LastingCondition.NOT_DELETED,
            "deletionTimestamp, the end of the grace period, was two minutes ago",
        ),
        phrases.not_deleted,
        "its grace period ended at {since}[; Event {event}][: {event_detail}][; {unread_events}]",
        phrases.not_deleted_step,
        "ObjectMeta in apimachinery/pkg/apis/meta/v1/types.go",
    ),
    # A container that ended
    CauseRule(
        Cause.NODE_OUT_OF_MEMORY,
        _has_finding(
            EventFinding.NODE_OUT_OF_MEMORY,
            "an Event SystemOOM or OOMKilling of its node at its end",
        ),
        "{Subject} was killed when {node} ran out of memory[: {event_detail}]",
        "Event {event} of the node; {exit}[ after {run}]; not proved: that it was this process",
        "[compare the memory requests of the node's Pods with what they use: ]{describe_node}",
        "pkg/kubelet/oom/oom_watcher_linux.go; node-problem-detector config/kernel-monitor.json",
    ),
    CauseRule(
        Cause.NODE_REBOOTED,
        _has_finding(EventFinding.NODE_REBOOTED, "an Event Rebooted of its node at its end"),
        "{Subject} ended when {node} was rebooted",
        "Event {event} of the node; {exit}[ after {run}]",
        "[find out why the node was rebooted: ]{describe_node}",
        "pkg/kubelet/nodestatus/setters.go",
    ),
    CauseRule(
        Cause.RESTARTED_WITH_ALL,
        _has_reason("RestartingAllContainers"),
        "{Subject} was restarted with all containers of the Pod because of a restart rule",
        "reason {reason}; exit code {exit_code} is only a placeholder",
        "[look at the container whose exit the rule names: ]{describe}",
        "KEP-5532",
    ),
    CauseRule(
        Cause.CONTAINER_STATUS_UNKNOWN,
        _has_reason("ContainerStatusUnknown"),
        "{Subject} was lost by the kubelet: how it ended is not known",
        "reason {reason}; exit code {exit_code} is only a placeholder[; on its node: {hint}]",
        "[find out what happened to the node, its kubelet and runtime: ]{describe_node}",
        _KUBELET,
    ),
    CauseRule(
        Cause.EXIT_STATUS_LOST,
        _all_of(_has_reason("Unknown"), _has_exit_code(_MAX_EXIT_CODE)),
        "{Subject} was lost by the container runtime: how it ended is not known",
        "reason Unknown; exit code 255 and the time of its end are only placeholders[; {hint}]",
        "[look for a restart or loss of power of the node or its runtime: ]{describe_node}",
        _CRI,
    ),
    CauseRule(
        Cause.OUT_OF_MEMORY,
        _all_of(_has_reason("OOMKilled"), _has_exit_code(SIGNAL_BASE + 9)),
        phrases.out_of_memory,
        "{exit}[ after {run}][; {restart_rule}]",
        phrases.out_of_memory_step,
        _CRI,
    ),
    CauseRule(
        Cause.START_FAILED,
        _has_reason("StartError", "ContainerCannotRun"),
        phrases.never_ran,
        phrases.never_ran_evidence,
        phrases.step_by_problem(
            "follow the message; where it names nothing of the Pod, the runtime's log on {node}"
        ),
        _CRI,
    ),
    _probe_rule(
        EventFinding.LIVENESS_PROBE,
        Cause.LIVENESS_PROBE_FAILED,
        "liveness",
        "[find out why the probe fails: ]{logs}",
    ),
    _probe_rule(
        EventFinding.STARTUP_PROBE,
        Cause.STARTUP_PROBE_FAILED,
        "startup",
        "[find out what it waits for, or raise the probe's failureThreshold: ]{logs}",
    ),
    CauseRule(
        Cause.POST_START_HOOK_FAILED,
        _has_finding(
            EventFinding.POST_START_HOOK, "PostStartHookError, or an Event FailedPostStartHook"
        ),
        "{Subject} was stopped by the kubelet because its postStart hook failed[: {event_detail}]",
        phrases.post_start_hook_evidence,
        "[check what lifecycle.postStart runs, and what that needs: ]{logs}",
        _CONTAINER,
    ),
    CauseRule(
        Cause.RESTARTED_FOR_RESIZE,
        _has_finding(EventFinding.RESIZED, "an Event named Killing: resize requires restart"),
        "{Subject} was restarted on purpose, for a resize of its resources",
        "Event {event}; {exit_clause}",
        "nothing; resizePolicy NotRequired avoids the restart",
        "KEP-1287; " + _MANAGER,
    ),
    CauseRule(
        Cause.DEFINITION_CHANGED,
        _has_finding(EventFinding.DEFINITION_CHANGED, "an Event named Killing: definition changed"),
        "{Subject} was restarted on purpose: its image was changed in place",
        "Event {event}; {exit_clause}",
        "nothing, if that change was meant",
        _MANAGER,
    ),
    CauseRule(
        Cause.SANDBOX_CHANGED,
        _has_finding(EventFinding.SANDBOX_CHANGED, "an Event SandboxChanged"),
        "{Subject} was stopped because the Pod's sandbox was lost and created again",
        "Event {event}; {exit_clause}",
        "[look for a restart of the node, its runtime or its network plug-in: ]{describe_node}",
        _MANAGER,
    ),
    CauseRule(
        Cause.STOPPED_BY_KUBELET,
        _has_finding(EventFinding.STOPPED, "an Event named Killing that gives no reason"),
        "{Subject} was stopped by the kubelet, which does not say why",
        "Event {event}; {exit_clause}",
        "[look at the Pod's other Events: ]{describe}",
        _CONTAINER,
    ),
    CauseRule(
        Cause.NOT_EXECUTABLE,
        _has_finding(EventFinding.EXEC_FORMAT, "its log is one line: exec … exec format error"),
        phrases.by_problem(
            "{Subject} could not be executed: ",
            "{Subject} could not be executed[: {event_detail}]",
        ),
        "its whole log: {event_detail}; {exit}",
        phrases.step_by_problem("build {image} for the processor of {node}"),
        "runc libcontainer/standard_init_linux.go; execve(2)",
    ),
    CauseRule(
        Cause.NODE_SHUTDOWN,
        _has_finding(
            EventFinding.NODE_SHUTDOWN,
            "the Pod runs again, and its status.reason is still that of a shutdown of its node",
        ),
        "{Subject} was stopped when {node} was shut down, and was started again with it",
        "status.reason of a node shutdown; {exit_clause}; not proved: that it ended in it",
        "[find out why the node was shut down: ]{describe_node}",
        "pkg/kubelet/nodeshutdown/nodeshutdown_manager.go",
    ),
    CauseRule(
        Cause.CHILD_OUT_OF_MEMORY,
        _has_reason("OOMKilled"),
        "{Subject} lost a child process to an out-of-memory kill, and ended with {exit_code}",
        "{exit}, not 137: the main process was not killed[; limit {limit}][; {restart_rule}]",
        "[see which process used up the memory: ]{logs}",
        _CRI,
    ),
    CauseRule(
        Cause.DEADLINE_EXCEEDED,
        _has_reason("DeadlineExceeded"),
        "{Subject} was stopped because it ran longer than allowed",
        "{exit}[ after {run}]",
        "raise activeDeadlineSeconds, or find out why the work takes longer",
        "pkg/kubelet/active_deadline.go",
    ),
    CauseRule(
        Cause.INIT_CONTAINER_RUN_AGAIN,
        _all_of(
            _has_exit_code(0),
            Predicate(
                "an init container that was run again while a container of the Pod ran",
                lambda symptom: symptom.ran_on,
                ("ran_on",),
                SymptomKind.TERMINATED,
            ),
        ),
        "{Subject} had succeeded, and was run again while the Pod's containers ran on",
        "{exit}; possible: a clean-up removed the ended container from the node",
        "find what removes ended containers on {node}, such as docker system prune or crictl rm",
        _MANAGER,
    ),
    CauseRule(
        Cause.COMPLETED,
        _has_exit_code(0),
        phrases.completed,
        phrases.completed_evidence,
        phrases.completed_step,
        _KUBELET,
    ),
    CauseRule(
        Cause.CONTAINER_TOOL_ERROR,
        _has_exit_code(125),
        "{Subject} exited with code 125, with which docker and podman report their own errors",
        _NOT_PROVED,
        _LOGS_STEP,
        "docker run and podman run reference, Exit status",
    ),
    CauseRule(
        Cause.NOT_EXECUTABLE,
        _has_exit_code(126),
        "{Subject} exited with code 126: a shell found the command but could not execute it",
        _NOT_PROVED,
        "[see which file it was, and check its mode, #! line and architecture: ]{logs}",
        _SHELL,
    ),
    CauseRule(
        Cause.COMMAND_NOT_FOUND,
        _has_exit_code(127),
        "{Subject} exited with code 127: a shell did not find the command",
        _NOT_PROVED,
        "[see which command it was, and check that the image has it: ]{logs}",
        _SHELL,
    ),
    _signal_rule(1, Cause.HUNG_UP, "SIGHUP", "its terminal or parent process went away"),
    _signal_rule(2, Cause.INTERRUPTED, "SIGINT", "somebody or something interrupted it"),
    _signal_rule(3, Cause.QUIT, "SIGQUIT", "it was asked to quit, often with a dump"),
    _signal_rule(
        4,
        Cause.ILLEGAL_INSTRUCTION,
        "SIGILL",
        "it used an instruction that the processor lacks",
        "[compare the processor that the image was built for with the node's: ]{describe_node}",
    ),
    _signal_rule(5, Cause.TRACE_TRAP, "SIGTRAP", "a trap or a failed check inside it"),
    _signal_rule(
        6,
        Cause.ABORTED,
        "SIGABRT",
        "it aborted itself, as after a failed assertion",
    ),
    _signal_rule(
        7,
        Cause.BUS_ERROR,
        "SIGBUS",
        "a mapped file or device could not be read",
        "[check for full or truncated memory-mapped files, /dev/shm too: ]{logs}",
    ),
    _signal_rule(
        8,
        Cause.ARITHMETIC_ERROR,
        "SIGFPE",
        "an arithmetic error such as a division by 0",
    ),
    CauseRule(
        Cause.KILLED,
        _has_exit_code(SIGNAL_BASE + 9),
        "{Subject} was killed by SIGKILL (exit code 137)[ after {run}]",
        phrases.killed_evidence,
        phrases.killed_step,
        _SIGNALS,
    ),
    _signal_rule(
        11,
        Cause.SEGMENTATION_FAULT,
        "SIGSEGV",
        "it used memory that is not its own",
        "[look for a core dump or a native stack trace: ]{logs}",
    ),
    _signal_rule(
        13,
        Cause.BROKEN_PIPE,
        "SIGPIPE",
        "it wrote to a pipe or socket without a reader",
    ),
    CauseRule(
        Cause.TERMINATED,
        _has_exit_code(SIGNAL_BASE + 15),
        "{Subject} was asked to stop by SIGTERM (exit code 143)[ after {run}]",
        phrases.terminated_evidence,
        phrases.terminated_step,
        _SIGNALS,
    ),
    CauseRule(
        Cause.SIGNALED,
        Predicate(
            f"another exit code from {SIGNAL_BASE + 1} to {SIGNAL_BASE + _MAX_SIGNAL}",
            lambda symptom: (
                symptom.exit_code is not None
                and SIGNAL_BASE < symptom.exit_code <= SIGNAL_BASE + _MAX_SIGNAL
            ),
            ("exit_code",),
        ),
        "{Subject} was killed by signal {signal} (exit code {exit_code})[ after {run}]",
        _SIGNAL_EVIDENCE,
        _LOGS_STEP,
        _SIGNALS,
    ),
    _windows_rule(
        0xC000013A,
        Cause.TERMINATED,
        "STATUS_CONTROL_C_EXIT",
        "it was stopped from outside",
        phrases.terminated_step,
    ),
    _windows_rule(
        0xC0000005,
        Cause.SEGMENTATION_FAULT,
        "STATUS_ACCESS_VIOLATION",
        "it used memory that is not its own",
    ),
    _windows_rule(
        0xC00000FD, Cause.SEGMENTATION_FAULT, "STATUS_STACK_OVERFLOW", "its stack was used up"
    ),
    _windows_rule(
        0xC0000135,
        Cause.NOT_EXECUTABLE,
        "STATUS_DLL_NOT_FOUND",
        "a DLL is missing",
        "add the DLL to the image, or use a base image that has it (servercore, not nanoserver)",
    ),
    _windows_rule(
        0xC0000139,
        Cause.NOT_EXECUTABLE,
        "STATUS_ENTRYPOINT_NOT_FOUND",
        "a DLL lacks a function",
        "compare the versions of program and DLLs in the image",
    ),
    _windows_rule(
        0xC0000142,
        Cause.NOT_EXECUTABLE,
        "STATUS_DLL_INIT_FAILED",
        "a DLL failed at its start",
        "look at memory and desktop heap of {node}, and at what the DLL needs: {logs}",
    ),
    _windows_rule(
        0xC000007B,
        Cause.NOT_EXECUTABLE,
        "STATUS_INVALID_IMAGE_FORMAT",
        "32 and 64 bit mixed, or a damaged file",
        "compare the architecture of program and DLLs in the image",
    ),
    _windows_rule(0xC0000374, Cause.ABORTED, "STATUS_HEAP_CORRUPTION", "its heap is damaged"),
    _windows_rule(
        0xC0000409,
        Cause.ABORTED,
        "STATUS_STACK_BUFFER_OVERRUN",
        "it aborted itself (fail fast)",
    ),
    _windows_rule(
        0xC000001D,
        Cause.ILLEGAL_INSTRUCTION,
        "STATUS_ILLEGAL_INSTRUCTION",
        "an instruction that the processor lacks",
    ),
    _windows_rule(
        0xC0000094,
        Cause.ARITHMETIC_ERROR,
        "STATUS_INTEGER_DIVIDE_BY_ZERO",
        "a division by 0",
    ),
    _windows_rule(0x80000003, Cause.TRACE_TRAP, "STATUS_BREAKPOINT", "a failed check inside it"),
    _windows_rule(0xE0434352, Cause.ABORTED, "a .NET exception", "an exception was not caught"),
    _windows_rule(0xE06D7363, Cause.ABORTED, "a C++ exception", "an exception was not caught"),
    CauseRule(
        Cause.WINDOWS_ERROR,
        Predicate(
            "another exit code that is a status of Windows: 0x8… or 0xC… to 0xE…",
            _is_windows_error,
            ("exit_code",),
            SymptomKind.TERMINATED,
        ),
        "{Subject} ended with Windows status {windows_status}[ after {run}]",
        "exit code {exit_code}; not proved: the application may use it itself[; {restart_rule}]",
        _LOGS_STEP,
        _NTSTATUS,
    ),
    CauseRule(
        Cause.APPLICATION_ERROR,
        _has_exit_code(_MAX_EXIT_CODE),
        "{Subject} failed with exit code 255[ after {run}]",
        phrases.exit_255_evidence,
        _LOGS_STEP,
        "exit(3): the status is taken modulo 256",
    ),
    CauseRule(
        Cause.APPLICATION_ERROR,
        Predicate(
            "any other exit code", lambda symptom: symptom.exit_code is not None, ("exit_code",)
        ),
        "{Subject} failed with exit code {exit_code}[ after {run}]",
        phrases.exit_code_evidence,
        _LOGS_STEP,
        "exit(3)",
    ),
    CauseRule(
        Cause.UNRECOGNIZED,
        Predicate("no exit code", lambda _: True),
        "{Subject} ended, and the Pod's status does not say how",
        "it has no exit code[; reason {reason}]",
        _LOGS_STEP,
        "ContainerStateTerminated in core/v1/types.go requires exitCode",
    ),
)
"""The table of causes, in the order in which the rows are tried. The last one always holds."""


def _candidates(
    kind: SymptomKind, *, with_finding: bool
) -> tuple[tuple[Callable[[Symptom], bool], CauseRule], ...]:
    return tuple(
        (rule.predicate.holds, rule)
        for rule in CAUSE_RULES
        if rule.predicate.kind in (None, kind)
        and (with_finding or "evidence" not in rule.predicate.fields)
    )


_CANDIDATES = {
    kind: (_candidates(kind, with_finding=False), _candidates(kind, with_finding=True))
    for kind in SymptomKind
}
"""The rows that may hold for a symptom at all, without and with an event finding, so that not all
are tried for each one."""


def rule_for(symptom: Symptom) -> CauseRule:
    """Return the first row of `CAUSE_RULES` that is about such a symptom and holds for it."""
    for holds, rule in _CANDIDATES[symptom.kind][symptom.event_finding is not None]:
        if holds(symptom):
            return rule
    return CAUSE_RULES[-1]


def state(rule: CauseRule, symptom: Symptom, evidence_limit: int = MAX_LINE_BYTES) -> Statement:
    """Word what a row says about a symptom.

    Args:
        rule: the row.
        symptom: the symptom that it is about.
        evidence_limit: the most bytes of the line of evidence, where more has to follow it.
    """
    return Statement(
        render(rule.diagnosis, symptom),
        render(rule.evidence, symptom, evidence_limit),
        render(rule.next_step, symptom),
    )
