"""From a symptom to its cause: the table of causes.

`CAUSE_RULES` is one ordered table: the first row whose predicate holds names the cause and words
the sentence. The same crash always gives the same words, whichever moment of it is observed first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis import phrases
from pod_diagnoser.diagnosis.evidence import EventFinding
from pod_diagnoser.diagnosis.phrases import Phrase, render
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

    `meaning` and `next_step` are templates (`phrases.PLACEHOLDERS`), or functions where the words
    depend on more than one fact.

    Attributes:
        cause: the cause.
        predicate: which symptoms the row is about, where no row above holds.
        meaning: one clause that says what is proved.
        next_step: where to look, or what to do, next.
        source: where the fact comes from.
    """

    cause: Cause
    predicate: Predicate
    meaning: str | Phrase
    next_step: str | Phrase
    source: str


_KUBELET = "pkg/kubelet/kubelet_pods.go (convertStatusToAPIStatus)"
_MANAGER = "pkg/kubelet/kuberuntime/kuberuntime_manager.go (computePodActions)"
_IMAGES = "pkg/kubelet/images/types.go"
_CONTAINER = "pkg/kubelet/kuberuntime/kuberuntime_container.go"
_CRI = "containerd internal/cri/server/events.go, container_status.go"
_SHELL = "POSIX.1-2024, Shell Command Language, 2.8.2 Exit Status"
_SIGNALS = "signal(7); 128 + n is how shells, runc and the kubelet report signal n"

_MAX_EXIT_CODE = 255
_MAX_SIGNAL = 64


def _reason_in(kind: SymptomKind, words: str, names: tuple[str, ...]) -> Predicate:
    return Predicate(
        " or ".join(f"{words} {name}" for name in names),
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


def _all_of(one: Predicate, other: Predicate) -> Predicate:
    return Predicate(
        f"{one.description} and {other.description}",
        lambda symptom: one.holds(symptom) and other.holds(symptom),
        (*one.fields, *other.fields),
        one.kind,
    )


def _signal_rule(
    number: int, cause: Cause, name: str, meaning: str, next_step: str = "{logs_step}"
) -> CauseRule:
    return CauseRule(
        cause,
        _has_exit_code(SIGNAL_BASE + number),
        f"{{Subject}} was killed by {name} (exit code {{exit_code}}; {meaning}), "
        "unless the application itself chose that code",
        next_step,
        _SIGNALS,
    )


def _probe_rule(finding: EventFinding, cause: Cause, name: str, next_step: str) -> CauseRule:
    return CauseRule(
        cause,
        _has_finding(finding, f"an Event named Killing: failed {name} probe"),
        f"{{Subject}} was stopped by the kubelet, since its {name} probe failed{{probe_output}}, "
        "according to its Events; {exit_clause}",
        next_step + "; {logs_step}",
        _MANAGER,
    )


def _was_not_admitted(symptom: Symptom) -> bool:
    return (
        symptom.reason == "UnexpectedAdmissionError"
        or symptom.reason.startswith("OutOf")
        or symptom.message.startswith("Pod was rejected")
    )


CAUSE_RULES: tuple[CauseRule, ...] = (
    # The Pod as a whole
    CauseRule(
        Cause.NOT_ADMITTED,
        Predicate(
            "the Pod failed with reason OutOf… or UnexpectedAdmissionError, or with a message that "
            "begins with Pod was rejected",
            _was_not_admitted,
            ("reason", "message"),
            SymptomKind.POD,
        ),
        "{Subject} was not admitted by the kubelet: {reason}{message}",
        "compare what the Pod asks for with what {node} has; a controller makes a new Pod",
        "pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/cm/admission/errors.go",
    ),
    CauseRule(
        Cause.EVICTED,
        _pod_has_reason("Evicted"),
        "{Subject} was evicted by the kubelet{message}",
        "compare what the Pod used with its requests and limits, and look at the conditions "
        "of {node}",
        "pkg/kubelet/eviction/eviction_manager.go",
    ),
    CauseRule(
        Cause.POD_DEADLINE_EXCEEDED,
        _pod_has_reason("DeadlineExceeded"),
        "{Subject} was stopped by the kubelet, since it ran longer than its "
        "activeDeadlineSeconds{deadline}",
        "compare activeDeadlineSeconds with how long the work takes",
        "pkg/kubelet/active_deadline.go",
    ),
    CauseRule(
        Cause.NODE_SHUTDOWN,
        _pod_has_reason("Terminated", "Shutdown", "NodeShutdown"),
        "{Subject} was ended, since {node} was shut down{message}",
        "a planned shutdown drains the node first; look at why {node} went down",
        "pkg/kubelet/nodeshutdown/nodeshutdown_manager.go",
    ),
    CauseRule(
        Cause.PREEMPTED,
        _pod_has_reason("Preempting"),
        "{Subject} was ended by the kubelet to make room for a critical Pod",
        "compare what {node} has with what its critical Pods request",
        "pkg/kubelet/preemption/preemption.go",
    ),
    CauseRule(
        Cause.NODE_LOST,
        _pod_has_reason("NodeLost"),
        "{Subject} is lost: {node} does not answer",
        "look at what happened to {node} (kubectl describe node)",
        "pkg/util/node/node.go",
    ),
    CauseRule(
        Cause.POD_FAILED,
        Predicate("the Pod failed with another reason", lambda _: True, ("kind",), SymptomKind.POD),
        "{Subject} was ended as a whole: {reason}{message}",
        "look at its Events: kubectl describe pod -n {namespace} {pod}",
        "PodStatus.reason in core/v1/types.go",
    ),
    # A container that is not started
    CauseRule(
        Cause.IMAGE_PULL_FAILED,
        _waits_with_reason("ImagePullBackOff"),
        "{Subject} cannot start: its image{image} could not be pulled",
        "kubectl describe pod -n {namespace} {pod} shows the registry's answer: check the image's "
        "name and tag, imagePullSecrets and the way to the registry",
        _IMAGES,
    ),
    CauseRule(
        Cause.IMAGE_MISSING,
        _waits_with_reason("ErrImageNeverPull"),
        "{Subject} cannot start: its image{image} is not on {node}, and its imagePullPolicy "
        "Never keeps it from being pulled",
        "load the image onto {node}, or let it be pulled (IfNotPresent)",
        _IMAGES,
    ),
    CauseRule(
        Cause.INVALID_IMAGE_NAME,
        _waits_with_reason("InvalidImageName"),
        "{Subject} cannot start: {quoted_image} is not a valid image name",
        "correct the image's name: registry/repository:tag, in lower case",
        _IMAGES,
    ),
    CauseRule(
        Cause.IMAGE_UNUSABLE,
        _waits_with_reason("ImageInspectError", "SignatureValidationFailed"),
        "{Subject} cannot start: its image{image} was refused, {reason}{message}",
        "look at the image on {node}, at its signature and at the runtime's policy",
        _IMAGES,
    ),
    CauseRule(
        Cause.CONFIGURATION_ERROR,
        _waits_with_reason("CreateContainerConfigError"),
        "{Subject} cannot start: what it refers to is missing or wrong{message}",
        "create or correct the ConfigMap, Secret, user or path that it names",
        _CONTAINER,
    ),
    CauseRule(
        Cause.CREATION_FAILED,
        _waits_with_reason(
            "CreateContainerError", "PreCreateHookError", "ImageVolumeMountFailed", "RROUnsupported"
        ),
        "{Subject} cannot start: it could not be created{message}",
        "check command, mounts and security context, and the runtime of {node}",
        _CONTAINER,
    ),
    CauseRule(
        Cause.START_FAILED,
        _waits_with_reason("PreStartHookError"),
        "{Subject} never ran: the kubelet could not prepare its start{message}",
        "look at the resources that {node} manages: CPUs, memory, devices",
        _CONTAINER,
    ),
    CauseRule(
        Cause.START_FAILED,
        _waits_with_reason("RunContainerError"),
        "{Subject} never ran: the container runtime could not start it{message}",
        "check command, mounts and security context",
        _CONTAINER,
    ),
    CauseRule(
        Cause.POST_START_HOOK_FAILED,
        _waits_with_reason("PostStartHookError"),
        "{Subject} was killed by the kubelet, since its postStart hook failed",
        "check the hook's command and what it needs; {logs_step}",
        _CONTAINER,
    ),
    CauseRule(
        Cause.CRASH_LOOP_BACK_OFF,
        _waits_with_reason("CrashLoopBackOff"),
        "{Subject} ended again and again, and the kubelet waits before it starts it again; "
        "how it ended is not in the Pod's status any more",
        "{logs_step}",
        _CONTAINER,
    ),
    # A state that lasts
    CauseRule(
        Cause.UNSCHEDULABLE,
        _is_in_condition(
            LastingCondition.UNSCHEDULABLE, "condition PodScheduled is False, reason Unschedulable"
        ),
        "{Subject} finds no node{message}",
        "compare its requests, affinity, tolerations and volumes with what nodes have",
        "pkg/scheduler/schedule_one.go",
    ),
    CauseRule(
        Cause.VOLUME_NOT_MOUNTED,
        _all_of(
            _is_in_condition(LastingCondition.NOT_CREATED, "waiting, reason ContainerCreating"),
            _has_finding(
                EventFinding.MOUNT_FAILED, "an Event FailedMount", SymptomKind.LASTING_CONDITION
            ),
        ),
        "{Subject} is not created: a volume could not be mounted{kubelet_report}",
        "create or correct what the volume refers to",
        "pkg/kubelet/events/event.go (FailedMountVolume)",
    ),
    CauseRule(
        Cause.SANDBOX_NOT_CREATED,
        _all_of(
            _is_in_condition(LastingCondition.NOT_CREATED, "waiting, reason ContainerCreating"),
            _has_finding(
                EventFinding.SANDBOX_FAILED,
                "an Event FailedCreatePodSandBox",
                SymptomKind.LASTING_CONDITION,
            ),
        ),
        "{Subject} is not created: the Pod's sandbox could not be{kubelet_report}",
        "look at the network plugin and the runtime of {node}",
        "pkg/kubelet/events/event.go (FailedCreatePodSandBox)",
    ),
    CauseRule(
        Cause.NOT_CREATED,
        _is_in_condition(
            LastingCondition.NOT_CREATED, "waiting, reason ContainerCreating, for two minutes"
        ),
        "{Subject} has not been created for minutes; the Pod's status does not tell why (a "
        "volume, its image, the network or something on {node}){unread_events}",
        "kubectl describe pod -n {namespace} {pod} shows its Events",
        "pkg/kubelet/kubelet_pods.go (ContainerCreating)",
    ),
    CauseRule(
        Cause.NOT_READY,
        _is_in_condition(
            LastingCondition.NOT_READY,
            "running and not ready for two minutes, with a readiness probe",
        ),
        "{Subject} runs, and has not been ready for minutes: its readiness probe does not "
        "succeed{probe_output}",
        "find out why the probe fails, or whether it asks the right thing: kubectl describe "
        "pod -n {namespace} {pod}",
        "pkg/kubelet/prober/worker.go",
    ),
    CauseRule(
        Cause.NODE_NOT_READY,
        _is_in_condition(
            LastingCondition.NODE_NOT_READY,
            "condition Ready is False without a reason while ContainersReady is True",
        ),
        "{Subject} counts as not ready, since {node} stopped reporting: its containers may "
        "still run, what is shown of them is old",
        "look at {node} (kubectl describe node) and at its kubelet",
        "pkg/controller/nodelifecycle, pkg/controller/util/node (MarkPodsNotReady)",
    ),
    # A container that ended
    CauseRule(
        Cause.RESTARTED_WITH_ALL,
        _has_reason("RestartingAllContainers"),
        "{Subject} was restarted with all containers of the Pod, since a restart rule of one "
        "of them asks for it; exit code 137 is only a placeholder",
        "look at the container whose exit the rule names",
        "KEP-5532",
    ),
    CauseRule(
        Cause.CONTAINER_STATUS_UNKNOWN,
        _has_reason("ContainerStatusUnknown"),
        "The kubelet lost {subject}: how it ended is not known, and exit code {exit_code} is "
        "only a placeholder",
        "look at what happened to {node} (kubelet, container runtime, restart)",
        _KUBELET,
    ),
    CauseRule(
        Cause.EXIT_STATUS_LOST,
        _all_of(_has_reason("Unknown"), _has_exit_code(_MAX_EXIT_CODE)),
        "The container runtime lost how {subject} ended: exit code 255 is only a "
        "placeholder, and the time is when the loss was noticed",
        "look for a restart or loss of power of {node} or of its runtime",
        _CRI,
    ),
    CauseRule(
        Cause.OUT_OF_MEMORY,
        _all_of(_has_reason("OOMKilled"), _has_exit_code(SIGNAL_BASE + 9)),
        phrases.out_of_memory,
        phrases.out_of_memory_step,
        _CRI,
    ),
    CauseRule(
        Cause.CHILD_OUT_OF_MEMORY,
        _has_reason("OOMKilled"),
        "{Subject} had a child process killed for lack of memory (OOMKilled), and its main "
        "process then exited with {exit_code}, which is not the kill itself",
        phrases.child_out_of_memory_step,
        _CRI,
    ),
    CauseRule(
        Cause.START_FAILED,
        _has_reason("StartError", "ContainerCannotRun"),
        "{Subject} never ran: the container runtime could not start it{message}",
        "check command, mounts and security context",
        _CRI,
    ),
    _probe_rule(
        EventFinding.LIVENESS_PROBE,
        Cause.LIVENESS_PROBE_FAILED,
        "liveness",
        "find out why the probe fails, or give the application more time (timeoutSeconds, "
        "failureThreshold)",
    ),
    _probe_rule(
        EventFinding.STARTUP_PROBE,
        Cause.STARTUP_PROBE_FAILED,
        "startup",
        "find out what it waits for at its start, or give it more time (failureThreshold times "
        "periodSeconds)",
    ),
    CauseRule(
        Cause.POST_START_HOOK_FAILED,
        _has_finding(
            EventFinding.POST_START_HOOK, "PostStartHookError, or an Event FailedPostStartHook"
        ),
        "{Subject} was killed by the kubelet, since its postStart hook failed{probe_output}",
        "check the hook's command and what it needs; {logs_step}",
        _CONTAINER,
    ),
    CauseRule(
        Cause.RESTARTED_FOR_RESIZE,
        _has_finding(EventFinding.RESIZED, "an Event named Killing: resize requires restart"),
        "{Subject} was restarted on purpose, since a resize of its resources requires it; "
        "{exit_clause}",
        "nothing; resizePolicy NotRequired avoids the restart",
        "KEP-1287; " + _MANAGER,
    ),
    CauseRule(
        Cause.DEFINITION_CHANGED,
        _has_finding(EventFinding.DEFINITION_CHANGED, "an Event named Killing: definition changed"),
        "{Subject} was restarted on purpose, since its definition (its image) was changed in "
        "place; {exit_clause}",
        "nothing, if that change was meant",
        _MANAGER,
    ),
    CauseRule(
        Cause.SANDBOX_CHANGED,
        _has_finding(EventFinding.SANDBOX_CHANGED, "an Event SandboxChanged"),
        "{Subject} was stopped by the kubelet, since the Pod's sandbox was lost and "
        "created again, according to its Events; {exit_clause}",
        "look for a restart of {node}, its runtime or its network plugin",
        _MANAGER,
    ),
    CauseRule(
        Cause.STOPPED_BY_KUBELET,
        _has_finding(EventFinding.STOPPED, "an Event named Killing that gives no reason"),
        "{Subject} was stopped by the kubelet, whose Event does not say why; {exit_clause}",
        "look at the Pod's other Events and at {node}",
        _CONTAINER,
    ),
    CauseRule(
        Cause.DEADLINE_EXCEEDED,
        _has_reason("DeadlineExceeded"),
        "{Subject} was stopped because it ran longer than it was allowed to",
        "compare activeDeadlineSeconds with how long the work takes",
        "pkg/kubelet/active_deadline.go",
    ),
    CauseRule(
        Cause.COMPLETED, _has_exit_code(0), phrases.completed, phrases.completed_step, _KUBELET
    ),
    CauseRule(
        Cause.CONTAINER_TOOL_ERROR,
        _has_exit_code(125),
        "{Subject} exited with 125, which is how the docker and podman commands report an "
        "error of their own, unless the application itself chose that code",
        "{logs_step}",
        "docker run and podman run reference, Exit status",
    ),
    CauseRule(
        Cause.NOT_EXECUTABLE,
        _has_exit_code(126),
        "{Subject} exited with 126, which is how a shell reports a command that was found "
        "but could not be executed",
        "check mode, architecture and the #! line of the file; {logs_step}",
        _SHELL,
    ),
    CauseRule(
        Cause.COMMAND_NOT_FOUND,
        _has_exit_code(127),
        "{Subject} exited with 127, which is how a shell reports a command that was not found",
        "check its path and whether the image contains it; {logs_step}",
        _SHELL,
    ),
    _signal_rule(1, Cause.HUNG_UP, "SIGHUP", "its terminal or parent went away"),
    _signal_rule(2, Cause.INTERRUPTED, "SIGINT", "somebody or something interrupted it"),
    _signal_rule(3, Cause.QUIT, "SIGQUIT", "it was asked to quit, often with a dump"),
    _signal_rule(
        4,
        Cause.ILLEGAL_INSTRUCTION,
        "SIGILL",
        "it ran an instruction that the processor does not have",
        "compare what the image was built for with the processor of {node}; {logs_step}",
    ),
    _signal_rule(5, Cause.TRACE_TRAP, "SIGTRAP", "a trap or failed check inside it"),
    _signal_rule(
        6,
        Cause.ABORTED,
        "SIGABRT",
        "it gave up by itself, as after a failed assertion or an uncaught exception",
    ),
    _signal_rule(
        7,
        Cause.BUS_ERROR,
        "SIGBUS",
        "it touched memory that its file or device could not provide",
        "check for truncated or full memory-mapped files (/dev/shm too); {logs_step}",
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
        phrases.killed,
        phrases.killed_step,
        _SIGNALS,
    ),
    _signal_rule(
        11,
        Cause.SEGMENTATION_FAULT,
        "SIGSEGV",
        "it touched memory that is not its own",
        "a core dump or a native stack trace shows where; {logs_step}",
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
        phrases.terminated,
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
        "{Subject} was killed by signal {signal} (exit code {exit_code}), unless the application "
        "itself chose that code",
        "{logs_step}",
        _SIGNALS,
    ),
    CauseRule(
        Cause.APPLICATION_ERROR,
        _has_exit_code(_MAX_EXIT_CODE),
        "{Subject} exited with 255, the application's own code for a failure, usually exit(-1)",
        "{logs_step}",
        "exit(3): the status is taken modulo 256",
    ),
    CauseRule(
        Cause.APPLICATION_ERROR,
        Predicate(
            "any other exit code", lambda symptom: symptom.exit_code is not None, ("exit_code",)
        ),
        "{Subject} failed with exit code {exit_code}, a code of the application's own",
        "{logs_step}",
        "exit(3)",
    ),
    CauseRule(
        Cause.UNRECOGNIZED,
        Predicate("no exit code", lambda _: True),
        "{Subject} ended in a way that the Pod does not tell: it has no exit code",
        "{logs_step}",
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


def explain(symptom: Symptom) -> tuple[Cause, str]:
    """Find the cause of a symptom, and word it.

    Returns:
        The cause, and one sentence: what it means and where to look next.
    """
    rule = rule_for(symptom)
    restart_rule = ""
    if symptom.restart_rule:
        what = "all containers are" if symptom.restart_rule_of_all else "it is"
        restart_rule = (
            f"; a restart rule of the container names this exit code, so {what} started again"
        )
    meaning, next_step = render(rule.meaning, symptom), render(rule.next_step, symptom)
    return rule.cause, f"{meaning}{restart_rule}; next: {next_step}."
