"""``kubectl-diagnose output FILE``: which lines of a crashed program's output say why it ended."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.output import OutputReading, read_output
from pod_diagnoser.diagnosis.redaction import redact_head

NAME: Final = "output"

_PROGRAM: Final = "kubectl-diagnose output"

_KEPT_BYTES: Final = 256 * 1024
"""How much of the end of a file is kept: more than the reader uses of it."""

_CHUNK_BYTES: Final = 1024 * 1024

_MAX_SHOWN_BYTES: Final = 1000
"""Bytes of a line that the text form shows."""

_MAX_NAME_BYTES: Final = 200

_UNREADABLE: Final = 1

_SAID_INSTEAD: Final = {
    ReasonClass.NOTHING: "the output does not explain it",
    ReasonClass.ASKED_TO_STOP: "it was asked to stop",
}
"""What the text form says where no line of the output has to be shown."""


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: what follows ``output`` on the command line.

    Returns:
        0, also where the output explains nothing; 1 where the file cannot be read.

    Raises:
        SystemExit: with 2 for a wrong command line.
    """
    options = _parser().parse_args(arguments)
    try:
        text = read_tail(options.file).decode(errors="replace")
    except (OSError, ValueError) as error:  # a ValueError for a name with a NUL
        shown = "standard input" if options.file == "-" else sanitize(options.file, _MAX_NAME_BYTES)
        why = getattr(error, "strerror", None) or "cannot be read"
        sys.stderr.write(f"{_PROGRAM}: {shown}: {why}\n")
        return _UNREADABLE
    reading = read_output(text)
    shown = as_json(reading) if options.output == "json" else as_text(reading)
    try:
        sys.stdout.buffer.write(shown.encode() + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _UNREADABLE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Says which lines of a crashed program's output say why it ended, from a "
        "file: kubectl logs --previous app-1 | kubectl-diagnose output -",
    )
    parser.add_argument("file", metavar="FILE", help="a log; - is standard input")
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="default: text"
    )
    return parser


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


def as_text(reading: OutputReading) -> str:
    """Return a reading for people: its class and runtime, and under it the lines.

    Args:
        reading: what was found. Secrets in its lines are masked.
    """
    runtime = f" ({reading.runtime})" if reading.runtime else ""
    said = _SAID_INSTEAD.get(reading.reason_class)
    head = f"{reading.reason_class}{runtime}" + (f": {said}" if said else "")
    lines = [redact_head(line, _MAX_SHOWN_BYTES) for line in reading.lines]
    return "\n".join([head, *(f"  {line}" for line in lines)])
