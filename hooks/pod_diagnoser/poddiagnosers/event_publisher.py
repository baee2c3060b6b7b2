"""Publish Events: of crashes, of what was done about them, and of what was not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cachetools import FIFOCache

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import ConditionType, PodDiagnoser, Remediation
from pod_diagnoser.api.time import earliest
from pod_diagnoser.cluster.errors import (
    ApiError,
    ApiFailure,
    ForbiddenError,
    NamespaceTerminatingError,
    NotFoundError,
    is_about_the_object,
)
from pod_diagnoser.poddiagnosers.access import SOON_SECONDS, ClusterAccess
from pod_diagnoser.poddiagnosers.awaited_evidence import AwaitedEvidence
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.events import (
    EventDocument,
    EventFactory,
    crash_events,
    remediation_events,
    withheld_event,
    withheld_key,
)
from pod_diagnoser.remediation.executor import TimeBudget
from pod_diagnoser.remediation.model import REPLACING, Action, Outcome, Reason
from pod_diagnoser.remediation.planner import WithheldPod
from pod_diagnoser.remediation.safeguards import is_fresh
from pod_diagnoser.remediation.verification import Expected, verify_live

MAX_EVENT_SECONDS: Final = 2.0
"""How long after its start a sync publishes no further crash: the next sync publishes the rest."""

MAX_KEYS: Final = 20_000
"""How many Events are known to exist. Forgetting one costs a refused call, never a second Event."""

MAX_WITHHELD_EVENTS: Final = 5
"""On how many withheld Pods a sync publishes an Event. The status counts all of them."""

EVENT_REFUSED_SECONDS: Final = 60.0
"""After how long an Event is tried again that the API server refused."""

NOT_SHOWN_SECONDS: Final = 10.0
"""After how long to look again for a crash that a request shows and the cluster does not: the Pod's
label, or the PodDiagnoser's spec, may come back."""

REASONS_WITHOUT_EVENT: Final = (
    Reason.TERMINATING,
    Reason.NOT_FRESH,
    Reason.AWAITING_EVIDENCE,
    Reason.TOO_YOUNG,
    Reason.FORBIDDEN,
    Reason.HISTORY_FULL,
)
"""Reasons that pass in a moment, are history, or say nothing of the Pod."""

EVENT_REFUSED: Final = ApiFailure(
    "EventRefused", "The API server refused an Event. It is tried again.", EVENT_REFUSED_SECONDS
)

TOO_SLOW: Final = ApiFailure(
    "ApiServerUnavailable",
    "The API server answers too slowly. What is to be done is tried again.",
    SOON_SECONDS,
    transient=True,
)


@dataclass(frozen=True, slots=True)
class Publication:
    """The result of publishing crashes.

    Attributes:
        api_failure: what kept an Event from being published, or None.
        resync_after: seconds after which to publish the rest, or None.
    """

    api_failure: ApiFailure | None = None
    resync_after: float | None = None


@dataclass(slots=True)
class _Progress:
    """How far publishing crashes has come in one sync.

    Attributes:
        doing: what is being done, for the message if it fails.
        too_slow: what to report where time ran out before anything was done; None afterwards.
        refused: set once an Event was refused.
        resync_after: seconds after which to look again, or None.
    """

    doing: str = ""
    too_slow: ApiFailure | None = field(default=TOO_SLOW)
    refused: ApiFailure | None = None
    resync_after: float | None = None


class _EventStore:
    """Creates Events, and keeps which exist and which are not tried for a while.

    What it keeps, by `EventDocument.key`, saves calls and nothing else: it may be lost at any time.
    """

    def __init__(self, access: ClusterAccess) -> None:
        self._api = access.api
        self._monotonic = access.monotonic
        self._published: FIFOCache[str, bool] = FIFOCache(MAX_KEYS)
        self._postponed: FIFOCache[str, tuple[float, ApiFailure | None]] = FIFOCache(MAX_KEYS)

    def exists(self, key: str) -> bool:
        return key in self._published

    def add(self, key: str) -> None:
        self._published[key] = True

    def create(self, event: EventDocument) -> None:
        """Create an Event, unless it exists, or its namespace is deleted or terminating.

        Raises:
            ApiError: it could not be created.
        """
        try:
            self._api.create_event(event.namespace, event.document)
        except NamespaceTerminatingError:
            pass
        except NotFoundError as error:
            if error.kind != "namespaces":
                raise
        self.add(event.key)

    def postpone(self, key: str, seconds: float, failure: ApiFailure | None) -> None:
        self._postponed[key] = (self._monotonic() + seconds, failure)

    def postponed(self, key: str) -> tuple[float, ApiFailure | None] | None:
        """Return for how many seconds more an Event is not tried, and why; None if it is."""
        until, failure = self._postponed.get(key, (float("-inf"), None))
        left = until - self._monotonic()
        return (left, failure) if left > 0 else None


class EventPublisher:
    """Publishes Events, each once.

    Args:
        access: the API server.
        awaited: which crashes wait for evidence.
        instance: which process this is, for the Events.
    """

    def __init__(self, access: ClusterAccess, awaited: AwaitedEvidence, instance: str) -> None:
        self._access = access
        self._awaited = awaited
        self._instance = instance
        self._events = _EventStore(access)

    # Crashes

    def publish_crash_events(
        self, snapshot: DiagnoserSnapshot, time_budget: TimeBudget
    ) -> Publication:
        """Publish fresh crashes, where ``LogEvent`` asks for it."""
        progress = _Progress()
        for crashed in snapshot.crashed:
            pending = self._pending(snapshot.diagnoser, crashed, progress)
            if not pending:
                continue
            failure = self._access.open_failure()
            if failure is not None:
                return Publication(failure)
            try:
                finished = time_budget.in_time(MAX_EVENT_SECONDS) and self._publish_crashes_of(
                    crashed.pod, snapshot, pending, time_budget, progress
                )
            except ApiError as error:
                namespace = crashed.pod.metadata.namespace
                failure = self._access.record_error(error, progress.doing, namespace)
                if not isinstance(error, ForbiddenError) or not snapshot.spans_namespaces:
                    return Publication(failure)
                progress.refused = failure
                for event in pending:  # in other namespaces it may be allowed
                    self._events.postpone(event.key, EVENT_REFUSED_SECONDS, failure)
                progress.too_slow = None
                continue
            if not finished:
                if progress.too_slow is not None:
                    self._access.record_failure(progress.too_slow)
                return Publication(progress.refused or progress.too_slow, SOON_SECONDS)
            progress.too_slow = None
        return Publication(progress.refused, progress.resync_after)

    def _pending(
        self, diagnoser: PodDiagnoser, crashed: CrashedPod, progress: _Progress
    ) -> list[EventDocument]:
        """Return what the request shows of a Pod to be published; none where all is postponed."""
        pending = self._unpublished(diagnoser, crashed)
        postponed = [self._events.postponed(event.key) for event in pending]
        if not all(postponed):
            return pending
        for left, failure in filter(None, postponed):
            progress.resync_after = earliest(progress.resync_after, left)
            # Another process may have published it since, and stored that all is well.
            if failure is not None and failure.reason == _stored_reason(diagnoser):
                progress.refused = failure
        return []

    def _publish_crashes_of(
        self,
        pod: OwnedPod,
        snapshot: DiagnoserSnapshot,
        pending: Sequence[EventDocument],
        time_budget: TimeBudget,
        progress: _Progress,
    ) -> bool:
        """Publish the crashes of one Pod, as it is live; False where there is no time left.

        Raises:
            ApiError: a call failed.
        """
        progress.doing = "read Pods"
        events = self._unpublished_live(pod, snapshot, time_budget)
        if events is None:
            return False
        progress.doing = "create Events"
        for event in events:
            if not time_budget.in_time():
                return False
            try:
                self._events.create(event)
            except ApiError as error:
                if not is_about_the_object(error):
                    raise
                progress.refused = EVENT_REFUSED
                self._events.postpone(event.key, EVENT_REFUSED_SECONDS, EVENT_REFUSED)
            progress.too_slow = None
        for event in pending:
            if not self._events.exists(event.key) and self._events.postponed(event.key) is None:
                # The live Pod no longer shows it, or not at present.
                self._events.postpone(event.key, NOT_SHOWN_SECONDS, None)
                progress.resync_after = earliest(progress.resync_after, NOT_SHOWN_SECONDS)
        return True

    def _unpublished(self, diagnoser: PodDiagnoser, crashed: CrashedPod) -> list[EventDocument]:
        factory = self._factory(diagnoser, crashed.pod)
        waits = self._awaited.waits(crashed, diagnoser.spec)
        now = self._access.server_time.now()
        return list(crash_events(factory, crashed, now, waits, self._events.exists))

    def _unpublished_live(
        self, pod: OwnedPod, snapshot: DiagnoserSnapshot, time_budget: TimeBudget
    ) -> list[EventDocument] | None:
        """Return what the live Pod shows to be published; None where there is no time left.

        Raises:
            ApiError: it could not be read.
        """
        diagnoser, _ = self._access.live.pod_diagnoser(snapshot.diagnoser, any_version=True)
        if diagnoser is None:
            return []
        if not time_budget.in_time():
            return None
        meta = pod.metadata
        live, now = self._access.live.pod(meta.namespace, meta.name)
        expected = Expected(meta.uid, (Action.LOG_EVENT,))
        targets = snapshot.targets_of(meta.namespace)
        crashed = verify_live(diagnoser, live, targets, expected, now).crashed
        if crashed is None:
            return []
        return self._unpublished(diagnoser, self._awaited.recall(crashed, diagnoser.spec))

    # Remediations

    def publish_remediation_events(
        self,
        diagnoser: PodDiagnoser,
        outcomes: Iterable[tuple[Remediation, Outcome]],
        time_budget: TimeBudget,
    ) -> None:
        """Publish what was done. It has been done: an Event that cannot be created is dropped."""
        failed = False
        for entry, outcome in outcomes:
            factory = EventFactory(diagnoser, self._instance, entry.pod_namespace)
            for event in remediation_events(factory, entry, outcome):
                if self._events.exists(event.key):
                    continue
                if failed or not time_budget.in_time():
                    self._access.observer.event_dropped()
                    continue
                try:
                    self._events.create(event)
                except ApiError as error:
                    # The others would meet with the same, but for another namespace's rights.
                    failed = not (entry.pod_namespace and isinstance(error, ForbiddenError))
                    self._access.observer.event_dropped()

    # Withheld Pods

    def publish_withheld_events(
        self, snapshot: DiagnoserSnapshot, withheld: Iterable[WithheldPod], time_budget: TimeBudget
    ) -> None:
        """Publish on a few Pods why they are withheld, where the live ones are so, too."""
        pending = self._pending_withheld(snapshot.diagnoser, withheld)
        if not pending or self._access.open_failure() is not None or not time_budget.in_time():
            return
        namespace = snapshot.diagnoser.metadata.namespace
        try:
            live, _ = self._access.live.pod_diagnoser(snapshot.diagnoser)
            if live is None:
                return
            for each, key in pending[:MAX_WITHHELD_EVENTS]:
                if time_budget.in_time():
                    namespace = each.pod.metadata.namespace
                    self._publish_withheld(live, snapshot, each, key, time_budget)
        except ApiError as error:
            self._access.record_error(error, "read Pods", namespace)

    def _pending_withheld(
        self, diagnoser: PodDiagnoser, withheld: Iterable[WithheldPod]
    ) -> list[tuple[WithheldPod, str]]:
        now = self._access.server_time.now()
        keyed = (
            (
                each,
                withheld_key(
                    self._factory(diagnoser, each.pod), each.pod, each.diagnosis, each.reason
                ),
            )
            for each in withheld
            if each.reason not in REASONS_WITHOUT_EVENT and is_fresh(each.diagnosis, now)
        )
        return [(each, key) for each, key in keyed if not self._events.exists(key)]

    def _publish_withheld(
        self,
        live: PodDiagnoser,
        snapshot: DiagnoserSnapshot,
        withheld: WithheldPod,
        key: str,
        time_budget: TimeBudget,
    ) -> None:
        meta = withheld.pod.metadata
        pod, now = self._access.live.pod(meta.namespace, meta.name)
        if not time_budget.in_time():
            return
        self._events.add(key)  # checked once: what does not hold now is not worth a call each sync
        expected = Expected(
            meta.uid,
            REPLACING,
            crash=withheld.diagnosis.id,
            own_namespaces=self._access.own_namespaces,
        )
        check = verify_live(live, pod, snapshot.targets_of(meta.namespace), expected, now)
        if check.reason is withheld.reason and pod is not None:
            event = withheld_event(
                self._factory(live, pod), pod, withheld.diagnosis, withheld.reason, now
            )
            self._events.create(event)

    def _factory(self, diagnoser: PodDiagnoser, pod: OwnedPod) -> EventFactory:
        return EventFactory(diagnoser, self._instance, pod.metadata.namespace)


def _stored_reason(diagnoser: PodDiagnoser) -> str | None:
    """Return the reason of the stored condition Remediating."""
    found = (
        each.reason
        for each in diagnoser.status.conditions
        if each.type == ConditionType.REMEDIATING
    )
    return next(found, None)
