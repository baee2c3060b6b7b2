"""What the Events of a node prove of a container's end that its Pod cannot explain. Pure.

Sources: ``pkg/kubelet/oom/oom_watcher_linux.go``, ``pkg/kubelet/nodestatus/setters.go``,
``pkg/controller/nodelifecycle``, ``config/kernel-monitor.json`` of node-problem-detector,
``mm/oom_kill.c`` of Linux.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pod_diagnoser.diagnosis.evidence import EventFinding, NodeEvent, NodeEvents
from pod_diagnoser.diagnosis.symptoms import (
    CONTAINER_STATUS_UNKNOWN,
    SIGNAL_BASE,
    Symptom,
    SymptomKind,
)

_SIGKILL: Final = SIGNAL_BASE + 9
_LOST_STATUS: Final = 255
_LOST: Final = (CONTAINER_STATUS_UNKNOWN, "Unknown")

_EXPLAINED: Final = ("OOMKilled", "RestartingAllContainers", "StartError", "ContainerCannotRun")
"""Reasons that say what the exit code means."""

_SETTLED: Final = timedelta(seconds=2)
"""How long after an end the Events of the node are certainly there."""

_KILLED_WITHIN: Final = (timedelta(seconds=-2), timedelta(seconds=5))
"""How long after a container's end the kill of a process for lack of memory is reported: the times
are whole seconds, and node-problem-detector takes a moment to read the kernel's log."""

_REBOOTED_WITHIN: Final = (timedelta(seconds=-60), timedelta(minutes=5))
"""How long after a container's end the kubelet reports the reboot that ended it: the node has to
come up; and where the end was noticed only then, the report is a little earlier."""

_LOSS_NOTICED_WITHIN: Final = (timedelta(minutes=-5), timedelta(minutes=5))
"""The same for a container that was lost: by its next start at the latest, which may take."""

_HINT_WITHIN: Final = (timedelta(minutes=-5), timedelta(minutes=5))

_HINTS: Final = (
    "NodeNotReady",
    "NodeHasInsufficientMemory",
    "NodeHasDiskPressure",
    "NodeHasInsufficientPID",
    "SystemOOM",
    "OOMKilling",
    "EvictionThresholdMet",
    "Rebooted",
    "Shutdown",
    "Starting",
)
"""Reasons of Events that prove nothing of a container, and may have to do with its end; the most
telling first."""

_NODE_KILL: Final = "Out of memory: Kill"
"""In the kernel's words where the node ran out of memory; ``Memory cgroup out of memory: Kill``
where a cgroup did, which may be that of another Pod."""


class Found(NamedTuple):
    """An Event of a node that proves a cause, or is a hint where there is no finding.

    Attributes:
        finding: what it proves, or None.
        event: the Event.
        at: when it happened.
    """

    finding: EventFinding | None
    event: NodeEvent
    at: datetime


def may_explain(symptom: Symptom) -> bool:
    """Return whether the Events of a node may explain a container's end that the Pod cannot."""
    if symptom.kind is not SymptomKind.TERMINATED:
        return False
    if symptom.reason in _LOST:
        return True
    return symptom.exit_code in (_SIGKILL, _LOST_STATUS) and symptom.reason not in _EXPLAINED


def is_telling(event: NodeEvent) -> bool:
    """Return whether an Event may prove something, or be a hint."""
    # kube-proxy is started on a node, too, and says so in the same words.
    return event.reason in _HINTS and (event.reason != "Starting" or event.source == "kubelet")


def are_too_old(symptom: Symptom, read: NodeEvents | None) -> bool:
    """Return whether the Events of a node were read too early to tell of a container's end."""
    end = symptom.ended_by
    return read is not None and end is not None and read.read_at - end < _SETTLED


def find(symptom: Symptom, read: NodeEvents | None) -> Found | None:
    """Find the Event of a node that explains a container's end, or else is a hint.

    Args:
        symptom: the container's termination.
        read: the Events of its node, or None where they were not read.
    """
    end = symptom.ended_by
    if read is None or end is None or not may_explain(symptom):
        return None
    for event in read.events:
        at = _time_within(event, end, _KILLED_WITHIN)
        if at and symptom.exit_code == _SIGKILL and symptom.finished_at and _is_node_kill(event):
            return Found(EventFinding.NODE_OUT_OF_MEMORY, event, at)
    window = _LOSS_NOTICED_WITHIN if symptom.reason in _LOST else _REBOOTED_WITHIN
    for event in read.events:
        at = _time_within(event, end, window)
        if at and event.source == "kubelet" and event.reason == "Rebooted" and _ran(symptom, at):
            return Found(EventFinding.NODE_REBOOTED, event, at)
    hints = [
        (_HINTS.index(event.reason), event, at)
        for event in read.events
        if is_telling(event) and (at := _time_within(event, end, _HINT_WITHIN)) is not None
    ]
    if not hints:
        return None
    _, event, at = min(hints, key=lambda hint: (hint[0], abs(hint[2] - end), hint[1].message))
    return Found(None, event, at)


def _is_node_kill(event: NodeEvent) -> bool:
    """Whether an Event says that the kernel killed a process since the node ran out of memory."""
    if event.source == "kubelet":
        return event.reason == "SystemOOM"
    return event.reason == "OOMKilling" and _NODE_KILL in event.message


def _ran(symptom: Symptom, rebooted: datetime) -> bool:
    """Whether the container had started before the node was rebooted."""
    return symptom.started_at is None or symptom.started_at - rebooted < _REBOOTED_WITHIN[0]


def _time_within(
    event: NodeEvent, end: datetime, window: tuple[timedelta, timedelta]
) -> datetime | None:
    """Return when an Event happened, where that is within a time around a container's end."""
    earliest, latest = window
    return next(
        (
            at
            for at in (event.last, event.first)
            if at is not None and earliest <= at - end <= latest
        ),
        None,
    )
