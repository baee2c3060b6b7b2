"""What is seen of a Pod, with what it remembers, and what more would be wanted. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pod_diagnoser.api.core_v1 import MIRROR, OwnedPod, Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.api.time import parse_time, soonest
from pod_diagnoser.diagnosis.diagnose import Diagnosis, diagnose, interpret, lasting
from pod_diagnoser.diagnosis.event_rules import asks, judge, waits
from pod_diagnoser.diagnosis.evidence import Gathered, Log, Proof, Wanted
from pod_diagnoser.diagnosis.symptoms import How
from pod_diagnoser.pods.filters import Silence, silenced_by_events, told, undecided
from pod_diagnoser.pods.history import (
    Crash,
    Record,
    history,
    known_evidence,
    parse_record,
    read_record,
    remember,
)

JUST_ENDED = timedelta(seconds=15)
"""How long after its end a crash is asked about that is ignored unless its Events tell otherwise:
nothing is remembered of it, so that each sync within this time asks."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One crash that a Pod shows now.

    Attributes:
        diagnosis: the crash.
        crash: its entry in what the Pod remembers.
    """

    diagnosis: Diagnosis
    crash: Crash


@dataclass(frozen=True, slots=True)
class Sighting:
    """What is seen of a Pod.

    Attributes:
        record: what it remembers.
        seen: what it shows and is worth telling, in the order of `diagnose`; states that last at
            the end.
        kept: what the Pod should remember, the newest first: both together, and what its Events
            silence.
        wanted: what more would be wanted to know now, or None.
        wait: seconds until there may be more to see or to ask, or None.
    """

    record: Record
    seen: Sequence[Seen]
    kept: Sequence[Crash]
    wanted: Wanted | None
    wait: float | None

    @property
    def history(self) -> list[Crash]:
        """What was seen and what the Pod remembers, the newest first, without what is silent."""
        return [crash for crash in self.kept if not crash.silent]

    @property
    def headline(self) -> Seen | None:
        """The latest crash."""
        return latest(self.seen)

    @property
    def first_seen(self) -> list[Diagnosis]:
        """What the Pod did not remember yet."""
        known = {crash.id for crash in self.record.history}
        return [each.diagnosis for each in self.seen if each.crash.id not in known]


def latest(seen: Sequence[Seen]) -> Seen | None:
    """Pick the latest crash.

    Args:
        seen: crashes.

    Returns:
        The one that happened last. Of those of one second it is the one after which nothing comes,
        such as the end of the whole Pod; the first of equals, since a Pod's own containers go
        before its init containers. A restart that somebody asked for hides no crash.
    """
    return max(
        seen,
        key=lambda each: (
            not each.diagnosis.planned,
            each.crash.happened,
            each.diagnosis.ending.final,
        ),
        default=None,
    )


def sight(
    pod: Pod, claim: DiagnosisTargetSpec, now: datetime, gathered: Gathered | None = None
) -> Sighting:
    """See what is worth telling of a Pod.

    Args:
        pod: the Pod.
        claim: what the PodDiagnoser that claims it wants to know, and what not.
        now: the time by our clock, in UTC.
        gathered: what came of asking for what was wanted; None before.

    Returns:
        What is seen.
    """
    record = read_record(pod, now)
    entries = {crash.id: crash for crash in record.history}
    evidence = known_evidence(record)
    states, wait = lasting(pod, now, evidence)
    found = (*diagnose(pod, evidence), *states)
    if gathered is not None and gathered.events is not None:
        mask = claim.evidence.maskPatterns
        found = tuple(_proved(each, entries.get(each.id), gathered, now, mask) for each in found)
    created = parse_time(pod.metadata.creationTimestamp)
    labels = pod.metadata.labels
    busy = [each for each in found if each.ending.proof is Proof.PULLING]
    worth = told(
        labels, created, [each for each in found if each not in busy], claim, record.history
    )
    seen = [Seen(each, remember(each, entries.get(each.id), now)) for each in worth]
    quiet = [
        remember(each, entries.get(each.id), now, silent=True)
        for each in found
        if each in busy or silenced_by_events(labels, each, claim)
    ]
    kept = history([*(each.crash for each in seen), *quiet], record.history)
    doubtful = [
        each
        for each in found
        if undecided(labels, each, claim)
        and each.ended_by is not None
        and now - each.ended_by < JUST_ENDED
    ]
    return Sighting(
        record,
        seen,
        kept,
        _wanted(pod, claim, seen, doubtful, entries, now),
        soonest(wait, *(_until_asked(each, now) for each in seen if claim.evidence.events)),
    )


def crashes_of(pod: Pod, silence: Silence, record: Record | None = None) -> tuple[Diagnosis, ...]:
    """Say what is worth telling of a Pod's crashes, as its annotations show it.

    Args:
        pod: the Pod.
        silence: which crashes are not worth telling.
        record: what the Pod remembers, where that has been read; None reads it.

    Returns:
        A diagnosis for each; states that last, which hang on the time, are not among them.
    """
    record = parse_record(pod) if record is None else record
    found = diagnose(pod, known_evidence(record))
    created = parse_time(pod.metadata.creationTimestamp)
    return told(pod.metadata.labels, created, found, silence, record.history)


def _proved(
    diagnosis: Diagnosis,
    entry: Crash | None,
    gathered: Gathered,
    now: datetime,
    mask: Sequence[str],
) -> Diagnosis:
    known = diagnosis.ending.evidence
    if not asks(diagnosis.ending, known, entry.seen if entry else None, now):
        return diagnosis
    return interpret(diagnosis.ending, judge(diagnosis.ending, gathered, known, now, mask))


def _until_asked(seen: Seen, now: datetime) -> float | None:
    ending = seen.diagnosis.ending
    if ending.evidence is None:
        return None  # it is asked for now, or by nobody
    return waits(ending, ending.evidence, seen.crash.seen, now)


def _wanted(  # noqa: PLR0913, PLR0917 (all that decides it)
    pod: Pod,
    claim: DiagnosisTargetSpec,
    seen: Sequence[Seen],
    doubtful: Sequence[Diagnosis],
    entries: dict[str, Crash],
    now: datetime,
) -> Wanted | None:
    events = claim.evidence.events and any(
        asks(each.diagnosis.ending, each.diagnosis.ending.evidence, each.crash.seen, now)
        for each in seen
    )
    if claim.evidence.events and not events:
        events = any(asks(each.ending, each.ending.evidence, None, now) for each in doubtful)
    log = None
    headline = latest(seen)
    if (
        claim.evidence.logLines > 0
        and headline is not None
        and headline.diagnosis.ending.how is How.TERMINATED
        and headline.crash.id not in entries
    ):
        ending = headline.diagnosis.ending
        log = Log(ending.container, ending.log_is_previous, claim.evidence.logLines)
    if not events and log is None:
        return None
    meta = pod.metadata
    # The kubelet tells Events of a static Pod by the uid that it knows it by itself.
    uid = meta.annotations.get(MIRROR, meta.uid)
    return Wanted(meta.namespace, meta.name, uid, events=events, log=log)


@dataclass(frozen=True, slots=True)
class Crashed:
    """A Pod that is claimed, with what crashed in it, and what it remembers for us."""

    pod: OwnedPod
    diagnoses: Sequence[Diagnosis]
    record: Record = field(default_factory=Record)
