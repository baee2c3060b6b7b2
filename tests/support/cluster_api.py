"""An API server with one ClusterPodDiagnoser, with Metacontroller's part and the Pods' hook's."""

import copy
import json
from datetime import datetime, timedelta
from typing import Any

from pod_diagnoser.api.diagnostics_v1 import CLUSTER_LABEL
from pod_diagnoser.poddiagnosers.cluster_snapshot import take_cluster_snapshot
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.pods.keys import LABELS
from pod_diagnoser.pods.sync import sync_pod
from tests.support.builders import after, applied, container, owned, pod_request
from tests.support.cluster_builders import (
    Json,
    cluster_diagnoser,
    cluster_request,
    cluster_target,
    namespace,
)
from tests.support.fake_api import FakeApi

NAMESPACES = ("shop", "bank")


def replacing_cluster(action: str = "RestartPod", **spec: Any) -> Json:
    """Return a ClusterPodDiagnoser that replaces Pods, without waiting for anything."""
    policy = {"minPodAgeSeconds": 0, **spec.pop("remediation", {})}
    return cluster_diagnoser(
        remediationAction=action, evidence={"events": False}, remediation=policy, **spec
    )


class ClusterApi(FakeApi):
    """An API server in which a ClusterPodDiagnoser is synced as Metacontroller would.

    Args:
        of: the ClusterPodDiagnoser.
        names: the namespaces.
    """

    def __init__(self, of: Json | None = None, *names: str) -> None:
        super().__init__(now=after(1))
        self.targets: dict[str, list[Json]] = {}
        self.cluster = self.put(of or replacing_cluster())
        for name in names or NAMESPACES:
            self.add_namespace(name)
        self.reconciler = self.start()
        self.where: list[tuple[str, datetime]] = []
        self.watch = lambda pod: self.where.append((pod["metadata"]["namespace"], self.now))

    def start(self, wrong_by: float = 0, **options: Any) -> Reconciler:
        """Start a process of the hook."""
        skew = timedelta(seconds=wrong_by)
        return Reconciler(self, lambda: self.now + skew, "hook", lambda: self.monotonic, **options)

    def add_namespace(self, name: str, **labels: Any) -> None:
        """Create a namespace with labels, and have it published that it is selected."""
        self.put(namespace(name, **labels))
        self.targets[name] = [cluster_target(self.cluster, name)]

    def create(self, number: int, where: str = "shop", by: str = "", **options: Any) -> Json:
        """Create a healthy Pod of an owner of its own."""
        made = owned(number, by=by or f"rs-{number}", created=self.now, **options)
        made["metadata"]["namespace"] = where
        made["status"] = {"containerStatuses": [container()]}
        for key in LABELS:
            made["metadata"]["labels"].pop(key, None)
        return self.put(made)

    def crash(self, name: str) -> None:
        """Have a Pod crash, and its own sync follow."""
        document = copy.deepcopy(self.pods[name])
        before = document["status"]["containerStatuses"][0].get("restartCount", 0)
        document["status"] = owned(before + 1, self.now)["status"]
        (status,) = document["status"]["containerStatuses"]
        status["restartCount"] = before + 1
        ended = status["lastState"]["terminated"]
        ended["containerID"] = f"containerd://{document['metadata']['uid']}-{before}"
        self.put(document)
        self.pass_time(1)
        self.sync_pods()

    def crashing(self, number: int, where: str = "shop", **options: Any) -> str:
        """Create a Pod and have it crash; return its name."""
        name = str(self.create(number, where, **options)["metadata"]["name"])
        self.pass_time(1)
        self.crash(name)
        return name

    def sync_pods(self) -> None:
        """Sync all Pods."""
        for document in list(self.pods.values()):
            targets = self.targets.get(document["metadata"]["namespace"], [])
            answer = sync_pod(pod_request(document, *targets), self.now).response
            changed = applied(document, json.loads(answer.encode()))
            if changed != document:
                self.put(changed)

    def request(self) -> Any:
        """Return what Metacontroller sends now."""
        stored = self.diagnosers[self.cluster["metadata"]["name"]]
        pods = [
            each
            for each in self.pods.values()
            if each["metadata"]["labels"].get(CLUSTER_LABEL) == stored["metadata"]["name"]
        ]
        others = [
            each
            for targets in self.targets.values()
            for each in targets
            if CLUSTER_LABEL not in each["metadata"].get("labels", {})
        ]
        selected = [self.namespaces[name] for name in self.targets]
        return cluster_request(stored, *selected, *pods, *others)

    def sync(self, request: Any = None, reconciler: Reconciler | None = None) -> Json:
        """Sync the ClusterPodDiagnoser; return its status as it is stored then."""
        taken = request or self.request()
        result = (reconciler or self.reconciler).sync_cluster(take_cluster_snapshot(taken))
        name = self.cluster["metadata"]["name"]
        status = json.loads(result.response.encode())["status"]
        self.write_status(name, taken.object.metadata.resourceVersion, status)
        return dict(self.diagnosers[name].get("status", {}))

    def settle(self, syncs: int = 4, seconds: float = 2) -> Json:
        """Sync it a few times, with some time between."""
        status: Json = {}
        for _ in range(syncs):
            status = self.sync()
            self.pass_time(seconds)
        return status

    def change(self, **spec: Any) -> None:
        """Change its spec."""
        stored = copy.deepcopy(self.diagnosers[self.cluster["metadata"]["name"]])
        stored["spec"] |= spec
        stored["metadata"]["generation"] += 1
        self.put(stored)

    def withheld(self) -> dict[str, list[str]]:
        """Return which Pods are withheld, by reason."""
        status = self.diagnosers[self.cluster["metadata"]["name"]]["status"]
        return {each["reason"]: each["examples"] for each in status["withheld"]}
