"""Recalls: after an outage, have Metacontroller sync at once what failed meanwhile.

Metacontroller puts each sync that failed back through a limiter: 10 a second for all Pods, and for
each object a pause that doubles with every failure. Events go past that limiter: one of a
DiagnosisTarget puts the Pods of its namespace into the queue, one of a PodDiagnoser or of a
ClusterPodDiagnoser itself. So a hook recalls them by a change of one annotation, in the response to
a sync that comes every few seconds, by a controller of its own. Only a hook that is there can give
that response, so nothing is recalled into an outage.

A ClusterPodDiagnoser may have thousands of DiagnosisTargets. Instead of each of them the hook of
Pods is asked about the ClusterPodDiagnoser, and what it answers is copied to its DiagnosisTargets
where these are published (`pod_diagnoser.poddiagnosers.cluster_targets`).

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

PODS_RECALLED = f"{GROUP}/pods-recalled"
"""The annotation of a ClusterPodDiagnoser of whose namespaces the Pods are recalled. `RECALLED`
recalls itself, by the other hook, which may have been away at other times."""

LATE = timedelta(seconds=10)
"""How long after its termination a crash is first diagnosed if something kept the sync away."""

MIN_DISTANCE = timedelta(seconds=30)
"""The least time between two recalls because of late diagnoses."""

MIN_CLUSTER_DISTANCE = timedelta(minutes=10)
"""The same for a ClusterPodDiagnoser, whose recall is a write for each namespace, but for the first
one after the start of a process."""

_MAX_DIAGNOSERS = 10_000


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
    recalled: datetime | None,
    started: datetime,
    late: datetime | None,
    distance: timedelta = MIN_DISTANCE,
) -> datetime | None:
    """Decide on a recall.

    The annotation only ever moves forward, to a time that does not depend on when it is asked for:
    replicas do not take turns, and one start is one recall at most.

    Args:
        recalled: the time of the last recall.
        started: when the process started, which may be the end of an outage.
        late: when a Pod was last diagnosed late; None for never.
        distance: the least time between two recalls because of late diagnoses.

    Returns:
        The time to store, or None.
    """
    if recalled is None or recalled < started:
        return started if late is None else max(started, late)
    if late is not None and late - recalled >= distance:
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

    def note_late(self, uid: str, now: datetime) -> None:
        """Note that a Pod was diagnosed late.

        Args:
            uid: of the PodDiagnoser or ClusterPodDiagnoser that claims it.
            now: the time, in UTC.
        """
        if len(self._late) >= _MAX_DIAGNOSERS:
            self._late.clear()
        self._late[uid] = whole_seconds(now)

    def sync_target(self, target: DiagnosisTarget) -> SyncResponse:
        """Recall the Pods of a DiagnosisTarget's namespace, where there was an outage."""
        if not target.is_owned_by_its_diagnoser:
            return SyncResponse()
        return self._sync(target.metadata, RECALLED, self._late.get(target.spec.diagnoser.uid))

    def sync_cluster(self, diagnoser: RecalledObject) -> SyncResponse:
        """Recall the Pods of a ClusterPodDiagnoser's namespaces, where there was an outage."""
        meta = diagnoser.metadata
        recalled = parse_time(meta.annotations.get(PODS_RECALLED))
        first = recalled is None or recalled <= self._started
        distance = MIN_DISTANCE if first else MIN_CLUSTER_DISTANCE
        return self._sync(meta, PODS_RECALLED, self._late.get(meta.uid), distance)

    def sync_diagnoser(self, diagnoser: RecalledObject) -> SyncResponse:
        """Recall a PodDiagnoser or a ClusterPodDiagnoser, where there was an outage."""
        return self._sync(diagnoser.metadata, RECALLED, None)

    def _sync(
        self,
        meta: ObjectMeta,
        annotation: str,
        late: datetime | None,
        distance: timedelta = MIN_DISTANCE,
    ) -> SyncResponse:
        if meta.terminating:
            return SyncResponse()
        # Its creation was an event, too.
        recalled = parse_time(meta.annotations.get(annotation)) or meta.created
        time = recall_time(recalled, self._started, late, distance)
        if time is None:
            return SyncResponse()
        return SyncResponse(annotations={annotation: format_time(time)})


def recalled_targets(meta: ObjectMeta) -> dict[str, str]:
    """Return the annotations of a ClusterPodDiagnoser's DiagnosisTargets.

    Args:
        meta: the metadata of the ClusterPodDiagnoser.
    """
    recalled = parse_time(meta.annotations.get(PODS_RECALLED))
    return {} if recalled is None else {RECALLED: format_time(recalled)}
