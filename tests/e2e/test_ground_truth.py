"""What real Pods went through, played again on a real control plane: right words, few writes.

Each stream is what a watch of one Pod delivered while it was driven into its end for real, with the
Events of then. All are played at once, with their own pauses: a Pod does not wait for another one.
"""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pytest

from dev.envtest.client import EVENTS, PODS, Json
from pod_diagnoser.api.causes import TRANSIENT
from tests.e2e.evidence import EvidenceRig
from tests.e2e.object_recording import ObjectRecording
from tests.e2e.streams import Player, Take, causes, localized
from tests.e2e.workspace import Workspace, shown_metadata
from tests.support import corpus
from tests.support.corpus import STREAM_CAUSES, final_events, observations

NAMESPACE = "streams"
REPORTED_KEYS = ("container", "cause", "diagnosis")


@dataclass(frozen=True, slots=True)
class Show:
    """All streams, played.

    Attributes:
        takes: the result of each, by the stream's name.
        versions: every version of each Pod, by its uid.
        sync_errors: what Events named SyncError say.
        counted: how many Pods the PodDiagnoser says to have diagnosed.
        calls: requests of the hook to the API server, by verb, resource and answer.
    """

    takes: dict[str, Take]
    versions: dict[str, list[Json]]
    sync_errors: list[str]
    counted: int
    calls: dict[str, int]


@pytest.fixture(scope="module")
def show(evidence: EvidenceRig) -> Iterator[Show]:
    """All streams, played in one namespace that a PodDiagnoser claims."""
    cluster = evidence.cluster
    cluster.create_namespace(NAMESPACE)
    shop = Workspace(cluster, NAMESPACE)
    shop.diagnose(targetLabels={})
    shop.start_pod("bystander")
    cluster.kubelet.untouched.add(NAMESPACE)
    with (
        ObjectRecording(cluster.admin, NAMESPACE) as recording,
        ThreadPoolExecutor(len(STREAM_CAUSES)) as together,
    ):
        playing = {
            name: together.submit(Player(shop, name).play, partial(is_complete, name))
            for name in STREAM_CAUSES
        }
        takes = {name: future.result() for name, future in playing.items()}
        shop.settled()
    versions: dict[str, list[Json]] = {}
    for pod in recording.all(PODS, lambda _: True):
        versions.setdefault(pod["metadata"]["uid"], []).append(pod)
    errors = [
        event["message"]
        for event in cluster.admin.list(EVENTS, NAMESPACE)
        if event["reason"] == "SyncError"
    ]
    yield Show(takes, versions, errors, shop.status()["diagnosedPods"], shop.calls())
    cluster.kubelet.untouched.discard(NAMESPACE)


def is_complete(name: str, shown: dict[str, str]) -> bool:
    """Return whether annotations name what happened in a stream before the deletion."""
    return causes(shown) == list(STREAM_CAUSES[name])


def test_no_sync_failed(show: Show) -> None:
    """Metacontroller recorded no SyncError."""
    assert show.sync_errors == []


@pytest.mark.parametrize("name", STREAM_CAUSES)
def test_every_crash_is_reported_with_its_true_cause(show: Show, name: str) -> None:
    """Those before the deletion, and the diagnosis is that of the latest one."""
    take = show.takes[name]
    assert causes(take.before) == list(STREAM_CAUSES[name]), take.problem
    if not STREAM_CAUSES[name]:
        assert take.before == {}
        return
    steps = corpus.stream(name)
    seen = observations(steps, final_events(name, steps)).values()
    latest = max((shown[-1][1] for shown in seen), key=lambda each: str(each.finished_at))
    assert take.before["cause"] == latest.cause
    assert take.before.get("container", "") == latest.container
    assert take.before["diagnosis"].startswith(localized(latest.statement.diagnosis, NAMESPACE))


@pytest.mark.parametrize("name", STREAM_CAUSES)
def test_a_crash_costs_three_writes_at_most(show: Show, name: str) -> None:
    """Of all versions of the Pod few differ in managed metadata; of a Pod without a crash none."""
    writes: Counter[int] = Counter()
    before: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for version in show.versions[show.takes[name].uid]:
        now = shown_metadata(version)
        if now != before:
            writes[len(json.loads(now[0].get("crashes", '{"history": []}'))["history"])] += 1
        before = now
    # Of two crashes in short succession a busy machine may record both at once.
    crashes = len(STREAM_CAUSES[name])
    assert set(writes) <= set(range(1, crashes + 1))
    assert not crashes or crashes in writes
    assert all(count <= 3 for count in writes.values()), writes


@pytest.mark.parametrize("name", STREAM_CAUSES)
def test_a_requested_termination_is_never_reported(show: Show, name: str) -> None:
    """The last version of a Pod that is deleted shows the same crashes as before.

    What it showed of a condition that is over, such as an image that cannot be pulled, is removed;
    and it may show now that the container was restarted after the crash.
    """
    take = show.takes[name]
    last = shown_metadata(show.versions[take.uid][-1])[0]
    assert causes(last) == causes(take.before)
    if "cause" in last:
        assert [last.get(key) for key in REPORTED_KEYS] == [
            take.before.get(key) for key in REPORTED_KEYS
        ]
    else:
        assert not take.before or take.before["cause"] in TRANSIENT


def test_the_status_counts_the_pods_that_crashed(show: Show) -> None:
    """As many as there are streams with a crash."""
    assert show.counted == sum(bool(crashes) for crashes in STREAM_CAUSES.values())


def test_a_crash_costs_two_reads_at_most(show: Show) -> None:
    """Of Events, by the API server's audit log; and nothing else is read."""
    assert set(show.calls) == {"list events 200"}
    assert show.calls["list events 200"] <= 2 * sum(map(len, STREAM_CAUSES.values()))
