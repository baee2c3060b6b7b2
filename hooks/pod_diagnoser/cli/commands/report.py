"""``kubectl-diagnose report -o report.html``: one file to hand on, which needs nothing else."""

from pathlib import Path
from typing import Any, Final

import click

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.looking import (
    Options,
    as_of,
    check,
    look,
    what_is_absent,
    with_source_options,
)
from pod_diagnoser.cli.pod_completion import complete_pods
from pod_diagnoser.cli.renderers import Page, renderer
from pod_diagnoser.cli.renderers.html_report import html_report

_MAX_NAME_BYTES: Final = 200
_MARKDOWN: Final = (".md", ".markdown")


@click.command(name="report", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("targets", nargs=-1, metavar="[POD | TYPE/NAME]...", shell_complete=complete_pods)
@with_source_options
@click.option(
    "-o",
    "--output",
    "file",
    required=True,
    metavar="FILE",
    help="The file to write; - is standard output. Markdown if it ends with .md, else HTML.",
)
def command(*, file: str, **values: Any) -> None:
    """Write what is wrong with Pods into one file.

    The HTML needs no network and no script, prints well, and is safe to open whatever containers
    wrote. Logs of crashed containers are read.
    """
    options = Options(logs=True, **values)
    check(options)
    looked = look(options)
    for told in (*looked.warnings, *looked.report.missing):
        terminal.say(str(told))
    if told := as_of(looked.report):
        terminal.say(told)
    if absent := what_is_absent(options, looked.report):
        terminal.say(absent)
    if file.endswith(_MARKDOWN):
        text = "\n".join(renderer("markdown")(looked.report, Page())) + "\n"
    else:
        source = "files" if options.filename else "a cluster, by kubectl"
        text = html_report(looked.report, looked.snapshot.diagnosers, source)
    if file == "-":
        terminal.write_lines([text.rstrip("\n")])
        return
    try:
        Path(file).write_text(text, encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:  # a ValueError for a name with a NUL
        why = getattr(error, "strerror", None) or "cannot be written"
        message = f"{sanitize(file, _MAX_NAME_BYTES)}: {why}"
        raise CommandError(message) from None
