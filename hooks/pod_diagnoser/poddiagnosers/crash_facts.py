"""What is known of a crashed Pod that it may have in common with others. Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final

from pod_diagnoser.api.causes import LASTING_CONDITIONS, REQUESTED_RESTARTS
from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.common_factors import PodFacts
from pod_diagnoser.diagnosis.symptoms import MAX_IMAGE_BYTES
from pod_diagnoser.poddiagnosers.workload_names import WorkloadName, workload_of
from pod_diagnoser.pods.history import CrashRecord, image_hash
from pod_diagnoser.pods.observation import CrashedPod

NO_CRASHES: Final = REQUESTED_RESTARTS | LASTING_CONDITIONS
"""Causes in a crash history that are no crashes: requested restarts and lasting conditions."""

_STEADY: Final = timedelta(minutes=10)
"""How long a container has to run for the kubelet to forget its back-off: what ends it then is
something new. Source: ``MaxContainerBackOff`` in ``pkg/kubelet/kubelet.go``, twice that."""

_MAX_NODE_BYTES: Final = 253

_MAX_READ: Final = 4 * MAX_IMAGE_BYTES
"""How many characters of an image are read; its hash is that of fewer."""


def pod_facts(pod: OwnedPod, history: Sequence[CrashRecord], *, settled: bool = False) -> PodFacts:
    """Return what is known of a Pod that it may have in common with others.

    Args:
        pod: the Pod.
        history: its crash records, the newest first; none for a Pod that did not crash.
        settled: whether the causes in them count although Events may still tell another one.

    Returns:
        The facts, with the time of the crash that began the latest series of crashes, as far as the
        history reaches back to it. A time by the hook's clock does not count: after an outage many
        crashes are first diagnosed in one second.
    """
    workload, spec = workload_of(pod), pod.spec
    node = sanitize(spec.nodeName, _MAX_NODE_BYTES) if spec else ""
    key = f"{pod.metadata.namespace} {workload.key}"
    crashed = False
    for record in history:
        if record.silent or record.cause in NO_CRASHES:
            continue
        crashed = True
        if _ends_a_steady_run(record):
            return PodFacts(
                key,
                workload.kind,
                workload.name,
                node,
                _image_of(pod, record),
                crashed=True,
                crashed_at=record.ended,
                started_at=record.startedAt,
                # Until its Events are read it may become another one.
                cause=record.cause if settled or not record.awaits else "",
                reason_class=_reason_class(record),
            )
    if crashed or spec is None:
        return PodFacts(key, workload.kind, workload.name, node, crashed=crashed)
    images = (each.image for each in spec.containers)
    return facts_of_healthy(pod.metadata.namespace, workload, node, images)


def facts_of_healthy(
    namespace: str, workload: WorkloadName, node: str, images: Iterable[str]
) -> PodFacts:
    """Return the facts of a Pod of which no crash is known; nobody has sanitized its texts."""
    return PodFacts(
        f"{namespace} {workload.key}",
        workload.kind,
        workload.name,
        sanitize(node, _MAX_NODE_BYTES),
        tuple({sanitize(each, MAX_IMAGE_BYTES): None for each in images}),
    )


def facts_of_crashed(crashed: Iterable[CrashedPod]) -> list[PodFacts]:
    """Return the facts of those Pods whose crashes are recorded: the others' syncs come first."""
    return [pod_facts(each.pod, each.history.history) for each in crashed if each.history.history]


def _ends_a_steady_run(record: CrashRecord) -> bool:
    """Return whether a container ended for the first time, or after it had run for long."""
    ended = record.ended
    if ended is None or ended != record.moment:
        return False
    if record.restarts is None or record.restarts <= 1:
        return True
    return record.startedAt is not None and ended - record.startedAt >= _STEADY


def _reason_class(record: CrashRecord) -> str:
    """Return what kind of reason the container's output gives; nothing if it does not tell."""
    reason = record.reason
    if reason is None or reason.reasonClass is ReasonClass.NOTHING:
        return ""
    return reason.reasonClass.value


def _image_of(pod: OwnedPod, crash: CrashRecord) -> tuple[str, ...]:
    """Return the image of the container that crashed, if it is still the Pod's."""
    if pod.spec is None or not crash.image:
        return ()
    for containers in (pod.spec.containers, pod.spec.initContainers):
        for container in containers:
            if container.name == crash.container:
                return _image(container.image[:_MAX_READ], crash.image)
    return ()


@lru_cache(maxsize=512)
def _image(image: str, hashed: str) -> tuple[str, ...]:
    """Return an image with this hash. Cached, since many Pods have it."""
    shown = sanitize(image, MAX_IMAGE_BYTES)
    return (shown,) if image_hash(shown) == hashed else ()
