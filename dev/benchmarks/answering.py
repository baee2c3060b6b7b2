"""Read the hook's own metrics of its answers."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_REQUESTS = "pod_diagnoser_hook_requests_total"
_BUCKETS = "pod_diagnoser_hook_duration_seconds_bucket"
_LOOKUPS = "pod_diagnoser_event_lookups_total"
_OK = "200"


def answers(metrics: str) -> Counter[tuple[str, str]]:
    """Count the answers.

    Args:
        metrics: in Prometheus' text format.

    Returns:
        How many, by endpoint and HTTP status.
    """
    return Counter(
        {
            (sample.labels["endpoint"], sample.labels["status"]): int(sample.value)
            for sample in _samples(metrics, _REQUESTS)
        }
    )


def refused(metrics: str) -> int:
    """Count the answers other than 200.

    Args:
        metrics: in Prometheus' text format.
    """
    return sum(count for (_, status), count in answers(metrics).items() if status != _OK)


def evidence(metrics: str) -> Counter[str]:
    """Count how often the Events of a Pod were requested, by outcome.

    Args:
        metrics: in Prometheus' text format.
    """
    return Counter(
        {sample.labels["result"]: int(sample.value) for sample in _samples(metrics, _LOOKUPS)}
    )


def slower(metrics: str, endpoint: str, seconds: float) -> int:
    """Count the answers that took longer than one of the histogram's bounds.

    Args:
        metrics: in Prometheus' text format.
        endpoint: the endpoint.
        seconds: the bound.

    Raises:
        LookupError: the histogram has no such bound.
    """
    within = {
        float(sample.labels["le"]): int(sample.value)
        for sample in _samples(metrics, _BUCKETS)
        if sample.labels["endpoint"] == endpoint
    }
    if not within:
        return 0  # no request was made there
    return within[float("inf")] - within[seconds]


def _samples(metrics: str, name: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == name:
                yield sample
