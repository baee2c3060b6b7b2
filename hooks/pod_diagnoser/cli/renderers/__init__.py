"""Renderers, which print a `pod_diagnoser.cli.report.Report`: one module for each format."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol

from pod_diagnoser.cli.report import Report

_MODULES: Final = {
    "card": "card",
    "table": "table",
    "wide": "wide",
    "text": "paragraphs",
    "json": "json_list",
    "yaml": "yaml_list",
    "markdown": "markdown",
    "name": "names",
}
"""The formats of ``-o``, and the module of each, which has a function ``render``."""

FORMATS: Final = tuple(_MODULES)

GROUPS: Final = ("workload", "cause", "node")
"""What a row of a table may be about."""

ORDERS: Final = ("worst", "last", "pods", "restarts", "name", "cause")
"""By what the rows of a table may be sorted."""

FOR_PROGRAMS: Final = ("json", "yaml", "name")
"""Formats that are printed even if nothing was found, and without a note that nothing was."""


@dataclass(frozen=True, slots=True)
class Page:
    """Where a report is printed.

    Attributes:
        width: how many cells a line has at most; None where it is not bounded.
        colour: whether terminal colours are understood.
        headers: whether tables have a line of headers.
        group_by: what a row of a table is about.
        sort_by: by what its rows are sorted.
        wide: whether it has more columns.
        namespaces: whether it names the namespace even if there is only one.
    """

    width: int | None = None
    colour: bool = False
    headers: bool = True
    group_by: str = "workload"
    sort_by: str = "worst"
    wide: bool = False
    namespaces: bool = False


class Renderer(Protocol):
    """Prints a report in one format."""

    def __call__(self, report: Report, page: Page) -> Iterator[str]:
        """Yield the lines. Whatever of them comes from outside is safe to show."""


def renderer(output_format: str) -> Renderer:
    """Return the renderer of a format of `FORMATS`."""
    module = import_module(f"{__name__}.{_MODULES[output_format]}")
    found: Renderer = module.render
    return found
