"""What a sync of a PodDiagnoser does in the cluster: carries out plans, tells Events."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Protocol

from pod_diagnoser.acting import (
    Acted,
    Pods,
    Trouble,
    carry_out,
    reason_against,
    trouble_of,
)
from pod_diagnoser.cluster import ClusterError
from pod_diagnoser.eventing import (
    Event,
    Teller,
    crash_events,
    remediation_events,
    withheld_event,
    withheld_key,
)
from pod_diagnoser.live import Live, Reads
from pod_diagnoser.phases import REPLACING, Action, Reason
from pod_diagnoser.pods import OwnedPod
from pod_diagnoser.reconciling import Observed, PodDiagnoserSync, sync_pod_diagnoser
from pod_diagnoser.remediating import Spared, due
from pod_diagnoser.reporting import Effects, claimed_pods
from pod_diagnoser.resources import PodDiagnoser, PodDiagnoserStatus
from pod_diagnoser.safeguarding import Crashed, is_fresh
from pod_diagnoser.server_time import ServerTime
from pod_diagnoser.sighting import crashes_of

LAST_CALL_SECONDS: Final = 3.0
"""How long after its start a sync begins no further call. With what a call may take it answers in
time: Metacontroller waits 10 seconds."""

MAX_EVENT_SECONDS: Final = 2.0
"""How long after its start a sync tells no further crash: the next one tells the rest."""

MAX_REMEMBERED: Final = 20_000
"""How many Events are known to exist. Forgetting one costs a refused call, never a second Event."""

MAX_EXPLAINED: Final = 5
"""Of how many Pods a sync tells why they are left alone. The status has counted them all."""

LATER_SECONDS: Final = 1.0
EVENT_REFUSED_SECONDS: Final = 60.0

_TIMELY: Final = (Action.LOG_EVENT, *REPLACING)

_UNEXPLAINED: Final = (
    Reason.TERMINATING,
    Reason.NOT_FRESH,
    Reason.TOO_YOUNG,
    Reason.FORBIDDEN,
    Reason.HISTORY_FULL,
)
"""Reasons that pass in a moment, are history, or say nothing of the Pod."""


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
    """

    def __init__(
        self,
        cluster: Api,
        clock: Callable[[], datetime],
        instance: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._instance = instance
        self._monotonic = monotonic
        self._live = Live(cluster, clock, monotonic)
        self._time = ServerTime(clock, monotonic)
        self._told: OrderedDict[str, None] = OrderedDict()
        self._trouble: Trouble | None = None
        self._trouble_until = float("-inf")

    def sync(self, observed: Observed) -> PodDiagnoserSync:
        """Do what is to be done for a PodDiagnoser, and answer its sync.

        Args:
            observed: what the request holds.

        Returns:
            The answer.
        """
        turn = _Turn(self._monotonic)
        effects = self._act(observed, turn)
        result = sync_pod_diagnoser(observed, self._time.now(), effects)
        if not result.acted and effects.trouble is None:
            self._explain(observed, result.spared, turn)
        return result

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
            troubles.append(trouble)
        self._accompany(
            (
                event
                for entry, outcome in acted.settled
                for event in remediation_events(teller, entry, outcome)
            ),
            turn,
        )
        trouble = next((each for each in troubles if each is not None), None)
        return Effects(
            outcomes={entry.id: outcome for entry, outcome in acted.settled},
            trouble=(trouble.reason, trouble.message) if trouble else None,
            again=trouble.retry_after if trouble else again,
            dated=dated,
        )

    def _carry_out(self, observed: Observed, turn: "_Turn") -> Acted:
        if not due(observed.diagnoser):
            return Acted()
        trouble = self._standing_trouble()
        if trouble is not None:
            return Acted(trouble=trouble)
        acted = carry_out(
            observed.diagnoser, observed.targets, self._live, self._cluster, turn.in_time
        )
        if acted.now is not None:
            self._time.learn(acted.now)
        self._note(acted.trouble)
        return acted

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
        diagnoser = observed.diagnoser
        namespace = diagnoser.metadata.namespace
        refused: Trouble | None = None
        for each in observed.crashed:
            untold = self._untold(diagnoser, each)
            if not untold:
                continue
            trouble = self._standing_trouble()
            if trouble is not None:
                return trouble, None
            if not turn.in_time(MAX_EVENT_SECONDS):
                return refused, LATER_SECONDS
            try:
                events = self._as_it_is(observed, each.pod)
            except ClusterError as error:
                return self._note(trouble_of(error, "read Pods", namespace)), None
            for event in events:
                try:
                    self._create(event)
                except ClusterError as error:
                    if not _is_about_the_event(error):
                        return self._note(trouble_of(error, "create Events", namespace)), None
                    message = "The API server refused an Event. It is tried again."
                    refused = Trouble("EventRefused", message, EVENT_REFUSED_SECONDS)
                    untold = [other for other in untold if other.key != event.key]
            for event in untold:
                self._remember(event.key)  # what is live shows it no more, or never did
        return refused, None

    def _untold(self, diagnoser: PodDiagnoser, *crashed: Crashed) -> list[Event]:
        teller = Teller(diagnoser, self._instance)
        events = crash_events(teller, crashed, self._time.now())
        return [event for event in events if event.key not in self._told]

    def _as_it_is(self, observed: Observed, of: OwnedPod) -> list[Event]:
        """What is to be told of a Pod, by what is live.

        Raises:
            ClusterError: it could not be read.
        """
        diagnoser, _ = self._live.pod_diagnoser(observed.diagnoser, any_version=True)
        if diagnoser is None:
            return []
        pod, _ = self._live.pod(of.metadata.namespace, of.metadata.name)
        if pod is None or pod.metadata.uid != of.metadata.uid:
            return []
        claimed = claimed_pods(diagnoser, [pod], observed.targets)
        return self._untold(
            diagnoser, *(Crashed(each, crashes_of(each, diagnoser.spec)) for each in claimed)
        )

    def _accompany(self, events: Iterable[Event], turn: "_Turn") -> None:
        """Tell what was done. It has been done: an Event that cannot be created is dropped."""
        for event in events:
            if event.key in self._told:
                continue
            if not turn.in_time():
                return
            try:
                self._create(event)
            except ClusterError:
                return

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
                    self._explain_one(live, observed, each, key)
        except ClusterError as error:
            self._note(trouble_of(error, "read Pods", diagnoser.metadata.namespace))

    def _explain_one(
        self, live: PodDiagnoser, observed: Observed, spared: Spared, key: str
    ) -> None:
        meta = spared.pod.metadata
        pod, now = self._live.pod(meta.namespace, meta.name)
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
            terminating = error.cause == "NamespaceTerminating"
            if error.status != HTTPStatus.NOT_FOUND and not terminating:
                raise
        self._remember(event.key)

    def _remember(self, key: str) -> None:
        self._told[key] = None
        while len(self._told) > MAX_REMEMBERED:
            self._told.popitem(last=False)

    def _note(self, trouble: Trouble | None) -> Trouble | None:
        """Call nobody for a while where the next call would meet with the same."""
        if trouble is not None and trouble.everywhere:
            self._trouble = trouble
            self._trouble_until = self._monotonic() + trouble.retry_after
        return trouble

    def _standing_trouble(self) -> Trouble | None:
        left = self._trouble_until - self._monotonic()
        if self._trouble is None or left <= 0:
            return None
        return replace(self._trouble, retry_after=max(left, LATER_SECONDS))


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
    if (diagnoser.status or PodDiagnoserStatus()).remediations:
        return True
    acts = diagnoser.active and diagnoser.spec.remediationAction in _TIMELY
    return acts and any(each.diagnoses for each in observed.crashed)


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
