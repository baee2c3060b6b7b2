"""A rollout in the simulated cluster: what its Pods and the status say, and what it costs."""

from collections.abc import Callable

import pytest

from dev.simulator.errors import ApiError
from dev.simulator.http_api import Request
from dev.simulator.kubelet.runtime import Exit
from dev.simulator.objects import Object
from dev.simulator.resources import POD, REPLICA_SET
from pod_diagnoser.cluster.circuit_breaker import REFUSED_SECONDS
from tests.dev.simulator.fakes import Run, ScriptedProber, ScriptedRuntime
from tests.support.cluster_fixture import DIAGNOSER
from tests.support.hooked_cluster import HookedCluster

DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "name": "web",
    "uid": "deployment-web",
    "controller": True,
}
CHANGED = "image web:1 → web:2, env LOG_LEVEL added"
TWO_HOURS = 7200.0


class RolloutCluster(HookedCluster):
    """A cluster whose Deployment's Pods end after five seconds, each time."""

    def __init__(self) -> None:
        super().__init__(evidence=True)
        self.start_kubelet(
            ScriptedRuntime(self.scheduler, (Run(5, Exit(1)),)),
            ScriptedProber(self.scheduler, lambda _: True),
        )
        self.store.create(
            DIAGNOSER, {"metadata": {"name": "d", "namespace": "default"}, "spec": {}}
        )

    def roll_out(self, pods: int = 1) -> None:
        """Replace a version of two hours ago by one that crashes."""
        self.scheduler.run_for(1)
        self.version(1, 0)
        self.scheduler.run_for(TWO_HOURS)
        env = [{"name": "LOG_LEVEL", "value": "debug"}]
        self.version(2, pods, env=env)

    def version(self, number: int, pods: int, **container: object) -> None:
        """Create a version of the template, as the Deployment's controller does."""
        labels = {"app": "web", "pod-template-hash": f"h{number}"}
        containers = [{"name": "web", "image": f"web:{number}", **container}]
        self.store.create(
            REPLICA_SET,
            {
                "metadata": {
                    "name": f"web-h{number}",
                    "namespace": "default",
                    "labels": labels,
                    "annotations": {"deployment.kubernetes.io/revision": str(number)},
                    "ownerReferences": [DEPLOYMENT],
                },
                "spec": {
                    "replicas": pods,
                    "selector": {"matchLabels": labels},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {"containers": containers},
                    },
                },
            },
        )

    def lines(self) -> list[str]:
        """Return what each Pod says of changes."""
        names = [pod["metadata"]["name"] for pod in self.store.select(POD)]
        return [self.annotations(name).get("changes", "") for name in names]

    def reads(self) -> int:
        """Return how many requests the hook made for versions."""
        return len(self.rest.received("GET", "/replicasets"))

    def template(self) -> Object:
        """Return what the status says of the workload's template."""
        (entry,) = self.status()["workloads"]
        found: Object = entry["template"]
        return found


def test_all_pods_of_a_rollout_say_what_changed_for_two_requests() -> None:
    """However many crash, and how often; and so does the status."""
    cluster = RolloutCluster()
    cluster.roll_out(10)
    cluster.scheduler.run_for(120)
    assert cluster.reads() == 2
    for line in cluster.lines():
        assert line.startswith("Revision 2 began ")
        assert f" before this crash: {CHANGED}; revision 1 ran for 2 h" in line
    template = cluster.template()
    assert f" before its first crash: {CHANGED}; revision 1 ran for 2 h" in template["changes"]
    crashes = sum(
        pod["status"]["containerStatuses"][0]["restartCount"] for pod in cluster.store.select(POD)
    )
    assert crashes >= 20
    assert template["crashes"] >= crashes
    assert template["history"].startswith(f"{template['crashes']} crashes of revision 2 in ")


def test_the_crashes_of_replaced_pods_count() -> None:
    """Each Pod is deleted after its first crash; the next one is as new."""
    cluster = RolloutCluster()
    cluster.roll_out()
    for _ in range(4):
        cluster.scheduler.run_for(8)
        (pod,) = cluster.store.select(POD)
        cluster.store.delete(POD, ("default", pod["metadata"]["name"]))
        cluster.scheduler.run_for(40)
    template = cluster.template()
    assert template["crashes"] >= 4
    assert (template["revision"], template["hash"]) == (2, "h2")
    assert cluster.reads() == 2


def test_nothing_more_is_written_in_the_end() -> None:
    """An hour after the last crash the line is gone, and all is quiet."""
    cluster = RolloutCluster()
    cluster.roll_out()
    cluster.scheduler.run_for(10)
    assert all(cluster.lines())
    cluster.store.patch(REPLICA_SET, ("default", "web-h2"), {"spec": {"replicas": 0}})
    cluster.settle(120)


def refused() -> Exception:
    """The role is missing."""
    message = "replicasets.apps is forbidden"
    return ApiError(403, "Forbidden", message)


def broken() -> Exception:
    """The API server fails."""
    return ApiError(500, "InternalError", "etcdserver: request timed out")


def lost() -> Exception:
    """There is no answer."""
    return ConnectionResetError()


@pytest.mark.parametrize("fault", [refused, broken, lost])
def test_without_an_answer_nothing_is_said_until_a_later_crash(
    fault: Callable[[], Exception],
) -> None:
    """The diagnosis is as without; what passes is tried again with the next crash."""
    cluster = RolloutCluster()

    def fail(request: Request) -> Exception | None:
        return fault() if "/replicasets" in request.path else None

    cluster.rest.before = fail
    cluster.roll_out()
    cluster.scheduler.run_for(10)
    assert cluster.lines() == [""]
    (pod,) = cluster.store.select(POD)
    assert cluster.annotations(pod["metadata"]["name"])["cause"] == "ApplicationError"
    cluster.rest.before = lambda _: None
    cluster.scheduler.run_for(2 * REFUSED_SECONDS)
    assert CHANGED in cluster.lines()[0]
