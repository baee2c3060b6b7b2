"""What of the Helm chart can be checked without Helm; tests/e2e/test_chart.py renders it."""

import hashlib
import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev import chart
from pod_diagnoser.server.installation import CONTROLLERS
from tests.manifests.kustomize import PROJECT, SERVED_BY, load

VALUES = chart.CHART / "values.yaml"
SCHEMA = chart.CHART / "values.schema.json"
RELEASED = "58146fd8ad33"
"""The start of the hash of Metacontroller's kinds as released with 4.17.2."""

OPEN = {
    "global",
    "clusterPodDiagnoser.spec",
    "podSecurityContext",
    "affinity",
    "nodeSelector",
}
"""Values whose keys are Kubernetes', or the user's."""


@pytest.mark.parametrize(
    ("path", "text"), chart.wanted().items(), ids=lambda value: getattr(value, "name", "")
)
def test_made_files_are_up_to_date(path: Path, text: str) -> None:
    """Copies of what stands elsewhere, and the README's table: `make chart`."""
    assert path.read_text(encoding="utf-8") == text, "make chart"


def test_nothing_else_is_copied() -> None:
    """A copy whose source is gone would go on being installed."""
    present = {path for path in (chart.CHART / "files").rglob("*") if path.is_file()}
    assert present == chart.copies().keys()


def test_metacontrollers_kinds_are_as_released() -> None:
    """They are of the release whose image is the default, and unchanged."""
    text = (chart.CHART / "crds/metacontroller.yaml").read_text(encoding="utf-8")
    heading, _, kinds = text.partition("---\n")
    assert hashlib.sha256(f"---\n{kinds}".encode()).hexdigest().startswith(RELEASED)
    version = yaml.safe_load(VALUES.read_text(encoding="utf-8"))["metacontroller"]["image"]["tag"]
    assert version.removeprefix("v") in heading
    download = (PROJECT / "metacontroller/upstream/download.sh").read_text(encoding="utf-8")
    assert f"version={version}\n" in download


def leaves(values: Any, schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Walk values and schema beside each other; yield what only one of them has."""
    if path in OPEN or not isinstance(values, dict) or "properties" not in schema:
        return
    if schema.get("additionalProperties") is not False:
        yield path, "unknown keys are let through"
    for key in values.keys() ^ schema["properties"].keys():
        yield f"{path}.{key}".strip("."), "only in one of the two"
    for key in values.keys() & schema["properties"].keys():
        yield from leaves(values[key], schema["properties"][key], f"{path}.{key}".strip("."))


def test_the_schema_knows_every_value_and_no_other() -> None:
    """So that a misspelled value is refused."""
    values = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert set(leaves(values, schema)) == {
        ("global", "only in one of the two"),  # for charts of which this one is a part
    }


def test_every_value_is_described() -> None:
    """By a comment before it, or before what it is a part of."""
    text = VALUES.read_text(encoding="utf-8")
    described = {path for path, _, _ in chart.described_values(text)}

    def undescribed(values: Any, path: str) -> Iterator[str]:
        if path in described:
            return
        if not isinstance(values, dict) or not values:
            yield path
            return
        for key, value in values.items():
            yield from undescribed(value, f"{path}.{key}".strip("."))

    assert list(undescribed(yaml.safe_load(text), "")) == []


def test_every_alert_can_be_switched_off() -> None:
    """The values name each alert of the rules, and no other."""
    rules = yaml.safe_load((PROJECT / "contrib/prometheus/rules.yaml").read_text(encoding="utf-8"))
    names = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    values = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    assert values["prometheusRule"]["rules"] == dict.fromkeys(names, True)


def test_versions_are_the_projects() -> None:
    """A chart of one version installs the image of the same."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    described = load("charts/pod-diagnoser/Chart.yaml")
    assert described["version"] == described["appVersion"] == project["version"]
    assert project["version"] in described["annotations"]["artifacthub.io/images"]


def test_what_artifact_hub_reads() -> None:
    """Each is YAML, and the kinds are those that the chart installs."""
    annotations = load("charts/pod-diagnoser/Chart.yaml")["annotations"]
    kinds = {one["name"] for one in yaml.safe_load(annotations["artifacthub.io/crds"])}
    installed = {
        yaml.safe_load(path.read_text(encoding="utf-8"))["metadata"]["name"]
        for path in (chart.CHART / "files/crds").iterdir()
    }
    assert kinds == installed
    examples = yaml.safe_load(annotations["artifacthub.io/crdsExamples"])
    assert [one["kind"] for one in examples] == ["PodDiagnoser"]
    assert yaml.safe_load(annotations["artifacthub.io/changes"])


def test_a_removal_knows_every_decoratorcontroller() -> None:
    """The Job deletes all, those first that publish DiagnosisTargets."""
    assert set(CONTROLLERS) == SERVED_BY.keys()
    folder = PROJECT / "metacontroller/pod-diagnoser/base"
    publishers = {
        manifest["metadata"]["name"].removeprefix("pod-diagnoser-")
        for path in folder.glob("decoratorcontroller-*.yaml")
        if (manifest := yaml.safe_load(path.read_text(encoding="utf-8")))["spec"].get("attachments")
    }
    assert set(CONTROLLERS[:2]) == publishers


def test_a_released_chart_installs_the_released_image(tmp_path: Path) -> None:
    """By its digest; nothing else changes."""
    copy = tmp_path / "chart"
    shutil.copytree(chart.CHART, copy)
    digest = f"sha256:{'1' * 64}"
    named = ["registry=ghcr.io", "repository=o/pod-diagnoser", "tag=", f"digest={digest}"]
    assert chart.main(["image", str(copy), *named]) == 0
    values = yaml.safe_load((copy / "values.yaml").read_text(encoding="utf-8"))
    before = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    expected = {"registry": "ghcr.io", "repository": "o/pod-diagnoser", "digest": digest}
    assert values == {**before, "image": {**before["image"], **expected}}
    assert "image: ghcr.io/o/pod-diagnoser:0.1.0" in (copy / "Chart.yaml").read_text("utf-8")
