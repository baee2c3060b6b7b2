"""Runs the programs of the corpus, and stores what they print: ``make output-corpus``.

What cannot run here, because its interpreter or server is not installed, keeps what is stored.
Each runs in a folder of its own, which the stored text calls ``/app``.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.output.definitions import PRINTED, Definition, programs

_SECONDS: Final = 90
_MAX_STORED: Final = 65_536

_APP: Final = re.compile(r"/app\b(?![-.\w])")

_GO_RUN: Final = "go build -o main . && exec ./main\n"
_JAVA_RUN: Final = "javac Main.java && exec java Main\n"


def main(wanted: list[str]) -> int:
    """Run programs.

    Args:
        wanted: parts of their names; none for all.

    Returns:
        1 if one printed something else than its quotes.
    """
    failed = 0
    for program in programs():
        if wanted and not any(part in program.name for part in wanted):
            continue
        printed = run(program)
        if printed is None:
            print(f"{program.name}: cannot run here")
            continue
        if program.quotes and not any(quote in printed for quote in program.quotes):
            failed = 1
            print(f"{program.name}: does not print {program.quotes}, but:\n{printed[-1500:]}\n")
            continue
        program.printed.parent.mkdir(parents=True, exist_ok=True)
        program.printed.write_text(printed[-_MAX_STORED:], encoding="utf-8")
    return failed


def run(program: Definition) -> str | None:
    """Run a program; return what it printed, or None where its interpreter is missing."""
    folder = Path(tempfile.mkdtemp(prefix="output-corpus-"))
    try:
        _write(program, folder)
        command = program.headers["run"].split(" ", 1)[0]
        if shutil.which(command) is None:
            return None
        return _tidied(_output(program, folder), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(program: Definition, folder: Path) -> None:
    files = dict(program.files)
    if "main.go" in files:
        files.setdefault("run.sh", _GO_RUN)
        files["go.mod"] = "module app\n\ngo 1.21\n"
    if "Main.java" in files:
        files.setdefault("run.sh", _JAVA_RUN)
    for name, content in files.items():
        (folder / name).write_text(_APP.sub(str(folder), content), encoding="utf-8")
    folder.chmod(0o755)
    if module := program.headers.get("module"):
        subprocess.run(["go", "get", module], cwd=folder, check=True, capture_output=True)  # noqa: S607


def _output(program: Definition, folder: Path) -> str:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/root"),
        "LANG": "C.UTF-8",
        **dict(pair.split("=", 1) for pair in program.headers.get("env", "").split() if pair),
    }
    with (folder / ".printed").open("w+b") as file:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {program.headers['run']}"],  # noqa: S607
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait(float(program.headers.get("timeout", _SECONDS)))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        file.seek(0)
        printed = file.read()
    return printed.decode(errors="replace")


def _tidied(text: str, folder: Path) -> str:
    """Return what was printed without what tells of this machine."""
    text = text.replace(str(folder), "/app")
    home = os.environ.get("HOME", "/root")
    for pattern, said in (
        (r"[\w/.-]+/control-plane/[\w.-]+/", "/usr/local/bin/"),
        (re.escape(f"{Path(sys.prefix)}/"), "/venv/"),
        (re.escape(home) + r"/\.pyenv/versions/[\w.]+/", "/usr/local/"),
        (re.escape(f"{Path(sys.base_prefix)}/"), "/usr/local/"),
        (re.escape(f"{home}/go/"), "/go/"),
        (re.escape(f"{home}/."), "/home/app/."),
    ):
        text = re.sub(pattern, said, text)
    text = re.sub(r"\b\d+#(?=\d+: )", "1#", text)
    return text.replace(os.uname().nodename, "app-1")


if __name__ == "__main__":
    PRINTED.mkdir(exist_ok=True)
    sys.exit(main(sys.argv[1:]))
