"""What a Pod shows of its crashes, what it has stored of them, which evidence is missing. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pod_diagnoser.api import apps_v1
from pod_diagnoser.api.core_v1 import MIRROR_POD_ANNOTATION, OwnedPod, Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, EvidenceSpec
from pod_diagnoser.api.time import earliest
from pod_diagnoser.diagnosis.change_words import mask_change
from pod_diagnoser.diagnosis.changes import TemplateChange, TemplateRequest
from pod_diagnoser.diagnosis.diagnose import (
    Diagnosis,
    diagnose,
    diagnose_lasting_conditions,
    diagnose_symptom,
    waits_for_pull,
)
from pod_diagnoser.diagnosis.event_rules import (
    SECOND_LOOKUP_AFTER,
    evaluate_events,
    may_change_cause,
    needs_lookup,
    needs_node_events,
    seconds_until_lookup,
)
from pod_diagnoser.diagnosis.evidence import (
    Evidence,
    EvidenceRequest,
    FetchedEvidence,
    LogRequest,
    OutputSource,
)
from pod_diagnoser.diagnosis.log_rules import find_in_log
from pod_diagnoser.diagnosis.masked_pod import mask_messages
from pod_diagnoser.diagnosis.output_reason import find_reason, may_explain, needs_log
from pod_diagnoser.diagnosis.start_event_rules import seconds_until_slow
from pod_diagnoser.diagnosis.symptoms import SymptomKind
from pod_diagnoser.pods.filters import (
    Filters,
    ignored_by_event_cause,
    is_undecided,
    needs_events,
    reportable,
)
from pod_diagnoser.pods.history import (
    CrashHistory,
    CrashRecord,
    first_observed,
    known_evidence,
    known_reasons,
    merge_crashes,
    parse_history,
    read_history,
    record_crash,
    settle_overdue,
    with_read_log,
    with_unread_log,
    without_wait,
)

LOOKUP_PERIOD = timedelta(seconds=15)
"""How long after its termination an ignored crash is looked up, which Events may show to be another
one. Nothing is stored of it, so every sync within this time looks it up."""


@dataclass(frozen=True, slots=True)
class SettledCrash:
    """A crash whose cause is known, for logs and metrics.

    Attributes:
        id: its id.
        container: the container; empty for the Pod as a whole.
        cause: its cause.
        reason: what the kubelet reported.
    """

    id: str
    container: str
    cause: str
    reason: str


@dataclass(frozen=True, slots=True)
class PodObservation:
    """What a Pod shows of its crashes, and what it has stored of them.

    Attributes:
        stored: the crash history in the Pod's annotation.
        diagnoses: the reportable crashes that the Pod shows, in the order of `diagnose`; lasting
            conditions at the end.
        records: the crash record of each of these, by crash id.
        latest: the latest of these, which the annotations are about, or None.
        history: the crash records to be stored, the newest first: these, the stored ones, and those
            that are suppressed because of their Events.
        evidence_request: the evidence that is missing now, or None.
        resync_after: seconds until there may be more to observe or to fetch, or None.
        lookups: what the Events showed that were looked up now, for each crash.
        change: what the Pod's template changed, masked; None where that is not known.
    """

    stored: CrashHistory
    diagnoses: Sequence[Diagnosis]
    records: Mapping[str, CrashRecord]
    latest: Diagnosis | None
    history: Sequence[CrashRecord]
    evidence_request: EvidenceRequest | None
    resync_after: float | None
    lookups: Sequence[Evidence] = ()
    change: TemplateChange | None = None

    @property
    def reportable_history(self) -> list[CrashRecord]:
        """The history without what is suppressed."""
        return [record for record in self.history if not record.silent]

    @property
    def new_records(self) -> list[CrashRecord]:
        """The records of the reportable crashes that were not stored yet."""
        stored = {record.id for record in self.stored.history}
        return [record for name, record in self.records.items() if name not in stored]

    @property
    def settled(self) -> list[SettledCrash]:
        """The crashes whose causes are known now and were not before: each once, in the end.

        Either they were not stored yet, or their evidence was awaited: it is complete, or the Pod
        shows them no longer.
        """
        before = {record.id: record.awaits for record in self.stored.history}
        settled = [
            SettledCrash(each.id, each.container, each.cause, each.restart_reason)
            for each in self.diagnoses
            if before.get(each.id, True) and not self.records[each.id].awaits
        ]
        awaited = [each for each in self.stored.history if each.awaits and not each.silent]
        if not awaited:
            return settled
        shown = {record.id for record in self.history if record.awaits}.union(self.records)
        return settled + [
            SettledCrash(each.id, each.container, each.cause, f"Exit Code: {each.exitCode}")
            for each in awaited
            if each.id not in shown
        ]


def latest_crash(
    diagnoses: Iterable[Diagnosis], records: Mapping[str, CrashRecord]
) -> Diagnosis | None:
    """Pick the latest crash.

    Args:
        diagnoses: crashes.
        records: their crash records, by crash id.

    Returns:
        The one that happened last. Of several in one second it is one after which nothing follows,
        such as the failure of the whole Pod; then the first, since a Pod's own containers are
        listed before its init containers. A requested restart never hides a crash.
    """
    return max(
        diagnoses,
        key=lambda each: (not each.was_requested, records[each.id].happened, each.symptom.final),
        default=None,
    )


def observe_pod(
    pod: Pod, claim: DiagnosisTargetSpec, now: datetime, fetched: FetchedEvidence | None = None
) -> PodObservation:
    """Observe the reportable crashes of a Pod.

    Args:
        pod: the Pod.
        claim: the target of the PodDiagnoser that claims it, with its filters and its evidence.
        now: the time by the hook's clock, in UTC.
        fetched: the result of an earlier evidence request; None at first.

    Returns:
        The observation.
    """
    pod = mask_messages(pod, claim.evidence.maskPatterns)
    return _Observer(pod, claim, now, fetched, read_history(pod, now)).observe()


@dataclass(slots=True)
class _Crashes:
    """The crashes of a Pod, by what is done with them.

    Attributes:
        reported: the reportable ones.
        others: all that are not.
        pulling: containers whose image is being pulled, which is no failure yet.
        undecided: crashes of which Events decide whether they are ignored.
        records: the records of the reportable ones, by crash id.
        suppressed: the records of those that are only stored, by crash id.
    """

    reported: Sequence[Diagnosis]
    others: Sequence[Diagnosis]
    pulling: Sequence[Diagnosis]
    undecided: Sequence[Diagnosis]
    records: dict[str, CrashRecord]
    suppressed: dict[str, CrashRecord]


class _Observer:
    """Observes one Pod once."""

    def __init__(
        self,
        pod: Pod,
        claim: DiagnosisTargetSpec,
        now: datetime,
        fetched: FetchedEvidence | None,
        stored: CrashHistory,
    ) -> None:
        self._pod, self._claim, self._now = pod, claim, now
        self._fetched, self._stored = fetched, stored
        settled = settle_overdue(stored, now)
        self._known = {record.id: record for record in settled.history}
        self._evidence = known_evidence(settled)
        self._looked_up: list[Evidence] = []
        self._resync_after: float | None = None

    def observe(self) -> PodObservation:
        found = self._find()
        if not found and not self._known:  # as in most Pods
            return PodObservation(self._stored, (), {}, None, (), None, self._resync_after)
        crashes = self._sort(found)
        unexplained = self._unexplained(crashes) if self._claim.evidence.events else []
        latest = latest_crash(crashes.reported, crashes.records)
        log = self._log_request(latest)
        if latest is not None and log is not None and self._fetched:
            latest = self._read_log(latest, self._fetched.log, crashes)
            self._note_log(latest, log, self._fetched, crashes)
        elif latest is not None and not self._claim.evidence.reason:
            record = crashes.records[latest.id]
            crashes.records[latest.id] = with_read_log(record, latest.symptom)
        change = self._change()
        template = None
        if change is None and (unexplained or self._is_new(crashes)):
            template = _template_request(self._pod, self._claim)
        records = [*crashes.records.values(), *crashes.suppressed.values()]
        return PodObservation(
            self._stored,
            crashes.reported,
            crashes.records,
            latest,
            merge_crashes(records, self._stored.history),
            _evidence_request(self._pod, unexplained, log, template),
            self._resync_after,
            self._looked_up,
            change,
        )

    def _find(self) -> Sequence[Diagnosis]:
        """Diagnose the Pod by its status, by what is stored and by what was fetched."""
        lasting, self._resync_after = diagnose_lasting_conditions(
            self._pod, self._now, self._evidence, with_pulls=True
        )
        found = tuple(map(self._with_message, (*diagnose(self._pod, self._evidence), *lasting)))
        fetched = self._fetched
        if fetched is None or fetched.lookup is None:
            return found
        mask = self._claim.evidence.maskPatterns
        explained = [
            _with_findings(each, self._known.get(each.id), fetched, self._now, mask)
            for each in found
        ]
        self._looked_up = [
            each.symptom.evidence
            for each, before in zip(explained, found, strict=True)
            if each is not before and each.symptom.evidence is not None
        ]
        return explained

    def _with_message(self, diagnosis: Diagnosis) -> Diagnosis:
        """Add the reason that is stored, or of a new crash that of its termination message."""
        if not self._claim.evidence.reason:
            return diagnosis
        record = self._known.get(diagnosis.id)
        # What is suppressed may have been reported before, with the reason that its log gave.
        if record is not None and (record.reason is not None or not record.silent):
            mask = self._claim.evidence.maskPatterns
            return diagnosis.with_output(record.reason.to_reason(mask) if record.reason else None)
        if not may_explain(diagnosis.symptom, diagnosis.status_cause):
            return diagnosis
        return diagnosis.with_output(find_reason(diagnosis.symptom))

    def _sort(self, found: Sequence[Diagnosis]) -> _Crashes:
        """Sort the crashes by what is done with them, and record them."""
        claim, now, labels = self._claim, self._now, self._pod.metadata.labels
        pulling = [each for each in found if waits_for_pull(each, now)]
        failures = [each for each in found if each not in pulling]
        created = self._pod.metadata.created
        reported = reportable(labels, created, failures, claim, self._stored.history)
        records = {each.id: record_crash(each, self._known.get(each.id), now) for each in reported}
        if self._pod.metadata.terminating:
            # It may be gone before more is known.
            first_seen = records.keys() - self._known.keys()
            records |= {name: without_wait(records[name]) for name in first_seen}
        others = [each for each in found if each.id not in records]
        undecided = [each for each in others if is_undecided(labels, each, claim)]
        suppressed = {
            each.id: record_crash(each, self._known.get(each.id), now, silent=True)
            for each in others
            if each in pulling
            or each in undecided
            or ignored_by_event_cause(labels, each, claim)
            or _was_undecided(self._known.get(each.id))
        }
        return _Crashes(reported, others, pulling, undecided, records, suppressed)

    def _unexplained(self, crashes: _Crashes) -> list[Diagnosis]:
        """Return the crashes whose Events are to be looked up now; those of later set a resync."""
        now = self._now
        watched = (*crashes.reported, *crashes.pulling, *crashes.undecided)
        recorded = {**crashes.suppressed, **crashes.records}
        recent = [
            each
            for each in crashes.others
            if _is_ignored_but_recent(each, self._pod.metadata.labels, self._claim, now)
        ]
        lookups = [
            (each, _seconds_until_lookup(each, recorded.get(each.id), now))
            for each in (*watched, *recent)
        ]
        # The first lookup is requested now, and needs no resync.
        again = (
            wait
            for each, wait in lookups[: len(watched)]
            if each.symptom.evidence and each.symptom.evidence.lookups
        )
        slow = (seconds_until_slow(each.symptom.evidence, now) for each in crashes.pulling)
        self._resync_after = earliest(self._resync_after, *again, *slow)
        return [each for each, wait in lookups if wait is not None and wait <= 0]

    def _change(self) -> TemplateChange | None:
        """Return what the Pod's template changed: as it was stored, or was read now."""
        evidence = self._claim.evidence
        if not evidence.changes:
            return None
        known = self._fetched.change if self._fetched else None
        if self._stored.change is not None:
            known = self._stored.change.to_change()
            if not evidence.maskPatterns:
                return known  # it was masked before it was stored
        return None if known is None else mask_change(known, evidence.maskPatterns)

    def _is_new(self, crashes: _Crashes) -> bool:
        """Say whether the Pod shows a crash for the first time."""
        return any(each.id not in self._known for each in crashes.reported)

    def _log_request(self, latest: Diagnosis | None) -> LogRequest | None:
        """Ask for the log of the latest crash when it is first reported."""
        if latest is None:
            return None
        known = self._known.get(latest.id)
        if known is not None and known.unread:
            observed = first_observed(known, self._now) or self._now
            wait = (observed + SECOND_LOOKUP_AFTER - self._now).total_seconds()
            if wait > 0:
                self._resync_after = earliest(self._resync_after, wait)
                return None
        elif known is not None and not known.silent:
            return None
        return _log_request(latest, self._claim)

    def _note_log(
        self, latest: Diagnosis, log: LogRequest, fetched: FetchedEvidence, crashes: _Crashes
    ) -> None:
        """Keep whether the log of the latest crash is to be read once more."""
        known, record = self._known.get(latest.id), crashes.records[latest.id]
        is_first = known is None or known.silent
        if not (is_first and log.for_reason and fetched.log_missed) or (
            self._pod.metadata.terminating  # it may be gone by then
        ):
            crashes.records[latest.id] = with_read_log(record, latest.symptom)
            return
        crashes.records[latest.id] = with_unread_log(record)
        wait = SECOND_LOOKUP_AFTER.total_seconds()
        self._resync_after = earliest(self._resync_after, wait)

    def _read_log(self, latest: Diagnosis, log: str | None, crashes: _Crashes) -> Diagnosis:
        """Take into account what the log of the latest crash proves, and what reason it gives."""
        if log is None:
            return latest
        evidence = self._claim.evidence
        explained = _with_log(latest, log, evidence.maskPatterns) if log else latest
        may_tell = may_explain(latest.symptom, latest.status_cause)
        if evidence.reason and may_tell and not _has_read_log(latest):
            reason = find_reason(explained.symptom, log, evidence.maskPatterns)
            explained = explained.with_output(reason)
        crashes.reported = tuple(explained if each is latest else each for each in crashes.reported)
        known = self._known.get(latest.id)
        crashes.records[latest.id] = record_crash(explained, known, self._now)
        return explained


def reportable_crashes(
    pod: Pod, filters: Filters, history: CrashHistory | None = None
) -> tuple[Diagnosis, ...]:
    """Diagnose the reportable crashes of a Pod, as its annotations show them.

    Args:
        pod: the Pod.
        filters: the spec that says which crashes are reportable.
        history: the crash history of the Pod, where it has been read; None reads it.

    Returns:
        A diagnosis for each, without lasting conditions, which depend on the time.
    """
    history = parse_history(pod) if history is None else history
    found = diagnose(mask_messages(pod, filters.evidence.maskPatterns), known_evidence(history))
    if filters.evidence.reason:
        reasons = known_reasons(history, filters.evidence.maskPatterns)
        found = tuple(each.with_output(reasons.get(each.id)) for each in found)
    created = pod.metadata.created
    return reportable(pod.metadata.labels, created, found, filters, history.history)


def _with_findings(
    diagnosis: Diagnosis,
    record: CrashRecord | None,
    fetched: FetchedEvidence,
    now: datetime,
    mask: Sequence[str],
) -> Diagnosis:
    known = diagnosis.symptom.evidence
    if not needs_lookup(diagnosis.symptom, known, first_observed(record, now), now):
        return diagnosis
    # What was looked up before is no fact of the status, and what is found now replaces it.
    looked_up = known is not None and known.lookups > 0
    symptom = diagnosis.symptom._replace(evidence=None) if looked_up else diagnosis.symptom
    return diagnose_symptom(symptom, evaluate_events(symptom, fetched, known, now, mask))


def _with_log(latest: Diagnosis, log: str, mask: Sequence[str]) -> Diagnosis:
    evidence = find_in_log(latest.symptom, log, mask)
    if evidence is None:
        return latest
    return diagnose_symptom(latest.symptom._replace(evidence=None), evidence)


def _was_undecided(record: CrashRecord | None) -> bool:
    """Say whether what a second lookup found is stored of a crash that is ignored after all."""
    return record is not None and record.silent and record.awaits


def _is_ignored_but_recent(
    diagnosis: Diagnosis, labels: Mapping[str, str], filters: Filters, now: datetime
) -> bool:
    """Say whether a crash that is ignored for its cause is recent enough to be looked up."""
    return (
        diagnosis.ended_by is not None
        and now - diagnosis.ended_by < LOOKUP_PERIOD
        and needs_events(labels, diagnosis, filters)
    )


def _seconds_until_lookup(
    diagnosis: Diagnosis, record: CrashRecord | None, now: datetime
) -> float | None:
    symptom = diagnosis.symptom
    return seconds_until_lookup(symptom, symptom.evidence, first_observed(record, now), now)


def _log_request(latest: Diagnosis, claim: DiagnosisTargetSpec) -> LogRequest | None:
    """Ask for the log of a container that terminated, where it is shown or may tell the reason."""
    symptom, evidence = latest.symptom, claim.evidence
    may_tell = evidence.reason and needs_log(symptom, latest.status_cause)
    for_reason = may_tell and not _has_read_log(latest)
    if symptom.kind is not SymptomKind.TERMINATED or not (evidence.logLines or for_reason):
        return None
    return LogRequest(
        symptom.container, symptom.log_is_previous, evidence.logLines, for_reason, target=claim
    )


def _has_read_log(latest: Diagnosis) -> bool:
    """Say whether the log gave the reason, before the crash was suppressed for a while."""
    output = latest.symptom.output
    return output is not None and output.source is OutputSource.LOG


def _evidence_request(
    pod: Pod,
    unexplained: Sequence[Diagnosis],
    log: LogRequest | None,
    template: TemplateRequest | None,
) -> EvidenceRequest | None:
    if not unexplained and log is None and template is None:
        return None
    meta = pod.metadata
    # The kubelet writes a static Pod's Events with the uid by which it knows the Pod itself.
    uid = meta.annotations.get(MIRROR_POD_ANNOTATION, meta.uid)
    of_node = any(needs_node_events(each.symptom, each.symptom.evidence) for each in unexplained)
    node = pod.spec.nodeName if pod.spec and of_node else ""
    return EvidenceRequest(meta.namespace, meta.name, uid, bool(unexplained), log, node, template)


def _template_request(pod: Pod, claim: DiagnosisTargetSpec) -> TemplateRequest | None:
    """Ask what the template of a Pod's workload changed; of Jobs and others nothing is kept."""
    owner = pod.controller
    if not claim.evidence.changes or owner is None or owner.apiVersion != apps_v1.API_VERSION:
        return None
    if owner.kind == "ReplicaSet":
        return TemplateRequest(owner.kind, owner.name, owner.uid)
    if owner.kind in ("StatefulSet", "DaemonSet") and pod.template_hash:
        return TemplateRequest(owner.kind, owner.name, owner.uid, pod.template_hash)
    return None


@dataclass(frozen=True, slots=True)
class CrashedPod:
    """A claimed Pod with its reportable crashes and its crash history.

    Attributes:
        pod: the Pod.
        diagnoses: its reportable crashes.
        history: its crash history.
        former: reportable crashes that it showed a moment ago, while their evidence was awaited.
    """

    pod: OwnedPod
    diagnoses: Sequence[Diagnosis]
    history: CrashHistory = field(default_factory=CrashHistory)
    former: Sequence[Diagnosis] = ()


def awaits_evidence(found: Diagnosis, history: CrashHistory, spec: EvidenceSpec) -> bool:
    """Return whether what is read beyond its Pod's status may still change what a crash shows.

    Args:
        found: the crash.
        history: the crash history of its Pod. Without a record of the crash in it, the Pod's own
            sync is to come.
        spec: what is read.
    """
    record = next((each for each in history.history if each.id == found.id), None)
    if record is not None:
        return (spec.events and record.awaits) or (spec.reason and record.unread)
    if spec.reason and may_explain(found.symptom, found.status_cause):
        return True
    return spec.events and may_change_cause(found.symptom, found.symptom.evidence)
