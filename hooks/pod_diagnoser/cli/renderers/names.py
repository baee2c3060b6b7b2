"""``-o name``: the Pods with which something is, as kubectl names them."""

from collections.abc import Iterator

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.renderers import Page
from pod_diagnoser.cli.report import Report

_MAX_NAME_BYTES = 253


def render(report: Report, _page: Page) -> Iterator[str]:
    """Yield a line for each Pod."""
    for pod in report.pods:
        if pod.findings:
            yield f"pod/{sanitize(pod.name, _MAX_NAME_BYTES)}"
