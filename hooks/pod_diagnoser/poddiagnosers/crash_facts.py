"""What is known of a crashed Pod that it may have in common with others. Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from pod_diagnoser.api.causes import LASTING_CONDITIONS, REQUESTED_RESTARTS
from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.common_factors import PodFacts
from pod_diagnoser.diagnosis.symptoms import MAX_IMAGE_BYTES
from pod_diagnoser.poddiagnosers.workload_names import workload_of
from pod_diagnoser.pods.history import CrashRecord, image_hash
from pod_diagnoser.pods.observation import CrashedPod

NO_CRASHES: Final = REQUESTED_RESTARTS | LASTING_CONDITIONS
"""Causes in a crash history that are no crashes: requested restarts and lasting conditions."""

_STEADY: Final = timedelta(minutes=10)
"""How long a container has to run for the kubelet to forget its back-off: what ends it then is
something new. Source: ``MaxContainerBackOff`` in ``pkg/kubelet/kubelet.go``, twice that."""

_MAX_NODE_BYTES: Final = 253


def pod_facts(pod: OwnedPod, history: Sequence[CrashRecord]) -> PodFacts:
    """Return what is known of a Pod that it may have in common with others.

    Args:
        pod: the Pod.
        history: its crash records, the newest first; none for a Pod that did not crash.

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
                cause="" if record.awaits else record.cause,
            )
    images = () if crashed else _images(pod)
    return PodFacts(key, workload.kind, workload.name, node, images, crashed=crashed)


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


def _image_of(pod: OwnedPod, crash: CrashRecord) -> tuple[str, ...]:
    """Return the image of the container that crashed, if it is still the Pod's."""
    if pod.spec is None or not crash.image:
        return ()
    for containers in (pod.spec.containers, pod.spec.initContainers):
        for container in containers:
            if container.name == crash.container:
                image = sanitize(container.image, MAX_IMAGE_BYTES)
                return (image,) if image_hash(image) == crash.image else ()
    return ()


def _images(pod: OwnedPod) -> tuple[str, ...]:
    """Return the images of all containers of a Pod."""
    if pod.spec is None:
        return ()
    containers = (*pod.spec.containers, *pod.spec.initContainers)
    return tuple({sanitize(each.image, MAX_IMAGE_BYTES): None for each in containers})
