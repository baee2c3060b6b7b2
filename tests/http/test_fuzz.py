"""Real requests with anything changed: an answer as it should be, or a constant refusal."""

import json
from typing import Final

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from pod_diagnoser.protocol import PodDiagnoserSyncRequest, essence
from tests.http.answers import read_answer, unsafe
from tests.http.inprocess import NOT_A_REQUEST, TOO_LARGE, Hook
from tests.http.mutations import SEEDS, changed_bytes, changed_json
from tests.http.recorded import PATHS, Json, Recorded

EXAMPLES: Final = 150
"""For each endpoint and kind of change."""

MAX_OURS: Final = 5120

KNOWN_EVENTS: Final = ("Request refused", "Crash diagnosed", "Unknown remediationAction")
"""What the hook's log says of requests."""

each_path = pytest.mark.parametrize("path", PATHS)
fuzzing = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def check(path: str, body: bytes, hook: Hook) -> Json | None:
    """Send a body and check what must hold whatever it is.

    Args:
        path: the endpoint.
        body: the body.
        hook: the hook.

    Returns:
        The answer, or None for a refusal.
    """
    reply = hook.post(path, body)
    for line in hook.take_log():
        entry = json.loads(line)
        assert entry["event"] in KNOWN_EVENTS
        assert line.isascii()
        assert line.isprintable()
    assert hook.post(path, body) == reply
    if reply.status != 200:
        large = len(body) > hook.settings.max_pod_body and path != "/poddiagnosers/sync"
        assert reply.outcome == (TOO_LARGE if large else NOT_A_REQUEST)
        event("refused")
        return None
    event("answered")
    answer = read_answer(path, reply.body)
    ours = {key: value for key, value in answer.get("annotations", {}).items() if value}
    assert sum(len(key.encode()) + len(value.encode()) for key, value in ours.items()) <= MAX_OURS
    assert not any(unsafe(value) for value in ours.values())
    if path == "/poddiagnosers/sync":
        request = PodDiagnoserSyncRequest.model_validate_json(essence(body))
        # Without it Metacontroller deletes the DiagnosisTarget, and every Pod is wiped.
        assert len(answer["attachments"]) == request.object.active
        # A stored status that is not due to be written is answered as it is.
        stored = request.object.status
        longest = max(10, len(stored.recentDiagnoses) if stored else 0)
        assert len(answer["status"]["recentDiagnoses"]) <= longest
    return answer


def seeds(path: str) -> st.SearchStrategy[Recorded]:
    """One of the requests for an endpoint."""
    return st.sampled_from([seed for seed in SEEDS if seed.path == path])


@each_path
@fuzzing
@given(data=st.data())
def test_requests_with_changed_values(path: str, data: st.DataObject) -> None:
    """Values that are missing, of other types, huge or in other places."""
    check(path, data.draw(seeds(path).flatmap(changed_json)), Hook())


@each_path
@fuzzing
@given(data=st.data())
def test_requests_with_changed_bytes(path: str, data: st.DataObject) -> None:
    """Bytes that were flipped, lost, added, repeated or cut off."""
    check(path, data.draw(seeds(path).flatmap(changed_bytes)), Hook())


WORDS: Final = ("controller", "object", "parent", "metadata", "related", "name", "namespace", "uid")
INVENTED: Final = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner),
)


@each_path
@settings(deadline=None)
@given(body=st.binary(max_size=300) | INVENTED.map(json.dumps).map(str.encode))
def test_requests_out_of_nothing(path: str, body: bytes) -> None:
    """Bytes, and JSON with the words of a request, that were never a request."""
    answer = check(path, body, Hook())
    if path.endswith("/sync"):
        assert answer is None
