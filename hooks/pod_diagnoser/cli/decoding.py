"""From the bytes of a file to JSON values: JSON, several JSON values in a row, or YAML. Pure.

The file may be anything, and may be far larger than memory: it is read bit by bit, and the items of
a List are yielded one by one. So values are bounded in size and depth, YAML's aliases are refused,
with which a short text can grow without bound, and no number becomes a large one.
"""

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final, Protocol

from pod_diagnoser.cli.yaml_building import MAX_DEPTH, YamlBuilder, YamlRefusedError

__all__ = ["MAX_DEPTH", "MAX_VALUE_CHARS", "ByteSource", "DecodingError", "decode", "decode_items"]

MAX_VALUE_CHARS: Final = 8 * 1024 * 1024
"""How long a value may be that is read as a whole. The API server has no object that is so long."""

_CHUNK_BYTES: Final = 512 * 1024

_WHITESPACE: Final = re.compile(r"[ \t\r\n\x1e]*")
"""What may be between JSON values; U+001E begins a record of a JSON text sequence (RFC 7464)."""

_NEAR_THE_END: Final = 16
"""A literal, an escape or a number that is cut off ends within so many characters."""

_CUT_OFF: Final = "ends in the middle: it is cut off"
_TOO_LONG: Final = "a value of more than 8 MiB"
_NO_JSON: Final = "not valid JSON"


class DecodingError(Exception):
    """A text that cannot be read; its message says why, in constant words."""


class ByteSource(Protocol):
    """Where bytes are read from: a file, or a part of one."""

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes; nothing at the end."""


def decode(content: bytes) -> Iterator[Any]:
    """Decode what is in some bytes, as `decode_items` does."""
    return decode_items(BytesIO(content))


def decode_items(source: ByteSource, kind: str = "") -> Iterator[Any]:
    """Decode the values of a file, one after the other, the items of Lists and arrays one by one.

    Args:
        source: JSON, or YAML where it begins with neither ``{`` nor ``[``, in UTF-8, UTF-16 or
            UTF-32. What is not valid in that encoding is replaced by U+FFFD.
        kind: what items are that do not say it, and whose List does not say it either.

    Yields:
        Each value; the fields of an object that occur twice have the last of their values. An item
        without a kind has that of its List.

    Raises:
        DecodingError: the rest cannot be read.
        OSError: the source cannot be read.
    """
    text = _Text(source)
    reader = _JsonReader(text)
    start = reader.peek()
    if not start:
        return iter(())
    if start in "{[":
        return _decode_json(reader, kind)
    if reader.is_binary():
        message = "binary, neither JSON nor YAML"
        raise DecodingError(message)
    return _decode_yaml(reader, kind)


class _Text:
    """The text of a source, in pieces."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._decoder: codecs.IncrementalDecoder | None = None
        self.ended = False

    def more(self, size: int = _CHUNK_BYTES) -> str:
        """Read on; nothing at the end only."""
        while not self.ended:
            content = self._source.read(size)
            self.ended = not content
            if self._decoder is None:
                encoding = json.detect_encoding(content[:4])
                self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
            text = self._decoder.decode(content, final=self.ended)
            if text:
                return text
        return ""


class _JsonReader:
    """Reads the tokens and values of a JSON text, of which a part is in memory."""

    def __init__(self, text: _Text) -> None:
        self._text = text
        self._buffer = text.more().removeprefix("\ufeff")
        self._at = 0
        self._decoder = json.JSONDecoder()

    def is_binary(self) -> bool:
        """Whether it begins as no text does."""
        return "\0" in self._buffer[:1024]

    def peek(self) -> str:
        """Return the next character that is no white space; nothing at the end."""
        while True:
            found = _WHITESPACE.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._fill():
                return ""

    def accept(self, char: str) -> bool:
        """Go on behind a character if it is the next one."""
        if self.peek() != char:
            return False
        self._at += 1
        return True

    def expect(self, chars: str) -> str:
        """Return which of some characters is the next one, and go on behind it.

        Raises:
            DecodingError: it is none of them.
        """
        char = self.peek()
        if not char:
            raise DecodingError(_CUT_OFF)
        if char not in chars:
            raise DecodingError(_NO_JSON)
        self._at += 1
        return char

    def value(self) -> tuple[Any, int]:
        """Read the next value as a whole; return it, and how long it is.

        Raises:
            DecodingError: it is none, or too long.
        """
        if not self.peek():
            raise DecodingError(_CUT_OFF)
        while True:
            found = self._try_value()
            if found is not None:
                return found
            if len(self._buffer) - self._at > MAX_VALUE_CHARS:
                raise DecodingError(_TOO_LONG)
            if not self._fill():
                raise DecodingError(_CUT_OFF if self._is_cut_off() else _NO_JSON)

    def _is_cut_off(self) -> bool:
        """Say whether the value that could not be read is whole as far as it goes."""
        try:
            self._decoder.raw_decode(self._buffer, self._at)
        except json.JSONDecodeError as error:
            rest = self._buffer[error.pos :].strip()
            return rest.isalnum() or not rest or error.msg.startswith("Unterminated string")
        return True

    def read(self, _: int = 0, /) -> str:
        """Read on from the start without looking at it, as the parser of YAML does."""
        start, self._buffer = self._buffer, ""
        return start or self._text.more()

    def _try_value(self) -> tuple[Any, int] | None:
        """Read the next value; None where its end is not in memory."""
        try:
            value, end = self._decoder.raw_decode(self._buffer, self._at)
        except RecursionError:
            message = "JSON that is nested too deeply"
            raise DecodingError(message) from None
        except ValueError as error:  # no JSON, or a number of more digits than Python reads
            if self._may_be_cut_off(error):
                return None
            raise DecodingError(_NO_JSON) from None
        length = end - self._at
        if end == len(self._buffer) and isinstance(value, int | float):
            return None  # it may go on
        self._at = end
        return value, length

    def _may_be_cut_off(self, error: ValueError) -> bool:
        if not isinstance(error, json.JSONDecodeError):
            return False
        near = len(self._buffer) - error.pos <= _NEAR_THE_END
        return near or error.msg.startswith("Unterminated string")

    def _fill(self) -> bool:
        """Read as much again as is in memory, so that a long value is not tried too often."""
        left = len(self._buffer) - self._at
        more = self._text.more(max(_CHUNK_BYTES, left))
        self._buffer, self._at = self._buffer[self._at :] + more, 0
        return bool(more)


def _decode_json(reader: _JsonReader, kind: str) -> Iterator[Any]:
    while reader.peek():
        if reader.accept("{"):
            yield from _decode_object(reader, kind)
        elif reader.accept("["):
            yield from _decode_array(reader, kind)
        else:
            raise DecodingError(_NO_JSON)


def _decode_object(reader: _JsonReader, kind: str) -> Iterator[Any]:
    """Read an object behind its brace: yield it, or its items if it is a List."""
    fields: dict[str, Any] = {}
    is_list, room = False, MAX_VALUE_CHARS
    separator = "}" if reader.accept("}") else ","
    while separator == ",":
        if reader.peek() not in ('"', ""):
            raise DecodingError(_NO_JSON)
        name, length = reader.value()
        reader.expect(":")
        if name == "items" and reader.accept("["):
            is_list = True
            yield from _decode_array(reader, kind_of_items(fields.get("kind")) or kind)
        else:
            fields[name], more = reader.value()
            room -= length + more
            if room < 0:
                raise DecodingError(_TOO_LONG)
        separator = reader.expect(",}")
    if not is_list:
        yield as_item(fields, kind)


def _decode_array(reader: _JsonReader, kind: str) -> Iterator[Any]:
    """Read an array behind its bracket: yield its items."""
    separator = "]" if reader.accept("]") else ","
    while separator == ",":
        yield as_item(reader.value()[0], kind)
        separator = reader.expect(",]")


def kind_of_items(kind: Any) -> str:
    """Return the kind of the items in a List of a kind; empty where it does not say."""
    return kind.removesuffix("List") if isinstance(kind, str) and kind != "List" else ""


def as_item(value: Any, kind: str) -> Any:
    """Give a kind to an object that does not say its own, as in the API server's lists.

    Args:
        value: the object.
        kind: the kind by its List; empty where that says it behind its items, as in YAML.
    """
    if isinstance(value, dict) and not value.get("kind") and (kind := kind or guess_kind(value)):
        value["kind"] = kind
    return value


def guess_kind(item: Mapping[str, Any]) -> str:
    """Tell the kind of an object by its fields; empty where it is none that is read."""
    if "involvedObject" in item or "regarding" in item:
        return "Event"
    spec, status = item.get("spec"), item.get("status")
    if isinstance(spec, dict) and isinstance(spec.get("containers"), list):
        return "Pod"
    return "Node" if isinstance(status, dict) and "nodeInfo" in status else ""


def _decode_yaml(reader: _JsonReader, kind: str) -> Iterator[Any]:
    try:
        import yaml  # noqa: PLC0415 - an extra, which JSON does without
    except ImportError:
        message = "not JSON; to read YAML, install pod-diagnoser[cli]"
        raise DecodingError(message) from None
    builder = YamlBuilder(MAX_VALUE_CHARS)
    # The events of the parser, since composing values of them would follow aliases and, in C,
    # overflow the stack on what is nested deeply.
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(reader)
        while not isinstance(event := loader.get_event(), yaml.StreamEndEvent):
            for value in builder.add(event):
                yield as_item(value, builder.kind_of_items or kind)
    except YamlRefusedError as error:
        raise DecodingError(str(error)) from None
    except (yaml.YAMLError, ValueError):
        message = "not valid YAML"
        raise DecodingError(message) from None
