"""Notice where a ClusterPodDiagnoser begins to claim Pods anew. Pure.

Crashes from before its claim are not its to act on: another one may have acted on them. When that
began in a namespace no object says, so the status keeps of each selected namespace what comes first
there. Where that is new or changed, its claim counts from now on.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoserStatus, NamespaceClaim
from pod_diagnoser.api.time import whole_seconds
from pod_diagnoser.poddiagnosers.cluster_snapshot import ClusterSnapshot
from pod_diagnoser.poddiagnosers.short_hashes import short_hash
from pod_diagnoser.remediation.boundaries import ALL_NAMESPACES
from pod_diagnoser.remediation.limits import SKEW
from pod_diagnoser.remediation.model import replaces
from pod_diagnoser.remediation.safeguards import FRESH

MAX_CLAIMS: Final = 100
"""How many namespaces are listed; where more are claimed anew, all of them are."""

MAX_NAMESPACES: Final = 10_000
"""Of how many namespaces it is kept what comes first; with more, no Pod is replaced."""

RETENTION: Final = FRESH + timedelta(minutes=5)
"""How long an entry matters: a crash from before it is then no longer fresh by any clock."""

_STORED_HASH: Final = re.compile(r"[-\w]{8}", re.ASCII)


def with_claims(snapshot: ClusterSnapshot, now: datetime) -> ClusterPodDiagnoserStatus:
    """Return the stored status, with what is known now of which namespaces are claimed.

    Args:
        snapshot: what the request holds.
        now: the time by the API server's clock.
    """
    diagnoser, stored = snapshot.cluster_diagnoser, snapshot.cluster_diagnoser.status
    if not replaces(diagnoser):
        return stored.model_copy(update={"claims": (), "writerNamespaces": None})
    if snapshot.namespaces is None:
        return stored
    selected = {_hash(snapshot, name): name for name in sorted(snapshot.namespaces)}
    claims = _claims(stored, selected, now)
    memory = "".join(sorted(selected)[:MAX_NAMESPACES])
    return stored.model_copy(update={"claims": claims, "writerNamespaces": memory})


def _claims(
    stored: ClusterPodDiagnoserStatus, selected: Mapping[str, str], now: datetime
) -> tuple[NamespaceClaim, ...]:
    if stored.writerNamespaces is None:
        return (_claim(ALL_NAMESPACES, now),)
    known = set(_STORED_HASH.findall(stored.writerNamespaces))
    new = [name for found, name in selected.items() if found not in known]
    names = {ALL_NAMESPACES, *selected.values()} - set(new)
    kept = [
        each if each.since <= now + SKEW else _claim(each.namespace, now)
        for each in stored.claims
        if each.namespace in names and now - each.since < RETENTION
    ]
    if len(new) + len(kept) > MAX_CLAIMS:
        return (_claim(ALL_NAMESPACES, now),)
    return (*(_claim(name, now) for name in new), *kept)


def _claim(namespace: str, now: datetime) -> NamespaceClaim:
    """Make an entry; its time is not before now, though it is written in whole seconds."""
    since = whole_seconds(now)
    return NamespaceClaim(
        namespace=namespace, since=since if since == now else since + timedelta(seconds=1)
    )


def _hash(snapshot: ClusterSnapshot, namespace: str) -> str:
    """Shorten a namespace's name and what comes first there, to 8 characters."""
    first = [
        (each.diagnoser.uid, each.active, sorted(each.targetLabels.items()))
        for each in snapshot.targets_of(namespace)
    ]
    return short_hash(repr((namespace, first)))
