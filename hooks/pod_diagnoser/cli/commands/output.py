"""``kubectl-diagnose output FILE``: which lines of a crashed program's output say why it ended."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, Final

import click

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.api.text import sanitize, truncate_bytes
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.terminal import write_lines
from pod_diagnoser.diagnosis.output import OutputReading, read_output
from pod_diagnoser.diagnosis.redaction import redact_line

_KEPT_BYTES: Final = 256 * 1024
"""How much of the end of a file is kept: more than the reader uses of it."""

_CHUNK_BYTES: Final = 1024 * 1024

_MAX_SHOWN_BYTES: Final = 1000
"""Bytes of a line that the text form shows."""

_MAX_NAME_BYTES: Final = 200

_SAID_INSTEAD: Final = {
    ReasonClass.NOTHING: "the output does not say why it ended",
    ReasonClass.ASKED_TO_STOP: "it was asked to stop",
}
"""What the text form says where no line of the output has to be shown."""


@click.command(name="output", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", metavar="FILE")
@click.option(
    "-o",
    "--output",
    "output_format",
    type=click.Choice(("text", "json")),
    default="text",
    help="json has the lines exactly as they stand: secrets are not masked. Default: text.",
)
def command(file: str, output_format: str) -> None:
    """Say which lines of a crashed program's output say why it ended.

    FILE is a log; - is standard input:

    kubectl logs --previous app-1 | kubectl-diagnose output -
    """
    try:
        text = read_tail(file).decode(errors="replace")
    except (OSError, ValueError) as error:  # a ValueError for a name with a NUL
        shown = "standard input" if file == "-" else sanitize(file, _MAX_NAME_BYTES)
        why = getattr(error, "strerror", None) or "cannot be read"
        message = f"{shown}: {why}"
        raise CommandError(message) from None
    reading = read_output(text)
    write_lines([as_json(reading) if output_format == "json" else as_text(reading, text)])


def read_tail(name: str) -> bytes:
    """Read the end of a file, in memory that does not depend on its length.

    Args:
        name: of the file; ``-`` is standard input.

    Raises:
        OSError: it cannot be read.
        ValueError: its name holds a NUL.
    """
    with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
        return _tail(file)


def _tail(file: BinaryIO) -> bytes:
    kept = b""
    while chunk := file.read(_CHUNK_BYTES):
        kept = (kept + chunk)[-_KEPT_BYTES:]
    return kept


def as_json(reading: OutputReading) -> str:
    """Return a reading as JSON in ASCII, so that nothing in it can steer a terminal.

    Args:
        reading: what was found. Its lines are printed exactly as they stand: nothing is masked.
    """
    found = {
        "lines": reading.lines,
        "class": reading.reason_class,
        "runtime": reading.runtime,
    }
    return json.dumps(found, indent=2)


def as_text(reading: OutputReading, text: str) -> str:
    """Return a reading for people: its class and runtime, and under it the lines.

    Args:
        reading: what was found. Secrets in its lines are masked.
        text: the output, whose other lines show what is a secret in these.
    """
    runtime = f" ({reading.runtime})" if reading.runtime else ""
    said = _SAID_INSTEAD.get(reading.reason_class)
    head = f"{reading.reason_class}{runtime}" + (f": {said}" if said else "")
    lines = [truncate_bytes(redact_line(text, line), _MAX_SHOWN_BYTES) for line in reading.lines]
    return "\n".join([head, *(f"  {line}" for line in lines)])
