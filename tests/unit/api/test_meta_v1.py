"""Label selectors, as the API server evaluates them."""

from typing import Any

import pytest

from pod_diagnoser.api.meta_v1 import LabelSelector

LABELS = {"team": "a", "tier": ""}


def selector(*expressions: tuple[str, str, list[str]], **labels: str) -> LabelSelector:
    """Build a selector."""
    return LabelSelector.model_validate(
        {
            "matchLabels": labels,
            "matchExpressions": [
                {"key": key, "operator": operator, "values": values}
                for key, operator, values in expressions
            ],
        }
    )


@pytest.mark.parametrize(
    ("written", "matches"),
    [
        (selector(), True),
        (selector(team="a"), True),
        (selector(team="b"), False),
        (selector(other=""), False),
        (selector(("team", "In", ["a", "b"])), True),
        (selector(("other", "In", ["a"])), False),
        (selector(("team", "NotIn", ["a"])), False),
        (selector(("other", "NotIn", ["a"])), True),
        (selector(("tier", "Exists", [])), True),
        (selector(("other", "Exists", [])), False),
        (selector(("tier", "DoesNotExist", [])), False),
        (selector(("other", "DoesNotExist", [])), True),
        (selector(("team", "Exists", []), team="b"), False),
    ],
)
def test_all_requirements_must_be_met(written: LabelSelector, matches: bool) -> None:
    """A label that is not there has no value, so that it meets NotIn."""
    assert written.is_valid
    assert written.matches(LABELS) is matches


@pytest.mark.parametrize(
    "written",
    [
        selector(("team", "In", [])),
        selector(("team", "NotIn", [])),
        selector(("team", "Exists", ["a"])),
        selector(("team", "DoesNotExist", ["a"])),
        selector(("team", "in", ["a"])),
        selector(("team", "Gt", ["1"])),
        selector(("", "Exists", [])),
        selector(("/team", "Exists", [])),
        selector(("Example.com/team", "Exists", [])),
        selector(("a/b/c", "Exists", [])),
        selector(("x" * 64, "Exists", [])),
        selector(("team", "In", ["x" * 64])),
        selector(("team", "In", ["-a"])),
        selector(team="a\n"),
        selector(**{"te am": "a"}),
    ],
)
def test_what_the_api_server_refuses_cannot_be_evaluated(written: LabelSelector) -> None:
    """Metacontroller would report an error in place of what it selects."""
    assert not written.is_valid


@pytest.mark.parametrize("document", [{}, {"matchLabels": None, "matchExpressions": None}])
def test_an_empty_selector_selects_everything(document: dict[str, Any]) -> None:
    """As null does, which stands for what is not there."""
    written = LabelSelector.model_validate(document)
    assert written.is_valid
    assert written.matches({})
