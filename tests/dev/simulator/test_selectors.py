"""Label selectors, in both forms, and the CEL rules of CRDs."""

from typing import Any

import pytest

from dev.simulator.cel import compile_rule
from dev.simulator.schemas import Schema
from dev.simulator.selectors import from_object, parse

LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier=front", True),
        ("app=db", False),
        ("app!=db", True),
        ("zone!=a", True),
        ("app in (web, db)", True),
        ("app notin (web,db)", False),
        ("zone notin (a)", True),
        ("app", True),
        ("zone", False),
        ("!zone", True),
        ("!app", False),
        ("app in (web),tier notin (back),!zone", True),
        ("empty=", False),
    ],
)
def test_selectors_of_a_query(text: str, matches: bool) -> None:
    """The form of a URL or of kubectl -l selects as labels.Parse does."""
    assert parse(text).matches(LABELS) is matches


@pytest.mark.parametrize("text", ["a=b=c", "in (a)", "a in a,b", "=x"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    """A text that is not a selector is an error, and does not select everything."""
    with pytest.raises(ValueError, match="unable to parse"):
        parse(text)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        (None, True),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_selectors_of_an_object(selector: Any, matches: bool) -> None:
    """A metav1.LabelSelector selects as LabelSelectorAsSelector does."""
    assert from_object(selector).matches(LABELS) is matches


@pytest.mark.parametrize(
    "expression",
    [
        {"key": "a", "operator": "Like", "values": ["b"]},
        {"key": "a", "operator": "In"},
        {"key": "a", "operator": "Exists", "values": ["b"]},
    ],
)
def test_a_malformed_expression_is_refused(expression: Any) -> None:
    """An unknown operator, and values where they do not belong, are errors."""
    with pytest.raises(ValueError, match=r"operator|values"):
        from_object({"matchExpressions": [expression]})


@pytest.mark.parametrize(
    ("rule", "value", "holds"),
    [
        ("self.size() <= 3", "abc", True),
        ("size(self) <= 3", "abcd", False),
        ("self.matches('^a$')", "a\n", False),
        ("self.a.b == 'x' || self.c > 1", {"a": {"b": "y"}, "c": 2}, True),
        ("!has(self.a)", {}, True),
        ("self.all(k, k.startsWith('x/') && self[k] != '')", {"x/a": "1"}, True),
        ("self.exists(k, k.endsWith('z'))", ["a", "b"], False),
        ("self.missing.size() > 0", {}, False),
        ("self == null", None, True),
        ("self.indexOf('/') == -1", "ab", True),
        ('self.contains("\\"")', 'a"b', True),
        ("(self == 1 || self == 2) && self != 2", 2, False),
        ("bytes(self).size() <= 4", "aé", True),
        ("bytes(self).size() <= 4", "éé€", False),
        ("!''.matches(self)", "a+", True),
        ("!''.matches(self)", "a*", False),
        ("!''.matches(self)", "a(", False),
        ("self.all(one, self.exists_one(two, two == one))", [1, 2, 3], True),
        ("self.all(one, self.exists_one(two, two == one))", [1, 2, 1], False),
        ("self.filter(one, one in ['', '*']).size() == 1", ["a", "*"], True),
        ("self[self.size() - 1] == 3 && 1 + 2 == 3", [1, 3], True),
        ("self[self.size() - 3] == -3", [-3, 1, 2], True),
    ],
)
def test_rules(rule: str, value: Any, holds: bool) -> None:
    """The part of CEL that CRDs use here means what it means there."""
    assert compile_rule(rule)(value) is holds


@pytest.mark.parametrize(
    "rule", ["self.size(", "", "self.isFormat('uuid')", "quantity(self) == self", "self == oldSelf"]
)
def test_rules_that_are_not_understood_are_refused(rule: str) -> None:
    """A rule that the simulator does not support is an error: it must not go unchecked."""
    with pytest.raises(ValueError, match="not supported by the simulator"):
        compile_rule(rule)


def test_schema_keywords_that_are_not_understood_are_refused() -> None:
    """The same holds for keywords of a schema."""
    with pytest.raises(ValueError, match="multipleOf"):
        Schema.read({"type": "integer", "multipleOf": 3})


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "string", "minLength": 2}, "a", "at least 2 chars long"),
        ({"type": "string", "pattern": "^a+$"}, "b", "should match '^a+$'"),
        ({"type": "string", "format": "date-time"}, "yesterday", "must be of type date-time"),
        ({"type": "string", "format": "date-time"}, "2026-02-30T00:00:00Z", "date-time"),
        ({"type": "integer", "minimum": 0}, -1, "greater than or equal to 0"),
        ({"type": "integer", "maximum": 5}, 6, "less than or equal to 5"),
        ({"type": "integer", "format": "int32"}, 2**31, "less than or equal to 2147483647"),
        ({"type": "array", "maxItems": 1, "items": {"type": "string"}}, ["a", "b"], "Too many: 2"),
        ({"type": "array", "minItems": 1, "items": {"type": "string"}}, [], "at least 1 items"),
        ({"type": "array", "items": {"type": "string"}}, ["a", 1], "[1] in body must be of type"),
        ({"type": "object", "required": ["a"]}, {}, "Required value"),
        ({"type": "object", "maxProperties": 0}, {"a": 1}, "Too many: 1"),
        ({"type": "string"}, None, "must be of type string"),
        ({"type": "boolean"}, 1, "must be of type boolean"),
        ({"type": "integer"}, True, "must be of type integer"),
    ],
)
def test_broken_schemas(schema: Any, value: Any, message: str) -> None:
    """Each keyword refuses what it forbids, with the API server's words for it."""
    causes = Schema.read(schema).validate(value, "x")
    assert len(causes) == 1
    assert message in f"{causes[0][2]}: {causes[0][1]}"


def test_a_list_that_is_a_map_has_each_key_once() -> None:
    """x-kubernetes-list-type: map refuses a second item of the same key."""
    schema = Schema.read(
        {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {"type": "object", "properties": {"type": {"type": "string"}}},
        }
    )
    causes = schema.validate([{"type": "A"}, {"type": "B"}, {"type": "A"}], "x")
    assert [(reason, field) for reason, _, field in causes] == [("FieldValueDuplicate", "x[2]")]


def test_a_null_makes_room_for_the_default() -> None:
    """A null where none is allowed is replaced by the default; a nullable field keeps it."""
    schema = Schema.read(
        {
            "type": "object",
            "properties": {
                "a": {"type": "string", "default": "x"},
                "b": {"type": "string", "default": "y", "nullable": True},
            },
        }
    )
    value: dict[str, Any] = {"a": None, "b": None}
    schema.default(value)
    assert value == {"a": "x", "b": None}
    assert schema.validate(value) == []
