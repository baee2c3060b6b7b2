"""Tables and cards: any width, wide characters, colours, groups, orders."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.collector import take_snapshot
from pod_diagnoser.cli.engine import diagnose_snapshot
from pod_diagnoser.cli.renderers import FORMATS, GROUPS, ORDERS, Page, renderer
from pod_diagnoser.cli.renderers.layout import cut, table, wrap
from pod_diagnoser.cli.report import Report
from pod_diagnoser.diagnosis.common_factors import CommonFactor, Factor
from tests.support.builders import T0, after, container, crashed, pod, terminated

Json = dict[str, Any]

NOW = after(minutes=10)
ANSI = "\x1b["


def report_of(*objects: Json) -> Report:
    """Diagnose objects."""
    return diagnose_snapshot(take_snapshot([{"kind": "List", "items": list(objects)}]), NOW)


def lines(output_format: str, report: Report, **page: Any) -> Sequence[str]:
    """Render a report."""
    return list(renderer(output_format)(report, Page(**page)))


def waiting(reason: str, name: str, number: int) -> Json:
    """Return a Pod whose container is not started."""
    status = container()
    status["state"] = {"waiting": {"reason": reason, "message": "no such image"}}
    return pod(status, name=name, number=number)


def test_the_worst_comes_first() -> None:
    """What does not run comes before what was restarted; a requested restart comes last."""
    restarted = crashed(name="restarted", number=1)
    broken = waiting("ErrImagePull", "broken", 2)
    rows = lines("table", report_of(restarted, broken), headers=False)
    assert [row.split()[0] for row in rows] == ["pod/broken", "pod/restarted"]


def test_orders_of_rows() -> None:
    """By the time of the last crash, by name, by restarts."""
    early = pod(container(last=terminated(after(1)), restarts=9), name="b-early", number=1)
    late = pod(container(last=terminated(after(2)), restarts=2), name="a-late", number=2)
    report = report_of(early, late)
    first = {
        order: lines("table", report, headers=False, sort_by=order)[0].split()[0]
        for order in ORDERS
    }
    assert first["last"] == "pod/a-late"
    assert first["name"] == "pod/a-late"
    assert first["restarts"] == "pod/b-early"


def test_groups() -> None:
    """A row for each cause, or each node."""
    report = report_of(
        crashed(name="one", number=1),
        crashed(name="two", number=2),
        waiting("ErrImagePull", "three", 3),
    )
    by_cause = lines("table", report, group_by="cause", headers=False)
    assert sorted((row.split()[0], row.split()[1]) for row in by_cause) == [
        ("ApplicationError", "2"),
        ("ImagePullFailed", "1"),
    ]
    (by_node,) = lines("table", report, group_by="node", headers=False)
    assert by_node.split()[:2] == ["node1", "3"]
    assert "ApplicationError +1" in by_node


def test_wide_has_more_columns_and_no_width() -> None:
    """However narrow the terminal is."""
    header, row = lines("wide", report_of(crashed()), width=20)
    assert {"RESTARTS", "POD", "CONTAINER", "NODE", "NEXT"} <= set(header.split())
    assert "kubectl logs -n shop app-1" in row


def test_namespaces_are_a_column_where_there_are_several() -> None:
    """Or where all were asked for."""
    other = crashed(number=2)
    other["metadata"]["namespace"] = "other"
    assert lines("table", report_of(crashed(), other))[0].startswith("NAMESPACE")
    assert lines("table", report_of(crashed()))[0].startswith("WORKLOAD")
    assert lines("table", report_of(crashed()), namespaces=True)[0].startswith("NAMESPACE")


def test_what_they_have_in_common_is_on_top() -> None:
    """It is a hint for all rows."""
    found = CommonFactor(Factor.NODE, "3 of 3 Pods crashed on node n1", first=T0, pods=3)
    report = replace(report_of(crashed()), common_factor=found)
    shown = lines("table", report)
    assert shown[0] == "3 of 3 Pods crashed on node n1"
    assert shown[1] == ""


def test_why_is_whole_in_a_terminal_of_usual_width() -> None:
    """Beside the other columns little of a sentence would be left; below them all of it is."""
    header, row, *why = lines("table", report_of(crashed()), width=80)
    assert header.endswith("LAST")
    assert row.startswith("pod/app-1")
    assert why == ["  Container app failed with exit code 1 after 5 s"]
    assert len(lines("table", report_of(crashed()), width=100)) == 2


def test_nothing_found_prints_nothing() -> None:
    """Not even headers, as kubectl does."""
    assert lines("table", report_of(pod(container()))) == []


def hostile() -> Json:
    """Return a Pod that tries to steer a terminal."""
    escape = "\x1b]0;owned\x07\x1b[2J\u202e\u2028"
    of = crashed()
    of["status"]["phase"] = f"Run{escape}ning"
    of["status"]["message"] = escape
    last = of["status"]["containerStatuses"][0]["lastState"]["terminated"]
    last |= {"reason": f"Err{escape}or", "message": f"ValueError: {escape} 日本語\n"}
    of["spec"]["nodeName"] = f"no{escape}de"
    of["metadata"]["ownerReferences"] = [
        {"kind": f"Ki{escape}nd", "name": f"na{escape}me", "uid": "u", "controller": True}
    ]
    return of


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("group_by", GROUPS)
def test_no_text_from_outside_steers_a_terminal(output_format: str, group_by: str) -> None:
    """Names, reasons, messages, phases, owners."""
    shown = lines(output_format, report_of(hostile()), group_by=group_by)
    assert ("pod/" if output_format == "name" else "ApplicationError") in "".join(shown)
    for line in shown:
        assert "".join(line.split("\n")).isprintable()


@pytest.mark.parametrize("output_format", ["table", "card"])
@given(width=st.integers(1, 200))
def test_no_line_is_wider_than_the_terminal(output_format: str, width: int) -> None:
    """Whatever its width; with wide characters in it."""
    shown = lines(output_format, report_of(hostile()), width=max(width, 16))
    assert shown
    assert max(map(cell_len, shown)) <= max(width, 16)


def test_colours_only_where_they_are_understood() -> None:
    """The text is the same."""
    plain = lines("table", report_of(crashed()))
    coloured = lines("table", report_of(crashed()), colour=True)
    assert not any(ANSI in line for line in plain)
    assert any(ANSI in line for line in coloured)
    for code in ("\x1b[1m", "\x1b[33m", "\x1b[31m", "\x1b[0m"):
        coloured = [line.replace(code, "") for line in coloured]
    assert coloured == plain


@given(st.text(), st.integers(2, 40))
def test_wrapping_keeps_every_character(text: str, width: int) -> None:
    """Lines are no wider, and nothing but blanks is lost."""
    wrapped = list(wrap(text, width))
    assert "".join(wrapped).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(line) <= width for line in wrapped)


@given(st.text(), st.integers(0, 40))
def test_cutting(text: str, width: int) -> None:
    """What fits stays as it is."""
    assert cell_len(cut(text, width)) <= width
    assert cut(text, None) == text


def test_a_table_without_rows() -> None:
    """It has its headers, and no more."""
    assert list(table(["A", "B"], [], [], Page())) == ["A   B"]


def test_history_of_a_pod_is_shown() -> None:
    """Each crash that is known, the newest first."""
    twice = container("app", last=terminated(after(10)), restarts=2)
    twice["state"] = {"terminated": terminated(after(20))}
    shown = "\n".join(lines("card", report_of(pod(twice))))
    first, second = (shown.index(f"10:00:{second}Z  app") for second in (20, 10))
    assert shown.index("History:") < first < second


@pytest.mark.parametrize(
    ("choice", "environment", "expected"),
    [
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {}, False),
        ("auto", {}, True),
        ("auto", {"NO_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": ""}, True),
        ("auto", {"TERM": "dumb"}, False),
    ],
)
def test_colour_by_environment(
    monkeypatch: pytest.MonkeyPatch, choice: str, environment: dict[str, str], expected: bool
) -> None:
    """NO_COLOR counts where it is not empty, and where nothing was chosen."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert terminal.colour(choice) is expected


def test_siblings_count_what_was_left_out_by_time() -> None:
    """``--since`` narrows what is shown, not what the workload has."""
    snapshot = take_snapshot([crashed()])
    report = diagnose_snapshot(snapshot, NOW, since=timedelta(minutes=1))
    assert (report.pods, report.looked_at) == ([], 1)
    assert json.dumps(list(lines("json", report)))
