"""Count each diagnosed Pod once. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoserStatus
from pod_diagnoser.pods.history import RECENT, CrashHistory

MAX_FORMER_PODS = 1000
"""How many counted Pods are remembered that carry the label no more.

Memory of them is what keeps a Pod from being counted twice when it loses its label early (the
PodDiagnoser switched off and on, an older one created and deleted) and gets it again."""

MAX_COUNTED_PODS = 20_000
"""How many counted Pods are remembered at the very most, those with the label included."""


def pod_hash(uid: str) -> str:
    """Shorten a Pod's uid for ``status.countedPods``.

    Args:
        uid: the Pod's uid.

    Returns:
        12 hexadecimal digits; among 5,000 Pods two share them once in 20 million times.
    """
    return hashlib.sha256(uid.encode()).hexdigest()[:12]


def uncounted_pods(
    stored: PodDiagnoserStatus,
    pods: Iterable[Pod],
    records: Mapping[str, CrashHistory],
    now: datetime,
) -> dict[str, Pod]:
    """The Pods that are to be counted now, by their hashes.

    A Pod is counted when its hash is not known and it was first diagnosed within the time for which
    it then carries the label: one first diagnosed earlier has been counted then, even where its
    hash has been forgotten since.
    """
    known = set(stored.countedPods)
    hashes = ((pod_hash(pod.metadata.uid), pod) for pod in pods)
    return {
        name: pod
        for name, pod in hashes
        if name not in known and _first_diagnosed_recently(records[pod.metadata.uid], now)
    }


def counted_pods(
    stored: PodDiagnoserStatus, pods: Iterable[Pod], new: Iterable[str], *, complete: bool
) -> tuple[str, ...]:
    """All counted Pods of which the memory is kept, the newest first.

    Where not all Pods were read, one that is missing may carry the label all the same.
    """
    counted = (*sorted(new), *stored.countedPods)[:MAX_COUNTED_PODS]
    if len(counted) <= MAX_FORMER_PODS or not complete:
        return counted
    labelled = {pod_hash(pod.metadata.uid) for pod in pods}
    former = [name for name in counted if name not in labelled]
    forgotten = set(former[MAX_FORMER_PODS:])
    return tuple(name for name in counted if name not in forgotten)


def _first_diagnosed_recently(record: CrashHistory, now: datetime) -> bool:
    return record.since is not None and now - record.since < RECENT
