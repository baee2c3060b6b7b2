"""``kubectl-diagnose causes``: the table of causes."""

from typing import Final

import click

from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.cause_texts import cause_texts
from pod_diagnoser.cli.renderers.layout import wrap

_COLUMN: Final = 26
_LEAST_TEXT: Final = 24


@click.command(name="causes", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--no-headers", is_flag=True, help="Print no line of headers.")
def command(*, no_headers: bool) -> None:
    """List the causes, in the order in which they are tried: the first that holds is named."""
    width = terminal.width()
    room = None if width is None else max(width - _COLUMN, _LEAST_TEXT)
    lines = [] if no_headers else [f"{'CAUSE':<{_COLUMN}}WHEN"]
    for text in cause_texts():
        name = text.cause.value
        for row in wrap(text.when, room):
            lines.append(f"{name:<{_COLUMN}}{row}")
            name = ""
    terminal.write_lines(lines)
