"""``-o text``: a paragraph for each finding."""

from collections.abc import Iterator

from pod_diagnoser.cli.renderers import Page
from pod_diagnoser.cli.report import Finding, Report


def render(report: Report, _page: Page) -> Iterator[str]:
    """Yield what the Pods have in common; for each finding of what it is, and its lines."""
    for line in report.common:
        yield f"In common: {line}"
        yield ""
    for number, finding in enumerate(report.findings):
        if number:
            yield ""
        yield from _paragraph(finding)


def _paragraph(shown: Finding) -> Iterator[str]:
    symptom, lines = shown.diagnosis.symptom, shown.statement
    container = f", {symptom.container_kind} {symptom.container}" if symptom.container else ""
    yield f"{symptom.namespace}/{symptom.pod}{container}: {shown.diagnosis.cause}"
    yield f"  {lines.diagnosis}"
    if lines.evidence:
        yield f"  Evidence: {lines.evidence}"
    if lines.next_step:
        yield f"  Next: {lines.next_step}"
