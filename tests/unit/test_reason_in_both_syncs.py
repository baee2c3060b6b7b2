"""The reason that a container's output gives, from the Pod's sync to status, workloads and Events.

It is read once, kept with the crash, and told everywhere in the same words.
"""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.event_rules import SECOND_LOOKUP_AFTER
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence
from pod_diagnoser.diagnosis.output_reason import MAX_LINE_BYTES, MAX_SAID_BYTES
from pod_diagnoser.pods.history import MAX_CRASHES_BYTES, CrashHistory, StoredReason, serialize
from pod_diagnoser.pods.keys import (
    CAUSE,
    CRASHES,
    DIAGNOSIS,
    EVIDENCE,
    LABEL,
    MAX_REASON_BYTES,
    NEXT_STEP,
    REASON,
    REASON_CLASS,
)
from pod_diagnoser.pods.sync import sync_pod
from tests.support.builders import (
    T0,
    Json,
    after,
    applied,
    container,
    crash_record,
    diagnoser,
    owned,
    pod,
    pod_request,
    target,
    terminated,
)
from tests.unit.poddiagnosers.test_sync import Hook
from tests.unit.pods.test_observation import SyncedPod

SECRET = "hunter" + "2"
TRACE = f"""connecting with password={SECRET}
Traceback (most recent call last):
  File "/app/main.py", line 7, in <module>
    connect(url)
ConnectionRefusedError: postgres://app:{SECRET}@db:5432/shop: connection refused
"""
WORDS = "ConnectionRefusedError: postgres://***@db:5432/shop: connection refused"
MISSING = "KeyError: 'DATABASE_URL'"
CALM = "serving on :8080\n"


def fetched(log: str | None, lookup: EventLookup = EventLookup.FOUND) -> FetchedEvidence:
    """Return what is fetched where there are no Events."""
    return FetchedEvidence(lookup, log=log)


def ended(message: str = "", code: int = 1, **options: Any) -> Json:
    """Return a Pod whose container ended and was restarted."""
    return pod(container(last=terminated(T0, code, message=message, **options)))


def latest_record(synced: SyncedPod) -> Any:
    """Return the record of the latest crash."""
    return json.loads(synced[CRASHES])["history"][0]


def lines(synced: SyncedPod) -> list[str]:
    """Return the three lines of a Pod."""
    return [synced[key] for key in (DIAGNOSIS, EVIDENCE, NEXT_STEP)]


# On the Pod


def test_the_reason_is_shown_and_the_log_is_read_once() -> None:
    """Masked in all places; the cause stays."""
    synced = SyncedPod(ended(), fetched(TRACE), fetched("another"), reason=True)
    synced.sync(after(1))
    assert synced[CAUSE] == "ApplicationError"
    assert f'exited with code 1: "{WORDS}"'[:60] in synced[DIAGNOSIS]
    assert "(DependencyUnreachable)" in synced[DIAGNOSIS]
    assert 'check that "db:5432" is up' in synced[NEXT_STEP]
    assert synced[REASON] == WORDS
    assert latest_record(synced)["reason"]["reasonClass"] == "DependencyUnreachable"
    assert SECRET not in json.dumps(synced.of["metadata"]["annotations"])
    (request,) = synced.requests
    assert request.log is not None
    assert (request.log.previous, request.log.lines, request.log.for_reason) == (True, 0, True)
    shown = dict(synced.of["metadata"]["annotations"])
    for seconds in (2, 7, 60, 3000):
        synced.sync(after(seconds))
    assert synced.of["metadata"]["annotations"] == shown
    assert len(synced.requests) == 1
    assert synced.writes == 1


def test_nothing_is_read_and_nothing_is_shown_unless_the_spec_says_so() -> None:
    """Off by default; a message that says why is not read either."""
    synced = SyncedPod(ended(MISSING), fetched(TRACE))
    synced.sync(after(1))
    assert synced[REASON] is None
    assert "reason" not in latest_record(synced)
    assert MISSING not in " ".join(lines(synced))
    assert [each.log for each in synced.requests] == [None]


def test_callers_that_are_not_authenticated_get_no_reason() -> None:
    """It is the application's own words; nothing is fetched for it."""
    synced = SyncedPod(ended(MISSING), fetched(TRACE), reason=True)
    synced.sync(after(1), confidential=False)
    assert synced[REASON] is None
    assert "reason" not in latest_record(synced)
    assert [each.log for each in synced.requests] == [None]


@pytest.mark.parametrize("log", [None, CALM], ids=["the log may not be read", "calm"])
def test_where_the_log_does_not_help_the_message_tells_the_reason(log: str | None) -> None:
    """The message is in the Pod's status, and takes no permission."""
    message = f"{MISSING} at start, see the log"
    synced = SyncedPod(ended(message + "\n" * 2 + "x" * 1100), fetched(log), reason=True)
    synced.sync(after(1))
    assert "(MissingConfiguration)" in synced[DIAGNOSIS] or log == CALM
    synced = SyncedPod(ended(MISSING), fetched(log, EventLookup.REFUSED), reason=True)
    synced.sync(after(1))
    assert f'"{MISSING}" (MissingConfiguration)' in synced[DIAGNOSIS]
    assert "its own words in its termination message" in synced[EVIDENCE]


def test_a_message_that_says_why_spares_the_log() -> None:
    """Unless lines of it are shown, too."""
    for evidence, asked in (({"reason": True}, False), ({"reason": True, "logLines": 3}, True)):
        synced = SyncedPod(ended(MISSING), fetched(CALM), **evidence)
        synced.sync(after(1))
        assert [each.log is not None for each in synced.requests] == [asked]
        assert "(MissingConfiguration)" in synced[DIAGNOSIS]


MISSED = FetchedEvidence(EventLookup.FOUND, log_missed=True)


def test_a_log_that_could_not_be_read_in_time_is_read_once_more() -> None:
    """Seconds later, as Events are; the response asks for that sync."""
    synced = SyncedPod(ended(), MISSED, fetched(TRACE), reason=True)
    synced.sync(after(1))
    assert synced[REASON] is None
    assert synced.resync_after == SECOND_LOOKUP_AFTER.total_seconds()
    synced.sync(after(3))
    assert len(synced.requests) == 1
    assert synced.resync_after == SECOND_LOOKUP_AFTER.total_seconds() - 2
    for seconds in (6, 7, 60):
        synced.sync(after(seconds))
    assert synced[REASON] == WORDS
    assert "unread" not in latest_record(synced)
    assert "awaits" not in latest_record(synced)
    assert [each.log is not None for each in synced.requests] == [True, True]
    assert synced.writes == 2


def test_a_log_that_could_not_be_read_twice_is_left_out() -> None:
    """The diagnosis is that of the status."""
    synced = SyncedPod(ended(), MISSED, reason=True)
    for seconds in (1, 6, 11, 60):
        synced.sync(after(seconds))
    assert len(synced.requests) == 2
    assert "the code alone does not say why" in synced[EVIDENCE]
    assert not {"unread", "awaits"} & latest_record(synced).keys()


@pytest.mark.parametrize(("now", "read"), [(after(3600), True), (after(3601), False)])
def test_a_log_is_not_read_once_more_when_no_status_can_show_it(now: datetime, read: bool) -> None:
    """The label has ended: what a PodDiagnoser told of the crash would contradict it for ever."""
    synced = SyncedPod(ended(), MISSED, fetched(TRACE), reason=True)
    synced.sync(after(1))
    told = lines(synced)
    synced.sync(now)
    assert (LABEL in synced.of["metadata"]["labels"]) is read
    assert ("reason" in latest_record(synced)) is (lines(synced) != told) is read
    assert not {"unread", "awaits"} & latest_record(synced).keys()
    once = synced.of
    synced.sync(after(5))
    assert synced.of["metadata"]["annotations"] == once["metadata"]["annotations"]
    assert len(synced.requests) == 1 + read


def stopped_with_a_probe() -> Json:
    """Return a Pod whose container was killed; Events may tell that its probe failed."""
    of = ended(code=137)
    of["spec"]["containers"][0]["livenessProbe"] = {}
    return of


@pytest.mark.parametrize("again", [TRACE, "", None], ids=["the log", "empty", "gone"])
def test_a_reason_stays_while_its_crash_is_ignored(again: str | None) -> None:
    """It was told with that reason; the log is not read anew when it is reported again."""
    synced = SyncedPod(stopped_with_a_probe(), fetched(TRACE), fetched(again), reason=True)
    synced.sync(after(1))
    reason, shown = latest_record(synced)["reason"], lines(synced)
    spec = synced.targets[0]["spec"]
    spec["ignore"] = {"causes": ["Killed"]}
    for seconds in (2, 3, 4):
        synced.sync(after(seconds))
        record = latest_record(synced)
        assert record["silent"]
        assert record["reason"] == reason
    spec["ignore"] = {}
    synced.sync(after(4.5))
    assert latest_record(synced)["reason"] == reason
    assert "silent" not in latest_record(synced)
    assert lines(synced) == shown
    assert [each.log is not None for each in synced.requests] == [True]


def test_the_reason_of_a_crash_that_was_ignored_is_looked_for_when_it_is_reported() -> None:
    """Of its message alone it was known before."""
    synced = SyncedPod(stopped_with_a_probe(), fetched(TRACE), reason=True)
    spec = synced.targets[0]["spec"]
    spec["ignore"] = {"causes": ["Killed"]}
    for seconds in (1, 2):
        synced.sync(after(seconds))
        assert "reason" not in latest_record(synced)
    spec["ignore"] = {}
    synced.sync(after(3))
    assert synced[REASON] == WORDS
    assert [each.log is not None for each in synced.requests] == [False, True]


@pytest.mark.parametrize("evidence", [{}, {"logLines": 3}])
def test_a_log_is_not_read_once_more_where_no_reason_is_looked_for(evidence: Json) -> None:
    """Nor after that was switched off."""
    synced = SyncedPod(ended(), MISSED, reason=True)
    synced.sync(after(1))
    synced.targets[0]["spec"]["evidence"] = evidence
    for seconds in (2, 3, 60):
        synced.sync(after(seconds))
    assert not {"unread", "awaits"} & latest_record(synced).keys()
    lines_alone = SyncedPod(ended(), MISSED, logLines=3)
    for seconds in (1, 6):
        lines_alone.sync(after(seconds))
    assert [each.log is not None for each in lines_alone.requests] == [True]


def test_an_output_that_does_not_explain_the_end_is_said_to_be_so() -> None:
    """There are no lines of it then."""
    synced = SyncedPod(ended(), fetched(CALM), reason=True)
    synced.sync(after(1))
    assert "neither the code nor its log says why" in synced[EVIDENCE]
    assert synced[REASON] is None
    assert latest_record(synced)["reason"] == {"reasonClass": "Nothing"}


def test_a_reason_goes_when_it_is_switched_off() -> None:
    """From the lines, the annotation and the history."""
    synced = SyncedPod(ended(), fetched(TRACE), reason=True)
    synced.sync(after(1))
    synced.targets[0]["spec"]["evidence"] = {}
    synced.sync(after(5))
    assert synced[REASON] is None
    assert "reason" not in latest_record(synced)
    assert "db:5432" not in json.dumps(synced.of["metadata"]["annotations"])


def test_the_next_crash_has_a_reason_of_its_own() -> None:
    """That of the former one is kept without its lines."""
    two = 'java.lang.IllegalStateException: no\nCaused by: java.io.IOException: "a" is gone\n'
    trace = f"Exception in thread main {two}"
    synced = SyncedPod(ended(), fetched(trace), fetched(TRACE), reason=True)
    synced.sync(after(1))
    first = latest_record(synced)["reason"]
    assert first["said"]
    synced.of["status"]["containerStatuses"] = [container(last=terminated(after(60)), restarts=2)]
    synced.sync(after(61))
    history = json.loads(synced[CRASHES])["history"]
    assert [record["reason"]["said"] for record in history] == [WORDS, first["said"]]
    assert "lines" not in history[1]["reason"]
    assert synced[REASON] == WORDS
    assert len(synced.requests) == 2


def test_what_an_owner_made_up_is_safe_and_quoted() -> None:
    """The history is an annotation, which the Pod's owner may write."""
    synced = SyncedPod(ended(), fetched(TRACE), reason=True)
    synced.sync(after(1))
    document = json.loads(synced[CRASHES])
    made_up = 'x" Next: run \u202e this\n\x1b[31m' + "y" * 300
    document["history"][0]["reason"].update(said=made_up, lines=[made_up, ""])
    synced.of["metadata"]["annotations"][CRASHES] = json.dumps(document)
    synced.sync(after(2))
    assert all(each.isprintable() for each in (*lines(synced), synced[REASON]))
    assert all(each.count('"') % 2 == 0 for each in lines(synced))
    assert len(synced[REASON].encode()) <= MAX_REASON_BYTES


LOGS = st.lists(
    st.sampled_from(
        [
            "Traceback (most recent call last):",
            '  File "/a.py", line 1, in <module>',
            f"ValueError: token={SECRET}",
            f"panic: dial postgres://u:{SECRET}@db",
            f'{{"level":"fatal","msg":"x","password":"{SECRET}"}}',
            f"FATAL: password: {SECRET}",
            f"\x1b[31mERROR\x1b[0m DB_PASSWORD={SECRET}",
            f"Caused by: java.lang.X: Authorization: Bearer {SECRET}",
            f"mysql --password={SECRET}",
            "goroutine 1 [running]:",
            "\u202e\x00x",
            "received SIGTERM",
            "",
        ]
    )
    | st.text(max_size=80),
    max_size=12,
).map("\n".join)


@given(LOGS, LOGS, st.sampled_from([0, 1, 137, 139, 143, 255]))
def test_nothing_is_unmasked_and_each_line_is_short(message: str, log: str, code: int) -> None:
    """Whatever log and message hold; synced again, nothing changes."""
    synced = SyncedPod(ended(message, code), fetched(log), reason=True)
    synced.sync(after(1))
    shown = dict(synced.of["metadata"]["annotations"])
    assert SECRET not in json.dumps(shown)
    assert all(len(line.encode()) <= 138 for line in lines(synced))
    assert len((synced[REASON] or "").encode()) <= MAX_REASON_BYTES
    assert len(synced[CRASHES].encode()) <= MAX_CRASHES_BYTES
    synced.sync(after(2))
    assert synced.of["metadata"]["annotations"] == shown


@pytest.mark.parametrize(("character", "least"), [("x", 10), ('"', 6)])
def test_a_history_with_reasons_is_bounded(character: str, least: int) -> None:
    """The newest crash keeps its lines; the oldest lose what was said first."""
    reason = StoredReason(
        reasonClass=ReasonClass.UNCAUGHT_EXCEPTION,
        said=character * MAX_SAID_BYTES,
        lines=(character * MAX_LINE_BYTES,) * 3,
    )
    for count in (1, 2, 10):
        records = tuple(
            crash_record(after(-number), number, id=f"{number:016x}", reason=reason)
            for number in range(count)
        )
        text = serialize(CrashHistory(diagnoser="u" * 36, since=T0, history=records))
        assert len(text.encode()) <= MAX_CRASHES_BYTES
        kept = json.loads(text)["history"]
        assert len(kept) >= min(count, least)
        assert kept[0]["reason"]["lines"] == list(reason.lines)
        assert all(each["reason"]["reasonClass"] == "UncaughtException" for each in kept)


# In status and Events

SPEC: Json = {"remediationAction": "LogEvent", "evidence": {"reason": True}}


class Cluster(Hook):
    """A PodDiagnoser and crashed Pods, whose own syncs come when a test says so."""

    def __init__(self, *pods: Json, **spec: Any) -> None:
        super().__init__()
        self.api.put(diagnoser(**SPEC | spec))
        for each in pods:
            self.api.put(each)

    def sync_pod(self, name: str, log: str | None, *, missed: bool = False) -> None:
        """Sync a Pod by itself, with a log."""
        of = self.api.pods[name]
        claim = target(self.diag)
        claim["spec"]["evidence"] = self.diag["spec"]["evidence"]
        found = FetchedEvidence(EventLookup.FOUND, log=log, log_missed=missed)
        result = sync_pod(pod_request(of, claim), self.api.now, found, confidential=True)
        self.api.put(applied(of, json.loads(result.response.encode())))

    def annotation(self, name: str, key: str) -> str:
        """Return an annotation of a Pod."""
        return str(self.api.pods[name]["metadata"]["annotations"][key])


def crashed(number: int, code: int = 1, finished: datetime | None = None) -> Json:
    """Return a Pod of a ReplicaSet whose container ended."""
    of = owned(number)
    end = terminated(finished or after(9), code)
    of["status"]["containerStatuses"] = [container(last=end)]
    return of


@pytest.mark.parametrize("events", [True, False])
def test_an_event_waits_until_the_output_was_read(events: bool) -> None:
    """Annotation, status and Event have the same words and the same class."""
    cluster = Cluster(crashed(1), evidence={"reason": True, "events": events})
    cluster.sync()
    assert cluster.api.events_of("PodRestarted") == []
    cluster.sync_pod("app-1", TRACE)
    cluster.sync()
    (event,) = cluster.api.events_of("PodRestarted")
    assert event["metadata"]["annotations"][REASON_CLASS] == "DependencyUnreachable"
    assert cluster.annotation("app-1", DIAGNOSIS) in event["message"]
    cluster.api.pass_time(3)
    cluster.sync()
    (recent,) = cluster.diag["status"]["recentDiagnoses"]
    assert recent["reasonClass"] == "DependencyUnreachable"
    shown = [cluster.annotation("app-1", key) for key in (DIAGNOSIS, EVIDENCE, NEXT_STEP)]
    assert [recent[key] for key in ("diagnosis", "evidence", "nextStep")] == shown
    assert SECRET not in json.dumps(cluster.diag["status"])


def test_an_event_waits_for_a_log_that_is_read_once_more() -> None:
    """It has the class that the annotation has in the end."""
    cluster = Cluster(crashed(1))
    cluster.sync()
    cluster.sync_pod("app-1", None, missed=True)
    cluster.sync()
    assert cluster.api.events_of("PodRestarted") == []
    cluster.api.pass_time(5)
    cluster.sync_pod("app-1", TRACE)
    cluster.sync()
    (event,) = cluster.api.events_of("PodRestarted")
    assert event["metadata"]["annotations"][REASON_CLASS] == "DependencyUnreachable"


def test_a_crash_whose_pod_shows_the_next_one_already_is_told_with_its_reason() -> None:
    """Its record has it."""
    cluster = Cluster(crashed(1))
    cluster.sync()
    cluster.sync_pod("app-1", TRACE)
    of = cluster.api.pods["app-1"]
    of["status"]["containerStatuses"] = [container(last=terminated(after(11)), restarts=2)]
    cluster.api.put(of)
    cluster.sync()
    (event,) = cluster.api.events_of("PodRestarted")
    assert event["metadata"]["annotations"][REASON_CLASS] == "DependencyUnreachable"


def test_what_no_output_explains_does_not_wait() -> None:
    """The kernel killed it."""
    of = crashed(1, 137)
    of["status"]["containerStatuses"][0]["lastState"]["terminated"]["reason"] = "OOMKilled"
    cluster = Cluster(of)
    cluster.sync_pod("app-1", None)
    cluster.sync()
    (event,) = cluster.api.events_of("PodRestarted")
    assert REASON_CLASS not in event["metadata"]["annotations"]


def test_workloads_count_causes_by_the_class_of_their_reason() -> None:
    """One Deployment of which Pods fail for two reasons, and one without any output."""
    cluster = Cluster(*(crashed(number) for number in range(1, 5)))
    for number, log in ((1, TRACE), (2, TRACE), (3, CALM), (4, None)):
        cluster.sync_pod(f"app-{number}", log)
    cluster.api.pass_time(8)
    cluster.sync()
    (workload,) = cluster.diag["status"]["workloads"]
    assert workload["causes"] == [
        {"cause": "ApplicationError", "reasonClass": "DependencyUnreachable", "pods": 2},
        {"cause": "ApplicationError", "pods": 1},
        {"cause": "ApplicationError", "reasonClass": "Nothing", "pods": 1},
    ]


def test_with_the_reason_switched_off_the_status_does_not_show_what_a_pod_has_stored() -> None:
    """The Pod's own sync may come later."""
    cluster = Cluster(crashed(1))
    cluster.sync_pod("app-1", TRACE)
    diag = cluster.diag
    diag["spec"]["evidence"] = {"reason": False}
    cluster.api.put(diag)
    cluster.api.pass_time(8)
    cluster.sync()
    assert "db:5432" not in json.dumps(cluster.diag["status"])
    assert all("reasonClass" not in each for each in cluster.diag["status"]["recentDiagnoses"])
