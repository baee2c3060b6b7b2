"""Logs are read for a DiagnosisTarget alone that was read live."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pod_diagnoser.api.diagnostics_v1 import DiagnosisTarget, EvidenceSpec
from pod_diagnoser.cluster.circuit_breaker import REFUSED_SECONDS
from pod_diagnoser.cluster.errors import NoAnswerError, api_error
from pod_diagnoser.cluster.evidence import (
    FEWER_REASON_LINES,
    LINES_BEFORE,
    MAX_LOG_BYTES,
    MAX_REASON_LOG_BYTES,
    REASON_LINES,
)
from pod_diagnoser.cluster.target_reader import KEPT_SECONDS
from pod_diagnoser.diagnosis.evidence import EvidenceRequest, LogRequest
from tests.support.builders import EVENT_POD_UID as UID
from tests.support.builders import Json
from tests.support.fake_api import FakeEvidenceApi, log_target

TARGET = DiagnosisTarget.model_validate(log_target()).spec
LOG = LogRequest("app", previous=True, lines=0, for_reason=True, target=TARGET)
WANTED = EvidenceRequest("shop", "app-1", UID, log=LOG)


def changed(**metadata: Any) -> Json:
    """Return the DiagnosisTarget with other metadata."""
    document = log_target()
    document["metadata"].update(metadata)
    return document


def test_the_target_is_read_once_for_the_crashes_of_a_burst() -> None:
    """By its name, in the namespace of the Pod."""
    api = FakeEvidenceApi()
    fetcher = api.fetcher()
    for _ in range(20):
        assert fetcher.fetch(WANTED).log == "last line\n"
    assert api.target_reads == [("shop", f"{TARGET.diagnoser.name}-{TARGET.diagnoser.uid[:8]}")]
    api.now += KEPT_SECONDS
    fetcher.fetch(WANTED)
    assert len(api.target_reads) == 2


@pytest.mark.parametrize(
    "live",
    [
        log_target(logLines=5),
        log_target(reason=True, logLines=5, maskPatterns=["x+"]),
        changed(namespace="other"),
        changed(name="another"),
        changed(deletionTimestamp="2026-11-23T10:00:00Z"),
        changed(ownerReferences=[]),
        {"items": []},
    ],
    ids=["other output", "other masks", "elsewhere", "renamed", "deleted", "forged", "nothing"],
)
def test_no_log_is_read_for_a_target_that_is_another_one_live(live: Json) -> None:
    """Whoever made the request could have chosen its text, or left out its masks."""
    api = FakeEvidenceApi(target=lambda _: json.dumps(live).encode())
    assert api.fetcher().fetch(WANTED).log is None
    assert api.calls == []


@pytest.mark.parametrize(
    "target",
    [None, TARGET.model_copy(update={"evidence": EvidenceSpec(terminationMessage=True)})],
    ids=["no target", "a target without logs"],
)
def test_no_call_is_made_where_nothing_asks_for_logs(target: Any) -> None:
    """Neither for the target nor for the log."""
    api = FakeEvidenceApi()
    assert api.fetcher().fetch(replace(WANTED, log=replace(LOG, target=target))).log is None
    assert api.target_reads == api.calls == []


def test_a_target_that_was_just_changed_is_read_again() -> None:
    """The request is newer than what is kept, or older."""
    api = FakeEvidenceApi()
    fetcher = api.fetcher()
    fetcher.fetch(WANTED)
    newer = log_target(reason=True)
    asked = replace(WANTED, log=replace(LOG, target=DiagnosisTarget.model_validate(newer).spec))
    api.target = lambda _: json.dumps(newer).encode()
    assert fetcher.fetch(asked).log == "last line\n"
    assert fetcher.fetch(WANTED).log is None
    assert len(api.target_reads) == 3


@pytest.mark.parametrize("error", [api_error(403), api_error(404), NoAnswerError()])
def test_without_the_target_there_is_no_log_and_events_are_read(error: Exception) -> None:
    """Where the role is missing, it is not asked for again for a while."""

    def fail(_: str) -> bytes:
        raise error

    api = FakeEvidenceApi(target=fail)
    fetcher = api.fetcher()
    for _ in range(3):
        found = fetcher.fetch(replace(WANTED, events=True))
        assert found.log is None
        assert found.events
    assert "log" not in {call[0] for call in api.calls}
    api.now, api.target = REFUSED_SECONDS + KEPT_SECONDS, FakeEvidenceApi().target
    assert fetcher.fetch(WANTED).log == "last line\n"


def test_for_the_reason_more_lines_are_read() -> None:
    """As many as a trace with all its threads has, of a bounded size."""
    api = FakeEvidenceApi()
    api.fetcher().fetch(WANTED)
    (call,) = api.calls
    assert call[5:7] == (REASON_LINES, MAX_REASON_LOG_BYTES)


def test_of_long_lines_fewer_are_read_so_that_the_end_is_there() -> None:
    """The limit of bytes would leave out the end of a log."""
    for fitting in (*FEWER_REASON_LINES, 1):
        api = FakeEvidenceApi(log=partial(_fits, fitting))
        assert api.fetcher().fetch(WANTED).log == "the end"
    api = FakeEvidenceApi(log=lambda _: "x" * MAX_REASON_LOG_BYTES)
    assert api.fetcher().fetch(WANTED).log is None
    assert [call[5] for call in api.calls] == [REASON_LINES, *FEWER_REASON_LINES, 1]


def _fits(fitting: int, lines: int) -> str:
    return "the end" if lines <= fitting else "x" * MAX_REASON_LOG_BYTES


def test_so_few_lines_always_fit() -> None:
    """A piece of 16 KiB is a line for the kubelet."""
    assert FEWER_REASON_LINES[-1] * (16 * 1024 + 1) < MAX_REASON_LOG_BYTES


def test_one_log_is_read_for_the_lines_that_are_shown_and_for_the_reason() -> None:
    """What is shown is there, however long the lines are."""
    api = FakeEvidenceApi(log=lambda lines: "x" * MAX_LOG_BYTES if lines > 150 else "the end")
    both = replace(WANTED, log=replace(LOG, lines=50))
    assert api.fetcher().fetch(both).log == "the end"
    assert [call[5:7] for call in api.calls] == [
        (REASON_LINES, MAX_LOG_BYTES),
        (50 + LINES_BEFORE, MAX_LOG_BYTES),
    ]


def test_that_a_log_was_not_read_in_time_is_told() -> None:
    """It may be read later; not where that is refused, or where there is one."""

    def fail(error: Exception) -> Callable[[int], str]:
        def log(_: int) -> str:
            raise error

        return log

    for log, missed in (
        (fail(NoAnswerError()), True),
        (fail(api_error(403)), False),
        (lambda _: "last line", False),
    ):
        assert FakeEvidenceApi(log=log).fetcher().fetch(WANTED).log_missed is missed
