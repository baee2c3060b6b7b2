"""Find Prometheus and promtool, or build them once from their Go module.

Looked for in this order:

1. The cache: ``$XDG_CACHE_HOME/pod-diagnoser/prometheus`` (``~/.cache`` by default).
2. ``go``: builds the version locked in ``gomodule/go.mod`` and ``go.sum`` into that cache, without
   service discovery. Some minutes on two cores the first time.
3. ``PATH``: Debian's package ``prometheus`` has both.

Run as ``python -m dev.prometheus.build`` it prints the folder.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from dev.go_builds import LockedPrograms, MissingError, print_found

_NAMES = ("prometheus", "promtool")
_MODULE = "github.com/prometheus/prometheus"
LOCKED = LockedPrograms(
    name="Prometheus",
    lock=Path(__file__).parent / "gomodule",
    module=_MODULE,
    commands={name: f"{_MODULE}/cmd/{name}" for name in _NAMES},
    flags=(
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags=-s -w",
        "-tags=remove_all_sd",
    ),
)


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the programs."""

    prometheus: Path
    promtool: Path


def find() -> Programs:
    """Find the programs; build them if necessary and possible.

    Raises:
        MissingError: they are neither at hand nor can they be built here.
        BuildError: the build failed.
    """
    folder = LOCKED.find()
    if folder is None:
        return _installed()
    return Programs(*(folder / name for name in _NAMES))


def _installed() -> Programs:
    found = [shutil.which(name) for name in _NAMES]
    if None in found:
        msg = (
            "prometheus or promtool is missing: install Go to have them built, or put both on PATH"
        )
        raise MissingError(msg)
    return Programs(*(Path(path) for path in found if path is not None))


if __name__ == "__main__":
    raise SystemExit(print_found(lambda: find().prometheus.parent))
