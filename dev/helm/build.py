"""Find Helm, or build it once from its Go module.

Looked for in this order:

1. The cache: ``$XDG_CACHE_HOME/pod-diagnoser/helm`` (``~/.cache`` by default).
2. ``go``: builds the version locked in ``gomodule/go.mod`` and ``go.sum`` into that cache. Its
   modules have the control plane's versions, so that both share most of Go's own cache.
3. ``PATH``.

Run as ``python -m dev.helm.build`` it prints the path.
"""

import shutil
from pathlib import Path

from dev.go_builds import LockedPrograms, MissingError, print_found

_MODULE = "helm.sh/helm/v3"
_VARIABLES = {
    "internal/version.version": "{version}",
    # For which Kubernetes it renders where there is no cluster: that of the go.mod.
    "pkg/chartutil.k8sVersionMajor": "1",
    "pkg/chartutil.k8sVersionMinor": "36",
    "pkg/lint/rules.k8sVersionMajor": "1",
    "pkg/lint/rules.k8sVersionMinor": "36",
}
_LDFLAGS = ["-s", "-w", *(f"-X {_MODULE}/{name}={value}" for name, value in _VARIABLES.items())]
LOCKED = LockedPrograms(
    name="Helm",
    lock=Path(__file__).parent / "gomodule",
    module=_MODULE,
    commands={"helm": f"{_MODULE}/cmd/helm"},
    flags=("-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags={' '.join(_LDFLAGS)}"),
)


def find() -> Path:
    """Find the program; build it if necessary and possible.

    Raises:
        MissingError: it is neither at hand nor can it be built here.
        BuildError: the build failed.
    """
    folder = LOCKED.find()
    if folder is not None:
        return folder / "helm"
    on_path = shutil.which("helm")
    if on_path is None:
        msg = "helm is missing: install Go to have it built, or put helm 3.17 or newer on PATH"
        raise MissingError(msg)
    return Path(on_path)


if __name__ == "__main__":
    raise SystemExit(print_found(find))
