"""The Events that the benchmarks post: such as the hook takes for a kubelet's."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from dev.benchmarks import posting, workload
from dev.envtest import pods
from dev.envtest.client import Json
from pod_diagnoser.cluster.client import IDLE_REASONS
from pod_diagnoser.cluster.event_list import events_about, parse_event_list

UID = "2b1f0c6e-0000-4000-8000-000000000001"
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture
def pod() -> Json:
    """A Pod of the benchmarks, as stored."""
    stored = workload.pod("web-1")
    stored["metadata"] |= {"namespace": "shop", "uid": UID, "resourceVersion": "7"}
    return stored


def test_a_kill_is_posted_by_the_node_about_the_container(pod: Json) -> None:
    """Why, and then that it is killed; the first failure of the probe was two periods before."""
    found = parse_event_list(json.dumps({"items": posting.of_liveness_kill(pod, AT)}).encode())
    assert found is not None
    failed, killed = events_about(UID, found.items)
    assert (failed.reason, killed.reason) == ("Unhealthy", "Killing")
    assert failed.message.startswith("Liveness probe failed: ")
    assert killed.message == "Container app failed liveness probe, will be restarted"
    assert {failed.container, killed.container} == {"app"}
    assert (failed.first, failed.last) == (AT - timedelta(seconds=20), AT)
    assert killed.last == AT


def test_of_a_start_only_one_event_is_read(pod: Json) -> None:
    """The others are of the reasons that are not asked for."""
    events = posting.of_start(pod, AT)
    assert [one["reason"] for one in events if one["reason"] not in IDLE_REASONS] == ["Pulled"]
    assert {one["lastTimestamp"] for one in events} == {pods.timestamp(AT)}


def test_who_schedules_is_no_node(pod: Json) -> None:
    """And is about the Pod, not about a container."""
    scheduled, *others = posting.of_start(pod, AT)
    assert scheduled["source"] == {"component": "default-scheduler"}
    assert "fieldPath" not in scheduled["involvedObject"]
    assert {one["source"]["component"] for one in others} == {"kubelet"}
