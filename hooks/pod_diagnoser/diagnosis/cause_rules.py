"""What an ending means: the table of causes. Pure.

`CAUSES` is one ordered table: the first row whose test holds names the cause and words the
sentence. The same crash always gives the same words, whichever of its sightings comes first.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis.evidence import Proof
from pod_diagnoser.diagnosis.phrases import (
    completed,
    completed_step,
    detail,
    killed,
    killed_step,
    left,
    logs,
    named,
    never_ran,
    out_of_memory,
    out_of_memory_step,
    own_code,
    pull_step,
    quoted,
    reported,
    terminated,
    terminated_step,
    unread,
)
from pod_diagnoser.diagnosis.symptoms import Ending, How, State


@dataclass(frozen=True, slots=True)
class Test:
    """What a row of the table of causes is about.

    Attributes:
        words: the test in words, for people.
        holds: whether it holds of an ending.
        fields: the fields of an ending that it rests on. Without one of them it does not hold.
        how: how an ending shows for which it may hold; None for any.
    """

    words: str
    holds: Callable[[Ending], bool]
    fields: tuple[str, ...] = ()
    how: How | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table of causes.

    Attributes:
        cause: what to call it.
        test: what the row is about. Rows above have had their turn.
        meaning: one clause that says what is proved.
        next_step: where to look, or what to do, next.
        source: where the fact comes from.
    """

    cause: Cause
    test: Test
    meaning: Callable[[Ending], str]
    next_step: Callable[[Ending], str]
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


def _reason(*names: str) -> Test:
    words = " or ".join(f"reason {name}" for name in names)
    return Test(words, lambda t: t.reason in names, ("reason",), How.TERMINATED)


def _code(code: int) -> Test:
    return Test(f"exit code {code}", lambda t: t.exit_code == code, ("exit_code",), How.TERMINATED)


def _pod(*names: str) -> Test:
    words = " or ".join(f"the Pod failed with reason {name}" for name in names)
    return Test(words, lambda t: t.reason in names, ("reason",), How.POD)


def _waits(*names: str) -> Test:
    words = " or ".join(f"waiting, reason {name}" for name in names)
    return Test(words, lambda t: t.reason in names, ("reason",), How.WAITING)


def _state(state: State, words: str) -> Test:
    return Test(words, lambda t: t.reason == state, ("reason",), How.STATE)


def _event(proof: Proof, words: str) -> Test:
    return Test(words, lambda t: t.proof is proof, ("evidence",), How.TERMINATED)


def _both(one: Test, other: Test) -> Test:
    return Test(
        f"{one.words} and {other.words}",
        lambda t: one.holds(t) and other.holds(t),
        (*one.fields, *other.fields),
        one.how,
    )


def _signal_row(
    number: int, cause: Cause, name: str, meaning: str, step: Callable[[Ending], str]
) -> Row:
    code = _SIGNAL_BASE + number
    return Row(
        cause,
        _code(code),
        lambda t: (
            f"{t.who} exited with {code}, which is what {name} leaves ({meaning}), "
            "unless the application itself chose that code"
        ),
        step,
        _SIGNALS,
    )


def _probe_row(proof: Proof, cause: Cause, name: str, step: str) -> Row:
    return Row(
        cause,
        _event(proof, f"an Event named Killing: failed {name} probe"),
        lambda t: (
            f"{t.who} was stopped by the kubelet, since its {name} probe failed{detail(t)}, as "
            f"its Events tell; {left(t)}"
        ),
        lambda t: f"{step}; {t.previous_logs}",
        _MANAGER,
    )


def _refused(t: Ending) -> bool:
    return (
        t.reason == "UnexpectedAdmissionError"
        or t.reason.startswith("OutOf")
        or t.message.startswith("Pod was rejected")
    )


CAUSES: tuple[Row, ...] = (
    # The Pod as a whole
    Row(
        Cause.NOT_ADMITTED,
        Test(
            "the Pod failed with reason OutOf… or UnexpectedAdmissionError, or with a message that "
            "begins with Pod was rejected",
            _refused,
            ("reason", "message"),
            How.POD,
        ),
        lambda t: f"{t.who} was not admitted by the kubelet: {t.reason}{quoted(t.message)}",
        lambda t: (
            f"compare what the Pod asks for with what {t.where} has; a controller makes a new Pod"
        ),
        "pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/cm/admission/errors.go",
    ),
    Row(
        Cause.EVICTED,
        _pod("Evicted"),
        lambda t: f"{t.who} was evicted by the kubelet{quoted(t.message)}",
        lambda t: (
            "compare what the Pod used with its requests and limits, and look at the conditions "
            f"of {t.where}"
        ),
        "pkg/kubelet/eviction/eviction_manager.go",
    ),
    Row(
        Cause.POD_DEADLINE_EXCEEDED,
        _pod("DeadlineExceeded"),
        lambda t: (
            f"{t.who} was stopped by the kubelet, since it ran longer than its "
            "activeDeadlineSeconds" + (f" of {t.deadline}" if t.deadline is not None else "")
        ),
        lambda _: "compare activeDeadlineSeconds with how long the work takes",
        "pkg/kubelet/active_deadline.go",
    ),
    Row(
        Cause.NODE_SHUTDOWN,
        _pod("Terminated", "Shutdown", "NodeShutdown"),
        lambda t: f"{t.who} was ended, since {t.where} was shut down{quoted(t.message)}",
        lambda t: f"a planned shutdown drains the node first; look at why {t.where} went down",
        "pkg/kubelet/nodeshutdown/nodeshutdown_manager.go",
    ),
    Row(
        Cause.PREEMPTED,
        _pod("Preempting"),
        lambda t: f"{t.who} was ended by the kubelet to make room for a critical Pod",
        lambda t: f"compare what {t.where} has with what its critical Pods request",
        "pkg/kubelet/preemption/preemption.go",
    ),
    Row(
        Cause.NODE_LOST,
        _pod("NodeLost"),
        lambda t: f"{t.who} is lost: {t.where} does not answer",
        lambda t: f"look at what happened to {t.where} (kubectl describe node)",
        "pkg/util/node/node.go",
    ),
    Row(
        Cause.POD_FAILED,
        Test("the Pod failed with another reason", lambda _: True, ("how",), How.POD),
        lambda t: f"{t.who} was ended as a whole: {t.reason}{quoted(t.message)}",
        lambda t: f"look at its Events: kubectl describe pod -n {t.namespace} {t.pod}",
        "PodStatus.reason in core/v1/types.go",
    ),
    # A container that is not started
    Row(
        Cause.IMAGE_PULL_FAILED,
        _waits("ImagePullBackOff"),
        lambda t: f"{t.who} cannot start: its image{named(t)} could not be pulled",
        pull_step,
        _IMAGES,
    ),
    Row(
        Cause.IMAGE_MISSING,
        _waits("ErrImageNeverPull"),
        lambda t: (
            f"{t.who} cannot start: its image{named(t)} is not on {t.where}, and its "
            "imagePullPolicy Never keeps it from being pulled"
        ),
        lambda t: f"load the image onto {t.where}, or let it be pulled (IfNotPresent)",
        _IMAGES,
    ),
    Row(
        Cause.INVALID_IMAGE_NAME,
        _waits("InvalidImageName"),
        lambda t: f"{t.who} cannot start: its image's name{named(t)} is none",
        lambda _: "correct the image's name: registry/repository:tag, in lower case",
        _IMAGES,
    ),
    Row(
        Cause.IMAGE_UNUSABLE,
        _waits("ImageInspectError", "SignatureValidationFailed"),
        lambda t: (
            f"{t.who} cannot start: its image{named(t)} was refused, {t.reason}{quoted(t.message)}"
        ),
        lambda t: f"look at the image on {t.where}, at its signature and at the runtime's policy",
        _IMAGES,
    ),
    Row(
        Cause.CONFIGURATION_ERROR,
        _waits("CreateContainerConfigError"),
        lambda t: f"{t.who} cannot start: what it refers to is missing or wrong{quoted(t.message)}",
        lambda _: "create or correct the ConfigMap, Secret, user or path that it names",
        _CONTAINER,
    ),
    Row(
        Cause.CREATION_FAILED,
        _waits(
            "CreateContainerError", "PreCreateHookError", "ImageVolumeMountFailed", "RROUnsupported"
        ),
        lambda t: f"{t.who} cannot start: it could not be created{quoted(t.message)}",
        lambda t: f"check command, mounts and security context, and the runtime of {t.where}",
        _CONTAINER,
    ),
    Row(
        Cause.START_FAILED,
        _waits("PreStartHookError"),
        lambda t: f"{t.who} never ran: the kubelet could not prepare its start{quoted(t.message)}",
        lambda t: f"look at the resources that {t.where} manages: CPUs, memory, devices",
        _CONTAINER,
    ),
    Row(
        Cause.START_FAILED,
        _waits("RunContainerError"),
        never_ran,
        lambda _: "check command, mounts and security context",
        _CONTAINER,
    ),
    Row(
        Cause.POST_START_HOOK_FAILED,
        _waits("PostStartHookError"),
        lambda t: f"{t.who} was killed by the kubelet, since its postStart hook failed",
        lambda t: "check the hook's command and what it needs; " + t.previous_logs,
        _CONTAINER,
    ),
    Row(
        Cause.CRASH_LOOP_BACK_OFF,
        _waits("CrashLoopBackOff"),
        lambda t: (
            f"{t.who} ended again and again, and the kubelet waits before it starts it anew; how "
            "it ended is not in the Pod's status any more"
        ),
        logs,
        _CONTAINER,
    ),
    # A state that lasts
    Row(
        Cause.UNSCHEDULABLE,
        _state(State.UNSCHEDULABLE, "condition PodScheduled is False, reason Unschedulable"),
        lambda t: f"{t.who} finds no node{quoted(t.message)}",
        lambda _: "compare its requests, affinity, tolerations and volumes with what nodes have",
        "pkg/scheduler/schedule_one.go",
    ),
    Row(
        Cause.VOLUME_NOT_MOUNTED,
        _both(
            _state(State.NOT_CREATED, "waiting, reason ContainerCreating"),
            Test("an Event FailedMount", lambda t: t.proof is Proof.MOUNT_FAILED, ("evidence",)),
        ),
        lambda t: f"{t.who} is not created: a volume could not be mounted{reported(t)}",
        lambda _: "create or correct what the volume refers to",
        "pkg/kubelet/events/event.go (FailedMountVolume)",
    ),
    Row(
        Cause.SANDBOX_NOT_CREATED,
        _both(
            _state(State.NOT_CREATED, "waiting, reason ContainerCreating"),
            Test(
                "an Event FailedCreatePodSandBox",
                lambda t: t.proof is Proof.SANDBOX_FAILED,
                ("evidence",),
            ),
        ),
        lambda t: f"{t.who} is not created: the Pod's sandbox could not be{reported(t)}",
        lambda t: f"look at the network plugin and the runtime of {t.where}",
        "pkg/kubelet/events/event.go (FailedCreatePodSandBox)",
    ),
    Row(
        Cause.NOT_CREATED,
        _state(State.NOT_CREATED, "waiting, reason ContainerCreating, for two minutes"),
        lambda t: (
            f"{t.who} has not been created for minutes; the Pod's status does not tell why (a "
            f"volume, its image, the network or something on {t.where}){unread(t)}"
        ),
        lambda t: f"kubectl describe pod -n {t.namespace} {t.pod} shows its Events",
        "pkg/kubelet/kubelet_pods.go (ContainerCreating)",
    ),
    Row(
        Cause.NOT_READY,
        _state(State.NOT_READY, "running and not ready for two minutes, with a readiness probe"),
        lambda t: (
            f"{t.who} runs, and has not been ready for minutes: its readiness probe does not "
            f"succeed{detail(t)}"
        ),
        lambda t: (
            "find out why the probe fails, or whether it asks the right thing: kubectl describe "
            f"pod -n {t.namespace} {t.pod}"
        ),
        "pkg/kubelet/prober/worker.go",
    ),
    Row(
        Cause.NODE_NOT_READY,
        _state(
            State.NODE_NOT_READY,
            "condition Ready is False without a reason while ContainersReady is True",
        ),
        lambda t: (
            f"{t.who} counts as not ready, since {t.where} stopped reporting: its containers may "
            "still run, what is shown of them is old"
        ),
        lambda t: f"look at {t.where} (kubectl describe node) and at its kubelet",
        "pkg/controller/nodelifecycle, pkg/controller/util/node (MarkPodsNotReady)",
    ),
    # A container that ended
    Row(
        Cause.RESTARTED_WITH_ALL,
        _reason("RestartingAllContainers"),
        lambda t: (
            f"{t.who} was restarted with all containers of the Pod, since a restart rule of one of "
            "them asks for it; exit code 137 is only a placeholder"
        ),
        lambda _: "look at the container whose exit the rule names",
        "KEP-5532",
    ),
    Row(
        Cause.CONTAINER_STATUS_UNKNOWN,
        _reason("ContainerStatusUnknown"),
        lambda t: (
            f"The kubelet lost {t.name}: how it ended is not known, and exit code {t.code} is only "
            "a placeholder"
        ),
        lambda t: f"look at what happened to {t.where} (kubelet, container runtime, restart)",
        _KUBELET,
    ),
    Row(
        Cause.EXIT_STATUS_LOST,
        _both(_reason("Unknown"), _code(_MAX_EXIT_CODE)),
        lambda t: (
            f"The container runtime lost how {t.name} ended: exit code 255 is only a placeholder, "
            "and the time is when the loss was noticed"
        ),
        lambda t: f"look for a restart or loss of power of {t.where} or of its runtime",
        _CRI,
    ),
    Row(
        Cause.OUT_OF_MEMORY,
        _both(_reason("OOMKilled"), _code(_SIGNAL_BASE + 9)),
        out_of_memory,
        out_of_memory_step,
        _CRI,
    ),
    Row(
        Cause.CHILD_OUT_OF_MEMORY,
        _reason("OOMKilled"),
        lambda t: (
            f"{t.who} had a child process killed for lack of memory (OOMKilled), and its main "
            f"process then exited with {t.code}, which is not the kill itself"
        ),
        lambda t: (
            (
                ("compare its memory use with its limit " + t.memory_limit + "; ")
                if t.memory_limit
                else ""
            )
            + t.previous_logs
        ),
        _CRI,
    ),
    Row(
        Cause.START_FAILED,
        _reason("StartError", "ContainerCannotRun"),
        never_ran,
        lambda _: "check command, mounts and security context",
        _CRI,
    ),
    _probe_row(
        Proof.LIVENESS_PROBE,
        Cause.LIVENESS_PROBE_FAILED,
        "liveness",
        "find out why the probe fails, or give the application more time (timeoutSeconds, "
        "failureThreshold)",
    ),
    _probe_row(
        Proof.STARTUP_PROBE,
        Cause.STARTUP_PROBE_FAILED,
        "startup",
        "find out what it waits for at its start, or give it more time (failureThreshold times "
        "periodSeconds)",
    ),
    Row(
        Cause.POST_START_HOOK_FAILED,
        _event(Proof.POST_START_HOOK, "PostStartHookError, or an Event FailedPostStartHook"),
        lambda t: f"{t.who} was killed by the kubelet, since its postStart hook failed{detail(t)}",
        lambda t: "check the hook's command and what it needs; " + t.previous_logs,
        _CONTAINER,
    ),
    Row(
        Cause.RESTARTED_FOR_RESIZE,
        _event(Proof.RESIZED, "an Event named Killing: resize requires restart"),
        lambda t: (
            f"{t.who} was restarted on purpose, since a resize of its resources requires it; "
            f"{left(t)}"
        ),
        lambda _: "nothing; resizePolicy NotRequired spares the restart",
        "KEP-1287; " + _MANAGER,
    ),
    Row(
        Cause.DEFINITION_CHANGED,
        _event(Proof.DEFINITION_CHANGED, "an Event named Killing: definition changed"),
        lambda t: (
            f"{t.who} was restarted on purpose, since its definition (its image) was changed in "
            f"place; {left(t)}"
        ),
        lambda _: "nothing, if that change was meant",
        _MANAGER,
    ),
    Row(
        Cause.SANDBOX_CHANGED,
        _event(Proof.SANDBOX_CHANGED, "an Event SandboxChanged"),
        lambda t: (
            f"{t.who} was stopped by the kubelet, since the Pod's sandbox was lost and made anew, "
            f"as its Events tell; {left(t)}"
        ),
        lambda t: f"look for a restart of {t.where}, its runtime or its network plugin",
        _MANAGER,
    ),
    Row(
        Cause.STOPPED_BY_KUBELET,
        _event(Proof.STOPPED, "an Event named Killing that gives no reason"),
        lambda t: f"{t.who} was stopped by the kubelet, whose Event does not say why; {left(t)}",
        lambda t: f"look at the Pod's other Events and at {t.where}",
        _CONTAINER,
    ),
    Row(
        Cause.DEADLINE_EXCEEDED,
        _reason("DeadlineExceeded"),
        lambda t: f"{t.who} was stopped because it ran longer than it was allowed to",
        lambda _: "compare activeDeadlineSeconds with how long the work takes",
        "pkg/kubelet/active_deadline.go",
    ),
    Row(Cause.COMPLETED, _code(0), completed, completed_step, _KUBELET),
    Row(
        Cause.CONTAINER_TOOL_ERROR,
        _code(125),
        lambda t: (
            f"{t.who} exited with 125, which is how the docker and podman commands report an error "
            "of their own, unless the application itself chose that code"
        ),
        logs,
        "docker run and podman run reference, Exit status",
    ),
    Row(
        Cause.NOT_EXECUTABLE,
        _code(126),
        lambda t: (
            f"{t.who} exited with 126, which is how a shell reports a command that was found but "
            "could not be executed"
        ),
        lambda t: "check mode, architecture and the #! line of the file; " + t.previous_logs,
        _SHELL,
    ),
    Row(
        Cause.COMMAND_NOT_FOUND,
        _code(127),
        lambda t: (
            f"{t.who} exited with 127, which is how a shell reports a command that was not found"
        ),
        lambda t: "check its path and whether the image contains it; " + t.previous_logs,
        _SHELL,
    ),
    _signal_row(1, Cause.HUNG_UP, "SIGHUP", "its terminal or parent went away", logs),
    _signal_row(2, Cause.INTERRUPTED, "SIGINT", "somebody or something interrupted it", logs),
    _signal_row(3, Cause.QUIT, "SIGQUIT", "it was asked to quit, often with a dump", logs),
    _signal_row(
        4,
        Cause.ILLEGAL_INSTRUCTION,
        "SIGILL",
        "it ran an instruction that the processor does not have",
        lambda t: (
            f"compare what the image was built for with the processor of {t.where}; "
            + t.previous_logs
        ),
    ),
    _signal_row(5, Cause.TRACE_TRAP, "SIGTRAP", "a trap or failed check inside it", logs),
    _signal_row(
        6,
        Cause.ABORTED,
        "SIGABRT",
        "it gave up by itself, as after a failed assertion or an uncaught exception",
        logs,
    ),
    _signal_row(
        7,
        Cause.BUS_ERROR,
        "SIGBUS",
        "it touched memory that its file or device could not provide",
        lambda t: (
            "check for truncated or full memory-mapped files (/dev/shm too); " + t.previous_logs
        ),
    ),
    _signal_row(
        8,
        Cause.ARITHMETIC_ERROR,
        "SIGFPE",
        "an arithmetic error such as a division by 0",
        logs,
    ),
    Row(
        Cause.KILLED,
        _code(_SIGNAL_BASE + 9),
        killed,
        killed_step,
        _SIGNALS,
    ),
    _signal_row(
        11,
        Cause.SEGMENTATION_FAULT,
        "SIGSEGV",
        "it touched memory that is not its own",
        lambda t: "a core dump or a native stack trace shows where; " + t.previous_logs,
    ),
    _signal_row(
        13,
        Cause.BROKEN_PIPE,
        "SIGPIPE",
        "it wrote to a pipe or socket without a reader",
        logs,
    ),
    Row(
        Cause.TERMINATED,
        _code(_SIGNAL_BASE + 15),
        terminated,
        terminated_step,
        _SIGNALS,
    ),
    Row(
        Cause.SIGNALED,
        Test(
            f"another exit code from {_SIGNAL_BASE + 1} to {_SIGNAL_BASE + _MAX_SIGNAL}",
            lambda t: (
                t.exit_code is not None and _SIGNAL_BASE < t.exit_code <= _SIGNAL_BASE + _MAX_SIGNAL
            ),
            ("exit_code",),
        ),
        lambda t: (
            f"{t.who} exited with {t.code}, which is what signal "
            f"{(t.exit_code or 0) - _SIGNAL_BASE} leaves, unless the application itself chose that "
            "code"
        ),
        logs,
        _SIGNALS,
    ),
    Row(
        Cause.APPLICATION_ERROR,
        _code(_MAX_EXIT_CODE),
        lambda t: (
            f"{t.who} exited with 255, the application's own code for a failure, usually exit(-1)"
        ),
        logs,
        "exit(3): the status is taken modulo 256",
    ),
    Row(
        Cause.APPLICATION_ERROR,
        Test("any other exit code", lambda t: t.exit_code is not None, ("exit_code",)),
        own_code,
        logs,
        "exit(3)",
    ),
    Row(
        Cause.UNRECOGNIZED,
        Test("no exit code", lambda _: True),
        lambda t: f"{t.who} ended in a way that the Pod does not tell: it has no exit code",
        logs,
        "ContainerStateTerminated in core/v1/types.go requires exitCode",
    ),
)
"""The table of causes, in the order in which the rows are tried. The last one always holds."""


def _applicable(how: How, *, proved: bool) -> tuple[Row, ...]:
    return tuple(
        row
        for row in CAUSES
        if row.test.how in (None, how) and (proved or "evidence" not in row.test.fields)
    )


_ROWS = {(how, proved): _applicable(how, proved=proved) for how in How for proved in (False, True)}
"""The rows that may hold at all, so that not all are tried for each ending."""


def row_of(ending: Ending) -> Row:
    """Find the row of an ending.

    Args:
        ending: what ended or failed.

    Returns:
        The first row of `CAUSES` that is about such an ending and whose test holds.
    """
    for row in _ROWS[ending.how, ending.proof is not None]:
        if row.test.holds(ending):
            return row
    return CAUSES[-1]


def explain(ending: Ending) -> tuple[Cause, str]:
    """Find the row of an ending and word it.

    Args:
        ending: what ended or failed.

    Returns:
        The cause, and one sentence: what it means and where to look next.
    """
    row = row_of(ending)
    rule = ""
    if ending.restart_rule:
        what = "all containers are" if ending.restart_rule_of_all else "it is"
        rule = f"; a restart rule of the container names this exit code, so {what} started again"
    return row.cause, f"{row.meaning(ending)}{rule}; next: {row.next_step(ending)}."
