"""Secrets in all shapes that logs have are masked; lines of real programs without one are not."""

from pathlib import Path

import pytest
import re2  # type: ignore[import-untyped]
import yaml

from pod_diagnoser.diagnosis.masking.forms import FORM_RULES
from pod_diagnoser.diagnosis.masking.named import NAMED_RULES
from pod_diagnoser.diagnosis.masking.places import PLACE_RULES
from pod_diagnoser.diagnosis.redaction import redact_head, redact_message, redact_tail
from tests.unit.diagnosis.masking.innocent import LINES
from tests.unit.diagnosis.masking.shapes import SHAPES, leaks

LARGE = 100_000


@pytest.mark.parametrize(
    ("lines", "secret"), [each[1:] for each in SHAPES], ids=[each[0] for each in SHAPES]
)
def test_a_secret_is_not_shown_whatever_its_shape(lines: str, secret: str) -> None:
    """Neither as the start of a text nor as its end, neither whole nor half."""
    text = f"first line\n{lines.replace('{}', secret)}\nlast line"
    for redact in (redact_head, redact_tail):
        shown = redact(text, LARGE)
        assert not leaks(shown, secret)
        assert shown.startswith("first line\n")
        # The end of a key without a mark may be anywhere.
        assert shown.endswith("last line") or ("BEGIN" in lines and "END" not in lines)


@pytest.mark.parametrize("line", LINES)
def test_a_line_without_a_secret_is_shown_as_it_is(line: str) -> None:
    """By itself and among others; tabs become spaces, as everywhere."""
    expected = line.replace("\t", "  ")
    assert redact_head(line, LARGE) == redact_tail(line, LARGE) == expected.rstrip()
    assert redact_tail(f"one\n{line}\ntwo", LARGE) == f"one\n{expected}\ntwo"


def test_lines_without_secrets_stay_together() -> None:
    """No rule takes the start of a line for the value of a name at the end of the line before."""
    for first in range(0, len(LINES), 20):
        text = "\n".join(LINES[first : first + 20]).replace("\t", "  ")
        assert redact_head(text, LARGE) == text


MESSAGES = [
    row["message"]
    for row in yaml.safe_load((Path(__file__).parents[1] / "messages.yaml").read_text("utf-8"))
]


@pytest.mark.parametrize("message", MESSAGES)
def test_no_message_of_kubelet_or_runtime_is_spoilt(message: str) -> None:
    """The table of real ones holds no secret, but many of them speak of secrets and tokens."""
    shown = redact_message(message)
    assert " ".join(shown.split()) == " ".join(message.split())


def test_every_rule_is_a_pattern_with_a_secret() -> None:
    """They are compiled when they are first needed, which must not fail then."""
    for rule in (*NAMED_RULES, *PLACE_RULES, *FORM_RULES):
        assert rule.pattern.groups >= 1
        assert all(map(re2.compile, rule.hints))


def test_names_of_shapes_are_told_apart() -> None:
    """So that a failure names one of them."""
    names = [name for name, _, _ in SHAPES]
    assert len(set(names)) == len(names) >= 129
    assert len(set(LINES)) == len(LINES) >= 60
