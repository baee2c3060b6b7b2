"""Field types of the wire models: null, times, numbers and names as Kubernetes sends them."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    StringConstraints,
)
from pydantic_core import core_schema

from pod_diagnoser.api.time import parse_time

_T = TypeVar("_T")


class OrNull:
    """Lets a field be null, and reads null as its empty value.

    A validator written in Python would be called for every value; here pydantic reads what is there
    by itself, and Python is asked for nulls alone.

    Args:
        empty: makes the empty value.
    """

    def __init__(self, empty: Callable[[], object]) -> None:
        self._empty = empty

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Tell pydantic how to read the field."""
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
"""A time that has to be one."""

Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]
"""A number as wide as the API server keeps exit codes and restart counts."""

Int64 = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""A number as wide as Go reads it back: a wider one in an answer makes all of it unreadable."""

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_MAX_NAME = 253

Name = Annotated[str, StringConstraints(pattern=f"^{_SUBDOMAIN}$", max_length=_MAX_NAME)]
"""A DNS-1123 subdomain, as the API server requires of the names of Pods and custom resources.

Source: ``IsDNS1123Subdomain`` in ``staging/src/k8s.io/apimachinery/pkg/util/validation``.
"""

_NAME = re.compile(_SUBDOMAIN)


def is_object_name(text: str) -> bool:
    """Tell whether an object can have a name (`Name`).

    Args:
        text: any text.

    Returns:
        Whether it can.
    """
    return len(text) <= _MAX_NAME and _NAME.fullmatch(text) is not None


Uid = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=128)]
"""An opaque identifier: printable ASCII without spaces."""


class WireModel(BaseModel):
    """A part of an object that is read, never written: immutable, tolerant of unknown fields."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=False)
