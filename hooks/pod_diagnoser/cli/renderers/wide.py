"""``-o wide``: the table with more columns, however long its lines become."""

from collections.abc import Iterator
from dataclasses import replace

from pod_diagnoser.cli.renderers import Page, table
from pod_diagnoser.cli.report import Report


def render(report: Report, page: Page) -> Iterator[str]:
    """Yield the lines."""
    return table.render(report, replace(page, wide=True))
