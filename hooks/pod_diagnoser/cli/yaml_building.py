"""Builds values from the events of a YAML parser. Pure."""

import re
from typing import Any, Final

MAX_DEPTH: Final = 200
"""How deep lists and objects of YAML may be nested; the parser of JSON has a limit of its own."""

_CHARS_A_NODE: Final = 8
"""How much an empty value counts of what a value may have."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")

_CONSTANTS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}

_NOTHING: Final = ()
"""No value is complete."""


class YamlRefusedError(Exception):
    """YAML of a form that is not read; its message says which, in constant words."""


class YamlBuilder:
    """Builds values from events. The items of a List are values of their own.

    A cluster's dump has millions of events: what is done for each is little.

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

    def add(self, event: Any) -> tuple[Any, ...]:
        """Add an event; return the value that is complete with it, or nothing.

        Raises:
            YamlRefusedError: it is not supported.
        """
        kind = event.__class__.__name__
        if kind == "ScalarEvent":
            text = event.value
            self._room -= len(text) + _CHARS_A_NODE
            return self._place(_scalar(text) if event.implicit[0] else text)
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            return self._place(self._open.pop()[0])
        if kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._room -= _CHARS_A_NODE
            self._start({} if kind == "MappingStartEvent" else [])
        elif kind == "AliasEvent":
            message = "YAML with aliases, which are not supported"
            raise YamlRefusedError(message)
        return _NOTHING

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

    def _place(self, value: Any) -> tuple[Any, ...]:
        """Put a value into what is open; return it where that is nothing, or a List's items."""
        if self._room < 0:
            message = "a value of more than 8 MiB"
            raise YamlRefusedError(message)
        if not self._open:
            return self._end(value)
        parent, key = self._open[-1]
        if key:
            name = key.pop()
            if isinstance(name, str):  # no field of an object has another name
                parent[name] = value
        elif isinstance(parent, dict):
            key.append(value)
        elif parent is self._items:
            self._room = self._max_chars
            return (value,)
        else:
            parent.append(value)
        return _NOTHING

    def _end(self, value: Any) -> tuple[Any, ...]:
        """End a document; return its value, unless its items were values already."""
        self._room = self._max_chars
        was_list, self._items = self._items is not None, None
        return _NOTHING if was_list else (value,)


def _scalar(text: str) -> Any:
    """Return the value of a plain scalar, as Kubernetes writes them."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return int(text) if _INTEGER.fullmatch(text) else text
