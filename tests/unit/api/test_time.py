"""Kubernetes' times."""

from datetime import UTC, datetime

import pytest

from pod_diagnoser.api.time import format_time, parse_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T01:09:06Z", datetime(2026, 11, 23, 1, 9, 6, tzinfo=UTC)),
        ("2026-11-23T03:09:06+02:00", datetime(2026, 11, 23, 1, 9, 6, tzinfo=UTC)),
        ("2026-11-23T01:09:06.123456Z", datetime(2026, 11, 23, 1, 9, 6, tzinfo=UTC)),
        ("2026-11-23T01:09:06.123456789Z", datetime(2026, 11, 23, 1, 9, 6, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_utc_with_whole_seconds(text: str, expected: datetime) -> None:
    """All forms of RFC 3339 that the API server writes are read."""
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2026-11-23T01:09:06",
        "2026-11-23",
        "yesterday",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_anything_else_is_none(text: str | None) -> None:
    """Placeholders for an unknown time, times without an offset, and nonsense."""
    assert parse_time(text) is None


def test_times_are_written_as_the_api_server_writes_them() -> None:
    """RFC 3339 in UTC, whole seconds, with Z."""
    assert format_time(datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=UTC)) == "2026-01-02T03:04:05Z"
