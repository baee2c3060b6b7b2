"""What a Pod remembers for us: the ``crashes`` annotation. Pure.

Whatever is read back of it may have been written by the Pod's owner: it decides what is displayed
and for how long a Pod counts as crashed recently, never more than that, and it is bounded like
anything else from outside.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pod_diagnoser.api.causes import REQUESTED_RESTARTS
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.fields import Int32, RequiredTime, Time
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.event_rules import MAX_DETAIL_BYTES, MAX_LOOKUPS
from pod_diagnoser.diagnosis.evidence import EventFinding, EventLookup, Evidence
from pod_diagnoser.pods.keys import CRASHES

RECENT = timedelta(hours=1)
"""For how long after a crash was first diagnosed the Pod carries the label."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far another clock may be ahead of ours before a time is taken for made up."""

MAX_HISTORY = 10
"""How many crashes the history holds."""

MAX_CRASHES_BYTES = 3328
"""With the other annotations all of ours stay below 5 KiB, last words apart."""

MAX_READ_BYTES = 16_384
"""The most that is read back of our own annotation; what is longer was not written by us."""


class StoredEvidence(BaseModel):
    """What came of asking for more than the Pod's status tells."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    asked: EventLookup
    proof: EventFinding | None = None
    detail: str = Field(default="", max_length=512)
    reads: int = Field(default=1, ge=0, le=MAX_LOOKUPS)

    def to_evidence(self) -> Evidence:
        """Read it as what somebody may have made up: clean and bounded."""
        return Evidence(self.asked, self.proof, sanitize(self.detail, MAX_DETAIL_BYTES), self.reads)


class CrashRecord(BaseModel):
    """One crash in the history that a Pod carries. Times are RFC 3339 in UTC."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str = Field(pattern="^[0-9a-f]{16}$")
    container: str = Field(max_length=63)
    cause: str = Field(pattern="^[A-Z][A-Za-z0-9]*$", max_length=63)
    exitCode: Int32 | None = None
    startedAt: Time = None
    finishedAt: Time = None
    endedBy: Time = None
    """When it had ended for certain, where nobody knows when it did."""
    seen: RequiredTime
    """When the crash was first diagnosed."""
    restarts: Int32 | None = None
    """Which end of its container it was by the kubelet's count."""
    image: str = Field(default="", pattern="^([0-9a-f]{8})?$")
    """A hash of the image that ran: to tell one from another."""
    backOff: bool = False
    """Whether the kubelet was seen to wait before it started the container again."""
    evidence: StoredEvidence | None = None
    silent: bool = False
    """Whether it is kept for its evidence alone, and shown nowhere: its Events silence it."""

    @property
    def ended(self) -> datetime | None:
        """When it ended, as nearly as anybody knows."""
        return self.finishedAt or self.endedBy

    @property
    def happened(self) -> datetime:
        """The time that tells which crash of a Pod came later: all its ends have one node's clock.

        Ours, which may be behind, has no say in it, unless nobody knows when it ended.
        """
        return self.ended or self.seen

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

        What somebody asked for is no crash, and brings no label.

        A crash counts as recent from when it was first diagnosed, so that one that happened while
        the hook was down gets its whole hour too.
        """
        if self.cause in REQUESTED_RESTARTS:
            return None
        if self.ended is not None and self.seen - self.ended >= RECENT:
            return None
        return self.seen + RECENT


class CrashHistory(BaseModel):
    """The ``crashes`` annotation: what the Pod remembers for us."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    diagnoser: str = Field(default="", max_length=128)
    """The uid of the PodDiagnoser that claimed the Pod when this was written."""
    since: Time = None
    """When that PodDiagnoser first diagnosed a recent crash of this Pod: what it is counted by."""
    history: tuple[CrashRecord, ...] = Field(default=(), max_length=100)


def parse_history(pod: Pod) -> CrashHistory:
    """Read what the Pod remembers for us, whatever times it claims.

    Args:
        pod: the Pod; its annotation may hold anything.

    Returns:
        The record; an empty one where there is none, or none that we would have written.
    """
    text = pod.metadata.annotations.get(CRASHES)
    if not text or len(text) > MAX_READ_BYTES:
        return CrashHistory()
    try:
        return CrashHistory.model_validate_json(text)
    except ValidationError:
        return CrashHistory()


def drop_future(record: CrashHistory, now: datetime) -> CrashHistory:
    """Take out of a record what can't be.

    Args:
        record: what a Pod remembers for us, or somebody made up.
        now: the time by our clock.

    Returns:
        The record. Crashes that were seen later than a clock may err are left out, a later `since`
        counts as now.
    """
    limit = now + CLOCK_SKEW
    future = record.since is not None and record.since > limit
    if not future and all(crash.seen <= limit for crash in record.history):
        return record
    return CrashHistory(
        diagnoser=record.diagnoser,
        since=now.replace(microsecond=0) if future else record.since,
        history=tuple(crash for crash in record.history if crash.seen <= limit),
    )


def read_history(pod: Pod, now: datetime) -> CrashHistory:
    """Read what the Pod remembers for us.

    Args:
        pod: the Pod; its annotation may hold anything.
        now: the time by our clock.

    Returns:
        What is `drop_future` of it; an empty record where there is none.
    """
    return drop_future(parse_history(pod), now)


def known_evidence(record: CrashHistory) -> Mapping[str, Evidence]:
    """Say what a Pod remembers of what was found out of its crashes.

    Args:
        record: what the Pod remembers.

    Returns:
        The evidence, by crash id.
    """
    return {
        crash.id: crash.evidence.to_evidence()
        for crash in record.history
        if crash.evidence is not None
    }


def record_crash(
    diagnosis: Diagnosis, before: CrashRecord | None, now: datetime, *, silent: bool = False
) -> CrashRecord:
    """Make the entry of a crash.

    Args:
        diagnosis: the crash.
        before: its entry, where it has one.
        now: the time, in UTC.
        silent: whether it is kept for its evidence alone.

    Returns:
        What is known of it. Of what was known before only what was found out since is changed: a
        later sighting may show less.
    """
    ending = diagnosis.symptom
    evidence = _stored_evidence(ending.evidence)
    if before is not None:
        if evidence is None or (before.evidence and before.evidence.asked is EventLookup.FOUND):
            evidence = before.evidence
        changed = {
            "cause": diagnosis.cause.value,
            "backOff": before.backOff or ending.backing_off,
            "evidence": evidence,
            "silent": silent,
        }
        same = all(getattr(before, name) == value for name, value in changed.items())
        return before if same else before.model_copy(update=changed)
    return CrashRecord(
        id=diagnosis.id,
        container=diagnosis.container,
        cause=diagnosis.cause.value,
        exitCode=diagnosis.exit_code,
        startedAt=diagnosis.started_at,
        finishedAt=diagnosis.finished_at,
        endedBy=None if diagnosis.finished_at else diagnosis.ended_by,
        seen=now.replace(microsecond=0),
        restarts=ending.termination_number or None,
        image=hashlib.sha256(ending.image.encode()).hexdigest()[:8] if ending.image else "",
        backOff=ending.backing_off,
        evidence=evidence,
        silent=silent,
    )


def _stored_evidence(evidence: Evidence | None) -> StoredEvidence | None:
    if evidence is None:
        return None
    return StoredEvidence(
        asked=evidence.lookup,
        proof=evidence.finding,
        detail=evidence.detail,
        reads=evidence.lookups,
    )


def merge_crashes(
    current: Iterable[CrashRecord], former: Iterable[CrashRecord]
) -> tuple[CrashRecord, ...]:
    """Put crashes in their order.

    Args:
        current: those that the Pod's status shows.
        former: those that it remembers.

    Returns:
        The latest ones, the newest first.
    """
    by_id = {crash.id: crash for crash in (*former, *current)}
    ordered = sorted(by_id.values(), key=lambda crash: (crash.moment, crash.id), reverse=True)
    return tuple(ordered[:MAX_HISTORY])


def serialize(record: CrashHistory) -> str:
    """Write a record.

    Args:
        record: what the Pod should remember.

    Returns:
        JSON of at most `MAX_CRASHES_BYTES`. Where it would be longer, what probes said goes first,
        of the oldest crashes first, then the oldest crashes.
    """
    while True:
        text = record.model_dump_json(exclude_defaults=True)
        if len(text) * 3 <= MAX_CRASHES_BYTES or len(text.encode()) <= MAX_CRASHES_BYTES:
            return text
        record = record.model_copy(update={"history": _shorten(record.history)})


def _shorten(crashes: tuple[CrashRecord, ...]) -> tuple[CrashRecord, ...]:
    for index in range(len(crashes) - 1, 0, -1):
        kept = crashes[index].evidence
        if kept is not None and kept.detail:
            brief = crashes[index].model_copy(
                update={"evidence": kept.model_copy(update={"detail": ""})}
            )
            return (*crashes[:index], brief, *crashes[index + 1 :])
    return crashes[:-1]
