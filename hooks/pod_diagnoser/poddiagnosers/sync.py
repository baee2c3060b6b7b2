"""What a sync of a PodDiagnoser does in the cluster: carries out plans, tells Events."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import ConditionType, PodDiagnoser, PodDiagnoserStatus
from pod_diagnoser.api.time import parse_time, soonest
from pod_diagnoser.cluster.errors import ClusterError, Trouble, trouble_of
from pod_diagnoser.cluster.reader import Live, Reads
from pod_diagnoser.cluster.server_time import ServerTime
from pod_diagnoser.poddiagnosers.answer import PodDiagnoserSync, let_go, sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import Observed, lost_its_target
from pod_diagnoser.pods.claims import claimed_pods
from pod_diagnoser.pods.observation import Crashed, crashes_of
from pod_diagnoser.remediation.events import (
    Event,
    Teller,
    crash_events,
    remediation_events,
    withheld_event,
    withheld_key,
)
from pod_diagnoser.remediation.executor import Acted, Pods, carry_out
from pod_diagnoser.remediation.model import REPLACING, Action, Effects, Reason
from pod_diagnoser.remediation.planner import Spared, due
from pod_diagnoser.remediation.safeguards import is_fresh
from pod_diagnoser.remediation.verification import reason_against

LAST_CALL_SECONDS: Final = 3.0
"""How long after its start a sync begins no further call. With what a call may take it answers in
time: Metacontroller waits 10 seconds."""

MAX_EVENT_SECONDS: Final = 2.0
"""How long after its start a sync tells no further crash: the next one tells the rest."""

MAX_REMEMBERED: Final = 20_000
"""How many Events are known to exist. Forgetting one costs a refused call, never a second Event."""

MAX_EXPLAINED: Final = 5
"""Of how many Pods a sync tells why they are left alone. The status has counted them all."""

HALF_WRITTEN_SECONDS: Final = 2.0
"""For how long Metacontroller may be between its two writes of a status."""

LATER_SECONDS: Final = 1.0
EVENT_REFUSED_SECONDS: Final = 60.0

UNSHOWN_SECONDS: Final = 10.0
"""After how long to look again for a crash that a request shows and the cluster does not: the Pod's
label, or the PodDiagnoser's spec, may come back."""

_TIMELY: Final = (Action.LOG_EVENT, *REPLACING)

_UNEXPLAINED: Final = (
    Reason.TERMINATING,
    Reason.NOT_FRESH,
    Reason.TOO_YOUNG,
    Reason.FORBIDDEN,
    Reason.HISTORY_FULL,
)
"""Reasons that pass in a moment, are history, or say nothing of the Pod."""


_EVENT_REFUSED: Final = Trouble(
    "EventRefused", "The API server refused an Event. It is tried again.", EVENT_REFUSED_SECONDS
)

_TOO_SLOW: Final = Trouble(
    "ApiServerUnavailable",
    "The API server answers too slowly. What is to be done is tried again.",
    LATER_SECONDS,
)


class Api(Pods, Reads, Protocol):
    """What is called of the cluster (`pod_diagnoser.cluster.Cluster`)."""

    def create_event(self, namespace: str, event: Mapping[str, Any]) -> bool:
        """Create an Event."""


class Remediator:
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
        cluster: Api,
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
        self._live = Live(cluster, clock, monotonic)
        self._time = ServerTime(clock, monotonic)
        self._told: OrderedDict[str, None] = OrderedDict()
        self._later: OrderedDict[str, tuple[float, Trouble | None]] = OrderedDict()
        self._unanswered: OrderedDict[str, float] = OrderedDict()
        self._trouble: Trouble | None = None
        self._trouble_since: datetime | None = None
        self._trouble_until = float("-inf")

    def sync(self, observed: Observed) -> PodDiagnoserSync:
        """Do what is to be done for a PodDiagnoser, and answer its sync.

        Args:
            observed: what the request holds.

        Returns:
            The answer.
        """
        turn = _Turn(self._monotonic)
        if lost_its_target(observed, self._time.now()) and self._is_gone(observed.diagnoser):
            return let_go(observed)
        effects = self._act(observed, turn)
        result = sync_pod_diagnoser(observed, self._time.now(), effects)
        if not result.acted and effects.trouble is None:
            self._explain(observed, result.spared, turn)
        return result

    def _is_gone(self, diagnoser: PodDiagnoser) -> bool:
        """Whether there is no such PodDiagnoser, or another of its name, as the API server says.

        It is asked in times of trouble, too: what is published for one that is gone costs many
        writes, until it stops being.
        """
        try:
            found, now = self._live.pod_diagnoser(diagnoser, any_version=True)
        except ClusterError:
            return False  # whatever that means, it is published
        self._time.learn(now)
        return found is None

    def _act(self, observed: Observed, turn: "_Turn") -> Effects:
        """Carry out the plans of the stored status, tell crashes, and tell what was done."""
        teller = Teller(observed.diagnoser, self._instance)
        acted = self._carry_out(observed, turn)
        troubles = [acted.trouble]
        dated = self._time.known or not _depends_on_time(observed)
        if not dated and acted.trouble is None:
            troubles.append(self._learn_time(observed))
            dated = self._time.known
        again: float | None = None
        if dated:
            trouble, again = self._tell(observed, turn)
            # What was settled before took its time.
            troubles.append(None if trouble is _TOO_SLOW and acted.settled else trouble)
        self._accompany(
            (
                event
                for entry, outcome in acted.settled
                for event in remediation_events(teller, entry, outcome)
            ),
            turn,
        )
        trouble = next((each for each in troubles if each is not None), None)
        said = trouble is not None and not self._is_over_elsewhere(observed.diagnoser, trouble)
        return Effects(
            outcomes={entry.id: outcome for entry, outcome in acted.settled},
            trouble=(trouble.reason, trouble.message) if trouble and said else None,
            again=soonest(trouble.retry_after if trouble else None, again),
            dated=dated,
        )

    def _is_over_elsewhere(self, diagnoser: PodDiagnoser, trouble: Trouble) -> bool:
        """Whether another process did since what this one was asked to wait with.

        Else they would write the one's trouble and the other's success in turns, for as long.
        """
        if trouble.reason != _reason(self._standing_trouble()) or self._trouble_since is None:
            return False
        status = diagnoser.status or PodDiagnoserStatus()
        return any(
            condition.type == ConditionType.REMEDIATING
            and condition.status == "True"
            and (changed := parse_time(condition.lastTransitionTime)) is not None
            and changed > self._trouble_since
            for condition in status.conditions
        )

    def _carry_out(self, observed: Observed, turn: "_Turn") -> Acted:
        if not due(observed.diagnoser):
            return Acted()
        trouble = self._standing_trouble()
        if trouble is not None:
            return Acted(trouble=trouble)
        if observed.half_written and self._just_written(observed.diagnoser):
            return Acted()  # reading would tell that this is not the version that is stored
        acted = carry_out(
            observed.diagnoser,
            observed.targets,
            self._live,
            self._cluster,
            turn.in_time,
            unanswered=self._unanswered,
        )
        if acted.now is not None:
            self._time.learn(acted.now)
        if acted.unanswered is not None:
            self._unanswered[acted.unanswered] = self._monotonic()
            _bound(self._unanswered)
        self._note(acted.trouble)
        return acted

    def _just_written(self, diagnoser: PodDiagnoser) -> bool:
        """Whether a status was answered a moment ago. Later, a half written one stays so."""
        last = parse_time((diagnoser.status or PodDiagnoserStatus()).lastUpdateTime)
        if last is None or not self._time.known:
            return False
        return abs((self._time.now() - last).total_seconds()) <= HALF_WRITTEN_SECONDS

    def _learn_time(self, observed: Observed) -> Trouble | None:
        """Learn the API server's time: what is fresh, or due, must not hang on our clock."""
        trouble = self._standing_trouble()
        if trouble is not None:
            return trouble
        try:
            self._time.learn(self._live.pod_diagnoser(observed.diagnoser, any_version=True)[1])
        except ClusterError as error:
            namespace = observed.diagnoser.metadata.namespace
            return self._note(trouble_of(error, "read PodDiagnosers", namespace))
        return None

    def _tell(self, observed: Observed, turn: "_Turn") -> tuple[Trouble | None, float | None]:
        """Tell fresh crashes.

        Returns:
            What kept one from being told, and seconds after which to tell the rest, or None.
        """
        said = _Said()
        for each in observed.crashed:
            untold = self._to_be_told(observed.diagnoser, each, said)
            if not untold:
                continue
            trouble = self._standing_trouble()
            if trouble is not None:
                return trouble, None
            try:
                finished = turn.in_time(MAX_EVENT_SECONDS) and self._tell_of(
                    observed, each.pod, untold, turn, said
                )
            except ClusterError as error:
                namespace = observed.diagnoser.metadata.namespace
                return self._note(trouble_of(error, said.doing, namespace)), None
            if not finished:
                return said.refused or said.slow, LATER_SECONDS
            said.slow = None
        return said.refused, said.again

    def _tell_of(
        self,
        observed: Observed,
        of: OwnedPod,
        untold: Sequence[Event],
        turn: "_Turn",
        said: "_Said",
    ) -> bool:
        """Tell the crashes of one Pod.

        Returns:
            False where there is no time left for it.

        Raises:
            ClusterError: it could not be done.
        """
        said.doing = "read Pods"
        events = self._as_it_is(observed, of, turn)
        if events is None:
            return False
        said.doing = "create Events"
        for event in events:
            if not turn.in_time():
                return False
            try:
                self._create(event)
            except ClusterError as error:
                if not _is_about_the_event(error):
                    raise
                said.refused = _EVENT_REFUSED
                self._wait(event, EVENT_REFUSED_SECONDS, said.refused)
            said.slow = None
        for event in untold:
            if event.key not in self._told and self._waiting(event) is None:
                # What is live shows it no more, or not at present.
                self._wait(event, UNSHOWN_SECONDS, None)
                said.again = soonest(said.again, UNSHOWN_SECONDS)
        return True

    def _to_be_told(self, diagnoser: PodDiagnoser, crashed: Crashed, said: "_Said") -> list[Event]:
        """What is to be told of a Pod by the request; nothing where all of it has to wait."""
        untold = self._untold(diagnoser, crashed)
        waiting = [self._waiting(event) for event in untold]
        if not all(waiting):
            return untold
        for left, trouble in filter(None, waiting):
            said.again = soonest(said.again, left)
            # Another process may have told it since, and says so: nobody is to be contradicted.
            if trouble is not None and trouble.reason == _stated(diagnoser):
                said.refused = trouble
        return []

    def _wait(self, event: Event, seconds: float, trouble: Trouble | None) -> None:
        self._later[event.key] = (self._monotonic() + seconds, trouble)
        _bound(self._later)

    def _waiting(self, event: Event) -> tuple[float, Trouble | None] | None:
        """For how many seconds an Event is left alone still, and why; None if it is not."""
        until, trouble = self._later.get(event.key, (float("-inf"), None))
        left = until - self._monotonic()
        return (left, trouble) if left > 0 else None

    def _untold(self, diagnoser: PodDiagnoser, *crashed: Crashed) -> list[Event]:
        teller = Teller(diagnoser, self._instance)
        events = crash_events(teller, crashed, self._time.now())
        return [event for event in events if event.key not in self._told]

    def _as_it_is(self, observed: Observed, of: OwnedPod, turn: "_Turn") -> list[Event] | None:
        """What is to be told of a Pod, by what is live; None where there is no time left.

        Raises:
            ClusterError: it could not be read.
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
        return self._untold(
            diagnoser, *(Crashed(each, crashes_of(each, diagnoser.spec)) for each in claimed)
        )

    def _accompany(self, events: Iterable[Event], turn: "_Turn") -> None:
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
            except ClusterError:
                refused = True  # the others would meet with the same
                self._dropped()

    def _explain(self, observed: Observed, spared: Sequence[Spared], turn: "_Turn") -> None:
        """Tell on a few Pods why they are left alone, as far as that is so of what is live."""
        diagnoser, now = observed.diagnoser, self._time.now()
        teller = Teller(diagnoser, self._instance)
        untold = [
            (each, key)
            for each in spared
            if each.reason not in _UNEXPLAINED and is_fresh(each.diagnosis, now)
            if (key := withheld_key(teller, each.pod, each.diagnosis, each.reason))
            not in self._told
        ]
        if not untold or self._standing_trouble() is not None or not turn.in_time():
            return
        try:
            live, _ = self._live.pod_diagnoser(diagnoser)
            if live is None:
                return
            for each, key in untold[:MAX_EXPLAINED]:
                if turn.in_time():
                    self._explain_one(live, observed, each, key, turn)
        except ClusterError as error:
            self._note(trouble_of(error, "read Pods", diagnoser.metadata.namespace))

    def _explain_one(
        self, live: PodDiagnoser, observed: Observed, spared: Spared, key: str, turn: "_Turn"
    ) -> None:
        meta = spared.pod.metadata
        pod, now = self._live.pod(meta.namespace, meta.name)
        if not turn.in_time():
            return
        self._remember(key)  # looked at once: what does not hold now is not worth a call a sync
        if pod is not None and _holds(live, pod, spared, observed, now):
            teller = Teller(live, self._instance)
            self._create(withheld_event(teller, pod, spared.diagnosis, spared.reason, now))

    def _create(self, event: Event) -> None:
        """Create an Event, or find that it is there, or that nobody is left to read it.

        Raises:
            ClusterError: it could not be created.
        """
        try:
            self._cluster.create_event(event.namespace, event.document)
        except ClusterError as error:
            gone = error.status == HTTPStatus.NOT_FOUND and error.kind == "namespaces"
            if not gone and error.cause != "NamespaceTerminating":
                raise
        self._remember(event.key)

    def _remember(self, key: str) -> None:
        self._told[key] = None
        _bound(self._told)

    def _note(self, trouble: Trouble | None) -> Trouble | None:
        """Call nobody for a while where the next call would meet with the same."""
        if trouble is None or not trouble.everywhere:
            return trouble
        left = self._trouble_until - self._monotonic()
        if self._trouble is None or trouble.retry_after >= left:
            self._trouble = trouble
            self._trouble_since = self._time.now().replace(microsecond=0)
            self._trouble_until = self._monotonic() + trouble.retry_after
        return trouble

    def _standing_trouble(self) -> Trouble | None:
        left = self._trouble_until - self._monotonic()
        if self._trouble is None or left <= 0:
            return None
        return replace(self._trouble, retry_after=max(left, LATER_SECONDS))


@dataclass(slots=True)
class _Said:
    """What comes of telling crashes in one sync.

    Attributes:
        doing: what is being done, for the message if it can't be.
        slow: what is said where there was no time to do anything at all; None once something was.
        refused: says that an Event was refused, or None.
        again: seconds after which to look again, or None.
    """

    doing: str = ""
    slow: Trouble | None = _TOO_SLOW
    refused: Trouble | None = None
    again: float | None = None


class _Turn:
    """The time that one sync has."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._begun = monotonic()

    def in_time(self, seconds: float = LAST_CALL_SECONDS) -> bool:
        """Whether a further call may begin."""
        return self._monotonic() - self._begun <= seconds


def _depends_on_time(observed: Observed) -> bool:
    """Whether anything is to be decided, or forgotten, by how long it is ago."""
    diagnoser = observed.diagnoser
    status = diagnoser.status or PodDiagnoserStatus()
    if status.remediations or status.owners:
        return True
    acts = diagnoser.active and diagnoser.spec.remediationAction in _TIMELY
    return acts and any(each.diagnoses for each in observed.crashed)


def _stated(diagnoser: PodDiagnoser) -> str | None:
    """With which reason the stored status says how remediation stands."""
    status = diagnoser.status or PodDiagnoserStatus()
    said = (each for each in status.conditions if each.type == ConditionType.REMEDIATING)
    return next((condition.reason for condition in said), None)


def _reason(trouble: Trouble | None) -> str | None:
    return trouble.reason if trouble is not None else None


def _bound(memory: OrderedDict[str, Any]) -> None:
    while len(memory) > MAX_REMEMBERED:
        memory.popitem(last=False)


def _is_about_the_event(error: ClusterError) -> bool:
    return error.status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )


def _holds(
    live: PodDiagnoser, pod: OwnedPod, spared: Spared, observed: Observed, now: datetime
) -> bool:
    """Whether a Pod is left alone for that reason, by what is live."""
    if pod.metadata.uid != spared.pod.metadata.uid:
        return False
    shown = crashes_of(pod, live.spec)
    found = next((each for each in shown if each.id == spared.diagnosis.id), None)
    if found is None or live.spec.remediationAction not in REPLACING:
        return False
    claims = claimed_pods(live, [pod], observed.targets)
    return bool(claims) and reason_against(live, pod, found, now) is spared.reason
