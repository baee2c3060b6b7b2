"""ClusterPodDiagnosers and PodDiagnosers that replace Pods, and take them over from each other.

Each crash is acted on at most once, by the one whose Pod it was; and never are more Pods replaced
than the budgets allow, in total or in a namespace. Both are judged by what the API server holds.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from unittest import mock

import pytest

from dev.simulator.objects import Object, copy
from dev.simulator.resources import EVENT, NAMESPACE, POD, REPLICA_SET, Key
from dev.simulator.writes import DeleteOptions
from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterRemediationBudget
from pod_diagnoser.pods.keys import CRASH
from pod_diagnoser.remediation import boundaries
from tests.simulation.test_cluster_kind import APPS, Namespaces, expected
from tests.support.cluster_fixture import CLUSTER_DIAGNOSER, DIAGNOSER

STEPS = 40
WINDOW = 600
OVERLAP = 1.0
"""By how much another one's claim may overlap with what comes of a crash: the API server's times of
creation, and those of crashes, are in whole seconds."""


@dataclass(frozen=True)
class Deletion:
    """A deletion of a Pod.

    Attributes:
        at: when.
        pod: the Pod.
        doer: the uid of who had planned it.
        told: the Events that told of its crash before.
    """

    at: float
    pod: Object
    doer: str
    told: list[str]


class Replacing(Namespaces):
    """A cluster in which Pods are replaced by their ReplicaSets.

    Args:
        seed: of all that is random.

    Attributes:
        claims: since when which Pod, by uid, was whose: the uid of the diagnoser.
        crashed: when each Pod, by uid, crashed last.
        deleted: each deletion of a Pod.
        gone: the Pods, by uid, that were deleted.
        budgets: the budget of each diagnoser that there was, by uid.
    """

    def __init__(self, seed: int) -> None:
        self.claims: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
        self.crashed: dict[str, float] = {}
        self.deleted: list[Deletion] = []
        self.gone: set[str] = set()
        self.budgets: dict[str, Object] = {}
        super().__init__(seed)
        self.store.watch(POD, self._pod_changed)

    def _pod_changed(self, event: Any) -> None:
        pod = event.object
        uid = pod["metadata"]["uid"]
        if "deletionTimestamp" not in pod["metadata"] or uid in self.gone:
            return
        self.gone.add(uid)
        plans = [
            (one["metadata"]["uid"], entry["id"])
            for kind in (DIAGNOSER, CLUSTER_DIAGNOSER)
            for one in self.store.select(kind)
            for entry in (one.get("status") or {}).get("remediations", [])
            if entry["podUID"] == uid and entry["phase"] == "Planned"
        ]
        for doer, crash in plans:
            self.deleted.append(Deletion(self.scheduler.time(), copy(pod), doer, self.told(crash)))

    def told(self, crash: str) -> list[str]:
        """Return the names of the Events that tell of a crash."""
        return [
            one["metadata"]["name"]
            for one in self.store.select(EVENT)
            if one["reason"] == "PodRestarted" and one["metadata"]["annotations"][CRASH] == crash
        ]

    def steps(self, count: int) -> None:
        """Have things happen, and note after each whose Pods are whose."""
        actions = (
            self.add_namespace,
            self.relabel_namespace,
            *(self.add_diagnoser,) * 3,
            self.switch_diagnoser,
            *(self.remove_diagnoser,) * 2,
            *(self.relabel_diagnoser,) * 2,
            *(self.add_cluster_diagnoser,) * 2,
            self.change_cluster_diagnoser,
            self.remove_cluster_diagnoser,
            self.restart_metacontroller,
        )
        for _ in range(count):
            for _ in range(self.rng.choice((0, 1, 2))):
                self.crash()
                self.run(self.rng.choice((0.0, 1.0)))
            self.rng.choice(actions)()
            self.note()
            self.run(self.rng.choice((0.0, 0.2, 0.7, 3.0, 8.0, 15.0)))
            self.end_pods()
            self.note()

    def note(self) -> None:
        """Note whose each Pod is now."""
        for kind in (DIAGNOSER, CLUSTER_DIAGNOSER):
            for one in self.store.select(kind):
                self.budgets[one["metadata"]["uid"]] = one["spec"]["remediation"]["budget"]
        for pod in self.store.select(POD):
            claim = expected(self, pod)
            owner = ""
            if claim is not None:
                of, name = claim
                found = (
                    self.store.get(DIAGNOSER, (pod["metadata"]["namespace"], name))
                    if of == "diagnoser"
                    else self.store.get(CLUSTER_DIAGNOSER, ("", name))
                )
                owner = found["metadata"]["uid"]
            known = self.claims[pod["metadata"]["uid"]]
            if not known or known[-1][1] != owner:
                known.append((self.scheduler.time(), owner))

    def end_pods(self) -> None:
        """Do the kubelet's part: what is being deleted ends."""
        for pod in self.store.select(POD):
            meta = pod["metadata"]
            if "deletionTimestamp" in meta:
                options = DeleteOptions(uid=meta["uid"], grace=0)
                self.store.delete(POD, (meta["namespace"], meta["name"]), options)

    def add_namespace(self) -> None:
        """Add one with two workloads."""
        if len(self.namespaces) == 5:
            return
        name = f"n{len(self.namespaces)}"
        self.store.create(NAMESPACE, {"metadata": {"name": name, "labels": self._team()}})
        self.namespaces.append(name)
        for app in APPS:
            template = {
                "metadata": {"labels": {"app": app}},
                "spec": {"nodeName": "far", "containers": [{"name": "app", "image": "app"}]},
            }
            spec = {
                "replicas": 2,
                "selector": {"matchLabels": {"app": app}},
                "template": template,
            }
            self.store.create(
                REPLICA_SET, {"metadata": {"name": app, "namespace": name}, "spec": spec}
            )

    def relabel_diagnoser(self) -> None:
        """Have a PodDiagnoser select more Pods, or fewer."""
        for one in self._any(DIAGNOSER):
            key = (one["metadata"]["namespace"], one["metadata"]["name"])
            app = None if one["spec"].get("targetLabels") else "web"
            self.store.patch(DIAGNOSER, key, {"spec": {"targetLabels": {"app": app}}})

    def crash(self, namespace: str = "", app: str = "") -> None:
        """Report that a Pod's container ended and runs again."""
        del namespace, app
        pods = [pod for pod in self.store.select(POD) if "deletionTimestamp" not in pod["metadata"]]
        if not pods:
            return
        pod = self.rng.choice(pods)
        self.crashed[pod["metadata"]["uid"]] = self.scheduler.time()
        key: Key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        super().crash(*key)

    def _spec(self) -> Object:
        budget = self.rng.choice(({"pods": 50}, {"pods": 2}))
        return {
            "targetLabels": self.rng.choice(({}, {"app": "web"})),
            "remediationAction": self.rng.choice(("RestartPod",) * 4 + ("LogEvent",)),
            "evidence": {"events": False},
            "remediation": {
                "minPodAgeSeconds": 0,
                "coolDownSeconds": 10,
                "maxAttempts": 100,
                "budget": {**budget, "windowSeconds": WINDOW},
            },
        }

    def add_cluster_diagnoser(self) -> None:
        """Add a ClusterPodDiagnoser."""
        name = self.rng.choice(("a", "b"))
        if self.store.peek(CLUSTER_DIAGNOSER, ("", name)) is None:
            spec = {**self._spec(), "namespaceSelector": self._selector()}
            spec["remediation"]["budget"]["podsPerNamespace"] = self.rng.choice((1, 50))
            self.store.create(CLUSTER_DIAGNOSER, {"metadata": {"name": name}, "spec": spec})


def verdicts(cluster: Replacing) -> list[str]:
    """Return what is wrong with the deletions."""
    wrong: list[str] = []
    by: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for one in cluster.deleted:
        namespace = one.pod["metadata"]["namespace"]
        what = f"{one.pod['metadata']['name']} of {namespace}"
        seconds = of_others(cluster, one)
        if seconds > OVERLAP:
            wrong.append(f"{what}, deleted by {one.doer}, was another one's for {seconds:.1f} s")
        if one.told:
            wrong.append(f"{what} was deleted by {one.doer}, and told of: {one.told}")
        by["", one.doer].append(one.at)
        by[namespace, one.doer].append(one.at)
    for (namespace, doer), times in by.items():
        most = cluster.budgets[doer].get("podsPerNamespace" if namespace else "pods", 50)
        for first in times:
            within = [time for time in times if first <= time < first + WINDOW]
            if len(within) > most:
                wrong.append(f"{doer} deleted {len(within)} Pods in {namespace or 'all'}")
    return wrong


def of_others(cluster: Replacing, deletion: Deletion) -> float:
    """Return for how long after its crash a Pod was not of the one that has deleted it.

    For a PodDiagnoser it counts whose it was just before: where it was nobody's, nothing on the Pod
    says that it was another one's before that, and nobody has it.
    """
    uid = deletion.pod["metadata"]["uid"]
    of_cluster = "podsPerNamespace" in cluster.budgets[deletion.doer]
    spans = [*cluster.claims[uid], (deletion.at, "")]
    held = [
        (owner, max(0.0, end - max(begin, cluster.crashed[uid])))
        for (begin, owner), (end, _) in pairwise(spans)
    ]
    while held and held[-1][0] != deletion.doer:
        held.pop()  # what is later than what it could know
    others = [(owner, seconds) for owner, seconds in held if owner != deletion.doer]
    if not of_cluster:
        others = [each for each in others[-1:] if each[0]]
    return max((seconds for _, seconds in others), default=0.0)


def simulated(seed: int) -> Replacing:
    """Return a cluster after many steps."""
    cluster = Replacing(seed)
    cluster.steps(STEPS)
    cluster.settle(90)
    return cluster


@pytest.mark.parametrize("seed", range(5))
def test_each_crash_is_acted_on_once_and_budgets_hold(seed: int) -> None:
    """Whoever comes and goes."""
    cluster = simulated(seed)
    assert verdicts(cluster) == []
    assert all(code in {200, 429} for *_, code in cluster.hook.calls)


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "acts on crashes from before its claim": (
        boundaries.Boundaries,
        "is_before_claim",
        lambda *_: False,
    ),
    "has no budget for each namespace": (ClusterRemediationBudget, "per_namespace", None),
}


SEEDS = {"acts on crashes from before its claim": 0, "has no budget for each namespace": 0}
"""A simulation that finds each of them."""


@pytest.mark.parametrize(("name", "seed"), SEEDS.items())
def test_a_mistake_is_found(name: str, seed: int) -> None:
    """A hook that makes it is found out."""
    with mock.patch.object(*MUTANTS[name]):
        assert verdicts(simulated(seed)) != []
