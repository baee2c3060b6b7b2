"""Put golden Pods on a control plane, as a kubelet would report them: state, Events, log."""

import copy
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from dev.envtest import pods
from dev.envtest.client import EVENTS, NAMESPACES, PODS, ApiError, Client, Json, Resource
from dev.envtest.kubelet import Kubelet

GOLDEN: Final = Path(__file__).parents[2] / "tests" / "golden" / "pods"
_LOOKED_AT: Final = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
"""When golden Pods that were written by hand are looked at."""
_AFTER: Final = timedelta(minutes=6)
"""How long after the last time in it a Pod of a real kubelet is looked at."""
_NAME: Final = "app-1"
_RUNTIME_CLASSES: Final = Resource("node.k8s.io/v1", "runtimeclasses")
_PATIENCE: Final = 20.0
"""Seconds that a new namespace may take to get its ServiceAccount."""


class _Loader(yaml.SafeLoader):
    """YAML in which times stay text."""


_Loader.yaml_implicit_resolvers = {
    letter: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for letter, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _read(name: str, kind: str) -> Any:
    for path in GOLDEN.glob(f"*/{name}.{kind}.*"):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return json.loads(text)
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    return None


class Played:
    """A golden Pod in a namespace of its own.

    Args:
        admin: makes namespace, Pod and Events.
        kubelet: reports its status.
        case: the name of the golden Pod.

    Attributes:
        namespace: the namespace.
        name: the Pod's name there.
    """

    def __init__(self, admin: Client, kubelet: Kubelet, case: str) -> None:
        self._admin, self._kubelet = admin, kubelet
        self.namespace, self.name = case, _NAME
        events = (_read(case, "events") or {"items": []})["items"]
        recording: Json = _read(case, "input")
        times = [datetime.fromisoformat(each) for each in pods.times([recording["status"], events])]
        at = max(times, default=_LOOKED_AT) + _AFTER if case.startswith("kubelet-") else _LOOKED_AT
        shift = datetime.now(UTC) - at
        self._recording: Json = pods.moved(recording, shift)
        self._events: list[Json] = pods.moved({"items": events}, shift)["items"]
        self.log: str = (_read(case, "log") or {"log": ""})["log"]

    def create(self) -> None:
        """Create the Pod, as it is before anything goes wrong."""
        self._admin.create(NAMESPACES, {"metadata": {"name": self.namespace}})
        body = pods.as_recorded(self._recording, self.name, {"app": "app"})
        body["spec"]["serviceAccountName"] = "default"
        if not self._recording["spec"].get("nodeName"):
            del body["spec"]["nodeName"]
        if runtime := body["spec"].get("runtimeClassName"):
            kind = {"metadata": {"name": runtime}, "handler": runtime}
            self._admin.create(_RUNTIME_CLASSES, kind)
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self._admin.create(PODS, body, self.namespace)
            except ApiError:  # its ServiceAccount may not be there yet
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                break

    def run(self) -> None:
        """Report that its containers run, where the golden Pod's have run."""
        if any("lastState" in each and each["lastState"] for each in self._statuses()):
            self._kubelet.start_pod(self.namespace, self.name)

    def publish_events(self) -> None:
        """Create its Events."""
        uid = self._admin.get(PODS, self.name, self.namespace)["metadata"]["uid"]
        for number, event in enumerate(self._events):
            body = copy.deepcopy(event)
            about = body["involvedObject"]
            body["metadata"] = {"name": f"{self.namespace}.{number}"}
            about.pop("resourceVersion", None)
            if about.get("kind") == "Node":
                about |= {"name": pods.NODE, "uid": pods.NODE}
                self._admin.create(EVENTS, body, "default")
            elif about.get("kind") == "Pod":
                about |= {"name": self.name, "namespace": self.namespace, "uid": uid}
                self._admin.create(EVENTS, body, self.namespace)

    def back_off(self) -> bool:
        """Report that what was restarted waits for its next restart; False where nothing was."""
        status = copy.deepcopy(self._recording["status"])
        waits = False
        for each in _statuses(status):
            if "running" in each.get("state", {}) and each.get("lastState", {}).get("terminated"):
                waits = True
                message = f"back-off 10s restarting failed container={each['name']}"
                each["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
                each["ready"] = each["started"] = False
        if not waits:
            return False
        for condition in status.get("conditions", ()):
            if condition["type"] in ("Ready", "ContainersReady"):
                condition |= {"status": "False", "reason": "ContainersNotReady"}
        self._kubelet.report(self.namespace, self.name, status)
        return True

    def show(self) -> None:
        """Report the golden Pod's status."""
        self._kubelet.report(self.namespace, self.name, self._recording["status"])

    def _statuses(self) -> Sequence[Json]:
        return list(_statuses(self._recording["status"]))


def _statuses(status: Json) -> Iterator[Json]:
    for kind in ("containerStatuses", "initContainerStatuses"):
        yield from status.get(kind) or ()
