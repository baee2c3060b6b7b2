"""The messages of a Pod, masked before anything is made of them."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pod_diagnoser.api.core_v1 import ContainerState, ContainerStatus, Pod, PodStatus, Waiting
from pod_diagnoser.diagnosis.redaction import redact_message

_AnyPod = TypeVar("_AnyPod", bound=Pod)

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
    if status is None or not _has_message(status):
        return pod
    changes = {
        name: changed
        for name in _LISTS
        if (changed := _masked_statuses(getattr(status, name), patterns)) is not None
    }
    changes |= _masked_status(status, patterns)
    if not changes:
        return pod
    return pod.model_copy(update={"status": status.model_copy(update=changes)})


def _has_message(status: PodStatus) -> bool:
    """Whether there is a message anywhere; most Pods have none."""
    if status.message:
        return True
    for condition in status.conditions:
        if condition.message:
            return True
    for statuses in (
        status.initContainerStatuses,
        status.containerStatuses,
        status.ephemeralContainerStatuses,
    ):
        for container in statuses:
            for state in (container.state, container.lastState):
                if state is None:
                    continue
                if (state.waiting or state.terminated or _NO_MESSAGE).message:
                    return True
    return False


_NO_MESSAGE = Waiting()


def _masked_status(status: PodStatus, patterns: Sequence[str]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if (message := _masked(status.message, patterns)) is not None:
        changes["message"] = message
    masked = [_masked(each.message, patterns) for each in status.conditions]
    if any(message is not None for message in masked):
        changes["conditions"] = tuple(
            each if message is None else each.model_copy(update={"message": message})
            for each, message in zip(status.conditions, masked, strict=True)
        )
    return changes


def _masked_statuses(
    statuses: Sequence[ContainerStatus], patterns: Sequence[str]
) -> tuple[ContainerStatus, ...] | None:
    """Mask the messages of containers; None where nothing changes."""
    masked = tuple(_masked_container(each, patterns) for each in statuses)
    return None if all(map(_is_same, masked, statuses)) else masked


def _is_same(one: object, other: object) -> bool:
    return one is other


def _masked_container(status: ContainerStatus, patterns: Sequence[str]) -> ContainerStatus:
    changes = {
        name: masked
        for name in ("state", "lastState")
        if (state := getattr(status, name)) is not None
        and (masked := _masked_state(state, patterns)) is not state
    }
    return status.model_copy(update=changes) if changes else status


def _masked_state(state: ContainerState, patterns: Sequence[str]) -> ContainerState:
    for name, part in (("waiting", state.waiting), ("terminated", state.terminated)):
        if part is not None and (message := _masked(part.message, patterns)) is not None:
            return state.model_copy(update={name: part.model_copy(update={"message": message})})
    return state


def _masked(message: str, patterns: Sequence[str]) -> str | None:
    """Mask a message; None where nothing is masked in it."""
    if not message:
        return None
    masked = redact_message(message, patterns)
    return None if masked == message else masked
