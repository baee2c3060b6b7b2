"""docs/pictures, which ``make pictures`` takes from the programs: small, shown, and up to date."""

import html
import re

import pytest

from dev.contrib.alerting import COMMAND
from pod_diagnoser.api.causes import Cause
from tests.contrib import k9s
from tests.contrib.alerting import alerts
from tests.contrib.page import PAGE
from tests.manifests.kustomize import PROJECT

FOLDER = PROJECT / "docs" / "pictures"
PICTURES = [path.name for path in sorted(FOLDER.iterdir())]
ALERTS_PAGE = (PROJECT / "docs" / "alerts.md").read_text(encoding="utf-8")
DRAWN = [name for name in PICTURES if name.endswith(".svg")]


def drawn(name: str) -> str:
    """Return all texts of a drawing, with single spaces."""
    svg = (FOLDER / name).read_text(encoding="utf-8")
    found = re.findall(r"<text [^>]*>([^<]*)</text>", svg)
    return " ".join(html.unescape(" ".join(found)).split())


@pytest.mark.parametrize("name", PICTURES)
def test_each_is_small_and_shown(name: str) -> None:
    """On its page, with words for those who do not see it."""
    assert (FOLDER / name).stat().st_size < 100_000
    page = ALERTS_PAGE if name == "alerts.svg" else PAGE
    assert re.search(rf"!\[[^\]]{{20,}}\]\(pictures/{re.escape(name)}\)", page)


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawing_asks_for_nothing(name: str) -> None:
    """It runs nothing, and takes nothing from elsewhere."""
    svg = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"<script|<image|<foreignObject|@import|@font-face|href|\son\w+=", svg)
    assert all(each.startswith("#") for each in re.findall(r"url\(([^)]*)\)", svg))


def test_they_show_the_columns_and_the_key_that_there_are() -> None:
    """What they show is older than the files otherwise: ``make pictures``."""
    columns = (PROJECT / "contrib" / "kubectl" / "columns").read_text(encoding="utf-8")
    assert " ".join(columns.splitlines()[0].split()) in drawn("kubectl.svg")
    ours = [
        name
        for name, expression, attributes in k9s.columns()
        if expression and "W" not in attributes
    ]
    assert ours
    assert all(each in drawn("k9s.svg") for each in [*ours, "<shift-d> Diagnose"])


@pytest.mark.parametrize("name", ["kubectl.svg", "k9s.svg"])
def test_causes_in_them_have_their_present_names(name: str) -> None:
    """Of the Pods that are in all pictures."""
    for cause in (Cause.OUT_OF_MEMORY, Cause.APPLICATION_ERROR, Cause.COMPLETED):
        assert f" {cause} " in drawn(name)


def test_the_alerts_are_those_that_there_are() -> None:
    """What fires has the present names, severities and runbooks; the page has the command."""
    assert f"```sh\n{COMMAND}```" in ALERTS_PAGE
    shown = drawn("alerts.svg")
    assert " ".join(COMMAND.split()) in shown
    rules = {rule["alert"]: rule for rule in alerts()}
    firing = re.findall(r"(\w+) firing (.*?) docs/runbooks/(\w+)\.md", shown)
    assert len(firing) >= 3
    for name, said, runbook in firing:
        assert f"severity={rules[name]['labels']['severity']} " in said
        assert runbook == name
    for cause in (Cause.APPLICATION_ERROR, Cause.COMPLETED):
        assert f" keeps crashing: {cause} " in shown
