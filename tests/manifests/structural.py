"""A strict check of a value against a CRD's schema, as far as our schemas go.

The API server's is the one that counts (``tests/e2e``); this one needs no server. It knows no CEL:
what a rule says has its tests there. A keyword that it does not know is an error.
"""

import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
}
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
KEYWORDS = frozenset(
    {
        "type",
        "format",
        "description",
        "default",
        "nullable",
        "enum",
        "pattern",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "maxProperties",
        "items",
        "required",
        "properties",
        "additionalProperties",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-validations",
    }
)


def problems(schema: dict[str, Any], value: Any, path: str = "") -> Iterator[str]:
    """Check a value.

    Args:
        schema: A node of an openAPIV3Schema.
        value: what YAML gave.
        path: where the value is.

    Yields:
        What is wrong, each with its path.

    Raises:
        ValueError: the schema has a keyword that this check does not know.
    """
    if unknown := schema.keys() - KEYWORDS:
        message = f"{path}: keywords {sorted(unknown)}"
        raise ValueError(message)
    if value is None and schema.get("nullable"):
        return
    kind = schema["type"]
    if not isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, bool)):
        yield f"{path}: must be {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: unsupported value {value!r}"
    if isinstance(value, dict):
        yield from _object(schema, value, path)
    elif isinstance(value, list):
        yield from _array(schema, value, path)
    elif isinstance(value, str):
        yield from _string(schema, value, path)
    elif value < schema.get("minimum", value):
        yield f"{path}: too small"
    elif value > schema.get("maximum", value):
        yield f"{path}: too large"


def defaulted(schema: dict[str, Any], value: Any) -> Any:
    """Fill in defaults, those within defaults included.

    Args:
        schema: A node of an openAPIV3Schema.
        value: what YAML gave; it stays as it is.

    Returns:
        What the API server would store.
    """
    if not isinstance(value, dict):
        return value
    filled = {
        name: node["default"]
        for name, node in schema.get("properties", {}).items()
        if "default" in node
    }
    return {
        name: defaulted(schema.get("properties", {}).get(name, {}), part)
        for name, part in (filled | value).items()
    }


def _object(schema: dict[str, Any], value: dict[str, Any], path: str) -> Iterator[str]:
    for name in schema.get("required", []):
        if name not in value:
            yield f"{path}.{name}: required"
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"{path}: too many"
    for name, part in value.items():
        inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
        if inner is None:
            yield f"{path}.{name}: unknown field"
        else:
            yield from problems(inner, part, f"{path}.{name}")


def _array(schema: dict[str, Any], value: list[Any], path: str) -> Iterator[str]:
    if len(value) > schema.get("maxItems", len(value)):
        yield f"{path}: too many"
    if len(value) < schema.get("minItems", 0):
        yield f"{path}: too few"
    if schema.get("x-kubernetes-list-type") == "set" and len(set(value)) < len(value):
        yield f"{path}: duplicate value"
    keys = schema.get("x-kubernetes-list-map-keys")
    if keys and len({tuple(part.get(key) for key in keys) for part in value}) < len(value):
        yield f"{path}: duplicate {keys}"
    for number, part in enumerate(value):
        yield from problems(schema["items"], part, f"{path}[{number}]")


def _string(schema: dict[str, Any], value: str, path: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{path}: too short or too long"
    if "pattern" in schema and not re.search(schema["pattern"].replace("$", r"\Z"), value):
        yield f"{path}: does not match {schema['pattern']}"
    if schema.get("format") == "date-time" and not _DATE_TIME.fullmatch(value):
        yield f"{path}: not a time"
