"""Builds values from the events of a YAML parser. Pure."""

import re
from collections.abc import Iterator
from typing import Any, Final

MAX_DEPTH: Final = 200
"""How deep lists and objects of YAML may be nested; the parser of JSON has a limit of its own."""

_CHARS_A_NODE: Final = 8
"""How much an empty value counts of what a value may have."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")


class YamlRefusedError(Exception):
    """YAML of a form that is not read; its message says which, in constant words."""


class YamlBuilder:
    """Builds values from events. The items of a List are values of their own.

    Args:
        max_chars: how long a value may be.
    """

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        self._room = max_chars
        self._open: list[tuple[Any, list[Any]]] = []
        """Lists and mappings that are not complete, each with its key that has no value yet."""
        self._items: list[Any] | None = None
        """The items of the List that is open."""
        self.kind_of_items = ""
        """The kind that the List says whose items are being read."""

    @property
    def in_list(self) -> bool:
        """Whether a List is open."""
        return self._items is not None

    def add(self, event: Any) -> Iterator[Any]:
        """Add an event; yield the value that is complete with it.

        Raises:
            YamlRefusedError: it is not supported.
        """
        kind = type(event).__name__
        if kind == "ScalarEvent":
            self._spend(len(event.value))
            yield from self._place(_scalar(event.value) if event.implicit[0] else event.value)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._spend(0)
            self._start({} if kind == "MappingStartEvent" else [])
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            yield from self._place(self._open.pop()[0])
        elif kind == "AliasEvent":
            message = "YAML with aliases, which are not supported"
            raise YamlRefusedError(message)

    def _spend(self, chars: int) -> None:
        self._room -= chars + _CHARS_A_NODE
        if self._room < 0:
            message = "a value of more than 8 MiB"
            raise YamlRefusedError(message)

    def _start(self, value: Any) -> None:
        depth = len(self._open)
        if depth >= MAX_DEPTH:
            message = "YAML that is nested too deeply"
            raise YamlRefusedError(message)
        if depth == 0:
            self.kind_of_items, self._items = "", None
        elif depth == 1 and isinstance(value, list) and self._open[0][1] == ["items"]:
            self._items = value
            kind = self._open[0][0].get("kind")
            if isinstance(kind, str) and kind != "List":
                self.kind_of_items = kind.removesuffix("List")
        self._open.append((value, []))

    def _place(self, value: Any) -> Iterator[Any]:
        """Put a value into what is open; yield it where that is nothing, or a List's items."""
        if not self._open:
            self._room = self._max_chars
            if self._items is None:
                yield value
            self._items = None
            return
        parent, key = self._open[-1]
        if isinstance(parent, list):
            if parent is self._items:
                self._room = self._max_chars
                yield value
            else:
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
