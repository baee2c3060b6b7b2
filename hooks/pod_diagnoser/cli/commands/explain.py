"""``kubectl-diagnose explain CAUSE``: what a cause means, when it is named, and what to do."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import click
from click.shell_completion import CompletionItem

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli import terminal
from pod_diagnoser.cli.cause_texts import CauseText, find_cause_texts, kind_of
from pod_diagnoser.cli.class_texts import CLASS_TEXTS, find_class
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.renderers.layout import wrap

_MAX_SHOWN_BYTES = 100
_INDENT = "  "


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a cause or a class, in upper or lower case."""
    begun = incomplete.lower()
    names = [each.value for each in (*Cause, *ReasonClass)]
    return [CompletionItem(each) for each in names if each.lower().startswith(begun)]


@click.command(name="explain", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("cause", shell_complete=_complete)
def command(cause: str) -> None:
    """Explain a CAUSE: when it is named, what is said then, and what to do next.

    A reason of the kubelet's, an exit code, or the class of what a container said will do too:
    explain OOMKilled, explain 137, explain MissingConfiguration.
    """
    found = find_cause_texts(cause)
    reason_class = find_class(cause)
    if reason_class is not None and not found:
        terminal.write_lines(_lines_of_class(reason_class, terminal.width()))
        return
    if not found:
        raise CommandError(_unknown(cause))
    terminal.write_lines(_lines(found, terminal.width()))


def _unknown(cause: str) -> str:
    by_name = {each.value.lower(): each.value for each in Cause}
    near = [by_name[name] for name in get_close_matches(cause.lower()[:_MAX_SHOWN_BYTES], by_name)]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    asked = sanitize(cause, _MAX_SHOWN_BYTES)
    return f"{asked}: no such cause.{hint} List them: {terminal.program_name()} causes"


def _lines_of_class(reason_class: ReasonClass, width: int | None) -> Iterator[str]:
    head = f"{reason_class.value}: a class of reasons, read from the container's own output"
    text = f"{CLASS_TEXTS[reason_class]}. A hint beside the cause, and no proof."
    yield from wrap(head, width)
    yield ""
    yield from wrap(f"{_INDENT}Means:    {text}", width)


def _lines(texts: Sequence[CauseText], width: int | None) -> Iterator[str]:
    cause = None
    for text in texts:
        if text.cause is not cause:
            if cause is not None:
                yield ""
            yield from wrap(f"{text.cause.value}: {kind_of(text.cause)}", width)
        cause = text.cause
        yield ""
        yield from _part("When", text.when, width)
        yield from _part("Says", text.example, width)
        yield from _part("Next", text.next_step, width)
        yield from _part("Source", text.source, width)


def _part(label: str, text: str, width: int | None) -> Iterator[str]:
    column = f"{label}:".ljust(10)
    room = None if width is None else max(width - len(column) - len(_INDENT), len(column))
    for row in wrap(text, room) if text else ():
        yield f"{_INDENT}{column}{row}"
        column = " " * len(column)
