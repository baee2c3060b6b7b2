"""What is read of a Pod: the few fields that a diagnosis rests on.

Everything else is skipped while it is parsed, so that a Pod of 15 KB costs microseconds. A field
that is absent or null reads as its empty value; fields that are not known here (of a newer
Kubernetes, say) are passed over.

Source of the shapes: ``staging/src/k8s.io/api/core/v1/types.go``.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from pod_diagnoser.api.fields import Int32, Many, Name, Strings, Text, Time, Uid, WireModel
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.api.time import parse_time

MIRROR_POD_ANNOTATION = "kubernetes.io/config.mirror"
"""The annotation of a static Pod's mirror. Source: ``pkg/kubelet/types/pod_update.go``."""


class OwnerReference(WireModel):
    """An entry of ``metadata.ownerReferences``."""

    apiVersion: Text = ""
    kind: Text = ""
    name: Text = ""
    uid: Text = ""
    controller: bool | None = None


class ObjectMeta(WireModel):
    """The metadata that is read of every object."""

    name: Name
    namespace: Name
    uid: Uid
    labels: Strings = Field(default_factory=dict)
    annotations: Strings = Field(default_factory=dict)
    creationTimestamp: Text = ""
    deletionTimestamp: Text = ""

    @property
    def created(self) -> datetime | None:
        """When the object was created; None where that is not known."""
        return parse_time(self.creationTimestamp)

    @property
    def terminating(self) -> bool:
        """Whether the object is being deleted."""
        return bool(self.deletionTimestamp)


class OwnedMeta(ObjectMeta):
    """The metadata of an object of which it matters how old and whose it is, and which version."""

    resourceVersion: Text = ""
    ownerReferences: Many[OwnerReference] = ()


class Terminated(WireModel):
    """``ContainerStateTerminated``: how a container ended."""

    exitCode: Int32 | None = None
    reason: Text = ""
    message: Text = ""
    startedAt: Time = None
    finishedAt: Time = None
    containerID: Text = ""


class Running(WireModel):
    """``ContainerStateRunning``."""

    startedAt: Time = None


class Waiting(WireModel):
    """``ContainerStateWaiting``: why a container does not run yet, or not again."""

    reason: Text = ""
    message: Text = ""


class ContainerState(WireModel):
    """``ContainerState``: at most one of its members is set."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(WireModel):
    """``ContainerStatus``: one container as the kubelet reports it."""

    name: Text = ""
    imageID: Text = ""
    ready: bool | None = None
    restartCount: Int32 | None = None
    state: ContainerState | None = None
    lastState: ContainerState | None = None


class PodCondition(WireModel):
    """``PodCondition``."""

    type: Text = ""
    status: Text = ""
    reason: Text = ""
    message: Text = ""
    lastTransitionTime: Time = None


class PodStatus(WireModel):
    """``PodStatus``: how the Pod as a whole fares, and the three lists of containers."""

    phase: Text = ""
    reason: Text = ""
    message: Text = ""
    conditions: Many[PodCondition] = ()
    initContainerStatuses: Many[ContainerStatus] = ()
    containerStatuses: Many[ContainerStatus] = ()
    ephemeralContainerStatuses: Many[ContainerStatus] = ()


class Resources(WireModel):
    """``ResourceRequirements``: the limits alone."""

    limits: dict[str, Any] | None = None


class Probe(WireModel):
    """``Probe``: only whether there is one matters."""


class LifecycleHandler(WireModel):
    """``LifecycleHandler``: only whether there is one matters."""


class Lifecycle(WireModel):
    """``Lifecycle``: the hooks of a container."""

    postStart: LifecycleHandler | None = None


class ContainerResizePolicy(WireModel):
    """``ContainerResizePolicy`` (KEP-1287)."""

    restartPolicy: Text = ""


class RestartRuleOnExitCodes(WireModel):
    """``ContainerRestartRuleOnExitCodes`` (KEP-5307)."""

    operator: Text = ""
    values: Many[Int32] = ()


class RestartRule(WireModel):
    """``ContainerRestartRule`` (KEP-5307): what is done on which exit codes."""

    action: Text = ""
    exitCodes: RestartRuleOnExitCodes | None = None

    def matches(self, exit_code: int) -> bool:
        """Whether it is about an exit code."""
        if self.exitCodes is None:
            return False
        within = exit_code in self.exitCodes.values
        return within if self.exitCodes.operator == "In" else not within


class Container(WireModel):
    """``Container``: what a termination is explained with."""

    name: Text = ""
    image: Text = ""
    restartPolicy: Text = ""
    restartPolicyRules: Many[RestartRule] = ()
    resources: Resources | None = None
    resizePolicy: Many[ContainerResizePolicy] = ()
    lifecycle: Lifecycle | None = None
    livenessProbe: Probe | None = None
    startupProbe: Probe | None = None
    readinessProbe: Probe | None = None

    @property
    def memory_limit(self) -> str:
        """The memory limit as the Pod states it (a Kubernetes quantity), or an empty string."""
        limits = (self.resources and self.resources.limits) or {}
        return str(limits.get("memory") or "")


class PodSpec(WireModel):
    """``PodSpec``: what a termination is explained with."""

    activeDeadlineSeconds: int | None = None
    nodeName: Text = ""
    priorityClassName: Text = ""
    restartPolicy: Text = ""
    initContainers: Many[Container] = ()
    containers: Many[Container] = ()
    ephemeralContainers: Many[Container] = ()


class ContainerKind(StrEnum):
    """Which of a Pod's lists a container is in, and as what, in the words people use."""

    CONTAINER = "container"
    INIT = "init container"
    SIDECAR = "sidecar container"
    """A restartable init container (KEP-753): ``restartPolicy: Always`` on an init container."""
    EPHEMERAL = "ephemeral container"


class Pod(WireModel):
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
            declared = self.container_spec(status.name)
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

    def container_spec(self, name: str) -> Container | None:
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


_TEMPLATE_LABELS = ("pod-template-hash", "controller-revision-hash")
"""What a workload's controller writes on its Pods to tell one template from the next."""

_MAX_LABEL = 63
_MAX_KIND = 63
_MAX_NAME = 253
_UID = re.compile(r"[!-~]{1,128}")


def controller_of(pod: OwnedPod) -> OwnerReference | None:
    """Find the controller that would replace a Pod.

    Args:
        pod: the Pod.

    Returns:
        Its controller owner reference, or None for a bare Pod. The API server bounds none of its
        texts: one whose uid is none that a cluster gives is nobody's, and kind and name are cut, or
        a Pod could make every write of the status be refused that its owner stands in.
    """
    owner = next((each for each in pod.metadata.ownerReferences if each.controller), None)
    if owner is None or not _UID.fullmatch(owner.uid):
        return None
    kind, name = sanitize(owner.kind, _MAX_KIND), sanitize(owner.name, _MAX_NAME)
    if (kind, name) == (owner.kind, owner.name):
        return owner
    return owner.model_copy(update={"kind": kind, "name": name})


def template_hash_of(pod: OwnedPod) -> str:
    """Say which template of its owner a Pod was made from.

    Args:
        pod: the Pod.

    Returns:
        The hash that the owner's controller wrote on it, or an empty string.
    """
    labels = pod.metadata.labels
    return next((labels[key] for key in _TEMPLATE_LABELS if key in labels), "")[:_MAX_LABEL]


def owner_uid_of(pod: OwnedPod) -> str:
    """Say whose a Pod is.

    Args:
        pod: the Pod.

    Returns:
        The uid of its controller, or an empty string for a bare Pod.
    """
    owner = controller_of(pod)
    return owner.uid if owner else ""
