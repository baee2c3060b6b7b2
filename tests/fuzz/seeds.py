"""The requests that mutation begins with: recorded ones, those after them, and all known Pods."""

import copy
from functools import cache
from typing import Final

from tests.http.derived import SETTLED, TARGETS
from tests.http.recorded import EVERYTHING, PATHS, Json, Recorded, go_json, recorded, with_pods
from tests.support import corpus

SYNCS: Final = ("/pods/sync", "/poddiagnosers/sync")

_OWNER: Final[Json] = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": "fragile-app-1",
    "uid": "7d1f4a52-5d7f-4b58-9df1-0a8b7c6d5e4f",
    "controller": True,
    "blockOwnerDeletion": True,
}


@cache
def seeds(path: str) -> tuple[Recorded, ...]:
    """Return the requests for an endpoint.

    Args:
        path: the endpoint.

    Returns:
        Recorded ones, those of which the objects carry what was answered to them and, for a Pod,
        one for each shape of Pod of which there is a golden file.
    """
    found = [each for each in (*EVERYTHING, *SETTLED) if each.path == path]
    if path == "/pods/sync":
        found += [_of_golden(name) for name in corpus.names()]
    if path == "/poddiagnosers/sync":
        found += [planning("RestartPod"), planning("EvictPod"), planning("LogEvent")]
    return tuple(found)


def _of_golden(name: str) -> Recorded:
    request = recorded("pods-sync.crashed").json
    pod = corpus.document(name)
    pod["metadata"]["namespace"] = request["object"]["metadata"]["namespace"]
    pod["metadata"]["labels"] = {**(pod["metadata"].get("labels") or {}), "app": "fragile-app"}
    request["object"] = pod
    return Recorded(f"pods-sync.{name}", go_json(request))


def planning(action: str) -> Recorded:
    """Return a request of a PodDiagnoser that remediates; its two Pods have just crashed."""
    request = recorded("poddiagnosers-sync.one-crash").json
    request["object"]["spec"] |= {
        "remediationAction": action,
        "remediation": {"minPodAgeSeconds": 0, "budget": {"pods": 3, "windowSeconds": 600}},
    }
    request["object"]["metadata"]["creationTimestamp"] = "2026-11-23T01:20:00Z"
    (model,) = request["related"]["Pod.v1"].values()
    pods = []
    for number in (1, 2):
        pod = copy.deepcopy(model)
        pod["metadata"] |= {
            "name": f"fragile-app-{number}",
            "uid": f"0000000{number}-5d7f-4b58-9df1-0a8b7c6d5e4f",
            "resourceVersion": str(700 + number),
            "creationTimestamp": "2026-11-23T01:20:00Z",
            "ownerReferences": [{**_OWNER, "uid": f"{number}{_OWNER['uid'][1:]}"}],
        }
        last = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
        last |= {"startedAt": "2026-11-23T01:30:00Z", "finishedAt": f"2026-11-23T01:3{number}:00Z"}
        pods.append(pod)
    return Recorded(f"poddiagnosers-sync.{action}", go_json(with_pods(request, pods)))


@cache
def everything() -> tuple[Recorded, ...]:
    """Return the requests for all endpoints."""
    return tuple(seed for path in PATHS for seed in seeds(path))


def targets_of(request: Json) -> Json:
    """Return the DiagnosisTargets of a sync request."""
    return dict(request["related"][TARGETS])
