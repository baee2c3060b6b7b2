"""How the control plane is found, and the message where it is not (no cluster needed)."""

import re
import shutil
from pathlib import Path

import pytest

from dev.envtest import build


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with nothing on it: the empty folder that is its PATH, and an empty cache."""
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return path


def program(path: Path) -> None:
    """Put a program there that does nothing."""
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)


def test_staging_modules_are_of_kubernetes_version() -> None:
    """Each module that Kubernetes keeps in its own checkout is there in the same version."""
    version = build.versions()["kubernetes"].replace("v1.", "v0.")
    text = (build.GO_MODULE / "go.mod").read_text(encoding="utf-8")
    replaced = re.findall(r"^\t(k8s\.io/\S+) => (\S+) (\S+)$", text, re.MULTILINE)
    assert replaced
    for module, by, release in replaced:
        assert (module, release) == (by, version)


def test_without_metacontroller(bare: Path) -> None:
    """What is missing is named, with the way to get it; nothing is built that cannot be used."""
    program(bare / "go")
    with pytest.raises(build.MissingError, match=r"metacontroller 4\.17\.2 binary on PATH"):
        build.find()


def test_without_go(bare: Path) -> None:
    """Neither a control plane nor Go to build it."""
    program(bare / "metacontroller")
    with pytest.raises(build.MissingError, match=r"set KUBEBUILDER_ASSETS .* or install Go"):
        build.find()


def test_go_that_is_too_old(bare: Path) -> None:
    """What Go says of a module that asks for a newer one is passed on."""
    program(bare / "metacontroller")
    (bare / "go").write_text("#!/bin/sh\necho go.mod requires go 1.26 >&2; exit 1\n")
    (bare / "go").chmod(0o755)
    with pytest.raises(build.MissingError, match="requires go"):
        build.find()


def test_a_failed_build_leaves_nothing(bare: Path, tmp_path: Path) -> None:
    """A build that fails is an error with the compiler's words, and no half of it stays."""
    program(bare / "metacontroller")
    (bare / "go").write_text(
        '#!/bin/sh\nif [ "$1" = build ]; then echo no such module >&2; exit 1; fi\n'
    )
    (bare / "go").chmod(0o755)
    with pytest.raises(build.BuildError, match="no such module"):
        build.find()
    left = [one.name for one in (tmp_path / "cache/pod-diagnoser/control-plane").iterdir()]
    assert left == [".lock"]


def test_assets(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KUBEBUILDER_ASSETS is used when it is complete; kubectl may come from PATH."""
    assets = tmp_path / "assets"
    assets.mkdir()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    program(bare / "metacontroller")
    for name in ("etcd", "kube-apiserver"):
        program(assets / name)
    with pytest.raises(build.MissingError, match="has no kube-controller-manager"):
        build.find()
    program(assets / "kube-controller-manager")
    with pytest.raises(build.MissingError, match="kubectl is missing"):
        build.find()
    program(bare / "kubectl")
    found = build.find()
    assert found.apiserver == assets / "kube-apiserver"
    assert str(found.kubectl) == shutil.which("kubectl")
    program(assets / "kubectl")
    assert build.find().kubectl == assets / "kubectl"
