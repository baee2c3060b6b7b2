"""Reading a hook's answer as strictly as Metacontroller does for hook version v2.

Source: pkg/hooks/webhook.go, which reads with sigs.k8s.io/json's UnmarshalStrict: keys are case
sensitive, unknown and duplicate ones are errors; a value of another type is an error in any mode.
The wording of the errors is Go's, since it ends up in the SyncError Event.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dev.simulator.gojson import dumps
from dev.simulator.objects import Object


class UnreadableAnswerError(Exception):
    """The answer is not what Metacontroller can read."""


class CrashError(Exception):
    """The real Metacontroller crashes on this answer, and so does the simulation."""


@dataclass(frozen=True)
class SyncResponse:
    """The answer of a sync hook.

    Attributes:
        labels: to set, or with None to delete.
        annotations: to set, or with None to delete.
        status: the whole status; None leaves the stored one.
        attachments: all objects that should exist.
        resync_after: seconds, 0 for none.
    """

    labels: dict[str, str | None] = field(default_factory=dict)
    annotations: dict[str, str | None] = field(default_factory=dict)
    status: Object | None = None
    attachments: list[Object] = field(default_factory=list)
    resync_after: float = 0.0


@dataclass(frozen=True)
class RelatedRule:
    """A rule of a customize answer.

    Attributes:
        api_version: of the related kind.
        resource: its plural name.
        label_selector: metav1.LabelSelector or None.
        namespace_selector: metav1.LabelSelector or None.
        namespace: "" for none.
        names: empty for none.
    """

    api_version: str
    resource: str
    label_selector: Object | None = None
    namespace_selector: Object | None = None
    namespace: str = ""
    names: tuple[str, ...] = ()


Reader = Callable[["_Document", Any, str, str], Any]
"""Reads a value: the document, the value, its path, and the path that type errors name."""


def read_sync_answer(body: bytes) -> SyncResponse:
    """Read the answer of a sync hook.

    Raises:
        UnreadableAnswerError: it cannot be read.
        CrashError: there is a null among the attachments, at which the real one takes it for an
            object (controller/common/api/v2/common.go, Insert).
    """
    fields = _Document(body, "sync", "DecoratorHookResponse").read(
        {
            "labels": _nullable_strings,
            "annotations": _nullable_strings,
            "status": _any_map,
            "attachments": _objects,
            "resyncAfterSeconds": _number,
            "finalized": _boolean,
        }
    )
    if None in (fields.get("attachments") or ()):
        message = "invalid memory address or nil pointer dereference"
        raise CrashError(message)
    return SyncResponse(
        fields.get("labels") or {},
        fields.get("annotations") or {},
        fields.get("status"),
        fields.get("attachments") or [],
        fields.get("resyncAfterSeconds") or 0.0,
    )


def read_customize_answer(body: bytes) -> list[RelatedRule]:
    """Read the answer of a customize hook.

    Raises:
        UnreadableAnswerError: it cannot be read.
    """
    fields = _Document(body, "customize", "CustomizeHookResponse").read(
        {"relatedResources": _list_of(_rule)}
    )
    return fields.get("relatedResources") or []


class _Repetitive(dict[str, Any]):
    """A JSON object that was given keys twice.

    Attributes:
        duplicates: these keys.
    """

    duplicates: tuple[str, ...] = ()


class _Document:
    """An answer while it is read."""

    def __init__(self, body: bytes, hook: str, struct: str) -> None:
        self.strict_errors: list[str] = []
        self.struct = struct
        self.repetitive = False
        self._hook = hook
        self._body = body

    def read(self, fields: dict[str, Reader]) -> Object:
        try:
            value = _struct(fields)(self, _parse(self._body, self._pairs), "", "")
        except (ValueError, RecursionError) as error:
            message = f"can't unmarshal webhookResponse (version: v2, type: {self._hook}): {error}"
            raise UnreadableAnswerError(message) from error
        if self.strict_errors:
            errors = ", ".join(self.strict_errors)
            if len(self.strict_errors) > 1:
                errors = f"[{errors}]"
            message = (
                f"strict validation failed for v2 webhookResponse "
                f"(type: {self._hook}, mode: strict): {errors}"
            )
            raise UnreadableAnswerError(message)
        return value or {}

    def wrong_type(self, value: Any, path: str, expected: str) -> ValueError:
        where = f"Go struct field {self.struct}.{path}" if path else "Go value"
        return ValueError(
            f"json: cannot unmarshal {_go_kind(value)} into {where} of type {expected}"
        )

    def note(self, value: dict[str, Any], path: str) -> None:
        """Collect duplicate keys of one object."""
        if isinstance(value, _Repetitive):
            self.strict_errors += [
                f'duplicate field "{_join(path, key)}"' for key in value.duplicates
            ]

    def note_duplicates(self, value: Any, path: str) -> None:
        """Collect duplicate keys of a value that is read as it comes."""
        if not self.repetitive:
            return
        if isinstance(value, dict):
            self.note(value, path)
            for key, item in value.items():
                self.note_duplicates(item, _join(path, key))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self.note_duplicates(item, f"{path}[{index}]")

    def _pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        self.repetitive = True
        keys = [key for key, _ in pairs]
        repetitive = _Repetitive(value)
        repetitive.duplicates = tuple(sorted({key for key in keys if keys.count(key) > 1}))
        return repetitive


def _parse(body: bytes, hook: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> Any:
    text = body.decode("utf-8", "replace")  # as Go does
    try:
        return json.loads(text, object_pairs_hook=hook, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(_syntax_error(text, error)) from error


def _syntax_error(text: str, error: json.JSONDecodeError) -> str:
    """Say in Go's words what is wrong; between values the message does not say after which one."""
    rest = text[error.pos :]
    if not rest.strip():
        return "unexpected end of JSON input"
    if error.msg == "Extra data":
        where = "after top-level value"
    elif "property name" in error.msg:
        where = "looking for beginning of object key string"
    elif "delimiter" in error.msg:
        where = "after object key" if "':'" in error.msg else "after object key:value pair"
    else:
        where = "looking for beginning of value"
        for literal in ("null", "true", "false"):
            if rest[0] == literal[0]:
                given = rest + " "
                wrong = next(i for i, expected in enumerate(literal) if given[i] != expected)
                rest = given[wrong:]
                where = f"in literal {literal} (expecting '{literal[wrong]}')"
    character = "'\\''" if rest[0] == "'" else f"'{rest[0]}'"
    return f"invalid character {character} {where}"


def _no_constant(name: str) -> Any:
    message = f"invalid character {name[0]!r} looking for beginning of value"
    raise ValueError(message)


def _struct(fields: dict[str, Reader]) -> Reader:
    def read(document: _Document, value: Any, path: str, named: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise document.wrong_type(value, named, "v2." + document.struct)
        document.note(value, path)
        found = {}
        for key, item in value.items():
            reader = fields.get(key)
            if reader is None:
                document.strict_errors.append(f'unknown field "{_join(path, key)}"')
            else:
                found[key] = reader(document, item, _join(path, key), _join(named, key))
        return found

    return read


def _list_of(reader: Reader) -> Reader:
    def read(document: _Document, value: Any, path: str, named: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, list):
            raise document.wrong_type(value, named, "[]interface {}")
        return [
            reader(document, item, f"{path}[{index}]", named) for index, item in enumerate(value)
        ]

    return read


def _nullable_strings(document: _Document, value: Any, path: str, named: str) -> Any:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise document.wrong_type(value, named, "map[string]*string")
    document.note_duplicates(value, path)
    for item in value.values():
        if item is not None and not isinstance(item, str):
            raise document.wrong_type(item, named, "string")
    return dict(value)


def _any_map(document: _Document, value: Any, path: str, named: str) -> Any:
    if value is not None and not isinstance(value, dict):
        raise document.wrong_type(value, named, "map[string]interface {}")
    document.note_duplicates(value, path)
    return value


def _objects(document: _Document, value: Any, _path: str, named: str) -> Any:
    if value is None:
        return None
    if not isinstance(value, list):
        raise document.wrong_type(value, named, "[]*unstructured.Unstructured")
    for item in value:
        if item is None:
            continue
        if not isinstance(item, dict):
            raise document.wrong_type(item, named, "map[string]interface {}")
        if not item.get("kind"):
            # An Unstructured reads itself, and not strictly.
            message = f"Object 'Kind' is missing in '{dumps(item)}'"
            raise ValueError(message)
    return value


def _string(document: _Document, value: Any, _path: str, named: str) -> Any:
    if value is not None and not isinstance(value, str):
        raise document.wrong_type(value, named, "string")
    return value or ""


def _number(document: _Document, value: Any, _path: str, named: str) -> Any:
    if value is not None and type(value) not in {int, float}:
        raise document.wrong_type(value, named, "float64")
    return float(value or 0)


def _boolean(document: _Document, value: Any, _path: str, named: str) -> Any:
    if value is not None and not isinstance(value, bool):
        raise document.wrong_type(value, named, "bool")
    return bool(value)


def _string_map(document: _Document, value: Any, path: str, named: str) -> Any:
    found = _nullable_strings(document, value, path, named)
    return None if found is None else {key: item or "" for key, item in found.items()}


_selector = _struct(
    {
        "matchLabels": _string_map,
        "matchExpressions": _list_of(
            _struct({"key": _string, "operator": _string, "values": _list_of(_string)})
        ),
    }
)
_rule_fields = _struct(
    {
        "apiVersion": _string,
        "resource": _string,
        "labelSelector": _selector,
        "namespaceSelector": _selector,
        "namespace": _string,
        "names": _list_of(_string),
    }
)


def _rule(document: _Document, value: Any, path: str, named: str) -> RelatedRule:
    found = _rule_fields(document, value, path, named) or {}
    return RelatedRule(
        found.get("apiVersion", ""),
        found.get("resource", ""),
        found.get("labelSelector"),
        found.get("namespaceSelector"),
        found.get("namespace", ""),
        tuple(found.get("names") or ()),
    )


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _go_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
