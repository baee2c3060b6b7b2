"""Large and deep input: bodies at the limits, Pods at those of the API server, odd JSON."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.server.settings import Settings
from tests.http.answers import MANAGED, read_answer, read_sync
from tests.http.derived import (
    SETTLED_DIAGNOSERS,
    SETTLED_PODS,
    TARGETS,
    many_crashed_pods,
    synced_pod,
)
from tests.http.inprocess import NOT_A_REQUEST, TOO_LARGE, Hook, Reply
from tests.http.recorded import (
    EVERYTHING,
    ONE_EACH,
    Json,
    Recorded,
    applied,
    go_json,
    merged,
    recorded,
)
from tests.simulation import specification as spec

MAX_ANNOTATIONS = 256 * 1024
"""Bytes of all keys and values; ``TotalAnnotationSizeLimitB`` in apimachinery."""

each_hook = pytest.mark.parametrize("request_", ONE_EACH, ids=lambda each: each.path)


RELATED = b',"related":{'


def conditions(answer: Json) -> dict[str, Json]:
    """Return the conditions of an answer for a PodDiagnoser, by their types."""
    return {condition["type"]: condition for condition in answer["status"]["conditions"]}


# Bodies at the limit


POD_DIAGNOSERS = [each for each in EVERYTHING if each.path == "/poddiagnosers/sync"]
diagnosers = pytest.mark.parametrize(
    "request_", [*POD_DIAGNOSERS, *SETTLED_DIAGNOSERS], ids=lambda each: each.name
)


@diagnosers
def test_a_body_of_the_limit_is_read_whole(request_: Recorded) -> None:
    """At the limit the answer is that of a process without one."""
    hook = Hook(Settings(max_pod_diagnoser_body=len(request_.body)))
    reply = hook.post(request_.path, request_.body)
    assert reply.outcome == Hook().post(request_.path, request_.body).outcome
    assert conditions(read_sync(reply.body))["Complete"]["status"] == "True"


@diagnosers
@pytest.mark.parametrize("excess", [1, 10, 100])
def test_a_larger_body_is_answered_from_its_start(request_: Recorded, excess: int) -> None:
    """No 413 each time, but the DiagnosisTarget, and a condition that says so."""
    whole = request_.body.index(b'"related":{') + 11
    hook = Hook(Settings(max_pod_diagnoser_body=max(whole, len(request_.body) - excess)))
    answer = read_sync(hook.post(request_.path, request_.body).body)
    complete = conditions(answer)["Complete"]
    assert complete["status"] == "False"
    assert complete["reason"] == "TooManyRecentCrashes"
    full = read_sync(Hook().post(request_.path, request_.body).body)
    assert answer["attachments"] == full["attachments"]


@pytest.mark.parametrize("request_", SETTLED_DIAGNOSERS, ids=lambda each: each.name)
def test_a_body_truncated_anywhere_causes_no_wrong_report(request_: Recorded) -> None:
    """From any start: 413 before the PodDiagnoser is there, after that what can be known.

    Half a Pod or half a DiagnosisTarget is never taken for a whole one: no diagnosis, no older and
    no count is in the answer that the whole request would not give.
    """
    request = request_.json
    request["object"]["status"] = None
    request["object"]["metadata"]["generation"] = 7
    body = go_json(request)
    full = read_sync(Hook().post(request_.path, body).body)
    known = {entry["id"]: entry for entry in full["status"]["recentDiagnoses"]}
    answered = 0
    for limit in (*range(1, len(body), 29), *range(len(body) - 30, len(body))):
        reply = Hook(Settings(max_pod_diagnoser_body=limit)).post(request_.path, body)
        if reply.status != 200:
            assert reply.outcome == TOO_LARGE
            assert not answered
            continue
        answered += 1
        answer = read_sync(reply.body)
        assert answer["attachments"] == full["attachments"]
        status = answer["status"]
        assert conditions(answer)["Complete"]["status"] == "False"
        assert conditions(answer)["Overlapping"] == conditions(full)["Overlapping"] or not any(
            status.get(key) for key in ("recentDiagnoses", "writerMemory")
        )
        assert all(known[entry["id"]] == entry for entry in status["recentDiagnoses"])
        counted = spec.counted_pods(status)
        assert set(counted) <= set(spec.counted_pods(full["status"]))
        assert status["diagnosedPods"] == len(counted)
    assert answered > 100


def test_a_longer_status_leaves_out_no_pod() -> None:
    """Else it would no longer contain that Pod, shrink, and be written again and again.

    So it is neither with a body that is cut off, nor with one that a longer status would have cut.
    """
    small, large = many_crashed_pods(40), many_crashed_pods(40)
    large["object"]["status"]["lastProcessedPod"] = "p" * 250
    bodies = [go_json(small), go_json(large)]
    (related,) = {body[body.index(RELATED) :] for body in bodies}
    shown = set()
    for most in (*range(len(RELATED) + 1, len(related), 1061), *range(-5, 5)):
        hook = Hook(Settings(max_related=most if most > 5 else len(related) + most))
        answers = [read_sync(hook.post("/poddiagnosers/sync", body).body) for body in bodies]
        counts = [
            (answer["status"]["diagnosedPods"], conditions(answer)["Complete"]["status"])
            for answer in answers
        ]
        assert counts[0] == counts[1]
        shown.add(counts[0])
    assert len(shown) > 3, "the cut lies in many places"
    assert {complete for _, complete in shown} == {"True", "False"}


def test_a_truncated_diagnosis_target_takes_no_pods() -> None:
    """A cut inside the targetLabels of an older target does not make it match every Pod."""
    request = recorded("poddiagnosers-sync.three-crashes").json
    older = next(iter(request["related"][TARGETS].values()))
    older["spec"] |= {"since": "2020-01-01T00:00:00Z", "targetLabels": {"app": "another"}}
    own = request["object"]
    own["spec"]["targetLabels"] = {"app": "fragile-app"}
    older["spec"]["diagnoser"] = {"name": "older", "uid": "older-uid"}
    older["metadata"]["ownerReferences"][0] |= {"name": "older", "uid": "older-uid"}
    body = go_json(request)
    full = read_sync(Hook().post("/poddiagnosers/sync", body).body)
    assert conditions(full)["Overlapping"]["status"] == "False"
    end = body.index(b'"Pod.v1"')
    for limit in range(body.index(b'"targetLabels":{"app":"another"'), end):
        reply = Hook(Settings(max_pod_diagnoser_body=limit)).post("/poddiagnosers/sync", body)
        if reply.status == 200:
            answer = read_sync(reply.body)
            assert conditions(answer)["Overlapping"]["status"] == "False", body[limit - 40 : limit]


def test_the_rest_of_a_truncated_body_is_read_off_the_connection() -> None:
    """An early answer would look like a broken connection to the client."""
    request_ = recorded("poddiagnosers-sync.three-crashes")

    class Counting:
        taken = 0

        def read(self, size: int, /) -> bytes:
            chunk = request_.body[self.taken : self.taken + min(size, 1000)]
            self.taken += len(chunk)
            return chunk

    stream = Counting()
    environment = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(request_.body))}
    hook = Hook(Settings(max_pod_diagnoser_body=10_000))
    assert hook.call("POST", request_.path, stream, environment).status == 200
    assert stream.taken == len(request_.body)


def test_a_limit_below_the_poddiagnoser_itself_is_413() -> None:
    """Nothing is left to answer from."""
    request_ = POD_DIAGNOSERS[0]
    for limit in (1, 10, request_.body.index(b',"related"')):
        hook = Hook(Settings(max_pod_diagnoser_body=limit))
        assert hook.post(request_.path, request_.body).outcome == TOO_LARGE


def test_what_is_no_request_is_refused_however_long() -> None:
    """The start of something else is refused, as something else or as too large."""
    hook = Hook(Settings(max_pod_diagnoser_body=100))
    for body in (b"x" * 1000, b"[" * 1000, b"\0" * 1000, b'{"object":1}' * 100, b"\xff" * 101):
        reply = hook.post("/poddiagnosers/sync", body)
        assert reply.outcome in (NOT_A_REQUEST, TOO_LARGE)


def test_a_storm_of_1000_pods_is_answered_and_debounced_for_2_seconds_at_most() -> None:
    """15 MB of recent crashes: all counted, and the debounce is bounded."""
    request = many_crashed_pods(1000, 15_000)
    body = go_json(request)
    assert len(body) > 15_000_000
    hook = Hook()
    reply = hook.post("/poddiagnosers/sync", body)
    answer = read_sync(reply.body)
    assert answer["attachments"]
    hook = Hook()
    request["object"]["status"] = None
    status = read_sync(hook.post("/poddiagnosers/sync", go_json(request)).body)["status"]
    assert status["diagnosedPods"] == 1000
    assert len(status["recentDiagnoses"]) == 10
    hook.debounced.clear()
    hook.post("/poddiagnosers/sync", unchanged(go_json(request)))
    (debounced,) = hook.debounced
    assert 0 < debounced <= Settings().max_debounce <= 2


def unchanged(body: bytes) -> bytes:
    """Return the request about a PodDiagnoser whose status was written; its response may wait."""
    request = json.loads(body)
    request["object"]["status"] = read_sync(Hook().post("/poddiagnosers/sync", body).body)["status"]
    return go_json(request)


def test_an_answer_that_is_debounced_reserves_no_memory() -> None:
    """While an answer waits its request's body is gone already."""
    request_ = recorded("poddiagnosers-sync.three-crashes")
    body = unchanged(request_.body)
    replies: list[Reply] = []

    class Meanwhile(list[float]):
        def append(self, _seconds: float, /) -> None:
            replies.append(hook.post(ONE_EACH[1].path, ONE_EACH[1].body))

    hook = Hook(Settings(max_bodies=len(body)), debounced=Meanwhile())
    assert hook.post(request_.path, body).status == 200
    assert [reply.status for reply in replies] == [200]


def test_only_answers_for_poddiagnosers_are_debounced() -> None:
    """Pods never wait, and neither do customize answers, refusals, or a status to be written."""
    for request_ in ONE_EACH:
        hook = Hook()
        hook.post(request_.path, request_.body)
        assert hook.debounced == []
        if request_.path == "/poddiagnosers/sync":
            hook.post(request_.path, unchanged(request_.body))
            assert len(hook.debounced) == 1
        hook.debounced.clear()
        hook.post(request_.path, b"{}")
        hook.post(request_.path, request_.body, "text/plain")
        assert hook.debounced == []


# Pods at the limits of the API server


def crashed_pod() -> Json:
    """Return a real crashed Pod, claimed, without any annotation."""
    pod: Json = recorded("pods-sync.crashed").json["object"]
    return pod


def sync_pod(pod: Json, hook: Hook | None = None) -> tuple[Reply, Json]:
    """Sync a Pod that a PodDiagnoser claims."""
    request = recorded("pods-sync.crashed").json | {"object": pod}
    reply = (hook or Hook()).post("/pods/sync", go_json(request))
    return reply, read_sync(reply.body) if reply.status == 200 else {}


@pytest.mark.parametrize("where", ["env", "managedFields", "message", "unknown", "labels"])
def test_a_pod_of_1_5_mib_is_diagnosed(where: str) -> None:
    """A Pod as large as etcd accepts is diagnosed as any other."""
    pod = crashed_pod()
    _, usual = sync_pod(pod)
    size = 1_500_000
    if where == "env":
        env = [{"name": f"VARIABLE_{i}", "value": "x" * 100} for i in range(size // 130)]
        pod["spec"]["containers"][0]["env"] = env
    elif where == "managedFields":
        pod["metadata"]["managedFields"] *= size // len(go_json(pod["metadata"]["managedFields"]))
    elif where == "message":
        last = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
        last["message"] = "\n" * (size // 2)
    elif where == "unknown":
        pod["status"]["someday"] = [{"a": [1, 2, {"b": None}]}] * (size // 22)
    else:
        pod["metadata"]["labels"] |= {f"label-{i}": "x" * 63 for i in range(size // 80)}
    assert len(go_json(pod)) > 1_300_000
    reply, answer = sync_pod(pod)
    assert reply.status == 200
    assert answer == usual


def total(annotations: dict[str, str]) -> int:
    """Return the size of annotations as the API server counts it."""
    return sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())


MANAGED_IN_ORDER = (
    *("restart-reason", "restart-time", "container", "cause"),
    *("diagnosis", "next-step", "evidence", "crashes"),
)


@pytest.mark.parametrize("char", ["x", "ß", "€", "😀"])
@pytest.mark.parametrize("free", [0, 1, 40, 64, 100, 500, 1000, 2000, 5000, 100_000])
def test_annotations_stay_within_256_kib(free: int, char: str) -> None:
    """With little space ours are left out, the least needed first; with enough all are there."""
    pod = crashed_pod()
    width = len(char.encode())
    size = MAX_ANNOTATIONS - free - len("theirs") - len("rest")
    filling = {"theirs": char * (size // width), "rest": "x" * (size % width)}
    pod["metadata"]["annotations"] = filling
    assert total(filling) == MAX_ANNOTATIONS - free
    reply, answer = sync_pod(pod)
    assert reply.status == 200
    after = merged(filling, answer.get("annotations", {}))
    assert total(after) <= MAX_ANNOTATIONS
    assert after.items() >= filling.items()
    managed = [key.removeprefix(MANAGED) for key in after if key.startswith(MANAGED)]
    assert sorted(managed, key=MANAGED_IN_ORDER.index) == list(MANAGED_IN_ORDER[: len(managed)])
    assert len(managed) == {0: 0, 1: 0, 40: 0, 5000: 8, 100_000: 8}.get(free, len(managed))
    # Without its history on the Pod a crash would look new at every sync, and so stay recent.
    assert bool(answer.get("labels")) == ("crashes" in managed)


SETTLED_ANNOTATIONS = {
    key: value
    for key, value in synced_pod(
        crashed_pod(), recorded("pods-sync.crashed").json["related"][TARGETS]
    )["metadata"]["annotations"].items()
    if key.startswith(MANAGED)
}


@given(
    existing=st.fixed_dictionaries(
        {},
        optional={
            MANAGED + name: st.sampled_from(["", "x", "y" * 300, "€" * 5000])
            | st.just(SETTLED_ANNOTATIONS[MANAGED + name])
            for name in MANAGED_IN_ORDER
        },
    ),
    free=st.integers(min_value=0, max_value=6000),
)
def test_existing_annotations_and_managed_ones_stay_within_256_kib(
    existing: dict[str, str], free: int
) -> None:
    """Also when a Pod's owner wrote into our annotations; and a second sync changes no more."""
    filling = "x" * max(0, MAX_ANNOTATIONS - free - total(existing) - len("theirs"))
    pod = crashed_pod()
    pod["metadata"]["annotations"] = {"theirs": filling, **existing}
    hook = Hook()
    _, answer = sync_pod(pod, hook)
    after = applied(pod, answer)
    assert total(after["metadata"]["annotations"]) <= MAX_ANNOTATIONS
    assert after["metadata"]["annotations"]["theirs"] == filling
    _, again = sync_pod(after, hook)
    assert applied(after, again)["metadata"]["annotations"] == after["metadata"]["annotations"]


@pytest.mark.parametrize("containers", [1, 10, 100, 1000])
def test_managed_annotations_are_bounded_however_many_containers_crash(containers: int) -> None:
    """Managed annotations stay below 5 KiB, also with names and reasons at their limits."""
    pod = crashed_pod()
    status = pod["status"]["containerStatuses"][0]
    pod["status"]["containerStatuses"] = []
    for index in range(containers):
        each = copy.deepcopy(status)
        each["name"] = f"{index:04}" + "c" * 59
        each["lastState"]["terminated"] |= {
            "reason": "R" * 1000,
            "exitCode": 255,
            "containerID": f"containerd://{index:064}",
        }
        pod["status"]["containerStatuses"].append(each)
    pod["spec"]["nodeName"] = "n" * 10_000
    _, answer = sync_pod(pod)
    managed = {key: value for key, value in answer["annotations"].items() if value is not None}
    assert total(managed) <= 5120
    assert len(json.loads(managed[MANAGED + "crashes"])["history"]) == min(containers, 10)


# Odd JSON


NESTING = (150, 200, 1000, 100_000)


@pytest.mark.parametrize("depth", NESTING)
@pytest.mark.parametrize(
    ("opening", "closing"),
    [("[", "]"), ('{"a":', "}"), ("[", ""), ('{"a":', "")],
    ids=["lists", "maps", "open lists", "open maps"],
)
@each_hook
def test_depth_bombs_are_400(
    hook: Hook, request_: Recorded, depth: int, opening: str, closing: str
) -> None:
    """Nesting without end is no request, wherever it is, and no failure of ours."""
    bomb = (opening * depth + "1" + closing * depth).encode()
    assert hook.post(request_.path, bomb).outcome == NOT_A_REQUEST
    for place in (b'"metadata":{', b'"spec":{', b'"status":{', b'"related":{', b'"controller":{'):
        body = request_.body.replace(place, place + b'"bomb":' + bomb + b",", 1)
        reply = hook.post(request_.path, body)
        if reply.status == 200:  # in what is passed over, which need not even be JSON
            read_answer(request_.path, reply.body)
        else:
            assert reply.outcome == NOT_A_REQUEST
        assert hook.post(request_.path, body) == reply


@pytest.mark.parametrize("depth", NESTING)
def test_depth_bombs_in_values_that_are_kept_are_no_failure(hook: Hook, depth: int) -> None:
    """Inside values that are kept as they are, and in our own annotation."""
    bomb = b'{"a":' * depth + b"1" + b"}" * depth
    body = recorded("pods-sync.crashed").body
    limits = body.replace(b'"limits":{', b'"limits":{"memory":' + bomb + b',"x":', 1)
    probe = body.replace(b'"containers":[{', b'"containers":[{"livenessProbe":' + bomb + b",", 1)
    assert probe != body
    for changed in (limits, probe):
        assert hook.post("/pods/sync", changed).status in (200, 400)
    settled = SETTLED_PODS[0].json
    settled["object"]["metadata"]["annotations"][MANAGED + "crashes"] = bomb.decode()
    assert hook.post("/pods/sync", go_json(settled)).status == 200


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999999999"])
@each_hook
def test_numbers_that_json_does_not_have_are_no_failure(
    hook: Hook, request_: Recorded, number: str
) -> None:
    """NaN and the like: 400, or ignored where nothing is read, and always the same."""
    for place in (b'"metadata":{', b'"spec":{', b'"status":{', b'"lastState":{', b'"limits":{'):
        for key in (b"restartCount", b"generation", b"memory", b"someday", b"diagnosedPods"):
            odd = place + b'"' + key + b'":' + number.encode() + b","
            body = request_.body.replace(place, odd, 1)
            reply = hook.post(request_.path, body)
            assert reply.status == 200 or reply.outcome == NOT_A_REQUEST
            assert hook.post(request_.path, body) == reply
    body = request_.body.replace(b'"restartCount":1', b'"restartCount":' + number.encode())
    reply = hook.post(request_.path, body)
    if body != request_.body:
        assert reply.outcome == NOT_A_REQUEST


HUGE = [2**31, 2**63, -(2**63) - 1, 10**300, 10**4299, 10**5000]


@pytest.mark.parametrize("number", HUGE, ids=lambda number: f"{float(min(number, 10**300)):.0e}")
def test_endless_numbers_are_no_failure(hook: Hook, number: int) -> None:
    """Integers that Kubernetes cannot hold: 400, or an answer within the limits."""
    digits = f"{number:d}" if number < 10**4300 else "1" + "0" * 5000
    for field in (b'"restartCount":', b'"exitCode":'):
        start = recorded("pods-sync.crashed").body.split(field)
        body = (field + digits.encode()).join(
            [start[0], *(part.lstrip(b"0123456789") for part in start[1:])]
        )
        reply = hook.post("/pods/sync", body)
        assert reply.status == 200 or reply.outcome == NOT_A_REQUEST
        if reply.status == 200:
            changes = read_sync(reply.body).get("annotations", {})
            assert total({key: value for key, value in changes.items() if value}) <= 5120
    request = SETTLED_DIAGNOSERS[0].json
    request["object"]["status"]["diagnosedPods"] = 0
    body = go_json(request).replace(b'"diagnosedPods":0', b'"diagnosedPods":' + digits.encode())
    reply = hook.post("/poddiagnosers/sync", body)
    assert reply.status == 200 or reply.outcome == NOT_A_REQUEST


@pytest.mark.parametrize("escape", [r"\ud800", r"\udc00", r"\udc00\ud800", r"\u0000", r"\ud83d"])
@each_hook
def test_lone_surrogates_and_nul_are_no_failure(
    hook: Hook, request_: Recorded, escape: str
) -> None:
    """Not representable in UTF-8: 400, or ignored where nothing is read."""
    for place in (
        b'"name":"',
        b'"reason":"',
        b'"app":"',
        b'"uid":"',
        b'"nodeName":"',
        b'"image":"',
    ):
        body = request_.body.replace(place, place + escape.encode())
        reply = hook.post(request_.path, body)
        assert reply.status == 200 or reply.outcome == NOT_A_REQUEST
        if reply.status == 200:
            read_answer(request_.path, reply.body)
        assert hook.post(request_.path, body) == reply


@each_hook
def test_bytes_that_are_no_utf_8_are_no_failure(hook: Hook, request_: Recorded) -> None:
    """The same with bytes that are no text at all."""
    for place in (
        b'"name":"',
        b'"reason":"',
        b'"app":"',
        b'"namespace":"',
        b'"image":"',
        b'"kind":"',
    ):
        for byte in (b"\x80", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            body = request_.body.replace(place, place + byte)
            reply = hook.post(request_.path, body)
            assert reply.status == 200 or reply.outcome == NOT_A_REQUEST
            if reply.status == 200:
                read_answer(request_.path, reply.body)


@each_hook
def test_of_duplicate_keys_the_last_counts(hook: Hook, request_: Recorded) -> None:
    """As most readers have it, and the same each time."""
    for place in (b'"metadata":{', b'"object":{', b'"parent":{', b'"name":"', b'"spec":{'):
        for value in (b"null", b"1", b'"x"', b"{}", b"[]"):
            key = place.split(b":")[0]
            twice = request_.body.replace(place, key + b":" + value + b"," + place, 1)
            assert (
                hook.post(request_.path, twice).body == hook.post(request_.path, request_.body).body
            )


@each_hook
def test_unknown_fields_and_enum_values_are_ignored(hook: Hook, request_: Recorded) -> None:
    """A newer Kubernetes or Metacontroller may add them."""
    usual = hook.post(request_.path, request_.body)

    def grow(value: Any) -> Any:
        if isinstance(value, dict):
            strings = bool(value) and all(isinstance(item, str) for item in value.values())
            grown = {key: grow(item) for key, item in value.items()}
            return grown if strings else grown | {"fromTheFuture": {"a": [None, 1, "x"]}}
        return [grow(item) for item in value] if isinstance(value, list) else value

    request = request_.json
    for part in ("controller", "object", "parent", "attachments"):
        if part in request:
            request[part] = grow(request[part])
    for group in request.get("related", {}).values():
        for name in group:
            group[name] = grow(group[name])
    request |= {"fromTheFuture": True}
    if "related" in request:
        request["related"]["Future.v9"] = {"x": {}}
    reply = hook.post(request_.path, json.dumps(request).encode())
    assert reply.status == 200
    assert reply == usual
