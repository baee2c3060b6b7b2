"""Which evidence is fetched beyond a Pod's status, when, and what the Pod shows of it."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.core_v1 import MIRROR_POD_ANNOTATION
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.event_rules import SECOND_LOOKUP_AFTER
from pod_diagnoser.diagnosis.evidence import EventLookup, EvidenceRequest, FetchedEvidence, PodEvent
from pod_diagnoser.pods.keys import (
    CAUSE,
    CONTAINER,
    CRASHES,
    DIAGNOSIS,
    EVIDENCE,
    LABEL,
    LOG,
    NEXT_STEP,
    RESTART_REASON,
    TERMINATION_MESSAGE,
)
from pod_diagnoser.pods.sync import sync_pod
from tests.support.builders import (
    T0,
    Json,
    after,
    applied,
    container,
    crashed,
    diagnoser,
    pod,
    pod_request,
    target,
    terminated,
)

NOTHING = FetchedEvidence(EventLookup.FOUND)
HEARD = FetchedEvidence(
    EventLookup.FOUND, (PodEvent("Pulled", "Pulled image", "app", after(-6), after(-6)),)
)
"""Events of the container's start, and none of its end."""

REFUSED = FetchedEvidence(EventLookup.REFUSED)
UNAVAILABLE = FetchedEvidence(EventLookup.UNAVAILABLE)


def killing(message: str = "Container app failed liveness probe, will be restarted") -> PodEvent:
    """Build the kubelet's Event about stopping the container."""
    return PodEvent("Killing", message, "app", after(-1), after(-1))


PROBE_KILL = FetchedEvidence(
    EventLookup.FOUND,
    (killing(), PodEvent("Unhealthy", "Liveness probe failed: 503", "app", after(-4), after(-1))),
)


def probed(code: int = 137, **options: Any) -> Json:
    """Build a crashed Pod whose container has a liveness probe."""
    document = pod(container(last=terminated(T0, code, **options)))
    document["spec"]["containers"][0]["livenessProbe"] = {}
    return document


class SyncedPod:
    """A Pod that is synced again and again, with evidence to be fetched.

    Attributes:
        of: the Pod.
        fetched: what the fetches return, one after the other; the last one stays.
        requests: the evidence requests so far.
        writes: how often the Pod was changed.
        resync_after: seconds until the next sync, by the last response.
    """

    def __init__(self, of: Json, *fetched: FetchedEvidence, **evidence: Any) -> None:
        self.of = of
        self.fetched = list(fetched)
        self.requests: list[EvidenceRequest] = []
        self.writes = 0
        target_ = target(diagnoser())
        target_["spec"]["evidence"] = evidence
        self.targets = [target_]
        self.resync_after: float | None = None

    def sync(self, now: datetime, *, confidential: bool = True) -> None:
        """Sync the Pod and apply the response."""
        request = pod_request(self.of, *self.targets)
        result = sync_pod(request, now, confidential=confidential)
        if result.evidence_request is not None and self.fetched:
            self.requests.append(result.evidence_request)
            fetched = self.fetched.pop(0) if len(self.fetched) > 1 else self.fetched[0]
            result = sync_pod(request, now, fetched, confidential=confidential)
        response = json.loads(result.response.encode())
        self.resync_after = response.get("resyncAfterSeconds")
        before, self.of = self.of, applied(self.of, response)
        self.writes += self.of != before

    def __getitem__(self, key: str) -> Any:
        return self.of["metadata"].get("annotations", {}).get(key)

    @property
    def evidence(self) -> Any:
        """Return the stored evidence of the latest crash."""
        return json.loads(self[CRASHES])["history"][0].get("evidence")


def test_a_kill_after_a_failed_probe_names_the_probe_and_is_looked_up_once() -> None:
    """One lookup, one write; reason and time of the restart are those of the status."""
    synced = SyncedPod(probed(), PROBE_KILL)
    for seconds in (1, 2, 7, 60):
        synced.sync(after(seconds))
    assert synced[CAUSE] == "LivenessProbeFailed"
    assert 'its liveness probe failed: "503"' in synced[DIAGNOSIS]
    assert synced[RESTART_REASON] == "Error (Exit Code: 137)"
    assert synced.evidence == {
        "asked": "Found",
        "proof": "LivenessProbe",
        "detail": "503",
        "event": "Unhealthy",
        "at": format_time(after(-1)),
    }
    assert len(synced.requests) == 1
    assert synced.writes == 1


def test_the_finding_is_kept_when_the_events_are_gone() -> None:
    """Also hours later, by another process, without permission to read Events."""
    synced = SyncedPod(probed(), PROBE_KILL)
    synced.sync(after(1))
    synced.fetched = [REFUSED]
    diagnosis = synced[DIAGNOSIS]
    synced.sync(after(hours=3))
    assert (synced[CAUSE], synced[DIAGNOSIS]) == ("LivenessProbeFailed", diagnosis)


@pytest.mark.parametrize("first", [NOTHING, UNAVAILABLE], ids=lambda each: each.lookup)
def test_an_inconclusive_lookup_is_repeated_once_after_some_seconds(first: FetchedEvidence) -> None:
    """The kubelet may write Events late. The response asks for that sync."""
    synced = SyncedPod(probed(), first, PROBE_KILL)
    synced.sync(after(1))
    assert synced[CAUSE] == "Killed"
    assert synced.resync_after == SECOND_LOOKUP_AFTER.total_seconds()
    synced.sync(after(3))
    assert len(synced.requests) == 1
    synced.sync(after(6))
    assert synced[CAUSE] == "LivenessProbeFailed"
    assert synced.writes == 2


@pytest.mark.parametrize(
    ("fetched", "words"),
    [
        (HEARD, "no Event of a stop by the kubelet"),
        (NOTHING, "its Events are incomplete"),
        (REFUSED, "its Events may not be read"),
        (UNAVAILABLE, "its Events could not be read"),
    ],
    ids=lambda each: each.lookup if isinstance(each, FetchedEvidence) else "",
)
def test_a_diagnosis_says_that_its_events_explain_nothing(
    fetched: FetchedEvidence, words: str
) -> None:
    """There are two lookups and two writes at most, and no second lookup after a refusal."""
    synced = SyncedPod(probed(), fetched)
    for seconds in (1, 6, 12, 60, 3000):
        synced.sync(after(seconds))
    assert synced[CAUSE] == "Killed"
    assert words in synced[EVIDENCE]
    assert len(synced.requests) == (1 if fetched is REFUSED else 2)
    assert synced.writes <= 2


def test_what_a_lookup_showed_is_counted_for_each_crash() -> None:
    """Not that a list was read."""
    request = pod_request(probed(), target(diagnoser()))
    for fetched, result in (
        (PROBE_KILL, EventLookup.FOUND),
        (HEARD, EventLookup.SILENT),
        (NOTHING, EventLookup.NOTHING),
        (REFUSED, EventLookup.REFUSED),
    ):
        assert [each.lookup for each in sync_pod(request, after(1), fetched).lookups] == [result]
    assert not sync_pod(request, after(1)).lookups


def test_no_events_are_read_where_that_is_switched_off() -> None:
    """The next step is to look at the Events."""
    synced = SyncedPod(probed(), PROBE_KILL, events=False)
    synced.sync(after(1))
    assert synced.requests == []
    assert "look for its Events Killing and Unhealthy" in synced[NEXT_STEP]


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(probed(reason="OOMKilled"), id="out of memory"),
        pytest.param(probed(128, reason="StartError"), id="never ran"),
        pytest.param(pod(container()), id="healthy"),
    ],
)
def test_no_events_are_read_where_the_status_is_enough(of: Json) -> None:
    """Events could say no more about these."""
    synced = SyncedPod(of, PROBE_KILL)
    synced.sync(after(1))
    assert synced.requests == []


def test_an_application_error_without_probes_is_looked_up_once() -> None:
    """Its sandbox may have been lost, but a second lookup would not be worth it."""
    synced = SyncedPod(crashed(), NOTHING)
    for seconds in (1, 6, 12):
        synced.sync(after(seconds))
    assert len(synced.requests) == 1


def test_a_requested_restart_is_not_a_crash() -> None:
    """It is reported as such, without the label: it is neither counted nor remediated."""
    resized = FetchedEvidence(
        EventLookup.FOUND, (killing("Container app resize requires restart"),)
    )
    document = probed(143)
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    document["spec"]["containers"][0]["resizePolicy"] = policy
    synced = SyncedPod(document, resized)
    synced.sync(after(1))
    assert synced[CAUSE] == "RestartedForResize"
    assert synced[RESTART_REASON] == "Error (Exit Code: 143)"
    assert LABEL not in synced.of["metadata"]["labels"]


# Container output


def leaving(message: str) -> Json:
    """Build a crashed Pod whose container wrote a termination message."""
    return pod(container(last=terminated(message=message)))


def test_container_output_is_shown_only_where_the_spec_says_so() -> None:
    """Termination message and log are off by default."""
    synced = SyncedPod(
        leaving("a last message"), FetchedEvidence(EventLookup.FOUND, log="last line")
    )
    synced.sync(after(1))
    assert (synced[TERMINATION_MESSAGE], synced[LOG]) == (None, None)
    assert all(each.log is None for each in synced.requests)


def test_container_output_is_redacted_and_the_log_is_fetched_once() -> None:
    """The next crash replaces it with its own."""
    fetched = FetchedEvidence(
        EventLookup.FOUND, log="connecting with password=hunter2\nlast line\n"
    )
    synced = SyncedPod(
        leaving("token=abcdef123456 left"), fetched, terminationMessage=True, logLines=5
    )
    synced.sync(after(1))
    assert "abcdef123456" not in synced[TERMINATION_MESSAGE]
    assert "left" in synced[TERMINATION_MESSAGE]
    assert "hunter2" not in synced[LOG]
    assert "last line" in synced[LOG]
    log = synced.requests[0].log
    assert log is not None
    assert (log.container, log.previous, log.lines) == ("app", True, 5)
    shown = synced[LOG]
    synced.fetched = [FetchedEvidence(EventLookup.FOUND, log="another")]
    synced.sync(after(20))
    assert synced[LOG] == shown
    synced.of["status"]["containerStatuses"] = [container(last=terminated(after(60)), restarts=2)]
    synced.fetched = [FetchedEvidence(EventLookup.FOUND, log=None)]
    synced.sync(after(61))
    assert (synced[TERMINATION_MESSAGE], synced[LOG]) == (None, None)


def test_a_log_proves_that_the_program_could_not_be_executed() -> None:
    """The finding is stored: the log of a later crash, or none, does not change it."""
    at_once = terminated(startedAt=format_time(T0))
    fetched = FetchedEvidence(EventLookup.FOUND, log="exec /app: exec format error\n")
    synced = SyncedPod(pod(container(last=at_once)), fetched, logLines=5)
    synced.sync(after(1))
    assert synced[CAUSE] == "NotExecutable"
    assert synced.evidence["proof"] == "ExecFormat"
    shown = synced[DIAGNOSIS], synced[EVIDENCE]
    synced.fetched = [FetchedEvidence(EventLookup.FOUND, log="other")]
    synced.sync(after(20))
    assert (synced[CAUSE], synced[DIAGNOSIS], synced[EVIDENCE]) == ("NotExecutable", *shown)


def test_so_many_lines_are_shown_as_are_asked_for() -> None:
    """More are read, to see what is part of a key, which counts as one line where it is masked."""
    key = "\n".join(["A1b2" * 16] * 30)
    begin, end = (f"-----{word} RSA PRIVATE" + " KEY-----" for word in ("BEGIN", "END"))
    log = f"one\ntwo\nthree\n{begin}\n{key}\n{end}\nlast line"
    fetched = FetchedEvidence(EventLookup.FOUND, log=log)
    synced = SyncedPod(leaving(""), fetched, logLines=3)
    synced.sync(after(1))
    assert synced[LOG] == "three\n***\nlast line"


COMMAND = 'exec: "mysql -u root -p{} -h cust-4711": executable file not found in $PATH'


def test_messages_of_the_runtime_are_masked_too() -> None:
    """By the built-in rules and by the patterns of the PodDiagnoser, wherever they are shown."""
    secret = "hunter" + "2"
    message = f"unable to start container process: {COMMAND.format(secret)}"
    ended = terminated(T0, 128, reason="StartError", message=message)
    waiting = {"reason": "CreateContainerError", "message": COMMAND.format(secret)}
    for document in (
        pod(container(last=ended)),
        pod({"name": "app", "restartCount": 0, "state": {"waiting": waiting}}),
        {**pod(), "status": {"phase": "Failed", "reason": "X", "message": COMMAND.format(secret)}},
    ):
        synced = SyncedPod(document, maskPatterns=["cust-[0-9]+"])
        synced.sync(after(1))
        shown = " ".join(filter(None, (synced[key] for key in (DIAGNOSIS, EVIDENCE, NEXT_STEP))))
        assert "executable file not found" in shown
        assert "***" in shown
        assert secret not in shown
        assert "4711" not in shown


def test_container_output_is_for_authenticated_clients_alone() -> None:
    """A response that anybody can get contains nothing that applications wrote."""
    synced = SyncedPod(
        leaving("a last message"),
        FetchedEvidence(EventLookup.FOUND, log="x"),
        terminationMessage=True,
        logLines=5,
    )
    synced.sync(after(1), confidential=False)
    assert (synced[TERMINATION_MESSAGE], synced[LOG]) == (None, None)
    assert all(each.log is None for each in synced.requests)


# Lasting conditions


def unready(since: datetime, *, ready: bool = False) -> Json:
    """Build a running Pod whose readiness probe does not succeed."""
    document = pod({**container(started=T0), "ready": ready})
    document["spec"]["containers"][0]["readinessProbe"] = {}
    condition = {"status": str(ready), "lastTransitionTime": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
    document["status"]["conditions"] = [
        {"type": kind, "reason": "ContainersNotReady", **condition}
        for kind in ("Ready", "ContainersReady")
    ]
    return document


def test_a_condition_is_shown_when_it_lasts_and_removed_when_it_is_over() -> None:
    """It is not shown in the first two minutes; the response asks for the sync that shows it."""
    synced = SyncedPod(unready(T0), NOTHING)
    synced.sync(after(10))
    assert synced.writes == 0
    assert synced.resync_after == 110
    synced.sync(after(120))
    assert synced[CAUSE] == "NotReady"
    assert synced[RESTART_REASON] is None
    synced.of["status"] = unready(after(300), ready=True)["status"]
    synced.sync(after(301))
    assert (synced[CAUSE], synced[CONTAINER], synced[DIAGNOSIS]) == (None, None, None)


def test_a_crash_is_shown_again_when_a_later_condition_is_over() -> None:
    """A termination stays a fact; a condition does not."""
    document = unready(T0)
    document["status"]["containerStatuses"][0] |= {
        "restartCount": 1,
        "lastState": {"terminated": terminated(T0, 3)},
    }
    synced = SyncedPod(document, NOTHING)
    synced.sync(after(1))
    assert synced[CAUSE] == "ApplicationError"
    first = synced[DIAGNOSIS]
    synced.sync(after(130))
    assert synced[CAUSE] == "NotReady"
    synced.of["status"]["conditions"] = unready(after(300), ready=True)["status"]["conditions"]
    synced.sync(after(301))
    assert (synced[CAUSE], synced[DIAGNOSIS]) == ("ApplicationError", first)


def waiting(reason: str, message: str = "") -> Json:
    """Build a Pod whose container is not started."""
    state = {"waiting": {"reason": reason, "message": message}}
    return pod({"name": "app", "restartCount": 0, "state": state})


def test_a_pull_that_fails_again_and_again_is_one_failure() -> None:
    """ErrImagePull and ImagePullBackOff alternate for hours, with one write."""
    synced = SyncedPod(waiting("ErrImagePull", "no route"), NOTHING)
    for seconds in range(1, 3600, 60):
        reason = "ImagePullBackOff" if seconds % 120 == 1 else "ErrImagePull"
        synced.of["status"] = waiting(reason, f"attempt {seconds}")["status"]
        synced.sync(after(seconds))
    assert synced[CAUSE] == "ImagePullFailed"
    assert synced.writes == 1
    synced.of["status"] = pod(container())["status"]
    synced.sync(after(3600))
    assert synced[CAUSE] is None


# Clocks that differ


@pytest.mark.parametrize("behind", [timedelta(minutes=6), timedelta(hours=1), timedelta(hours=14)])
def test_a_clock_that_is_behind_does_not_judge_a_crash_anew(behind: timedelta) -> None:
    """The Event that explains it came too late: what was told of the crash stays so."""
    synced = SyncedPod(probed(), NOTHING, NOTHING, PROBE_KILL)
    synced.sync(after(1))
    synced.sync(after(6))
    told = (synced[CAUSE], synced[DIAGNOSIS], synced.evidence)
    synced.sync(after(10) - behind)
    synced.sync(after(20))
    assert (synced[CAUSE], synced[DIAGNOSIS], synced.evidence) == told
    assert told[0] == "Killed"
    assert len(synced.requests) == 2


@pytest.mark.parametrize("behind", [timedelta(minutes=6), timedelta(hours=1), timedelta(hours=14)])
def test_a_clock_that_is_behind_changes_neither_times_nor_label(behind: timedelta) -> None:
    """Otherwise the next replica would end the label at once, before the crash is in a status."""
    synced = SyncedPod(probed(), PROBE_KILL)
    synced.sync(after(1))
    once = synced.of
    for now in (after(1) - behind, after(2), after(3) - behind, after(4)):
        synced.sync(now)
        assert synced.of == once
    synced.sync(after(hours=1, seconds=2))
    assert LABEL not in synced.of["metadata"]["labels"]


@pytest.mark.parametrize("minutes", [-14 * 60, -60, 6, 59])
def test_the_second_lookup_does_not_wait_for_another_clock(minutes: int) -> None:
    """How long ago the first one was is not known: the second one is made at once."""
    synced = SyncedPod(probed(), NOTHING, PROBE_KILL)
    synced.sync(after(1))
    synced.sync(after(2, minutes=minutes))
    assert synced[CAUSE] == "LivenessProbeFailed"
    assert LABEL in synced.of["metadata"]["labels"]
    once = synced.of
    synced.sync(after(3))
    assert synced[CAUSE] == "LivenessProbeFailed"
    assert (
        json.loads(synced[CRASHES])["history"]
        == json.loads(once["metadata"]["annotations"][CRASHES])["history"]
    )
    assert len(synced.requests) == 2


@pytest.mark.parametrize("hours", [1, 14])
def test_the_second_lookup_is_left_out_when_no_status_can_show_it(hours: int) -> None:
    """The label ends with that sync: what a PodDiagnoser told of the crash stays so for ever."""
    synced = SyncedPod(probed(), NOTHING, PROBE_KILL)
    synced.sync(after(1))
    told = (synced[CAUSE], synced[DIAGNOSIS], synced[EVIDENCE])
    for now in (after(2, hours=hours), after(3), after(7), after(8, hours=hours)):
        synced.sync(now)
        assert (synced[CAUSE], synced[DIAGNOSIS], synced[EVIDENCE]) == told
        assert synced.evidence == {"asked": "Nothing", "reads": 3}
        assert "awaits" not in json.loads(synced[CRASHES])["history"][0]
    assert LABEL not in synced.of["metadata"]["labels"]
    assert len(synced.requests) == 1


def test_a_cause_that_stays_since_it_is_late_is_settled_once() -> None:
    """For logs and metrics."""
    synced = SyncedPod(probed(), NOTHING)
    synced.sync(after(1))
    late = sync_pod(pod_request(synced.of, *synced.targets), after(2, hours=1))
    assert [each.cause for each in late.settled] == ["Killed"]
    synced.sync(after(2, hours=1))
    assert sync_pod(pod_request(synced.of, *synced.targets), after(3, hours=1)).settled == []


def test_what_does_not_start_is_looked_up_again_after_the_clock_was_set_back() -> None:
    """Not before an hour has passed again, nor many times at once; what was found stays so long."""
    pulls = FetchedEvidence(
        EventLookup.FOUND,
        (PodEvent("Failed", 'Failed to pull image "x": denied', "app", after(0), after(0)),),
    )
    synced = SyncedPod(waiting("ImagePullBackOff"), pulls)
    synced.sync(after(1))
    found, lookups = synced.evidence, len(synced.requests)
    back = after(2, hours=-1)
    synced.sync(back)
    assert synced.evidence == found
    assert len(synced.requests) == lookups
    assert synced.resync_after is not None
    assert synced.resync_after < 600
    synced.sync(back + timedelta(seconds=synced.resync_after))
    assert len(synced.requests) == lookups + 1


# Properties


FETCHED: Sequence[FetchedEvidence] = (
    NOTHING,
    REFUSED,
    UNAVAILABLE,
    PROBE_KILL,
    FetchedEvidence(EventLookup.FOUND, (killing("Stopping container app"),)),
)


@given(
    st.lists(st.sampled_from(FETCHED), min_size=1, max_size=4),
    st.lists(st.floats(0.5, 4000), min_size=3, max_size=12),
    st.sampled_from([0, 1, 137, 143]),
)
def test_lookups_end(fetched: list[FetchedEvidence], pauses: list[float], code: int) -> None:
    """Whatever is fetched, and whenever: two lookups for a crash, and no writes in the end."""
    synced = SyncedPod(probed(code), *fetched)
    now = after(1)
    for pause in pauses:
        synced.sync(now)
        now += timedelta(seconds=pause)
    assert len(synced.requests) <= 2
    synced.sync(now + timedelta(hours=3))
    writes = synced.writes
    for _ in range(3):
        now += timedelta(hours=4)
        synced.sync(now)
    assert synced.writes == writes
    assert len(synced.requests) <= 2


def creating() -> Json:
    """Build a Pod whose container has not been created yet."""
    document = waiting("ContainerCreating")
    since = {"status": "False", "lastTransitionTime": "2026-11-23T10:00:00Z"}
    document["status"]["conditions"] = [
        {"type": kind, "reason": "ContainersNotReady", **since}
        for kind in ("Ready", "ContainersReady")
    ]
    return document


PULLING = PodEvent("Pulling", 'Pulling image "app:1"', "app", after(1), after(1))
PULLED = PodEvent("Pulled", "", "app", after(200), after(200))
SECRET_MISSING = PodEvent(
    "FailedMount",
    'MountVolume.SetUp failed for volume "tls" : secret "tls" not found',
    "",
    after(250),
    after(300),
)


def listed(*events: PodEvent) -> FetchedEvidence:
    """Return a list of Events that could be read."""
    return FetchedEvidence(EventLookup.FOUND, events)


def test_a_long_pull_is_not_a_failure_and_is_looked_up_once() -> None:
    """A large image takes its time, so nothing is shown; the finding is stored."""
    synced = SyncedPod(creating(), listed(PULLING))
    for seconds in (1, 121, 130, 300):
        synced.sync(after(seconds))
    assert synced[CAUSE] is None
    assert LABEL not in synced.of["metadata"]["labels"]
    assert len(synced.requests) == 1
    assert synced.resync_after == 1


def test_a_pull_that_does_not_end_is_shown_with_its_begin() -> None:
    """After five minutes, when it is looked up again."""
    synced = SyncedPod(creating(), listed(PULLING))
    for seconds in (121, 301, 302):
        synced.sync(after(seconds))
    assert synced[CAUSE] == "ImagePullSlow"
    assert "since 10:00:01 UTC" in synced[DIAGNOSIS]
    assert len(synced.requests) == 2


@pytest.mark.parametrize(
    ("later", "cause"),
    [
        ((PULLING, PULLED), "NotCreated"),
        ((PULLING, PULLED, SECRET_MISSING), "VolumeNotMounted"),
    ],
)
def test_a_pull_seen_once_is_not_the_last_word(later: tuple[PodEvent, ...], cause: str) -> None:
    """It may have ended, and something else may have failed since."""
    synced = SyncedPod(creating(), listed(PULLING), listed(*later))
    synced.sync(after(121))
    assert synced[CAUSE] is None
    synced.sync(after(302))
    assert synced[CAUSE] == cause


def test_why_a_container_is_not_created_is_looked_up_again() -> None:
    """First a Secret is missing, then the node has no IP address left."""
    no_address = PodEvent(
        "FailedCreatePodSandBox",
        'Failed to create pod sandbox: plugin type="bridge" failed (add): no IP addresses '
        "available in range set",
        "",
        after(900),
        after(1000),
    )
    synced = SyncedPod(creating(), listed(SECRET_MISSING), listed(SECRET_MISSING, no_address))
    synced.sync(after(310))
    assert "Secret tls does not exist" in synced[DIAGNOSIS]
    synced.sync(after(320))
    assert len(synced.requests) == 1
    synced.sync(after(1000))
    assert synced[CAUSE] == "SandboxNotCreated"
    assert len(synced.requests) == 2


def test_a_pull_that_fails_for_another_reason_is_shown_with_it() -> None:
    """The words stay as long as the kind of problem does."""
    timeout = "lookup r.example: read udp 10.0.0.5:{}->10.0.0.2:53: i/o timeout"
    synced = SyncedPod(waiting("ErrImagePull", "no route"), NOTHING)
    seen = []
    for number, message in enumerate(
        (timeout.format(1), timeout.format(2), "r.example/app:1: not found")
    ):
        synced.of["status"] = waiting("ErrImagePull", f"failed to pull image: {message}")["status"]
        synced.sync(after(60 * number + 1))
        seen.append((synced[DIAGNOSIS], synced[EVIDENCE]))
    assert seen[0] == seen[1]
    assert "the node cannot resolve the registry's name" in seen[0][0]
    assert "the registry does not have this image" in seen[2][0]
    assert synced.writes == 2


def test_a_secret_in_a_probes_output_is_redacted() -> None:
    """An application wrote it."""
    unhealthy = PodEvent(
        "Unhealthy", "Liveness probe failed: password=hunter2 cust-77", "app", T0, T0
    )
    synced = SyncedPod(
        probed(),
        FetchedEvidence(EventLookup.FOUND, (killing(), unhealthy)),
        maskPatterns=["cust-[0-9]+"],
    )
    synced.sync(after(1))
    assert "its liveness probe failed: " in synced[DIAGNOSIS]
    assert "hunter2" not in str(synced.of)
    assert "cust-77" not in str(synced.of)


def test_events_of_a_static_pod_are_requested_by_its_own_uid() -> None:
    """Its mirror Pod has another uid."""
    document = probed()
    document["metadata"]["annotations"] = {MIRROR_POD_ANNOTATION: "a1b2c3"}
    synced = SyncedPod(document, NOTHING)
    synced.sync(after(1))
    assert [each.uid for each in synced.requests] == ["a1b2c3"]
