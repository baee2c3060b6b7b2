"""Crashes by workload: one line for each, whichever Pods come and go, at most fifty."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_diagnoser.api.diagnostics_v1 import Workload
from pod_diagnoser.api.fields import UNKNOWN_TIME
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.poddiagnosers.workloads import (
    MAX_CAUSES,
    MAX_WORKLOADS,
    RETENTION,
    seconds_until_expiry,
    workloads,
)
from pod_diagnoser.pods.history import read_history
from pod_diagnoser.pods.keys import CRASHES, LABEL
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.pods.sync import sync_pod
from tests.support.builders import (
    T0,
    UID,
    Json,
    after,
    answered,
    applied,
    container,
    crashed,
    diagnoser,
    owned,
    owner,
    parsed_pod,
    pod_request,
    synced,
    target,
    terminated,
)

DIAG = diagnoser(targetLabels={"app": "app"})


def pod_after_sync(of: Json, now: datetime) -> Json:
    """A Pod after its own sync."""
    return applied(of, json.loads(sync_pod(pod_request(of, target(DIAG)), now).response.encode()))


def again(of: Json, finished: datetime, restarts: int) -> Json:
    """A Pod whose container ended another time."""
    of = json.loads(json.dumps(of))
    of["status"]["containerStatuses"] = [container(last=terminated(finished), restarts=restarts)]
    return of


def lines(of: Json) -> list[Json]:
    """The workloads of a PodDiagnoser's status."""
    return list(of["status"]["workloads"])


def line(of: Json) -> Json:
    """The one workload of a PodDiagnoser's status."""
    (only,) = lines(of)
    return dict(only)


def grouped(
    pods: Sequence[Json],
    now: datetime,
    stored: Sequence[Workload] = (),
    new: Sequence[Json] | None = None,
    *,
    complete: bool = True,
) -> tuple[Workload, ...]:
    """Return the entries for these Pods, all of them counted now by default."""
    read = [parsed_pod(each) for each in pods]
    histories = [read_history(each, now).model_copy(update={"since": T0}) for each in read]
    return workloads(
        stored,
        [
            CrashedPod(each, diagnose(each), history)
            for each, history in zip(read, histories, strict=True)
        ],
        {each["metadata"]["uid"] for each in (pods if new is None else new)},
        now,
        complete=complete,
    )


# One after the other, as Metacontroller calls


def test_a_crash_loop_over_fifty_replacements_is_one_line() -> None:
    """Each crashes, is seen, and is replaced by the next: the number of different Pods rises."""
    diag = synced(DIAG, after(-10))
    for number in range(50):
        minutes = 3 * number
        replaced = pod_after_sync(owned(number, after(minutes=minutes)), after(1, minutes=minutes))
        diag = synced(diag, after(5, minutes=minutes), replaced)
        assert line(diag)["crashedPods"] == number + 1
    assert line(diag) == {
        "uid": "rs-1",
        "kind": "ReplicaSet",
        "name": "app-rs-1",
        "crashingPods": 1,
        "crashedPods": 50,
        "causes": [{"cause": "ApplicationError", "pods": 1}],
        "since": format_time(T0),
        "lastTime": format_time(after(minutes=147)),
        "template": {
            "hash": "t1",
            "changes": "",
            "crashes": 50,
            "history": "50 crashes of this version of the template in 2 h",
            "since": format_time(T0),
            "lastTime": format_time(after(minutes=147)),
        },
    }


def test_a_pod_that_crashes_again_moves_the_time_and_no_number() -> None:
    """The Pod is one Pod."""
    document = pod_after_sync(owned(), after(1))
    diag = synced(DIAG, after(5), document)
    document = again(document, after(60), 2)
    before_its_own_sync = synced(diag, after(62), document)
    later = {"lastTime": format_time(after(60))}
    history = "2 crashes of this version of the template in 60 s"
    of_template = line(diag)["template"] | later | {"crashes": 2, "history": history}
    assert line(before_its_own_sync) == line(diag) | later | {"template": of_template}
    after_it = synced(before_its_own_sync, after(70), pod_after_sync(document, after(63)))
    assert after_it == before_its_own_sync


def test_a_workload_without_crashing_pods_is_kept_for_a_while() -> None:
    """Its entry shows it, a sync is asked for when it is due, and then it is dropped."""
    diag = synced(DIAG, after(5), pod_after_sync(owned(), after(1)))
    diag = synced(diag, after(minutes=61))
    assert (line(diag)["crashingPods"], line(diag)["crashedPods"]) == (0, 1)
    assert line(diag)["causes"] == []
    asked = answered(diag, after(minutes=70))["resyncAfterSeconds"]
    assert asked == RETENTION.total_seconds() - 70 * 60
    assert synced(diag, after(-1, minutes=120)) == diag
    assert lines(synced(diag, after(minutes=120))) == []


def test_a_workload_that_crashes_again_after_long_is_counted_from_zero() -> None:
    """An entry covers crashes that follow each other closely: this one began now."""
    first = pod_after_sync(owned(1), after(1))
    diag = synced(synced(DIAG, after(5), first), after(hours=1, minutes=1))
    later = pod_after_sync(owned(2, after(hours=30)), after(1, hours=30))
    again = synced(diag, after(5, hours=30), later)
    assert line(again)["since"] == line(again)["lastTime"] == format_time(after(hours=30))
    assert line(again)["crashedPods"] == 1


def test_pods_that_were_counted_long_ago_are_counted_in_a_new_line() -> None:
    """A StatefulSet's Pods keep their names, uids and restarts: Monday's are not Thursday's."""
    pods = {number: pod_after_sync(owned(number), after(1)) for number in range(3)}
    diag = synced(synced(DIAG, after(5), *pods.values()), after(hours=1, minutes=1))
    for turn, (number, different) in enumerate([(0, 1), (1, 2), (0, 2), (2, 3), (1, 3), (0, 3)]):
        now = 3600 * 72 + 5000 * turn  # the label of the one before has gone
        pods[number] = pod_after_sync(again(pods[number], after(now), turn + 2), after(now + 1))
        diag = synced(diag, after(now + 5), pods[number])
        assert (line(diag)["crashingPods"], line(diag)["crashedPods"]) == (1, different)
    assert line(diag)["since"] == format_time(after(hours=72))


def test_pods_of_a_storm_are_counted_in_whatever_order_they_are_seen() -> None:
    """Those that are seen late crashed among the others, or before them."""
    pods = [pod_after_sync(owned(number, after(number)), after(40)) for number in range(30)]
    diag = synced(DIAG, after(-10))
    for now, visible in ((41, pods[20:]), (44, pods[10:25]), (47, pods[:3]), (50, pods)):
        diag = synced(diag, after(now), *visible)
    assert line(diag)["template"]["crashes"] == 30
    assert line(diag) | {"causes": [], "template": None} == {
        "template": None,
        "uid": "rs-1",
        "kind": "ReplicaSet",
        "name": "app-rs-1",
        "crashingPods": 30,
        "crashedPods": 30,
        "causes": [],
        "since": format_time(T0),
        "lastTime": format_time(after(29)),
    }
    gone = synced(synced(diag, after(60)), after(70), *pods[:1])
    assert (line(gone)["crashingPods"], line(gone)["crashedPods"]) == (1, 30)


def test_a_late_one_among_those_that_have_gone_is_counted() -> None:
    """One that was not observed while the others crashed before and after it."""
    first = [pod_after_sync(owned(number, after(10 * number)), after(40)) for number in (1, 3)]
    diag = synced(synced(synced(DIAG, T0), after(41), *first), after(45))
    late = synced(diag, after(50), pod_after_sync(owned(2, after(20)), after(46)))
    assert (line(late)["crashingPods"], line(late)["crashedPods"]) == (1, 3)


@pytest.mark.parametrize("text", ["", "no json", "[" * 5000, '{"history":[{"seen":"2999-01-01"}]}'])
def test_an_annotation_that_holds_anything_does_no_harm(text: str) -> None:
    """The Pod goes into no line until its own sync has put that right."""
    document = pod_after_sync(owned(), after(1))
    forged = json.loads(json.dumps(document))
    forged["metadata"]["annotations"][CRASHES] = text
    diag = synced(DIAG, after(5), forged)
    assert lines(diag) == []
    assert synced(diag, after(minutes=50), forged) == diag
    assert line(synced(diag, after(60), pod_after_sync(forged, after(55)))) == line(
        synced(DIAG, after(5), document)
    )


# What an entry says


def test_each_owner_has_its_line_and_a_bare_pod_is_its_own() -> None:
    """Whatever controls the Pod: by its uid, with its kind and name."""
    pods = [
        owned(1, after(1), by="rs-1"),
        owned(2, after(2), ownerReferences=[owner("sts-1", "StatefulSet")]),
        owned(3, after(3), ownerReferences=[owner("job-1", "Job")]),
        owned(4, after(4), ownerReferences=[owner("cr-1", "Anything", controller=False)]),
        crashed(after(5), number=5, name="bare"),
    ]
    found = [(each.kind, each.name, each.uid) for each in grouped(pods, after(60))]
    assert found == [
        ("Pod", "bare", UID.format(5)),
        ("Pod", "app-4", UID.format(4)),
        ("Job", "app-job-1", "job-1"),
        ("StatefulSet", "app-sts-1", "sts-1"),
        ("ReplicaSet", "app-rs-1", "rs-1"),
    ]


def test_pods_of_a_deployment_are_one_line_whatever_its_replica_set() -> None:
    """Before and after a rollout; the uid that was stored first stays."""
    before = [owned(1, after(1), by="web-t1"), owned(2, after(2), by="web-t1")]
    rolled = owned(3, after(9), by="web-t2", template="t2")
    first = grouped(before, after(10))
    found = grouped([*before, rolled], after(20), first, [rolled])
    assert [(each.kind, each.name, each.uid, each.crashedPods) for each in (*first, *found)] == [
        ("Deployment", "app-web", "web-t1", 2),
        ("Deployment", "app-web", "web-t1", 3),
    ]
    assert grouped([*before, rolled], after(30), found, []) == found


def test_runs_of_a_cron_job_are_one_line() -> None:
    """Its Jobs are named by the minute for which they were scheduled."""
    minute = int(T0.timestamp()) // 60
    runs = [
        owned(
            number,
            after(60 * number + 9),
            created=after(60 * number),
            ownerReferences=[owner(f"nightly-{minute + number}", "Job")],
        )
        for number in range(3)
    ]
    (only,) = grouped(runs, after(300))
    assert (only.kind, only.name, only.crashedPods) == ("CronJob", "app-nightly", 3)


@pytest.mark.parametrize(
    ("kind", "name", "label"),
    [
        ("ReplicaSet", "web-6488586b44", ""),
        ("ReplicaSet", "web-6488586b44", "6488586b4"),
        ("ReplicaSet", "6488586b44", "6488586b44"),
        ("ReplicaSet", "-6488586b44", "6488586b44"),
        ("StatefulSet", "web-6488586b44", "6488586b44"),
        ("Job", "backup-20260701", ""),
        ("Job", "backup-01072026", ""),
        ("Job", "backup-1", ""),
        ("Job", "backup-99999999", ""),
        ("Job", "backup-" + "9" * 200, ""),
        ("Job", "backup-\u0662\u0669\u0662\u0669\u0662\u0669\u0662\u0669", ""),
        ("Job", "29708000", ""),
        ("Job", "own", ""),
    ],
)
def test_what_only_looks_like_a_deployments_or_cron_jobs_is_named_as_it_is(
    kind: str, name: str, label: str
) -> None:
    """Without the label, with a date or another number, without a name before it."""
    reference = owner("u", kind) | {"name": name}
    labels = {"app": "app", LABEL: "diag", "pod-template-hash": label}
    document = owned(1, after(1), ownerReferences=[reference])
    document["metadata"]["labels"] = labels
    (only,) = grouped([document], after(60))
    assert (only.kind, only.name, only.uid) == (kind, name, "u")


def test_a_replica_sets_entry_of_a_former_version_becomes_its_deployments() -> None:
    """With its count and its times."""
    stored = Workload(
        uid="web-t1",
        kind="ReplicaSet",
        name="app-web-t1",
        crashingPods=1,
        crashedPods=7,
        since=after(-600),
        lastTime=T0,
    )
    (only,) = grouped([owned(1, after(1), by="web-t1")], after(10), [stored], [])
    assert (only.kind, only.name, only.crashedPods, only.since) == (
        "Deployment",
        "app-web",
        8,
        after(-600),
    )


def test_causes_are_counted_by_pods_the_most_frequent_first() -> None:
    """A Pod counts once, for the latest of its crashes."""
    several = owned(9)
    several["status"]["containerStatuses"] = [
        container("one", terminated(after(1), 139)),
        container("two", terminated(after(2), 137, "OOMKilled")),
    ]
    pods = [several, *(owned(number) for number in range(3))]
    (only,) = grouped(pods, after(60))
    assert (only.crashingPods, only.crashedPods) == (4, 4)
    assert [(each.cause, each.pods) for each in only.causes] == [
        ("ApplicationError", 3),
        ("OutOfMemory", 1),
    ]


def test_the_most_frequent_causes_are_named_and_no_more() -> None:
    """A line stays short."""
    pods = []
    for number, code in enumerate((1, 0, 126, 127, 130, 134, 139, 139)):
        pods.append(owned(number))
        pods[-1]["status"]["containerStatuses"] = [container(last=terminated(T0, code))]
    (only,) = grouped(pods, after(60))
    assert only.crashingPods == 8
    assert len(only.causes) == MAX_CAUSES
    assert only.causes[0].cause == "SegmentationFault"


def test_a_crash_without_a_known_time_counts_from_now_on() -> None:
    """And that time stays."""
    lost = owned(1, None)
    (only,) = grouped([lost], after(60))
    assert only.since == only.lastTime == after(60)
    assert grouped([lost], after(600), [only], []) == (only,)


def test_a_node_whose_clock_is_far_ahead_does_not_set_the_time() -> None:
    """It would be kept for years."""
    (only,) = grouped([owned(1, after(hours=9000))], after(60))
    assert only.lastTime == after(60)


def test_a_line_is_bounded_whatever_its_owner_is_called() -> None:
    """The API server bounds no text of an owner reference."""
    named = owned(1, ownerReferences=[owner() | {"kind": "K" * 999, "name": "n\u202e" * 999}])
    unnamed = owned(2, ownerReferences=[owner("u" * 999)])
    found = {each.kind[:3]: each for each in grouped([named, unnamed], after(60))}
    assert len(found["KKK"].kind.encode()) <= 63
    assert len(found["KKK"].name.encode()) <= 253
    assert "\u202e" not in found["KKK"].name
    assert found["Pod"].uid == UID.format(2)


def test_who_claims_another_owners_uid_does_not_rename_it() -> None:
    """What was reported once stays, and no uid has two entries."""
    first = grouped([owned(1)], after(60))
    forged = owned(2, after(30), ownerReferences=[owner() | {"kind": "A", "name": "a"}])
    (only,) = grouped([forged, owned(1)], after(60), first)
    assert (only.kind, only.name) == ("ReplicaSet", "app-rs-1")


def test_a_restart_that_somebody_asked_for_is_no_time_of_a_crash() -> None:
    """A Pod's crash record of it changes nothing."""
    resized = {
        "id": "f" * 16,
        "container": "app",
        "cause": "RestartedForResize",
        "seen": format_time(after(-600)),
    }
    document = owned(annotations={CRASHES: json.dumps({"history": [resized]})})
    (only,) = grouped([document], after(60))
    assert only.since == T0


@pytest.mark.parametrize(
    ("cause", "different"),
    [
        pytest.param("NotReady", 3, id="counted before for a state"),
        pytest.param("ImagePullFailed", 2, id="counted before for a failure"),
    ],
)
def test_a_pod_that_was_counted_before_it_crashed_is_counted_when_it_does(
    cause: str, different: int
) -> None:
    """Whether or not its earlier crashes are in this entry."""
    stored = grouped([owned(1, after(10)), owned(2, after(200))], after(201))
    entry = {"id": "f" * 16, "container": "app", "cause": cause, "seen": format_time(after(90))}
    third = owned(3, after(300), annotations={CRASHES: json.dumps({"history": [entry]})})
    known = [each.model_copy(update={"crashedPods": 2}) for each in stored]
    (only,) = grouped([third], after(301), known, [])
    assert only.crashedPods == different
    assert grouped([third], after(900), [only], []) == (only,)


# Which lines are kept


def test_the_workloads_with_the_latest_crashes_are_kept() -> None:
    """And the same ones the next time."""
    pods = [owned(number, after(number), by=f"rs-{number}") for number in range(80)]
    kept = grouped(pods, after(100))
    assert len(kept) == MAX_WORKLOADS
    assert [each.uid for each in kept] == [f"rs-{number}" for number in range(79, 29, -1)]
    assert grouped(pods, after(200), kept, []) == kept


def test_workloads_without_any_time_do_not_drive_each_other_out() -> None:
    """Or the status would be written endlessly."""
    pods = [owned(number, None, by=f"rs-{number}") for number in range(80)]
    kept = grouped(pods, after(100))
    assert len(kept) == MAX_WORKLOADS
    assert grouped(pods, after(200), kept, []) == kept


def test_a_status_of_fifty_workloads_stays_small() -> None:
    """The longest texts and five causes in each line; a status may have 1.5 MB."""
    pods: list[Json] = []
    for number in range(60):
        reference = owner(f"{number:0128d}") | {"kind": "K" * 63, "name": "n" * 253}
        for code in (1, 0, 126, 127, 130, 134, 139):
            pods.append(owned(len(pods), ownerReferences=[reference]))
            pods[-1]["status"]["containerStatuses"] = [container(last=terminated(T0, code))]
    dumped = json.dumps([each.model_dump() for each in grouped(pods, after(60))])
    assert len(dumped) < 60_000


def test_where_not_all_pods_were_read_none_is_taken_for_gone() -> None:
    """Its entry stays as it is, and does not expire."""
    stored = grouped([owned(1, by="rs-1"), owned(2, by="rs-2")], after(60))
    part = grouped([owned(2, by="rs-2")], after(hours=5), stored, [], complete=False)
    assert part == stored


@pytest.mark.parametrize("ahead", [-3, 3])
def test_an_entry_written_by_a_wrong_clock_expires_as_others_do(ahead: float) -> None:
    """However far ahead it was."""
    stored = [each.model_copy(update={"lastTime": UNKNOWN_TIME}) for each in grouped([owned()], T0)]
    assert grouped([], T0, stored) == ()
    stored = list(grouped([owned(1, after(hours=ahead))], after(hours=ahead)))
    assert len(stored) == 1
    assert grouped([], T0, stored) == ()


def test_when_the_next_entry_expires() -> None:
    """The first of those without crashing Pods; never at once, never later than it could be."""
    assert seconds_until_expiry([], T0) is None
    both = grouped([owned(1, after(-600), by="a"), owned(2, T0, by="b")], after(1))
    assert seconds_until_expiry(both, T0) is None
    quiet = grouped([], after(60), both)
    assert seconds_until_expiry(quiet, after(60)) == RETENTION.total_seconds() - 660
    assert seconds_until_expiry(quiet, after(hours=9)) == 1.0
    assert seconds_until_expiry(quiet, after(hours=-9)) == RETENTION.total_seconds()


# For any Pods


@dataclass(frozen=True)
class Request:
    """Pods, and the lines that are stored."""

    pods: list[Json]
    stored: list[Workload]


SECONDS = st.one_of(st.none(), st.integers(-30_000, 0), st.sampled_from([-(10**9), -7200, -7199]))


@st.composite
def histories(draw: st.DrawFn) -> Any:
    """What a Pod's annotation may say."""
    if draw(st.booleans()):
        return draw(st.sampled_from(["", "{}", "[]", "no", '{"history":[1]}']))
    entries = []
    for _ in range(draw(st.integers(0, 4))):
        seen, finished = draw(SECONDS), draw(SECONDS)
        entries.append(
            {
                "id": f"{draw(st.integers(0, 3)):016x}",
                "container": "app",
                "cause": "Invented",
                "seen": format_time(after(seen or 0)),
                **({"finishedAt": format_time(after(finished))} if finished is not None else {}),
            }
        )
    return json.dumps({"diagnoser": "x", "since": format_time(T0), "history": entries})


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Pods of a few workloads, some of them restarted, with annotations that hold anything."""
    pods = []
    for number in range(draw(st.integers(0, 8))):
        finished = draw(SECONDS)
        pods.append(
            owned(
                number,
                None if finished is None else after(finished),
                by=draw(st.sampled_from(["rs-1", "rs-2", "", "web-t1", "web-t2"])),
                template=draw(st.sampled_from(["t1", "t2"])),
                annotations={CRASHES: draw(histories())},
            )
        )
        if draw(st.integers(0, 4)) == 0:
            pods[-1]["status"]["containerStatuses"] = []
    stored = [
        Workload(
            uid=uid,
            kind="Deployment" if uid == "web" else "ReplicaSet",
            name=f"app-{uid}",
            crashingPods=draw(st.integers(0, 3)),
            crashedPods=draw(st.integers(3, 9)),
            since=draw(st.sampled_from(["", "nonsense", format_time(after(-9000))])),
            lastTime=draw(st.sampled_from(["", format_time(after(-9000)), format_time(T0)])),
        )
        for uid in draw(st.sets(st.sampled_from(["rs-1", "rs-2", "rs-3", "web-t1", "web"])))
    ]
    return Request(pods, stored)


@given(requests(), st.integers(0, 10**6), st.randoms())
def test_any_pods_give_stable_entries_in_any_order(
    request: Request, later: int, chance: random.Random
) -> None:
    """Deterministic, independent of the order, idempotent at any later time, within bounds."""
    found = grouped(request.pods, T0, request.stored)
    shuffled, stored = list(request.pods), list(request.stored)
    chance.shuffle(shuffled)
    chance.shuffle(stored)
    assert grouped(shuffled, T0, stored) == found

    assert len(found) == len({(each.kind, each.name, each.uid) for each in found}) <= MAX_WORKLOADS
    for each in found:
        assert 0 <= each.crashingPods <= each.crashedPods
        assert sum(cause.pods for cause in each.causes) <= each.crashingPods
        if each.crashingPods:
            assert UNKNOWN_TIME < each.since <= each.lastTime <= T0
    shown = [each for each in request.pods if each["status"]["containerStatuses"]]
    assert sum(each.crashingPods for each in found) == len(shown)

    now = after(later)
    again = grouped(shown, now, found, [])
    assert [each for each in again if each.crashingPods] == [
        each for each in found if each.crashingPods
    ]
    assert grouped(shown, now, again, []) == again


@settings(max_examples=40)
@given(st.lists(st.sets(st.integers(0, 5), min_size=1), max_size=8), st.integers(6, 600))
def test_pods_that_replace_each_other_are_counted_each_once(
    crashing: list[set[int]], step: int
) -> None:
    """Whichever of a ReplicaSet's Pods crash at a time, seen before and after their own syncs."""
    pods: dict[int, Json] = {}
    diag = synced(DIAG, after(-10))
    for turn, numbers in enumerate(crashing):
        now = turn * step
        for number in numbers:
            pods[number] = again(pods.get(number) or owned(number), after(now), turn + 1)
        if turn % 2:
            diag = synced(diag, after(now + 0.3), *pods.values())
        for number in numbers:
            pods[number] = pod_after_sync(pods[number], after(now + 0.5))
        diag = synced(diag, after(now + 2.9), *pods.values())
        diag = synced(diag, after(now + 5), *pods.values())
        assert line(diag)["crashedPods"] == len(pods)
        assert line(diag)["crashingPods"] == len(pods)
        assert line(diag)["since"] == format_time(T0)
