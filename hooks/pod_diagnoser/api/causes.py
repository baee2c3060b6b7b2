"""Causes: why something ended or failed.

What each of them means, and what proves it, is the table of `pod_diagnoser.diagnosis.cause_rules`.
"""

from enum import StrEnum


class Cause(StrEnum):
    """The causes that annotations, status and Events use, in CamelCase as Kubernetes' reasons."""

    # The Pod as a whole
    EVICTED = "Evicted"
    POD_DEADLINE_EXCEEDED = "PodDeadlineExceeded"
    NODE_SHUTDOWN = "NodeShutdown"
    PREEMPTED = "Preempted"
    NODE_LOST = "NodeLost"
    NOT_ADMITTED = "NotAdmitted"
    POD_FAILED = "PodFailed"
    # A container that is not started
    IMAGE_PULL_FAILED = "ImagePullFailed"
    IMAGE_MISSING = "ImageMissing"
    INVALID_IMAGE_NAME = "InvalidImageName"
    IMAGE_UNUSABLE = "ImageUnusable"
    CONFIGURATION_ERROR = "ConfigurationError"
    CREATION_FAILED = "CreationFailed"
    CRASH_LOOP_BACK_OFF = "CrashLoopBackOff"
    # A lasting condition
    UNSCHEDULABLE = "Unschedulable"
    SCHEDULING_GATED = "SchedulingGated"
    NOT_SCHEDULED = "NotScheduled"
    VOLUME_NOT_MOUNTED = "VolumeNotMounted"
    SANDBOX_NOT_CREATED = "SandboxNotCreated"
    DEVICES_NOT_PREPARED = "DevicesNotPrepared"
    IMAGE_PULL_SLOW = "ImagePullSlow"
    NOT_CREATED = "NotCreated"
    NOT_PICKED_UP = "NotPickedUp"
    NOT_INITIALIZED = "NotInitialized"
    NOT_STARTED = "NotStarted"
    NOT_READY = "NotReady"
    READINESS_GATE_NOT_SET = "ReadinessGateNotSet"
    NODE_NOT_READY = "NodeNotReady"
    RESIZE_PENDING = "ResizePending"
    RESIZE_FAILED = "ResizeFailed"
    NOT_COMPLETED = "NotCompleted"
    NOT_DELETED = "NotDeleted"
    # A container that ended, by its Events
    LIVENESS_PROBE_FAILED = "LivenessProbeFailed"
    STARTUP_PROBE_FAILED = "StartupProbeFailed"
    POST_START_HOOK_FAILED = "PostStartHookFailed"
    SANDBOX_CHANGED = "SandboxChanged"
    RESTARTED_FOR_RESIZE = "RestartedForResize"
    DEFINITION_CHANGED = "DefinitionChanged"
    STOPPED_BY_KUBELET = "StoppedByKubelet"
    NODE_OUT_OF_MEMORY = "NodeOutOfMemory"
    NODE_REBOOTED = "NodeRebooted"
    RESTARTED_WITH_ALL = "RestartedWithAll"
    # A container that ended, by its status
    CONTAINER_STATUS_UNKNOWN = "ContainerStatusUnknown"
    EXIT_STATUS_LOST = "ExitStatusLost"
    OUT_OF_MEMORY = "OutOfMemory"
    CHILD_OUT_OF_MEMORY = "ChildOutOfMemory"
    START_FAILED = "StartFailed"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    INIT_CONTAINER_RUN_AGAIN = "InitContainerRunAgain"
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
    WINDOWS_ERROR = "WindowsError"
    APPLICATION_ERROR = "ApplicationError"
    UNRECOGNIZED = "Unrecognized"


LASTING_CONDITIONS = frozenset(
    {
        Cause.UNSCHEDULABLE,
        Cause.SCHEDULING_GATED,
        Cause.NOT_SCHEDULED,
        Cause.VOLUME_NOT_MOUNTED,
        Cause.SANDBOX_NOT_CREATED,
        Cause.DEVICES_NOT_PREPARED,
        Cause.IMAGE_PULL_SLOW,
        Cause.NOT_CREATED,
        Cause.NOT_PICKED_UP,
        Cause.NOT_INITIALIZED,
        Cause.NOT_STARTED,
        Cause.NOT_READY,
        Cause.READINESS_GATE_NOT_SET,
        Cause.NODE_NOT_READY,
        Cause.RESIZE_PENDING,
        Cause.RESIZE_FAILED,
        Cause.NOT_COMPLETED,
        Cause.NOT_DELETED,
    }
)
"""Causes of lasting conditions, in which nothing ended."""

TRANSIENT = LASTING_CONDITIONS | {
    Cause.IMAGE_PULL_FAILED,
    Cause.IMAGE_MISSING,
    Cause.INVALID_IMAGE_NAME,
    Cause.IMAGE_UNUSABLE,
    Cause.CONFIGURATION_ERROR,
    Cause.CREATION_FAILED,
    Cause.CRASH_LOOP_BACK_OFF,
}
"""Causes of symptoms that may be gone later; what terminated stays terminated."""

REQUESTED_RESTARTS = frozenset(
    {Cause.RESTARTED_FOR_RESIZE, Cause.DEFINITION_CHANGED, Cause.RESTARTED_WITH_ALL}
)
"""Causes of restarts that somebody requested: no crashes."""
