"""Label selectors, as the API server and Metacontroller evaluate them.

Source: ``LabelSelectorAsSelector`` in
``staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go`` and ``NewRequirement`` in
``staging/src/k8s.io/apimachinery/pkg/labels/selector.go``.
"""

import re
from collections.abc import Mapping
from typing import Final

from pydantic import Field

from pod_diagnoser.api.fields import Many, Strings, Text, WireModel, is_object_name

_NAME: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_WITH_VALUES: Final = ("In", "NotIn")
_WITHOUT_VALUES: Final = ("Exists", "DoesNotExist")


class Requirement(WireModel):
    """``LabelSelectorRequirement``."""

    key: Text = ""
    operator: Text = ""
    values: Many[Text] = ()

    @property
    def is_valid(self) -> bool:
        """Whether it can be evaluated."""
        if not is_label_key(self.key) or not all(map(is_label_value, self.values)):
            return False
        if self.operator in _WITH_VALUES:
            return bool(self.values)
        return self.operator in _WITHOUT_VALUES and not self.values

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels meet it."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels


class LabelSelector(WireModel):
    """``LabelSelector``; an empty one matches everything."""

    matchLabels: Strings = Field(default_factory=dict)
    matchExpressions: Many[Requirement] = ()

    @property
    def is_valid(self) -> bool:
        """Whether it can be evaluated. Where one requirement cannot, none of it counts."""
        return all(
            is_label_key(key) and is_label_value(value) for key, value in self.matchLabels.items()
        ) and all(each.is_valid for each in self.matchExpressions)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is required."""
        return not self.matchLabels and not self.matchExpressions

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether labels match a valid selector."""
        return all(labels.get(key) == value for key, value in self.matchLabels.items()) and all(
            each.matches(labels) for each in self.matchExpressions
        )


def is_label_key(key: str) -> bool:
    """Say whether a text can be the key of a label."""
    prefix, slash, name = key.rpartition("/")
    return _NAME.fullmatch(name) is not None and (not slash or is_object_name(prefix))


def is_label_value(value: str) -> bool:
    """Say whether a text can be the value of a label; an empty one can."""
    return not value or _NAME.fullmatch(value) is not None
