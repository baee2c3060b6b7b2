"""From a Pod to its lasting conditions: what keeps it from its work though nothing ended.

Each is also a short moment in the usual life of a Pod, so it comes with a time from which on it is
reported.

Sources: ``pkg/kubelet/status/generate.go`` (conditions), ``pkg/kubelet/kubelet_pods.go`` (reasons
for waiting), ``pkg/kubelet/prober`` (started, ready), KEP-580 (readiness gates), KEP-753
(sidecars), KEP-1287 (resizes), KEP-3521 (scheduling gates).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any

from pod_diagnoser.api.core_v1 import ContainerKind, ContainerView, Pod, PodCondition
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.detection import MAX_SYMPTOMS, build_symptom, pod_failure
from pod_diagnoser.diagnosis.symptoms import (
    CONTAINER_CREATING,
    POD_INITIALIZING,
    LastingCondition,
    Symptom,
    SymptomKind,
    crash_id,
)

_REPORTED_AFTER = {
    LastingCondition.UNSCHEDULABLE: timedelta(seconds=60),
    LastingCondition.SCHEDULING_GATED: timedelta(minutes=5),
    LastingCondition.NOT_SCHEDULED: timedelta(seconds=120),
    LastingCondition.NOT_CREATED: timedelta(seconds=120),
    LastingCondition.NOT_PICKED_UP: timedelta(seconds=120),
    LastingCondition.INIT_CONTAINER_RUNS_AGAIN: timedelta(0),
    LastingCondition.NOT_INITIALIZED: timedelta(minutes=5),
    LastingCondition.NOT_STARTED: timedelta(seconds=120),
    LastingCondition.NOT_READY: timedelta(seconds=120),
    LastingCondition.READINESS_GATE_NOT_SET: timedelta(seconds=120),
    LastingCondition.NODE_NOT_READY: timedelta(0),
    LastingCondition.RESIZE_DEFERRED: timedelta(minutes=5),
    LastingCondition.RESIZE_INFEASIBLE: timedelta(seconds=120),
    LastingCondition.RESIZE_FAILED: timedelta(seconds=120),
    LastingCondition.NOT_COMPLETED: timedelta(minutes=5),
    LastingCondition.NOT_DELETED: timedelta(seconds=120),
}
"""How long a lasting condition has to last until it is reported."""

_SCHEDULING_FAILED = ("Unschedulable", "SchedulerError")
"""Reasons of PodScheduled for which the scheduler tries again.

Source: ``PodReasonSchedulerError`` in ``staging/src/k8s.io/api/core/v1/types.go``."""

_SCHEDULING_GATED = "SchedulingGated"
"""The reason of PodScheduled while scheduling gates are left. Source: KEP-3521."""

_RESIZES = {
    "PodResizePending": {
        "Deferred": LastingCondition.RESIZE_DEFERRED,
        "Infeasible": LastingCondition.RESIZE_INFEASIBLE,
    },
    "PodResizeInProgress": {"Error": LastingCondition.RESIZE_FAILED},
}
"""What conditions of a resize mean, by their reasons. Source: KEP-1287."""

_MAX_NAMES = 5
_MAX_NAME_BYTES = 128

_Found = tuple[Symptom, datetime]


def detect_lasting_conditions(pod: Pod) -> tuple[_Found, ...]:
    """Detect the conditions that keep a Pod from its work, or from its end.

    Returns:
        Each with the time from which on it is reported if it lasts.
    """
    if pod.status is None:
        return ()
    if pod.metadata.terminating:
        return tuple(_deletion(pod))
    if pod.status.phase in ("Succeeded", "Failed") or pod_failure(pod) is not None:
        return ()
    conditions = chain(_init_containers_run_again(pod), _conditions(pod), _resizes(pod))
    return tuple(islice(conditions, MAX_SYMPTOMS))


def _conditions(pod: Pod) -> Iterator[_Found]:
    scheduled, ready = pod.condition("PodScheduled"), pod.condition("Ready")
    if (scheduled is not None and scheduled.status == "False") or _is_not_scheduled(pod):
        yield from _scheduling(pod, scheduled)
        return
    if ready is None and scheduled is not None and _is_not_picked_up(pod, scheduled):
        since = scheduled.lastTransitionTime
        if since is not None:
            yield _found(pod, LastingCondition.NOT_PICKED_UP, since)
        return
    if ready is None or ready.status != "False" or ready.lastTransitionTime is None:
        return
    since = ready.lastTransitionTime
    if _is_written_by_node_controller(pod, ready):
        yield _found(pod, LastingCondition.NODE_NOT_READY, since)
        return
    if ready.reason == "ReadinessGatesNotReady":
        yield from _readiness_gates(pod, since)
        return
    containers = tuple(pod.containers())
    own = [each for each in containers if each.kind is ContainerKind.CONTAINER]
    if any(_waits_with(each, POD_INITIALIZING) for each in own):
        yield from _initialization(pod, containers, since)
        return
    for container in containers:
        yield from _container_condition(pod, container, since)
    yield from _completion(pod, own)


def _is_not_scheduled(pod: Pod) -> bool:
    """Whether a Pod has no node, and no scheduler has said why."""
    if pod.spec is None or pod.spec.nodeName or pod.condition("PodScheduled") is not None:
        return False
    return pod.status is not None and pod.status.phase == "Pending" and not any(pod.containers())


def _scheduling(pod: Pod, scheduled: PodCondition | None) -> Iterator[_Found]:
    """Find why a Pod has no node.

    A Pod without the condition waits for its scheduler, which does not run, or waits itself: it
    writes none while a plug-in keeps the Pod out of its queue, as until its ResourceClaims are
    made. Source: ``pkg/scheduler/backend/queue`` (PreEnqueue).
    """
    spec = pod.spec
    if scheduled is None:
        since, name = pod.metadata.created, spec.schedulerName if spec else ""
        if since is not None:
            waits_for = _names((name,) if name else ())
            yield _found(pod, LastingCondition.NOT_SCHEDULED, since, names=waits_for)
        return
    since = scheduled.lastTransitionTime
    if scheduled.reason in _SCHEDULING_FAILED and since is not None:
        claims = _names(spec.claim_names if spec else ())
        condition = LastingCondition.UNSCHEDULABLE
        yield _found(pod, condition, since, message=scheduled.message, names=claims)
    elif scheduled.reason == _SCHEDULING_GATED and since is not None:
        gates = _names(each.name for each in spec.schedulingGates) if spec else ()
        yield _found(pod, LastingCondition.SCHEDULING_GATED, since, names=gates)


def _is_not_picked_up(pod: Pod, scheduled: PodCondition) -> bool:
    """Whether a Pod has a node, and its kubelet has reported nothing of it yet."""
    is_pending = pod.status is not None and pod.status.phase == "Pending"
    return is_pending and scheduled.status == "True" and not any(pod.containers())


def _is_written_by_node_controller(pod: Pod, ready: PodCondition) -> bool:
    """Whether only Ready is False: the kubelet writes both conditions at once."""
    containers_ready = pod.condition("ContainersReady")
    return containers_ready is not None and containers_ready.status == "True" and not ready.reason


# Containers


def _init_containers_run_again(pod: Pod) -> Iterator[_Found]:
    """Find init containers of which the kubelet has forgotten that they had ended.

    What is left of them on the node was removed. Source: kubernetes/kubernetes pull request 96572.
    """
    if pod.spec is None or not pod.spec.initContainers:
        return
    containers = tuple(pod.containers())
    begun = pod.running_since
    for container in containers if begun is not None else ():
        if container.kind is not ContainerKind.INIT or container.last_terminated is not None:
            continue
        initialized = pod.condition("Initialized")
        since = initialized.lastTransitionTime if initialized else None
        if container.running is not None:
            since = container.running.startedAt
        elif not _waits_with(container, POD_INITIALIZING):
            continue
        if since is not None and begun is not None and since > begun:
            yield _found(pod, LastingCondition.INIT_CONTAINER_RUNS_AGAIN, since, container)


def _container_condition(pod: Pod, container: ContainerView, since: datetime) -> Iterator[_Found]:
    if _waits_with(container, CONTAINER_CREATING):
        yield _not_created(pod, container, since)
        return
    running = container.running
    if running is None:
        return
    if container.status.started is False and container.spec.startupProbe is not None:
        begun = running.startedAt or since
        yield _found(pod, LastingCondition.NOT_STARTED, begun, container)
    elif container.status.ready is False and container.spec.readinessProbe is not None:
        yield _found(pod, LastingCondition.NOT_READY, since, container)


def _waits_with(container: ContainerView, reason: str) -> bool:
    return container.waiting is not None and container.waiting.reason == reason


def _initialization(
    pod: Pod, containers: Sequence[ContainerView], since: datetime
) -> Iterator[_Found]:
    """Find what a Pod waits for whose own containers are not created before it: one container."""
    first = (ContainerKind.INIT, ContainerKind.SIDECAR)
    for container in (each for each in containers if each.kind in first):
        if _is_done(container):
            ended = container.terminated
            since = max(since, (ended and ended.finishedAt) or since)
        elif _is_not_begun(container):
            yield _not_created(pod, container, since)
            return
        elif container.running is None:
            return  # what fails, or has failed, is no lasting condition
        elif container.kind is ContainerKind.INIT:
            begun = container.running.startedAt or since
            yield _found(pod, LastingCondition.NOT_INITIALIZED, begun, container)
            return
        else:
            yield from _container_condition(pod, container, since)
            return
    for container in containers:
        if container.kind is ContainerKind.CONTAINER and _is_not_begun(container):
            yield _not_created(pod, container, since)


def _is_done(container: ContainerView) -> bool:
    """Whether an init container has ended well, or a sidecar has started."""
    if container.kind is ContainerKind.SIDECAR:
        return container.running is not None and container.status.started is not False
    return container.terminated is not None and container.terminated.exitCode == 0


def _is_not_begun(container: ContainerView) -> bool:
    """Whether a container waits for its creation, without a reason of its own.

    The kubelet gives all containers of a Pod with init containers the same reason.
    """
    return _waits_with(container, POD_INITIALIZING) or _waits_with(container, CONTAINER_CREATING)


def _not_created(pod: Pod, container: ContainerView, since: datetime) -> _Found:
    # One that ended waits for its creation as well where the Pod's sandbox is made anew.
    last = container.last_terminated
    since = max(since, (last and last.finishedAt) or since)
    return _found(pod, LastingCondition.NOT_CREATED, since, container)


# The Pod


def _readiness_gates(pod: Pod, since: datetime) -> Iterator[_Found]:
    gates = [each.conditionType for each in pod.spec.readinessGates] if pod.spec else []
    by_type: dict[str, PodCondition] = {}
    for each in pod.status.conditions if pod.status else ():
        by_type.setdefault(each.type, each)
    conditions = [by_type.get(gate) for gate in gates]
    unset = [
        gate
        for gate, condition in zip(gates, conditions, strict=True)
        if condition is None or condition.status != "True"
    ]
    told = (each.message or each.reason for each in conditions if each and each.status != "True")
    message = next((each for each in told if each), "")
    condition = LastingCondition.READINESS_GATE_NOT_SET
    yield _found(pod, condition, since, names=_names(unset), message=message)


def _resizes(pod: Pod) -> Iterator[_Found]:
    """Find a resize in place that is not done: it keeps the size that it had."""
    for name, reasons in _RESIZES.items():
        told = pod.condition(name)
        if told is None or told.status != "True" or told.lastTransitionTime is None:
            continue
        condition = reasons.get(told.reason)
        if condition is not None:
            yield _found(pod, condition, told.lastTransitionTime, message=told.message)
            return


def _completion(pod: Pod, own: Sequence[ContainerView]) -> Iterator[_Found]:
    """Find containers that hold a Pod open in which another one has done its work for good."""
    policy = pod.spec.restartPolicy if pod.spec else ""
    done = [each for each in own if each.terminated is not None and each.terminated.exitCode == 0]
    running = [each for each in own if each.running is not None]
    if policy not in ("Never", "OnFailure") or not done or not running:
        return
    if len(done) + len(running) < len(own):
        return
    ends = [each.terminated.finishedAt for each in done if each.terminated]
    since = max((end for end in ends if end is not None), default=None)
    if since is not None:
        names = _names(each.status.name for each in done)
        for container in running[:_MAX_NAMES]:
            yield _found(pod, LastingCondition.NOT_COMPLETED, since, container, names=names)


def _deletion(pod: Pod) -> Iterator[_Found]:
    """Find a deletion that should be over: deletionTimestamp is the end of the grace period.

    Source: ``ObjectMeta`` in apimachinery/pkg/apis/meta/v1/types.go.
    """
    since = pod.metadata.grace_ends
    if since is None:
        return
    running = [each.status.name for each in pod.containers() if each.running is not None]
    ready = pod.condition("Ready")
    node_gone = (pod.status is not None and pod.status.reason == "NodeLost") or (
        ready is not None and ready.status == "False" and _is_written_by_node_controller(pod, ready)
    )
    # The last thing that is waited for comes last: a finalizer counts while nothing runs any more.
    yield _found(
        pod,
        LastingCondition.NOT_DELETED,
        since,
        names=_names(running or pod.metadata.finalizers),
        still_runs=bool(running),
        node_lost=node_gone,
    )


def _found(
    pod: Pod,
    condition: LastingCondition,
    since: datetime,
    container: ContainerView | None = None,
    *,
    message: str = "",
    **facts: Any,
) -> _Found:
    name = container.status.name if container else ""
    symptom = build_symptom(
        pod,
        container,
        id=crash_id(pod.metadata.uid, name, f"{condition.value} {since.isoformat()}", 0),
        kind=SymptomKind.LASTING_CONDITION,
        reason=condition.value,
        message=message,
        started_at=since,
        **facts,
    )
    return symptom, since + _REPORTED_AFTER[condition]


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sanitize(each, _MAX_NAME_BYTES) for each in islice(names, _MAX_NAMES))
