"""``docs/causes.md`` is made from the table of causes and the golden files, and stays so."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES, rule_for, state
from tests.support import corpus

DOCUMENT = Path(__file__).parents[2] / "docs" / "causes.md"
NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)

HEAD = """# Causes

The causes in the order in which they are tried: the first whose test holds is named. Each links to
a Pod that shows it: `kubelet-*` was reported by a real kubelet, `hand-*` was written by hand. Where
each fact comes from stands in
[diagnosis/rules](../hooks/pod_diagnoser/diagnosis/rules). `make golden` makes this page.

| cause, and when | what is said, and what to do next |
|---|---|
"""


def cell(text: str) -> str:
    """Return a text as it may stand in a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;")


def document() -> str:
    """Return the page as it should be."""
    names = sorted(corpus.names(), key=lambda name: (not name.startswith("kubelet-"), name))
    examples = [(name, symptom) for name in names for symptom in corpus.symptoms(name, NOW)]
    rows = []
    for row in CAUSE_RULES:
        name, symptom = next(
            (name, symptom) for name, symptom in examples if rule_for(symptom) is row
        )
        lines = state(row, symptom)
        example = corpus.output_path(name).relative_to(DOCUMENT.parents[1])
        cause = f"**[{row.cause.value}](../{example})**"
        when = cell(row.predicate.description)
        said = f"{cell(lines.diagnosis)}<br>*{cell(lines.next_step)}*"
        rows.append(f"| {cause}<br>{when} | {said} |")
    return HEAD + "\n".join(rows) + "\n"


def test_the_page_is_what_the_table_says(request: pytest.FixtureRequest) -> None:
    """Each row with its test, its words and an example that shows this very row."""
    if request.config.getoption("--update-golden"):
        DOCUMENT.write_text(document())
    assert DOCUMENT.read_text() == document()
