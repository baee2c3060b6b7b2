"""Completion: for kubectl's own, and for shells."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.cli import command, completion
from pod_diagnoser.cli.commands import COMMANDS
from pod_diagnoser.cli.word_completion import complete


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a kubectl on the PATH that lists two Pods, and notes how it was called."""
    path = tmp_path / "kubectl"
    path.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\necho pod/api-1\necho pod/web-1\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "called"


def found(*words: str) -> list[str]:
    """Return the candidates."""
    return [each.value for each in complete(words)]


@pytest.mark.usefixtures("kubectl")
def test_first_word() -> None:
    """A command, or a Pod."""
    assert found("") == [*COMMANDS, "api-1", "web-1"]
    assert found("w") == ["why-not", "web-1"]


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        (("explain", "outof"), ["OutOfMemory"]),
        (("explain", ""), [each.value for each in (*Cause, *ReasonClass)]),
        (("completion", ""), ["bash", "zsh", "fish"]),
        (("--group-by", "n"), ["node"]),
        (("--all-n",), ["--all-namespaces"]),
        (("why-not", "--kubec"), ["--kubeconfig", "--kubectl"]),
        (("-n", "shop", "exp"), ["explain"]),
        (("-n", "exp"), []),
        (("app-1", "exp"), []),
    ],
)
def test_words(words: tuple[str, ...], candidates: list[str]) -> None:
    """Of commands their arguments; options, and their choices."""
    assert found(*words) == candidates


def test_pods_of_the_namespace_and_context_that_are_given(kubectl: Path) -> None:
    """As kubectl lists them."""
    assert found("why-not", "-n", "shop", "--context", "c", "a") == ["api-1"]
    assert kubectl.read_text() == "get pods -o name --context=c --namespace=shop\n"


def test_no_pods() -> None:
    """Of files; and where there is no kubectl."""
    assert found("-f", "dump.json", "a") == []
    assert found("--kubectl", "/no/such/kubectl", "a") == []


def test_what_kubectl_reads(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A candidate a line, then a directive: no names of files, but where a file is meant."""
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-diagnose", "explain", "OutOf"])
    assert completion.main() == 0
    assert capsys.readouterr().out == "OutOfMemory\n:4\n"
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-diagnose", "completion", "x"])
    completion.main()
    assert capsys.readouterr().out == ":4\n"


def test_without_the_extra(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is printed into the user's line."""
    monkeypatch.setitem(sys.modules, "pod_diagnoser.cli.word_completion", None)
    assert completion.main() == 1
    assert capsys.readouterr() == ("", "")


def install(folder: Path) -> None:
    """Put the program into a folder, as a wheel is installed."""
    tool = folder / "kubectl_complete-diagnose"
    tool.write_text(
        f"#!{sys.executable}\nfrom pod_diagnoser.cli.completion import main\n"
        "raise SystemExit(main())\n"
    )
    tool.chmod(0o755)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl on the PATH")
def test_real_kubectl(tmp_path: Path) -> None:
    """Its own completion asks the program, where it knows the plug-in."""
    install(tmp_path)
    plugin = tmp_path / "kubectl-diagnose"
    plugin.write_text("#!/bin/sh\n")
    plugin.chmod(0o755)
    result = subprocess.run(
        [str(shutil.which("kubectl")), "__complete", "diagnose", "explain", "OutOf"],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
    )
    assert result.stdout == "OutOfMemory\n:4\n"


@pytest.mark.usefixtures("kubectl")
def test_bash(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The script completes in a real bash."""
    assert command.main(["completion", "bash"]) == 0
    script = capfdbinary.readouterr().out.decode()
    install(tmp_path)
    asked = "COMP_WORDS=(kubectl-diagnose explain OutOf); COMP_CWORD=2; _kubectl_diagnose"
    shown = 'echo "${COMPREPLY[@]}"'
    result = subprocess.run(
        ["/bin/bash", "-c", f"{script}\n{asked}\n{shown}"],
        capture_output=True,
        check=True,
        text=True,
    )
    assert (result.stdout, result.stderr) == ("OutOfMemory\n", "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(shell: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Their scripts ask the same program."""
    assert command.main(["completion", shell]) == 0
    assert b"kubectl_complete-diagnose" in capfdbinary.readouterr().out
