"""Metacontroller's side of the hook contract, as observed and read in the source (4.17.2).

Wrong answers and their consequences were tried on the real one.
"""

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from dev.simulator.cluster import Conditions
from dev.simulator.errors import ApiError
from dev.simulator.metacontroller.answers import CrashError, UnreadableAnswerError, read_sync_answer
from dev.simulator.metacontroller.process import Flags
from dev.simulator.objects import Object
from dev.simulator.resources import EVENT, NAMESPACE, POD, Resource
from dev.simulator.schemas import Schema
from dev.simulator.timing import Timing
from dev.simulator.webhooks import Answer, InProcess
from dev.simulator.writes import Call, DeleteOptions
from tests.dev.simulator.recorded import RECORDINGS
from tests.support.cluster_fixture import ClusterFixture

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


class MetacontrollerCluster(ClusterFixture):
    """A cluster with one DecoratorController and a hook that a test sets.

    Attributes:
        sync: the sync hook: request in; JSON, or a whole answer, out.
        customize: the customize hook likewise.
        calls: time, path and request of every call.
    """

    sync: Callable[[Object], Any]
    customize: Callable[[Object], Any]

    def __init__(self, manifest: Object | None = None, *, seed: int | None = None) -> None:
        conditions = Conditions.calm() if seed is None else Conditions.seeded(seed)
        super().__init__([PARENT, CHILD, STRICT], conditions)
        self.calls: list[tuple[float, str, Object]] = []
        self.sync = lambda _: {}
        self.customize = lambda _: {"relatedResources": []}
        self.transport = InProcess(self.scheduler, conditions.timing, self._hook)
        self.simulator.install([manifest or controller()])
        self.start()

    def start(self, flags: Flags | None = None) -> None:
        """Start Metacontroller, and wait until it is there."""
        self.simulator.start_metacontroller(self.transport, flags)
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
        """Create a Pod on another node, where no kubelet runs it."""
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
        """Create a Child without an owner."""
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
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: answer
    cluster.pod()
    cluster.scheduler.run_for(2.7)
    times = cluster.sync_times()
    assert len(times) == 10
    waits = [later - sooner for sooner, later in itertools.pairwise(times)]
    for number, wait in enumerate(waits):
        assert 0.005 * 2**number <= wait <= 0.005 * 2**number + 0.01
    (event,) = cluster.events()
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
    # The real one quotes the answer as it came, the simulator encodes it again.
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
    """Types, unknown keys, duplicate keys anywhere, and letter case are all errors."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: Answer(200, body)
    pod = cluster.pod()
    cluster.scheduler.run_for(0.5)
    assert cluster.events()
    assert cluster.store.get(POD, ("default", "p")) == pod


def test_a_null_among_the_attachments_is_the_end() -> None:
    """The real one dereferences it and crashes; so the simulation ends with an error."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: Answer(200, b'{"attachments": [null]}')
    cluster.pod()
    with pytest.raises(CrashError, match="nil pointer"):
        cluster.scheduler.run_for(0.5)


@pytest.mark.parametrize(
    "body",
    [b"null", b"{}", b'{"labels": null, "status": null, "attachments": null, "finalized": false}'],
)
def test_answers_that_want_nothing(body: bytes) -> None:
    """Null is the same as absent, everywhere."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: Answer(200, body)
    cluster.pod()
    cluster.scheduler.run_for(5)
    assert len(cluster.syncs()) == 1
    assert not cluster.events()
    assert not cluster.writes()


def test_429_with_retry_after_waits_quietly() -> None:
    """The hook is called again after each Retry-After, and there is no Event."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: Answer(429, b"", {"retry-after": "5"})
    cluster.pod()
    cluster.scheduler.run_for(21)
    times = cluster.sync_times()
    assert len(times) == 5
    for sooner, later in itertools.pairwise(times):
        assert later - sooner == pytest.approx(5.0, abs=0.01)
    assert not cluster.events()


def test_429_with_a_date_waits_until_then() -> None:
    """Retry-After may be a time, too."""
    cluster = MetacontrollerCluster()
    date = Answer(429, b"", {"retry-after": "Thu, 01 Jan 2026 00:00:07 GMT"})
    cluster.sync = lambda _: date if len(cluster.syncs()) == 1 else {}
    cluster.pod()
    cluster.scheduler.run_for(60)
    assert len(cluster.syncs()) == 2
    assert 7 <= cluster.sync_times()[1] < 8


def test_a_bare_429_is_a_hot_loop() -> None:
    """Without Retry-After the hook is called again at once: hundreds of times a second."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: Answer(429, b"")
    cluster.pod()
    cluster.scheduler.run_for(1)
    assert len(cluster.syncs()) > 300
    assert not cluster.events()


def test_an_answer_that_does_not_come_is_an_error() -> None:
    """After the webhook's timeout the sync has failed, and is tried again."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: Answer(200, b"{}", delay=60)
    cluster.pod()
    cluster.scheduler.run_for(10.5)
    assert len(cluster.syncs()) == 2
    (event,) = cluster.events()
    assert "http error: Post" in event["message"]
    assert "Client.Timeout exceeded while awaiting headers" in event["message"]


def test_a_hook_that_is_down_is_an_error() -> None:
    """A refused connection is retried with back-off; when the hook is back, the sync succeeds."""
    cluster = MetacontrollerCluster()

    def down(_: Object) -> Any:
        message = "dial tcp: connect: connection refused"
        raise ConnectionError(message)

    cluster.sync = down
    cluster.pod()
    cluster.scheduler.run_for(1)
    assert "connection refused" in cluster.events()[0]["message"]
    cluster.sync = lambda _: {"annotations": {"a": "b"}}
    cluster.scheduler.run_for(2)
    assert cluster.store.get(POD, ("default", "p"))["metadata"]["annotations"] == {"a": "b"}


def test_success_forgets_failures() -> None:
    """After a good answer the next failure begins with the shortest back-off again."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: Answer(500, b"")
    cluster.pod()
    cluster.scheduler.run_for(1)
    cluster.sync = lambda _: {}
    cluster.scheduler.run_for(3)
    cluster.calls.clear()
    cluster.sync = lambda _: Answer(500, b"")
    cluster.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    cluster.scheduler.run_for(0.05)
    times = cluster.sync_times()
    assert times[1] - times[0] < 0.015


def distinct(cluster: MetacontrollerCluster) -> set[str]:
    """Return the objects of the syncs so far."""
    return {one["object"]["metadata"]["name"] for one in cluster.syncs()}


def failing(pods: int, seconds: float) -> MetacontrollerCluster:
    """Return a cluster whose Pods are related to Children and whose hook has failed for a while."""
    cluster = MetacontrollerCluster(controller(resyncPeriodSeconds=3600))
    cluster.customize = lambda _: rule(namespace="default")
    cluster.child("c")
    cluster.scheduler.run_for(1)
    cluster.sync = lambda _: Answer(500, b"")
    for number in range(pods):
        cluster.pod(f"p{number}")
    cluster.scheduler.run_for(seconds)
    return cluster


def test_all_retries_together_are_limited() -> None:
    """After a burst of a hundred, ten a second for all objects together."""
    cluster = failing(300, 1)
    first = Counter(one["object"]["metadata"]["name"] for one in cluster.syncs())
    assert sum(count >= 3 for count in first.values()) <= 100
    cluster.calls.clear()
    cluster.scheduler.run_for(10)
    assert 95 <= len(cluster.syncs()) <= 105


def test_retries_that_were_put_off_stay_put_off() -> None:
    """Once the hook answers, each Pod still waits for its turn, though nothing fails any more."""
    cluster = failing(300, 1)
    cluster.sync = lambda _: {}
    cluster.calls.clear()
    cluster.scheduler.run_for(10)
    assert 95 <= len(distinct(cluster)) <= 105


def test_events_are_not_limited() -> None:
    """A related object's event syncs all its parents at once, whatever they wait for."""
    cluster = failing(300, 30)
    cluster.sync = lambda _: {}
    cluster.calls.clear()
    cluster.store.patch(CHILD, ("default", "c"), {"metadata": {"annotations": {"a": "b"}}})
    cluster.scheduler.run_for(3)
    assert len(distinct(cluster)) == 300


def test_a_resync_is_not_limited() -> None:
    """It does not wait for the back-off of its object, which has grown long."""
    cluster = MetacontrollerCluster(controller(resyncPeriodSeconds=7))
    cluster.sync = lambda _: Answer(500, b"")
    cluster.pod()
    cluster.scheduler.run_for(200)
    cluster.sync = lambda _: {}
    cluster.calls.clear()
    cluster.scheduler.run_for(7.1)
    assert cluster.syncs()


def test_events_of_one_object_are_limited() -> None:
    """After 25 Events about an object only one in five minutes is written."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: Answer(500, b"")
    cluster.pod()
    for _ in range(4):  # short back-offs again and again
        for _ in range(10):
            cluster.scheduler.run_for(1)
        cluster.sync = lambda _: {}
        cluster.scheduler.run_for(20)
        cluster.sync = lambda _: Answer(500, b"")
        cluster.store.patch(
            POD, ("default", "p"), {"metadata": {"labels": {"n": str(len(cluster.calls))}}}
        )
    assert len(cluster.syncs()) > 40
    written = [one for one in cluster.store.audit if one.call.resource is EVENT]
    assert len(written) == 25


def test_a_failing_customize_hook_fails_the_sync() -> None:
    """Its error is the sync's, without the words about the sync hook; 429 is honoured."""
    cluster = MetacontrollerCluster()
    cluster.customize = lambda _: Answer(500, b"no")
    cluster.pod()
    cluster.scheduler.run_for(0.5)
    assert cluster.events()[0]["message"] == "Sync error: unsupported status code: 500 body: no"
    assert not cluster.syncs()
    other = MetacontrollerCluster()
    other.customize = lambda _: Answer(429, b"", {"retry-after": "2"})
    other.pod()
    other.scheduler.run_for(5)
    assert len(other.calls) == 3
    assert not other.events()


# What is asked, and when


def test_customize_is_called_once_for_a_uid_and_generation() -> None:
    """Its answer is kept for 20 minutes, which asking for it does not prolong."""
    cluster = MetacontrollerCluster()
    cluster.pod()
    for minute in range(40):
        cluster.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"m": str(minute)}}})
        cluster.scheduler.run_for(60)
    times = [time for time, path, _ in cluster.calls if path == "/customize"]
    assert len(times) == 2
    assert 1200 <= times[1] - times[0] <= 1261


def test_a_new_generation_needs_another_call() -> None:
    """A deletion raises a Pod's generation, so customize is asked again."""
    cluster = MetacontrollerCluster()
    cluster.pod()
    cluster.scheduler.run_for(1)
    cluster.store.delete(POD, ("default", "p"), DeleteOptions(grace=30))
    cluster.scheduler.run_for(1)
    assert [path for _, path, _ in cluster.calls] == ["/customize", "/sync"] * 2
    assert cluster.syncs()[-1]["finalizing"] is False


def test_groups_are_there_even_when_empty() -> None:
    """Related and attached kinds stand in the request without a single object."""
    cluster = MetacontrollerCluster(controller(**PARENTS, attachments=CHILDREN))
    cluster.customize = lambda _: rule(namespace="default")
    cluster.parent()
    cluster.scheduler.run_for(1)
    request = cluster.syncs()[0]
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
    cluster = MetacontrollerCluster()
    cluster.store.create(NAMESPACE, {"metadata": {"name": "other", "labels": {"team": "x"}}})
    for name, namespace in (("a", "default"), ("b", "default"), ("a", "other")):
        cluster.child(name, namespace, labels={"n": name})
    cluster.customize = lambda _: rule(**fields)
    cluster.pod()
    cluster.scheduler.run_for(1)
    assert sorted(cluster.syncs()[-1]["related"]["Child.example.com/v1"]) == found


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
    cluster = MetacontrollerCluster()
    cluster.customize = lambda _: rule(**fields)
    cluster.pod()
    cluster.scheduler.run_for(0.5)
    assert cluster.events()
    assert not cluster.syncs()


def test_related_objects_enqueue_those_whose_rule_matches() -> None:
    """Parents that were related before or are now get a sync: label gone, label come, deleted."""
    cluster = MetacontrollerCluster()
    cluster.customize = lambda request: rule(
        namespace="default",
        labelSelector={"matchLabels": {"for": request["parent"]["metadata"]["name"]}},
    )
    cluster.pod("p")
    cluster.pod("q")
    cluster.scheduler.run_for(1)

    def synced_names() -> Counter[str]:
        cluster.scheduler.run_for(1)
        names = Counter(request["object"]["metadata"]["name"] for request in cluster.syncs())
        cluster.calls.clear()
        return names

    synced_names()
    cluster.child("c", labels={"for": "p"})
    assert synced_names() == {"p": 1}
    cluster.store.patch(CHILD, ("default", "c"), {"metadata": {"labels": {"for": "q"}}})
    assert synced_names() == {"p": 1, "q": 1}
    cluster.store.patch(CHILD, ("default", "c"), {"data": "x"})
    assert synced_names() == {"q": 1}
    cluster.store.delete(CHILD, ("default", "c"))
    assert synced_names() == {"q": 1}


def test_a_parent_whose_customize_fails_misses_the_event() -> None:
    """It is skipped for that event, and others are not; its own next event makes up for it."""
    cluster = MetacontrollerCluster()
    cluster.customize = lambda _: rule(namespace="default")
    cluster.pod("p")
    cluster.pod("q")
    cluster.scheduler.run_for(1)
    cluster.scheduler.run_for(1300)  # the cached answers expire
    cluster.calls.clear()

    def answer(request: Object) -> Any:
        if request["parent"]["metadata"]["name"] == "p":
            return Answer(500, b"")
        return rule(namespace="default")

    cluster.customize = answer
    cluster.child("c")
    cluster.scheduler.run_for(1)
    assert {one["object"]["metadata"]["name"] for one in cluster.syncs()} == {"q"}


def test_one_sync_at_a_time_for_an_object() -> None:
    """Changes during a sync make one more afterwards, however many there were."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: Answer(200, b"{}", delay=2)
    cluster.pod()
    cluster.scheduler.run_for(0.5)
    for number in range(5):
        cluster.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"n": str(number)}}})
        cluster.scheduler.run_for(0.1)
    cluster.scheduler.run_for(10)
    assert len(cluster.syncs()) == 2
    assert cluster.syncs()[1]["object"]["metadata"]["labels"] == {"n": "4"}


def test_workers_work_side_by_side() -> None:
    """As many syncs run at once as there are workers, each of another object."""
    cluster = MetacontrollerCluster()
    cluster.start(Flags(workers=3))
    cluster.sync = lambda _: Answer(200, b"{}", delay=2)
    for number in range(6):
        cluster.pod(f"p{number}")
    cluster.scheduler.run_for(1)
    assert len(cluster.syncs()) == 3
    cluster.scheduler.run_for(2)
    assert len(cluster.syncs()) == 6


# resyncAfterSeconds


def test_resync_after_seconds() -> None:
    """The hook is called again after resyncAfterSeconds; 0 and less request nothing."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: {"resyncAfterSeconds": 3.5 if len(cluster.syncs()) == 1 else -1}
    cluster.pod()
    cluster.scheduler.run_for(60)
    times = cluster.sync_times()
    assert len(times) == 2
    assert times[1] - times[0] == pytest.approx(3.5, abs=0.05)


@pytest.mark.parametrize(
    ("waits", "since"), [((10.0, 100.0), 0), ((100.0, 10.0), 1)], ids=["later", "earlier"]
)
def test_of_two_deadlines_the_earliest_wins(waits: tuple[float, float], since: int) -> None:
    """A later deadline does not replace an earlier one, but an earlier one a later one."""
    cluster = MetacontrollerCluster()
    answers = iter(waits)
    cluster.sync = lambda _: {"resyncAfterSeconds": next(answers, 0)}
    cluster.pod()
    cluster.scheduler.run_for(5)
    cluster.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    cluster.scheduler.run_for(200)
    times = cluster.sync_times()
    assert len(times) == 3
    assert times[2] - times[since] == pytest.approx(10.0, abs=0.05)


# Writing


def test_labels_and_annotations_are_set_and_deleted() -> None:
    """A string sets, null deletes, others are unchanged; no change, no write."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: {
        "labels": {"new": "1", "old": None, "absent": None},
        "annotations": {"note": "x"},
    }
    cluster.pod(labels={"old": "0", "mine": "2"}, annotations={"other": "y"})
    cluster.scheduler.run_for(5)
    metadata = cluster.store.get(POD, ("default", "p"))["metadata"]
    assert metadata["labels"] == {"mine": "2", "new": "1"}
    assert metadata["annotations"] == {"other": "y", "note": "x"}
    assert cluster.writes() == [("update", "pods", "", 200)]
    assert len(cluster.syncs()) == 2


def test_a_status_is_two_puts() -> None:
    """UpdateStatus, then Update of the whole; both raise the version; then all is quiet."""
    cluster = MetacontrollerCluster(controller(**PARENTS))
    cluster.sync = lambda _: {"status": {"n": 1}}
    made = int(cluster.parent()["metadata"]["resourceVersion"])
    cluster.scheduler.run_for(5)
    assert cluster.writes() == [
        ("update", "parents", "status", 200),
        ("update", "parents", "", 200),
    ]
    stored = cluster.store.get(PARENT, ("default", "p"))
    assert stored["status"] == {"n": 1}
    assert int(stored["metadata"]["resourceVersion"]) == made + 2
    assert len(cluster.syncs()) == 2


@pytest.mark.parametrize("status", [None, {"n": 1}])
def test_an_unchanged_status_is_not_written(status: Object | None) -> None:
    """Null leaves the status; so does the same one."""
    cluster = MetacontrollerCluster(controller(**PARENTS))
    cluster.store.create(PARENT, {"metadata": {"name": "p", "namespace": "default"}})
    cluster.store.patch(
        PARENT, ("default", "p"), {"status": {"n": 1}}, subresource="status", manager="other"
    )
    cluster.sync = lambda _: {"status": status}
    cluster.scheduler.run_for(2)
    assert not cluster.writes()


def test_a_float_that_is_an_integer_is_written_again_each_time() -> None:
    """1.0 differs from the stored 1: a write at each sync, though none of them changes anything."""
    cluster = MetacontrollerCluster(controller(**PARENTS))
    cluster.sync = lambda _: Answer(200, b'{"status": {"n": 1.0}}')
    cluster.parent()
    cluster.scheduler.run_for(2)
    before = len(cluster.writes())
    version = cluster.store.version
    cluster.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    cluster.scheduler.run_for(2)
    assert len(cluster.writes()) == before + 2
    assert cluster.store.version == version + 1


def test_a_status_that_the_schema_prunes_is_written_again_each_time() -> None:
    """What is pruned is missing at the next sync, and sent again."""
    cluster = MetacontrollerCluster(
        controller(resources=[{"apiVersion": f"{GROUP}/v1", "resource": "stricts"}])
    )
    cluster.sync = lambda _: {"status": {"count": 1, "unknown": 2}}
    cluster.store.create(STRICT, {"metadata": {"name": "s", "namespace": "default"}})
    cluster.scheduler.run_for(2)
    assert cluster.store.get(STRICT, ("default", "s"))["status"] == {"count": 1}
    assert len(cluster.syncs()) == 2
    assert len(cluster.writes()) == 4


def test_a_status_that_the_schema_refuses_is_a_sync_error() -> None:
    """422 causes an Event and a retry."""
    cluster = MetacontrollerCluster(
        controller(resources=[{"apiVersion": f"{GROUP}/v1", "resource": "stricts"}])
    )
    cluster.sync = lambda _: {"status": {"count": "many"}}
    cluster.store.create(STRICT, {"metadata": {"name": "s", "namespace": "default"}})
    cluster.scheduler.run_for(1)
    assert "can't update status: " in cluster.events()[0]["message"]
    assert "must be of type integer" in cluster.events()[0]["message"]


def test_an_empty_status_replaces_a_pods_whole_status() -> None:
    """{} is not null, as the contract warns."""
    cluster = MetacontrollerCluster()
    cluster.pod()
    cluster.store.patch(
        POD, ("default", "p"), {"status": {"phase": "Running"}}, subresource="status"
    )
    cluster.sync = lambda _: {"status": {}}
    cluster.scheduler.run_for(1)
    assert "phase" not in cluster.store.get(POD, ("default", "p"))["status"]


def test_a_conflict_is_swallowed() -> None:
    """A write on an old version is refused and dropped; the change itself brings the next sync."""
    cluster = MetacontrollerCluster()

    def answer(request: Object) -> Any:
        seen = request["object"]["metadata"].get("labels", {}).get("n", "")
        if not seen:
            cluster.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"n": "1"}}})
        return {"annotations": {"seen": seen}}

    cluster.sync = answer
    cluster.pod()
    cluster.scheduler.run_for(2)
    assert cluster.store.get(POD, ("default", "p"))["metadata"]["annotations"] == {"seen": "1"}
    assert [code for *_, code in cluster.writes()] == [409, 200]
    assert not cluster.events()


def test_a_parent_that_is_gone_is_swallowed() -> None:
    """404 on its write is no error."""
    cluster = MetacontrollerCluster()

    def answer(_: Object) -> Any:
        cluster.store.delete(POD, ("default", "p"), DeleteOptions(grace=0))
        return {"annotations": {"a": "b"}}

    cluster.sync = answer
    cluster.pod()
    cluster.scheduler.run_for(2)
    assert [code for *_, code in cluster.writes()] == [404]
    assert not cluster.events()


# Attachments


def wanted(name: str = "c", **fields: Any) -> Object:
    """Return a desired Child."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Child",
        "metadata": {"name": name},
        **fields,
    }


def attaching(*children: Object) -> MetacontrollerCluster:
    """Return a cluster whose hook wants these attachments of the one Parent."""
    cluster = MetacontrollerCluster(controller(**PARENTS, attachments=CHILDREN))
    cluster.sync = lambda _: {"attachments": list(children)}
    return cluster


def test_an_attachment_is_created_owned_and_marked() -> None:
    """It has its parent as controller, the decorator's name, and what it was made from."""
    cluster = attaching(wanted(spec={"a": 1}))
    parent = cluster.parent()
    cluster.scheduler.run_for(2)
    child = cluster.store.get(CHILD, ("default", "c"))
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
    assert cluster.writes() == [("create", "children", "", 201)]
    assert list(cluster.syncs()[-1]["attachments"]["Child.example.com/v1"]) == ["default/c"]


def test_an_attachment_is_updated_by_a_three_way_merge() -> None:
    """Fields that are no longer wanted go, those of others stay, and it happens in place."""
    cluster = attaching(wanted(spec={"a": 1, "b": 2}))
    cluster.parent()
    cluster.scheduler.run_for(2)
    uid = cluster.store.get(CHILD, ("default", "c"))["metadata"]["uid"]
    cluster.store.patch(CHILD, ("default", "c"), {"spec": {"theirs": 3}})
    cluster.sync = lambda _: {"attachments": [wanted(spec={"a": 9})]}
    cluster.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"x": "y"}}})
    cluster.scheduler.run_for(2)
    child = cluster.store.get(CHILD, ("default", "c"))
    assert child["spec"] == {"a": 9, "theirs": 3}
    assert child["metadata"]["uid"] == uid
    quiet = len(cluster.writes())
    cluster.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"x": "z"}}})
    cluster.scheduler.run_for(2)
    assert len(cluster.writes()) == quiet


def test_what_others_change_is_changed_back() -> None:
    """A wanted field that someone else set is set again, since the change brings a sync."""
    cluster = attaching(wanted(spec={"a": 1}))
    cluster.parent()
    cluster.scheduler.run_for(2)
    cluster.store.patch(CHILD, ("default", "c"), {"spec": {"a": 5}})
    cluster.scheduler.run_for(2)
    assert cluster.store.get(CHILD, ("default", "c"))["spec"] == {"a": 1}


def test_an_attachment_that_is_left_out_is_deleted() -> None:
    """An answer without it is enough."""
    cluster = attaching(wanted())
    cluster.parent()
    cluster.scheduler.run_for(2)
    cluster.sync = lambda _: {}
    cluster.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"x": "y"}}})
    cluster.scheduler.run_for(2)
    assert cluster.store.peek(CHILD, ("default", "c")) is None


def test_someone_elses_object_of_the_name_is_left_alone() -> None:
    """AlreadyExists is swallowed: no error, no retry, no change."""
    cluster = attaching(wanted(spec={"a": 1}))
    other = cluster.child("c")
    cluster.parent()
    cluster.scheduler.run_for(2)
    assert cluster.store.get(CHILD, ("default", "c")) == other
    assert cluster.writes() == [("create", "children", "", 409)]
    assert not cluster.events()


def test_attachments_come_after_the_parents_own_update() -> None:
    """First both PUTs of the parent, then the attachment."""
    cluster = MetacontrollerCluster(controller(**PARENTS, attachments=CHILDREN))
    cluster.sync = lambda _: {"status": {"n": 1}, "attachments": [wanted()]}
    cluster.parent()
    cluster.scheduler.run_for(2)
    assert cluster.writes() == [
        ("update", "parents", "status", 200),
        ("update", "parents", "", 200),
        ("create", "children", "", 201),
    ]


def test_a_conflict_leaves_the_attachments_for_the_next_sync() -> None:
    """The sync ends at the conflict, before its attachments."""
    cluster = MetacontrollerCluster(controller(**PARENTS, attachments=CHILDREN))

    def answer(_: Object) -> Any:
        if len(cluster.syncs()) == 1:
            cluster.store.patch(PARENT, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
        return {"status": {"n": 1}, "attachments": [wanted()]}

    cluster.sync = answer
    cluster.parent()
    cluster.scheduler.run_for(0.008)
    cluster.scheduler.run_for(2)
    assert [(verb, code) for verb, *_, code in cluster.writes()] == [
        ("update", 409),
        ("update", 200),
        ("update", 200),
        ("create", 201),
    ]


def test_attachments_of_a_terminating_parent_are_left_alone() -> None:
    """Nothing is created, changed or deleted for a parent that is being deleted."""
    cluster = MetacontrollerCluster(controller(attachments=CHILDREN))
    cluster.sync = lambda _: {"attachments": [wanted()]}
    cluster.pod()
    cluster.scheduler.run_for(1)
    cluster.sync = lambda _: {}
    cluster.store.delete(POD, ("default", "p"))
    cluster.scheduler.run_for(1)
    assert cluster.syncs()[-1]["object"]["metadata"]["deletionTimestamp"]
    assert cluster.store.peek(CHILD, ("default", "c")) is not None


def test_attachments_go_with_their_parent() -> None:
    """The garbage collector deletes them by their owner reference."""
    cluster = attaching(wanted())
    cluster.parent()
    cluster.scheduler.run_for(2)
    cluster.store.delete(PARENT, ("default", "p"))
    cluster.scheduler.run_for(2)
    assert cluster.store.peek(CHILD, ("default", "c")) is None


def test_an_attachment_of_an_unknown_kind_is_a_sync_error() -> None:
    """A failed creation causes an Event."""
    cluster = attaching({**wanted(), "kind": "Nothing"})
    cluster.parent()
    cluster.scheduler.run_for(0.5)
    assert "discovery: can't find kind Nothing" in cluster.events()[0]["message"]


# Starting again, and periods


def test_everything_is_synced_at_a_start() -> None:
    """A new process lists everything, asks customize for everything, and syncs everything."""
    cluster = MetacontrollerCluster()
    for number in range(5):
        cluster.pod(f"p{number}")
    cluster.scheduler.run_for(2)
    cluster.calls.clear()
    cluster.start()
    assert Counter(path for _, path, _ in cluster.calls) == {"/customize": 5, "/sync": 5}


def test_what_changed_while_it_was_down_is_synced_at_the_start() -> None:
    """No watch is needed for it: the list has it."""
    cluster = MetacontrollerCluster()
    cluster.pod("gone")
    cluster.scheduler.run_for(1)
    cluster.simulator.stop_metacontroller()
    cluster.store.delete(POD, ("default", "gone"), DeleteOptions(grace=0))
    cluster.pod("new")
    cluster.scheduler.run_for(5)
    cluster.calls.clear()
    cluster.start()
    assert [one["object"]["metadata"]["name"] for one in cluster.syncs()] == ["new"]


def test_a_write_that_was_sent_is_carried_out() -> None:
    """If Metacontroller dies between request and answer, the write still takes effect."""
    cluster = MetacontrollerCluster()
    cluster.sync = lambda _: {"annotations": {"a": "b"}}
    cluster.pod()
    cluster.scheduler.run_until(lambda: bool(cluster.syncs()), timeout=1)
    cluster.scheduler.run_for(0.0006)
    cluster.simulator.stop_metacontroller()
    cluster.scheduler.run_for(1)
    assert cluster.store.get(POD, ("default", "p"))["metadata"]["annotations"] == {"a": "b"}


def test_every_parent_is_synced_at_the_resync_period() -> None:
    """The flush interval enqueues all parents, though nothing changed."""
    cluster = MetacontrollerCluster()
    cluster.start(Flags(cache_flush_interval=600))
    cluster.pod()
    cluster.scheduler.run_for(1900)
    assert len(cluster.syncs()) == 4


def test_a_controllers_own_resync_period() -> None:
    """A resyncPeriodSeconds shorter than the interval enqueues its parents that often."""
    cluster = MetacontrollerCluster(controller(resyncPeriodSeconds=60))
    cluster.pod()
    cluster.scheduler.run_for(200)
    assert len(cluster.syncs()) == 4


def test_a_lost_watch_is_made_up_by_a_list() -> None:
    """Events that were under way are lost; the list has their effects, deletions included."""
    cluster = MetacontrollerCluster()
    cluster.pod("p")
    cluster.pod("q")
    cluster.scheduler.run_for(1)
    cluster.calls.clear()
    assert cluster.simulator.metacontroller
    cluster.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    cluster.store.delete(POD, ("default", "q"), DeleteOptions(grace=0))
    for informer in cluster.simulator.metacontroller.informers.all:
        informer.relist()
    cluster.scheduler.run_for(1)
    (request,) = cluster.syncs()
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
    cluster = MetacontrollerCluster(controller(resources=resources))
    cluster.pod("none")
    cluster.pod("label", labels={"a": "b"})
    cluster.pod("both", labels={"a": "b"}, annotations={"c": "d"})
    cluster.scheduler.run_for(1)
    assert [one["object"]["metadata"]["name"] for one in cluster.syncs()] == ["both"]


def test_status_changes_can_be_ignored() -> None:
    """With ignoreStatusChanges an update of the status alone is passed over."""
    cluster = MetacontrollerCluster(
        controller(
            resources=[{"apiVersion": "v1", "resource": "pods", "ignoreStatusChanges": True}]
        )
    )
    cluster.pod()
    cluster.scheduler.run_for(1)
    cluster.store.patch(
        POD, ("default", "p"), {"status": {"phase": "Failed"}}, subresource="status"
    )
    cluster.scheduler.run_for(1)
    assert len(cluster.syncs()) == 1
    cluster.store.patch(POD, ("default", "p"), {"metadata": {"labels": {"a": "b"}}})
    cluster.scheduler.run_for(1)
    assert len(cluster.syncs()) == 2


def test_the_client_is_rate_limited() -> None:
    """With Metacontroller's own defaults, five requests a second, writes take their time."""
    cluster = MetacontrollerCluster()
    cluster.start(Flags(workers=5, qps=5, burst=10))
    cluster.sync = lambda _: {"annotations": {"a": "b"}}
    for number in range(40):
        cluster.pod(f"p{number:02}")
    cluster.scheduler.run_for(3)
    assert len(cluster.writes()) < 30
    cluster.scheduler.run_for(10)
    assert len(cluster.writes()) == 40


# Faults and determinism


class LoseEveryThird:
    """Loses the answer of every third write: it was executed, and the client gets an error."""

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
    cluster = MetacontrollerCluster(controller(**PARENTS))
    cluster.simulator.network.interference = LoseEveryThird()
    cluster.sync = lambda _: {"status": {"n": 1}, "labels": {"a": "b"}}
    for name in "abc":
        cluster.parent(name)
    cluster.scheduler.run_for(10)
    for name in "abc":
        assert cluster.store.get(PARENT, ("default", name))["status"] == {"n": 1}
    assert "connection reset by peer" in cluster.events()[0]["message"]


def busy(seed: int) -> tuple[list[Any], list[Any]]:
    """Run many changes; return all that was sent and all that was written."""
    cluster = MetacontrollerCluster(controller(**PARENTS, attachments=CHILDREN), seed=seed)
    cluster.customize = lambda _: rule(namespace="default")
    cluster.sync = lambda request: {
        "status": {"n": len(request["related"]["Child.example.com/v1"])},
        "attachments": [wanted(request["object"]["metadata"]["name"])],
    }
    for name in "abcdef":
        cluster.parent(name)
    cluster.scheduler.run_for(5)
    return cluster.calls, [
        (one.time, one.call.verb, one.call.key, one.code, one.version)
        for one in cluster.store.audit
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
    cluster = MetacontrollerCluster()
    with pytest.raises(ApiError):
        cluster.store.get(POD, ("default", "none"))
