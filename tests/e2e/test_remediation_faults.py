"""Remediation while the network, the API server and the hook itself fail."""

import contextlib
import copy
import json
import random
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPException
from urllib.parse import urlsplit

import pytest
import yaml

from dev.envtest import pods
from dev.envtest.client import PODDIAGNOSERS, PODS, Json
from dev.envtest.cluster import Cluster
from dev.envtest.proxy import Answer, Forward, Request, Rule, answering, cut, hanging, lose, waiting
from tests.e2e.fault_rig import (
    LATER,
    SYNC,
    FaultRig,
    has_crash,
    has_plan,
    in_namespace,
    kill,
    when,
    with_object,
)
from tests.e2e.object_recording import ObjectRecording, version
from tests.e2e.workspace import (
    AT_ONCE,
    ERROR,
    OOM_KILLED,
    PATIENCE,
    Workspace,
    eventually,
    shown_metadata,
)

TWINS = 100
"""How often the same request is sent at once."""

REPLACED = 200
"""How many Pods are replaced between read and deletion."""

EVENTS_API = "/events"


@pytest.fixture(scope="module")
def built(cluster: Cluster) -> Iterator[FaultRig]:
    """The networks and replicas, for all tests of this module."""
    with FaultRig(cluster) as rig:
        yield rig


@pytest.fixture
def rig(built: FaultRig) -> Iterator[FaultRig]:
    """The same, whole and with nothing recorded."""
    built.reset()
    yield built
    built.reset()


def test_the_same_sync_a_hundred_times_at_once(rig: FaultRig, shop: Workspace) -> None:
    """Two replicas get the same request again and again at once: one deletion, two Events."""
    planned = rig.planned(shop)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: rig.send(planned.request, n % 2), range(TWINS)))
    assert {answer.code for answer in answers} <= {200, 429}
    for answer in answers:
        if answer.code == 200:
            (entry,) = json.loads(answer.body)["status"]["remediations"]
            assert entry["podUID"] == planned.uid
    shop.replaced(planned.uid)
    rig.reset()
    shop.await_remediation("Done")
    shop.settled()
    calls = shop.calls()
    assert calls["delete pods 200"] == 1
    assert calls["create events 201"] == 2
    assert len(shop.events("PodDeleted")) == 2


def test_the_same_crash_a_hundred_times_at_once(rig: FaultRig, shop: Workspace) -> None:
    """LogEvent: two replicas get the same request again and again at once: one Event."""
    rig.hold_up(has_crash)
    shop.diagnose(remediationAction="LogEvent")
    shop.start_pod("web")
    shop.crash("web", ERROR)
    request = rig.held(shop.namespace, has_crash)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: rig.send(request, n % 2), range(TWINS)))
    rig.reset()
    shop.settled()
    assert len(shop.events("PodRestarted")) == 1
    assert shop.calls()["create events 201"] == 1


def test_duplicated_and_reordered_syncs(rig: FaultRig, shop: Workspace) -> None:
    """Every sync goes to both replicas, older ones come again after it: all is done once."""
    chance = random.Random(shop.namespace)
    earlier: list[Request] = []
    lock = threading.Lock()

    def disorder(request: Request, onward: Forward) -> Answer | None:
        if request.path != SYNC:
            return onward()
        with lock:
            stale = chance.sample(earlier, min(3, len(earlier)))
            earlier.append(request)
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(rig.send, request, replica) for replica in (0, 1)]
            for one in stale:
                pool.submit(rig.send, one, chance.randrange(2))
        return answers[chance.randrange(2)].result()

    rig.front.rule = disorder
    budget, number = 3, 5
    shop.diagnose(
        "restarting",
        remediationAction="RestartPod",
        remediation={**AT_ONCE, "budget": {"pods": budget, "windowSeconds": 600}},
    )
    shop.diagnose("logging", targetLabels={"tier": "logged"}, remediationAction="LogEvent")
    logged = [f"logged-{each}" for each in range(number)]
    for each, name in enumerate(logged):
        shop.replica_set(f"web-{each}")
        shop.start_pod(name, {"tier": "logged"})
    for pod in shop.running():
        shop.crash(pod["metadata"]["name"], ERROR)
    shop.await_events("PodRestarted", number)
    for name in logged:
        shop.crash(name, OOM_KILLED)
    eventually(
        lambda: sum(entry["phase"] == "Done" for entry in shop.remediations("restarting")),
        lambda done: done == budget,
    )
    shop.await_events("PodRestarted", 2 * number)
    shop.settled()
    calls = shop.calls()
    assert calls["delete pods 200"] == budget
    assert len(shop.events("PodDeleted")) == 2 * budget
    assert len(shop.events("PodRestarted")) == 2 * number


def once(rule: Rule) -> Rule:
    """Return a rule for the first request that it matches; the others pass."""
    first = threading.Lock()

    def only(request: Request, onward: Forward) -> Answer | None:
        return rule(request, onward) if first.acquire(blocking=False) else onward()

    return only


def test_the_answer_to_the_deletion_is_lost(rig: FaultRig, shop: Workspace) -> None:
    """The Pod goes without an answer: it counts as done, and nothing is deleted again."""
    shop.diagnose(remediationAction="RestartPod", remediation=AT_ONCE)
    (name,) = shop.replica_set("web")
    uid = shop.pod(name)["metadata"]["uid"]
    rig.api.rule = when("DELETE", f"/namespaces/{shop.namespace}/pods/", rule=once(lose))
    with ObjectRecording(shop.cluster.admin, shop.namespace) as recording:
        shop.crash(name, ERROR)
        shop.replaced(uid)
        entry = shop.await_remediation("Done")
        shop.settled()
        failing = recording.all(
            PODDIAGNOSERS,
            lambda one: any(
                condition["type"] == "Remediating" and condition["status"] == "False"
                for condition in one.get("status", {}).get("conditions", ())
            ),
        )
    assert not failing, "what passes is in no condition"
    assert (entry["podUID"], entry["reason"]) == (uid, "PodGone")
    calls = shop.calls()
    assert sum(number for call, number in calls.items() if call.startswith("delete")) == 1
    assert shop.status()["owners"][0]["attempts"] == 1, "it is charged"
    assert shop.condition("Remediating")["status"] == "True"


STEPS = (
    ("GET", "/poddiagnosers/"),
    ("GET", "/pods/"),
    ("DELETE", "/pods/"),
    ("POST", EVENTS_API),
    ("POST", EVENTS_API),
)
"""The calls of one remediation, in their order."""


class DyingReplicas:
    """Replicas of which each dies at the next of `STEPS`, before it or after it.

    Args:
        rig: the replicas.
        namespace: of the remediation.

    Attributes:
        deaths: at which steps replicas have died so far.
    """

    def __init__(self, rig: FaultRig, namespace: str) -> None:
        self.deaths: list[str] = []
        self._rig = rig
        self._namespace = namespace
        self._left = [(*step, after) for step in STEPS for after in (False, True)]
        self._serving = self._syncing = 0

    def service(self, request: Request, _: Forward) -> Answer | None:
        """Lead to the replica that is there, as a Service does."""
        chosen = self._serving
        if request.path == SYNC and f'"namespace":"{self._namespace}"'.encode() in request.body:
            self._syncing = chosen
        try:
            return self._rig.send(request, chosen)
        except (OSError, HTTPException):
            self._serving = 1 - chosen
            return LATER

    def die(self, request: Request, onward: Forward) -> Answer | None:
        """Kill the replica that makes a call, if it is the next step.

        Another one's death would let this one go on: without the Event, for one.
        """
        method, part, after = self._left[0] if self._left else ("", "", False)
        if request.method != method or part not in request.path:
            return onward()
        self._left.pop(0)
        answer = onward() if after else None
        assert answer is None or answer.code < 400 or method == "POST", answer
        kill(self._rig.replicas[self._syncing])
        self.deaths.append(f"{'after' if after else 'before'} {method} {part}")
        return None

    def start(self) -> list[str]:
        """Start those that died, without a wait: they may be killed before they are ready.

        Returns:
            `deaths`.
        """
        for replica in self._rig.replicas:
            if not replica.process.running:
                replica.process.start()
        return list(self.deaths)


def test_kill_9_at_each_step(rig: FaultRig, shop: Workspace) -> None:
    """Replicas die before and after each call of a remediation: one deletion, two Events."""
    shop.diagnose(remediationAction="RestartPod", remediation=AT_ONCE)
    (name,) = shop.replica_set("web")
    uid = shop.pod(name)["metadata"]["uid"]
    dying = DyingReplicas(rig, shop.namespace)
    rig.front.rule = dying.service
    rig.api.rule = in_namespace(shop.namespace, dying.die)
    shop.crash(name, ERROR)
    eventually(dying.start, lambda deaths: len(deaths) == 2 * len(STEPS), timeout=200)
    for replica in rig.replicas:
        if not replica.process.running:
            replica.process.start()
        replica.wait_until_ready()
    shop.replaced(uid)
    shop.await_remediation("Done")
    shop.settled()
    calls = shop.calls()
    assert calls["delete pods 200"] == 1
    assert len(shop.events("PodDeleted")) == 2
    assert len(shop.remediations()) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_kill_9_while_a_crash_is_reported(rig: FaultRig, shop: Workspace, after: bool) -> None:
    """LogEvent: the hook dies before or after it creates the Event: there is one."""
    rig.front.rule = lambda request, _: _or_later(rig, request)
    killed = threading.Event()

    def deadly(_: Request, onward: Forward) -> Answer | None:
        if after:
            onward()
        kill(rig.replicas[0])
        killed.set()
        return None

    rig.api.rule = in_namespace(shop.namespace, when("POST", EVENTS_API, rule=once(deadly)))
    shop.diagnose(remediationAction="LogEvent")
    shop.start_pod("web")
    shop.crash("web", ERROR)
    assert killed.wait(PATIENCE)
    shop.await_events("PodRestarted", 1)
    shop.settled()
    assert len(shop.events("PodRestarted")) == 1
    assert shop.calls()["create events 201"] == 1


def _or_later(rig: FaultRig, request: Request) -> Answer:
    """Return the answer of the second replica where the first one gives none."""
    try:
        return rig.send(request, 0 if rig.replicas[0].process.running else 1)
    except (OSError, HTTPException):
        return LATER


def test_a_pod_replaced_between_read_and_deletion_survives(rig: FaultRig, shop: Workspace) -> None:
    """A StatefulSet makes a new Pod of the same name just before the deletion: all of them live."""
    sets, replicas = 5, 4  # five are handled in one sync
    rig.hold_up(has_plan)
    shop.diagnose(remediationAction="RestartPod", remediation=AT_ONCE)
    made = [shop.stateful_set(f"db-{number}", replicas) for number in range(sets)]
    names = [name for several in made for name in several]
    admin, kubelet = shop.cluster.admin, shop.cluster.kubelet
    new: dict[str, str] = {}

    def replace_first(request: Request, onward: Forward) -> Answer | None:
        name = request.path.partition("?")[0].rpartition("/")[2]
        old = shop.pod(name)["metadata"]["uid"]
        admin.delete(PODS, name, shop.namespace, {"gracePeriodSeconds": 0})
        found = eventually(
            lambda: admin.find(PODS, name, shop.namespace),
            lambda pod: pod is not None and pod["metadata"]["uid"] != old,
        )
        assert found is not None
        answer = onward()
        new[name] = found["metadata"]["uid"]
        return answer

    rig.api.rule = when("DELETE", f"/namespaces/{shop.namespace}/pods/", rule=replace_first)
    survived, request, answers = 0, None, []
    with ThreadPoolExecutor(8) as pool:  # answers may be held for a while, when all is done
        while survived < REPLACED:
            for pod in eventually(shop.running, lambda found: len(found) == len(names), pause=0.1):
                ended = {**pod, "status": pods.ended(pod, ERROR)}
                kubelet.report(shop.namespace, pod["metadata"]["name"], pods.restarted(ended))
            crashed = {pod["metadata"]["name"]: pod for pod in map(shop.annotated, names)}
            request = request or rig.held(shop.namespace, has_plan)
            for several in zip(*made, strict=True):
                status = {"remediations": [plan_for(crashed[name]) for name in several]}
                admin.patch(
                    PODDIAGNOSERS, "diagnoser", {"status": status}, shop.namespace, "status"
                )
                new.clear()
                sync = with_object(request, shop.diagnoser())
                answers.append(pool.submit(rig.status_after, sync))
                eventually(lambda: sorted(new), sorted(several).__eq__)
                for name, uid in new.items():
                    pod = shop.pod(name)
                    assert pod["metadata"]["uid"] == uid
                    assert "deletionTimestamp" not in pod["metadata"]
                    survived += 1
    for answer in answers:
        assert {entry["phase"] for entry in answer.result()["remediations"]} == {"Planned"}
    calls = shop.calls()
    assert calls["delete pods 409"] == survived == REPLACED
    assert "delete pods 200" not in calls


@pytest.mark.parametrize("sent", [0, 20])
def test_a_deletion_that_is_cut_off_deletes_nothing(shop: Workspace, sent: int) -> None:
    """As the hook is killed while it sends one: the API server takes no request without its end."""
    (name,) = shop.replica_set("web")
    uid = shop.pod(name)["metadata"]["uid"]
    plane = shop.cluster.control_plane
    token = yaml.safe_load(plane.kubeconfig.read_text("utf-8"))["users"][0]["user"]["token"]
    body = json.dumps({"kind": "DeleteOptions", "preconditions": {"uid": uid}}).encode()
    head = (
        f"DELETE /api/v1/namespaces/{shop.namespace}/pods/{name} HTTP/1.1\r\n"
        f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    target = urlsplit(plane.server)
    context = ssl.create_default_context(cafile=str(plane.certificate))

    def ask(request: bytes) -> bytes:
        with (
            socket.create_connection((target.hostname, target.port), 10) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as client,
        ):
            client.sendall(request)
            if len(request) < len(head + body):
                client.unwrap()
            return client.recv(12)

    with contextlib.suppress(OSError):
        assert b" 200" not in ask(head + body[:sent])
    assert "deletionTimestamp" not in shop.pod(name)["metadata"]
    assert ask(head + body).endswith(b" 200"), "the same request is a deletion where it is whole"


def plan_for(pod: Json) -> Json:
    """Return what is stored when a crashed Pod is to be replaced."""
    metadata, annotations = pod["metadata"], shown_metadata(pod)[0]
    (owner,) = metadata["ownerReferences"]
    return {
        "id": json.loads(annotations["crashes"])["history"][0]["id"],
        "action": "RestartPod",
        "pod": metadata["name"],
        "podUID": metadata["uid"],
        "owner": owner["uid"],
        "container": annotations["container"],
        "cause": annotations["cause"],
        "diagnosis": annotations["diagnosis"],
        "phase": "Planned",
        "reason": "Crashed",
        "message": "The Pod crashed and is to be replaced.",
        "plannedAt": pods.timestamp(pods.now()),
    }


def test_a_sync_between_the_two_writes_does_nothing(rig: FaultRig, shop: Workspace) -> None:
    """Metacontroller writes a status twice; a sync on the version between leaves the Pod alone."""
    shop.diagnose("idle", enableAnnotations=False)
    with ObjectRecording(shop.cluster.admin, shop.namespace) as recording:
        planned = rig.planned(shop)
    versions = recording.all(
        PODDIAGNOSERS, lambda one: one["status"]["remediations"][0]["phase"] == "Planned"
    )
    stored = shop.diagnoser()
    assert version(versions[-1]) == version(stored)
    between = [one for one in versions if version(one) < version(stored)]
    assert [one for one in between if one["status"] == stored["status"]], "the version between"
    for one in between:
        for replica in (0, 1):
            status = rig.status_after(with_object(planned.request, one), replica)
            assert status["remediations"][0]["phase"] == "Planned"
    assert planned.there()
    assert set(shop.calls()) <= {"get poddiagnosers 200"}

    status = rig.status_after(planned.request)
    assert status["remediations"][0]["phase"] == "Done"
    assert not planned.there()


def test_a_diagnoser_created_again_starts_without_plans(rig: FaultRig, shop: Workspace) -> None:
    """What was planned for a PodDiagnoser is nothing to the next one of its name."""
    planned = rig.planned(shop)
    shop.delete_diagnoser()
    assert planned.there()
    rig.status_after(planned.request)
    assert planned.there(), "a plan of a deleted PodDiagnoser was executed"
    again = shop.create_diagnoser(remediationAction="RestartPod", remediation=AT_ONCE)
    rig.status_after(planned.request)
    assert planned.there()
    assert not any(call.startswith("delete") for call in shop.calls())
    # Nor is the crash, which was before there was this one.
    shop.crash(planned.name, ERROR)
    shop.await_remediation("Planned")
    rig.reset()
    shop.replaced(planned.uid)
    entry = shop.await_remediation("Done")
    assert entry["podUID"] == planned.uid
    assert shop.diagnoser()["metadata"]["uid"] == again["metadata"]["uid"]
    assert shop.calls()["delete pods 200"] == 1


def test_no_fault_is_taken_for_done(rig: FaultRig, shop: Workspace) -> None:
    """Any failure of any call: an answer in time, nothing done; what lasts is reported."""
    planned = rig.planned(shop)
    faults: dict[str, tuple[Rule, str | None]] = {
        "cut": (cut, "ReplacingPods"),
        "hangs": (hanging(rig.over), "ReplacingPods"),
        "500": (answering(500, "InternalError"), "ReplacingPods"),
        "429": (answering(429, "TooManyRequests", Retry_After="7"), "ReplacingPods"),
        "403": (answering(403, "Forbidden"), "Forbidden"),
        "409": (answering(409, "Conflict"), None),
        "not the API server": (lambda *_: Answer(200, {"Content-Type": "text/html"}, b"hi"), None),
    }
    calls = (("GET", "/poddiagnosers/"), ("GET", "/pods/"), ("DELETE", "/pods/"))
    for method, path in calls:
        for fault, (rule, reason) in faults.items():
            rig.api.rule = in_namespace(shop.namespace, when(method, path, rule=rule))
            # A new process: it has cached for a while that the API server is away or busy.
            rig.replicas[0].stop(grace=0)
            rig.replicas[0].start()
            status = rig.status_after(planned.request)
            (entry,) = status["remediations"]
            where = f"{fault} at {method} {path}: {entry}"
            assert entry["phase"] in {"Planned", "Failed"}, where
            assert (entry["phase"] == "Failed") <= (fault == "403"), where
            condition = condition_of(status)
            if reason is not None:
                holds = "True" if reason == "ReplacingPods" else "False"
                assert (condition["status"], condition["reason"]) == (holds, reason), where
            assert planned.there(), where
    assert not any(call.startswith("delete") for call in shop.calls())
    assert shop.events("PodDeleted") == []

    rig.reset()
    shop.replaced(planned.uid)
    assert shop.await_remediation("Done")["podUID"] == planned.uid
    shop.await_events("PodDeleted", 2)
    assert shop.condition("Remediating")["status"] == "True"


def condition_of(status: Json, kind: str = "Remediating") -> Json:
    """Return a condition of a status."""
    found: Json
    (found,) = (one for one in status["conditions"] if one["type"] == kind)
    return found


@pytest.mark.parametrize("action", ["RestartPod", "LogEvent"])
def test_an_outage_of_the_api_server_is_made_good(
    rig: FaultRig, shop: Workspace, action: str
) -> None:
    """It refuses connections while a Pod crashes: nothing is done; when it is back, all goes on."""
    shop.diagnose(remediationAction=action, remediation=AT_ONCE)
    (name,) = shop.replica_set("web")
    uid = shop.pod(name)["metadata"]["uid"]
    rig.api.stop()
    shop.crash(name, ERROR)
    eventually(shop.status, lambda found: found["diagnosedPods"] == 1)
    shop.settled()
    assert shop.condition("Remediating")["status"] == "True", "what passes is in no condition"
    assert shop.pod(name)["metadata"]["uid"] == uid
    assert shop.status()["diagnosedPods"] == 1, "diagnosing goes on"
    rig.api.start()
    if action == "LogEvent":
        shop.await_events("PodRestarted", 1)
    else:
        shop.replaced(uid)
        shop.await_remediation("Done")
    eventually(lambda: shop.condition("Remediating"), lambda found: found["status"] == "True")


@pytest.mark.parametrize("action", ["RestartPod", "EvictPod", "LogEvent"])
def test_retry_after_is_respected(rig: FaultRig, shop: Workspace, action: str) -> None:
    """429 with Retry-After: no request for so long; then it goes on by itself."""
    seconds, rule = 4, answering(429, "TooManyRequests", Retry_After="4")
    shop.diagnose(remediationAction=action, remediation=AT_ONCE)
    (name,) = shop.replica_set("web")
    uid = shop.pod(name)["metadata"]["uid"]
    shop.settled()
    rig.api.requests.clear()
    busy = {"RestartPod": ("DELETE", "/pods/"), "EvictPod": ("POST", "/eviction")}.get(
        action, ("POST", EVENTS_API)
    )
    rig.api.rule = in_namespace(shop.namespace, when(*busy, rule=once(rule)))
    shop.crash(name, ERROR)
    if action == "LogEvent":
        shop.await_events("PodRestarted", 1)
    else:
        shop.replaced(uid)
        shop.await_remediation("Done")
    requested_at = [one.at for one in rig.api.requests if shop.namespace in one.path]
    refused = rig.api.seen(busy[0], shop.namespace, busy[1])[0].at
    later = [at - refused for at in requested_at if at > refused]
    assert min(later) >= seconds, f"seconds after the refusal: {later}"


def test_a_slow_api_server_delays_no_sync(rig: FaultRig, shop: Workspace) -> None:
    """Each call takes long and succeeds: the sync is answered in time all the same."""
    planned = rig.planned(shop)
    rig.api.rule = in_namespace(shop.namespace, waiting(2.5))
    rig.status_after(planned.request)  # in time, or this fails
    rig.reset()
    shop.replaced(planned.uid)
    shop.await_remediation("Done")
    shop.settled()
    assert shop.calls()["delete pods 200"] == 1


def forged_plan(body: Json, pod: Json) -> Json:
    """Return a sync request that says that a Pod is to be replaced."""
    forged = copy.deepcopy(body)
    forged["object"]["status"]["remediations"].insert(0, plan_for(pod))
    return forged


def test_a_forged_plan_makes_nothing_happen(rig: FaultRig, shop: Workspace) -> None:
    """A Pod that the budget withholds is not replaced because a request says that it is planned."""
    budget = {"pods": 1, "windowSeconds": 600}
    shop.diagnose(remediationAction="RestartPod", remediation={**AT_ONCE, "budget": budget})
    (first,) = shop.replica_set("web-1")
    (second,) = shop.replica_set("web-2")
    shop.crash(first, ERROR)
    shop.await_remediation("Done")
    uid = shop.pod(second)["metadata"]["uid"]
    shop.crash(second, ERROR)
    eventually(shop.withheld, lambda withheld: withheld == {"BudgetSpent": 1})
    crashed = shop.annotated(second)
    request = rig.held(shop.namespace, has_crash)
    before = shop.calls()
    body = json.loads(request.body)
    other = beside(shop)
    elsewhere = copy.deepcopy(crashed)
    elsewhere["metadata"].update(namespace=other.namespace)
    for forged in (
        forged_plan(body, crashed),
        forged_plan({**body, "object": with_spec(body["object"], budget)}, crashed),
        forged_plan({**body, "object": renamed(body["object"], other.namespace)}, elsewhere),
    ):
        for replica in (0, 1):
            rig.send(replace(request, body=json.dumps(forged).encode()), replica)
    assert shop.pod(second)["metadata"]["uid"] == uid
    assert "deletionTimestamp" not in shop.pod(second)["metadata"]
    written = {
        call: number
        for call, number in shop.calls().items()
        if not call.startswith("get") and number != before.get(call)
    }
    assert written == {}
    assert other.calls().keys() <= {"get poddiagnosers 404"}


@pytest.mark.parametrize(
    ("action", "reported"), [("RestartPod", "RemediationWithheld"), ("LogEvent", "PodRestarted")]
)
def test_a_forged_pod_makes_nothing_happen(
    rig: FaultRig, shop: Workspace, action: str, reported: str
) -> None:
    """Of a Pod that only a request knows of nothing is deleted, and nothing is reported."""
    shop.diagnose(remediationAction=action, remediation=AT_ONCE)
    shop.start_pod("bare")
    shop.crash("bare", ERROR)
    shop.await_events(reported, 1)
    shop.settled()
    request = rig.held(shop.namespace, has_crash)
    body = json.loads(request.body)
    ((key, pod),) = body["related"]["Pod.v1"].items()
    made_up = copy.deepcopy(pod)
    made_up["metadata"].update(name="made-up", uid="11111111-2222-3333-4444-555555555555")
    body["related"]["Pod.v1"] = {key: pod, f"{shop.namespace}/made-up": made_up}
    rig.send(replace(request, body=json.dumps(body).encode()))
    assert shop.calls()["create events 201"] == 1
    assert not any(call.startswith("delete") for call in shop.calls())


def with_spec(one: Json, budget: Json) -> Json:
    """Return a PodDiagnoser with a larger budget."""
    remediation = {**AT_ONCE, "budget": {**budget, "pods": 50}}
    return {**one, "spec": {**one["spec"], "remediation": remediation}}


def renamed(one: Json, namespace: str) -> Json:
    """Return a PodDiagnoser that says to be of another namespace."""
    return {**one, "metadata": {**one["metadata"], "namespace": namespace}}


def beside(shop: Workspace) -> Workspace:
    """Return a second namespace for a test."""
    name = f"{shop.namespace[:50]}-other"
    shop.cluster.create_namespace(name)
    return Workspace(shop.cluster, name)
