"""The real k9s in a terminal, on a real API server, with our columns and our plug-in.

It takes k9s and tmux on PATH: ``go install github.com/derailed/k9s@v0.51.0`` takes four minutes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.contrib.terminal import MISSING, K9s
from tests.e2e.surroundings import environment
from tests.e2e.workspace import OOM_KILLED, Workspace, eventually

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not on PATH: {', '.join(MISSING)}")


@pytest.fixture
def terminal(shop: Workspace, tmp_path: Path) -> Iterator[K9s]:
    """K9s on the namespace's Pods, with the files where the page says that they go."""
    with K9s(tmp_path, shop.namespace, environment(shop, tmp_path)) as opened:
        yield opened


def shows(terminal: K9s, *texts: str) -> str:
    """Wait until the screen has all the texts; return it."""
    return eventually(
        terminal.screen, lambda screen: all(each in screen for each in texts), pause=0.3
    )


def test_k9s_shows_the_cause_and_why(shop: Workspace, terminal: K9s) -> None:
    """The column beside k9s' own, and by Shift-D what kubectl-diagnose says of the Pod."""
    shop.diagnose()
    shop.start_pod("web")
    shop.crash("web", OOM_KILLED)
    shop.annotated("web")
    screen = shows(terminal, "CAUSE", "CRASHED", "OutOfMemory")
    (row,) = (line for line in screen.splitlines() if "OutOfMemory" in line)
    assert "web" in row
    terminal.press("D")
    shows(terminal, f"Pod {shop.namespace}/web", "What:", "Cause:", "OutOfMemory")
    terminal.press("q")
    shows(terminal, "CAUSE", "OutOfMemory")
