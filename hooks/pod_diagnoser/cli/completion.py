"""Completes the command line: ``kubectl_complete-diagnose``, which kubectl calls for its plug-in.

kubectl hands over the words behind the plug-in's name, the last of which is to be completed, and
reads a candidate a line, and in the end a colon with a directive of cobra's. Shells call it for
``kubectl-diagnose`` (`pod_diagnoser.cli.commands.completion`).

Source: ``pkg/cmd/plugin/plugin_completion.go`` of kubectl; ``ShellCompDirective`` of spf13/cobra.
"""

import sys
from collections.abc import Sequence
from typing import Final

from click.shell_completion import CompletionItem, ShellComplete

from pod_diagnoser.cli.command import find_command
from pod_diagnoser.cli.commands import COMMANDS

_NO_FILES: Final = ":4"
_FILES: Final = ":0"
"""Whether the shell completes names of files where nothing was found."""


def main() -> int:
    """Complete the words of the command line; print the candidates, and a directive."""
    found = complete(sys.argv[1:] or [""])
    names = [each.value for each in found if each.type == "plain" and each.value.isprintable()]
    directive = _FILES if any(each.type in ("file", "dir") for each in found) else _NO_FILES
    sys.stdout.write("\n".join([*names, directive]) + "\n")
    return 0


def complete(words: Sequence[str]) -> list[CompletionItem]:
    """Return what may stand in place of the last of some words.

    Args:
        words: those behind the name of the program, at least one.
    """
    *before, incomplete = words
    found: list[CompletionItem] = []
    if not before and not incomplete.startswith("-"):
        found += [CompletionItem(name) for name in COMMANDS if name.startswith(incomplete)]
    command, rest = find_command(before)
    return found + ShellComplete(command, {}, "", "").get_completions(rest, incomplete)
