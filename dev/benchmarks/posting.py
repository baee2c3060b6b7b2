"""What a kubelet posts of a Pod before its liveness probe has a container killed: its Events.

Their number, order and words are those of a kubelet 1.36; the API server adds managedFields, so
that each takes as many bytes as a real one.
"""

from datetime import datetime, timedelta

from dev.envtest import pods
from dev.envtest.client import Json

_PERIOD = timedelta(seconds=10)
_THRESHOLD = 3
"""The probe's, in `dev.benchmarks.workload` and by Kubernetes' default."""


RAN = timedelta(minutes=10)
"""For how long a container has run before it is killed."""


def long_running(pod: Json) -> Json:
    """Return the first status of a Pod whose container has run for a while."""
    status = pods.started(pod)
    its = pods.container_status({"status": status})
    its["state"] = {"running": {"startedAt": pods.timestamp(pods.now() - RAN)}}
    return status


def of_start(pod: Json, at: datetime) -> list[Json]:
    """Return the Events of a Pod's start.

    Args:
        pod: the Pod as stored.
        at: when it was.

    Returns:
        Their bodies, in order.
    """
    meta, image = pod["metadata"], pod["spec"]["containers"][0]["image"]
    assigned = f"Successfully assigned {meta['namespace']}/{meta['name']} to {pods.NODE}"
    present = f'Container image "{image}" already present on machine and can be accessed by the pod'
    return [
        _event(pod, "Scheduled", assigned, at, container=False, source="default-scheduler"),
        _event(pod, "Pulled", present, at),
        _event(pod, "Created", "Container created", at),
        _event(pod, "Started", "Container started", at),
    ]


def of_liveness_kill(pod: Json, at: datetime) -> list[Json]:
    """Return the Events of a container that is killed since its liveness probe failed.

    Args:
        pod: the Pod as stored.
        at: when that was decided: by the grace period before the end.

    Returns:
        Their bodies, in order.
    """
    container = pod["spec"]["containers"][0]["name"]
    failed = _event(
        pod, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503", at
    )
    failed["type"], failed["count"] = "Warning", _THRESHOLD
    failed["firstTimestamp"] = pods.timestamp(at - (_THRESHOLD - 1) * _PERIOD)
    words = f"Container {container} failed liveness probe, will be restarted"
    return [failed, _event(pod, "Killing", words, at)]


def _event(
    pod: Json,
    reason: str,
    message: str,
    at: datetime,
    *,
    container: bool = True,
    source: str = "kubelet",
) -> Json:
    meta = pod["metadata"]
    involved = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
        "resourceVersion": meta["resourceVersion"],
    }
    if container:
        involved["fieldPath"] = f"spec.containers{{{pod['spec']['containers'][0]['name']}}}"
    return {
        "metadata": {"generateName": f"{meta['name']}."},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "type": "Normal",
        "source": {"component": source} | ({"host": pods.NODE} if source == "kubelet" else {}),
        "reportingComponent": source,
        "reportingInstance": pods.NODE if source == "kubelet" else "",
        "firstTimestamp": pods.timestamp(at),
        "lastTimestamp": pods.timestamp(at),
        "count": 1,
    }
