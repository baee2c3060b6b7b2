"""``-o table`` and ``-o wide``: a row for each workload, cause or node, the worst first."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.cli.renderers import Page
from pod_diagnoser.cli.renderers.facts import age, severity, style_of, workload_text
from pod_diagnoser.cli.renderers.layout import table, wrap
from pod_diagnoser.cli.report import Finding, OwnWords, PodReport, Report
from pod_diagnoser.diagnosis.quoting import quote_whole


@dataclass(frozen=True, slots=True)
class _Row:
    """Pods that a row tells of, the worst first."""

    key: tuple[str, ...]
    pods: Sequence[PodReport]
    now: datetime

    @property
    def worst(self) -> PodReport:
        return self.pods[0]

    @property
    def finding(self) -> Finding:
        return self.worst.findings[0]

    @property
    def findings(self) -> list[Finding]:
        return [finding for pod in self.pods for finding in pod.findings]

    @property
    def severity(self) -> int:
        return max(severity(pod.findings) for pod in self.pods)

    @property
    def last(self) -> datetime | None:
        return max((each.happened for each in self.findings if each.happened), default=None)

    @property
    def restarts(self) -> int:
        by_container = {
            (each.diagnosis.symptom.pod, each.diagnosis.container): each.diagnosis.symptom.restarts
            for each in self.findings
        }
        return sum(by_container.values())

    @property
    def total(self) -> int:
        """How many Pods the workload has."""
        siblings = self.worst.siblings
        return max(siblings.total if siblings else 0, len(self.pods))

    @property
    def causes(self) -> str:
        """The most frequent cause; how many more there are."""
        counted = Counter(pod.findings[0].diagnosis.cause.value for pod in self.pods)
        (first, _), *more = counted.most_common()
        return f"{first} +{len(more)}" if more else first

    @property
    def workloads(self) -> str:
        """The workload, or how many there are."""
        names = dict.fromkeys(f"{pod.namespace}/{workload_text(pod)}" for pod in self.pods)
        return next(iter(names)) if len(names) == 1 else str(len(names))


_KEYS: Final[dict[str, Callable[[PodReport], tuple[str, ...]]]] = {
    "workload": lambda pod: (pod.namespace, pod.workload.key),
    "cause": lambda pod: (pod.findings[0].diagnosis.cause.value,),
    "node": lambda pod: (pod.node,),
}


def _timestamp(row: _Row) -> float:
    return row.last.timestamp() if row.last else 0.0


_ORDERS: Final[dict[str, Callable[[_Row], tuple[object, ...]]]] = {
    "worst": lambda row: (-row.severity, -len(row.pods), -_timestamp(row), row.key),
    "last": lambda row: (-_timestamp(row), row.key),
    "pods": lambda row: (-len(row.pods), row.key),
    "restarts": lambda row: (-row.restarts, row.key),
    "name": lambda row: (row.worst.namespace, row.worst.workload.name, row.key),
    "cause": lambda row: (row.causes, row.key),
}

_Column = tuple[str, Callable[[_Row], str]]

_NAMESPACE: Final[_Column] = ("NAMESPACE", lambda row: row.worst.namespace)
_RESTARTS: Final[_Column] = ("RESTARTS", lambda row: str(row.restarts))
_LAST: Final[_Column] = ("LAST", lambda row: age(row.last, row.now))
_CAUSE: Final[_Column] = ("CAUSE", lambda row: row.causes)
_WHY: Final[_Column] = ("WHY", lambda row: _why(row.pods))
_POD: Final[_Column] = ("POD", lambda row: row.worst.name)
_COUNT: Final[_Column] = ("PODS", lambda row: str(len(row.pods)))
_WORKLOADS: Final[_Column] = ("WORKLOAD", lambda row: row.workloads)

_COLUMNS: Final[dict[str, Sequence[_Column]]] = {
    "workload": (
        ("WORKLOAD", lambda row: workload_text(row.worst)),
        ("PODS", lambda row: f"{len(row.pods)}/{row.total}"),
        _CAUSE,
        _LAST,
        _WHY,
    ),
    "cause": (_CAUSE, _COUNT, _WORKLOADS, _LAST, _WHY),
    "node": (
        ("NODE", lambda row: row.worst.node or "<none>"),
        _COUNT,
        _CAUSE,
        _WORKLOADS,
        _LAST,
        _WHY,
    ),
}
_WIDE: Final[Sequence[_Column]] = (
    _RESTARTS,
    _POD,
    ("CONTAINER", lambda row: row.finding.diagnosis.container or "<none>"),
    ("NODE", lambda row: row.worst.node or "<none>"),
    ("NEXT", lambda row: row.finding.statement.next_step),
)


def render(report: Report, page: Page) -> Iterator[str]:
    """Yield what the crashes have in common, and a row for each group."""
    for line in report.common:
        yield from wrap(line, page.width)
    broken = [pod for pod in report.pods if pod.findings]
    if not broken:
        return
    if report.common:
        yield ""
    rows = sorted(_rows(broken, page.group_by, report.now), key=_ORDERS[page.sort_by])
    columns = _columns(rows, page)
    yield from table(
        [name for name, _ in columns],
        [[cell(row) for _, cell in columns] for row in rows],
        [style_of(row.findings) for row in rows],
        replace(page, width=None) if page.wide else page,
    )


def _why(pods: Sequence[PodReport]) -> str:
    """Say what happened to the worst Pod, or to one alike of which more is known: its own words."""
    worst = pods[0].findings[0]
    for pod in pods:
        finding = pod.findings[0]
        if finding.diagnosis.cause is worst.diagnosis.cause and finding.words:
            if finding.words.reason_class is ReasonClass.NOTHING:
                continue
            return _with_words(finding, finding.words)
    return worst.statement.diagnosis


def _with_words(finding: Finding, words: OwnWords) -> str:
    """Say what happened, and what the container said itself, unless that is said already."""
    said = finding.statement.diagnosis
    if not words.lines or said != finding.proved.diagnosis:
        return said
    return f"{said}; it said {quote_whole(words.lines[0])}"


def _rows(pods: Sequence[PodReport], group_by: str, now: datetime) -> Iterator[_Row]:
    groups: dict[tuple[str, ...], list[PodReport]] = {}
    for pod in pods:
        groups.setdefault(_KEYS[group_by](pod), []).append(pod)
    for key, members in groups.items():
        yield _Row(key, sorted(members, key=_badness), now)


def _badness(pod: PodReport) -> tuple[float, ...]:
    happened = pod.findings[0].happened
    return (-severity(pod.findings), -(happened.timestamp() if happened else 0.0))


def _columns(rows: Sequence[_Row], page: Page) -> Sequence[_Column]:
    columns = list(_COLUMNS[page.group_by])
    if page.wide:
        shown = {name for name, _ in columns}
        columns[-1:-1] = [each for each in _WIDE if each[0] not in (*shown, "NEXT")]
        columns.append(_WIDE[-1])
    if page.group_by == "workload" and (
        page.namespaces or len({row.worst.namespace for row in rows}) > 1
    ):
        columns.insert(0, _NAMESPACE)
    return columns
