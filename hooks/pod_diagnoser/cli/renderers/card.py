"""``-o card``: all that is known of a Pod, in the order in which it is needed."""

from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.renderers import Page
from pod_diagnoser.cli.renderers.facts import age, owner_text, severity, style_of
from pod_diagnoser.cli.renderers.layout import cut, styled, wrap
from pod_diagnoser.cli.report import Finding, PodReport, Report
from pod_diagnoser.diagnosis.phrases import duration
from pod_diagnoser.diagnosis.quoting import name
from pod_diagnoser.pods.history import CrashRecord

_LABEL_WIDTH: Final = 13
_LEAST_TEXT: Final = 24
"""How many cells beside a label make it worth while to put text there, and not below it."""

_MAX_CARDS: Final = 3
"""How many cards are printed where workloads were asked for: one for each."""

_MAX_RECORDS: Final = 10
_MAX_WORD: Final = 63


def render(report: Report, page: Page) -> Iterator[str]:
    """Yield a card for each Pod; of a workload the one for its worst Pod."""
    worst: dict[tuple[str, str], PodReport] = {}
    for pod in sorted(report.pods, key=lambda each: -severity(each.findings)):
        worst.setdefault((pod.namespace, pod.workload.key), pod)
    for number, pod in enumerate(list(worst.values())[:_MAX_CARDS]):
        if number:
            yield ""
        yield from _Card(pod, report, page).lines()
    if len(worst) > _MAX_CARDS:
        yield ""
        yield f"and {len(worst) - _MAX_CARDS} more workloads: -o table"


class _Card:
    """The card of one Pod."""

    def __init__(self, pod: PodReport, report: Report, page: Page) -> None:
        self._pod, self._report, self._page = pod, report, page

    def lines(self) -> Iterator[str]:
        """Yield its lines."""
        yield from self._heading()
        if not self._pod.findings:
            yield from self._part("Nothing", ["wrong with it, as far as its status shows"])
        for finding in self._pod.findings:
            yield ""
            yield from self._finding(finding)
        parts = {
            "Changed": self._pod.changes,
            "History": tuple(self._history()),
            "Siblings": tuple(self._siblings()),
            "In common": self._report.common,
            "Remediation": self._pod.remediation,
        }
        if any(parts.values()):
            yield ""
        for label, texts in parts.items():
            yield from self._part(label, texts)

    def _heading(self) -> Iterator[str]:
        pod = self._pod
        colour = self._page.colour
        heading = cut(f"Pod {pod.namespace}/{pod.name}", self._page.width)
        yield styled(heading, "heading", colour=colour)
        owner = owner_text(pod) if pod.workload.kind != "Pod" else ""
        node = f"node {name(pod.node)}" if pod.node else "no node"
        phase = (pod.pod.status.phase if pod.pod.status else "") or "phase unknown"
        facts = ", ".join(filter(None, (owner, node, sanitize(phase, _MAX_WORD))))
        yield from (styled(line, "dim", colour=colour) for line in wrap(facts, self._page.width))

    def _finding(self, finding: Finding) -> Iterator[str]:
        lines = finding.statement
        cause = finding.diagnosis.cause.value
        yield from self._part("What", [lines.diagnosis])
        yield from self._part("Cause", [cause], style_of([finding]))
        yield from self._part("Why", [lines.evidence] if lines.evidence else [])
        yield from self._part("Next", [lines.next_step] if lines.next_step else [])
        yield from self._part("Its own words", list(_own_words(finding)))
        if finding.happened is not None:
            when = (
                f"{format_time(finding.happened)} ({age(finding.happened, self._report.now)} ago)"
            )
            yield from self._part("When", [when])

    def _history(self) -> Iterator[str]:
        records = self._pod.history
        for record in records[:_MAX_RECORDS]:
            yield _record_text(record)
        if len(records) > _MAX_RECORDS:
            yield f"and {len(records) - _MAX_RECORDS} before"

    def _siblings(self) -> Iterator[str]:
        siblings = self._pod.siblings
        if siblings is None or self._pod.workload.kind == "Pod":
            return
        causes = ", ".join(
            f"{cause} {count}"
            for cause, count in sorted(siblings.causes.items(), key=lambda each: -each[1])
        )
        told = f": {causes}" if causes else ""
        yield (
            f"{siblings.broken} of {siblings.total} Pods of {owner_text(self._pod)} "
            f"{'has' if siblings.broken == 1 else 'have'} a diagnosis{told}"
        )

    def _part(self, label: str, texts: Sequence[str], style: str = "") -> Iterator[str]:
        """Yield a label, with texts beside it, or below it where there is little room."""
        if not texts:
            return
        width, colour = self._page.width, self._page.colour
        beside = width is None or width - _LABEL_WIDTH - 2 >= _LEAST_TEXT
        indent = _LABEL_WIDTH + 2 if beside else 2
        rows = [
            line for text in texts for line in wrap(text, None if width is None else width - indent)
        ]
        shown_label = styled(f"{label}:", "dim", colour=colour)
        padding = " " * (indent - len(label) - 1) if beside else ""
        if not beside:
            yield shown_label
        for number, row in enumerate(rows):
            text = styled(row, style, colour=colour)
            first = beside and number == 0
            yield f"{shown_label}{padding}{text}" if first else f"{' ' * indent}{text}"


def _own_words(finding: Finding) -> Iterator[str]:
    words = finding.words
    if words is None:
        return
    yield from (f"| {line}" for line in words.lines)
    if words.lines:
        runtime = f", {words.runtime}" if words.runtime else ""
        yield f"({words.reason_class.value}{runtime}; from its {words.source})"
    else:
        yield f"its {words.source} does not say why it ended"


def _record_text(record: CrashRecord) -> str:
    code = "" if record.exitCode is None else f", exit code {record.exitCode}"
    ran = ""
    if record.startedAt and record.finishedAt and record.finishedAt >= record.startedAt:
        seconds = int((record.finishedAt - record.startedAt).total_seconds())
        ran = f", ran {duration(seconds)}"
    container = f"{name(sanitize(record.container, _MAX_WORD))}: " if record.container else ""
    return f"{format_time(record.happened)}  {container}{record.cause}{code}{ran}"
