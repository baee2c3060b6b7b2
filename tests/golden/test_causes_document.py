"""``docs/causes.md`` is made from the table of causes and the golden files, and stays so."""

import json
import re
from pathlib import Path

import pytest

from pod_diagnoser.annotating import CAUSE, DIAGNOSIS
from pod_diagnoser.diagnosing import CAUSES, Row, explain, terminations
from pod_diagnoser.pods import Pod
from tests.golden.test_golden import INPUTS, output_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "causes.md"

HEAD = """# Causes

The rows of one ordered table: the first whose test holds names the cause. Each has a Pod that
shows it in [tests/golden/pods](../tests/golden/pods): `kubelet-*` was reported by a real kubelet,
`hand-*` made by hand. This page is made from the code by `make golden`.

| cause | test | sentence | source | example |
|---|---|---|---|---|
"""


def shows(path: Path) -> Row | None:
    """The row that a golden file's headline is about."""
    pod = Pod.model_validate_json(path.read_bytes())
    annotations = json.loads(output_of(path).read_text())["annotations"]
    for ended in terminations(pod):
        if explain(ended)[1] == annotations.get(DIAGNOSIS):
            return next(row for row in CAUSES if row.test.holds(ended))
    return None


def document() -> str:
    """The page as it should be."""
    rows = []
    examples = [(path, shows(path)) for path in INPUTS]
    for row in CAUSES:
        candidates = [path for path, shown in examples if shown is row]
        assert candidates, f"no golden file shows {row.cause} by {row.test.words}"
        example = next(
            (path for path in candidates if path.name.startswith("kubelet-")), candidates[0]
        )
        annotations = json.loads(output_of(example).read_text())["annotations"]
        assert annotations[CAUSE] == row.cause.value
        name = example.name.removesuffix(".input.json")
        cells = (row.cause.value, row.test.words, annotations[DIAGNOSIS], row.source, f"`{name}`")
        rows.append("| " + " | ".join(re.sub(r"\s+", " ", cell) for cell in cells) + " |")
    return HEAD + "\n".join(rows) + "\n"


def test_the_page_is_what_the_table_says(request: pytest.FixtureRequest) -> None:
    """Each row with its test, a sentence, a source and an example that shows this very row."""
    if request.config.getoption("--update-golden"):
        DOCUMENT.write_text(document())
    assert DOCUMENT.read_text() == document()
