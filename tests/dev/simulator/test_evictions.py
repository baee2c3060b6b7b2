"""Evictions and PodDisruptionBudgets over the REST face, as the API server answers them."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from dev.simulator.disruptions import SEVERAL
from dev.simulator.http_api import Request, Response, RestApi
from dev.simulator.objects import Object, copy
from dev.simulator.resources import NAMESPACE, POD, POD_DISRUPTION_BUDGET, REPLICA_SET
from dev.simulator.scheduling import Clock, VirtualScheduler
from dev.simulator.store import Store

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


class World:
    """A store with Pods of one ReplicaSet, and its REST face."""

    def __init__(self) -> None:
        clock = Clock(VirtualScheduler(), datetime(2026, 1, 1, tzinfo=UTC))
        self.store = Store(clock, random.Random(0))
        self.store.create(NAMESPACE, {"metadata": {"name": "default"}})
        self.api = RestApi(self.store, clock)

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
        return self.send(BUDGETS, body)

    def get(self, name: str) -> Object:
        """Return a Pod."""
        return self.store.get(POD, ("default", name))

    def evict(self, name: str = "p0", **preconditions: str) -> Response:
        """Evict a Pod as the hook asks for it."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": "default"},
            "deleteOptions": options,
        }
        return self.send(f"{PODS}/{name}/eviction", body)

    def send(self, target: str, body: Any) -> Response:
        """Post a body."""
        return self.api.answer(Request.make("POST", target, {}, json.dumps(body).encode()))

    def goes(self, name: str = "p0") -> bool:
        """Tell whether a Pod is terminating."""
        return "deletionTimestamp" in self.get(name)["metadata"]


@pytest.fixture
def world() -> World:
    """Return an empty cluster."""
    return World()


def test_without_a_budget_the_pod_becomes_terminating(world: World) -> None:
    """201 with a Status of Success; the Pod has the condition that tells who made it go."""
    world.pods(1)
    answer = world.evict()
    assert (answer.status, answer.body["status"], answer.body["code"]) == (201, "Success", 201)
    assert world.goes()
    conditions = {one["type"]: one for one in world.get("p0")["status"]["conditions"]}
    assert conditions["DisruptionTarget"]["reason"] == "EvictionByEvictionAPI"


def test_preconditions_are_those_of_the_pod_before_the_eviction(world: World) -> None:
    """Its uid and resourceVersion as read let it go, though the eviction writes to it first."""
    world.pods(1)
    metadata = world.get("p0")["metadata"]
    stale = world.evict(uid=metadata["uid"], resourceVersion="1")
    assert (stale.status, stale.body["reason"]) == (409, "Conflict")
    other = world.evict(uid="other", resourceVersion=metadata["resourceVersion"])
    assert (other.status, other.body["reason"]) == (409, "Conflict")
    assert not world.goes()
    right = world.evict(uid=metadata["uid"], resourceVersion=metadata["resourceVersion"])
    assert right.status == 201
    assert world.goes()


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
def test_as_many_as_the_budget_allows(world: World, spec: Object, allowed: int) -> None:
    """Of three ready Pods; the next eviction is 429 with the cause, and changes nothing."""
    world.pods(3)
    assert world.budget(**spec).status == 201
    codes = [world.evict(f"p{number}").status for number in range(3)]
    assert codes == [201] * allowed + [429] * (3 - allowed)
    assert [world.goes(f"p{number}") for number in range(3)] == [code == 201 for code in codes]


def test_the_refusal_names_its_cause(world: World) -> None:
    """The API server's words, and no Retry-After: nobody knows when it will be allowed."""
    world.pods(1)
    world.budget(minAvailable=1)
    answer = world.evict()
    assert answer.body["reason"] == "TooManyRequests"
    assert answer.body["message"].startswith("Cannot evict pod as it would violate")
    assert answer.body["details"]["causes"] == [
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget pdb needs 1 healthy pods and has 1 currently",
        }
    ]
    assert "Retry-After" not in answer.headers


def test_the_budget_is_asked_before_the_preconditions(world: World) -> None:
    """A blocked eviction of another version is 429, as from the API server."""
    world.pods(1)
    world.budget(minAvailable=1)
    assert world.evict(resourceVersion="1").status == 429


def test_several_budgets(world: World) -> None:
    """The API server answers 201 with a Status of Failure and code 500; the Pod stays."""
    world.pods(2)
    world.budget("one", minAvailable=0)
    world.budget("two", minAvailable=0)
    answer = world.evict()
    assert (answer.status, answer.body["status"], answer.body["code"]) == (201, "Failure", 500)
    assert answer.body["message"] == SEVERAL
    assert not world.goes()


@pytest.mark.parametrize(
    ("policy", "ready", "code"),
    [("IfHealthyBudget", 1, 429), ("IfHealthyBudget", 2, 201), ("AlwaysAllow", 1, 201)],
)
def test_unready_pods(world: World, policy: str, ready: int, code: int) -> None:
    """One goes if the others are healthy enough, or if the policy says so."""
    world.pods(ready, unready=1)
    world.budget(minAvailable=2, unhealthyPodEvictionPolicy=policy)
    assert world.evict(f"p{ready}").status == code


def test_what_the_owner_wants_counts_for_a_percentage(world: World) -> None:
    """Four are wanted and two are there: half of them have to stay."""
    world.pods(2, replicas=4)
    world.budget(minAvailable="50%")
    assert world.evict().status == 429


def test_selectors_of_budgets(world: World) -> None:
    """An empty selector is for all Pods, and none for no Pod."""
    world.pods(1)
    world.budget("none", minAvailable=1, selector=None)
    world.budget("other", minAvailable=1, selector={"matchLabels": {"app": "b"}})
    assert world.evict().status == 201
    world.pod("bare")
    world.budget("all", minAvailable=1, selector={})
    assert world.evict("bare").status == 429


def test_a_pod_that_is_going_anyway(world: World) -> None:
    """Budgets do not matter for it."""
    world.pods(1)
    world.store.delete(POD, ("default", "p0"))
    world.budget(minAvailable=1)
    assert world.evict().status == 201


def test_bad_requests(world: World) -> None:
    """No such Pod, another name, another kind, another verb, a budget that contradicts itself."""
    world.pods(1)
    assert world.evict("nobody").status == 404
    other = {"metadata": {"name": "p1"}}
    assert world.send(f"{PODS}/p0/eviction", other).status == 400
    kind = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p0"}}
    assert world.send(f"{PODS}/p0/eviction", kind).status == 400
    assert world.api.answer(Request.make("GET", f"{PODS}/p0/eviction", {})).status == 405
    assert world.budget(minAvailable=1, maxUnavailable=1).status == 422
    assert not world.store.select(POD_DISRUPTION_BUDGET)
    assert not world.goes()
