"""The command itself: options, source, engine, renderer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click

from pod_diagnoser.api.time import parse_time
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.commands import COMMANDS
from pod_diagnoser.cli.engine import diagnose_snapshot
from pod_diagnoser.cli.errors import FAILED, FOUND, CommandError
from pod_diagnoser.cli.renderers import FOR_PROGRAMS, FORMATS, Page, renderer
from pod_diagnoser.cli.report import Report
from pod_diagnoser.cli.snapshot import Snapshot
from pod_diagnoser.cli.terminal import say, write_lines

_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[-+][0-9]{2}:[0-9]{2})"
)


class TimeType(click.ParamType[datetime]):
    """A time of the command line, in RFC 3339."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it."""
        text = str(value)
        time = parse_time(text.upper()) if _RFC_3339.fullmatch(text) else None
        if time is None:
            self.fail("not a time like 2006-01-02T15:04:05Z", param, ctx)
        return time


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line, as click gives them."""

    targets: Sequence[str]
    filename: Sequence[str]
    output: str | None
    at: datetime | None
    exit_code: bool
    no_headers: bool


@click.command(
    name="diagnose",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=" ".join(f"{name}: {about}." for name, (_, about) in COMMANDS.items()),
)
@click.argument("targets", nargs=-1, metavar="[POD | TYPE/NAME]...")
@click.option(
    "-f",
    "--filename",
    multiple=True,
    metavar="FILE",
    help="Read Pods and Events of a file of JSON or YAML; - is standard input. May be repeated.",
)
@click.option("-o", "--output", type=click.Choice(FORMATS), help="How to print it.")
@click.option(
    "--at",
    "--now",
    type=TimeType(),
    help="When the Pods were like that, as 2006-01-02T15:04:05Z; default: now.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything was found.")
@click.option("--no-headers", is_flag=True, help="Print tables without headers.")
def diagnose_command(**values: Any) -> int:
    """Say why the containers of Pods crashed, or do not start."""
    options = Options(**values)
    snapshot = _take_snapshot(options)
    report = diagnose_snapshot(snapshot, options.at or datetime.now(UTC))
    output_format = options.output or "text"
    write_lines(renderer(output_format)(report, Page(headers=not options.no_headers)))
    _tell_what_is_not_shown(report, for_people=output_format not in FOR_PROGRAMS)
    if report.unreadable and not report.looked_at:
        return FAILED
    return FOUND if options.exit_code and report.findings else 0


def _take_snapshot(options: Options) -> Snapshot:
    collector = Collector()
    if not options.filename:
        message = "name a file of Pods and Events with -f"
        raise CommandError(message)
    from pod_diagnoser.cli.sources.files import read_files  # noqa: PLC0415 - only what is needed

    read_files(options.filename, collector)
    return collector.snapshot()


def _tell_what_is_not_shown(report: Report, *, for_people: bool) -> None:
    for missing in report.missing:
        say(str(missing))
    if report.unreadable:
        say(f"objects that no API server writes, left out: {report.unreadable}")
    if not report.looked_at:
        say("no Pods in the input")
    elif not report.findings and for_people:
        say(f"nothing found in {report.looked_at} Pod{'s' * (report.looked_at != 1)}")
