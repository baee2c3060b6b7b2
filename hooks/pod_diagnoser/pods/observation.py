"""What is seen of a Pod, with what it remembers, and what more would be wanted. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pod_diagnoser.api.core_v1 import MIRROR_POD_ANNOTATION, OwnedPod, Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.api.time import earliest, parse_time
from pod_diagnoser.diagnosis.diagnose import (
    Diagnosis,
    diagnose,
    diagnose_lasting_conditions,
    diagnose_symptom,
)
from pod_diagnoser.diagnosis.event_rules import evaluate_events, needs_lookup, seconds_until_lookup
from pod_diagnoser.diagnosis.evidence import (
    EventFinding,
    EvidenceRequest,
    FetchedEvidence,
    LogRequest,
)
from pod_diagnoser.diagnosis.symptoms import SymptomKind
from pod_diagnoser.pods.filters import Filters, ignored_by_event_cause, needs_events, reportable
from pod_diagnoser.pods.history import (
    CrashHistory,
    CrashRecord,
    known_evidence,
    merge_crashes,
    parse_history,
    read_history,
    record_crash,
)

LOOKUP_PERIOD = timedelta(seconds=15)
"""How long after its end a crash is asked about that is ignored unless its Events tell otherwise:
nothing is remembered of it, so that each sync within this time asks."""


@dataclass(frozen=True, slots=True)
class ObservedCrash:
    """One crash that a Pod shows now.

    Attributes:
        diagnosis: the crash.
        crash: its entry in what the Pod remembers.
    """

    diagnosis: Diagnosis
    record: CrashRecord


@dataclass(frozen=True, slots=True)
class PodObservation:
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

    stored: CrashHistory
    crashes: Sequence[ObservedCrash]
    records: Sequence[CrashRecord]
    evidence_request: EvidenceRequest | None
    resync_after: float | None

    @property
    def history(self) -> list[CrashRecord]:
        """What was seen and what the Pod remembers, the newest first, without what is silent."""
        return [crash for crash in self.records if not crash.silent]

    @property
    def headline(self) -> ObservedCrash | None:
        """The latest crash."""
        return latest_crash(self.crashes)

    @property
    def first_seen(self) -> list[Diagnosis]:
        """What the Pod did not remember yet."""
        known = {crash.id for crash in self.stored.history}
        return [each.diagnosis for each in self.crashes if each.record.id not in known]


def latest_crash(seen: Sequence[ObservedCrash]) -> ObservedCrash | None:
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
            not each.diagnosis.was_requested,
            each.record.happened,
            each.diagnosis.symptom.final,
        ),
        default=None,
    )


def observe_pod(
    pod: Pod, claim: DiagnosisTargetSpec, now: datetime, gathered: FetchedEvidence | None = None
) -> PodObservation:
    """See what is worth telling of a Pod.

    Args:
        pod: the Pod.
        claim: what the PodDiagnoser that claims it wants to know, and what not.
        now: the time by our clock, in UTC.
        gathered: what came of asking for what was wanted; None before.

    Returns:
        What is seen.
    """
    record = read_history(pod, now)
    entries = {crash.id: crash for crash in record.history}
    evidence = known_evidence(record)
    states, wait = diagnose_lasting_conditions(pod, now, evidence)
    found = (*diagnose(pod, evidence), *states)
    if gathered is not None and gathered.lookup is not None:
        mask = claim.evidence.maskPatterns
        found = tuple(
            _with_findings(each, entries.get(each.id), gathered, now, mask) for each in found
        )
    created = parse_time(pod.metadata.creationTimestamp)
    labels = pod.metadata.labels
    busy = [each for each in found if each.symptom.event_finding is EventFinding.PULLING]
    worth = reportable(
        labels, created, [each for each in found if each not in busy], claim, record.history
    )
    seen = [ObservedCrash(each, record_crash(each, entries.get(each.id), now)) for each in worth]
    quiet = [
        record_crash(each, entries.get(each.id), now, silent=True)
        for each in found
        if each in busy or ignored_by_event_cause(labels, each, claim)
    ]
    kept = merge_crashes([*(each.record for each in seen), *quiet], record.history)
    doubtful = [
        each
        for each in found
        if needs_events(labels, each, claim)
        and each.ended_by is not None
        and now - each.ended_by < LOOKUP_PERIOD
    ]
    return PodObservation(
        record,
        seen,
        kept,
        _evidence_request(pod, claim, seen, doubtful, entries, now),
        earliest(
            wait, *(_seconds_until_lookup(each, now) for each in seen if claim.evidence.events)
        ),
    )


def reportable_crashes(
    pod: Pod, silence: Filters, record: CrashHistory | None = None
) -> tuple[Diagnosis, ...]:
    """Say what is worth telling of a Pod's crashes, as its annotations show it.

    Args:
        pod: the Pod.
        silence: which crashes are not worth telling.
        record: what the Pod remembers, where that has been read; None reads it.

    Returns:
        A diagnosis for each; states that last, which hang on the time, are not among them.
    """
    record = parse_history(pod) if record is None else record
    found = diagnose(pod, known_evidence(record))
    created = parse_time(pod.metadata.creationTimestamp)
    return reportable(pod.metadata.labels, created, found, silence, record.history)


def _with_findings(
    diagnosis: Diagnosis,
    entry: CrashRecord | None,
    gathered: FetchedEvidence,
    now: datetime,
    mask: Sequence[str],
) -> Diagnosis:
    known = diagnosis.symptom.evidence
    if not needs_lookup(diagnosis.symptom, known, entry.seen if entry else None, now):
        return diagnosis
    return diagnose_symptom(
        diagnosis.symptom, evaluate_events(diagnosis.symptom, gathered, known, now, mask)
    )


def _seconds_until_lookup(seen: ObservedCrash, now: datetime) -> float | None:
    ending = seen.diagnosis.symptom
    if ending.evidence is None:
        return None  # it is asked for now, or by nobody
    return seconds_until_lookup(ending, ending.evidence, seen.record.seen, now)


def _evidence_request(  # noqa: PLR0913, PLR0917 (all that decides it)
    pod: Pod,
    claim: DiagnosisTargetSpec,
    seen: Sequence[ObservedCrash],
    doubtful: Sequence[Diagnosis],
    entries: dict[str, CrashRecord],
    now: datetime,
) -> EvidenceRequest | None:
    events = claim.evidence.events and any(
        needs_lookup(each.diagnosis.symptom, each.diagnosis.symptom.evidence, each.record.seen, now)
        for each in seen
    )
    if claim.evidence.events and not events:
        events = any(
            needs_lookup(each.symptom, each.symptom.evidence, None, now) for each in doubtful
        )
    log = None
    headline = latest_crash(seen)
    if (
        claim.evidence.logLines > 0
        and headline is not None
        and headline.diagnosis.symptom.kind is SymptomKind.TERMINATED
        and headline.record.id not in entries
    ):
        ending = headline.diagnosis.symptom
        log = LogRequest(ending.container, ending.log_is_previous, claim.evidence.logLines)
    if not events and log is None:
        return None
    meta = pod.metadata
    # The kubelet tells Events of a static Pod by the uid that it knows it by itself.
    uid = meta.annotations.get(MIRROR_POD_ANNOTATION, meta.uid)
    return EvidenceRequest(meta.namespace, meta.name, uid, events=events, log=log)


@dataclass(frozen=True, slots=True)
class CrashedPod:
    """A Pod that is claimed, with what crashed in it, and what it remembers for us."""

    pod: OwnedPod
    diagnoses: Sequence[Diagnosis]
    history: CrashHistory = field(default_factory=CrashHistory)
