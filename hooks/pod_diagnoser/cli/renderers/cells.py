"""How many cells of a terminal a text takes: by rich, or where that is missing by Unicode. Pure.

``pip install pod-diagnoser`` brings no rich. Its tables know the widths of emoji in sequences, too,
which the property of Unicode does not tell.
"""

import unicodedata
from collections.abc import Callable

Measure = Callable[[str], int]
Resize = Callable[[str, int], str]


def measure_by_unicode(text: str) -> int:
    """Return how many cells a text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_character_cells, text))


def resize_by_unicode(text: str, cells: int) -> str:
    """Cut or fill a text to so many cells; half of a wide character becomes a space."""
    used = 0
    for place, character in enumerate(text):
        size = _character_cells(character)
        if used + size > cells:
            return text[:place] + " " * (cells - used)
        used += size
    return text + " " * (cells - used)


def _character_cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _measures() -> tuple[Measure, Resize]:
    try:
        from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - an extra
    except ImportError:
        return measure_by_unicode, resize_by_unicode
    return cell_len, set_cell_size


cell_len, set_cell_size = _measures()
