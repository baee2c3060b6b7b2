"""What programs of a user find: a kubeconfig whose context is in the namespace, and a PATH."""

import os
import sys
from pathlib import Path

import yaml

from tests.e2e.workspace import Workspace


def environment(shop: Workspace, folder: Path) -> dict[str, str]:
    """Return the environment of a user of the namespace, with kubectl and kubectl-diagnose.

    Args:
        shop: the namespace.
        folder: where the kubeconfig is written.
    """
    plane = shop.cluster.control_plane
    config = yaml.safe_load(plane.kubeconfig.read_text(encoding="utf-8"))
    config["contexts"][0]["context"]["namespace"] = shop.namespace
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config), encoding="utf-8")
    programs = (Path(plane.binaries.kubectl).parent, Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": ":".join([*map(str, programs), os.environ["PATH"]]),
        "KUBECONFIG": str(kubeconfig),
        "KUBECACHEDIR": str(plane.folder / "kubectl-cache"),
    }
