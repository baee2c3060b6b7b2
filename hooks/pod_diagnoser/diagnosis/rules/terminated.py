"""Rows about a container that terminated."""

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.diagnosis import phrases
from pod_diagnoser.diagnosis.evidence import EventFinding
from pod_diagnoser.diagnosis.phrases import Template
from pod_diagnoser.diagnosis.rules.row import (
    CONTAINERD_CRI,
    KUBELET_CONTAINER,
    KUBELET_MANAGER,
    KUBELET_STATUS,
    LOGS_STEP,
    CauseRule,
    Predicate,
    all_of,
    has_exit_code,
    has_finding,
    has_reason,
)
from pod_diagnoser.diagnosis.symptoms import SIGNAL_BASE, Symptom, SymptomKind

_SHELL = "POSIX.1-2024, Shell Command Language, 2.8.2 Exit Status"


_SIGNALS = "signal(7); 128 + n is how shells, runc and the kubelet report signal n"


_NOT_PROVED = "{exit}; not proved: the application may use this code itself[; {restart_rule}]"


_SIGNAL_EVIDENCE = (
    "exit code {exit_code} is 128 + signal {signal}; not proved: the application may use this code "
    "itself[; {restart_rule}]"
)


_NTSTATUS = "[MS-ERREF] 2.3.1 NTSTATUS Values"


_EXCEPTION = "Windows SEH exception code; dotnet/runtime corexcep.h, MSVC ehdata.h"


_MAX_EXIT_CODE = 255


_MAX_SIGNAL = 64


def _signal_rule(
    number: int, cause: Cause, name: str, meaning: str, next_step: str = LOGS_STEP
) -> CauseRule:
    return CauseRule(
        cause,
        has_exit_code(SIGNAL_BASE + number),
        f"{{Subject}} was killed by {name} (exit code {{exit_code}}): {meaning}",
        _SIGNAL_EVIDENCE,
        next_step,
        _SIGNALS,
    )


def _probe_rule(finding: EventFinding, cause: Cause, name: str, next_step: str) -> CauseRule:
    return CauseRule(
        cause,
        has_finding(finding, f"an Event named Killing: failed {name} probe"),
        f"{{Subject}} was stopped by the kubelet: its {name} probe failed[: {{event_detail}}]",
        "Event {event}; {exit_clause}[ {run} after its start][; {child_out_of_memory}]"
        "[; {restart_rule}]",
        next_step,
        KUBELET_MANAGER,
    )


def _windows_rule(
    status: int, cause: Cause, name: str, meaning: str, next_step: str | Template = LOGS_STEP
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


TERMINATED_RULES: tuple[CauseRule, ...] = (
    CauseRule(
        Cause.NODE_OUT_OF_MEMORY,
        has_finding(
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
        has_finding(EventFinding.NODE_REBOOTED, "an Event Rebooted of its node at its end"),
        "{Subject} ended when {node} was rebooted",
        "Event {event} of the node; {exit}[ after {run}]",
        "[find out why the node was rebooted: ]{describe_node}",
        "pkg/kubelet/nodestatus/setters.go",
    ),
    CauseRule(
        Cause.RESTARTED_WITH_ALL,
        has_reason("RestartingAllContainers"),
        "{Subject} was restarted with all containers of the Pod because of a restart rule",
        "reason {reason}; exit code {exit_code} is only a placeholder",
        "[look at the container whose exit the rule names: ]{describe}",
        "KEP-5532",
    ),
    CauseRule(
        Cause.CONTAINER_STATUS_UNKNOWN,
        has_reason("ContainerStatusUnknown"),
        "{Subject} was lost by the kubelet: how it ended is not known",
        "reason {reason}; exit code {exit_code} is only a placeholder[; on its node: {hint}]",
        "[find out what happened to the node, its kubelet and runtime: ]{describe_node}",
        KUBELET_STATUS,
    ),
    CauseRule(
        Cause.EXIT_STATUS_LOST,
        all_of(has_reason("Unknown"), has_exit_code(_MAX_EXIT_CODE)),
        "{Subject} was lost by the container runtime: how it ended is not known",
        "reason Unknown; exit code 255 and the time of its end are only placeholders[; {hint}]",
        "[look for a restart or loss of power of the node or its runtime: ]{describe_node}",
        CONTAINERD_CRI,
    ),
    CauseRule(
        Cause.OUT_OF_MEMORY,
        all_of(has_reason("OOMKilled"), has_exit_code(SIGNAL_BASE + 9)),
        phrases.out_of_memory,
        "{exit}[ after {run}][; {restart_rule}]",
        phrases.out_of_memory_step,
        CONTAINERD_CRI,
    ),
    CauseRule(
        Cause.START_FAILED,
        has_reason("StartError", "ContainerCannotRun"),
        phrases.never_ran,
        phrases.never_ran_evidence,
        phrases.step_by_problem(
            "follow the message; where it names nothing of the Pod, the runtime's log on {node}"
        ),
        CONTAINERD_CRI,
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
        has_finding(
            EventFinding.POST_START_HOOK, "PostStartHookError, or an Event FailedPostStartHook"
        ),
        "{Subject} was stopped by the kubelet because its postStart hook failed[: {event_detail}]",
        phrases.post_start_hook_evidence,
        "[check what lifecycle.postStart runs, and what that needs: ]{logs}",
        KUBELET_CONTAINER,
    ),
    CauseRule(
        Cause.RESTARTED_FOR_RESIZE,
        has_finding(EventFinding.RESIZED, "an Event named Killing: resize requires restart"),
        "{Subject} was restarted on purpose, for a resize of its resources",
        "Event {event}; {exit_clause}",
        "nothing; resizePolicy NotRequired avoids the restart",
        "KEP-1287; " + KUBELET_MANAGER,
    ),
    CauseRule(
        Cause.DEFINITION_CHANGED,
        has_finding(EventFinding.DEFINITION_CHANGED, "an Event named Killing: definition changed"),
        "{Subject} was restarted on purpose: its image was changed in place",
        "Event {event}; {exit_clause}",
        "nothing, if that change was meant",
        KUBELET_MANAGER,
    ),
    CauseRule(
        Cause.SANDBOX_CHANGED,
        has_finding(EventFinding.SANDBOX_CHANGED, "an Event SandboxChanged"),
        "{Subject} was stopped because the Pod's sandbox was lost and created again",
        "Event {event}; {exit_clause}",
        "[look for a restart of the node, its runtime or its network plug-in: ]{describe_node}",
        KUBELET_MANAGER,
    ),
    CauseRule(
        Cause.STOPPED_BY_KUBELET,
        has_finding(EventFinding.STOPPED, "an Event named Killing that gives no reason"),
        "{Subject} was stopped by the kubelet, which does not say why",
        "Event {event}; {exit_clause}",
        "[look at the Pod's other Events: ]{describe}",
        KUBELET_CONTAINER,
    ),
    CauseRule(
        Cause.NOT_EXECUTABLE,
        has_finding(EventFinding.EXEC_FORMAT, "its log is one line: exec … exec format error"),
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
        has_finding(
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
        has_reason("OOMKilled"),
        "{Subject} lost a child process to an out-of-memory kill, and ended with {exit_code}",
        "{exit}, not 137: the main process was not killed[; limit {limit}][; {restart_rule}]",
        "[see which process used up the memory: ]{logs}",
        CONTAINERD_CRI,
    ),
    CauseRule(
        Cause.DEADLINE_EXCEEDED,
        has_reason("DeadlineExceeded"),
        "{Subject} was stopped because it ran longer than allowed",
        "{exit}[ after {run}]",
        "raise activeDeadlineSeconds, or find out why the work takes longer",
        "pkg/kubelet/active_deadline.go",
    ),
    CauseRule(
        Cause.INIT_CONTAINER_RUN_AGAIN,
        all_of(
            has_exit_code(0),
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
        KUBELET_MANAGER,
    ),
    CauseRule(
        Cause.COMPLETED,
        has_exit_code(0),
        phrases.completed,
        phrases.completed_evidence,
        phrases.completed_step,
        KUBELET_STATUS,
    ),
    CauseRule(
        Cause.CONTAINER_TOOL_ERROR,
        has_exit_code(125),
        "{Subject} exited with code 125, with which docker and podman report their own errors",
        _NOT_PROVED,
        LOGS_STEP,
        "docker run and podman run reference, Exit status",
    ),
    CauseRule(
        Cause.NOT_EXECUTABLE,
        has_exit_code(126),
        "{Subject} exited with code 126: a shell found the command but could not execute it",
        _NOT_PROVED,
        "[see which file it was, and check its mode, #! line and architecture: ]{logs}",
        _SHELL,
    ),
    CauseRule(
        Cause.COMMAND_NOT_FOUND,
        has_exit_code(127),
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
        has_exit_code(SIGNAL_BASE + 9),
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
        has_exit_code(SIGNAL_BASE + 15),
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
        LOGS_STEP,
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
        LOGS_STEP,
        _NTSTATUS,
    ),
    CauseRule(
        Cause.APPLICATION_ERROR,
        has_exit_code(_MAX_EXIT_CODE),
        phrases.application_error,
        phrases.exit_255_evidence,
        LOGS_STEP,
        "exit(3): the status is taken modulo 256",
    ),
    CauseRule(
        Cause.APPLICATION_ERROR,
        Predicate(
            "any other exit code", lambda symptom: symptom.exit_code is not None, ("exit_code",)
        ),
        phrases.application_error,
        phrases.exit_code_evidence,
        LOGS_STEP,
        "exit(3)",
    ),
    CauseRule(
        Cause.UNRECOGNIZED,
        Predicate("no exit code", lambda _: True),
        "{Subject} ended, and the Pod's status does not say how",
        "it has no exit code[; reason {reason}]",
        LOGS_STEP,
        "ContainerStateTerminated in core/v1/types.go requires exitCode",
    ),
)
