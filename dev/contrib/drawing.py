"""Draw what a terminal shows as an SVG that asks for nothing from outside."""

import io
import re

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def draw(screen: str, title: str) -> str:
    """Return the SVG.

    Args:
        screen: text with escape sequences for colours.
        title: of the window.
    """
    lines = [Text.from_ansi(line) for line in screen.rstrip("\n").split("\n")]
    console = Console(
        record=True,
        file=io.StringIO(),
        width=max(line.cell_len for line in lines),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop", highlight=False)
    # Rich's own form has fonts from a site elsewhere.
    form = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    form = form.replace("Fira Code, monospace", _FONTS)
    svg = console.export_svg(
        title=title, theme=DIMMED_MONOKAI, code_format=form, unique_id="terminal"
    )
    # Programs such as k9s take black to be the background's colour.
    svg = svg.replace(DIMMED_MONOKAI.ansi_colors[0].hex, DIMMED_MONOKAI.background_color.hex)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
