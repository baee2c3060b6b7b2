"""Requests as they come later: made from the recorded ones with the hook's own answers."""

import copy
from typing import Any, Final

from tests.http.answers import read_sync
from tests.http.inprocess import Hook
from tests.http.recorded import Json, Recorded, applied, go_json, recorded, with_pods

TARGETS: Final = "DiagnosisTarget.diagnostics.local.io/v1"


def synced(hook: Hook, request: Json, path: str) -> Json:
    """Send a request and read the answer, which is one."""
    reply = hook.post(path, go_json(request))
    assert reply.status == 200
    return read_sync(reply.body)


def synced_pod(pod: Json, targets: Json) -> Json:
    """Return a Pod after its sync: with annotations and label.

    Args:
        pod: the Pod.
        targets: the DiagnosisTargets of its namespace, by their names.
    """
    request = {"controller": {}, "object": pod, "attachments": {}, "related": {TARGETS: targets}}
    answer = synced(Hook(), request, "/pods/sync")
    return applied(pod, answer)


def _settled_pod(name: str) -> Recorded:
    request = recorded(name).json
    request["object"] = synced_pod(request["object"], request["related"][TARGETS])
    return Recorded("pods-sync.settled-" + name.split(".")[1], go_json(request))


def _settled_diagnoser(name: str) -> Recorded:
    request = recorded(name).json
    related = request["related"]
    pods = [synced_pod(pod, related[TARGETS]) for pod in related["Pod.v1"].values()]
    request = with_pods(request, pods)
    hook = Hook()
    for _ in range(2):
        request["object"]["status"] = synced(hook, request, "/poddiagnosers/sync")["status"]
    return Recorded("poddiagnosers-sync.settled-" + name.split(".")[1], go_json(request))


SETTLED_PODS: Final = tuple(
    _settled_pod(f"pods-sync.{name}") for name in ("crashed", "claimed-twice", "terminating")
)
"""Pods that carry what their sync answered."""

SETTLED_DIAGNOSERS: Final = tuple(
    _settled_diagnoser(f"poddiagnosers-sync.{name}") for name in ("one-crash", "three-crashes")
)
"""PodDiagnosers whose status describes their Pods, which have the annotations of their syncs."""

SETTLED: Final = SETTLED_PODS + SETTLED_DIAGNOSERS


def many_crashed_pods(number: int, size: int = 0) -> Json:
    """Return a PodDiagnoser's request with many Pods that crashed recently.

    Args:
        number: how many.
        size: bytes of JSON that each should have at least.

    Returns:
        The request.
    """
    (request,) = (each.json for each in SETTLED_DIAGNOSERS if "one-crash" in each.name)
    (model,) = request["related"]["Pod.v1"].values()
    missing = max(0, size - len(go_json(model)))
    pods = []
    for index in range(number):
        pod: dict[str, Any] = copy.deepcopy(model)
        pod["metadata"] |= {
            "name": f"crashed-{index:05}",
            "uid": f"{index:08}-0000-4000-8000-0",
        }
        pod["spec"]["containers"][0]["env"] = [{"name": "FILLING", "value": "x" * missing}]
        pods.append(pod)
    return with_pods(request, pods)
