"""The files of contrib/prometheus and contrib/grafana, as tests read them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import CollectorRegistry, Metric

from pod_diagnoser.api.diagnoser_state import DiagnoserStates
from pod_diagnoser.server.state_families import state_families
from pod_diagnoser.server.telemetry import Telemetry

PROJECT = Path(__file__).parents[2]
RULES = PROJECT / "contrib/prometheus/rules.yaml"
DASHBOARD = PROJECT / "contrib/grafana/dashboard.json"
ALERTMANAGER = PROJECT / "contrib/prometheus/alertmanager.yaml"
RUNBOOKS = PROJECT / "docs/runbooks"
COMPONENT = PROJECT / "metacontroller/pod-diagnoser/components/prometheus-operator"

METRIC = re.compile(r"\b(?:pod_diagnoser|kube)_[a-z_]+")

KUBE_STATE_METRICS = {"kube_pod_container_status_waiting_reason", "kube_pod_annotations"}
"""What the rules take from kube-state-metrics. Source: its docs/metrics/workload/pod-metrics.md."""


def alerts() -> list[dict[str, Any]]:
    """Return the rules that are alerts."""
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]


def panels() -> list[dict[str, Any]]:
    """Return the panels of the dashboard."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def queries() -> list[str]:
    """Return the queries of the dashboard, with what Grafana fills in."""
    return [
        target["expr"].replace("$__rate_interval", "5m").replace("$namespace", ".*")
        for panel in panels()
        for target in panel.get("targets", ())
    ]


def metrics() -> dict[str, set[str]]:
    """Return the names of all samples that the hooks print, and the labels that each may have."""
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    telemetry.answered("/pods/sync", 200, 0.1)
    found: dict[str, set[str]] = {}
    for family in (*registry.collect(), *state_families(DiagnoserStates((), 0))):
        labels = set(getattr(family, "_labelnames", ()))
        labels |= {label for sample in family.samples for label in sample.labels}
        for name in _samples(family):
            found[name] = labels
    return found


def _samples(family: Metric) -> Iterator[str]:
    if family.type == "counter":
        yield f"{family.name}_total"
    elif family.type == "histogram":
        yield from (f"{family.name}_{end}" for end in ("bucket", "sum", "count"))
    else:
        yield family.name


def prometheus_rule() -> str:
    """Return what the component's PrometheusRule is: the rules, indented."""
    rules = RULES.read_text(encoding="utf-8")
    groups = rules[rules.index("groups:") :]
    spec = "".join(f"  {line}" if line.strip() else line for line in groups.splitlines(True))
    return f"""\
# contrib/prometheus/rules.yaml as the operator of Prometheus takes it. Made from that file by
# pytest tests/contrib/test_alerting.py --update-golden; change it there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: pod-diagnoser
  namespace: pod-diagnoser-system
spec:
{spec}"""
