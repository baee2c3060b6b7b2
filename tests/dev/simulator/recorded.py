"""The recordings of the real Metacontroller: reading them, and comparing requests with them.

recordings/metacontroller.jsonl holds what Metacontroller 4.17.2 sent to a small trial hook on a
real control plane (Kubernetes 1.36.3), one request and its answer a line, in order of arrival, with
the step of the scenario that caused it. Of managedFields only the managers are kept.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support import corpus

RECORDINGS = Path(__file__).parent / "recordings"
STREAMS = Path(__file__).parents[2] / "support" / "watch_streams"
_TIMES = {"creationTimestamp", "deletionTimestamp", "since", "time"}


@dataclass(frozen=True)
class Exchange:
    """A request of Metacontroller and the hook's answer."""

    step: str
    path: str
    request: dict[str, Any]
    response: dict[str, Any]


def load_exchanges() -> list[Exchange]:
    """Read the recorded requests and answers, in order of arrival."""
    lines = (RECORDINGS / "metacontroller.jsonl").read_text(encoding="utf-8").splitlines()
    raw = [json.loads(line) for line in lines]
    return [Exchange(one["step"], one["path"], one["request"], one["response"]) for one in raw]


def load_watch(name: str) -> list[dict[str, Any]]:
    """Read the recorded watch events of a Pod, as a real kubelet caused them."""
    lines = (STREAMS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def load_events(name: str) -> list[dict[str, Any]]:
    """Read the recorded Events of a Pod, as they stood at the end of the recording."""
    items = corpus.event_items(f"kubelet-{name}")
    assert items is not None
    return items


def comparable(exchanges: list[Exchange]) -> list[dict[str, Any]]:
    """Make the requests of one run comparable with those of another.

    uids become the names of their objects, times a placeholder, resourceVersions their rank among
    all: runs with equal ranks made their writes in the same order. Of managedFields the managers
    are compared, but not of Pods: the simulator does not notice that a manager owns no field any
    more.

    Args:
        exchanges: all of a run, from its start.

    Returns:
        One JSON object a request.
    """
    versions: set[int] = set()
    uids: dict[str, str] = {}
    for exchange in exchanges:
        _collect({**exchange.request, "controller": None}, versions, uids)
    ranks = {str(version): rank for rank, version in enumerate(sorted(versions))}
    return [
        {"path": exchange.path, **_neutral(exchange.request, ranks, uids)} for exchange in exchanges
    ]


def _collect(value: Any, versions: set[int], uids: dict[str, str]) -> None:
    if isinstance(value, dict):
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and "uid" in metadata:
            versions.add(int(metadata["resourceVersion"]))
            name = f"{value['kind']} {metadata['name']}"
            if metadata["uid"] not in uids:
                number = sum(known.startswith(name + " ") for known in uids.values())
                uids[metadata["uid"]] = f"{name} {number}"
        for item in value.values():
            _collect(item, versions, uids)
    elif isinstance(value, list):
        for item in value:
            _collect(item, versions, uids)


def _neutral(value: Any, ranks: dict[str, int], uids: dict[str, str], key: str = "") -> Any:
    if key == "controller" and isinstance(value, dict):
        # Installed by kubectl there and from a manifest here: the same but for its metadata.
        return {**value, "metadata": {"name": value["metadata"]["name"]}}
    if isinstance(value, dict):
        neutral = {
            name: _neutral(item, ranks, uids, name)
            for name, item in value.items()
            if name != "managedFields"
        }
        if "managedFields" in value.get("metadata", {}) and value["kind"] != "Pod":
            neutral["managers"] = sorted(
                [entry["manager"], entry.get("subresource", "")]
                for entry in value["metadata"]["managedFields"]
            )
        return neutral
    if isinstance(value, list):
        return [_neutral(item, ranks, uids) for item in value]
    return _neutral_text(value, ranks, uids, key) if isinstance(value, str) else value


def _neutral_text(value: str, ranks: dict[str, int], uids: dict[str, str], key: str) -> Any:
    if key == "resourceVersion":
        return ranks[value]
    if key == "uid":
        return uids.get(value, value)
    if key in _TIMES:
        return "a time"
    if value.startswith('{"apiVersion"'):
        return _neutral(json.loads(value), ranks, uids)  # last-applied-configuration
    return value


def differences(left: Any, right: Any, path: str = "") -> list[str]:
    """List where two JSON values differ, for the message of a failed comparison."""
    if isinstance(left, dict) and isinstance(right, dict):
        found = []
        for key in sorted(set(left) | set(right)):
            if key not in left or key not in right:
                found.append(f"{path}.{key}: only {'right' if key not in left else 'left'}")
            else:
                found += differences(left[key], right[key], f"{path}.{key}")
        return found
    if isinstance(left, list) and isinstance(right, list):
        found = [
            text
            for index, (one, other) in enumerate(zip(left, right, strict=False))
            for text in differences(one, other, f"{path}[{index}]")
        ]
        if len(left) != len(right):
            found.append(f"{path}: {len(left)} items != {len(right)} items")
        return found
    return [] if left == right else [f"{path}: {left!r} != {right!r}"]


def trial_hook(path: str, request: dict[str, Any]) -> dict[str, Any]:
    """Answer as the trial hook of the recordings did."""
    if path == "/pods/customize":
        namespace = request["parent"]["metadata"]["namespace"]
        return {"relatedResources": [_targets(namespace)]}
    if path == "/poddiagnosers/customize":
        metadata = request["parent"]["metadata"]
        pods = {
            "apiVersion": "v1",
            "labelSelector": {"matchLabels": {_LABEL: metadata["name"]}},
            "namespace": metadata["namespace"],
            "resource": "pods",
        }
        return {"relatedResources": [pods, _targets(metadata["namespace"])]}
    if path == "/pods/sync":
        return _sync_pod(request)
    return _sync_diagnoser(request)


_LABEL = "diagnostics.local.io/diagnoser"
_REASON = "diagnostics.local.io/restart-reason"
_TIME = "diagnostics.local.io/restart-time"


def _targets(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "diagnostics.local.io/v1",
        "namespace": namespace,
        "resource": "diagnosistargets",
    }


def _sync_pod(request: dict[str, Any]) -> dict[str, Any]:
    pod = request["object"]
    metadata = pod["metadata"]
    labels = metadata.get("labels", {}).items()
    targets = request["related"]["DiagnosisTarget.diagnostics.local.io/v1"].values()
    claiming = [
        target for target in targets if target["spec"].get("targetLabels", {}).items() <= labels
    ]
    ended = [
        status["lastState"]["terminated"]
        for status in pod["status"].get("containerStatuses", [])
        if status["restartCount"] and "terminated" in status["lastState"]
    ]
    if claiming and ended:
        oldest = min(
            claiming, key=lambda target: (target["spec"]["since"], target["metadata"]["name"])
        )
        reason = f"{ended[-1]['reason']} (Exit Code: {ended[-1]['exitCode']})"
        return {
            "annotations": {_REASON: reason, _TIME: ended[-1]["finishedAt"]},
            "labels": {_LABEL: oldest["metadata"]["name"]},
        }
    if _LABEL in metadata.get("labels", {}):
        return {"annotations": {_REASON: None, _TIME: None}, "labels": {_LABEL: None}}
    return {}


def _sync_diagnoser(request: dict[str, Any]) -> dict[str, Any]:
    diagnoser = request["object"]
    metadata, spec = diagnoser["metadata"], diagnoser["spec"]
    pods = sorted(
        request["related"]["Pod.v1"].values(),
        key=lambda pod: datetime.fromisoformat(pod["metadata"]["annotations"][_TIME]),
    )
    target = {
        "apiVersion": "diagnostics.local.io/v1",
        "kind": "DiagnosisTarget",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "spec": {
            "since": metadata["creationTimestamp"],
            "targetLabels": spec.get("targetLabels", {}),
        },
    }
    return {
        "attachments": [target] if spec["enableAnnotations"] else [],
        "status": {
            "diagnosedPods": len(pods),
            "lastProcessedPod": pods[-1]["metadata"]["name"] if pods else "",
            "observedGeneration": metadata["generation"],
        },
    }
