"""Looking at what the command line names: its options, the source, the engine."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.engine import Engine, diagnose_snapshot, logs_to_read
from pod_diagnoser.cli.label_selector import ALL_LABELS, parse_selector
from pod_diagnoser.cli.option_types import TimeType
from pod_diagnoser.cli.report import Report, TimeSource
from pod_diagnoser.cli.selection import Selection, mistaken_type, parse_target
from pod_diagnoser.cli.snapshot import Missing, Snapshot

if TYPE_CHECKING:
    from pod_diagnoser.cli.input_time import InputTime
    from pod_diagnoser.cli.sources.kubectl import Kubectl


_MAX_LOGS: Final = 20
"""How many logs of a cluster are read at most: each takes a call of kubectl."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of the command line; their texts are below, and in `diagnosing`."""

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
            CommandError: a target is none, or the label selector for files.
        """
        return Selection(
            tuple(parse_target(each) for each in self.targets),
            frozenset(self.namespace),
            parse_selector(self.selector) if self.filename else ALL_LABELS,
        )


_Command = TypeVar("_Command", bound=Callable[..., Any])

_KUBECTL_OPTIONS: Final = (
    click.option("--context", default="", metavar="NAME", help="The context of the kubeconfig."),
    click.option("--kubeconfig", default="", metavar="FILE", help="The kubeconfig."),
    click.option("--as", "as_user", default="", metavar="USER", help="The user to impersonate."),
    click.option("--kubectl", default="kubectl", metavar="PATH", help="The kubectl to use."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=60.0,
        metavar="SECONDS",
        help="How long to wait for an answer of kubectl; default: 60.",
    ),
)
"""The options that say how kubectl is called."""

_SOURCE_OPTIONS: Final = (
    click.option(
        "-n",
        "--namespace",
        multiple=True,
        metavar="NAME",
        help="The namespace; default: that of the context, with -f all. May be repeated.",
    ),
    click.option("-A", "--all-namespaces", is_flag=True, help="Look at all namespaces."),
    click.option("-l", "--selector", default="", help="Labels of the Pods, as kubectl takes them."),
    *_KUBECTL_OPTIONS,
    click.option(
        "-f",
        "--filename",
        multiple=True,
        metavar="FILE",
        help="Read a file, folder or archive, not a cluster; - is standard input. May be repeated.",
    ),
    click.option(
        "--at",
        "--now",
        type=TimeType(),
        help="With -f: when the Pods were like that, as 2026-11-23T10:00:00Z; default: now, or by "
        "what is read where that is older.",
    ),
)
"""The options that say what to look at, in the order in which help shows them."""


def with_kubectl_options(command: _Command) -> _Command:
    """Give a command the options that say how kubectl is called."""
    return reduce(lambda made, option: option(made), reversed(_KUBECTL_OPTIONS), command)


def with_source_options(command: _Command) -> _Command:
    """Give a command the options that say what to look at."""
    return reduce(lambda made, option: option(made), reversed(_SOURCE_OPTIONS), command)


def check(options: Options) -> None:
    """Refuse options that contradict each other.

    Raises:
        click.UsageError: they do.
    """
    if options.all_namespaces and options.namespace:
        message = "--all-namespaces and --namespace exclude each other"
        raise click.UsageError(message)
    live_only: Mapping[str, object] = {
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
        message = "--at is for files: name one with --filename"
        raise click.UsageError(message)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen.

    Attributes:
        report: what was found.
        snapshot: what it was found in.
        warnings: what kubectl said besides.
    """

    report: Report
    snapshot: Snapshot
    warnings: Sequence[str] = ()


def look(options: Options, *, with_diagnosers: bool = False) -> Looked:
    """Look at Pods.

    Args:
        options: what to look at.
        with_diagnosers: whether PodDiagnosers are read even if no Pod shows that there are any.

    Raises:
        CommandError: nothing could be looked at.
    """
    selection = options.selection()
    if options.filename:
        return _look_at_files(options, selection)
    collector = Collector(selection.names, selection.looks_at)
    from pod_diagnoser.cli.sources.live import LiveSource, Scope  # noqa: PLC0415

    scope = Scope(options.namespace, options.all_namespaces, options.selector)
    with terminal.Progress() as progress:
        kubectl = kubectl_of(options)
        source = LiveSource(kubectl, scope, selection, collector, progress.show)
        source.read_overview()
        source.read_diagnosers(always=with_diagnosers)
        engine = Engine(datetime.now(UTC), selection, options.since)
        snapshot = collector.snapshot()
        progress.step(f"diagnosing: {len(snapshot.pods)} Pods")
        report = engine.report(snapshot)
        if options.logs or selection.targets:
            wanted = logs_to_read(report)
            source.read_logs(wanted[:_MAX_LOGS])
            if len(wanted) > _MAX_LOGS:
                left = len(wanted) - _MAX_LOGS
                why = "not read, since there are so many: name the Pods"
                collector.add_missing(Missing(f"{left} log{'s' * (left != 1)}", why))
            source.read_revisions(report)
            snapshot = collector.snapshot()
            report = engine.report(snapshot)
    return Looked(report, snapshot, tuple(source.warnings))


def as_of(report: Report) -> str:
    """Say as of when a report is, where that is neither the current time nor one that was given."""
    if report.time_source in (TimeSource.CLOCK, TimeSource.GIVEN):
        return ""
    return f"{report.as_of}: --at TIME sets another"


def what_is_absent(options: Options, report: Report) -> str:
    """Say why no Pods were looked at, or what was asked for by name and is not there.

    Returns:
        It; an empty string where neither is so.
    """
    return _why_no_pods(options, report) or what_is_not_found(options, report)


def _why_no_pods(options: Options, report: Report) -> str:
    if report.looked_at:
        return ""
    if not report.left_out:
        return "no Pods in the input" if options.filename else "no Pods found"
    are = "Pod is" if report.left_out == 1 else "Pods are"
    return f"no Pods found: {report.left_out} {are} of other namespaces, or without these labels"


def what_is_not_found(options: Options, report: Report) -> str:
    """Say what was asked for by name and is not there; an empty string where all is."""
    if not report.not_found:
        return ""
    meant = mistaken_type(options.targets)
    hint = f"; did you mean {meant}?" if meant else ""
    return f"{', '.join(report.not_found)}: not found{hint}"


def _look_at_files(options: Options, selection: Selection) -> Looked:
    # Imported here: only what is used.
    from pod_diagnoser.cli.input_time import InputTime  # noqa: PLC0415
    from pod_diagnoser.cli.sources.files import read_files, written_at  # noqa: PLC0415

    time = InputTime(datetime.now(UTC))
    with terminal.Progress() as progress:
        note = _noting(time, progress)
        collector = Collector(selection.names, selection.looks_at, note)
        read_files(options.filename, collector)
        if options.at is not None:
            now, source = options.at, TimeSource.GIVEN
        else:
            now, source = time.result(written_at(options.filename))
        snapshot = collector.snapshot()
        progress.step(f"diagnosing: {len(snapshot.pods)} Pods")
        report = diagnose_snapshot(snapshot, now, selection, options.since)
    return Looked(replace(report, time_source=source), snapshot)


def _noting(
    time: "InputTime", progress: terminal.Progress
) -> Callable[[str, Mapping[str, Any]], None]:
    """Return what is told each object of a file: its times count, and it is progress."""
    counts: Counter[str] = Counter()

    def note(kind: str, item: Mapping[str, Any]) -> None:
        time.note(kind, item)
        what = f"{kind}s" if kind in ("Pod", "Event") else "other objects"
        counts[what] += 1
        progress.show(what, counts[what])

    return note


def kubectl_of(options: Options) -> "Kubectl":
    """Return what starts kubectl as the options say."""
    from pod_diagnoser.cli.sources.kubectl import Kubectl  # noqa: PLC0415

    given = {
        "--context": options.context,
        "--kubeconfig": options.kubeconfig,
        "--as": options.as_user,
    }
    named = [f"{name}={value}" for name, value in given.items() if value]
    return Kubectl(options.kubectl, named, options.timeout)
