"""Field types of the wire models: null, times, numbers and names as Kubernetes sends them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
)
from pydantic_core import core_schema

from pod_diagnoser.api.time import format_time, parse_time, whole_seconds

_T = TypeVar("_T")


class OrNull:
    """Allow a field to be null, and read null as its empty value.

    A validator written in Python would be called for every value; here pydantic reads values by
    itself, and calls Python only for nulls.

    Args:
        empty: makes the empty value.
    """

    def __init__(self, empty: Callable[[], object]) -> None:
        self._empty = empty

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Return how pydantic reads the field."""
        null = core_schema.no_info_after_validator_function(
            lambda _: self._empty(), core_schema.none_schema()
        )
        return core_schema.union_schema([handler(source), null], mode="left_to_right")


def _time(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    return parse_time(value) if isinstance(value, str) else None


Many = Annotated[tuple[_T, ...], OrNull(tuple)]
"""A list that may be null."""

Strings = Annotated[dict[str, str], OrNull(dict)]
"""Labels or annotations, which may be null."""

Text = Annotated[str, OrNull(str)]
"""A string that may be null."""

Time = Annotated[datetime | None, BeforeValidator(_time)]
"""A time that may be missing, null, zero or malformed: all of these are None."""

RequiredTime = Annotated[datetime, BeforeValidator(_time)]
"""A time that is required."""

UNKNOWN_TIME = datetime.min.replace(tzinfo=UTC)
"""Go's zero time, ``0001-01-01T00:00:00Z``: used where the API requires a time and none is known.
Times can be subtracted from it, and compared with it."""


class UnusuallyWrittenTime(datetime):
    """A stored time that is not written as we write times: with an offset or a fraction, say.

    It is given back as it was read, so that a status in which nothing changed is not written again.
    What is calculated from it is an ordinary time.
    """

    text: str | None = None


@lru_cache(maxsize=4096)
def _parse_stored_time(text: str) -> datetime | None:
    """Read a time of a status. Cached, since most syncs read a status that was read before."""
    time = parse_time(text)
    if time is None or format_time(time) == text:
        return time
    unusual = UnusuallyWrittenTime.fromisoformat(time.isoformat())
    unusual.text = text
    return unusual


def _stored_time(value: Any) -> datetime | None:
    if isinstance(value, str):
        return _parse_stored_time(value)
    return whole_seconds(value) if isinstance(value, datetime) else None


def _required_stored_time(value: Any) -> datetime:
    return _stored_time(value) or UNKNOWN_TIME


def _write_time(time: datetime) -> str:
    text = time.text if isinstance(time, UnusuallyWrittenTime) else None
    return text or format_time(time)


_WRITTEN = PlainSerializer(_write_time, return_type=str, when_used="unless-none")

StoredTime = Annotated[datetime | None, PlainValidator(_stored_time), _WRITTEN]
"""A time in whole seconds that is read, and written as ``2006-01-02T15:04:05Z``. One that is null
or malformed is None, and left out when it is written."""

RequiredStoredTime = Annotated[datetime, PlainValidator(_required_stored_time), _WRITTEN]
"""A time as `StoredTime` that the API server requires: one that is null or malformed is
`UNKNOWN_TIME`, since a status without it would be refused."""

Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]
"""A number as wide as the API server keeps exit codes and restart counts."""

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""A number as wide as Go's int64: with a wider one in it, Go cannot decode a response at all."""

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_MAX_NAME = 253

Name = Annotated[str, StringConstraints(pattern=f"^{_SUBDOMAIN}$", max_length=_MAX_NAME)]
"""A DNS-1123 subdomain, as the API server requires of the names of Pods and custom resources.

Source: ``IsDNS1123Subdomain`` in ``staging/src/k8s.io/apimachinery/pkg/util/validation``.
"""

_NAME = re.compile(_SUBDOMAIN)


def is_object_name(text: str) -> bool:
    """Return whether an object can have such a name (`Name`)."""
    return len(text) <= _MAX_NAME and _NAME.fullmatch(text) is not None


Uid = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=128)]
"""An opaque identifier: printable ASCII without spaces."""


class WireModel(BaseModel):
    """A part of an object that is read, never written: immutable, tolerant of unknown fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=False)
