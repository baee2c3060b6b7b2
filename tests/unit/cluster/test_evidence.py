"""Fetching evidence: what is read of Events and logs, and when no call is made."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.diagnostics_v1 import MAX_LOG_LINES, DiagnosisTarget
from pod_diagnoser.cluster.circuit_breaker import (
    BUSY_SECONDS,
    MAX_BUSY_SECONDS,
    MAX_NAMESPACES,
    MIN_WITHOUT_ANSWER,
    NO_ANSWER_SECONDS,
    REFUSED_SECONDS,
)
from pod_diagnoser.cluster.client import MAX_EVENT_LIST, MAX_EVENTS_OF_PODS, MAX_EVENTS_OF_PODS_LIST
from pod_diagnoser.cluster.coalescing import (
    BURST_SECONDS,
    BURST_SIZE,
    MAX_BURSTS,
    MAX_SHARED,
    MAX_SHARED_BYTES,
    BurstTracker,
    CrashBurst,
    SharedEvents,
)
from pod_diagnoser.cluster.errors import AnswerTooLongError, ApiError, NoAnswerError, api_error
from pod_diagnoser.cluster.event_list import MAX_MESSAGE_BYTES
from pod_diagnoser.cluster.evidence import (
    EVENTS_SECONDS,
    FETCH_SECONDS,
    LINES_BEFORE,
    MAX_CALLS,
    MAX_LOG_BYTES,
    MAX_SHARED_AGE,
    SHARED_FACTOR,
    SHARED_FETCH_SECONDS,
    SHARED_SECONDS,
    SLOT_SECONDS,
    TOO_MANY_SECONDS,
    ApiEvidenceFetcher,
)
from pod_diagnoser.diagnosis.event_rules import SECOND_LOOKUP_AFTER
from pod_diagnoser.diagnosis.evidence import (
    EventLookup,
    EvidenceRequest,
    FetchedEvidence,
    LogRequest,
    PodEvent,
)
from tests.support.builders import EVENT_POD_UID as UID
from tests.support.builders import T0, event_list, kubelet_event
from tests.support.fake_api import FakeEvidenceApi, log_target

EVENTS = EvidenceRequest("shop", "app-1", UID, events=True)
TARGET = DiagnosisTarget.model_validate(log_target()).spec
LOG = EvidenceRequest(
    "shop", "app-1", UID, log=LogRequest("app", previous=True, lines=5, target=TARGET)
)
BOTH = EvidenceRequest(
    "shop",
    "app-1",
    UID,
    events=True,
    log=LogRequest("app", previous=False, lines=5, target=TARGET),
)


KILLING = PodEvent(
    reason="Killing",
    message="Container app failed liveness probe, will be restarted",
    container="app",
    first=datetime(2026, 11, 23, 9, 59, tzinfo=UTC),
    last=T0,
    count=2,
    normal=False,
)


def failing(error: ApiError) -> Callable[..., Any]:
    """Return a call that raises an error."""

    def fail(*_: object) -> Any:
        raise error

    return fail


# What is fetched


def test_the_events_of_the_pod_are_fetched() -> None:
    """One call, with all the time there is."""
    api = FakeEvidenceApi()
    assert api.fetcher().fetch(EVENTS) == FetchedEvidence(EventLookup.FOUND, (KILLING,))
    assert api.calls == [("events", "shop", "app-1", UID, FETCH_SECONDS)]


def test_a_log_is_fetched_as_it_is() -> None:
    """It is redacted later, where the patterns are known; with the lines before those shown."""
    api = FakeEvidenceApi(log=lambda _: "\x1b[31mTOKEN=abc\n")
    assert api.fetcher().fetch(LOG) == FetchedEvidence(log="\x1b[31mTOKEN=abc\n")
    lines = 5 + LINES_BEFORE
    call = ("log", "shop", "app-1", "app", True, lines, MAX_LOG_BYTES, FETCH_SECONDS)
    assert api.calls == [call]


def test_events_and_log_share_the_time() -> None:
    """The log has what the Events left of it."""
    api = FakeEvidenceApi(taken=0.75)
    assert api.fetcher().fetch(BOTH) == FetchedEvidence(
        EventLookup.FOUND, (KILLING,), "last line\n"
    )
    assert [call[-1] for call in api.calls] == [EVENTS_SECONDS, FETCH_SECONDS - 0.75]


def test_without_time_left_there_is_no_further_call() -> None:
    """A log that could not come in time is not requested."""
    api = FakeEvidenceApi(taken=FETCH_SECONDS)
    assert api.fetcher().fetch(BOTH) == FetchedEvidence(EventLookup.FOUND, (KILLING,))
    assert [call[0] for call in api.calls] == ["events"]


def test_an_empty_request_makes_no_call() -> None:
    """Neither Events nor lines of a log."""
    api = FakeEvidenceApi()
    assert api.fetcher().fetch(EvidenceRequest("shop", "app-1", UID)) == FetchedEvidence()
    nothing = EvidenceRequest("shop", "app-1", UID, log=LogRequest("app", previous=True, lines=0))
    assert api.fetcher().fetch(nothing) == FetchedEvidence()
    assert api.calls == []


def test_an_empty_list_counts_as_found() -> None:
    """It is known then that there are no Events."""
    for content in (event_list(), b'{"items":null}'):
        api = FakeEvidenceApi(listed=partial(bytes, content))
        assert api.fetcher().fetch(EVENTS) == FetchedEvidence(EventLookup.FOUND)


def involved(**changes: Any) -> dict[str, Any]:
    """Return an Event with other fields in its involvedObject."""
    return kubelet_event(involvedObject=kubelet_event()["involvedObject"] | changes)


@pytest.mark.parametrize(
    "other",
    [
        involved(uid="2b1f0c6e-0000-4000-8000-000000000002"),
        involved(uid=""),
        involved(uid=None),
        kubelet_event(involvedObject=None),
        kubelet_event(involvedObject={}),
        kubelet_event(source={"component": "my-operator"}),
        kubelet_event(source={"component": "my-operator"}, reportingComponent="kubelet"),
        kubelet_event(source={}, reportingComponent=""),
        kubelet_event(source=None, reportingComponent="Kubelet"),
        {},
    ],
)
def test_events_about_other_objects_or_from_other_sources_are_left_out(
    other: dict[str, Any],
) -> None:
    """About another Pod of that name, or from another component."""
    api = FakeEvidenceApi(listed=lambda: event_list(other, kubelet_event(), other))
    assert api.fetcher().fetch(EVENTS).events == (KILLING,)


@pytest.mark.parametrize(
    "teller",
    [
        {"source": {"component": "kubelet"}, "reportingComponent": ""},
        {"source": {}, "reportingComponent": "kubelet"},
        {"source": None, "reportingComponent": "kubelet"},
        {"source": {"component": "default-scheduler"}},
    ],
)
def test_source_and_reporting_component_both_name_the_source(teller: dict[str, Any]) -> None:
    """Old Events have a source, those of events.k8s.io a reporting component."""
    api = FakeEvidenceApi(listed=lambda: event_list(kubelet_event(**teller)))
    assert api.fetcher().fetch(EVENTS).events == (KILLING,)


@pytest.mark.parametrize(
    ("path", "container"),
    [
        ("spec.containers{app}", "app"),
        ("spec.initContainers{init-db}", "init-db"),
        ("spec.ephemeralContainers{debugger-x7}", "debugger-x7"),
        ("", ""),
        (None, ""),
        ("spec.containers[0]", ""),
        ("spec.containers{}", ""),
        ("spec.containers{app}x", ""),
        ("spec.containers{App}", ""),
        ("spec.containers{app}\n", ""),
        ("metadata.containers{app}", ""),
        ("spec.containers{" + "a" * 64 + "}", ""),
    ],
)
def test_a_field_path_names_the_container(path: str | None, container: str) -> None:
    """Of each kind of container; anything else is about the Pod."""
    api = FakeEvidenceApi(listed=lambda: event_list(involved(fieldPath=path)))
    (found,) = api.fetcher().fetch(EVENTS).events
    assert found.container == container


@pytest.mark.parametrize(
    ("times", "first", "last"),
    [
        ({}, "09:59", "10:00"),
        ({"lastTimestamp": None}, "09:59", "09:59"),
        ({"firstTimestamp": None, "lastTimestamp": None}, None, None),
        ({"firstTimestamp": "soon", "lastTimestamp": 7}, None, None),
        (
            {
                "firstTimestamp": None,
                "lastTimestamp": None,
                "eventTime": "2026-11-23T09:58:00.123456Z",
                "series": {"count": 3, "lastObservedTime": "2026-11-23T10:01:00.000000Z"},
            },
            "09:58",
            "10:01",
        ),
        ({"series": {}}, "09:59", "10:00"),
    ],
)
def test_times_of_both_kinds_of_events_are_read(
    times: dict[str, Any], first: str | None, last: str | None
) -> None:
    """First and last seen, or the time of the Event and of its series."""
    api = FakeEvidenceApi(listed=lambda: event_list(kubelet_event(**times)))
    (found,) = api.fetcher().fetch(EVENTS).events
    assert [at and f"{at:%H:%M}" for at in (found.first, found.last)] == [first, last]


def test_texts_of_events_are_sanitized() -> None:
    """Neither control nor bidirectional characters; bounded; words stay apart."""
    hostile = "Liveness probe failed:\r\n\x1b[31m\u202eHTTP\x00 500\n" + "é" * 1000
    api = FakeEvidenceApi(
        listed=lambda: event_list(kubelet_event(message=hostile, reason="R\n" * 500))
    )
    (found,) = api.fetcher().fetch(EVENTS).events
    assert found.message.startswith("Liveness probe failed: [31mHTTP 500 éé")
    assert len(found.message.encode()) <= MAX_MESSAGE_BYTES
    assert found.reason.startswith("RRR")
    assert len(found.reason.encode()) <= 128


def test_an_event_that_is_too_long_ends_with_a_whole_word() -> None:
    """Half of a secret may look like none, as of a URL with a password."""
    message = "word " * ((MAX_MESSAGE_BYTES - 30) // 5) + "https://app:hunter2@db.example.com/shop"
    api = FakeEvidenceApi(listed=lambda: event_list(kubelet_event(message=message)))
    (found,) = api.fetcher().fetch(EVENTS).events
    assert found.message.endswith("word…")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(kubelet_event())), JSON, max_size=4), st.booleans())
def test_an_event_of_any_shape_is_read_or_left_out(changes: dict[str, Any], whole: bool) -> None:
    """Whatever its fields hold."""
    item = kubelet_event(**changes) if whole else changes
    found = FakeEvidenceApi(listed=lambda: event_list(item)).fetcher().fetch(EVENTS)
    assert found.lookup in (EventLookup.FOUND, EventLookup.UNAVAILABLE)
    assert len(found.events) <= 1


@given(st.binary(max_size=200))
def test_an_answer_that_is_no_list_counts_as_unavailable(content: bytes) -> None:
    """It may come from something in between."""
    assert FakeEvidenceApi(listed=lambda: content).fetcher().fetch(EVENTS) == FetchedEvidence(
        EventLookup.UNAVAILABLE
    )


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"items":' * 100_000, b"null", b"{}", b'{"items":[7]}', b"\xff"]
)
def test_a_malformed_list_counts_as_unavailable(content: bytes) -> None:
    """However deep, or of another shape."""
    assert FakeEvidenceApi(listed=lambda: content).fetcher().fetch(EVENTS) == FetchedEvidence(
        EventLookup.UNAVAILABLE
    )


# The log


def test_of_a_log_that_was_truncated_at_its_end_the_last_line_is_read() -> None:
    """The end is what the limit would leave out."""
    api = FakeEvidenceApi(log=lambda lines: "x" * MAX_LOG_BYTES if lines > 1 else "last line")
    assert api.fetcher().fetch(LOG).log == "last line"
    assert [call[5] for call in api.calls] == [5 + LINES_BEFORE, 5, 1]


def test_lines_before_those_shown_are_left_out_where_they_are_too_long() -> None:
    """Then the lines that are shown are all that is read."""
    api = FakeEvidenceApi(log=lambda lines: "x" * MAX_LOG_BYTES if lines > 5 else "a\nb")
    assert api.fetcher().fetch(LOG).log == "a\nb"
    assert [call[5] for call in api.calls] == [5 + LINES_BEFORE, 5]


def test_a_last_line_beyond_the_limit_is_no_log() -> None:
    """What would be shown is not what the container wrote last."""
    api = FakeEvidenceApi(log=lambda _: "x" * MAX_LOG_BYTES)
    assert api.fetcher().fetch(LOG).log is None
    assert len(api.calls) == 3


def test_the_most_lines_that_can_be_requested_fit_the_limit() -> None:
    """A piece of 16 KiB is a line for the kubelet."""
    assert MAX_LOG_LINES * (16 * 1024 + 1) < MAX_LOG_BYTES


@pytest.mark.parametrize(
    "text",
    [
        "unable to retrieve container logs for containerd://0123456789abcdef",
        'failed to try resolving symlinks in path "/var/log/pods/x": lstat: no such file\n',
    ],
)
def test_an_error_message_of_the_kubelet_is_no_log(text: str) -> None:
    """It sends it as if it were the log; an application's own is left as it is."""
    assert FakeEvidenceApi(log=lambda _: text).fetcher().fetch(LOG).log is None
    for answer in ("x\n{}", "{}\nx\n"):
        own_output = answer.format(text)
        api = FakeEvidenceApi(log={5 + LINES_BEFORE: own_output}.__getitem__)
        assert api.fetcher().fetch(LOG).log == own_output


@pytest.mark.parametrize("status", [400, 404])
def test_a_missing_log_opens_no_breaker(status: int) -> None:
    """That container has none; another's may be there."""
    api = FakeEvidenceApi(log=failing(api_error(status)))
    fetcher = api.fetcher()
    for _ in range(3):
        assert fetcher.fetch(LOG).log is None
    assert len(api.calls) == 3


# Refused, slow, busy


def namespace(number: int) -> EvidenceRequest:
    """Return a request for the Events of a Pod in another namespace."""
    return EvidenceRequest(f"shop-{number}", "app-1", UID, events=True)


@pytest.mark.parametrize(
    ("error", "lookup", "seconds"),
    [
        (api_error(401), EventLookup.REFUSED, REFUSED_SECONDS),
        (api_error(429), EventLookup.UNAVAILABLE, BUSY_SECONDS),
        (api_error(429, retry_after=0.0), EventLookup.UNAVAILABLE, BUSY_SECONDS),
        (api_error(429, retry_after=7.0), EventLookup.UNAVAILABLE, 7.0),
        (api_error(429, retry_after=300.0), EventLookup.UNAVAILABLE, MAX_BUSY_SECONDS),
        (api_error(503, retry_after=3.0), EventLookup.UNAVAILABLE, 3.0),
    ],
)
def test_an_error_about_all_calls_opens_the_breaker_for_all(
    error: ApiError, lookup: EventLookup, seconds: float
) -> None:
    """For as long as the API server says, or for a fixed time; Events and logs alike."""
    api = FakeEvidenceApi(listed=failing(error))
    fetcher = api.fetcher()
    assert fetcher.fetch(EVENTS) == FetchedEvidence(lookup)
    api.now = seconds - 0.01
    assert fetcher.fetch(namespace(1)) == FetchedEvidence(lookup)
    assert fetcher.fetch(BOTH) == FetchedEvidence(lookup)
    assert len(api.calls) == 1
    api.now, api.listed = seconds, event_list
    assert fetcher.fetch(namespace(1)).lookup is EventLookup.FOUND
    assert fetcher.fetch(LOG).log == "last line\n"


def test_a_429_to_a_log_opens_the_breaker_of_events_too() -> None:
    """It is the same API server."""
    api = FakeEvidenceApi(log=failing(api_error(429, retry_after=2.0)))
    fetcher = api.fetcher()
    fetcher.fetch(LOG)
    assert fetcher.fetch(EVENTS) == FetchedEvidence(EventLookup.UNAVAILABLE)
    assert len(api.calls) == 1


def test_a_403_opens_the_breaker_of_the_namespace_for_a_minute() -> None:
    """Other namespaces are read, and its logs are."""
    api = FakeEvidenceApi(listed=failing(api_error(403)))
    fetcher = api.fetcher()
    for _ in range(3):
        assert fetcher.fetch(BOTH) == FetchedEvidence(EventLookup.REFUSED, log="last line\n")
    assert [call[0] for call in api.calls] == ["events", "log", "log", "log"]
    api.listed = lambda: event_list(kubelet_event())
    assert fetcher.fetch(namespace(1)).lookup is EventLookup.FOUND
    assert fetcher.fetch(EVENTS).lookup is EventLookup.REFUSED
    api.now += REFUSED_SECONDS
    assert fetcher.fetch(EVENTS).lookup is EventLookup.FOUND


def test_a_403_to_a_log_does_not_concern_events() -> None:
    """The role for logs is another."""
    api = FakeEvidenceApi(log=failing(api_error(403)))
    fetcher = api.fetcher()
    for _ in range(3):
        assert fetcher.fetch(BOTH).lookup is EventLookup.FOUND
    assert [call[0] for call in api.calls].count("log") == 1


@pytest.mark.parametrize("error", [NoAnswerError(), api_error(500), api_error(504)])
def test_no_answer_in_one_namespace_concerns_it_alone(error: ApiError) -> None:
    """Its Events may be what takes too long: others are fetched."""
    api = FakeEvidenceApi(listed=failing(error))
    fetcher = api.fetcher()
    for _ in range(3):
        assert fetcher.fetch(EVENTS) == FetchedEvidence(EventLookup.UNAVAILABLE)
    assert len(api.calls) == 1
    api.listed = lambda: event_list(kubelet_event())
    assert fetcher.fetch(namespace(1)).lookup is EventLookup.FOUND
    assert fetcher.fetch(EVENTS).lookup is EventLookup.UNAVAILABLE
    api.now = NO_ANSWER_SECONDS
    assert fetcher.fetch(EVENTS).lookup is EventLookup.FOUND


def test_no_answer_in_three_namespaces_opens_the_breaker_for_all() -> None:
    """For some seconds no call is made, in whatever namespace."""
    api = FakeEvidenceApi(listed=failing(NoAnswerError()))
    fetcher = api.fetcher()
    for number in range(1000):
        assert fetcher.fetch(namespace(number)) == FetchedEvidence(EventLookup.UNAVAILABLE)
    assert len(api.calls) == MIN_WITHOUT_ANSWER
    api.now, api.listed = NO_ANSWER_SECONDS, lambda: event_list(kubelet_event())
    assert fetcher.fetch(namespace(999)).lookup is EventLookup.FOUND


def test_the_breaker_is_closed_again_at_the_second_lookup_of_a_crash() -> None:
    """That comes up to a second early, since a crash record has whole seconds, and is the last."""
    api = FakeEvidenceApi(listed=failing(NoAnswerError()))
    fetcher = api.fetcher()
    assert fetcher.fetch(EVENTS).lookup is EventLookup.UNAVAILABLE
    api.now += SECOND_LOOKUP_AFTER.total_seconds() - 1
    api.listed = lambda: event_list(kubelet_event())
    assert fetcher.fetch(EVENTS).lookup is EventLookup.FOUND


def test_as_many_answers_keep_the_breaker_closed_for_others() -> None:
    """Three namespaces have no answer, three have one, be it a refusal."""
    api = FakeEvidenceApi()
    fetcher = api.fetcher()
    for answer in (event_list, failing(api_error(403)), failing(api_error(404))):
        api.listed = answer
        fetcher.fetch(namespace(len(api.calls) + 1))
        api.listed = failing(NoAnswerError())
        fetcher.fetch(namespace(len(api.calls) + 1))
    api.listed = event_list
    assert fetcher.fetch(namespace(99)).lookup is EventLookup.FOUND


def test_no_answer_to_logs_does_not_concern_events() -> None:
    """A log comes from the node: that it is away says nothing about the API server."""
    api = FakeEvidenceApi(log=failing(NoAnswerError()))
    fetcher = api.fetcher()
    for number in range(9):
        wanted = replace(LOG, namespace=f"shop-{number}", events=True)
        assert fetcher.fetch(wanted).lookup is EventLookup.FOUND
    assert [call[0] for call in api.calls].count("log") == MIN_WITHOUT_ANSWER


def test_a_list_that_is_too_long_opens_no_breaker() -> None:
    """Anyone can create so many and so long Events about a Pod: it concerns this Pod alone."""
    api = FakeEvidenceApi(listed=failing(AnswerTooLongError()))
    fetcher = api.fetcher()
    for number in range(3):
        assert fetcher.fetch(namespace(number)) == FetchedEvidence(EventLookup.UNAVAILABLE)
    assert len(api.calls) == 3


def test_the_namespaces_of_the_breaker_are_bounded() -> None:
    """The oldest is forgotten, which costs a call."""
    api = FakeEvidenceApi(listed=failing(api_error(403)))
    fetcher = api.fetcher()
    for number in range(MAX_NAMESPACES + 1):
        fetcher.fetch(namespace(number))
    fetcher.fetch(namespace(MAX_NAMESPACES))
    assert len(api.calls) == MAX_NAMESPACES + 1
    fetcher.fetch(namespace(0))
    assert len(api.calls) == MAX_NAMESPACES + 2


def test_calls_at_once_are_bounded() -> None:
    """A call that gets no slot in time is unavailable; each gives its slot back however it ends."""
    begun, end = threading.Semaphore(0), threading.Event()

    def wait() -> bytes:
        begun.release()
        end.wait(60)
        raise api_error(404)

    api = FakeEvidenceApi(listed=wait)
    fetcher = api.fetcher()
    threads = [
        threading.Thread(target=fetcher.fetch, args=(namespace(number),))
        for number in range(MAX_CALLS)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert begun.acquire(timeout=60)
    assert fetcher.fetch(namespace(99)) == FetchedEvidence(EventLookup.UNAVAILABLE)
    assert len(api.calls) == MAX_CALLS
    end.set()
    for thread in threads:
        thread.join()
    api.listed = event_list
    for number in range(2 * MAX_CALLS):
        assert fetcher.fetch(namespace(number)).lookup is EventLookup.FOUND


# Bursts


def pod(number: int, **options: Any) -> EvidenceRequest:
    """Return a request for the Events of another Pod of the namespace."""
    return EvidenceRequest("shop", f"app-{number}", f"uid-{number}", events=True, **options)


def all_events(count: int, **metadata: str) -> bytes:
    """Return the Events of so many Pods, as they are read together."""
    items = [involved(uid=f"uid-{number}", name=f"app-{number}") for number in range(count)]
    return json.dumps({"metadata": metadata, "items": items}).encode()


def test_a_burst_of_crashes_in_a_namespace_shares_one_read() -> None:
    """The first few are read by themselves, the others together, each second."""
    api = FakeEvidenceApi(listed=event_list, listed_all=lambda: all_events(1000))
    fetcher = api.fetcher()
    for number in range(1000):
        found = fetcher.fetch(pod(number))
        assert found.lookup is EventLookup.FOUND
        assert len(found.events) == (1 if number >= BURST_SIZE - 1 else 0)
    assert [call[0] for call in api.calls] == ["events"] * (BURST_SIZE - 1) + ["all events"]
    assert fetcher.fetch(pod(1000)).events == ()
    api.now += SHARED_SECONDS
    assert len(fetcher.fetch(pod(7)).events) == 1
    assert [call[0] for call in api.calls] == ["events"] * (BURST_SIZE - 1) + ["all events"] * 2


def test_crashes_that_are_no_burst_are_read_by_themselves() -> None:
    """A shared read is more than one Pod needs."""
    api = FakeEvidenceApi()
    fetcher = api.fetcher()
    for number in range(3 * BURST_SIZE):
        api.now += 1.01 * BURST_SECONDS / (BURST_SIZE - 1)
        fetcher.fetch(pod(number))
        fetcher.fetch(namespace(number))
    assert {call[0] for call in api.calls} == {"events"}


def start_burst(fetcher: ApiEvidenceFetcher) -> None:
    """Fetch for so many crashes that the next ones share a read."""
    for number in range(BURST_SIZE - 1):
        fetcher.fetch(pod(number))


@pytest.mark.parametrize(
    "listed_all",
    [failing(AnswerTooLongError()), lambda: all_events(1000, **{"continue": "more"})],
    ids=["too many bytes", "too many"],
)
def test_events_that_are_too_many_to_share_are_read_for_each_pod(
    listed_all: Callable[[], bytes],
) -> None:
    """What is left out could be what matters; tried again a minute later."""
    api = FakeEvidenceApi(listed_all=listed_all)
    fetcher = api.fetcher()
    start_burst(fetcher)
    for _ in range(5):
        assert fetcher.fetch(EVENTS) == FetchedEvidence(EventLookup.FOUND, (KILLING,))
    assert [call[0] for call in api.calls].count("all events") == 1
    api.now += TOO_MANY_SECONDS
    start_burst(fetcher)
    fetcher.fetch(EVENTS)
    assert [call[0] for call in api.calls].count("all events") == 2


@pytest.mark.parametrize("content", [b"null", b"[]", b"<html>"])
def test_a_malformed_shared_list_counts_as_unavailable(content: bytes) -> None:
    """Nor is it used again."""
    api = FakeEvidenceApi(listed_all=lambda: content)
    fetcher = api.fetcher()
    start_burst(fetcher)
    assert fetcher.fetch(EVENTS) == FetchedEvidence(EventLookup.UNAVAILABLE)
    api.listed_all = lambda: event_list(kubelet_event())
    assert fetcher.fetch(EVENTS) == FetchedEvidence(EventLookup.FOUND, (KILLING,))


@pytest.mark.parametrize(
    ("error", "lookup"),
    [
        (api_error(403), EventLookup.REFUSED),
        (api_error(429, retry_after=9.0), EventLookup.UNAVAILABLE),
    ],
)
def test_an_error_of_a_shared_read_counts_for_each_pod(
    error: ApiError, lookup: EventLookup
) -> None:
    """Both reads have the same breaker."""
    api = FakeEvidenceApi(listed_all=failing(error))
    fetcher = api.fetcher()
    start_burst(fetcher)
    for number in range(100):
        assert fetcher.fetch(pod(number)) == FetchedEvidence(lookup)
    assert len(api.calls) == BURST_SIZE


def test_requests_of_a_burst_wait_for_one_read() -> None:
    """Twenty at a time, as many as Metacontroller has workers."""
    begun, end = threading.Event(), threading.Event()

    def slow() -> bytes:
        begun.set()
        assert end.wait(60)
        return all_events(20)

    api = FakeEvidenceApi(listed_all=slow)
    fetcher = api.fetcher()
    start_burst(fetcher)
    found: list[FetchedEvidence] = []
    threads = [
        threading.Thread(target=lambda number=number: found.append(fetcher.fetch(pod(number))))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    end.set()
    for thread in threads:
        thread.join()
    assert [call[0] for call in api.calls].count("all events") == 1
    assert {each.lookup for each in found} <= {EventLookup.FOUND, EventLookup.UNAVAILABLE}
    assert fetcher.fetch(pod(3)).events != ()


@pytest.mark.parametrize(
    ("taken", "used"),
    [(0.1, SHARED_SECONDS), (0.8, 0.8 * SHARED_FACTOR), (1.4, MAX_SHARED_AGE - 1.4), (2.4, 1.0)],
)
def test_the_result_of_a_slow_shared_read_is_used_longer(taken: float, used: float) -> None:
    """Otherwise reading would take most of the time; but never so long that it misses much."""
    api = FakeEvidenceApi(listed_all=lambda: all_events(20))
    fetcher = api.fetcher()
    start_burst(fetcher)
    api.taken = taken
    fetcher.fetch(pod(BURST_SIZE))
    read = api.now
    for late in (0.0, used / 2, used - 0.01):
        api.now = read + late
        assert len(fetcher.fetch(pod(BURST_SIZE)).events) == 1
    assert [call[0] for call in api.calls] == ["events"] * (BURST_SIZE - 1) + ["all events"]
    api.now = read + used + 0.01
    start_burst(fetcher)
    assert len(fetcher.fetch(pod(BURST_SIZE)).events) == 1
    assert [call[0] for call in api.calls].count("all events") == 2


def test_a_second_lookup_does_not_use_the_result_of_the_first() -> None:
    """By clocks of whole seconds, of which one may be lost."""
    oldest = max(MAX_SHARED_AGE, SHARED_FETCH_SECONDS + SHARED_SECONDS)
    assert oldest < SECOND_LOOKUP_AFTER.total_seconds() - 1


def test_a_shared_read_has_more_time_and_leaves_a_log_its_own() -> None:
    """It may take longer than a single Pod's read; the log is read after it, too."""
    api = FakeEvidenceApi(listed_all=lambda: all_events(20))
    fetcher = api.fetcher()
    start_burst(fetcher)
    api.taken, api.calls = SHARED_FETCH_SECONDS - 0.25, []
    found = fetcher.fetch(replace(LOG, events=True, uid=pod(BURST_SIZE).uid))
    assert (found.lookup, len(found.events), found.log) == (EventLookup.FOUND, 1, "last line\n")
    assert api.calls[0] == ("all events", "shop", SHARED_FETCH_SECONDS)
    assert api.calls[1][-1] == FETCH_SECONDS - EVENTS_SECONDS


def test_shared_events_are_bounded_in_bytes() -> None:
    """The oldest goes first."""
    tracker = BurstTracker()
    bursts = [CrashBurst() for _ in range(MAX_SHARED)]
    for burst in bursts:
        tracker.share(burst, SharedEvents({}, 9.0, MAX_SHARED_BYTES // 3))
    assert [burst.shared is not None for burst in bursts] == [False] * (MAX_SHARED - 3) + [True] * 3
    tracker.share(CrashBurst(), SharedEvents({}, 9.0, MAX_SHARED_BYTES + 1))
    assert not any(burst.shared for burst in bursts)


def test_bursts_and_their_shared_events_are_bounded() -> None:
    """Events are held for the second that they are used, and not beyond."""
    api = FakeEvidenceApi(listed_all=lambda: all_events(1))
    fetcher = api.fetcher()
    for number in range(MAX_SHARED + 1):
        for _ in range(BURST_SIZE):
            fetcher.fetch(namespace(number))
    bursts = fetcher._bursts._namespaces
    assert sum(burst.shared is not None for burst in bursts.values()) == MAX_SHARED
    api.now += BURST_SECONDS + SHARED_SECONDS
    fetcher.fetch(namespace(0))
    assert not any(burst.shared for burst in bursts.values())
    for number in range(MAX_BURSTS + 1):
        fetcher.fetch(namespace(number))
    assert len(bursts) == MAX_BURSTS


def test_an_interrupted_shared_read_gives_its_lock_back() -> None:
    """Whatever is raised in it."""

    def killed() -> bytes:
        raise KeyboardInterrupt

    api = FakeEvidenceApi(listed_all=killed)
    fetcher = api.fetcher()
    start_burst(fetcher)
    with pytest.raises(KeyboardInterrupt):
        fetcher.fetch(EVENTS)
    api.listed_all = lambda: event_list(kubelet_event())
    assert fetcher.fetch(EVENTS) == FetchedEvidence(EventLookup.FOUND, (KILLING,))


def test_waiting_for_a_slot_is_part_of_the_time() -> None:
    """With the half second of a deadline it is two seconds at the longest."""
    assert SLOT_SECONDS < EVENTS_SECONDS < FETCH_SECONDS <= 1.5


def test_an_interrupted_call_gives_its_slot_back() -> None:
    """Whatever is raised in it, the end of a greenlet among it."""
    api = FakeEvidenceApi(listed=failing(api_error(404)))
    fetcher = api.fetcher()

    def killed() -> bytes:
        raise KeyboardInterrupt

    api.listed = killed
    for _ in range(MAX_CALLS + 1):
        api.now += BURST_SECONDS
        with pytest.raises(KeyboardInterrupt):
            fetcher.fetch(EVENTS)
    api.listed = event_list
    assert fetcher.fetch(EVENTS).lookup is EventLookup.FOUND


def test_the_bound_of_a_list_fits_the_events_of_a_pod() -> None:
    """Each with all its texts as long as Kubernetes lets them be, and its managed fields."""
    long = kubelet_event(message="m" * 1024, reason="r" * 128)
    long["metadata"]["managedFields"] = [{"fieldsV1": {"f": "v" * 1024}}]
    assert len(event_list(*[long] * 250)) < MAX_EVENT_LIST


def test_the_bound_of_a_shared_list_fits_the_events_of_a_burst() -> None:
    """As kubelets create them, with names of 50 characters and the server's managed fields."""
    long = involved(uid=UID, name="n" * 50)
    fields = ("count", "firstTimestamp", "involvedObject", "lastTimestamp", "message", "metadata")
    more = ("reason", "reportingComponent", "reportingInstance", "source", "type")
    long["metadata"] = {
        "name": f"{'n' * 50}.18ea874ccfdf6589",
        "namespace": "shop",
        "uid": UID,
        "resourceVersion": "123456789",
        "creationTimestamp": "2026-11-23T10:00:00Z",
        "managedFields": [
            {
                "manager": "kubelet",
                "operation": "Update",
                "apiVersion": "v1",
                "time": "2026-11-23T10:00:00Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": {f"f:{name}": {} for name in (*fields, *more)},
            }
        ],
    }
    one = json.dumps(long, separators=(",", ":"))
    assert len(one) > 1024
    assert len(one) * MAX_EVENTS_OF_PODS < MAX_EVENTS_OF_PODS_LIST


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import json, socket, time
from collections import Counter
import gevent
from pod_diagnoser.cluster import client, evidence
from pod_diagnoser.cluster.credentials import Credentials
from pod_diagnoser.diagnosis.evidence import EvidenceRequest
from pod_diagnoser.server.deadlines import Deadlines, call_deadline

BODY = json.dumps({"items": [
    {"involvedObject": {"uid": "u"}, "reason": "Killing", "source": {"component": "kubelet"}}
]}).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\\r\\nDate: Mon, 23 Nov 2026 10:00:00 GMT\\r\\nConnection: close\\r\\n"
    b"Content-Length: %d\\r\\n\\r\\n%s" % (len(BODY), BODY)
)
calls, most = 0, 0
answers = False

def answer(connection):
    global calls, most
    calls += 1
    most = max(most, calls)
    connection.recv(65536)
    gevent.sleep(0.05 if answers else 60)
    connection.sendall(ANSWER)
    connection.close()
    calls -= 1

def serve(listening):
    while True:
        gevent.spawn(answer, listening.accept()[0])

listening = socket.create_server(("127.0.0.1", 0))
gevent.spawn(serve, listening)
url = "http://127.0.0.1:%d" % listening.getsockname()[1]

def fetch_all(namespaces):
    credentials = Credentials(url, lambda: "t", None)
    server = client.ApiClient(credentials, deadline=call_deadline(Deadlines()))
    fetcher = evidence.ApiEvidenceFetcher(server)
    begun = time.monotonic()
    jobs = [
        gevent.spawn(
            fetcher.fetch, EvidenceRequest(f"shop-{i % namespaces}", "app", "u", events=True)
        )
        for i in range(90)
    ]
    gevent.joinall(jobs, raise_error=True)
    found = Counter(job.value.lookup.value for job in jobs)
    listed = Counter(len(job.value.events) for job in jobs)
    print(dict(found), dict(listed), time.monotonic() - begun < 20)

for namespaces in (1, 30):
    fetch_all(namespaces)
print(most <= 2 * evidence.MAX_CALLS)
answers, calls = True, 0
for name in ("FETCH", "EVENTS", "SHARED_FETCH", "SLOT"):  # however busy the machine is
    setattr(evidence, f"{name}_SECONDS", 60.0)
fetch_all(1)
"""


def test_greenlets_share_a_fetcher() -> None:
    """With gevent: a server that hangs costs each of them no more than the time for one."""
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    hangs = "{'Unavailable': 90} {0: 90} True"
    answers = "{'Found': 90} {1: 90} True"
    assert done.stdout.splitlines() == [hangs, hangs, "True", answers]
