"""A stand-in for Metacontroller's repository, and what download.sh makes of it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.manifests.kustomize import PROJECT, Object

RELEASED: list[Object] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "metacontroller"}},
    {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "metacontroller", "namespace": "metacontroller"},
    },
    {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "metacontroller", "namespace": "metacontroller"},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "metacontroller"}},
            "serviceName": "",
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": "metacontroller"}},
                "spec": {
                    "serviceAccountName": "metacontroller",
                    "containers": [
                        {
                            "name": "metacontroller",
                            "image": "ghcr.io/metacontroller/metacontroller:v4.17.2",
                            "command": ["/usr/bin/metacontroller"],
                            "args": ["--zap-log-level=4", "--discovery-interval=20s"],
                        }
                    ],
                },
            },
        },
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "metacontroller"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "aggregate-metacontroller-view"},
        "rules": [
            {"apiGroups": ["metacontroller.k8s.io"], "resources": ["x"], "verbs": ["get"]},
        ],
    },
]
"""The objects of Metacontroller 4.17.2's manifests/production that our overlays touch, and one of
those that they must not change."""


def make_repository(folder: Path) -> Path:
    """Make a repository with `RELEASED` and the release's tag.

    Args:
        folder: where; empty.

    Returns:
        The folder.
    """
    if shutil.which("git") is None:
        pytest.skip("git is missing: Metacontroller's manifests are downloaded with it")
    production = folder / "manifests" / "production"
    production.mkdir(parents=True)
    (production / "all.yaml").write_text(yaml.safe_dump_all(RELEASED), encoding="utf-8")
    (production / "kustomization.yaml").write_text("resources: [all.yaml]\n", encoding="utf-8")
    (folder / "LICENSE").write_text("Apache License\n", encoding="utf-8")
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "Release"]):
        git(folder, *command)
    git(folder, "tag", "v4.17.2")
    return folder


def copy_with_release(folder: Path, repository: Path) -> Path:
    """Copy metacontroller/upstream, and have its download.sh add the released manifests.

    Args:
        folder: where to.
        repository: of `make_repository`.

    Returns:
        The copy's folder.
    """
    upstream = folder / "upstream"
    ignored = shutil.ignore_patterns("released")
    shutil.copytree(PROJECT / "metacontroller" / "upstream", upstream, ignore=ignored)
    done = download(upstream, repository, git(repository, "rev-parse", "HEAD"))
    assert done.returncode == 0, done.stderr
    return upstream


def download(
    upstream: Path, repository: Path, commit: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run download.sh of a copy; without a commit it wants the one of the release."""
    environment = {**os.environ, "METACONTROLLER_REPOSITORY": str(repository)}
    if commit is not None:
        environment["METACONTROLLER_COMMIT"] = commit
    return subprocess.run(
        ["/bin/sh", upstream / "download.sh"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, apart from the user's configuration; return what it printed."""
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()
