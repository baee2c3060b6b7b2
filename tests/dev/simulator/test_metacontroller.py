"""Metacontroller's side of the hook contract, as it was seen and read (version 4.17.2).

The answers that are wrong, and what follows them, are those that were tried on the real one.
"""

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from dev.simulator.cluster import Cluster, Conditions
from dev.simulator.errors import ApiError
from dev.simulator.metacontroller.answers import CrashError, UnreadableAnswerError, read_sync_answer
from dev.simulator.metacontroller.process import Flags
from dev.simulator.objects import Object
from dev.simulator.resources import EVENT, NAMESPACE, POD, Resource
from dev.simulator.scheduling import Clock, VirtualScheduler
from dev.simulator.schemas import Schema
from dev.simulator.timing import Timing
from dev.simulator.webhooks import Answer, InProcess
from dev.simulator.writes import Call, DeleteOptions
from tests.dev.simulator.recorded import RECORDINGS

GROUP = "example.com"
ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
PARENT = Resource(GROUP, "v1", "parents", "Parent", has_status=True, schema=Schema.read(ANY))
CHILD = Resource(GROUP, "v1", "children", "Child", schema=Schema.read(ANY))
STRICT = Resource(
    GROUP,
    "v1",
    "stricts",
    "Strict",
    has_status=True,
    schema=Schema.read(
        {
            "type": "object",
            "properties": {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": {"type": "object"},
                "status": {"type": "object", "properties": {"count": {"type": "integer"}}},
            },
        }
    ),
)


def controller(**spec: Any) -> Object:
    """Return a DecoratorController with a sync and a customize hook."""
    hooks = {
        name: {"version": "v2", "webhook": {"url": f"http://hook.test/{name}", "timeout": timeout}}
        for name, timeout in (("customize", "1s"), ("sync", "10s"))
    }
    return {
        "apiVersion": "metacontroller.k8s.io/v1alpha1",
        "kind": "DecoratorController",
        "metadata": {"name": "test"},
        "spec": {"resources": [{"apiVersion": "v1", "resource": "pods"}], "hooks": hooks, **spec},
    }


PARENTS = {"resources": [{"apiVersion": f"{GROUP}/v1", "resource": "parents"}]}
CHILDREN = [
    {
        "apiVersion": f"{GROUP}/v1",
        "resource": "children",
        "updateStrategy": {"method": "InPlace"},
    }
]


class World:
    """A cluster with one DecoratorController and a hook that a test sets.

    Attributes:
        sync: the sync hook: request in; JSON, or a whole answer, out.
        customize: the customize hook likewise.
        calls: time, path and request of every call.
    """

    sync: Callable[[Object], Any]
    customize: Callable[[Object], Any]

    def __init__(self, manifest: Object | None = None, *, seed: int | None = None) -> None:
        self.scheduler = VirtualScheduler()
        clock = Clock(self.scheduler, datetime(2026, 1, 1, tzinfo=UTC))
        conditions = Conditions.calm() if seed is None else Conditions.seeded(seed)
        kinds = [PARENT, CHILD, STRICT]
        self.cluster = Cluster(self.scheduler, clock, kinds, conditions)
        self.store = self.cluster.store
        self.calls: list[tuple[float, str, Object]] = []
        self.sync = lambda _: {}
        self.customize = lambda _: {"relatedResources": []}
        self.transport = InProcess(self.scheduler, conditions.timing, self._hook)
        self.cluster.install([manifest or controller()])
        self.start()

    def start(self, flags: Flags | None = None) -> None:
        """Start Metacontroller, and wait until it is there."""
        self.cluster.start_metacontroller(self.transport, flags)
        self.scheduler.run_for(0.5)

    def syncs(self) -> list[Object]:
        """Return the sync requests so far."""
        return [request for _, path, request in self.calls if path == "/sync"]

    def sync_times(self) -> list[float]:
        """Return when they arrived."""
        return [time for time, path, _ in self.calls if path == "/sync"]

    def events(self) -> list[Object]:
        """Return the SyncError Events."""
        return [one for one in self.store.select(EVENT) if one["reason"] == "SyncError"]

    def pod(self, name: str = "p", **metadata: Any) -> Object:
        """Create a Pod on a node of its own, where nobody touches it."""
        return self.store.create(
            POD,
            {
                "metadata": {"name": name, "namespace": "default", **metadata},
                "spec": {"nodeName": "far", "containers": [{"name": "c", "image": "i"}]},
            },
        )

    def parent(self, name: str = "p", **fields: Any) -> Object:
        """Create a Parent."""
        return self.store.create(
            PARENT, {"metadata": {"name": name, "namespace": "default"}, **fields}
        )

    def child(self, name: str, namespace: str = "default", **metadata: Any) -> Object:
        """Create a Child that belongs to nobody."""
        return self.store.create(
            CHILD, {"metadata": {"name": name, "namespace": namespace, **metadata}}
        )

    def writes(self) -> list[tuple[str, str, str, int]]:
        """Return Metacontroller's writes: verb, resource, subresource, code."""
        return [
            (one.call.verb, one.call.resource.plural, one.call.subresource, one.code)
            for one in self.store.audit
            if one.call.manager == "metacontroller" and one.call.resource is not EVENT
        ]

    def _hook(self, path: str, body: bytes) -> Answer:
        request = json.loads(body)
        self.calls.append((self.scheduler.time(), path, request))
        answer = (self.sync if path == "/sync" else self.customize)(request)
        return answer if isinstance(answer, Answer) else Answer(200, json.dumps(answer).encode())


def rule(**fields: Any) -> Object:
    """Return a customize answer with one rule about Children."""
    return {"relatedResources": [{"apiVersion": f"{GROUP}/v1", "resource": "children", **fields}]}


# Answers that are wrong


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(500, b"internal error"), "unsupported status code: 500 body: internal error"),
        (Answer(404, b"no"), "unsupported status code: 404 body: no"),
        (
            Answer(200, b'{"unknown": 1}'),
            (
                "strict validation failed for v2 webhookResponse (type: sync, mode: strict): "
                'unknown field "unknown"'
            ),
        ),
        (
            Answer(200, b"oops"),
            (
                "can't unmarshal webhookResponse (version: v2, type: sync): "
                "invalid character 'o' looking for beginning of value"
            ),
        ),
        (
            Answer(200, b'{"annotations": {"a": 5}}'),
            (
                "can't unmarshal webhookResponse (version: v2, type: sync): json: cannot unmarshal "
                "number into Go struct field DecoratorHookResponse.annotations of type string"
            ),
        ),
    ],
    ids=["500", "404", "unknown key", "not JSON", "annotation value 5"],
)
def test_a_wrong_answer_is_retried_with_back_off(answer: Answer, message: str) -> None:
    """Ten syncs in 2.6 s, after 5, 10, 20 ... ms, and one Event whose count rises."""
    world = World()
    world.sync = lambda _: answer
    world.pod()
    world.scheduler.run_for(2.7)
    times = world.sync_times()
    assert len(times) == 10
    waits = [later - sooner for sooner, later in itertools.pairwise(times)]
    for number, wait in enumerate(waits):
        assert 0.005 * 2**number <= wait <= 0.005 * 2**number + 0.01
    (event,) = world.events()
    assert event["message"] == f"Sync error: sync hook failed (version=v2): {message}"
    assert event["type"] == "Warning"
    assert event["involvedObject"]["name"] == "p"
    assert event["source"] == {"component": "metacontroller"}
    assert event["count"] == len(times)


RECORDED = json.loads((RECORDINGS / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("body", RECORDED)
def test_wrong_answers_are_refused_in_the_same_words(body: str) -> None:
    """Each answer that the real Metacontroller refused is refused with the message that it gave."""
    with pytest.raises(UnreadableAnswerError) as error:
        read_sync_answer(body.encode())
    # The real one quotes the answer as it came, the simulator writes it anew.
    assert str(error.value).replace(" ", "") == RECORDED[body].replace(" ", "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b'{"status": []}',
        b'{"status": "fine"}',
        b'{"labels": {"a": {}}}',
        b'{"attachments": {}}',
        b'{"attachments": [{"metadata": {"name": "x"}}]}',
        b'{"resyncAfterSeconds": "5"}',
        b'{"resyncAfterSeconds": NaN}',
        b'{"Annotations": {}}',
        b'{"annotations": {}, "annotations": {}}',
        b'{"annotations": {"a": "1", "a": "2"}}',
        b'{"status": {"a": 1, "a": 2}}',
        b'{"status": {"a": [{"b": 1, "b": 2}]}}',
        b"{} x",
        b"{'a': 1}",
    ],
)
def test_v2_answers_are_read_strictly(body: bytes) -> None:
    """Types, unknown keys, duplicate keys anywhere, and letter case are all held against it."""
    world = World()
    world.sync = lambda _: Answer(200, body)
    pod = world.pod()
    world.scheduler.run_for(0.5)
    assert world.events()
    assert world.store.get(POD, ("default", "p")) == pod


def test_a_null_among_the_attachments_is_the_end() -> None:
    """The real one dereferences it, and dies; what would do that ends a simulation."""
    world = World()
    world.sync = lambda _: Answer(200, b'{"attachments": [null]}')
    world.pod()
    with pytest.raises(CrashError, match="nil pointer"):
        world.scheduler.run_for(0.5)


@pytest.mark.parametrize(
    "body",
    [b"null", b"{}", b'{"labels": null, "status": null, "attachments": null, "finalized": false}'],
)
def test_answers_that_want_nothing(body: bytes) -> None:
    """Null is the same as absent, everywhere."""
    world = World()
    world.sync = lambda _: Answer(200, body)
    world.pod()
    world.scheduler.run_for(5)
    assert len(world.syncs()) == 1
    assert not world.events()
    assert not world.writes()


def test_429_with_retry_after_waits_quietly() -> None:
    """The hook is asked again after the time it said, each time, and there is no Event."""
    world = World()
    world.sync = lambda _: Answer(429, b"", {"retry-after": "5"})
    world.pod()
    world.scheduler.run_for(21)
    times = world.sync_times()
    assert len(times) == 5
    for sooner, later in itertools.pairwise(times):
        assert later - sooner == pytest.approx(5.0, abs=0.01)
    assert not world.events()


def test_429_with_a_date_waits_until_then() -> None:
    """Retry-After may be a time, too."""
    world = World()
    date = Answer(429, b"", {"retry-after": "Thu, 01 Jan 2026 00:00:07 GMT"})
    world.sync = lambda _: date if len(world.syncs()) == 1 else {}
    world.pod()
    world.scheduler.run_for(60)
    assert len(world.syncs()) == 2
    assert 7 <= world.sync_times()[1] < 8


def test_a_bare_429_is_a_hot_loop() -> None:
    """Without Retry-After the hook is asked again at once: hundreds of times a second."""
    world = World()
    world.sync = lambda _: Answer(429, b"")
    world.pod()
    world.scheduler.run_for(1)
    assert len(world.syncs()) > 300
    assert not world.events()


def test_an_answer_that_does_not_come_is_an_error() -> None:
    """After the webhook's timeout the sync has failed, and is tried again."""
    world = World()
    world.sync = lambda _: Answer(200, b"{}", delay=60)
    world.pod()
    world.scheduler.run_for(10.5)
    assert len(world.syncs()) == 2
    (event,) = world.events()
    assert "http error: Post" in event["message"]
    assert "Client.Timeout exceeded while awaiting headers" in event["message"]


def test_a_hook_that_is_down_is_an_error() -> None:
    """A refused connection is retried with back-off; when the hook is back, the sync succeeds."""
    world = World()

    def down(_: Object) -> Any:
        message = "dial tcp: connect: connection refused"
        raise ConnectionError(message)

    world.sync = down
    world.pod()
    world.scheduler.run_for(1)
    assert "connection refused" in world.events()[0]["message"]
    world.sync = lambda _: {"annotations": {"a": "b"}}
    world.scheduler.run_for(2)
    assert world.store.get(POD, ("default", "p"))["metadata"]["annotations"] == {"a": "b"}


def test_success_forgets_failures() -> None:
    """After a good answer the next failure begins with the shortest back-off again."""
    world = World()
    world.sync = lambda _: Answer(500, b"")
    world.pod()
    world.scheduler.run_for(1)
    world.sync = lambda _: {}
    world.scheduler.run_for(3)
    world.calls.clear()
    world.sync = lambda _: Answer(500, b"")
    world.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    world.scheduler.run_for(0.05)
    times = world.sync_times()
    assert times[1] - times[0] < 0.015


def test_events_of_one_object_are_limited() -> None:
    """After 25 Events about an object only one in five minutes is written."""
    world = World()
    world.sync = lambda _: Answer(500, b"")
    world.pod()
    for _ in range(4):  # short back-offs again and again
        for _ in range(10):
            world.scheduler.run_for(1)
        world.sync = lambda _: {}
        world.scheduler.run_for(20)
        world.sync = lambda _: Answer(500, b"")
        world.store.patch(
            POD, ("default", "p"), {"metadata": {"labels": {"n": str(len(world.calls))}}}
        )
    assert len(world.syncs()) > 40
    written = [one for one in world.store.audit if one.call.resource is EVENT]
    assert len(written) == 25


def test_a_failing_customize_hook_fails_the_sync() -> None:
    """Its error is the sync's, without the words about the sync hook; 429 is honoured."""
    world = World()
    world.customize = lambda _: Answer(500, b"no")
    world.pod()
    world.scheduler.run_for(0.5)
    assert world.events()[0]["message"] == "Sync error: unsupported status code: 500 body: no"
    assert not world.syncs()
    other = World()
    other.customize = lambda _: Answer(429, b"", {"retry-after": "2"})
    other.pod()
    other.scheduler.run_for(5)
    assert len(other.calls) == 3
    assert not other.events()


# What is asked, and when


def test_customize_is_asked_once_for_a_uid_and_generation() -> None:
    """Its answer is kept for 20 minutes, which asking for it does not prolong."""
    world = World()
    world.pod()
    for minute in range(40):
        world.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"m": str(minute)}}})
        world.scheduler.run_for(60)
    times = [time for time, path, _ in world.calls if path == "/customize"]
    assert len(times) == 2
    assert 1200 <= times[1] - times[0] <= 1261


def test_a_new_generation_is_asked_for_anew() -> None:
    """A deletion raises a Pod's generation, so customize is asked again."""
    world = World()
    world.pod()
    world.scheduler.run_for(1)
    world.store.delete(POD, ("default", "p"), DeleteOptions(grace=30))
    world.scheduler.run_for(1)
    assert [path for _, path, _ in world.calls] == ["/customize", "/sync"] * 2
    assert world.syncs()[-1]["finalizing"] is False


def test_groups_are_there_even_when_empty() -> None:
    """Related and attached kinds stand in the request without a single object."""
    world = World(controller(**PARENTS, attachments=CHILDREN))
    world.customize = lambda _: rule(namespace="default")
    world.parent()
    world.scheduler.run_for(1)
    request = world.syncs()[0]
    assert list(request) == ["controller", "object", "attachments", "related", "finalizing"]
    assert request["attachments"] == {"Child.example.com/v1": {}}
    assert request["related"] == {"Child.example.com/v1": {}}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, ["default/a", "default/b", "other/a"]),
        ({"namespace": "default"}, ["default/a", "default/b"]),
        ({"namespace": "default", "names": ["b"]}, ["default/b"]),
        ({"names": ["a"]}, ["default/a", "other/a"]),
        ({"labelSelector": {"matchLabels": {"n": "a"}}}, ["default/a", "other/a"]),
        ({"namespace": "other", "labelSelector": {"matchLabels": {"n": "a"}}}, ["other/a"]),
        ({"namespaceSelector": {"matchLabels": {"team": "x"}}}, ["other/a"]),
    ],
)
def test_rules_choose_related_objects(fields: Object, found: list[str]) -> None:
    """Each kind of rule of hook version v2 finds what it says, in any namespace."""
    world = World()
    world.store.create(NAMESPACE, {"metadata": {"name": "other", "labels": {"team": "x"}}})
    for name, namespace in (("a", "default"), ("b", "default"), ("a", "other")):
        world.child(name, namespace, labels={"n": name})
    world.customize = lambda _: rule(**fields)
    world.pod()
    world.scheduler.run_for(1)
    assert sorted(world.syncs()[-1]["related"]["Child.example.com/v1"]) == found


@pytest.mark.parametrize(
    "fields",
    [
        {"names": ["a"], "labelSelector": {}},
        {"namespace": "default", "namespaceSelector": {}},
        {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}},
        {"resource": "nothings"},
    ],
)
def test_rules_that_cannot_be_followed_fail_the_sync(fields: Object) -> None:
    """What does not go together in a rule, and a kind that is not there, are sync errors."""
    world = World()
    world.customize = lambda _: rule(**fields)
    world.pod()
    world.scheduler.run_for(0.5)
    assert world.events()
    assert not world.syncs()


def test_related_objects_enqueue_those_whose_rule_matches() -> None:
    """A change is told to who was interested before or is now: label gone, label come, deleted."""
    world = World()
    world.customize = lambda request: rule(
        namespace="default",
        labelSelector={"matchLabels": {"for": request["parent"]["metadata"]["name"]}},
    )
    world.pod("p")
    world.pod("q")
    world.scheduler.run_for(1)

    def told() -> Counter[str]:
        world.scheduler.run_for(1)
        names = Counter(request["object"]["metadata"]["name"] for request in world.syncs())
        world.calls.clear()
        return names

    told()
    world.child("c", labels={"for": "p"})
    assert told() == {"p": 1}
    world.store.patch(CHILD, ("default", "c"), {"metadata": {"labels": {"for": "q"}}})
    assert told() == {"p": 1, "q": 1}
    world.store.patch(CHILD, ("default", "c"), {"data": "x"})
    assert told() == {"q": 1}
    world.store.delete(CHILD, ("default", "c"))
    assert told() == {"q": 1}


def test_a_parent_whose_customize_fails_misses_the_event() -> None:
    """It is skipped for that event, and others are not; its own next event makes up for it."""
    world = World()
    world.customize = lambda _: rule(namespace="default")
    world.pod("p")
    world.pod("q")
    world.scheduler.run_for(1)
    world.scheduler.run_for(1300)  # the cached answers expire
    world.calls.clear()

    def answer(request: Object) -> Any:
        if request["parent"]["metadata"]["name"] == "p":
            return Answer(500, b"")
        return rule(namespace="default")

    world.customize = answer
    world.child("c")
    world.scheduler.run_for(1)
    assert {one["object"]["metadata"]["name"] for one in world.syncs()} == {"q"}


def test_one_sync_at_a_time_for_an_object() -> None:
    """Changes during a sync make one more afterwards, however many there were."""
    world = World()
    world.sync = lambda _: Answer(200, b"{}", delay=2)
    world.pod()
    world.scheduler.run_for(0.5)
    for number in range(5):
        world.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"n": str(number)}}})
        world.scheduler.run_for(0.1)
    world.scheduler.run_for(10)
    assert len(world.syncs()) == 2
    assert world.syncs()[1]["object"]["metadata"]["labels"] == {"n": "4"}


def test_workers_work_side_by_side() -> None:
    """As many syncs run at once as there are workers, each of another object."""
    world = World()
    world.start(Flags(workers=3))
    world.sync = lambda _: Answer(200, b"{}", delay=2)
    for number in range(6):
        world.pod(f"p{number}")
    world.scheduler.run_for(1)
    assert len(world.syncs()) == 3
    world.scheduler.run_for(2)
    assert len(world.syncs()) == 6


# resyncAfterSeconds


def test_resync_after_seconds() -> None:
    """The hook is asked again after the time it asked for; 0 and less ask for nothing."""
    world = World()
    world.sync = lambda _: {"resyncAfterSeconds": 3.5 if len(world.syncs()) == 1 else -1}
    world.pod()
    world.scheduler.run_for(60)
    times = world.sync_times()
    assert len(times) == 2
    assert times[1] - times[0] == pytest.approx(3.5, abs=0.05)


def test_the_earliest_deadline_wins() -> None:
    """A later deadline does not replace an earlier one, and a sync between cancels none."""
    world = World()
    waits = iter([10.0, 100.0])
    world.sync = lambda _: {"resyncAfterSeconds": next(waits, 0)}
    world.pod()
    world.scheduler.run_for(5)
    world.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    world.scheduler.run_for(200)
    times = world.sync_times()
    assert len(times) == 3
    assert times[2] - times[0] == pytest.approx(10.0, abs=0.05)


def test_an_earlier_deadline_replaces_a_later_one() -> None:
    """Of two deadlines the earlier one is kept, alone."""
    world = World()
    waits = iter([100.0, 10.0])
    world.sync = lambda _: {"resyncAfterSeconds": next(waits, 0)}
    world.pod()
    world.scheduler.run_for(5)
    world.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    world.scheduler.run_for(200)
    times = world.sync_times()
    assert len(times) == 3
    assert times[2] - times[1] == pytest.approx(10.0, abs=0.05)


# Writing


def test_labels_and_annotations_are_set_and_deleted() -> None:
    """A string sets, null deletes, others are left alone; no change, no write."""
    world = World()
    world.sync = lambda _: {
        "labels": {"new": "1", "old": None, "absent": None},
        "annotations": {"note": "x"},
    }
    world.pod(labels={"old": "0", "mine": "2"}, annotations={"other": "y"})
    world.scheduler.run_for(5)
    metadata = world.store.get(POD, ("default", "p"))["metadata"]
    assert metadata["labels"] == {"mine": "2", "new": "1"}
    assert metadata["annotations"] == {"other": "y", "note": "x"}
    assert world.writes() == [("update", "pods", "", 200)]
    assert len(world.syncs()) == 2


def test_a_status_is_two_puts() -> None:
    """UpdateStatus, then Update of the whole; both raise the version; then all is quiet."""
    world = World(controller(**PARENTS))
    world.sync = lambda _: {"status": {"n": 1}}
    made = int(world.parent()["metadata"]["resourceVersion"])
    world.scheduler.run_for(5)
    assert world.writes() == [
        ("update", "parents", "status", 200),
        ("update", "parents", "", 200),
    ]
    stored = world.store.get(PARENT, ("default", "p"))
    assert stored["status"] == {"n": 1}
    assert int(stored["metadata"]["resourceVersion"]) == made + 2
    assert len(world.syncs()) == 2


@pytest.mark.parametrize("status", [None, {"n": 1}])
def test_an_unchanged_status_is_not_written(status: Object | None) -> None:
    """Null leaves the status; so does the same one."""
    world = World(controller(**PARENTS))
    world.store.create(PARENT, {"metadata": {"name": "p", "namespace": "default"}})
    world.store.patch(
        PARENT, ("default", "p"), {"status": {"n": 1}}, subresource="status", manager="other"
    )
    world.sync = lambda _: {"status": status}
    world.scheduler.run_for(2)
    assert not world.writes()


def test_a_float_that_is_an_integer_is_written_again_each_time() -> None:
    """1.0 differs from the stored 1: a write at each sync, though none of them changes anything."""
    world = World(controller(**PARENTS))
    world.sync = lambda _: Answer(200, b'{"status": {"n": 1.0}}')
    world.parent()
    world.scheduler.run_for(2)
    before = len(world.writes())
    version = world.store.version
    world.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    world.scheduler.run_for(2)
    assert len(world.writes()) == before + 2
    assert world.store.version == version + 1


def test_a_status_that_the_schema_prunes_is_written_again_each_time() -> None:
    """What is pruned is missing at the next sync, and sent again."""
    world = World(controller(resources=[{"apiVersion": f"{GROUP}/v1", "resource": "stricts"}]))
    world.sync = lambda _: {"status": {"count": 1, "unknown": 2}}
    world.store.create(STRICT, {"metadata": {"name": "s", "namespace": "default"}})
    world.scheduler.run_for(2)
    assert world.store.get(STRICT, ("default", "s"))["status"] == {"count": 1}
    assert len(world.syncs()) == 2
    assert len(world.writes()) == 4


def test_a_status_that_the_schema_refuses_is_a_sync_error() -> None:
    """422 is told in an Event and tried again."""
    world = World(controller(resources=[{"apiVersion": f"{GROUP}/v1", "resource": "stricts"}]))
    world.sync = lambda _: {"status": {"count": "many"}}
    world.store.create(STRICT, {"metadata": {"name": "s", "namespace": "default"}})
    world.scheduler.run_for(1)
    assert "can't update status: " in world.events()[0]["message"]
    assert "must be of type integer" in world.events()[0]["message"]


def test_an_empty_status_replaces_a_pods_whole_status() -> None:
    """The trap that the contract warns of: {} is not null."""
    world = World()
    world.pod()
    world.store.patch(POD, ("default", "p"), {"status": {"phase": "Running"}}, subresource="status")
    world.sync = lambda _: {"status": {}}
    world.scheduler.run_for(1)
    assert "phase" not in world.store.get(POD, ("default", "p"))["status"]


def test_a_conflict_is_swallowed() -> None:
    """A write on an old version is refused and dropped; the change itself brings the next sync."""
    world = World()

    def answer(request: Object) -> Any:
        seen = request["object"]["metadata"].get("labels", {}).get("n", "")
        if not seen:
            world.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"n": "1"}}})
        return {"annotations": {"seen": seen}}

    world.sync = answer
    world.pod()
    world.scheduler.run_for(2)
    assert world.store.get(POD, ("default", "p"))["metadata"]["annotations"] == {"seen": "1"}
    assert [code for *_, code in world.writes()] == [409, 200]
    assert not world.events()


def test_a_parent_that_is_gone_is_swallowed() -> None:
    """404 on its write is no error."""
    world = World()

    def answer(_: Object) -> Any:
        world.store.delete(POD, ("default", "p"), DeleteOptions(grace=0))
        return {"annotations": {"a": "b"}}

    world.sync = answer
    world.pod()
    world.scheduler.run_for(2)
    assert [code for *_, code in world.writes()] == [404]
    assert not world.events()


# Attachments


def wanted(name: str = "c", **fields: Any) -> Object:
    """Return a desired Child."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Child",
        "metadata": {"name": name},
        **fields,
    }


def attaching(*children: Object) -> World:
    """Return a world whose hook wants these attachments of the one Parent."""
    world = World(controller(**PARENTS, attachments=CHILDREN))
    world.sync = lambda _: {"attachments": list(children)}
    return world


def test_an_attachment_is_created_owned_and_marked() -> None:
    """It has its parent as controller, the decorator's name, and what it was made from."""
    world = attaching(wanted(spec={"a": 1}))
    parent = world.parent()
    world.scheduler.run_for(2)
    child = world.store.get(CHILD, ("default", "c"))
    assert child["metadata"]["ownerReferences"] == [
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Parent",
            "name": "p",
            "uid": parent["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    annotations = child["metadata"]["annotations"]
    assert annotations["metacontroller.k8s.io/decorator-controller"] == "test"
    applied = json.loads(annotations["metacontroller.k8s.io/last-applied-configuration"])
    assert applied == {
        **wanted(spec={"a": 1}),
        "metadata": {
            "annotations": {"metacontroller.k8s.io/decorator-controller": "test"},
            "name": "c",
            "namespace": "default",
        },
    }
    assert world.writes() == [("create", "children", "", 201)]
    assert list(world.syncs()[-1]["attachments"]["Child.example.com/v1"]) == ["default/c"]


def test_an_attachment_is_updated_by_a_three_way_merge() -> None:
    """Fields that are no longer wanted go, those of others stay, and it happens in place."""
    world = attaching(wanted(spec={"a": 1, "b": 2}))
    world.parent()
    world.scheduler.run_for(2)
    uid = world.store.get(CHILD, ("default", "c"))["metadata"]["uid"]
    world.store.patch(CHILD, ("default", "c"), {"spec": {"theirs": 3}})
    world.sync = lambda _: {"attachments": [wanted(spec={"a": 9})]}
    world.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"x": "y"}}})
    world.scheduler.run_for(2)
    child = world.store.get(CHILD, ("default", "c"))
    assert child["spec"] == {"a": 9, "theirs": 3}
    assert child["metadata"]["uid"] == uid
    quiet = len(world.writes())
    world.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"x": "z"}}})
    world.scheduler.run_for(2)
    assert len(world.writes()) == quiet


def test_what_others_change_is_changed_back() -> None:
    """A wanted field that someone else set is set again, since the change brings a sync."""
    world = attaching(wanted(spec={"a": 1}))
    world.parent()
    world.scheduler.run_for(2)
    world.store.patch(CHILD, ("default", "c"), {"spec": {"a": 5}})
    world.scheduler.run_for(2)
    assert world.store.get(CHILD, ("default", "c"))["spec"] == {"a": 1}


def test_an_attachment_that_is_left_out_is_deleted() -> None:
    """An answer without it is enough."""
    world = attaching(wanted())
    world.parent()
    world.scheduler.run_for(2)
    world.sync = lambda _: {}
    world.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"x": "y"}}})
    world.scheduler.run_for(2)
    assert world.store.peek(CHILD, ("default", "c")) is None


def test_someone_elses_object_of_the_name_is_left_alone() -> None:
    """AlreadyExists is swallowed: no error, no retry, no change."""
    world = attaching(wanted(spec={"a": 1}))
    other = world.child("c")
    world.parent()
    world.scheduler.run_for(2)
    assert world.store.get(CHILD, ("default", "c")) == other
    assert world.writes() == [("create", "children", "", 409)]
    assert not world.events()


def test_attachments_come_after_the_parents_own_update() -> None:
    """First both PUTs of the parent, then the attachment."""
    world = World(controller(**PARENTS, attachments=CHILDREN))
    world.sync = lambda _: {"status": {"n": 1}, "attachments": [wanted()]}
    world.parent()
    world.scheduler.run_for(2)
    assert world.writes() == [
        ("update", "parents", "status", 200),
        ("update", "parents", "", 200),
        ("create", "children", "", 201),
    ]


def test_a_conflict_leaves_the_attachments_for_the_next_sync() -> None:
    """The sync ends at the conflict, before its attachments."""
    world = World(controller(**PARENTS, attachments=CHILDREN))

    def answer(_: Object) -> Any:
        if len(world.syncs()) == 1:
            world.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
        return {"status": {"n": 1}, "attachments": [wanted()]}

    world.sync = answer
    world.parent()
    world.scheduler.run_for(0.008)
    world.scheduler.run_for(2)
    assert [(verb, code) for verb, *_, code in world.writes()] == [
        ("update", 409),
        ("update", 200),
        ("update", 200),
        ("create", 201),
    ]


def test_attachments_of_a_terminating_parent_are_left_alone() -> None:
    """Nothing is created, changed or deleted for a parent that is being deleted."""
    world = World(controller(attachments=CHILDREN))
    world.sync = lambda _: {"attachments": [wanted()]}
    world.pod()
    world.scheduler.run_for(1)
    world.sync = lambda _: {}
    world.store.delete(POD, ("default", "p"))
    world.scheduler.run_for(1)
    assert world.syncs()[-1]["object"]["metadata"]["deletionTimestamp"]
    assert world.store.peek(CHILD, ("default", "c")) is not None


def test_attachments_go_with_their_parent() -> None:
    """The garbage collector deletes them by their owner reference."""
    world = attaching(wanted())
    world.parent()
    world.scheduler.run_for(2)
    world.store.delete(PARENT, ("default", "p"))
    world.scheduler.run_for(2)
    assert world.store.peek(CHILD, ("default", "c")) is None


def test_an_attachment_of_an_unknown_kind_is_a_sync_error() -> None:
    """What cannot be created is told in an Event."""
    world = attaching({**wanted(), "kind": "Nothing"})
    world.parent()
    world.scheduler.run_for(0.5)
    assert "discovery: can't find kind Nothing" in world.events()[0]["message"]


# Starting again, and periods


def test_everything_is_synced_at_a_start() -> None:
    """A new process lists everything, asks customize for everything, and syncs everything."""
    world = World()
    for number in range(5):
        world.pod(f"p{number}")
    world.scheduler.run_for(2)
    world.calls.clear()
    world.start()
    assert Counter(path for _, path, _ in world.calls) == {"/customize": 5, "/sync": 5}


def test_what_changed_while_it_was_down_is_seen_at_the_start() -> None:
    """No watch is needed for it: the list has it."""
    world = World()
    world.pod("gone")
    world.scheduler.run_for(1)
    world.cluster.stop_metacontroller()
    world.store.delete(POD, ("default", "gone"), DeleteOptions(grace=0))
    world.pod("new")
    world.scheduler.run_for(5)
    world.calls.clear()
    world.start()
    assert [one["object"]["metadata"]["name"] for one in world.syncs()] == ["new"]


def test_a_write_that_was_sent_is_carried_out() -> None:
    """Metacontroller dies between request and answer: the write takes effect all the same."""
    world = World()
    world.sync = lambda _: {"annotations": {"a": "b"}}
    world.pod()
    world.scheduler.run_until(lambda: bool(world.syncs()), timeout=1)
    world.scheduler.run_for(0.0006)
    world.cluster.stop_metacontroller()
    world.scheduler.run_for(1)
    assert world.store.get(POD, ("default", "p"))["metadata"]["annotations"] == {"a": "b"}


def test_every_parent_is_synced_at_the_resync_period() -> None:
    """The flush interval enqueues all parents, though nothing changed."""
    world = World()
    world.start(Flags(cache_flush_interval=600))
    world.pod()
    world.scheduler.run_for(1900)
    assert len(world.syncs()) == 4


def test_a_controllers_own_resync_period() -> None:
    """A resyncPeriodSeconds shorter than the interval enqueues its parents that often."""
    world = World(controller(resyncPeriodSeconds=60))
    world.pod()
    world.scheduler.run_for(200)
    assert len(world.syncs()) == 4


def test_a_lost_watch_is_made_up_by_a_list() -> None:
    """Events that were under way are lost; the list has what they said, and what is gone."""
    world = World()
    world.pod("p")
    world.pod("q")
    world.scheduler.run_for(1)
    world.calls.clear()
    assert world.cluster.metacontroller
    world.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    world.store.delete(POD, ("default", "q"), DeleteOptions(grace=0))
    for informer in world.cluster.metacontroller.informers.all:
        informer.relist()
    world.scheduler.run_for(1)
    (request,) = world.syncs()
    assert request["object"]["metadata"]["labels"] == {"a": "b"}


def test_selectors_of_the_controller_choose_its_parents() -> None:
    """Only Pods with the label and the annotation are its parents."""
    resources = [
        {
            "apiVersion": "v1",
            "resource": "pods",
            "labelSelector": {"matchLabels": {"a": "b"}},
            "annotationSelector": {"matchAnnotations": {"c": "d"}},
        }
    ]
    world = World(controller(resources=resources))
    world.pod("none")
    world.pod("label", labels={"a": "b"})
    world.pod("both", labels={"a": "b"}, annotations={"c": "d"})
    world.scheduler.run_for(1)
    assert [one["object"]["metadata"]["name"] for one in world.syncs()] == ["both"]


def test_status_changes_can_be_ignored() -> None:
    """With ignoreStatusChanges an update of the status alone is passed over."""
    world = World(
        controller(
            resources=[{"apiVersion": "v1", "resource": "pods", "ignoreStatusChanges": True}]
        )
    )
    world.pod()
    world.scheduler.run_for(1)
    world.store.patch(POD, ("default", "p"), {"status": {"phase": "Failed"}}, subresource="status")
    world.scheduler.run_for(1)
    assert len(world.syncs()) == 1
    world.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    world.scheduler.run_for(1)
    assert len(world.syncs()) == 2


def test_the_client_is_rate_limited() -> None:
    """With Metacontroller's own defaults, five requests a second, writes take their time."""
    world = World()
    world.start(Flags(workers=5, qps=5, burst=10))
    world.sync = lambda _: {"annotations": {"a": "b"}}
    for number in range(40):
        world.pod(f"p{number:02}")
    world.scheduler.run_for(3)
    assert len(world.writes()) < 30
    world.scheduler.run_for(10)
    assert len(world.writes()) == 40


# Faults and determinism


class LoseEveryThird:
    """Loses the answer of every third write: it was carried out, and the client gets an error."""

    def __init__(self) -> None:
        self.count = 0

    def before(self, _: Call) -> Exception | None:
        """Let every request through."""
        return None

    def after(self, call: Call) -> Exception | None:
        """Lose some answers."""
        if call.manager != "metacontroller" or call.verb != "update":
            return None
        self.count += 1
        return OSError("connection reset by peer") if self.count % 3 == 0 else None


def test_a_lost_answer_is_retried_and_does_no_harm() -> None:
    """A connection that breaks after the write is a sync error; the next sync finds it done."""
    world = World(controller(**PARENTS))
    world.cluster.network.interference = LoseEveryThird()
    world.sync = lambda _: {"status": {"n": 1}, "labels": {"a": "b"}}
    for name in "abc":
        world.parent(name)
    world.scheduler.run_for(10)
    for name in "abc":
        assert world.store.get(PARENT, ("default", name))["status"] == {"n": 1}
    assert "connection reset by peer" in world.events()[0]["message"]


def busy(seed: int) -> tuple[list[Any], list[Any]]:
    """Run a busy while and return all that was sent and all that was written."""
    world = World(controller(**PARENTS, attachments=CHILDREN), seed=seed)
    world.customize = lambda _: rule(namespace="default")
    world.sync = lambda request: {
        "status": {"n": len(request["related"]["Child.example.com/v1"])},
        "attachments": [wanted(request["object"]["metadata"]["name"])],
    }
    for name in "abcdef":
        world.parent(name)
    world.scheduler.run_for(5)
    return world.calls, [
        (one.time, one.call.verb, one.call.key, one.code, one.version) for one in world.store.audit
    ]


def test_the_same_seed_gives_the_same_run() -> None:
    """Every request, to the byte, and every write; and another seed gives another run."""
    assert busy(1) == busy(1)
    assert busy(1)[0] != busy(2)[0]


@pytest.mark.parametrize("seed", range(20))
def test_every_order_ends_the_same(seed: int) -> None:
    """Whatever order things happen in, in the end each status has counted all, and it is quiet."""
    calls, audit = busy(seed)
    last = {
        request["object"]["metadata"]["name"]: request
        for _, path, request in calls
        if path == "/sync"
    }
    assert all(one["object"]["status"] == {"n": 6} for one in last.values())
    assert audit[-1][0] < "2026-01-01T00:00:04Z"


def test_a_random_source_is_used_where_order_is_open() -> None:
    """Timing without a random source keeps order; with one it does not."""
    assert Timing().order("cab") == ["c", "a", "b"]
    orders = {"".join(Timing(random.Random(seed)).order("abc")) for seed in range(30)}
    assert len(orders) == 6


def test_the_store_refuses_through_the_client_what_it_refuses_itself() -> None:
    """An ApiError crosses the network as it is."""
    world = World()
    with pytest.raises(ApiError):
        world.store.get(POD, ("default", "none"))
