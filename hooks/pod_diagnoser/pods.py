"""What is read of a Pod: the few fields that a diagnosis rests on.

Everything else is skipped while it is parsed, so that a Pod of 15 KB costs microseconds. A field
that is absent or null reads as its empty value; fields that are not known here (of a newer
Kubernetes, say) are passed over.

Source of the shapes: ``staging/src/k8s.io/api/core/v1/types.go``.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
)
from pydantic_core import core_schema

from pod_diagnoser.times import parse_time

_T = TypeVar("_T")


class OrNull:
    """Lets a field be null, and reads null as its empty value.

    A validator written in Python would be called for every value; here pydantic reads what is there
    by itself, and Python is asked for nulls alone.

    Args:
        empty: makes the empty value.
    """

    def __init__(self, empty: Callable[[], object]) -> None:
        self._empty = empty

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Tell pydantic how to read the field."""
        null = core_schema.no_info_after_validator_function(
            lambda _: self._empty(), core_schema.none_schema()
        )
        return core_schema.union_schema([handler(source), null], mode="left_to_right")


def _time(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    return parse_time(value) if isinstance(value, str) else None


MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a static Pod's mirror. Source: ``pkg/kubelet/types/pod_update.go``."""

Many = Annotated[tuple[_T, ...], OrNull(tuple)]
"""A list that may be null."""

Strings = Annotated[dict[str, str], OrNull(dict)]
"""Labels or annotations, which may be null."""

Text = Annotated[str, OrNull(str)]
"""A string that may be null."""

Time = Annotated[datetime | None, BeforeValidator(_time)]
"""A time that may be missing, null, zero or malformed: all of these are None."""

KnownTime = Annotated[datetime, BeforeValidator(_time)]
"""A time that has to be one."""

Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]
"""A number as wide as the API server keeps exit codes and restart counts."""

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""A number as wide as Go reads it back: a wider one in an answer makes all of it unreadable."""

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_MAX_NAME = 253

Name = Annotated[str, StringConstraints(pattern=f"^{_SUBDOMAIN}$", max_length=_MAX_NAME)]
"""A DNS-1123 subdomain, as the API server requires of the names of Pods and custom resources.

Source: ``IsDNS1123Subdomain`` in ``staging/src/k8s.io/apimachinery/pkg/util/validation``.
"""

_NAME = re.compile(_SUBDOMAIN)


def is_name(text: str) -> bool:
    """Tell whether an object can have a name (`Name`).

    Args:
        text: any text.

    Returns:
        Whether it can.
    """
    return len(text) <= _MAX_NAME and _NAME.fullmatch(text) is not None


Uid = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=128)]
"""An opaque identifier: printable ASCII without spaces."""


class Read(BaseModel):
    """A part of an object that is read, never written: immutable, tolerant of unknown fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=False)


class OwnerReference(Read):
    """An entry of ``metadata.ownerReferences``."""

    apiVersion: Text = ""  # noqa: N815 (the API's spelling, as everywhere in these models)
    kind: Text = ""
    name: Text = ""
    uid: Text = ""
    controller: bool | None = None


class ObjectMeta(Read):
    """The metadata that is read of every object."""

    name: Name
    namespace: Name
    uid: Uid
    labels: Strings = Field(default_factory=dict)
    annotations: Strings = Field(default_factory=dict)
    creationTimestamp: Text = ""  # noqa: N815
    deletionTimestamp: Text = ""  # noqa: N815

    @property
    def terminating(self) -> bool:
        """Whether the object is being deleted."""
        return bool(self.deletionTimestamp)


class OwnedMeta(ObjectMeta):
    """The metadata of an object of which it matters how old and whose it is, and which version."""

    resourceVersion: Text = ""  # noqa: N815
    ownerReferences: Many[OwnerReference] = ()  # noqa: N815


class Terminated(Read):
    """``ContainerStateTerminated``: how a container ended."""

    exitCode: Int32 | None = None  # noqa: N815
    reason: Text = ""
    message: Text = ""
    startedAt: Time = None  # noqa: N815
    finishedAt: Time = None  # noqa: N815
    containerID: Text = ""  # noqa: N815


class Running(Read):
    """``ContainerStateRunning``."""

    startedAt: Time = None  # noqa: N815


class Waiting(Read):
    """``ContainerStateWaiting``: why a container does not run yet, or not again."""

    reason: Text = ""
    message: Text = ""


class ContainerState(Read):
    """``ContainerState``: at most one of its members is set."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Read):
    """``ContainerStatus``: one container as the kubelet reports it."""

    name: Text = ""
    imageID: Text = ""  # noqa: N815
    ready: bool | None = None
    restartCount: Int32 | None = None  # noqa: N815
    state: ContainerState | None = None
    lastState: ContainerState | None = None  # noqa: N815


class PodCondition(Read):
    """``PodCondition``."""

    type: Text = ""
    status: Text = ""
    reason: Text = ""
    message: Text = ""
    lastTransitionTime: Time = None  # noqa: N815


class PodStatus(Read):
    """``PodStatus``: how the Pod as a whole fares, and the three lists of containers."""

    phase: Text = ""
    reason: Text = ""
    message: Text = ""
    conditions: Many[PodCondition] = ()
    initContainerStatuses: Many[ContainerStatus] = ()  # noqa: N815
    containerStatuses: Many[ContainerStatus] = ()  # noqa: N815
    ephemeralContainerStatuses: Many[ContainerStatus] = ()  # noqa: N815


class Resources(Read):
    """``ResourceRequirements``: the limits alone."""

    limits: dict[str, Any] | None = None


class Probe(Read):
    """``Probe``: only whether there is one matters."""


class LifecycleHandler(Read):
    """``LifecycleHandler``: only whether there is one matters."""


class Lifecycle(Read):
    """``Lifecycle``: the hooks of a container."""

    postStart: LifecycleHandler | None = None  # noqa: N815


class ContainerResizePolicy(Read):
    """``ContainerResizePolicy`` (KEP-1287)."""

    restartPolicy: Text = ""  # noqa: N815


class RestartRuleOnExitCodes(Read):
    """``ContainerRestartRuleOnExitCodes`` (KEP-5307)."""

    operator: Text = ""
    values: Many[Int32] = ()


class RestartRule(Read):
    """``ContainerRestartRule`` (KEP-5307): what is done on which exit codes."""

    action: Text = ""
    exitCodes: RestartRuleOnExitCodes | None = None  # noqa: N815

    def names(self, exit_code: int) -> bool:
        """Whether it is about an exit code."""
        if self.exitCodes is None:
            return False
        within = exit_code in self.exitCodes.values
        return within if self.exitCodes.operator == "In" else not within


class Container(Read):
    """``Container``: what a termination is explained with."""

    name: Text = ""
    image: Text = ""
    restartPolicy: Text = ""  # noqa: N815
    restartPolicyRules: Many[RestartRule] = ()  # noqa: N815
    resources: Resources | None = None
    resizePolicy: Many[ContainerResizePolicy] = ()  # noqa: N815
    lifecycle: Lifecycle | None = None
    livenessProbe: Probe | None = None  # noqa: N815
    startupProbe: Probe | None = None  # noqa: N815
    readinessProbe: Probe | None = None  # noqa: N815

    @property
    def memory_limit(self) -> str:
        """The memory limit as the Pod states it (a Kubernetes quantity), or an empty string."""
        limits = (self.resources and self.resources.limits) or {}
        return str(limits.get("memory") or "")


class PodSpec(Read):
    """``PodSpec``: what a termination is explained with."""

    activeDeadlineSeconds: int | None = None  # noqa: N815
    nodeName: Text = ""  # noqa: N815
    priorityClassName: Text = ""  # noqa: N815
    restartPolicy: Text = ""  # noqa: N815
    initContainers: Many[Container] = ()  # noqa: N815
    containers: Many[Container] = ()
    ephemeralContainers: Many[Container] = ()  # noqa: N815


class ContainerKind(StrEnum):
    """Which of a Pod's lists a container is in, and as what, in the words people use."""

    CONTAINER = "container"
    INIT = "init container"
    SIDECAR = "sidecar container"
    """A restartable init container (KEP-753): ``restartPolicy: Always`` on an init container."""
    EPHEMERAL = "ephemeral container"


class Pod(Read):
    """A Pod, as far as it is read."""

    metadata: ObjectMeta
    spec: PodSpec | None = None
    status: PodStatus | None = None

    def containers(self) -> Iterator[tuple[ContainerKind, ContainerStatus]]:
        """Go through all containers of which the kubelet reports.

        Returns:
            The kind and the status of each: the Pod's own containers first, then its init
            containers and sidecars, then ephemeral ones, in the order of the Pod's lists.
        """
        if self.status is None:
            return
        for status in self.status.containerStatuses:
            yield ContainerKind.CONTAINER, status
        for status in self.status.initContainerStatuses:
            declared = self.declared(status.name)
            sidecar = declared is not None and declared.restartPolicy == "Always"
            yield (ContainerKind.SIDECAR if sidecar else ContainerKind.INIT), status
        for status in self.status.ephemeralContainerStatuses:
            yield ContainerKind.EPHEMERAL, status

    def condition(self, kind: str) -> PodCondition | None:
        """Look up a condition.

        Args:
            kind: its type.

        Returns:
            The condition, or None.
        """
        conditions = self.status.conditions if self.status else ()
        return next((each for each in conditions if each.type == kind), None)

    def declared(self, name: str) -> Container | None:
        """Look up a container in the Pod's spec.

        Args:
            name: the container's name, which is unique over all lists of a Pod.

        Returns:
            What the spec says of it, or None where it names no such container.
        """
        if self.spec is None:
            return None
        for container in (
            *self.spec.containers,
            *self.spec.initContainers,
            *self.spec.ephemeralContainers,
        ):
            if container.name == name:
                return container
        return None


class OwnedPod(Pod):
    """A Pod with what decides whether it may be replaced."""

    metadata: OwnedMeta
