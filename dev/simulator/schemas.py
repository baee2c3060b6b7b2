"""Structural schemas of custom resources: pruning, defaulting and validation.

What k8s.io/apiextensions-apiserver does between reading an object and storing it, for the
keywords that our CRDs use or may come to use. Messages follow its wording.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Self

from dev.simulator.cel import compile_pattern, compile_rule
from dev.simulator.objects import Object, copy

Cause = tuple[str, str, str]
"""Reason, message and field of a broken rule, as in a Status object's causes."""

_KNOWN = frozenset(
    [
        "additionalProperties",
        "default",
        "description",
        "enum",
        "example",
        "externalDocs",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "nullable",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    ]
)
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: type(value) is dict,
    "array": lambda value: type(value) is list,
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int or (type(value) is float and value.is_integer()),
    "number": lambda value: type(value) in {int, float},
}
_INT_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_REASONS = {"FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"}
_BLOCKING = {
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
}
_NOT_CHECKED: Cause = (
    "FieldValueInvalid",
    (
        "Invalid value: null: some validation rules were not checked because the object was "
        "invalid; correct the existing errors to complete validation"
    ),
    "<nil>",
)
"""What comes instead of the broken rules in CEL (registry/customresource/strategy.go)."""
_DATE_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})\Z")


@dataclass(frozen=True)
class _Rule:
    """A rule of x-kubernetes-validations."""

    holds: Callable[[Any], bool]
    message: str
    reason: str


@dataclass(frozen=True)
class Schema:
    """A node of a structural schema.

    Attributes:
        raw: the node as it stands in the CRD.
        properties: schemas of the named fields.
        additional: schema of the values of a map, or None.
        items: schema of the items of a list, or None.
    """

    raw: Object
    properties: dict[str, "Schema"] = field(default_factory=dict)
    additional: "Schema | None" = None
    items: "Schema | None" = None
    _rules: tuple[_Rule, ...] = ()

    @classmethod
    def read(cls, raw: Object) -> Self:
        """Read a node of openAPIV3Schema.

        Raises:
            ValueError: it uses a keyword that the simulator does not know.
        """
        if unknown := set(raw) - _KNOWN:
            msg = f"schema keywords that the simulator does not know: {sorted(unknown)}"
            raise ValueError(msg)
        additional = raw.get("additionalProperties")
        return cls(
            raw,
            {name: cls.read(node) for name, node in (raw.get("properties") or {}).items()},
            cls.read(additional) if isinstance(additional, dict) else None,
            cls.read(raw["items"]) if "items" in raw else None,
            tuple(_read_rule(rule) for rule in raw.get("x-kubernetes-validations") or ()),
        )

    @property
    def keeps_unknown(self) -> bool:
        """Whether fields that the schema does not name are kept."""
        raw = self.raw
        return bool(
            raw.get("x-kubernetes-preserve-unknown-fields")
            or raw.get("additionalProperties") is True
        )

    @property
    def drops_null(self) -> bool:
        """Whether a null in its place is dropped (defaulting/prunenulls.go)."""
        return not self.raw.get("nullable") and "default" not in self.raw

    def prune(self, value: Any) -> None:
        """Drop, in place, the fields that the schema does not know, and nulls that it forbids."""
        if isinstance(value, dict):
            for name, item in list(value.items()):
                schema = self.properties.get(name, self.additional)
                if schema is None:
                    if not self.keeps_unknown:
                        del value[name]
                elif item is None and schema.drops_null:
                    del value[name]
                else:
                    schema.prune(item)
        elif isinstance(value, list) and self.items is not None:
            for item in value:
                self.items.prune(item)

    def default(self, value: Any) -> None:
        """Fill in defaults in place; a null where none is allowed is replaced by the default."""
        if isinstance(value, dict):
            for name, schema in self.properties.items():
                if "default" not in schema.raw:
                    continue
                nullable = schema.raw.get("nullable")
                if name not in value or (value[name] is None and not nullable):
                    value[name] = copy(schema.raw["default"])
            for name, item in value.items():
                schema_of_item = self.properties.get(name, self.additional)
                if schema_of_item is not None:
                    schema_of_item.default(item)
        elif isinstance(value, list) and self.items is not None:
            for item in value:
                self.items.default(item)

    def validate(self, value: Any, path: str = "", subresource: str = "") -> list[Cause]:
        """Check a value.

        Rules in CEL are looked at only where nothing is missing, of a wrong type or too long.

        Args:
            value: JSON, pruned and defaulted.
            path: where it stands, such as "spec.targetLabels".
            subresource: the part that is written, if it is not the whole: no other is checked, and
                messages name what is wrong as seen from there.

        Returns:
            All rules it breaks.
        """
        if subresource:
            inner = self.properties.get(subresource)
            causes = [
                (reason, message, f"{subresource}.{place}" if place else subresource)
                for reason, message, place in (
                    inner.violations(value[subresource], "")
                    if inner is not None and subresource in value
                    else ()
                )
            ]
        else:
            causes = list(self.violations(value, path))
        if self.has_rules:
            if any(reason in _BLOCKING for reason, _, _ in causes):
                return [*causes, _NOT_CHECKED]
            causes += self.broken_rules(value, path)
        return causes

    @cached_property
    def has_rules(self) -> bool:
        """Whether there is a rule in CEL for it or anything in it."""
        inner = (*self.properties.values(), self.additional, self.items)
        return bool(self._rules) or any(one is not None and one.has_rules for one in inner)

    def broken_rules(self, value: Any, path: str) -> Iterator[Cause]:
        """Yield the rules in CEL that a value breaks."""
        for rule in self._rules:
            if not rule.holds(value):
                yield (rule.reason, f"Invalid value: {_type_of(value)}: {rule.message}", path)
        if isinstance(value, dict):
            for name, item in value.items():
                schema = self.properties.get(name, self.additional)
                if schema is not None and schema.has_rules:
                    yield from schema.broken_rules(item, _join(path, name))
        elif isinstance(value, list) and self.items is not None and self.items.has_rules:
            for index, item in enumerate(value):
                yield from self.items.broken_rules(item, f"{path}[{index}]")

    def violations(self, value: Any, path: str) -> Iterator[Cause]:
        """Yield what is wrong with a value by the keywords of the schema."""
        raw = self.raw
        if value is None and raw.get("nullable"):
            return
        if wrong := self._wrong_type(value):
            kind = _kind_of(value)
            text = f'"{kind}": {path or "<nil>"} in body must be of type {wrong}: "{kind}"'
            yield ("FieldValueTypeInvalid", f"Invalid value: {text}", path)
            return
        if "enum" in raw and value not in raw["enum"]:
            supported = ", ".join(_shown(choice) for choice in raw["enum"])
            yield (
                "FieldValueNotSupported",
                f"Unsupported value: {_shown(value)}: supported values: {supported}",
                path,
            )
        check = self._checks.get(type(value))
        if check is not None:
            yield from check(self, value, path)

    def _wrong_type(self, value: Any) -> str | None:
        if self.raw.get("x-kubernetes-int-or-string"):
            return None if type(value) in {int, str} else "integer,string"
        expected = self.raw.get("type")
        if expected is None or _TYPES[expected](value):
            return None
        return str(expected)

    def _check_string(self, value: str, path: str) -> Iterator[Cause]:
        raw = self.raw
        if len(value) > raw.get("maxLength", len(value)):
            yield _broken(path, "Too long", f"may not be more than {raw['maxLength']} bytes")
        if len(value) < raw.get("minLength", 0):
            minimum = raw["minLength"]
            text = f"{path} in body should be at least {minimum} chars long"
            yield _invalid(path, f"{_shown(value)}: {text}")
        if "pattern" in raw and not compile_pattern(raw["pattern"]).search(value):
            text = f"{path} in body should match '{raw['pattern']}'"
            yield _invalid(path, f"{_shown(value)}: {text}")
        if raw.get("format") == "date-time" and not _is_date_time(value):
            text = f"{path} in body must be of type date-time"
            yield _invalid(path, f"{_shown(value)}: {text}")

    def _check_number(self, value: float, path: str) -> Iterator[Cause]:
        raw = self.raw
        low, high = _INT_RANGES.get(raw.get("format", ""), (value, value))
        if not max(low, raw.get("minimum", low)) <= value:
            least = max(low, raw.get("minimum", low))
            text = f"{path} in body should be greater than or equal to {least}"
            yield _invalid(path, f"{_shown(value)}: {text}")
        if not value <= min(high, raw.get("maximum", high)):
            most = min(high, raw.get("maximum", high))
            text = f"{path} in body should be less than or equal to {most}"
            yield _invalid(path, f"{_shown(value)}: {text}")

    def _check_list(self, value: list[Any], path: str) -> Iterator[Cause]:
        raw = self.raw
        if len(value) > raw.get("maxItems", len(value)):
            yield _broken(
                path, f"Too many: {len(value)}", f"must have at most {raw['maxItems']} items"
            )
        if len(value) < raw.get("minItems", 0):
            text = f"{path} in body should have at least {raw['minItems']} items"
            yield _invalid(path, f"{len(value)}: {text}")
        keys = _list_keys(raw, value)
        for index, item in enumerate(value):
            if keys and keys[index] in keys[:index]:
                yield (
                    "FieldValueDuplicate",
                    f"Duplicate value: {_shown(item)}",
                    f"{path}[{index}]",
                )
            if self.items is not None:
                yield from self.items.violations(item, f"{path}[{index}]")

    def _check_object(self, value: Object, path: str) -> Iterator[Cause]:
        raw = self.raw
        for name in raw.get("required") or ():
            if name not in value:
                yield ("FieldValueRequired", "Required value", _join(path, name))
        if len(value) > raw.get("maxProperties", len(value)):
            limit = raw["maxProperties"]
            yield _broken(path, f"Too many: {len(value)}", f"must have at most {limit} items")
        if len(value) < raw.get("minProperties", 0):
            text = f"{path} in body should have at least {raw['minProperties']} properties"
            yield _invalid(path, f"{len(value)}: {text}")
        for name, item in value.items():
            schema = self.properties.get(name, self.additional)
            if schema is not None:
                yield from schema.violations(item, _join(path, name))

    _checks: ClassVar[dict[type, Callable[..., Iterator[Cause]]]] = {
        str: _check_string,
        int: _check_number,
        float: _check_number,
        list: _check_list,
        dict: _check_object,
    }


def _read_rule(raw: Object) -> _Rule:
    reason = raw.get("reason", "FieldValueInvalid")
    if reason not in _REASONS:
        msg = f"unknown reason of a validation rule: {reason}"
        raise ValueError(msg)
    message = raw.get("message") or f"failed rule: {raw['rule']}"
    return _Rule(compile_rule(raw["rule"]), message, reason)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _broken(path: str, what: str, rule: str) -> Cause:
    reason = "FieldValueTooLong" if what == "Too long" else "FieldValueTooMany"
    return (reason, f"{what}: {rule}", path)


def _invalid(path: str, text: str) -> Cause:
    return ("FieldValueInvalid", f"Invalid value: {text}", path)


def _type_of(value: Any) -> str:
    if isinstance(value, str):
        return _shown(value)
    return f'"{_kind_of(value)}"'


def _kind_of(value: Any) -> str:
    return next((name for name, check in _TYPES.items() if check(value)), "null")


def _shown(value: Any) -> str:
    if value is None:
        return '"null"'
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return _type_of(value)
    return str(value)


def _is_date_time(text: str) -> bool:
    if not _DATE_TIME.match(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _list_keys(raw: Object, value: list[Any]) -> list[Any]:
    kind = raw.get("x-kubernetes-list-type")
    if kind == "set":
        return value
    if kind == "map" and all(isinstance(item, dict) for item in value):
        names = raw["x-kubernetes-list-map-keys"]
        return [[item.get(name) for name in names] for item in value]
    return []
