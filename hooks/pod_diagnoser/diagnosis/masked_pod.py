"""The messages of a Pod, masked before anything is made of them."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pod_diagnoser.api.core_v1 import ContainerState, ContainerStatus, Pod, PodStatus, Waiting
from pod_diagnoser.diagnosis.redaction import MAX_READ, redact_message

_AnyPod = TypeVar("_AnyPod", bound=Pod)

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
    if status is None or not _has_message(status):
        return pod
    changes = _Masker(patterns).status(status)
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


class _Masker:
    """Masks the messages of one Pod.

    Args:
        patterns: regular expressions (RE2) of what is masked beside what always is.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        self._left = MAX_POD_CHARS

    def status(self, status: PodStatus) -> dict[str, Any]:
        """Return what changes in a status."""
        changes: dict[str, Any] = {}
        if (message := self._masked(status.message)) is not None:
            changes["message"] = message
        masked = [self._masked(each.message) for each in status.conditions]
        if any(message is not None for message in masked):
            changes["conditions"] = tuple(
                each if message is None else each.model_copy(update={"message": message})
                for each, message in zip(status.conditions, masked, strict=True)
            )
        for name in _LISTS:
            if (containers := self._containers(getattr(status, name))) is not None:
                changes[name] = containers
        return changes

    def _containers(
        self, statuses: Sequence[ContainerStatus]
    ) -> tuple[ContainerStatus, ...] | None:
        """Mask the messages of containers; None where nothing changes."""
        masked = tuple(map(self._container, statuses))
        return None if all(map(_is_same, masked, statuses)) else masked

    def _container(self, status: ContainerStatus) -> ContainerStatus:
        changes = {
            name: masked
            for name in ("state", "lastState")
            if (state := getattr(status, name)) is not None
            and (masked := self._state(state)) is not state
        }
        return status.model_copy(update=changes) if changes else status

    def _state(self, state: ContainerState) -> ContainerState:
        for name, part in (("waiting", state.waiting), ("terminated", state.terminated)):
            if part is not None and (message := self._masked(part.message)) is not None:
                return state.model_copy(update={name: part.model_copy(update={"message": message})})
        return state

    def _masked(self, message: str) -> str | None:
        """Mask a message; None where nothing is masked in it."""
        if not message:
            return None
        self._left -= min(len(message), MAX_READ)
        masked = redact_message(message, self._patterns) if self._left >= 0 else TOO_LONG
        return None if masked == message else masked


def _is_same(one: object, other: object) -> bool:
    return one is other
