"""Where the command line writes: to standard output what was asked for, else to standard error."""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Final, Self

from pod_diagnoser.cli.errors import CommandError

PROGRAM: Final = "kubectl-diagnose"

_SHOW_AFTER: Final = 1.0
_SHOW_EVERY: Final = 0.1
"""After how many seconds progress is shown, and how often."""

_ERASE_LINE: Final = "\r\x1b[K"
_CLEAR: Final = "\x1b[H\x1b[2J"


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
    """Write to standard output, in UTF-8 whatever the locale, as kubectl does.

    Raises:
        BrokenPipeError: whoever read it has seen enough.
        CommandError: it cannot be written: the disk is full.
    """
    try:
        for line in lines:
            sys.stdout.buffer.write(line.encode(errors="replace") + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        drop_output()
        message = f"standard output: {error.strerror or 'cannot be written'}"
        raise CommandError(message) from None


def drop_output() -> None:
    """Write nothing more to standard output, also not what is still in its buffer at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_again(lines: Sequence[str], *, first: bool) -> None:
    """Write what replaces what was written before: on a cleared screen, or below it."""
    if sys.stdout.isatty():
        sys.stdout.buffer.write(_CLEAR.encode())
    elif not first:
        sys.stdout.buffer.write(b"\n")
    write_lines(lines)


def width() -> int | None:
    """Return how many cells a line of standard output has; None where it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def colour(choice: str) -> bool:
    """Return whether to colour: ``auto`` is where standard output is a terminal that can.

    Source: https://no-color.org.
    """
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


class Progress:
    """Shows at a terminal, on standard error, what long work has done; and removes that again."""

    def __init__(self) -> None:
        self._visible = sys.stderr.isatty()
        self._counts: dict[str, int] = {}
        self._next = monotonic() + _SHOW_AFTER
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._shown:
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()

    def show(self, what: str, count: int) -> None:
        """Show that so many of something are read."""
        if not self._visible:
            return
        self._counts[what] = count
        now = monotonic()
        if now >= self._next:
            told = ", ".join(f"{number} {name}" for name, number in self._counts.items())
            self._write(f"reading: {told}", now)

    def step(self, what: str) -> None:
        """Show what is done now, where the work is long already."""
        now = monotonic() if self._visible else 0.0
        if self._visible and now >= self._next - _SHOW_EVERY:
            self._write(what, now)

    def clear(self) -> None:
        """Remove it, where something else is written."""
        if self._shown:
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()

    def _write(self, text: str, now: float) -> None:
        self._next = now + _SHOW_EVERY
        self._shown = True
        sys.stderr.write(f"{_ERASE_LINE}{text}")
        sys.stderr.flush()
