"""The reason that a container's output gives: which output is read, what of it is shown, how."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.diagnose import diagnose_symptom
from pod_diagnoser.diagnosis.evidence import OutputReason, OutputSource
from pod_diagnoser.diagnosis.output_reason import (
    MAX_LINE_BYTES,
    MAX_LINES,
    MAX_SAID_BYTES,
    find_reason,
    gist,
    needs_log,
)
from pod_diagnoser.diagnosis.reason_steps import name_in, step_for
from pod_diagnoser.diagnosis.redaction import MASK, redact_line
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES as MAX_STATEMENT_BYTES
from pod_diagnoser.diagnosis.statement import Statement
from pod_diagnoser.diagnosis.symptoms import Symptom
from tests.support.builders import termination

TRACE = """starting
Traceback (most recent call last):
  File "/app/main.py", line 7, in <module>
    url = os.environ["DATABASE_URL"]
KeyError: 'DATABASE_URL'
"""
STOPPED = "serving on :8080\nreceived SIGTERM, shutting down\nbye\n"
CALM = "serving on :8080\nGET / 200\n"


def failed(message: str = "", **facts: Any) -> Symptom:
    """Build a termination with an exit code of the application's own."""
    return termination(termination_message=message, **{"exit_code": 1, "reason": "Error", **facts})


def told(symptom: Symptom, output: OutputReason | None) -> Statement:
    """Return the lines about a termination whose output gives a reason."""
    return diagnose_symptom(symptom, None).with_output(output).statement


# Which output


def test_a_log_says_why() -> None:
    """Class and words of the exception; no other cause follows from it."""
    reason = find_reason(failed(), TRACE)
    assert reason == OutputReason(
        ReasonClass.MISSING_CONFIGURATION,
        OutputSource.LOG,
        "KeyError: 'DATABASE_URL'",
        ("KeyError: 'DATABASE_URL'",),
    )
    assert diagnose_symptom(failed(), None).with_output(reason).cause is Cause.APPLICATION_ERROR


def test_where_the_log_may_not_be_read_the_message_is_read_alone() -> None:
    """And where there is no message either, nothing is said of output."""
    reason = find_reason(failed(TRACE))
    assert reason is not None
    assert (reason.reason_class, reason.source) == (
        ReasonClass.MISSING_CONFIGURATION,
        OutputSource.MESSAGE,
    )
    assert find_reason(failed()) is None


def test_a_message_that_was_written_on_purpose_counts_before_the_log() -> None:
    """An application knows best; what it logged before may have been something else."""
    reason = find_reason(failed("listen tcp :8080: bind: address already in use"), TRACE)
    assert reason is not None
    assert (reason.reason_class, reason.source) == (ReasonClass.PORT_IN_USE, OutputSource.MESSAGE)


def test_a_message_that_is_the_end_of_the_log_counts_after_it() -> None:
    """By terminationMessagePolicy FallbackToLogsOnError: the log has the same and more."""
    reason = find_reason(failed("KeyError: 'DATABASE_URL'"), TRACE)
    assert reason is not None
    assert reason.source is OutputSource.LOG


def test_a_log_that_explains_counts_before_a_message_that_does_not() -> None:
    """And the other way round."""
    for message, log in (("see the log", TRACE), (TRACE.strip(), CALM)):
        reason = find_reason(failed(message), log)
        assert reason is not None
        assert reason.reason_class is ReasonClass.MISSING_CONFIGURATION


@pytest.mark.parametrize(
    ("symptom", "needed"),
    [
        (failed(), True),
        (failed("see the log"), True),
        (failed(TRACE), False),
        (failed(TRACE + "x" * 2000), True),
        (failed(TRACE + "\n" * 90), False),
        (failed(TRACE.replace("\n", "\n.\n" * 20)), True),
        (failed(exit_code=137), True),
        (failed(exit_code=137, reason="OOMKilled"), False),
        (failed(exit_code=128, reason="StartError"), False),
    ],
)
def test_a_log_is_needed_unless_the_message_is_whole_and_says_why(
    symptom: Symptom, needed: bool
) -> None:
    """A message of a kilobyte may be the end of a longer log, which says more."""
    assert needs_log(symptom, diagnose_symptom(symptom, None).status_cause) is needed


def test_the_message_of_a_runtime_is_no_output() -> None:
    """It is read as what kubelet and runtime say."""
    assert find_reason(failed(TRACE, reason="StartError", exit_code=128)) is None


# What of it is shown


def test_lines_are_masked_by_what_stands_around_them() -> None:
    """Also by the patterns of the PodDiagnoser."""
    secret = "hunter" + "2"
    log = f"ValueError: bad login for cust-4711 password={secret}\n"
    trace = f'Traceback (most recent call last):\n  File "/a.py", line 1, in <module>\n{log}'
    reason = find_reason(failed(), trace, ["cust-[0-9]+"])
    assert reason is not None
    shown = " ".join((reason.said, *reason.lines))
    assert "ValueError: bad login for" in shown
    assert secret not in shown
    assert "4711" not in shown


def test_a_line_within_a_private_key_is_masked() -> None:
    """By itself it looks like any word."""
    line = "FATAL" + "A1b2" * 14
    begin, end = (f"-----{word} RSA PRIVATE" + " KEY-----" for word in ("BEGIN", "END"))
    text = "\n".join(("start", begin, *["A1b2" * 16] * 8, line, "A1b2" * 16, end))
    assert redact_line(text, line) == MASK


@pytest.mark.parametrize(
    "place",
    [
        "ERROR: {}",
        "level=error msg={}",
        "2026-11-29T01:02:03.456Z stderr F FATAL {}",
        '{{"log":"ERROR: {}\\n","stream":"stderr","time":"2026-11-29T01:02:03.456Z"}}',
    ],
)
def test_a_logged_line_within_a_private_key_is_masked(place: str) -> None:
    """Its start is further away than what is looked at."""
    key = [(f"{n:02}" + "Ab9+/Zz" * 10)[:64] for n in range(40)]
    log = "".join(place.format(line) + "\n" for line in key) + "exit 1\n"
    reason = find_reason(failed(), log)
    assert reason is not None
    shown = " ".join((reason.said, *reason.lines))
    assert not any(line[:20] in shown for line in key)


@pytest.mark.parametrize(
    ("message", "secret"),
    [
        (r"login failed: pass\u0077ord={}", "hunter" + "2"),
        (r"mysql:\/\/app:{}@db refused", "hunter" + "2"),
        (r"no customer cust\u002d{}", "4711"),
    ],
)
def test_what_json_escapes_is_masked_where_it_is_read(message: str, secret: str) -> None:
    """Also by the patterns of the PodDiagnoser, which were written for what is meant."""
    line = '{"level":"error","msg":"' + message.format(secret) + '"}'
    reason = find_reason(failed(), line, ["cust-[0-9]+"])
    assert reason is not None
    assert MASK in reason.said
    assert secret not in reason.said


def test_where_a_mask_cannot_be_used_nothing_is_quoted() -> None:
    """The class is no secret."""
    reason = find_reason(failed(), TRACE, ["("])
    assert reason is not None
    assert (reason.said, reason.lines) == ("", ())
    lines = told(failed(), reason)
    assert lines.diagnosis == "Container app exited with code 1 (MissingConfiguration)"
    assert "maskPatterns withholds" in lines.evidence


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "2026/11/29 01:02:03 dial tcp: lookup db: no such host",
            "dial tcp: lookup db: no such host",
        ),
        (
            "2026-11-29T01:02:03.456Z ERROR [main] c.e.App - cannot start",
            "[main] c.e.App - cannot start",
        ),
        ("2026-11-29 01:02:03.456 UTC [1] FATAL:  no space left", "FATAL: no space left"),
        ("F1129 01:02:03.456789       1 main.go:42] no config", "no config"),
        ('{"level":"fatal","ts":1.5,"msg":"no config"}', "no config"),
        ('{"msg":"cannot start","error":"no such host"}', "cannot start: no such host"),
        ('{"message":"x","exception":{"message":"no such host"}}', "x: no such host"),
        ('{"level":"error","error":null}', '{"level":"error","error":null}'),
        ("[main] {not json}", "[main] {not json}"),
        ("panic: boom", "panic: boom"),
        ("12:00:00", "12:00:00"),
    ],
)
def test_a_sentence_holds_the_gist_of_a_line(line: str, said: str) -> None:
    """Without what the logger wrote around it; the annotation has the line as it stands."""
    assert gist(line) == said


LINES = st.text(max_size=400)


@given(st.lists(st.text(max_size=300), max_size=12).map("\n".join), st.sampled_from(["", TRACE]))
def test_whatever_an_output_holds_the_lines_are_short_and_safe(text: str, before: str) -> None:
    """Bounded, printable, on one line each."""
    log = before + text
    reason = find_reason(failed(), log)
    assert reason is not None
    assert len(reason.said.encode()) <= MAX_SAID_BYTES
    assert len(reason.lines) <= MAX_LINES
    assert all(len(line.encode()) <= MAX_LINE_BYTES for line in reason.lines)
    for shown in (reason.said, *reason.lines):
        assert shown.isprintable()
    lines = told(failed(), reason)
    for line in (lines.diagnosis, lines.evidence, lines.next_step):
        assert len(line.encode()) <= MAX_STATEMENT_BYTES


@given(st.sampled_from(ReasonClass), LINES, st.sampled_from([0, 1, 2, 134, 137, 139, 143, 255]))
def test_whatever_is_said_is_quoted(kind: ReasonClass, text: str, code: int) -> None:
    """It cannot close its quotation, and each line stays short; for each class and end."""
    said = gist(redact_line(text, text))
    output = OutputReason(kind, OutputSource.LOG, said, (said,) if said else ())
    lines = told(failed(exit_code=code), output)
    for line in (lines.diagnosis, lines.evidence, lines.next_step):
        assert len(line.encode()) <= MAX_STATEMENT_BYTES
        assert line.count('"') % 2 == 0
        assert line


# In words


def test_the_reason_stands_in_the_diagnosis_of_an_application_error() -> None:
    """With its class; the evidence says where it was read."""
    lines = told(failed(), find_reason(failed(), TRACE))
    expected = (
        "Container app exited with code 1: \"KeyError: 'DATABASE_URL'\" (MissingConfiguration)"
    )
    assert lines.diagnosis == expected
    assert lines.evidence.startswith("its own words in its log; Error, exit code 1")
    assert lines.next_step.startswith('set "DATABASE_URL" for container app')


@pytest.mark.parametrize("code", [137, 139, 143, 134, 127, 0])
def test_the_reason_stands_in_the_evidence_of_other_ends(code: int) -> None:
    """What happened is what the exit code proves."""
    symptom = failed(exit_code=code)
    without = told(symptom, None)
    lines = told(symptom, find_reason(symptom, TRACE))
    assert lines.diagnosis == without.diagnosis
    assert "its log: \"KeyError: 'DATABASE_URL'\" (MissingConfiguration)" in lines.evidence


@pytest.mark.parametrize("code", [1, 255, 139])
def test_that_the_output_does_not_explain_it_is_said(code: int) -> None:
    """And nothing of it is quoted."""
    symptom = failed(exit_code=code)
    for log in (CALM, ""):
        lines = told(symptom, find_reason(symptom, log))
        assert lines.diagnosis == told(symptom, None).diagnosis
        assert "its log" in lines.evidence
        assert "say" in lines.evidence
        assert "8080" not in lines.evidence


@pytest.mark.parametrize("code", [1, 137, 143, 0])
def test_that_it_was_asked_to_stop_is_said(code: int) -> None:
    """By its own log."""
    output = OutputReason(ReasonClass.ASKED_TO_STOP, OutputSource.LOG)
    lines = told(failed(exit_code=code), output)
    assert "its log says that it was asked to stop" in lines.evidence


NAMED = """
DependencyUnreachable | 10.0.0.1:5432 | dial tcp 10.0.0.1:5432: connection refused
DependencyUnreachable | db:6379 | at main.go:42: connect ECONNREFUSED db:6379
DependencyUnreachable |  | 12:30:45 connection refused
DependencyUnreachable | db:5432 | connection to server at "db" (10.0.0.1), port 5432 failed: refused
DependencyUnreachable | api.shop:80 | HTTPConnectionPool(host='api.shop', port=80): refused
DependencyUnreachable | api:8080 | GET http://***@api:8080/x: refused
PortInUse | 8080 | listen tcp :8080: bind: address already in use
PortInUse | 9090 | Port 9090 is already in use
PortInUse |  | port 99999 is in use
MissingModule | flask.ext | ModuleNotFoundError: No module named 'flask.ext'
MissingModule | @nestjs/core | Error: Cannot find module '@nestjs/core'
MissingModule | bundler/setup | cannot load such file -- bundler/setup (LoadError)
NameResolution | db.shop.svc | getaddrinfo ENOTFOUND db.shop.svc
NameResolution | db | dial tcp: lookup db on 10.0.0.10:53: no such host
FileNotFound | /etc/app/config.yaml | open /etc/app/config.yaml: no such file or directory
PermissionDenied | /data/x | PermissionError: [Errno 13] Permission denied: '/data/x'
MissingConfiguration | DB_HOST | start.sh: line 3: DB_HOST: unbound variable
MissingConfiguration | SECRET | SECRET is not set
UncaughtException |  | open /etc/x: db:80
"""
"""Class, what the next step names, what the output says."""


@pytest.mark.parametrize("row", NAMED.strip().splitlines())
def test_the_next_step_names_what_is_to_be_looked_at(row: str) -> None:
    """The address, port, module, host, file or variable of the line, where it has one."""
    kind, named, said = (each.strip() for each in row.split("|"))
    output = OutputReason(ReasonClass(kind), OutputSource.LOG, said, (said,))
    assert name_in(output) == named
    step = told(failed(), output).next_step
    assert (f'"{named}"' in step) is bool(named)


def test_a_class_without_a_step_of_its_own_leads_to_the_log() -> None:
    """There is not one thing to do about an exception."""
    output = OutputReason(ReasonClass.UNCAUGHT_EXCEPTION, OutputSource.LOG, "x", ("x",))
    assert step_for(output) is None
    assert told(failed(), output).next_step == told(failed(), None).next_step


@pytest.mark.parametrize("kind", ReasonClass)
def test_a_step_that_names_nothing_has_a_command(kind: ReasonClass) -> None:
    """Without anything to name it says what to look for, and where."""
    step = told(failed(), OutputReason(kind, OutputSource.LOG, "", ())).next_step
    assert "kubectl " in step or kind is ReasonClass.WRONG_ARCHITECTURE


def test_json_that_is_deep_or_long_is_no_json() -> None:
    """Time and stack are bounded."""
    for line in ('{"a":' * 1500 + "}" * 1500, json.dumps({"msg": "x" * 4000})):
        assert len(gist(line).encode()) <= MAX_SAID_BYTES
