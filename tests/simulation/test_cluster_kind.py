"""ClusterPodDiagnosers in a simulated cluster: each Pod ends up with the right one.

Namespaces come and change their labels, PodDiagnosers and ClusterPodDiagnosers of the same names
come, change and go, Pods crash, Metacontroller restarts. Who claims a Pod is worked out here anew.
"""

import random
from typing import TYPE_CHECKING, Any

import pytest

from dev.simulator.objects import Object, annotations_of, copy, labels_of
from dev.simulator.resources import EVENT, NAMESPACE, POD
from tests.support.cluster_fixture import CLUSTER_DIAGNOSER, DIAGNOSER, PREFIX, TARGET
from tests.support.hooked_cluster import HookedCluster

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("a", "b")
"""Of PodDiagnosers and ClusterPodDiagnosers alike."""
TEAMS = ("red", "blue", None)
APPS = ("web", "db")


class Namespaces(HookedCluster):
    """A cluster whose namespaces and diagnosers change at random.

    Args:
        seed: of all that is random.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed, remediation=True)
        self.rng = random.Random(seed)
        self.namespaces: list[str] = []
        for _ in range(3):
            self.add_namespace()

    def steps(self, count: int) -> None:
        """Have things happen, some at once and some apart."""
        actions: tuple[Callable[[], object], ...] = (
            self.add_namespace,
            self.relabel_namespace,
            self.relabel_namespace,
            self.crash,
            self.crash,
            self.add_diagnoser,
            self.add_diagnoser,
            self.add_diagnoser,
            self.switch_diagnoser,
            self.remove_diagnoser,
            self.add_cluster_diagnoser,
            self.add_cluster_diagnoser,
            self.change_cluster_diagnoser,
            self.remove_cluster_diagnoser,
            self.restart_metacontroller,
        )
        for _ in range(count):
            self.rng.choice(actions)()
            self.run(self.rng.choice((0.0, 0.2, 3.0, 30.0)))

    def add_namespace(self) -> None:
        """Add one with two Pods that have crashed."""
        if len(self.namespaces) == 6:
            return
        name = f"n{len(self.namespaces)}"
        self.store.create(NAMESPACE, {"metadata": {"name": name, "labels": self._team()}})
        self.namespaces.append(name)
        for app in APPS:
            self.store.create(
                POD,
                {
                    "metadata": {"name": app, "namespace": name, "labels": {"app": app}},
                    "spec": {"nodeName": "far", "containers": [{"name": "app", "image": "app"}]},
                },
            )
            self.crash(name, app)

    def relabel_namespace(self) -> None:
        """Have a namespace change its team."""
        name = self.rng.choice(self.namespaces)
        labels = {"team": None, **self._team()}
        self.store.patch(NAMESPACE, ("", name), {"metadata": {"labels": labels}})

    def crash(self, namespace: str = "", app: str = "") -> None:
        """Report that a Pod's container ended and runs again."""
        key = (namespace or self.rng.choice(self.namespaces), app or self.rng.choice(APPS))
        pod = copy(self.store.get(POD, key))
        (before,) = pod.get("status", {}).get("containerStatuses") or [{"restartCount": 0}]
        ended = {
            "exitCode": 1,
            "reason": "Error",
            "finishedAt": self.store.now(),
            "containerID": f"containerd://{pod['metadata']['uid']}-{before['restartCount']}",
        }
        status = {
            "name": "app",
            "ready": True,
            "image": "app",
            "imageID": "",
            "restartCount": before["restartCount"] + 1,
            "state": {"running": {"startedAt": self.store.now()}},
            "lastState": {"terminated": ended},
        }
        pod["status"] = {"phase": "Running", "containerStatuses": [status]}
        self.store.update(POD, pod, subresource="status", manager="kubelet")

    def add_diagnoser(self) -> None:
        """Add a PodDiagnoser, perhaps one that is switched off."""
        key = (self.rng.choice(self.namespaces), self.rng.choice(NAMES))
        if self.store.peek(DIAGNOSER, key) is None:
            metadata = {"namespace": key[0], "name": key[1]}
            spec = {**self._spec(), "enableAnnotations": self.rng.random() < 0.6}
            self.store.create(DIAGNOSER, {"metadata": metadata, "spec": spec})

    def switch_diagnoser(self) -> None:
        """Switch one on or off."""
        for one in self._any(DIAGNOSER):
            on = not one["spec"]["enableAnnotations"]
            key = (one["metadata"]["namespace"], one["metadata"]["name"])
            self.store.patch(DIAGNOSER, key, {"spec": {"enableAnnotations": on}})

    def remove_diagnoser(self) -> None:
        """Delete one."""
        for one in self._any(DIAGNOSER):
            key = (one["metadata"]["namespace"], one["metadata"]["name"])
            self.store.delete(DIAGNOSER, key)

    def add_cluster_diagnoser(self) -> None:
        """Add a ClusterPodDiagnoser."""
        name = self.rng.choice(NAMES)
        if self.store.peek(CLUSTER_DIAGNOSER, ("", name)) is None:
            spec = {**self._spec(), "namespaceSelector": self._selector()}
            self.store.create(CLUSTER_DIAGNOSER, {"metadata": {"name": name}, "spec": spec})

    def change_cluster_diagnoser(self) -> None:
        """Change which namespaces one selects, or switch it on or off."""
        for one in self._any(CLUSTER_DIAGNOSER):
            spec: Object = {"enableAnnotations": self.rng.random() < 0.7}
            if self.rng.random() < 0.5:
                spec["namespaceSelector"] = None
                self.store.patch(CLUSTER_DIAGNOSER, ("", one["metadata"]["name"]), {"spec": spec})
                spec["namespaceSelector"] = self._selector()
            self.store.patch(CLUSTER_DIAGNOSER, ("", one["metadata"]["name"]), {"spec": spec})

    def remove_cluster_diagnoser(self) -> None:
        """Delete one."""
        for one in self._any(CLUSTER_DIAGNOSER):
            self.store.delete(CLUSTER_DIAGNOSER, ("", one["metadata"]["name"]))

    def _team(self) -> Object:
        team = self.rng.choice(TEAMS)
        return {"team": team} if team else {}

    def _selector(self) -> Object:
        return self.rng.choice(
            (
                {},
                {"matchLabels": {"team": "red"}},
                {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
                {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["red"]}]},
            )
        )

    def _spec(self) -> Object:
        labels = self.rng.choice(({}, {"app": "web"}))
        return {"targetLabels": labels, "remediationAction": "LogEvent"}

    def _any(self, kind: Any) -> list[Object]:
        found = self.store.select(kind)
        return [self.rng.choice(found)] if found else []


# What should be


def is_selected(cluster: Namespaces, one: Object, name: str) -> bool:
    """Work out whether a ClusterPodDiagnoser may claim Pods of a namespace."""
    return bool(one["spec"]["enableAnnotations"]) and matches(cluster, one, name)


def matches(cluster: Namespaces, one: Object, name: str) -> bool:
    """Work out whether the selector of a ClusterPodDiagnoser matches a namespace."""
    team = labels_of(cluster.store.get(NAMESPACE, ("", name))).get("team")
    match one["spec"].get("namespaceSelector") or {}:
        case {"matchLabels": {"team": wanted}}:
            return bool(team == wanted)
        case {"matchExpressions": [{"operator": "Exists"}]}:
            return team is not None
        case {"matchExpressions": [{"operator": "NotIn"}]}:
            return bool(team != "red")
        case _:
            return True


def expected(cluster: Namespaces, pod: Object) -> tuple[str, str] | None:
    """Work out which kind and name claims a Pod."""
    namespace = pod["metadata"]["namespace"]

    def oldest(found: list[Object]) -> Object | None:
        wanted = [
            one
            for one in found
            if (one["spec"].get("targetLabels") or {}).items() <= labels_of(pod).items()
        ]
        by_age = sorted(
            wanted, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"])
        )
        return by_age[0] if by_age else None

    own = [
        one for one in cluster.store.select(DIAGNOSER) if one["metadata"]["namespace"] == namespace
    ]
    if (found := oldest([one for one in own if one["spec"]["enableAnnotations"]])) is not None:
        return "diagnoser", found["metadata"]["name"]
    if oldest(own) is not None:
        return None
    of_cluster = [
        one
        for one in cluster.store.select(CLUSTER_DIAGNOSER)
        if is_selected(cluster, one, namespace)
    ]
    found = oldest(of_cluster)
    return None if found is None else ("cluster-diagnoser", found["metadata"]["name"])


def shown(pod: Object) -> tuple[str, str] | None:
    """Read from its labels which kind and name claims a Pod."""
    ours = {
        key.removeprefix(PREFIX): value
        for key, value in labels_of(pod).items()
        if key.startswith(PREFIX)
    }
    assert len(ours) <= 1
    return next(iter(ours.items()), None)


@pytest.mark.parametrize("seed", range(12))
def test_each_pod_ends_up_with_the_right_one(seed: int) -> None:
    """Labels, annotations, DiagnosisTargets and statuses are right, and then it is quiet."""
    cluster = Namespaces(seed)
    cluster.steps(40)
    cluster.settle(90)
    for pod in cluster.store.select(POD):
        claim = expected(cluster, pod)
        name = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        assert shown(pod) == claim, name
        annotations = annotations_of(pod)
        assert (f"{PREFIX}cause" in annotations) is (claim is not None), name
        by = f"ClusterPodDiagnoser/{claim[1]}" if claim and claim[0] != "diagnoser" else None
        assert annotations.get(f"{PREFIX}diagnosed-by") == by, name
    published = {
        (target["spec"]["diagnoser"]["name"], target["metadata"]["namespace"])
        for target in cluster.store.select(TARGET)
        if target["spec"]["diagnoser"].get("kind")
        and target["metadata"]["namespace"] in cluster.namespaces
    }
    wanted = {
        (one["metadata"]["name"], name)
        for one in cluster.store.select(CLUSTER_DIAGNOSER)
        for name in cluster.namespaces
        if is_selected(cluster, one, name)
    }
    assert published == wanted
    for one in cluster.store.select(CLUSTER_DIAGNOSER):
        crashing = {
            entry["name"]: entry["crashingPods"] for entry in one["status"].get("namespaces", [])
        }
        own: dict[str, int] = {}
        for pod in cluster.store.select(POD):
            if shown(pod) == ("cluster-diagnoser", one["metadata"]["name"]):
                own[pod["metadata"]["namespace"]] = own.get(pod["metadata"]["namespace"], 0) + 1
        assert crashing == own
        namespaces = [each["metadata"]["name"] for each in cluster.store.select(NAMESPACE)]
        count = sum(matches(cluster, one, name) for name in namespaces)
        assert one["status"]["selectedNamespaces"] == count
    assert all(code in {200, 429} for *_, code in cluster.hook.calls)
    told = [one["metadata"]["name"] for one in cluster.store.select(EVENT)]
    assert len(told) == len(set(told))
    assert not [one for one in cluster.store.select(EVENT) if one["reason"] == "SyncError"]
