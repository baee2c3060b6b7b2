"""The crash history of a Pod, stored in its annotation ``crashes``. Pure.

The Pod's owner may have written what is read back. So it decides no more than what is displayed and
how long a Pod counts as recently crashed, and it is bounded like all other input.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from pod_diagnoser.api.causes import REQUESTED_RESTARTS
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.fields import Int32, RequiredTime, Time
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.changes import (
    MAX_DIFFERENCES,
    MAX_IMAGE_BYTES,
    MAX_NAME_BYTES,
    Difference,
    How,
    Part,
    TemplateChange,
)
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.event_rules import MAX_EVENT_BYTES, may_change_cause
from pod_diagnoser.diagnosis.event_rules import MAX_LOOKUPS as MAX_TERMINATION_LOOKUPS
from pod_diagnoser.diagnosis.evidence import (
    MAX_DETAIL_BYTES,
    EventFinding,
    EventLookup,
    Evidence,
    OutputReason,
    OutputSource,
)
from pod_diagnoser.diagnosis.messages import rebuild_problem
from pod_diagnoser.diagnosis.output_reason import MAX_LINE_BYTES as MAX_REASON_LINE_BYTES
from pod_diagnoser.diagnosis.output_reason import MAX_LINES, MAX_SAID_BYTES
from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.redaction import NOT_SHOWN, redact_head
from pod_diagnoser.diagnosis.start_event_rules import MAX_LOOKUPS
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind
from pod_diagnoser.pods.keys import CRASHES

RECENT = timedelta(hours=1)
"""How long a Pod carries the label after the first diagnosis of a crash."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far another clock may be ahead of the hook's without being wrong."""

MAX_AHEAD = timedelta(days=1)
"""How far ahead of the hook's clock one may be, where either is wrong: as far as time zones can be
apart. A time beyond that is taken for made up."""

MAX_HISTORY = 10
"""Maximum number of crashes in the history."""

MAX_CRASHES_BYTES = 3328
"""Keeps all managed annotations together below 5 KiB, apart from container output."""

MAX_CHANGE_BYTES = 1024
"""How much of that is for what the template changed, at most."""

MAX_READ_BYTES = 16_384
"""Maximum length of an annotation that is read back; the hook writes no longer one."""


class StoredEvidence(BaseModel):
    """The evidence of a crash from beyond the Pod's status. Its fields are the stored keys."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    asked: EventLookup
    proof: EventFinding | None = None
    detail: str = Field(default="", max_length=512)
    reads: int = Field(default=1, ge=0, le=MAX_LOOKUPS)
    problem: ProblemKind | None = None
    fields: dict[str, str] = Field(default_factory=dict, max_length=8)
    """What fills the placeholders of the words for that problem."""
    since: Time = None
    event: str = Field(default="", max_length=256)
    at: Time = None

    def to_evidence(self) -> Evidence:
        """Sanitize and truncate it, since somebody may have made it up."""
        return Evidence(
            self.asked,
            self.proof,
            sanitize(self.detail, MAX_DETAIL_BYTES),
            self.reads,
            problem=rebuild_problem(self.problem, self.fields) if self.problem else None,
            since=self.since,
            event=sanitize(self.event, MAX_EVENT_BYTES),
            event_time=self.at,
        )


class StoredReason(BaseModel):
    """The reason that a container's output gave for its end. Its fields are the stored keys."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    reasonClass: ReasonClass
    source: OutputSource = OutputSource.LOG
    said: str = Field(default="", max_length=512)
    lines: tuple[Annotated[str, Field(max_length=1024)], ...] = Field(default=(), max_length=8)
    """The lines as they stand, where they are more than what is said."""

    def to_reason(self, patterns: Sequence[str] = ()) -> OutputReason:
        """Sanitize and truncate it, since somebody may have made it up.

        Args:
            patterns: what users have masked; they may have added it since this was stored.
        """
        said = sanitize(self.said, MAX_SAID_BYTES)
        stored = self.lines[:MAX_LINES] or (said,)
        lines = [sanitize(line, MAX_REASON_LINE_BYTES) for line in stored]
        if patterns:  # what is always masked was masked before it was stored
            said = _masked(said, MAX_SAID_BYTES, patterns)
            lines = [_masked(line, MAX_REASON_LINE_BYTES, patterns) for line in lines]
        return OutputReason(self.reasonClass, self.source, said, tuple(filter(None, lines)))


def _masked(text: str, limit: int, patterns: Sequence[str]) -> str:
    shown = redact_head(text, limit, patterns)
    return "" if shown == NOT_SHOWN else shown


class CrashRecord(BaseModel):
    """One crash in the history of a Pod. Its fields are the stored keys; times are in UTC."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(pattern="^[0-9a-f]{16}$")
    container: str = Field(max_length=63)
    cause: str = Field(pattern="^[A-Z][A-Za-z0-9]*$", max_length=63)
    exitCode: Int32 | None = None
    startedAt: Time = None
    finishedAt: Time = None
    endedBy: Time = None
    """By when the container had terminated for certain, where ``finishedAt`` is not known."""
    seen: RequiredTime
    """When the crash was first diagnosed."""
    restarts: Int32 | None = None
    """Which termination of its container this is, by the kubelet's count."""
    image: str = Field(default="", pattern="^([0-9a-f]{8})?$")
    """A hash of the image that ran, to distinguish images."""
    backOff: bool = False
    """Whether the kubelet delayed the restart (CrashLoopBackOff) when this was observed."""
    evidence: StoredEvidence | None = None
    reason: StoredReason | None = None
    awaits: bool = False
    """Whether its Events will be looked up once more, so that its cause may still change; or its
    log, so that its reason may."""
    unread: bool = False
    """Whether its log could not be read for the reason, which is tried once more."""
    silent: bool = False
    """Whether it is suppressed because of its Events, and stored for that evidence alone."""

    @property
    def ended(self) -> datetime | None:
        """When the container terminated, or by when it had; None where neither is known."""
        return self.finishedAt or self.endedBy

    @property
    def happened(self) -> datetime:
        """The time to find the later of two crashes by.

        All terminations of a Pod have the time of one clock, its node's. The hook's clock may be
        behind, so it counts only where the time of the termination is not known.
        """
        return self.ended or self.seen

    @property
    def moment(self) -> datetime:
        """The time to order crashes by: of the termination, or else of the first diagnosis.

        The first is by the node's clock, the second by the hook's. A termination more than
        `CLOCK_SKEW` after its own diagnosis has no plausible time.
        """
        ended = self.ended
        return self.seen if ended is None or ended > self.seen + CLOCK_SKEW else ended

    @property
    def label_until(self) -> datetime | None:
        """Until when the Pod carries the label for this crash.

        None for a requested restart, which is not a crash, and for a crash that was old when it was
        first diagnosed. The hour begins with the diagnosis, so that a crash that happened while the
        hook was down has the label for as long.
        """
        if self.cause in REQUESTED_RESTARTS:
            return None
        if self.ended is not None and self.seen - self.ended >= RECENT:
            return None
        return self.seen + RECENT


class StoredDifference(BaseModel):
    """A `Difference`. Its fields are the stored keys."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    part: Part
    how: How
    container: str = Field(default="", max_length=MAX_NAME_BYTES)
    name: str = Field(default="", max_length=MAX_NAME_BYTES)
    before: str = Field(default="", max_length=MAX_IMAGE_BYTES)
    after: str = Field(default="", max_length=MAX_IMAGE_BYTES)


class StoredChange(BaseModel):
    """A `TemplateChange`. Its fields are the stored keys."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    revision: int = Field(ge=1, lt=2**63)
    began: Time = None
    former: int = Field(default=0, ge=0, lt=2**63)
    ran: int | None = Field(default=None, ge=0, lt=2**63)
    differences: tuple[StoredDifference, ...] = Field(default=(), max_length=MAX_DIFFERENCES)
    more: int = Field(default=0, ge=0, lt=2**63)

    def to_change(self) -> TemplateChange:
        """Sanitize it, since somebody may have made it up."""
        return TemplateChange(
            self.revision,
            self.began,
            self.former,
            self.ran,
            tuple(
                Difference(
                    each.part,
                    each.how,
                    *(
                        sanitize(text, MAX_IMAGE_BYTES)
                        for text in (each.container, each.name, each.before, each.after)
                    ),
                )
                for each in self.differences
            ),
            self.more,
        )


def _valid_or_none(value: object, validate: ValidatorFunctionWrapHandler) -> StoredChange | None:
    """Read a change; one that another version of the hook wrote must not cost the history."""
    try:
        change: StoredChange | None = validate(value)
    except ValidationError:
        return None
    return change


@lru_cache(maxsize=256)
def store_change(change: TemplateChange) -> StoredChange:
    """Return a change as it is stored, with as many differences as have room.

    Remembered: the Pods of a workload have the same.
    """
    stored = StoredChange(
        revision=change.revision,
        began=change.began,
        former=change.former,
        ran=change.former_ran,
        differences=tuple(StoredDifference(**asdict(each)) for each in change.differences),
        more=change.more,
    )
    while len(stored.__pydantic_serializer__.to_json(stored)) > MAX_CHANGE_BYTES:
        less = {"differences": stored.differences[:-1], "more": stored.more + 1}
        stored = stored.model_copy(update=less)
    return stored


class CrashHistory(BaseModel):
    """The annotation ``crashes``. Its fields are the stored keys."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    diagnoser: str = Field(default="", max_length=128)
    """The uid of the PodDiagnoser that claimed the Pod when this was written."""
    since: Time = None
    """When that PodDiagnoser first diagnosed a recent crash of the Pod, which it counts by this."""
    taken: Time = None
    """When it took the Pod over from another one, of which it has crashes; None if it never did.

    Later than when any of these was first diagnosed, by whichever clock."""
    change: Annotated[StoredChange | None, WrapValidator(_valid_or_none)] = None
    """What the Pod's template changed, where that is known."""
    history: tuple[CrashRecord, ...] = Field(default=(), max_length=100)


NO_CRASHES = CrashHistory()


def parse_history(pod: Pod) -> CrashHistory:
    """Read the crash history of a Pod, with the times as they are stored.

    Args:
        pod: the Pod; its annotation may hold anything.

    Returns:
        The history; empty where the annotation is missing or the hook cannot have written it.
    """
    text = pod.metadata.annotations.get(CRASHES)
    if not text or len(text) > MAX_READ_BYTES:
        return NO_CRASHES
    if len(text) > MAX_CRASHES_BYTES:  # which the hook did not write
        return _parse(text)
    return _newest(pod.metadata.uid).read(text)


class _Newest:
    """What is remembered of a Pod: it is synced several times with the same history.

    A new history replaces the former one, which does not come back. Each has some 15 KB.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known = ("", NO_CRASHES)

    def read(self, text: str) -> CrashHistory:
        """Read the Pod's annotation."""
        known, history = self._known
        if text != known:
            history = _parse(text)
            self._known = (text, history)
        return history


@lru_cache(maxsize=512)
def _newest(_uid: str) -> _Newest:
    return _Newest()


def _parse(text: str) -> CrashHistory:
    try:
        return CrashHistory.model_validate_json(text)
    except ValidationError:
        return NO_CRASHES


def drop_future(history: CrashHistory, now: datetime) -> CrashHistory:
    """Remove times in the far future, which a Pod's owner may have made up.

    What is less far ahead stays: the clock of the replica that diagnosed it may be wrong, or this
    one's. Without its record a crash would be judged anew, by Events that came since, and not as it
    was told.

    Args:
        history: the crash history of a Pod.
        now: the time by the hook's clock.

    Returns:
        The history without crashes that were first diagnosed later than `MAX_AHEAD` from now. A
        later `since` or `taken` becomes now.
    """
    limit = now + MAX_AHEAD

    def within(time: datetime | None) -> datetime | None:
        return time if time is None or time <= limit else now.replace(microsecond=0)

    since, taken = within(history.since), within(history.taken)
    unchanged = since is history.since and taken is history.taken
    if unchanged and all(record.seen <= limit for record in history.history):
        return history
    return CrashHistory(
        diagnoser=history.diagnoser,
        since=since,
        taken=taken,
        change=history.change,
        history=tuple(record for record in history.history if record.seen <= limit),
    )


def taken_over(stored: CrashHistory, uid: str, now: datetime) -> datetime | None:
    """Return when a diagnoser took a Pod over from another one that had diagnosed crashes of it.

    Args:
        stored: the Pod's history.
        uid: of the one that claims the Pod now.
        now: the time by the hook's clock.

    Returns:
        What is stored of that, where it has written the history; else now, or a second after the
        other one's latest record, if that was by a clock that is ahead; None where there was none.
    """
    if stored.diagnoser == uid:
        return stored.taken
    if not stored.diagnoser or not stored.history:
        return None
    latest = max(record.seen for record in stored.history)
    return max(now, latest + timedelta(seconds=1)).replace(microsecond=0)


def _redate_lasting(history: CrashHistory, now: datetime) -> CrashHistory:
    """Have what does not start be first diagnosed now, where that was ahead.

    Its Events are looked up at times after its first diagnosis, for as long as it lasts: after a
    clock was set back, they would not be until it has caught up.
    """
    limit = now + CLOCK_SKEW
    ahead = [
        record.exitCode is None and record.evidence is not None and record.seen > limit
        for record in history.history
    ]
    if not any(ahead):
        return history
    seen = {"seen": now.replace(microsecond=0)}
    records = tuple(
        record.model_copy(update=seen) if is_ahead else record
        for record, is_ahead in zip(history.history, ahead, strict=True)
    )
    return history.model_copy(update={"history": records})


def first_observed(record: CrashRecord | None, now: datetime) -> datetime | None:
    """Return when a crash was first diagnosed, to count from there what is awaited of it.

    Args:
        record: its record, or None.
        now: the time by the hook's clock.

    Returns:
        That time, or None without a record. A time that is still to come by this clock is one of
        another replica's: a termination that is past stands in for it, since one is diagnosed
        within seconds. Otherwise one far ahead is taken for long ago, so that nothing waits until
        this clock has caught up.
    """
    if record is None:
        return None
    if record.seen <= now:
        return record.seen
    if record.ended is not None and record.ended <= now:
        return record.ended
    return record.seen if record.seen <= now + CLOCK_SKEW else now - RECENT


def settle_overdue(history: CrashHistory, now: datetime) -> CrashHistory:
    """Have nothing more be awaited of terminations that were reported more than `RECENT` ago.

    The label has ended by then, or ends with this sync, and a PodDiagnoser sees the Pod no more: it
    would go on telling the cause, and the reason, that it told before. Evidence comes so late after
    an outage of the hook, and where the clock of another replica is that far behind.

    Args:
        history: the stored crash history.
        now: the time by the hook's clock.
    """
    overdue = [
        record.awaits
        and not record.silent
        and record.exitCode is not None
        and now - record.seen >= RECENT
        for record in history.history
    ]
    if not any(overdue):
        return history
    records = tuple(
        _without_lookups(without_wait(record)) if is_overdue else record
        for record, is_overdue in zip(history.history, overdue, strict=True)
    )
    return history.model_copy(update={"history": records})


def _without_lookups(record: CrashRecord) -> CrashRecord:
    """Return the record of a crash whose Events are looked up no more."""
    if record.evidence is None:
        return record
    evidence = record.evidence.model_copy(update={"reads": MAX_TERMINATION_LOOKUPS})
    return record.model_copy(update={"evidence": evidence})


def read_history(pod: Pod, now: datetime) -> CrashHistory:
    """Read the crash history of a Pod without times in the far future.

    Args:
        pod: the Pod; its annotation may hold anything.
        now: the time by the hook's clock.

    Returns:
        The history; empty where there is none.
    """
    return _redate_lasting(drop_future(parse_history(pod), now), now)


def known_evidence(history: CrashHistory) -> Mapping[str, Evidence]:
    """Return the stored evidence, by crash id."""
    return {
        record.id: record.evidence.to_evidence()
        for record in history.history
        if record.evidence is not None
    }


def known_reasons(
    history: CrashHistory, patterns: Sequence[str] = ()
) -> Mapping[str, OutputReason]:
    """Return the stored reasons that containers' output gave, masked by patterns, by crash id."""
    return {
        record.id: record.reason.to_reason(patterns)
        for record in history.history
        if record.reason is not None
    }


def record_crash(
    diagnosis: Diagnosis, stored: CrashRecord | None, now: datetime, *, silent: bool = False
) -> CrashRecord:
    """Make or update the record of a crash.

    Args:
        diagnosis: the crash.
        stored: its stored record, or None.
        now: the time, in UTC.
        silent: whether it is suppressed because of its Events.

    Returns:
        The record. A stored one keeps its facts, since later observations may show fewer, and gets
        what was found out since.
    """
    symptom = diagnosis.symptom
    evidence = _stored_evidence(symptom.evidence)
    reason = _stored_reason(symptom.output)
    if stored is not None:
        found = stored.evidence is not None and stored.evidence.asked is EventLookup.FOUND
        # How a container ended stays so; why one does not start may be something else later.
        if evidence is None or (found and symptom.kind is SymptomKind.TERMINATED):
            evidence = stored.evidence
        changed = {
            "cause": diagnosis.cause.value,
            "backOff": stored.backOff or symptom.backing_off,
            "evidence": evidence,
            "reason": reason,
            "awaits": stored.unread or _awaits_evidence(symptom),
            "silent": silent,
        }
        same = all(getattr(stored, name) == value for name, value in changed.items())
        return stored if same else stored.model_copy(update=changed)
    return CrashRecord(
        id=symptom.id,
        container=symptom.container,
        cause=diagnosis.cause,
        exitCode=symptom.exit_code,
        startedAt=symptom.started_at,
        finishedAt=symptom.finished_at,
        endedBy=None if symptom.finished_at else symptom.ended_by,
        seen=now.replace(microsecond=0),
        restarts=symptom.termination_number or None,
        image=image_hash(symptom.image),
        backOff=symptom.backing_off,
        evidence=evidence,
        reason=reason,
        awaits=_awaits_evidence(symptom),
        silent=silent,
    )


@lru_cache(maxsize=256)
def image_hash(image: str) -> str:
    """Hash the image of a container, which many Pods have; an empty string stays empty."""
    return hashlib.sha256(image.encode()).hexdigest()[:8] if image else ""


def without_wait(record: CrashRecord) -> CrashRecord:
    """Return the record of a crash of which nothing more is awaited."""
    if not record.awaits:
        return record
    return record.model_copy(update={"awaits": False, "unread": False})


def with_unread_log(record: CrashRecord) -> CrashRecord:
    """Return the record of a crash whose log is to be read once more."""
    return record.model_copy(update={"awaits": True, "unread": True})


def with_read_log(record: CrashRecord, symptom: Symptom) -> CrashRecord:
    """Return the record of a crash whose log is read no more, as it was or could not be."""
    changed = {"awaits": _awaits_evidence(symptom), "unread": False}
    return record.model_copy(update=changed) if record.unread else record


def _without_lines(record: CrashRecord) -> CrashRecord:
    """Return the record without the lines of its output as they stand."""
    if record.reason is None or not record.reason.lines:
        return record
    reason = record.reason.model_copy(update={"lines": ()})
    return record.model_copy(update={"reason": reason})


def _awaits_evidence(symptom: Symptom) -> bool:
    """Return whether Events that were looked up will be looked up once more."""
    return symptom.evidence is not None and may_change_cause(symptom, symptom.evidence)


@lru_cache(maxsize=512)
def _stored_evidence(evidence: Evidence | None) -> StoredEvidence | None:
    """Return evidence as it is stored. Remembered: the Pods of a workload fail for one reason."""
    if evidence is None:
        return None
    problem = evidence.problem
    return StoredEvidence(
        asked=evidence.lookup,
        proof=evidence.finding,
        detail=evidence.detail,
        reads=evidence.lookups,
        problem=problem.kind if problem else None,
        fields=dict(problem.fields) if problem else {},
        since=evidence.since,
        event=evidence.event,
        at=evidence.event_time,
    )


def _stored_reason(reason: OutputReason | None) -> StoredReason | None:
    if reason is None:
        return None
    lines = () if reason.lines == (reason.said,) else reason.lines
    return StoredReason(
        reasonClass=reason.reason_class, source=reason.source, said=reason.said, lines=lines
    )


def merge_crashes(
    current: Iterable[CrashRecord], stored: Iterable[CrashRecord]
) -> tuple[CrashRecord, ...]:
    """Merge the crash records of a Pod.

    Args:
        current: the crashes that its status shows. They replace stored ones of the same id.
        stored: the crashes in its annotation. Those that its status no longer shows await nothing
            more, and of their output is kept what is said.

    Returns:
        The latest `MAX_HISTORY` of them, the newest first.
    """
    former = (_without_lines(without_wait(record)) for record in stored)
    by_id = {record.id: record for record in (*former, *current)}
    ordered = sorted(by_id.values(), key=lambda record: (record.moment, record.id), reverse=True)
    return tuple(ordered[:MAX_HISTORY])


def serialize(history: CrashHistory) -> str:
    """Write a crash history for the annotation.

    Args:
        history: the crash history.

    Returns:
        JSON of at most `MAX_CRASHES_BYTES`. What does not fit is left out: first what Events and
        output say, of the oldest crash first, then the oldest crashes.
    """
    while True:
        text = history.__pydantic_serializer__.to_json(history, exclude_defaults=True)
        if len(text) <= MAX_CRASHES_BYTES:
            return text.decode()
        history = history.model_copy(update={"history": _shorten(history.history)})


_NO_EVENT = {"event": "", "at": None}


def _shorten(records: tuple[CrashRecord, ...]) -> tuple[CrashRecord, ...]:
    """Leave out the least important: what the oldest Event says, or else the oldest record."""
    for index in range(len(records) - 1, 0, -1):
        brief = _shortened(records[index])
        if brief is not None:
            return (*records[:index], brief, *records[index + 1 :])
    if len(records) > 1:
        return records[:-1]
    only = _without_lines(records[0])
    return () if only is records[0] else (only,)


def _shortened(record: CrashRecord) -> CrashRecord | None:
    """Return a record without what Events and output say; None where it has nothing of them."""
    evidence, reason = record.evidence, record.reason
    changes: dict[str, object] = {}
    if evidence is not None and (evidence.detail or evidence.event):
        changes["evidence"] = evidence.model_copy(update={"detail": "", **_NO_EVENT})
    if reason is not None and (reason.said or reason.lines):
        changes["reason"] = reason.model_copy(update={"said": "", "lines": ()})
    return record.model_copy(update=changes) if changes else None
