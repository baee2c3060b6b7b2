"""Headless Chromium, as Debian has it, for tests of HTML pages."""

import os
import shutil
import subprocess
from pathlib import Path

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

MISSING = "no Chromium: apt-get install chromium, to look at the HTML report"


def browse(page: Path, *options: str) -> str:
    """Open a page; return what the browser prints.

    Args:
        page: the file, beside which the browser keeps its own.
        options: the browser's.
    """
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [
        str(CHROMIUM),
        "--headless",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={page.parent / 'profile'}",
        *sandbox,
        *options,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, check=True, timeout=100).stdout.decode()
