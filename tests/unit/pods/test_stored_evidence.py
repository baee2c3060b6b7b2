"""The evidence that is kept on a Pod: bounded, read back as far as it can be, by anybody's hand."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.event_rules import MAX_EVENT_BYTES
from pod_diagnoser.diagnosis.evidence import MAX_DETAIL_BYTES, EventFinding, EventLookup, Evidence
from pod_diagnoser.pods.history import (
    MAX_CRASHES_BYTES,
    RECENT,
    CrashHistory,
    StoredEvidence,
    first_observed,
    serialize,
)
from tests.support.builders import T0, after, crash_record


@pytest.mark.parametrize(
    ("stored", "evidence"),
    [
        ('{"asked":"Nothing"}', Evidence(EventLookup.NOTHING)),
        ('{"asked":"Nothing","reads":2}', Evidence(EventLookup.NOTHING, lookups=2)),
        ('{"asked":"Unclear"}', Evidence(EventLookup.UNCLEAR)),
        (
            '{"asked":"Found","proof":"LivenessProbe","detail":"503"}',
            Evidence(EventLookup.FOUND, EventFinding.LIVENESS_PROBE, "503"),
        ),
    ],
)
def test_what_an_older_version_stored_is_read(stored: str, evidence: Evidence) -> None:
    """Its ``Nothing`` said that no Event told of a stop, and not that this proves something."""
    assert StoredEvidence.model_validate_json(stored).to_evidence() == evidence


def test_reason_and_time_of_the_event_are_kept() -> None:
    """And nothing where there are none."""
    stored = StoredEvidence(
        asked=EventLookup.FOUND, proof=EventFinding.NODE_REBOOTED, event="Rebooted", at=T0
    )
    text = stored.model_dump_json(exclude_defaults=True)
    assert json.loads(text) == {
        "asked": "Found",
        "proof": "NodeRebooted",
        "event": "Rebooted",
        "at": "2026-11-23T10:00:00Z",
    }
    assert StoredEvidence.model_validate_json(text) == stored
    assert StoredEvidence(asked=EventLookup.SILENT).model_dump(exclude_defaults=True) == {
        "asked": EventLookup.SILENT
    }


TEXTS = st.text(max_size=300)


@given(TEXTS, TEXTS, st.none() | st.text(max_size=30) | st.integers())
def test_what_somebody_made_up_is_safe(event: str, detail: str, at: Any) -> None:
    """No control characters, nothing long, no time that is none."""
    stored = json.dumps({"asked": "Found", "event": event, "detail": detail, "at": at})
    try:
        found = StoredEvidence.model_validate_json(stored).to_evidence()
    except ValidationError:
        assert len(event) > 256 or not isinstance(at, str | None)
        return
    assert len(found.event.encode()) <= MAX_EVENT_BYTES
    assert len(found.detail.encode()) <= MAX_DETAIL_BYTES
    assert all(sanitize(text, len(text.encode())) == text for text in (found.event, found.detail))
    assert found.event_time is None or isinstance(at, str)


def test_a_history_that_is_too_long_loses_what_events_say_first() -> None:
    """Of the oldest crash first; the crashes themselves stay."""
    evidence = StoredEvidence(
        asked=EventLookup.FOUND,
        proof=EventFinding.LIVENESS_PROBE,
        detail="x" * MAX_DETAIL_BYTES,
        event="Unhealthy",
        at=T0,
    )
    records = tuple(
        crash_record(after(-number), number, id=f"{number:016x}", evidence=evidence)
        for number in range(10)
    )
    text = serialize(CrashHistory(diagnoser="u" * 36, since=T0, history=records))
    assert len(text) <= MAX_CRASHES_BYTES
    kept = json.loads(text)["history"]
    assert len(kept) == 10
    assert kept[0]["evidence"]["event"] == "Unhealthy"
    assert kept[-1]["evidence"] == {"asked": "Found", "proof": "LivenessProbe"}


@pytest.mark.parametrize("ahead", [timedelta(milliseconds=1), timedelta(seconds=90), RECENT * 2])
def test_a_diagnosis_by_a_clock_that_is_ahead_is_as_old_as_the_termination(
    ahead: timedelta,
) -> None:
    """Else the replica whose clock is right would look its Events up that much later."""
    record = crash_record(T0, seen=T0 + ahead)
    assert record.ended == T0
    assert first_observed(record, T0) == T0
    assert first_observed(record, T0 + ahead) == T0 + ahead, "by this clock it is past"


def test_a_diagnosis_far_ahead_of_a_termination_nobody_knows_is_long_ago() -> None:
    """Nothing waits until this clock has caught up."""
    record = crash_record(T0, seen=T0 + timedelta(days=1)).model_copy(
        update={"finishedAt": None, "endedBy": None}
    )
    assert first_observed(record, T0) == T0 - RECENT
    assert first_observed(None, T0) is None
