"""Snapshots of files."""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.decoding import DecodingError, decode
from pod_diagnoser.cli.errors import CommandError

MAX_INPUT_BYTES: Final = 128 * 1024 * 1024
"""The most bytes that are read of all files together: some ten thousand Pods."""

_MAX_SHOWN_BYTES: Final = 200
"""How much of the name of a file an error shows."""


def read_files(names: Sequence[str], collector: Collector) -> None:
    """Collect what is in files.

    Args:
        names: their names; ``-`` is standard input.
        collector: what collects it.

    Raises:
        CommandError: one of them is not readable, or all are too long.
    """
    left = MAX_INPUT_BYTES
    for name in names:
        shown = "standard input" if name == "-" else sanitize(name, _MAX_SHOWN_BYTES)
        try:
            content = _read(name, left)
            for value in decode(content):
                collector.add(value)
        except OSError as error:
            message = f"{shown}: {error.strerror or 'cannot be read'}"
            raise CommandError(message) from None
        except ValueError:  # a name with a NUL
            message = f"{shown}: cannot be read"
            raise CommandError(message) from None
        except DecodingError as error:
            message = f"{shown}: {error}"
            raise CommandError(message) from None
        left -= len(content)


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
