"""docs/reference.md has every name that is in use, and is what ``make reference`` makes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.reference import words
from dev.reference.page import (
    PAGE,
    PROJECT,
    command_options,
    fields_of,
    metric_name,
    page,
    refusals,
    served_metrics,
    served_paths,
    variables,
)
from pod_diagnoser.api.diagnostics_v1 import GROUP, ConditionType
from pod_diagnoser.cli.errors import FAILED, FOUND, INTERRUPTED
from pod_diagnoser.diagnosis.common_factors import Factor
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.pods import keys
from pod_diagnoser.remediation.model import Phase
from pod_diagnoser.server.command import main

PACKAGE = PROJECT / "hooks" / "pod_diagnoser"
TEXT = PAGE.read_text(encoding="utf-8")
NAMES = set(re.findall(r"`([^`]+)`", TEXT))


def literals(path: Path) -> Iterator[str]:
    """Yield the texts in a module's code that may be words for programs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for text in texts for part in text.values}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in parts:
            continue
        if isinstance(node.value, str):
            word = node.value
            if re.fullmatch(r"[A-Z][A-Za-z]+", word) and word not in classes:
                yield word


def test_the_page_is_what_make_reference_makes() -> None:
    """`make reference` was run after the last change of a name."""
    assert page() == TEXT


def test_every_key_with_our_prefix_is_there() -> None:
    """Annotations, labels and gates: those that the hook knows, and those of the manifests."""
    named = set(words.ANNOTATIONS) | set(words.OTHER_KEYS)
    assert set(words.ANNOTATIONS) == set(keys.ANNOTATIONS)
    used: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for key in re.findall(r'f"\{GROUP\}/([a-z-]+)"', path.read_text(encoding="utf-8")):
            used.add(f"{GROUP}/{key}")
    for folder in ("metacontroller", "crds", "charts"):
        for path in (PROJECT / folder).rglob("*"):
            if path.suffix in {".yaml", ".sh", ".tpl"} and "released" not in path.parts:
                text = path.read_text(encoding="utf-8").replace("\\", "")
                used |= set(re.findall(rf"{re.escape(GROUP)}/[a-z]{{2}}[a-z-]*[a-z]", text))
    used.discard(f"{GROUP}/pod-diagnoser")  # who reports an Event
    assert len(used) >= 20
    assert used <= named
    assert named <= NAMES


def test_every_reason_of_a_condition_is_there() -> None:
    """Those that the modules of the conditions name, and what crashes have in common."""
    used = set(Factor) | {
        word
        for name in ("conditions.py", "cluster_conditions.py")
        for word in literals(PACKAGE / "poddiagnosers" / name)
    }
    named = {reason for reasons in words.CONDITION_REASONS.values() for reason in reasons}
    assert len(used) >= 25
    assert used - {"True", "False", "Unknown"} == named
    assert set(words.CONDITIONS) == set(words.CONDITION_REASONS) == set(ConditionType)


def test_every_reason_of_an_event_is_there() -> None:
    """Those of the module that builds Events."""
    used = {
        word
        for word in literals(PACKAGE / "remediation" / "events.py")
        if re.search(r"[a-z][A-Z]", word)
    }
    assert used - {"PodDiagnoser"} == set(words.EVENT_REASONS)


def test_every_metric_path_and_variable_is_there() -> None:
    """They come from the registry, the application and the settings."""
    assert {metric_name(metric) for metric in served_metrics()} <= NAMES
    assert {f"{method} {path}" for method, path in served_paths()} <= NAMES
    assert {name for name, _ in variables()} <= NAMES


def test_every_option_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of both commands."""
    options = {option for _, each in command_options() for option in each.opts}
    assert {option for option in options if option.startswith("-")} <= NAMES
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    shown = set(re.findall(r"^ +(--[a-z-]+) ", capsys.readouterr().out, re.MULTILINE))
    assert shown == set(words.SERVE_OPTIONS)
    assert set(words.EXIT_CODES) == {0, FOUND, FAILED, INTERRUPTED}


def test_every_status_of_a_response_is_there() -> None:
    """Those of refusals with their lines, and those that no refusal has."""
    assert {each.status for each in refusals()} <= set(words.HTTP_STATUSES)
    assert {each.problem for each in refusals()} <= NAMES
    assert len(refusals()) >= 10


def test_every_field_is_there() -> None:
    """Those of both kinds that users write and read."""
    first = fields_of("PodDiagnoser")
    assert first.keys() | fields_of("ClusterPodDiagnoser").keys() <= NAMES
    assert set(words.PHASES) == set(Phase)
    assert set(words.EVENT_LOOKUPS) == set(EventLookup)
