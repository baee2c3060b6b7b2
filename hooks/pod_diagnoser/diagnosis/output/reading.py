"""What a reading of a program's output is. Pure."""

from dataclasses import dataclass
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass

MAX_LINES: Final = 3
"""How many lines a reading quotes at most."""


@dataclass(frozen=True, slots=True)
class OutputReading:
    """Why a program ended, in its own words.

    Attributes:
        lines: what it said, best first, each exactly as it stands in the output; neither masked
            nor shortened nor safe to print. None where the output does not explain the end.
        reason_class: what kind of reason that is.
        runtime: the language or the server that wrote it, such as ``python``; empty if unknown.
    """

    lines: tuple[str, ...]
    reason_class: ReasonClass
    runtime: str = ""


NOTHING_READ: Final = OutputReading((), ReasonClass.NOTHING)
"""The output does not explain the end."""
