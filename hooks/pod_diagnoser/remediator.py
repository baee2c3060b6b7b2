"""What a sync of a PodDiagnoser does in the cluster: carries out plans, tells Events."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pod_diagnoser.acting import Trouble, carry_out, trouble_of
from pod_diagnoser.cluster import Cluster, ClusterError
from pod_diagnoser.eventing import Event, crash_events, remediation_events
from pod_diagnoser.reconciling import Observed
from pod_diagnoser.remediating import due
from pod_diagnoser.reporting import Effects

MAX_EVENT_SECONDS: Final = 2.0
"""After how long no further Event is begun in a sync."""

MAX_REMEMBERED: Final = 20_000
"""How many Events are known to exist. Forgetting one costs a refused call, never a second Event."""

LATER_SECONDS: Final = 1.0


@dataclass(slots=True)
class _Told:
    """What came of telling Events."""

    trouble: Trouble | None = None
    again: float | None = None


class Remediator:
    """Does what the pure core decided, and says what came of it.

    Args:
        cluster: the API server.
        clock: tells our time, in UTC.
        instance: which process this is, for Events.
        monotonic: a clock for how long things take, in seconds.
    """

    def __init__(
        self,
        cluster: Cluster,
        clock: Callable[[], datetime],
        instance: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._instance = instance
        self._monotonic = monotonic
        self._known: OrderedDict[str, None] = OrderedDict()
        self._offset = timedelta(0)
        self._asked = False

    def now(self) -> datetime:
        """Tell the time by the API server's clock, as far as it is known."""
        return self._clock() + self._offset

    def act(self, observed: Observed) -> Effects:
        """Carry out the plans of the stored status, and tell the crashes that are to be told.

        Args:
            observed: what the request holds.

        Returns:
            What came of it.
        """
        diagnoser = observed.diagnoser
        acted = carry_out(diagnoser, self._cluster, self._monotonic)
        if acted.now is not None:
            self._learn(acted.now)
        told = self._tell(observed)
        self._accompany(
            event
            for entry in due(diagnoser)
            if (outcome := acted.outcomes.get(entry.id)) is not None
            for event in remediation_events(diagnoser, entry, outcome, self._instance)
        )
        trouble = acted.trouble or told.trouble
        return Effects(
            outcomes=acted.outcomes,
            trouble=(trouble.reason, trouble.message) if trouble else None,
            again=trouble.retry_after if trouble else told.again,
        )

    def _learn(self, theirs: datetime) -> None:
        self._offset = theirs - self._clock().replace(microsecond=0)
        self._asked = True

    def _tell(self, observed: Observed) -> _Told:
        """Tell fresh crashes. What cannot be told now is tried again."""
        diagnoser = observed.diagnoser
        events = [
            event
            for event in crash_events(diagnoser, observed.crashed, self.now(), self._instance)
            if event.key not in self._known
        ]
        if not events:
            return _Told()
        try:
            if not self._asked:
                # Whether a crash is fresh is a matter of the API server's time: a clock of ours
                # that is slow must not tell again what its Event has been gone of for long.
                meta = diagnoser.metadata
                self._learn(self._cluster.get_pod_diagnoser(meta.namespace, meta.name)[1])
                return self._tell(observed)
            begun = self._monotonic()
            for event in events:
                if self._monotonic() - begun > MAX_EVENT_SECONDS:
                    return _Told(again=LATER_SECONDS)
                self._create(event)
        except ClusterError as error:
            return _Told(trouble=trouble_of(error, "create Events", diagnoser.metadata.namespace))
        return _Told()

    def _create(self, event: Event) -> None:
        try:
            self._cluster.create_event(event.namespace, event.document)
        except ClusterError as error:
            if error.status != 404:  # noqa: PLR2004 (the namespace is gone: nobody is left to tell)
                raise
        self._known[event.key] = None
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    def _accompany(self, events: Iterable[Event]) -> None:
        """Tell what was done. It has been done: an Event that cannot be created is dropped."""
        for event in events:
            try:
                self._create(event)
            except ClusterError:
                return
