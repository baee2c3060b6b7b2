"""Build programs from Go modules, once: into a cache that outlives checkouts."""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


def run_go(go: str, module: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the go command in a locked module, whatever workspace surrounds the checkout."""
    return subprocess.run(
        [go, *arguments],
        cwd=module,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )


def cache_folder(name: str) -> Path:
    """Return the cache's folder for a kind of programs, ``$XDG_CACHE_HOME/pod-diagnoser/NAME``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "pod-diagnoser" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class MissingError(RuntimeError):
    """Something that the project needs and does not contain is not on this machine.

    The message names it and how to get it, so that it can serve as the reason of a skip.
    """


class BuildError(RuntimeError):
    """``go build`` failed; the message ends with what it printed last."""


def print_found(find: Callable[[], Path]) -> int:
    """Print where something is, or why it cannot be had.

    Args:
        find: finds or builds it.

    Returns:
        The exit code: 0, or 1 where something is missing or the build failed.
    """
    try:
        print(find())
    except (MissingError, BuildError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True, slots=True)
class LockedPrograms:
    """Programs of a Go module, in the version that a ``go.mod`` of ours locks.

    Attributes:
        name: what they are called, and their folder in the cache.
        lock: the folder with ``go.mod`` and ``go.sum``.
        module: the module's path.
        commands: name of each program to its package.
        flags: of ``go build``; ``{version}`` stands for the version.
    """

    name: str
    lock: Path
    module: str
    commands: Mapping[str, str]
    flags: tuple[str, ...]

    def version(self) -> str:
        """Return the version that is locked in go.mod.

        Raises:
            BuildError: go.mod does not name it.
        """
        text = (self.lock / "go.mod").read_text(encoding="utf-8")
        match = re.search(rf"^\s*(?:require )?{re.escape(self.module)} (v\S+)", text, re.MULTILINE)
        if match is None:
            msg = f"{self.lock}/go.mod requires no {self.module}"
            raise BuildError(msg)
        return match[1]

    def find(self) -> Path | None:
        """Return the folder of the programs, built if necessary; None where there is no Go.

        Raises:
            BuildError: the build failed.
        """
        cache = cache_folder(self.name.lower())
        folder = cache / self._key()
        if folder.is_dir():
            return folder
        go = shutil.which("go")
        if go is None:
            return None
        with (cache / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another run may build it; the lock ends with that
            if not folder.is_dir():
                self._build(go, folder)
        return folder

    def _build(self, go: str, folder: Path) -> None:
        """Build into a folder beside the final one, then rename it: it is never there in part."""
        print(
            f"building {self.name} {self.version()} from its Go module: some minutes, only once",
            file=sys.stderr,
            flush=True,
        )
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".build-") as scratch:
            out = Path(scratch) / "bin"
            out.mkdir()
            flags = [flag.replace("{version}", self.version()) for flag in self.flags]
            packages = self.commands.values()
            done = run_go(go, self.lock, "build", *flags, "-o", f"{out}/", *packages)
            if done.returncode:
                msg = f"go build failed:\n{done.stderr[-4000:]}"
                raise BuildError(msg)
            out.rename(folder)

    def _key(self) -> str:
        """Name what is built: version, platform, and a hash of the lock files and the recipe."""
        recipe = hashlib.sha256(" ".join(self.flags).encode())
        for name in ("go.mod", "go.sum"):
            recipe.update((self.lock / name).read_bytes())
        names = (self.version(), platform.system().lower(), platform.machine().lower())
        return "-".join((*names, recipe.hexdigest()[:12]))
