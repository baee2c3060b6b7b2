"""Hostile input in well-formed requests: what must not be answered, logged or shown."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.pods.recall import RECALLED
from pod_diagnoser.remediation.model import Phase, Reason
from pod_diagnoser.server import logs
from tests.http.answers import MANAGED, read_answer, read_sync, unsafe
from tests.http.derived import SETTLED, SETTLED_DIAGNOSERS, SETTLED_PODS, TARGETS
from tests.http.inprocess import JSON_TYPE, NOT_A_REQUEST, Hook
from tests.http.mutations import OTHERS, SEEDS, places
from tests.http.recorded import (
    CLUSTER_PATHS,
    ONE_EACH,
    PATHS,
    Json,
    Recorded,
    applied,
    go_json,
    merged,
    recorded,
)

CANARY: Final = "CANARY"

each_seed = pytest.mark.parametrize("request_", SEEDS, ids=lambda each: each.name)


# What is refused


@pytest.mark.parametrize(
    "request_", [*ONE_EACH, SETTLED_PODS[0], SETTLED_DIAGNOSERS[0]], ids=lambda each: each.name
)
def test_a_value_of_another_type_anywhere_is_no_failure(request_: Recorded) -> None:
    """Null, another type or nothing at any place: an answer or 400, always the same."""
    hook = Hook()
    request = request_.json

    def check() -> None:
        body = json.dumps(request, separators=(",", ":")).encode()
        reply = hook.post(request_.path, body)
        if reply.status == 200:
            read_answer(request_.path, reply.body)
        else:
            assert reply.outcome == NOT_A_REQUEST
        assert hook.post(request_.path, body) == reply

    for holder, key in list(places(request)):
        original = holder[key]
        for other in OTHERS:
            holder[key] = other
            check()
        if isinstance(holder, dict):
            order = list(holder)
            del holder[key]
            check()
            holder[key] = original
            for name in order:
                holder[name] = holder.pop(name)
        holder[key] = original
    assert go_json(request) == request_.body


@pytest.mark.parametrize("request_", [*ONE_EACH, *SETTLED[::2]], ids=lambda each: each.name)
def test_no_refusal_repeats_anything(request_: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong in a request, its refusal holds and logs none of it."""
    monkeypatch.setattr(logs, "MAX_LINES", 10_000)
    hook = Hook()
    request = request_.json
    refused = 0
    for holder, key in list(places(request)):
        original = holder[key]
        for wrong in (f"{CANARY} \a\u202e", {CANARY: CANARY}, [CANARY], {CANARY: [None, CANARY]}):
            holder[key] = wrong
            reply = hook.post(request_.path, go_json(request))
            log = hook.take_log()
            if reply.status != 200:
                refused += 1
                assert reply.outcome == NOT_A_REQUEST
                assert CANARY.encode() not in reply.sent
                assert len(log) == 1
                assert CANARY not in log[0]
        holder[key] = original
    assert refused > 10


@pytest.mark.parametrize(
    "path", [*PATHS, "/healthz", "/metrics", "/", f"/{CANARY}", f"//{CANARY}/"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", CANARY])
def test_nothing_of_a_request_line_or_header_is_repeated(path: str, method: str) -> None:
    """Paths, queries, methods and headers are in no answer, log or metric."""
    canaries = {
        "QUERY_STRING": CANARY,
        "HTTP_HOST": f"{CANARY}.example",
        "SERVER_NAME": CANARY,
        "SCRIPT_NAME": "",
        "HTTP_AUTHORIZATION": f"Bearer {CANARY}",
        "HTTP_COOKIE": f"session={CANARY}",
        "HTTP_ACCEPT": CANARY,
        "HTTP_ORIGIN": f"https://{CANARY}.example",
        "HTTP_X_FORWARDED_FOR": CANARY,
        "HTTP_X_REQUEST_ID": CANARY,
        "HTTP_USER_AGENT": CANARY,
        "REMOTE_ADDR": CANARY,
    }
    hook = Hook()
    replies = [
        hook.call(method, path, environment=canaries | {"CONTENT_TYPE": given, **length})
        for given in (CANARY, f"text/{CANARY}", f"{JSON_TYPE}; charset={CANARY}", JSON_TYPE)
        for length in ({}, {"CONTENT_LENGTH": CANARY}, {"CONTENT_LENGTH": "0"})
    ]
    for reply in replies:
        assert reply.status < 500
        assert CANARY.lower().encode() not in reply.sent.lower()
    assert CANARY.lower() not in str(hook.take_log()).lower()
    metrics = hook.call("GET", "/metrics").sent
    assert CANARY.encode() not in metrics


# What is answered


SHOWN: Final = {
    # Names of objects, and what distinguishes Pods, PodDiagnosers and DiagnosisTargets.
    *("name", "namespace", "uid", "apiVersion", "kind", "creationTimestamp", "deletionTimestamp"),
    # What a diagnosis is made of.
    *("reason", "containerID", "startedAt", "finishedAt", "nodeName", "memory", "restartPolicy"),
    *("image", "phase"),
    # What a DiagnosisTarget says.
    *("since", "targetLabels", "app", "diagnoser"),
    # What the hook itself had answered before.
    *("diagnosis", "cause", "pod", "podUID", "container", "id", "time", "seen", "writerMemory"),
    *("lastProcessedPod", "lastUpdateTime", "recentDiagnoses", "lastTransitionTime", "status"),
    *("remediationAction", "type"),
}
"""Keys whose values a diagnosis shows, or that decide about it."""


def plant(value: Any, key: str = "") -> Any:
    """Put a canary into every string that is not `SHOWN`, and beside every label and annotation."""
    if isinstance(value, dict):
        planted = {
            name: plant(item, name)
            for name, item in value.items()
            if name not in ("managedFields", "related")
        }
        if key in ("labels", "annotations"):
            planted |= {CANARY: CANARY, f"{CANARY}.example/{CANARY}": CANARY}
        return planted | {name: plant(value[name], name) for name in value.keys() - planted.keys()}
    if isinstance(value, list):
        return [plant(item, key) for item in value]
    if isinstance(value, str) and key not in SHOWN and not key.startswith(MANAGED):
        return f"{CANARY} {value}"
    return value


SECRETS: Final[Json] = {
    "env": [{"name": "TOKEN", "value": CANARY}],
    "args": [CANARY],
    "command": [CANARY],
    "lifecycle": {"preStop": {"exec": {"command": [CANARY]}}},
    "livenessProbe": {"exec": {"command": [CANARY]}},
}


@each_seed
def test_nothing_else_of_a_pod_is_shown_or_logged(request_: Recorded) -> None:
    """Termination messages, environment, and others' labels and annotations."""
    usual = Hook().post(request_.path, request_.body)
    request = plant(request_.json)
    if "status" in request_.json.get("object", {}) and "poddiagnosers" in request_.path:
        # The PodDiagnoser's own status was written by us, and is answered again where it is held.
        request["object"]["status"] = request_.json["object"]["status"]
    for pod in [request.get("object", {}), *request.get("related", {}).get("Pod.v1", {}).values()]:
        for container in pod.get("spec", {}).get("containers", []):
            # A probe changes the words of a diagnosis, so it is there only where one was.
            probe = "livenessProbe" in container
            container |= {
                key: value for key, value in SECRETS.items() if probe or key != "livenessProbe"
            }
        for status in pod.get("status", {}).get("containerStatuses", []):
            for state in ("state", "lastState"):
                for condition in status.get(state, {}).values():
                    condition["message"] = CANARY
    body = go_json(request)
    assert body.count(CANARY.encode()) > 10
    hook = Hook()
    reply = hook.post(request_.path, body)
    assert reply.status == 200
    assert CANARY.encode() not in reply.sent
    assert CANARY not in str(hook.take_log())
    assert CANARY.encode() not in hook.call("GET", "/metrics").sent
    assert read_answer(request_.path, reply.body) == read_answer(request_.path, usual.body)


@pytest.mark.parametrize("request_", SEEDS, ids=lambda each: each.name)
def test_annotations_and_labels_of_others_are_never_touched(request_: Recorded) -> None:
    """An answer for a Pod names our own keys alone; all others stay as they are."""
    if request_.path != "/pods/sync":
        answer = read_answer(request_.path, Hook().post(request_.path, request_.body).body)
        assert answer.get("annotations", {}).keys() <= {RECALLED}
        assert "labels" not in answer
        return
    request = request_.json
    theirs = {
        "app.example/owner": "somebody",
        "diagnostics.local.io": "no prefix",
        "diagnostics.local.io.example/restart-reason": "theirs",
        "xdiagnostics.local.io/restart-reason": "theirs",
        MANAGED + "unknown": "of somebody else, or of a later version of ours",
        "kubectl.kubernetes.io/last-applied-configuration": '{"a": "b\\n"}',
    }
    metadata = request["object"]["metadata"]
    for kind in ("annotations", "labels"):
        metadata[kind] = theirs | metadata.get(kind, {})
    answer = read_sync(Hook().post(request_.path, go_json(request)).body)
    for kind in ("annotations", "labels"):
        after = merged(metadata[kind], answer.get(kind, {}))
        assert after.items() >= theirs.items()
        assert not theirs.keys() & answer.get(kind, {}).keys()


TRICKS: Final = {
    "CR LF": "a\r\nlevel=error b",
    "ESC": "a\x1b[2J\x1b]0;title\x07b",
    "C1": "a\x85\x9b31mb",
    "NUL": "a\0b",
    "bidi": "a\u202e\u2066\u2069\u200fb",
    "zero width": "a\u200b\u200d\ufeffb",
    "line separators": "a\u2028\u2029b",
    "tags": "a\U000e0041\U000e007fb",
    "private use": "a\ue000\U0010ffffb",
    "noncharacter": "a\uffff\ufdd0b",
    "markup": "<script>alert(1)</script>&amp;\"'`$(reboot)",
    "format": "%s%n{0}{x.__class__}${HOME}",
    "JSON": '","level":"error","x":"\\u0000\\',
    "long": "x" * 100_000,
    "long and wide": "\N{GRINNING FACE}" * 50_000,
    "many marks": "a" + "\u0301" * 1000,
    "emoji": "\N{GRINNING FACE}é漢",
}


def strings(value: Any) -> Iterator[str]:
    """Return all strings in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value:
            yield from strings(item)
        for item in value.values() if isinstance(value, dict) else ():
            yield from strings(item)


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
@pytest.mark.parametrize(
    "place", ["container", "reason", "node", "memory", "uid", "pod", "namespace", "containerID"]
)
def test_names_and_reasons_are_sanitized(place: str, trick: str) -> None:
    """Control and bidi characters are removed, lengths bounded; a log entry is one line."""
    request = recorded("pods-sync.crashed").json
    pod = request["object"]
    status = pod["status"]["containerStatuses"][0]
    if place == "container":
        status["name"] = pod["spec"]["containers"][0]["name"] = trick
    elif place in ("reason", "containerID"):
        status["lastState"]["terminated"][place] = trick
    elif place == "node":
        pod["spec"]["nodeName"] = trick
    elif place == "memory":
        pod["spec"]["containers"][0]["resources"] = {"limits": {"memory": trick}}
        status["lastState"]["terminated"] |= {"reason": "OOMKilled", "exitCode": 137}
    else:
        pod["metadata"]["name" if place == "pod" else place] = trick
    hook = Hook()
    reply = hook.post("/pods/sync", go_json(request))
    (line,) = hook.take_log()
    assert line.isascii()
    assert line.isprintable()
    assert not any(unsafe(text) for text in strings(json.loads(line)))
    assert len(line) < 2000
    if reply.status != 200:
        # Names that the API server would never have let in.
        assert place in ("uid", "pod", "namespace")
        assert reply.outcome == NOT_A_REQUEST
        return
    answer = read_sync(reply.body)
    for key, value in answer["annotations"].items():
        assert not unsafe(value)
        assert len(value.encode()) <= (2560 if key.endswith("/crashes") else 640)


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_texts_in_statuses_are_sanitized(trick: str) -> None:
    """What a PodDiagnoser's status says of its Pods, and of overlapping PodDiagnosers."""
    request = next(each for each in SETTLED if "three-crashes" in each.name).json
    request["object"]["status"] = None
    for pod in request["related"]["Pod.v1"].values():
        status = pod["status"]["containerStatuses"][0]
        status["name"] = trick
        status["lastState"]["terminated"] |= {"reason": trick, "containerID": trick}
        pod["spec"]["nodeName"] = trick
    older = next(iter(request["related"][TARGETS].values()))
    older["spec"] |= {"since": "2000-01-01T00:00:00Z", "targetLabels": {}}
    older["spec"]["diagnoser"] = {"name": trick, "uid": "older"}
    older["metadata"]["ownerReferences"][0] |= {"name": trick, "uid": "older"}
    hook = Hook()
    reply = hook.post("/poddiagnosers/sync", go_json(request))
    status = read_sync(reply.body)["status"]
    assert not any(unsafe(text) for text in strings(status))
    assert all(len(text) <= 2000 for text in strings(status))


@pytest.mark.parametrize(
    "made_up",
    [
        {"name": "a b"},
        {"name": "-dash"},
        {"name": "x" * 64},
        {"name": "line\nbreak"},
        {"name": ""},
        {"uid": "u" * 129},
        {"uid": "line\nbreak"},
        {"uid": ""},
        {"name": None},
        {"uid": None},
    ],
    ids=str,
)
def test_an_invalid_diagnosis_target_claims_no_pod(
    made_up: Json,
) -> None:
    """One with a label that could not be set on a Pod."""
    request = recorded("pods-sync.crashed").json
    usual = Hook().post("/pods/sync", go_json(request))
    (genuine,) = request["related"][TARGETS].values()
    false: Json = json.loads(json.dumps(genuine))
    diagnoser = {"name": "false", "uid": "false"} | made_up
    false["metadata"] |= {"name": "false", "uid": "false"}
    false["metadata"]["ownerReferences"][0] |= diagnoser
    false["spec"] = {"diagnoser": diagnoser, "since": "2000-01-01T00:00:00Z", "targetLabels": {}}
    request["related"][TARGETS] = {"shop/false": false, **request["related"][TARGETS]}
    assert Hook().post("/pods/sync", go_json(request)) == usual


HOSTILE_RECORDS: Final = {
    "not JSON": "x",
    "empty": "",
    "null": "null",
    "list": "[]",
    "number": "1e400",
    "other types": '{"diagnoser":1,"since":{},"history":"x"}',
    "null history": '{"history":null}',
    "null crash": '{"history":[null]}',
    "bomb": "[" * 16_000,
    "long": '{"diagnoser":"' + "x" * 200_000 + '"}',
    "many": json.dumps({"history": [{"id": f"{i:016x}"} for i in range(300)]}),
    "far future": '{"diagnoser":"UID","since":"9999-12-31T23:59:59Z","history":[]}',
    "far past": '{"diagnoser":"UID","since":"0001-01-01T00:00:00Z","history":[]}',
    "odd offset": '{"diagnoser":"UID","since":"9999-12-31T23:59:59-23:59","history":[]}',
    "control characters": '{"diagnoser":"\\u001b[2J","history":[{"id":"x","container":"\\r\\n"}]}',
    "crash of the future": json.dumps(
        {
            "diagnoser": "UID",
            "since": "2026-11-23T01:39:00Z",
            "history": [
                {
                    "id": "0" * 16,
                    "container": "\x1b[2J\u202e",
                    "cause": "Completed",
                    "finishedAt": "9999-12-31T23:59:59Z",
                    "endedBy": "9999-12-31T23:59:59Z",
                    "seen": "2026-11-23T01:39:00Z",
                }
            ],
        }
    ),
    "wide": json.dumps(
        {
            "diagnoser": "UID",
            "since": "2026-11-23T01:39:00Z",
            "history": [
                {
                    "id": f"{i:016x}",
                    "container": "\N{GRINNING FACE}" * 63,
                    "cause": "C" * 63,
                    "seen": "2026-11-23T01:39:00Z",
                }
                for i in range(20)
            ],
        }
    ),
}


@pytest.mark.parametrize("record", HOSTILE_RECORDS.values(), ids=HOSTILE_RECORDS)
def test_our_annotation_may_hold_anything(record: str) -> None:
    """Whatever a Pod's owner writes: no failure, the limits hold, a second sync changes nothing."""
    request = SETTLED_PODS[0].json
    pod = request["object"]
    uid = next(iter(request["related"][TARGETS].values()))["spec"]["diagnoser"]["uid"]
    pod["metadata"]["annotations"][MANAGED + "crashes"] = record.replace("UID", uid)
    hook = Hook()
    answer = read_sync(hook.post("/pods/sync", go_json(request)).body)
    shown = {key: value for key, value in answer["annotations"].items() if value}
    assert sum(len(key.encode()) + len(value.encode()) for key, value in shown.items()) <= 5120
    assert answer.get("resyncAfterSeconds", 0) <= 3601
    request["object"] = after = applied(pod, answer)
    again = read_sync(hook.post("/pods/sync", go_json(request)).body)
    assert applied(after, again) == after
    sync = next(each for each in SETTLED if each.name.endswith("one-crash")).json
    for other in sync["related"]["Pod.v1"].values():
        other["metadata"]["annotations"][MANAGED + "crashes"] = record.replace("UID", uid)
    status = read_sync(hook.post("/poddiagnosers/sync", go_json(sync)).body)["status"]
    assert len(go_json(status)) < 10_000


def test_metrics_have_labels_of_enums_alone() -> None:
    """However many different requests come, the number of series stays the same."""
    hook = Hook()
    for request_ in SEEDS:
        for holder, key in list(places(request := request_.json))[::7]:
            original = holder[key]
            holder[key] = f"{CANARY}-{key}"
            hook.post(request_.path, go_json(request))
            holder[key] = original
        hook.post(request_.path, b"x")
        hook.post(request_.path, b"x", "text/plain")
        hook.call("GET", request_.path + CANARY)
        hook.call(CANARY, request_.path)
    check_metrics(hook.call("GET", "/metrics").body.decode())


def check_metrics(text: str) -> None:
    """Check that metrics have no labels but those of `telemetry`, with values of small sets."""
    values: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            for label, value in sample.labels.items():
                begins = not sample.value or sample.name.endswith("_created")
                if label != "status" or not begins:
                    values.setdefault(label, set()).add(value)
    labels = {"endpoint", "status", "cause", "reason", "outcome", "result", "shortcut", "le"}
    assert values.keys() <= labels
    assert values["reason"] <= {"ApiServerBusy", "ApiServerUnavailable", *Reason}
    assert values.get("outcome", set()) <= {"Withheld", *Phase}
    assert values["endpoint"] <= {*PATHS, *CLUSTER_PATHS}
    assert values["status"] <= {str(code) for code in (200, 400, 405, 408, 411, 413, 415, 429)}
    assert all(cause.isalpha() for cause in values["cause"])
    assert values["cause"] <= {cause.value for cause in Cause}
    assert len(values["le"]) < 20
