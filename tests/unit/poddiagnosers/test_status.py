"""A PodDiagnoser's status, over syncs that follow each other as Metacontroller makes them."""

import json
import re
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoserStatus
from pod_diagnoser.poddiagnosers.counting import MAX_FORMER_PODS, counted_pods, stored_hashes
from pod_diagnoser.poddiagnosers.response import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot, target_missing
from pod_diagnoser.poddiagnosers.status import MAX_RECENT_DIAGNOSES, build_status
from pod_diagnoser.pods.claims import MAX_CLAIMING
from pod_diagnoser.pods.keys import LABEL
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.model import ExecutionReport
from tests.support.builders import (
    T0,
    Json,
    after,
    applied,
    container,
    crashed,
    diagnoser,
    diagnoser_request,
    observed,
    owned,
    pod,
    pod_request,
    replacing,
    rule_of,
    target,
    terminated,
)


def answer(of: Json, now: datetime, *related: Json, complete: bool = True) -> Json:
    """What is answered for a PodDiagnoser."""
    result = sync_pod_diagnoser(
        take_snapshot(diagnoser_request(of, *related), complete=complete), now
    )
    return dict(json.loads(result.response.encode()))


def synced(of: Json, now: datetime, *related: Json) -> Json:
    """The PodDiagnoser after a sync."""
    return applied(of, answer(of, now, *related))


def pod_after_sync(of: Json, now: datetime, *by: Json) -> Json:
    """A Pod after its own sync."""
    request = pod_request(of, *(target(one) for one in by))
    return applied(of, json.loads(sync_pod(request, now).response.encode()))


def status(of: Json, field: str) -> Any:
    """A field of the status."""
    return of["status"].get(field)


def condition(of: Json, name: str) -> Json:
    """A condition of the status."""
    return next(dict(each) for each in status(of, "conditions") if each["type"] == name)


DIAG = diagnoser(targetLabels={"app": "app"})


def test_a_new_poddiagnoser_says_that_it_claims_and_publishes_its_target() -> None:
    """Before any crash: counts are 0, Active is True, the DiagnosisTarget is attached."""
    made = answer(DIAG, T0)
    assert made["attachments"] == [
        {
            "apiVersion": "diagnostics.local.io/v1",
            "kind": "DiagnosisTarget",
            "metadata": {"name": "diag-5b0c7c3e", "namespace": "shop"},
            "spec": {
                "diagnoser": {"name": "diag", "uid": DIAG["metadata"]["uid"]},
                "since": "2026-11-23T10:00:00Z",
                "targetLabels": {"app": "app"},
            },
        }
    ]
    assert made["status"]["diagnosedPods"] == 0
    assert made["status"]["observedGeneration"] == 1
    assert condition(applied(DIAG, made), "Active")["status"] == "True"


ADDED: tuple[tuple[Json, Json], ...] = (
    ({"ignore": {"exitCodes": [1]}}, {"ignore": {"exitCodes": None}}),
    (
        {"ignore": {"podLabels": {"app": "app"}, "cleanExits": True}},
        {"ignore": {"podLabels": {"app": None}, "cleanExits": None}},
    ),
    (
        {"targetLabels": {"app": "app", "tier": "x"}},
        {"targetLabels": {"app": "app", "tier": None}},
    ),
    (
        {"thresholds": [{"container": "*", "restarts": 50, "withinSeconds": 60}]},
        {"thresholds": None},
    ),
    ({"evidence": {"events": False}}, {"evidence": {"events": None}}),
    ({"since": "2000-01-01T00:00:00Z"}, {}),
)


@pytest.mark.parametrize(("added", "removed"), ADDED, ids=lambda each: str(list(each)))
def test_what_others_added_to_a_target_is_removed(added: Json, removed: Json) -> None:
    """Metacontroller would leave it there for ever: it merges what it is answered."""
    own = target(DIAG)
    stored = {**own, "spec": {**own["spec"], **added}}
    (attachment,) = answer(DIAG, T0, stored)["attachments"]
    assert attachment["spec"] == {**own["spec"], **removed}
    (untouched,) = answer(DIAG, T0, own)["attachments"]
    assert untouched["spec"] == own["spec"]


def test_a_crash_is_counted_named_and_kept_after_the_pod_is_gone() -> None:
    """The diagnosis outlives the Pod; its workload's entry shows that no Pod crashes now."""
    first = synced(DIAG, T0)
    seen = synced(first, after(10), pod_after_sync(crashed(after(5)), after(6), DIAG))
    assert status(seen, "diagnosedPods") == 1
    assert status(seen, "lastProcessedPod") == "app-1"
    entry = status(seen, "recentDiagnoses")[0]
    assert (entry["pod"], entry["container"], entry["cause"]) == (
        "app-1",
        "app",
        "ApplicationError",
    )
    assert entry["reason"] == "Error (Exit Code: 1)"
    assert (entry["time"], entry["seen"]) == ("2026-11-23T10:00:05Z", "2026-11-23T10:00:06Z")
    gone = synced(seen, after(100))
    changed = {key for key, value in gone["status"].items() if value != seen["status"][key]}
    assert changed == {"workloads", "lastUpdateTime"}
    assert status(gone, "workloads")[0] == status(seen, "workloads")[0] | {
        "crashingPods": 0,
        "causes": [],
    }
    assert synced(gone, after(200)) == gone


def test_nothing_changed_is_the_same_status_to_the_byte() -> None:
    """At any later time, by any replica."""
    document = pod_after_sync(crashed(), after(1), DIAG)
    once = answer(DIAG, after(2), document)
    stored = applied(DIAG, once)
    for later in (after(3), after(minutes=5), after(-3600), after(hours=30)):
        again = answer(stored, later, document)
        assert json.dumps(again["status"]) == json.dumps(once["status"])
        assert "resyncAfterSeconds" not in again


def test_repeated_crashes_of_a_pod_count_once() -> None:
    """Crash after crash over a day, with the label coming and going."""
    diag, document, now = DIAG, crashed(), T0
    for number, minutes in enumerate((0, 1, 2, 61, 100, 130, 200, 300, 301, 1000)):
        now = after(minutes=minutes)
        document["status"]["containerStatuses"] = [
            container(last=terminated(now, number + 1), restarts=number + 1)
        ]
        document = pod_after_sync(document, after(1, minutes=minutes), DIAG)
        diag = synced(diag, after(5, minutes=minutes), document)
        unlabelled = pod_after_sync(document, after(5, minutes=minutes + 65), DIAG)
        if minutes not in (0, 1, 2, 61, 100):
            assert LABEL not in unlabelled["metadata"]["labels"]
            document = unlabelled
            diag = synced(diag, after(6, minutes=minutes + 65))
    assert status(diag, "diagnosedPods") == 1
    assert status(diag, "recentDiagnoses")[0]["reason"] == "Error (Exit Code: 10)"


def test_a_storm_is_counted_whole_whatever_the_order_of_the_syncs() -> None:
    """1,000 Pods in one second, seen in batches, some late, some again."""
    pods = [
        pod_after_sync(crashed(number=number, name=f"app-{number}"), after(1), DIAG)
        for number in range(1000)
    ]
    diag = synced(DIAG, T0)
    for now, visible in (
        (3, pods[500:520]),
        (6, pods[:520]),
        (9, pods),
        (12, pods[3:]),
        (15, pods),
    ):
        diag = synced(diag, after(now), *visible)
    assert status(diag, "diagnosedPods") == 1000
    assert len(status(diag, "writerMemory")) == 8000
    assert len(status(diag, "recentDiagnoses")) == MAX_RECENT_DIAGNOSES
    assert len(json.dumps(diag)) < 60_000


def test_a_write_that_was_lost_is_made_again() -> None:
    """A conflict drops the status; the next sync, on what is stored, counts the same Pods."""
    stored = synced(DIAG, T0)
    document = pod_after_sync(crashed(), after(1), DIAG)
    lost = synced(stored, after(5), document)
    again = synced(stored, after(6), document)
    assert status(lost, "diagnosedPods") == status(again, "diagnosedPods") == 1


def test_reports_are_gathered_and_nothing_is_lost() -> None:
    """A second change within two seconds is delayed, with a resync for then."""
    one = pod_after_sync(crashed(number=1, name="app-1"), after(1), DIAG)
    two = pod_after_sync(crashed(number=2, name="app-2"), after(1), DIAG)
    first = synced(synced(DIAG, T0), after(10), one)
    held = answer(first, after(11), one, two)
    assert held["status"] == first["status"]
    assert held["resyncAfterSeconds"] == pytest.approx(1.0)
    assert held["attachments"]
    assert status(synced(first, after(12), one, two), "diagnosedPods") == 2


def test_a_last_update_in_the_future_holds_nothing_back() -> None:
    """A clock that was ahead must not stop the status from being written."""
    stored = synced(DIAG, after(hours=2))
    seen = synced(stored, after(5), pod_after_sync(crashed(), after(1), DIAG))
    assert status(seen, "diagnosedPods") == 1


def test_a_change_of_the_spec_is_published_at_once() -> None:
    """Within the two seconds too."""
    stored = synced(DIAG, T0)
    stored["spec"]["enableAnnotations"] = False
    stored["metadata"]["generation"] = 2
    changed = synced(stored, after(1))
    assert status(changed, "observedGeneration") == 2
    assert condition(changed, "Active")["status"] == "False"


def test_a_pod_that_is_being_deleted_is_counted_at_once() -> None:
    """It cannot be counted when it is gone."""
    stored = synced(DIAG, T0)
    going = pod_after_sync(crashed(after(0.5)), after(1), DIAG)
    going["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:31Z"
    assert status(synced(stored, after(1), going), "diagnosedPods") == 1


def test_an_inactive_poddiagnoser_declines_for_its_pods_and_keeps_its_count() -> None:
    """EnableAnnotations false: a DiagnosisTarget that claims nothing, and the reason."""
    seen = synced(DIAG, after(5), pod_after_sync(crashed(), after(1), DIAG))
    seen["spec"]["enableAnnotations"] = False
    seen["metadata"]["generation"] = 2
    made = answer(seen, after(60))
    off = applied(seen, made)
    (declining,) = made["attachments"]
    assert declining["metadata"]["name"] == "diag-5b0c7c3e-off"
    assert declining["spec"].keys() == {"diagnoser", "active", "since", "targetLabels"}
    assert declining["spec"]["active"] is False
    assert status(off, "diagnosedPods") == 1
    assert condition(off, "Active")["reason"] == "AnnotationsDisabled"


def siblings(count: int) -> list[Json]:
    """PodDiagnosers that are older than `DIAG`, the oldest first."""
    return [diagnoser(f"older-{n}", 100 + n, after(-100 + n)) for n in range(count)]


def test_only_the_oldest_twenty_poddiagnosers_of_a_namespace_publish() -> None:
    """The next one says why it does nothing, and goes on as soon as one of them is gone."""
    older = siblings(MAX_CLAIMING)
    made = answer(DIAG, T0, *map(target, older))
    off = applied(DIAG, made)
    assert made["attachments"] == []
    active = condition(off, "Active")
    assert (active["status"], active["reason"]) == ("False", "TooManyPodDiagnosers")
    assert "oldest 20" in active["message"]
    made = answer(off, after(60), *map(target, older[1:]))
    assert len(made["attachments"]) == 1
    assert condition(applied(off, made), "Active")["reason"] == "Claiming"


def test_one_of_the_oldest_publishes_whatever_younger_ones_there_are() -> None:
    """Its DiagnosisTarget would be deleted otherwise, and its Pods wiped."""
    older = siblings(MAX_CLAIMING - 1)
    younger = [diagnoser(f"younger-{n}", 200 + n, after(1 + n)) for n in range(60)]
    assert len(answer(DIAG, T0, *map(target, [*older, *younger, DIAG]))["attachments"]) == 1


def test_many_created_at_once_settle_on_the_oldest_twenty() -> None:
    """In whatever order they are synced, and whoever published first; then nothing changes."""
    all_of_them = [diagnoser(f"d-{n:02}", 100 + n, after(n // 5)) for n in range(30)]
    published: dict[str, Json] = {}
    rounds = []
    for order in (all_of_them[::-1], all_of_them[::3] + all_of_them, all_of_them[::-1]):
        for each in order:
            name = each["metadata"]["name"]
            if answer(each, after(60), *published.values())["attachments"]:
                published[name] = target(each)
            else:
                published.pop(name, None)
        rounds.append(sorted(published))
    oldest = [f"d-{n:02}" for n in range(MAX_CLAIMING)]
    assert rounds[1:] == [oldest, oldest]


def test_one_beyond_the_limit_claims_no_pods_and_plans_nothing() -> None:
    """Nor is it asked for again and again whether it still exists."""
    named = {"app": "app", LABEL: "diag"}
    seen = synced(DIAG, T0)
    pods = [pod_after_sync(crashed(labels=named), after(1), DIAG)]
    request = diagnoser_request(seen, *map(target, siblings(MAX_CLAIMING)), *pods)
    snapshot = take_snapshot(request)
    assert snapshot.crashed == []
    assert not target_missing(snapshot, after(600))


def test_forged_targets_do_not_push_anyone_out() -> None:
    """Only targets of PodDiagnosers count, by their owner reference, and each of these once."""
    older = siblings(2)
    forged = [target(each) for each in older * 20]
    for number, each in enumerate(forged):
        each["metadata"]["name"] = f"forged-{number}"
        if number >= 20:
            each["metadata"]["ownerReferences"] = []
    assert len(answer(DIAG, T0, *forged)["attachments"]) == 1


def test_what_there_is_no_time_for_is_left_out_and_said() -> None:
    """The status says that it is incomplete, and the target stays."""
    pods = [pod_after_sync(crashed(number=n, name=f"app-{n}"), after(1), DIAG) for n in range(20)]
    time = iter([True] * 5)
    request = diagnoser_request(DIAG, *pods)
    snapshot = take_snapshot(request, has_time=lambda: next(time, False))
    assert len(snapshot.crashed) == 5
    made = json.loads(sync_pod_diagnoser(snapshot, after(5)).response.encode())
    assert made["attachments"]
    assert condition(applied(DIAG, made), "Complete")["status"] == "False"


def test_a_pod_is_not_counted_again_after_the_poddiagnoser_was_off() -> None:
    """Its Pods lose all of ours and get it again as if new; they have been counted."""
    seen = synced(DIAG, after(5), pod_after_sync(crashed(), after(1), DIAG))
    off = json.loads(json.dumps(seen))
    off["spec"]["enableAnnotations"] = False
    off["metadata"]["generation"] = 2
    off = synced(off, after(60))
    on = json.loads(json.dumps(off))
    on["spec"]["enableAnnotations"] = True
    on["metadata"]["generation"] = 3
    on = synced(on, after(90))
    again = synced(on, after(120), pod_after_sync(crashed(), after(100), DIAG))
    assert status(again, "diagnosedPods") == 1


def test_memory_of_counted_pods_is_bounded_but_never_loses_one_with_the_label() -> None:
    """Pods that came and went are forgotten, oldest first; those that carry the label are not."""
    diag, stays = DIAG, [pod_after_sync(crashed(number=9999, name="stays"), after(1), DIAG)]
    for batch in range(5):
        pods = [
            pod_after_sync(crashed(number=batch * 400 + n, name=f"app-{batch}-{n}"), after(1), DIAG)
            for n in range(400)
        ]
        diag = synced(diag, after(10 + 10 * batch), *stays, *pods)
    assert status(diag, "diagnosedPods") == 2001
    assert len(status(diag, "writerMemory")) <= (MAX_FORMER_PODS + 401) * 8
    assert status(synced(diag, after(600), *stays), "diagnosedPods") == 2001


def test_pods_that_a_former_version_counted_stay_counted() -> None:
    """It stored a list of hexadecimal hashes: they are kept in the new form, and counted once."""
    pods = [
        pod_after_sync(crashed(number=number, name=f"app-{number}"), after(1), DIAG)
        for number in range(40)
    ]
    now = synced(DIAG, after(5), *pods[:30])
    stored = urlsafe_b64decode(status(now, "writerMemory"))
    former = json.loads(json.dumps(now))
    del former["status"]["writerMemory"]
    former["status"]["countedPods"] = [
        *(stored[place : place + 6].hex() for place in range(0, len(stored), 6)),
        "no hash",
    ]
    updated = synced(former, after(10), *pods)
    assert status(updated, "diagnosedPods") == 40
    assert "countedPods" not in updated["status"]
    assert len(set(re.findall(".{8}", status(updated, "writerMemory")))) == 40
    assert set(re.findall(".{8}", status(now, "writerMemory"))) < set(
        re.findall(".{8}", status(updated, "writerMemory"))
    )
    assert synced(updated, after(20), *pods) == updated


@given(text=st.text(max_size=100), former=st.lists(st.text(max_size=20), max_size=20))
def test_no_memory_of_counted_pods_is_misread(text: str, former: list[str]) -> None:
    """Whatever was stored by hand: what is written again can be stored, and each is there once."""
    read = PodDiagnoserStatus(writerMemory=text, countedPods=tuple(former))
    kept = counted_pods(read, (), (), complete=True)
    assert re.fullmatch("([-A-Za-z0-9_]{8})*", kept)
    hashes = stored_hashes(read)
    assert len(set(hashes)) == len(hashes)
    assert stored_hashes(PodDiagnoserStatus(writerMemory=kept)) == hashes


def test_forged_and_foreign_pods_are_not_counted() -> None:
    """Our label on a Pod that another claims, or that does not match, or from elsewhere."""
    older = diagnoser("older", 901, after(-60), targetLabels={"tier": "x"})
    theirs = pod_after_sync(
        crashed(number=1, name="a", labels={"app": "app", "tier": "x"}), after(1), DIAG
    )
    unmatched = pod_after_sync(
        crashed(number=2, name="b", labels={"app": "no"}), after(1), diagnoser()
    )
    foreign = pod_after_sync(crashed(number=3, name="c"), after(1), DIAG)
    foreign["metadata"]["namespace"] = "elsewhere"
    unlabelled = crashed(number=4, name="d")
    seen = synced(DIAG, after(5), theirs, unmatched, foreign, unlabelled, target(older))
    assert status(seen, "diagnosedPods") == 0
    assert status(seen, "recentDiagnoses") == []


def test_a_recreated_poddiagnoser_counts_from_zero() -> None:
    """Another uid: its count and its target's name are its own."""
    old = diagnoser(number=900, targetLabels={"app": "app"})
    new = diagnoser(number=901, created=after(60), targetLabels={"app": "app"})
    new["metadata"]["uid"] = "99999999" + new["metadata"]["uid"][8:]
    document = pod_after_sync(crashed(), after(1), old)
    early = synced(new, after(61), document)
    assert status(early, "diagnosedPods") == 0 or status(early, "diagnosedPods") == 1
    seen = synced(early, after(70), pod_after_sync(document, after(62), new))
    assert status(seen, "diagnosedPods") == 1
    assert answer(new, after(61))["attachments"][0]["metadata"]["name"] == "diag-99999999"


def test_overlap_with_older_ones_is_stated_and_ends() -> None:
    """Named, three of them, and how many more; a younger one is not mentioned."""
    older = [diagnoser(f"older-{n}", 100 + n, after(-100 + n)) for n in range(5)]
    younger = diagnoser("younger", 200, after(100))
    overlapping = synced(DIAG, T0, *(target(one) for one in [*older, younger, DIAG]))
    overlap = condition(overlapping, "Overlapping")
    assert (overlap["status"], overlap["reason"]) == ("True", "OlderMayMatch")
    assert "older-0, older-1, older-2 and 2 more" in overlap["message"]
    ended = condition(synced(overlapping, after(60), target(DIAG)), "Overlapping")
    assert ended["status"] == "False"
    assert ended["lastTransitionTime"] == "2026-11-23T10:01:00Z"


@pytest.mark.parametrize(
    ("action", "reason"),
    [("", "NoAction"), ("LogEvent", "NotConnected"), ("Explode\u202e", "UnknownAction")],
)
def test_what_becomes_of_the_remediation_is_stated(action: str, reason: str) -> None:
    """Why nothing is done is never left open; an unknown action is not repeated."""
    remediating = condition(synced(diagnoser(remediationAction=action), T0), "Remediating")
    assert (remediating["status"], remediating["reason"]) == ("False", reason)
    assert "\u202e" not in remediating["message"]


def test_too_many_pods_are_reported_and_nothing_is_dropped() -> None:
    """A truncated request: the target stays, the condition shows it, counts stay right."""
    pods = [pod_after_sync(crashed(number=n, name=f"app-{n}"), after(1), DIAG) for n in range(1500)]
    seen = synced(DIAG, after(5), *pods)
    made = answer(seen, after(10), *pods[:10], complete=False)
    cut = applied(seen, made)
    assert made["attachments"]
    assert condition(cut, "Complete")["status"] == "False"
    assert status(synced(cut, after(20), *pods), "diagnosedPods") == 1500


def test_unknown_keys_in_a_stored_status_are_no_error() -> None:
    """Written by a newer version, say."""
    stored = synced(DIAG, T0)
    stored["status"]["somethingNewer"] = [{"x": 1}]
    stored["status"]["recentDiagnoses"] = None
    assert status(synced(stored, after(5)), "diagnosedPods") == 0


def test_all_containers_of_a_pod_are_reported_newest_first() -> None:
    """The Pod counts once, its crashes are listed each."""
    document = pod(
        container("one", terminated(after(1), 1)), container("two", terminated(after(2), 2))
    )
    seen = synced(DIAG, after(9), pod_after_sync(document, after(3), DIAG))
    assert status(seen, "diagnosedPods") == 1
    assert [entry["container"] for entry in status(seen, "recentDiagnoses")] == ["two", "one"]


ENDED = {"name": "app", "restartCount": 0, "state": {"terminated": terminated(after(1), 3)}}
FAILING = {
    "name": "app",
    "restartCount": 0,
    "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}},
}


@pytest.mark.parametrize(
    ("container_status", "reason", "time"),
    [
        pytest.param(ENDED, "Error (Exit Code: 3)", "2026-11-23T10:00:01Z", id="ended for good"),
        pytest.param(FAILING, "ImagePullBackOff", None, id="cannot be started"),
    ],
)
def test_what_was_not_restarted_is_published_too(
    container_status: Json, reason: str, time: str | None
) -> None:
    """As what it is; the reason of a container that waits has no exit code."""
    document = pod_after_sync(pod(container_status), after(2), DIAG)
    entry = status(synced(DIAG, after(5), document), "recentDiagnoses")[0]
    assert (entry["reason"], entry.get("time")) == (reason, time)


def reported(document: Json, *causes: Cause) -> PodDiagnoserStatus:
    """The status for one Pod of a ReplicaSet, whose crashes have these causes instead."""
    diag = replacing()
    document = pod_after_sync(document, after(1), diag)
    snapshot = observed(diag, document)
    (each,) = snapshot.crashed
    instead = causes or [found.cause for found in each.diagnoses]
    pairs = zip(each.diagnoses, instead, strict=True)
    crashed = replace(
        each, diagnoses=[replace(found, rule=rule_of(cause)) for found, cause in pairs]
    )
    snapshot = replace(snapshot, crashed=[crashed])
    return build_status(snapshot, ExecutionReport(), after(5)).status


def test_only_what_was_restarted_is_remediated() -> None:
    """What has ended for good, or never started, is no new Pod's matter."""
    assert len(reported(owned()).remediations) == 1
    for each in (ENDED, FAILING):
        document = owned()
        document["status"]["containerStatuses"] = [each]
        reported_status = reported(document)
        assert len(reported_status.recentDiagnoses) == len(reported_status.workloads) == 1
        assert (reported_status.remediations, reported_status.withheld) == ((), ())


def test_a_restart_that_somebody_asked_for_is_no_crash() -> None:
    """It is reported, not remediated, and its workload does not count as crashing."""
    reported_status = reported(owned(), Cause.RESTARTED_FOR_RESIZE)
    assert [each.cause for each in reported_status.recentDiagnoses] == ["RestartedForResize"]
    assert (reported_status.remediations, reported_status.withheld, reported_status.workloads) == (
        (),
        (),
        (),
    )


def test_a_crash_beside_a_restart_that_was_asked_for_is_remediated() -> None:
    """Of two containers one was resized: the other one's crash counts."""
    document = owned()
    document["status"]["containerStatuses"] = [
        container("one", terminated(after(1), 143)),
        container("two", terminated(T0, 1)),
    ]
    reported_status = reported(document, Cause.RESTARTED_FOR_RESIZE, Cause.APPLICATION_ERROR)
    assert [each.container for each in reported_status.remediations] == ["two"]
    assert [each.cause for each in reported_status.workloads[0].causes] == ["ApplicationError"]
    assert len(reported_status.recentDiagnoses) == 2


def test_a_rise_of_crashing_pods_waits_for_its_turn_as_other_reports_do() -> None:
    """And no sync is asked for while Pods crash: their own changes bring it."""
    first = synced(synced(DIAG, T0), after(10), pod_after_sync(owned(1), after(1), DIAG))
    assert "resyncAfterSeconds" not in answer(
        first, after(20), pod_after_sync(owned(1), after(1), DIAG)
    )
    pods = [pod_after_sync(owned(number), after(1), DIAG) for number in (1, 2)]
    held = answer(first, after(11), *pods)
    assert held["status"] == first["status"]
    updated = synced(first, after(12), *pods)
    assert status(updated, "workloads")[0]["crashedPods"] == 2
