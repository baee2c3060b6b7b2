"""Shortcuts on raw requests are counted, so that another form of Metacontroller's is noticed."""

import json
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pod_diagnoser.api.raw_request import Shortcut
from tests.http.inprocess import Hook
from tests.http.recorded import EVERYTHING, Recorded, go_json

Counts = dict[tuple[str, str], int]

POD_SYNCS: Final = [each for each in EVERYTHING if each.path == "/pods/sync"]
DIAGNOSER_SYNCS: Final = [each for each in EVERYTHING if each.path == "/poddiagnosers/sync"]


def counts(hook: Hook) -> Counts:
    """How often each shortcut was a hit or a miss, without those that never were."""
    text = hook.call("GET", "/metrics").body.decode()
    return {
        (sample.labels["shortcut"], sample.labels["result"]): int(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "pod_diagnoser_request_shortcuts_total" and sample.value
    }


def test_all_series_are_there_from_the_start() -> None:
    """A rate of hits can be computed before the first one."""
    text = Hook().call("GET", "/metrics").body.decode()
    for shortcut in Shortcut:
        for result in ("hit", "miss"):
            labels = f'result="{result}",shortcut="{shortcut.value}"'
            assert f"pod_diagnoser_request_shortcuts_total{{{labels}}} 0.0" in text


@pytest.mark.parametrize("request_", POD_SYNCS, ids=lambda each: each.name)
def test_requests_of_metacontroller_for_pods_are_hits(request_: Recorded) -> None:
    """It is answered unread, or parsed without what is never read."""
    hook = Hook()
    reply = hook.post(request_.path, request_.body)
    empty = ("needs_no_annotations", "hit")
    stripped = {("needs_no_annotations", "miss"): 1, ("strip_unread_fields", "hit"): 1}
    assert counts(hook) in ({empty: 1}, stripped)
    assert empty not in counts(hook) or reply.body == b"{}"


@pytest.mark.parametrize("request_", DIAGNOSER_SYNCS, ids=lambda each: each.name)
def test_requests_of_metacontroller_for_poddiagnosers_are_hits(request_: Recorded) -> None:
    """The related objects are found, and what is never read is left out."""
    hook = Hook()
    hook.post(request_.path, request_.body)
    assert counts(hook) == {("truncate_related", "hit"): 1, ("strip_unread_fields", "hit"): 1}


def test_requests_in_another_form_are_misses() -> None:
    """With white space nothing is found, and the answer is the same."""
    for request_ in (POD_SYNCS[0], DIAGNOSER_SYNCS[0]):
        hook, other = Hook(), Hook()
        spaced = json.dumps(request_.json).encode()
        assert spaced != go_json(request_.json)
        assert hook.post(request_.path, spaced) == other.post(request_.path, request_.body)
        assert {result for _, result in counts(hook)} == {"miss"}
