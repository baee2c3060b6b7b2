"""From the bytes of a file to JSON values: JSON, several JSON values in a row, or YAML. Pure.

The file may be anything. So the depth is bounded, YAML's aliases are refused, with which a short
text can grow without bound, and no number becomes a large one.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

MAX_DEPTH: Final = 200
"""How deep lists and objects of YAML may be nested; the parser of JSON has a limit of its own."""

_WHITESPACE: Final = re.compile(r"[ \t\r\n\x1e]*")
"""What may be between JSON values; U+001E begins a record of a JSON text sequence (RFC 7464)."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")


class DecodingError(Exception):
    """A text that cannot be read; its message says why, in constant words."""


def decode(content: bytes) -> Iterator[Any]:
    """Decode the values of a file, one after the other.

    Args:
        content: a file: JSON, or YAML where it begins with neither ``{`` nor ``[``, in UTF-8,
            UTF-16 or UTF-32. What is not valid in that encoding is replaced by U+FFFD.

    Yields:
        Each value; the fields of an object that occur twice have the last of their values.

    Raises:
        DecodingError: the rest cannot be read.
    """
    text = content.decode(json.detect_encoding(content), errors="replace").removeprefix("\ufeff")
    start = _skip_whitespace(text, 0)
    if start == len(text):
        return iter(())
    return _decode_json(text, start) if text[start] in "{[" else _decode_yaml(text)


def _skip_whitespace(text: str, position: int) -> int:
    found = _WHITESPACE.match(text, position)
    return found.end() if found else position


def _decode_json(text: str, position: int) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    while position < len(text):
        try:
            value, end = decoder.raw_decode(text, position)
        except RecursionError:
            message = "JSON that is nested too deeply"
            raise DecodingError(message) from None
        except ValueError:  # no JSON, or a number of more digits than Python reads
            message = "not valid JSON"
            raise DecodingError(message) from None
        yield value
        position = _skip_whitespace(text, end)


def _decode_yaml(text: str) -> Iterator[Any]:
    try:
        import yaml  # noqa: PLC0415 - an extra, which JSON does without
    except ImportError:
        message = "not JSON; to read YAML, install pod-diagnoser[cli]"
        raise DecodingError(message) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _YamlBuilder()
    try:
        # The events of the parser, since composing values of them would follow aliases and, in C,
        # overflow the stack on what is nested deeply.
        for event in yaml.parse(text, Loader=loader):
            yield from builder.add(event)
    except (yaml.YAMLError, ValueError):
        message = "not valid YAML"
        raise DecodingError(message) from None


class _YamlBuilder:
    """Builds values from the events of a YAML parser."""

    def __init__(self) -> None:
        self._open: list[tuple[Any, list[Any]]] = []
        """Lists and mappings that are not complete, each with its key that has no value yet."""

    def add(self, event: Any) -> Iterator[Any]:
        """Add an event; yield the value of a document that is complete with it.

        Raises:
            DecodingError: it is not supported.
        """
        kind = type(event).__name__
        if kind == "AliasEvent":
            message = "YAML with aliases, which are not supported"
            raise DecodingError(message)
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(self._open) >= MAX_DEPTH:
                message = "YAML that is nested too deeply"
                raise DecodingError(message)
            self._open.append(({} if kind == "MappingStartEvent" else [], []))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            yield from self._place(self._open.pop()[0])
        elif kind == "ScalarEvent":
            yield from self._place(_scalar(event.value) if event.implicit[0] else event.value)

    def _place(self, value: Any) -> Iterator[Any]:
        """Put a value into what is open; yield it where nothing is."""
        if not self._open:
            yield value
            return
        parent, key = self._open[-1]
        if isinstance(parent, list):
            parent.append(value)
        elif not key:
            key.append(value)
        else:
            name = key.pop()
            if isinstance(name, str):  # no field of an object has another name
                parent[name] = value


def _scalar(text: str) -> Any:
    """Return the value of a plain scalar, as Kubernetes writes them."""
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _INTEGER.fullmatch(text) else text
