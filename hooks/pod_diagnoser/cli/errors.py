"""What ends a command: with one line on standard error, and an exit code."""

from typing import Final

FOUND: Final = 1
"""Exit code where something was found, with ``--exit-code``."""

FAILED: Final = 2
"""Exit code of a wrong command line, and where nothing could be looked at."""

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells have it."""


class CommandError(Exception):
    """Ends a command with `FAILED`; its message is one line that is safe to show."""
