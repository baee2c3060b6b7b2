"""The hook's image. Nothing here runs Docker: the Dockerfile is checked against the project."""

import re
import tomllib
from pathlib import PurePosixPath

import pytest

from pod_diagnoser.server.settings import Settings
from tests.manifests.kustomize import BASE, COMPONENTS, PROJECT, containers, of_kind, render

DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
BUILD, FINAL = DOCKERFILE.split("\nFROM ")[1:]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


def copied() -> list[str]:
    """Return what the build stage copies from the project."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", BUILD, re.MULTILINE)
    sources = [source for line in lines for source in line.split()[:-1]]
    assert len(sources) >= 5
    return sources


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_exists_and_is_not_ignored(source: str) -> None:
    """Each source is in the project, and .dockerignore lets it through."""
    assert (PROJECT / source).exists()
    lines = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    assert f"!{source}" in lines


def test_nothing_else_is_let_through() -> None:
    """The build sees what it copies, and nothing more."""
    lines = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == set(copied())


def test_what_the_package_is_built_from_is_copied() -> None:
    """The files that pyproject.toml names for the package's metadata and contents."""
    project = PYPROJECT["project"]
    licences = (PurePosixPath(each).parts[0] for each in project["license-files"])
    named = {project["readme"], *licences}
    packages = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    named |= {PurePosixPath(package).parts[0] for package in packages}
    assert named <= set(copied())


def test_installs_by_the_lock_file_with_the_projects_own_uv() -> None:
    """The same uv as everywhere else; what the lock file does not say is not installed."""
    options = "--require-hashes --requirement uv.requirements.txt"
    assert re.search(rf"^RUN pip install .* {options}$", BUILD, re.MULTILINE)
    syncs = re.findall(r"^RUN uv sync (.+)$", BUILD, re.MULTILINE)
    assert len(syncs) == 2
    for options in syncs:
        assert {"--locked", "--no-dev", "--no-editable"} <= set(options.split())


def test_final_stage_gets_the_environment_and_no_tools() -> None:
    """One folder comes from the build; pip and what would bring it back are removed."""
    (folder,) = re.findall(r"UV_PROJECT_ENVIRONMENT=(\S+)", BUILD)
    assert re.findall(r"^COPY (.+)$", FINAL, re.MULTILINE) == [f"--from=build {folder} {folder}"]
    assert f"PATH={folder}/bin:$PATH" in FINAL
    assert re.search(r"pip uninstall --yes .*pip setuptools wheel", FINAL)
    assert "ensurepip" in FINAL
    assert not re.search(r"\b(apt-get|pip install|curl|uv sync)\b", FINAL)


def test_both_stages_are_one_python_that_is_supported() -> None:
    """The environment's interpreter is a link to the image's, so both have to be the same."""
    first, second = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert first == second
    (version,) = re.findall(r"^python:3\.(\d+)-slim(?:@|$)", first)
    (oldest,) = re.findall(r"^>=3\.(\d+)$", PYPROJECT["project"]["requires-python"])
    assert int(version) >= int(oldest)


def test_runs_as_a_number_that_is_not_root() -> None:
    """The kubelet can check runAsNonRoot only where the image's user is a number."""
    (user,) = re.findall(r"^USER (\d+):\d+$", FINAL, re.MULTILINE)
    assert int(user) >= 10000


def test_starts_gunicorn_itself() -> None:
    """In exec form: gunicorn is process 1 and gets the signals; manifests change nothing of it."""
    assert (
        'CMD ["gunicorn", "--config", "python:pod_diagnoser.server.gunicorn_conf", '
        '"pod_diagnoser.server.app:create_app()"]'
    ) in FINAL
    for name in COMPONENTS:
        deployment = of_kind(render(BASE), "Deployment")[f"pod-diagnoser-{name}"]
        (container,) = containers(deployment)
        assert not container.keys() & {"command", "args"}


def test_listens_where_it_says() -> None:
    """The port that is exposed is the one that the image's variables set."""
    variables = dict(re.findall(r"(POD_DIAGNOSER_\w+)=(\S+)", FINAL))
    settings = Settings.from_environment(variables)
    assert settings.host == "0.0.0.0"
    (exposed,) = re.findall(r"^EXPOSE (.+)$", FINAL, re.MULTILINE)
    assert exposed == f"{settings.port} {settings.metrics_port}"


def test_takes_no_call_without_a_token_or_tls() -> None:
    """Without the manifests it looks for both where the manifests mount them."""
    variables = dict(re.findall(r"(POD_DIAGNOSER_\w+)=(\S+)", FINAL))
    settings = Settings.from_environment(variables)
    folders = [str(settings.token_folder), str(settings.tls_folder)]
    for deployment in of_kind(render(BASE), "Deployment").values():
        (container,) = containers(deployment)
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == folders
