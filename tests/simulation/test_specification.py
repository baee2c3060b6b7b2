"""How exact the specification is where the hook knows a time by whole seconds alone."""

from datetime import timedelta

import pytest

from tests.simulation import specification as spec
from tests.support.cluster_fixture import EPOCH


@pytest.mark.parametrize(("before", "forbidden"), [(1.9, False), (2.1, True)])
def test_a_crash_is_before_the_action_by_more_than_two_fractions_of_seconds(
    before: float, forbidden: bool
) -> None:
    """The Date of an answer and the stored time lose one each."""
    ended = {
        "containerID": "containerd://app-1",
        "reason": "Error",
        "exitCode": 1,
        "startedAt": "2025-12-31T23:59:00Z",
        "finishedAt": "2026-01-01T00:00:00Z",
    }
    status = {"name": "app", "restartCount": 1, "lastState": {"terminated": ended}}
    meta = {"name": "p", "namespace": "default", "uid": "p"}
    pod = {
        "metadata": {**meta, "creationTimestamp": "2025-12-31T00:00:00Z"},
        "spec": {},
        "status": {"containerStatuses": [status]},
    }
    diagnoser = {
        "metadata": {**meta, "name": "d"},
        "spec": {"remediation": {"minPodAgeSeconds": 0}},
    }
    since = EPOCH + timedelta(seconds=before)
    problems = spec.forbidden_by_pod(diagnoser, pod, EPOCH + timedelta(seconds=60), since)
    assert ("it was before the action" in problems) is forbidden
