"""An API server whose answers are anything: no error, nothing wrong is written or deleted."""

import copy
import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, diagnosis_target_name
from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest
from pod_diagnoser.api.time import format_time
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.server.settings import Settings
from tests.fuzz.accepting import as_stored, check_written
from tests.fuzz.hostile import HostileApi, planned
from tests.fuzz.mutating import Mutator, seeded
from tests.fuzz.promises import EARLIER, check_reply
from tests.fuzz.seeds import everything, seeds, targets_of
from tests.http.inprocess import Hook, Reply
from tests.http.recorded import NOW, Json, Recorded, go_json, recorded

PODS: Final = "/pods/sync"
DIAGNOSERS: Final = "/poddiagnosers/sync"
SYNCS: Final = 3
"""Number of syncs in a row: what one has read, or was refused, the next may have cached."""

MAX_STEPS: Final = 24
"""How many syncs it may take: 100 plans, five a sync, and what is before and after them."""

TOKEN: Final = "t" * 32

fuzzing = settings(
    max_examples=settings().max_examples * 3 // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@cache
def donors() -> tuple[Json, ...]:
    """Return what parts are taken from."""
    return tuple(seed.json for seed in everything())


@cache
def remediating() -> tuple[Recorded, ...]:
    """Requests about PodDiagnosers, most of which have something to do."""
    plans = (planned("RestartPod"), planned("EvictPod"))
    return (*seeds(DIAGNOSERS), *plans * 4)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hook's tokens: with them container output is fetched and shown."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "token").write_text(TOKEN)
    return folder


def hostile(random: Random) -> HostileApi:
    """Return an API server, from one that answers as it should to one that seldom does."""
    return HostileApi(random, Mutator(random, donors()), hostility=random.choice((0, 2, 5, 8)))


def answered(hook: Hook, path: str, body: bytes) -> Reply:
    """Send a request with a token."""
    return hook.post(path, body, environment={"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"})


def with_evidence(seed: Recorded) -> Json:
    """Return a request about a Pod with all evidence that there is."""
    request = seed.json
    for target in targets_of(request).values():
        target["spec"]["evidence"] = {"terminationMessage": True, "logLines": 10, "reason": True}
        its = target["spec"]["diagnoser"]
        target["metadata"]["name"] = diagnosis_target_name(
            DiagnosisTargetSpec.model_validate({"diagnoser": its})
        )
    return request


@fuzzing
@given(random=st.randoms(use_true_random=False))
def test_events_and_log_of_a_pod_may_be_anything(tokens: Path, random: Random) -> None:
    """The answer is correct, with the Pod changed or not."""
    api = hostile(random)
    request = with_evidence(random.choice(seeds(PODS)))
    api.store_objects(request)
    body = api.mutator.body(request) if random.randrange(2) else go_json(request)
    hook = Hook(Settings(token_folder=tokens), parts=api.parts())
    for _ in range(SYNCS):
        check_reply(PODS, body, answered(hook, PODS, body), hook.take_log())
    event(f"calls: {min(len(api.calls), 3)}")


@fuzzing
@given(random=st.randoms(use_true_random=False))
def test_live_reads_may_return_anything(tokens: Path, random: Random) -> None:
    """Each answer is accepted and written; what is deleted was planned, by name and uid."""
    api = hostile(random)
    request = random.choice(remediating()).json
    api.store_objects(request)
    body = api.mutator.body(request) if random.randrange(2) else go_json(request)
    hook = Hook(Settings(token_folder=tokens), parts=api.parts())
    for _ in range(SYNCS):
        reply = answered(hook, DIAGNOSERS, body)
        gone = api.denied or is_another(request, body)
        answer = check_reply(DIAGNOSERS, body, reply, hook.take_log(), gone=gone)
        body = written(api, body, answer) or body
    event(f"gone: {len(api.gone)}")


def test_a_request_about_another_uid_than_the_live_one_publishes_nothing(tokens: Path) -> None:
    """The API server answers correctly; only the request has another uid."""
    api = HostileApi(random := Random(0), Mutator(random, donors()), hostility=0)
    request = next(each.json for each in remediating() if "status" in each.json["object"])
    api.store_objects(request)
    sent = copy.deepcopy(request)
    sent["object"]["metadata"]["uid"] = "another"
    sent["related"]["DiagnosisTarget.diagnostics.local.io/v1"] = {}
    body = go_json(sent)
    hook = Hook(Settings(token_folder=tokens), parts=api.parts())
    reply = answered(hook, DIAGNOSERS, body)
    assert is_another(request, body)
    assert not api.denied
    answer = check_reply(DIAGNOSERS, body, reply, hook.take_log(), gone=True)
    assert answer is not None
    assert answer["attachments"] == []


def is_another(request: Json, body: bytes) -> bool:
    """Return whether a mutated request is about another PodDiagnoser than the stored one."""
    try:
        sent = json.loads(body)["object"]["metadata"]
        held = request["object"]["metadata"]
        return any(sent[key] != held[key] for key in ("namespace", "name", "uid"))
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


def written(api: HostileApi, body: bytes, answer: Json | None) -> bytes | None:
    """Return the next request, after Metacontroller wrote the answer; None where it cannot."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return None
    stored = as_stored(request["object"]) if answer is not None else None
    if answer is None or stored is None:
        return None
    request["object"] = check_written(stored, answer)
    api.store_objects(request)
    return go_json(request)


@fuzzing
@given(random=st.randoms(use_true_random=False))
def test_live_objects_do_not_get_into_the_answer(random: Random) -> None:
    """Neither the PodDiagnoser nor its Pods: the answer is made from the request."""
    api = hostile(random)
    sent = random.choice(remediating()).json
    api.store_objects(sent)
    body = api.mutator.body(sent) if random.randrange(2) else go_json(sent)
    try:
        request = PodDiagnoserSyncRequest.model_validate_json(body)
    except ValidationError:
        return
    snapshot = take_snapshot(request)
    # The dump beside the copy: a copied time loses how it was written (`UnusuallyWrittenTime`).
    before, dumped = copy.deepcopy((request, snapshot)), request.model_dump(warnings=False)
    reconciler = api.parts()["reconciler"]
    for _ in range(2):
        reconciler.sync(snapshot)
    assert (request, snapshot) == before
    assert request.model_dump(warnings=False) == dumped


@fuzzing
@given(random=st.randoms(use_true_random=False))
def test_an_unchanged_cluster_soon_needs_no_more_calls_or_writes(
    tokens: Path, random: Random
) -> None:
    """Everything is planned, executed and published by then."""
    api = HostileApi(random, Mutator(random, donors()), hostility=0, tick=0)
    request = api.mutator.changed(random.choice(remediating()).json)
    stored = as_stored(request.get("object"))
    if stored is None:
        event("not stored")
        return
    hook = Hook(Settings(token_folder=tokens), parts=api.parts())
    for _ in range(MAX_STEPS):
        if stored.get("status"):
            # As if it had been written a while ago: else a report waits for its turn.
            stored["status"]["lastUpdateTime"] = format_time(NOW - EARLIER)
        body = go_json({**request, "object": stored})
        api.store_objects({**request, "object": stored})
        before = len(api.calls)
        reply = answered(hook, DIAGNOSERS, body)
        answer = check_reply(DIAGNOSERS, body, reply, hook.take_log(), gone=api.denied)
        if answer is None:
            event("refused")
            return
        quiet = all(call.method == "GET" for call in api.calls[before:])
        if quiet and answer["status"] == stored.get("status"):
            break
        stored = check_written(stored, answer)
    else:
        pytest.fail("it is never done")
    assert len(api.gone) == len(set(api.gone)), "no Pod is deleted twice"
    event(f"gone: {min(len(api.gone), 3)}")


@pytest.mark.parametrize("action", ["RestartPod", "EvictPod"])
def test_each_plan_is_executed_on_a_correct_api_server(tokens: Path, action: str) -> None:
    """Or nothing of the above would look at any deletion."""
    api = HostileApi(seeded(0), Mutator(seeded(0)), hostility=0)
    request = planned(action).json
    plans = [entry["podUID"] for entry in request["object"]["status"]["remediations"]]
    hook = Hook(Settings(token_folder=tokens), parts=api.parts())
    api.store_objects(request)
    reply = answered(hook, DIAGNOSERS, go_json(request))
    assert check_reply(DIAGNOSERS, go_json(request), reply, hook.take_log()) is not None
    assert sorted(api.gone) == sorted(plans)
    assert len(plans) == 2


def test_events_and_the_log_are_requested_of_a_correct_api_server(
    tokens: Path,
) -> None:
    """Or nothing of the above would look at what is made of them."""
    api = HostileApi(seeded(0), Mutator(seeded(0)), hostility=0)
    hook = Hook(Settings(token_folder=tokens), parts=api.parts())
    request = with_evidence(recorded("pods-sync.crashed"))
    api.store_objects(request)
    body = go_json(request)
    assert check_reply(PODS, body, answered(hook, PODS, body), hook.take_log()) is not None
    assert [call.parts[-1] for call in api.calls] == ["events", *api.targets, "log"]
