"""README.md and docs/ say what is so."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest, PodSyncRequest
from pod_diagnoser.api.raw_request import strip_unread_fields
from pod_diagnoser.poddiagnosers.answer import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.pods.sync import sync_pod

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text()
PAGES = [
    "README.md",
    "docs/architecture.md",
    "docs/causes.md",
    "docs/benchmarks.md",
    "docs/reliability.md",
    "docs/filters.md",
    "metacontroller/README.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page: str) -> None:
    """Every link that is no URL leads to a file."""
    path = PROJECT / page
    for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not link.startswith("http"):
            assert (path.parent / link).exists(), link


def test_make_targets_exist() -> None:
    """Every make target that README names is one."""
    makefiles = [PROJECT / "Makefile", *sorted((PROJECT / "mk").glob("*.mk"))]
    targets = {
        target
        for makefile in makefiles
        for target in re.findall(r"^([a-z][a-z0-9-]*):", makefile.read_text(), re.MULTILINE)
    }
    named = {
        word
        for line in re.findall(r"(?:^|`)make ([a-zA-Z0-9 =.-]+)", README, re.MULTILINE)
        for word in line.split()
        if re.fullmatch(r"[a-z][a-z0-9-]*", word)
    }
    assert len(named) >= 10
    assert named <= targets


def test_the_samples_answer_is_what_readme_shows() -> None:
    """The curl example's annotations, but for the times that depend on when it is run."""
    body = strip_unread_fields((PROJECT / "examples" / "pods-sync.json").read_bytes())
    shown = re.search(r"```json\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    expected = json.loads(shown[1])["annotations"]
    answer = sync_pod(PodSyncRequest.model_validate_json(body), datetime.now(UTC)).response
    annotations = json.loads(answer.encode())["annotations"]
    assert annotations.keys() == expected.keys()
    crashes = "diagnostics.local.io/crashes"
    assert json.loads(annotations.pop(crashes))["history"][0]["cause"] == "Completed"
    del expected[crashes]
    assert annotations == expected


def test_the_poddiagnosers_sample_is_answered() -> None:
    """The other sample is a real request too."""
    body = strip_unread_fields((PROJECT / "examples" / "poddiagnosers-sync.json").read_bytes())
    request = PodDiagnoserSyncRequest.model_validate_json(body)
    now = datetime(2026, 11, 23, 4, tzinfo=UTC)
    answer = json.loads(sync_pod_diagnoser(take_snapshot(request), now).response.encode())
    assert answer["status"]["recentDiagnoses"][0]["reason"] == "Completed (Exit Code: 0)"
    assert answer["attachments"]


def test_settings_are_documented() -> None:
    """Every environment variable that the settings read stands in README."""
    source = (PROJECT / "hooks" / "pod_diagnoser" / "server" / "settings.py").read_text()
    variables = set(re.findall(r'"(POD_DIAGNOSER_[A-Z_]+)"', source))
    assert len(variables) >= 5
    for variable in variables:
        assert variable in README
