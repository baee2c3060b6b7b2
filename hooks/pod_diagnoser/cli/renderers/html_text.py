"""Elements of HTML and SVG, escaped. Pure.

What an element holds is either text, which is escaped, or other elements: there is no other way to
put anything into a page.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, TypeAlias

from pod_diagnoser.api.text import sanitize

_MAX_TEXT_BYTES: Final = 4096

_EMPTY: Final = frozenset({"meta", "circle", "line", "rect"})


class Html(str):
    """A piece of a page that is escaped already."""

    __slots__ = ()


Content: TypeAlias = Html | str | None


def element(name: str, /, *content: Content, **attributes: str | float | None) -> Html:
    """Make an element.

    Args:
        name: its name.
        content: what it holds: elements, or texts, which are escaped. None is left out.
        attributes: its attributes; a trailing underscore is left out of a name, others become
            hyphens. None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY and not content:
        return Html(f"<{name}{given}{'' if name == 'meta' else '/'}>")
    return Html(f"<{name}{given}>{joined(content)}</{name}>")


def joined(content: Iterable[Content]) -> Html:
    """Put pieces after one another."""
    return Html("".join(_piece(each) for each in content if each is not None))


def rows(name: str, cells: Sequence[Content]) -> Html:
    """Make a row of a table; its first cell is its heading."""
    first, *others = cells
    return element(
        name, element("th", first, scope="row"), *(element("td", each) for each in others)
    )


def _piece(content: Html | str) -> str:
    return content if isinstance(content, Html) else escape(_text(content))


def _text(value: str | float) -> str:
    """Return a text without what steers how others are shown."""
    if isinstance(value, str):
        return sanitize(value, _MAX_TEXT_BYTES)
    return f"{value:.1f}".removesuffix(".0")
