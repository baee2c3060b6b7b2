"""A terminal with k9s in it, and contrib's files where k9s looks for them. It takes tmux."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

PROJECT = Path(__file__).parents[2]
_FILES = PROJECT / "contrib" / "k9s"
_TMUX = shutil.which("tmux")

MISSING = [name for name in ("k9s", "tmux", "less") if shutil.which(name) is None]
"""What has to be on PATH, and is not."""


class K9s:
    """k9s on a namespace's Pods. A context manager: it runs inside of it.

    Args:
        folder: where it keeps its files.
        namespace: what it shows.
        environment: of a user, with a kubeconfig, kubectl and kubectl-diagnose.
        width: of the terminal, in columns.
        height: of the terminal, in lines.
    """

    def __init__(
        self,
        folder: Path,
        namespace: str,
        environment: Mapping[str, str],
        width: int = 200,
        height: int = 40,
    ) -> None:
        self._socket = folder / "tmux"  # tmux' own, apart from the user's
        self._size = ("-x", str(width), "-y", str(height))
        self._command = shlex.join(["k9s", "--namespace", namespace, "--command", "pods"])
        homes = {"XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state"}
        self._environment = {
            **environment,
            **{name: str(folder / each) for name, each in homes.items()},
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "K9S_SKIP_LATEST_REV_CHECK": "true",
        }
        config = folder / "config" / "k9s"
        (config / "plugins").mkdir(parents=True)
        shutil.copy(_FILES / "views.yaml", config / "views.yaml")
        shutil.copy(_FILES / "plugins.yaml", config / "plugins" / "pod-diagnoser.yaml")

    def __enter__(self) -> Self:
        """Start it, and wait for nothing."""
        self._tmux("new-session", "-d", *self._size, self._command)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the terminal, and what runs in it."""
        subprocess.run(
            [str(_TMUX), "-S", str(self._socket), "kill-server"], capture_output=True, check=False
        )

    def press(self, key: str) -> None:
        """Press a key."""
        self._tmux("send-keys", key)

    def screen(self, *, colours: bool = False) -> str:
        """Return what the terminal shows.

        Args:
            colours: whether as escape sequences they are in it.
        """
        return self._tmux("capture-pane", "-p", *(["-e"] if colours else []))

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(
            [str(_TMUX), "-S", str(self._socket), "-f", "/dev/null", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
