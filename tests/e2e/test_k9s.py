"""The real k9s in a terminal, on a real API server, with our columns and our plug-in.

It takes k9s and tmux on PATH: ``go install github.com/derailed/k9s@v0.51.0`` takes four minutes.
"""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contrib import k9s
from tests.e2e.surroundings import environment
from tests.e2e.workspace import OOM_KILLED, Workspace, eventually

_TMUX = shutil.which("tmux")

pytestmark = pytest.mark.skipif(
    None in {_TMUX, shutil.which("k9s"), shutil.which("less")},
    reason="k9s, tmux or less is not on PATH",
)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal of 200 columns in which k9s runs.

    Attributes:
        socket: tmux' own, apart from the user's.
        environment: of k9s.
    """

    socket: Path
    environment: dict[str, str]

    def tmux(self, *arguments: str) -> str:
        """Run a command of tmux; return what it prints."""
        return subprocess.run(
            [str(_TMUX), "-S", str(self.socket), "-f", "/dev/null", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def shows(self, *texts: str) -> str:
        """Wait until the screen has all the texts; return it."""
        return eventually(
            lambda: self.tmux("capture-pane", "-p"),
            lambda screen: all(each in screen for each in texts),
            pause=0.3,
        )


@pytest.fixture
def terminal(shop: Workspace, tmp_path: Path) -> Iterator[Terminal]:
    """K9s on the namespace's Pods, with the files where the page says that they go."""
    folder = tmp_path / "config" / "k9s"
    (folder / "plugins").mkdir(parents=True)
    shutil.copy(k9s.FOLDER / "views.yaml", folder / "views.yaml")
    shutil.copy(k9s.FOLDER / "plugins.yaml", folder / "plugins" / "pod-diagnoser.yaml")
    homes = {"XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data", "XDG_STATE_HOME": "state"}
    opened = Terminal(
        tmp_path / "tmux",
        environment(shop, tmp_path)
        | {name: str(tmp_path / each) for name, each in homes.items()}
        | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "K9S_SKIP_LATEST_REV_CHECK": "true"},
    )
    command = shlex.join(["k9s", "--namespace", shop.namespace, "--command", "pods"])
    opened.tmux("new-session", "-d", "-x", "200", "-y", "40", command)
    yield opened
    subprocess.run(
        [str(_TMUX), "-S", str(opened.socket), "kill-server"], capture_output=True, check=False
    )


def test_k9s_shows_the_cause_and_why(shop: Workspace, terminal: Terminal) -> None:
    """The column beside k9s' own, and by Shift-D what kubectl-diagnose says of the Pod."""
    shop.diagnose()
    shop.start_pod("web")
    shop.crash("web", OOM_KILLED)
    shop.annotated("web")
    screen = terminal.shows("CAUSE", "CRASHED", "OutOfMemory")
    (row,) = (line for line in screen.splitlines() if "OutOfMemory" in line)
    assert "web" in row
    terminal.tmux("send-keys", "D")
    terminal.shows(f"Pod {shop.namespace}/web", "What:", "Cause:", "OutOfMemory")
    terminal.tmux("send-keys", "q")
    terminal.shows("CAUSE", "OutOfMemory")
