"""Remediation from end to end in virtual time: the real hook, ReplicaSets and a kubelet.

The hook's own client sends its requests to the simulator's REST API.
"""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from dev.simulator.http_api import Request
from dev.simulator.kubelet.runtime import Exit
from dev.simulator.objects import Object, controller_of, labels_of, name_of, uid_of, version_of
from dev.simulator.resources import EVENT, POD, POD_DISRUPTION_BUDGET, REPLICA_SET
from tests.dev.simulator.fakes import Run, ScriptedRuntime
from tests.support.cluster_fixture import DIAGNOSER
from tests.support.hooked_cluster import HookedCluster

LABELS = {"app": "a", "pod-template-hash": "7d9f"}
POD_SPEC = {
    "containers": [{"name": "app", "image": "app"}],
    "terminationGracePeriodSeconds": 30,
}


class RemediationCluster(HookedCluster):
    """A cluster with a kubelet, in which the hook may act.

    Attributes:
        runtime: the containers; they run until a test ends them.
        stored: every version of the PodDiagnoser that was stored.
    """

    stored: list[Object]

    def __init__(self, on_term: float = 0.1) -> None:
        super().__init__(remediation=True)
        self.runtime = ScriptedRuntime(self.scheduler, (Run(None, term_seconds=on_term),))
        self.start_kubelet(self.runtime)
        self.stored = []
        self.store.watch(DIAGNOSER, lambda event: self.stored.append(event.object))

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


def test_log_event_reports_each_crash_once() -> None:
    """A Warning on the Pod in the tutorial's words, once though the hook forgets all it knew."""
    cluster = RemediationCluster()
    cluster.diagnoser("LogEvent")
    (pod,) = cluster.running()
    cluster.crash(pod)
    cluster.hook.restart()
    cluster.run(60)
    (event,) = cluster.events("PodRestarted")
    expected = f"Pod {name_of(pod)} restarted due to Completed (Exit Code: 0)"
    assert event["message"].startswith(expected)
    assert event["type"] == "Warning"
    assert event["involvedObject"]["uid"] == uid_of(pod)
    assert not cluster.goodbyes()


@pytest.mark.parametrize(("action", "reason"), [("RestartPod", "Deleted"), ("EvictPod", "Evicted")])
def test_a_crashed_pod_is_replaced(action: str, reason: str) -> None:
    """Crash, plan, deletion, replacement, Done: the plan is stored before the Pod goes."""
    cluster = RemediationCluster()
    cluster.diagnoser(action)
    (old,) = cluster.running()
    cluster.crash(old)
    (new,) = cluster.pods()
    assert uid_of(new) != uid_of(old)
    assert controller_of(new) == controller_of(old)
    assert new["status"]["containerStatuses"][0]["ready"]
    entry = cluster.entry()
    assert (entry["phase"], entry["reason"]) == ("Done", reason)
    assert (entry["pod"], entry["podUID"]) == (name_of(old), uid_of(old))
    assert "exited with code 0" in entry["diagnosis"]
    (gone,) = cluster.goodbyes()
    assert cluster.versions("Planned")[0] < gone < cluster.versions("Done")[0]
    kinds = {one["involvedObject"]["kind"] for one in cluster.events(f"Pod{reason}")}
    assert kinds == {"Pod", "PodDiagnoser"}


def test_a_bare_pod_is_left_alone() -> None:
    """The status says BarePod, an Event says so on the Pod, and the Pod is still there."""
    cluster = RemediationCluster()
    cluster.diagnoser("RestartPod")
    pod = cluster.bare()
    cluster.crash(pod)
    (withheld,) = cluster.status()["withheld"]
    assert (withheld["reason"], withheld["crashes"]) == ("BarePod", 1)
    assert withheld["examples"] == ["bare"]
    assert len(cluster.events("RemediationWithheld")) == 1
    assert not cluster.goodbyes()
    assert uid_of(cluster.pods()[0]) == uid_of(pod)


def test_a_young_pod_waits_until_it_is_old_enough() -> None:
    """TooYoung first; it is replaced when its time has come, without another crash."""
    cluster = RemediationCluster()
    cluster.diagnoser("RestartPod", minPodAgeSeconds=120)
    (old,) = cluster.running()
    cluster.crash(old, 30)
    assert [one["reason"] for one in cluster.status()["withheld"]] == ["TooYoung"]
    assert not cluster.goodbyes()
    cluster.run(120)
    assert cluster.entry()["phase"] == "Done"
    assert [uid_of(pod) for pod in cluster.pods()] != [uid_of(old)]


def test_an_owner_cools_down() -> None:
    """The replacement that crashes at once waits a minute for its turn."""
    cluster = RemediationCluster()
    cluster.diagnoser("RestartPod")
    (old,) = cluster.running()
    cluster.crash(old, 15)
    (second,) = cluster.pods()
    cluster.crash(second, 10)
    assert [one["reason"] for one in cluster.status()["withheld"]] == ["CoolDown"]
    assert len(cluster.goodbyes()) == 1
    cluster.run(120)
    assert len(cluster.goodbyes()) == 2


def test_an_eviction_waits_for_its_budget() -> None:
    """Reported as deferred while the budget blocks; executed once it is gone, never a delete."""
    cluster = RemediationCluster()
    cluster.diagnoser("EvictPod")
    (old,) = cluster.running()
    metadata = {"name": "pdb", "namespace": "default"}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}
    cluster.store.create(POD_DISRUPTION_BUDGET, {"metadata": metadata, "spec": spec})
    cluster.crash(old)
    entry = cluster.entry()
    assert entry["reason"] == "BlockedByDisruptionBudget"
    assert [uid_of(pod) for pod in cluster.pods()] == [uid_of(old)]
    cluster.store.delete(POD_DISRUPTION_BUDGET, ("default", "pdb"))
    cluster.run(120)
    assert (cluster.entry()["phase"], cluster.entry()["reason"]) == ("Done", "Evicted")
    assert not cluster.rest.received("DELETE", "/pods/")


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
    cluster = RemediationCluster()
    cluster.diagnoser("RestartPod")
    (old,) = cluster.running()
    cluster.rest.after = lost("DELETE")
    cluster.crash(old, 90)
    assert len(cluster.goodbyes()) == 1
    assert cluster.entry()["phase"] == "Done"
    (new,) = cluster.pods()
    assert uid_of(new) != uid_of(old)


def test_the_api_server_does_not_answer() -> None:
    """Nothing is done or reported as done; when it answers again the Pod is replaced, once."""
    cluster = RemediationCluster()
    cluster.diagnoser("RestartPod")
    (old,) = cluster.running()
    cluster.rest.before = lambda _: requests.ConnectionError("refused")
    cluster.crash(old, 30)
    assert not cluster.goodbyes()
    assert not cluster.versions("Done")
    reasons = {one["type"]: one["reason"] for one in cluster.status()["conditions"]}
    assert reasons["Remediating"] == "ReplacingPods", "what passes is in no condition"
    cluster.rest.before = lambda _: None
    cluster.run(60)
    assert cluster.entry()["phase"] == "Done"
    assert len(cluster.goodbyes()) == 1


# The ReplicaSets themselves


def test_a_replica_set_makes_its_pods() -> None:
    """With its labels, a generated name and a controller reference; its status counts them."""
    cluster = RemediationCluster()
    owner = cluster.replica_set(3)
    cluster.run(10)
    for pod in cluster.pods():
        assert name_of(pod).startswith("a-7d9f-")
        assert labels_of(pod) == LABELS
        reference = controller_of(pod)
        assert reference is not None
        assert (reference["kind"], reference["uid"]) == ("ReplicaSet", uid_of(owner))
    assert len(cluster.pods()) == 3
    status = cluster.store.get(REPLICA_SET, ("default", "a-7d9f"))["status"]
    assert (status["replicas"], status["readyReplicas"]) == (3, 3)


def test_a_replica_set_replaces_a_terminating_pod_at_once() -> None:
    """The new one runs while the old one uses its grace period, and then the old one is gone."""
    cluster = RemediationCluster(on_term=20)
    (old,) = cluster.running()
    cluster.store.delete(POD, ("default", name_of(old)))
    cluster.run(10)
    going = {name_of(pod): "deletionTimestamp" in pod["metadata"] for pod in cluster.pods()}
    assert going.pop(name_of(old))
    assert list(going.values()) == [False]
    cluster.run(20)
    assert [name_of(pod) for pod in cluster.pods()] == list(going)


def test_a_replica_set_shrinks_and_its_pods_go_with_it() -> None:
    """A Pod too many is deleted; without the ReplicaSet all are."""
    cluster = RemediationCluster()
    cluster.running(3)
    key = ("default", "a-7d9f")
    cluster.store.patch(REPLICA_SET, key, {"spec": {"replicas": 1}})
    cluster.run(10)
    assert len(cluster.pods()) == 1
    cluster.store.delete(REPLICA_SET, key)
    cluster.run(10)
    assert not cluster.pods()


def test_the_condition_of_an_eviction_outlives_the_kubelets_reports() -> None:
    """DisruptionTarget stays on the Pod while its containers end."""
    cluster = RemediationCluster(on_term=20)
    (old,) = cluster.running()
    cluster.store.evict(("default", name_of(old)))
    cluster.run(10)
    pod = cluster.store.get(POD, ("default", name_of(old)))
    assert pod["status"]["observedGeneration"] == 2
    assert "DisruptionTarget" in [one["type"] for one in pod["status"]["conditions"]]
