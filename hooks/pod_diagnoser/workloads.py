"""Which workloads' Pods crash, in a line each, however many Pods replace each other. Pure.

A line is a function of the stored one and of the Pods in the request, in whatever order these come:
what nobody knows of a crash moves nothing, so that the same Pods give the same lines at any time.
What a Pod's annotation says of its past is believed for the times of its line, and for nothing
else; a Pod is in the line of its controller, by the controller's uid.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pod_diagnoser.annotating import CLOCK_SKEW, Record
from pod_diagnoser.diagnosing import Diagnosis
from pod_diagnoser.resources import Workload, WorkloadCause
from pod_diagnoser.safeguarding import Crashed, controller_of
from pod_diagnoser.times import format_time, parse_time

MAX_WORKLOADS = 50
MAX_CAUSES = 5
"""How many causes a line names: the most frequent ones."""

MEMORY = timedelta(hours=2)
"""For how long after its latest crash a workload is remembered of which no Pod shows a crash any
more. Crashes that lie further apart are told apart: the later ones are counted anew."""

_NO_RECORD = Record()
_AFTER_ALL = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Group:
    """The Pods of one workload."""

    names: set[tuple[str, str]] = field(default_factory=set)
    causes: list[str] = field(default_factory=list)
    """Of each Pod that shows a crash, the latest one's."""
    times: set[datetime] = field(default_factory=set)
    new: int = 0


def workloads(  # noqa: PLR0913 (all that a line is made of)
    stored: Sequence[Workload],
    crashed: Iterable[Crashed],
    records: Mapping[str, Record],
    new: Collection[str],
    now: datetime,
    *,
    complete: bool = True,
) -> tuple[Workload, ...]:
    """Group crashes by the workloads whose Pods crash.

    Args:
        stored: the lines of the stored status.
        crashed: the claimed Pods with their crashes, those that somebody asked for left out.
        records: what the Pods remember for us, by their uids.
        new: the uids of those Pods that the status counts now for the first time.
        now: the time, in UTC.
        complete: False when there were too many Pods to read them all: then a workload of which
            none was read stays as it is.

    Returns:
        At most `MAX_WORKLOADS` lines, that with the latest crash first.
    """
    groups = _grouped(crashed, records, new, now)
    former = {line.uid: line for line in reversed(stored)}
    ranked = [_line(uid, group, former.get(uid), now) for uid, group in groups.items()]
    for uid, line in former.items():
        if uid not in groups and not (complete and _forgotten(line, now)):
            quiet = line.model_copy(update={"crashingPods": 0, "causes": ()}) if complete else line
            ranked.append((line.lastTime, quiet))
    ranked.sort(key=lambda each: (each[0], each[1].uid), reverse=True)
    kept = (line for _, line in ranked[:MAX_WORKLOADS])
    return tuple(sorted(kept, key=lambda line: (line.lastTime, line.uid), reverse=True))


def until_forgotten(lines: Iterable[Workload], now: datetime) -> float | None:
    """Say when the next workload is to be forgotten.

    Args:
        lines: the lines of the status.
        now: the time, in UTC.

    Returns:
        Seconds, at least 1; None where all of them have Pods that show a crash.
    """
    quiet = (parse_time(line.lastTime) for line in lines if line.crashingPods <= 0)
    waits = [MEMORY - (now - last) for last in quiet if last is not None]
    if not waits:
        return None
    return max(1.0, min(*waits, MEMORY).total_seconds())


def _forgotten(line: Workload, now: datetime) -> bool:
    last = parse_time(line.lastTime)
    # One that lies far ahead was written by a clock that was wrong.
    return last is None or abs(now - last) >= MEMORY


def _grouped(
    crashed: Iterable[Crashed],
    records: Mapping[str, Record],
    new: Collection[str],
    now: datetime,
) -> dict[str, _Group]:
    groups: dict[str, _Group] = {}
    for each in crashed:
        meta = each.pod.metadata
        if not each.diagnoses and meta.uid not in new:
            continue
        owner = controller_of(each.pod)
        group = groups.setdefault(owner.uid if owner else meta.uid, _Group())
        group.names.add((owner.kind, owner.name) if owner else ("Pod", meta.name))
        group.new += meta.uid in new
        record = records.get(meta.uid, _NO_RECORD)
        moments = _moments(each.diagnoses, record, now)
        group.times.update(crash.moment for crash in record.history)
        group.times.update(moment for moment in moments if moment is not None)
        if each.diagnoses:
            group.causes.append(_latest(each.diagnoses, moments).cause.value)
    return groups


def _moments(
    diagnoses: Sequence[Diagnosis], record: Record, now: datetime
) -> list[datetime | None]:
    """When each of a Pod's crashes was; None where nobody knows, or where that lies ahead."""
    known = {crash.id: crash.moment for crash in record.history}
    moments = []
    for diagnosis in diagnoses:
        moment = known.get(diagnosis.id, diagnosis.ended_by)
        moments.append(None if moment is None or moment - now > CLOCK_SKEW else moment)
    return moments


def _latest(diagnoses: Sequence[Diagnosis], moments: Sequence[datetime | None]) -> Diagnosis:
    """A Pod's latest crash: what has no time yet has just happened. Of equals the first."""
    latest, _ = max(zip(diagnoses, moments, strict=True), key=lambda each: each[1] or _AFTER_ALL)
    return latest


def _line(uid: str, group: _Group, stored: Workload | None, now: datetime) -> tuple[str, Workload]:
    """The line of a workload, and the time by which it is kept or left out.

    One whose times nobody knows goes first, or many of them would drive each other out for ever.
    """
    since, last, goes_on = _run(group.times, stored)
    crashing = len(group.causes)
    before = stored.crashedPods if stored is not None and goes_on else 0
    names = {(stored.kind, stored.name)} if stored is not None else group.names
    kind, name = min(names)
    known = now if last is None else last
    line = Workload(
        uid=uid,
        kind=kind,
        name=name,
        crashingPods=crashing,
        crashedPods=max(crashing, before + group.new),
        causes=_counted(group.causes),
        since=format_time(since or known),
        lastTime=format_time(known),
    )
    return ("" if last is None else line.lastTime), line


def _run(
    times: Iterable[datetime], stored: Workload | None
) -> tuple[datetime | None, datetime | None, bool]:
    """Find the latest crashes between which there is no long time.

    Args:
        times: when Pods crashed.
        stored: the stored line: one span of time, without a gap.

    Returns:
        When these began and when the latest was; whether the stored line is of them.
    """
    spans = [(time, time) for time in times]
    first = parse_time(stored.since) if stored is not None else None
    last = parse_time(stored.lastTime) if stored is not None else None
    whole = None
    if first is not None and last is not None:
        whole = (min(first, last), last)
        spans.append(whole)
    if not spans:
        return None, None, stored is not None
    ordered = sorted(spans, key=lambda span: span[1], reverse=True)
    since, latest = ordered[0]
    goes_on = ordered[0] is whole
    for span in ordered[1:]:
        if since - span[1] >= MEMORY:
            break
        since = min(since, span[0])
        goes_on = goes_on or span is whole
    return since, latest, goes_on


def _counted(causes: Iterable[str]) -> tuple[WorkloadCause, ...]:
    counts = sorted(Counter(causes).items(), key=lambda each: (-each[1], each[0]))
    return tuple(WorkloadCause(cause=cause, pods=pods) for cause, pods in counts[:MAX_CAUSES])
