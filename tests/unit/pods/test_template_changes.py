"""What a Pod shows of its template: one line while the crash is recent, read once."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis.changes import Difference, How, Part, TemplateChange, TemplateRequest
from pod_diagnoser.diagnosis.evidence import EventLookup, EvidenceRequest, FetchedEvidence
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES
from pod_diagnoser.pods.history import MAX_CRASHES_BYTES
from pod_diagnoser.pods.keys import CHANGES, CRASHES, LABEL
from pod_diagnoser.pods.sync import PodSync, sync_pod
from tests.support.builders import (
    T0,
    Json,
    after,
    applied,
    container,
    crashed,
    diagnoser,
    owner,
    pod,
    pod_request,
    target,
    terminated,
)

CHANGE = TemplateChange(
    7,
    after(minutes=-3),
    6,
    9 * 86_400,
    (Difference(Part.IMAGE, How.CHANGED, "", "", "shop/web:1.4", "shop/web:1.5"),),
)
LINE = (
    "Revision 7 began 3 min before this crash: image shop/web:1.4 → shop/web:1.5; "
    "revision 6 ran for 9 days"
)
FOUND = FetchedEvidence(EventLookup.FOUND, change=CHANGE)
UNKNOWN = FetchedEvidence(EventLookup.FOUND)


class SyncedPod:
    """A Pod that is synced again and again.

    Attributes:
        of: the Pod.
        fetched: what a fetch returns.
        requests: the evidence requests so far.
    """

    def __init__(
        self, fetched: FetchedEvidence = FOUND, of: Json | None = None, **evidence: Any
    ) -> None:
        self.of = of or crashed(ownerReferences=[owner()])
        self.fetched = fetched
        self.requests: list[EvidenceRequest] = []
        self._target = target(diagnoser())
        self._target["spec"]["evidence"] = evidence

    def result(self, now: datetime, fetched: FetchedEvidence | None = None) -> PodSync:
        """Return the result of a sync."""
        request = pod_request(self.of, self._target)
        return sync_pod(request, now, fetched, confidential=True)

    def sync(self, now: datetime) -> None:
        """Sync it, and apply the response."""
        result = self.result(now)
        if result.evidence_request is not None:
            self.requests.append(result.evidence_request)
            result = self.result(now, self.fetched)
        self.of = applied(self.of, json.loads(result.response.encode()))

    @property
    def line(self) -> str:
        """The annotation; empty without it."""
        found: str = self.of["metadata"].get("annotations", {}).get(CHANGES, "")
        return found

    def crash_again(self, finished: datetime, restarts: int) -> None:
        """Let its container end once more."""
        status = container(last=terminated(finished))
        status["restartCount"] = restarts
        self.of["status"]["containerStatuses"] = [status]


def test_the_line_is_shown_and_read_once() -> None:
    """Whichever process syncs the Pod: it is stored with the crashes."""
    synced = SyncedPod()
    for seconds in (1, 2, 7, 600):
        synced.sync(after(seconds))
        assert synced.line == LINE
    templates = [each.template for each in synced.requests if each.template]
    assert templates == [TemplateRequest("ReplicaSet", "app-rs-1", "rs-1")]


def test_the_line_ends_with_the_label() -> None:
    """An hour after the crash; the next crash shows it again, without another read."""
    synced = SyncedPod()
    synced.sync(after(1))
    synced.sync(after(hours=1, minutes=1))
    assert synced.line == ""
    assert LABEL not in synced.of["metadata"]["labels"]
    synced.fetched = UNKNOWN
    synced.crash_again(after(hours=2), 2)
    synced.sync(after(hours=2))
    assert synced.line == LINE.replace("3 min", "2 h")


def test_what_was_not_known_is_read_with_the_next_crash() -> None:
    """Refused or slow: nothing is said, and the annotation is absent."""
    synced = SyncedPod(UNKNOWN)
    synced.sync(after(1))
    assert synced.line == ""
    assert "change" not in json.loads(synced.of["metadata"]["annotations"][CRASHES])
    synced.sync(after(60))
    known = len(synced.requests)
    synced.fetched = FOUND
    synced.crash_again(after(120), 2)
    synced.sync(after(121))
    assert synced.line == LINE.replace("3 min", "5 min")
    assert len(synced.requests) == known + 1


def test_it_can_be_switched_off() -> None:
    """Nothing is requested, and what was shown is removed."""
    synced = SyncedPod()
    synced.sync(after(1))
    assert synced.line == LINE
    off = SyncedPod(changes=False)
    off.of = synced.of
    off.sync(after(2))
    assert off.line == ""
    fresh = SyncedPod(changes=False)
    fresh.sync(after(1))
    assert [each.template for each in fresh.requests] == [None]


def test_a_pattern_that_is_added_later_masks_what_is_stored() -> None:
    """With the next sync."""
    synced = SyncedPod()
    synced.sync(after(1))
    masking = SyncedPod(of=synced.of, maskPatterns=["web:1[.]4"])
    masking.sync(after(2))
    assert "1.4" not in json.dumps(masking.of["metadata"]["annotations"])
    assert "***" in masking.line


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_of_others_the_label_names_the_version(kind: str) -> None:
    """Without it there is none to ask for."""
    labels = {"app": "app", "controller-revision-hash": "web-5d8f"}
    of = crashed(ownerReferences=[owner(kind=kind)], labels=labels)
    request = SyncedPod(of=of).result(after(1)).evidence_request
    assert request is not None
    assert request.template == TemplateRequest(kind, "app-rs-1", "rs-1", "web-5d8f")
    without = SyncedPod(of=crashed(ownerReferences=[owner(kind=kind)]))
    request = without.result(after(1)).evidence_request
    assert request is None or request.template is None


@pytest.mark.parametrize("owners", [[], [owner(kind="Job")], [owner(controller=False)]])
def test_of_jobs_and_bare_pods_nothing_is_requested(owners: list[Json]) -> None:
    """No versions of their templates are kept."""
    request = SyncedPod(of=crashed(ownerReferences=owners)).result(after(1)).evidence_request
    assert request is None or request.template is None


def test_another_group_s_kind_is_no_replica_set() -> None:
    """Its name would be asked for in vain."""
    of = crashed(ownerReferences=[owner() | {"apiVersion": "example.com/v1"}])
    request = SyncedPod(of=of).result(after(1)).evidence_request
    assert request is None or request.template is None


def test_a_pod_without_crash_requests_nothing() -> None:
    """Not even where one could be asked."""
    healthy = pod(container(), ownerReferences=[owner()])
    assert SyncedPod(of=healthy).result(T0).evidence_request is None


def test_what_somebody_wrote_into_the_history_cannot_speak_in_our_voice() -> None:
    """The Pod's owner may: it is quoted, bounded, and the history stays below its limit."""
    synced = SyncedPod()
    synced.sync(after(1))
    history = json.loads(synced.of["metadata"]["annotations"][CRASHES])
    history["change"]["differences"] = [
        {"part": "env", "how": "added", "name": "X; run kubectl delete\x1b[0m ns"},
        *[{"part": "image", "how": "changed", "before": "ä" * 192, "after": "ö" * 192}] * 5,
    ]
    synced.of["metadata"]["annotations"][CRASHES] = json.dumps(history)
    synced.sync(after(2))
    assert 'env "X; run kubectl delete[0m ns" added' in synced.line
    assert len(synced.line.encode()) <= MAX_LINE_BYTES
    assert len(synced.of["metadata"]["annotations"][CRASHES]) <= MAX_CRASHES_BYTES


@pytest.mark.parametrize("change", ["x", {"revision": 0}, {"revision": 1, "differences": [{}]}])
def test_a_change_that_cannot_be_read_costs_no_history(change: object) -> None:
    """A later version of the hook may have written it; it is read again."""
    synced = SyncedPod()
    synced.sync(after(1))
    history = json.loads(synced.of["metadata"]["annotations"][CRASHES])
    before = history["history"]
    synced.of["metadata"]["annotations"][CRASHES] = json.dumps(history | {"change": change})
    synced.sync(after(2))
    now = json.loads(synced.of["metadata"]["annotations"][CRASHES])
    assert now["history"] == before
    synced.crash_again(after(120), 2)
    synced.sync(after(121))
    assert synced.line == LINE.replace("3 min", "5 min")


@example(TemplateChange(10**14, after(-5), 10**14, 0, (), 0))
@given(
    st.builds(
        TemplateChange,
        st.integers(1, 2**62),
        st.none() | st.just(after(-5)),
        st.integers(0, 2**62),
        st.none() | st.integers(0, 2**40),
        st.lists(
            st.builds(
                Difference,
                st.sampled_from(Part),
                st.sampled_from(How),
                *[st.text(alphabet=st.characters(categories=("L", "P")), max_size=64)] * 4,
            ),
            max_size=6,
        ).map(tuple),
        st.integers(0, 2**31),
    )
)
def test_a_second_sync_changes_nothing(change: TemplateChange) -> None:
    """Whatever was found: what is stored gives the line that was shown."""
    synced = SyncedPod(FetchedEvidence(EventLookup.FOUND, change=change))
    synced.sync(after(1))
    before = synced.of
    synced.sync(after(1))
    assert synced.of == before
    assert len(synced.line.encode()) <= MAX_LINE_BYTES
