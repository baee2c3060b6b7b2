"""SECURITY.md: each threat has tests, and each test that is named exists."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| ") and not line.startswith("| threat")
]
_ID = re.compile(r"`([\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_threat_names_tests_that_exist(row: list[str]) -> None:
    """A promise without a test is none."""
    threat, promise, tests, _figure = row
    assert threat
    assert promise
    named = tests.split(", ")
    for each in named:
        found = _ID.fullmatch(each)
        assert found, each
        assert found[2] in functions(PROJECT / "tests" / found[1]), each


def test_the_table_is_there() -> None:
    """It is not by a change of its form that nothing is checked."""
    assert len(ROWS) >= 25


def functions(path: Path) -> set[str]:
    """Return the tests of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
