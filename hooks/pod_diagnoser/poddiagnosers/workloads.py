"""Group crashes by workload: one entry each, however many Pods replace each other. Pure.

An entry is a function of the stored one and of the Pods in the request, in any order: the same
Pods give the same entries at any time. What a Pod's annotation says of its past counts for the
times of its entry, and for nothing else; a Pod belongs to the entry of its Deployment or CronJob,
by its name, where that is known (`workload_names`), else to that of its controller, by its uid.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pod_diagnoser.api.diagnostics_v1 import Workload, WorkloadCause
from pod_diagnoser.api.fields import UNKNOWN_TIME
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.poddiagnosers.crash_facts import NO_CRASHES
from pod_diagnoser.poddiagnosers.template_history import (
    NO_TEMPLATE,
    Crash,
    TemplatePod,
    template_entry,
)
from pod_diagnoser.poddiagnosers.workload_names import (
    NAMED,
    WorkloadName,
    workload_key,
    workload_of,
)
from pod_diagnoser.pods.history import CLOCK_SKEW
from pod_diagnoser.pods.observation import CrashedPod

MAX_WORKLOADS = 50
MAX_CAUSES = 5
"""How many causes an entry names: the most frequent ones."""

RETENTION = timedelta(hours=2)
"""For how long after its latest crash a workload without crashing Pods is kept. Crashes that lie
further apart are counted separately: the count starts again with the later ones."""

_LATEST = datetime.max.replace(tzinfo=UTC)
"""Sorts a crash without a known time after all others."""


@dataclass(frozen=True, slots=True)
class CrashingPod:
    """A Pod that shows a crash.

    Attributes:
        workload: its workload.
        cause: the cause of its latest crash, and what kind of reason its output gives, or None.
        moments: when it crashed, as far as known.
        new: whether the status counts it now for the first time; it was counted before otherwise.
        of_template: the same, for what is said of the version of its template.
    """

    workload: WorkloadName
    cause: tuple[str, str | None]
    moments: Collection[datetime]
    new: bool
    of_template: TemplatePod


@dataclass(frozen=True, slots=True)
class _Span:
    """From the first to the latest of crashes that lie less than `RETENTION` apart."""

    since: datetime
    last: datetime


def workloads(
    stored: Sequence[Workload],
    crashed: Iterable[CrashedPod],
    new: Collection[str],
    now: datetime,
    *,
    complete: bool = True,
) -> tuple[Workload, ...]:
    """Group crashes by the workloads whose Pods crash.

    Args:
        stored: the entries of the stored status.
        crashed: the claimed Pods with their crashes but requested restarts, and with their crash
            histories.
        new: the uids of those Pods that the status counts now for the first time.
        now: the time, in UTC.
        complete: False when there were too many Pods to read them all: then a workload of which
            none was read stays as it is.

    Returns:
        At most `MAX_WORKLOADS` entries, that with the latest crash first.
    """
    groups = _grouped(crashed, new, now)
    former = {workload_key(each.kind, each.name, each.uid): each for each in reversed(stored)}
    ranked = [
        _entry(group, _pop_former(former, key, group, groups), now)
        for key, group in sorted(groups.items())
    ]
    for entry in former.values():
        if not (complete and _expired(entry, now)):
            without_crashing_pods = entry.model_copy(update={"crashingPods": 0, "causes": ()})
            kept_entry = without_crashing_pods if complete else entry
            ranked.append((entry.lastTime, kept_entry))
    ranked.sort(key=lambda each: (each[0], *_names(each[1])), reverse=True)
    kept = (entry for _, entry in ranked[:MAX_WORKLOADS])
    return tuple(sorted(kept, key=lambda entry: (entry.lastTime, *_names(entry)), reverse=True))


def _names(entry: Workload) -> tuple[str, str, str]:
    return entry.uid, entry.kind, entry.name


def seconds_until_expiry(entries: Iterable[Workload], now: datetime) -> float | None:
    """Return seconds until the next workload is dropped, at least 1.

    None where all of them have Pods that show a crash.
    """
    waits = [
        RETENTION - (now - entry.lastTime)
        for entry in entries
        if entry.crashingPods <= 0 and entry.lastTime != UNKNOWN_TIME
    ]
    if not waits:
        return None
    return max(1.0, min(*waits, RETENTION).total_seconds())


def _pop_former(
    former: dict[str, Workload],
    key: str,
    pods: Sequence[CrashingPod],
    groups: Collection[str],
) -> Workload | None:
    """Take the stored entry of a workload, or else one that is stored for a controller of its Pods.

    So the entry of a ReplicaSet, which a former version stored, becomes that of its Deployment.
    """
    for name in (key, *sorted({pod.workload.uid for pod in pods}.difference(groups))):
        if name in former:
            return former.pop(name)
    return None


def _expired(entry: Workload, now: datetime) -> bool:
    # An entry far in the future was written by a wrong clock.
    return abs(now - entry.lastTime) >= RETENTION


def _grouped(
    crashed: Iterable[CrashedPod], new: Collection[str], now: datetime
) -> dict[str, list[CrashingPod]]:
    """Return the Pods that show a crash, by the keys of their workloads."""
    groups: dict[str, list[CrashingPod]] = {}
    for each in crashed:
        uid, workload = each.pod.metadata.uid, workload_of(each.pod)
        if not each.diagnoses or each.history.since is None:
            continue  # without a history its own sync comes first: it is counted nowhere yet
        known = [(crash, crash.moment) for crash in each.history.history]
        moments = _moments(each.diagnoses, {crash.id: moment for crash, moment in known}, now)
        latest, _ = max(
            zip(each.diagnoses, moments, strict=True), key=lambda pair: pair[1] or _LATEST
        )
        crasher = CrashingPod(
            workload,
            (latest.cause.value, latest.reason_class),
            {moment for crash, moment in known if crash.cause not in NO_CRASHES}.union(
                moment for moment in moments if moment is not None
            ),
            new=uid in new,
            of_template=_of_template(each, moments),
        )
        groups.setdefault(workload.key, []).append(crasher)
    return groups


def _of_template(crashed: CrashedPod, moments: Sequence[datetime | None]) -> TemplatePod:
    """Return a Pod with its crashes by the version of its template."""
    if not crashed.pod.template_hash:
        return NO_TEMPLATE
    crashes = {
        diagnosis.id: Crash(diagnosis.container, moment, diagnosis.symptom.termination_number)
        for diagnosis, moment in zip(crashed.diagnoses, moments, strict=True)
        if moment is not None and diagnosis.cause not in NO_CRASHES
    }
    for record in crashed.history.history:
        if record.cause not in NO_CRASHES and not record.silent:
            crashes[record.id] = Crash(record.container, record.moment, record.restarts or 0)
    return TemplatePod(
        crashed.pod.template_hash,
        crashed.pod.metadata.created,
        tuple(crashes.values()),
        crashed.history.change,
    )


def _moments(
    diagnoses: Sequence[Diagnosis], known: Mapping[str, datetime], now: datetime
) -> list[datetime | None]:
    """Return when each of a Pod's crashes was, by its crash history or else by its status.

    None for one that is not in the history yet and whose time is unknown or lies ahead: it has just
    happened, and the Pod's own sync will store when.
    """
    moments = (known.get(diagnosis.id, diagnosis.ended_by) for diagnosis in diagnoses)
    return [None if moment is None or moment - now > CLOCK_SKEW else moment for moment in moments]


def _entry(
    pods: Sequence[CrashingPod], stored: Workload | None, now: datetime
) -> tuple[datetime, Workload]:
    """Return the entry of a workload, and the time by which it is ranked where there are too many.

    One without a known time is ranked last: otherwise many of them would replace each other in
    every sync.
    """
    before = _span(stored) if stored is not None else None
    span = _merge_spans({moment for pod in pods for moment in pod.moments}, before)
    shown = span or _Span(now, now)
    goes_on = before is not None and shown.since <= before.last
    uid, kind, name = min(
        (each.uid, each.kind, each.name) for each in (pod.workload for pod in pods)
    )
    if stored is not None:
        uid = stored.uid
        if kind not in NAMED:
            kind, name = stored.kind, stored.name
    entry = Workload(
        uid=uid,
        kind=kind,
        name=name,
        crashingPods=len(pods),
        crashedPods=_crashed(pods, stored.crashedPods, before)
        if stored is not None and before is not None and goes_on
        else len(pods),
        causes=_counted(pod.cause for pod in pods),
        since=shown.since,
        lastTime=shown.last,
        template=template_entry(
            (pod.of_template for pod in pods),
            stored.template if stored is not None and goes_on else None,
            shown.since,
        ),
    )
    return (UNKNOWN_TIME if span is None else entry.lastTime), entry


def _span(stored: Workload) -> _Span | None:
    if UNKNOWN_TIME in (stored.since, stored.lastTime):
        return None
    return _Span(min(stored.since, stored.lastTime), stored.lastTime)


def _merge_spans(moments: Iterable[datetime], stored: _Span | None) -> _Span | None:
    """Return the span of the latest crashes; that of the stored entry is taken as one crash."""
    spans = [_Span(moment, moment) for moment in moments]
    if stored is not None:
        spans.append(stored)
    spans.sort(key=lambda span: span.last, reverse=True)
    if not spans:
        return None
    since = spans[0].since
    for span in spans[1:]:
        if since - span.last >= RETENTION:
            break
        since = min(since, span.since)
    return _Span(since, spans[0].last)


def _crashed(pods: Sequence[CrashingPod], known: int, span: _Span) -> int:
    """Return how many different Pods have crashed: those that were counted, and new ones.

    A Pod that the status has counted before may be new here: it was counted for a lasting
    condition, or for a crash of long ago. Then it has crashed after the stored span, not within.
    """
    more = sum(
        bool(pod.moments)
        and (
            pod.new
            or (
                max(pod.moments) > span.last
                and not any(span.since <= moment <= span.last for moment in pod.moments)
            )
        )
        for pod in pods
    )
    return max(len(pods), known + more)


def _counted(causes: Iterable[tuple[str, str | None]]) -> tuple[WorkloadCause, ...]:
    counts = sorted(
        Counter(causes).items(), key=lambda each: (-each[1], each[0][0], each[0][1] or "")
    )
    return tuple(
        WorkloadCause(cause=cause, reasonClass=reason_class, pods=pods)
        for (cause, reason_class), pods in counts[:MAX_CAUSES]
    )
