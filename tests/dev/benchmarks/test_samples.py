"""The requests that the benchmarks send are ones that the hook answers as it should."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dev.benchmarks import samples
from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest, PodSyncRequest
from pod_diagnoser.poddiagnosers.response import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.pods.sync import sync_pod

NOW = datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC)


def answer(body: bytes) -> dict[str, Any]:
    """The answer for a Pod."""
    request = PodSyncRequest.model_validate_json(body)
    decoded: dict[str, Any] = json.loads(sync_pod(request, NOW).response.encode())
    return decoded


def test_the_pod_has_15_kilobytes() -> None:
    """As real ones have with their managedFields."""
    pod = json.loads(samples.healthy(NOW))["object"]
    assert 15_000 <= len(samples.encode(pod)) < 16_000


def test_a_captured_request_is_written_as_it_was_sent() -> None:
    """Moved by no time it is the same to the byte, so reading and writing it changed no order."""
    captured = (samples.DATA / "pod-healthy.json").read_bytes()
    assert samples.encode(json.loads(captured)) == captured


def test_a_healthy_pod_gets_an_empty_answer() -> None:
    """Nothing to say."""
    assert answer(samples.healthy(NOW)) == {}


def test_a_crashed_pod_is_diagnosed_and_labelled() -> None:
    """It is a recent crash, at whatever time the benchmark runs, and seen for the first time."""
    body = samples.crashed(NOW)
    request = PodSyncRequest.model_validate_json(body)
    assert len(sync_pod(request, NOW).settled) == 1
    assert samples.PREFIX + "diagnoser" in answer(body)["labels"]


def test_an_annotated_pod_stays_as_it_is() -> None:
    """The answer asks for nothing that is not there, so Metacontroller would write nothing."""
    body = samples.annotated(NOW)
    request = json.loads(body)
    assert not sync_pod(PodSyncRequest.model_validate_json(body), NOW).settled
    reply = answer(body)
    for key in ("annotations", "labels"):
        # The words are those of the day of the capture: they may have changed since.
        for name in ("diagnosis", "evidence", "next-step"):
            reply[key].pop(samples.PREFIX + name, None)
        assert reply[key].items() <= request["object"]["metadata"][key].items()


@pytest.mark.parametrize("count", [1, 30])
def test_every_related_pod_counts(count: int) -> None:
    """Each is a Pod of its own, with a crash of its own that it remembers."""
    request = PodDiagnoserSyncRequest.model_validate_json(samples.poddiagnoser(NOW, count))
    status = sync_pod_diagnoser(take_snapshot(request), NOW).response.status
    assert status is not None
    assert status["diagnosedPods"] == count
    assert all(one["seen"] for one in status["recentDiagnoses"])
    again = samples.poddiagnoser(NOW, count, status)
    assert not sync_pod_diagnoser(
        take_snapshot(PodDiagnoserSyncRequest.model_validate_json(again)), NOW
    ).status_changed
