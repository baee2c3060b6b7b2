"""Logs and metrics of the hook: the only module that writes either.

Log lines name objects by namespace, name and uid, and say nothing else of them; text from outside
is sanitized. Labels of metrics take their values from enums and from the paths that are served.
"""

from collections.abc import Iterable
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.core_v1 import ObjectMeta
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.api.raw_request import Shortcut
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cluster.errors import ApiFailure
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.poddiagnosers.decisions import WITHHELD, Decision
from pod_diagnoser.pods.observation import SettledCrash
from pod_diagnoser.remediation.model import Phase, Reason
from pod_diagnoser.server.logs import LineLimit, places_of

_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0)
_MAX_REASON_BYTES: Final = 128
_MAX_NAME_BYTES: Final = 253
_EXPECTED: Final = (200, 401, 429, 500)
"""Statuses of responses for which there are alerts, or may be."""


_OUTCOMES: Final = (
    (Phase.DONE, Reason.DELETED),
    (Phase.DONE, Reason.EVICTED),
    (Phase.DONE, Reason.POD_GONE),
    (Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET),
    (Phase.DEFERRED, Reason.SEVERAL_DISRUPTION_BUDGETS),
    (Phase.FAILED, Reason.FORBIDDEN),
    (Phase.FAILED, Reason.REFUSED),
    (WITHHELD, Reason.GAVE_UP),
    (WITHHELD, Reason.BUDGET_SPENT),
)
"""Outcomes of remediations whose counters begin at 0: what alerts may be about."""


def _decision_counter(registry: CollectorRegistry) -> Counter:
    decisions = Counter(
        "pod_diagnoser_remediation_decisions",
        "Decisions about crashes where Pods are replaced, by outcome (the phase of the "
        "remediation, or Withheld) and reason. A withheld crash counts once for each reason, "
        "and again after a start of the process.",
        ("outcome", "reason"),
        registry=registry,
    )
    for outcome, reason in _OUTCOMES:
        decisions.labels(str(outcome), reason.value)
    return decisions


def _shortcut_counters(registry: CollectorRegistry) -> dict[tuple[Shortcut, bool], Counter]:
    shortcuts = Counter(
        "pod_diagnoser_request_shortcuts",
        "Attempts to read less of a request than all, by shortcut and result. Pods that need "
        "annotations are misses of needs_no_annotations. Misses of the others, or no hits at "
        "all, mean that Metacontroller writes requests in another form, which is slower.",
        ("shortcut", "result"),
        registry=registry,
    )
    return {
        (shortcut, hit): shortcuts.labels(shortcut.value, "hit" if hit else "miss")
        for shortcut in Shortcut
        for hit in (True, False)
    }


class Telemetry:
    """The log lines and metrics of one process.

    Args:
        registry: where the metrics are collected.
        refusals: limits the lines about refused requests.
    """

    def __init__(self, registry: CollectorRegistry, refusals: LineLimit | None = None) -> None:
        self.registry = registry
        self._refusals = refusals or LineLimit()
        self._log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
        self._requests = Counter(
            "pod_diagnoser_hook_requests",
            "Requests of Metacontroller that were answered, by endpoint and HTTP status.",
            ("endpoint", "status"),
            registry=registry,
        )
        self._durations = Histogram(
            "pod_diagnoser_hook_duration_seconds",
            "Time from the complete body of a request to its answer, calls to the API server "
            "included, and without the delay by which changes are debounced.",
            ("endpoint",),
            buckets=_BUCKETS,
            registry=registry,
        )
        crashes = Counter(
            "pod_diagnoser_diagnosed_crashes",
            "Crashes that were diagnosed, by cause, each when that is known. An answer that is "
            "lost is given again, and counts again.",
            ("cause",),
            registry=registry,
        )
        lookups = Counter(
            "pod_diagnoser_event_lookups",
            "Lookups of the Events of a crash, by what they showed of it: Found, what happened; "
            "Silent, that the kubelet did not stop it; Nothing, Unclear or Expired, that they do "
            "not tell; Refused or Unavailable, that they could not be read.",
            ("result",),
            registry=registry,
        )
        self._shortcuts = _shortcut_counters(registry)
        self._decisions = _decision_counter(registry)
        self._dropped_events = Counter(
            "pod_diagnoser_remediation_events_dropped",
            "Events about an executed remediation that could not be created.",
            registry=registry,
        )
        failures = Counter(
            "pod_diagnoser_api_failures",
            "Times that the API server was busy, unavailable or too slow for a PodDiagnoser's "
            "sync, by reason.",
            ("reason",),
            registry=registry,
        )
        self._failures_by_reason = {
            reason: failures.labels(reason) for reason in ("ApiServerBusy", "ApiServerUnavailable")
        }
        self._crashes_by_cause = {cause.value: crashes.labels(cause.value) for cause in Cause}
        self._lookups_by_result = {result: lookups.labels(result.value) for result in EventLookup}
        self._requests_by_labels: dict[tuple[str, int], Counter] = {}
        self._durations_by_endpoint: dict[str, Histogram] = {}

    def started(self, endpoints: str, *, authenticated: bool, tls: bool, connected: bool) -> None:
        """Log that the hook serves.

        Args:
            endpoints: which hooks.
            authenticated: whether callers have to show a token.
            tls: whether the hooks are served over TLS.
            connected: whether it has access to the API server.
        """
        # Anyone who may call without a token can have Pods replaced for crashes: worth a look.
        log = self._log.warning if connected and not authenticated else self._log.info
        log(
            "Serving",
            endpoints=endpoints,
            authenticated=authenticated,
            tls=tls,
            connected=connected,
        )

    def expect(self, endpoints: Iterable[str]) -> None:
        """Begin the counters of requests at 0: an increase from nothing to 1 would not be seen.

        Source: ``increase()`` extrapolates from two samples of a series
        (https://github.com/prometheus/prometheus/issues/1673).

        Args:
            endpoints: the paths of the hooks that are served.
        """
        for endpoint in endpoints:
            for status in _EXPECTED:
                self._counter(endpoint, status)

    def events_looked_up(self, result: EventLookup) -> None:
        """Count a lookup of the Events of a crash."""
        self._lookups_by_result[result].inc()

    def shortcut_tried(self, shortcut: Shortcut, *, hit: bool) -> None:
        """Count an attempt to read less of a request."""
        self._shortcuts[shortcut, hit].inc()

    def remediation_event_dropped(self) -> None:
        """Count an Event about an executed remediation that could not be created."""
        self._dropped_events.inc()

    def remediation_decided(self, diagnoser: PodDiagnoser, decision: Decision) -> None:
        """Count and log what came of a crash: a deletion, an eviction, or why there was none."""
        self._decisions.labels(decision.outcome, decision.reason.value).inc()
        self._log.info(
            "Remediation decided",
            kind=diagnoser.KIND,
            poddiagnoser=diagnoser.metadata.name,
            outcome=decision.outcome,
            reason=decision.reason.value,
            **{
                name: sanitize(getattr(decision, name), _MAX_NAME_BYTES)
                for name in (
                    "namespace",
                    "action",
                    "pod",
                    "uid",
                    "owner",
                    "container",
                    "cause",
                    "crash",
                )
            },
        )

    def api_failed(self, failure: ApiFailure) -> None:
        """Count and log that the API server was busy, unavailable or too slow."""
        self._failures_by_reason[failure.reason].inc()
        self._log.warning("API server failed", reason=failure.reason, problem=failure.message)

    def unknown_action(self, diagnoser: ObjectMeta) -> None:
        """Log that a PodDiagnoser has an action that this version does not know."""
        self._log.warning(
            "Unknown remediationAction",
            namespace=diagnoser.namespace,
            poddiagnoser=diagnoser.name,
            uid=diagnoser.uid,
        )

    def answered(self, endpoint: str, status: int, seconds: float | None = None) -> None:
        """Count a response.

        Args:
            endpoint: the hook's path, one of those that are served.
            status: the HTTP status.
            seconds: how long it took to work out, or None for a refusal.
        """
        self._counter(endpoint, status).inc()
        if seconds is not None:
            histogram = self._durations_by_endpoint.get(endpoint)
            if histogram is None:
                histogram = self._durations.labels(endpoint)
                self._durations_by_endpoint[endpoint] = histogram
            histogram.observe(seconds)

    def _counter(self, endpoint: str, status: int) -> Counter:
        counter = self._requests_by_labels.get((endpoint, status))
        if counter is None:
            counter = self._requests.labels(endpoint, str(status))
            self._requests_by_labels[endpoint, status] = counter
        return counter

    def refused(self, endpoint: str, status: int, problem: str) -> None:
        """Count a request that was refused, and log it unless many were: see `LineLimit`.

        Args:
            endpoint: the hook's path, one of those that are served.
            status: the HTTP status.
            problem: the constant text of the response.
        """
        self.answered(endpoint, status)
        left_out = self._refusals.left_out_before((endpoint, status, problem))
        if left_out is not None:
            facts = {"left_out": left_out} if left_out else {}
            self._log.warning(
                "Request refused", endpoint=endpoint, status=status, problem=problem, **facts
            )

    def state_unavailable(self, problem: str) -> None:
        """Log, unless often, that PodDiagnosers could not be listed for their metrics.

        Args:
            problem: the constant text of the response.
        """
        left_out = self._refusals.left_out_before(("state", problem))
        if left_out is not None:
            facts = {"left_out": left_out} if left_out else {}
            self._log.warning("State metrics unavailable", problem=problem, **facts)

    def failed(self, endpoint: str, error: BaseException) -> None:
        """Count and log a defect of ours that a request brought to light.

        Args:
            endpoint: the hook's path, one of those that are served.
            error: what was raised. Its message may quote the request, so it is not logged; its type
                and the places in our code are.
        """
        self.answered(endpoint, 500)
        self._log.error(
            "Request failed", endpoint=endpoint, error=type(error).__name__, places=places_of(error)
        )

    def diagnosed(self, pod: ObjectMeta, crash: SettledCrash) -> None:
        """Count and log a crash whose cause is known."""
        counter = self._crashes_by_cause.get(crash.cause)
        if counter is None:
            return  # from an annotation that somebody made up
        counter.inc()
        self._log.info(
            "Crash diagnosed",
            namespace=pod.namespace,
            pod=pod.name,
            uid=pod.uid,
            container=crash.container,
            cause=crash.cause,
            reason=sanitize(crash.reason, _MAX_REASON_BYTES),
            crash=crash.id,
        )
