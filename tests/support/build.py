"""Builds the objects that unit tests talk about, as Kubernetes and Metacontroller send them."""

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pod_diagnoser.api.metacontroller import (
    DIAGNOSIS_TARGETS,
    PODS,
    PodDiagnoserSyncRequest,
    PodSyncRequest,
)
from pod_diagnoser.api.time import format_time

Json = dict[str, Any]

T0 = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
UID = "5b0c7c3e-8f3c-4f43-9d5d-{:012d}"


def after(seconds: float = 0, *, minutes: float = 0, hours: float = 0) -> datetime:
    """A time after `T0`."""
    return T0 + timedelta(seconds=seconds, minutes=minutes, hours=hours)


def terminated(
    finished: datetime | None = T0, code: int = 1, reason: str = "Error", **other: Any
) -> Json:
    """``ContainerStateTerminated``; its containerID follows from its time."""
    return {
        "containerID": f"containerd://{finished}",
        "exitCode": code,
        "reason": reason,
        "startedAt": format_time(finished - timedelta(seconds=5)) if finished else None,
        "finishedAt": format_time(finished) if finished else None,
        **other,
    }


def container(
    name: str = "app",
    last: Json | None = None,
    restarts: int | None = None,
    started: datetime | None = None,
) -> Json:
    """``ContainerStatus`` of a running container, which ended before where `last` says how."""
    return {
        "name": name,
        "restartCount": (1 if last else 0) if restarts is None else restarts,
        "state": {"running": {"startedAt": format_time(started) if started else None}},
        "lastState": {"terminated": last} if last else {},
    }


def pod(
    *containers: Json,
    name: str = "app-1",
    number: int = 1,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **metadata: Any,
) -> Json:
    """A Pod with these container statuses."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": UID.format(number),
            "labels": dict(labels or {"app": "app"}),
            **({"annotations": dict(annotations)} if annotations else {}),
            **metadata,
        },
        "spec": {"nodeName": "node1", "containers": [{"name": c["name"]} for c in containers]},
        "status": {"containerStatuses": list(containers)},
    }


def crashed(finished: datetime | None = T0, **options: Any) -> Json:
    """A Pod with one container that ended at a time and was restarted."""
    return pod(container(last=terminated(finished)), **options)


def diagnoser(
    name: str = "diag",
    number: int = 900,
    created: datetime = T0,
    status: Json | None = None,
    generation: int = 1,
    **spec: Any,
) -> Json:
    """A PodDiagnoser."""
    return {
        "apiVersion": "diagnostics.local.io/v1",
        "kind": "PodDiagnoser",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": UID.format(number),
            "generation": generation,
            "creationTimestamp": format_time(created),
        },
        "spec": spec,
        **({"status": status} if status is not None else {}),
    }


def target(of: Json) -> Json:
    """The DiagnosisTarget that a PodDiagnoser publishes, as it comes back from the API server."""
    meta = of["metadata"]
    return {
        "apiVersion": "diagnostics.local.io/v1",
        "kind": "DiagnosisTarget",
        "metadata": {
            "name": f"{meta['name']}-{meta['uid'][:8]}",
            "namespace": meta["namespace"],
            "uid": UID.format(int(meta["uid"][-12:]) + 5000),
            "ownerReferences": [
                {
                    "apiVersion": "diagnostics.local.io/v1",
                    "kind": "PodDiagnoser",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "diagnoser": {"name": meta["name"], "uid": meta["uid"]},
            "since": meta["creationTimestamp"],
            "targetLabels": of["spec"].get("targetLabels", {}),
        },
    }


def _keyed(*objects: Json) -> Json:
    return {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}": copy.deepcopy(item)
        for item in objects
    }


def pod_request(of: Json, *targets: Json) -> PodSyncRequest:
    """The sync request for a Pod, read as it is read off the wire."""
    return PodSyncRequest.model_validate_json(
        json.dumps({"object": of, "related": {DIAGNOSIS_TARGETS: _keyed(*targets)}})
    )


def diagnoser_request(of: Json, *related: Json) -> PodDiagnoserSyncRequest:
    """The sync request for a PodDiagnoser with these Pods and DiagnosisTargets."""
    pods = [item for item in related if item["kind"] == "Pod"]
    targets = [item for item in related if item["kind"] != "Pod"]
    return PodDiagnoserSyncRequest.model_validate_json(
        json.dumps(
            {
                "object": of,
                "related": {DIAGNOSIS_TARGETS: _keyed(*targets), PODS: _keyed(*pods)},
            }
        )
    )


def applied(of: Json, answer: Json) -> Json:
    """An object after Metacontroller has applied an answer for it."""
    result = copy.deepcopy(of)
    for field in ("annotations", "labels"):
        for key, value in answer.get(field, {}).items():
            if value is None:
                result["metadata"].get(field, {}).pop(key, None)
            else:
                result["metadata"].setdefault(field, {})[key] = value
    if answer.get("status") is not None:
        result["status"] = answer["status"]
    return result
