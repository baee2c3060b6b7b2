"""From a Pod to its symptoms: what ended or failed in it, with what of the Pod explains it.

Only *that* something ended is detected here; what it means is the table of `cause_rules`.

A planned end is no symptom: what ends in a Pod that is being deleted or disrupted, what ends with
code 0 and was meant to end, a sidecar that is stopped since the Pod's work is done. A Pod that is
being deleted is reported with its containers terminated, and nothing in their status distinguishes
that from a crash.

Sources: ``pkg/kubelet/kubelet_pods.go`` (convertStatusToAPIStatus, getPhase),
``pkg/kubelet/container/helpers.go`` (ShouldContainerBeRestarted), KEP-753 (sidecars), KEP-3329
(DisruptionTarget), KEP-5307 (restart rules).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from pod_diagnoser.api.core_v1 import (
    Container,
    ContainerKind,
    ContainerView,
    Pod,
    Terminated,
    Waiting,
)
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.evidence import EventFinding, Evidence
from pod_diagnoser.diagnosis.quoting import shorten
from pod_diagnoser.diagnosis.symptoms import (
    CONTAINER_CREATING,
    CONTAINER_STATUS_UNKNOWN,
    CRASH_LOOP_BACK_OFF,
    MAX_IMAGE_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_REASON_BYTES,
    NEVER_RAN,
    POST_START_HOOK_ERROR,
    RESTART_ALL,
    RUN_CONTAINER_ERROR,
    LastingCondition,
    Symptom,
    SymptomKind,
    crash_id,
    termination_number,
)

_IMAGE_PULL_BACK_OFF = "ImagePullBackOff"
_PULL_FAILURES = ("ErrImagePull", "RegistryUnavailable")
_SIGNATURE_VALIDATION_FAILED = "SignatureValidationFailed"
"""Reasons that alternate with ImagePullBackOff while one and the same pull fails."""

_RESTART_ACTIONS = ("Restart", RESTART_ALL)
"""Actions of restart rules. Source: KEP-5307, KEP-5532."""

_WAITING_FAILURES = (
    _IMAGE_PULL_BACK_OFF,
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    _SIGNATURE_VALIDATION_FAILED,
    "ImageVolumeMountFailed",
    "RROUnsupported",
    "CreateContainerConfigError",
    "CreateContainerError",
    "PreCreateHookError",
    "PreStartHookError",
    RUN_CONTAINER_ERROR,
    POST_START_HOOK_ERROR,
)
"""Reasons for waiting that mean a failure.

Source: ``pkg/kubelet/images/types.go``, ``pkg/kubelet/kuberuntime/kuberuntime_container.go`` and
``pkg/kubelet/container/sync_result.go``, ``cri-api/pkg/errors``."""

_RUNTIME_PREFIX = "unable to start container process: "
"""What runc says before the reason itself; containerd puts more before it."""

_NOT_CREATED_AFTER = timedelta(seconds=120)
_UNSCHEDULABLE_AFTER = timedelta(seconds=60)
_NOT_READY_AFTER = timedelta(seconds=120)
"""How long a lasting condition has to last until it is reported: each of them is also a short
moment in the usual life of a Pod."""


def detect_symptoms(pod: Pod) -> tuple[Symptom, ...]:
    """Detect what ended or failed in a Pod.

    Returns:
        A symptom for each container that was restarted, that ended and was not meant to, or that
        cannot be started, in the order of `Pod.containers`; the end of the Pod as a whole comes
        last. No id occurs twice.
    """
    pod_failure = _pod_failure(pod)
    found: dict[str, Symptom] = {}
    for container in pod.containers():
        for symptom in _container_symptoms(pod, container, pod_failed=pod_failure is not None):
            found.setdefault(symptom.id, symptom)
    if pod_failure is not None:
        found.setdefault(pod_failure.id, pod_failure)
    return tuple(found.values())


# Terminations


def _container_symptoms(
    pod: Pod, container: ContainerView, *, pod_failed: bool
) -> Iterator[Symptom]:
    last, terminated = container.last_terminated, container.terminated
    # A container that is lost as the Pod fails shows the end of the Pod, not one of its own.
    if last is not None and not (pod_failed and last.reason == CONTAINER_STATUS_UNKNOWN):
        yield _termination(pod, container, last, restarted=True)
    if pod_failed:
        return
    if terminated is not None and _is_unexpected(pod, container, terminated):
        yield _termination(pod, container, terminated, restarted=False)
    if container.waiting is not None and not pod.metadata.terminating:
        yield from _waiting_symptoms(pod, container, container.waiting)


def _termination(
    pod: Pod, container: ContainerView, terminated: Terminated, *, restarted: bool
) -> Symptom:
    waiting = container.waiting.reason if container.waiting else ""
    running = container.running
    code = terminated.exitCode
    never_ran = terminated.reason in NEVER_RAN
    restart_action = _restart_action(container.spec, code)
    # A container that is lost becomes the last one in the same write that raises the count.
    incarnation = container.restarts if restarted else container.restarts + 1
    return _symptom(
        pod,
        container,
        id=crash_id(pod.metadata.uid, container.status.name, terminated.containerID, incarnation),
        kind=SymptomKind.TERMINATED,
        reason=sanitize(terminated.reason, MAX_REASON_BYTES),
        exit_code=code,
        # Under other reasons it is what the application wrote to its termination log.
        message=_safe_message(terminated.message, after=_RUNTIME_PREFIX) if never_ran else "",
        restart_rule=restart_action is not None,
        restart_rule_of_all=restart_action == RESTART_ALL,
        restarts=container.restarts,
        termination_number=termination_number(
            container.restarts, counted=restarted and _restart_is_counted(container, terminated)
        ),
        log_is_previous=restarted,
        termination_message=terminated.message,
        restarted=restarted and container.restarts > 0,
        final=not restarted and not _will_restart(pod, container, code),
        backing_off=waiting == CRASH_LOOP_BACK_OFF,
        started_at=terminated.startedAt,
        finished_at=terminated.finishedAt,
        ended_by=terminated.finishedAt or (running.startedAt if running and restarted else None),
        evidence=POST_START_HOOK_BY_STATUS
        if waiting == POST_START_HOOK_ERROR and restarted
        else None,
    )


def _restart_is_counted(container: ContainerView, last: Terminated) -> bool:
    """Whether the kubelet has counted the restart that followed a last termination."""
    if not last.containerID:
        return True
    if container.terminated is not None:
        return container.terminated.containerID != last.containerID
    return container.waiting is None


def _is_unexpected(pod: Pod, container: ContainerView, terminated: Terminated) -> bool:
    """Whether a container that has terminated was not meant to."""
    if pod.metadata.terminating or _is_disrupted(pod):
        return False
    if container.kind is ContainerKind.SIDECAR and _is_finished(pod):
        return False
    if terminated.exitCode == 0 and terminated.reason not in ("OOMKilled", "DeadlineExceeded"):
        return container.kind is not ContainerKind.EPHEMERAL and _will_restart(pod, container, 0)
    return True


def _is_disrupted(pod: Pod) -> bool:
    """Whether the Pod is ended on purpose. Source: KEP-3329."""
    target = pod.condition("DisruptionTarget")
    return target is not None and target.status == "True"


def _is_finished(pod: Pod) -> bool:
    """Whether the Pod's own containers have all ended for good: its sidecars are stopped then."""
    if pod.status is None or pod.status.phase in ("Succeeded", "Failed"):
        return True
    own = [each for each in pod.containers() if each.kind is ContainerKind.CONTAINER]
    return bool(own) and all(
        each.terminated is not None and not _will_restart(pod, each, each.terminated.exitCode)
        for each in own
    )


def _will_restart(pod: Pod, container: ContainerView, exit_code: int | None) -> bool:
    """Whether the kubelet starts a container again that ended with an exit code."""
    if container.kind is ContainerKind.EPHEMERAL:
        return False
    if pod.status is not None and pod.status.phase in ("Succeeded", "Failed"):
        return False
    if container.kind is ContainerKind.SIDECAR:
        return True
    if _restart_action(container.spec, exit_code) is not None:
        return True
    policy = container.spec.restartPolicy or (pod.spec.restartPolicy if pod.spec else "")
    if policy == "Never":
        return False
    always = policy in ("", "Always")
    return exit_code != 0 or (always and container.kind is ContainerKind.CONTAINER)


def _restart_action(spec: Container, exit_code: int | None) -> str | None:
    """The action of the first restart rule that names an exit code, if that is a restart."""
    if exit_code is None:
        return None
    rule = next((each for each in spec.restartPolicyRules if each.matches(exit_code)), None)
    return rule.action if rule is not None and rule.action in _RESTART_ACTIONS else None


# Containers that cannot be started


POST_START_HOOK_BY_STATUS = Evidence.from_status(EventFinding.POST_START_HOOK)
"""Evidence for a container that waits with PostStartHookError: it was killed for its hook."""


def _waiting_symptoms(pod: Pod, container: ContainerView, waiting: Waiting) -> Iterator[Symptom]:
    reason = _waiting_reason(waiting.reason, waiting.message)
    last = container.last_terminated
    if reason == CRASH_LOOP_BACK_OFF:
        if last is not None:
            return  # the last termination is what failed
    elif reason not in _WAITING_FAILURES:
        return
    elif last is not None and (
        reason == POST_START_HOOK_ERROR
        or (reason == RUN_CONTAINER_ERROR and last.reason in NEVER_RAN)
    ):
        return  # detected as a termination
    # The message of a failed pull alternates with that of the back-off.
    alternates = reason in (_IMAGE_PULL_BACK_OFF, _SIGNATURE_VALIDATION_FAILED)
    after = _RUNTIME_PREFIX if reason == RUN_CONTAINER_ERROR else ""
    episode = f"{reason} {container.spec.image}"
    yield _symptom(
        pod,
        container,
        id=crash_id(pod.metadata.uid, container.status.name, episode, 0),
        kind=SymptomKind.WAITING,
        reason=reason,
        message="" if alternates else _safe_message(waiting.message, after=after),
        restarts=container.restarts,
        backing_off=reason in (CRASH_LOOP_BACK_OFF, _IMAGE_PULL_BACK_OFF),
    )


def _waiting_reason(reason: str, message: str) -> str:
    """Return one reason for what is shown alternately as a failed pull and as its back-off."""
    if reason == _IMAGE_PULL_BACK_OFF and _SIGNATURE_VALIDATION_FAILED in message:
        return _SIGNATURE_VALIDATION_FAILED
    return _IMAGE_PULL_BACK_OFF if reason in _PULL_FAILURES else reason


# The Pod as a whole


def _pod_failure(pod: Pod) -> Symptom | None:
    status = pod.status
    # A node that shuts down leaves Pods that ended with code 0 as Succeeded.
    if status is None or not status.reason:
        return None
    if status.phase not in ("Failed", "Succeeded") and status.reason != "NodeLost":
        return None
    reason = sanitize(status.reason, MAX_REASON_BYTES)
    ended_at = _last_termination(pod)
    return _symptom(
        pod,
        None,
        id=crash_id(pod.metadata.uid, "", reason, 0),
        kind=SymptomKind.POD,
        reason=reason,
        message=_safe_message(status.message),
        final=True,
        finished_at=ended_at,
        ended_by=ended_at,
    )


def _last_termination(pod: Pod) -> datetime | None:
    """When the last of the Pod's containers ended; else when the Pod stopped being ready."""
    ends = [
        each.terminated.finishedAt
        for each in pod.containers()
        if each.terminated and each.terminated.finishedAt
    ]
    ready = pod.condition("Ready")
    return max(ends, default=ready.lastTransitionTime if ready else None)


# Lasting conditions


def detect_lasting_conditions(pod: Pod) -> tuple[tuple[Symptom, datetime], ...]:
    """Detect the conditions that keep a Pod from its work.

    Returns:
        Each with the time from which on it is reported if it lasts.
    """
    if pod.status is None or pod.metadata.terminating:
        return ()
    if pod.status.phase in ("Succeeded", "Failed") or _pod_failure(pod) is not None:
        return ()
    return tuple(_lasting_conditions(pod))


def _lasting_conditions(pod: Pod) -> Iterator[tuple[Symptom, datetime]]:
    scheduled, ready = pod.condition("PodScheduled"), pod.condition("Ready")
    if scheduled is not None and scheduled.status == "False":
        since = scheduled.lastTransitionTime
        if scheduled.reason == "Unschedulable" and since is not None:
            message = _safe_message(scheduled.message)
            condition = LastingCondition.UNSCHEDULABLE
            symptom = _lasting_condition(pod, condition, since, message=message)
            yield symptom, since + _UNSCHEDULABLE_AFTER
        return
    if ready is None or ready.status != "False" or ready.lastTransitionTime is None:
        return
    since = ready.lastTransitionTime
    containers_ready = pod.condition("ContainersReady")
    if containers_ready is not None and containers_ready.status == "True" and not ready.reason:
        # The kubelet writes both at once; Ready alone is written by the node controller.
        yield _lasting_condition(pod, LastingCondition.NODE_NOT_READY, since), since
        return
    for container in pod.containers():
        waiting = container.waiting
        if waiting is not None and waiting.reason == CONTAINER_CREATING:
            if container.last_terminated is None:
                condition = LastingCondition.NOT_CREATED
                symptom = _lasting_condition(pod, condition, since, container)
                yield symptom, since + _NOT_CREATED_AFTER
        elif (
            container.running is not None
            and container.status.ready is False
            and container.spec.readinessProbe
        ):
            symptom = _lasting_condition(pod, LastingCondition.NOT_READY, since, container)
            yield symptom, since + _NOT_READY_AFTER


def _lasting_condition(
    pod: Pod,
    condition: LastingCondition,
    since: datetime,
    container: ContainerView | None = None,
    *,
    message: str = "",
) -> Symptom:
    name = container.status.name if container else ""
    episode = f"{condition.value} {since.isoformat()}"
    return _symptom(
        pod,
        container,
        id=crash_id(pod.metadata.uid, name, episode, 0),
        kind=SymptomKind.LASTING_CONDITION,
        reason=condition.value,
        message=message,
        started_at=since,
    )


# What all symptoms have


_POD_AS_A_WHOLE = Container()


def _symptom(pod: Pod, container: ContainerView | None, **facts: Any) -> Symptom:
    """Build a symptom of a container, or of the Pod as a whole; its texts are made safe."""
    spec = container.spec if container else _POD_AS_A_WHOLE
    return Symptom(
        container_kind=container.kind if container else None,
        namespace=pod.metadata.namespace,
        pod=pod.metadata.name,
        container=sanitize(container.status.name, 63) if container else "",
        node=sanitize(pod.spec.nodeName, 253) if pod.spec else "",
        image=sanitize(spec.image, MAX_IMAGE_BYTES),
        memory_limit=sanitize(spec.memory_limit, 32),
        probes=spec.stopping_probes,
        has_post_start_hook=spec.has_post_start_hook,
        resizable=spec.may_restart_for_resize,
        deadline=pod.spec.activeDeadlineSeconds if pod.spec else None,
        **facts,
    )


_MAX_READ_BYTES = 4096
"""How much of a message is read: the kubelet's and the runtimes' are shorter."""


def _safe_message(message: str, *, after: str = "") -> str:
    """Make a message of kubelet or runtime safe and bounded, without its final full stop.

    Args:
        message: the message.
        after: a prefix that is left out with all that is before it.
    """
    text = sanitize(" ".join(message.split()), _MAX_READ_BYTES)
    if after:
        text = text.rpartition(after)[2]
    return shorten(text.strip().rstrip("."), MAX_MESSAGE_BYTES)
