"""What may stand in place of a word of the command line, by the commands themselves."""

from collections.abc import Sequence

from click.shell_completion import CompletionItem, ShellComplete

from pod_diagnoser.cli.command import find_command, may_call_a_command
from pod_diagnoser.cli.commands import COMMANDS


def complete(words: Sequence[str]) -> list[CompletionItem]:
    """Return what may stand in place of the last of some words.

    Args:
        words: those behind the name of the program, at least one.
    """
    *before, incomplete = words
    found: list[CompletionItem] = []
    if not incomplete.startswith("-") and may_call_a_command(before):
        found += [CompletionItem(name) for name in COMMANDS if name.startswith(incomplete)]
    command, rest = find_command(before)
    return found + ShellComplete(command, {}, "", "").get_completions(rest, incomplete)
