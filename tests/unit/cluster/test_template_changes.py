"""Reading what templates changed: two calls a template, none that is known to fail, no error."""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cluster.circuit_breaker import REFUSED_SECONDS, EvidenceCircuitBreaker
from pod_diagnoser.cluster.client import MAX_VERSIONS, ApiClient
from pod_diagnoser.cluster.errors import AnswerTooLongError, ApiError, NoAnswerError, api_error
from pod_diagnoser.cluster.evidence import FETCH_SECONDS, ApiEvidenceFetcher
from pod_diagnoser.cluster.template_changes import (
    CHANGES_SECONDS,
    KEPT_SECONDS,
    TemplateChangeReader,
)
from pod_diagnoser.diagnosis.change_words import change_line, mask_change
from pod_diagnoser.diagnosis.changes import TemplateChange, TemplateRequest
from pod_diagnoser.diagnosis.evidence import EventLookup, EvidenceRequest
from pod_diagnoser.pods.history import store_change
from tests.support.builders import EVENT_POD_UID, Json
from tests.support.fake_api import FakeEvidenceApi
from tests.support.templates import (
    STATEFUL_SET_UID,
    FakeTemplateApi,
    container,
    controller_revision,
    replica_set,
    template,
)

OF_DEPLOYMENT = TemplateRequest("ReplicaSet", "web-h8", "rs-8")
NEW = template(container("shop/web:1.5"))


def reader(api: FakeTemplateApi) -> TemplateChangeReader:
    """Return a reader with the clock of the API."""
    return TemplateChangeReader(api, lambda: api.now, EvidenceCircuitBreaker(lambda: api.now))


def read(
    api: FakeTemplateApi, request: TemplateRequest = OF_DEPLOYMENT, seconds: float = 1.5
) -> TemplateChange | None:
    """Read once, with a reader of its own."""
    return reader(api).read("shop", request, api.now + seconds)


def deployment() -> FakeTemplateApi:
    """Return an API server with two versions of a Deployment's template."""
    return FakeTemplateApi([replica_set(7), replica_set(8, NEW)])


def test_two_calls_find_a_deployment_s_change() -> None:
    """The ReplicaSet of the Pod, and those that the Deployment's selector selects."""
    api = deployment()
    found = read(api)
    assert found is not None
    assert (found.revision, found.former) == (8, 7)
    assert [each.after for each in found.differences] == ["shop/web:1.5"]
    assert api.calls == [
        ("get", "replicasets", "web-h8"),
        ("list", "replicasets", "app in (web)"),
    ]


@pytest.mark.parametrize(
    ("kind", "label"), [("StatefulSet", "web-h8"), ("DaemonSet", "h8"), ("StatefulSet", "h8")]
)
def test_two_calls_find_a_controller_revision_s_change(kind: str, label: str) -> None:
    """By the label of the Pod, which is the whole name or its end."""
    versions = [controller_revision(7, kind=kind), controller_revision(8, NEW, kind=kind)]
    api = FakeTemplateApi(versions)
    found = read(api, TemplateRequest(kind, "web", STATEFUL_SET_UID, label))
    assert found is not None
    assert (found.revision, found.former, len(found.differences)) == (8, 7, 1)
    assert api.calls == [
        ("get", "controllerrevisions", "web-h8"),
        ("list", "controllerrevisions", "app in (web)"),
    ]


def test_what_was_found_is_used_by_all_pods_of_the_template() -> None:
    """For ten minutes; another namespace's is another one."""
    api = deployment()
    shared = reader(api)
    found = [shared.read("shop", OF_DEPLOYMENT, api.now + 1) for _ in range(100)]
    assert found[0] is not None
    assert set(found) == {found[0]}
    assert len(api.calls) == 2
    shared.read("other", OF_DEPLOYMENT, api.now + 1)
    assert len(api.calls) == 3  # it has none
    api.now += KEPT_SECONDS
    shared.read("shop", OF_DEPLOYMENT, api.now + 1)
    assert len(api.calls) == 5


def test_that_there_is_nothing_to_say_is_known_too() -> None:
    """Of a ReplicaSet that no Deployment made, and of one that is gone."""
    alone = replica_set(8)
    alone["metadata"]["ownerReferences"] = []
    for versions in ([alone], []):
        api = FakeTemplateApi(versions)
        shared = reader(api)
        for _ in range(3):
            assert shared.read("shop", OF_DEPLOYMENT, api.now + 1) is None
        assert len(api.calls) == 1


def other_uid(api: FakeTemplateApi) -> None:
    """Let another ReplicaSet have the name that the Pod's had."""
    api.versions[1]["metadata"]["uid"] = "another"


def of_another(api: FakeTemplateApi) -> None:
    """Let the version before be one of another Deployment with the same labels."""
    api.versions[0]["metadata"]["ownerReferences"][0]["uid"] = "another"


def malformed(api: FakeTemplateApi) -> None:
    """Let a version be none."""
    api.versions[0]["spec"] = {"template": {"spec": {"containers": "none"}}}


def too_many(api: FakeTemplateApi) -> None:
    """Let the list have an end that was not read."""
    api.continues = True


def without_selector(api: FakeTemplateApi) -> None:
    """Let the Deployment select everything, or by what is no label."""
    api.versions[1]["spec"]["selector"] = {"matchLabels": {"app": "a,b) or (c"}}


@pytest.mark.parametrize("spoil", [other_uid, malformed, too_many, without_selector])
def test_what_is_not_certain_is_not_said(spoil: Callable[[FakeTemplateApi], None]) -> None:
    """Nor tried again and again."""
    api = deployment()
    spoil(api)
    shared = reader(api)
    assert [shared.read("shop", OF_DEPLOYMENT, api.now + 1) for _ in range(3)] == [None] * 3
    assert len(api.calls) <= 2


def test_a_version_of_another_deployment_is_none_of_this_one() -> None:
    """Whatever its labels are."""
    api = deployment()
    of_another(api)
    found = read(api)
    assert found is not None
    assert (found.revision, found.former) == (8, 0)


@pytest.mark.parametrize("error", [api_error(403), api_error(401), api_error(429), NoAnswerError()])
def test_where_it_is_refused_or_fails_nothing_is_said_and_no_more_calls_are_made(
    error: ApiError,
) -> None:
    """For a while; then it is tried again."""
    api = deployment()

    def fail() -> None:
        raise error

    api.fault = fail
    shared = reader(api)
    for _ in range(3):
        assert shared.read("shop", OF_DEPLOYMENT, api.now + 1) is None
    assert len(api.calls) == 1
    api.now += REFUSED_SECONDS
    api.fault = lambda: None
    assert shared.read("shop", OF_DEPLOYMENT, api.now + 1) is not None


def test_a_list_that_is_too_long_is_not_read_again() -> None:
    """A tenant can make it so; it would be read in vain at each crash."""
    api = deployment()

    def fail() -> None:
        if api.calls[-1][0] == "list":
            raise AnswerTooLongError

    api.fault = fail
    shared = reader(api)
    for _ in range(3):
        assert shared.read("shop", OF_DEPLOYMENT, api.now + 1) is None
    assert len(api.calls) == 2


def test_without_time_no_call_is_made() -> None:
    """The Events and the log come first; a later crash of the template finds it."""
    api = deployment()
    shared = reader(api)
    assert shared.read("shop", OF_DEPLOYMENT, api.now + 0.05) is None
    assert not api.calls
    api.taken = CHANGES_SECONDS
    assert shared.read("shop", OF_DEPLOYMENT, api.now + 1) is None
    assert len(api.calls) == 1
    api.taken = 0.0
    assert shared.read("shop", OF_DEPLOYMENT, api.now + 1) is not None


def test_pods_that_crash_together_wait_for_one_read() -> None:
    """Hundreds crash at once after a rollout."""
    api = deployment()
    entered, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        assert go_on.wait(10)

    api.fault = hold
    shared = reader(api)
    found: list[TemplateChange | None] = []

    def once() -> None:
        found.append(shared.read("shop", OF_DEPLOYMENT, api.now + 1))

    threads = [threading.Thread(target=once) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    api.fault = lambda: None
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 5
    # Who could not wait so long says nothing.
    assert any(found)
    assert len(api.calls) == 2


def fetch(events: FakeEvidenceApi, templates: FakeTemplateApi) -> tuple[TemplateChange | None, str]:
    """Fetch the evidence of a Pod as the hook does."""
    fetcher = ApiEvidenceFetcher(events, lambda: events.now + templates.now, templates)
    request = EvidenceRequest("shop", "web-1", EVENT_POD_UID, events=True, template=OF_DEPLOYMENT)
    found = fetcher.fetch(request)
    return found.change, str(found.lookup)


def test_it_is_fetched_with_the_events_in_the_same_time() -> None:
    """The longest answer takes as long as without it, but for what a call is late."""
    assert fetch(FakeEvidenceApi(), deployment())[0] is not None
    events, templates = FakeEvidenceApi(taken=FETCH_SECONDS), deployment()
    assert fetch(events, templates) == (None, EventLookup.FOUND)
    assert not templates.calls
    slow = deployment()
    slow.taken = CHANGES_SECONDS
    assert fetch(FakeEvidenceApi(), slow) == (None, EventLookup.FOUND)
    assert slow.now <= CHANGES_SECONDS


def test_a_refusal_does_not_stop_the_events() -> None:
    """The role may be missing."""
    events, templates = FakeEvidenceApi(), deployment()

    def fail() -> None:
        raise api_error(403)

    templates.fault = fail
    fetcher = ApiEvidenceFetcher(events, lambda: events.now, templates)
    request = EvidenceRequest("shop", "web-1", EVENT_POD_UID, events=True, template=OF_DEPLOYMENT)
    for _ in range(3):
        found = fetcher.fetch(request)
        assert (found.change, found.lookup) == (None, EventLookup.FOUND)
    assert len(templates.calls) == 1


def test_without_the_setting_nothing_is_read() -> None:
    """The component evidence-changes sets it."""
    request = EvidenceRequest("shop", "web-1", EVENT_POD_UID, template=OF_DEPLOYMENT)
    assert FakeEvidenceApi().fetcher().fetch(request).change is None


def test_the_client_asks_for_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two paths, with the selector in the query; a name that is none is never asked for."""
    asked: list[str] = []

    def call(_: object, method: str, path: str, **bounds: object) -> tuple[bytes, Json]:
        assert set(bounds) == {"bounds"}
        asked.append(f"{method} {path}")
        return b"{}", {}

    monkeypatch.setattr(ApiClient, "_call", call)
    client = ApiClient.__new__(ApiClient)
    client.get_version("shop", "replicasets", "web-h8", 1.0)
    client.list_versions("shop", "controllerrevisions", "app in (web),!x", 1.0)
    assert asked == [
        "GET /apis/apps/v1/namespaces/shop/replicasets/web-h8",
        (
            "GET /apis/apps/v1/namespaces/shop/controllerrevisions"
            f"?labelSelector=app+in+%28web%29%2C%21x&limit={MAX_VERSIONS}"
        ),
    ]
    with pytest.raises(ApiError):
        client.get_version("shop", "replicasets", "../../secrets", 1.0)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(of: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the places in a document."""
    if isinstance(of, dict):
        for key, value in of.items():
            yield (*path, key)
            yield from places(value, (*path, key))
    elif isinstance(of, list):
        for number, value in enumerate(of):
            yield (*path, number)
            yield from places(value, (*path, number))


@given(st.data(), JSON_VALUES, st.sampled_from(("ReplicaSet", "StatefulSet")))
def test_nothing_that_is_answered_is_an_error(
    data: st.DataObject, value: object, kind: str
) -> None:
    """Whatever stands anywhere in a version: it is compared, or nothing is said."""
    make = replica_set if kind == "ReplicaSet" else controller_revision
    env = [{"name": "A", "value": "x"}]
    of = template(container(env=env, resources={"limits": {"cpu": "1"}}), volumes=[{"name": "v"}])
    versions: list[Json] = copy.deepcopy([make(7), make(8, of)])
    *path, last = data.draw(st.sampled_from(list(places(versions))))
    parent: Any = versions
    for key in path:
        parent = parent[key]
    parent[last] = value
    kept = [each for each in versions if isinstance(each, dict)]
    api = FakeTemplateApi()
    api.answers = (json.dumps(versions[1]).encode(), json.dumps({"items": kept}).encode())
    request = OF_DEPLOYMENT
    if kind == "StatefulSet":
        request = TemplateRequest(kind, "web", STATEFUL_SET_UID, "web-h8")
    found = read(api, request)
    if found is not None:
        assert len(change_line(mask_change(found, ()), None, "this crash").encode()) <= 138
        store_change(found)


@pytest.mark.parametrize(
    "content", [b"", b"null", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff"]
)
def test_what_is_no_object_says_nothing(content: bytes) -> None:
    """Nor is deep nesting an error."""
    api = FakeTemplateApi()
    api.answers = (content, content)
    assert read(api) is None
    api.answers = (json.dumps(replica_set(8)).encode(), content)
    assert read(api) is None
