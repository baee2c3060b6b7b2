"""Logs and metrics of the hook: the only module that writes either.

Logs name objects by namespace, name and uid, and say nothing else of them; whatever comes from
outside is cleaned first. Labels of metrics come from enums alone.
"""

from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.core_v1 import ObjectMeta
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.server.logs import places_of

_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0)


class Telemetry:
    """What one process tells of its work.

    Args:
        registry: where the metrics are collected.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        self._answers = Counter(
            "pod_diagnoser_answers",
            "Requests of hooks that were answered, by endpoint and HTTP status.",
            ("endpoint", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "pod_diagnoser_answer_seconds",
            "Time from a request's complete body to its answer, without holding it.",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=registry,
        )
        crashes = Counter(
            "pod_diagnoser_crashes",
            "Crashes that were diagnosed for the first time, by cause. An answer that is lost is "
            "given again, and counts again.",
            ("cause",),
            registry=registry,
        )
        self._crashes = {cause: crashes.labels(cause.value) for cause in Cause}
        evidence = Counter(
            "pod_diagnoser_evidence",
            "Times that the Events of a Pod were asked for, by what came of it.",
            ("asked",),
            registry=registry,
        )
        self._dropped_events = Counter(
            "pod_diagnoser_dropped_events",
            "Events that were to accompany a remediation, and were not told.",
            registry=registry,
        )
        self._evidence = {asked: evidence.labels(asked.value) for asked in EventLookup}
        self._by_endpoint: dict[tuple[str, int], Counter] = {}
        self._seconds_by_endpoint: dict[str, Histogram] = {}

    def started(self, endpoints: str, *, authenticated: bool, connected: bool) -> None:
        """Tell that the hook serves.

        Args:
            endpoints: which hooks.
            authenticated: whether callers have to show a token.
            connected: whether it has access to the API server.
        """
        # Who may call without a token may have true crashes acted on: worth a look.
        tell = self._log.warning if connected and not authenticated else self._log.info
        tell("Serving", endpoints=endpoints, authenticated=authenticated, connected=connected)

    def evidence_fetched(self, asked: EventLookup | None) -> None:
        """Count that Events were asked for.

        Args:
            asked: what came of it; None where they were not asked for.
        """
        if asked is not None:
            self._evidence[asked].inc()

    def dropped_event(self) -> None:
        """Count an Event that was to accompany a remediation, and was not told."""
        self._dropped_events.inc()

    def unknown_action(self, diagnoser: ObjectMeta) -> None:
        """Tell of a PodDiagnoser with an action that this version does not know.

        Args:
            diagnoser: its metadata.
        """
        self._log.warning(
            "Unknown remediationAction",
            namespace=diagnoser.namespace,
            poddiagnoser=diagnoser.name,
            uid=diagnoser.uid,
        )

    def answered(self, endpoint: str, status: int, seconds: float | None = None) -> None:
        """Count an answer.

        Args:
            endpoint: the hook's path, one of those that are served.
            status: the HTTP status.
            seconds: how long it took, or None where nothing was worked out.
        """
        counter = self._by_endpoint.get((endpoint, status))
        if counter is None:
            counter = self._answers.labels(endpoint, str(status))
            self._by_endpoint[endpoint, status] = counter
        counter.inc()
        if seconds is not None:
            histogram = self._seconds_by_endpoint.get(endpoint)
            if histogram is None:
                histogram = self._seconds.labels(endpoint)
                self._seconds_by_endpoint[endpoint] = histogram
            histogram.observe(seconds)

    def refused(self, endpoint: str, status: int, problem: str) -> None:
        """Tell of a request that was refused.

        Args:
            endpoint: the hook's path, one of those that are served.
            status: the HTTP status.
            problem: the constant text of the answer.
        """
        self.answered(endpoint, status)
        self._log.warning("Request refused", endpoint=endpoint, status=status, problem=problem)

    def failed(self, endpoint: str, error: BaseException) -> None:
        """Tell of a defect of ours that a request brought to light.

        Args:
            endpoint: the hook's path, one of those that are served.
            error: what was raised. Its message may quote the request, so it is not logged; its type
                and the places in our code are.
        """
        self.answered(endpoint, 500)
        self._log.error(
            "Request failed", endpoint=endpoint, error=type(error).__name__, places=places_of(error)
        )

    def diagnosed(self, pod: ObjectMeta, diagnosis: Diagnosis) -> None:
        """Tell of a crash that was diagnosed for the first time.

        Args:
            pod: the Pod's metadata.
            diagnosis: what happened.
        """
        self._crashes[diagnosis.cause].inc()
        self._log.info(
            "Crash diagnosed",
            namespace=pod.namespace,
            pod=pod.name,
            uid=pod.uid,
            container=diagnosis.container,
            cause=diagnosis.cause.value,
            reason=sanitize(diagnosis.restart_reason, 128),
            crash=diagnosis.id,
        )
