"""What an ending means: the table of causes. Pure.

`CAUSE_RULES` is one ordered table: the first row whose test holds names the cause and words the
sentence. The same crash always gives the same words, whichever of its sightings comes first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis.evidence import EventFinding
from pod_diagnoser.diagnosis.phrases import (
    application_error,
    completed,
    completed_step,
    exit_clause,
    image_name,
    killed,
    killed_step,
    kubelet_report,
    logs_step,
    never_ran,
    out_of_memory,
    out_of_memory_step,
    probe_output,
    pull_step,
    quoted,
    terminated,
    terminated_step,
    unread_events_note,
)
from pod_diagnoser.diagnosis.symptoms import LastingCondition, Symptom, SymptomKind


@dataclass(frozen=True, slots=True)
class Predicate:
    """What a row of the table of causes is about.

    Attributes:
        words: the test in words, for people.
        holds: whether it holds of an ending.
        fields: the fields of an ending that it rests on. Without one of them it does not hold.
        how: how an ending shows for which it may hold; None for any.
    """

    description: str
    holds: Callable[[Symptom], bool]
    fields: tuple[str, ...] = ()
    kind: SymptomKind | None = None


@dataclass(frozen=True, slots=True)
class CauseRule:
    """A row of the table of causes.

    Attributes:
        cause: what to call it.
        test: what the row is about. Rows above have had their turn.
        meaning: one clause that says what is proved.
        next_step: where to look, or what to do, next.
        source: where the fact comes from.
    """

    cause: Cause
    predicate: Predicate
    meaning: Callable[[Symptom], str]
    next_step: Callable[[Symptom], str]
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
_SIGNAL_BASE = 128


def _has_reason(*names: str) -> Predicate:
    words = " or ".join(f"reason {name}" for name in names)
    return Predicate(words, lambda t: t.reason in names, ("reason",), SymptomKind.TERMINATED)


def _has_exit_code(code: int) -> Predicate:
    return Predicate(
        f"exit code {code}", lambda t: t.exit_code == code, ("exit_code",), SymptomKind.TERMINATED
    )


def _pod_has_reason(*names: str) -> Predicate:
    words = " or ".join(f"the Pod failed with reason {name}" for name in names)
    return Predicate(words, lambda t: t.reason in names, ("reason",), SymptomKind.POD)


def _waits_with_reason(*names: str) -> Predicate:
    words = " or ".join(f"waiting, reason {name}" for name in names)
    return Predicate(words, lambda t: t.reason in names, ("reason",), SymptomKind.WAITING)


def _is_in_condition(state: LastingCondition, words: str) -> Predicate:
    return Predicate(words, lambda t: t.reason == state, ("reason",), SymptomKind.LASTING_CONDITION)


def _has_finding(proof: EventFinding, words: str) -> Predicate:
    return Predicate(
        words, lambda t: t.event_finding is proof, ("evidence",), SymptomKind.TERMINATED
    )


def _all_of(one: Predicate, other: Predicate) -> Predicate:
    return Predicate(
        f"{one.description} and {other.description}",
        lambda t: one.holds(t) and other.holds(t),
        (*one.fields, *other.fields),
        one.kind,
    )


def _signal_rule(
    number: int, cause: Cause, name: str, meaning: str, step: Callable[[Symptom], str]
) -> CauseRule:
    code = _SIGNAL_BASE + number
    return CauseRule(
        cause,
        _has_exit_code(code),
        lambda t: (
            f"{t.subject_capitalized} exited with {code}, which is what {name} leaves ({meaning}), "
            "unless the application itself chose that code"
        ),
        step,
        _SIGNALS,
    )


def _probe_rule(proof: EventFinding, cause: Cause, name: str, step: str) -> CauseRule:
    return CauseRule(
        cause,
        _has_finding(proof, f"an Event named Killing: failed {name} probe"),
        lambda t: (
            f"{t.subject_capitalized} was stopped by the kubelet, since its {name} probe failed{probe_output(t)}, as "
            f"its Events tell; {exit_clause(t)}"
        ),
        lambda t: f"{step}; {t.logs_step}",
        _MANAGER,
    )


def _refused(t: Symptom) -> bool:
    return (
        t.reason == "UnexpectedAdmissionError"
        or t.reason.startswith("OutOf")
        or t.message.startswith("Pod was rejected")
    )


CAUSE_RULES: tuple[CauseRule, ...] = (
    # The Pod as a whole
    CauseRule(
        Cause.NOT_ADMITTED,
        Predicate(
            "the Pod failed with reason OutOf… or UnexpectedAdmissionError, or with a message that "
            "begins with Pod was rejected",
            _refused,
            ("reason", "message"),
            SymptomKind.POD,
        ),
        lambda t: (
            f"{t.subject_capitalized} was not admitted by the kubelet: {t.reason}{quoted(t.message)}"
        ),
        lambda t: (
            f"compare what the Pod asks for with what {t.node_phrase} has; a controller makes a new Pod"
        ),
        "pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/cm/admission/errors.go",
    ),
    CauseRule(
        Cause.EVICTED,
        _pod_has_reason("Evicted"),
        lambda t: f"{t.subject_capitalized} was evicted by the kubelet{quoted(t.message)}",
        lambda t: (
            "compare what the Pod used with its requests and limits, and look at the conditions "
            f"of {t.node_phrase}"
        ),
        "pkg/kubelet/eviction/eviction_manager.go",
    ),
    CauseRule(
        Cause.POD_DEADLINE_EXCEEDED,
        _pod_has_reason("DeadlineExceeded"),
        lambda t: (
            f"{t.subject_capitalized} was stopped by the kubelet, since it ran longer than its "
            "activeDeadlineSeconds" + (f" of {t.deadline}" if t.deadline is not None else "")
        ),
        lambda _: "compare activeDeadlineSeconds with how long the work takes",
        "pkg/kubelet/active_deadline.go",
    ),
    CauseRule(
        Cause.NODE_SHUTDOWN,
        _pod_has_reason("Terminated", "Shutdown", "NodeShutdown"),
        lambda t: (
            f"{t.subject_capitalized} was ended, since {t.node_phrase} was shut down{quoted(t.message)}"
        ),
        lambda t: (
            f"a planned shutdown drains the node first; look at why {t.node_phrase} went down"
        ),
        "pkg/kubelet/nodeshutdown/nodeshutdown_manager.go",
    ),
    CauseRule(
        Cause.PREEMPTED,
        _pod_has_reason("Preempting"),
        lambda t: (
            f"{t.subject_capitalized} was ended by the kubelet to make room for a critical Pod"
        ),
        lambda t: f"compare what {t.node_phrase} has with what its critical Pods request",
        "pkg/kubelet/preemption/preemption.go",
    ),
    CauseRule(
        Cause.NODE_LOST,
        _pod_has_reason("NodeLost"),
        lambda t: f"{t.subject_capitalized} is lost: {t.node_phrase} does not answer",
        lambda t: f"look at what happened to {t.node_phrase} (kubectl describe node)",
        "pkg/util/node/node.go",
    ),
    CauseRule(
        Cause.POD_FAILED,
        Predicate("the Pod failed with another reason", lambda _: True, ("kind",), SymptomKind.POD),
        lambda t: f"{t.subject_capitalized} was ended as a whole: {t.reason}{quoted(t.message)}",
        lambda t: f"look at its Events: kubectl describe pod -n {t.namespace} {t.pod}",
        "PodStatus.reason in core/v1/types.go",
    ),
    # A container that is not started
    CauseRule(
        Cause.IMAGE_PULL_FAILED,
        _waits_with_reason("ImagePullBackOff"),
        lambda t: (
            f"{t.subject_capitalized} cannot start: its image{image_name(t)} could not be pulled"
        ),
        pull_step,
        _IMAGES,
    ),
    CauseRule(
        Cause.IMAGE_MISSING,
        _waits_with_reason("ErrImageNeverPull"),
        lambda t: (
            f"{t.subject_capitalized} cannot start: its image{image_name(t)} is not on {t.node_phrase}, and its "
            "imagePullPolicy Never keeps it from being pulled"
        ),
        lambda t: f"load the image onto {t.node_phrase}, or let it be pulled (IfNotPresent)",
        _IMAGES,
    ),
    CauseRule(
        Cause.INVALID_IMAGE_NAME,
        _waits_with_reason("InvalidImageName"),
        lambda t: f"{t.subject_capitalized} cannot start: its image's name{image_name(t)} is none",
        lambda _: "correct the image's name: registry/repository:tag, in lower case",
        _IMAGES,
    ),
    CauseRule(
        Cause.IMAGE_UNUSABLE,
        _waits_with_reason("ImageInspectError", "SignatureValidationFailed"),
        lambda t: (
            f"{t.subject_capitalized} cannot start: its image{image_name(t)} was refused, {t.reason}{quoted(t.message)}"
        ),
        lambda t: (
            f"look at the image on {t.node_phrase}, at its signature and at the runtime's policy"
        ),
        _IMAGES,
    ),
    CauseRule(
        Cause.CONFIGURATION_ERROR,
        _waits_with_reason("CreateContainerConfigError"),
        lambda t: (
            f"{t.subject_capitalized} cannot start: what it refers to is missing or wrong{quoted(t.message)}"
        ),
        lambda _: "create or correct the ConfigMap, Secret, user or path that it names",
        _CONTAINER,
    ),
    CauseRule(
        Cause.CREATION_FAILED,
        _waits_with_reason(
            "CreateContainerError", "PreCreateHookError", "ImageVolumeMountFailed", "RROUnsupported"
        ),
        lambda t: (
            f"{t.subject_capitalized} cannot start: it could not be created{quoted(t.message)}"
        ),
        lambda t: f"check command, mounts and security context, and the runtime of {t.node_phrase}",
        _CONTAINER,
    ),
    CauseRule(
        Cause.START_FAILED,
        _waits_with_reason("PreStartHookError"),
        lambda t: (
            f"{t.subject_capitalized} never ran: the kubelet could not prepare its start{quoted(t.message)}"
        ),
        lambda t: f"look at the resources that {t.node_phrase} manages: CPUs, memory, devices",
        _CONTAINER,
    ),
    CauseRule(
        Cause.START_FAILED,
        _waits_with_reason("RunContainerError"),
        never_ran,
        lambda _: "check command, mounts and security context",
        _CONTAINER,
    ),
    CauseRule(
        Cause.POST_START_HOOK_FAILED,
        _waits_with_reason("PostStartHookError"),
        lambda t: (
            f"{t.subject_capitalized} was killed by the kubelet, since its postStart hook failed"
        ),
        lambda t: "check the hook's command and what it needs; " + t.logs_step,
        _CONTAINER,
    ),
    CauseRule(
        Cause.CRASH_LOOP_BACK_OFF,
        _waits_with_reason("CrashLoopBackOff"),
        lambda t: (
            f"{t.subject_capitalized} ended again and again, and the kubelet waits before it starts it anew; how "
            "it ended is not in the Pod's status any more"
        ),
        logs_step,
        _CONTAINER,
    ),
    # A state that lasts
    CauseRule(
        Cause.UNSCHEDULABLE,
        _is_in_condition(
            LastingCondition.UNSCHEDULABLE, "condition PodScheduled is False, reason Unschedulable"
        ),
        lambda t: f"{t.subject_capitalized} finds no node{quoted(t.message)}",
        lambda _: "compare its requests, affinity, tolerations and volumes with what nodes have",
        "pkg/scheduler/schedule_one.go",
    ),
    CauseRule(
        Cause.VOLUME_NOT_MOUNTED,
        _all_of(
            _is_in_condition(LastingCondition.NOT_CREATED, "waiting, reason ContainerCreating"),
            Predicate(
                "an Event FailedMount",
                lambda t: t.event_finding is EventFinding.MOUNT_FAILED,
                ("evidence",),
            ),
        ),
        lambda t: (
            f"{t.subject_capitalized} is not created: a volume could not be mounted{kubelet_report(t)}"
        ),
        lambda _: "create or correct what the volume refers to",
        "pkg/kubelet/events/event.go (FailedMountVolume)",
    ),
    CauseRule(
        Cause.SANDBOX_NOT_CREATED,
        _all_of(
            _is_in_condition(LastingCondition.NOT_CREATED, "waiting, reason ContainerCreating"),
            Predicate(
                "an Event FailedCreatePodSandBox",
                lambda t: t.event_finding is EventFinding.SANDBOX_FAILED,
                ("evidence",),
            ),
        ),
        lambda t: (
            f"{t.subject_capitalized} is not created: the Pod's sandbox could not be{kubelet_report(t)}"
        ),
        lambda t: f"look at the network plugin and the runtime of {t.node_phrase}",
        "pkg/kubelet/events/event.go (FailedCreatePodSandBox)",
    ),
    CauseRule(
        Cause.NOT_CREATED,
        _is_in_condition(
            LastingCondition.NOT_CREATED, "waiting, reason ContainerCreating, for two minutes"
        ),
        lambda t: (
            f"{t.subject_capitalized} has not been created for minutes; the Pod's status does not tell why (a "
            f"volume, its image, the network or something on {t.node_phrase}){unread_events_note(t)}"
        ),
        lambda t: f"kubectl describe pod -n {t.namespace} {t.pod} shows its Events",
        "pkg/kubelet/kubelet_pods.go (ContainerCreating)",
    ),
    CauseRule(
        Cause.NOT_READY,
        _is_in_condition(
            LastingCondition.NOT_READY,
            "running and not ready for two minutes, with a readiness probe",
        ),
        lambda t: (
            f"{t.subject_capitalized} runs, and has not been ready for minutes: its readiness probe does not "
            f"succeed{probe_output(t)}"
        ),
        lambda t: (
            "find out why the probe fails, or whether it asks the right thing: kubectl describe "
            f"pod -n {t.namespace} {t.pod}"
        ),
        "pkg/kubelet/prober/worker.go",
    ),
    CauseRule(
        Cause.NODE_NOT_READY,
        _is_in_condition(
            LastingCondition.NODE_NOT_READY,
            "condition Ready is False without a reason while ContainersReady is True",
        ),
        lambda t: (
            f"{t.subject_capitalized} counts as not ready, since {t.node_phrase} stopped reporting: its containers may "
            "still run, what is shown of them is old"
        ),
        lambda t: f"look at {t.node_phrase} (kubectl describe node) and at its kubelet",
        "pkg/controller/nodelifecycle, pkg/controller/util/node (MarkPodsNotReady)",
    ),
    # A container that ended
    CauseRule(
        Cause.RESTARTED_WITH_ALL,
        _has_reason("RestartingAllContainers"),
        lambda t: (
            f"{t.subject_capitalized} was restarted with all containers of the Pod, since a restart rule of one of "
            "them asks for it; exit code 137 is only a placeholder"
        ),
        lambda _: "look at the container whose exit the rule names",
        "KEP-5532",
    ),
    CauseRule(
        Cause.CONTAINER_STATUS_UNKNOWN,
        _has_reason("ContainerStatusUnknown"),
        lambda t: (
            f"The kubelet lost {t.subject}: how it ended is not known, and exit code {t.exit_code_text} is only "
            "a placeholder"
        ),
        lambda t: f"look at what happened to {t.node_phrase} (kubelet, container runtime, restart)",
        _KUBELET,
    ),
    CauseRule(
        Cause.EXIT_STATUS_LOST,
        _all_of(_has_reason("Unknown"), _has_exit_code(_MAX_EXIT_CODE)),
        lambda t: (
            f"The container runtime lost how {t.subject} ended: exit code 255 is only a placeholder, "
            "and the time is when the loss was noticed"
        ),
        lambda t: f"look for a restart or loss of power of {t.node_phrase} or of its runtime",
        _CRI,
    ),
    CauseRule(
        Cause.OUT_OF_MEMORY,
        _all_of(_has_reason("OOMKilled"), _has_exit_code(_SIGNAL_BASE + 9)),
        out_of_memory,
        out_of_memory_step,
        _CRI,
    ),
    CauseRule(
        Cause.CHILD_OUT_OF_MEMORY,
        _has_reason("OOMKilled"),
        lambda t: (
            f"{t.subject_capitalized} had a child process killed for lack of memory (OOMKilled), and its main "
            f"process then exited with {t.exit_code_text}, which is not the kill itself"
        ),
        lambda t: (
            (
                ("compare its memory use with its limit " + t.memory_limit + "; ")
                if t.memory_limit
                else ""
            )
            + t.logs_step
        ),
        _CRI,
    ),
    CauseRule(
        Cause.START_FAILED,
        _has_reason("StartError", "ContainerCannotRun"),
        never_ran,
        lambda _: "check command, mounts and security context",
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
        lambda t: (
            f"{t.subject_capitalized} was killed by the kubelet, since its postStart hook failed{probe_output(t)}"
        ),
        lambda t: "check the hook's command and what it needs; " + t.logs_step,
        _CONTAINER,
    ),
    CauseRule(
        Cause.RESTARTED_FOR_RESIZE,
        _has_finding(EventFinding.RESIZED, "an Event named Killing: resize requires restart"),
        lambda t: (
            f"{t.subject_capitalized} was restarted on purpose, since a resize of its resources requires it; "
            f"{exit_clause(t)}"
        ),
        lambda _: "nothing; resizePolicy NotRequired spares the restart",
        "KEP-1287; " + _MANAGER,
    ),
    CauseRule(
        Cause.DEFINITION_CHANGED,
        _has_finding(EventFinding.DEFINITION_CHANGED, "an Event named Killing: definition changed"),
        lambda t: (
            f"{t.subject_capitalized} was restarted on purpose, since its definition (its image) was changed in "
            f"place; {exit_clause(t)}"
        ),
        lambda _: "nothing, if that change was meant",
        _MANAGER,
    ),
    CauseRule(
        Cause.SANDBOX_CHANGED,
        _has_finding(EventFinding.SANDBOX_CHANGED, "an Event SandboxChanged"),
        lambda t: (
            f"{t.subject_capitalized} was stopped by the kubelet, since the Pod's sandbox was lost and made anew, "
            f"as its Events tell; {exit_clause(t)}"
        ),
        lambda t: f"look for a restart of {t.node_phrase}, its runtime or its network plugin",
        _MANAGER,
    ),
    CauseRule(
        Cause.STOPPED_BY_KUBELET,
        _has_finding(EventFinding.STOPPED, "an Event named Killing that gives no reason"),
        lambda t: (
            f"{t.subject_capitalized} was stopped by the kubelet, whose Event does not say why; {exit_clause(t)}"
        ),
        lambda t: f"look at the Pod's other Events and at {t.node_phrase}",
        _CONTAINER,
    ),
    CauseRule(
        Cause.DEADLINE_EXCEEDED,
        _has_reason("DeadlineExceeded"),
        lambda t: (
            f"{t.subject_capitalized} was stopped because it ran longer than it was allowed to"
        ),
        lambda _: "compare activeDeadlineSeconds with how long the work takes",
        "pkg/kubelet/active_deadline.go",
    ),
    CauseRule(Cause.COMPLETED, _has_exit_code(0), completed, completed_step, _KUBELET),
    CauseRule(
        Cause.CONTAINER_TOOL_ERROR,
        _has_exit_code(125),
        lambda t: (
            f"{t.subject_capitalized} exited with 125, which is how the docker and podman commands report an error "
            "of their own, unless the application itself chose that code"
        ),
        logs_step,
        "docker run and podman run reference, Exit status",
    ),
    CauseRule(
        Cause.NOT_EXECUTABLE,
        _has_exit_code(126),
        lambda t: (
            f"{t.subject_capitalized} exited with 126, which is how a shell reports a command that was found but "
            "could not be executed"
        ),
        lambda t: "check mode, architecture and the #! line of the file; " + t.logs_step,
        _SHELL,
    ),
    CauseRule(
        Cause.COMMAND_NOT_FOUND,
        _has_exit_code(127),
        lambda t: (
            f"{t.subject_capitalized} exited with 127, which is how a shell reports a command that was not found"
        ),
        lambda t: "check its path and whether the image contains it; " + t.logs_step,
        _SHELL,
    ),
    _signal_rule(1, Cause.HUNG_UP, "SIGHUP", "its terminal or parent went away", logs_step),
    _signal_rule(2, Cause.INTERRUPTED, "SIGINT", "somebody or something interrupted it", logs_step),
    _signal_rule(3, Cause.QUIT, "SIGQUIT", "it was asked to quit, often with a dump", logs_step),
    _signal_rule(
        4,
        Cause.ILLEGAL_INSTRUCTION,
        "SIGILL",
        "it ran an instruction that the processor does not have",
        lambda t: (
            f"compare what the image was built for with the processor of {t.node_phrase}; "
            + t.logs_step
        ),
    ),
    _signal_rule(5, Cause.TRACE_TRAP, "SIGTRAP", "a trap or failed check inside it", logs_step),
    _signal_rule(
        6,
        Cause.ABORTED,
        "SIGABRT",
        "it gave up by itself, as after a failed assertion or an uncaught exception",
        logs_step,
    ),
    _signal_rule(
        7,
        Cause.BUS_ERROR,
        "SIGBUS",
        "it touched memory that its file or device could not provide",
        lambda t: "check for truncated or full memory-mapped files (/dev/shm too); " + t.logs_step,
    ),
    _signal_rule(
        8,
        Cause.ARITHMETIC_ERROR,
        "SIGFPE",
        "an arithmetic error such as a division by 0",
        logs_step,
    ),
    CauseRule(
        Cause.KILLED,
        _has_exit_code(_SIGNAL_BASE + 9),
        killed,
        killed_step,
        _SIGNALS,
    ),
    _signal_rule(
        11,
        Cause.SEGMENTATION_FAULT,
        "SIGSEGV",
        "it touched memory that is not its own",
        lambda t: "a core dump or a native stack trace shows where; " + t.logs_step,
    ),
    _signal_rule(
        13,
        Cause.BROKEN_PIPE,
        "SIGPIPE",
        "it wrote to a pipe or socket without a reader",
        logs_step,
    ),
    CauseRule(
        Cause.TERMINATED,
        _has_exit_code(_SIGNAL_BASE + 15),
        terminated,
        terminated_step,
        _SIGNALS,
    ),
    CauseRule(
        Cause.SIGNALED,
        Predicate(
            f"another exit code from {_SIGNAL_BASE + 1} to {_SIGNAL_BASE + _MAX_SIGNAL}",
            lambda t: (
                t.exit_code is not None and _SIGNAL_BASE < t.exit_code <= _SIGNAL_BASE + _MAX_SIGNAL
            ),
            ("exit_code",),
        ),
        lambda t: (
            f"{t.subject_capitalized} exited with {t.exit_code_text}, which is what signal "
            f"{(t.exit_code or 0) - _SIGNAL_BASE} leaves, unless the application itself chose that "
            "code"
        ),
        logs_step,
        _SIGNALS,
    ),
    CauseRule(
        Cause.APPLICATION_ERROR,
        _has_exit_code(_MAX_EXIT_CODE),
        lambda t: (
            f"{t.subject_capitalized} exited with 255, the application's own code for a failure, usually exit(-1)"
        ),
        logs_step,
        "exit(3): the status is taken modulo 256",
    ),
    CauseRule(
        Cause.APPLICATION_ERROR,
        Predicate("any other exit code", lambda t: t.exit_code is not None, ("exit_code",)),
        application_error,
        logs_step,
        "exit(3)",
    ),
    CauseRule(
        Cause.UNRECOGNIZED,
        Predicate("no exit code", lambda _: True),
        lambda t: (
            f"{t.subject_capitalized} ended in a way that the Pod does not tell: it has no exit code"
        ),
        logs_step,
        "ContainerStateTerminated in core/v1/types.go requires exitCode",
    ),
)
"""The table of causes, in the order in which the rows are tried. The last one always holds."""


def _applicable(how: SymptomKind, *, proved: bool) -> tuple[CauseRule, ...]:
    return tuple(
        row
        for row in CAUSE_RULES
        if row.predicate.kind in (None, how) and (proved or "evidence" not in row.predicate.fields)
    )


_RULES_BY_KIND = {
    (how, proved): _applicable(how, proved=proved)
    for how in SymptomKind
    for proved in (False, True)
}
"""The rows that may hold at all, so that not all are tried for each ending."""


def rule_for(ending: Symptom) -> CauseRule:
    """Find the row of an ending.

    Args:
        ending: what ended or failed.

    Returns:
        The first row of `CAUSE_RULES` that is about such an ending and whose test holds.
    """
    for row in _RULES_BY_KIND[ending.kind, ending.event_finding is not None]:
        if row.predicate.holds(ending):
            return row
    return CAUSE_RULES[-1]


def explain(ending: Symptom) -> tuple[Cause, str]:
    """Find the row of an ending and word it.

    Args:
        ending: what ended or failed.

    Returns:
        The cause, and one sentence: what it means and where to look next.
    """
    row = rule_for(ending)
    rule = ""
    if ending.restart_rule:
        what = "all containers are" if ending.restart_rule_of_all else "it is"
        rule = f"; a restart rule of the container names this exit code, so {what} started again"
    return row.cause, f"{row.meaning(ending)}{rule}; next: {row.next_step(ending)}."
