"""Writes how well the reader does into docs/output.md: ``make output-score``."""

import sys
from pathlib import Path
from typing import Final

from tests.output.entries import Entry, entries
from tests.output.scoring import Figures, score

PAGE: Final = Path(__file__).parents[2] / "docs" / "output.md"

BEGIN, END = "<!-- from make output-score -->\n", "<!-- end of the table -->\n"
"""Between these the page holds the table."""

_HEAD: Final = (
    "| outputs of | with a reason | first line | one of three | wrong | class | runtime "
    "| without a reason | said so |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
)


def table() -> str:
    """Return the table: a row for each definition file, and one for all entries."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries():
        groups.setdefault(entry.name.partition("/")[0], []).append(entry)
    figures = {name: score(group) for name, group in groups.items()}
    rows = [_row(name, each) for name, each in figures.items()]
    return _HEAD + "".join(rows) + _row("**all**", sum(figures.values(), Figures()))


def _row(name: str, figures: Figures) -> str:
    shares = [
        f"{figures.share(each):.0%}" for each in ("first", "any", "wrong", "named", "runtime")
    ]
    calm = f"{figures.share('calm'):.0%}" if figures.quiet else ""
    cells = [name, str(figures.cause), *shares, str(figures.quiet or ""), calm]
    return "| " + " | ".join(cells) + " |\n"


def shown() -> str:
    """Return the table that the page holds."""
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]


def main() -> int:
    """Write the table into the page."""
    above, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    below = rest.split(END)[1]
    PAGE.write_text(f"{above}{BEGIN}{table()}{END}{below}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
