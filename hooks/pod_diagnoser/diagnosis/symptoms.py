"""Symptoms: what ended or failed in a Pod, with what of the Pod explains it."""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.diagnosis.evidence import EventFinding, Evidence, OutputReason
from pod_diagnoser.diagnosis.messages import Problem

MAX_REASON_BYTES = 64
MAX_MESSAGE_BYTES = 1024
MAX_IMAGE_BYTES = 255

CRASH_LOOP_BACK_OFF = "CrashLoopBackOff"
POST_START_HOOK_ERROR = "PostStartHookError"
RUN_CONTAINER_ERROR = "RunContainerError"
CONTAINER_CREATING = "ContainerCreating"
POD_INITIALIZING = "PodInitializing"
IMAGE_PULL_BACK_OFF = "ImagePullBackOff"
NODE_SHUTDOWN_REASONS = ("Terminated", "Shutdown", "NodeShutdown")
NEVER_RAN = ("StartError", "ContainerCannotRun")
CONTAINER_STATUS_UNKNOWN = "ContainerStatusUnknown"

SIGNAL_BASE = 128
"""Exit code 128 + n means signal n. Source: signal(7), POSIX shells, runc."""

_MAX_EXIT_CODE = 255

STATUS_CONTROL_C_EXIT = 0xC000013A
"""What Windows reports of a container that was stopped from outside."""

RESTART_ALL = "RestartAllContainers"


class SymptomKind(StrEnum):
    """How a symptom shows."""

    TERMINATED = "terminated"
    """A container terminated."""
    WAITING = "waiting"
    """A container is not started, since that fails."""
    POD = "pod"
    """The Pod as a whole ended."""
    LASTING_CONDITION = "state"
    """Nothing ended: the Pod has been for long in a condition in which it does not do its work."""


class LastingCondition(StrEnum):
    """Conditions in which a Pod does not do its work."""

    UNSCHEDULABLE = "Unschedulable"
    SCHEDULING_GATED = "SchedulingGated"
    """Scheduling gates are left, and no scheduler looks at it."""
    NOT_SCHEDULED = "NotScheduled"
    """No scheduler has said anything of it."""
    NOT_CREATED = "NotCreated"
    NOT_PICKED_UP = "NotPickedUp"
    """It has a node, whose kubelet has not begun with it."""
    INIT_CONTAINER_RUNS_AGAIN = "InitContainerRunsAgain"
    """It had ended, and is begun again while the Pod's own containers run."""
    NOT_INITIALIZED = "NotInitialized"
    """An init container runs on and on."""
    NOT_STARTED = "NotStarted"
    """A startup probe has not succeeded yet."""
    NOT_READY = "NotReady"
    READINESS_GATE_NOT_SET = "ReadinessGateNotSet"
    NODE_NOT_READY = "NodeNotReady"
    RESIZE_DEFERRED = "ResizeDeferred"
    """Its node has no room for its new size now."""
    RESIZE_INFEASIBLE = "ResizeInfeasible"
    """Its node can never give it its new size."""
    RESIZE_FAILED = "ResizeFailed"
    NOT_COMPLETED = "NotCompleted"
    """A container has done its work, and another one holds the Pod open."""
    NOT_DELETED = "NotDeleted"
    """Its deletion goes on long after the grace period."""


class Symptom(NamedTuple):
    """What ended or failed, with what of the Pod explains it.

    A tuple: a dataclass of so many fields takes several times as long to be made, compared and
    hashed. All texts are safe and bounded (`detection` makes them so), but `termination_message`.

    Attributes:
        id: the crash id (`crash_id`).
        kind: how it shows.
        container_kind: which kind of container; None for the Pod as a whole.
        namespace: the Pod's namespace.
        pod: the Pod's name.
        container: the container's name; empty for the Pod as a whole.
        reason: the reason that kubelet or runtime gave; may be empty.
        exit_code: the exit code, or None where the Pod has none.
        message: what kubelet or runtime say in addition, without the layers around it; empty where
            it is the application's own.
        problem: the kind of problem that this message tells of, or None.
        names: what it is about beside the container, by name: readiness gates that are not set,
            scheduling gates, finalizers, containers that are done, or that still run; the scheduler
            that a Pod waits for; of a Pod for which there is no node, its PersistentVolumeClaims.
        never_ran: whether the Pod failed before any of its containers was created.
        has_run: whether a container of a Pod that failed as a whole had been started.
        still_runs: whether containers run on in a Pod that is being deleted.
        node_lost: whether the Pod's node stopped reporting.
        ran_on: whether the Pod's own containers ran on while an init container was run again.
        node: the Pod's node, or an empty string.
        image: the container's image as the Pod's spec names it; that of an image volume where the
            container waits for one.
        memory_limit: the container's memory limit (a Kubernetes quantity), or an empty string.
        probes: the probes of the container for whose failure the kubelet stops it.
        has_post_start_hook: whether the container has a postStart hook.
        resizable: whether a resize may restart the container.
        spec_may_have_changed: whether the Pod's spec may have been changed since it was created.
        events_since: since when there may have been Events about the Pod, or None.
        deadline: the Pod's activeDeadlineSeconds, or None.
        restart_rule: whether a restart rule of the container names this exit code.
        restart_rule_of_all: whether that rule restarts all containers of the Pod.
        restarts: the container's restartCount.
        termination_number: which termination of its container this is, by the kubelet's count: the
            same whenever it is observed. 0 for what is no termination.
        log_is_previous: whether its log has to be requested as the previous one.
        termination_message: what the container wrote to its termination log, raw.
        restarted: whether the container was restarted since.
        final: whether nothing will start the container again in this Pod.
        backing_off: whether the kubelet waits before it starts the container again.
        started_at: when the container had started, or None.
        finished_at: when the container ended, or None where that is not known.
        ended_by: the time by which it had ended for certain: finished_at, else when the container
            was started again, else None.
        evidence: what is known beyond the Pod's status, or None.
        output: the reason that the container's own output gives, or None where none was read. No
            cause rests on it.
    """

    id: str
    kind: SymptomKind
    container_kind: ContainerKind | None
    namespace: str
    pod: str
    container: str = ""
    reason: str = ""
    exit_code: int | None = None
    message: str = ""
    problem: Problem | None = None
    names: tuple[str, ...] = ()
    never_ran: bool = False
    ran_on: bool = False
    has_run: bool = False
    still_runs: bool = False
    node_lost: bool = False
    node: str = ""
    image: str = ""
    memory_limit: str = ""
    probes: tuple[str, ...] = ()
    has_post_start_hook: bool = False
    resizable: bool = False
    spec_may_have_changed: bool = True
    events_since: datetime | None = None
    deadline: int | None = None
    restart_rule: bool = False
    restart_rule_of_all: bool = False
    restarts: int = 0
    termination_number: int = 0
    log_is_previous: bool = False
    termination_message: str = ""
    restarted: bool = False
    final: bool = False
    backing_off: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    ended_by: datetime | None = None
    evidence: Evidence | None = None
    output: OutputReason | None = None

    @property
    def exit_code_text(self) -> str:
        """The exit code, or ``unknown``."""
        return "unknown" if self.exit_code is None else str(self.exit_code)

    @property
    def windows_status(self) -> int | None:
        """The exit code as a Windows status (NTSTATUS); None for a code that any system has.

        Linux and applications use 0 to 255. The kubelet reports the 32 bits of Windows as a signed
        number. Source: [MS-ERREF] 2.3, ``ContainerStateTerminated`` in core/v1/types.go.
        """
        code = self.exit_code
        return None if code is None or 0 <= code <= _MAX_EXIT_CODE else code & 0xFFFFFFFF

    @property
    def ran_briefly(self) -> bool:
        """Whether the container ended within a second of its start, by times of whole seconds."""
        start, end = self.started_at, self.finished_at
        return start is not None and end is not None and end - start <= timedelta(seconds=1)

    @property
    def known_problem(self) -> Problem | None:
        """The kind of problem, by its Events or else by the message of its status."""
        by_events = self.evidence.problem if self.evidence else None
        return by_events or self.problem

    @property
    def event_finding(self) -> EventFinding | None:
        """What is proved beyond the Pod's status, or None."""
        return self.evidence.finding if self.evidence else None


@lru_cache(maxsize=1024)
def crash_id(pod_uid: str, container: str, container_id: str, restart_count: int) -> str:
    """Return the id of a crash, the same whenever the crash is observed.

    The kubelet shows a termination two to four times, and restartCount rises between them; what
    stays is the terminated container's id. A container that the kubelet lost has none: there the
    count distinguishes the losses. Remembered: a Pod is synced several times a crash.

    Args:
        pod_uid: the Pod's uid.
        container: the container's name; empty for the Pod as a whole.
        container_id: ``terminated.containerID``; empty where the kubelet lost it. For an episode
            without a termination it is a text that distinguishes it from others.
        restart_count: the container's restartCount.

    Returns:
        16 hexadecimal digits.
    """
    which = container_id or f"restart {restart_count}"
    return hashlib.sha256(f"{pod_uid}\n{container}\n{which}".encode()).hexdigest()[:16]


def termination_number(restart_count: int, *, counted: bool) -> int:
    """Return which termination of its container one is, the same whenever it is observed.

    Args:
        restart_count: the container's restartCount.
        counted: whether the kubelet has counted the restart that followed: since then another
            container runs or has ended, or the kubelet had lost this one and counted that at once.
            It has not where the termination is ``state.terminated``, nor where the container
            waits: with CrashLoopBackOff the count has not risen yet.

    Returns:
        1 for the first one.
    """
    return restart_count if counted else restart_count + 1
