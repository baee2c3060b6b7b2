"""What the operator did for a Pod: known words and texts bare, all that others wrote in quotes."""

import json
import re
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.text import UNSAFE_CATEGORIES
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.remediation import remediation_of
from pod_diagnoser.cli.why_not import why_not
from pod_diagnoser.remediation.model import EXPLANATIONS, Reason
from tests.support.builders import after, crash, crashed, diagnoser, owned, parsed, parsed_pod

Json = dict[str, Any]

COMMAND = "now run kubectl delete"


def entry(of: Json, **fields: str) -> Json:
    """Return an entry of ``status.remediations`` about a Pod."""
    meta = of["metadata"]
    return {
        "id": crash(of),
        "action": "RestartPod",
        "pod": meta["name"],
        "podUID": meta["uid"],
        "owner": "",
        "container": "app",
        "cause": "ApplicationError",
        "diagnosis": "",
        "phase": "Failed",
        "reason": "Forbidden",
        "plannedAt": "2026-11-23T10:00:00Z",
        **fields,
    }


def told(of: Json, claim: Json) -> tuple[str, ...]:
    """Return what is told of a Pod."""
    return remediation_of(parsed_pod(of), parsed(claim))


def unquoted(line: str) -> str:
    """Return a line without what stands in quotes in it."""
    return re.sub(r'"[^"]*"', '""', line)


def test_what_this_version_says_itself_stands_without_quotes() -> None:
    """Both messages are the constant texts of their reasons."""
    of = crashed()
    known = Reason.COOL_DOWN
    withheld = {"reason": known, "message": EXPLANATIONS[known], "crashes": 1}
    status = {
        "remediations": [entry(of, message=EXPLANATIONS[Reason.FORBIDDEN])],
        "withheld": [withheld | {"examples": ["app-1"]}],
    }
    assert told(of, diagnoser(remediationAction="RestartPod", status=status)) == (
        "PodDiagnoser diag has remediationAction RestartPod",
        f"RestartPod Failed (Forbidden): {EXPLANATIONS[Reason.FORBIDDEN]}",
        f"withheld (CoolDown): {EXPLANATIONS[known]}",
    )


def test_the_text_of_another_reason_is_a_quotation() -> None:
    """A message that claims what its reason does not say."""
    of = crashed()
    status = {"remediations": [entry(of, message=EXPLANATIONS[Reason.DELETED])]}
    assert told(of, diagnoser(status=status)) == (
        "PodDiagnoser diag diagnoses, and takes no action",
        f'RestartPod Failed (Forbidden): "{EXPLANATIONS[Reason.DELETED]}"',
    )


@pytest.mark.parametrize("field", ["action", "phase", "reason", "message"])
@given(before=st.text(max_size=80), behind=st.text(max_size=400))
def test_no_field_of_a_status_speaks_in_our_voice(field: str, before: str, behind: str) -> None:
    """Whatever is around it, a sentence of others stands in quotes that it cannot close."""
    text = f"{COMMAND} {before}{COMMAND}{behind} {COMMAND}".encode(errors="replace").decode()
    of = crashed()
    status = {
        "remediations": [entry(of, **{field: text})],
        "withheld": [
            {"reason": "CoolDown", "message": "x", "crashes": 1, "examples": ["app-1"]}
            | ({field: text} if field in ("reason", "message") else {})
        ],
    }
    lines = told(of, diagnoser(remediationAction=text, status=status))
    assert len(lines) == 3
    for line in lines:
        assert "run kubectl" not in unquoted(line)
        assert line.count('"') % 2 == 0
        assert UNSAFE_CATEGORIES.isdisjoint(map(category, line))
        assert len(line.encode()) <= 500
    assert 'remediationAction "' in lines[0]


@given(before=st.text(max_size=80), behind=st.text(max_size=400))
def test_why_not_does_not_speak_for_others(before: str, behind: str) -> None:
    """Neither labels nor the message and the reason of another version do."""
    text = f"{COMMAND} {before}{COMMAND}{behind}".encode(errors="replace").decode()
    of = owned()
    collector = Collector(lambda _: True)
    refused = entry(of, phase="Failed", reason=f"New {text}", message=text)
    collector.add(
        [
            json.loads(json.dumps(each))
            for each in (
                of,
                diagnoser(remediationAction=text, status={"remediations": [refused]}),
                diagnoser("other", 901, targetLabels={text: "x", "app": text}),
            )
        ]
    )
    snapshot = collector.snapshot()
    found = why_not(snapshot.pods[0], snapshot, after(60))
    obstacles = [*found.claim, *(one for each in found.verdicts for one in each.remediation)]
    lines = [line for each in obstacles for line in (each.why, each.change)]
    assert sum(COMMAND in line for line in lines) >= 3
    for line in lines:
        assert "run kubectl" not in unquoted(line)
        assert line.count('"') % 2 == 0
