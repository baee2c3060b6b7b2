"""Why the operator is silent about a Pod, or does not replace it, and what to change. Pure.

The operator names the first reason; here all of them are named, so that one change is enough.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTargetSpec,
    EvidenceSpec,
    IgnoreSpec,
    PodDiagnoser,
    PodDiagnoserSpec,
)
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.claims import claiming_diagnoser, diagnosers_beside, is_read
from pod_diagnoser.cli.snapshot import Snapshot
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.quoting import name, quote_whole, word
from pod_diagnoser.pods.filters import reportable, threshold_for
from pod_diagnoser.pods.history import CrashRecord, parse_history
from pod_diagnoser.pods.keys import CAUSE, OPT_OUT
from pod_diagnoser.pods.observation import PodObservation, awaits_evidence, observe_pod
from pod_diagnoser.remediation.boundaries import Boundaries
from pod_diagnoser.remediation.limits import budget_limit, owner_limit
from pod_diagnoser.remediation.model import (
    EXPLANATIONS,
    REPLACING,
    Action,
    Phase,
    Reason,
    blocked_by,
    blocking_budget,
    explanation,
)
from pod_diagnoser.remediation.safeguards import violated_safeguards
from pod_diagnoser.remediation.switching import stored_action

_MAX_TEXT_BYTES: Final = 100

_FIELDS: Final = {
    Reason.OPTED_OUT: f"remove the Pod's annotation {OPT_OUT}",
    Reason.BARE_POD: "have a controller make the Pod, such as a Deployment",
    Reason.DAEMON_SET_POD: "spec.remediation.include: [DaemonSetPods]",
    Reason.JOB_POD: "spec.remediation.include: [JobPods]",
    Reason.OTHER_OWNER: "spec.remediation.include: [OtherOwners]",
    Reason.MAY_BE_RESIZE: "spec.evidence.events, and the component evidence",
    Reason.RECOVERED: "spec.remediation.onlyWhileNotReady: false",
    Reason.SYSTEM_CRITICAL: "spec.remediation.include: [SystemCriticalPods]",
    Reason.SILENCED: "spec.ignore, spec.thresholds",
    Reason.PAUSED: "spec.remediation.paused: false",
    Reason.DRY_RUN: "spec.remediation.dryRun: false",
    Reason.TOO_YOUNG: "spec.remediation.minPodAgeSeconds",
    Reason.COOL_DOWN: "spec.remediation.coolDownSeconds",
    Reason.GAVE_UP: "spec.remediation.maxAttempts",
    Reason.BUDGET_SPENT: "spec.remediation.budget",
    Reason.NAMESPACE_BUDGET_SPENT: "spec.remediation.budget.podsPerNamespace",
    Reason.PROTECTED_NAMESPACE: "spec.namespaceSelector: name it by kubernetes.io/metadata.name",
    Reason.FORBIDDEN: "the rights of the operator: metacontroller/README.md",
}
"""What to change about each reason; the others pass by themselves, or cannot be changed."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason for silence, or for no remediation. Its texts are safe to show.

    Attributes:
        why: the reason.
        change: what to change, or an empty string.
    """

    why: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the operator does about one thing that is wrong with a Pod.

    Attributes:
        what: what is wrong.
        silence: why it is not told; nothing where it is.
        remediation: why the Pod is not replaced for it; nothing where it is to be.
    """

    what: str
    silence: Sequence[Obstacle]
    remediation: Sequence[Obstacle]


@dataclass(frozen=True, slots=True)
class WhyNot:
    """What keeps the operator from telling of a Pod, or from replacing it.

    Attributes:
        pod: the Pod, as ``namespace/name``.
        claimed_by: kind and name of the one that claims it, or an empty string.
        claim: why none, or why not another one.
        verdicts: what is done about each thing that is wrong with it.
    """

    pod: str
    claimed_by: str
    claim: Sequence[Obstacle]
    verdicts: Sequence[Verdict] = field(default_factory=tuple)


def why_not(pod: OwnedPod, snapshot: Snapshot, now: datetime) -> WhyNot:
    """Find what keeps the operator from telling of a Pod, or from replacing it.

    Args:
        pod: the Pod.
        snapshot: with the PodDiagnosers and the Pod's Events.
        now: the time, in UTC.
    """
    meta = pod.metadata
    own = diagnosers_beside(pod, snapshot.diagnosers)
    claim = claiming_diagnoser(pod, own, snapshot.cluster_targets, snapshot.cluster_diagnosers)
    shown = f"{name(meta.namespace)}/{name(meta.name)}"
    obstacles = tuple(_claim_obstacles(pod, own, claim))
    if claim is None:
        return WhyNot(shown, "", obstacles)
    verdicts = _Judge(pod, claim, snapshot, now).verdicts()
    return WhyNot(shown, f"{claim.KIND} {name(claim.metadata.name)}", obstacles, tuple(verdicts))


def _claim_obstacles(
    pod: OwnedPod, diagnosers: Sequence[PodDiagnoser], claim: PodDiagnoser | None
) -> Iterator[Obstacle]:
    """Say of each PodDiagnoser of the namespace why it does not claim the Pod."""
    namespace = name(pod.metadata.namespace)
    if not diagnosers and claim is None:
        yield Obstacle(
            f"namespace {namespace} has no PodDiagnoser",
            "create one there; with spec: {} it diagnoses all Pods of the namespace",
        )
    for each in diagnosers:
        if each is claim:
            continue
        what, missing = f"PodDiagnoser {name(each.metadata.name)}", _missing_labels(each, pod)
        if each.metadata.terminating:
            yield Obstacle(f"{what} is being deleted")
        elif not each.active:
            keeps = "" if missing else ", which keeps ClusterPodDiagnosers away from the Pod, too"
            yield Obstacle(f"{what} is switched off{keeps}", "spec.enableAnnotations: true")
        elif missing:
            yield Obstacle(
                f"{what} selects Pods with {missing}, which this Pod does not have",
                "spec.targetLabels, or the Pod's labels",
            )
        elif claim is not None:
            yield Obstacle(
                f"{what} would claim the Pod, but {name(claim.metadata.name)} is older",
                f"spec.targetLabels of {name(claim.metadata.name)}",
            )


def _missing_labels(diagnoser: PodDiagnoser, pod: OwnedPod) -> str:
    labels = pod.metadata.labels
    lacking = [
        _label(key, value)
        for key, value in sorted(diagnoser.spec.targetLabels.items())
        if labels.get(key) != value
    ]
    return ", ".join(lacking[:5])


class _Judge:
    """Says what a PodDiagnoser does about each thing that is wrong with a Pod."""

    def __init__(
        self, pod: OwnedPod, claim: PodDiagnoser, snapshot: Snapshot, now: datetime
    ) -> None:
        self._pod, self._claim, self._now = pod, claim, now
        self._spec = claim.spec
        self._boundaries = Boundaries(claim, stored_action(claim))
        self._stored: Sequence[CrashRecord] = parse_history(pod).history
        # Without filters, since all that is wrong is judged.
        mask = self._spec.evidence.maskPatterns
        target = DiagnosisTargetSpec(evidence=EvidenceSpec(maskPatterns=mask))
        self._observation: PodObservation = observe_pod(pod, target, now, snapshot.evidence_of(pod))

    def verdicts(self) -> Iterator[Verdict]:
        """Yield what is done about each."""
        for found in self._observation.diagnoses:
            silence = tuple(self._silence(found))
            remediation = tuple(self._remediation(found, is_silent=bool(silence)))
            container = f"{found.symptom.container_kind} {name(found.container)}: "
            about = container if found.container else ""
            yield Verdict(f"{about}{found.cause.value}", silence, remediation)

    def _silence(self, found: Diagnosis) -> Iterator[Obstacle]:
        ignore = self._spec.ignore
        parts: dict[str, IgnoreSpec] = {
            "cleanExits": IgnoreSpec(cleanExits=ignore.cleanExits),
            "causes": IgnoreSpec(causes=ignore.causes),
            "exitCodes": IgnoreSpec(exitCodes=ignore.exitCodes),
            "containers": IgnoreSpec(containers=ignore.containers),
            "podLabels": IgnoreSpec(podLabels=ignore.podLabels),
        }
        for part, only in parts.items():
            if not self._is_reported(found, DiagnosisTargetSpec(ignore=only)):
                yield Obstacle(f"spec.ignore.{part} applies to it", f"spec.ignore.{part}")
        thresholds = self._spec.thresholds
        if not self._is_reported(found, DiagnosisTargetSpec(thresholds=thresholds)):
            threshold = threshold_for(thresholds, found.container)
            least = threshold.restarts if threshold else 1
            seconds = threshold.withinSeconds if threshold else 0
            yield Obstacle(
                f"it takes {least} crashes within {seconds} s until it is told",
                "spec.thresholds",
            )

    def _is_reported(self, found: Diagnosis, target: DiagnosisTargetSpec) -> bool:
        meta = self._pod.metadata
        return bool(reportable(meta.labels, meta.created, [found], target, self._stored))

    def _remediation(self, found: Diagnosis, *, is_silent: bool) -> Iterator[Obstacle]:
        if is_silent:
            yield Obstacle("what is not told is not remediated")
        if not is_read(self._claim):
            yield Obstacle(
                "what the ClusterPodDiagnoser does about crashes is not known: it was not read",
                "your permission to list clusterpoddiagnosers",
            )
            return
        action = self._spec.remediationAction
        if action not in REPLACING:
            why = {
                Action.NONE.value: "spec.remediationAction is empty",
                Action.LOG_EVENT.value: "spec.remediationAction is LogEvent: it writes an Event",
            }
            yield Obstacle(
                why.get(action, f"spec.remediationAction is {quote_whole(_text(action))}"),
                "spec.remediationAction: RestartPod, or EvictPod",
            )
        if found.was_requested:
            yield Obstacle("it was restarted on purpose")
        elif not found.restarted:
            yield Obstacle("its container was not restarted: a new Pod would not help")
        for reason in violated_safeguards(
            self._pod, found, self._spec, self._now, self._boundaries
        ):
            yield Obstacle(EXPLANATIONS[reason], _change(reason, found, self._spec))
        if action in REPLACING and awaits_evidence(
            found, self._observation.stored, self._spec.evidence
        ):
            yield Obstacle(EXPLANATIONS[Reason.AWAITING_EVIDENCE])
        yield from self._limits()
        yield from self._refused(found)

    def _limits(self) -> Iterator[Obstacle]:
        policy, status = self._spec.remediation, self._claim.status
        uid, template = self._pod.owner_uid, self._pod.template_hash
        limits = (
            owner_limit(policy, status.owners, uid, template, self._now),
            budget_limit(policy, status.remediations, self._now, self._pod.metadata.namespace),
        )
        for limit in limits:
            if limit is not None:
                wait = limit.resync_after
                left = "" if wait is None else f" {int(wait) + 1} s are left."
                yield Obstacle(EXPLANATIONS[limit.reason] + left, _FIELDS.get(limit.reason, ""))

    def _refused(self, found: Diagnosis) -> Iterator[Obstacle]:
        """Say what prevented a remediation that was planned."""
        for entry in self._claim.status.remediations:
            if entry.id == found.id and entry.phase in (Phase.DEFERRED, Phase.FAILED):
                reason = entry.reason
                budget = blocking_budget(entry)
                known = Reason(reason) if reason in tuple(Reason) else None
                why = (
                    blocked_by(budget) if budget else explanation(reason)
                ) or f"the operator says {quote_whole(_text(entry.message))}"
                yield Obstacle(why, _FIELDS.get(known, "") if known else "")


def is_written_on(pod: OwnedPod) -> bool:
    """Say whether the operator has written a diagnosis on a Pod."""
    return CAUSE in pod.metadata.annotations


def _change(reason: Reason, found: Diagnosis, spec: PodDiagnoserSpec) -> str:
    if reason is not Reason.CAUSE_NOT_LISTED:
        return _FIELDS.get(reason, "")
    causes = (found.cause.value, found.status_cause.value, *found.possible_causes)
    lacking = [each for each in dict.fromkeys(causes) if each not in spec.remediation.causes]
    return f"spec.remediation.causes: add {', '.join(lacking)}" if lacking else ""


def _label(key: str, value: str) -> str:
    """Return a label as it may stand in a sentence; in quotes where it is none."""
    text = _text(f"{key}={value}")
    left, _, right = text.partition("=")
    is_safe = word(left) == left and (not right or word(right) == right)
    return text if is_safe else quote_whole(text)


def _text(text: str) -> str:
    return sanitize(text, _MAX_TEXT_BYTES)
