"""The command itself: options, look, renderer."""

from typing import Any, Final

import click

from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.commands import COMMANDS
from pod_diagnoser.cli.errors import FAILED, FOUND, CommandError
from pod_diagnoser.cli.looking import (
    Options,
    as_of,
    check,
    look,
    what_is_absent,
    with_source_options,
)
from pod_diagnoser.cli.option_types import DurationType
from pod_diagnoser.cli.pod_completion import complete_pods
from pod_diagnoser.cli.renderers import FOR_PROGRAMS, FORMATS, GROUPS, ORDERS, Page, renderer
from pod_diagnoser.cli.report import Report
from pod_diagnoser.cli.terminal import say

_MAX_CARDS: Final = 3
"""Up to how many workloads that were asked for are told of in cards, and not in a table."""

_WATCH_SECONDS: Final = 5.0
"""How long ``--watch`` waits before it looks again."""


_HELP: Final = "Say why the containers of Pods crashed, or do not start.\n\n\b\n" + "\n".join(
    f"{command:<36} {about}"
    for command, about in (
        ("kubectl diagnose", "the Pods of the namespace: a table, the worst first"),
        ("kubectl diagnose -A", "those of all namespaces"),
        ("kubectl diagnose api-6d5f8-x2x1k", "all that is known of one Pod"),
        ("kubectl diagnose deploy/api", "the same of the worst Pod of a workload"),
        ("kubectl diagnose -f dump.json", "from a file, without a cluster"),
    )
)

_EPILOG: Final = "\b\nOther commands, each with --help:\n" + "\n".join(
    f"  {name:<12}{about}" for name, (_, about) in sorted(COMMANDS.items())
)


@click.command(
    name="diagnose",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=_HELP,
    epilog=_EPILOG,
)
@click.version_option(package_name="pod-diagnoser", message="%(prog)s %(version)s")
@click.argument("targets", nargs=-1, metavar="[POD | TYPE/NAME]...", shell_complete=complete_pods)
@with_source_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(FORMATS),
    help="Default: card for one Pod or workload, otherwise table.",
)
@click.option(
    "--group-by", type=click.Choice(GROUPS), help="What a row is about; default: workload."
)
@click.option("--sort-by", type=click.Choice(ORDERS), default="worst", help="Order of the rows.")
@click.option(
    "--since", type=DurationType(), help="Leave out what happened longer ago, such as 10m or 2h."
)
@click.option(
    "--logs", is_flag=True, help="Read logs and what changed, also where no Pod is named."
)
@click.option("-w", "--watch", is_flag=True, help="Look again every 5 seconds.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything was found.")
@click.option("--no-headers", is_flag=True, help="Print tables without headers.")
@click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    help="Colours; default: at a terminal, unless NO_COLOR is set.",
)
def diagnose_command(**values: Any) -> int:
    """Diagnose Pods; `_HELP` is what users read."""
    options = Options(**values)
    check(options)
    if options.watch:
        _watch(options)
    looked = look(options)
    report = looked.report
    output_format = _format(options, report)
    terminal.write_lines(renderer(output_format)(report, _page(options)))
    for warning in looked.warnings:
        say(warning)
    _tell_what_is_not_shown(options, report, for_people=output_format not in FOR_PROGRAMS)
    return _exit_code(options, report)


def _format(options: Options, report: Report) -> str:
    if options.output:
        return options.output
    workloads = {(pod.namespace, pod.workload.key) for pod in report.pods}
    if options.group_by:
        return "table"
    if report.looked_at == 1 or (options.targets and len(workloads) <= _MAX_CARDS):
        return "card"
    return "table"


def _page(options: Options) -> Page:
    return Page(
        width=terminal.width(),
        colour=terminal.colour(options.color),
        headers=not options.no_headers,
        group_by=options.group_by or "workload",
        sort_by=options.sort_by,
        namespaces=options.all_namespaces or len(options.namespace) > 1,
    )


def _tell_what_is_not_shown(options: Options, report: Report, *, for_people: bool) -> None:
    for missing in report.missing:
        say(str(missing))
    if report.unreadable:
        say(f"objects that no API server writes, left out: {report.unreadable}")
    if told := as_of(report):
        say(told)
    if absent := what_is_absent(options, report):
        say(absent)
    # Of what was asked for by name: its siblings were looked at, too, and may have something.
    number = len(report.pods) if options.targets else report.looked_at
    if number and not report.findings and for_people:
        say(f"nothing found in {number} Pod{'s' * (number != 1)}")


def _exit_code(options: Options, report: Report) -> int:
    if report.unreadable and not report.looked_at:
        return FAILED
    if options.targets and not report.pods:
        return FAILED
    return FOUND if options.exit_code and report.findings else 0


def _watch(options: Options) -> None:
    """Look again and again; print what is found whenever it has changed.

    Raises:
        CommandError: nothing could be looked at the first time.
    """
    from time import sleep  # noqa: PLC0415

    shown: tuple[str, ...] | None = None
    while True:
        try:
            report = look(options).report
        except CommandError as error:
            if shown is None:
                raise
            say(str(error))
        else:
            output_format = _format(options, report)
            lines = tuple(renderer(output_format)(report, _page(options)))
            if shown is None:
                _tell_what_is_not_shown(options, report, for_people=True)
            if lines != shown:
                terminal.write_again(lines, first=shown is None)
            shown = lines
        sleep(_WATCH_SECONDS)
