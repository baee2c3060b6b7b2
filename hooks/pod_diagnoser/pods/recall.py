"""Recalls: after an outage, have Metacontroller sync at once what failed meanwhile.

Metacontroller puts each sync that failed back through a limiter: 10 a second for all Pods, and for
each object a pause that doubles with every failure. Events go past that limiter: one of a
DiagnosisTarget puts the Pods of its namespace into the queue, one of a PodDiagnoser or of a
ClusterPodDiagnoser itself. So a hook recalls them by a change of one annotation, in the response to
a sync that comes every few seconds, by a controller of its own. Only a hook that is there can give
that response, so nothing is recalled into an outage.

Sources: ``pkg/controller/decorator/controller.go`` (``processNextWorkItem``: AddRateLimited;
``enqueueParentObject``: Add) and ``pkg/controller/common/customize/manager.go``
(``notifyRelatedParents``) of Metacontroller v4.17.2; ``util/workqueue/default_rate_limiters.go``
(``DefaultTypedControllerRateLimiter``) of client-go.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from pod_diagnoser.api.core_v1 import ObjectMeta
from pod_diagnoser.api.diagnostics_v1 import GROUP, DiagnosisTarget
from pod_diagnoser.api.metacontroller import RecalledObject, SyncResponse
from pod_diagnoser.api.time import format_time, parse_time, whole_seconds
from pod_diagnoser.pods.history import CrashRecord

RECALLED = f"{GROUP}/recalled"
"""The annotation of a DiagnosisTarget, of whose namespace the Pods are recalled, a PodDiagnoser or
a ClusterPodDiagnoser: until when there may have been an outage."""

LATE = timedelta(seconds=10)
"""How long after its termination a crash is first diagnosed if something kept the sync away."""

MIN_DISTANCE = timedelta(seconds=30)
"""The least time between two recalls because of late diagnoses."""

_MAX_NAMESPACES = 10_000


def diagnosed_late(new: Iterable[CrashRecord], claimed_since: datetime | None) -> bool:
    """Say whether crashes show that an outage may have kept syncs away.

    Args:
        new: the records of crashes that are diagnosed for the first time.
        claimed_since: when the PodDiagnoser was created; earlier crashes could not be diagnosed.

    Returns:
        Whether a termination among them is older than `LATE`.
    """
    return any(
        record.ended is not None
        and record.seen - record.ended > LATE
        and (claimed_since is None or record.ended >= claimed_since)
        for record in new
    )


def recall_time(
    recalled: datetime | None, started: datetime, late: datetime | None
) -> datetime | None:
    """Decide on a recall.

    The annotation only ever moves forward, to a time that does not depend on when it is asked for:
    replicas do not take turns, and one start is one recall at most.

    Args:
        recalled: the time of the last recall.
        started: when the process started, which may be the end of an outage.
        late: when a Pod of the namespace was last diagnosed late; None for never.

    Returns:
        The time to store, or None.
    """
    if recalled is None or recalled < started:
        return started if late is None else max(started, late)
    if late is not None and late - recalled >= MIN_DISTANCE:
        return late
    return None


class Recalls:
    """The recalls by one process.

    It remembers late diagnoses. Forgotten ones are repeated by the next Pod that is late.

    Args:
        started: when the process started, in UTC.
    """

    def __init__(self, started: datetime) -> None:
        self._started = whole_seconds(started)
        self._late: dict[str, datetime] = {}

    def note_late(self, namespace: str, now: datetime) -> None:
        """Note that a Pod of a namespace was diagnosed late."""
        if len(self._late) >= _MAX_NAMESPACES:
            self._late.clear()
        self._late[namespace] = whole_seconds(now)

    def sync_target(self, target: DiagnosisTarget) -> SyncResponse:
        """Recall the Pods of a DiagnosisTarget's namespace, where there was an outage."""
        if not target.is_owned_by_its_diagnoser:
            return SyncResponse()
        return self._sync(target.metadata, self._late.get(target.metadata.namespace))

    def sync_diagnoser(self, diagnoser: RecalledObject) -> SyncResponse:
        """Recall a PodDiagnoser or a ClusterPodDiagnoser, where there was an outage."""
        return self._sync(diagnoser.metadata, None)

    def _sync(self, meta: ObjectMeta, late: datetime | None) -> SyncResponse:
        if meta.terminating:
            return SyncResponse()
        # Its creation was an event, too.
        recalled = parse_time(meta.annotations.get(RECALLED)) or meta.created
        time = recall_time(recalled, self._started, late)
        if time is None:
            return SyncResponse()
        return SyncResponse(annotations={RECALLED: format_time(time)})
