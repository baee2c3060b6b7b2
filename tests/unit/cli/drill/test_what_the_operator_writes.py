"""A drill finds what the operator itself writes: both by their own code, on the same Pods."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.drill.checks import CHECKS, Moment
from pod_diagnoser.cli.drill.cluster import diagnose_pods, own_claim
from pod_diagnoser.cli.drill.metrics import crashing_workloads
from pod_diagnoser.cli.drill.observed import Claim, Json, Observed
from pod_diagnoser.cli.drill.operator_check import operator_check
from pod_diagnoser.cli.drill.report import State
from pod_diagnoser.cli.drill.workloads import WORKLOADS, Workload, deployments
from pod_diagnoser.cli.drill.workloads import diagnoser as drill_diagnoser
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence
from pod_diagnoser.poddiagnosers.cluster_snapshot import take_cluster_snapshot
from pod_diagnoser.poddiagnosers.cluster_status import sync_cluster
from pod_diagnoser.pods.history import parse_history
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.events import EventFactory, crash_events
from pod_diagnoser.remediation.model import ExecutionReport
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
from tests.support.cluster_builders import (
    cluster_diagnoser,
    cluster_request,
    cluster_target,
    namespace,
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
    """Lists one PodDiagnoser or ClusterPodDiagnoser."""

    def __init__(self, of: Json) -> None:
        self._of = of

    def list_pod_diagnosers(self, _: float) -> bytes:
        """List it, if it is one."""
        return self._list("PodDiagnoser")

    def list_cluster_pod_diagnosers(self, _: float) -> bytes:
        """List it, if it is one."""
        return self._list("ClusterPodDiagnoser")

    def _list(self, kind: str) -> bytes:
        listed = {"apiVersion": "diagnostics.local.io/v1", "kind": f"{kind}List", "metadata": {}}
        items = [self._of] if self._of["kind"] == kind else []
        return json.dumps({**listed, "items": items}).encode()


def cluster_synced(of: Json, now: datetime, *related: Json) -> Json:
    """Return a ClusterPodDiagnoser after the sync that reports."""
    request = cluster_request(of, namespace(NAMESPACE), *related)
    result = sync_cluster(take_cluster_snapshot(request), now, ExecutionReport())
    return applied(of, json.loads(result.response.encode()))


@dataclass(frozen=True, slots=True)
class Kind:
    """Who diagnoses the Pods of the drill, and what the operator makes of one.

    Attributes:
        claim: it, as the drill knows it.
        make: makes it.
        sync: returns it after a sync, with Pods.
        target: returns its DiagnosisTarget.
        parse: reads it.
    """

    claim: Claim
    make: Callable[..., Json]
    sync: Callable[..., Json]
    target: Callable[[Json], Json]
    parse: Callable[[Json], PodDiagnoser]


KINDS = (
    Kind(own_claim(), diagnoser, synced, target, parsed),
    Kind(
        Claim("ClusterPodDiagnoser", "all"),
        cluster_diagnoser,
        cluster_synced,
        cluster_target,
        ClusterPodDiagnoser.model_validate,
    ),
)


@pytest.fixture(scope="module", params=KINDS, ids=lambda each: each.claim.kind)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Either of both who may diagnose them."""
    found: Kind = request.param
    return found


@pytest.fixture(scope="module")
def observed(kind: Kind) -> Observed:
    """What the operator makes of the crashes, without the right to read Events."""
    of = kind.make(kind.claim.name, created=after(-30), **drill_diagnoser()["spec"])
    of = kind.sync(of, after(-29))
    fetched = FetchedEvidence(EventLookup.REFUSED)
    pods = []
    for number, each in enumerate(WORKLOADS, 1):
        made = crashed_pod(each, number)
        answer = sync_pod(pod_request(made, kind.target(of)), NOW, fetched).response
        pods.append(applied(made, json.loads(answer.encode())))
    of = kind.sync(of, NOW, *pods)
    factory = EventFactory(kind.parse(of), "test", NAMESPACE)
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


def test_the_operator_is_at_work(kind: Kind, observed: Observed) -> None:
    """Its status says so."""
    found = operator_check(observed, kind.claim, late=False)
    assert found is not None
    assert found.state is State.PASSED


@pytest.mark.parametrize("name", list(CHECKS))
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda each: each.name)
def test_a_check_finds_it(workload: Workload, name: str, kind: Kind, observed: Observed) -> None:
    """At once, but for the probe's kill, which nothing proves without Events."""
    settled = workload.name == "liveness-probe"
    moment = Moment(workload, observed, kind.claim, late=False, settled=settled)
    found = CHECKS[name](moment)
    assert found is not None
    assert found.state is State.PASSED


@pytest.mark.parametrize("name", ["annotation", "event", "status", "metric"])
def test_a_check_misses_what_is_not_there(name: str, kind: Kind, observed: Observed) -> None:
    """Nothing that was written for one workload passes for another."""
    for each in WORKLOADS:
        others = [one for one in observed.pods if one["metadata"]["labels"]["app"] != each.name]
        bare = crashed_pod(each, 99)
        seen = replace(observed, pods=[bare, *others], series={})
        moment = Moment(each, seen, kind.claim, late=True, settled=True)
        found = CHECKS[name](moment)
        assert found is not None
        assert found.state is State.FAILED
