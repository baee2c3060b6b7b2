"""``kubectl diagnose drill``: what it prints, its exit codes, its options."""

import json
import os
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pod_diagnoser.cli.drill.namespaces import manifest
from pod_diagnoser.cli.word_completion import complete
from tests.support.drill_cluster import DRILL_CAUSES, DrillStandIn, FakeClock
from tests.support.fake_kubectl import Answer, FakeKubectl

Run = Callable[..., tuple[int, str, str]]
DOCS = Path(__file__).parents[4] / "docs"
SCHEMA = json.loads((DOCS / "drill-report.schema.json").read_text("utf-8"))
DASH = "\N{EN DASH}"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> DrillStandIn:
    """A cluster in memory, in which all is well."""
    clock = FakeClock()
    found = DrillStandIn(clock)
    monkeypatch.setattr("pod_diagnoser.cli.commands.drill.kubectl_of", lambda _: found)
    monkeypatch.setattr("pod_diagnoser.cli.drill.clock.monotonic", clock.now)
    monkeypatch.setattr("pod_diagnoser.cli.drill.clock.sleep", clock.sleep)
    return found


def test_text(cluster: DrillStandIn, run: Run) -> None:
    """A heading for each workload, a line for each check, and a line that sums it up."""
    code, out, err = run("drill")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    name = r"pod-diagnoser-drill-[0-9a-f]{12}"
    assert re.fullmatch(rf"✓ namespace    {name}, taken away at the end", lines[0])
    assert lines[1] == "✓ operator     PodDiagnoser drill diagnoses these Pods"
    assert f"{DASH} alert rules  there is no kind PrometheusRule" in lines
    place = lines.index("out-of-memory: a program takes more memory than its limit of 32 Mi")
    assert lines[place + 1].startswith("  ✓ crash      OutOfMemory: Container app ran out of")
    assert lines[place + 2].startswith("  ✓ annotation OutOfMemory")
    assert lines[place + 5].startswith("  ✓ metric     pod_diagnoser_workload_crashing_pods")
    assert re.fullmatch(rf"✓ taken away   namespace {name} is gone", lines[-3])
    assert re.fullmatch(r"all 29 work, 1 not checked \(\d+ s\)", lines[-1])
    assert "\x1b" not in out
    assert cluster.namespaces == {}


def test_the_page_shows_what_it_prints(cluster: DrillStandIn, run: Run) -> None:
    """The example of docs/drill.md, but for the name of the namespace and the time it took."""
    _, out, _ = run("drill")
    assert cluster.namespaces == {}
    page = (DOCS / "drill.md").read_text(encoding="utf-8")
    example = page.partition("-->\n```\n")[2].partition("```")[0]
    assert without_what_varies(example) == without_what_varies(out)


def without_what_varies(text: str) -> str:
    """Replace the namespace's digits, and the seconds."""
    return re.sub(r"\(\d+ s\)", "(N s)", re.sub(r"drill-[0-9a-f]{12}", "drill-ID", text))


def test_what_does_not_work(cluster: DrillStandIn, run: Run) -> None:
    """Exit code 1; what to do is below what is wrong."""
    cluster.creates_events = False
    code, out, _ = run("drill", "--wait", "5s", "--color", "always")
    assert code == 1
    assert "\x1b[31m✗\x1b[0m event" in out
    assert "               → give the operator the role" in out
    assert "24 work, 5 do not, 1 not checked (" in out.splitlines()[-1]


def test_json(cluster: DrillStandIn, run: Run) -> None:
    """By the schema, and nothing else."""
    cluster.hook = False
    code, out, err = run("drill", "--wait", "5s", "-o", "json")
    assert (code, err) == (1, "")
    report = json.loads(out)
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(report)
    assert report["summary"]["failed"] == 21
    failed = [each for each in report["checks"] if each["state"] == "Failed"]
    assert {each.get("workload") for each in failed} == {None, *DRILL_CAUSES}


def test_keep_says_how_to_take_it_away(cluster: DrillStandIn, run: Run) -> None:
    """And that does it; then nothing is left."""
    code, out, err = run("drill", "--keep")
    assert code == 0
    assert "drill --clean" in err
    assert "left to be looked at" in out.splitlines()[0]
    (name,) = cluster.namespaces
    code, out, err = run("drill", "--clean")
    assert (code, out, err) == (0, f"✓ taken away   namespace {name} is gone\n", "")
    code, out, err = run("drill", "--clean")
    assert (code, out) == (0, "")
    assert "nothing is left of any drill" in err


def test_clean_that_fails(cluster: DrillStandIn, run: Run) -> None:
    """Exit code 1; where it is not known whether there are any, 2."""
    left = manifest("aaaaaaaaaaaa", datetime.now(UTC))
    left["metadata"]["uid"] = "u"
    cluster.namespaces[left["metadata"]["name"]] = left
    cluster.refused = ["delete --raw"]
    assert run("drill", "--clean")[0] == 1
    cluster.refused = ["get namespaces"]
    assert run("drill", "--clean")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--prometheus", "prometheus"), "--prometheus takes a URL, or NAMESPACE/SERVICE:PORT"),
        (("--wait-for-alert", "5m"), "--wait-for-alert needs --prometheus"),
        (("--wait", "2h"), "an hour at most"),
        (("--wait", "soon"), "not a duration"),
        (("pod-1",), "unexpected extra argument"),
        (("-n", "shop"), "No such option"),
    ],
)
def test_a_wrong_command_line(
    arguments: tuple[str, ...], said: str, cluster: DrillStandIn, run: Run
) -> None:
    """Exit code 2, and nothing was asked of the cluster."""
    code, out, err = run("drill", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert cluster.calls == []


def test_no_access(tmp_path: Path, run: Run) -> None:
    """Exit code 2 and kubectl's words; a namespace that one may not delete is not made."""
    kubectl = FakeKubectl(tmp_path)
    refused = "Unable to connect to the server: dial tcp: lookup nowhere"
    kubectl.answers["auth can-i"] = Answer(err=f"{refused}\n", code=1)
    code, out, err = run("drill", "--kubectl", kubectl.path)
    assert code == 2
    assert refused in err
    kubectl.answers["auth can-i"] = Answer(out="no\n", code=1)
    code, out, err = run("drill", "--kubectl", kubectl.path)
    assert code == 2
    assert "you may not delete namespaces" in err
    assert out == ""
    assert kubectl.calls() == ["auth can-i delete namespaces"] * 2


def test_the_namespace_is_refused(tmp_path: Path, run: Run) -> None:
    """Exit code 2, and nothing is left; what is sent goes through standard input."""
    kubectl = FakeKubectl(tmp_path)
    kubectl.answers["auth can-i"] = Answer(out="yes\n")
    kubectl.answers["get namespaces --selector"] = Answer(out='{"kind": "List", "items": []}')
    kubectl.answers["get namespaces"] = Answer(
        err='Error from server (NotFound): namespaces "x" not found\n', code=1
    )
    why = 'namespaces is forbidden: User "jane" cannot create resource "namespaces"'
    kubectl.answers["create"] = Answer(err=f"Error from server (Forbidden): {why}\n", code=1)
    code, _, err = run("drill", "--kubectl", kubectl.path)
    assert code == 2
    assert "no namespace for the drill: " in err
    assert "cannot create resource" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(
    number: signal.Signals, cluster: DrillStandIn, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes all away, and exits as shells expect."""

    def end(_: float) -> None:
        monkeypatch.undo()
        os.kill(os.getpid(), number)

    monkeypatch.setattr("pod_diagnoser.cli.drill.clock.sleep", end)
    before = signal.getsignal(number)
    code, out, _ = run("drill")
    assert code == 128 + number
    assert "is gone" in out
    assert cluster.namespaces == {}
    assert signal.getsignal(number) is before


def test_completion() -> None:
    """Of the command, its options and their choices."""
    assert "drill" in [each.value for each in complete(["d"])]
    assert [each.value for each in complete(["drill", "--wait"])] == ["--wait", "--wait-for-alert"]
    assert [each.value for each in complete(["drill", "-o", ""])] == ["text", "json"]
