"""Templates of sentences and what fills them."""

import pytest

from pod_diagnoser.api.core_v1 import ContainerKind
from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES
from pod_diagnoser.diagnosis.phrases import PLACEHOLDERS, render
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind

SYMPTOM = Symptom(
    id="0" * 16,
    kind=SymptomKind.TERMINATED,
    container_kind=ContainerKind.CONTAINER,
    namespace="shop",
    pod="app-1",
    container="app",
    message="{pod} {0} {pod.__class__} {",
    exit_code=1,
)


def test_templates_are_filled_from_the_symptom() -> None:
    """Each placeholder with its phrase, and braces that are doubled stay."""
    text = "{Subject} of {namespace}/{pod} exited with {exit_code}, {{literally}}"
    assert render(text, SYMPTOM) == "Container app of shop/app-1 exited with 1, {literally}"


def test_braces_of_a_pod_are_no_placeholders() -> None:
    """What a Pod or a runtime says is never read as a template."""
    assert render("{pod}{message}", SYMPTOM) == "app-1 ({pod} {0} {pod.__class__} {)"


def test_an_unknown_placeholder_is_an_error() -> None:
    """A misspelled one is seen when the template is used, whatever the symptom."""
    with pytest.raises(KeyError):
        render("{unknown}", SYMPTOM)


def test_all_templates_can_be_filled() -> None:
    """Every row of the table has placeholders that are known."""
    for rule in CAUSE_RULES:
        for text in (rule.meaning, rule.next_step):
            assert render(text, SYMPTOM)


def test_all_placeholders_are_used() -> None:
    """One that no row needs is left over."""
    templates = [text for rule in CAUSE_RULES for text in (rule.meaning, rule.next_step)]
    used = "".join(text for text in templates if isinstance(text, str))
    assert [name for name in PLACEHOLDERS if f"{{{name}}}" not in used] == []
