"""Wait for what a picture is to show, and say what is not at hand."""

import time
from collections.abc import Callable

PATIENCE = 60.0


class MissingError(Exception):
    """A program is not at hand; the message says which."""


def have(**programs: object) -> None:
    """Check that something is at hand.

    Raises:
        MissingError: what is not.
    """
    if missing := [name for name, found in programs.items() if not found]:
        raise MissingError(", ".join(missing))


def until(
    so: Callable[[], object], what: str, patience: float = PATIENCE, pause: float = 0.2
) -> None:
    """Wait.

    Args:
        so: whether it is so.
        what: it, in words.
        patience: seconds.
        pause: seconds between two looks.

    Raises:
        TimeoutError: in vain.
    """
    deadline = time.monotonic() + patience
    while not so():
        if time.monotonic() > deadline:
            msg = f"not within {patience:.0f} s: {what}"
            raise TimeoutError(msg)
        time.sleep(pause)
