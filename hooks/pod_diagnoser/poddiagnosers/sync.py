"""What a sync of a PodDiagnoser does in the cluster: carries out plans, tells Events."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import ConditionType, PodDiagnoser
from pod_diagnoser.api.time import earliest
from pod_diagnoser.cluster.errors import ApiError, ApiFailure, describe_failure
from pod_diagnoser.cluster.reader import LiveReader, ReadApi
from pod_diagnoser.cluster.server_time import ServerTime
from pod_diagnoser.poddiagnosers.answer import (
    PodDiagnoserSync,
    answer_for_deleted,
    sync_pod_diagnoser,
)
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot, target_missing
from pod_diagnoser.pods.claims import claimed_pods
from pod_diagnoser.pods.observation import CrashedPod, reportable_crashes
from pod_diagnoser.remediation.events import (
    EventDocument,
    EventFactory,
    crash_events,
    remediation_events,
    withheld_event,
    withheld_key,
)
from pod_diagnoser.remediation.executor import ExecutionResult, PodRemover, execute_plans
from pod_diagnoser.remediation.model import REPLACING, Action, ExecutionReport, Reason
from pod_diagnoser.remediation.planner import WithheldPod, planned_entries
from pod_diagnoser.remediation.safeguards import is_fresh
from pod_diagnoser.remediation.verification import reason_to_withhold

LAST_CALL_SECONDS: Final = 3.0
"""How long after its start a sync begins no further call. With what a call may take it answers in
time: Metacontroller waits 10 seconds."""

MAX_EVENT_SECONDS: Final = 2.0
"""How long after its start a sync tells no further crash: the next one tells the rest."""

MAX_PUBLISHED_KEYS: Final = 20_000
"""How many Events are known to exist. Forgetting one costs a refused call, never a second Event."""

MAX_WITHHELD_EVENTS: Final = 5
"""Of how many Pods a sync tells why they are left alone. The status has counted them all."""

RETRY_SECONDS: Final = 1.0
EVENT_REFUSED_SECONDS: Final = 60.0

NOT_SHOWN_SECONDS: Final = 10.0
"""After how long to look again for a crash that a request shows and the cluster does not: the Pod's
label, or the PodDiagnoser's spec, may come back."""

_TIME_DEPENDENT_ACTIONS: Final = (Action.LOG_EVENT, *REPLACING)

_REASONS_WITHOUT_EVENT: Final = (
    Reason.TERMINATING,
    Reason.NOT_FRESH,
    Reason.TOO_YOUNG,
    Reason.FORBIDDEN,
    Reason.HISTORY_FULL,
)
"""Reasons that pass in a moment, are history, or say nothing of the Pod."""


_EVENT_REFUSED: Final = ApiFailure(
    "EventRefused", "The API server refused an Event. It is tried again.", EVENT_REFUSED_SECONDS
)

_TOO_SLOW: Final = ApiFailure(
    "ApiServerUnavailable",
    "The API server answers too slowly. What is to be done is tried again.",
    RETRY_SECONDS,
)


class ReconcilerApi(PodRemover, ReadApi, Protocol):
    """What is called of the cluster (`pod_diagnoser.cluster.client.ApiClient`)."""

    def create_event(self, namespace: str, event: Mapping[str, Any]) -> bool:
        """Create an Event."""


class Reconciler:
    """Does what the pure core decided, and says what came of it.

    What it remembers saves calls and nothing else: it may be lost at any time.

    Args:
        cluster: the API server.
        clock: tells our time, in UTC.
        instance: which process this is, for Events.
        monotonic: a clock for how long things take, in seconds.
        dropped: is called for each Event that was to accompany what was done, and was not told.
    """

    def __init__(
        self,
        cluster: ReconcilerApi,
        clock: Callable[[], datetime],
        instance: str,
        monotonic: Callable[[], float],
        *,
        dropped: Callable[[], None] = lambda: None,
    ) -> None:
        self._dropped = dropped
        self._cluster = cluster
        self._instance = instance
        self._monotonic = monotonic
        self._live = LiveReader(cluster, clock, monotonic)
        self._time = ServerTime(clock, monotonic)
        self._told: OrderedDict[str, None] = OrderedDict()
        self._later: OrderedDict[str, tuple[float, ApiFailure | None]] = OrderedDict()
        self._unanswered: OrderedDict[str, float] = OrderedDict()
        self._trouble: ApiFailure | None = None
        self._trouble_since: datetime | None = None
        self._trouble_until = float("-inf")

    def sync(self, observed: DiagnoserSnapshot) -> PodDiagnoserSync:
        """Do what is to be done for a PodDiagnoser, and answer its sync.

        Args:
            observed: what the request holds.

        Returns:
            The answer.
        """
        turn = TimeBudget(self._monotonic)
        if target_missing(observed, self._time.now()) and self._is_gone(observed.diagnoser):
            return answer_for_deleted(observed)
        effects = self._act(observed, turn)
        result = sync_pod_diagnoser(observed, self._time.now(), effects)
        if not result.executed and effects.api_failure is None:
            self._publish_withheld_events(observed, result.withheld_pods, turn)
        return result

    def _is_gone(self, diagnoser: PodDiagnoser) -> bool:
        """Whether there is no such PodDiagnoser, or another of its name, as the API server says.

        It is asked in times of trouble, too: what is published for one that is gone costs many
        writes, until it stops being.
        """
        try:
            found, now = self._live.pod_diagnoser(diagnoser, any_version=True)
        except ApiError:
            return False  # whatever that means, it is published
        self._time.update(now)
        return found is None

    def _act(self, observed: DiagnoserSnapshot, turn: "TimeBudget") -> ExecutionReport:
        """Carry out the plans of the stored status, tell crashes, and tell what was done."""
        teller = EventFactory(observed.diagnoser, self._instance)
        acted = self._execute_plans(observed, turn)
        troubles = [acted.api_failure]
        dated = self._time.known or not _depends_on_time(observed)
        if not dated and acted.api_failure is None:
            troubles.append(self._update_server_time(observed))
            dated = self._time.known
        again: float | None = None
        if dated:
            trouble, again = self._publish_crash_events(observed, turn)
            # What was settled before took its time.
            troubles.append(None if trouble is _TOO_SLOW and acted.outcomes else trouble)
        self._publish_remediation_events(
            (
                event
                for entry, outcome in acted.outcomes
                for event in remediation_events(teller, entry, outcome)
            ),
            turn,
        )
        trouble = next((each for each in troubles if each is not None), None)
        said = trouble is not None and not self._is_over_elsewhere(observed.diagnoser, trouble)
        return ExecutionReport(
            outcomes={entry.id: outcome for entry, outcome in acted.outcomes},
            api_failure=(trouble.reason, trouble.message) if trouble and said else None,
            resync_after=earliest(trouble.retry_after if trouble else None, again),
            server_time_known=dated,
        )

    def _is_over_elsewhere(self, diagnoser: PodDiagnoser, trouble: ApiFailure) -> bool:
        """Whether another process did since what this one was asked to wait with.

        Else they would write the one's trouble and the other's success in turns, for as long.
        """
        if trouble.reason != _reason(self._open_failure()) or self._trouble_since is None:
            return False
        return any(
            condition.type == ConditionType.REMEDIATING
            and condition.status == "True"
            and condition.lastTransitionTime > self._trouble_since
            for condition in diagnoser.status.conditions
        )

    def _execute_plans(self, observed: DiagnoserSnapshot, turn: "TimeBudget") -> ExecutionResult:
        if not planned_entries(observed.diagnoser):
            return ExecutionResult()
        trouble = self._open_failure()
        if trouble is not None:
            return ExecutionResult(api_failure=trouble)
        acted = execute_plans(
            observed.diagnoser,
            observed.targets,
            self._live,
            self._cluster,
            turn.in_time,
            unanswered=self._unanswered,
        )
        if acted.now is not None:
            self._time.update(acted.now)
        if acted.unanswered is not None:
            self._unanswered[acted.unanswered] = self._monotonic()
            _bound(self._unanswered)
        self._record_failure(acted.api_failure)
        return acted

    def _update_server_time(self, observed: DiagnoserSnapshot) -> ApiFailure | None:
        """Learn the API server's time: what is fresh, or due, must not hang on our clock."""
        trouble = self._open_failure()
        if trouble is not None:
            return trouble
        try:
            self._time.update(self._live.pod_diagnoser(observed.diagnoser, any_version=True)[1])
        except ApiError as error:
            namespace = observed.diagnoser.metadata.namespace
            return self._record_failure(describe_failure(error, "read PodDiagnosers", namespace))
        return None

    def _publish_crash_events(
        self, observed: DiagnoserSnapshot, turn: "TimeBudget"
    ) -> tuple[ApiFailure | None, float | None]:
        """Tell fresh crashes.

        Returns:
            What kept one from being told, and seconds after which to tell the rest, or None.
        """
        said = _Publication()
        for each in observed.crashed:
            untold = self._pending_events(observed.diagnoser, each, said)
            if not untold:
                continue
            trouble = self._open_failure()
            if trouble is not None:
                return trouble, None
            try:
                finished = turn.in_time(MAX_EVENT_SECONDS) and self._publish_crashes_of(
                    observed, each.pod, untold, turn, said
                )
            except ApiError as error:
                namespace = observed.diagnoser.metadata.namespace
                return self._record_failure(describe_failure(error, said.doing, namespace)), None
            if not finished:
                return said.refused or said.slow, RETRY_SECONDS
            said.slow = None
        return said.refused, said.again

    def _publish_crashes_of(
        self,
        observed: DiagnoserSnapshot,
        of: OwnedPod,
        untold: Sequence[EventDocument],
        turn: "TimeBudget",
        said: "_Publication",
    ) -> bool:
        """Tell the crashes of one Pod.

        Returns:
            False where there is no time left for it.

        Raises:
            ApiError: it could not be done.
        """
        said.doing = "read Pods"
        events = self._unpublished_live(observed, of, turn)
        if events is None:
            return False
        said.doing = "create Events"
        for event in events:
            if not turn.in_time():
                return False
            try:
                self._create(event)
            except ApiError as error:
                if not _is_about_the_event(error):
                    raise
                said.refused = _EVENT_REFUSED
                self._postpone(event, EVENT_REFUSED_SECONDS, said.refused)
            said.slow = None
        for event in untold:
            if event.key not in self._told and self._postponed(event) is None:
                # What is live shows it no more, or not at present.
                self._postpone(event, NOT_SHOWN_SECONDS, None)
                said.again = earliest(said.again, NOT_SHOWN_SECONDS)
        return True

    def _pending_events(
        self, diagnoser: PodDiagnoser, crashed: CrashedPod, said: "_Publication"
    ) -> list[EventDocument]:
        """What is to be told of a Pod by the request; nothing where all of it has to wait."""
        untold = self._unpublished(diagnoser, crashed)
        waiting = [self._postponed(event) for event in untold]
        if not all(waiting):
            return untold
        for left, trouble in filter(None, waiting):
            said.again = earliest(said.again, left)
            # Another process may have told it since, and says so: nobody is to be contradicted.
            if trouble is not None and trouble.reason == _stored_reason(diagnoser):
                said.refused = trouble
        return []

    def _postpone(self, event: EventDocument, seconds: float, trouble: ApiFailure | None) -> None:
        self._later[event.key] = (self._monotonic() + seconds, trouble)
        _bound(self._later)

    def _postponed(self, event: EventDocument) -> tuple[float, ApiFailure | None] | None:
        """For how many seconds an Event is left alone still, and why; None if it is not."""
        until, trouble = self._later.get(event.key, (float("-inf"), None))
        left = until - self._monotonic()
        return (left, trouble) if left > 0 else None

    def _unpublished(self, diagnoser: PodDiagnoser, *crashed: CrashedPod) -> list[EventDocument]:
        teller = EventFactory(diagnoser, self._instance)
        events = crash_events(teller, crashed, self._time.now())
        return [event for event in events if event.key not in self._told]

    def _unpublished_live(
        self, observed: DiagnoserSnapshot, of: OwnedPod, turn: "TimeBudget"
    ) -> list[EventDocument] | None:
        """What is to be told of a Pod, by what is live; None where there is no time left.

        Raises:
            ApiError: it could not be read.
        """
        diagnoser, _ = self._live.pod_diagnoser(observed.diagnoser, any_version=True)
        if diagnoser is None:
            return []
        if not turn.in_time():
            return None
        pod, _ = self._live.pod(of.metadata.namespace, of.metadata.name)
        if pod is None or pod.metadata.uid != of.metadata.uid:
            return []
        claimed = claimed_pods(diagnoser, [pod], observed.targets)
        return self._unpublished(
            diagnoser,
            *(CrashedPod(each, reportable_crashes(each, diagnoser.spec)) for each in claimed),
        )

    def _publish_remediation_events(
        self, events: Iterable[EventDocument], turn: "TimeBudget"
    ) -> None:
        """Tell what was done. It has been done: an Event that cannot be created is dropped."""
        refused = False
        for event in events:
            if event.key in self._told:
                continue
            if refused or not turn.in_time():
                self._dropped()
                continue
            try:
                self._create(event)
            except ApiError:
                refused = True  # the others would meet with the same
                self._dropped()

    def _publish_withheld_events(
        self, observed: DiagnoserSnapshot, spared: Sequence[WithheldPod], turn: "TimeBudget"
    ) -> None:
        """Tell on a few Pods why they are left alone, as far as that is so of what is live."""
        diagnoser, now = observed.diagnoser, self._time.now()
        teller = EventFactory(diagnoser, self._instance)
        untold = [
            (each, key)
            for each in spared
            if each.reason not in _REASONS_WITHOUT_EVENT and is_fresh(each.diagnosis, now)
            if (key := withheld_key(teller, each.pod, each.diagnosis, each.reason))
            not in self._told
        ]
        if not untold or self._open_failure() is not None or not turn.in_time():
            return
        try:
            live, _ = self._live.pod_diagnoser(diagnoser)
            if live is None:
                return
            for each, key in untold[:MAX_WITHHELD_EVENTS]:
                if turn.in_time():
                    self._publish_withheld_event(live, observed, each, key, turn)
        except ApiError as error:
            self._record_failure(describe_failure(error, "read Pods", diagnoser.metadata.namespace))

    def _publish_withheld_event(
        self,
        live: PodDiagnoser,
        observed: DiagnoserSnapshot,
        spared: WithheldPod,
        key: str,
        turn: "TimeBudget",
    ) -> None:
        meta = spared.pod.metadata
        pod, now = self._live.pod(meta.namespace, meta.name)
        if not turn.in_time():
            return
        self._record_published(
            key
        )  # looked at once: what does not hold now is not worth a call a sync
        if pod is not None and _still_withheld(live, pod, spared, observed, now):
            teller = EventFactory(live, self._instance)
            self._create(withheld_event(teller, pod, spared.diagnosis, spared.reason, now))

    def _create(self, event: EventDocument) -> None:
        """Create an Event, or find that it is there, or that nobody is left to read it.

        Raises:
            ApiError: it could not be created.
        """
        try:
            self._cluster.create_event(event.namespace, event.document)
        except ApiError as error:
            gone = error.status == HTTPStatus.NOT_FOUND and error.kind == "namespaces"
            if not gone and error.cause != "NamespaceTerminating":
                raise
        self._record_published(event.key)

    def _record_published(self, key: str) -> None:
        self._told[key] = None
        _bound(self._told)

    def _record_failure(self, trouble: ApiFailure | None) -> ApiFailure | None:
        """Call nobody for a while where the next call would meet with the same."""
        if trouble is None or not trouble.server_wide:
            return trouble
        left = self._trouble_until - self._monotonic()
        if self._trouble is None or trouble.retry_after >= left:
            self._trouble = trouble
            self._trouble_since = self._time.now().replace(microsecond=0)
            self._trouble_until = self._monotonic() + trouble.retry_after
        return trouble

    def _open_failure(self) -> ApiFailure | None:
        left = self._trouble_until - self._monotonic()
        if self._trouble is None or left <= 0:
            return None
        return replace(self._trouble, retry_after=max(left, RETRY_SECONDS))


@dataclass(slots=True)
class _Publication:
    """What comes of telling crashes in one sync.

    Attributes:
        doing: what is being done, for the message if it can't be.
        slow: what is said where there was no time to do anything at all; None once something was.
        refused: says that an Event was refused, or None.
        again: seconds after which to look again, or None.
    """

    doing: str = ""
    slow: ApiFailure | None = _TOO_SLOW
    refused: ApiFailure | None = None
    again: float | None = None


class TimeBudget:
    """The time that one sync has."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._begun = monotonic()

    def in_time(self, seconds: float = LAST_CALL_SECONDS) -> bool:
        """Whether a further call may begin."""
        return self._monotonic() - self._begun <= seconds


def _depends_on_time(observed: DiagnoserSnapshot) -> bool:
    """Whether anything is to be decided, or forgotten, by how long it is ago."""
    diagnoser = observed.diagnoser
    status = diagnoser.status
    if status.remediations or status.owners:
        return True
    acts = diagnoser.active and diagnoser.spec.remediationAction in _TIME_DEPENDENT_ACTIONS
    return acts and any(each.diagnoses for each in observed.crashed)


def _stored_reason(diagnoser: PodDiagnoser) -> str | None:
    """With which reason the stored status says how remediation stands."""
    said = (each for each in diagnoser.status.conditions if each.type == ConditionType.REMEDIATING)
    return next((condition.reason for condition in said), None)


def _reason(trouble: ApiFailure | None) -> str | None:
    return trouble.reason if trouble is not None else None


def _bound(memory: OrderedDict[str, Any]) -> None:
    while len(memory) > MAX_PUBLISHED_KEYS:
        memory.popitem(last=False)


def _is_about_the_event(error: ApiError) -> bool:
    return error.status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )


def _still_withheld(
    live: PodDiagnoser,
    pod: OwnedPod,
    spared: WithheldPod,
    observed: DiagnoserSnapshot,
    now: datetime,
) -> bool:
    """Whether a Pod is left alone for that reason, by what is live."""
    if pod.metadata.uid != spared.pod.metadata.uid:
        return False
    shown = reportable_crashes(pod, live.spec)
    found = next((each for each in shown if each.id == spared.diagnosis.id), None)
    if found is None or live.spec.remediationAction not in REPLACING:
        return False
    claims = claimed_pods(live, [pod], observed.targets)
    return bool(claims) and reason_to_withhold(live, pod, found, now) is spared.reason
