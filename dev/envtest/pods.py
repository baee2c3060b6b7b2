"""Pods and the statuses that a kubelet reports of them, as plain objects.

The sequence of a crash is that of a kubelet 1.36: ``state.terminated`` with the restart count still
N; then either ``lastState`` with a running container and N + 1, or waiting ``CrashLoopBackOff``
still at N.
"""

import copy
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dev.envtest.client import Json

NODE = "node-1"


@dataclass(frozen=True, slots=True)
class Termination:
    """How a container ended.

    Attributes:
        exit_code: its exit code; 128 + n after signal n.
        reason: the runtime's word for it.
        finished: when it ended; None means now.
        message: what it left in its termination message, or the runtime said.
    """

    exit_code: int = 0
    reason: str = "Completed"
    finished: datetime | None = None
    message: str | None = None


def timestamp(moment: datetime) -> str:
    """Format a time as the API does: RFC 3339 in UTC with whole seconds.

    Args:
        moment: with a time zone.

    Returns:
        Such as ``2026-11-23T01:09:06Z``.
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


def manifest(
    name: str,
    labels: Mapping[str, str] | None = None,
    containers: Iterable[str] = ("app",),
    node: str | None = NODE,
) -> Json:
    """Make a Pod to create.

    Args:
        name: its name.
        labels: its labels.
        containers: names of its containers.
        node: where it is bound; None leaves it to the scheduler.
    """
    spec: Json = {
        # The simulated kubelet needs no longer; a namespace's deletion waits for half of it.
        "terminationGracePeriodSeconds": 4,
        "containers": [
            {"name": container, "image": "fragile-app:latest", "imagePullPolicy": "Never"}
            for container in containers
        ],
    }
    if node is not None:
        spec["nodeName"] = node
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": spec,
    }


def as_recorded(
    recording: Json, name: str, labels: Mapping[str, str] | None = None, node: str = NODE
) -> Json:
    """A Pod to create with the spec of a recorded one.

    Args:
        recording: the Pod as a real kubelet reported it.
        name: its new name.
        labels: its new labels.
        node: where it is bound.
    """
    spec = copy.deepcopy(recording["spec"])
    spec["nodeName"] = node
    # What admission adds has to agree with its own settings.
    for added in ("priority", "priorityClassName"):
        spec.pop(added, None)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": spec,
    }


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def recorded_status(recording: Json, latest: datetime | None = None) -> Json:
    """Return the status of a recorded Pod, moved in time.

    Args:
        recording: the Pod as a real kubelet reported it.
        latest: what becomes of its latest timestamp; None means now.

    Returns:
        The status. Times that mean "none" (null, year 1, 1970) stay as they are.
    """
    status: Json = recording["status"]
    moments = [datetime.fromisoformat(text) for text in times(status)]
    return moved(status, (latest or now()) - max(moments) if moments else timedelta())


def moved(value: Json, shift: timedelta) -> Json:
    """Return a part of an object, moved in time.

    Args:
        value: the part.
        shift: by how much.

    Returns:
        A copy. Times that mean "none" (null, year 1, 1970) stay as they are.
    """
    shifted: Json = _shifted(value, shift)
    return shifted


def times(value: Any) -> Iterator[str]:
    """Return all timestamps in a JSON value that mean a moment."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from times(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from times(inner)
    elif isinstance(value, str) and _means_a_moment(value):
        yield value


def _shifted(value: Any, shift: timedelta) -> Any:
    """Return a copy of a JSON value with all its moments moved."""
    if isinstance(value, dict):
        return {key: _shifted(inner, shift) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shifted(inner, shift) for inner in value]
    if isinstance(value, str) and _means_a_moment(value):
        return timestamp(datetime.fromisoformat(value) + shift)
    return value


def _means_a_moment(text: str) -> bool:
    return bool(_TIME.fullmatch(text)) and not text.startswith(("0001-", "1970-"))


def started(pod: Json) -> Json:
    """Return the status of a Pod all of whose containers have just started for the first time.

    Args:
        pod: the Pod as stored.
    """
    moment = timestamp(now())
    address = _address(pod)
    containers = [
        {
            "name": container["name"],
            "image": container["image"],
            "imageID": "sha256:" + hashlib.sha256(container["image"].encode()).hexdigest(),
            "containerID": _container_id(pod, container["name"], 0),
            "lastState": {},
            "ready": True,
            "restartCount": 0,
            "started": True,
            "state": {"running": {"startedAt": moment}},
        }
        for container in pod["spec"]["containers"]
    ]
    return {
        "phase": "Running",
        "startTime": moment,
        "hostIP": "192.0.2.1",
        "hostIPs": [{"ip": "192.0.2.1"}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [
            {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": moment}
            for kind in (
                "PodReadyToStartContainers",
                "Initialized",
                "Ready",
                "ContainersReady",
                "PodScheduled",
            )
        ],
        "containerStatuses": containers,
    }


def ended(pod: Json, termination: Termination, container: str | None = None) -> Json:
    """Return the status just after a container ended: terminated, the count not yet raised.

    Args:
        pod: the Pod as stored.
        termination: how it ended.
        container: which; None means the first.
    """
    status, its = _copy(pod, container)
    finished = termination.finished or now()
    state = {
        "exitCode": termination.exit_code,
        "reason": termination.reason,
        "startedAt": its["state"].get("running", {}).get("startedAt", timestamp(finished)),
        "finishedAt": timestamp(finished),
        "containerID": its["containerID"],
    }
    if termination.message is not None:
        state["message"] = termination.message
    its.update(state={"terminated": state}, ready=False, started=False)
    _set_ready(status)
    return status


def restarted(pod: Json, container: str | None = None) -> Json:
    """Return the status after a container that ended runs again: ``lastState``, the count raised.

    Args:
        pod: the Pod as stored; the container has ended, or waits in its back-off.
        container: which; None means the first.
    """
    status, its = _copy(pod, container)
    count = its["restartCount"] + 1
    its.update(
        lastState=_last_state(its),
        state={"running": {"startedAt": timestamp(now())}},
        restartCount=count,
        containerID=_container_id(pod, its["name"], count),
        ready=True,
        started=True,
    )
    _set_ready(status)
    return status


def backing_off(pod: Json, container: str | None = None) -> Json:
    """Return the status of a container that waits for its next start: the count not yet raised.

    Args:
        pod: the Pod as stored; the container has ended.
        container: which; None means the first.
    """
    status, its = _copy(pod, container)
    metadata = pod["metadata"]
    seconds = min(10 * 2 ** max(its["restartCount"] - 1, 0), 300)
    full_name = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
    waiting = {
        "reason": "CrashLoopBackOff",
        "message": f"back-off {seconds}s restarting failed container={its['name']} pod={full_name}",
    }
    its.update(lastState=_last_state(its), state={"waiting": waiting})
    return status


def finished(pod: Json) -> Json:
    """Return the status of a terminating Pod just before it goes: all its containers have ended.

    Args:
        pod: the Pod as stored.

    Returns:
        Its new status: what still ran left on SIGTERM with 143, so the phase is Failed.
    """
    status: Json = copy.deepcopy(pod.get("status", {}))
    moment = timestamp(now())
    for its in status.get("containerStatuses", []):
        if "running" in its.get("state", {}):
            terminated = {
                "exitCode": 143,
                "reason": "Error",
                "startedAt": its["state"]["running"]["startedAt"],
                "finishedAt": moment,
                "containerID": its.get("containerID", ""),
            }
            its.update(state={"terminated": terminated}, ready=False, started=False)
    _set_ready(status)
    status["phase"] = "Failed"
    return status


def container_status(pod: Json, container: str | None = None) -> Json:
    """Return the status of one of a Pod's containers.

    Args:
        pod: the Pod, or anything with its status.
        container: which; None means the first.

    Raises:
        LookupError: the Pod has no such container, or nothing has been reported of it.
    """
    for its in pod["status"]["containerStatuses"]:
        if container in {None, its["name"]}:
            found: Json = its
            return found
    raise LookupError(container)


def _copy(pod: Json, container: str | None) -> tuple[Json, Json]:
    """Return a copy of the Pod's status, and the container's entry in it."""
    status: Json = copy.deepcopy(pod["status"])
    return status, container_status({"status": status}, container)


def _last_state(its: Json) -> Json:
    """Return the lastState once the container's next state begins."""
    terminated = its["state"].get("terminated")
    return {"terminated": terminated} if terminated is not None else dict(its["lastState"])


def _set_ready(status: Json) -> None:
    """Make the Pod's conditions agree with its containers."""
    ready = all(its["ready"] for its in status.get("containerStatuses", []))
    for condition in status.get("conditions", []):
        value = "True" if ready else "False"
        if condition["type"] in {"Ready", "ContainersReady"} and condition["status"] != value:
            condition.update(status=value, lastTransitionTime=timestamp(now()))
            if ready:
                condition.pop("reason", None)
            else:
                condition["reason"] = "ContainersNotReady"


def _container_id(pod: Json, container: str, count: int) -> str:
    """Return an id that no other start of any container has."""
    seed = f"{pod['metadata']['uid']}/{container}/{count}"
    return "containerd://" + hashlib.sha256(seed.encode()).hexdigest()


def _address(pod: Json) -> str:
    """Return an address in the Node's range; nothing listens there."""
    number = int(hashlib.sha256(pod["metadata"]["uid"].encode()).hexdigest()[:4], 16)
    return f"10.244.{number // 254 % 256}.{number % 254 + 1}"
