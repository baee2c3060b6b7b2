"""Events by both their groups: created, validated, listed, printed, expired."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from dev.simulator.columns import render
from dev.simulator.event_api import from_core, to_core
from dev.simulator.http_api import Response
from dev.simulator.objects import Object
from dev.simulator.resources import EVENT
from tests.support.cluster_fixture import ClusterFixture

NEW = "/apis/events.k8s.io/v1/namespaces/default/events"
CORE = "/api/v1/namespaces/default/events"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class EventCluster(ClusterFixture):
    """A cluster without our kinds."""

    def __init__(self) -> None:
        super().__init__(())
        self.run(0)  # the controllers start

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request with a bearer token, as the hook does."""
        return super().send(method, path, body, {"Authorization": "Bearer x", **(headers or {})})


@pytest.fixture
def cluster() -> EventCluster:
    """Return an empty cluster."""
    return EventCluster()


def event(**changes: Any) -> Object:
    """Return an Event as the hook makes it, with changes."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "p.0123456789abcdef", "namespace": "default"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "diagnostics.local.io/pod-diagnoser",
        "reportingInstance": "pod-diagnoser-0",
        "action": "Diagnose",
        "reason": "PodRestarted",
        "type": "Warning",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p", "uid": "u"},
        "note": "Pod p restarted",
        **changes,
    }


def core_event(**changes: Any) -> Object:
    """Return the same Event in its core/v1 form, with the old timestamps too, and with changes."""
    return {
        **to_core(event()),
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "count": 1,
        **changes,
    }


def test_created_as_core_it_keeps_the_old_timestamps(cluster: EventCluster) -> None:
    """Beside its eventTime: the strict rules are those of events.k8s.io alone."""
    made = cluster.send("POST", CORE, core_event())
    assert made.status == 201
    assert (made.body["lastTimestamp"], made.body["count"]) == ("2026-01-01T00:00:00Z", 1)
    (new,) = cluster.send("GET", NEW).body["items"]
    assert new["deprecatedLastTimestamp"] == made.body["lastTimestamp"]
    assert new["eventTime"] == made.body["eventTime"]


@pytest.mark.parametrize(
    "changes",
    [
        {"message": "x" * 1025},
        {"reason": ""},
        {"action": ""},
        {"reportingInstance": "x" * 129},
        {"reportingComponent": "not a name"},
        {"eventTime": "yesterday"},
        {"eventTime": None, "involvedObject": {"kind": "Pod", "namespace": "kube-system"}},
    ],
    ids=str,
)
def test_what_breaks_a_rule_of_core_is_refused(cluster: EventCluster, changes: Object) -> None:
    """Those of new Events hold for one with an eventTime in this form, too."""
    answer = cluster.send("POST", CORE, core_event(**changes))
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert not cluster.simulator.store.select(EVENT)


def test_created_once(cluster: EventCluster) -> None:
    """A second one of the same name is AlreadyExists."""
    made = cluster.send("POST", NEW, event())
    assert made.status == 201
    assert made.body["note"] == "Pod p restarted"
    again = cluster.send("POST", NEW, event(note="another"))
    assert (again.status, again.body["reason"]) == (409, "AlreadyExists")
    assert cluster.send("GET", f"{NEW}/p.0123456789abcdef").body == made.body


def test_both_groups_list_it(cluster: EventCluster) -> None:
    """Each by its own names of the fields, and selected by the core's reason."""
    cluster.send("POST", NEW, event())
    (new,) = cluster.send("GET", NEW).body["items"]
    (core,) = cluster.send("GET", f"{CORE}?fieldSelector=reason=PodRestarted").body["items"]
    assert (new["apiVersion"], core["apiVersion"]) == ("events.k8s.io/v1", "v1")
    assert new["regarding"] == core["involvedObject"] == event()["regarding"]
    assert new["note"] == core["message"] == "Pod p restarted"
    assert new["reportingController"] == core["reportingComponent"]
    assert new["metadata"] == core["metadata"]
    assert cluster.send("GET", NEW).body["kind"] == "EventList"


@pytest.mark.parametrize(
    "changes",
    [
        {"note": "x" * 1025},
        {"note": "ä" * 513},
        {"metadata": {"name": "Not_a_subdomain"}},
        {"regarding": {"kind": "Pod", "namespace": "kube-system", "name": "p"}},
        {"eventTime": None},
        {"eventTime": "yesterday"},
        {"type": "Error"},
        {"reason": ""},
        {"action": "x" * 129},
        {"reportingInstance": "x" * 129},
        {"reportingController": "not a name"},
        {"deprecatedCount": 1},
    ],
    ids=str,
)
def test_what_breaks_a_rule_is_refused(cluster: EventCluster, changes: Object) -> None:
    """422, and nothing is stored."""
    answer = cluster.send("POST", NEW, event(**changes))
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert not cluster.simulator.store.select(EVENT)


def test_the_limits_themselves_are_allowed(cluster: EventCluster) -> None:
    """A note of 1024 bytes, an action of 128."""
    assert cluster.send("POST", NEW, event(note="ä" * 512, action="x" * 128)).status == 201


def test_other_bodies_are_refused(cluster: EventCluster) -> None:
    """Another kind, another namespace than the path's, an update through this group."""
    assert cluster.send("POST", NEW, event(apiVersion="v1")).status == 400
    metadata = {"name": "e", "namespace": "kube-system"}
    assert cluster.send("POST", NEW, event(metadata=metadata)).status == 400
    cluster.send("POST", NEW, event())
    assert cluster.send("PUT", f"{NEW}/p.0123456789abcdef", event()).status == 405


def test_it_is_gone_after_an_hour(cluster: EventCluster) -> None:
    """By the scheduler's clock."""
    cluster.send("POST", NEW, event())
    cluster.scheduler.run_for(3599)
    assert cluster.simulator.store.select(EVENT)
    cluster.scheduler.run_for(2)
    assert not cluster.simulator.store.select(EVENT)


def test_as_kubectl_prints_it(cluster: EventCluster) -> None:
    """Without a lastTimestamp the eventTime counts; the name is for -o wide."""
    cluster.send("POST", NEW, event())
    stored = cluster.simulator.store.select(EVENT)
    shown = render(EVENT, stored, NOW + timedelta(minutes=3), wide=False)
    assert shown.splitlines() == [
        "LAST SEEN   TYPE      REASON         OBJECT   MESSAGE",
        "3m          Warning   PodRestarted   pod/p    Pod p restarted",
    ]
    assert "p.0123456789abcdef" in render(EVENT, stored, NOW, wide=True)


def test_there_and_back() -> None:
    """What is created is what is shown, but for the deprecated fields."""
    shown = from_core(to_core(event()))
    assert {name: shown[name] for name in event()} == event()
    assert set(shown) - set(event()) == {
        "deprecatedSource",
        "deprecatedFirstTimestamp",
        "deprecatedLastTimestamp",
    }


@pytest.mark.parametrize("target", [NEW, "/nowhere", f"{NEW}/nothing", "/healthz"])
def test_every_answer_has_the_clusters_time(cluster: EventCluster, target: str) -> None:
    """In the header Date, refusals included."""
    cluster.scheduler.run_for(7)
    answer = cluster.send("GET", target)
    assert parsedate_to_datetime(answer.headers["Date"]) == NOW + timedelta(seconds=7)
