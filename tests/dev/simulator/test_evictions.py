"""Evictions and PodDisruptionBudgets over the REST API, as the API server answers them."""

from typing import Any

import pytest

from dev.simulator.disruptions import SEVERAL
from dev.simulator.http_api import Response
from dev.simulator.objects import Object, copy
from dev.simulator.resources import POD, POD_DISRUPTION_BUDGET, REPLICA_SET
from tests.support.cluster_fixture import ApiFixture

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


class EvictionApi(ApiFixture):
    """An API server with Pods of one ReplicaSet."""

    def pods(self, ready: int, unready: int = 0, replicas: int | None = None) -> None:
        """Create p0, p1 and so on, the ready ones first, with the ReplicaSet that owns them."""
        template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": []}}
        spec = {
            "replicas": ready + unready if replicas is None else replicas,
            "selector": {"matchLabels": {"app": "a"}},
            "template": template,
        }
        owner = self.store.create(
            REPLICA_SET, {"metadata": {"name": "rs", "namespace": "default"}, "spec": spec}
        )
        reference = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": "rs",
            "uid": owner["metadata"]["uid"],
            "controller": True,
        }
        for number in range(ready + unready):
            self.pod(f"p{number}", ready=number < ready, ownerReferences=[reference])

    def pod(self, name: str, *, ready: bool = True, **metadata: Any) -> None:
        """Create a Pod that runs."""
        self.store.create(
            POD,
            {
                "metadata": {
                    "name": name,
                    "namespace": "default",
                    "labels": {"app": "a"},
                    **metadata,
                },
                "spec": {"nodeName": "far", "containers": [{"name": "app", "image": "app"}]},
            },
        )
        pod = copy(self.get(name))
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        pod["status"] = {"phase": "Running", "conditions": [condition]}
        self.store.update(POD, pod, subresource="status")

    def budget(self, name: str = "pdb", **spec: Any) -> Response:
        """Create a PodDisruptionBudget for them."""
        body = {
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": {"app": "a"}}, **spec},
        }
        return self.send("POST", BUDGETS, body)

    def get(self, name: str) -> Object:
        """Return a Pod."""
        return self.store.get(POD, ("default", name))

    def evict(self, name: str = "p0", **preconditions: str) -> Response:
        """Evict a Pod as the hook does."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": "default"},
            "deleteOptions": options,
        }
        return self.send("POST", f"{PODS}/{name}/eviction", body)

    def goes(self, name: str = "p0") -> bool:
        """Say whether a Pod is terminating."""
        return "deletionTimestamp" in self.get(name)["metadata"]


@pytest.fixture
def cluster() -> EvictionApi:
    """Return an empty cluster."""
    return EvictionApi()


def test_without_a_budget_the_pod_becomes_terminating(cluster: EvictionApi) -> None:
    """201 with a Status of Success; the Pod has the condition DisruptionTarget."""
    cluster.pods(1)
    answer = cluster.evict()
    assert (answer.status, answer.body["status"], answer.body["code"]) == (201, "Success", 201)
    assert cluster.goes()
    conditions = {one["type"]: one for one in cluster.get("p0")["status"]["conditions"]}
    assert conditions["DisruptionTarget"]["reason"] == "EvictionByEvictionAPI"


def test_preconditions_are_those_of_the_pod_before_the_eviction(cluster: EvictionApi) -> None:
    """Preconditions on uid and resourceVersion hold, though the eviction writes first."""
    cluster.pods(1)
    metadata = cluster.get("p0")["metadata"]
    stale = cluster.evict(uid=metadata["uid"], resourceVersion="1")
    assert (stale.status, stale.body["reason"]) == (409, "Conflict")
    other = cluster.evict(uid="other", resourceVersion=metadata["resourceVersion"])
    assert (other.status, other.body["reason"]) == (409, "Conflict")
    assert not cluster.goes()
    right = cluster.evict(uid=metadata["uid"], resourceVersion=metadata["resourceVersion"])
    assert right.status == 201
    assert cluster.goes()


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"minAvailable": 3}, 0),
        ({"minAvailable": 2}, 1),
        ({"minAvailable": 1}, 2),
        ({"minAvailable": "50%"}, 1),  # 1.5, rounded up
        ({"minAvailable": "100%"}, 0),
        ({"maxUnavailable": 0}, 0),
        ({"maxUnavailable": 2}, 2),
        ({"maxUnavailable": "34%"}, 2),  # 1.02, rounded up
        ({"maxUnavailable": "0%"}, 0),
        ({}, 0),
    ],
)
def test_as_many_as_the_budget_allows(cluster: EvictionApi, spec: Object, allowed: int) -> None:
    """Of three ready Pods; the next eviction is 429 with the cause, and changes nothing."""
    cluster.pods(3)
    assert cluster.budget(**spec).status == 201
    codes = [cluster.evict(f"p{number}").status for number in range(3)]
    assert codes == [201] * allowed + [429] * (3 - allowed)
    assert [cluster.goes(f"p{number}") for number in range(3)] == [code == 201 for code in codes]


def test_the_refusal_names_its_cause(cluster: EvictionApi) -> None:
    """The API server's words, and no Retry-After, since it is unknown when it will be allowed."""
    cluster.pods(1)
    cluster.budget(minAvailable=1)
    answer = cluster.evict()
    assert answer.body["reason"] == "TooManyRequests"
    assert answer.body["message"].startswith("Cannot evict pod as it would violate")
    assert answer.body["details"]["causes"] == [
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget pdb needs 1 healthy pods and has 1 currently",
        }
    ]
    assert "Retry-After" not in answer.headers


def test_the_budget_is_checked_before_the_preconditions(cluster: EvictionApi) -> None:
    """A blocked eviction of another version is 429, as from the API server."""
    cluster.pods(1)
    cluster.budget(minAvailable=1)
    assert cluster.evict(resourceVersion="1").status == 429


def test_several_budgets(cluster: EvictionApi) -> None:
    """The API server answers 201 with a Status of Failure and code 500; the Pod stays."""
    cluster.pods(2)
    cluster.budget("one", minAvailable=0)
    cluster.budget("two", minAvailable=0)
    answer = cluster.evict()
    assert (answer.status, answer.body["status"], answer.body["code"]) == (201, "Failure", 500)
    assert answer.body["message"] == SEVERAL
    assert not cluster.goes()


@pytest.mark.parametrize(
    ("policy", "ready", "code"),
    [("IfHealthyBudget", 1, 429), ("IfHealthyBudget", 2, 201), ("AlwaysAllow", 1, 201)],
)
def test_unready_pods(cluster: EvictionApi, policy: str, ready: int, code: int) -> None:
    """One goes if the others are healthy enough, or if the policy says so."""
    cluster.pods(ready, unready=1)
    cluster.budget(minAvailable=2, unhealthyPodEvictionPolicy=policy)
    assert cluster.evict(f"p{ready}").status == code


def test_what_the_owner_wants_counts_for_a_percentage(cluster: EvictionApi) -> None:
    """Four are wanted and two are there: half of them have to stay."""
    cluster.pods(2, replicas=4)
    cluster.budget(minAvailable="50%")
    assert cluster.evict().status == 429


def test_selectors_of_budgets(cluster: EvictionApi) -> None:
    """An empty selector is for all Pods, and none for no Pod."""
    cluster.pods(1)
    cluster.budget("none", minAvailable=1, selector=None)
    cluster.budget("other", minAvailable=1, selector={"matchLabels": {"app": "b"}})
    assert cluster.evict().status == 201
    cluster.pod("bare")
    cluster.budget("all", minAvailable=1, selector={})
    assert cluster.evict("bare").status == 429


def test_a_pod_that_is_going_anyway(cluster: EvictionApi) -> None:
    """Budgets do not matter for it."""
    cluster.pods(1)
    cluster.store.delete(POD, ("default", "p0"))
    cluster.budget(minAvailable=1)
    assert cluster.evict().status == 201


def test_bad_requests(cluster: EvictionApi) -> None:
    """No such Pod, another name, another kind, another verb, a budget that contradicts itself."""
    cluster.pods(1)
    assert cluster.evict("missing").status == 404
    other = {"metadata": {"name": "p1"}}
    assert cluster.send("POST", f"{PODS}/p0/eviction", other).status == 400
    kind = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p0"}}
    assert cluster.send("POST", f"{PODS}/p0/eviction", kind).status == 400
    assert cluster.send("GET", f"{PODS}/p0/eviction").status == 405
    assert cluster.budget(minAvailable=1, maxUnavailable=1).status == 422
    assert not cluster.store.select(POD_DISRUPTION_BUDGET)
    assert not cluster.goes()
