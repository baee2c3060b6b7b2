"""What an administrator runs: the make targets and scripts of the project, on a cluster."""

import os
import shutil
import subprocess
from pathlib import Path

from dev.envtest.cluster import Cluster
from dev.envtest.installation import EXTRA_NAMES, PROJECT

_MAKE = shutil.which("make") or "/usr/bin/make"


def make(cluster: Cluster, target: str) -> str:
    """Run a target of mk/deploy.mk or mk/kind.mk.

    Args:
        cluster: where.
        target: its name.

    Returns:
        What it printed.
    """
    files = ("-f", "mk/deploy.mk", "-f", "mk/kind.mk")
    return _run(
        cluster, [_MAKE, "--no-print-directory", *files, f"KUBECTL={kubectl(cluster)}", target]
    )


def install(cluster: Cluster, overlay: Path) -> str:
    """Run metacontroller/install.sh.

    Args:
        cluster: where.
        overlay: what is installed.

    Returns:
        What it printed.
    """
    return _run(cluster, ["/bin/sh", "metacontroller/install.sh", str(overlay)])


def kubectl(cluster: Cluster) -> str:
    """Return how to call kubectl for a cluster, options included."""
    plane = cluster.control_plane
    return f"{plane.binaries.kubectl} --kubeconfig {plane.kubeconfig}"


def _run(cluster: Cluster, command: list[str]) -> str:
    folder = cluster.control_plane.folder / "kubectl-cache"
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env={
            **os.environ,
            "KUBECTL": kubectl(cluster),
            "KUBECACHEDIR": str(folder),
            "EXTRA_NAMES": EXTRA_NAMES,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
