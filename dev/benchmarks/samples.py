"""Requests as Metacontroller writes them: captured ones (`capture`), with the times of now."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dev.envtest.client import Json
from pod_diagnoser.diagnosis.symptoms import crash_id

DATA = Path(__file__).parent / "data"
PREFIX = "diagnostics.local.io/"
_POD_GROUP = "Pod.v1"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def healthy(now: datetime) -> bytes:
    """A sync request for a Pod that never crashed.

    Args:
        now: the time to which the captured one is moved; in UTC.
    """
    return encode(_read("pod-healthy.json", now))


def annotated(now: datetime) -> bytes:
    """A sync request for a Pod that crashed a moment ago, as it comes back with our annotations.

    Args:
        now: the time to which the captured one is moved; in UTC.
    """
    return encode(_read("pod-annotated.json", now))


def crashed(now: datetime) -> bytes:
    """A sync request for a Pod that crashed a moment ago, of which nothing is recorded yet.

    Args:
        now: the time to which the captured one is moved; in UTC.
    """
    request = _read("pod-annotated.json", now)
    metadata = request["object"]["metadata"]
    for keys in (metadata["annotations"], metadata["labels"]):
        for key in [key for key in keys if key.startswith(PREFIX)]:
            del keys[key]
    metadata["managedFields"] = [
        entry for entry in metadata["managedFields"] if entry["manager"] != "metacontroller"
    ]
    return encode(request)


def poddiagnoser(now: datetime, pods: int, status: Json | None = None) -> bytes:
    """A sync request for a PodDiagnoser, many of whose Pods crashed a moment ago.

    Args:
        now: the time to which the captured one is moved; in UTC.
        pods: how many Pods are related, each with a name, uid and crash of its own.
        status: the PodDiagnoser's stored status; None means that of one that has counted nothing.
    """
    request = _read("poddiagnoser.json", now)
    if status is None:
        status = {
            **request["object"]["status"],
            "diagnosedPods": 0,
            "lastProcessedPod": "",
            "lastUpdateTime": _text(now - timedelta(minutes=5)),
            "recentDiagnoses": [],
            "countedPods": [],
            "writerMemory": "",
        }
    request["object"]["status"] = status
    (pod,) = request["related"][_POD_GROUP].values()
    request["related"][_POD_GROUP] = dict(sorted(_copies(pod, pods).items()))
    return encode(request)


def encode(request: Json) -> bytes:
    """Write JSON as Metacontroller does: compact, keys in the order that they have.

    Args:
        request: the result of a request that Metacontroller wrote.

    Returns:
        The body. None of the captured requests has a character that Go would escape.
    """
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()


def _copies(pod: Json, count: int) -> dict[str, Json]:
    """Copy a Pod, with names and ids of its own for each copy and its crash."""
    text = json.dumps(pod)
    metadata = pod["metadata"]
    (container,) = pod["status"]["containerStatuses"]
    crash = container["lastState"]["terminated"]["containerID"]
    name, uid = metadata["name"], metadata["uid"]
    old_id = crash_id(uid, container["name"], crash, container["restartCount"])
    copies: dict[str, Json] = {}
    for number in range(count):
        new_uid = f"{number:08x}{uid[8:]}"
        new_crash = f"{crash[:-8]}{number:08x}"
        new_id = crash_id(new_uid, container["name"], new_crash, container["restartCount"])
        new_name = f"{name[:-5]}{number:05}"
        copy = text
        for old, new in ((name, new_name), (uid, new_uid), (crash, new_crash), (old_id, new_id)):
            copy = copy.replace(old, new)
        copies[f"{metadata['namespace']}/{new_name}"] = json.loads(copy)
    return copies


def _read(name: str, now: datetime) -> Json:
    """Read a captured request and move all its times, so that the latest is `now`."""
    text = (DATA / name).read_text(encoding="utf-8")
    latest = max(datetime.fromisoformat(found) for found in _TIME.findall(text))
    shift = now.astimezone(UTC) - latest
    moved: Json = json.loads(
        _TIME.sub(lambda found: _text(datetime.fromisoformat(found[0]) + shift), text)
    )
    return moved


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
