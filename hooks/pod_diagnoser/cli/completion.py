"""Completes the command line: ``kubectl_complete-diagnose``, which kubectl calls for its plug-in.

kubectl hands over the words behind the plug-in's name, the last of which is to be completed, and
reads a candidate a line, and in the end a colon with a directive of cobra's. Shells call it for
``kubectl-diagnose`` (`pod_diagnoser.cli.commands.completion`).

Source: ``pkg/cmd/plugin/plugin_completion.go`` of kubectl; ``ShellCompDirective`` of spf13/cobra.
"""

import sys
from typing import Final

_NO_FILES: Final = ":4"
_FILES: Final = ":0"
"""Whether the shell completes names of files where nothing was found."""


def main() -> int:
    """Complete the words of the command line; print the candidates, and a directive."""
    try:
        from pod_diagnoser.cli.word_completion import complete  # noqa: PLC0415 - takes the extra
    except ImportError:  # the extra cli is not installed
        return 1
    found = complete(sys.argv[1:] or [""])
    names = [each.value for each in found if each.type == "plain" and each.value.isprintable()]
    directive = _FILES if any(each.type in ("file", "dir") for each in found) else _NO_FILES
    sys.stdout.write("\n".join([*names, directive]) + "\n")
    return 0
