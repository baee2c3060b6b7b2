"""What is told or planned of a crash waits for what its Events say, some seconds at most."""

import copy
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from pod_diagnoser.diagnosis.event_rules import SECOND_LOOKUP_AFTER
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence, PodEvent
from pod_diagnoser.poddiagnosers.awaited_evidence import EVIDENCE_WAIT_SECONDS
from pod_diagnoser.poddiagnosers.sync import MAX_PROMPT
from pod_diagnoser.pods.keys import CAUSE, CRASH, CRASHES
from pod_diagnoser.pods.sync import sync_pod
from tests.support.builders import (
    Json,
    after,
    applied,
    container,
    diagnoser,
    entries,
    observed,
    owned,
    pod_request,
    target,
    terminated,
    withheld,
)
from tests.unit.poddiagnosers.test_sync import Hook

SECOND = timedelta(seconds=1)
LOGGING = {"remediationAction": "LogEvent"}
RESTARTING = {"remediationAction": "RestartPod", "remediation": {"minPodAgeSeconds": 0}}


def killed(finished: datetime, number: int = 1, code: int = 137, reason: str = "Error") -> Json:
    """Return a Pod with a liveness probe, whose container ended and was restarted."""
    pod = owned(number)
    end = terminated(finished, code, reason) | {"startedAt": after(-60)}
    end["startedAt"] = end["startedAt"].strftime("%Y-%m-%dT%H:%M:%SZ")
    pod["status"]["containerStatuses"] = [container(last=end)]
    pod["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"port": 80}}
    return pod


def kill_events(end: datetime) -> list[PodEvent]:
    """Return the kubelet's Events of a run that its liveness probe ended."""
    start, kill = after(-60), end - SECOND
    message = "Container app failed liveness probe, will be restarted"
    return [
        PodEvent("Started", "Container started", "app", start, start),
        PodEvent("Killing", message, "app", kill, kill),
    ]


class Cluster(Hook):
    """A PodDiagnoser and its Pods, whose own syncs come when a test says so."""

    def __init__(self, spec: Json, *pods: Json) -> None:
        super().__init__()
        self.api.put(diagnoser(**spec))
        for pod in pods:
            self.api.put(pod)

    def sync_pod(
        self,
        name: str = "app-1",
        events: Sequence[PodEvent] = (),
        lookup: EventLookup | None = EventLookup.FOUND,
    ) -> None:
        """Sync a Pod by itself; without a lookup its hook may not read Events."""
        pod = self.api.pods[name]
        fetched = None if lookup is None else FetchedEvidence(lookup, events)
        claim = target(self.diag)
        claim["spec"]["ignore"] = self.diag["spec"].get("ignore", {})
        result = sync_pod(pod_request(pod, claim), self.api.now, fetched)
        self.api.put(applied(pod, json.loads(result.response.encode())))

    def told(self) -> list[str]:
        """Return the causes of the Events about crashes."""
        return [
            event["metadata"]["annotations"][CAUSE] for event in self.api.events_of("PodRestarted")
        ]

    def cause(self, name: str = "app-1") -> str:
        """Return the cause on a Pod."""
        return str(self.api.pods[name]["metadata"]["annotations"][CAUSE])

    def recent(self) -> list[str]:
        """Return the causes in the status."""
        self.api.pass_time(2)
        self.sync()
        return [entry["cause"] for entry in self.diag["status"]["recentDiagnoses"]]


# LogEvent


def test_an_event_waits_for_what_the_pods_events_say() -> None:
    """While it waits nothing is read; then Event, annotation and status name the same cause."""
    cluster = Cluster(LOGGING, killed(after(9)))
    answer = cluster.sync()
    assert 0 < answer["resyncAfterSeconds"] <= EVIDENCE_WAIT_SECONDS
    assert "get pod" not in cluster.calls()
    cluster.sync_pod(events=kill_events(after(9)))
    cluster.sync()
    assert cluster.told() == [cluster.cause()] == ["LivenessProbeFailed"] == cluster.recent()
    (event,) = cluster.api.events_of("PodRestarted")
    record = json.loads(cluster.api.pods["app-1"]["metadata"]["annotations"][CRASHES])
    assert event["metadata"]["annotations"][CRASH] == record["history"][0]["id"]


def test_the_response_is_prompt_where_a_few_crashes_begin_to_wait() -> None:
    """The Pod's own sync brings the next one; of many crashes the changes are one sync."""
    few = Cluster(LOGGING, *(killed(after(9), number) for number in range(MAX_PROMPT)))
    diag, pods = few.api.snapshot()
    assert few.reconciler.sync(observed(diag, *pods)).urgent
    assert not few.reconciler.sync(observed(diag, *pods)).urgent
    many = Cluster(LOGGING, *(killed(after(9), number) for number in range(MAX_PROMPT + 1)))
    diag, pods = many.api.snapshot()
    assert not many.reconciler.sync(observed(diag, *pods)).urgent
    idle = Cluster({"remediationAction": ""}, killed(after(9)))
    diag, pods = idle.api.snapshot()
    assert not idle.reconciler.sync(observed(diag, *pods)).urgent


def test_an_event_waits_for_the_second_lookup_where_that_may_change_the_cause() -> None:
    """The kubelet may post its own Event a little later."""
    cluster = Cluster(LOGGING, killed(after(9)))
    cluster.sync_pod()
    cluster.sync()
    assert cluster.told() == []
    cluster.api.pass_time(SECOND_LOOKUP_AFTER.total_seconds())
    cluster.sync_pod(events=kill_events(after(9)))
    cluster.sync()
    assert cluster.told() == [cluster.cause()] == ["LivenessProbeFailed"] == cluster.recent()


@pytest.mark.parametrize("synced", [False, True], ids=["its Pod never synced", "looked up once"])
def test_an_event_waits_some_seconds_at_most(synced: bool) -> None:
    """Where the Pods' hook is down, or a forged annotation says that more is awaited."""
    cluster = Cluster(LOGGING, killed(after(9)))
    if synced:
        cluster.sync_pod()
    cluster.sync()
    cluster.api.pass_time(EVIDENCE_WAIT_SECONDS - 0.1)
    assert cluster.sync()["resyncAfterSeconds"] <= 1
    assert cluster.told() == []
    cluster.api.pass_time(0.2)
    cluster.sync()
    assert cluster.told() == ["Killed"]
    cluster.sync()
    assert len(cluster.told()) == 1


def not_asked(cluster: Cluster) -> None:
    """Have the Pod synced by a hook that may not read Events."""
    cluster.sync_pod(lookup=None)


def refused(cluster: Cluster) -> None:
    """Have the Pod synced by a hook that is refused the Events."""
    cluster.sync_pod(lookup=EventLookup.REFUSED)


def own_code(cluster: Cluster) -> None:
    """Have it end by a code of its own, with nothing in its Events."""
    pod = killed(after(9), code=3)
    del pod["spec"]["containers"][0]["livenessProbe"]
    cluster.api.put(pod)
    cluster.sync_pod()


def out_of_memory(cluster: Cluster) -> None:
    """Have it end in a way to which Events add nothing."""
    pod = killed(after(9), reason="OOMKilled")
    del pod["spec"]["containers"][0]["livenessProbe"]
    cluster.api.put(pod)


def terminating(cluster: Cluster) -> None:
    """Have the Pod being deleted: it will be gone before its Events are read again."""
    pod = cluster.api.pods["app-1"]
    pod["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:40Z"
    cluster.sync_pod()


def events_off(cluster: Cluster) -> None:
    """Have the PodDiagnoser ask for no Events."""
    diag = copy.deepcopy(cluster.diag)
    diag["spec"]["evidence"] = {"events": False}
    cluster.api.put(diag)


@pytest.mark.parametrize(
    "settle", [not_asked, refused, own_code, out_of_memory, terminating, events_off]
)
@pytest.mark.parametrize("spec", [LOGGING, RESTARTING], ids=["LogEvent", "RestartPod"])
def test_what_no_event_will_change_is_told_and_planned_at_once(spec: Json, settle: Any) -> None:
    """By the first sync that sees it."""
    cluster = Cluster(spec, killed(after(9)))
    settle(cluster)
    cluster.sync()
    if spec is LOGGING:
        assert len(cluster.told()) == 1
    elif settle is not terminating:
        assert [entry["phase"] for entry in entries(cluster.diag)] == ["Planned"]


# Crashes that follow each other


def crashed_again(cluster: Cluster) -> None:
    """Have the container end once more, so that the Pod shows the former end no longer."""
    pod = copy.deepcopy(cluster.api.pods["app-1"])
    end = terminated(cluster.api.now - SECOND, 1)
    pod["status"]["containerStatuses"] = [container(last=end, restarts=2)]
    cluster.api.put(pod)


@pytest.mark.parametrize(
    ("events", "cause"), [(kill_events(after(9)), "LivenessProbeFailed"), ((), "Killed")]
)
def test_a_crash_that_its_pod_shows_no_longer_is_told_all_the_same(
    events: Sequence[PodEvent], cause: str
) -> None:
    """The next crash came before its Events were read, or read again: the Pod has its record."""
    cluster = Cluster(LOGGING, killed(after(9)))
    cluster.sync()
    cluster.sync_pod(events=events)
    cluster.api.pass_time(1)
    crashed_again(cluster)
    cluster.sync()
    cluster.sync_pod()
    cluster.api.pass_time(SECOND_LOOKUP_AFTER.total_seconds())
    cluster.sync_pod()
    cluster.sync()
    assert sorted(cluster.told()) == sorted(["ApplicationError", cause])
    assert sorted(cluster.recent()) == sorted(["ApplicationError", cause])
    records = json.loads(cluster.api.pods["app-1"]["metadata"]["annotations"][CRASHES])["history"]
    assert sorted(record["cause"] for record in records) == sorted(cluster.told())


def test_a_crash_that_only_a_request_showed_is_not_told() -> None:
    """A forged one: the Pod has no record of it, and does not show it."""
    cluster = Cluster(LOGGING, killed(after(9)))
    diag, pods = cluster.api.snapshot()
    forged = killed(after(8))
    cluster.answer(diag, [forged])
    out_of_memory(cluster)
    cluster.api.pass_time(EVIDENCE_WAIT_SECONDS + 1)
    cluster.answer(diag, [forged])
    cluster.sync()
    assert cluster.told() == ["OutOfMemory"]
    assert pods


def test_a_crash_that_its_events_suppress_is_not_told_afterwards() -> None:
    """Its record is kept for the evidence alone."""
    spec = {**LOGGING, "ignore": {"causes": ["LivenessProbeFailed"]}}
    cluster = Cluster(spec, killed(after(9)))
    cluster.sync()
    cluster.sync_pod(events=kill_events(after(9)))
    crashed_again(cluster)
    cluster.sync_pod()
    for _ in range(3):
        cluster.sync()
        cluster.api.pass_time(EVIDENCE_WAIT_SECONDS + 1)
    assert cluster.told() == ["ApplicationError"]


# Plans


def test_a_plan_waits_and_says_so() -> None:
    """Then it has the cause that the annotation names."""
    cluster = Cluster(RESTARTING, killed(after(9)))
    answer = cluster.sync()
    assert 0 < answer["resyncAfterSeconds"] <= EVIDENCE_WAIT_SECONDS
    assert entries(cluster.diag) == []
    assert withheld(cluster.diag) == {"AwaitingEvidence": 1}
    cluster.sync_pod(events=kill_events(after(9)))
    cluster.sync()
    assert [entry["cause"] for entry in entries(cluster.diag)] == [cluster.cause()]
    assert withheld(cluster.diag) == {}


def test_a_plan_waits_some_seconds_at_most() -> None:
    """The Pods' hook is down; what the Pod's status shows decides."""
    cluster = Cluster(RESTARTING, killed(after(9)))
    cluster.sync()
    cluster.api.pass_time(EVIDENCE_WAIT_SECONDS + 0.1)
    cluster.sync()
    assert [entry["cause"] for entry in entries(cluster.diag)] == ["Killed"]


def test_nothing_is_planned_for_a_cause_that_events_show_and_that_is_not_listed() -> None:
    """A moment later it would have been planned for what was not the cause."""
    policy = {"minPodAgeSeconds": 0, "causes": ["Killed"]}
    cluster = Cluster({**RESTARTING, "remediation": policy}, killed(after(9)))
    cluster.sync()
    cluster.sync_pod(events=kill_events(after(9)))
    for _ in range(3):
        cluster.sync()
        cluster.api.pass_time(3)
    assert entries(cluster.diag) == []
    assert withheld(cluster.diag) == {"CauseNotListed": 1}
    (event,) = cluster.api.events_of("RemediationWithheld")
    assert "liveness probe" in event["message"]


def test_why_a_pod_is_withheld_is_told_with_its_cause() -> None:
    """In a dry run as in a live one: not before its cause is known."""
    cluster = Cluster({**RESTARTING, "remediation": {"dryRun": True}}, killed(after(9)))
    cluster.sync()
    assert withheld(cluster.diag) == {"AwaitingEvidence": 1}
    assert cluster.api.events_of("RemediationWithheld") == []
    cluster.sync_pod(events=kill_events(after(9)))
    for _ in range(2):
        cluster.sync()
        cluster.api.pass_time(3)
    assert withheld(cluster.diag) == {"DryRun": 1}
    (event,) = cluster.api.events_of("RemediationWithheld")
    assert "liveness probe" in event["message"]


# Metric and log


def counted(pod: Json, events: Sequence[PodEvent] | None, at: datetime) -> tuple[list[str], Json]:
    """Return the causes that a Pod's own sync counts, and the Pod after it."""
    fetched = None if events is None else FetchedEvidence(EventLookup.FOUND, events)
    result = sync_pod(
        pod_request(pod, target(diagnoser(remediationAction="LogEvent"))), at, fetched
    )
    causes = [crash.cause for crash in result.settled]
    return causes, applied(pod, json.loads(result.response.encode()))


@pytest.mark.parametrize(
    ("second", "cause"), [(kill_events(after(9)), "LivenessProbeFailed"), ((), "Killed")]
)
def test_a_crash_is_counted_once_with_the_cause_that_is_left(
    second: Sequence[PodEvent], cause: str
) -> None:
    """Not before its Events were read for the last time."""
    first, pod = counted(killed(after(9)), (), after(10))
    again, pod = counted(pod, second, after(10) + SECOND_LOOKUP_AFTER)
    later, _ = counted(pod, None, after(60))
    assert (first, again, later) == ([], [cause], [])


def test_a_crash_is_counted_when_its_pod_shows_it_no_longer() -> None:
    """With the cause that its record has."""
    first, pod = counted(killed(after(9)), (), after(10))
    end = terminated(after(11), 3)
    pod["status"]["containerStatuses"] = [container(last=end, restarts=2)]
    del pod["spec"]["containers"][0]["livenessProbe"]
    second, pod = counted(pod, (), after(12))
    later, _ = counted(pod, None, after(60))
    assert (first, sorted(second), later) == ([], ["ApplicationError", "Killed"], [])


def test_a_crash_of_a_pod_that_goes_is_counted_at_once() -> None:
    """There may be no later sync."""
    pod = killed(after(9))
    pod["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:40Z"
    first, pod = counted(pod, (), after(10))
    later, _ = counted(pod, (), after(10) + SECOND_LOOKUP_AFTER)
    assert (first, later) == (["Killed"], [])
