"""Configure log lines: JSON, or readable ones at a terminal."""

import logging
import sys
import time
from collections.abc import Callable, Hashable
from typing import Final

import structlog

_STAMPS: Final[list[structlog.typing.Processor]] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


MAX_LINES: Final = 10
"""How many lines of one kind are logged within `LINES_SECONDS`."""

LINES_SECONDS: Final = 60.0


class LineLimit:
    """Limits how many lines of one kind are logged.

    Args:
        monotonic: a clock, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def left_out_before(self, kind: Hashable) -> int | None:
        """Return how many lines were left out before this one; None if it is left out too.

        Args:
            kind: what the line says. There are as many kinds as constant texts.
        """
        now = self._monotonic()
        begun, lines = self._kinds.get(kind, (now, 0))
        if now - begun < LINES_SECONDS:
            self._kinds[kind] = begun, lines + 1
            return 0 if lines < MAX_LINES else None
        self._kinds[kind] = now, 1
        return max(0, lines - MAX_LINES)


def _renderer(form: str) -> structlog.typing.Processor:
    if form == "console" or (form == "auto" and sys.stderr.isatty()):
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer()


def configure_logs(level: str, form: str) -> None:
    """Set up the log, which goes to standard error, and the standard library's log with it.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``json``, ``console``, or ``auto`` for console at a terminal and JSON otherwise.
    """
    structlog.configure(
        processors=[*_STAMPS, _renderer(form)],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(foreign_formatter(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def foreign_formatter(form: str) -> logging.Formatter:
    """Make a formatter that gives other libraries' log lines the form of ours.

    Args:
        form: as for `configure_logs`.

    Returns:
        A formatter of the standard library. An exception is named by its type and its places.
    """
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_STAMPS,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _name_exception,
            _renderer(form),
        ],
    )


def places_of(error: BaseException) -> list[str]:
    """List the places in code through which an error went.

    Args:
        error: what was raised.

    Returns:
        ``module:line``, the outermost first.
    """
    places: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "?")
        places.append(f"{module}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places


def _name_exception(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Say which error it was without its message, which may quote what came from outside."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else None
    if error is not None:
        event["error"] = type(error).__name__
        event["places"] = places_of(error)
    return event
