"""Whether Prometheus would say it: its rules and, where that is waited for, its alerts."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from pod_diagnoser.cli.drill.cluster import DrillCluster, service_path
from pod_diagnoser.cli.drill.observed import Json, items, shown, text_at
from pod_diagnoser.cli.drill.report import Check, State
from pod_diagnoser.cli.drill.workloads import WORKLOADS, Workload
from pod_diagnoser.cli.sources.kubectl import KubectlError

ALERT: Final = "alert"
RULES: Final = "alert rules"

_SERVICE: Final = re.compile(r"([a-z0-9-]{1,63})/([a-z0-9-]{1,63}):([a-z0-9-]{1,63})")
_URL: Final = re.compile(r"https?://[^\s/]+.*")
_SECONDS: Final = 10.0
_MAX_BYTES: Final = 16 * 1024 * 1024
_OPERATOR_KIND: Final = "prometheusrules.monitoring.coreos.com"
_NAME_IT: Final = "name your Prometheus: --prometheus URL, or --prometheus NAMESPACE/SERVICE:PORT"
_INSTALL: Final = "load contrib/prometheus/rules.yaml, or install the component prometheus-operator"
_SLACK_SECONDS: Final = 90
"""How much later than it could an alert may fire: scraping and evaluating take their time."""


class PrometheusError(Exception):
    """Prometheus does not answer; its message says why, in words that are safe to show."""


def is_place(text: str) -> bool:
    """Whether a text names a Prometheus: a URL, or NAMESPACE/SERVICE:PORT."""
    return bool(_URL.fullmatch(text) or _SERVICE.fullmatch(text))


class Prometheus:
    """Asks Prometheus.

    Args:
        place: a URL, or NAMESPACE/SERVICE:PORT, which is asked through the API server.
        cluster: through which.
    """

    def __init__(self, place: str, cluster: DrillCluster) -> None:
        self._place, self._cluster = place, cluster

    def rules(self) -> set[str]:
        """Return the names of the alerts whose rules are loaded.

        Raises:
            PrometheusError: it does not answer.
        """
        groups = items(self._get("/api/v1/rules?type=alert"), "groups")
        return {text_at(rule, "name") for group in groups for rule in items(group, "rules")}

    def alerts(self, namespace: str) -> list[Json]:
        """Return the alerts about a namespace, pending ones too.

        Raises:
            PrometheusError: it does not answer.
        """
        found = items(self._get("/api/v1/alerts"), "alerts")
        return [each for each in found if text_at(each, "labels", "namespace") == namespace]

    def _get(self, path: str) -> Json:
        try:
            answer = json.loads(self._read(path))
        except (KubectlError, URLError, OSError, ValueError) as error:
            raise PrometheusError(shown(f"{self._place} does not answer: {error}")) from None
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            message = f"{shown(self._place)} does not answer as Prometheus does"
            raise PrometheusError(message)
        return data

    def _read(self, path: str) -> str:
        service = _SERVICE.fullmatch(self._place)
        if service:
            return self._cluster.get_raw(service_path(service[1], service[2], service[3], path))
        url = self._place.rstrip("/") + path
        # No proxy of the environment: kubectl's way is by a Service.
        with build_opener(ProxyHandler({})).open(url, timeout=_SECONDS) as response:
            content: bytes = response.read(_MAX_BYTES)
        return content.decode(errors="replace")


def rules_check(prometheus: Prometheus | None, cluster: DrillCluster) -> Check:
    """Whether the rules of the alerts are loaded, or at least there."""
    wanted = {each.alert for each in WORKLOADS}
    if prometheus is not None:
        try:
            missing = wanted - prometheus.rules()
        except PrometheusError as error:
            return Check("", RULES, State.FAILED, str(error), _NAME_IT)
        if missing:
            names = ", ".join(sorted(missing))
            return Check("", RULES, State.FAILED, f"not loaded: {names}", _INSTALL)
        return Check("", RULES, State.PASSED, f"loaded: {', '.join(sorted(wanted))}")
    try:
        found = cluster.get_all(_OPERATOR_KIND)
    except KubectlError as error:
        why = (
            "there is no kind PrometheusRule"
            if error.kind == "no such kind"
            else f"PrometheusRules cannot be read: {error}"
        )
        return Check("", RULES, State.NOT_CHECKED, why, _NAME_IT)
    for each in found:
        if wanted <= set(_alert_names(each)):
            name = f"{text_at(each, 'metadata', 'namespace')}/{text_at(each, 'metadata', 'name')}"
            said = f"PrometheusRule {name} has them; whether Prometheus loaded it is not checked"
            return Check("", RULES, State.PASSED, said, _NAME_IT)
    return Check("", RULES, State.NOT_CHECKED, "no PrometheusRule has them", _NAME_IT)


def _alert_names(rule: Json) -> Iterator[str]:
    spec: Any = rule.get("spec")
    for group in items(spec, "groups") if isinstance(spec, dict) else ():
        for each in items(group, "rules"):
            yield text_at(each, "alert")


def alert_check(
    workload: Workload, alerts: Sequence[Json], waited: float, *, late: bool
) -> Check | None:
    """Whether an alert fires for a workload; None while it may still come. Pure.

    Args:
        workload: the workload.
        alerts: the alerts about the namespace.
        waited: seconds since it crashed.
        late: whether nothing is waited for any more.
    """
    own = [each for each in alerts if text_at(each, "labels", "workload") == workload.name]
    states: Mapping[str, str] = {
        text_at(each, "labels", "alertname"): text_at(each, "state") for each in own
    }
    if states.get(workload.alert) == "firing":
        return Check(workload.name, ALERT, State.PASSED, f"{workload.alert} fires")
    if not late:
        return None
    if waited < workload.alert_seconds + _SLACK_SECONDS or workload.alert in states:
        pending = " (it is pending)" if workload.alert in states else ""
        minutes = (workload.alert_seconds + _SLACK_SECONDS) // 60 + 1
        why = f"{workload.alert} does not fire yet{pending}: it takes {workload.alert_after}"
        longer = f"wait longer: --wait-for-alert {minutes}m"
        return Check(workload.name, ALERT, State.NOT_CHECKED, why, longer)
    return Check(
        workload.name,
        ALERT,
        State.FAILED,
        f"{workload.alert} does not fire",
        "see whether Prometheus scrapes /metrics/state with honor_labels: docs/alerts.md",
    )
