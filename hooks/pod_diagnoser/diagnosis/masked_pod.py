"""The messages of a Pod, masked before anything is made of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from pod_diagnoser.api.core_v1 import (
    ContainerState,
    ContainerStatus,
    Pod,
    PodCondition,
    PodStatus,
    Terminated,
    Waiting,
)
from pod_diagnoser.diagnosis.redaction import MAX_READ, redact_message

_AnyPod = TypeVar("_AnyPod", bound=Pod)
_Saying = TypeVar("_Saying", PodStatus, PodCondition, Waiting | None, Terminated | None)

MAX_POD_CHARS: Final = 64 * 1024
"""How many characters of all messages of a Pod are masked; the others are withheld. Kubelet and
runtime say some kilobytes; what containers say themselves is 12 KiB together at most.

Source: ``k8s.io/api/core/v1/types.go`` (``terminationMessagePath``).
"""

TOO_LONG: Final = "(not shown: the messages of this Pod are too long)"
"""Shown instead of a message for which there is nothing left of `MAX_POD_CHARS`."""

_LISTS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def mask_messages(pod: _AnyPod, patterns: Sequence[str] = ()) -> _AnyPod:
    """Mask secrets in all that kubelet, runtime and scheduler say in a Pod's status.

    Args:
        pod: the Pod.
        patterns: regular expressions (RE2) of what is masked beside what always is.

    Returns:
        The Pod; the very same where there is nothing to mask.
    """
    status = pod.status
    messages = [] if status is None else _messages(status)
    masked = _masked(messages, patterns) if messages else None
    if status is None or not masked:
        return pod
    return pod.model_copy(update={"status": _with_messages(status, masked)})


def _messages(status: PodStatus) -> list[str]:
    """Return all messages; most Pods have none."""
    messages = [status.message, *[each.message for each in status.conditions]]
    for container in (
        *status.initContainerStatuses,
        *status.containerStatuses,
        *status.ephemeralContainerStatuses,
    ):
        for state in (container.state, container.lastState):
            if state is None:
                continue
            if state.waiting is not None:
                messages.append(state.waiting.message)
            if state.terminated is not None:
                messages.append(state.terminated.message)
    return [each for each in messages if each]


def _masked(messages: Iterable[str], patterns: Sequence[str]) -> dict[str, str]:
    """Mask messages; return those that change."""
    changed: dict[str, str] = {}
    left = MAX_POD_CHARS
    for message in messages:
        left -= min(len(message), MAX_READ)
        masked = redact_message(message, patterns) if left >= 0 else TOO_LONG
        if masked != message:
            changed.setdefault(message, masked)
    return changed


def _with_messages(status: PodStatus, masked: Mapping[str, str]) -> PodStatus:
    def container(of: ContainerStatus) -> ContainerStatus:
        return of.model_copy(update={"state": state(of.state), "lastState": state(of.lastState)})

    def state(of: ContainerState | None) -> ContainerState | None:
        if of is None:
            return None
        changes = {"waiting": said(of.waiting), "terminated": said(of.terminated)}
        return of.model_copy(update=changes)

    def said(part: _Saying) -> _Saying:
        if part is None or part.message not in masked:
            return part
        return part.model_copy(update={"message": masked[part.message]})

    changes: dict[str, Any] = {
        name: tuple(map(container, getattr(status, name))) for name in _LISTS
    }
    changes["conditions"] = tuple(map(said, status.conditions))
    return said(status).model_copy(update=changes)
