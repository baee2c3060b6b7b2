"""contrib/ with a real kubectl, on a real API server: columns, k9s' columns, Argo CD's health."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.envtest.client import Resource
from tests.contrib import k9s
from tests.contrib.interpreters import HEALTH, Interpreter, gopher_lua, plain_lua
from tests.contrib.page import commands, compared_with
from tests.e2e.surroundings import environment
from tests.e2e.workspace import OOM_KILLED, Workspace, shown_metadata
from tests.manifests.kustomize import PROJECT

CONFIG_MAPS = Resource("v1", "configmaps")
HEALTH_KEY = "resource.customizations.health.diagnostics.local.io_PodDiagnoser"


def run(shop: Workspace, command: str, folder: Path) -> str:
    """Run a command of the page in the project's folder; the context is in the namespace.

    Args:
        shop: the namespace.
        command: for a shell.
        folder: where a kubeconfig may be written.
    """
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=PROJECT,
        env=environment(shop, folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def rows(printed: str) -> list[list[str]]:
    """Return the cells of a table."""
    return [re.split(r" {2,}", line.strip()) for line in printed.splitlines()]


def test_kubectl_prints_what_the_page_shows(shop: Workspace, tmp_path: Path) -> None:
    """Both commands of the page, and each expression of k9s' columns, which takes kubectl's."""
    shop.diagnose()
    shop.start_pod("web")
    shop.start_pod("calm")
    shop.crash("web", OOM_KILLED)
    annotations, _ = shown_metadata(shop.annotated("web"))
    by_label, in_all = (each for each in commands() if "custom-columns-file" in each)

    headers, shown = rows(compared_with("tests/e2e compares"))
    expected = dict(zip(headers, shown, strict=True))
    expected |= {"NAMESPACE": shop.namespace, "WHEN": annotations["restart-time"]}
    printed = rows(run(shop, by_label, tmp_path))
    assert printed == [headers, list(expected.values())]

    everywhere = rows(run(shop, in_all, tmp_path))
    assert printed[1] in everywhere
    assert [shop.namespace, "calm", *["<none>"] * 4] in everywhere
    assert everywhere[-1] == printed[1]  # the latest of all

    for name, expression, _ in k9s.columns():
        if expression:
            command = f"kubectl get pod web -o custom-columns='{name}:{expression}'"
            key = expression.rsplit("/", maxsplit=1)[1]
            assert run(shop, command, tmp_path).splitlines()[1] == annotations[key], name


def test_argocd_gets_the_script(shop: Workspace, tmp_path: Path) -> None:
    """By the command of the page, beside what is there already."""
    (command,) = (each for each in commands() if "argocd-cm" in each)
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}}
    admin = shop.cluster.admin
    admin.create(CONFIG_MAPS, {**made, "data": {"url": "https://argocd"}}, shop.namespace)
    run(shop, command.replace("-n argocd", f"-n {shop.namespace}"), tmp_path)
    stored = admin.get(CONFIG_MAPS, "argocd-cm", shop.namespace)["data"]
    script = HEALTH.read_text(encoding="utf-8")
    assert stored == {"url": "https://argocd", HEALTH_KEY: script}


@pytest.mark.parametrize("find", [gopher_lua, plain_lua])
def test_argocd_reads_what_is_stored(
    find: Callable[[Path], Interpreter], shop: Workspace, tmp_path: Path
) -> None:
    """The health of a real PodDiagnoser, before and after a crash."""
    interpreter = find(tmp_path)
    shop.diagnose()
    shop.start_pod("web")
    calm = {"status": "Healthy", "message": "No Pod crashed."}
    assert interpreter.health(shop.diagnoser()) == calm
    shop.crash("web", OOM_KILLED)
    shop.counted(1)
    assert interpreter.health(shop.diagnoser()) == {
        "status": "Healthy",
        "message": "Pods diagnosed: 1. The last: web, OutOfMemory.",
    }
