"""Reading the Events of nodes: once a node and minute, and never an error."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cluster.circuit_breaker import REFUSED_SECONDS
from pod_diagnoser.cluster.errors import ApiError, NoAnswerError, api_error
from pod_diagnoser.cluster.node_event_reader import KEPT_SECONDS, MAX_EVENTS_KEPT
from pod_diagnoser.diagnosis.evidence import (
    EventLookup,
    EvidenceRequest,
    NodeEvent,
    NodeEvents,
)
from tests.support.builders import EVENT_POD_UID, T0, Json, event_list
from tests.support.fake_api import FakeEvidenceApi

OOM = "System OOM encountered, victim process: java, pid: 41231"


def request(node: str = "node1", pod: str = "app-1") -> EvidenceRequest:
    """Return a request for the Events of a Pod and its node."""
    return EvidenceRequest("shop", pod, EVENT_POD_UID, events=True, node=node)


def node_event(reason: str = "SystemOOM", **changes: Any) -> Json:
    """Return an Event about a node, as a kubelet writes it."""
    return {
        "metadata": {"name": "node1.17", "namespace": "default"},
        "involvedObject": {"kind": "Node", "name": "node1", "uid": "node1"},
        "reason": reason,
        "message": OOM,
        "source": {"component": "kubelet", "host": "node1"},
        "firstTimestamp": "2026-11-23T10:00:00Z",
        "lastTimestamp": "2026-11-23T10:00:00Z",
        "count": 1,
        "type": "Warning",
    } | changes


def test_the_events_of_the_node_come_with_those_of_the_pod() -> None:
    """With the time at which they were read, by the API server's clock."""
    api = FakeEvidenceApi(listed_of_node=lambda: event_list(node_event()))
    found = api.fetcher().fetch(request())
    assert found.lookup is EventLookup.FOUND
    assert len(found.events) == 1
    assert found.node == NodeEvents((NodeEvent("kubelet", "SystemOOM", OOM, T0, T0),), T0)
    assert [call[:2] for call in api.calls] == [("events", "shop"), ("node events", "node1")]


def test_they_are_read_once_a_node_and_minute() -> None:
    """However many crash on it."""
    api = FakeEvidenceApi(listed_of_node=lambda: event_list(node_event()))
    fetcher = api.fetcher()
    for number in range(3):
        assert fetcher.fetch(request(pod=f"app-{number}")).node is not None
    fetcher.fetch(request("node2"))
    of_nodes = [call[1] for call in api.calls if call[0] == "node events"]
    assert of_nodes == ["node1", "node2"]
    api.now += KEPT_SECONDS
    fetcher.fetch(request())
    assert [call[1] for call in api.calls if call[0] == "node events"] == [*of_nodes, "node1"]


def test_they_are_not_read_where_they_are_not_requested() -> None:
    """For most crashes."""
    api = FakeEvidenceApi()
    assert api.fetcher().fetch(request("")).node is None
    assert [call[0] for call in api.calls] == ["events"]


@pytest.mark.parametrize("error", [api_error(403), api_error(401), api_error(500), NoAnswerError()])
def test_an_error_is_no_error_of_the_pod_s_events(error: ApiError) -> None:
    """They are done without, for a minute."""

    def fail() -> bytes:
        raise error

    api = FakeEvidenceApi(listed_of_node=fail)
    fetcher = api.fetcher()
    found = fetcher.fetch(request())
    assert (found.lookup, found.node) == (EventLookup.FOUND, None)
    fetcher.fetch(request())
    assert [call[0] for call in api.calls].count("node events") == 1


def test_a_refusal_concerns_no_pods_of_the_namespace_default() -> None:
    """The Events of Pods there may be readable, and those of other nodes are no more so."""

    def fail() -> bytes:
        raise api_error(403)

    api = FakeEvidenceApi(listed_of_node=fail)
    fetcher = api.fetcher()
    fetcher.fetch(request())
    fetcher.fetch(request("node2"))
    assert [call[0] for call in api.calls].count("node events") == 1
    pod = EvidenceRequest("default", "app-1", EVENT_POD_UID, events=True)
    assert fetcher.fetch(pod).lookup is EventLookup.FOUND
    api.now += max(REFUSED_SECONDS, KEPT_SECONDS)
    fetcher.fetch(request())
    assert [call[0] for call in api.calls].count("node events") == 2


@pytest.mark.parametrize(
    "other",
    [
        node_event(involvedObject={"kind": "Node", "name": "node2"}),
        node_event(involvedObject={"kind": "Pod", "name": "node1"}),
        node_event(involvedObject=None),
        node_event(source={"component": "my-operator"}),
        node_event("Starting", source={"component": "kube-proxy"}),
        node_event("NodeHasSufficientMemory"),
        {},
    ],
)
def test_other_events_are_left_out(other: Json) -> None:
    """About something else, from somebody else, or of no use."""
    api = FakeEvidenceApi(listed_of_node=lambda: event_list(other))
    found = api.fetcher().fetch(request()).node
    assert found is not None
    assert found.events == ()


def test_of_many_the_latest_are_kept() -> None:
    """Memory is bounded."""
    first = datetime(2026, 11, 23, 9, tzinfo=UTC)
    times = [f"{first + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}" for number in range(200)]
    items = [node_event(firstTimestamp=time, lastTimestamp=time) for time in times]
    found = FakeEvidenceApi(listed_of_node=lambda: event_list(*items)).fetcher().fetch(request())
    assert found.node is not None
    assert len(found.node.events) == MAX_EVENTS_KEPT
    assert found.node.events[0].last == first + timedelta(seconds=199)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(node_event())), JSON, max_size=4))
def test_an_event_of_any_shape_is_read_or_left_out(changes: Json) -> None:
    """Whatever its fields hold."""
    content = json.dumps({"items": [node_event(**{"reason": "SystemOOM", **changes})]}).encode()
    found = FakeEvidenceApi(listed_of_node=lambda: content).fetcher().fetch(request())
    assert found.lookup is EventLookup.FOUND
    assert found.node is None or len(found.node.events) <= 1


@given(st.binary(max_size=200))
def test_an_answer_that_is_no_list_counts_as_none(content: bytes) -> None:
    """It may come from something in between."""
    found = FakeEvidenceApi(listed_of_node=lambda: content).fetcher().fetch(request())
    assert found.node is None
