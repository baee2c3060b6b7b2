"""Label selectors: the object form (matchLabels, matchExpressions) and the form in a URL's query.

Semantics of k8s.io/apimachinery/pkg/labels: NotIn and != also match objects without the key.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_IN, _NOT_IN, _EXISTS, _ABSENT = "In", "NotIn", "Exists", "DoesNotExist"
_SET_BASED = re.compile(r"^(?P<key>\S+)\s+(?P<op>in|notin)\s*\(\s*(?P<values>[^()]*?)\s*\)$")
_EQUALITY = re.compile(r"^(?P<key>[^\s=!]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s=!]*)$")
_KEY_ALONE = re.compile(r"^(?P<absent>!\s*)?(?P<key>[^\s=!(),]+)$")
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True)
class Requirement:
    """One condition on one label.

    Attributes:
        key: the label's key.
        operator: In, NotIn, Exists or DoesNotExist.
        values: the values that In and NotIn speak of.
    """

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether the labels fulfil the condition."""
        if self.operator == _EXISTS:
            return self.key in labels
        if self.operator == _ABSENT:
            return self.key not in labels
        if self.operator == _IN:
            return self.key in labels and labels[self.key] in self.values
        return self.key not in labels or labels[self.key] not in self.values


@dataclass(frozen=True)
class Selector:
    """All conditions together; without any it matches everything."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether the labels fulfil every condition."""
        return all(requirement.matches(labels) for requirement in self.requirements)


EVERYTHING = Selector()


def from_object(selector: Mapping[str, Any] | None) -> Selector:
    """Read a metav1.LabelSelector; None and an empty one select everything.

    Args:
        selector: with matchLabels and matchExpressions, both optional.

    Raises:
        ValueError: an unknown operator, or values where none belong or are missing.
    """
    if not selector:
        return EVERYTHING
    found = [
        Requirement(key, _IN, frozenset([value]))
        for key, value in sorted((selector.get("matchLabels") or {}).items())
    ]
    for expression in selector.get("matchExpressions") or []:
        operator, values = expression["operator"], expression.get("values") or []
        if operator not in {_IN, _NOT_IN, _EXISTS, _ABSENT}:
            msg = f'"{operator}" is not a valid label selector operator'
            raise ValueError(msg)
        if operator in {_IN, _NOT_IN} and not values:
            msg = (
                "values: Invalid value: null: for 'in', 'notin' operators, "
                "values set can't be empty"
            )
            raise ValueError(msg)
        if operator in {_EXISTS, _ABSENT} and values:
            msg = (
                f"values: Invalid value: {json.dumps(values, separators=(',', ':'))}: "
                f"values set must be empty for exists and does not exist"
            )
            raise ValueError(msg)
        found.append(Requirement(expression["key"], operator, frozenset(values)))
    return Selector(tuple(found))


def parse(text: str) -> Selector:
    """Read a selector as it stands in a URL or after kubectl's -l.

    Args:
        text: such as "app=web,tier in (a, b),!canary".

    Raises:
        ValueError: the text is not a selector.
    """
    if not text.strip():
        return EVERYTHING
    return Selector(
        tuple(_parse_one(part.strip()) for part in _COMMA_OUTSIDE_PARENTHESES.split(text))
    )


def _parse_one(text: str) -> Requirement:
    if found := _SET_BASED.match(text):
        values = frozenset(value.strip() for value in found["values"].split(","))
        return Requirement(found["key"], _IN if found["op"] == "in" else _NOT_IN, values)
    if found := _EQUALITY.match(text):
        operator = _NOT_IN if found["op"] == "!=" else _IN
        return Requirement(found["key"], operator, frozenset([found["value"]]))
    if found := _KEY_ALONE.match(text):
        return Requirement(found["key"], _ABSENT if found["absent"] else _EXISTS)
    msg = f"unable to parse requirement: {text!r}"
    raise ValueError(msg)
