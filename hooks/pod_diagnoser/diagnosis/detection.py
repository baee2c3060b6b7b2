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

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache, lru_cache, partial
from typing import Any, Final

from pod_diagnoser.api.core_v1 import (
    MIRROR_POD_ANNOTATION,
    Container,
    ContainerKind,
    ContainerView,
    Pod,
    PodStatus,
    Terminated,
    Waiting,
)
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.evidence import MAX_DETAIL_BYTES, EventFinding, Evidence
from pod_diagnoser.diagnosis.messages import Problem, read_message
from pod_diagnoser.diagnosis.redaction import redact_message
from pod_diagnoser.diagnosis.symptoms import (
    CONTAINER_STATUS_UNKNOWN,
    CRASH_LOOP_BACK_OFF,
    IMAGE_PULL_BACK_OFF,
    MAX_IMAGE_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_REASON_BYTES,
    NEVER_RAN,
    NODE_SHUTDOWN_REASONS,
    POST_START_HOOK_ERROR,
    RESTART_ALL,
    RUN_CONTAINER_ERROR,
    SIGNAL_BASE,
    Symptom,
    SymptomKind,
    crash_id,
    termination_number,
)

_PULL_FAILURES = ("ErrImagePull", "RegistryUnavailable")
_SIGNATURE_VALIDATION_FAILED = "SignatureValidationFailed"
"""Reasons that alternate with ImagePullBackOff while one and the same pull fails."""

_IMAGE_FAILURES = (
    IMAGE_PULL_BACK_OFF,
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    _SIGNATURE_VALIDATION_FAILED,
)
"""Reasons for which a container waits for an image: its own, or that of an image volume."""

_RESTART_ACTIONS = ("Restart", RESTART_ALL)
"""Actions of restart rules. Source: KEP-5307, KEP-5532."""

_WAITING_FAILURES = (
    *_IMAGE_FAILURES,
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

_ENDING_REASONS = ("Evicted", "Preempting", "DeadlineExceeded", *NODE_SHUTDOWN_REASONS)
"""Reasons for which the kubelet ends a Pod. Old kubelets wrote such a status without any container,
and some left the phase as it was. Source: ``pkg/kubelet/eviction/eviction_manager.go``,
``preemption.go``, ``nodeshutdown_manager_linux.go``, ``active_deadline.go``."""

_BLOCKED = "Blocked"
"""The reason for waiting of containers that the kubelet refuses to run for now.

Source: ``canRunPod`` in ``pkg/kubelet/kubelet.go``."""

_REFUSALS = (
    "Pod was rejected",
    "Pod Node is in progress of shutting down",
    "Pod Predicate ",
    "Pod The node ",
)
"""How the message of a Pod begins that the kubelet did not admit.

Source: ``rejectPod`` in ``pkg/kubelet/kubelet.go``."""

_SHUTDOWN_LASTS = timedelta(seconds=10)
"""How long at least a node is away that was shut down: what is started again sooner was restarted
by the kubelet."""

_STOP_CODES = (0, SIGNAL_BASE + 9, SIGNAL_BASE + 15)
"""What a container leaves that was stopped from outside, unless the application chooses another."""


MAX_SYMPTOMS: Final = 100
"""The most symptoms of a Pod's containers that are detected. The API server takes a Pod of 2,500
containers; an annotation holds ten crashes."""


def detect_symptoms(pod: Pod) -> tuple[Symptom, ...]:
    """Detect what ended or failed in a Pod.

    Returns:
        A symptom for each container that was restarted, that ended and was not meant to, or that
        cannot be started, in the order of `Pod.containers`; the end of the Pod as a whole comes
        last. No id occurs twice. At most `MAX_SYMPTOMS` are of containers, the first ones.
    """
    failure = pod_failure(pod)
    found: dict[str, Symptom] = {}
    is_finished = cache(partial(_is_finished, pod))  # once for all containers
    for container in pod.containers():
        for symptom in _container_symptoms(
            pod, container, is_finished, pod_failed=failure is not None
        ):
            found.setdefault(symptom.id, symptom)
        if len(found) >= MAX_SYMPTOMS:
            break
    if failure is not None:
        found.setdefault(failure.id, failure)
    return tuple(found.values())


# Terminations


def _container_symptoms(
    pod: Pod, container: ContainerView, is_finished: Callable[[], bool], *, pod_failed: bool
) -> Iterator[Symptom]:
    last, terminated = container.last_terminated, container.terminated
    # A container that is lost as the Pod fails shows the end of the Pod, not one of its own.
    if last is not None and not (pod_failed and last.reason == CONTAINER_STATUS_UNKNOWN):
        yield _termination(pod, container, last, restarted=True)
    if pod_failed:
        return
    was_forgotten = last is None and _ran_on(pod, container)
    if terminated is not None and (
        was_forgotten or _is_unexpected(pod, container, terminated, is_finished)
    ):
        yield _termination(pod, container, terminated, restarted=False)
    if container.waiting is not None and not pod.metadata.terminating:
        yield from _waiting_symptoms(pod, container, container.waiting)


def _termination(
    pod: Pod, container: ContainerView, terminated: Terminated, *, restarted: bool
) -> Symptom:
    waiting = container.waiting.reason if container.waiting else ""
    running = container.running
    code = terminated.exitCode
    restart_action = _restart_action(container.spec, code)
    # A container that is lost becomes the last one in the same write that raises the count.
    restarts = container.restarts
    incarnation = restarts if restarted else restarts + 1
    return build_symptom(
        pod,
        container,
        id=crash_id(pod.metadata.uid, container.status.name, terminated.containerID, incarnation),
        kind=SymptomKind.TERMINATED,
        reason=sanitize(terminated.reason, MAX_REASON_BYTES),
        exit_code=code,
        # Under other reasons the message is what the application wrote to its termination log.
        message=terminated.message if terminated.reason in NEVER_RAN else "",
        restart_rule=restart_action is not None,
        restart_rule_of_all=restart_action == RESTART_ALL,
        restarts=restarts,
        termination_number=termination_number(
            restarts, counted=restarted and _restart_is_counted(container, terminated)
        ),
        log_is_previous=restarted,
        termination_message=terminated.message,
        restarted=restarted and restarts > 0,
        final=not restarted and not _will_restart(pod, container, code),
        backing_off=waiting == CRASH_LOOP_BACK_OFF,
        started_at=terminated.startedAt,
        finished_at=terminated.finishedAt,
        ended_by=terminated.finishedAt or (running.startedAt if running and restarted else None),
        ran_on=(restarted or container.last_terminated is None) and _ran_on(pod, container),
        evidence=_evidence_of_end(pod, container, terminated, waiting) if restarted else None,
    )


def _evidence_of_end(
    pod: Pod, container: ContainerView, last: Terminated, waiting: str
) -> Evidence | None:
    """What a moment of the status proves about the end of a container that was restarted."""
    if waiting == POST_START_HOOK_ERROR:
        return POST_START_HOOK_BY_STATUS
    status, running = pod.status, container.running
    # A kubelet that stopped its Pods as its node was shut down, and runs them again.
    if status is None or status.reason not in NODE_SHUTDOWN_REASONS or running is None:
        return None
    begun, ended = running.startedAt, last.finishedAt
    if last.exitCode not in _STOP_CODES or begun is None or ended is None:
        return None
    return NODE_SHUTDOWN_BY_STATUS if begun - ended >= _SHUTDOWN_LASTS else None


def _ran_on(pod: Pod, container: ContainerView) -> bool:
    """Whether a finished init container was run again while a container of the Pod ran.

    It is where what was left of it on the node was removed, so that nothing else may be known of
    its first run, not even that there was one.
    """
    again = container.terminated or container.running
    if container.kind is not ContainerKind.INIT or again is None or again.startedAt is None:
        return False
    return pod.running_since is not None and pod.running_since < again.startedAt


def _restart_is_counted(container: ContainerView, last: Terminated) -> bool:
    """Whether the kubelet has counted the restart that followed a last termination."""
    if not last.containerID:
        return True
    if container.terminated is not None:
        return container.terminated.containerID != last.containerID
    return container.waiting is None


def _is_unexpected(
    pod: Pod, container: ContainerView, terminated: Terminated, is_finished: Callable[[], bool]
) -> bool:
    """Whether a container that has terminated was not meant to."""
    if pod.metadata.terminating or _is_disrupted(pod):
        return False
    if container.kind is ContainerKind.SIDECAR and is_finished():
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

NODE_SHUTDOWN_BY_STATUS = Evidence.from_status(EventFinding.NODE_SHUTDOWN)
"""Evidence for a container that was stopped with its node, and runs again."""


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
    episode = f"{reason} {container.spec.image}"
    is_pull = reason in (IMAGE_PULL_BACK_OFF, _SIGNATURE_VALIDATION_FAILED)
    yield build_symptom(
        pod,
        container,
        id=crash_id(pod.metadata.uid, container.status.name, episode, 0),
        kind=SymptomKind.WAITING,
        reason=reason,
        message="" if is_pull else waiting.message,
        image=_image_of_volume(pod, container, waiting) or container.spec.image,
        restarts=container.restarts,
        backing_off=reason in (CRASH_LOOP_BACK_OFF, IMAGE_PULL_BACK_OFF),
        evidence=_failed_pull(waiting.message) if is_pull else None,
    )


_MAX_VOLUME_IMAGES: Final = 16
_HUB: Final = ("", "docker.io/", "docker.io/library/")


def _image_of_volume(pod: Pod, container: ContainerView, waiting: Waiting) -> str:
    """The image of an image volume for which a container waits, or an empty string.

    The kubelet gives the container the same reasons as for its own image; which one it is stands
    only in the message. Source: ``pkg/kubelet/kuberuntime/kuberuntime_manager.go``
    (getImageVolumes), KEP-4639.
    """
    images = pod.spec.volume_images if pod.spec else ()
    if not images or waiting.reason not in (*_PULL_FAILURES, *_IMAGE_FAILURES):
        return ""
    if _names_image(waiting.message, container.spec.image):
        return ""
    of_volumes = (each for each in images[:_MAX_VOLUME_IMAGES] if len(each) <= MAX_IMAGE_BYTES)
    return next((each for each in of_volumes if _names_image(waiting.message, each)), "")


def _names_image(message: str, image: str) -> bool:
    """Whether a message names an image, as it is written or as runtimes complete it."""
    message = message[:_MAX_CACHED_CHARS]
    return any(
        re.search(rf"(?<![\w./@-]){re.escape(hub + image)}(?::latest)?(?![\w.@/-]|:\w)", message)
        for hub in _HUB
    )


def _waiting_reason(reason: str, message: str) -> str:
    """Return one reason for what is shown alternately as a failed pull and as its back-off."""
    if reason == IMAGE_PULL_BACK_OFF and _SIGNATURE_VALIDATION_FAILED in message:
        return _SIGNATURE_VALIDATION_FAILED
    return IMAGE_PULL_BACK_OFF if reason in _PULL_FAILURES else reason


_BACK_OFF: Final = "Back-off pulling image "
_FAILED_PULL: Final = "Failed to pull image "


@lru_cache(maxsize=256)
def _failed_pull(message: str) -> Evidence | None:
    """What the status says of why a pull failed, the same in both of its turns.

    While the kubelet backs off, only newer ones repeat the error: elsewhere the Event of the pull
    tells it, or what was known from the other turn. Source: ``pkg/kubelet/images/image_manager.go``
    (prevPullErrMsg).
    """
    if message.startswith(_BACK_OFF):
        message = message.removeprefix(_BACK_OFF).lstrip().partition('": ')[2]
        for reason in (*_PULL_FAILURES, _SIGNATURE_VALIDATION_FAILED):
            message = message.removeprefix(f"{reason}: ")
    if not message.strip():
        return None
    # As its Event says it: what an error is about follows from the words around it.
    read = read_message(f'{_FAILED_PULL}"": {redact_message(message)}')
    detail = read.fit(MAX_DETAIL_BYTES)
    return Evidence.from_status(EventFinding.PULL_FAILED, detail, read.problem)


# The Pod as a whole


def pod_failure(pod: Pod) -> Symptom | None:
    """Return the failure of the Pod as a whole, or None."""
    status = pod.status
    if status is None:
        return None
    never_ran = status.phase == "Failed" and not any(pod.containers())
    if not _has_failed(pod, status, never_ran=never_ran):
        return None
    reason = sanitize(status.reason or status.phase, MAX_REASON_BYTES)
    ended_at = _last_termination(pod)
    return build_symptom(
        pod,
        None,
        id=crash_id(pod.metadata.uid, "", reason, 0),
        kind=SymptomKind.POD,
        reason=reason,
        message=status.message,
        never_ran=_was_refused(pod, status, never_ran=never_ran),
        has_run=any(_has_run(each) for each in pod.containers()),
        final=_is_over(status),
        finished_at=ended_at,
        ended_by=ended_at,
    )


def _has_failed(pod: Pod, status: PodStatus, *, never_ran: bool) -> bool:
    if not status.reason:
        return never_ran and not pod.metadata.terminating and not _is_disrupted(pod)
    # A node that shuts down leaves Pods that ended with code 0 as Succeeded.
    if _is_over(status) or status.reason == "NodeLost" or _is_blocked(pod):
        return True
    return status.reason in _ENDING_REASONS and all(
        each.terminated is not None for each in pod.containers()
    )


def _was_refused(pod: Pod, status: PodStatus, *, never_ran: bool) -> bool:
    if status.message.startswith(_REFUSALS) or _is_blocked(pod):
        return True
    # A status without containers is also how old kubelets reported Pods that they had ended.
    return never_ran and status.reason not in _ENDING_REASONS


def _has_run(container: ContainerView) -> bool:
    """Whether a container was started, by what its status still shows."""
    ends = (container.terminated, container.last_terminated)
    return container.running is not None or any(
        end is not None and end.startedAt is not None and end.reason not in NEVER_RAN
        for end in ends
    )


def _is_over(status: PodStatus) -> bool:
    return status.phase in ("Failed", "Succeeded")


def _is_blocked(pod: Pod) -> bool:
    """Whether the kubelet refuses for now to run any container of the Pod."""
    return any(
        each.waiting is not None and each.waiting.reason == _BLOCKED for each in pod.containers()
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


# What all symptoms have


_POD_AS_A_WHOLE = Container()


def build_symptom(
    pod: Pod,
    container: ContainerView | None,
    *,
    message: str = "",
    image: str | None = None,
    **facts: Any,
) -> Symptom:
    """Build a symptom of a container, or of the Pod as a whole; its texts are made safe.

    Args:
        pod: the Pod.
        container: the container, or None for the Pod as a whole.
        message: what kubelet or runtime say; it is read.
        image: which image it is about, None for that of the container.
        facts: the other fields.
    """
    text, problem = _understood(message) if message else ("", None)
    spec = container.spec if container else _POD_AS_A_WHOLE
    meta = pod.metadata
    return Symptom(
        container_kind=container.kind if container else None,
        namespace=meta.namespace,
        pod=meta.name,
        container=sanitize(container.status.name, 63) if container else "",
        node=sanitize(pod.spec.nodeName, 253) if pod.spec else "",
        message=text,
        problem=problem,
        image=sanitize(spec.image if image is None else image, MAX_IMAGE_BYTES),
        memory_limit=sanitize(spec.memory_limit, 32),
        probes=spec.stopping_probes,
        has_post_start_hook=spec.has_post_start_hook,
        resizable=spec.may_restart_for_resize,
        spec_may_have_changed=meta.generation != 1,
        # A static Pod had Events before its mirror was created.
        events_since=None if MIRROR_POD_ANNOTATION in meta.annotations else meta.created,
        deadline=pod.spec.activeDeadlineSeconds if pod.spec else None,
        **facts,
    )


_MAX_CACHED_CHARS = 2048


def _understood(message: str) -> tuple[str, Problem | None]:
    """Read a message, which comes with every sync while a container waits."""
    return _read(message) if len(message) <= _MAX_CACHED_CHARS else _read.__wrapped__(message)


@lru_cache(maxsize=512)
def _read(message: str) -> tuple[str, Problem | None]:
    """Return the text of a message, safe and bounded, without its final full stop; and its kind."""
    read = read_message(message)
    return read.fit(MAX_MESSAGE_BYTES).rstrip("."), read.problem
