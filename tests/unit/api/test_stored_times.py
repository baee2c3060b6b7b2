"""The times of a stored status: read tolerantly, written in one form, given back as they were."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pod_diagnoser.api.diagnostics_v1 import PodDiagnoserStatus, RecentDiagnosis, Remediation
from pod_diagnoser.api.fields import UNKNOWN_TIME
from pod_diagnoser.api.time import format_time
from pod_diagnoser.remediation.model import ExecutionReport, Outcome, Phase, Reason
from tests.support.builders import Json, after, answered, entries, owned, parsed, replacing, synced

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

ODD_FORMS = {
    "an offset": "2026-11-23T13:00:00+01:00",
    "a fraction": "2026-11-23T12:00:00.000Z",
    "no offset, as a number": "2026-11-23T12:00:00+00:00",
}

ZERO = "0001-01-01T00:00:00Z"
NO_OFFSET = "2026-11-23T12:00:00"
MALFORMED: tuple[object, ...] = ("", "yesterday", NO_OFFSET, ZERO, None, 7, [])

QUIET_WORKLOAD = {
    "uid": "rs-9",
    "kind": "ReplicaSet",
    "name": "app-rs-9",
    "crashingPods": 0,
    "crashedPods": 1,
    "since": format_time(after(0)),
    "lastTime": format_time(after(5)),
}


def written(model: Any) -> Json:
    """A model as it is put into an answer."""
    return dict(model.model_dump(mode="json", exclude_none=True))


def diagnosis(**times: object) -> RecentDiagnosis:
    """A recent diagnosis with these times."""
    text = dict.fromkeys(("id", "pod", "podUID", "container", "cause", "reason", "diagnosis"), "x")
    return RecentDiagnosis.model_validate_json(json.dumps({**text, **times}))


def entry(**times: object) -> Remediation:
    """A remediation with these times."""
    fields = ("id", "action", "pod", "podUID", "owner", "container", "cause", "diagnosis")
    text = dict.fromkeys((*fields, "phase", "reason"), "x")
    return Remediation.model_validate_json(json.dumps({**text, **times}))


def test_a_time_is_read_and_written_in_one_form() -> None:
    """In whole seconds, in UTC; one that is not known is left out."""
    found = diagnosis(time="2026-11-23T12:00:00Z")
    assert found.time == NOON
    assert found.seen is None
    assert written(found)["time"] == "2026-11-23T12:00:00Z"
    assert "seen" not in written(found)
    made = found.model_validate({**found.model_dump(), "seen": NOON + timedelta(microseconds=5)})
    assert written(made)["seen"] == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize("text", ODD_FORMS.values(), ids=ODD_FORMS.keys())
def test_an_odd_form_is_the_same_time_and_is_given_back_as_it_was(text: str) -> None:
    """But what is calculated from it is written as all times are."""
    found = diagnosis(time=text)
    assert found.time == NOON
    assert found == diagnosis(time="2026-11-23T12:00:00Z")
    assert written(found)["time"] == text
    assert written(found.model_copy(update={"cause": "y"}))["time"] == text
    assert found.time is not None
    later = diagnosis().model_copy(update={"time": found.time + timedelta(seconds=1)})
    assert written(later)["time"] == "2026-11-23T12:00:01Z"


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_time_is_unknown(text: object) -> None:
    """Left out where it may be; the zero time where the API server requires one."""
    assert diagnosis(time=text).time is None
    assert "time" not in written(diagnosis(time=text))
    found = entry(plannedAt=text)
    assert found.plannedAt == UNKNOWN_TIME
    assert written(found)["plannedAt"] == ZERO
    assert entry(**written(found)) == found


def _with_odd_times(value: object, form: str) -> object:
    """Replace each time of a status by an odd form of the same time."""
    if isinstance(value, dict):
        return {key: _with_odd_times(each, form) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_odd_times(each, form) for each in value]
    if isinstance(value, str) and value.startswith("20") and value.endswith("Z"):
        return value.removesuffix("Z") + form
    return value


@pytest.mark.parametrize("form", [".000Z", "+00:00"])
def test_a_status_with_odd_times_in_which_nothing_changes_stays_as_it_is(form: str) -> None:
    """To the byte: each time of it, in conditions, diagnoses, remediations, owners, workloads."""
    pods = owned(), owned(2, by="rs-2")
    diag = replacing(budget={"pods": 1}, status={"workloads": [QUIET_WORKLOAD]})
    diag = synced(diag, after(11), *pods)
    outcomes = {
        each["id"]: Outcome(Phase.DONE, Reason.DELETED, after(12)) for each in entries(diag)
    }
    diag = synced(diag, after(14), *pods, effects=ExecutionReport(outcomes=outcomes))
    assert answered(diag, after(20), *pods)["status"] == diag["status"]
    odd = copy.deepcopy(diag)
    odd["status"] = _with_odd_times(odd["status"], form)
    assert json.dumps(odd["status"]).count(form) >= 12
    assert json.dumps(answered(odd, after(20), *pods)["status"]) == json.dumps(odd["status"])


@pytest.mark.parametrize("text", ["yesterday", NO_OFFSET])
def test_malformed_times_are_mended_by_one_write(text: str) -> None:
    """What is left out or unknown then stays so, and the API server takes all of it."""
    pods = owned(), owned(2, by="rs-2")
    diag = replacing(budget={"pods": 1}, status={"workloads": [QUIET_WORKLOAD]})
    diag = synced(diag, after(11), *pods)
    for found in (*diag["status"]["conditions"], *diag["status"]["recentDiagnoses"]):
        found |= {key: text for key in ("lastTransitionTime", "time", "seen") if key in found}
    for found in (*entries(diag), *diag["status"]["workloads"]):
        found |= {key: text for key in ("plannedAt", "since", "lastTime") if key in found}
    once = synced(diag, after(20), *pods)
    assert text not in json.dumps(once["status"])
    assert entries(once)[0]["plannedAt"] == ZERO
    twice = answered(once, after(30), *pods)["status"]
    assert json.dumps(twice) == json.dumps(once["status"])


def test_whether_a_status_is_stored_is_known() -> None:
    """One that is absent or null reads as an empty one, and differs from one that is empty."""
    assert parsed(replacing(status={})).has_status
    for none in (replacing(), replacing(status=None) | {"status": None}):
        assert not parsed(none).has_status
        assert parsed(none).status == PodDiagnoserStatus()
