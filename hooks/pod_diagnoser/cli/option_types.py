"""Types of options: times and durations."""

import re
from datetime import datetime, timedelta
from typing import Any, Final

import click

from pod_diagnoser.api.time import parse_time

_RFC_3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[-+][0-9]{2}:[0-9]{2})"
)

_DURATION: Final = re.compile(
    r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?"
)


class TimeType(click.ParamType[datetime]):
    """A time, in RFC 3339."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read it."""
        text = str(value)
        time = parse_time(text.upper()) if _RFC_3339.fullmatch(text) else None
        if time is None:
            self.fail("not a time such as 2026-11-23T10:00:00Z", param, ctx)
        return time


class DurationType(click.ParamType[timedelta]):
    """A duration, as kubectl takes them: ``90s``, ``10m``, ``1h30m``, ``2d``."""

    name = "DURATION"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Read it."""
        found = _DURATION.fullmatch(str(value))
        if found is None or not any(found.groups()):
            self.fail("not a duration such as 90s, 10m or 1h30m", param, ctx)
        days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
