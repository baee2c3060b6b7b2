"""Count each diagnosed Pod once. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoserStatus
from pod_diagnoser.poddiagnosers.short_hashes import encode_hash, short_hash
from pod_diagnoser.pods.history import RECENT, CrashHistory
from pod_diagnoser.pods.observation import CrashedPod

MAX_FORMER_PODS = 1000
"""How many hashes are kept of counted Pods that no longer carry the label.

Without them a Pod would be counted twice that loses its label early and gets it back: where the
PodDiagnoser is switched off and on, or an older one is created and deleted."""

MAX_COUNTED_PODS = 20_000
"""The most hashes that are kept, those of Pods with the label included."""


_STORED_HASH: Final = re.compile(r"[-\w]{8}", re.ASCII)
"""A hash as it is stored: that of `short_hash`."""

_FORMER_HASH: Final = re.compile(r"[0-9a-f]{12}")
"""The same bytes as former versions stored them, in a list."""


def pod_hash(uid: str) -> str:
    """Shorten a Pod's uid for ``status.writerMemory``, to 8 characters.

    Among 5,000 Pods two share them once in 20 million times.
    """
    return short_hash(uid)


def stored_hashes(stored: PodDiagnoserStatus) -> tuple[str, ...]:
    """Return the hashes of counted Pods in a status, the newest first, each once.

    Those that a former version stored are among them. What cannot be a hash is left out.
    """
    hashes: list[str] = _STORED_HASH.findall(stored.writerMemory or "")
    former = (
        encode_hash(bytes.fromhex(each))
        for each in stored.countedPods or ()
        if _FORMER_HASH.fullmatch(each)
    )
    return tuple(dict.fromkeys((*hashes, *former)))


def uncounted_pods(
    stored: PodDiagnoserStatus,
    crashed: Iterable[CrashedPod],
    now: datetime,
) -> dict[str, Pod]:
    """Return the Pods that are to be counted now, by their hashes.

    A Pod is counted when its hash is not stored and it was first diagnosed within the time for
    which it then carries the label: one first diagnosed earlier was counted then, even where its
    hash has been dropped since.
    """
    known = set(stored_hashes(stored))
    hashes = ((pod_hash(each.pod.metadata.uid), each) for each in crashed)
    return {
        name: each.pod
        for name, each in hashes
        if name not in known and _first_diagnosed_recently(each.history, now)
    }


def counted_pods(
    stored: PodDiagnoserStatus, pods: Iterable[Pod], new: Iterable[str], *, complete: bool
) -> str:
    """Return the hashes of counted Pods that are kept, the newest first, as they are stored.

    Where not all Pods were read, one that is missing may carry the label all the same.
    """
    counted = (*sorted(new), *stored_hashes(stored))[:MAX_COUNTED_PODS]
    if len(counted) <= MAX_FORMER_PODS or not complete:
        return "".join(counted)
    labelled = {pod_hash(pod.metadata.uid) for pod in pods}
    former = [name for name in counted if name not in labelled]
    dropped = set(former[MAX_FORMER_PODS:])
    return "".join(name for name in counted if name not in dropped)


def _first_diagnosed_recently(history: CrashHistory, now: datetime) -> bool:
    return history.since is not None and now - history.since < RECENT
