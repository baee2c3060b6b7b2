"""State metrics: what the statuses of all PodDiagnosers say, listed when Prometheus asks.

Nothing is kept but the last answer, for a few seconds: whoever asks in between, and whoever comes
while the list is under way, gets the same one. So the API server is asked once in `KEPT_SECONDS`
however many ask.
"""

import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Metric, generate_latest

from pod_diagnoser.api.diagnoser_state import parse_diagnoser_list
from pod_diagnoser.cluster.errors import (
    AnswerTooLongError,
    ApiError,
    ForbiddenError,
    NoAnswerError,
    UnauthorizedError,
)
from pod_diagnoser.cluster.shared_reads import SharedReads
from pod_diagnoser.server.state_families import state_families

KEPT_SECONDS: Final = 5.0
LIST_SECONDS: Final = 8.0
"""How long the lists may take, and who waits for them. Prometheus waits ten seconds by default."""

MIN_LIST_SECONDS: Final = 1.0
"""How long the second one may take in any case."""


class StateUnavailableError(Exception):
    """The PodDiagnosers could not be listed. Its text is constant, and for whoever asked."""


class StateApi(Protocol):
    """The call that is made (`pod_diagnoser.cluster.client.ApiClient`)."""

    def list_pod_diagnosers(self, seconds: float) -> bytes:
        """List all PodDiagnosers."""

    def list_cluster_pod_diagnosers(self, seconds: float) -> bytes:
        """List all ClusterPodDiagnosers."""


class StateMetrics:
    """Prints the state of all PodDiagnosers.

    Safe to be shared by greenlets and by threads.

    Args:
        api: the API server.
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(self, api: StateApi, monotonic: Callable[[], float]) -> None:
        self._api = api
        self._monotonic = monotonic
        self._answers: SharedReads[None, bytes | StateUnavailableError] = SharedReads(1, monotonic)

    def scrape(self) -> bytes:
        """Return the metrics in Prometheus' text format, at most `KEPT_SECONDS` old.

        Raises:
            StateUnavailableError: they are not known. Older ones are not shown instead.
        """
        with self._answers.hold(None, self._monotonic() + LIST_SECONDS) as answer:
            if answer is None:
                raise _problem(NoAnswerError())
            if self._monotonic() >= answer.until:
                answer.value = self._read()
                answer.until = self._monotonic() + KEPT_SECONDS
            value = answer.value
        if isinstance(value, bytes):
            return value
        raise value or _problem(NoAnswerError())

    def _read(self) -> bytes | StateUnavailableError:
        try:
            begun = self._monotonic()
            content = self._api.list_pod_diagnosers(LIST_SECONDS)
            left = max(MIN_LIST_SECONDS, LIST_SECONDS - (self._monotonic() - begun))
            of_cluster = parse_diagnoser_list(
                self._api.list_cluster_pod_diagnosers(left), of_cluster=True
            )
        except ApiError as error:
            return _problem(error)
        states = parse_diagnoser_list(content)
        if states is None or of_cluster is None:
            return _problem(NoAnswerError())
        text = bytearray()
        for family in state_families(states, of_cluster):
            time.sleep(0)  # of 2,000 PodDiagnosers it is half a second: syncs go in between
            text += generate_latest(_One(family))
        return bytes(text)


class _One(CollectorRegistry):
    """A registry of one family."""

    def __init__(self, family: Metric) -> None:
        super().__init__(auto_describe=False)
        self._family = family

    def collect(self) -> Iterable[Metric]:
        """Return it."""
        return (self._family,)


def _problem(error: ApiError) -> StateUnavailableError:
    match error:
        case ForbiddenError():
            text = "the hook may not list PodDiagnosers: install the component state-metrics"
        case UnauthorizedError():
            text = "the API server does not accept the token of the hook"
        case AnswerTooLongError():
            text = "the PodDiagnosers have too many bytes to be listed"
        case _:
            text = "the API server did not list the PodDiagnosers"
    return StateUnavailableError(text)
