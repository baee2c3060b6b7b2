"""The one engine: from a snapshot to a report, with the hook's own diagnoses. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, EvidenceSpec
from pod_diagnoser.api.fields import is_object_name
from pod_diagnoser.cli.claims import claiming_diagnoser
from pod_diagnoser.cli.own_words import add_own_words
from pod_diagnoser.cli.remediation import remediation_of
from pod_diagnoser.cli.report import Finding, LogNeed, PodReport, Report, Siblings
from pod_diagnoser.cli.selection import Selection
from pod_diagnoser.cli.snapshot import Log, Snapshot
from pod_diagnoser.cli.what_changed import Revisions
from pod_diagnoser.diagnosis.change_words import change_line
from pod_diagnoser.diagnosis.common_factors import CommonFactor, PodFacts, find_common_factor
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence
from pod_diagnoser.diagnosis.symptoms import SymptomKind
from pod_diagnoser.poddiagnosers.crash_facts import facts_of_healthy, pod_facts
from pod_diagnoser.poddiagnosers.workload_names import workload_of
from pod_diagnoser.pods.history import CrashRecord, parse_history, serialize
from pod_diagnoser.pods.keys import CRASHES
from pod_diagnoser.pods.observation import PodObservation, observe_pod
from pod_diagnoser.pods.statements import statement_with_history

_LOG_LINES: Final = 10
"""Any number: with it the engine asks what a log proves, where there is one."""

EVERYTHING: Final = Selection()

_WorkloadKey = tuple[str, str]


def diagnose_snapshot(
    snapshot: Snapshot,
    now: datetime,
    selection: Selection = EVERYTHING,
    since: timedelta | None = None,
) -> Report:
    """Diagnose the Pods of a snapshot.

    Args:
        snapshot: what is known.
        now: the time at which to look at it, in UTC.
        selection: which Pods are asked for.
        since: leave out what happened longer ago than this; None leaves out nothing.
    """
    return Engine(now, selection, since).report(snapshot)


class Engine:
    """Diagnoses the Pods of a snapshot, and again when logs of some of them were read.

    Args:
        now: the time at which to look at it, in UTC.
        selection: which Pods are asked for.
        since: leave out what happened longer ago than this; None leaves out nothing.
    """

    def __init__(
        self, now: datetime, selection: Selection = EVERYTHING, since: timedelta | None = None
    ) -> None:
        self._now, self._selection, self._since = now, selection, since
        self._found: dict[str, _Diagnosed] = {}

    def report(self, snapshot: Snapshot) -> Report:
        """Report what is found.

        Args:
            snapshot: what is known: what was known at the last call, and maybe logs and versions of
                templates besides.
        """
        with_logs = {(namespace, name) for namespace, name, _ in snapshot.logs}
        for pod in snapshot.pods:
            meta = pod.metadata
            if meta.uid not in self._found or (meta.namespace, meta.name) in with_logs:
                self._found[meta.uid] = _Diagnosed(pod, snapshot, self._now)
        return _report(snapshot, self._found, self._now, self._selection, self._since)


def _report(
    snapshot: Snapshot,
    found: Mapping[str, "_Diagnosed"],
    now: datetime,
    selection: Selection,
    since: timedelta | None,
) -> Report:
    siblings, revisions = _siblings(snapshot, found), Revisions(snapshot.revisions)
    pods = []
    for each in found.values():
        if not selection.selects(each.pod):
            continue
        findings = [one for one in each.findings if _is_within(one, now, since)]
        if findings or selection.names(each.pod):
            pods.append(each.report(findings, siblings, revisions))
    one_pod = selection.is_one_pod() and len(pods) == 1
    common = _common_factor(snapshot, found.values())
    if common is not None and (
        (since is not None and now - common.first > since)
        or (one_pod and not common.includes(found[pods[0].pod.metadata.uid].facts))
    ):
        common = None
    return Report(
        pods,
        snapshot.looked_at,
        now,
        snapshot.missing,
        snapshot.unreadable,
        common_factor=common,
        is_one_pod=one_pod,
        left_out=snapshot.left_out,
        not_found=selection.not_found([each.pod for each in found.values()]),
    )


def _common_factor(snapshot: Snapshot, found: Iterable["_Diagnosed"]) -> CommonFactor | None:
    """Find what Pods have in common that crashed within one minute, whenever that was."""
    healthy = (
        facts_of_healthy(each.namespace, each.workload, each.node, each.images.values())
        for each in snapshot.healthy
    )
    return find_common_factor([*healthy, *(each.facts for each in found)], whole=True)


def logs_to_read(report: Report) -> list[LogNeed]:
    """Return the logs that would tell more: of one Pod for each workload and cause.

    Args:
        report: what is found without them.
    """
    needs: dict[tuple[str, str, str], LogNeed] = {}
    for pod in report.pods:
        for finding in pod.findings:
            symptom = finding.diagnosis.symptom
            if symptom.kind is SymptomKind.TERMINATED and is_object_name(symptom.container):
                key = (pod.workload.key, symptom.container, finding.diagnosis.cause.value)
                need = LogNeed(pod.namespace, pod.name, symptom.container, symptom.log_is_previous)
                needs.setdefault(key, need)
    return list(needs.values())


class _Diagnosed:
    """One Pod, diagnosed.

    Attributes:
        pod: the Pod.
        workload: its workload.
        findings: what is wrong with it, the most important first.
        facts: what it may have in common with others.
    """

    def __init__(self, pod: OwnedPod, snapshot: Snapshot, now: datetime) -> None:
        self.pod = pod
        self.workload = workload_of(pod)
        self._claim = claiming_diagnoser(
            pod, snapshot.diagnosers, snapshot.cluster_targets, snapshot.cluster_diagnosers
        )
        fetched = snapshot.evidence_of(pod)
        seen = pod if fetched is None else _without_failed_lookups(pod)
        self._logs = _logs_of(pod, snapshot) if snapshot.logs else {}
        observation = self._observe(seen, now, fetched)
        self.findings: Sequence[Finding] = tuple(self._findings(observation))
        # What is kept of ten thousand Pods has to be little.
        records = observation.reportable_history
        self._history: Sequence[CrashRecord] = records if len(records) > 1 else ()
        self._stored_change = observation.change
        self.facts: PodFacts = pod_facts(pod, observation.history, settled=True)

    def report(
        self,
        findings: Sequence[Finding],
        siblings: Mapping[_WorkloadKey, Siblings],
        revisions: Revisions,
    ) -> PodReport:
        """Return what is told of it."""
        return PodReport(
            self.pod,
            self.workload,
            findings,
            history=self._history,
            changes=tuple(filter(None, [self._change(findings, revisions)])),
            siblings=siblings.get((self.pod.metadata.namespace, self.workload.key)),
            remediation=remediation_of(self.pod, self._claim),
        )

    def _change(self, findings: Sequence[Finding], revisions: Revisions) -> str:
        crashed = findings[0].happened if findings else None
        line = revisions.what_changed(self.pod, crashed, self._mask)
        stored = self._stored_change
        return line or (change_line(stored, crashed, "this crash") if stored else "")

    @property
    def _mask(self) -> Sequence[str]:
        """What is masked beside what always is: by the PodDiagnoser that claims the Pod."""
        return self._claim.spec.evidence.maskPatterns if self._claim else ()

    def _observe(
        self, pod: OwnedPod, now: datetime, fetched: FetchedEvidence | None
    ) -> PodObservation:
        mask = self._mask
        evidence = EvidenceSpec(maskPatterns=mask)
        observation = observe_pod(pod, DiagnosisTargetSpec(evidence=evidence), now, fetched)
        latest = observation.latest
        log = self._logs.get(latest.container) if latest else None
        if log is None:
            return observation
        with_log = DiagnosisTargetSpec(
            evidence=EvidenceSpec(maskPatterns=mask, logLines=_LOG_LINES)
        )
        known = fetched or FetchedEvidence()
        more = FetchedEvidence(known.lookup, known.events, log.text, known.complete, known.node)
        return observe_pod(pod, with_log, now, more)

    def _findings(self, observation: PodObservation) -> Iterator[Finding]:
        """Yield what is wrong with it, the most important first."""
        mask = self._mask
        shown: set[tuple[str, str]] = set()
        for diagnosis in _by_importance(observation):
            key = (diagnosis.container, diagnosis.cause)
            if key not in shown:  # else an earlier end of the same container for the same cause
                shown.add(key)
                log = self._logs.get(diagnosis.container)
                proved = statement_with_history(diagnosis, observation)
                explained, words = add_own_words(diagnosis, log, mask)
                yield Finding(
                    diagnosis,
                    proved
                    if explained is diagnosis
                    else statement_with_history(explained, observation),
                    proved,
                    observation.records[diagnosis.id].happened,
                    words,
                )


def _logs_of(pod: OwnedPod, snapshot: Snapshot) -> dict[str, Log]:
    """Return the logs of a Pod, by container."""
    meta = pod.metadata
    found = {
        view.status.name: snapshot.logs.get((meta.namespace, meta.name, view.status.name))
        for view in pod.containers()
    }
    return {name: log for name, log in found.items() if log is not None}


def _siblings(snapshot: Snapshot, found: Mapping[str, _Diagnosed]) -> dict[_WorkloadKey, Siblings]:
    totals: Counter[_WorkloadKey] = Counter()
    causes: dict[_WorkloadKey, Counter[str]] = {}
    for healthy in snapshot.healthy:
        totals[healthy.namespace, healthy.workload.key] += 1
    for each in found.values():
        key = (each.pod.metadata.namespace, each.workload.key)
        totals[key] += 1
        if each.findings:
            causes.setdefault(key, Counter())[each.findings[0].diagnosis.cause.value] += 1
    return {key: Siblings(total, causes.get(key, Counter())) for key, total in totals.items()}


def _is_within(finding: Finding, now: datetime, since: timedelta | None) -> bool:
    return since is None or finding.happened is None or now - finding.happened <= since


def _by_importance(observation: PodObservation) -> Sequence[Diagnosis]:
    """Sort as `pod_diagnoser.pods.observation.latest_crash` does, whose result comes first."""
    records = observation.records
    return sorted(
        observation.diagnoses,
        key=lambda each: (not each.was_requested, records[each.id].happened, each.symptom.final),
        reverse=True,
    )


def _without_failed_lookups(pod: OwnedPod) -> OwnedPod:
    """Remove from the history of a Pod that the Events of a crash could not explain it.

    The hook may have had no access to them, or looked too early; here they are.
    """
    if CRASHES not in pod.metadata.annotations:
        return pod
    history = parse_history(pod)
    records = tuple(
        record.model_copy(update={"evidence": None})
        if record.evidence is not None and record.evidence.asked is not EventLookup.FOUND
        else record
        for record in history.history
    )
    crashes = serialize(history.model_copy(update={"history": records}))
    annotations = {**pod.metadata.annotations, CRASHES: crashes}
    metadata = pod.metadata.model_copy(update={"annotations": annotations})
    return pod.model_copy(update={"metadata": metadata})
