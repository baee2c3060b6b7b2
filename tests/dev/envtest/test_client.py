"""The client of the API server, against the simulated API server on a socket."""

import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import local_http
from dev.envtest.client import NAMESPACES, PODDIAGNOSERS, PODS, ApiError, Client, Json
from dev.envtest.proxy import Answer, Forward, Proxy, Request
from dev.local_http import NoAnswerError
from dev.local_ports import free_ports
from dev.simulator.http_api import RestApi
from dev.simulator.resources import load_crds
from dev.simulator.scheduling import Clock, RealScheduler
from dev.simulator.serving import ApiServer
from dev.simulator.store import Store

CRDS = load_crds(Path(__file__).parents[3] / "crds")
POD = {
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "app", "image": "web:1"}]},
}


@pytest.fixture
def url() -> Iterator[str]:
    """The URL of an API server with our kinds and the namespace shop."""
    scheduler = RealScheduler()
    clock = Clock(scheduler)
    store = Store(clock, random.Random(0), CRDS)
    server = ApiServer(scheduler, store, RestApi(store, clock))
    over = threading.Event()
    core = threading.Thread(target=scheduler.run_until, args=(over.is_set,))
    core.start()
    yield server.url
    server.close()
    over.set()
    core.join()


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client of that server; the environment names a proxy where nothing listens."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    client = Client(url, "token", Path("absent.crt"), "tester/1.0")
    client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    return client


def test_objects_are_plain_json(client: Client) -> None:
    """Created, read, listed by label, replaced, patched and deleted."""
    created = client.create(PODS, POD, "shop")
    assert client.get(PODS, "web", "shop") == created
    assert client.list(PODS, "shop", "app=web") == [created]
    assert client.list(PODS, "shop", "app=db") == []
    created["metadata"]["labels"]["app"] = "shop"
    assert client.replace(PODS, created)["metadata"]["labels"] == {"app": "shop"}
    patched = client.patch(
        PODS, "web", {"metadata": {"labels": {"app": None, "tier": "x"}}}, "shop"
    )
    assert patched["metadata"]["labels"] == {"tier": "x"}
    client.delete(PODS, "web", "shop", {"gracePeriodSeconds": 0})
    assert client.find(PODS, "web", "shop") is None


def create_with(monkeypatch: pytest.MonkeyPatch, *refusals: str) -> Json:
    """Create a Pod at a server that refuses it with these messages, and then takes it."""
    left = iter(refusals)

    def answer(request: Request, _: Forward) -> Answer:
        message = next(left, None)
        if message is None:
            return Answer(201, {}, request.body)
        return Answer(429, {}, json.dumps({"message": message}).encode())

    monkeypatch.setattr("dev.envtest.client.time.sleep", lambda _: None)
    (port,) = free_ports(1)
    with Proxy("http://127.0.0.1:1", port) as proxy:
        proxy.rule = answer
        return Client(proxy.url, "token", Path("absent.crt"), "tester/1.0").create(PODS, POD, "x")


def test_what_the_storage_is_not_ready_for_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a moment after a CRD was created. Another 429 is an error, and what stays so is, too."""
    not_ready = "storage is (re)initializing"
    assert create_with(monkeypatch, not_ready, not_ready)["spec"] == POD["spec"]
    for refusals in (["Cannot evict pod"], [not_ready] * 1000):
        with pytest.raises(ApiError, match="429"):
            create_with(monkeypatch, *refusals)


def test_refusals_are_errors_with_their_code(client: Client) -> None:
    """With the Status object's reason; deleting what is absent is no error."""
    with pytest.raises(ApiError, match="404 NotFound") as refused:
        client.get(PODS, "web", "shop")
    assert (refused.value.code, refused.value.reason) == (404, "NotFound")
    stale = client.create(PODS, POD, "shop")
    client.patch(PODS, "web", {"metadata": {"labels": {"tier": "x"}}}, "shop")
    with pytest.raises(ApiError) as refused:
        client.replace(PODS, stale)
    assert refused.value.code == 409
    body = {"metadata": {"name": "d"}, "spec": {"remediationAction": "Nope"}}
    with pytest.raises(ApiError) as refused:
        client.create(PODDIAGNOSERS, body, "shop")
    assert refused.value.code == 422
    client.delete(PODS, "absent", "shop")


def test_prepared_bytes_are_sent_as_they_are(client: Client) -> None:
    """The answer comes back unparsed; a refusal is the same error as elsewhere."""
    body = json.dumps(POD).encode()
    assert json.loads(client.send("POST", PODS.path("shop"), body))["metadata"]["name"] == "web"
    with pytest.raises(ApiError) as refused:
        client.send("POST", PODS.path("shop"), body)
    assert (refused.value.code, refused.value.reason) == (409, "AlreadyExists")


def test_the_user_agent_is_the_field_manager(client: Client) -> None:
    """As far as its first slash."""
    managers = client.create(PODS, POD, "shop")["metadata"]["managedFields"]
    assert [one["manager"] for one in managers] == ["tester"]


def test_a_watch_yields_what_is_there_and_then_what_comes(client: Client) -> None:
    """It ends when the server ends it, without an error."""
    client.create(PODS, POD, "shop")
    events = client.watch(PODS, seconds=2)
    assert next(events)[0] == "ADDED"
    client.patch(PODS, "web", {"metadata": {"labels": {"tier": "x"}}}, "shop")
    kind, pod = next(events)
    assert (kind, pod["metadata"]["labels"]["tier"]) == ("MODIFIED", "x")
    assert list(events) == []


def test_a_watch_can_be_closed_from_another_thread(client: Client) -> None:
    """The iteration then ends without an error."""
    client.create(PODS, POD, "shop")
    stream = client.open_watch(PODS.path("shop"), 60)
    threading.Timer(0.2, stream.close).start()
    assert [json.loads(line)["type"] for line in stream] == ["ADDED"]


def test_a_server_that_is_away_gives_no_answer(client: Client, url: str) -> None:
    """Neither to the client nor to plain requests."""
    away = "http://127.0.0.1:1"
    with pytest.raises(NoAnswerError):
        Client(away, "token", Path("absent.crt"), "tester").list(PODS)
    with pytest.raises(NoAnswerError):
        local_http.is_ok(away)
    assert client.list(PODS) == []
    assert local_http.is_ok(f"{url}/version")
    assert local_http.status_of(f"{url}/apis/none") == 404
