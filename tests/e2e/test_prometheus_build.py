"""How Prometheus is found, and the message where it is not (no cluster needed)."""

from pathlib import Path

import pytest

from dev.go_builds import BuildError, MissingError
from dev.prometheus import build


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with nothing on it: the empty folder that is its PATH, and an empty cache."""
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


def program(path: Path, script: str = "") -> None:
    """Put a program there."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_without_go_it_is_taken_from_path(bare: Path) -> None:
    """Both programs, or none: they are of one version."""
    program(bare / "promtool")
    with pytest.raises(MissingError, match="prometheus or promtool is missing: install Go"):
        build.find()
    program(bare / "prometheus")
    found = build.find()
    assert (found.prometheus, found.promtool) == (bare / "prometheus", bare / "promtool")


def test_a_failed_build_leaves_nothing_and_says_why(bare: Path) -> None:
    """The next run builds again."""
    program(bare / "go", "echo no such module >&2; exit 1")
    for _ in range(2):
        with pytest.raises(BuildError, match="go build failed:\nno such module"):
            build.find()


def test_what_was_built_is_used_again(bare: Path) -> None:
    """By version, platform and recipe; Go is not asked a second time."""
    made = 'while [ "$1" != -o ]; do shift; done; : > "$2/prometheus"; : > "$2/promtool"'
    program(bare / "go", made)
    found = build.find()
    assert found.prometheus.is_file()
    assert build.LOCKED.version() in found.prometheus.parent.name
    (bare / "go").unlink()
    assert build.find() == found
