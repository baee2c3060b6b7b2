"""Hostile outputs are read like any other: bounded, quoted as they stand, the same each time."""

from random import Random

import pytest

from pod_diagnoser.diagnosis.output import read_output
from tests.fuzz.outputs import OutputMutator, check_reading, corpus_logs

LOGS = corpus_logs()


@pytest.mark.parametrize("seed", range(8))
def test_changed_outputs(seed: int) -> None:
    """Outputs of the corpus, changed and changed again; ``make fuzz-output`` does many more."""
    mutator = OutputMutator(Random(seed), LOGS)
    text = mutator.fresh()
    for _ in range(40):
        check_reading(text)
        text = mutator.changed(text) if len(text) < 20_000 else mutator.fresh()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n" * 100_000,
        "\0" * 100_000,
        "x" * 1_000_000,
        "error: " * 150_000,
        "\x1b[" * 50_000,
        "\x1b]0;" * 30_000,
        '{"level":"error","msg":"' * 5_000,
        '{"a":' * 20_000,
        "Caused by: " * 10_000,
        "panic: \n" * 10_000,
        '"' * 70_000,
        "\\" * 70_000,
        "\\n" * 40_000,
        "a: " * 30_000,
        "é" * 70_000,
        "\ud800" * 1000,
        "\r" * 70_000,
        "2026-11-23T10:00:00Z stderr F " * 3_000,
    ],
    ids=lambda text: f"{text[:12]!r} {len(text)}",
)
def test_endless_and_broken_outputs(text: str) -> None:
    """A megabyte in one line, control characters, what opens and never closes."""
    check_reading(text)


def test_an_imitated_trace_is_told_from_its_own_language() -> None:
    """A Go program that logs a Java exception, and then panics, is a Go program."""
    text = (
        "2026/11/23 10:00:00 upstream said: java.lang.NullPointerException: x\n"
        "panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\nmain.main()\n"
    )
    reading = read_output(text)
    assert (reading.lines[0], reading.runtime) == ("panic: assignment to entry in nil map", "go")
