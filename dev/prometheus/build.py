"""Find Prometheus and promtool, or build them once from their Go module.

Looked for in this order:

1. The cache: ``$XDG_CACHE_HOME/pod-diagnoser/prometheus`` (``~/.cache`` by default).
2. ``go``: builds the version locked in ``gomodule/go.mod`` and ``go.sum`` into that cache, without
   service discovery. Some minutes on two cores the first time.
3. ``PATH``: Debian's package ``prometheus`` has both.

Run as ``python -m dev.prometheus.build`` it prints the folder.
"""

import fcntl
import hashlib
import platform
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dev.envtest.build import BuildError, MissingError
from dev.go_builds import cache_folder, run_go

GO_MODULE = Path(__file__).parent / "gomodule"

_MODULE = "github.com/prometheus/prometheus"
_NAMES = ("prometheus", "promtool")
_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-tags=remove_all_sd")


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
    folder = cache_folder("prometheus") / _key()
    if not folder.is_dir():
        go = shutil.which("go")
        if go is None:
            return _installed()
        with (cache_folder("prometheus") / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another run may build it; the lock ends with that
            if not folder.is_dir():
                _build(go, folder)
    return Programs(*(folder / name for name in _NAMES))


def version() -> str:
    """Return the version that is locked in go.mod.

    Raises:
        BuildError: go.mod does not name it.
    """
    text = (GO_MODULE / "go.mod").read_text(encoding="utf-8")
    match = re.search(rf"^\s*(?:require )?{re.escape(_MODULE)} (v\S+)", text, re.MULTILINE)
    if match is None:
        msg = f"gomodule/go.mod requires no {_MODULE}"
        raise BuildError(msg)
    return match[1]


def _installed() -> Programs:
    found = [shutil.which(name) for name in _NAMES]
    if None in found:
        msg = (
            "prometheus or promtool is missing: install Go to have them built, or put both on PATH"
        )
        raise MissingError(msg)
    return Programs(*(Path(path) for path in found if path is not None))


def _build(go: str, folder: Path) -> None:
    """Build into a folder beside the final one, then rename it: it is never there in part."""
    print(
        f"building Prometheus {version()} from its Go module: some minutes, only once",
        file=sys.stderr,
        flush=True,
    )
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".build-") as scratch:
        out = Path(scratch) / "bin"
        out.mkdir()
        packages = (f"{_MODULE}/cmd/{name}" for name in _NAMES)
        done = run_go(go, GO_MODULE, "build", *_FLAGS, "-o", f"{out}/", *packages)
        if done.returncode:
            msg = f"go build failed:\n{done.stderr[-4000:]}"
            raise BuildError(msg)
        out.rename(folder)


def _key() -> str:
    """Name what is built: version, platform, and a hash of the lock files and of the recipe."""
    recipe = hashlib.sha256(" ".join(_FLAGS).encode())
    for name in ("go.mod", "go.sum"):
        recipe.update((GO_MODULE / name).read_bytes())
    names = (version(), platform.system().lower(), platform.machine().lower())
    return "-".join((*names, recipe.hexdigest()[:12]))


def main() -> int:
    """Print the folder of the programs, or why they cannot be had; return the exit code."""
    try:
        print(find().prometheus.parent)
    except (MissingError, BuildError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
