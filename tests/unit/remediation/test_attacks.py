"""What was found by attacking the remediation, each once: hostile statuses, unlucky moments."""

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cluster.errors import ApiFailure
from pod_diagnoser.poddiagnosers.event_publisher import NOT_SHOWN_SECONDS
from pod_diagnoser.pods.keys import CRASHES, LABEL
from tests.support.builders import (
    UID,
    Json,
    after,
    condition,
    container,
    entries,
    owned,
    owner,
    terminated,
)
from tests.support.fake_api import DENIED_BY_WEBHOOK, FakeApi, hanging, refused
from tests.unit.poddiagnosers.test_sync import Hook, logging, restarting

END_OF_TIME = "9999-12-31T23:59:59Z"


def store(hook: Hook, **status: Any) -> None:
    """Write the status of the PodDiagnoser by hand."""
    document = copy.deepcopy(hook.diag)
    document["status"] = {**document.get("status", {}), **status}
    hook.api.put(document)


def change(hook: Hook, **spec: Any) -> None:
    """Change the spec of the PodDiagnoser."""
    document = copy.deepcopy(hook.diag)
    document["spec"] |= spec
    document["metadata"]["generation"] += 1
    hook.api.put(document)


# A crash that is real is published, whatever the first read showed


def test_a_crash_is_published_when_the_action_has_just_been_set() -> None:
    """The PodDiagnoser read a moment before still has another action."""
    hook = restarting(owned(ownerReferences=[]))
    hook.sync()
    hook.sync()
    assert len(hook.api.events_of("RemediationWithheld")) == 1
    change(hook, remediationAction="LogEvent")
    hook.sync()
    assert len(hook.api.events_of("PodRestarted")) == 1


@pytest.mark.parametrize("what", ["label", "active"])
def test_a_crash_that_was_not_claimed_for_a_moment_is_published_afterwards(what: str) -> None:
    """The label goes and comes back, the PodDiagnoser is switched off and on: no crash is lost."""
    hook = logging()
    old = hook.api.snapshot()
    if what == "label":
        document = copy.deepcopy(hook.api.pods["app-0"])
        del document["metadata"]["labels"][LABEL]
        hook.api.put(document)
    else:
        change(hook, enableAnnotations=False)
    answer = hook.answer(*old)
    assert hook.api.events == {}
    assert 0 < answer["resyncAfterSeconds"] <= NOT_SHOWN_SECONDS
    if what == "label":
        hook.api.put(old[1][0])
    else:
        change(hook, enableAnnotations=True)
    answer = hook.sync()
    hook.api.pass_time(answer.get("resyncAfterSeconds", 0))
    hook.sync()
    assert len(hook.api.events_of("PodRestarted")) == 1


def test_what_is_not_so_is_not_looked_at_by_every_sync() -> None:
    """A forged Pod costs a read now and then."""
    hook = logging(0)
    diag, _ = hook.api.snapshot()
    forged = owned(1, hook.api.now)
    for _ in range(100):
        hook.answer(diag, [forged])
        hook.api.pass_time(1)
    assert hook.calls().count("get pod") <= 100 / NOT_SHOWN_SECONDS + 1
    assert hook.api.events == {}


# No Event counts as published that was not


@pytest.mark.parametrize("fault", [{"status": 404}, {"status": 404, "kind": "events"}], ids=str)
def test_a_404_that_is_not_about_the_namespace_is_no_end(fault: Json) -> None:
    """Of something in between, or of an API that is not served yet: it is tried again."""
    hook = logging()
    hook.api.faults["event"] = [refused(**fault)]
    answer = hook.sync()
    assert hook.failures == ["ApiServerUnavailable"]
    hook.api.pass_time(answer["resyncAfterSeconds"])
    hook.sync()
    assert len(hook.api.events) == 1


def test_an_event_that_is_refused_does_not_slow_down_the_others() -> None:
    """A storm in which one Event is refused: the rest is published a second later, as always."""
    hook = logging(100)
    hook.api.latency = 0.04
    hook.api.faults["event"] = [refused(422)]
    answer = hook.sync()
    assert len(hook.api.events) < 99
    assert condition(hook.diag)["reason"] == "EventRefused"
    assert answer["resyncAfterSeconds"] == 1


# Every sync is answered in time


def many_containers(number: int, ended: Any) -> Json:
    """A Pod of which all containers crashed."""
    document = owned(0, ended)
    document["status"] = {
        "containerStatuses": [
            container(f"c{each}", terminated(ended, containerID=f"x{each}"))
            for each in range(number)
        ]
    }
    return document


@pytest.mark.parametrize("latency", [0.5, 0.9, 1.4, 2.9, 3.9])
def test_a_pod_of_many_containers_never_makes_an_answer_late(latency: float) -> None:
    """Its crashes are published over several syncs, as far as the API server accepts them."""
    hook = logging(0)
    hook.api.put(many_containers(12, hook.api.now - timedelta(seconds=5)))
    hook.api.latency = latency
    for _ in range(40):
        hook.sync()  # which looks at the time
        hook.api.pass_time(1)
    assert len(hook.api.events) == 12 or latency > 2


def test_an_api_server_that_turns_slow_is_asked_nothing_more() -> None:
    """After the first Pod of several: between the two reads for the next one."""
    hook = logging(3)
    hook.api.latency = 0.6

    def slower(api: FakeApi, effect: Callable[[], Any]) -> Any:
        api.latency = 3.9
        return effect()

    hook.api.faults["event"] = [slower]
    answer = hook.sync()  # which looks at the time
    assert len(hook.api.events) == 1
    assert answer["resyncAfterSeconds"] == 1
    assert condition(hook.diag)["reason"] == "LoggingEvents"


@pytest.mark.parametrize("latency", [1.4, 2.0, 2.9, 3.9])
def test_explaining_never_makes_an_answer_late(latency: float) -> None:
    """It is worth no call that begins late."""
    hook = restarting(*(owned(n, ownerReferences=[]) for n in range(3)))
    hook.api.latency = latency
    for _ in range(10):
        hook.sync()
        hook.api.pass_time(1)


def test_what_an_api_server_is_too_slow_for_is_logged() -> None:
    """Two reads take all the time that there is to publish a crash."""
    hook = logging()
    hook.api.latency = 2.5
    for _ in range(3):
        hook.sync()
        hook.api.pass_time(1)
    assert hook.api.events == {}
    assert hook.failures == ["ApiServerUnavailable"] * 3


# Statuses that were written by hand


@pytest.mark.parametrize("where", ["Done", "Deferred", "Failed", "Expired", "owner"])
def test_the_end_of_time_in_the_status_is_no_end_of_syncs(where: str) -> None:
    """A valid date-time to which nothing can be added: counted, clamped, and never an error."""
    hook = restarting(owned())
    hook.sync()
    (plan,) = entries(hook.diag)
    if where == "owner":
        (known,) = hook.diag["status"]["owners"]
        store(hook, owners=[{**known, "attempts": 1, "lastTime": END_OF_TIME}])
    else:
        old = {"id": "0" * 16, "podUID": "x", "owner": "y", "phase": where}
        store(hook, remediations=[plan, {**plan, **old, "settledAt": END_OF_TIME}])
    for _ in range(3):
        hook.sync()
        hook.api.pass_time(20)
    times = [entry["settledAt"] for entry in entries(hook.diag) if "settledAt" in entry]
    assert END_OF_TIME not in times
    assert len(hook.api.deleted) == (where != "owner")


@pytest.mark.parametrize("name", ["", "A B", "../secrets", "ä", "-"])
def test_a_plan_for_what_can_be_no_pod_comes_to_an_end(name: str) -> None:
    """It neither uses up the budget endlessly, nor counts as a failure of the API server."""
    hook = restarting(owned())
    hook.sync()
    (plan,) = entries(hook.diag)
    store(hook, remediations=[{**plan, "id": "0" * 16, "pod": name, "podUID": "x"}])
    hook.sync()
    assert [each["pod"] for each in entries(hook.diag, "Planned")] == ["app-1"]
    assert condition(hook.diag)["reason"] == "ReplacingPods"
    assert hook.api.deleted == []


def test_of_two_plans_for_one_crash_one_is_executed() -> None:
    """And the outcome of one does not overwrite that of the other."""
    hook = restarting(owned(1), owned(2, by="rs-2"))
    hook.sync()
    other, plan = entries(hook.diag, "Planned")
    assert plan["pod"] == "app-1"
    store(hook, remediations=[{**other, "id": plan["id"]}, plan])
    hook.sync()
    assert [uid for uid, _, _ in hook.api.deleted] == [plan["podUID"]]
    done = [entry["podUID"] for entry in entries(hook.diag, "Done")]
    assert done == [plan["podUID"]]
    ours = [each for each in hook.diag["status"]["owners"] if each["uid"] == "rs-1"]
    assert [each["attempts"] for each in ours] == [1]


def test_counters_never_grow_beyond_what_can_be_stored() -> None:
    """int64: else no further status could be written."""
    hook = restarting(owned())
    hook.sync()
    (known,) = hook.diag["status"]["owners"]
    store(hook, owners=[{**known, "template": "t0", "attempts": 2**63 - 1}])
    hook.sync()
    hook.sync()
    assert all(each["attempts"] < 2**63 for each in hook.diag["status"]["owners"])


def test_the_count_of_pods_never_grows_beyond_what_can_be_stored() -> None:
    """int64 as well."""
    first = format_time(after(5))
    record = {CRASHES: json.dumps({"diagnoser": UID.format(900), "since": first})}
    hook = restarting(owned(annotations=record))
    store(hook, diagnosedPods=2**63 - 1)
    hook.sync()
    assert len(hook.diag["status"]["writerMemory"]) == 8
    assert hook.diag["status"]["diagnosedPods"] == 2**63 - 1


# Limits


def test_a_pod_that_got_another_owner_meanwhile_is_checked_again() -> None:
    """The plan was made against the limits of the former one, and would be counted for it."""
    hook = restarting(owned())
    hook.sync()
    document = copy.deepcopy(hook.api.pods["app-1"])
    document["metadata"]["ownerReferences"] = [owner("rs-2")]
    hook.api.put(document)
    hook.sync()
    assert hook.api.deleted == []
    assert entries(hook.diag)[0]["reason"] == "OwnerChanged"
    hook.api.pass_time(15)
    for _ in range(3):
        hook.sync()
    assert len(hook.api.deleted) == 1
    charged = {each["uid"]: each["attempts"] for each in hook.diag["status"]["owners"]}
    assert charged["rs-2"] == 1


def test_an_owner_is_not_forgotten_by_a_wrong_clock() -> None:
    """Of a process that has just started, when no remediation is recorded any longer."""
    hook = restarting()
    hook.api.pass_time(4000)
    given_up = {"uid": "rs-1", "kind": "ReplicaSet", "name": "app", "template": "t1"}
    last = format_time(hook.api.now - timedelta(seconds=4000))
    store(hook, owners=[{**given_up, "attempts": 5, "lastTime": last}])
    hook.wrong_by = timedelta(hours=2)
    hook.start()
    hook.sync()
    assert [each["attempts"] for each in hook.diag["status"]["owners"]] == [5]


# No wait without an end


def test_a_deletion_that_never_ends_does_not_keep_the_others() -> None:
    """An admission webhook that hangs for one Pod, the first in line."""
    hook = restarting(*(owned(n, after(n), by=f"rs-{n}") for n in range(1, 4)))
    real = hook.api.delete_pod

    def delete(namespace: str, name: str, uid: str, version: str) -> Any:
        if name == "app-1":
            hook.api.faults["delete"] = [hanging]
        return real(namespace, name, uid, version)

    hook.api.delete_pod = delete  # type: ignore[method-assign]
    for _ in range(100):
        answer = hook.sync()
        hook.api.pass_time(answer.get("resyncAfterSeconds", 1))
        if len(hook.api.deleted) == 2:
            break
    assert len(hook.api.deleted) == 2
    assert hook.api.now < after(60)


# Two replicas, of which one is asked not to call


def test_a_passing_failure_of_one_replica_writes_nothing() -> None:
    """The other one published the crash meanwhile: each write would bring the next."""
    one = logging()
    other = Hook(one.api)
    one.api.faults["event"] = [refused(429, retry_after=300.0)]
    one.sync()
    assert one.failures == ["ApiServerBusy"]
    for _ in range(10):
        one.api.pass_time(0.5)
        other.sync()
        one.sync()
    writes = one.api.version
    for _ in range(10):
        one.api.pass_time(0.5)
        other.sync()
        one.sync()
    assert one.api.version == writes
    assert len(one.api.events) == 1
    assert condition(one.diag)["reason"] == "LoggingEvents"


def test_an_event_that_one_replica_was_refused_and_the_other_published() -> None:
    """What refused it is repaired; the condition is not written in turns either."""
    one = logging()
    other = Hook(one.api)
    one.api.faults["event"] = [refused(422)]
    one.sync()
    assert condition(one.diag)["reason"] == "EventRefused"
    one.sync()
    assert condition(one.diag)["reason"] == "EventRefused"
    other.sync()
    assert len(one.api.events) == 1
    writes = one.api.version
    for _ in range(5):
        one.api.pass_time(3)
        one.sync()
        other.sync()
    assert condition(one.diag)["reason"] == "LoggingEvents"
    assert one.api.version == writes


def test_a_short_failure_does_not_end_a_longer_one() -> None:
    """A call that was under way when the API server asked for a pause, and got no answer."""
    hook = logging()
    hook.sync()
    hook.calls()
    access = hook.reconciler._access
    access.record_failure(ApiFailure("ApiServerBusy", "x", 60.0, server_wide=True))
    access.record_failure(ApiFailure("ApiServerUnavailable", "x", 5.0, server_wide=True))
    hook.api.pass_time(30)
    hook.api.put(owned(7, hook.api.now))
    hook.sync()
    assert hook.calls() == []
    hook.api.pass_time(31)
    hook.sync()
    assert "event" in hook.calls()


# Syncs at once in one process


@pytest.mark.parametrize("effect_first", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("verb", ["get diagnoser", "get pod", "delete", "event"])
@pytest.mark.parametrize("action", ["RestartPod", "LogEvent"])
def test_the_same_sync_during_each_call_of_another_does_no_more(
    action: str, verb: str, *, effect_first: bool
) -> None:
    """They share the process's caches: one deletion, each Event once, in the end all done."""
    hook = restarting(*(owned(n, by=f"rs-{n}") for n in range(3)))
    if action == "RestartPod":
        hook.sync()
    else:
        change(hook, remediationAction=action)
    request = hook.api.snapshot()

    def meanwhile(_: FakeApi, effect: Callable[[], Any]) -> Any:
        result = effect() if effect_first else None
        hook.answer(*request)
        return result if effect_first else effect()

    hook.api.faults[verb] = [meanwhile]
    for _ in range(3):
        hook.sync()
    assert len(hook.api.deleted) == len({uid for uid, _, _ in hook.api.deleted})
    if action == "LogEvent":
        assert len(hook.api.events_of("PodRestarted")) == len(hook.api.events) == 3
    else:
        assert len(hook.api.deleted) == len(entries(hook.diag, "Done")) == 3
        assert len(hook.api.events_of("PodDeleted")) == len(hook.api.events) == 6
    hook.calls()
    hook.sync()
    assert hook.calls() == []


# What was acted on is read again


def test_a_request_that_is_sent_twice_is_not_acted_on_by_what_was_read_for_the_first() -> None:
    """However soon: the first one's answer has been stored since."""
    hook = restarting(owned())
    hook.sync()
    old = hook.api.snapshot()
    hook.sync()
    hook.calls()
    hook.answer(*old)
    assert hook.calls() == ["get diagnoser"]


# The condition says nothing false


def test_who_had_plans_to_execute_first_is_not_called_slow() -> None:
    """They took the time of this sync; the next one publishes the crashes."""
    hook = restarting(*(owned(n, by=f"rs-{n}") for n in range(5)))
    hook.sync()
    change(hook, remediationAction="LogEvent")
    hook.api.latency = 0.45
    answer = hook.sync()
    assert len(entries(hook.diag, "Expired")) == 5
    assert condition(hook.diag)["reason"] == "LoggingEvents"
    assert answer["resyncAfterSeconds"] == 1


def test_who_logs_events_is_not_reported_to_lack_the_right_to_delete() -> None:
    """It was refused a moment ago, and is not requested again."""
    hook = restarting(owned())
    hook.sync()
    hook.api.faults["delete"] = [refused(403)]
    hook.sync()
    assert condition(hook.diag)["reason"] == "Forbidden"
    change(hook, remediationAction="LogEvent")
    hook.sync()
    assert condition(hook.diag)["reason"] == "LoggingEvents"


def test_a_policy_that_protects_one_pod_is_no_missing_permission() -> None:
    """An admission webhook's refusal is a 403 too, but about nothing but this Pod."""
    hook = restarting(*(owned(n, after(n), by=f"rs-{n}") for n in range(2)))
    hook.sync()
    hook.api.faults["delete"] = [refused(403, message=DENIED_BY_WEBHOOK)]
    hook.sync()
    assert {entry["pod"]: entry["reason"] for entry in entries(hook.diag)} == {
        "app-0": "Refused",
        "app-1": "Deleted",
    }
    assert condition(hook.diag)["reason"] == "ReplacingPods"
