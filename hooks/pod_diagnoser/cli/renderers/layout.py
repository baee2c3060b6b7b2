"""Text in lines of so many cells: a wide character takes two, a combining one none. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.cli.renderers import Page
from pod_diagnoser.cli.renderers.cells import cell_len, set_cell_size

ELLIPSIS: Final = "…"
_GAP: Final = "   "
"""Between columns, as kubectl has it."""

_LEAST_LAST: Final = 60
"""How many cells the last column of a table has at least, unless all of it fits into fewer; where
there are not so many, it goes to its own line: what stands in it are sentences."""

_STYLES: Final = {
    "bad": "\x1b[31m",
    "warning": "\x1b[33m",
    "good": "\x1b[32m",
    "heading": "\x1b[1m",
    "dim": "\x1b[2m",
}
_RESET: Final = "\x1b[0m"


def styled(text: str, style: str, *, colour: bool) -> str:
    """Return a text in a style of a terminal, where that understands them."""
    return f"{_STYLES[style]}{text}{_RESET}" if colour and style and text else text


def cut(text: str, width: int | None) -> str:
    """Cut a text to so many cells, with an ellipsis."""
    if width is None or cell_len(text) <= width:
        return text
    if width < 1:
        return ""
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def wrap(text: str, width: int | None) -> Iterator[str]:
    """Yield the lines of a text, between words; a word that is too long for a line is divided."""
    if width is None:
        yield text
        return
    width = max(width, 2)
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            yield line
        pieces = list(_divided(word, width))
        yield from pieces[:-1]
        line = pieces[-1]
    yield line


def _divided(word: str, width: int) -> Iterator[str]:
    piece, used = "", 0
    for letter in word:
        size = cell_len(letter)
        if used + size > width and piece:
            yield piece
            piece, used = "", 0
        piece += letter
        used += size
    yield piece


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str], page: Page
) -> Iterator[str]:
    """Yield the lines of a table of which no line is wider than the page.

    Args:
        headers: the names of the columns.
        rows: the cells of each row.
        styles: the style of each row's cell in the column CAUSE, or an empty string.
        page: where it is printed.
    """
    width, colour, with_headers = page.width, page.colour, page.headers
    shown = [list(headers), *map(list, rows)] if with_headers else list(map(list, rows))
    *sizes, last = [max(map(cell_len, column), default=0) for column in zip(*shown, strict=True)]
    fixed = sum(sizes) + len(_GAP) * len(sizes)
    beside = width is None or width - fixed >= min(last, _LEAST_LAST)
    for number, row in enumerate(shown):
        is_header = with_headers and number == 0
        index = number - with_headers
        style = "heading" if is_header else styles[index]
        cells = [set_cell_size(cell, size) for cell, size in zip(row, sizes, strict=False)]
        if beside:
            rest = None if width is None else width - fixed
            line = _GAP.join([*cells, cut(row[-1], rest)]).rstrip()
            yield _coloured(line, row, headers, style, colour=colour)
            continue
        yield _coloured(cut(_GAP.join(cells).rstrip(), width), row, headers, style, colour=colour)
        if not is_header and row[-1]:
            for each in wrap(row[-1], None if width is None else width - 2):
                yield f"  {each}"


def _coloured(
    line: str, row: Sequence[str], headers: Sequence[str], style: str, *, colour: bool
) -> str:
    """Give the cell of the cause its style; a line of headers is one as a whole."""
    if not colour or not style:
        return line
    if style == "heading":
        return styled(line, style, colour=True)
    cause = row[headers.index("CAUSE")] if "CAUSE" in headers else ""
    return line.replace(cause, styled(cause, style, colour=True), 1) if cause else line
