"""What the hook logs and counts of remediation."""

from typing import Any

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from pod_diagnoser.poddiagnosers.decisions import WITHHELD, Decision
from pod_diagnoser.remediation.model import Phase, Reason
from pod_diagnoser.server.telemetry import Telemetry
from tests.support.builders import parsed, replacing

METRIC = "pod_diagnoser_remediation_decisions_total"


def decision(outcome: str, reason: Reason, **changes: Any) -> Decision:
    """Return a decision about the Pod app-1."""
    facts = {
        "namespace": "shop",
        "action": "RestartPod",
        "pod": "app-1",
        "uid": "u",
        "owner": "rs-1",
        "container": "app",
        "cause": "Killed",
        "crash": "0" * 16,
    }
    return Decision(outcome, reason, **{**facts, **changes})


def test_a_decision_is_a_line_and_a_count() -> None:
    """The line says which Pod, the counter only how many."""
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    labels = {"outcome": "Done", "reason": "Deleted"}
    assert registry.get_sample_value(METRIC, labels) == 0
    with capture_logs() as lines:
        telemetry.remediation_decided(parsed(replacing()), decision("Done", Reason.DELETED))
    assert registry.get_sample_value(METRIC, labels) == 1
    assert lines == [
        {
            "event": "Remediation decided",
            "log_level": "info",
            "kind": "PodDiagnoser",
            "poddiagnoser": "diag",
            "outcome": "Done",
            "reason": "Deleted",
            "namespace": "shop",
            "action": "RestartPod",
            "pod": "app-1",
            "uid": "u",
            "owner": "rs-1",
            "container": "app",
            "cause": "Killed",
            "crash": "0" * 16,
        }
    ]


def test_what_somebody_stored_cannot_forge_a_line_or_a_label() -> None:
    """A plan of the status may name anything; labels are of two enums, so they are bounded."""
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    with capture_logs() as lines:
        for outcome in (*(phase.value for phase in Phase), WITHHELD):
            for reason in Reason:
                hostile = decision(outcome, reason, pod="a\n\x1b[31mb" * 500, cause="x\u202ey")
                telemetry.remediation_decided(parsed(replacing()), hostile)
    assert all(len(line["pod"].encode()) <= 253 for line in lines)
    assert not any(set("\n\x1b\u202e") & set(line["pod"] + line["cause"]) for line in lines)
    (metric,) = (each for each in registry.collect() if f"{each.name}_total" == METRIC)
    assert {key for sample in metric.samples for key in sample.labels} == {"outcome", "reason"}
    assert len(metric.samples) <= 2 * (len(Phase) + 1) * len(Reason)
