"""Build programs from Go modules, once: into a cache that outlives checkouts."""

import os
import subprocess
from pathlib import Path


def run_go(go: str, module: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the go command in a locked module, whatever workspace surrounds the checkout."""
    return subprocess.run(
        [go, *arguments],
        cwd=module,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )


def cache_folder(name: str) -> Path:
    """Return the cache's folder for a kind of programs, ``$XDG_CACHE_HOME/pod-diagnoser/NAME``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "pod-diagnoser" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
