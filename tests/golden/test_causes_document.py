"""``docs/causes.md`` is made from the table of causes and the golden files, and stays so."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES, explain, rule_for
from tests.support import corpus

DOCUMENT = Path(__file__).parents[2] / "docs" / "causes.md"
NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)

HEAD = """# Causes

The rows of one ordered table: the first whose test holds names the cause. What it rests on are
fields of the Pod (`evidence`: its Events); without them the cause is not claimed. Each has a Pod
that shows it in a folder of [tests/golden/pods](../tests/golden/pods): `kubelet-*` was reported by
a real kubelet, `hand-*` was written by hand. `make golden` makes this page from the code.

| cause | test | rests on | sentence | next | source | example |
|---|---|---|---|---|---|---|
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
        sentence, _, step = explain(symptom)[1].removesuffix(".").partition("; next: ")
        cells = (
            row.cause.value,
            row.predicate.description,
            ", ".join(dict.fromkeys(row.predicate.fields)),
            sentence,
            step,
            row.source,
            f"`{name}`",
        )
        rows.append("| " + " | ".join(map(cell, cells)) + " |")
    return HEAD + "\n".join(rows) + "\n"


def test_the_page_is_what_the_table_says(request: pytest.FixtureRequest) -> None:
    """Each row with its test, a sentence, a source and an example that shows this very row."""
    if request.config.getoption("--update-golden"):
        DOCUMENT.write_text(document())
    assert DOCUMENT.read_text() == document()
