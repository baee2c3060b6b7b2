"""Headlamp's plug-in: what it reads, and its length. Its own tests run with npm."""

import re

from pod_diagnoser.pods.keys import ANNOTATIONS
from tests.manifests.kustomize import PROJECT

SOURCES = PROJECT / "contrib" / "headlamp" / "src"


def test_it_reads_annotations_that_there_are() -> None:
    """By the rows of its section, of which one is the column."""
    text = (SOURCES / "diagnosis.ts").read_text(encoding="utf-8")
    (prefix,) = re.findall(r"PREFIX = '([^']+)'", text)
    keys = re.findall(r"^  \['[^']+', '([^']+)'\],$", text, re.MULTILINE)
    assert "cause" in keys
    assert {prefix + key for key in keys} <= set(ANNOTATIONS)


def test_the_sources_are_short() -> None:
    """They are read before they are used: all together, without their tests."""
    sources = [path for path in SOURCES.iterdir() if ".test." not in path.name]
    lines = [line for path in sources for line in path.read_text(encoding="utf-8").splitlines()]
    assert 0 < len(lines) < 150
