"""What must hold of remediation under any schedule of syncs, faults, crashes and changes."""

import copy
import json
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.pods.keys import LABEL
from pod_diagnoser.remediation.events import EventFactory, crash_events
from pod_diagnoser.remediation.planner import MAX_OWNERS, MAX_REMEDIATIONS
from tests.support.builders import (
    T0,
    UID,
    Json,
    condition,
    container,
    observed,
    owned,
    parsed_pod,
    replacing,
    terminated,
)
from tests.support.fake_api import (
    FakeApi,
    KilledError,
    hanging,
    killed_after,
    killed_before,
    lost,
    refused,
)

OPEN: Json = {"remediation": {"minPodAgeSeconds": 0, "budget": {"pods": 2}}}
OWNERS = ("rs-1", "rs-2", "rs-3")
EVENT_LIFETIME = timedelta(hours=1)
ROUNDING = timedelta(seconds=2)
"""Times are stored in whole seconds."""

FAULTS = {
    "none": None,
    "lost": lost,
    "hanging": hanging,
    "killed before": killed_before,
    "killed after": killed_after,
    "403": refused(403),
    "409": refused(409),
    "429": refused(429, retry_after=7.0),
    "500": refused(500),
}
VERBS = ("get diagnoser", "get pod", "delete", "evict", "event")

some_verb = st.sampled_from(VERBS)
some_fault = st.sampled_from(sorted(FAULTS))
some_seconds = st.sampled_from((0.3, 2, 11, 31, 130, 610, 1900, 4300))
some_replica = st.integers(0, 1)
some_number = st.integers(0, 10**6)


def replacing_action(diagnoser: Json) -> str:
    """Return by which action a PodDiagnoser replaces Pods; an empty string for none."""
    spec = diagnoser["spec"]
    action = str(spec["remediationAction"])
    active = spec.get("enableAnnotations", True) and action in ("RestartPod", "EvictPod")
    return action if active else ""


class Replica:
    """A process of the hook, with a clock that may be wrong."""

    def __init__(self, api: FakeApi, number: int) -> None:
        self.api, self.number = api, number
        self.wrong_by = timedelta(0)
        self.restart()

    def restart(self) -> None:
        """End the process and start another."""
        self.reconciler = Reconciler(
            self.api, self.clock, f"hook-{self.number}", lambda: self.api.monotonic
        )

    def clock(self) -> datetime:
        """Tell its time."""
        return self.api.now + self.wrong_by


class Remediating(RuleBasedStateMachine):
    """A namespace with one PodDiagnoser, three owners with two Pods each, and two replicas."""

    def __init__(self) -> None:
        super().__init__()
        self.api = FakeApi(watch=self.check)
        self.replicas = [Replica(self.api, number) for number in range(2)]
        self.requests: list[tuple[Json, list[Json]]] = []
        self.numbers = 0
        self.deletions: list[tuple[str, str, str, datetime]] = []
        self.gone: set[str] = set()
        self.published: list[str] = []
        self.alive: dict[str, datetime] = {}
        self.switched_on = T0
        for uid in OWNERS:
            for index in range(2):
                self.create(uid, f"{uid}-{index}")
        self.diagnose()

    # What there is

    def create(self, by: str, name: str) -> None:
        """An owner's controller creates a Pod."""
        self.numbers += 1
        document = owned(self.numbers, by=by, name=name, created=self.api.now)
        document["status"] = {"containerStatuses": [container()]}
        del document["metadata"]["labels"][LABEL]
        self.api.put(document)

    def diagnose(self) -> None:
        """Create the PodDiagnoser, perhaps again."""
        self.numbers += 1
        document = replacing(minPodAgeSeconds=0, budget={"pods": 2})
        document["metadata"]["uid"] = UID.format(5000 + self.numbers)
        self.api.put(document)
        self.switched_on = T0

    def some_pod(self, number: int) -> Json:
        """One of the Pods."""
        names = sorted(self.api.pods)
        return copy.deepcopy(self.api.pods[names[number % len(names)]])

    # What must hold

    def check(self, pod: Json) -> None:
        """Looks at each deletion before it happens."""
        live, meta = self.api.diagnosers["diag"], pod["metadata"]
        (by,) = [owner["uid"] for owner in meta["ownerReferences"]]
        spec, uid, now = live["spec"], live["metadata"]["uid"], self.api.now
        crashes = {found.id for found in diagnose(parsed_pod(pod))}
        plans = [
            entry
            for entry in live["status"]["remediations"]
            if entry["phase"] == "Planned"
            and entry["podUID"] == meta["uid"]
            and entry["id"] in crashes
            and entry["diagnosis"]
        ]
        assert plans, "what is deleted was planned, with its diagnosis, and the plan was stored"
        assert not crashes & self.gone, "a crash is remediated once"
        assert spec["remediationAction"] == plans[0]["action"]
        assert spec.get("enableAnnotations", True)
        assert not spec["remediation"].get("paused")
        assert not spec["remediation"].get("dryRun")
        assert meta["labels"][LABEL] == "diag"
        ended = [found.ended_by or now for found in diagnose(parsed_pod(pod))]
        born = parsed_pod(pod).metadata.created or now
        since = self.switched_on - ROUNDING
        assert born >= since or max(ended) >= since, "it crashed since it was switched on"

        mine = [(owner, at) for diagnoser, _, owner, at in self.deletions if diagnoser == uid]
        window = timedelta(seconds=600) - ROUNDING
        within = sum(now - at < window for _, at in mine)
        assert within < spec["remediation"]["budget"]["pods"], "the budget holds"
        pause = timedelta(seconds=60) - ROUNDING
        assert all(now - at >= pause for owner, at in mine if owner == by), "the cool-down holds"
        self.deletions.append((uid, meta["uid"], by, now))
        self.gone |= crashes

    @invariant()
    def events_are_published_once(self) -> None:
        """Also when they have expired since."""
        for name in self.api.events:
            if name not in self.alive:
                assert name not in self.published, "an Event was published again"
                self.published.append(name)
                self.alive[name] = self.api.now
        for name, born in list(self.alive.items()):
            if self.api.now - born >= EVENT_LIFETIME:
                del self.alive[name], self.api.events[name]

    @invariant()
    def status_is_bounded(self) -> None:
        """And what is done there is true."""
        status = self.api.diagnosers["diag"].get("status", {})
        entries = status.get("remediations", [])
        assert len(entries) <= MAX_REMEDIATIONS
        assert len(status.get("owners", [])) <= MAX_OWNERS
        assert len({entry["id"] for entry in entries}) == len(entries)
        deleted = {uid for _, uid, _, _ in self.deletions}
        here = {pod["metadata"]["uid"]: pod["metadata"] for pod in self.api.pods.values()}
        for entry in entries:
            if entry["reason"] in ("Deleted", "Evicted"):
                assert entry["podUID"] in deleted
            if entry["phase"] == "Done":
                assert "deletionTimestamp" in here.get(entry["podUID"], {"deletionTimestamp": ""})

    # What happens in a cluster

    @rule(number=some_number, skew=st.sampled_from((0, 0, 0, -400, 200, 700)))
    def crash(self, number: int, skew: float) -> None:
        """A container ends and is started again; the node's clock may be wrong."""
        document = self.some_pod(number)
        if "deletionTimestamp" in document["metadata"]:
            return
        self.numbers += 1
        ended = terminated(self.api.now + timedelta(seconds=skew), containerID=f"c-{self.numbers}")
        document["status"] = {"containerStatuses": [container(last=ended)]}
        document["metadata"]["labels"][LABEL] = "diag"
        self.api.put(document)

    @rule(seconds=some_seconds)
    def pass_time(self, seconds: float) -> None:
        """For all, the monotonic clock included."""
        self.api.pass_time(seconds)

    @rule(number=some_number, renamed=st.booleans())
    def finish(self, number: int, *, renamed: bool) -> None:
        """A terminating Pod goes; another takes its place, under its name or another."""
        going = [pod for pod in self.api.pods.values() if "deletionTimestamp" in pod["metadata"]]
        if not going:
            return
        self.replace(going[number % len(going)], renamed=renamed)

    @rule(number=some_number)
    def replaced_by_a_person(self, number: int) -> None:
        """Delete a Pod by force; another one of its name is there at once."""
        self.replace(self.some_pod(number), renamed=False)

    def replace(self, pod: Json, *, renamed: bool) -> None:
        """A Pod goes, another comes."""
        name, by = pod["metadata"]["name"], pod["metadata"]["ownerReferences"][0]["uid"]
        del self.api.pods[name]
        self.create(by, f"{by}-{self.numbers}" if renamed else name)

    @rule(number=some_number)
    def touch(self, number: int) -> None:
        """Write something else on a Pod."""
        self.api.put(self.some_pod(number))

    @rule(
        change=st.sampled_from(
            (
                *[{"remediationAction": "RestartPod", "enableAnnotations": True, **OPEN}] * 6,
                *[{"remediationAction": "EvictPod", "enableAnnotations": True, **OPEN}] * 3,
                {"remediationAction": "LogEvent"},
                {"remediationAction": ""},
                {"enableAnnotations": False},
                {"remediation": {"paused": True, "minPodAgeSeconds": 0, "budget": {"pods": 2}}},
                {"remediation": {"dryRun": True, "minPodAgeSeconds": 0, "budget": {"pods": 2}}},
                {"remediation": {"minPodAgeSeconds": 0, "budget": {"pods": 3}}},
                {"remediation": {"minPodAgeSeconds": 0, "budget": {"pods": 1}}},
            )
        )
    )
    def edit(self, change: Json) -> None:
        """Edit the PodDiagnoser."""
        document = copy.deepcopy(self.api.diagnosers["diag"])
        before = replacing_action(document)
        document["spec"] |= copy.deepcopy(change)
        document["metadata"]["generation"] += 1
        self.api.put(document)
        if replacing_action(document) not in ("", before):
            self.switched_on = self.api.now

    @rule(names=st.sets(some_number, max_size=3))
    def protect(self, names: set[int]) -> None:
        """PodDisruptionBudgets protect some Pods now, and no others."""
        self.api.blocked = {self.some_pod(number)["metadata"]["name"] for number in names}

    # What happens to the hook

    @rule(
        replica=some_replica,
        what=st.sampled_from(
            ("restarts", "restarts", "its clock is set", "the PodDiagnoser is another")
        ),
        hours=st.sampled_from((-30, -1, 0, 1, 30)),
    )
    def mishap(self, replica: int, what: str, hours: float) -> None:
        """A replica forgets everything or gets a wrong clock; or the PodDiagnoser is new."""
        if what == "restarts":
            self.replicas[replica].restart()
        elif what == "its clock is set":
            self.replicas[replica].wrong_by = timedelta(hours=hours)
        else:
            self.diagnose()

    @rule()
    def take_request(self) -> None:
        """Metacontroller prepares a request, which is sent some time later, perhaps twice."""
        self.requests = [*self.requests[-4:], self.api.snapshot()]

    @precondition(lambda self: self.requests)
    @rule(replica=some_replica, number=some_number, written=st.booleans())
    def old_sync(self, replica: int, number: int, *, written: bool) -> None:
        """A request that was prepared earlier is sent; its answer may get lost."""
        self.send(replica, *self.requests[number % len(self.requests)], written=written)

    @rule(replica=some_replica, verb=some_verb, fault=some_fault, written=st.booleans())
    def sync(self, replica: int, verb: str, fault: str, *, written: bool) -> None:
        """A sync on what is there now, with a fault, its answer perhaps lost."""
        found = FAULTS[fault]
        self.api.faults = {} if found is None else {verb: [found]}
        self.send(replica, *self.api.snapshot(), written=written)
        self.api.faults = {}

    @rule(replica=some_replica, number=some_number)
    def crash_and_good_syncs(self, replica: int, number: int) -> None:
        """What happens most of the time."""
        self.crash(number, 0)
        self.good_syncs(replica)

    @rule(
        replica=some_replica,
        fault=st.sampled_from(("none", "lost", "killed after", "hanging")),
        budget=st.sampled_from((None, None, 1)),
    )
    def crash_of_all(self, replica: int, fault: str, budget: int | None) -> None:
        """All owners crash at once; a plan is made; the deletion's answer, or the budget, goes."""
        for number in range(len(self.api.pods)):
            self.crash(number, 0)
        self.send(replica, *self.api.snapshot(), written=True)
        if budget is not None:
            self.edit({"remediation": {"minPodAgeSeconds": 0, "budget": {"pods": budget}}})
        self.sync(replica, "delete", fault, written=True)

    @rule(replica=some_replica)
    def good_syncs(self, replica: int) -> None:
        """A few syncs as they should be, one after the other."""
        for _ in range(3):
            self.send(replica, *self.api.snapshot(), written=True)

    @rule(replica=some_replica, number=some_number)
    def forged_sync(self, replica: int, number: int) -> None:
        """Send a plan that was never stored, with a stolen token."""
        diag, pods = self.api.snapshot()
        pod = self.some_pod(number)
        found = diagnose(parsed_pod(pod))
        plan = {
            "id": found[0].id if found else "0" * 16,
            "action": "RestartPod",
            "pod": pod["metadata"]["name"],
            "podUID": pod["metadata"]["uid"],
            "owner": "rs-1",
            "container": "app",
            "cause": "Killed",
            "diagnosis": "x",
            "phase": "Planned",
            "reason": "Crashed",
            "plannedAt": format_time(self.api.now),
        }
        diag["status"] = {**diag.get("status", {}), "remediations": [plan]}
        before = len(self.api.deleted)
        genuine = {entry["podUID"] for entry in self.entries() if entry["phase"] == "Planned"}
        self.send(replica, diag, pods, written=False)
        assert {uid for uid, _, _ in self.api.deleted[before:]} <= genuine

    def teardown(self) -> None:
        """Whatever happened: once it is quiet, all fresh crashes are published, and writes end."""
        self.edit({"remediationAction": "LogEvent", "enableAnnotations": True, **OPEN})
        asked = self.api.now
        end = asked + timedelta(seconds=60)
        writes = 0
        while self.api.now < end:
            before, asked = self.api.version, self.api.now
            diag, pods = self.api.snapshot()
            self.numbers += 1
            result = self.replicas[self.numbers % 2].reconciler.sync(observed(diag, *pods))
            answer = json.loads(result.response.encode())
            version = diag["metadata"]["resourceVersion"]
            self.api.write_status("diag", version, answer["status"])
            written = self.api.version != before
            writes += written
            self.api.pass_time(0.1 if written else min(answer.get("resyncAfterSeconds", 60), 60))
        assert writes < 60, "two replicas contradict each other"
        diag, pods = self.api.snapshot()
        seen = observed(diag, *pods)
        factory = EventFactory(seen.diagnoser, "hook")
        names = {*self.published, *self.api.events}
        # What a node with a fast clock reports may have become fresh after the last sync.
        for each in seen.crashed:
            for event in crash_events(factory, each, asked):
                assert event.document["metadata"]["name"] in names, "a crash was lost"
        assert condition(diag)["reason"] == "LoggingEvents"

    def entries(self) -> list[Json]:
        """The stored remediations."""
        found: list[Json] = self.api.diagnosers["diag"].get("status", {}).get("remediations", [])
        return found

    def send(self, replica: int, diag: Json, pods: list[Json], *, written: bool) -> None:
        """Send a sync request, and have its answer written as Metacontroller does."""
        begun = self.api.monotonic
        try:
            result = self.replicas[replica].reconciler.sync(observed(diag, *pods))
        except KilledError:
            self.replicas[replica].restart()
            return
        assert self.api.monotonic - begun < 8, "a sync is answered in time"
        status: Any = json.loads(result.response.encode())["status"]
        if written:
            self.api.write_status("diag", diag["metadata"]["resourceVersion"], status)


TestRemediating = Remediating.TestCase
TestRemediating.settings = settings(
    max_examples=settings().max_examples * 3 // 2,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_machine_reaches_what_it_is_about() -> None:
    """A run by hand deletes, evicts and publishes: the invariants are not empty."""
    machine = Remediating()
    assert machine.api.now == T0
    machine.crash(0, 0)
    machine.good_syncs(0)
    assert [verb for verb in machine.api.verbs() if verb in VERBS] == [
        "get diagnoser",
        "get diagnoser",
        "get pod",
        "delete",
        "event",
        "event",
    ]
    machine.finish(0, renamed=False)
    machine.pass_time(130)
    machine.edit({"remediationAction": "EvictPod"})
    machine.crash(1, 0)
    machine.good_syncs(1)
    assert "evict" in machine.api.verbs()
    machine.edit({"remediationAction": "LogEvent"})
    machine.crash(4, 0)
    machine.good_syncs(1)
    machine.events_are_published_once()
    machine.status_is_bounded()
    reasons = {event["reason"] for event in machine.api.events.values()}
    assert reasons == {"PodDeleted", "PodEvicted", "PodRestarted"}
    assert len(machine.deletions) == 2


def test_a_plan_whose_outcome_is_not_known_counts_against_the_budget() -> None:
    """Its deletion's answer was lost, the Pod can't be read, and the budget was lowered since."""
    machine = Remediating()
    machine.crash_of_all(0, fault="lost", budget=1)
    machine.sync(1, verb="get pod", fault="409", written=False)
    assert len(machine.api.deleted) == 1
    machine.pass_time(11)
    machine.good_syncs(0)
    assert len(machine.api.deleted) == 1
