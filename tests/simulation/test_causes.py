"""What the watch holds for a contradiction between an Event and the record on a Pod."""

import json

import pytest

from dev.simulator.http_api import Request, Response
from dev.simulator.objects import Object, uid_of
from dev.simulator.resources import POD
from dev.simulator.writes import key_of
from tests.simulation import specification as spec
from tests.simulation.faults import Faults
from tests.simulation.properties import METACONTROLLER, Property, Watch
from tests.simulation.service import Incoming
from tests.simulation.trace import Trace
from tests.support.cluster_fixture import CRDS, DIAGNOSER, PREFIX, ApiFixture

END: Object = {
    "exitCode": 137,
    "reason": "Error",
    "startedAt": "2025-12-31T23:59:00Z",
    "finishedAt": "2026-01-01T00:00:00Z",
    "containerID": "containerd://1",
}


class Crashed(ApiFixture):
    """A Pod with a crash, its PodDiagnoser and the watch over them; the hook is played."""

    def __init__(self) -> None:
        super().__init__(CRDS)
        time = self.scheduler.time
        self.faults = Faults(time)
        self.watch = Watch(self.store, self.clock.now, self.faults, Trace(time))
        meta = {"name": "d", "namespace": "default"}
        self.diagnoser = self.store.create(DIAGNOSER, {"metadata": meta, "spec": {}})
        containers = [{"name": "app", "image": "app"}]
        meta = {"name": "p", "namespace": "default"}
        self.pod = self.store.create(POD, {"metadata": meta, "spec": {"containers": containers}})

    @property
    def contradictions(self) -> list[Property]:
        """What did not hold."""
        return [violation.property for violation in self.watch.violations]

    def show_end(self, *, restarted: bool) -> None:
        """Report the end, before or after the restart."""
        status = {
            "name": "app",
            "state": {"running": {}} if restarted else {"terminated": END},
            "lastState": {"terminated": END} if restarted else {},
            "restartCount": int(restarted),
        }
        self.pod = {**self.pod, "status": {"containerStatuses": [status]}}
        self.store.update(POD, self.pod, subresource="status")
        self.pod = self.store.select(POD)[0]

    @property
    def crash(self) -> str:
        """Its id."""
        return spec.crash_id(self.pod, spec.Crash.read("app", END))

    def record(self, cause: str | None) -> None:
        """Record the crash on the Pod, or take the record off."""
        written = {
            "diagnoser": uid_of(self.diagnoser),
            "history": [{"id": self.crash, "cause": cause}],
        }
        change = {f"{PREFIX}crashes": None if cause is None else json.dumps(written)}
        self.watch.writer = METACONTROLLER
        self.store.patch(POD, key_of(self.pod), {"metadata": {"annotations": change}})
        self.watch.writer = ""
        self.pod = self.store.select(POD)[0]

    def tell(self, cause: str) -> None:
        """Publish an Event of the crash."""
        event = {
            "metadata": {
                "annotations": {f"{PREFIX}cause": cause, f"{PREFIX}crash": self.crash},
            },
            "reason": "PodRestarted",
            "involvedObject": {"uid": uid_of(self.pod), "name": "p", "namespace": "default"},
        }
        body = json.dumps({"object": self.diagnoser}).encode()
        incoming = Incoming(None, "/poddiagnosers/sync", body, 0.0)  # type: ignore[arg-type]
        path = "/api/v1/namespaces/default/events"
        request = Request.make("POST", path, {}, json.dumps(event).encode())
        self.watch.calling(incoming, request)
        self.watch.called(incoming, request, Response(201, {}))


def test_what_is_told_early_has_to_be_recorded() -> None:
    """An Event before its evidence was there, which the record contradicts, is found."""
    cluster = Crashed()
    cluster.show_end(restarted=True)
    cluster.run(6.0)
    cluster.tell("Killed")
    cluster.record("LivenessProbeFailed")
    assert cluster.contradictions == [Property.ONE_CAUSE]


@pytest.mark.parametrize(("seconds", "contradictory"), [(4.0, True), (6.5, False)])
def test_the_wait_for_evidence_begins_with_the_end(seconds: float, contradictory: bool) -> None:
    """What is told seven seconds after the end was told in time, however late the restart was.

    There was a fault; without any, it would have to wait for its evidence.
    """
    cluster = Crashed()
    cluster.faults.injected["conflict"] += 1
    cluster.show_end(restarted=False)
    cluster.run(1.0)
    cluster.show_end(restarted=True)
    cluster.run(seconds)
    cluster.tell("Killed")
    cluster.record("LivenessProbeFailed")
    assert bool(cluster.contradictions) is contradictory


def test_without_faults_what_is_told_late_has_to_be_recorded() -> None:
    """Its evidence was looked up too late; a wrong clock is no reason."""
    cluster = Crashed()
    cluster.faults.injected["hook's clock set"] += 1
    cluster.show_end(restarted=True)
    cluster.run(7.5)
    cluster.tell("Killed")
    cluster.record("LivenessProbeFailed")
    assert cluster.contradictions == [Property.ONE_CAUSE]


def test_a_record_is_compared_as_long_as_it_stands() -> None:
    """A record that changes its mind is found."""
    cluster = Crashed()
    cluster.show_end(restarted=True)
    cluster.record("Killed")
    cluster.tell("Killed")
    assert not cluster.contradictions
    cluster.record("LivenessProbeFailed")
    assert cluster.contradictions == [Property.ONE_CAUSE]


def test_a_record_that_begins_anew_is_not_compared_with_what_was_told_before() -> None:
    """Of a Pod that is claimed once more its former crashes' evidence may be gone."""
    cluster = Crashed()
    cluster.show_end(restarted=True)
    cluster.record("Killed (Nothing)")
    cluster.tell("Killed (Nothing)")
    cluster.record(None)
    cluster.record("Killed")
    assert not cluster.contradictions


def test_a_status_may_know_more_than_a_record_that_began_anew() -> None:
    """The Events that told why a container was stopped are gone when its Pod is claimed again."""
    cluster = Crashed()
    cluster.show_end(restarted=True)
    cluster.record("LivenessProbeFailed")
    status = {"recentDiagnoses": [{"id": cluster.crash, "cause": "LivenessProbeFailed"}]}
    diagnoser = {**cluster.diagnoser, "status": status}
    cluster.record(None)
    cluster.record("Terminated")
    assert spec.cause_problems(diagnoser, [cluster.pod])
    assert not spec.cause_problems(diagnoser, [cluster.pod], forgotten=cluster.watch.forgotten)
