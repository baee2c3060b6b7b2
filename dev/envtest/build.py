"""Find the control plane's programs, or build them once from their Go modules.

Looked for in this order:

1. ``KUBEBUILDER_ASSETS``: a folder with ``etcd``, ``kube-apiserver`` and, unlike envtest's own
   archives, ``kube-controller-manager`` (the convention of controller-runtime's envtest).
2. The cache: ``$XDG_CACHE_HOME/pod-diagnoser/control-plane`` (``~/.cache`` by default).
3. ``go``: builds the versions locked in ``gomodule/go.mod`` and ``go.sum`` into that cache. About
   four minutes on two cores the first time.

Run as ``python -m dev.envtest.build`` it prints the folder.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dev.go_builds import BuildError, MissingError, cache_folder, print_found, run_go

__all__ = ["Binaries", "BuildError", "MissingError", "control_plane", "find", "versions"]

GO_MODULE = Path(__file__).parent / "gomodule"

_COMMANDS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
# etcd's main package is the module's root, so `go build` calls the program after its folder.
_BUILT_AS = {"etcd": "server"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """Paths of the programs.

    Attributes:
        etcd: the store.
        apiserver: kube-apiserver.
        controller_manager: kube-controller-manager.
        kubectl: of the same version where that is at hand.
        metacontroller: from PATH.
    """

    etcd: Path
    apiserver: Path
    controller_manager: Path
    kubectl: Path
    metacontroller: Path


def versions() -> dict[str, str]:
    """Return the versions that are locked in go.mod.

    Returns:
        ``{"kubernetes": "v1.36.3", "etcd": "v3.6.16"}`` or whatever go.mod says.

    Raises:
        BuildError: go.mod does not name them.
    """
    text = (GO_MODULE / "go.mod").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for name, module in (
        ("kubernetes", "k8s.io/kubernetes"),
        ("etcd", "go.etcd.io/etcd/server/v3"),
    ):
        match = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", text, re.MULTILINE)
        if match is None:
            msg = f"gomodule/go.mod requires no {module}"
            raise BuildError(msg)
        found[name] = match[1]
    return found


def find() -> Binaries:
    """Find all programs; build the control plane if necessary.

    Raises:
        MissingError: something is neither at hand nor can it be built here.
        BuildError: the build failed.
    """
    metacontroller = shutil.which("metacontroller")
    if metacontroller is None:
        msg = "metacontroller is missing: put a metacontroller 4.17.2 binary on PATH"
        raise MissingError(msg)
    folder = control_plane()
    return Binaries(
        etcd=folder / "etcd",
        apiserver=folder / "kube-apiserver",
        controller_manager=folder / "kube-controller-manager",
        kubectl=_kubectl(folder),
        metacontroller=Path(metacontroller),
    )


def control_plane() -> Path:
    """Return the folder that holds etcd, kube-apiserver and kube-controller-manager.

    Returns:
        ``KUBEBUILDER_ASSETS`` where that is set and complete, else the cache's folder.

    Raises:
        MissingError: ``KUBEBUILDER_ASSETS`` is not complete, or it is not set and there is no Go.
        BuildError: the build failed.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets:
        needed = ("etcd", "kube-apiserver", "kube-controller-manager")
        absent = [name for name in needed if not (Path(assets) / name).is_file()]
        if not absent:
            return Path(assets)
        msg = (
            f"KUBEBUILDER_ASSETS has no {' and no '.join(absent)}: "
            "add it, or unset the variable to have them built (that takes Go)"
        )
        raise MissingError(msg)
    return _built()


def _kubectl(folder: Path) -> Path:
    """Return the kubectl of the control plane's folder, else the one on PATH."""
    beside = folder / "kubectl"
    if beside.is_file():
        return beside
    on_path = shutil.which("kubectl")
    if on_path is None:
        msg = "kubectl is missing: put it on PATH or into KUBEBUILDER_ASSETS"
        raise MissingError(msg)
    return Path(on_path)


def _built() -> Path:
    """Return the cache's folder, filled by ``go build`` where it is not there yet."""
    folder = cache_folder("control-plane") / _key()
    if folder.is_dir():
        return folder
    go = shutil.which("go")
    if go is None:
        msg = (
            "the control plane is missing: set KUBEBUILDER_ASSETS to a folder with etcd, "
            "kube-apiserver and kube-controller-manager, or install Go to have them built"
        )
        raise MissingError(msg)
    probe = run_go(go, GO_MODULE, "env", "GOVERSION")
    if probe.returncode:
        msg = f"the control plane cannot be built by this Go: {probe.stderr.strip()}"
        raise MissingError(msg)
    with _only_one():
        if not folder.is_dir():  # another run may have built it while this one waited
            for killed in cache_folder("control-plane").glob(f"{_SCRATCH}*"):
                shutil.rmtree(killed, ignore_errors=True)
            _build(go, folder)
    return folder


def _build(go: str, folder: Path) -> None:
    """Build into a folder beside the final one, then rename it: it is never there in part."""
    print(
        f"building the control plane {versions()} from its Go modules: some minutes, only once",
        file=sys.stderr,
        flush=True,
    )
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_SCRATCH) as scratch:
        out = Path(scratch) / "bin"
        out.mkdir()
        packages = list(_COMMANDS.values())
        recipe = (*_FLAGS, "-ldflags", _ldflags())
        done = run_go(go, GO_MODULE, "build", *recipe, "-o", f"{out}/", *packages)
        if done.returncode:
            msg = f"go build failed:\n{done.stderr[-4000:]}"
            raise BuildError(msg)
        for name, built_as in _BUILT_AS.items():
            (out / built_as).rename(out / name)
        out.rename(folder)


_SCRATCH = ".build-"
_FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")


def _ldflags() -> str:
    """Return what Kubernetes' own build passes, so that the server reports its version."""
    version = versions()["kubernetes"]
    major, minor, _ = version.removeprefix("v").split(".", 2)
    variables = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    settings = [
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in variables.items()
    ]
    return " ".join(["-s", "-w", *settings])


def _key() -> str:
    """Name what is built: versions, platform, and a hash of the lock files and of the recipe."""
    recipe = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        recipe.update((GO_MODULE / name).read_bytes())
    recipe.update(" ".join((*_FLAGS, _ldflags(), *_COMMANDS.values())).encode())
    locked = versions()
    return "-".join(
        (
            f"kubernetes-{locked['kubernetes']}",
            f"etcd-{locked['etcd']}",
            platform.system().lower(),
            platform.machine().lower(),
            recipe.hexdigest()[:12],
        )
    )


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Wait until no other process builds; the lock ends with the process."""
    with (cache_folder("control-plane") / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    raise SystemExit(print_found(control_plane))
