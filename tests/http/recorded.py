"""Real requests of Metacontroller (``requests/README.md``), and Go's way to write them."""

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

REQUESTS: Final = Path(__file__).parent / "requests"

NOW: Final = datetime(2026, 11, 23, 1, 40, tzinfo=UTC)
"""Some time after the last recorded crash, within the hour for which it counts as recent."""


def go_json(value: Any) -> bytes:
    """Write JSON as Go's ``encoding/json`` does: compact, and safe to put into HTML.

    Args:
        value: what to write; keys stand in the order in which they are given.

    Returns:
        JSON in UTF-8.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode()


@dataclass(frozen=True)
class Recorded:
    """A recorded request.

    Attributes:
        name: the file's name without its suffix.
        body: the request's body, as it was sent.
    """

    name: str
    body: bytes

    @property
    def path(self) -> str:
        """The endpoint that it was sent to."""
        return "/" + self.name.split(".")[0].replace("-", "/")

    @property
    def json(self) -> Json:
        """The request, to be changed at will."""
        request: Json = json.loads(self.body)
        return request


def recorded(name: str) -> Recorded:
    """Read a recorded request.

    Args:
        name: the file's name without its suffix.
    """
    return Recorded(name, (REQUESTS / f"{name}.json").read_bytes().rstrip(b"\n"))


EVERYTHING: Final = tuple(recorded(file.stem) for file in sorted(REQUESTS.glob("*.json")))

PATHS: Final = (
    "/pods/customize",
    "/pods/sync",
    "/pods/recall",
    "/poddiagnosers/customize",
    "/poddiagnosers/sync",
    "/poddiagnosers/recall",
)

CLUSTER_PATHS: Final = (
    "/pods/cluster/recall",
    "/clusterpoddiagnosers/customize",
    "/clusterpoddiagnosers/sync",
    "/clusterpoddiagnosers/targets/customize",
    "/clusterpoddiagnosers/targets/sync",
)
"""Those of ClusterPodDiagnosers, whose requests are not recorded."""

ONE_EACH: Final = (
    recorded("pods-customize.created"),
    recorded("pods-sync.crashed"),
    recorded("pods-recall.created"),
    recorded("poddiagnosers-customize.created"),
    recorded("poddiagnosers-sync.one-crash"),
    recorded("poddiagnosers-recall.created"),
)
"""A request for each endpoint, which is answered with more than an empty object."""


def merged(existing: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    """Apply an answer's annotations or labels as Metacontroller does: null removes a key."""
    result = dict(existing)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def applied(pod: Json, answer: Json) -> Json:
    """Return a copy of the Pod with an answer to ``/pods/sync`` applied."""
    pod = copy.deepcopy(pod)
    metadata = pod["metadata"]
    for kind in ("annotations", "labels"):
        metadata[kind] = merged(metadata.get(kind, {}), answer.get(kind, {}))
    return pod


def with_pods(request: Json, pods: list[Json]) -> Json:
    """Put Pods into a copy of a PodDiagnoser's request, in the order in which Go writes them."""
    related = {f"{pod['metadata']['namespace']}/{pod['metadata']['name']}": pod for pod in pods}
    groups = request["related"] | {"Pod.v1": dict(sorted(related.items()))}
    return {**request, "related": groups}
