"""The condition CommonFactor, over syncs that follow each other as Metacontroller makes them."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.common_factors import TOLD_FOR
from pod_diagnoser.poddiagnosers.crash_facts import pod_facts
from pod_diagnoser.pods.history import parse_history
from pod_diagnoser.pods.sync import sync_pod
from tests.support.builders import (
    T0,
    Json,
    after,
    answered,
    applied,
    condition,
    container,
    crash_record,
    diagnoser,
    owned,
    owner,
    pod_request,
    synced,
    target,
    terminated,
)

DIAG = diagnoser(targetLabels={"app": "app"})


def crashed(number: int, at: datetime, node: str = "node7", **other: Any) -> Json:
    """A Pod of a Job of its own that ended on a node after it had run for an hour, and was synced.

    Args:
        number: which Pod.
        at: when it ended.
        node: its node.
        other: fields of ``terminated``, and how often it was restarted.
    """
    restarts = other.pop("restarts", 1)
    started = format_time(at - timedelta(seconds=3600 + 61 * number))
    made = owned(
        number,
        at,
        name=f"job{number}-x",
        created=at - timedelta(days=1),
        ownerReferences=[owner(f"j{number}", "Job")],
    )
    made["spec"]["nodeName"] = node
    ended = terminated(at, **{"startedAt": started, **other})
    made["status"]["containerStatuses"] = [container(last=ended, restarts=restarts)]
    return synced_pod(made, at + timedelta(seconds=1))


def synced_pod(of: Json, now: datetime) -> Json:
    """A Pod after its own sync."""
    return applied(of, dict(sync_pod(pod_request(of, target(DIAG)), now).response.model_dump()))


def common(of: Json) -> tuple[str, str, str]:
    """Status, reason and message of the condition."""
    found = condition(of, "CommonFactor")
    return found["status"], found["reason"], found["message"]


NODE7 = [crashed(at, after(10 * at)) for at in range(4)]
ELSEWHERE = [crashed(10 + at, after(-500 - 100 * at), f"node{at}") for at in range(3)]


def test_before_any_crash_nothing_is_in_common() -> None:
    """The condition is there from the start, and says no."""
    status, reason, message = common(synced(DIAG, T0))
    assert (status, reason) == ("False", "NothingInCommon")
    assert message.startswith("No three Pods that crashed within one minute")


def test_pods_that_crash_on_one_node_are_told_in_the_condition() -> None:
    """With how many others, and that it is no cause."""
    seen = synced(synced(DIAG, T0), after(60), *NODE7, *ELSEWHERE)
    status, reason, message = common(seen)
    assert (status, reason) == ("True", "SameNode")
    assert message == (
        "4 Pods of 4 workloads crashed within 30 s, from 2026-11-23T10:00:00Z: all on node node7 "
        "(none of 3 other Pods). A hint, not a cause; compared with other Pods that crashed within "
        "the hour, not with healthy ones."
    )


def test_it_gathers_with_the_rest_of_the_report() -> None:
    """A change of the condition is not written at once, but two seconds after the last write."""
    first = synced(synced(DIAG, T0), after(60), *NODE7[:2], *ELSEWHERE)
    answer = answered(first, after(61), *NODE7, *ELSEWHERE)
    assert answer["status"] == first["status"]
    assert answer["resyncAfterSeconds"] == 1
    assert common(synced(first, after(62), *NODE7, *ELSEWHERE))[0] == "True"


def test_it_stays_the_same_to_the_byte_and_ends_with_a_resync() -> None:
    """It is told for less than an hour, and asks to be asked again when it ends."""
    seen = synced(synced(DIAG, T0), after(60), *NODE7, *ELSEWHERE)
    later = answered(seen, after(600), *NODE7, *ELSEWHERE)
    assert later["status"] == seen["status"]
    left = TOLD_FOR.total_seconds() - 600
    assert later["resyncAfterSeconds"] == left
    ended = synced(seen, after(600 + left), *NODE7, *ELSEWHERE)
    assert common(ended)[:2] == ("False", "NothingInCommon")


def test_a_restart_loop_is_not_told_again_and_again() -> None:
    """When a container in back-off ends is decided by the kubelet: three in a minute are chance."""
    looping = [crashed(at, after(at), restarts=9, startedAt=format_time(T0)) for at in range(5)]
    assert common(synced(DIAG, after(60), *looping, *ELSEWHERE))[0] == "False"


def test_crashes_whose_time_is_not_known_do_not_count() -> None:
    """After an outage of the hook many are first diagnosed in one second."""
    unknown = [crashed(at, after(at)) for at in range(5)]
    for each in unknown:
        del each["metadata"]["annotations"]
        last = each["status"]["containerStatuses"][0]["lastState"]["terminated"]
        last["finishedAt"] = last["startedAt"] = None
    pods = [synced_pod(each, after(120)) for each in unknown]
    assert common(synced(DIAG, after(130), *pods, *ELSEWHERE))[0] == "False"


def test_a_pod_whose_own_sync_is_to_come_is_not_counted_yet() -> None:
    """It has no record of its crash: the two syncs begin at the same time."""
    bare = [{**each, "metadata": {**each["metadata"], "annotations": {}}} for each in NODE7]
    assert common(synced(DIAG, after(60), *bare, *ELSEWHERE))[0] == "False"


POD = OwnedPod.model_validate(owned())


def test_the_crash_that_began_the_latest_series_counts() -> None:
    """A run of ten minutes ended, and a loop followed; what was before it is another story."""
    steady = crash_record(after(0), 4, startedAt=after(-600))
    loop = [crash_record(after(30 * at), 4 + at, startedAt=after(30 * at - 2)) for at in (3, 2, 1)]
    before = crash_record(after(-700), 3, startedAt=after(-5000))
    facts = pod_facts(POD, [*loop, steady, before])
    assert (facts.crashed_at, facts.started_at) == (T0, after(-600))
    assert pod_facts(POD, loop).crashed_at is None
    assert pod_facts(POD, loop).crashed


def test_requested_restarts_lasting_conditions_and_suppressed_crashes_are_none() -> None:
    """As everywhere."""
    for record in (
        crash_record(cause="NotReady"),
        crash_record(cause="RestartedForResize"),
        crash_record(silent=True),
    ):
        assert not pod_facts(POD, [record]).crashed


def test_a_cause_that_may_still_change_is_not_compared() -> None:
    """Its Events will be read once more; on the command line they have been."""
    awaited = crash_record(awaits=True)
    assert not pod_facts(POD, [awaited]).cause
    assert pod_facts(POD, [awaited], settled=True).cause == "ApplicationError"


def test_the_kind_of_reason_counts_unless_the_output_gives_none() -> None:
    """As it is stored with the crash."""
    for stored, expected in (("DependencyUnreachable", "DependencyUnreachable"), ("Nothing", "")):
        record = crash_record(reason={"reasonClass": stored})
        assert pod_facts(POD, [record]).reason_class == expected


def test_the_image_counts_only_if_it_is_still_the_one_that_ran() -> None:
    """Of a crash its hash is known."""
    document = owned()
    document["spec"]["containers"][0]["image"] = "web:1"
    (record,) = parse_history(OwnedPod.model_validate(synced_pod(document, T0))).history
    pod = OwnedPod.model_validate(document)
    assert pod_facts(pod, [record]).images == ("web:1",)
    document["spec"]["containers"][0]["image"] = "web:2"
    assert pod_facts(OwnedPod.model_validate(document), [record]).images == ()


@given(
    st.lists(st.tuples(st.integers(0, 90), st.sampled_from(["a", "b"])), max_size=8),
    st.integers(100, 8000),
)
def test_without_a_change_no_sync_changes_the_status(
    crashes: list[tuple[int, str]], later: int
) -> None:
    """Two replicas, one after the other, at the same time: the second writes nothing."""
    pods = [crashed(at, after(second), node) for at, (second, node) in enumerate(crashes)]
    seen = synced(synced(DIAG, T0), after(later), *pods)
    assert answered(seen, after(later), *reversed(pods))["status"] == seen["status"]
