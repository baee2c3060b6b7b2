"""A status agrees with what its Pods' records say of crashes that they no longer show."""

import json

import pytest

from pod_diagnoser.poddiagnosers.awaited_evidence import REMEMBERED_SECONDS
from pod_diagnoser.pods.keys import CRASHES
from tests.support.builders import Json, after
from tests.unit.poddiagnosers.test_awaited_evidence import (
    LOGGING,
    Cluster,
    crashed_again,
    kill_events,
    killed,
)


@pytest.fixture
def behind() -> Cluster:
    """A PodDiagnoser that was not synced between the Events of a crash and the next crash."""
    cluster = Cluster(LOGGING, killed(after(9)))
    cluster.sync()
    assert cluster.recent() == ["Killed"]
    cluster.sync_pod(events=kill_events(after(9)))
    crashed_again(cluster)
    cluster.sync_pod()
    cluster.api.pass_time(REMEMBERED_SECONDS + 1)
    return cluster


def record_as(cluster: Cluster, cause: str, on: str = "app-1") -> None:
    """Write on a Pod the first one's record, with another cause of its first crash."""
    annotations = cluster.api.pods["app-1"]["metadata"]["annotations"]
    record = json.loads(annotations[CRASHES])
    first = next(one for one in record["history"] if one.get("exitCode") == 137)
    first["cause"] = cause
    cluster.api.pods[on]["metadata"].setdefault("annotations", {})[CRASHES] = json.dumps(record)


def first_crash(cluster: Cluster) -> Json:
    """The entry of the status about the first crash."""
    found = cluster.diag["status"]["recentDiagnoses"]
    (entry,) = [one for one in found if one["reason"] == "Error (Exit Code: 137)"]
    return dict(entry)


def test_the_status_takes_over_what_the_events_proved(behind: Cluster) -> None:
    """Cause, sentence and next step are those of the record; its times stay."""
    before = first_crash(behind)
    assert sorted(behind.recent()) == ["ApplicationError", "LivenessProbeFailed"]
    entry = first_crash(behind)
    assert entry["diagnosis"].startswith(
        "Container app was stopped by the kubelet: its liveness probe failed"
    )
    same = ("id", "pod", "podUID", "container", "reason", "time", "seen")
    assert [entry.get(name) for name in same] == [before.get(name) for name in same]


def test_then_it_stays_as_it_is(behind: Cluster) -> None:
    """Nothing is written again where nothing happens."""
    behind.recent()
    stored = behind.diag["status"]
    behind.api.pass_time(60)
    behind.recent()
    assert behind.diag["status"] == stored


def test_an_entry_that_cannot_be_put_into_words_any_more_is_left_out(behind: Cluster) -> None:
    """Its cause rests on what only the Pod's status showed; the other crashes stay."""
    record_as(behind, "OutOfMemory")
    assert behind.recent() == ["ApplicationError"]
    assert behind.recent() == ["ApplicationError"]


def test_the_record_of_another_pod_changes_nothing(behind: Cluster) -> None:
    """Whoever may write its annotations decides nothing about others."""
    record_as(behind, "Killed")
    behind.recent()
    before = first_crash(behind)
    behind.api.put(killed(after(9), 2))
    behind.sync_pod("app-2")
    record_as(behind, "OutOfMemory", on="app-2")
    behind.recent()
    assert before in behind.diag["status"]["recentDiagnoses"]
