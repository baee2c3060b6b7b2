"""The command: what it prints, where, and its exit code."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from pod_diagnoser.api.time import format_time
from tests.support import corpus
from tests.support.builders import T0, after, container, crashed, pod, terminated

Run = Callable[..., tuple[int, str, str]]


def file_of(folder: Path, *objects: object, name: str = "dump.json") -> str:
    """Write a List to a file; return its name."""
    path = folder / name
    path.write_text(json.dumps({"kind": "List", "items": objects}), encoding="utf-8")
    return str(path)


def test_version(run: Run) -> None:
    """That of the package."""
    content = (Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8")
    version = tomllib.loads(content)["project"]["version"]
    assert run("--version") == (0, f"kubectl-diagnose {version}\n", "")


def test_the_start_does_not_look_for_garbage() -> None:
    """Of what is imported; a counter shows it, on any machine."""
    code = (
        "import gc, sys; from pod_diagnoser.cli import command; before = gc.get_stats()[0];"
        "sys.argv[1:] = ['causes']; command.main();"
        "sys.stderr.write(str(gc.get_stats()[0]['collections'] - before['collections']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert int(done.stderr) <= 3


def test_json_of_standard_input(run: Run) -> None:
    """A list with an item, and nothing on standard error."""
    content = json.dumps(crashed()).encode()
    code, out, err = run("-f", "-", "-o", "json", "--now", "2026-11-23T10:01:00Z", stdin=content)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["apiVersion"], found["kind"]) == ("diagnostics.local.io/v1", "PodDiagnosisList")
    assert [each["cause"] for each in found["items"]] == ["ApplicationError"]


def test_text_of_several_files(run: Run, tmp_path: Path) -> None:
    """Of what, and what; Pods of all files, each as one paragraph."""
    one = file_of(tmp_path, crashed())
    two = file_of(tmp_path, crashed(number=2, name="app-2"), name="two.json")
    code, out, err = run("-f", one, "--filename", two, "-o", "text")
    assert (code, err) == (0, "")
    paragraphs = out.rstrip("\n").split("\n\n")
    assert [each.splitlines()[0] for each in paragraphs] == [
        "shop/app-1, container app: ApplicationError",
        "shop/app-2, container app: ApplicationError",
    ]
    assert paragraphs[0].splitlines()[1].startswith("  Container app ")


def test_what_pods_have_in_common_is_printed_first(run: Run, tmp_path: Path) -> None:
    """One line before all paragraphs."""
    ends = [terminated(T0, startedAt=format_time(after(-100 * at))) for at in range(1, 4)]
    pods = [pod(container(last=end), name=f"a{at}", number=at) for at, end in enumerate(ends)]
    code, out, err = run("-o", "text", "-f", file_of(tmp_path, *pods))
    assert (code, err) == (0, "")
    first, second, *_ = out.split("\n\n")
    assert first.startswith("In common: 3 Pods of 3 workloads crashed in the same second, at 2026")
    assert second.startswith("shop/a0, container app: ")


def test_docs_show_what_is_printed(run: Run, tmp_path: Path) -> None:
    """The example of docs/cli.md is what the command prints of a golden Pod."""
    name = "hand-liveness-kill-exit-0"
    file = file_of(tmp_path, corpus.document(name), *(corpus.event_items(name) or []))
    code, out, err = run("-f", file, "--now", "2026-11-23T01:30:00Z")
    assert (code, err) == (0, "")
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"<!-- tests/unit/cli compares[^>]*>\n```\n(.*?)```", page, re.DOTALL)
    assert out == shown


def test_healthy_pods(run: Run, tmp_path: Path) -> None:
    """No output for people; for programs an empty list; exit code 0."""
    file = file_of(tmp_path, pod(container()))
    assert run("-f", file) == (0, "", "kubectl-diagnose: nothing found in 1 Pod\n")
    code, out, err = run("-f", file, "-o", "json")
    assert (code, json.loads(out)["items"], err) == (0, [], "")


def test_no_pods(run: Run) -> None:
    """An empty namespace is no error."""
    expected = (0, "", "kubectl-diagnose: no Pods in the input\n")
    assert run("-f", "-", stdin=b'{"kind": "List", "items": []}') == expected


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_empty_input(run: Run, tmp_path: Path, content: bytes) -> None:
    """What was to write it has failed: in a pipeline that must not look as if all were well."""
    assert run("-f", "-", stdin=content) == (2, "", "kubectl-diagnose: standard input: empty\n")
    empty = tmp_path / "empty.json"
    empty.write_bytes(content)
    code, out, err = run("-f", str(empty), "-f", file_of(tmp_path, crashed()), "-o", "name")
    assert (code, out, err) == (0, "pod/app-1\n", f'kubectl-diagnose: "{empty}": empty\n')


def test_unreadable_objects(run: Run, tmp_path: Path) -> None:
    """They are counted; where nothing else is there, that is an error."""
    said = "kubectl-diagnose: objects that no API server writes, left out: 1\n"
    code, out, err = run("-f", file_of(tmp_path, {"kind": "Pod"}, crashed()))
    assert (code, err) == (0, said)
    assert out
    code, out, err = run("-f", file_of(tmp_path, {"kind": "Pod"}))
    assert (code, out) == (2, "")
    assert err.startswith(said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-f", "-", "-o", "xml"), "Invalid value for '-o' / '--output': 'xml' is not one of"),
        (
            ("-f", "-", "--now", "today"),
            "Invalid value for '--at' / '--now': not a time such as",
        ),
        (("-f", "-", "--at", "2026-11-23T10:00:00"), "Invalid value for '--at' / '--now': not a"),
        (("completion",), "Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish"),
        (("-f", "-", "--now", "20261123T100000Z"), "Invalid value for '--at' / '--now': not"),
        (("-f", "-", "--\x1b[31m\udc80"), "No such option '--\\x1b[31m"),
    ],
)
def test_wrong_command_lines(run: Run, arguments: tuple[str, ...], said: str) -> None:
    """One line on standard error, without control characters; exit code 2."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"kubectl-diagnose: {said}")
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()


def test_times_with_offset_and_fraction(run: Run) -> None:
    """RFC 3339 has both."""
    for time in ("2026-11-23T11:01:00.5+01:00", "2026-11-23t10:01:00z"):
        assert run("-f", "-", "--now", time, stdin=json.dumps(crashed()).encode())[0] == 0


def test_unreadable_files(run: Run, tmp_path: Path) -> None:
    """A short reason with the name of the file in quotes; exit code 2."""
    broken = tmp_path / "broken.json"
    broken.write_bytes(b'{"kind": "List", "items": [}')
    for name, reason in (
        (str(broken), "not valid JSON"),
        (str(tmp_path / "none"), "No such file or directory"),
        ("a\0b", "cannot be read"),
    ):
        shown = name.replace("\0", "")
        assert run("-f", name) == (2, "", f'kubectl-diagnose: "{shown}": {reason}\n')
    code, out, err = run("-f", "-", stdin=b"{")
    assert (code, out) == (2, "")
    assert err == "kubectl-diagnose: standard input: ends in the middle: it is cut off\n"


def test_file_beside_one_that_is_unreadable(run: Run, tmp_path: Path) -> None:
    """It is used; the other is told; exit code 0."""
    file, none = file_of(tmp_path, crashed()), str(tmp_path / "none")
    code, out, err = run("-f", none, "-f", file)
    assert (code, err) == (0, f'kubectl-diagnose: "{none}": No such file or directory\n')
    assert out.startswith("Pod shop/app-1\n")


def test_reader_that_goes_away() -> None:
    """`kubectl-diagnose -f - | head -0` ends without a traceback."""
    content = json.dumps({"kind": "List", "items": [crashed(number=n) for n in range(2000)]})
    with subprocess.Popen(
        [sys.executable, "-m", "pod_diagnoser.cli", "-f", "-", "-o", "json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write(content.encode())
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
@pytest.mark.parametrize("count", [1, 2000])
def test_a_full_disk(count: int) -> None:
    """`kubectl-diagnose -f - > file` says so in a line, and exits with 2."""
    content = json.dumps({"kind": "List", "items": [crashed(number=n) for n in range(count)]})
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pod_diagnoser.cli", "-f", "-", "-o", "json"],
            input=content.encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"kubectl-diagnose: standard output: No space left on device\n"


def test_module_runs_as_the_command() -> None:
    """`python -m pod_diagnoser.cli` is the same; the output is UTF-8 in any locale."""
    of = crashed(after(), name="app-1")
    result = subprocess.run(
        [sys.executable, "-m", "pod_diagnoser.cli", "-f", "-"],
        input=json.dumps(of).encode(),
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "PYTHONUTF8": "0"},
    )
    assert result.stdout.decode().startswith("Pod shop/app-1\n")
    assert result.stderr == b""


def test_the_hook_does_without_what_the_command_line_needs() -> None:
    """It is an extra. click comes with flask, all the same."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))
    names = {
        kind: {re.split("[<>=]", each)[0] for each in listed}
        for kind, listed in (
            ("hook", project["project"]["dependencies"]),
            ("cli", project["project"]["optional-dependencies"]["cli"]),
        )
    }
    assert {"click", "pyyaml", "rich"} <= names["cli"]
    assert not names["cli"] & names["hook"]
    assert "--extra" not in (Path(__file__).parents[3] / "Dockerfile").read_text("utf-8")


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))
from pod_diagnoser.cli.command import main
sys.exit(main())
"""
"""Runs the command as if some packages were not installed."""


def run_without(packages: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own that cannot import some packages."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, packages, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("form", ["card", "table", "wide", "text", "json", "markdown", "name"])
def test_what_pip_installs_without_the_extra_is_enough(tmp_path: Path, form: str) -> None:
    """Only YAML needs more: neither a table nor a card needs rich."""
    dump = file_of(tmp_path, crashed())
    done = run_without("rich,yaml", "-f", dump, "-o", form)
    assert (done.returncode, done.stderr) == (0, "")
    assert "app-1" in done.stdout


@pytest.mark.parametrize(("packages", "form"), [("yaml", "yaml"), ("click", "table")])
def test_what_needs_the_extra_says_so(tmp_path: Path, packages: str, form: str) -> None:
    """In one line, without a trace."""
    done = run_without(packages, "-f", file_of(tmp_path, crashed()), "-o", form)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "kubectl-diagnose: parts of it are missing: install pod-diagnoser with its extra cli\n"
    )


def test_the_reader_of_outputs_is_imported_when_there_is_one_to_read() -> None:
    """Its patterns take a third of the start; the hook imports it before the first crash."""
    program = (
        "import sys\n"
        "name = 'pod_diagnoser.diagnosis.output'\n"
        "import pod_diagnoser.cli.diagnosing\n"
        "assert name not in sys.modules\n"
        "import pod_diagnoser.server.app\n"
        "assert name in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
