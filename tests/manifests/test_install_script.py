"""What ``metacontroller/install.sh`` applies in which step; how it works, ``tests/e2e`` shows."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.manifests.kustomize import BASE, DEFAULT, PROJECT, build_overlay, of_kind, render

SCRIPT = PROJECT / "metacontroller" / "install.sh"
STEP = "diagnostics.local.io/install-step"


def step(manifest: dict[str, dict[str, dict[str, str]]]) -> str | None:
    """Return the label by which the script selects an object."""
    return manifest["metadata"].get("labels", {}).get(STEP)


def test_kinds_come_first_and_what_every_pod_goes_through_last(tmp_path: Path) -> None:
    """Each object belongs to one of the script's four steps, whatever components there are."""
    assert {step(one) for one in render("crds")} == {"1"}
    controllers = of_kind(render(BASE), "DecoratorController")
    resources = {
        resource["resource"]
        for one in controllers.values()
        if step(one) == "3"
        for resource in one["spec"]["resources"]
    }
    assert resources == {"poddiagnosers", "clusterpoddiagnosers", "diagnosistargets"}
    assert step(controllers["pod-diagnoser-pods"]) == "4"
    rest = [one for one in render(BASE) if one["kind"] != "DecoratorController"]
    assert {step(one) for one in rest} == {None}
    more = build_overlay(tmp_path, "default", "evidence", "evidence-changes", "state-metrics")
    assert {step(one) for one in more} == {"1", None, "3", "4"}

    script = SCRIPT.read_text(encoding="utf-8")
    assert re.findall(r'apply -l "\$step(.+?)"', script) == ["=1", " notin (1, 3, 4)", "=3", "=4"]
    for kind in re.findall(r"for kind in (.+); do", script)[0].split():
        assert f"{kind}.diagnostics.local.io" in of_kind(render("crds"), "CustomResourceDefinition")


def test_credentials_are_made_where_they_are_asked_for(tmp_path: Path) -> None:
    """The script looks for their names in what it applies; without a token there is TLS still."""
    (pattern,) = re.findall(r'\*"(.+?)"\*\) KUBECTL=', SCRIPT.read_text(encoding="utf-8"))
    assert pattern in yaml.safe_dump_all(render(DEFAULT))
    assert pattern in yaml.safe_dump_all(build_overlay(tmp_path, "default", "without-token"))
    assert pattern not in yaml.safe_dump_all(render("crds"))


def test_the_made_up_crash_fits_its_pod() -> None:
    """The Pod is never scheduled, and the PodDiagnoser claims nothing else of ours."""
    folder = PROJECT / "metacontroller"
    both = yaml.safe_load_all((folder / "installation-check.yaml").read_text(encoding="utf-8"))
    diagnoser, pod = both
    assert pod["spec"]["schedulingGates"]
    claimed = diagnoser["spec"]["targetLabels"].items()
    assert claimed <= pod["metadata"]["labels"].items()
    for deployment in of_kind(render(BASE), "Deployment").values():
        assert not claimed <= deployment["spec"]["template"]["metadata"]["labels"].items()
    text = (folder / "installation-check-crash.yaml").read_text(encoding="utf-8")
    (status,) = yaml.safe_load(text)["status"]["containerStatuses"]
    assert status["name"] == pod["spec"]["containers"][0]["name"]


@pytest.mark.parametrize(
    ("fails", "steps", "message"),
    [
        ("crd/decoratorcontrollers", 0, "Install Metacontroller first"),
        ("kustomize", 0, ""),
        ("rollout", 2, ""),
        ("poddiagnoser/installation-check", 3, "do not work together: the Events above say why"),
        ("pod/installation-check", 4, "do not work together: the Events above say why"),
    ],
)
def test_it_ends_where_a_step_fails(tmp_path: Path, fails: str, steps: int, message: str) -> None:
    """It says so, goes no further, and takes the made-up crash away again."""
    log = tmp_path / "log"
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        f"""#!/bin/sh
echo "$*" >>{log}
case "$*" in
*{fails}*) exit 1 ;;
*" get deployment "*) echo deployment/pod-diagnoser-pods ;;
esac
""",
        encoding="utf-8",
    )
    kubectl.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", SCRIPT],
        env={**os.environ, "KUBECTL": str(kubectl)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert message in done.stderr
    calls = log.read_text(encoding="utf-8").splitlines()
    assert sum(call.startswith("apply -f - -l") for call in calls) == steps
    assert sum("delete poddiagnoser,pod installation-check" in call for call in calls) == (
        steps > 2
    )
