"""README.md, CONTRIBUTING.md and docs/ name what exists, and show what the hook returns."""

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from pydantic import AliasChoices

from pod_diagnoser.api.diagnoser_state import DiagnoserStates
from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest, PodSyncRequest
from pod_diagnoser.api.raw_request import strip_unread_fields
from pod_diagnoser.poddiagnosers.response import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.server.settings import Settings
from pod_diagnoser.server.state_families import state_families
from pod_diagnoser.server.telemetry import Telemetry

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "hooks" / "pod_diagnoser"
README = (PROJECT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in (
        "*.md",
        "docs/*.md",
        "docs/runbooks/*.md",
        "contrib/*.md",
        "metacontroller/*.md",
        "tests/e2e/*.md",
    )
    for path in PROJECT.glob(pattern)
)
MAX_README_LINES = 145


def read(page: str) -> str:
    """Return the text of a page."""
    return (PROJECT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"```.*?```", "", read(page), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def commands(page: str) -> Iterator[str]:
    """Yield the commands of a page: those of its shell blocks, and those in code font."""
    yield from re.findall(r"`((?:\.venv/bin/pytest|kubectl|sh) [^`]+)`", prose(page))
    for block in re.findall(r"```sh\n(.*?)```", read(page), re.DOTALL):
        without_files = re.sub(r"<<'END'\n.*?\nEND\n", "\n", block, flags=re.DOTALL)
        for line in without_files.replace("\\\n", " ").splitlines():
            yield line.split("  #")[0].strip()


def test_readme_is_short() -> None:
    """It is a front page; the reference is in docs/."""
    assert len(README.splitlines()) <= MAX_README_LINES


def test_readme_leads_to_every_page() -> None:
    """Anyone who starts at README finds all of docs/."""
    linked = set(re.findall(r"\]\(([^)#]+)\)", README))
    assert {path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("docs/*.md")} <= linked
    assert {"CONTRIBUTING.md", "CHANGELOG.md", "metacontroller/README.md"} <= linked


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Every link that is no URL leads to a file, and its anchor to a heading there."""
    path = PROJECT / page
    for link in re.findall(r"\]\(([^)]+)\)", read(page)):
        if link.startswith("http"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file) if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    """Every make target that a page names is one."""
    makefiles = [PROJECT / "Makefile", *sorted((PROJECT / "mk").glob("*.mk"))]
    targets = {
        target
        for makefile in makefiles
        for target in re.findall(r"^([a-z][a-z0-9-]*):", makefile.read_text(), re.MULTILINE)
    }
    text = re.sub(r"  #.*", "", read(page))
    for line in re.findall(r"(?:^|`)make ([a-zA-Z0-9 =.…-]+)", text, re.MULTILINE):
        for word in line.split():
            assert "=" in word or word in targets, line


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "metacontroller/README.md"])
def test_commands_name_what_exists(page: str) -> None:
    """Every file and folder of the project that a command names is there."""
    found = 0
    made = {"metacontroller/pod-diagnoser/overlays/mine"}  # by the commands before
    for command in commands(page):
        for path in re.findall(r"(?:-[kfd] @?|\bsh |pytest (?:-\S+ )*)((?!-)[\w./-]+)", command):
            found += 1
            assert path in made or (PROJECT / path).exists(), command
    assert found


@pytest.mark.parametrize("page", PAGES)
def test_files_that_the_text_names_exist(page: str) -> None:
    """A file in code font is there: from the project's root, the page's folder or the package."""
    folders = [PROJECT, (PROJECT / page).parent, PACKAGE]
    if page in ("docs/architecture.md", "CONTRIBUTING.md"):  # beside a file with its full path
        folders += [path for path in PACKAGE.iterdir() if path.is_dir()]
    for name in re.findall(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|md|yaml|toml|mk|sh|json))`", prose(page)):
        assert any((folder / name).exists() for folder in folders), name


def test_the_architecture_names_what_the_code_names() -> None:
    """Every class and constant of the glossary and the text is one of the package."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    words = re.findall(
        r"`([A-Z]\w+[a-z]\w*|[A-Z_]{4,}|[a-z]+_[a-z_]+)`", prose("docs/architecture.md")
    )
    assert len(words) >= 5
    foreign = {"APIReader", "ContainerStateTerminated"}
    for word in set(words) - foreign:
        assert re.search(rf"\b{word}\b", source), word


def test_the_properties_are_those_of_the_simulation() -> None:
    """docs/reliability.md names properties by their names in the simulation."""
    source = read("tests/simulation/properties.py")
    rows = [line for line in read("docs/reliability.md").splitlines() if line.startswith("|")]
    names = re.findall(r"`([A-Z_]{4,})`", "\n".join(rows))
    assert len(names) >= 20
    for name in names:
        assert re.search(rf"\b{name}\b", source), name


def test_the_sample_response_is_what_readme_shows() -> None:
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


def test_the_poddiagnosers_sample_gets_a_status() -> None:
    """The other sample is a real request too, with a diagnosis in its response."""
    body = strip_unread_fields((PROJECT / "examples" / "poddiagnosers-sync.json").read_bytes())
    request = PodDiagnoserSyncRequest.model_validate_json(body)
    now = datetime(2026, 11, 23, 4, tzinfo=UTC)
    answer = json.loads(sync_pod_diagnoser(take_snapshot(request), now).response.encode())
    assert answer["status"]["recentDiagnoses"][0]["reason"] == "Completed (Exit Code: 0)"
    assert answer["attachments"]


def test_the_workflow_runs_what_ci_runs() -> None:
    """It calls .ci/run on each Python from the lowest on, and make test-lowest once."""
    jobs = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]
    versions = jobs["run"]["strategy"]["matrix"]["python"]
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert project["requires-python"] == f">={versions[0]}"
    assert ".ci/run" in [step.get("run") for step in jobs["run"]["steps"]]
    assert "make test-lowest" in [step.get("run") for step in jobs["lowest"]["steps"]]
    for command in re.findall(r"^(?:    )?make ([a-z-]+)$", read(".ci/run"), re.MULTILINE):
        assert re.search(rf"^{command}:", read("Makefile"), re.MULTILINE), command


def test_settings_are_documented() -> None:
    """docs/settings.md has a row for every environment variable that the settings read."""
    variables: set[object] = set()
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        variables |= set(alias.choices) if isinstance(alias, AliasChoices) else {alias}
    rows = re.findall(
        r"^\| (`[A-Z_]+`(?:, or `[A-Z_]+`)?) \|", read("docs/settings.md"), re.MULTILINE
    )
    documented = re.findall(r"`([A-Z_]+)`", " ".join(rows))
    assert len(documented) >= 10
    assert sorted(documented) == sorted(map(str, variables - {None}))


def test_metrics_are_documented() -> None:
    """docs/metrics.md has a row for every metric."""
    registry = CollectorRegistry()
    Telemetry(registry)
    served = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in (*registry.collect(), *state_families(DiagnoserStates((), 0)))
    }
    rows = re.findall(r"^\| `(\w+)` \|", read("docs/metrics.md"), re.MULTILINE)
    assert set(rows) == served
    assert len(rows) == len(served)
