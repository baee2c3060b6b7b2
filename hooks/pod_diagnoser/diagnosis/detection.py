"""From a Pod to what ended or failed in it, with what of the Pod explains it. Pure.

It is told here *that* something ended; what that means is the table of `cause_rules`.

Planned ends are none: what ends in a Pod that is being deleted or disrupted, what ends with code 0
and was meant to end, a sidecar that is stopped since the Pod's work is done. A Pod that is deleted
is reported with its containers terminated, and nothing in their status tells that from a crash.

Sources: ``pkg/kubelet/kubelet_pods.go`` (convertStatusToAPIStatus, getPhase),
``pkg/kubelet/container/helpers.go`` (ShouldContainerBeRestarted), KEP-753 (sidecars), KEP-3329
(DisruptionTarget), KEP-5307 (restart rules).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pod_diagnoser.api.core_v1 import (
    Container,
    ContainerKind,
    ContainerState,
    ContainerStatus,
    Pod,
    Terminated,
)
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.evidence import EventFinding, Evidence
from pod_diagnoser.diagnosis.symptoms import (
    CONTAINER_CREATING,
    CONTAINER_STATUS_UNKNOWN,
    CRASH_LOOP_BACK_OFF,
    MAX_IMAGE_BYTES,
    MAX_MESSAGE_BYTES,
    NEVER_RAN,
    POST_START_HOOK_ERROR,
    RESTART_ALL,
    LastingCondition,
    Symptom,
    SymptomKind,
    crash_id,
    termination_number,
)

_IMAGE_PULL_BACK_OFF = "ImagePullBackOff"
_PULL_FAILURES = ("ErrImagePull", "RegistryUnavailable")
_SIGNATURE_VALIDATION_FAILED = "SignatureValidationFailed"
"""Reasons that take turns with ImagePullBackOff while one and the same thing fails."""
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
    "RunContainerError",
    POST_START_HOOK_ERROR,
)
"""Reasons for waiting that stand for a failure.

Source: ``pkg/kubelet/images/types.go``, ``pkg/kubelet/kuberuntime/kuberuntime_container.go`` and
``pkg/kubelet/container/sync_result.go``, ``cri-api/pkg/errors``."""

_NOT_CREATED_AFTER = timedelta(seconds=120)
_UNSCHEDULABLE_AFTER = timedelta(seconds=60)
_NOT_READY_AFTER = timedelta(seconds=120)
"""For how long a state has to last until it is told: each of them is a moment in a Pod's usual
life."""


def detect_symptoms(pod: Pod) -> tuple[Symptom, ...]:
    """Say what ended or failed in a Pod.

    Args:
        pod: the Pod.

    Returns:
        An ending for each container that was restarted, that ended and was not meant to, or that
        cannot be started, in the order of `Pod.containers`; the end of the Pod as a whole at last.
        No id occurs twice.
    """
    whole = _pod_failure(pod)
    found: dict[str, Symptom] = {}
    for kind, status in pod.containers():
        for ending in _container_symptoms(pod, kind, status, ended=whole is not None):
            found.setdefault(ending.id, ending)
    if whole is not None:
        found.setdefault(whole.id, whole)
    return tuple(found.values())


# Terminations


def _container_symptoms(
    pod: Pod, kind: ContainerKind, status: ContainerStatus, *, ended: bool
) -> Iterator[Symptom]:
    state, last = status.state or ContainerState(), status.lastState
    waiting = sanitize(state.waiting.reason, 64) if state.waiting else ""
    if last is not None and last.terminated is not None:
        lost = last.terminated.reason == CONTAINER_STATUS_UNKNOWN
        if not (ended and lost):  # else it is the end of the Pod that is seen here
            yield _termination(pod, kind, status, last.terminated, waiting, restarted=True)
    if state.terminated is not None and _is_unexpected(
        pod, kind, status, state.terminated, ended=ended
    ):
        yield _termination(pod, kind, status, state.terminated, waiting, restarted=False)
    if waiting and not pod.metadata.terminating and not ended:
        yield from _waiting_symptoms(pod, kind, status, waiting)


def _termination(  # noqa: PLR0913 (all that a termination is made of)
    pod: Pod,
    kind: ContainerKind,
    status: ContainerStatus,
    terminated: Terminated,
    waiting: str,
    *,
    restarted: bool,
) -> Symptom:
    count = max(status.restartCount or 0, 0)
    running = status.state.running if status.state else None
    code = terminated.exitCode
    declared = pod.container_spec(status.name) or Container()
    final = not restarted and not _will_restart(pod, kind, declared, code)
    # A container that is lost becomes the last one in the very write that raises the count.
    number = count if restarted else count + 1
    evidence = None
    if waiting == POST_START_HOOK_ERROR and restarted:
        evidence = POST_START_HOOK_BY_STATUS
    return _container_symptom(
        pod,
        kind,
        status.name,
        declared,
        id=crash_id(pod.metadata.uid, status.name, terminated.containerID, number),
        kind=SymptomKind.TERMINATED,
        reason=sanitize(terminated.reason, 64),
        exit_code=code,
        # Under other reasons it is what the application wrote to its termination log.
        message=sanitize(terminated.message, MAX_MESSAGE_BYTES * 4)
        if terminated.reason in NEVER_RAN
        else "",
        restart_rule=_restart_action(declared, code) is not None,
        restart_rule_of_all=_restart_action(declared, code) == RESTART_ALL,
        restarts=count,
        termination_number=termination_number(
            count, counted=restarted and _restart_is_counted(status, terminated)
        ),
        log_is_previous=restarted,
        termination_message=terminated.message,
        restarted=restarted and count > 0,
        final=final,
        backing_off=waiting == CRASH_LOOP_BACK_OFF,
        started_at=terminated.startedAt,
        finished_at=terminated.finishedAt,
        ended_by=terminated.finishedAt or (running.startedAt if running and restarted else None),
        evidence=evidence,
    )


def _restart_is_counted(status: ContainerStatus, terminated: Terminated) -> bool:
    """Whether the kubelet has counted the restart that followed a last termination."""
    state = status.state or ContainerState()
    if not terminated.containerID:
        return True
    if state.terminated is not None:
        return state.terminated.containerID != terminated.containerID
    return state.waiting is None


def _is_unexpected(
    pod: Pod, kind: ContainerKind, status: ContainerStatus, terminated: Terminated, *, ended: bool
) -> bool:
    """Whether a container that has ended was not meant to."""
    if ended or pod.metadata.terminating or _is_disrupted(pod):
        return False
    declared = pod.container_spec(status.name) or Container()
    if kind is ContainerKind.SIDECAR and _is_finished(pod):
        return False
    if terminated.exitCode == 0 and terminated.reason not in ("OOMKilled", "DeadlineExceeded"):
        return kind is not ContainerKind.EPHEMERAL and _will_restart(pod, kind, declared, 0)
    return True


def _is_disrupted(pod: Pod) -> bool:
    """Whether the Pod is ended on purpose. Source: KEP-3329."""
    target = pod.condition("DisruptionTarget")
    return target is not None and target.status == "True"


def _is_finished(pod: Pod) -> bool:
    """Whether the Pod's own containers have all ended for good: its sidecars are stopped then."""
    if pod.status is None or pod.status.phase in ("Succeeded", "Failed"):
        return True
    statuses = pod.status.containerStatuses
    return bool(statuses) and all(
        status.state is not None
        and status.state.terminated is not None
        and not _will_restart(
            pod,
            ContainerKind.CONTAINER,
            pod.container_spec(status.name) or Container(),
            status.state.terminated.exitCode,
        )
        for status in statuses
    )


def _will_restart(
    pod: Pod, kind: ContainerKind, declared: Container, exit_code: int | None
) -> bool:
    """Whether the kubelet starts a container again that ended with a code."""
    if kind is ContainerKind.EPHEMERAL:
        return False
    if pod.status is not None and pod.status.phase in ("Succeeded", "Failed"):
        return False
    if kind is ContainerKind.SIDECAR:
        return True
    if _restart_action(declared, exit_code) is not None:
        return True
    policy = declared.restartPolicy or (pod.spec.restartPolicy if pod.spec else "") or "Always"
    if policy == "Never":
        return False
    return exit_code != 0 or (policy == "Always" and kind is ContainerKind.CONTAINER)


def _restart_action(declared: Container, exit_code: int | None) -> str | None:
    """What a restart rule of the container says of an exit code: the first that names it counts."""
    if exit_code is None:
        return None
    rule = next((each for each in declared.restartPolicyRules if each.matches(exit_code)), None)
    return rule.action if rule is not None and rule.action in _RESTART_ACTIONS else None


# Containers that cannot be started


POST_START_HOOK_BY_STATUS = Evidence.from_status(EventFinding.POST_START_HOOK)
"""A container that waits for its postStart hook's sake was killed for it."""


def _waiting_symptoms(
    pod: Pod, kind: ContainerKind, status: ContainerStatus, waiting: str
) -> Iterator[Symptom]:
    last = status.lastState.terminated if status.lastState else None
    message = status.state.waiting.message if status.state and status.state.waiting else ""
    reason = _pull_failure(waiting, message)
    if reason == CRASH_LOOP_BACK_OFF:
        if last is not None:
            return  # that is what failed
    elif reason not in _WAITING_FAILURES:
        return
    elif last is not None and (
        reason == POST_START_HOOK_ERROR
        or (reason == "RunContainerError" and last.reason in NEVER_RAN)
    ):
        return  # the same, as a termination
    declared = pod.container_spec(status.name) or Container()
    yield _container_symptom(
        pod,
        kind,
        status.name,
        declared,
        id=crash_id(pod.metadata.uid, status.name, f"{reason} {declared.image}", 0),
        kind=SymptomKind.WAITING,
        reason=reason,
        # That of a failed pull takes turns with that of the back-off.
        message=""
        if reason in (_IMAGE_PULL_BACK_OFF, _SIGNATURE_VALIDATION_FAILED)
        else sanitize(message, MAX_MESSAGE_BYTES * 4),
        restarts=max(status.restartCount or 0, 0),
        backing_off=reason in (CRASH_LOOP_BACK_OFF, _IMAGE_PULL_BACK_OFF),
    )


def _pull_failure(reason: str, message: str) -> str:
    """Give one name to what is shown by turns as a failed pull and as the back-off from it."""
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
    return _container_symptom(
        pod,
        None,
        "",
        Container(),
        id=crash_id(pod.metadata.uid, "", sanitize(status.reason, 64), 0),
        kind=SymptomKind.POD,
        reason=sanitize(status.reason, 64),
        message=sanitize(status.message, MAX_MESSAGE_BYTES),
        final=True,
        finished_at=_last_termination(pod),
        ended_by=_last_termination(pod),
    )


def _last_termination(pod: Pod) -> datetime | None:
    """When the last of the Pod's containers ended; else when it stopped being ready."""
    ends = [
        status.state.terminated.finishedAt
        for _, status in pod.containers()
        if status.state and status.state.terminated and status.state.terminated.finishedAt
    ]
    ready = pod.condition("Ready")
    return max(ends, default=ready.lastTransitionTime if ready else None)


# States


def detect_lasting_conditions(pod: Pod) -> tuple[tuple[Symptom, datetime], ...]:
    """Say which states keep a Pod from its work, and from when on that is worth telling.

    Args:
        pod: the Pod.

    Returns:
        Each with the time from which on it is told if it lasts: all of them are a moment in the
        usual life of a Pod.
    """
    if pod.status is None or pod.metadata.terminating:
        return ()
    if pod.status.phase in ("Succeeded", "Failed") or _pod_failure(pod) is not None:
        return ()
    return tuple(_lasting_conditions(pod))


def _lasting_conditions(pod: Pod) -> Iterator[tuple[Symptom, datetime]]:
    scheduled, ready = pod.condition("PodScheduled"), pod.condition("Ready")
    whole = pod.condition("ContainersReady")
    if scheduled is not None and scheduled.status == "False":
        since = scheduled.lastTransitionTime
        if scheduled.reason == "Unschedulable" and since is not None:
            message = sanitize(scheduled.message, MAX_MESSAGE_BYTES)
            ending = _lasting_condition(
                pod, LastingCondition.UNSCHEDULABLE, since, None, "", message=message
            )
            yield ending, since + _UNSCHEDULABLE_AFTER
        return
    if ready is None or ready.status != "False" or ready.lastTransitionTime is None:
        return
    since = ready.lastTransitionTime
    if whole is not None and whole.status == "True" and not ready.reason:
        # The kubelet writes both at once; this one alone is written by the node controller.
        yield _lasting_condition(pod, LastingCondition.NODE_NOT_READY, since, None, ""), since
        return
    for kind, status in pod.containers():
        declared = pod.container_spec(status.name) or Container()
        state = status.state or ContainerState()
        if state.waiting is not None and state.waiting.reason == CONTAINER_CREATING:
            if status.lastState is None or status.lastState.terminated is None:
                yield (
                    _lasting_condition(pod, LastingCondition.NOT_CREATED, since, kind, status.name),
                    since + _NOT_CREATED_AFTER,
                )
        elif state.running is not None and status.ready is False and declared.readinessProbe:
            yield (
                _lasting_condition(pod, LastingCondition.NOT_READY, since, kind, status.name),
                since + _NOT_READY_AFTER,
            )


def _lasting_condition(  # noqa: PLR0913 (all that a state is made of)
    pod: Pod,
    state: LastingCondition,
    since: datetime,
    kind: ContainerKind | None,
    container: str,
    *,
    message: str = "",
) -> Symptom:
    which = f"{state.value} {since.isoformat()}"
    return _container_symptom(
        pod,
        kind,
        container,
        pod.container_spec(container) or Container(),
        id=crash_id(pod.metadata.uid, container, which, 0),
        kind=SymptomKind.LASTING_CONDITION,
        reason=state.value,
        message=message,
        started_at=since,
    )


def _container_symptom(
    pod: Pod,
    container_kind: ContainerKind | None,
    container: str,
    declared: Container,
    **facts: object,
) -> Symptom:
    spec = pod.spec
    probes = (("liveness", declared.livenessProbe), ("startup", declared.startupProbe))
    return Symptom(
        container_kind=container_kind,
        namespace=pod.metadata.namespace,
        pod=pod.metadata.name,
        container=sanitize(container, 63),
        node=sanitize(spec.nodeName, 253) if spec else "",
        image=sanitize(declared.image, MAX_IMAGE_BYTES),
        memory_limit=sanitize(declared.memory_limit, 32),
        probes=tuple(name for name, probe in probes if probe is not None),
        has_post_start_hook=declared.lifecycle is not None
        and declared.lifecycle.postStart is not None,
        resizable=any(each.restartPolicy == "RestartContainer" for each in declared.resizePolicy),
        deadline=spec.activeDeadlineSeconds if spec else None,
        **facts,  # type: ignore[arg-type]
    )
