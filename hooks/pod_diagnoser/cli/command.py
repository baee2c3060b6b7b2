"""The command ``kubectl-diagnose``: ``kubectl diagnose`` where it is on the PATH."""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.api.time import parse_time
from pod_diagnoser.cli import output
from pod_diagnoser.cli.decoding import DecodingError, decode
from pod_diagnoser.cli.report import PodDiagnosis, diagnose_snapshot, to_list
from pod_diagnoser.cli.snapshot import Snapshot, take_snapshot

PROGRAM: Final = "kubectl-diagnose"

MAX_INPUT_BYTES: Final = 128 * 1024 * 1024
"""The most bytes that are read of all files together: some ten thousand Pods."""

UNREADABLE: Final = 1
USAGE: Final = 2
"""Exit codes."""

_MAX_SHOWN_BYTES: Final = 200
"""How much of the name of a file, or of a wrong argument, an error shows."""

_DESCRIPTION: Final = (
    "Says why the containers of Pods crashed, or do not start, from the Pods and Events in a file: "
    "kubectl get pods,events -o json | kubectl-diagnose -f -"
)


class InputError(Exception):
    """Input that cannot be read; its message says why, in constant words."""


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with `USAGE`."""
        self.exit(USAGE, f"{self.prog}: {_printable(message)} (see --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line without the program's name; None takes the process's own.

    Returns:
        0, also where nothing is wrong with the Pods; `UNREADABLE` where the input is not readable.

    Raises:
        SystemExit: with `USAGE` for a wrong command line.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if [*arguments[:1]] == [output.NAME]:
        return output.main(arguments[1:])
    parser = _Parser(prog=PROGRAM, description=_DESCRIPTION)
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        required=True,
        metavar="FILE",
        help="a file of JSON or YAML with Pods and Events; - is standard input; may be repeated",
    )
    parser.add_argument(
        "-o", "--output", choices=("text", "json"), default="text", help="default: text"
    )
    parser.add_argument(
        "--now",
        type=_time,
        metavar="TIME",
        help="when the Pods were like that, as 2006-01-02T15:04:05Z; default: now",
    )
    options = parser.parse_args(arguments)
    try:
        snapshot = _read_files(options.filename)
        diagnoses = list(diagnose_snapshot(snapshot, options.now or datetime.now(UTC)))
        _write(_as_json(diagnoses) if options.output == "json" else _as_text(diagnoses))
    except InputError as error:
        _say(str(error))
        return UNREADABLE
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREADABLE
    _report(snapshot, len(diagnoses), as_text=options.output == "text")
    return UNREADABLE if snapshot.unreadable and not snapshot.pods else 0


def _report(snapshot: Snapshot, found: int, *, as_text: bool) -> None:
    """Say what the output does not show."""
    if snapshot.unreadable:
        _say(f"objects that no API server writes, left out: {snapshot.unreadable}")
    if not snapshot.pods:
        _say("no Pods in the input")
    elif not found and as_text:
        _say(f"nothing found in {len(snapshot.pods)} Pod{'s' * (len(snapshot.pods) != 1)}")


def _say(message: str) -> None:
    sys.stderr.write(f"{PROGRAM}: {message}\n")


_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[-+][0-9]{2}:[0-9]{2})"
)


def _time(text: str) -> datetime:
    """Read a time of the command line.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    time = parse_time(text.upper()) if _RFC_3339.fullmatch(text) else None
    if time is None:
        message = "not a time like 2006-01-02T15:04:05Z"
        raise argparse.ArgumentTypeError(message)
    return time


def _read_files(names: Sequence[str]) -> Snapshot:
    """Read files.

    Raises:
        InputError: one of them is not readable, or all are too long.
    """
    documents: list[Any] = []
    left = MAX_INPUT_BYTES
    for name in names:
        shown = "standard input" if name == "-" else _printable(name)
        try:
            content = _read(name, left)
            documents += decode(content)
        except OSError as error:
            message = f"{shown}: {error.strerror or 'cannot be read'}"
            raise InputError(message) from None
        except ValueError:  # a name with a NUL
            message = f"{shown}: cannot be read"
            raise InputError(message) from None
        except DecodingError as error:
            message = f"{shown}: {error}"
            raise InputError(message) from None
        left -= len(content)
    return take_snapshot(documents)


def _read(name: str, limit: int) -> bytes:
    """Read a file.

    Raises:
        OSError: it cannot be read.
        DecodingError: it is longer than the limit.
    """
    with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
        content: bytes = file.read(limit + 1)
    if len(content) > limit:
        message = "too long: more than 128 MiB in all"
        raise DecodingError(message)
    return content


def _as_json(diagnoses: Sequence[PodDiagnosis]) -> str:
    return json.dumps(to_list(diagnoses), ensure_ascii=False, indent=2)


def _as_text(diagnoses: Sequence[PodDiagnosis]) -> str:
    """Return a paragraph for each diagnosis: of what, and its lines."""
    return "\n\n".join("\n".join(_paragraph(each)) for each in diagnoses)


def _paragraph(shown: PodDiagnosis) -> Iterator[str]:
    symptom, lines = shown.diagnosis.symptom, shown.statement
    container = f", {symptom.container_kind} {symptom.container}" if symptom.container else ""
    yield f"{symptom.namespace}/{symptom.pod}{container}: {shown.diagnosis.cause}"
    yield f"  {lines.diagnosis}"
    if lines.evidence:
        yield f"  Evidence: {lines.evidence}"
    if lines.next_step:
        yield f"  Next: {lines.next_step}"


def _write(text: str) -> None:
    """Write to standard output, in UTF-8 whatever the locale, as kubectl does."""
    if text:
        sys.stdout.buffer.write(text.encode() + b"\n")
        sys.stdout.buffer.flush()


def _printable(text: str) -> str:
    return sanitize(text, _MAX_SHOWN_BYTES)
