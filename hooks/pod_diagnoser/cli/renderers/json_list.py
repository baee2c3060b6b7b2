"""``-o json``: a ``PodDiagnosisList``, for programs.

``docs/pod-diagnosis-list.schema.json`` describes it: whatever is printed is valid by it, and fields
are added, never removed. What a container wrote itself stands apart, so that nobody takes it for a
diagnosis, or for an instruction.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pod_diagnoser.api.diagnostics_v1 import API_VERSION
from pod_diagnoser.api.text import truncate_bytes
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.renderers import Page
from pod_diagnoser.cli.renderers.facts import is_broken_now
from pod_diagnoser.cli.report import Finding, OwnWords, PodReport, Report
from pod_diagnoser.diagnosis.common_factors import CommonFactor
from pod_diagnoser.diagnosis.evidence import EventFinding

KIND: Final = "PodDiagnosisList"

_MAX_LINES: Final = 3
_MAX_LINE_BYTES: Final = 200
"""How much of what a container wrote an item has; a Pod is to fit into some 2 kB."""

_MAX_TEXTS: Final = 4
_MAX_NAMES: Final = 20


def render(report: Report, _page: Page) -> Iterator[str]:
    """Yield the list as one text."""
    yield json.dumps(to_list(report), ensure_ascii=False, indent=2)


def to_list(report: Report) -> dict[str, Any]:
    """Return the ``PodDiagnosisList`` of a report."""
    missing = [
        {key: text for key, text in zip(("what", "why", "without"), texts, strict=True) if text}
        for texts in ((each.what, each.why, each.without) for each in report.missing)
    ]
    summary = {
        "time": format_time(report.now),
        "timeSource": report.time_source.value,
        "podsLookedAt": report.looked_at,
        "unreadableObjects": report.unreadable,
        "common": [to_common_factor(report.common_factor)] if report.common_factor else [],
        "missing": missing,
    }
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "summary": {name: fact for name, fact in summary.items() if fact not in (0, [])}
        | {"podsLookedAt": report.looked_at},
        "items": [to_item(pod, each) for pod in report.pods for each in pod.findings],
    }


def to_common_factor(common: CommonFactor) -> dict[str, Any]:
    """Return what Pods that crashed within one minute have in common."""
    return {
        "reason": common.factor.value,
        "message": common.message,
        "since": format_time(common.first),
        "pods": common.pods,
    }


def to_item(pod: PodReport, finding: Finding) -> dict[str, Any]:
    """Return a finding as an item of the list; what is not known is left out."""
    diagnosis = finding.diagnosis
    symptom = diagnosis.symptom
    times = {
        "startedAt": symptom.started_at,
        "finishedAt": symptom.finished_at,
        "happenedAt": finding.happened,
    }
    facts: Mapping[str, Any] = {
        "containerKind": symptom.container_kind.value if symptom.container_kind else "",
        "node": symptom.node,
        "reason": symptom.reason,
        "exitCode": symptom.exit_code,
        "restartCount": symptom.restarts if symptom.container else None,
        **{name: format_time(time) for name, time in times.items() if time is not None},
        "possibleCauses": list(diagnosis.possible_causes[:_MAX_NAMES]),
        "changes": _bounded(pod.changes),
        "remediation": _bounded(pod.remediation),
        "containerOutput": _output(finding.words),
    }
    return {
        "namespace": symptom.namespace,
        "pod": symptom.pod,
        "container": symptom.container,
        "workload": {"kind": pod.workload.kind, "name": pod.workload.name},
        "cause": diagnosis.cause.value,
        "causeProvedBy": proof(finding),
        "diagnosis": finding.proved.diagnosis,
        "evidence": finding.proved.evidence,
        "nextStep": finding.proved.next_step,
        "symptom": symptom.kind.name.title().replace("_", ""),
        "brokenNow": is_broken_now(finding),
        **{name: fact for name, fact in facts.items() if fact not in ("", None, [], {})},
    }


def proof(finding: Finding) -> str:
    """Say what proves a cause: the Pod's status, or something that others could have written."""
    diagnosis = finding.diagnosis
    if diagnosis.cause is diagnosis.status_cause:
        return "Status"
    return "Log" if diagnosis.symptom.event_finding is EventFinding.EXEC_FORMAT else "Events"


def _output(words: OwnWords | None) -> dict[str, Any]:
    if words is None:
        return {}
    found = {
        "writtenBy": "container",
        "class": words.reason_class.value,
        "runtime": words.runtime,
        "source": words.source,
        "lines": _bounded(words.lines, _MAX_LINES),
    }
    return {name: fact for name, fact in found.items() if fact not in ("", [])}


def _bounded(texts: Sequence[str], most: int = _MAX_TEXTS) -> list[str]:
    return [truncate_bytes(each, _MAX_LINE_BYTES) for each in texts[:most]]
