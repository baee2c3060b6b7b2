"""Whether the state metrics have the drill: what Prometheus scrapes, through the API server."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pod_diagnoser.cli.drill.cluster import DrillCluster, metrics_ports, service_path
from pod_diagnoser.cli.drill.report import Check, State
from pod_diagnoser.cli.sources.kubectl import KubectlError

METRICS: Final = "metrics"

_NAME: Final = "app.kubernetes.io/name=pod-diagnoser"
_STATE: Final = "/metrics/state"
_SERVICE_PORT: Final = "metrics"
_POD_PORTS: Final = ("metrics-pd", "metrics")
_COMPONENT: Final = "app.kubernetes.io/component"
_HOOK: Final = "poddiagnosers"

_SERIES: Final = re.compile(r"pod_diagnoser_workload_crashing_pods\{([^}]*)\} ([0-9.e+]+)")
_LABEL: Final = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')

_BY_HAND: Final = (
    "kubectl -n {} port-forward {} 8080:{}, then look at http://localhost:8080" + _STATE
)


class StateMetrics:
    """Finds and reads the state metrics.

    Args:
        cluster: through which.
    """

    def __init__(self, cluster: DrillCluster) -> None:
        self._cluster = cluster
        self._path = ""

    def find(self) -> Check:
        """Find where they are, and whether they answer; the check says it."""
        try:
            found = next(self._places(), None)
        except KubectlError as error:
            return _check(State.NOT_CHECKED, f"where the operator runs is not known: {error}")
        if found is None:
            return _check(
                State.FAILED,
                "the operator has neither a Service nor Pods with the label " + _NAME,
                "install it: metacontroller/README.md",
            )
        namespace, name, port, kind = found
        self._path = service_path(namespace, name, port, _STATE, kind)
        shown = f"{kind.removesuffix('s')} {namespace}/{name}"
        try:
            self._cluster.get_raw(self._path)
        except KubectlError as error:
            self._path = ""
            by_hand = _BY_HAND.format(namespace, f"{kind.removesuffix('s')}/{name}", port)
            if error.kind == "forbidden":
                return _check(State.NOT_CHECKED, f"you may not ask {shown}: {error}", by_hand)
            is_silent = error.kind in ("timeout", "no server")
            if not is_silent and self._answers(namespace, name, port, kind):
                return _check(
                    State.FAILED,
                    f"{_STATE} of {shown} is refused, /metrics is not: no alert of workloads fires",
                    "install the component state-metrics: docs/alerts.md",
                )
            return _check(
                State.FAILED,
                f"{shown} does not answer{' in time' if is_silent else f': {error}'}",
                "if Prometheus scrapes it all the same (a NetworkPolicy may let in Prometheus, and "
                f"not the API server), all is well: {by_hand}",
            )
        return _check(State.PASSED, f"{_STATE} of {shown} answers")

    @property
    def found(self) -> bool:
        """Whether they answer."""
        return bool(self._path)

    def read(self, namespace: str) -> Mapping[str, frozenset[str]]:
        """Return the causes of each workload in a namespace; nothing where they do not answer."""
        try:
            text = self._cluster.get_raw(self._path)
        except KubectlError:
            return {}
        return crashing_workloads(text, namespace)

    def _answers(self, namespace: str, name: str, port: str, kind: str) -> bool:
        try:
            self._cluster.get_raw(service_path(namespace, name, port, "/metrics", kind))
        except KubectlError:
            return False
        return True

    def _places(self) -> Iterator[tuple[str, str, str, str]]:
        """Yield namespace, name, port and kind of what may have them, the best first."""
        services = self._cluster.get_all("services", f"--selector={_NAME},{_COMPONENT}={_HOOK}")
        for each in services:
            names = {port.get("name") for port in each.get("spec", {}).get("ports") or []}
            if _SERVICE_PORT in names:
                metadata = each["metadata"]
                yield metadata["namespace"], metadata["name"], _SERVICE_PORT, "services"
        pods = self._cluster.get_all("pods", f"--selector={_NAME}")
        for namespace, name, port in metrics_ports(pods, _POD_PORTS):
            yield namespace, name, port, "pods"


def crashing_workloads(text: str, namespace: str) -> dict[str, frozenset[str]]:
    """Return the causes of crashing Pods by workload, as state metrics have them. Pure.

    Args:
        text: metrics in Prometheus' text format.
        namespace: of the Pods.
    """
    found: dict[str, set[str]] = {}
    for series in _SERIES.finditer(text):
        labels = dict(_LABEL.findall(series[1]))
        if labels.get("namespace") == namespace and float(series[2]) > 0:
            found.setdefault(labels.get("workload", ""), set()).add(labels.get("cause", ""))
    return {workload: frozenset(causes) for workload, causes in found.items()}


def _check(state: State, message: str, next_step: str = "") -> Check:
    return Check("", METRICS, state, message, next_step)
