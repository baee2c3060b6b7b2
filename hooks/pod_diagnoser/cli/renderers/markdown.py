"""``-o markdown``: a report for a ticket.

Whatever may come from outside stands in code: nothing in it becomes a link, a mention or HTML.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.renderers import Page
from pod_diagnoser.cli.renderers.facts import severity, workload_text
from pod_diagnoser.cli.report import Finding, PodReport, Report

_MAX_NAME_BYTES: Final = 253

_MAX_DETAILED: Final = 20
"""How many workloads are told of in detail: of each its worst Pod."""

_BACKTICKS: Final = re.compile(r"`+")
_LEAST_FENCE: Final = 3


def render(report: Report, _page: Page) -> Iterator[str]:
    """Yield a summary, a table of workloads, and the worst Pod of each."""
    broken = [pod for pod in report.pods if pod.findings]
    yield "# Pod diagnosis"
    yield ""
    have = "has" if len(broken) == 1 else "have"
    yield (f"{len(broken)} of {report.looked_at} Pods {have} a diagnosis, {report.as_of}.")
    for title, texts in (
        ("In common", report.common),
        ("Not read", [str(each) for each in report.missing]),
    ):
        if texts:
            yield ""
            yield f"{title}:"
            yield ""
            yield from _block(texts)
    if not broken:
        return
    groups = _grouped(broken)
    yield ""
    yield "| Workload | Pods | Cause |"
    yield "|---|---|---|"
    for pods in groups:
        causes = Counter(pod.findings[0].diagnosis.cause.value for pod in pods)
        told = ", ".join(f"{cause} {count}" for cause, count in causes.most_common())
        yield f"| {_code(_workload(pods[0]))} | {len(pods)} | {told} |"
    for pods in groups[:_MAX_DETAILED]:
        yield from _pod(pods[0])
    if len(groups) > _MAX_DETAILED:
        yield ""
        yield f"And {len(groups) - _MAX_DETAILED} more workloads."


def _grouped(pods: Sequence[PodReport]) -> list[list[PodReport]]:
    """Group Pods by workload, and put the worst first."""
    groups: dict[tuple[str, str], list[PodReport]] = {}
    for pod in sorted(pods, key=lambda each: -severity(each.findings)):
        groups.setdefault((pod.namespace, pod.workload.key), []).append(pod)
    return sorted(groups.values(), key=lambda each: (-severity(each[0].findings), -len(each)))


def _workload(pod: PodReport) -> str:
    return f"{pod.namespace} {workload_text(pod)}"


def _pod(pod: PodReport) -> Iterator[str]:
    yield ""
    yield f"## {_code(f'{pod.namespace}/{pod.name}')}"
    for finding in pod.findings:
        yield ""
        yield from _finding(finding)
    for title, texts in (("Changed before", pod.changes), ("Remediation", pod.remediation)):
        if texts:
            yield ""
            yield f"{title}:"
            yield ""
            yield from _block(texts)


def _finding(finding: Finding) -> Iterator[str]:
    symptom, lines = finding.diagnosis.symptom, finding.statement
    container = (
        f", {symptom.container_kind} {_code(symptom.container)}" if symptom.container else ""
    )
    when = f", {format_time(finding.happened)}" if finding.happened else ""
    yield f"**{finding.diagnosis.cause.value}**{container}{when}"
    yield ""
    evidence = [f"Evidence: {lines.evidence}"] if lines.evidence else []
    next_step = [f"Next: {lines.next_step}"] if lines.next_step else []
    yield from _block([lines.diagnosis, *evidence, *next_step])
    words = finding.words
    if words is not None and words.lines:
        yield ""
        yield f"The container's own words ({words.source}, {words.reason_class.value}):"
        yield ""
        yield from _block(words.lines)


def _code(text: str) -> str:
    """Return a name as code, which may stand in a table."""
    safe = sanitize(text, _MAX_NAME_BYTES).replace("`", "'").replace("|", "\\|")
    return f"`{safe or ' '}`"


def _block(texts: Sequence[str]) -> Iterator[str]:
    """Yield lines as a block of code, whose fence is longer than any in it."""
    longest = max((len(found) for text in texts for found in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(longest + 1, _LEAST_FENCE)
    yield f"{fence}text"
    yield from texts
    yield fence
