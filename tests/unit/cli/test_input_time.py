"""As of when a dump is looked at where the command line does not say it."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.input_time import InputTime
from pod_diagnoser.cli.report import TimeSource
from tests.support.builders import T0, after, container, crashed, diagnoser, kubelet_event, pod
from tests.unit.cli.test_command import file_of

Run = Callable[..., tuple[int, str, str]]

NOW = T0 + timedelta(days=30)
NODE = {"kind": "Node", "metadata": {"name": "node1"}}
AT = format_time(after(1234))


def found(*items: Any, written: datetime | None = None) -> tuple[datetime, TimeSource]:
    """Return the time of an input."""
    time = InputTime(NOW)
    for item in items:
        time.note(item["kind"], item)
    return time.result(written)


def at(*path: str | int, kind: str = "Node", value: Any = AT) -> Any:
    """Return an object with a time somewhere in it."""
    for part in reversed(path):
        value = [value] if isinstance(part, int) else {part: value}
    return {"kind": kind, **value}


@pytest.mark.parametrize(
    "item",
    [
        at("metadata", "creationTimestamp"),
        at("metadata", "managedFields", 0, "time"),
        at("status", "conditions", 0, "lastHeartbeatTime"),
        at("status", "conditions", 0, "lastTransitionTime"),
        at("eventTime", kind="Event"),
        at("lastTimestamp", kind="Event"),
        at("deprecatedLastTimestamp", kind="Event"),
        at("series", "lastObservedTime", kind="Event"),
        at("spec", "renewTime", kind="Lease"),
        at("status", "startTime", kind="Pod"),
        at("status", "containerStatuses", 0, "state", "running", "startedAt", kind="Pod"),
        at("status", "containerStatuses", 0, "lastState", "terminated", "finishedAt", kind="Pod"),
        at("status", "initContainerStatuses", 0, "state", "terminated", "finishedAt", kind="Pod"),
        at("status", "lastUpdateTime", kind="PodDiagnoser"),
    ],
    ids=str,
)
def test_where_times_are(item: Any) -> None:
    """Of all objects, whether they are diagnosed or not."""
    older = at("metadata", "creationTimestamp", value=format_time(T0))
    assert found(NODE, older, item) == (after(1234), TimeSource.INPUT)
    assert found(NODE, item, older) == (after(1234), TimeSource.INPUT)


@pytest.mark.parametrize(
    "value",
    [
        format_time(NOW + timedelta(seconds=1)),
        "9999-12-31T23:59:59Z",
        "2026-11-23T99:99:99Z",
        "2026-11-2",
        "0001-01-01T00:00:00Z",
        "",
        None,
        7,
        [AT],
        {"a": AT},
    ],
)
def test_what_is_no_time_of_the_past_hides_none(value: Any) -> None:
    """Neither what lies ahead, nor what is none."""
    wrong = at("metadata", "creationTimestamp", value=value)
    right = at("metadata", "creationTimestamp")
    assert found(NODE, wrong, right) == found(right, wrong) == (after(1234), TimeSource.INPUT)


def test_when_a_deletion_is_due_is_no_time_of_the_dump() -> None:
    """It lies ahead by the grace period."""
    due = at("metadata", "deletionTimestamp", kind="Pod", value=format_time(after(5000)))
    assert found(NODE, due, at("metadata", "creationTimestamp"))[0] == after(1234)


def test_a_dump_of_now_is_looked_at_now() -> None:
    """Its latest Event may be some minutes old."""
    recent = NOW - timedelta(minutes=59)
    event = at("lastTimestamp", kind="Event", value=format_time(recent))
    assert found(event) == found(event, written=NOW) == (NOW, TimeSource.CLOCK)


def test_where_nothing_is_written_often() -> None:
    """A Pod that has waited for days is not looked at as if it had begun to wait."""
    waits = at("status", "conditions", 0, "lastTransitionTime", kind="Pod")
    assert found(waits) == (NOW, TimeSource.CLOCK)
    written = NOW - timedelta(days=2)
    assert found(waits, written=written) == (written, TimeSource.WRITTEN)


def test_a_file_that_is_older_than_what_is_in_it() -> None:
    """Somebody set its time; it was made after the latest time in it."""
    waits = at("status", "conditions", 0, "lastTransitionTime", kind="Pod")
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert found(waits, written=epoch) == (after(1234), TimeSource.INPUT)


def test_an_input_without_times() -> None:
    """As of now, whenever it was written."""
    assert found(NODE) == found() == found(NODE, written=T0) == (NOW, TimeSource.CLOCK)


_JSON = st.recursive(
    st.none() | st.text(max_size=25) | st.just(AT) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "status", "conditions", "managedFields", "time", "state"])
            | st.text(max_size=9),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["metadata", "status", "series", "spec"]), _JSON))
def test_any_object(fields: dict[str, Any]) -> None:
    """Nothing is raised, and no time ahead is believed."""
    assert found({"kind": "Event", **fields})[0] <= NOW


def old_dump(folder: Path) -> str:
    """Write a dump of 2020: a Pod that crashed at ten, and an Event twenty minutes on."""
    event = kubelet_event(
        reason="BackOff",
        firstTimestamp="2026-11-23T10:20:00Z",
        lastTimestamp="2026-11-23T10:20:00Z",
    )
    return in_2020(folder, crashed(), {"kind": "Event", **event})


def in_2020(folder: Path, *items: Any) -> str:
    """Write a file in which all is some years earlier."""
    return file_of(folder, *json.loads(json.dumps(items).replace("2026-", "2020-")))


def test_an_old_dump_is_told_as_of_its_day(run: Run, tmp_path: Path) -> None:
    """In ages, in JSON, in a line on standard error; a time that is given counts more."""
    dump = old_dump(tmp_path)
    told = (
        "kubectl-diagnose: as of 2020-11-23T10:20:00Z, the latest time in the input: "
        "--at TIME sets another\n"
    )
    code, out, err = run("-f", dump, "-o", "card")
    assert (code, err) == (0, told)
    assert "2020-11-23T10:00:00Z (20m ago)" in out
    code, out, err = run("-f", dump, "-o", "json", "--since", "30m")
    assert (code, err) == (0, told)
    found_list = json.loads(out)
    assert found_list["summary"]["time"] == "2020-11-23T10:20:00Z"
    assert found_list["summary"]["timeSource"] == "LatestInInput"
    assert len(found_list["items"]) == 1
    code, out, err = run("-f", dump, "-o", "card", "--at", "2020-11-24T10:00:00Z")
    assert (code, err) == (0, "")
    assert "(24h ago)" in out


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_shown_at_a_terminal(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool
) -> None:
    """What is read, that it is diagnosed; then it is erased. What a file calls a kind is not."""
    monkeypatch.setattr(terminal, "_SHOW_AFTER", 0.0)
    monkeypatch.setattr(terminal, "_SHOW_EVERY", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal, raising=False)
    strange = {"kind": "\x1b]0;owned\x07", "metadata": {}}
    two = (crashed(), crashed(name="app-2", number=2))
    code, out, err = run("-f", file_of(tmp_path, *two, strange), "-o", "name")
    assert (code, out) == (0, "pod/app-1\npod/app-2\n")
    steps = ["", "reading: 1 Pods", "reading: 2 Pods", "reading: 2 Pods, 1 other objects"]
    shown = "\r\x1b[K".join([*steps, "diagnosing: 2 Pods", ""])
    assert err == (shown if is_terminal else "")


def test_reports_say_so(run: Run, tmp_path: Path) -> None:
    """In the file, and on standard error."""
    dump = old_dump(tmp_path)
    for name in ("report.html", "report.md"):
        code, _, err = run("report", "-f", dump, "-o", str(tmp_path / name))
        assert (code, err.count("\n")) == (0, 1)
        said = (tmp_path / name).read_text(encoding="utf-8")
        assert "as of 2020-11-23T10:20:00Z, the latest time in the input." in said


def test_why_not_by_the_same_clock(run: Run, tmp_path: Path) -> None:
    """A cool-down that ended since had not, then."""
    dump = json.loads(Path(old_dump(tmp_path)).read_text(encoding="utf-8"))
    of = dump["items"][0]
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "rs-1"}
    of["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    last = {"uid": "rs-1", "kind": "ReplicaSet", "name": "rs", "attempts": 1}
    last["lastTime"] = "2026-11-23T10:19:30Z"
    claim = diagnoser(remediationAction="RestartPod", status={"owners": [last]})
    file = in_2020(tmp_path, *dump["items"], claim)
    code, out, err = run("why-not", "app-1", "-f", file)
    assert code == 0
    assert "as of 2020-11-23T10:20:00Z" in err
    assert "s are left." in out


def test_a_file_of_pods_alone_that_was_written_long_ago(run: Run, tmp_path: Path) -> None:
    """By when it was written; one that was written now, and a pipe, by the clock."""
    dump = in_2020(tmp_path, pod(container()), crashed(name="app-2", number=2))
    content = Path(dump).read_bytes()
    assert run("-f", dump)[2] == run("-f", "-", stdin=content)[2] == ""
    then = datetime(2020, 11, 24, tzinfo=UTC).timestamp()
    os.utime(dump, (then, then))
    told = "kubectl-diagnose: as of 2020-11-24T00:00:00Z, when the input was written: --at TIME"
    assert run("-f", dump)[2].startswith(told)
    assert run("-f", dump, "-f", str(tmp_path))[2] == ""
