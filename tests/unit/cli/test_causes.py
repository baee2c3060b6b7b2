"""``causes`` and ``explain``: what the table of causes says."""

import pytest

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.cli import command
from pod_diagnoser.cli.cause_texts import cause_texts, find_cause_texts, kind_of
from pod_diagnoser.cli.class_texts import CLASS_TEXTS
from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES

Output = pytest.CaptureFixture[bytes]


def run(capfdbinary: Output, *arguments: str) -> tuple[int, str, str]:
    """Run the command; return its exit code, standard output and standard error."""
    code = command.main(arguments)
    out, err = capfdbinary.readouterr()
    return code, out.decode(), err.decode()


def test_every_row_is_told() -> None:
    """In the order of the table, in lines that can be shown; most with an example."""
    texts = list(cause_texts())
    assert [each.cause for each in texts] == [rule.cause for rule in CAUSE_RULES]
    for text in texts:
        assert text.when
        assert text.next_step
        assert "unknown" not in text.example
        assert "  " not in text.example
        assert not text.example.endswith(("since", "at", "reason", ":"))
    assert sum(bool(each.example) for each in texts) >= len(texts) - 8


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_explained(cause: Cause, capfdbinary: Output) -> None:
    """Whatever the case."""
    code, out, err = run(capfdbinary, "explain", cause.value.lower())
    assert (code, err) == (0, "")
    assert out.startswith(f"{cause.value}: {kind_of(cause)}\n\n  When:     ")
    assert "\n  Next:     " in out
    assert "\n  Source:   " in out


def test_explained_by_what_kubernetes_calls_it(capfdbinary: Output) -> None:
    """A reason, or an exit code."""
    found = {each.cause for each in find_cause_texts("OOMKilled")}
    assert found == {Cause.OUT_OF_MEMORY, Cause.CHILD_OUT_OF_MEMORY}
    assert {each.cause for each in find_cause_texts("137")} == {Cause.OUT_OF_MEMORY, Cause.KILLED}
    out = run(capfdbinary, "explain", "OOMKilled")[1]
    assert out.startswith("OutOfMemory: ")
    assert "\n\nChildOutOfMemory: " in out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("OutOfMemry", "OutOfMemry: no such cause. Did you mean OutOfMemory"),
        ("\x1b[31mx", "[31mx: no such cause. List them: kubectl-diagnose causes"),
        ("", ": no such cause. List them: kubectl-diagnose causes"),
    ],
)
def test_unknown_causes(asked: str, said: str, capfdbinary: Output) -> None:
    """With what it may have been; exit code 2."""
    code, out, err = run(capfdbinary, "explain", asked)
    assert (code, out) == (2, "")
    assert err.startswith(f"kubectl-diagnose: {said}")


def test_list_of_causes(capfdbinary: Output) -> None:
    """A line each; at a terminal within its width."""
    code, out, err = run(capfdbinary, "causes")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "CAUSE                     WHEN"
    assert len(lines) == len(CAUSE_RULES) + 1
    assert "OutOfMemory               reason OOMKilled and exit code 137" in lines
    assert run(capfdbinary, "causes", "--no-headers")[1].splitlines() == lines[1:]


def test_list_of_causes_in_a_narrow_terminal(
    capfdbinary: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The descriptions are wrapped."""
    monkeypatch.setattr("pod_diagnoser.cli.terminal.width", lambda: 60)
    lines = run(capfdbinary, "causes")[1].splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith(" " * 26) for line in lines)


def test_an_explanation_in_a_narrow_terminal(
    capfdbinary: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is wider, also not the first one of a cause."""
    monkeypatch.setattr("pod_diagnoser.cli.terminal.width", lambda: 60)
    assert max(map(len, run(capfdbinary, "explain", "137")[1].splitlines())) <= 60


@pytest.mark.parametrize("reason_class", list(ReasonClass))
def test_each_class_of_reasons_is_explained(reason_class: ReasonClass, capfdbinary: Output) -> None:
    """In any case of its letters; it is said that it is no cause."""
    code, out, err = run(capfdbinary, "explain", reason_class.value.lower())
    assert (code, err) == (0, "")
    assert out.startswith(f"{reason_class.value}: a class of reasons")
    assert CLASS_TEXTS[reason_class] in out
