"""Remediation from end to end in virtual time: the real hook, ReplicaSets and a kubelet.

The hook's own client sends its requests to the simulator's REST face.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
import requests

from dev.simulator.client import Client
from dev.simulator.cluster import NODE, Cluster, Conditions
from dev.simulator.events import EventRecorder
from dev.simulator.http_api import Request, RestApi
from dev.simulator.kubelet.kubelet import Kubelet
from dev.simulator.kubelet.node import Node
from dev.simulator.kubelet.runtime import Exit
from dev.simulator.objects import Object, controller_of, labels_of, name_of, uid_of, version_of
from dev.simulator.resources import EVENT, POD, POD_DISRUPTION_BUDGET, REPLICA_SET
from dev.simulator.scheduling import Clock, VirtualScheduler
from dev.simulator.webhooks import InProcess
from pod_diagnoser.poddiagnosers.sync import Reconciler
from tests.dev.simulator.fakes import Run, ScriptedRuntime
from tests.support.cluster_fixture import CONTROLLERS, CRDS, DIAGNOSER, EPOCH, Hook
from tests.support.simulated_api import connect

LABELS = {"app": "a", "pod-template-hash": "7d9f"}
POD_SPEC = {
    "containers": [{"name": "app", "image": "app"}],
    "terminationGracePeriodSeconds": 30,
}


class World:
    """A cluster with a kubelet and the real hook, which may act.

    Attributes:
        rest: the way from the hook to the API server.
        runtime: the containers; they run until a test ends them.
    """

    stored: list[Object]

    def __init__(self, on_term: float = 0.1) -> None:
        self.scheduler = VirtualScheduler()
        clock = Clock(self.scheduler, EPOCH)
        conditions = Conditions.calm()
        self.cluster = Cluster(self.scheduler, clock, CRDS, conditions)
        self.store = self.cluster.store
        self.runtime = ScriptedRuntime(self.scheduler, (Run(None, term_seconds=on_term),))
        client = Client(self.cluster.network, "kubelet")
        node = Node(
            client=client,
            clock=clock,
            runtime=self.runtime,
            prober=None,
            recorder=EventRecorder(client, clock, "kubelet", NODE),
            rng=random.Random(0),
        )
        Kubelet(node, NODE)
        api, self.rest = connect(RestApi(self.store, clock))

        def remediator() -> Reconciler:
            return Reconciler(api, clock.now, "test", self.scheduler.time)

        self.hook = Hook(self.scheduler, clock, remediator)
        self.cluster.install(CONTROLLERS)
        transport = InProcess(self.scheduler, conditions.timing, self.hook)
        self.cluster.start_metacontroller(transport)
        self.stored = []
        self.store.watch(DIAGNOSER, lambda event: self.stored.append(event.object))

    def run(self, seconds: float = 10.0) -> None:
        """Let virtual time pass."""
        self.scheduler.run_for(seconds)

    def diagnoser(self, action: str, **remediation: Any) -> None:
        """Create a PodDiagnoser."""
        spec = {
            "targetLabels": {"app": "a"},
            "remediationAction": action,
            "remediation": {"minPodAgeSeconds": 0, **remediation},
        }
        self.store.create(
            DIAGNOSER, {"metadata": {"name": "d", "namespace": "default"}, "spec": spec}
        )

    def replica_set(self, replicas: int = 1) -> Object:
        """Create a ReplicaSet."""
        return self.store.create(
            REPLICA_SET,
            {
                "metadata": {"name": "a-7d9f", "namespace": "default"},
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": LABELS},
                    "template": {"metadata": {"labels": LABELS}, "spec": POD_SPEC},
                },
            },
        )

    def running(self, replicas: int = 1) -> list[Object]:
        """Create a ReplicaSet, and return its Pods once they run."""
        self.replica_set(replicas)
        self.run(10)
        pods = self.pods()
        assert len(pods) == replicas
        return pods

    def bare(self) -> Object:
        """Create a Pod without an owner, and return it once it runs."""
        metadata = {"name": "bare", "namespace": "default", "labels": {"app": "a"}}
        self.store.create(POD, {"metadata": metadata, "spec": POD_SPEC})
        self.run(10)
        return self.pods()[0]

    def crash(self, pod: Object, seconds: float = 60.0) -> None:
        """End a Pod's process with exit code 0, and let time pass."""
        self.runtime.processes[name_of(pod)].end(Exit(0))
        self.run(seconds)

    def pods(self) -> list[Object]:
        """Return all Pods."""
        return self.store.select(POD, "default")

    def status(self) -> Object:
        """Return the PodDiagnoser's status."""
        return self.store.get(DIAGNOSER, ("default", "d")).get("status") or {}

    def entry(self) -> Object:
        """Return the only remediation."""
        (entry,) = self.status()["remediations"]
        found: Object = entry
        return found

    def events(self, reason: str) -> list[Object]:
        """Return the Events with a reason."""
        return [one for one in self.store.select(EVENT) if one["reason"] == reason]

    def versions(self, phase: str) -> list[int]:
        """Return the resourceVersions with which a remediation was stored in a phase."""
        return [
            int(version_of(one))
            for one in self.stored
            for entry in (one.get("status") or {}).get("remediations", [])
            if entry["phase"] == phase
        ]

    def goodbyes(self) -> list[int]:
        """Return the resourceVersions of the hook's deletions and evictions of Pods."""
        return [
            one.version
            for one in self.store.audit
            if one.call.manager == "pod-diagnoser"
            and one.call.resource is POD
            and one.version is not None
        ]


def test_log_event_tells_each_crash_once() -> None:
    """A Warning on the Pod in the tutorial's words, once though the hook forgets all it knew."""
    world = World()
    world.diagnoser("LogEvent")
    (pod,) = world.running()
    world.crash(pod)
    world.hook.restart()
    world.run(60)
    (event,) = world.events("PodRestarted")
    expected = f"Pod {name_of(pod)} restarted due to Completed (Exit Code: 0)"
    assert event["message"].startswith(expected)
    assert event["type"] == "Warning"
    assert event["involvedObject"]["uid"] == uid_of(pod)
    assert not world.goodbyes()


@pytest.mark.parametrize(("action", "reason"), [("RestartPod", "Deleted"), ("EvictPod", "Evicted")])
def test_a_crashed_pod_is_replaced(action: str, reason: str) -> None:
    """Crash, plan, deletion, replacement, Done: the plan is stored before the Pod goes."""
    world = World()
    world.diagnoser(action)
    (old,) = world.running()
    world.crash(old)
    (new,) = world.pods()
    assert uid_of(new) != uid_of(old)
    assert controller_of(new) == controller_of(old)
    assert new["status"]["containerStatuses"][0]["ready"]
    entry = world.entry()
    assert (entry["phase"], entry["reason"]) == ("Done", reason)
    assert (entry["pod"], entry["podUID"]) == (name_of(old), uid_of(old))
    assert "exited with code 0" in entry["diagnosis"]
    (gone,) = world.goodbyes()
    assert world.versions("Planned")[0] < gone < world.versions("Done")[0]
    kinds = {one["involvedObject"]["kind"] for one in world.events(f"Pod{reason}")}
    assert kinds == {"Pod", "PodDiagnoser"}


def test_a_bare_pod_is_left_alone() -> None:
    """The status says BarePod, an Event says so on the Pod, and the Pod is still there."""
    world = World()
    world.diagnoser("RestartPod")
    pod = world.bare()
    world.crash(pod)
    (withheld,) = world.status()["withheld"]
    assert (withheld["reason"], withheld["crashes"]) == ("BarePod", 1)
    assert withheld["examples"] == ["bare"]
    assert len(world.events("RemediationWithheld")) == 1
    assert not world.goodbyes()
    assert uid_of(world.pods()[0]) == uid_of(pod)


def test_a_young_pod_waits_until_it_is_old_enough() -> None:
    """TooYoung first; it is replaced when its time has come, without another crash."""
    world = World()
    world.diagnoser("RestartPod", minPodAgeSeconds=120)
    (old,) = world.running()
    world.crash(old, 30)
    assert [one["reason"] for one in world.status()["withheld"]] == ["TooYoung"]
    assert not world.goodbyes()
    world.run(120)
    assert world.entry()["phase"] == "Done"
    assert [uid_of(pod) for pod in world.pods()] != [uid_of(old)]


def test_an_owner_cools_down() -> None:
    """The replacement that crashes at once waits a minute for its turn."""
    world = World()
    world.diagnoser("RestartPod")
    (old,) = world.running()
    world.crash(old, 15)
    (second,) = world.pods()
    world.crash(second, 10)
    assert [one["reason"] for one in world.status()["withheld"]] == ["CoolDown"]
    assert len(world.goodbyes()) == 1
    world.run(120)
    assert len(world.goodbyes()) == 2


def test_an_eviction_waits_for_its_budget() -> None:
    """Deferred and said so while the budget blocks; carried out once it is gone, never a delete."""
    world = World()
    world.diagnoser("EvictPod")
    (old,) = world.running()
    metadata = {"name": "pdb", "namespace": "default"}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}
    world.store.create(POD_DISRUPTION_BUDGET, {"metadata": metadata, "spec": spec})
    world.crash(old)
    entry = world.entry()
    assert entry["reason"] == "BlockedByDisruptionBudget"
    assert [uid_of(pod) for pod in world.pods()] == [uid_of(old)]
    world.store.delete(POD_DISRUPTION_BUDGET, ("default", "pdb"))
    world.run(120)
    assert (world.entry()["phase"], world.entry()["reason"]) == ("Done", "Evicted")
    assert not world.rest.asked("DELETE", "/pods/")


def lost(method: str) -> Callable[[Request], Exception | None]:
    """Return a fault that loses the first answer to a method."""
    left = [1]

    def fault(request: Request) -> Exception | None:
        if request.method == method and left:
            left.pop()
            return requests.ConnectionError("reset")
        return None

    return fault


def test_the_deletions_answer_is_lost() -> None:
    """The Pod is deleted once, its replacement lives, and the entry says Done in the end."""
    world = World()
    world.diagnoser("RestartPod")
    (old,) = world.running()
    world.rest.after = lost("DELETE")
    world.crash(old, 90)
    assert len(world.goodbyes()) == 1
    assert world.entry()["phase"] == "Done"
    (new,) = world.pods()
    assert uid_of(new) != uid_of(old)


def test_the_api_server_does_not_answer() -> None:
    """Nothing is done or said to be done; when it answers again the Pod is replaced, once."""
    world = World()
    world.diagnoser("RestartPod")
    (old,) = world.running()
    world.rest.before = lambda _: requests.ConnectionError("refused")
    world.crash(old, 30)
    assert not world.goodbyes()
    assert not world.versions("Done")
    reasons = {one["type"]: one["reason"] for one in world.status()["conditions"]}
    assert reasons["Remediating"] == "ApiServerUnavailable"
    world.rest.before = lambda _: None
    world.run(60)
    assert world.entry()["phase"] == "Done"
    assert len(world.goodbyes()) == 1


# The ReplicaSets themselves


def test_a_replica_set_makes_its_pods() -> None:
    """With its labels, a generated name and a controller reference; its status counts them."""
    world = World()
    owner = world.replica_set(3)
    world.run(10)
    for pod in world.pods():
        assert name_of(pod).startswith("a-7d9f-")
        assert labels_of(pod) == LABELS
        reference = controller_of(pod)
        assert reference is not None
        assert (reference["kind"], reference["uid"]) == ("ReplicaSet", uid_of(owner))
    assert len(world.pods()) == 3
    status = world.store.get(REPLICA_SET, ("default", "a-7d9f"))["status"]
    assert (status["replicas"], status["readyReplicas"]) == (3, 3)


def test_a_replica_set_replaces_a_terminating_pod_at_once() -> None:
    """The new one runs while the old one uses its grace period, and then the old one is gone."""
    world = World(on_term=20)
    (old,) = world.running()
    world.store.delete(POD, ("default", name_of(old)))
    world.run(10)
    going = {name_of(pod): "deletionTimestamp" in pod["metadata"] for pod in world.pods()}
    assert going.pop(name_of(old))
    assert list(going.values()) == [False]
    world.run(20)
    assert [name_of(pod) for pod in world.pods()] == list(going)


def test_a_replica_set_shrinks_and_its_pods_go_with_it() -> None:
    """A Pod too many is deleted; without the ReplicaSet all are."""
    world = World()
    world.running(3)
    key = ("default", "a-7d9f")
    world.store.patch(REPLICA_SET, key, {"spec": {"replicas": 1}})
    world.run(10)
    assert len(world.pods()) == 1
    world.store.delete(REPLICA_SET, key)
    world.run(10)
    assert not world.pods()


def test_the_condition_of_an_eviction_outlives_the_kubelets_reports() -> None:
    """DisruptionTarget stays on the Pod while its containers end."""
    world = World(on_term=20)
    (old,) = world.running()
    world.store.evict(("default", name_of(old)))
    world.run(10)
    pod = world.store.get(POD, ("default", name_of(old)))
    assert pod["status"]["observedGeneration"] == 2
    assert "DisruptionTarget" in [one["type"] for one in pod["status"]["conditions"]]
