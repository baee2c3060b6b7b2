"""Where the command line writes: to standard output what was asked for, else to standard error."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

PROGRAM: Final = "kubectl-diagnose"


def program_name() -> str:
    """Return how the program was called: ``kubectl diagnose`` where kubectl called it.

    kubectl replaces itself with its plug-in, and tells nothing but its environment, in which shells
    name what they start.
    """
    started = Path(os.environ.get("_", "")).name
    return "kubectl diagnose" if started in ("kubectl", "kubectl.exe", "oc") else PROGRAM


def say(message: str) -> None:
    """Write a line to standard error: what the output does not show."""
    sys.stderr.write(f"{program_name()}: {message}\n")
    sys.stderr.flush()


def write_lines(lines: Iterable[str]) -> None:
    """Write to standard output, in UTF-8 whatever the locale, as kubectl does."""
    for line in lines:
        sys.stdout.buffer.write(line.encode(errors="replace") + b"\n")
    sys.stdout.buffer.flush()
