"""The commands beside the diagnosis itself, by name: ``kubectl diagnose NAME …``.

Each module has a `click.Command` named ``command``. It is imported when it is called for.
"""

from typing import Final

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "causes": ("causes", "all causes, and when each is named"),
    "completion": ("completion", "the script by which a shell completes the command line"),
    "drill": ("drill", "whether the alerting of crashes works: have Pods crash, and look"),
    "explain": ("explain", "what a cause means, and what to do"),
    "report": ("report", "a report as one HTML file, or Markdown"),
    "why-not": ("why_not", "why the operator says nothing of a Pod, or does not replace it"),
    "output": ("output", "which lines of a crashed program's output say why it ended"),
}
"""The name of each command, its module in this package, and what it does in a few words.

A Pod of such a name is ``pod/NAME``.
"""
