# mypy: disable-error-code="import-not-found,untyped-decorator"
"""What the hook is compared with in a cluster: the same job as an operator in kopf.

It annotates a crashed Pod with reason and time, counts distinct Pods in the PodDiagnoser's status,
and creates an Event or deletes the Pod where the PodDiagnoser says so. Written as kopf is fastest
at it: plain event handlers (no finalizers, no annotations of its own, no state on objects),
PodDiagnosers in an index, no posting of Events, no scanning, no copies of each object to find out
what changed in it (they are half of what kopf costs otherwise), and a status that is debounced for
as long as ours. It does less than the hook: no cause, no sentence, no history, no label, no
conditions. And it deletes every crashed Pod: no plan, no safeguard, no budget; what it has done it
remembers in its own memory only.

Run as ``kopf run --all-namespaces --standalone --quiet dev/benchmarks/kopf_operator.py``.
"""

import asyncio
import os
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import kopf
import yaml

PREFIX = "diagnostics.local.io/"
REASON = f"{PREFIX}restart-reason"
TIME = f"{PREFIX}restart-time"
DEBOUNCE = 2.0
"""The least time between two writes of a status, in seconds; the hook's is the same."""

Json = dict[str, Any]

_counted: dict[tuple[str, str], int] = {}
_written: dict[tuple[str, str], int] = {}
_changed = asyncio.Event()
_background: set[asyncio.Task[None]] = set()
_handled: set[str] = set()
"""The ids of the containers whose termination has been handled."""


class _Api:
    """The API server, for what kopf itself does not call."""

    server: str
    session: aiohttp.ClientSession

    def open(self, kubeconfig: str) -> None:
        """Prepare the connections."""
        config = yaml.safe_load(kubeconfig)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.server = cluster["server"]
        self.session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {user['token']}", "User-Agent": "kopf"},
            connector=aiohttp.TCPConnector(ssl=trust),
        )


_api = _Api()


class _NoDiffs(kopf.DiffBaseStorage):  # type: ignore[misc,unused-ignore]  # kopf may be absent
    """Stores no copy of an object: event handlers need no differences."""

    def build(self, **_: Any) -> None:
        """Make no copy."""

    def fetch(self, **_: Any) -> None:
        """Return nothing."""

    def store(self, **_: Any) -> None:
        """Store nothing."""


@kopf.on.startup()
async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Switch off what this job does not need, and start to write the statuses."""
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = _NoDiffs()
    _api.open(await asyncio.to_thread(Path(os.environ["KUBECONFIG"]).read_text))
    _background.add(asyncio.create_task(_write_statuses()))


@kopf.on.cleanup()
async def end(**_: Any) -> None:
    """Close the connections."""
    await _api.session.close()


@kopf.index("diagnostics.local.io", "v1", "poddiagnosers")
async def diagnosers(
    namespace: str, name: str, meta: Json, spec: Json, status: Json, **_: Any
) -> Json:
    """Index the PodDiagnosers of each namespace before the first Pod is handled."""
    key = (namespace, name)
    _counted.setdefault(key, status.get("diagnosedPods", 0))
    _written.setdefault(key, status.get("diagnosedPods", 0))
    labels = dict(spec.get("targetLabels", {}))
    action = spec.get("remediationAction", "")
    return {namespace: (meta["creationTimestamp"], name, labels, action)}


def _crashed(event: Json, **_: Any) -> bool:
    """Say whether a container was restarted after a termination that is still known."""
    return _latest(event["object"]) is not None


@kopf.on.event("", "v1", "pods", when=_crashed)
async def annotate(
    event: Json, patch: kopf.Patch, diagnosers: kopf.Index[str, Any], **_: Any
) -> None:
    """Annotate a Pod that crashed."""
    pod = event["object"]
    terminated = _latest(pod)
    metadata = pod["metadata"]
    labels = metadata.get("labels", {})
    claims = sorted(
        (age, name, action)
        for age, name, wanted, action in diagnosers.get(metadata["namespace"], ())
        if all(labels.get(key) == value for key, value in wanted.items())
    )
    if terminated is None or not claims:
        return
    annotations = metadata.get("annotations", {})
    wanted = {
        REASON: f"{terminated.get('reason', '')} (Exit Code: {terminated['exitCode']})",
        TIME: terminated["finishedAt"],
    }
    if all(annotations.get(key) == value for key, value in wanted.items()):
        return
    patch["metadata"] = {"annotations": wanted}
    _, diagnoser, action = claims[0]
    if REASON not in annotations:
        _counted[metadata["namespace"], diagnoser] += 1
        _changed.set()
    # The annotations are written when this is done: what has to be fast comes first.
    if terminated["containerID"] not in _handled and "deletionTimestamp" not in metadata:
        _handled.add(terminated["containerID"])
        await _act(action, metadata, wanted[REASON])


async def _act(action: str, pod: Json, reason: str) -> None:
    """Create the Event, or delete the Pod."""
    namespace, name, uid = pod["namespace"], pod["name"], pod["uid"]
    url = f"{_api.server}/api/v1/namespaces/{namespace}"
    if action == "LogEvent":
        about = {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name}
        event = {
            "metadata": {"generateName": f"{name[:200]}.", "namespace": namespace},
            "involvedObject": {**about, "uid": uid},
            "type": "Warning",
            "reason": "PodRestarted",
            "message": f"Pod {name} restarted due to {reason}",
        }
        async with _api.session.post(f"{url}/events", json=event) as response:
            response.raise_for_status()
    elif action == "RestartPod":
        options = {"preconditions": {"uid": uid}}
        async with _api.session.delete(f"{url}/pods/{name}", json=options) as response:
            if response.status not in {200, 202, 404, 409}:
                response.raise_for_status()


def _latest(pod: Json) -> Json | None:
    """Return the latest termination of a restarted container."""
    latest: Json | None = None
    for container in pod.get("status", {}).get("containerStatuses", ()):
        terminated = container.get("lastState", {}).get("terminated")
        if (
            container["restartCount"]
            and terminated
            and (latest is None or terminated["finishedAt"] > latest["finishedAt"])
        ):
            latest = terminated
    return latest


async def _write_statuses() -> None:
    """Write changed counts, the first at once, later ones debounced."""
    headers = {"Content-Type": "application/merge-patch+json"}
    while True:
        await _changed.wait()
        _changed.clear()
        for (namespace, name), count in _counted.items():
            if count == _written[namespace, name]:
                continue
            path = f"namespaces/{namespace}/poddiagnosers/{name}/status"
            url = f"{_api.server}/apis/diagnostics.local.io/v1/{path}"
            body = {"status": {"diagnosedPods": count}}
            async with _api.session.patch(url, json=body, headers=headers) as response:
                if response.ok:
                    _written[namespace, name] = count
                else:
                    _changed.set()
        await asyncio.sleep(DEBOUNCE)
