"""Pods, as far as they are read: the few fields that a diagnosis rests on.

Everything else is skipped while parsing, so that a Pod of 15 KB costs microseconds. A field that is
absent or null reads as its empty value; unknown fields, as of a newer Kubernetes, are ignored.

Source of the shapes: ``staging/src/k8s.io/api/core/v1/types.go``.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

from pydantic import Field

from pod_diagnoser.api.fields import Int32, Int64, Many, Name, Strings, Text, Time, Uid, WireModel
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
    """``ObjectMeta``, as far as it is read of every object."""

    name: Name
    namespace: Name
    uid: Uid
    labels: Strings = Field(default_factory=dict)
    annotations: Strings = Field(default_factory=dict)
    generation: Int64 | None = None
    """Of a Pod: 1 where its spec has never been changed (Kubernetes 1.34, KEP-5067); else 0."""
    creationTimestamp: Text = ""
    deletionTimestamp: Text = ""
    finalizers: Many[Text] = ()
    ownerReferences: Many[OwnerReference] = ()

    @property
    def created(self) -> datetime | None:
        """When the object was created; None where that is not known."""
        return parse_time(self.creationTimestamp)

    @property
    def terminating(self) -> bool:
        """Whether the object is being deleted."""
        return bool(self.deletionTimestamp)

    @property
    def grace_ends(self) -> datetime | None:
        """When the grace period of its deletion ends; None where it is not being deleted."""
        return parse_time(self.deletionTimestamp)


class OwnedMeta(ObjectMeta):
    """``ObjectMeta`` with its version."""

    resourceVersion: Text = ""


class NamespaceMeta(WireModel):
    """The metadata of a Namespace."""

    name: Name
    labels: Strings = Field(default_factory=dict)
    deletionTimestamp: Text = ""

    @property
    def terminating(self) -> bool:
        """Whether it is being deleted: nothing can be created in it any more."""
        return bool(self.deletionTimestamp)


class Namespace(WireModel):
    """A Namespace."""

    metadata: NamespaceMeta


class Terminated(WireModel):
    """``ContainerStateTerminated``: how a container terminated."""

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
    started: bool | None = None
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
    """``PodStatus``: phase and conditions of the Pod, and the three lists of containers."""

    phase: Text = ""
    reason: Text = ""
    message: Text = ""
    conditions: Many[PodCondition] = ()
    initContainerStatuses: Many[ContainerStatus] = ()
    containerStatuses: Many[ContainerStatus] = ()
    ephemeralContainerStatuses: Many[ContainerStatus] = ()


class Resources(WireModel):
    """``ResourceRequirements``: only the limits."""

    limits: dict[str, Any] | None = None


class Probe(WireModel):
    """``Probe``: only its presence matters."""


class LifecycleHandler(WireModel):
    """``LifecycleHandler``: only its presence matters."""


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
    """``ContainerRestartRule`` (KEP-5307): an action for certain exit codes."""

    action: Text = ""
    exitCodes: RestartRuleOnExitCodes | None = None

    def matches(self, exit_code: int) -> bool:
        """Whether the rule applies to an exit code."""
        if self.exitCodes is None:
            return False
        within = exit_code in self.exitCodes.values
        return within if self.exitCodes.operator == "In" else not within


class Container(WireModel):
    """``Container``: the fields that explain a symptom."""

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

    @property
    def stopping_probes(self) -> tuple[str, ...]:
        """The kinds of its probes for whose failure the kubelet stops it."""
        liveness = () if self.livenessProbe is None else ("liveness",)
        return liveness if self.startupProbe is None else (*liveness, "startup")

    @property
    def has_post_start_hook(self) -> bool:
        """Whether it has a postStart hook."""
        return self.lifecycle is not None and self.lifecycle.postStart is not None

    @property
    def may_restart_for_resize(self) -> bool:
        """Whether a resize of its resources may restart it."""
        return bool(self.resizePolicy) and any(
            each.restartPolicy == "RestartContainer" for each in self.resizePolicy
        )


class PodReadinessGate(WireModel):
    """``PodReadinessGate``: a condition that somebody else than the kubelet sets."""

    conditionType: Text = ""


_CLAIM, _IMAGE = "persistentVolumeClaim", "image"

READ_VOLUMES: Final = frozenset({_CLAIM, _IMAGE})
"""The kinds of volumes that are looked at, by their fields."""


class PodSchedulingGate(WireModel):
    """``PodSchedulingGate``."""

    name: Text = ""


class PodSpec(WireModel):
    """``PodSpec``: the fields that explain a symptom."""

    activeDeadlineSeconds: int | None = None
    nodeName: Text = ""
    priorityClassName: Text = ""
    restartPolicy: Text = ""
    readinessGates: Many[PodReadinessGate] = ()
    schedulerName: Text = ""
    schedulingGates: Many[PodSchedulingGate] = ()
    initContainers: Many[Container] = ()
    containers: Many[Container] = ()
    ephemeralContainers: Many[Container] = ()
    volumes: Any = None
    """As they came: they are looked at only where the scheduler finds no node or a pull fails."""

    @property
    def claim_names(self) -> tuple[str, ...]:
        """The names of the PersistentVolumeClaims that its volumes refer to."""
        return self._of_volumes(_CLAIM, "claimName")

    @property
    def volume_images(self) -> tuple[str, ...]:
        """The images that its image volumes refer to (KEP-4639)."""
        return self._of_volumes(_IMAGE, "reference")

    def _of_volumes(self, source: str, field: str) -> tuple[str, ...]:
        """The texts that a field of one kind of volume has, in the order of the volumes."""
        volumes = self.volumes if isinstance(self.volumes, list) else []
        sources = [each.get(source) for each in volumes if isinstance(each, dict)]
        texts = [each.get(field) for each in sources if isinstance(each, dict)]
        return tuple(each for each in texts if isinstance(each, str) and each)


class ContainerKind(StrEnum):
    """Which of a Pod's lists a container is in, and as what, in the words of users."""

    CONTAINER = "container"
    INIT = "init container"
    SIDECAR = "sidecar container"
    """A restartable init container (KEP-753): ``restartPolicy: Always`` on an init container."""
    EPHEMERAL = "ephemeral container"


class ContainerView(NamedTuple):
    """One container of a Pod.

    Attributes:
        kind: which of the Pod's lists it is in, and as what.
        status: what the kubelet reports of it.
        spec: what the Pod's spec says of it; an empty one where the spec does not name it.
    """

    kind: ContainerKind
    status: ContainerStatus
    spec: Container

    @property
    def waiting(self) -> Waiting | None:
        """Its state, if it waits."""
        return self.status.state.waiting if self.status.state else None

    @property
    def running(self) -> Running | None:
        """Its state, if it runs."""
        return self.status.state.running if self.status.state else None

    @property
    def terminated(self) -> Terminated | None:
        """Its state, if it has terminated."""
        return self.status.state.terminated if self.status.state else None

    @property
    def last_terminated(self) -> Terminated | None:
        """How it terminated before its last restart, if that is known."""
        return self.status.lastState.terminated if self.status.lastState else None

    @property
    def restarts(self) -> int:
        """Its restartCount; 0 where that is missing or negative."""
        return max(self.status.restartCount or 0, 0)


_NO_SPEC = Container()


_TEMPLATE_LABELS = ("pod-template-hash", "controller-revision-hash")
"""The labels with which a workload's controller distinguishes the versions of its template."""

_MAX_LABEL = 63
_MAX_KIND = 63
_MAX_NAME = 253
_MAX_REMEMBERED = 512
_UID = re.compile(r"[!-~]{1,128}")


@lru_cache(maxsize=4096)
def _bounded_owner(uid: str, kind: str, name: str) -> tuple[str, str] | None:
    """Return kind and name of an owner as they may be shown, or None if no cluster gave the uid.

    Cached, since the Pods of a workload have one owner.
    """
    if not _UID.fullmatch(uid):
        return None
    return sanitize(kind, _MAX_KIND), sanitize(name, _MAX_NAME)


class Pod(WireModel):
    """A Pod, as far as it is read."""

    metadata: ObjectMeta
    spec: PodSpec | None = None
    status: PodStatus | None = None

    def containers(self) -> Iterator[ContainerView]:
        """Iterate over all containers that the kubelet reports.

        The Pod's own containers come first, then its init containers and sidecars, then ephemeral
        ones, in the order of the Pod's lists.
        """
        return iter(self._container_views)

    @cached_property
    def _container_views(self) -> tuple[ContainerView, ...]:
        return tuple(self._views())

    def _views(self) -> Iterator[ContainerView]:
        if self.status is None:
            return
        specs = self._container_specs()
        for status in self.status.containerStatuses:
            yield ContainerView(ContainerKind.CONTAINER, status, specs.get(status.name, _NO_SPEC))
        for status in self.status.initContainerStatuses:
            spec = specs.get(status.name, _NO_SPEC)
            sidecar = spec.restartPolicy == "Always"
            kind = ContainerKind.SIDECAR if sidecar else ContainerKind.INIT
            yield ContainerView(kind, status, spec)
        for status in self.status.ephemeralContainerStatuses:
            yield ContainerView(ContainerKind.EPHEMERAL, status, specs.get(status.name, _NO_SPEC))

    @cached_property
    def running_since(self) -> datetime | None:
        """When the first of its own containers started that run now; None if none does."""
        return min(
            (
                each.running.startedAt
                for each in self.containers()
                if each.kind is ContainerKind.CONTAINER
                and each.running is not None
                and each.running.startedAt is not None
            ),
            default=None,
        )

    def _container_specs(self) -> dict[str, Container]:
        """Return the containers of the spec by name, which is unique over all lists of a Pod."""
        spec = self.spec
        if spec is None:
            return {}
        specs: dict[str, Container] = {}
        for containers in (spec.containers, spec.initContainers, spec.ephemeralContainers):
            for container in containers:
                specs.setdefault(container.name, container)
        return specs

    def condition(self, kind: str) -> PodCondition | None:
        """Return the condition of a type, or None."""
        for condition in self.status.conditions if self.status else ():
            if condition.type == kind:
                return condition
        return None

    @property
    def controller(self) -> OwnerReference | None:
        """The owner reference of the controller that would replace the Pod; None for a bare Pod.

        The API server bounds none of its texts. One whose uid no cluster could have given counts
        as absent, and kind and name are truncated: otherwise a Pod could have every write of a
        status refused that names its owner.
        """
        for owner in self.metadata.ownerReferences:
            if owner.controller:
                texts = (owner.uid, owner.kind, owner.name)
                # What is long is not remembered: somebody made it up.
                fits = sum(map(len, texts)) <= _MAX_REMEMBERED
                shown = (_bounded_owner if fits else _bounded_owner.__wrapped__)(*texts)
                if shown is None or shown == (owner.kind, owner.name):
                    return None if shown is None else owner
                return owner.model_copy(update={"kind": shown[0], "name": shown[1]})
        return None

    @property
    def template_hash(self) -> str:
        """The hash of the owner's template that the Pod was made from, or an empty string."""
        labels = self.metadata.labels
        return next((labels[key] for key in _TEMPLATE_LABELS if key in labels), "")[:_MAX_LABEL]


class OwnedPod(Pod):
    """A Pod with what decides whether it may be replaced."""

    metadata: OwnedMeta

    @property
    def owner_uid(self) -> str:
        """The uid of the controller, or an empty string for a bare Pod."""
        owner = self.controller
        return owner.uid if owner else ""
