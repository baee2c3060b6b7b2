"""Label selectors as kubectl takes them, on the labels of Pods in files. Pure.

Source: ``staging/src/k8s.io/apimachinery/pkg/labels/selector.go``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pod_diagnoser.api.meta_v1 import is_label_key, is_label_value
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.diagnosis.quoting import quote_whole

_MAX_SHOWN_BYTES: Final = 100

_TOKEN: Final = re.compile(r"[ \t\r\n]*(?:([^ \t\r\n=!(),<>]+)|(==|!=|[=!(),<>])|(\Z))")
"""A word, a sign, or the end."""

_SIGNS: Final = frozenset({"=", "==", "!=", "<", ">", "!", "(", ")", ","})
_WITH_ONE_VALUE: Final = {"=": "in", "==": "in", "!=": "notin", "<": "<", ">": ">"}
_WITH_SET: Final = ("in", "notin")

_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class _Requirement:
    """What one label has to be.

    Attributes:
        key: its key.
        operator: ``in``, ``notin``, ``exists``, ``!``, ``<`` or ``>``.
        values: what it is compared with.
    """

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels fulfil it; one that is not there is in no set."""
        value = labels.get(self.key)
        if self.operator in ("notin", "!"):
            return value is None or (self.operator == "notin" and value not in self.values)
        if value is None or self.operator == "exists":
            return value is not None
        if self.operator == "in":
            return value in self.values
        if _INTEGER.fullmatch(value) is None:
            return False
        (limit,) = map(int, self.values)
        return int(value) > limit if self.operator == ">" else int(value) < limit


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """A label selector; without requirements it selects everything."""

    requirements: Sequence[_Requirement] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels fulfil all requirements."""
        return all(each.matches(labels) for each in self.requirements)


ALL_LABELS: Final = LabelSelector()


def parse_selector(text: str) -> LabelSelector:
    """Read a label selector, such as ``app=api,tier!=db,env in (a, b),!canary``.

    Raises:
        CommandError: it is none.
    """
    try:
        return LabelSelector(tuple(_Parser(text).requirements()))
    except _SelectorError as error:
        shown = quote_whole(sanitize(text, _MAX_SHOWN_BYTES))
        message = f"--selector {shown} is no label selector: {error}"
        raise CommandError(message) from None


class _SelectorError(Exception):
    """It is none; its message says why, in words that are safe to show."""


class _Parser:
    """Reads a selector, token by token."""

    def __init__(self, text: str) -> None:
        found = _TOKEN.finditer(text)
        self._tokens = [each.group(1) or each.group(2) or "" for each in found]
        self._at = 0

    def requirements(self) -> Iterator[_Requirement]:
        """Yield the requirements.

        Raises:
            _SelectorError: it is none.
        """
        while self._next:
            yield self._requirement()
            if not self._next:
                return
            self._take(",")
            if not self._next:
                message = "a label is missing behind the last comma"
                raise _SelectorError(message)

    @property
    def _next(self) -> str:
        """The next token; empty at the end."""
        return self._tokens[self._at]

    def _take(self, *expected: str) -> str:
        """Return the next token, and go on behind it.

        Raises:
            _SelectorError: it is none of those that are expected; without any, it is no word.
        """
        token = self._next
        if token not in expected if expected else token in _SIGNS or not token:
            shown = quote_whole(sanitize(token, _MAX_SHOWN_BYTES)) if token else "its end"
            message = f"expected {', '.join(map(_named, expected)) or 'a word'}, found {shown}"
            raise _SelectorError(message)
        self._at += 1
        return token

    def _requirement(self) -> _Requirement:
        is_negated = self._next == "!"
        if is_negated:
            self._take("!")
        key = _checked_key(self._take())
        if is_negated or self._next in ("", ","):
            return _Requirement(key, "!" if is_negated else "exists")
        sign = self._take(*_WITH_ONE_VALUE, *_WITH_SET)
        if sign in _WITH_SET:
            values = self._set()
            return _Requirement(key, sign, frozenset(map(_checked_value, values)))
        operator = _WITH_ONE_VALUE[sign]
        value = "" if self._next in ("", ",") else self._take()
        if operator in ("<", ">") and _INTEGER.fullmatch(value) is None:
            message = f"{operator} takes an integer"
            raise _SelectorError(message)
        return _Requirement(key, operator, frozenset({_checked_value(value)}))

    def _set(self) -> Iterator[str]:
        """Yield the values between brackets, which may be empty."""
        self._take("(")
        while True:
            yield "" if self._next in (",", ")") else self._take()
            if self._take(",", ")") == ")":
                return


def _named(token: str) -> str:
    return f"'{token}'" if token in _SIGNS else token


def _checked_key(key: str) -> str:
    if not is_label_key(key):
        message = f"{quote_whole(sanitize(key, _MAX_SHOWN_BYTES))} is no key of a label"
        raise _SelectorError(message)
    return key


def _checked_value(value: str) -> str:
    if not is_label_value(value):
        message = f"{quote_whole(sanitize(value, _MAX_SHOWN_BYTES))} is no value of a label"
        raise _SelectorError(message)
    return value
