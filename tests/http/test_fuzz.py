"""Real requests with anything changed: an answer as it should be, or a constant refusal."""

import json
from contextlib import suppress
from functools import cache
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest
from pod_diagnoser.api.raw_request import strip_unread_fields
from pod_diagnoser.server.settings import Settings
from tests.fuzz.mutating import Mutator
from tests.fuzz.promises import check
from tests.fuzz.seeds import SYNCS, everything, seeds
from tests.http.answers import read_answer
from tests.http.inprocess import NOT_A_REQUEST, TOO_LARGE, Hook
from tests.http.mutations import changed_bytes, changed_json
from tests.http.recorded import PATHS, Json

each_path = pytest.mark.parametrize("path", PATHS)
each_sync = pytest.mark.parametrize("path", SYNCS)
fuzzing = settings(
    max_examples=settings().max_examples * 3 // 2,  # for each endpoint and kind of change
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@cache
def donors() -> tuple[Json, ...]:
    """Return what parts are taken from."""
    return tuple(seed.json for seed in everything())


def checked(path: str, body: bytes) -> Json | None:
    """Check a body, and note how it was answered."""
    answer = check(path, body, Hook())
    event("refused" if answer is None else "answered")
    return answer


@each_path
@fuzzing
@given(data=st.data())
def test_requests_with_changed_values(path: str, data: st.DataObject) -> None:
    """Values that are missing, of other types, huge or in other places."""
    checked(path, data.draw(st.sampled_from(seeds(path)).flatmap(changed_json)))


@each_path
@fuzzing
@given(data=st.data())
def test_requests_with_changed_bytes(path: str, data: st.DataObject) -> None:
    """Bytes that were flipped, lost, added, repeated or cut off."""
    checked(path, data.draw(st.sampled_from(seeds(path)).flatmap(changed_bytes)))


@each_sync
@fuzzing
@given(random=st.randoms(use_true_random=False))
def test_requests_with_forged_parts(path: str, random: Random) -> None:
    """Parts of others, keys twice, times at the edges, any managed status and history."""
    seed = random.choice(seeds(path))
    checked(path, Mutator(random, donors()).body(seed.json))


@fuzzing
@given(random=st.randoms(use_true_random=False))
def test_requests_that_are_cut_off(random: Random) -> None:
    """Of a body that is too long only the start is read; the DiagnosisTarget is in each answer."""
    path = "/poddiagnosers/sync"
    body = Mutator(random, donors()).body(random.choice(seeds(path)).json)
    limit = len(body) - random.choice((1, 20, 200, 2000, random.randrange(len(body))))
    hook = Hook(Settings(max_pod_diagnoser_body=max(1, limit)))
    reply = hook.post(path, body)
    assert hook.post(path, body) == reply
    if reply.status != 200:
        event("refused")
        assert reply.outcome in (NOT_A_REQUEST, TOO_LARGE)
        return
    event("answered")
    answer = read_answer(path, reply.body)
    with suppress(ValidationError):
        whole = PodDiagnoserSyncRequest.model_validate_json(strip_unread_fields(body))
        published = [each["spec"].get("active", True) for each in answer["attachments"]]
        assert published == [whole.object.active]
        if whole.object.status is not None:
            assert answer["status"]["diagnosedPods"] >= whole.object.status.diagnosedPods


@each_path
def test_recorded_requests_are_answered_and_need_no_second_change(path: str) -> None:
    """Otherwise nothing of the above would check any answer."""
    for seed in seeds(path):
        assert check(path, seed.body, Hook()) is not None


WORDS: Final = ("controller", "object", "parent", "metadata", "related", "name", "namespace", "uid")
INVENTED: Final = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner),
)


@each_path
@settings(deadline=None)
@given(body=st.binary(max_size=300) | INVENTED.map(json.dumps).map(str.encode))
def test_bodies_that_never_were_requests(path: str, body: bytes) -> None:
    """Bytes, and JSON with the words of a request."""
    answer = checked(path, body)
    if path.endswith("/sync"):
        assert answer is None
