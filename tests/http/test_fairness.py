"""One namespace's work does not delay another's: refusals, and the memory of bodies."""

import io
import itertools
import json
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import gevent
import greenlet
import pytest
from gevent import monkey

from pod_diagnoser.api.raw_request import parse_pods
from pod_diagnoser.server import endpoints
from pod_diagnoser.server.endpoints import PART_BYTES
from pod_diagnoser.server.fairness import BURST_SECONDS
from pod_diagnoser.server.logs import MAX_LINES
from pod_diagnoser.server.settings import Endpoints, Settings
from tests.http.inprocess import NOT_A_REQUEST, OVERLOADED, Hook
from tests.http.recorded import Recorded, go_json, recorded

MANY = int(2 * BURST_SECONDS / 0.1)
"""How many requests use up more than a namespace may use at once."""

OUT_OF_TURN = (429, b"others come first: this namespace used much CPU time\n")
SYNCS = ("pods-sync.crashed", "poddiagnosers-sync.three-crashes")
each_sync = pytest.mark.parametrize("sync", [*map(recorded, SYNCS)], ids=SYNCS)


class Busy:
    """A clock of CPU time for which each request takes a tenth of a second, or some of them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        self.now += 0.1
        return self.now


def in_namespace(request: Recorded, namespace: str) -> bytes:
    """Return the body of a request as it is for an object in another namespace."""
    content = json.loads(request.body)
    own = content["object"]["metadata"]["namespace"]
    return request.body.replace(
        f'"namespace":"{own}"'.encode(), f'"namespace":"{namespace}"'.encode()
    )


def busy_hook() -> Hook:
    """Return a hook in which one namespace has used up its CPU time, and another asks."""
    return Hook(parts={"thread_time": Busy()})


@each_sync
def test_who_used_much_is_refused_and_others_are_served(sync: Recorded) -> None:
    """With a time to come again, which Metacontroller keeps; nothing else is said."""
    hook = busy_hook()
    while_alone = [hook.post(sync.path, in_namespace(sync, "busy")) for _ in range(MANY)]
    assert {each.status for each in while_alone} == {200}
    assert hook.post(sync.path, in_namespace(sync, "quiet")).status == 200
    refused = hook.post(sync.path, in_namespace(sync, "busy"))
    assert refused.outcome == OUT_OF_TURN
    assert 5 <= int(refused.headers["retry-after"]) <= 15
    assert hook.post(sync.path, in_namespace(sync, "quieter")).status == 200


@each_sync
def test_a_namespace_named_inside_an_object_has_no_account_of_it(sync: Recorded) -> None:
    """Whoever writes another's name into annotations pays all the same, and the other does not."""
    hook = busy_hook()
    body = in_namespace(sync, "busy").replace(
        b'"metadata":{', b'"metadata":{"annotations":{"namespace":"quiet"},', 1
    )
    for _ in range(MANY):
        assert hook.post(sync.path, body).status == 200
    assert hook.post(sync.path, in_namespace(sync, "quiet")).status == 200
    assert hook.post(sync.path, body).outcome == OUT_OF_TURN


def test_customize_requests_are_charged_and_never_refused() -> None:
    """Metacontroller would lose what had changed; a sync it repeats."""
    hook = busy_hook()
    customize, sync = recorded("pods-customize.created"), recorded("pods-sync.crashed")
    busy = json.loads(customize.body)["parent"]["metadata"]["namespace"]
    for _ in range(MANY):
        assert hook.post(customize.path, customize.body).status == 200
    assert hook.post(sync.path, in_namespace(sync, "quiet")).status == 200
    assert hook.post(customize.path, customize.body).status == 200
    # They take too long here; a sync of the namespace is refused for it.
    assert hook.post(sync.path, in_namespace(sync, busy)).outcome == OUT_OF_TURN


class Arriving:
    """A body that arrives in two parts, with another request between them."""

    def __init__(self, body: bytes, between: Iterator[Any]) -> None:
        self._parts = [io.BytesIO(body[:-1]), io.BytesIO(body[-1:])]
        self._between = between

    def read(self, size: int, /) -> bytes:
        """Return what has arrived."""
        part = self._parts[0].read(size)
        if not part and len(self._parts) > 1:
            del self._parts[0]
            next(self._between, None)
            part = self._parts[0].read(size)
        return part


def padded(namespace: str, size: int) -> bytes:
    """Return a Pod's sync request of a namespace with so many bytes of text in it."""
    sync = recorded("pods-sync.crashed")
    body = in_namespace(sync, namespace)
    start = body.index(b'"spec":{', body.index(b',"object":{')) + len(b'"spec":{')
    return body[:start] + b'"padding":"' + b"x" * size + b'",' + body[start:]


@pytest.mark.parametrize(("second", "status"), [("busy", 429), ("quiet", 200)])
def test_a_namespace_gets_half_of_the_memory_for_bodies(second: str, status: int) -> None:
    """While a large body of it arrives, another one is refused; that of others is not."""
    size = 200_000
    hook = Hook(Settings(max_bodies=3 * size + 100_000))
    sync = recorded("pods-sync.crashed")
    outcomes: list[tuple[int, bytes]] = []

    def between() -> Iterator[None]:
        outcomes.append(hook.post(sync.path, padded(second, size)).outcome)
        yield

    body = padded("busy", size)
    stream = Arriving(body, between())
    reply = hook.call(
        "POST",
        sync.path,
        stream,
        {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))},
    )
    assert reply.status == 200
    assert outcomes[0][0] == status
    assert status == 200 or outcomes[0] == OVERLOADED
    assert hook.post(sync.path, body).status == 200  # all of it was given back


def test_a_refused_body_is_not_kept() -> None:
    """Who it is from is seen in its start; the rest is read by nobody who keeps it."""
    hook = busy_hook()
    sync = recorded("pods-sync.crashed")
    for _ in range(MANY):
        assert hook.post(sync.path, in_namespace(sync, "busy")).status == 200
    assert hook.post(sync.path, in_namespace(sync, "quiet")).status == 200
    body = padded("busy", 4_000_000)
    stream = io.BytesIO(body)
    environment = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
    assert hook.call("POST", sync.path, stream, environment).outcome == OUT_OF_TURN
    assert stream.tell() < 1_000_000


def of_pods(count: int) -> bytes:
    """Return a PodDiagnoser's request with so many crashed Pods."""
    content = json.loads(recorded("poddiagnosers-sync.three-crashes").body)
    pods = content["related"]["Pod.v1"].items()
    related = {f"{name}-{number:03}": pod for name, pod in pods for number in range(count)}
    content["related"]["Pod.v1"] = dict([*related.items()][:count])
    return go_json(content)


@pytest.fixture
def under_gevent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the hook believe that gevent serves."""
    monkeypatch.setattr(monkey, "is_module_patched", lambda _: True)
    before = greenlet.gettrace()
    yield
    greenlet.settrace(before)


@pytest.mark.usefixtures("under_gevent")
def test_pods_are_served_amid_a_large_poddiagnoser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two parts of its Pods, however many there are; and once its crashes are read."""
    hook = Hook(parts={"thread_time": Busy()}, deadline=lambda _: nullcontext())
    sync = recorded("pods-sync.crashed")
    order: list[str] = []

    def pod() -> None:
        assert hook.post(sync.path, in_namespace(sync, "quiet")).status == 200
        order.append("Pod")

    def parse(content: bytes) -> Any:
        order.append("part")
        gevent.spawn(pod)
        return parse_pods(content)

    monkeypatch.setattr(endpoints, "parse_pods", parse)
    path = "/poddiagnosers/sync"
    large = gevent.spawn(hook.post, path, of_pods(100))
    assert large.get(timeout=60).status == 200
    assert len(order) > 6
    assert order == ["part", "Pod"] * (len(order) // 2)


@pytest.mark.usefixtures("under_gevent")
def test_what_waits_beyond_its_allowance_is_refused_when_others_come() -> None:
    """It was admitted since nobody else wanted the time; a queue of it would make others wait."""
    hook = Hook(parts={"thread_time": Busy()}, deadline=lambda _: nullcontext())
    sync = recorded("pods-sync.crashed")
    busy, quiet = in_namespace(sync, "busy"), in_namespace(sync, "quiet")
    while_alone = [gevent.spawn(hook.post, sync.path, busy) for _ in range(MANY)]
    assert {each.get(timeout=60).status for each in while_alone} == {200}
    waiting = [gevent.spawn(hook.post, sync.path, busy) for _ in range(5)]
    other = gevent.spawn(hook.post, sync.path, quiet)
    assert other.get(timeout=60).status == 200
    assert {each.get(timeout=60).outcome for each in waiting} == {OUT_OF_TURN}


@pytest.mark.usefixtures("under_gevent")
def test_large_poddiagnosers_are_parsed_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their objects would take too much memory at once; smaller ones do not wait for them."""
    hook = Hook(parts={"thread_time": Busy()}, deadline=lambda _: nullcontext())
    order: list[Any] = []

    def parse(content: bytes) -> Any:
        order.append(gevent.getcurrent())
        return parse_pods(content)

    monkeypatch.setattr(endpoints, "parse_pods", parse)
    path = "/poddiagnosers/sync"
    large = [gevent.spawn(hook.post, path, of_pods(100)) for _ in range(3)]
    small = gevent.spawn(hook.post, path, of_pods(20))
    assert {each.get(timeout=60).status for each in (*large, small)} == {200}
    assert small in order
    places = [order.index(each) for each in large]
    assert order.index(small) < sorted(places)[1]
    order = [each for each in order if each is not small]
    assert [each for each, _ in itertools.groupby(order)] == sorted(large, key=order.index)


def test_parts_make_no_difference_to_the_response(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large request is answered as if it were parsed as a whole."""
    body = of_pods(50)
    path = "/poddiagnosers/sync"
    assert len(body) > 2 * PART_BYTES
    in_parts = Hook().post(path, body)
    assert in_parts.status == 200
    monkeypatch.setattr(endpoints, "split_pods", lambda *_, **__: None)
    assert Hook().post(path, body) == in_parts


def test_what_is_no_pod_is_refused_in_parts_too() -> None:
    """With the same words."""
    body = of_pods(50)
    at = body.rindex(b'"restartCount":')
    broken = body[:at] + b'"restartCount":"' + b"x" + body[at + len(b'"restartCount":') :]
    assert Hook().post("/poddiagnosers/sync", broken).outcome == NOT_A_REQUEST


def test_bodies_of_pods_fit_into_their_container() -> None:
    """Three times what they take, since they are read, beside what is there: within 256 MiB.

    That is some 60 MiB at rest and, measured, 50 for the places of both ports, with TLS.
    """
    settings = Settings(endpoints=Endpoints.PODS)
    assert settings.max_pod_body < settings.memory_budget / 2
    assert (60 + 50) * 1024**2 + 3 * settings.memory_budget <= 256 * 1024**2
    assert Settings().memory_budget == Settings().max_bodies


def test_refused_requests_are_counted_all_and_logged_a_few() -> None:
    """Nobody fills the log by requests that are refused."""
    hook = Hook()
    for _ in range(500):
        assert hook.post("/pods/sync", b"{").status == 400
    assert len([line for line in hook.take_log() if "Request refused" in line]) == MAX_LINES
    metrics = hook.call("GET", "/metrics").body.decode()
    assert 'hook_requests_total{endpoint="/pods/sync",status="400"} 500.0' in metrics
