"""The command ``kubectl-diagnose``: ``kubectl diagnose`` where it is on the PATH."""

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.commands import COMMANDS
from pod_diagnoser.cli.errors import FAILED, INTERRUPTED, CommandError
from pod_diagnoser.cli.terminal import drop_output, program_name, say

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
        drop_output()
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
        name = f" {command.name}" if command.name in COMMANDS else ""
        called = f"{program_name()}{name}"
        with command.make_context(called, list(rest)) as context:
            result = command.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        message = f"{' '.join(error.format_message().split())} (see --help)"
        raise CommandError(message) from None
    return result if isinstance(result, int) else 0


def find_command(arguments: list[str]) -> tuple["click.Command", list[str]]:
    """Return the command that some arguments call, and the rest of them.

    Options may come before it, as with kubectl: ``-n shop why-not api-1``.
    """
    if arguments and arguments[0] in COMMANDS:
        return _command(arguments[0]), arguments[1:]
    from pod_diagnoser.cli.diagnosing import diagnose_command  # noqa: PLC0415 - takes a while

    if not COMMANDS.keys().isdisjoint(arguments):
        at, _ = _first_word(arguments, diagnose_command)
        if at is not None and arguments[at] in COMMANDS:
            return _command(arguments[at]), arguments[:at] + arguments[at + 1 :]
    return diagnose_command, arguments


def _command(name: str) -> "click.Command":
    module = import_module(f"pod_diagnoser.cli.commands.{COMMANDS[name][0]}")
    command: click.Command = module.command
    return command


def may_call_a_command(arguments: Sequence[str]) -> bool:
    """Say whether what follows some arguments may be the name of a command: all are options."""
    from pod_diagnoser.cli.diagnosing import diagnose_command  # noqa: PLC0415 - takes a while

    return "--" not in arguments and _first_word(arguments, diagnose_command) == (None, False)


def _first_word(arguments: Sequence[str], command: "click.Command") -> tuple[int | None, bool]:
    """Find the first argument that is neither an option of a command nor the value of one.

    Returns:
        Where it is; None where there is none. Then also whether the last one waits for its value.
    """
    with_value = {
        name for each in command.params if not getattr(each, "is_flag", True) for name in each.opts
    }
    is_value = False
    for at, argument in enumerate(arguments):
        if is_value:
            is_value = False
        elif argument == "--":
            break
        elif argument.startswith("--"):
            is_value = argument in with_value
        elif argument.startswith("-") and len(argument) > 1:
            is_value = f"-{argument[-1]}" in with_value and not any(
                f"-{letter}" in with_value for letter in argument[1:-1]
            )
        else:
            return at, False
    return None, is_value
