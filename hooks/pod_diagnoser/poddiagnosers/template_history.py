"""What the Pods of one version of a workload's template did, those that are gone included. Pure.

A rollout that broke a workload shows in two facts: what it changed, and that the first crash came
with it. Crashes are counted by the version of the template (the hash in the Pods' labels), however
many Pods replace each other. The number is never too high, since crashes that were counted lie
before the time that is stored with it. It may be too low: where several crash in one second and are
gone before the next sync, or on nodes whose clocks differ.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pod_diagnoser.api.diagnostics_v1 import WorkloadTemplate
from pod_diagnoser.api.fields import UNKNOWN_TIME
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.change_words import change_line
from pod_diagnoser.diagnosis.phrases import duration
from pod_diagnoser.pods.history import StoredChange

MAX_HASH_BYTES = 63

_MAX_INT64 = 2**63 - 1


class Crash(NamedTuple):
    """A crash of a Pod, as far as it counts.

    Attributes:
        container: the container; empty for the Pod as a whole.
        moment: when it was.
        number: which termination of its container it is, by the kubelet's count; 0 if not known.
    """

    container: str
    moment: datetime
    number: int = 0


class TemplatePod(NamedTuple):
    """A Pod that shows a crash, and the version of the template that it was made from.

    Attributes:
        hash: the version's hash; empty where the Pod names none.
        created: when the Pod was created.
        crashes: its crashes, as far as they are known.
        change: what the version changed, as it is stored; None where that is not known.
    """

    hash: str
    created: datetime | None
    crashes: Sequence[Crash]
    change: StoredChange | None = None


NO_TEMPLATE = TemplatePod("", None, ())
"""A Pod that names no version of a template."""


def template_entry(
    pods: Iterable[TemplatePod], stored: WorkloadTemplate | None, since: datetime
) -> WorkloadTemplate | None:
    """Return what is said of the version of a template whose Pods crash: the newest one.

    Args:
        pods: the Pods of one workload that show a crash.
        stored: what was said of it before, unless that is too long ago to be continued.
        since: since when crashes count.

    Returns:
        The entry; None where the Pods are of no template, or there is nothing to be said yet.
    """
    recent = (_since(pod, since) for pod in pods if pod.hash)
    known = [pod for pod in recent if pod.crashes]
    if not known:
        return stored
    newest = max(known, key=lambda pod: (pod.created or UNKNOWN_TIME, pod.hash))
    if (
        stored is not None
        and stored.hash != newest.hash
        and (newest.created or UNKNOWN_TIME) < stored.since
    ):
        # An old version still crashes beside the one that came after it.
        chosen = [pod for pod in known if pod.hash == stored.hash]
        if not chosen:
            return stored
    else:
        chosen = [pod for pod in known if pod.hash == newest.hash]
    return _entry(chosen, stored)


def _since(pod: TemplatePod, since: datetime) -> TemplatePod:
    """Leave out the crashes before a time, which few Pods have."""
    if all(crash.moment >= since for crash in pod.crashes):
        return pod
    return pod._replace(crashes=[crash for crash in pod.crashes if crash.moment >= since])


def _entry(pods: Sequence[TemplatePod], stored: WorkloadTemplate | None) -> WorkloadTemplate:
    hash_ = sanitize(pods[0].hash, MAX_HASH_BYTES)
    before = stored if stored is not None and stored.hash == hash_ else None
    moments = [crash.moment for pod in pods for crash in pod.crashes]
    crashes = len(moments)
    since, last = min(moments), max(moments)
    if before is not None:
        newer = sum(moment > before.lastTime for moment in moments)
        crashes = min(max(crashes, before.crashes + newer), _MAX_INT64)
        since, last = min(since, before.since), max(last, before.lastTime)
    changes = {pod.change for pod in pods if pod.change is not None}
    if changes:
        change = max(changes, key=lambda each: (each.revision, repr(each))).to_change()
        revision: int | None = change.revision
        line = change_line(change, since, "its first crash")
    else:
        revision = before.revision if before is not None else None
        line = before.changes if before is not None else ""
    return WorkloadTemplate(
        hash=hash_,
        revision=revision,
        changes=line,
        crashes=crashes,
        history=_history(crashes, revision, last - since, at_least=_is_missing_some(pods)),
        since=since,
        lastTime=last,
    )


def _history(crashes: int, revision: int | None, time: timedelta, *, at_least: bool) -> str:
    """Say how often the Pods of a version crashed, and within which time."""
    of = f"revision {revision}" if revision else "this version of the template"
    if crashes <= 1:
        return f"A crash of {of}" if at_least else f"The first crash of {of}"
    number = f"At least {crashes}" if at_least else str(crashes)
    return f"{number} crashes of {of} in {duration(int(time.total_seconds()))}"


def _is_missing_some(pods: Iterable[TemplatePod]) -> bool:
    """Say whether containers ended more often, by the kubelet's count, than crashes are known.

    These may have been no crashes, or ignored ones; so they are not counted.
    """
    for pod in pods:
        known = Counter(crash.container for crash in pod.crashes)
        if any(crash.number > known[crash.container] for crash in pod.crashes):
            return True
    return False
