"""``kubectl diagnose drill``: does the alerting of crashes work?"""

from datetime import timedelta
from typing import Any, Final

import click

from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.drill.alerts import is_place
from pod_diagnoser.cli.drill.cluster import DrillCluster
from pod_diagnoser.cli.drill.rendering import Lines, as_json, summary
from pod_diagnoser.cli.drill.report import Check, State
from pod_diagnoser.cli.drill.run import Drill, Settings
from pod_diagnoser.cli.drill.signals import EndedError, signals_raise
from pod_diagnoser.cli.drill.taking_away import TakingAway
from pod_diagnoser.cli.drill.workloads import IMAGE
from pod_diagnoser.cli.errors import FAILED, FOUND
from pod_diagnoser.cli.looking import Options, kubectl_of, with_kubectl_options
from pod_diagnoser.cli.option_types import DurationType

_MAX_WAIT: Final = timedelta(hours=1)
_SOURCE: Final = ("context", "kubeconfig", "as_user", "kubectl", "timeout")


@click.command(
    name="drill",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@with_kubectl_options
@click.option(
    "--image",
    default=IMAGE,
    show_default=True,
    help="An image with sh, sleep and tail.",
)
@click.option(
    "--wait",
    type=DurationType(),
    default="60s",
    metavar="DURATION",
    help="How long to wait for each crash, and then for what follows from it; default: 60s.",
)
@click.option(
    "--prometheus",
    default="",
    metavar="URL | NAMESPACE/SERVICE:PORT",
    help="Whether this Prometheus has loaded the rules.",
)
@click.option(
    "--wait-for-alert",
    type=DurationType(),
    default="0s",
    metavar="DURATION",
    help="Wait so long for the alerts themselves, with --prometheus: some take ten minutes.",
)
@click.option("--keep", is_flag=True, help="Leave the namespace, to look at it.")
@click.option(
    "--clean", is_flag=True, help="Take away what drills have left or kept, and do nothing else."
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(("text", "json")),
    default="text",
    help="Default: text, line by line.",
)
@click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    help="Colours; default: at a terminal, unless NO_COLOR is set.",
)
def command(**values: Any) -> int:
    """Have Pods crash on purpose, and check whatever should tell of it.

    Five workloads in a namespace of their own crash in five ways. Annotations, Events, status,
    metrics and alerts are checked one by one; then all is taken away. Nothing else is touched. It
    takes about a minute, and the right to create and delete namespaces.

    Exits with 0 if all works, 1 if something does not, 2 if nothing could be checked.
    """
    options = Options(**{name: values[name] for name in _SOURCE})
    cluster = DrillCluster(kubectl_of(options))
    if values["clean"]:
        return _clean(cluster)
    settings = _settings(values)
    lines = Lines(terminal.width(), colour=terminal.colour(values["color"]))
    as_text = values["output"] == "text"
    try:
        with signals_raise(), terminal.Progress() as progress:

            def tell(check: Check) -> None:
                progress.clear()
                if as_text:
                    terminal.write_lines(lines.of(check))

            report = Drill(cluster, settings, tell, progress.step).run()
    except EndedError as ended:
        return ended.exit_code
    terminal.write_lines(["", summary(report)] if as_text else [as_json(report)])
    if report.kept:
        terminal.say(
            f"namespace {report.namespace} is kept; take it away: "
            f"{terminal.program_name()} drill --clean"
        )
    return FOUND if report.failed else 0


def _settings(values: dict[str, Any]) -> Settings:
    """Check the options.

    Raises:
        click.UsageError: they contradict each other.
    """
    prometheus, wait_for_alert = values["prometheus"], values["wait_for_alert"]
    if prometheus and not is_place(prometheus):
        message = "--prometheus takes a URL, or NAMESPACE/SERVICE:PORT"
        raise click.UsageError(message)
    if wait_for_alert and not prometheus:
        message = "--wait-for-alert needs --prometheus"
        raise click.UsageError(message)
    if not timedelta() < values["wait"] <= _MAX_WAIT or wait_for_alert > _MAX_WAIT:
        message = "--wait and --wait-for-alert take an hour at most"
        raise click.UsageError(message)
    return Settings(values["image"], values["wait"], wait_for_alert, prometheus, values["keep"])


def _clean(cluster: DrillCluster) -> int:
    """Take away what drills have left or kept."""
    told: list[Check] = []
    lines = Lines(terminal.width(), colour=False)
    found = TakingAway(cluster, told.append).take_away_left_overs(all_of_them=True)
    terminal.write_lines(line for check in told for line in lines.of(check))
    if any(each.state is State.NOT_CHECKED for each in told):
        return FAILED
    if not found:
        terminal.say("nothing is left of any drill")
    return FOUND if any(each.state is State.FAILED for each in told) else 0
