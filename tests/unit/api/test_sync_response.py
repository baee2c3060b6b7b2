"""The response of a sync hook."""

import json

import pytest

from pod_diagnoser.api.metacontroller import SyncResponse


@pytest.mark.parametrize(
    ("wanted", "answered"), [(0.5, 0.5), (3600.0, 3600.0), (86_401.0, 86_400.0), (1e11, 86_400.0)]
)
def test_a_resync_is_a_day_away_at_most(wanted: float, answered: float) -> None:
    """Metacontroller takes it for one of Go's durations, which end after 292 years."""
    encoded = json.loads(SyncResponse(resyncAfterSeconds=wanted).encode())
    assert encoded == {"resyncAfterSeconds": answered}
