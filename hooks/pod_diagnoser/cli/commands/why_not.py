"""``kubectl-diagnose why-not POD``: why the operator is silent, or does not replace a Pod."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import click

from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.looking import (
    Options,
    as_of,
    check,
    look,
    what_is_not_found,
    with_source_options,
)
from pod_diagnoser.cli.pod_completion import complete_pods
from pod_diagnoser.cli.renderers.layout import wrap
from pod_diagnoser.cli.why_not import Obstacle, WhyNot, is_written_on, why_not

_MAX_PODS: Final = 20
_LEAST_TEXT: Final = 24


@click.command(name="why-not", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument(
    "targets",
    nargs=-1,
    required=True,
    metavar="POD | TYPE/NAME...",
    shell_complete=complete_pods,
)
@with_source_options
def command(**values: Any) -> None:
    """Say why the operator says nothing of a POD, or does not replace it.

    Each reason is named, with the field of the PodDiagnoser to change.
    """
    options = Options(**values)
    check(options)
    looked = look(options, with_diagnosers=True)
    selection, now = options.selection(), looked.report.now
    pods = [each for each in looked.snapshot.pods if selection.selects(each)]
    for told in (*looked.warnings, *looked.report.missing):
        terminal.say(str(told))
    if as_of_when := as_of(looked.report):
        terminal.say(as_of_when)
    absent = what_is_not_found(options, looked.report)
    if not pods:
        raise CommandError(absent)
    if absent:
        terminal.say(absent)
    width = terminal.width()
    for number, pod in enumerate(pods[:_MAX_PODS]):
        found = why_not(pod, looked.snapshot, now)
        rows = list(_rows(found, is_written=is_written_on(pod)))
        terminal.write_lines([*([""] if number else []), *_wrapped(rows, width)])
    if len(pods) > _MAX_PODS:
        terminal.say(f"{len(pods) - _MAX_PODS} more Pods left out")


def _rows(found: WhyNot, *, is_written: bool) -> Iterator[tuple[int, str]]:
    """Yield the lines of a Pod, each with how far it is indented."""
    if found.claimed_by:
        yield 0, f"Pod {found.pod} is claimed by {found.claimed_by}"
    else:
        yield 0, f"Pod {found.pod} is claimed by no PodDiagnoser, so nothing is told or done"
    yield from _obstacles(found.claim, 2)
    if not found.claimed_by:
        return
    if not found.verdicts:
        yield 2, "nothing is wrong with it, as far as its status and its Events show"
    for verdict in found.verdicts:
        yield 0, ""
        yield 0, verdict.what
        if verdict.silence:
            yield 2, "not told:"
            yield from _obstacles(verdict.silence, 4)
        elif is_written:
            yield 2, "told"
        else:
            yield 2, "to be told, but nothing is written on the Pod: is the operator running?"
        if verdict.remediation:
            yield 2, "not replaced:"
            yield from _obstacles(verdict.remediation, 4)
        else:
            yield 2, "to be replaced: nothing keeps the operator from it"


def _obstacles(obstacles: Sequence[Obstacle], indent: int) -> Iterator[tuple[int, str]]:
    for each in obstacles:
        yield indent, f"- {each.why}"
        if each.change:
            yield indent + 2, f"change: {each.change}"


def _wrapped(rows: Sequence[tuple[int, str]], width: int | None) -> Iterator[str]:
    for indent, text in rows:
        room = None if width is None else max(width - indent, _LEAST_TEXT)
        yield from (f"{' ' * indent}{line}" for line in wrap(text, room))
