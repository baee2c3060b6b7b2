"""k9s' files: their form, what the columns read, and what the plug-in runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pod_diagnoser.pods.keys import ANNOTATIONS
from tests.contrib import k9s
from tests.contrib.page import compared_with
from tests.support.builders import after, crashed
from tests.support.fake_kubectl import Answer, FakeKubectl, answers_of

SELECTED = {
    "KUBECONFIG": "",
    "CONTEXT": "prod",
    "NAMESPACE": "shop",
    "NAME": "app-1",
    "RESOURCE_NAME": "pods",
}

OF_K9S = {"NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "IP", "NODE", "QOS", "LABELS", "AGE"}
"""Columns that k9s has. Source: ``defaultPodHeader`` in ``internal/render/pod.go``."""

PLUGIN_FIELDS = {
    "shortCut": str,
    "description": str,
    "scopes": list,
    "command": str,
    "args": list,
}
"""Fields of a plug-in. Source: ``internal/config/json/schemas/plugins.json``, which refuses others
than it knows; ours are all that are required, and ``args``."""


def loaded(name: str) -> Any:
    """Read a file of k9s'."""
    return yaml.safe_load((k9s.FOLDER / name).read_text(encoding="utf-8"))


def test_the_form_of_views() -> None:
    """Source: ``internal/config/json/schemas/views.json``: views of columns, which are strings."""
    document = loaded("views.yaml")
    assert list(document) == ["views"]
    assert list(document["views"]) == ["v1/pods"]
    assert list(document["views"]["v1/pods"]) == ["columns"]
    given = document["views"]["v1/pods"]["columns"]
    assert all(isinstance(each, str) for each in given)
    assert len(k9s.columns()) == len(given)


def test_the_columns() -> None:
    """Ours read annotations that there are, whole; the others are k9s' own."""
    escaped = [key.replace(".", r"\.") for key in ANNOTATIONS]
    for name, expression, attributes in k9s.columns():
        assert bool(expression) != (name in OF_K9S)
        if expression:
            assert expression.removeprefix(".metadata.annotations.") in escaped
        assert set(attributes) <= set(k9s.ATTRIBUTES)
    shown = {name for name, _, attributes in k9s.columns() if "W" not in attributes}
    assert {"NAME", "STATUS", "CAUSE"} <= shown
    assert len({name for name, *_ in k9s.columns()}) == len(k9s.columns())


def test_the_form_of_the_plugin() -> None:
    """All fields are known, and of their type."""
    document = loaded("plugins.yaml")
    assert list(document) == ["plugins"]
    for plugin in document["plugins"].values():
        assert {field: type(value) for field, value in plugin.items()} == PLUGIN_FIELDS
        assert all(isinstance(each, str) for each in (*plugin["args"], *plugin["scopes"]))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A shell with kubectl-diagnose, less, and a kubectl that knows one crashed Pod."""
    if shutil.which("less") is None:
        pytest.skip("less is missing: the plug-in shows what it prints with it")
    pods = [crashed(after(-120), name="app-1"), crashed(after(-120), name="app-2", number=2)]
    for each in pods:
        each["status"]["phase"] = "Running"
    fake = FakeKubectl(tmp_path, answers_of(pods, []))
    fake.answers |= {"logs": Answer(out="KeyError: 'DATABASE_URL'\n"), "get": Answer(out="{}")}
    path = f"{Path(fake.path).parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "LESS": "FX", "KUBECONFIG": "elsewhere"}


def run(environment: dict[str, str], **values: str) -> str:
    """Run the plug-in; return what it shows, without colours."""
    command = k9s.command(SELECTED | values)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_the_plugin_shows_the_selected_pod(environment: dict[str, str], tmp_path: Path) -> None:
    """In the cluster that k9s shows."""
    shown = run(environment)
    assert "shop/app-1" in shown
    assert "ApplicationError" in shown
    assert "KeyError" in shown
    assert "app-2" not in shown
    assert "\x1b[" in shown
    calls = FakeKubectl(tmp_path).calls()
    assert calls
    assert all("--context prod" in call or "--context=prod" in call for call in calls)


def test_the_page_shows_what_the_plugin_prints(environment: dict[str, str]) -> None:
    """But for colours and times."""
    printed = re.sub(r"\x1b\[[\d;]*m", "", run(environment))
    shown = compared_with("tests/contrib compares this with what the plug-in prints")
    time = re.compile(r"(?<=When: {10}).+")
    assert time.sub("", printed) == time.sub("", shown)


def test_the_plugin_shows_why_nothing_can_be_shown(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A message on standard error would be gone with the screen."""
    (tmp_path / "answers").write_text(json.dumps({}), encoding="utf-8")
    assert "the fake kubectl has no answer" in run(environment)


def test_no_name_is_run(environment: dict[str, str], tmp_path: Path) -> None:
    """A context may have any name."""
    hostile = f"$(touch {tmp_path}/run);`touch {tmp_path}/run`' \" | touch {tmp_path}/run"
    run(environment, CONTEXT=hostile)
    assert not (tmp_path / "run").exists()
    calls = (tmp_path / "calls").read_text(encoding="utf-8")
    assert json.dumps(hostile)[1:-1] in calls


def test_the_files_are_short() -> None:
    """They are read before they are used."""
    for path in k9s.FOLDER.iterdir():
        assert len(path.read_text(encoding="utf-8").splitlines()) < 150
