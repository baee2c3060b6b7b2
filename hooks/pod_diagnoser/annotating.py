"""What a Pod shows: our annotations and the one label. Pure.

This module owns their names, their forms and their limits. Whatever is read back of them may have
been written by the Pod's owner: it decides what is displayed and for how long a Pod counts as
crashed recently, never more than that, and it is bounded like anything else from outside.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pod_diagnoser.diagnosing import Diagnosis
from pod_diagnoser.pods import Int32, KnownTime, Pod, Time
from pod_diagnoser.resources import GROUP, DiagnosisTargetSpec
from pod_diagnoser.texts import cut
from pod_diagnoser.times import format_time

RESTART_REASON = f"{GROUP}/restart-reason"
RESTART_TIME = f"{GROUP}/restart-time"
CONTAINER = f"{GROUP}/container"
CAUSE = f"{GROUP}/cause"
DIAGNOSIS = f"{GROUP}/diagnosis"
CRASHES = f"{GROUP}/crashes"
ANNOTATIONS = (RESTART_REASON, RESTART_TIME, CONTAINER, CAUSE, DIAGNOSIS, CRASHES)
"""All annotations of ours, the most needed first."""

LABEL = f"{GROUP}/diagnoser"
"""The label on a Pod that crashed recently: the name of the PodDiagnoser that claims it."""

RECENT = timedelta(hours=1)
"""For how long after a crash was first diagnosed the Pod carries the label."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far another clock may be ahead of ours before a time is taken for made up."""

MAX_HISTORY = 10
"""How many crashes the history holds."""

MAX_DIAGNOSIS_BYTES = 640
MAX_CRASHES_BYTES = 2560
"""With the four short annotations all of ours stay below 4 KiB."""

MAX_READ_BYTES = 16_384
"""The most that is read back of our own annotation; what is longer was not written by us."""

MAX_TOTAL_BYTES = 256 * 1024
"""Keys and values of all annotations of an object together.

Source: ``TotalAnnotationSizeLimitB`` in
``staging/src/k8s.io/apimachinery/pkg/api/validation/objectmeta.go``.
"""


class Crash(BaseModel):
    """One crash in the history that a Pod carries. Times are RFC 3339 in UTC."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(pattern="^[0-9a-f]{16}$")
    container: str = Field(max_length=63)
    cause: str = Field(pattern="^[A-Z][A-Za-z0-9]*$", max_length=63)
    exitCode: Int32 | None = None  # noqa: N815
    finishedAt: Time = None  # noqa: N815
    endedBy: Time = None  # noqa: N815
    """When it had ended for certain, where nobody knows when it did."""
    seen: KnownTime
    """When the crash was first diagnosed."""

    @property
    def ended(self) -> datetime | None:
        """When it ended, as nearly as anybody knows."""
        return self.finishedAt or self.endedBy

    @property
    def moment(self) -> datetime:
        """The time by which crashes are ordered: when it ended, or else when it was first seen.

        Ends are told by the node's clock, sightings by ours: a little may lie between them. An end
        that lies further ahead is none to go by.
        """
        ended = self.ended
        return self.seen if ended is None or ended > self.seen + CLOCK_SKEW else ended

    @property
    def label_until(self) -> datetime | None:
        """Until when the Pod carries the label for it; None for one that was old when first seen.

        A crash counts as recent from when it was first diagnosed, so that one that happened while
        the hook was down gets its whole hour too.
        """
        if self.ended is not None and self.seen - self.ended >= RECENT:
            return None
        return self.seen + RECENT


class Record(BaseModel):
    """The ``crashes`` annotation: what the Pod remembers for us."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    diagnoser: str = Field(default="", max_length=128)
    """The uid of the PodDiagnoser that claimed the Pod when this was written."""
    since: Time = None
    """When that PodDiagnoser first diagnosed a recent crash of this Pod: what it is counted by."""
    history: tuple[Crash, ...] = Field(default=(), max_length=100)


@dataclass(frozen=True, slots=True)
class Marks:
    """What is wanted on a Pod, in Metacontroller's terms.

    Attributes:
        annotations: key to value; None removes the key. Keys that are missing stay as they are.
        labels: the same for labels.
        resync_after: seconds until the label is due to be taken off, or None.
        first_seen: the crashes that the Pod did not remember yet.
    """

    annotations: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, str | None] = field(default_factory=dict)
    resync_after: float | None = None
    first_seen: Sequence[Diagnosis] = ()


def unmark(pod: Pod) -> Marks:
    """Take everything of ours off a Pod that nobody claims.

    Args:
        pod: the Pod.

    Returns:
        Removals of those of our annotations and of our label that are there.
    """
    return Marks(
        annotations={key: None for key in ANNOTATIONS if key in pod.metadata.annotations},
        labels={LABEL: None} if LABEL in pod.metadata.labels else {},
    )


def read_record(pod: Pod, now: datetime) -> Record:
    """Read what the Pod remembers for us.

    Args:
        pod: the Pod; its annotation may hold anything.
        now: the time by our clock.

    Returns:
        The record; an empty one where there is none, or none that we would have written. Crashes
        that were seen later than a clock may err are left out, a later `since` counts as now.
    """
    text = pod.metadata.annotations.get(CRASHES)
    if not text or len(text) > MAX_READ_BYTES:
        return Record()
    try:
        record = Record.model_validate_json(text)
    except ValidationError:
        return Record()
    limit = now + CLOCK_SKEW
    future = record.since is not None and record.since > limit
    if not future and all(crash.seen <= limit for crash in record.history):
        return record
    return Record(
        diagnoser=record.diagnoser,
        since=now.replace(microsecond=0) if future else record.since,
        history=tuple(crash for crash in record.history if crash.seen <= limit),
    )


def mark(
    pod: Pod, claim: DiagnosisTargetSpec, diagnoses: Sequence[Diagnosis], now: datetime
) -> Marks:
    """Say what a claimed Pod should show.

    Args:
        pod: the Pod.
        claim: the PodDiagnoser that claims it.
        diagnoses: what crashed in it.
        now: the time by our clock, in UTC.

    Returns:
        The annotations, where a crash is there to be shown; the label, while a crash is recent; the
        removal of what is ours and no longer right. What a crash left on the Pod stays when its
        container status no longer tells of it. Nothing at all for a Pod that never crashed.
    """
    record = read_record(pod, now)
    known = {crash.id: crash for crash in record.history}
    current = [known.get(diagnosis.id) or _crash(diagnosis, now) for diagnosis in diagnoses]

    since = record.since if record.diagnoser == claim.diagnoser.uid else None
    untils = [crash.label_until for crash in current if crash.label_until is not None]
    if since is None and any(now < until for until in untils):
        since = now.replace(microsecond=0)
    if since is not None:
        # The label outlasts the first diagnosis by the whole hour: a PodDiagnoser counts a Pod that
        # carries the label by this moment, and must not find it young when the label is put back.
        untils.append(since + RECENT)

    annotations: dict[str, str | None] = {}
    if diagnoses:
        wanted = Record(
            diagnoser=claim.diagnoser.uid, since=since, history=_history(current, record.history)
        )
        annotations = _shown(pod, current, diagnoses, wanted.history)
        annotations[CRASHES] = _written(wanted)
        annotations = _within_limits(pod, annotations)
        if annotations.get(CRASHES) is None:
            # Without its memory on the Pod the crash would be new at every sync, for ever recent.
            untils = []
    labels, resync_after = _label(pod, claim, max(untils, default=None), now)
    return Marks(
        annotations,
        labels,
        resync_after,
        first_seen=[diagnosis for diagnosis in diagnoses if diagnosis.id not in known],
    )


def _crash(diagnosis: Diagnosis, now: datetime) -> Crash:
    return Crash(
        id=diagnosis.id,
        container=diagnosis.container,
        cause=diagnosis.cause.value,
        exitCode=diagnosis.exit_code,
        finishedAt=diagnosis.finished_at,
        endedBy=None if diagnosis.finished_at else diagnosis.ended_by,
        seen=now.replace(microsecond=0),
    )


def _history(current: Iterable[Crash], former: Iterable[Crash]) -> tuple[Crash, ...]:
    by_id = {crash.id: crash for crash in (*former, *current)}
    ordered = sorted(by_id.values(), key=lambda crash: (crash.moment, crash.id), reverse=True)
    return tuple(ordered[:MAX_HISTORY])


def _shown(
    pod: Pod, current: Sequence[Crash], diagnoses: Sequence[Diagnosis], history: Sequence[Crash]
) -> dict[str, str | None]:
    # max keeps the first of equals: the Pod's own containers before its init containers.
    crash, headline = max(
        zip(current, diagnoses, strict=True), key=lambda candidate: candidate[0].moment
    )
    if history[0].moment > crash.moment:
        # The container status of the latest crash is gone (the runtime keeps two records): what it
        # left on the Pod is newer than what can be read now, and stays.
        return {}
    shown: dict[str, str | None] = {
        RESTART_REASON: headline.restart_reason,
        CONTAINER: headline.container,
        CAUSE: headline.cause.value,
        DIAGNOSIS: cut(headline.sentence, MAX_DIAGNOSIS_BYTES),
    }
    if headline.finished_at is not None:
        shown[RESTART_TIME] = format_time(headline.finished_at)
    elif RESTART_TIME in pod.metadata.annotations:
        shown[RESTART_TIME] = None
    return shown


def _written(record: Record) -> str:
    """Write a record, without its oldest crashes where it would be too long."""
    while True:
        text = record.model_dump_json(exclude_none=True)
        if len(text) * 3 <= MAX_CRASHES_BYTES or len(text.encode()) <= MAX_CRASHES_BYTES:
            return text
        record = record.model_copy(update={"history": record.history[:-1]})


def _within_limits(pod: Pod, annotations: dict[str, str | None]) -> dict[str, str | None]:
    """Leave out what would make the API server refuse the whole write, the least needed first."""
    existing = pod.metadata.annotations
    if sum(map(len, existing)) + sum(map(len, existing.values())) < MAX_TOTAL_BYTES // 8:
        return annotations  # the usual case: even in four bytes a character there is room for ours
    room = MAX_TOTAL_BYTES - sum(
        len(key.encode()) + len(value.encode())
        for key, value in existing.items()
        if key not in ANNOTATIONS
    )
    kept = dict(annotations)
    for key in reversed(ANNOTATIONS):
        present = {name: kept.get(name, existing.get(name)) for name in ANNOTATIONS}
        size = sum(len(name) + len(value.encode()) for name, value in present.items() if value)
        if size <= room:
            break
        if key in existing:
            kept[key] = None
        else:
            kept.pop(key, None)
    return kept


def _label(
    pod: Pod, claim: DiagnosisTargetSpec, until: datetime | None, now: datetime
) -> tuple[dict[str, str | None], float | None]:
    if until is not None and now < until:
        remaining = (until - now).total_seconds()
        # A second more, since Metacontroller's clock is not ours.
        return {LABEL: claim.diagnoser.name}, round(min(remaining, RECENT.total_seconds()) + 1, 3)
    return ({LABEL: None} if LABEL in pod.metadata.labels else {}), None
