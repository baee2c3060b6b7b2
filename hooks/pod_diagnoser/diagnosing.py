"""From a Pod to what crashed in it and what that means. Pure.

`CAUSES` is one ordered table: the first row whose test holds names the cause and words the
sentence. A sentence says what the Pod proves; what it does not prove is worded as a possibility,
with where the proof would be found. The same crash always gives the same words, whichever of its
sightings comes first: nothing in a sentence depends on the clock or on the state after the crash.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pod_diagnoser.pods import ContainerKind, ContainerStatus, Pod, Terminated
from pod_diagnoser.texts import clean


class Cause(StrEnum):
    """Why a container ended: the one enum that annotations and status use.

    In CamelCase, as Kubernetes' reasons are.
    """

    CONTAINER_STATUS_UNKNOWN = "ContainerStatusUnknown"
    EXIT_STATUS_LOST = "ExitStatusLost"
    OUT_OF_MEMORY = "OutOfMemory"
    CHILD_OUT_OF_MEMORY = "ChildOutOfMemory"
    START_FAILED = "StartFailed"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    COMPLETED = "Completed"
    CONTAINER_TOOL_ERROR = "ContainerToolError"
    NOT_EXECUTABLE = "NotExecutable"
    COMMAND_NOT_FOUND = "CommandNotFound"
    HUNG_UP = "HungUp"
    INTERRUPTED = "Interrupted"
    QUIT = "Quit"
    ILLEGAL_INSTRUCTION = "IllegalInstruction"
    TRACE_TRAP = "TraceTrap"
    ABORTED = "Aborted"
    BUS_ERROR = "BusError"
    ARITHMETIC_ERROR = "ArithmeticError"
    KILLED = "Killed"
    SEGMENTATION_FAULT = "SegmentationFault"
    BROKEN_PIPE = "BrokenPipe"
    TERMINATED = "Terminated"
    SIGNALED = "Signaled"
    APPLICATION_ERROR = "ApplicationError"
    UNRECOGNIZED = "Unrecognized"


@dataclass(frozen=True, slots=True)
class Termination:
    """One container's end, with what of the Pod explains it.

    Attributes:
        kind: which kind of container.
        namespace: the Pod's namespace.
        pod: the Pod's name.
        container: the container's name, clean and bounded.
        reason: the reason that kubelet or runtime gave, clean and bounded; may be empty.
        exit_code: the exit code, or None where the Pod tells none.
        node: the Pod's node, or an empty string.
        memory_limit: the container's memory limit (a Kubernetes quantity), or an empty string.
        kills_on_probe: whether a liveness or startup probe is set, so that the kubelet may have
            stopped the container.
    """

    kind: ContainerKind
    namespace: str
    pod: str
    container: str
    reason: str
    exit_code: int | None
    node: str
    memory_limit: str
    kills_on_probe: bool

    @property
    def name(self) -> str:
        """The container, in words: ``init container setup``."""
        return f"{self.kind.value} {self.container}"

    @property
    def who(self) -> str:
        """The container, in words that start a sentence: ``Init container setup``."""
        return self.name[0].upper() + self.name[1:]

    @property
    def code(self) -> str:
        """The exit code, or ``unknown``."""
        return "unknown" if self.exit_code is None else str(self.exit_code)

    @property
    def where(self) -> str:
        """The node, in words that fit behind a verb."""
        return f"node {self.node}" if self.node else "its node"

    @property
    def previous_logs(self) -> str:
        """How to read what the container last wrote."""
        return (
            f"read its last words with kubectl logs -n {self.namespace} {self.pod} "
            f"-c {self.container} --previous"
        )


@dataclass(frozen=True, slots=True)
class Test:
    """What a row of the table of causes is about.

    Attributes:
        words: the test in words, for people.
        holds: whether it holds of a termination.
    """

    words: str
    holds: Callable[[Termination], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table of causes.

    Attributes:
        cause: what to call it.
        test: what the row is about. Rows above have had their turn.
        meaning: one clause that says what the Pod proves.
        next_step: where to look, or what to do, next.
        source: where the fact comes from.
    """

    cause: Cause
    test: Test
    meaning: Callable[[Termination], str]
    next_step: Callable[[Termination], str]
    source: str


_KUBELET = "pkg/kubelet/kubelet_pods.go (convertStatusToAPIStatus)"
_CRI = "containerd internal/cri/server/events.go, container_status.go"
_SHELL = "POSIX.1-2024, Shell Command Language, 2.8.2 Exit Status"
_SIGNALS = "signal(7); 128 + n is how shells, runc and the kubelet report signal n"

_MAX_EXIT_CODE = 255
_MAX_SIGNAL = 64
_SIGNAL_BASE = 128


def _reason(*names: str) -> Test:
    words = " or ".join(f"reason {name}" for name in names)
    return Test(words, lambda termination: termination.reason in names)


def _code(code: int) -> Test:
    return Test(f"exit code {code}", lambda termination: termination.exit_code == code)


def _both(one: Test, other: Test) -> Test:
    return Test(
        f"{one.words} and {other.words}",
        lambda termination: one.holds(termination) and other.holds(termination),
    )


def _signal_row(
    number: int, cause: Cause, name: str, meaning: str, step: Callable[[Termination], str]
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


def _logs(termination: Termination) -> str:
    return termination.previous_logs


def _completed(t: Termination) -> str:
    if t.kills_on_probe:
        return (
            f"{t.who} exited with code 0: the application ended by itself, or the kubelet stopped "
            "it after a failed probe and it left cleanly"
        )
    return f"{t.who} exited with code 0, without an error of its own"


def _completed_step(t: Termination) -> str:
    if t.kills_on_probe:
        return "Events named Killing or Unhealthy tell which; otherwise " + t.previous_logs
    return (
        "a container that should keep running must stay in the foreground, one that should end "
        "belongs in a Job; " + t.previous_logs
    )


def _out_of_memory(t: Termination) -> str:
    if t.memory_limit:
        return (
            f"{t.who} was killed for lack of memory (OOMKilled); "
            f"its memory limit is {t.memory_limit}"
        )
    return (
        f"{t.who} was killed for lack of memory (OOMKilled); it has no memory limit of its own, so "
        "the Pod's limit or the node's memory was used up"
    )


def _out_of_memory_step(t: Termination) -> str:
    if t.memory_limit:
        return "compare its memory use over time with the limit, then fix the leak or raise it"
    return f"compare the memory use of the Pod with its limits and with what {t.where} has"


def _killed(t: Termination) -> str:
    kubelet = ", the kubelet after a failed probe," if t.kills_on_probe else ""
    return (
        f"{t.who} exited with 137, which is what SIGKILL leaves, unless the application itself "
        "chose that code; lack of memory was not reported, and the Pod does not tell who killed it "
        f"(a process in the container{kubelet} or something on the node)"
    )


CAUSES: tuple[Row, ...] = (
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
        _out_of_memory,
        _out_of_memory_step,
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
        lambda t: f"{t.who} never ran: the container runtime could not start it",
        lambda _: (
            "lastState.terminated.message in kubectl get pod -o yaml has the runtime's reason; "
            "check command, mounts and security context"
        ),
        _CRI,
    ),
    Row(
        Cause.DEADLINE_EXCEEDED,
        _reason("DeadlineExceeded"),
        lambda t: f"{t.who} was stopped because it ran longer than it was allowed to",
        lambda _: "compare activeDeadlineSeconds with how long the work takes",
        "pkg/kubelet/active_deadline.go",
    ),
    Row(Cause.COMPLETED, _code(0), _completed, _completed_step, _KUBELET),
    Row(
        Cause.CONTAINER_TOOL_ERROR,
        _code(125),
        lambda t: (
            f"{t.who} exited with 125, which is how the docker and podman commands report an error "
            "of their own, unless the application itself chose that code"
        ),
        _logs,
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
    _signal_row(1, Cause.HUNG_UP, "SIGHUP", "its terminal or parent went away", _logs),
    _signal_row(2, Cause.INTERRUPTED, "SIGINT", "somebody or something interrupted it", _logs),
    _signal_row(3, Cause.QUIT, "SIGQUIT", "it was asked to quit, often with a dump", _logs),
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
    _signal_row(5, Cause.TRACE_TRAP, "SIGTRAP", "a trap or failed check inside it", _logs),
    _signal_row(
        6,
        Cause.ABORTED,
        "SIGABRT",
        "it gave up by itself, as after a failed assertion or an uncaught exception",
        _logs,
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
        8, Cause.ARITHMETIC_ERROR, "SIGFPE", "an arithmetic error such as a division by 0", _logs
    ),
    Row(
        Cause.KILLED,
        _code(_SIGNAL_BASE + 9),
        _killed,
        lambda t: f"look at the Pod's Events (Killing, Unhealthy) and at {t.where}",
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
        13, Cause.BROKEN_PIPE, "SIGPIPE", "it wrote to a pipe or socket without a reader", _logs
    ),
    Row(
        Cause.TERMINATED,
        _code(_SIGNAL_BASE + 15),
        lambda t: (
            f"{t.who} exited with 143, which is what SIGTERM leaves (something asked it to stop"
            + (", perhaps the kubelet after a failed probe" if t.kills_on_probe else "")
            + "), unless the application itself chose that code"
        ),
        lambda _: "the Pod's Events (Killing, Unhealthy) tell if the kubelet asked",
        _SIGNALS,
    ),
    Row(
        Cause.SIGNALED,
        Test(
            f"another exit code from {_SIGNAL_BASE + 1} to {_SIGNAL_BASE + _MAX_SIGNAL}",
            lambda t: (
                t.exit_code is not None and _SIGNAL_BASE < t.exit_code <= _SIGNAL_BASE + _MAX_SIGNAL
            ),
        ),
        lambda t: (
            f"{t.who} exited with {t.code}, which is what signal "
            f"{(t.exit_code or 0) - _SIGNAL_BASE} leaves, unless the application itself chose that "
            "code"
        ),
        _logs,
        _SIGNALS,
    ),
    Row(
        Cause.APPLICATION_ERROR,
        _code(_MAX_EXIT_CODE),
        lambda t: (
            f"{t.who} exited with 255, the application's own code for a failure, usually exit(-1)"
        ),
        _logs,
        "exit(3): the status is taken modulo 256",
    ),
    Row(
        Cause.APPLICATION_ERROR,
        Test("any other exit code", lambda t: t.exit_code is not None),
        lambda t: f"{t.who} failed with exit code {t.code}, a code of the application's own",
        _logs,
        "exit(3)",
    ),
    Row(
        Cause.UNRECOGNIZED,
        Test("no exit code", lambda _: True),
        lambda t: f"{t.who} ended in a way that the Pod does not tell: it has no exit code",
        _logs,
        "ContainerStateTerminated in core/v1/types.go requires exitCode",
    ),
)
"""The table of causes, in the order in which the rows are tried. The last one always holds."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What happened to one container, and what it means.

    Attributes:
        id: the crash id (`crash_id`).
        container: the container's name.
        cause: the machine-readable cause.
        restart_reason: reason and exit code in the form ``Completed (Exit Code: 0)``.
        exit_code: the exit code, or None where the Pod tells none.
        finished_at: when the container ended, or None where nobody knows.
        ended_by: the time by which it had ended for certain: finished_at, else when the container
            was started again, else None.
        sentence: what this means and where to look next.
    """

    id: str
    container: str
    cause: Cause
    restart_reason: str
    exit_code: int | None
    finished_at: datetime | None
    ended_by: datetime | None
    sentence: str


def crash_id(pod_uid: str, container: str, container_id: str, restart_count: int) -> str:
    """Name a crash so that each of its sightings gives the same name.

    The kubelet shows a termination two to four times, and restartCount rises between them; the
    terminated container's id is what stays. A container that the kubelet lost has none: there the
    count tells one loss from the next.

    Args:
        pod_uid: the Pod's uid.
        container: the container's name.
        container_id: ``terminated.containerID``; empty where the kubelet lost it.
        restart_count: the container's restartCount.

    Returns:
        16 hexadecimal digits.
    """
    which = container_id or f"restart {restart_count}"
    return hashlib.sha256(f"{pod_uid}\n{container}\n{which}".encode()).hexdigest()[:16]


def explain(termination: Termination) -> tuple[Cause, str]:
    """Find the row of a termination and word it.

    Args:
        termination: how a container ended.

    Returns:
        The cause, and one sentence: what it means and where to look next.
    """
    row = next(row for row in CAUSES if row.test.holds(termination))
    return row.cause, f"{row.meaning(termination)}; next: {row.next_step(termination)}."


def diagnose(pod: Pod) -> tuple[Diagnosis, ...]:
    """Say which of a Pod's containers crashed, and why.

    A container counts as crashed when it was restarted (``restartCount`` above 0) and
    ``lastState.terminated`` tells how it ended before.

    Args:
        pod: the Pod.

    Returns:
        A diagnosis for each such container, in the order of `Pod.containers`.
    """
    return tuple(_diagnosis(pod, *crashed) for crashed in _crashed(pod))


def terminations(pod: Pod) -> tuple[Termination, ...]:
    """Say how a Pod's crashed containers ended, before it is said what that means.

    Args:
        pod: the Pod.

    Returns:
        A termination for each diagnosis of `diagnose`, in its order.
    """
    return tuple(_termination(pod, *crashed) for crashed in _crashed(pod))


def _crashed(pod: Pod) -> Iterator[tuple[ContainerKind, ContainerStatus, Terminated]]:
    for kind, status in pod.containers():
        if not status.restartCount or status.restartCount < 0:
            continue
        if status.lastState is not None and status.lastState.terminated is not None:
            yield kind, status, status.lastState.terminated


def _termination(
    pod: Pod, kind: ContainerKind, status: ContainerStatus, terminated: Terminated
) -> Termination:
    declared = pod.declared(status.name)
    return Termination(
        kind=kind,
        namespace=pod.metadata.namespace,
        pod=pod.metadata.name,
        container=clean(status.name, 63),
        reason=clean(terminated.reason, 64),
        exit_code=terminated.exitCode,
        node=clean(pod.spec.nodeName, 253) if pod.spec else "",
        memory_limit=clean(declared.memory_limit, 32) if declared else "",
        kills_on_probe=declared is not None
        and (declared.livenessProbe is not None or declared.startupProbe is not None),
    )


def _diagnosis(
    pod: Pod, kind: ContainerKind, status: ContainerStatus, terminated: Terminated
) -> Diagnosis:
    termination = _termination(pod, kind, status, terminated)
    cause, sentence = explain(termination)
    running = status.state.running if status.state else None
    return Diagnosis(
        id=crash_id(
            pod.metadata.uid, status.name, terminated.containerID, status.restartCount or 0
        ),
        container=termination.container,
        cause=cause,
        restart_reason=(f"{termination.reason or 'Unknown'} (Exit Code: {termination.code})"),
        exit_code=terminated.exitCode,
        finished_at=terminated.finishedAt,
        ended_by=terminated.finishedAt or (running.startedAt if running else None),
        sentence=sentence,
    )
