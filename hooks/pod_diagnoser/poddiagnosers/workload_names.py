"""To which workload a Pod belongs, as far as the Pod itself tells. Pure.

A Pod names the ReplicaSet or the Job that made it, not the Deployment or the CronJob that made
these; but those give names by which they are known.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from pod_diagnoser.api.core_v1 import OwnedPod

DEPLOYMENT: Final = "Deployment"
CRON_JOB: Final = "CronJob"
NAMED: Final = (DEPLOYMENT, CRON_JOB)
"""Kinds that are known by the name of what they made, and so by their name alone."""

_TEMPLATE_LABEL: Final = "pod-template-hash"

_MIN_MINUTES: Final = 8
"""Digits of the minutes since 1970 in a Job's name: fewer were before 1990."""

_SCHEDULED_AFTER: Final = timedelta(days=1)
_SCHEDULED_BEFORE: Final = timedelta(days=30)
"""How far the creation of a Pod may lie before and after the minute in its Job's name: a Job may be
late or suspended, and retries its Pods."""

_EPOCH: Final = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class WorkloadName:
    """A workload, as a Pod tells it.

    Attributes:
        key: what distinguishes it from others in its namespace: kind and name for a Deployment or a
            CronJob, otherwise `uid`.
        uid: the uid of the Pod's controller; of the Pod itself where it has none.
        kind: its kind.
        name: its name.
    """

    key: str
    uid: str
    kind: str
    name: str


def workload_key(kind: str, name: str, uid: str) -> str:
    """Return what distinguishes a workload from others in its namespace."""
    return f"{kind} {name}" if kind in NAMED else uid


def workload_of(pod: OwnedPod) -> WorkloadName:
    """Return the workload of a Pod: its Deployment or CronJob, its controller, or the Pod itself.

    Sources: ``generateReplicaSetName`` in ``pkg/controller/deployment/sync.go``; ``getJobName`` in
    ``pkg/controller/cronjob/cronjob_controllerv2.go``.
    """
    owner = pod.controller
    if owner is None:
        return _named(pod.metadata.uid, "Pod", pod.metadata.name)
    if owner.kind == "ReplicaSet":
        return _of_replica_set(owner.uid, owner.name, pod.metadata.labels.get(_TEMPLATE_LABEL, ""))
    name = _cron_job(owner.name, pod.metadata.created) if owner.kind == "Job" else ""
    if name:
        return _named(owner.uid, CRON_JOB, name)
    return _named(owner.uid, owner.kind, owner.name)


@lru_cache(maxsize=4096)
def _of_replica_set(uid: str, name: str, template_hash: str) -> WorkloadName:
    """Return the workload of a ReplicaSet's Pods. Cached, since each of them is asked for it."""
    deployment = _deployment(name, template_hash)
    return _named(uid, DEPLOYMENT, deployment) if deployment else _named(uid, "ReplicaSet", name)


def _named(uid: str, kind: str, name: str) -> WorkloadName:
    return WorkloadName(workload_key(kind, name, uid), uid, kind, name)


def _deployment(replica_set: str, template_hash: str) -> str:
    """Return the name of a ReplicaSet's Deployment, or an empty string where that is not known."""
    name, _, last = replica_set.rpartition("-")
    return name if template_hash and last == template_hash else ""


def _cron_job(job: str, created: datetime | None) -> str:
    """Return the name of a Job's CronJob, or an empty string where that is not known.

    A number at the end that is no minute of the time when the Pod was created is another: a date,
    for instance.
    """
    name, _, minutes = job.rpartition("-")
    if created is None or not (minutes.isascii() and minutes.isdigit()):
        return ""
    if not _MIN_MINUTES <= len(minutes) <= _MIN_MINUTES + 1:
        return ""
    scheduled = _EPOCH + timedelta(minutes=int(minutes))
    return name if -_SCHEDULED_AFTER <= created - scheduled <= _SCHEDULED_BEFORE else ""
