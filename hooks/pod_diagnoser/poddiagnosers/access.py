"""The API server as the steps of a sync share it: what is called, and what is known of it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from pod_diagnoser.cluster.circuit_breaker import CircuitBreaker
from pod_diagnoser.cluster.errors import ApiError, ApiFailure, describe_failure
from pod_diagnoser.cluster.reader import LiveReader, ReadApi
from pod_diagnoser.cluster.server_time import ServerTime
from pod_diagnoser.poddiagnosers.decisions import Decided
from pod_diagnoser.remediation.executor import PodRemover
from pod_diagnoser.remediation.model import OWN_NAMESPACES

SOON_SECONDS: Final = 1.0
"""After how long to try again where time was short, or a circuit breaker was open."""


class ClusterApi(PodRemover, ReadApi, Protocol):
    """What is called of the cluster (`pod_diagnoser.cluster.client.ApiClient`)."""

    def create_event(self, namespace: str, event: Mapping[str, Any]) -> bool:
        """Create an Event."""


@dataclass(frozen=True, slots=True)
class Observer:
    """What is called on what the status does not show.

    Attributes:
        event_dropped: for each Event about a remediation that was not published.
        api_failed: for each call that failed for a reason that passes.
        decided: for each decision about a crash.
    """

    event_dropped: Callable[[], None] = lambda: None
    api_failed: Callable[[ApiFailure], None] = lambda _: None
    decided: Decided = lambda _, __: None


class ClusterAccess:
    """The API server, its time, and whether it is worth calling.

    Attributes:
        api: what is called.
        live: reads PodDiagnosers and Pods.
        server_time: the API server's time.
        monotonic: a clock for how long things take, in seconds.
        observer: what is called on failures.
        own_namespaces: the namespaces of the operator and of Metacontroller.
    """

    def __init__(
        self,
        api: ClusterApi,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        observer: Observer,
        own_namespaces: Collection[str] = OWN_NAMESPACES,
    ) -> None:
        self.api = api
        self.live = LiveReader(api, clock, monotonic)
        self.server_time = ServerTime(clock, monotonic)
        self.monotonic = monotonic
        self.observer = observer
        self.own_namespaces = own_namespaces
        self._breaker: CircuitBreaker[ApiFailure] = CircuitBreaker(monotonic)

    def open_failure(self) -> ApiFailure | None:
        """Return why no call is made at present; None if calls are made."""
        found = self._breaker.find_open()
        if found is None:
            return None
        return replace(found.reason, retry_after=max(found.seconds_left, SOON_SECONDS))

    def record_error(self, error: ApiError, doing: str, namespace: str) -> ApiFailure:
        """Take note of an error: make no call while the next one would fail in the same way.

        Args:
            error: the error.
            doing: what was being done, as in "may not ...".
            namespace: where.
        """
        failure = describe_failure(error, doing, namespace)
        self.record_failure(failure)
        return failure

    def record_failure(self, failure: ApiFailure) -> None:
        """Take note of a failure, as `record_error`."""
        if failure.transient:
            self.observer.api_failed(failure)
        if failure.server_wide:
            self._breaker.open(failure, failure.retry_after)
