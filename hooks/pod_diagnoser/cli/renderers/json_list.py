"""``-o json``: a ``PodDiagnosisList``, for programs."""

import json
from collections.abc import Iterator
from typing import Any, Final

from pod_diagnoser.api.diagnostics_v1 import API_VERSION
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.renderers import Page
from pod_diagnoser.cli.report import Finding, Report

KIND: Final = "PodDiagnosisList"


def render(report: Report, _page: Page) -> Iterator[str]:
    """Yield the list as one text."""
    yield json.dumps(to_list(report), ensure_ascii=False, indent=2)


def to_list(report: Report) -> dict[str, Any]:
    """Return the ``PodDiagnosisList`` of a report."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "items": [to_item(each) for each in report.findings],
    }


def to_item(finding: Finding) -> dict[str, Any]:
    """Return a finding as an item of the list; what is not known is left out."""
    symptom = finding.diagnosis.symptom
    times = {"startedAt": symptom.started_at, "finishedAt": symptom.finished_at}
    facts = {
        "containerKind": symptom.container_kind,
        "node": symptom.node,
        "reason": symptom.reason,
        "exitCode": symptom.exit_code,
        "restartCount": symptom.restarts if symptom.container else None,
        **{name: format_time(time) for name, time in times.items() if time is not None},
    }
    return {
        "namespace": symptom.namespace,
        "pod": symptom.pod,
        "container": symptom.container,
        "cause": finding.diagnosis.cause.value,
        "diagnosis": finding.statement.diagnosis,
        "evidence": finding.statement.evidence,
        "nextStep": finding.statement.next_step,
        "symptom": symptom.kind.name.title().replace("_", ""),
        **{name: fact for name, fact in facts.items() if fact not in ("", None)},
    }
