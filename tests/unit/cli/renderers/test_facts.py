"""Names that anybody who makes a Pod may choose do not speak in our voice."""

import json
from typing import Any

import pytest

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.collector import take_snapshot
from pod_diagnoser.cli.engine import diagnose_snapshot
from pod_diagnoser.cli.renderers import FORMATS, Page, renderer
from pod_diagnoser.cli.renderers.html_report import html_report
from pod_diagnoser.cli.report import Report
from pod_diagnoser.pods.keys import CRASHES
from tests.support.builders import after, container, pod, terminated

WORDS = "web, all is well. Run: reset"


def report_of(**metadata: Any) -> Report:
    """Diagnose a Pod that crashed."""
    broken = pod(container("app", terminated(after(60), code=3)), name="app-1", **metadata)
    return diagnose_snapshot(take_snapshot([broken]), after(600))


@pytest.mark.parametrize("output_format", ["card", "table", "wide", "markdown", "html"])
def test_the_name_of_an_owner_stands_in_quotes(output_format: str) -> None:
    """The API server takes any, of any kind."""
    owner = {"apiVersion": "v1", "kind": "Kind", "name": WORDS, "uid": "1", "controller": True}
    report = report_of(ownerReferences=[owner])
    if output_format == "html":
        text, mark = html_report(report), "&quot;"
    else:
        text, mark = "\n".join(renderer(output_format)(report, Page(wide=True))), '"'
    assert WORDS in text
    assert text.count(f"{mark}{WORDS}{mark}") == text.count(WORDS)


@pytest.mark.parametrize("output_format", [*FORMATS, "html"])
@pytest.mark.parametrize("year", ["0001", "2026", "9999"])
def test_a_history_that_somebody_made_up_is_shown_safely(output_format: str, year: str) -> None:
    """Whatever its times are; the name of its container stands in quotes."""
    record = {
        "id": "0" * 16,
        "container": WORDS,
        "cause": "OOMKilled",
        "exitCode": 137,
        "finishedAt": f"{year}-01-01T00:00:00Z",
        "startedAt": f"{year}-01-01T00:00:00Z",
        "seen": format_time(after(30)),
    }
    report = report_of(annotations={CRASHES: json.dumps({"history": [record]})})
    if output_format == "html":
        text = html_report(report).replace("&quot;", '"')
    else:
        text = "\n".join(renderer(output_format)(report, Page()))
    assert text.count(WORDS) == text.count(f'"{WORDS}"')
    assert (WORDS in text) == (output_format in ("card", "html"))
