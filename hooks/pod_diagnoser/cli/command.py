"""The command ``kubectl-diagnose``: ``kubectl diagnose`` where it is on the PATH."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.commands import COMMANDS
from pod_diagnoser.cli.errors import FAILED, INTERRUPTED, CommandError
from pod_diagnoser.cli.terminal import program_name, say

if TYPE_CHECKING:
    import click

_EXTRAS: Final = ("click", "yaml")
"""What may be missing where the extra `cli` is not installed."""

_NOT_WHOLE: Final = "parts of it are missing: install pod-diagnoser with its extra cli"

_NEW_OBJECTS: Final = 100_000
"""After how many new objects garbage is looked for: what is imported is none, and looking for it
again and again takes a tenth of the start."""

_MAX_ERROR_BYTES: Final = 800
"""How much of an error is shown: names and arguments may be long."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line without the program's name; None takes the process's own.

    Returns:
        The exit code: 0, also where something is wrong with the Pods; `errors.FOUND` where that was
        asked for; `errors.FAILED` for a wrong command line, and where nothing could be looked at.
    """
    if arguments is None:
        gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except CommandError as error:
        say(sanitize(str(error), _MAX_ERROR_BYTES))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(arguments: list[str]) -> int:
    """Run the command that is called.

    Raises:
        CommandError: it failed.
    """
    try:
        return _call(arguments)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        raise CommandError(_NOT_WHOLE) from None


def _call(arguments: list[str]) -> int:
    import click  # noqa: PLC0415 - an extra, whose absence is to be told

    command, rest = find_command(arguments)
    try:
        called = " ".join([program_name(), *arguments[: len(arguments) - len(rest)]])
        with command.make_context(called, list(rest)) as context:
            result = command.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        message = f"{error.format_message()} (see --help)"
        raise CommandError(message) from None
    return result if isinstance(result, int) else 0


def find_command(arguments: list[str]) -> tuple["click.Command", list[str]]:
    """Return the command that some arguments call, and the rest of them."""
    name = arguments[0] if arguments else ""
    if name in COMMANDS:
        module = import_module(f"pod_diagnoser.cli.commands.{COMMANDS[name][0]}")
        return module.command, arguments[1:]
    from pod_diagnoser.cli.diagnosing import diagnose_command  # noqa: PLC0415 - takes a while

    return diagnose_command, arguments
