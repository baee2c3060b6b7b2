"""A timeline of crashes, drawn as SVG: a row for each workload. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.renderers.facts import workload_text
from pod_diagnoser.cli.renderers.html_text import Html, element
from pod_diagnoser.cli.report import PodReport

MAX_ROWS: Final = 30
_MAX_MARKS: Final = 200
"""How many crashes of a workload are drawn: the latest ones."""

_WIDTH: Final = 960
_LEFT: Final = 260
_RIGHT: Final = 30
_TOP: Final = 28
_ROW: Final = 26
_RADIUS: Final = 5
_TICKS: Final = 5
_MAX_LABEL: Final = 34
_LEAST_SPAN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Mark:
    """A crash: when it happened, and what is said of it."""

    moment: datetime
    text: str


def timeline(groups: Sequence[Sequence[PodReport]]) -> Html | None:
    """Draw the crashes of workloads.

    Args:
        groups: the Pods of each workload.

    Returns:
        The drawing; None where no time of a crash is known.
    """
    found = [(group[0], _marks(group)) for group in groups]
    drawn = [(pod, marks) for pod, marks in found if marks][:MAX_ROWS]
    if not drawn:
        return None
    moments = [mark.moment for _, marks in drawn for mark in marks]
    first, last = min(moments), max(moments)
    if last - first < _LEAST_SPAN:
        first = last - _LEAST_SPAN
    scale = _Scale(first, last)
    height = _TOP + _ROW * len(drawn) + 8
    parts = [*scale.ticks(height)]
    for number, (pod, marks) in enumerate(drawn):
        parts += _row(pod, marks, scale, _TOP + _ROW * number + _ROW // 2)
    count = sum(len(marks) for _, marks in drawn)
    about = (
        f"{count} {'crash' if count == 1 else 'crashes'} of {len(drawn)} "
        f"{'workload' if len(drawn) == 1 else 'workloads'} from "
        f"{format_time(first)} to {format_time(last)}. The table below has the same in words."
    )
    return element(
        "svg",
        element("title", "Timeline of crashes", id="timeline-title"),
        element("desc", about, id="timeline-desc"),
        *parts,
        role="img",
        aria_labelledby="timeline-title timeline-desc",
        viewBox=f"0 0 {_WIDTH} {height}",
        class_="timeline",
    )


def _marks(group: Sequence[PodReport]) -> list[_Mark]:
    """Return the crashes of a workload, each once."""
    marks: dict[str, _Mark] = {}
    for pod in group:
        for record in pod.history:
            text = f"{format_time(record.happened)} {record.cause}: {pod.name}"
            marks[record.id] = _Mark(record.happened, text)
        for finding in pod.findings:
            if finding.happened is not None:
                cause = finding.diagnosis.cause.value
                text = f"{format_time(finding.happened)} {cause}: {pod.name}"
                marks[finding.diagnosis.id] = _Mark(finding.happened, text)
    return sorted(marks.values(), key=lambda each: each.moment)[-_MAX_MARKS:]


def _row(pod: PodReport, marks: Sequence[_Mark], scale: "_Scale", y: int) -> list[Html]:
    label = f"{pod.namespace}/{workload_text(pod)}"
    short = label if len(label) <= _MAX_LABEL else f"{label[: _MAX_LABEL - 1]}…"
    return [
        element("text", short, x=_LEFT - 12, y=y + 4, class_="label"),
        element("line", x1=_LEFT, y1=y, x2=_WIDTH - _RIGHT, y2=y, class_="rule"),
        *(
            element(
                "circle",
                element("title", mark.text),
                cx=scale.x(mark.moment),
                cy=y,
                r=_RADIUS,
                class_="mark",
            )
            for mark in marks
        ),
    ]


class _Scale:
    """Where a moment is drawn."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self._first, self._span = first, last - first

    def x(self, moment: datetime) -> float:
        """Return the abscissa of a moment."""
        share = (moment - self._first) / self._span
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self, height: int) -> list[Html]:
        """Return lines at some moments, with their times."""
        found = []
        pattern = "%H:%M:%S" if self._span < timedelta(hours=20) else "%m-%d %H:%M"
        for number in range(_TICKS):
            moment = self._first + self._span * (number / (_TICKS - 1))
            x = self.x(moment)
            anchor = "end" if number == _TICKS - 1 else "middle"
            shown = moment.strftime(pattern)
            found.append(element("line", x1=x, y1=_TOP - 6, x2=x, y2=height, class_="rule"))
            found.append(element("text", shown, x=x, y=14, class_="tick", text_anchor=anchor))
        return found
