"""How a drill ends when it is told to: it takes away what it made, and then ends."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NoReturn

_ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Windows has no SIGHUP."""

_ALL: Final = (signal.SIGINT, *_ENDING)


class EndedError(KeyboardInterrupt):
    """A signal asked the process to end, as Ctrl-C does.

    Attributes:
        exit_code: as shells have it.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def _end(number: int, _: FrameType | None) -> NoReturn:
    raise EndedError(number)


@contextmanager
def signals_raise() -> Iterator[None]:
    """Raise `EndedError` where the process is asked to end."""
    with _handled(dict.fromkeys(_ENDING, _end)):
        yield


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Let no signal end what is done, nor the programs that are started meanwhile."""
    with _handled(dict.fromkeys(_ALL, signal.SIG_IGN)):
        yield


@contextmanager
def _handled(handlers: dict[signal.Signals, Any]) -> Iterator[None]:
    former = {number: signal.signal(number, how) for number, how in handlers.items()}
    try:
        yield
    finally:
        for number, how in former.items():
            signal.signal(number, how)
