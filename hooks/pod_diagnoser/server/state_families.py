"""From the statuses of PodDiagnosers to metrics.

The values are those of the statuses and of nothing else, so that each replica prints the same. A
series ends with the line of the status that it is for, and is not kept at 0.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from pod_diagnoser.api.diagnoser_state import (
    NO_DIAGNOSERS,
    DiagnoserState,
    DiagnoserStates,
    StatusState,
    WorkloadState,
)
from pod_diagnoser.api.diagnostics_v1 import ConditionType
from pod_diagnoser.api.fields import UNKNOWN_TIME
from pod_diagnoser.poddiagnosers.workloads import MAX_CAUSES, MAX_WORKLOADS

OTHER: Final = "Other"
"""The cause of those Pods of a workload that have none of the causes which the status names."""

MAX_REMEDIATIONS: Final = 100
"""How many entries a status has at most, as the CRD has it; the same for reasons to withhold."""

_DIAGNOSER: Final = ("namespace", "poddiagnoser", "clusterpoddiagnoser")
"""One of the last two is empty; of a ClusterPodDiagnoser as a whole the first as well."""
_WORKLOAD: Final = (*_DIAGNOSER, "workload_kind", "workload")
_CONDITIONS: Final = frozenset(ConditionType)
_NO_STATUS: Final = StatusState()


def state_families(
    states: DiagnoserStates, of_cluster: DiagnoserStates = NO_DIAGNOSERS
) -> Iterator[Metric]:
    """Return the metrics of PodDiagnosers and of ClusterPodDiagnosers."""
    each = [
        *(
            ((one.metadata.namespace, one.metadata.name, ""), one, one.status or _NO_STATUS)
            for one in states.readable
        ),
        *(
            (("", "", one.metadata.name), one, one.status or _NO_STATUS)
            for one in of_cluster.readable
        ),
    ]
    yield _gauge("pod_diagnoser_state_poddiagnosers", "PodDiagnosers that were listed.").add(
        {(): len(states.readable)}
    )
    yield _gauge(
        "pod_diagnoser_state_clusterpoddiagnosers", "ClusterPodDiagnosers that were listed."
    ).add({(): len(of_cluster.readable)})
    yield _gauge(
        "pod_diagnoser_state_unreadable",
        "PodDiagnosers that were listed and whose statuses could not be read.",
    ).add({(): states.unreadable + of_cluster.unreadable})
    yield from _generations(each)
    yield from _workloads(each)
    yield _conditions(each)
    yield _withheld(each)
    yield _remediations(each)


_Labels = tuple[str, str, str]

_Each = Sequence[tuple[_Labels, DiagnoserState, StatusState]]
"""PodDiagnosers with the labels that name them, and their statuses."""


class _Gauge(GaugeMetricFamily):
    """A gauge that is filled at once."""

    def add(self, values: "Counter[tuple[str, ...]] | dict[tuple[str, ...], float]") -> "_Gauge":
        for labels, value in values.items():
            self.add_sample(self.name, _without_empty_names(self._labelnames, labels), value)
        return self


def _without_empty_names(names: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    """Leave out what is no name of what is diagnosed: to Prometheus an empty label is none."""
    return {
        name: value
        for name, value in zip(names, values, strict=True)
        if value or name not in _DIAGNOSER
    }


def _within(labels: _Labels, namespace: str) -> _Labels:
    """Return the labels of what a ClusterPodDiagnoser has in a namespace."""
    return labels if labels[0] else (namespace, *labels[1:])


def _gauge(name: str, text: str, labels: Sequence[str] = ()) -> _Gauge:
    return _Gauge(name, text, labels=labels)


def _generations(each: _Each) -> Iterator[Metric]:
    diagnosed = CounterMetricFamily(
        "pod_diagnoser_diagnosed_pods",
        "Different Pods that a PodDiagnoser has diagnosed so far, by its status.",
        labels=_DIAGNOSER,
    )
    for labels, _, status in each:
        names = _without_empty_names(_DIAGNOSER, labels)
        diagnosed.add_sample(f"{diagnosed.name}_total", names, status.diagnosedPods)
    yield diagnosed
    yield _gauge(
        "pod_diagnoser_metadata_generation", "The generation of a PodDiagnoser.", _DIAGNOSER
    ).add({labels: float(one.metadata.generation or 0) for labels, one, _ in each})
    yield _gauge(
        "pod_diagnoser_status_observed_generation",
        "The generation that a PodDiagnoser's status is for; 0 without a status.",
        _DIAGNOSER,
    ).add({labels: float(status.observedGeneration or 0) for labels, _, status in each})


def _workloads(each: _Each) -> Iterator[Metric]:
    pods: Counter[tuple[str, ...]] = Counter()
    first: dict[tuple[str, ...], float] = {}
    last: dict[tuple[str, ...], float] = {}
    for labels, _, status in each:
        for workload in status.workloads[:MAX_WORKLOADS]:
            if workload.crashingPods <= 0:
                continue
            name = (*_within(labels, workload.namespace), *_named(workload))
            for cause, count in _causes(workload):
                pods[*name, cause] += count
            for times, time, choose in (
                (first, workload.since, min),
                (last, workload.lastTime, max),
            ):
                if time is not None and time != UNKNOWN_TIME:
                    seconds = time.timestamp()
                    times[name] = choose(times.get(name, seconds), seconds)
    yield _gauge(
        "pod_diagnoser_workload_crashing_pods",
        "Pods of a workload that show a crash of the last hour, by its cause. Together they are "
        f"all such Pods of the workload: those with less frequent causes are {OTHER}.",
        (*_WORKLOAD, "cause"),
    ).add(pods)
    yield _gauge(
        "pod_diagnoser_workload_first_crash_timestamp_seconds",
        "When the first of these crashes was, and of those less than two hours before each other.",
        _WORKLOAD,
    ).add(first)
    yield _gauge(
        "pod_diagnoser_workload_last_crash_timestamp_seconds",
        "When the latest of these crashes was.",
        _WORKLOAD,
    ).add(last)


def _named(workload: WorkloadState) -> tuple[str, str]:
    """Return the labels of a workload: both empty where one cannot be right."""
    if workload.kind and workload.name:
        return workload.kind, workload.name
    return "", ""


def _causes(workload: WorkloadState) -> Iterable[tuple[str, int]]:
    named: Counter[str] = Counter()
    for each in workload.causes[:MAX_CAUSES]:
        named[each.cause or OTHER] += max(0, each.pods)
    rest = workload.crashingPods - named.total()
    if rest > 0:
        named[OTHER] += rest
    return ((cause, count) for cause, count in named.items() if count)


def _conditions(each: _Each) -> Metric:
    return _gauge(
        "pod_diagnoser_condition",
        "Whether a condition of a PodDiagnoser holds: 1 for True, 0 for False.",
        (*_DIAGNOSER, "condition", "reason"),
    ).add(
        {
            (*labels, one.type, one.reason): float(one.status == "True")
            for labels, _, status in each
            for one in status.conditions
            if one.type in _CONDITIONS and one.status in {"True", "False"}
        }
    )


def _withheld(each: _Each) -> Metric:
    crashes: Counter[tuple[str, ...]] = Counter()
    for labels, _, status in each:
        for one in status.withheld[:MAX_REMEDIATIONS]:
            crashes[*labels, one.reason] += max(0, one.crashes)
    return _gauge(
        "pod_diagnoser_withheld_crashes",
        "Fresh crashes about which nothing is done now, by reason.",
        (*_DIAGNOSER, "reason"),
    ).add(crashes)


def _remediations(each: _Each) -> Metric:
    return _gauge(
        "pod_diagnoser_remediations",
        "Remediations that a PodDiagnoser's status lists: the latest ones, planned or with their "
        "results. The outcome is empty until it is known.",
        (*_DIAGNOSER, "action", "phase", "reason", "outcome"),
    ).add(
        Counter(
            (*_within(labels, one.namespace), one.action, one.phase, one.reason, one.outcome)
            for labels, _, status in each
            for one in status.remediations[:MAX_REMEDIATIONS]
        )
    )
