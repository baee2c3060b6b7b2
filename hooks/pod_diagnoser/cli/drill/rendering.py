"""A drill as text, line by line while it goes on, and as JSON. Pure."""

import json
from collections.abc import Iterator
from typing import Any, Final

from pod_diagnoser.api.diagnostics_v1 import API_VERSION
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.drill.report import Check, DrillReport, State
from pod_diagnoser.cli.drill.workloads import WORKLOADS
from pod_diagnoser.cli.renderers.layout import styled, wrap

KIND: Final = "DrillReport"

_SIGNS: Final = {State.PASSED: "✓", State.FAILED: "✗", State.NOT_CHECKED: "\N{EN DASH}"}
_STYLES: Final = {State.PASSED: "good", State.FAILED: "bad", State.NOT_CHECKED: "warning"}
_COLUMN: Final = 13
_LEAST_TEXT: Final = 24
_WHAT: Final = {each.name: each.what for each in WORKLOADS}


class Lines:
    """Makes the lines of each check, with a heading for each workload; a next step is said once.

    Args:
        width: cells of a line; None does not wrap.
        colour: whether to colour.
    """

    def __init__(self, width: int | None, *, colour: bool) -> None:
        self._width, self._colour = width, colour
        self._about = ""
        self._next_steps: set[str] = set()

    def of(self, check: Check) -> Iterator[str]:
        """Yield the lines of a check."""
        if check.workload != self._about:
            self._about = check.workload
            if check.workload:
                heading = styled(check.workload, "heading", colour=self._colour)
                yield f"{heading}: {_WHAT.get(check.workload, '')}"
        indent = "  " * bool(check.workload)
        sign = styled(_SIGNS[check.state], _STYLES[check.state], colour=self._colour)
        texts = [check.message]
        if check.next_step and check.next_step not in self._next_steps:
            self._next_steps.add(check.next_step)
            texts.append(f"→ {check.next_step}")
        before = f"{indent}{sign} {check.name:<{_COLUMN - len(indent)}}"
        hanging = " " * (_COLUMN + 2)
        for text in texts:
            room = None if self._width is None else max(self._width - len(hanging), _LEAST_TEXT)
            for line in wrap(text, room):
                yield f"{before}{line}"
                before = hanging


def summary(report: DrillReport) -> str:
    """Sum a drill up in a line."""
    passed, failed = report.count(State.PASSED), report.count(State.FAILED)
    left = report.count(State.NOT_CHECKED)
    unchecked = f", {left} not checked" if left else ""
    well = f"{passed} work" if failed else f"all {passed} work"
    broken = f", {failed} do not" if failed else ""
    return f"{well}{broken}{unchecked} ({report.seconds:.0f} s)"


def as_json(report: DrillReport) -> str:
    """Return what ``docs/drill-report.schema.json`` describes; fields are added, never removed."""
    found: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "summary": {
            "namespace": report.namespace,
            "kept": report.kept,
            "image": report.image,
            "time": format_time(report.began),
            "seconds": round(report.seconds, 1),
            "passed": report.count(State.PASSED),
            "failed": report.count(State.FAILED),
            "notChecked": report.count(State.NOT_CHECKED),
        },
        "checks": [_as_object(each) for each in report.checks],
    }
    return json.dumps(found, ensure_ascii=False, indent=2)


def _as_object(check: Check) -> dict[str, str]:
    fields = {
        "workload": check.workload,
        "check": check.name,
        "state": check.state.value,
        "message": check.message,
        "nextStep": check.next_step,
    }
    return {name: value for name, value in fields.items() if value}
