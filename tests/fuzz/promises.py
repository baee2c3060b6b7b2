"""What must hold of every answer to any request: each promise in one function.

They take a path, a body and a hook, and fail with an AssertionError.
"""

import copy
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import _lru_cache_wrapper
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from dev.simulator.metacontroller.answers import read_customize_answer, read_sync_answer
from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest, PodSyncRequest
from pod_diagnoser.api.raw_request import strip_unread_fields
from pod_diagnoser.api.time import format_time
from pod_diagnoser.poddiagnosers.response import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.pods.keys import (
    LOG,
    MAX_LOG_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_REASON_BYTES,
    REASON,
    TERMINATION_MESSAGE,
)
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.model import ExecutionReport
from pod_diagnoser.server.settings import Settings
from tests.fuzz.accepting import as_stored, check_annotations, check_written
from tests.http.answers import read_answer, unsafe
from tests.http.inprocess import NOT_A_REQUEST, TOO_LARGE, Hook, Reply
from tests.http.recorded import NOW, Json, applied, go_json

MAX_MANAGED_BYTES: Final = 5120
"""Bytes of the managed annotations, without container output."""

MAX_POD_BODY: Final = Settings().max_pod_body

LOGGED: Final = ("Request refused", "Crash diagnosed", "Unknown remediationAction")

EARLIER: Final = timedelta(seconds=3)
"""Longer than a status waits to be written again."""


def check(path: str, body: bytes, hook: Hook) -> Json | None:
    """Check all that must hold of what is answered to a body: the promises below.

    Args:
        path: the endpoint.
        body: the body.
        hook: a hook whose log this process has, and whose clock stands still.

    Returns:
        The answer, or None for a refusal.
    """
    reply = hook.post(path, body)
    answer = check_reply(path, body, reply, hook.take_log())
    forget()
    assert hook.post(path, body) == reply, "deterministic, with and without caches"
    if answer is not None:
        check_settled(path, body, answer, hook)
        check_core(path, body)
    hook.take_log()
    return answer


def forget() -> None:
    """Clear all caches of the hook's functions."""
    for name, module in list(sys.modules.items()):
        if name.startswith("pod_diagnoser."):
            for value in vars(module).values():
                if isinstance(value, _lru_cache_wrapper):
                    value.cache_clear()


def check_reply(
    path: str, body: bytes, reply: Reply, log: Sequence[str], *, gone: bool = False
) -> Json | None:
    """No 500, no exception; an answer that is accepted, or a constant refusal; a log of lines.

    Args:
        path: the endpoint.
        body: what was sent.
        reply: what came back.
        log: the lines that were logged.
        gone: whether the API server said that there is no such PodDiagnoser.

    Returns:
        The answer, or None for a refusal.
    """
    for line in log:
        assert json.loads(line)["event"] in LOGGED, line[:2000]
        assert line.isascii()
        assert line.isprintable()
    if reply.status != 200:
        large = len(body) > MAX_POD_BODY and path != "/poddiagnosers/sync"
        assert reply.outcome == (TOO_LARGE if large else NOT_A_REQUEST)
        return None
    answer = read_answer(path, reply.body)
    # A second reader of the same rules, written by itself.
    (read_customize_answer if path.endswith("/customize") else read_sync_answer)(reply.body)
    _check_shown(answer.get("annotations", {}))
    if path == "/poddiagnosers/sync":
        request = PodDiagnoserSyncRequest.model_validate_json(strip_unread_fields(body))
        # Without it Metacontroller deletes the DiagnosisTarget, and every Pod is wiped.
        published = [each["spec"].get("active", True) for each in answer["attachments"]]
        assert published == [request.object.active] or (gone and not published)
    return answer


def _check_shown(annotations: Json) -> None:
    shown = {key: value for key, value in annotations.items() if value}
    words = {key: shown.pop(key, "") for key in (TERMINATION_MESSAGE, LOG, REASON)}
    assert (
        sum(len(key.encode()) + len(value.encode()) for key, value in shown.items())
        <= MAX_MANAGED_BYTES
    )
    assert len(words[TERMINATION_MESSAGE].encode()) <= MAX_MESSAGE_BYTES
    assert len(words[LOG].encode()) <= MAX_LOG_BYTES
    assert len(words[REASON].encode()) <= MAX_REASON_BYTES
    # A container's last output keeps its lines.
    texts = (*shown.values(), *(text.replace("\n", "") for text in words.values()))
    assert not any(unsafe(text) for text in texts)


def check_settled(path: str, body: bytes, answer: Json, hook: Hook) -> None:
    """Check idempotence: synced again after the answer is written, the hook changes nothing.

    And what Metacontroller writes for it is taken by the API server, where the object was.

    Args:
        path: the endpoint.
        body: what was sent.
        answer: what was answered.
        hook: the hook, whose clock stands still.
    """
    request = _json(body)
    if request is None or not isinstance(request.get("object"), dict):
        return  # not JSON throughout: what is left out before it is read is not looked at
    # In the same form: in Go's, what is never read is left out beforehand, be it what it may.
    write = go_json if body.startswith(b'{"controller":{') else _spaced
    if path == "/pods/sync":
        _check_settled_pod(request, answer, hook, write)
    elif path.endswith("/recall") and answer:
        again = hook.post(path, write(_recalled(request, answer)))
        assert again.outcome == (200, b"{}")
    elif path == "/poddiagnosers/sync" and (stored := as_stored(request["object"])) is not None:
        _check_settled_diagnoser({**request, "object": stored}, hook, write)


def _json(body: bytes) -> Json | None:
    with suppress(ValueError, RecursionError):
        value = json.loads(body)
        # No half of a surrogate pair, which Metacontroller never sends; not too deep to be changed.
        go_json(copy.deepcopy(value))
        return value if isinstance(value, dict) else None
    return None


def _spaced(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def _check_settled_pod(
    request: Json, answer: Json, hook: Hook, write: Callable[[Any], bytes]
) -> None:
    pod = request["object"]
    if not answer:
        return  # nothing changes, and the same request came twice; it may not have been read at all
    for kind in ("annotations", "labels"):
        pod["metadata"][kind] = pod["metadata"].get(kind) or {}
    settled = applied(pod, answer)
    check_annotations(pod, settled)
    again = hook.post("/pods/sync", write({**request, "object": settled}))
    assert again.status == 200
    shown = applied(settled, json.loads(again.body))
    for kind in ("annotations", "labels"):
        assert shown["metadata"][kind] == settled["metadata"][kind]


def _recalled(request: Json, answer: Json) -> Json:
    metadata = request["object"]["metadata"]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **answer["annotations"]}
    return request


def _check_settled_diagnoser(request: Json, hook: Hook, write: Callable[[Any], bytes]) -> None:
    if request["object"].get("status"):
        request["object"]["status"]["lastUpdateTime"] = format_time(NOW - EARLIER)
    first = hook.post("/poddiagnosers/sync", write(request))
    if first.status != 200:
        return
    answer = json.loads(first.body)
    written = check_written(request["object"], answer)
    # As if it had been written a while ago, above too: else the next waits for its turn.
    written["status"]["lastUpdateTime"] = format_time(NOW - EARLIER)
    again = hook.post("/poddiagnosers/sync", write({**request, "object": written}))
    assert again.status == 200
    second = json.loads(again.body)
    assert second["status"] == written["status"]
    assert second["attachments"] == answer["attachments"]


def check_core(path: str, body: bytes) -> None:
    """The input is never changed: what was read is the same after both syncs, to the last list.

    Args:
        path: the endpoint.
        body: what was sent.
    """
    kind: type[PodSyncRequest | PodDiagnoserSyncRequest] = (
        PodSyncRequest if path == "/pods/sync" else PodDiagnoserSyncRequest
    )
    try:
        request = kind.model_validate_json(strip_unread_fields(body))
    except ValidationError:
        return
    before, dumped = copy.deepcopy(request), _dumped(request)
    for _ in range(2):
        if isinstance(request, PodSyncRequest):
            sync_pod(request, NOW, confidential=True)
        else:
            observed = take_snapshot(request)
            kept = copy.deepcopy(observed)
            sync_pod_diagnoser(observed, NOW)
            sync_pod_diagnoser(observed, NOW, ExecutionReport())
            assert observed == kept
    assert request == before
    assert _dumped(request) == dumped


def _dumped(model: BaseModel) -> Any:
    return model.model_dump(round_trip=True, warnings=False)
