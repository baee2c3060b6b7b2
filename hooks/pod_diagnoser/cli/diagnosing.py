"""The command itself: options, source, engine, renderer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.commands import COMMANDS
from pod_diagnoser.cli.engine import diagnose_snapshot, logs_to_read
from pod_diagnoser.cli.errors import FAILED, FOUND, CommandError
from pod_diagnoser.cli.option_types import DurationType, TimeType
from pod_diagnoser.cli.renderers import FOR_PROGRAMS, FORMATS, GROUPS, ORDERS, Page, renderer
from pod_diagnoser.cli.report import Report
from pod_diagnoser.cli.selection import Selection, parse_target
from pod_diagnoser.cli.terminal import say

_MAX_CARDS: Final = 3
"""Up to how many workloads that were asked for are told of in cards, and not in a table."""

_WATCH_SECONDS: Final = 5.0
"""How long ``--watch`` waits before it looks again."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line; their texts are in `diagnose_command`."""

    targets: Sequence[str] = ()
    namespace: Sequence[str] = ()
    all_namespaces: bool = False
    selector: str = ""
    context: str = ""
    kubeconfig: str = ""
    as_user: str = ""
    kubectl: str = "kubectl"
    timeout: float = 60.0
    filename: Sequence[str] = ()
    output: str | None = None
    group_by: str | None = None
    sort_by: str = "worst"
    since: timedelta | None = None
    logs: bool = False
    watch: bool = False
    at: datetime | None = None
    exit_code: bool = False
    no_headers: bool = False
    color: str = "auto"

    def selection(self) -> Selection:
        """Return which Pods are asked for.

        Raises:
            CommandError: a target is none.
        """
        return Selection(
            tuple(parse_target(each) for each in self.targets), frozenset(self.namespace)
        )

    def now(self) -> datetime:
        """Return the time at which to look at the Pods."""
        return self.at or datetime.now(UTC)


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
    f"  {name:<10}{about}" for name, (_, about) in sorted(COMMANDS.items())
)


@click.command(
    name="diagnose",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help=_HELP,
    epilog=_EPILOG,
)
@click.argument("targets", nargs=-1, metavar="[POD | TYPE/NAME]...")
@click.option("-n", "--namespace", multiple=True, metavar="NAME", help="May be repeated.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Look at all namespaces.")
@click.option("-l", "--selector", default="", help="Labels of the Pods, as kubectl takes them.")
@click.option("--context", default="", metavar="NAME", help="The context of the kubeconfig.")
@click.option("--kubeconfig", default="", metavar="FILE", help="The kubeconfig.")
@click.option("--as", "as_user", default="", metavar="USER", help="The user to impersonate.")
@click.option("--kubectl", default="kubectl", metavar="PATH", help="The kubectl to use.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    metavar="SECONDS",
    help="How long each call of kubectl may take; default: 60.",
)
@click.option(
    "-f",
    "--filename",
    multiple=True,
    metavar="FILE",
    help="Diagnose a file of JSON or YAML instead; - is standard input. May be repeated.",
)
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
@click.option(
    "--at",
    "--now",
    type=TimeType(),
    help="When the Pods were like that, as 2006-01-02T15:04:05Z; default: now.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything was found.")
@click.option("--no-headers", is_flag=True, help="Print tables without headers.")
@click.option("--color", type=click.Choice(("auto", "always", "never")), default="auto")
def diagnose_command(**values: Any) -> int:
    """Diagnose Pods; `_HELP` is what users read."""
    options = Options(**values)
    _check(options)
    if options.watch:
        _watch(options)
    report, warnings = _look(options)
    output_format = _format(options, report)
    terminal.write_lines(renderer(output_format)(report, _page(options)))
    for warning in warnings:
        say(warning)
    _tell_what_is_not_shown(options, report, for_people=output_format not in FOR_PROGRAMS)
    return _exit_code(options, report)


def _check(options: Options) -> None:
    """Refuse options that contradict each other.

    Raises:
        click.UsageError: they do.
    """
    if options.all_namespaces and options.namespace:
        message = "--all-namespaces and --namespace exclude each other"
        raise click.UsageError(message)
    live_only: Mapping[str, object] = {
        "--selector": options.selector,
        "--context": options.context,
        "--kubeconfig": options.kubeconfig,
        "--as": options.as_user,
        "--watch": options.watch,
    }
    if options.filename:
        for name, given in live_only.items():
            if given:
                message = f"{name} needs a cluster, and --filename reads files"
                raise click.UsageError(message)
    elif options.at is not None:
        message = "--at is the time of files: name one with --filename"
        raise click.UsageError(message)


def _look(options: Options) -> tuple[Report, Sequence[str]]:
    """Return what is found, and warnings of kubectl's.

    Raises:
        CommandError: nothing could be looked at.
    """
    selection = options.selection()
    collector = Collector(selection.names)
    if options.filename:
        from pod_diagnoser.cli.sources.files import read_files  # noqa: PLC0415 - only what is used

        read_files(options.filename, collector)
        return _diagnose(options, selection, collector), ()
    from pod_diagnoser.cli.sources.kubectl import Kubectl  # noqa: PLC0415
    from pod_diagnoser.cli.sources.live import LiveSource, Scope  # noqa: PLC0415

    scope = Scope(options.namespace, options.all_namespaces, options.selector)
    with terminal.Progress() as progress:
        kubectl = Kubectl(options.kubectl, _kubectl_options(options), options.timeout)
        source = LiveSource(kubectl, scope, selection, collector, progress.show)
        source.read_overview()
        source.read_diagnosers()
        report = _diagnose(options, selection, collector)
        if options.logs or selection.targets:
            source.read_logs(logs_to_read(report))
            source.read_revisions(report)
            report = _diagnose(options, selection, collector)
    return report, tuple(source.warnings)


def _diagnose(options: Options, selection: Selection, collector: Collector) -> Report:
    return diagnose_snapshot(collector.snapshot(), options.now(), selection, options.since)


def _kubectl_options(options: Options) -> list[str]:
    given = {
        "--context": options.context,
        "--kubeconfig": options.kubeconfig,
        "--as": options.as_user,
    }
    return [f"{name}={value}" for name, value in given.items() if value]


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
    if not report.looked_at:
        say("no Pods in the input" if options.filename else "no Pods found")
    elif options.targets and not report.pods:
        say(f"{', '.join(map(str, options.selection().targets))}: not found")
    elif not report.findings and for_people:
        counted = f"{report.looked_at} Pod{'s' * (report.looked_at != 1)}"
        say(f"nothing found in {counted}")


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

    shown: Sequence[str] | None = None
    while True:
        try:
            report, _ = _look(options)
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
