"""What the demos write on the terminal."""

import os
import sys
import textwrap
from collections.abc import Iterable

WIDTH = 100

Check = tuple[str, bool]
"""What has to hold, and whether it does."""


class DemoError(RuntimeError):
    """Something did not come out as it should; the message says what."""


class Screen:
    """Writes for people; bold and coloured on a terminal only."""

    def __init__(self) -> None:
        self._colours = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._steps = 0

    def step(self, text: str) -> None:
        """Begin a step."""
        self._steps += 1
        self.say("", self._styled("1", f"{self._steps}. {text}"))

    def command(self, text: str) -> None:
        """Show a command."""
        self.say(self._styled("36", f"   $ {text}"))

    def output(self, text: str) -> None:
        """Show what a command prints."""
        self.say(*(f"   {line}" for line in text.splitlines()))

    def field(self, name: str, value: str) -> None:
        """Show a name and a value, which may take several lines."""
        lines = textwrap.wrap(value, WIDTH - 26, break_on_hyphens=False) or [""]
        self.say(f"   {self._styled('1', name.ljust(16))} {lines[0]}")
        self.say(*(f"   {'':16} {line}" for line in lines[1:]))

    def checks(self, checks: Iterable[Check]) -> bool:
        """Show checks with their outcomes; return whether all of them hold."""
        right = True
        for text, holds in checks:
            mark = self._styled("32", "right") if holds else self._styled("31", "WRONG")
            self.say(f"   {mark}  {text}")
            right = right and holds
        return right

    def say(self, *lines: str) -> None:
        """Write lines."""
        for line in lines:
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def _styled(self, style: str, text: str) -> str:
        return f"\033[{style}m{text}\033[0m" if self._colours else text
