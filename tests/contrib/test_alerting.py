"""Rules, dashboard and Alertmanager's sample agree with the metrics, the causes and each other."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pod_diagnoser.api.causes import TRANSIENT, Cause
from tests.contrib.alerting import (
    ALERTMANAGER,
    COMPONENT,
    DASHBOARD,
    KUBE_STATE_METRICS,
    METRIC,
    PROJECT,
    RUNBOOKS,
    alerts,
    metrics,
    panels,
    prometheus_rule,
    queries,
)
from tests.manifests.kustomize import BASE, build_overlay, of_kind, render

SELECTOR = re.compile(r"\b(pod_diagnoser_[a-z_]+|kube_[a-z_]+)\{([^}]*)\}")
UNIT_TESTS = Path(__file__).parent / "promtool"


def by_name() -> dict[str, str]:
    """Return the alerts' expressions by their names."""
    return {alert["alert"]: alert["expr"] for alert in alerts()}


def test_each_alert_has_one_name_and_wakes_nobody() -> None:
    """Severity is at most warning: a cause explains, the symptoms page."""
    assert len(by_name()) == len(alerts())
    assert {alert["labels"]["severity"] for alert in alerts()} == {"warning", "info"}
    for alert in alerts():
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}


def test_each_alert_has_its_runbook_and_each_runbook_its_alert() -> None:
    """A page in docs/runbooks, which says what it means and what to do."""
    for alert in alerts():
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{alert['alert']}.md"
        page = (PROJECT / alert["annotations"]["runbook_url"]).read_text(encoding="utf-8")
        assert page.startswith(f"# {alert['alert']}\n")
        assert re.findall(r"^## (.*)$", page, re.MULTILINE) == ["What it means", "What to do"]
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(by_name())


def unit_tests() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the alerts' names, and what promtool expects to fire of each."""
    for path in UNIT_TESTS.glob("*.yaml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for test in group["alert_rule_test"]:
                yield test["alertname"], test["exp_alerts"]


def test_each_alert_is_shown_to_fire_and_not_to_fire() -> None:
    """In the unit tests that promtool runs."""
    shown: dict[str, set[bool]] = {}
    for name, expected in unit_tests():
        shown.setdefault(name, set()).add(bool(expected))
    assert shown == {name: {True, False} for name in by_name()}


@pytest.mark.parametrize("of", ["rules", "dashboard"])
def test_every_metric_and_label_that_is_queried_exists(of: str) -> None:
    """What the hooks print, and the two metrics of kube-state-metrics."""
    known = metrics()
    found = list(by_name().values()) if of == "rules" else queries()
    assert len(found) >= 15
    for query in found:
        names = set(METRIC.findall(query)) - KUBE_STATE_METRICS
        assert names <= known.keys() or "kube_" in query, query
        for name, matchers in SELECTOR.findall(query):
            if name not in KUBE_STATE_METRICS:
                assert set(re.findall(r"(\w+)(?:=|!)", matchers)) <= known[name], query


def test_a_metric_that_does_not_exist_would_be_found() -> None:
    """The names that are compared are whole, with the endings of counters and histograms."""
    known = metrics()
    assert "pod_diagnoser_hook_requests_total" in known
    assert "pod_diagnoser_hook_requests" not in known
    assert "pod_diagnoser_hook_duration_seconds_bucket" in known
    assert known["pod_diagnoser_condition"] == {
        *("namespace", "poddiagnoser", "clusterpoddiagnoser", "condition", "reason")
    }


def test_causes_of_alerts_are_causes() -> None:
    """What can be over again is one alert, what has ended another, and each cause in one.

    What is held back on purpose, or runs in its old size, is in none.
    """
    crashing, stuck = (
        re.search(r'cause(!|=)~"([^"]*)"', by_name()[name])
        for name in ("PodDiagnoserWorkloadCrashing", "PodDiagnoserWorkloadStuck")
    )
    assert crashing is not None
    assert stuck is not None
    assert (crashing[1], stuck[1]) == ("!", "=")
    none = {Cause.SCHEDULING_GATED, Cause.RESIZE_PENDING, Cause.RESIZE_FAILED}
    over_again = TRANSIENT - {Cause.CRASH_LOOP_BACK_OFF}
    assert set(crashing[2].split("|")) == over_again
    assert set(stuck[2].split("|")) == over_again - none
    memory = re.search(r'cause=~"([^"]*)"', by_name()["PodDiagnoserWorkloadOutOfMemory"])
    assert memory is not None
    assert set(memory[1].split("|")) == {each for each in Cause if "OutOfMemory" in each}


def test_state_is_never_counted_twice() -> None:
    """Each replica prints it: every query takes the greatest first."""
    for query in (*by_name().values(), *queries()):
        for metric in re.findall(
            r"pod_diagnoser_(?:workload|condition|withheld|remediations)", query
        ):
            before = query[: query.index(metric)]
            assert "max without (pod, instance)" in before, query


def test_the_dashboard_has_its_variables() -> None:
    """Data source and namespace; every panel uses the first, those of state both."""
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert [each["name"] for each in dashboard["templating"]["list"]] == ["datasource", "namespace"]
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    for panel in panels():
        if panel["type"] == "row":
            continue
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            state = set(METRIC.findall(target["expr"])) - {"pod_diagnoser_state_unreadable"}
            if any("namespace" in metrics()[name] for name in state):
                assert '{namespace=~"$namespace"' in target["expr"]


def test_inhibitions_and_routes_name_alerts() -> None:
    """And labels that both alerts have."""
    sample = yaml.safe_load(ALERTMANAGER.read_text(encoding="utf-8"))
    assert len(sample["inhibit_rules"]) >= 3
    # Source: kubernetes-mixin, alerts/apps_alerts.libsonnet.
    foreign = {"KubePodCrashLooping": {"namespace", "pod", "container"}}
    labels: dict[str, set[str]] = {}
    for name, fired in unit_tests():
        for each in fired:
            labels.setdefault(name, set()).update(each["exp_labels"])
    for rule in sample["inhibit_rules"]:
        names = {
            re.fullmatch(r'alertname="(\w+)"', matcher)[1]  # type: ignore[index]
            for matcher in (*rule["source_matchers"], *rule["target_matchers"])
        }
        assert len(names) == 2
        for name in names:
            assert set(rule.get("equal", ())) <= {**labels, **foreign}[name], name
    (route,) = sample["route"]["routes"]
    (matcher,) = route["matchers"]
    pattern = re.compile(re.fullmatch(r'alertname=~"(.*)"', matcher)[1])  # type: ignore[index]
    assert all(pattern.fullmatch(name) for name in by_name())


def test_the_prometheusrule_has_the_same_rules(request: pytest.FixtureRequest) -> None:
    """It is made from the file of rules, with its comments."""
    path = COMPONENT / "prometheusrule.yaml"
    if request.config.getoption("--update-golden"):
        path.write_text(prometheus_rule(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == prometheus_rule()
    rules = yaml.safe_load((PROJECT / "contrib/prometheus/rules.yaml").read_text(encoding="utf-8"))
    assert yaml.safe_load(prometheus_rule())["spec"] == rules


def test_what_is_scraped_is_there(tmp_path: Path) -> None:
    """The monitors select the hooks' Services and ports; only state has labels of its own."""
    objects = build_overlay(tmp_path, "default", "state-metrics", "prometheus-operator")
    services = of_kind(render(BASE), "Service")
    selected = {}
    for name, monitor in of_kind(objects, "ServiceMonitor").items():
        assert monitor["metadata"]["labels"]["app.kubernetes.io/part-of"] == "pod-diagnoser"
        labels = monitor["spec"]["selector"]["matchLabels"].items()
        (endpoint,) = monitor["spec"]["endpoints"]
        chosen = [
            service
            for service in services.values()
            if labels <= service["metadata"]["labels"].items()
        ]
        for service in chosen:
            assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
        selected[name] = (len(chosen), endpoint["path"], endpoint.get("honorLabels", False))
    assert selected == {
        "pod-diagnoser": (2, "/metrics", False),
        "pod-diagnoser-state": (1, "/metrics/state", True),
    }
    assert set(of_kind(objects, "PrometheusRule")) == {"pod-diagnoser"}
