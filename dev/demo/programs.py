"""The images of the demo beside fragile-app: programs of this machine (`crashing`)."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dev.demo.screen import DemoError

_PROGRAMS = Path(__file__).with_name("crashing")
_LEDGER = _PROGRAMS / "ledger.go"
_BUILD_SECONDS = 300

OLD_WEB, NEW_WEB = "demo/web:1.4", "demo/web:1.5"
REPORT = "demo/report:1"
LEDGER = "demo/ledger:1"


def images(work: Path) -> Mapping[str, list[str]]:
    """Return what the images run; without `LEDGER` where there is no Go to compile it.

    Args:
        work: a folder for what is compiled.

    Raises:
        DemoError: it does not compile.
    """
    found = {
        image: [sys.executable, str(_PROGRAMS / "web.py"), image.rpartition(":")[2]]
        for image in (OLD_WEB, NEW_WEB)
    }
    found[REPORT] = [sys.executable, str(_PROGRAMS / "report.py")]
    if (ledger := _compiled(work / "ledger")) is not None:
        found[LEDGER] = [str(ledger)]
    return found


def _compiled(program: Path) -> Path | None:
    """Compile the Go program, unless that was done before; None without Go."""
    if program.exists() and program.stat().st_mtime >= _LEDGER.stat().st_mtime:
        return program
    go = shutil.which("go")
    if go is None:
        return None
    done = subprocess.run(
        [go, "build", "-o", program, _LEDGER],
        capture_output=True,
        text=True,
        check=False,
        timeout=_BUILD_SECONDS,
    )
    if done.returncode:
        message = f"the Go program of the demo does not compile: {done.stderr}"
        raise DemoError(message)
    return program
