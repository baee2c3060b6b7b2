"""Headlamp's plug-in: what it reads, and its length. Its own tests run with npm."""

import json
import re

from pod_diagnoser.pods.keys import ANNOTATIONS
from tests.manifests.kustomize import PROJECT

FOLDER = PROJECT / "contrib" / "headlamp"
SOURCES = FOLDER / "src"


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


def test_packages_are_locked_by_hash_and_their_scripts_do_not_run() -> None:
    """Thousands of people could change what builds the plug-in otherwise."""
    lock = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    packages = {  # a bundled one is part of another one's archive
        name: each for name, each in lock["packages"].items() if name and not each.get("inBundle")
    }
    assert len(packages) > 100
    for name, each in packages.items():
        assert "resolved" not in each, name  # from the registry, whichever it is
        assert each["integrity"].startswith("sha512-"), name
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"npm (?:ci|install).*", makefile)
    assert all("--ignore-scripts" in each for each in re.findall(r"npm (?:ci|install).*", makefile))
