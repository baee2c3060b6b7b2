"""What the tests of the chart share: Helm, its renderings, and the kustomizations beside them."""

import copy
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dev.envtest.control_plane import ControlPlane
from dev.envtest.installation import PROJECT, SYSTEM
from tests.e2e.workspace import eventually

CHART = PROJECT / "charts/pod-diagnoser"
RELEASE = "pod-diagnoser"

Json = dict[str, Any]
Key = tuple[str, str]
"""Kind and name of an object. Names of one kind are those of one namespace, or of the cluster."""


def delete_kinds(plane: ControlPlane) -> None:
    """Delete all CRDs; on a busy machine the API server takes more than a minute for it."""
    plane.kubectl("delete", "crd", "--all", "--wait=false")
    eventually(
        lambda: plane.kubectl("get", "crd", "-o", "name"), lambda found: not found, 300, pause=0.5
    )


class HelmError(AssertionError):
    """Helm failed; the message is what it said."""


class Helm:
    """Runs Helm.

    Args:
        program: its path.
        folder: where it keeps what it keeps, and where values are written.
        kubeconfig: of the cluster; None where no cluster may be needed.
    """

    def __init__(self, program: Path, folder: Path, kubeconfig: Path | None = None) -> None:
        self._program = program
        self._folder = folder
        self._environment = {
            **os.environ,
            **{f"HELM_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")},
            # Not the user's, by mistake; and none that answers where none is given.
            "KUBECONFIG": str(kubeconfig or "/dev/null"),
            "HELM_NAMESPACE": SYSTEM,
        }

    def run(self, *arguments: str | Path, timeout: float = 120) -> str:
        """Run a command; return what it printed.

        Raises:
            HelmError: it failed.
        """
        done = subprocess.run(
            [self._program, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        if done.returncode:
            raise HelmError(done.stderr + done.stdout)
        return done.stdout

    def values(self, values: Mapping[str, Any]) -> str:
        """Write values; return the flag that names the file."""
        path = self._folder / "values.json"
        path.write_text(json.dumps(values), encoding="utf-8")
        return f"--values={path}"

    def template(self, *arguments: str, **values: Any) -> list[Json]:
        """Render the chart without a cluster; return the objects, those of hooks too."""
        text = self.run("template", RELEASE, CHART, self.values(values), *arguments)
        return [one for one in yaml.safe_load_all(text) if one]


def hooks_of(manifest: Json) -> str:
    """Return when Helm creates an object that is a hook of the chart; "" for all others."""
    annotations: dict[str, str] = manifest["metadata"].get("annotations") or {}
    return annotations.get("helm.sh/hook", "")


def comparable(manifests: Sequence[Json]) -> dict[Key, Json]:
    """Return objects by kind and name, without what Helm or install.sh alone writes on them."""
    found: dict[Key, Json] = {}
    for one in copy.deepcopy(list(manifests)):
        metadata = one["metadata"]
        for part in (metadata, one.get("spec", {}).get("template", {}).get("metadata", {})):
            labels = part.get("labels") or {}
            for key in (*(label for label in labels if label.startswith("helm.sh/")), *_ALLOWED):
                labels.pop(key, None)
        annotations = metadata.pop("annotations", None) or {}
        left = {
            key: value
            for key, value in annotations.items()
            if not key.startswith(("helm.sh/", "meta.helm.sh/"))
        }
        if left:
            metadata["annotations"] = left
        metadata.pop("creationTimestamp", None)
        key = (one["kind"], metadata["name"])
        assert key not in found, key
        found[key] = json.loads(json.dumps(one))
    return found


_ALLOWED = (
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "diagnostics.local.io/install-step",  # of metacontroller/install.sh
)
"""Labels that only one of the two has."""
