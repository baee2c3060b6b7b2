"""A drill finds what the operator itself writes: both by their own code, on the same Pods."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.drill.checks import CHECKS, Moment
from pod_diagnoser.cli.drill.cluster import diagnose_pods, own_claim
from pod_diagnoser.cli.drill.metrics import crashing_workloads
from pod_diagnoser.cli.drill.observed import Json, Observed
from pod_diagnoser.cli.drill.operator_check import operator_check
from pod_diagnoser.cli.drill.report import State
from pod_diagnoser.cli.drill.workloads import WORKLOADS, Workload, deployments
from pod_diagnoser.cli.drill.workloads import diagnoser as drill_diagnoser
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence
from pod_diagnoser.pods.history import parse_history
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.events import EventFactory, crash_events
from pod_diagnoser.server.state_metrics import StateMetrics
from tests.support.builders import (
    T0,
    after,
    applied,
    diagnoser,
    parsed,
    parsed_pod,
    pod,
    pod_request,
    synced,
    target,
)
from tests.support.drill_cluster import container_status

NAMESPACE = "shop"
NOW = T0 + timedelta(seconds=20)
TEMPLATES = {
    each["metadata"]["name"]: each["spec"]["template"] for each in deployments("busybox")["items"]
}


def crashed_pod(workload: Workload, number: int) -> Json:
    """Return the Pod of a workload, as its Deployment makes it, after its crash."""
    name, template = workload.name, TEMPLATES[workload.name]
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{name}-5d4c",
        "uid": f"rs-{name}",
    }
    made = pod(
        container_status(name),
        name=f"{name}-5d4c-x1",
        number=number,
        labels={**template["metadata"]["labels"], "pod-template-hash": "5d4c"},
        creationTimestamp=format_time(after(-20)),
        ownerReferences=[{**owner, "uid": f"rs-{name}", "controller": True}],
    )
    made["spec"] |= template["spec"]
    return made


class Listed:
    """Lists one PodDiagnoser."""

    def __init__(self, of: Json) -> None:
        self._of = of

    def list_pod_diagnosers(self, _: float) -> bytes:
        """List it."""
        kind = {"apiVersion": "diagnostics.local.io/v1", "kind": "PodDiagnoserList"}
        return json.dumps({**kind, "metadata": {}, "items": [self._of]}).encode()

    def list_cluster_pod_diagnosers(self, _: float) -> bytes:
        """There are none."""
        kind = {"apiVersion": "diagnostics.local.io/v1", "kind": "ClusterPodDiagnoserList"}
        return json.dumps({**kind, "metadata": {}, "items": []}).encode()


@pytest.fixture(scope="module")
def observed() -> Observed:
    """What the operator makes of the crashes, without the right to read Events."""
    asked = drill_diagnoser()
    of = diagnoser(asked["metadata"]["name"], created=after(-30), **asked["spec"])
    of = synced(of, after(-29))
    fetched = FetchedEvidence(EventLookup.REFUSED)
    pods = []
    for number, each in enumerate(WORKLOADS, 1):
        made = crashed_pod(each, number)
        answer = sync_pod(pod_request(made, target(of)), NOW, fetched).response
        pods.append(applied(made, json.loads(answer.encode())))
    of = synced(of, NOW, *pods)
    factory = EventFactory(parsed(of), "test")
    events = []
    for document in pods:
        read = parsed_pod(document)
        crashed = CrashedPod(read, diagnose(read), history=parse_history(read))
        events += [
            json.loads(json.dumps(one.document)) for one in crash_events(factory, crashed, NOW)
        ]
    metrics = StateMetrics(Listed(of), lambda: 0.0).scrape().decode()
    return Observed(
        pods,
        diagnose_pods(NAMESPACE, [json.dumps(each).encode() for each in pods], []),
        events,
        diagnoser=of,
        series=crashing_workloads(metrics, NAMESPACE),
    )


def test_the_operator_is_at_work(observed: Observed) -> None:
    """Its status says so."""
    found = operator_check(observed, own_claim(), late=False)
    assert found is not None
    assert found.state is State.PASSED


@pytest.mark.parametrize("name", list(CHECKS))
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda each: each.name)
def test_a_check_finds_it(workload: Workload, name: str, observed: Observed) -> None:
    """At once, but for the probe's kill, which nothing proves without Events."""
    settled = workload.name == "liveness-probe"
    moment = Moment(workload, observed, own_claim(), late=False, settled=settled)
    found = CHECKS[name](moment)
    assert found is not None
    assert found.state is State.PASSED


@pytest.mark.parametrize("name", ["annotation", "event", "status", "metric"])
def test_a_check_misses_what_is_not_there(name: str, observed: Observed) -> None:
    """Nothing that was written for one workload passes for another."""
    for each in WORKLOADS:
        others = [one for one in observed.pods if one["metadata"]["labels"]["app"] != each.name]
        bare = crashed_pod(each, 99)
        seen = replace(observed, pods=[bare, *others], series={})
        moment = Moment(each, seen, own_claim(), late=True, settled=True)
        found = CHECKS[name](moment)
        assert found is not None
        assert found.state is State.FAILED
