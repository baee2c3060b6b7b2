"""What is installed and run on the way to an image is pinned; SBOM and licences are complete."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from dev.supply_chain import licences, pins
from tests.manifests.kustomize import PROJECT

LOCK = (PROJECT / "uv.lock").read_text(encoding="utf-8")
PACKAGES = {one["name"]: one for one in tomllib.loads(LOCK)["package"]}
WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))
DIGEST = f"sha256:{'0' * 64}"
RELEASING = {
    "image": {"packages", "id-token", "attestations"},
    "chart": {"packages", "id-token"},
}
"""What each job of a release may write."""


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("FROM python:3.11-slim", ["python:3.11-slim"]),
        ("FROM python:3.11-slim@sha256:abc AS build", ["python:3.11-slim@sha256:abc"]),
        ("FROM python:${VERSION}-slim", ["python:${VERSION}-slim"]),
        ("from python", ["python"]),
        (f"FROM python:3.11-slim@{DIGEST} AS build\nFROM build", []),
    ],
)
def test_an_image_without_digest_is_named(line: str, missing: list[str]) -> None:
    """Also one whose digest is cut short, and one that an argument chooses."""
    assert pins.unpinned(f"# FROM nothing\n{line}\nRUN true\n") == missing


def test_all_base_images_get_their_digest() -> None:
    """Those of both Dockerfiles, whether they have one already or not; nothing else changes."""
    for path in pins.DOCKERFILES:
        text = path.read_text(encoding="utf-8")
        new = pins.pinned(text, lambda image: DIGEST if image == "python:3.11-slim" else "")
        assert pins.unpinned(new) == []
        assert new.replace(f"@{DIGEST}", "") == re.sub("@sha256:[0-9a-f]{64}", "", text)
        assert pins.pinned(new, lambda _: DIGEST) == new


def test_no_digest_is_made_up() -> None:
    """What the registry says must be a digest."""
    with pytest.raises(pins.PinError):
        pins.pinned("FROM python:3.11-slim\n", lambda _: "latest")


def test_a_release_is_checked_before_it_is_built() -> None:
    """The job that pushes the image needs the one that demands digests."""
    jobs = yaml.safe_load((PROJECT / ".github/workflows/release.yml").read_text("utf-8"))["jobs"]
    assert jobs["image"]["needs"] == "check"
    assert {"run": "make check-pins"} in jobs["check"]["steps"]


def test_the_images_uv_has_the_hashes_of_the_lock_file() -> None:
    """The file that pip installs by is the one that make update-pins writes."""
    text = pins.UV_REQUIREMENTS.read_text(encoding="utf-8")
    assert text == pins.uv_requirements(LOCK)
    assert text.count("--hash=sha256:") > 10


def test_every_package_of_the_lock_file_has_hashes() -> None:
    """Each file of each, the project itself apart."""
    for name, package in PACKAGES.items():
        files = [package[key] for key in ("sdist",) if key in package] + package.get("wheels", [])
        assert all(file["hash"].startswith("sha256:") for file in files)
        assert bool(files) == (name != "pod-diagnoser")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """With the version that the commit is, for people and for Dependabot."""
    used = re.findall(r"uses: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_do_no_more_than_they_need(path: Path) -> None:
    """Only the jobs that release image and chart may write, and only what a release takes."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for name, job in workflow["jobs"].items():
        writes = {one for one, may in job.get("permissions", {}).items() if may == "write"}
        allowed = RELEASING.get(name, set()) if path.name == "release.yml" else set()
        assert writes == allowed


def test_ci_runs_on_each_python_and_with_the_lowest_versions() -> None:
    """Each that the classifiers of dependencies reach, from the oldest that is supported."""
    jobs = yaml.safe_load((PROJECT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]
    assert jobs["run"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    assert {"run": ".ci/run"} in jobs["run"]["steps"]
    assert {"run": "make test-lowest"} in jobs["lowest"]["steps"]


def sbom(folder: Path) -> licences.Sbom:
    """Make the SBOM as the Makefile does."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    ((options,),) = (re.findall(r"\$\(UV\) export (.*--format cyclonedx1.5)", makefile),)
    path = folder / "sbom.cdx.json"
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    subprocess.run(
        [Path(sys.executable).with_name("uv"), "export", *options.split(), "--output-file", path],
        cwd=PROJECT,
        env={**environment, "UV_PROJECT_ENVIRONMENT": sys.prefix},
        check=True,
    )
    document: licences.Sbom = json.loads(path.read_text(encoding="utf-8"))
    return document


def shipped() -> dict[str, str]:
    """Return what the lock file says is installed with the product and its extras, by name."""
    project = PACKAGES["pod-diagnoser"]
    queue = [*project["dependencies"], *project["optional-dependencies"]["cli"]]
    found: dict[str, str] = {}
    while queue:
        name = queue.pop()["name"]
        if name not in found:
            found[name] = PACKAGES[name]["version"]
            queue += PACKAGES[name].get("dependencies", [])
    return found


def test_sbom_and_licences_are_complete(tmp_path: Path) -> None:
    """What the lock file installs, no more and no less, with hashes; each licence is allowed."""
    document = sbom(tmp_path)
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.5")
    components = document["components"]
    assert {one["name"]: one["version"] for one in components} == shipped()
    for one in components:
        assert one["purl"].startswith(f"pkg:pypi/{one['name']}@{one['version']}")
        assert all(file["hashes"] for file in one["externalReferences"])
    found = licences.rows(document)
    assert len(found) >= len(components) - 2  # some are for other systems only
    assert [row for row in found if not licences.allowed(row[-1])] == []


@pytest.mark.parametrize(
    ("expression", "may"),
    [
        ("MIT", True),
        ("(MIT OR Apache-2.0) AND PSF-2.0", True),
        ("MIT AND GPL-3.0-only", False),
        (licences.UNKNOWN, False),
        ("", False),
    ],
)
def test_every_part_of_a_licence_is_judged(expression: str, may: bool) -> None:
    """One that is not known is not allowed."""
    assert licences.allowed(expression) is may


@pytest.mark.parametrize(
    ("named", "classifiers", "licence"),
    [
        ({"License-Expression": "ISC", "License": "x"}, [], "ISC"),
        ({}, ["License :: OSI Approved :: MIT License"], "MIT"),
        ({"License": "BSD License"}, ["License :: OSI Approved"], "BSD-3-Clause"),
        ({"License": "do what you like"}, [], licences.UNKNOWN),
    ],
)
def test_a_licence_is_found_where_metadata_name_it(
    named: dict[str, str], classifiers: list[str], licence: str
) -> None:
    """The expression first, then the classifiers, then the free text if it is a known name."""
    assert licences.licence_of(named, classifiers) == licence
