"""docs/kubectl-diagnose.md: every command on it runs, and prints what the page shows."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pod_diagnoser.api.time import format_time
from tests.support.builders import container, pod, terminated
from tests.support.fake_kubectl import Answer, FakeKubectl, answers_of, listed

PAGE = Path(__file__).parents[2] / "docs" / "kubectl-diagnose.md"

LOG = """starting
Traceback (most recent call last):
  File "/app/main.py", line 12, in <module>
    url = os.environ["DATABASE_URL"]
KeyError: 'DATABASE_URL'
"""

NOW = datetime.now(UTC).replace(microsecond=0)

_BLOCK = re.compile(r"```sh\n(.*?)```(?:\n\n```\n(.*?)```)?", re.DOTALL)


def steps() -> Iterator[tuple[str, str]]:
    """Yield the commands of the page, each with the output that it shows, or an empty string."""
    for commands, output in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        lines = [line.split("  #")[0].strip() for line in commands.splitlines()]
        for number, line in enumerate(lines, 1):
            yield line, output if number == len(lines) else ""


def without_times(text: str) -> str:
    """Replace what is another one whenever the page is tried."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", text)
    text = re.sub(r"\b\d+[smhd]\b( ago)?", "AGE", text)
    return re.sub(r" +", " ", text)


def api_pod(number: int, *, crashes: bool) -> Any:
    """Return a Pod of the Deployment api."""
    last = terminated(NOW - timedelta(minutes=2)) if crashes else None
    status = container(last=last, restarts=3 if crashes else 0)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-6d5f8", "uid": "rs-2"}
    labels = {"app": "api", "pod-template-hash": "6d5f8"}
    references = [{**owner, "controller": True}]
    name = f"api-6d5f8-x2x{number}k"
    of = pod(status, name=name, number=number, labels=labels, ownerReferences=references)
    of["status"]["phase"] = "Running"
    return of


def revision(number: int, image: str, **spec: Any) -> Any:
    """Return a ReplicaSet of the Deployment api."""
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api", "uid": "deploy-1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"api-{number}",
            "namespace": "shop",
            "uid": f"rs-{number}",
            "creationTimestamp": format_time(NOW - timedelta(hours=3 - number, minutes=2)),
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": image, **spec}]}}},
    }


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A shell with kubectl, which knows the cluster of the page, and the command beside it."""
    pods = [api_pod(1, crashes=True), api_pod(2, crashes=True), api_pod(3, crashes=False)]
    stuck = container("worker")
    waiting = {"reason": "ErrImagePull", "message": 'pull access denied for "shop/worker:2.0"'}
    stuck["state"] = {"waiting": waiting}
    worker = pod(stuck, name="worker", number=9)
    worker["spec"]["containers"][0]["image"] = "shop/worker:2.0"
    pods.append(worker)
    variables = [{"name": "DATABASE_URL", "value": "postgres://shop"}]
    revisions = [revision(1, "shop/api:1.4", env=variables), revision(2, "shop/api:1.5")]
    fake = FakeKubectl(tmp_path, {"get pods,events": listed(*pods)})
    fake.answers |= answers_of(pods, [])
    fake.answers |= {"logs": Answer(out=LOG), "get replicasets.apps": listed(*revisions)}
    fake.answers |= {"get": listed()}
    real = Path(fake.path)
    real.rename(tmp_path / "fake-kubectl")
    # kubectl replaces itself with a plug-in of that name.
    real.write_text(
        '#!/bin/sh\nif test "$1" = diagnose; then shift; exec kubectl-diagnose "$@"; fi\n'
        f'exec {tmp_path}/fake-kubectl "$@"\n',
        encoding="ascii",
    )
    real.chmod(0o755)
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "_": str(real)}


def test_every_command_runs_and_prints_what_the_page_shows(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """From a broken Pod to its cause; in the order of the page, in one folder."""
    tried = 0
    for command, shown in steps():
        if command.startswith("pip install"):
            continue  # `make package` installs the wheel
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        expected = 1 if "--exit-code" in command else 0
        assert (done.returncode, done.stderr) == (expected, ""), command
        if shown:
            assert without_times(done.stdout) == without_times(shown), command
        tried += 1
    assert tried >= 8


def test_the_page_has_the_cause() -> None:
    """What it promises."""
    assert json.dumps("KeyError: 'DATABASE_URL'")[1:-1] in PAGE.read_text(encoding="utf-8")
