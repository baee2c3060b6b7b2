"""The metadata of a Pod over its life, in syncs one after the other, as Metacontroller does it."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from pod_diagnoser.api.time import format_time
from pod_diagnoser.pods.history import MAX_CRASHES_BYTES, MAX_HISTORY
from pod_diagnoser.pods.keys import (
    ANNOTATIONS,
    CAUSE,
    CONTAINER,
    CRASHES,
    DIAGNOSIS,
    LABEL,
    MAX_TOTAL_BYTES,
    RESTART_REASON,
    RESTART_TIME,
)
from pod_diagnoser.pods.sync import sync_pod
from tests.support.builders import (
    T0,
    UID,
    Json,
    after,
    applied,
    container,
    crashed,
    diagnoser,
    pod,
    pod_request,
    target,
    terminated,
)

DIAG = target(diagnoser())
OTHER = target(diagnoser("other", 901, after(hours=1)))


def answer(of: Json, now: datetime, *targets: Json) -> Json:
    """Return the response for a Pod."""
    return dict(json.loads(sync_pod(pod_request(of, *targets), now).response.encode()))


def synced(of: Json, now: datetime, *targets: Json) -> Json:
    """Return the Pod after a sync."""
    return applied(of, answer(of, now, *(targets or (DIAG,))))


def crash_again(of: Json, finished: datetime, number: int = 2) -> Json:
    """Return the Pod after its container terminated again."""
    of = json.loads(json.dumps(of))
    of["status"]["containerStatuses"] = [container(last=terminated(finished), restarts=number)]
    return dict(of)


def history(of: Json) -> Any:
    """Read the annotation ``crashes``."""
    return json.loads(of["metadata"]["annotations"][CRASHES])


def shown(of: Json, key: str) -> Any:
    """Return an annotation of a Pod."""
    return of["metadata"].get("annotations", {}).get(key)


def test_a_crash_is_shown_once_and_then_nothing_changes() -> None:
    """The second sync has the same response, so Metacontroller writes nothing."""
    before = crashed()
    once = synced(before, after(1))
    assert shown(once, RESTART_REASON) == "Error (Exit Code: 1)"
    assert shown(once, RESTART_TIME) == "2026-11-23T10:00:00Z"
    assert shown(once, CONTAINER) == "app"
    assert shown(once, CAUSE) == "ApplicationError"
    assert once["metadata"]["labels"] == {"app": "app", LABEL: "diag"}
    for minutes in (0, 1, 30, 59):
        assert synced(once, after(2, minutes=minutes)) == once


def test_a_healthy_pod_and_an_unclaimed_one_get_an_empty_response() -> None:
    """No metadata and no resync."""
    assert answer(pod(container()), T0, DIAG) == {}
    assert answer(crashed(), T0) == {}


def test_all_managed_metadata_is_removed_when_the_pod_is_not_claimed() -> None:
    """Annotations and label of the hook are removed; what others wrote stays."""
    once = synced(crashed(annotations={"others": "stay"}), after(1))
    left = applied(once, answer(once, after(2)))
    assert left["metadata"]["annotations"] == {"others": "stay"}
    assert left["metadata"]["labels"] == {"app": "app"}
    assert answer(left, after(3)) == {}


def test_the_label_ages_off_and_the_annotations_stay() -> None:
    """It is removed an hour after the first diagnosis, at the resync that the response asks for."""
    once = synced(crashed(), after(10))
    resync_after = answer(once, after(minutes=30), DIAG)["resyncAfterSeconds"]
    resync = after(minutes=30) + timedelta(seconds=resync_after)
    assert after(10, hours=1) < resync <= after(12, hours=1)
    aged = synced(once, resync)
    assert LABEL not in aged["metadata"]["labels"]
    assert aged["metadata"]["annotations"] == once["metadata"]["annotations"]
    assert "resyncAfterSeconds" not in answer(aged, resync, DIAG)
    assert synced(aged, after(hours=5)) == aged


def test_a_crash_of_long_ago_is_shown_and_not_labelled() -> None:
    """A new PodDiagnoser labels no Pods that restarted long ago."""
    old = synced(crashed(), after(hours=2))
    assert shown(old, RESTART_REASON) == "Error (Exit Code: 1)"
    assert LABEL not in old["metadata"]["labels"]
    assert "since" not in history(old)
    assert synced(old, after(hours=2, minutes=1)) == old


def test_a_crash_while_the_hook_was_down_has_the_label_for_an_hour() -> None:
    """A crash that is diagnosed 50 minutes late is recent for an hour from then."""
    once = synced(crashed(), after(minutes=50))
    assert history(once)["since"] == format_time(after(minutes=50))
    assert synced(once, after(minutes=109))["metadata"]["labels"][LABEL] == "diag"
    assert LABEL not in synced(once, after(minutes=111))["metadata"]["labels"]


def test_the_label_outlasts_the_first_diagnosis_by_an_hour_for_counting() -> None:
    """By the time that the label comes back, `since` is old."""
    once = synced(crashed(), after(minutes=50))
    unlabelled = synced(once, after(minutes=111))
    again = synced(crash_again(unlabelled, after(minutes=112)), after(minutes=113))
    assert again["metadata"]["labels"][LABEL] == "diag"
    assert after(minutes=113) - datetime.fromisoformat(history(again)["since"]) > timedelta(hours=1)


def test_a_fresh_crash_after_an_old_one_starts_the_count() -> None:
    """A Pod with an old crash is counted when it crashes again, even days later."""
    old = synced(crashed(), after(hours=3))
    fresh = synced(crash_again(old, after(hours=50)), after(hours=50, seconds=5))
    assert history(fresh)["since"] == format_time(after(hours=50, seconds=5))


def test_the_history_has_the_last_ten_terminations_newest_first() -> None:
    """Kubernetes keeps one termination, the annotation ten."""
    document = crashed()
    for number in range(1, 16):
        document = synced(
            crash_again(document, after(minutes=number), number), after(1, minutes=number)
        )
    times = [entry["finishedAt"] for entry in history(document)["history"]]
    assert times == [format_time(after(minutes=number)) for number in range(15, 5, -1)]
    assert len(times) == MAX_HISTORY
    assert history(document)["since"] == format_time(after(1, minutes=1))


def test_the_latest_termination_is_shown() -> None:
    """The order of the containers does not matter."""
    document = pod(
        container("first", terminated(after(5), 2)), container("second", terminated(after(1), 3))
    )
    assert shown(synced(document, after(9)), CONTAINER) == "first"


def test_the_annotations_stay_when_their_container_status_is_gone() -> None:
    """The runtime dropped the latest one: an older crash of another container is not shown."""
    both = pod(
        container("first", terminated(after(5), 2)), container("second", terminated(after(1), 3))
    )
    once = synced(both, after(9))
    once["status"]["containerStatuses"][0]["lastState"] = {}
    assert synced(once, after(20)) == once
    once["status"]["containerStatuses"][1]["lastState"] = {}
    assert synced(once, after(30)) == once


def test_restart_time_is_removed_where_the_time_is_not_known() -> None:
    """The time of the crash before must not stay."""
    once = synced(crashed(), after(1))
    lost = terminated(None, 137, "ContainerStatusUnknown", containerID="")
    once["status"]["containerStatuses"] = [container(last=lost, restarts=2, started=after(60))]
    twice = synced(once, after(70))
    assert shown(twice, RESTART_REASON) == "ContainerStatusUnknown (Exit Code: 137)"
    assert shown(twice, RESTART_TIME) is None
    assert synced(twice, after(80)) == twice


def test_a_lost_container_that_was_restarted_long_ago_is_not_recent() -> None:
    """Without finishedAt, the time of the restart shows that it is old."""
    lost = terminated(None, 137, "ContainerStatusUnknown", containerID="")
    document = pod(container(last=lost, restarts=1, started=after(0)))
    assert LABEL not in synced(document, after(hours=3))["metadata"]["labels"]


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(days=400)])
def test_a_kubelet_whose_clock_is_ahead_causes_no_endless_writes(ahead: timedelta) -> None:
    """A finishedAt in the future is shown as it is, and the label lasts an hour from now."""
    once = synced(crashed(T0 + ahead), after(1))
    assert shown(once, RESTART_TIME) == format_time(T0 + ahead)
    assert synced(once, after(30)) == once
    assert LABEL not in synced(once, after(hours=2))["metadata"]["labels"]


@pytest.mark.parametrize("behind", [1, 60, 240])
def test_a_crash_observed_with_a_clock_that_is_behind_is_shown(behind: int) -> None:
    """It terminated in the future by the clock of the hook, and after the crash before."""
    once = synced(crashed(), after(1))
    twice = synced(crash_again(once, after(10)), after(10 - behind))
    assert shown(twice, RESTART_TIME) == format_time(after(10))
    assert synced(twice, after(20)) == twice


@pytest.mark.parametrize("minutes", [1, 59, 61])
def test_a_crash_after_the_nodes_clock_was_set_back_is_shown(minutes: int) -> None:
    """It is the later one by the kubelet's count; the next sync changes nothing."""
    of = synced(crashed(), after(1))
    again = crash_again(of, after(-60 * minutes))
    once = synced(again, after(20))
    assert shown(once, RESTART_TIME) == format_time(after(-60 * minutes))
    assert synced(once, after(21)) == once


def test_of_crashes_in_the_far_future_the_last_one_is_shown() -> None:
    """Both containers are first observed with a clock that is ten minutes behind."""
    early, late = (container(name, terminated(after(at))) for name, at in (("app", 0), ("side", 6)))
    once = synced(pod(early, late), after(-600))
    assert shown(once, CONTAINER) == "side"
    assert shown(once, RESTART_TIME) == format_time(after(6))
    assert synced(once, after(10)) == once


@pytest.mark.parametrize("moments", [(151, -250, 152), (-250, 152, -250)])
def test_a_replica_whose_clock_is_behind_shows_the_same_container(moments: tuple[int, ...]) -> None:
    """By its clock only the first of the two terminations has a plausible time."""
    first = synced(pod(container("app", terminated(T0)), container("side")), after(1))
    late = container("side", terminated(after(150)))
    of = {**first, "status": {"containerStatuses": [container("app", terminated(T0)), late]}}
    for moment in moments:
        of = synced(of, after(moment))
        assert shown(of, CONTAINER) == "side"
        assert shown(of, RESTART_TIME) == format_time(after(150))


def test_a_replica_whose_clock_is_ahead_does_not_make_the_other_write() -> None:
    """Two clocks that differ by hours agree on one history."""
    ahead = synced(crashed(), after(hours=1))
    behind = synced(ahead, after(1))
    assert synced(behind, after(hours=1)) == behind
    assert synced(behind, after(5)) == behind


def test_the_claim_moves_with_label_and_since_and_history() -> None:
    """Another PodDiagnoser counts from its own first diagnosis; the history stays."""
    once = synced(crashed(), after(1))
    moved = synced(once, after(minutes=5), OTHER)
    assert moved["metadata"]["labels"][LABEL] == "other"
    assert history(moved)["diagnoser"] == UID.format(901)
    assert history(moved)["since"] == format_time(after(minutes=5))
    assert history(moved)["history"] == history(once)["history"]


def test_the_label_of_a_pod_that_never_crashed_is_taken_off() -> None:
    """It cannot be claimed with a label that somebody set by hand."""
    forged = pod(container(), labels={"app": "app", LABEL: "diag"})
    assert answer(forged, T0, DIAG) == {"labels": {LABEL: None}}


HOSTILE = [
    "",
    "{}",
    "not json",
    "[" * 5000,
    "x" * 200_000,
    '{"diagnoser": 5}',
    '{"history": {"a": 1}}',
    '{"diagnoser":"d","since":"9999-12-31T23:59:59Z","history":[]}',
    json.dumps(
        {
            "diagnoser": UID.format(900),
            "since": "2999-01-01T00:00:00Z",
            "history": [
                {
                    "id": "0" * 16,
                    "container": "x\u202e" * 20,
                    "cause": "Invented",
                    "finishedAt": "2999-01-01T00:00:00Z",
                    "seen": "2999-01-01T00:00:00Z",
                }
            ],
        }
    ),
    json.dumps(
        {"history": [{"id": "0" * 16, "container": "", "cause": "X", "seen": "2026-01-01"}]}
    ),
    json.dumps({"history": [{"id": "0" * 16, "container": "", "cause": "X", "seen": 5}]}),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_history_does_no_harm(text: str) -> None:
    """Whatever a tenant writes, the crash is shown, the label ends, and one write is enough."""
    once = synced(crashed(annotations={CRASHES: text}), after(1))
    assert shown(once, RESTART_REASON) == "Error (Exit Code: 1)"
    assert once["metadata"]["labels"][LABEL] == "diag"
    assert len(shown(once, CRASHES).encode()) <= MAX_CRASHES_BYTES
    assert synced(once, after(2)) == once
    assert LABEL not in synced(once, after(hours=2))["metadata"]["labels"]


@pytest.mark.parametrize("available", range(0, 4000, 250))
def test_annotations_never_exceed_the_limit_of_the_api_server(available: int) -> None:
    """With others near 256 KiB the least important are left out; without a history, the label."""
    others = {"big": "x" * (MAX_TOTAL_BYTES - 3 - available)}
    once = synced(crashed(annotations=others), after(1))
    annotations = once["metadata"]["annotations"]
    assert sum(len(key) + len(value) for key, value in annotations.items()) <= MAX_TOTAL_BYTES
    assert annotations["big"] == others["big"]
    kept = [key for key in ANNOTATIONS if key in annotations]
    assert kept == list(ANNOTATIONS[: len(kept)])
    assert (LABEL in once["metadata"]["labels"]) == (CRASHES in kept)
    assert synced(once, after(2)) == once


def test_the_annotations_are_below_5_kib_with_the_longest_of_everything() -> None:
    """Also with ten crashes of containers with the longest names."""
    document = pod(
        *(container(f"{number:063d}", terminated(after(number), 139)) for number in range(20)),
        name="n" * 253,
    )
    once = synced(document, after(60))
    managed = {
        key: value for key, value in once["metadata"]["annotations"].items() if key in ANNOTATIONS
    }
    assert sum(len(key) + len(value.encode()) for key, value in managed.items()) <= 5120
    assert shown(once, DIAGNOSIS)
    assert synced(once, after(70)) == once
