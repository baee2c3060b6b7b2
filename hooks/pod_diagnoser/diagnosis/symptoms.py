"""Symptoms: what ended or failed in a Pod, with what of the Pod explains it. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.diagnosis.evidence import EventFinding, Evidence

MAX_MESSAGE_BYTES = 200
MAX_IMAGE_BYTES = 120

CRASH_LOOP_BACK_OFF = "CrashLoopBackOff"
POST_START_HOOK_ERROR = "PostStartHookError"
CONTAINER_CREATING = "ContainerCreating"
NEVER_RAN = ("StartError", "ContainerCannotRun")
CONTAINER_STATUS_UNKNOWN = "ContainerStatusUnknown"

SIGNAL_BASE = 128
"""Exit code 128 + n stands for signal n. Source: signal(7), POSIX shells, runc."""

RESTART_ALL = "RestartAllContainers"


class SymptomKind(StrEnum):
    """How an ending shows."""

    TERMINATED = "terminated"
    """A container terminated."""
    WAITING = "waiting"
    """A container is not started, since that fails."""
    POD = "pod"
    """The Pod as a whole was ended."""
    LASTING_CONDITION = "state"
    """Nothing ended: the Pod has been for long in a state in which it does not do its work."""


class LastingCondition(StrEnum):
    """States of a Pod in which it does not do its work."""

    UNSCHEDULABLE = "Unschedulable"
    NOT_CREATED = "NotCreated"
    NOT_READY = "NotReady"
    NODE_NOT_READY = "NodeNotReady"


@dataclass(frozen=True, slots=True)
class Symptom:
    """What ended or failed, with what of the Pod explains it. All texts are clean and bounded.

    Attributes:
        id: the crash id (`crash_id`).
        how: how it shows.
        kind: which kind of container; None for the Pod as a whole.
        namespace: the Pod's namespace.
        pod: the Pod's name.
        container: the container's name; empty for the Pod as a whole.
        reason: the reason that kubelet or runtime gave; may be empty.
        exit_code: the exit code, or None where the Pod tells none.
        message: what kubelet or runtime say in addition; empty where it is the application's own.
        node: the Pod's node, or an empty string.
        image: the container's image as the Pod's spec names it.
        memory_limit: the container's memory limit (a Kubernetes quantity), or an empty string.
        probes: the probes of the container for whose failure the kubelet stops it.
        post_start: whether the container has a postStart hook.
        resizable: whether a resize may restart the container.
        deadline: the Pod's activeDeadlineSeconds, or None.
        restart_rule: whether a restart rule of the container names this exit code.
        restart_rule_of_all: whether that rule has all containers of the Pod restarted.
        restarts: the container's restartCount.
        number: which end of its container this is, by the kubelet's count: the same from each of
            its sightings. 0 for what is no end.
        log_is_previous: whether its log is to be asked for as the previous one.
        last_message: what the container wrote to its termination log, as it stands there.
        restarted: whether it was restarted and this is how it had ended before.
        final: whether nothing will start it again in this Pod.
        backing_off: whether the kubelet lets time pass before it starts it again.
        started_at: when it had started, or None.
        finished_at: when it ended, or None where nobody knows.
        ended_by: the time by which it had ended for certain: finished_at, else when the container
            was started again, else None.
        evidence: what is known beyond the Pod's status, or None.
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
    node: str = ""
    image: str = ""
    memory_limit: str = ""
    probes: tuple[str, ...] = ()
    has_post_start_hook: bool = False
    resizable: bool = False
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

    @property
    def subject(self) -> str:
        """What it is about, in words: ``init container setup``."""
        kind = self.container_kind
        return f"{kind} {self.container}" if kind else f"Pod {self.pod}"

    @property
    def subject_capitalized(self) -> str:
        """What it is about, in words that start a sentence: ``Init container setup``."""
        subject = self.subject
        return subject[0].upper() + subject[1:]

    @property
    def exit_code_text(self) -> str:
        """The exit code, or ``unknown``."""
        return "unknown" if self.exit_code is None else str(self.exit_code)

    @property
    def node_phrase(self) -> str:
        """The node, in words that fit behind a verb."""
        return f"node {self.node}" if self.node else "its node"

    @property
    def event_finding(self) -> EventFinding | None:
        """What is proved beyond the Pod's status."""
        return self.evidence.finding if self.evidence else None

    @property
    def logs_step(self) -> str:
        """How to read what the container last wrote."""
        # A container that is not started again is not the previous one: its log is the current.
        previous = "" if self.final else " --previous"
        return (
            f"read its last words with kubectl logs -n {self.namespace} {self.pod} "
            f"-c {self.container}{previous}"
        )


def crash_id(pod_uid: str, container: str, container_id: str, restart_count: int) -> str:
    """Name a crash so that each of its sightings gives the same name.

    The kubelet shows a termination two to four times, and restartCount rises between them; the
    terminated container's id is what stays. A container that the kubelet lost has none: there the
    count tells one loss from the next.

    Args:
        pod_uid: the Pod's uid.
        container: the container's name; empty for the Pod as a whole.
        container_id: ``terminated.containerID``; empty where the kubelet lost it. What stands for
            an episode without a termination is the reason.
        restart_count: the container's restartCount.

    Returns:
        16 hexadecimal digits.
    """
    which = container_id or f"restart {restart_count}"
    return hashlib.sha256(f"{pod_uid}\n{container}\n{which}".encode()).hexdigest()[:16]


def termination_number(restart_count: int, *, counted: bool) -> int:
    """Say which end of its container a termination is, the same from each of its sightings.

    Args:
        restart_count: the container's restartCount.
        counted: whether the kubelet has counted the restart that followed: since then another
            container runs or has ended, or the kubelet had lost this one and counted that at once.
            It has not where the termination is ``state.terminated``, nor where the container
            waits: CrashLoopBackOff stands there with a count that has not risen yet.

    Returns:
        1 for the first one.
    """
    return restart_count if counted else restart_count + 1
