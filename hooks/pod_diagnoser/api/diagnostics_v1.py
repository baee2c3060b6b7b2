"""Our own resources, as they are read and written: PodDiagnoser and DiagnosisTarget.

The CRDs in ``crds/`` are the same definitions for the API server, with the texts that people read;
``tests/manifests/test_crds_and_models.py`` holds the two together.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pod_diagnoser.api.core_v1 import OwnedMeta
from pod_diagnoser.api.fields import (
    Int32,
    Int64,
    Many,
    OrNull,
    RequiredStoredTime,
    StoredTime,
    Strings,
    Text,
    WireModel,
)

GROUP = "diagnostics.local.io"
VERSION = "v1"
API_VERSION = f"{GROUP}/{VERSION}"


class StoredModel(BaseModel):
    """A part of an object that is written too: immutable, and strict about what is put in."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ConditionType(StrEnum):
    """The types of a PodDiagnoser's conditions."""

    ACTIVE = "Active"
    OVERLAPPING = "Overlapping"
    COMPLETE = "Complete"
    REMEDIATING = "Remediating"


class Condition(StoredModel):
    """``metav1.Condition``."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""
    observedGeneration: Int64 | None = None
    lastTransitionTime: RequiredStoredTime


class RecentDiagnosis(StoredModel):
    """One crash in ``status.recentDiagnoses``."""

    id: str
    """The crash id: `pod_diagnoser.diagnose`."""
    pod: str
    podUID: str
    container: str
    cause: str
    reason: str
    time: StoredTime = None
    """When the container ended; absent when nobody knows."""
    seen: StoredTime = None
    """When it was first diagnosed."""
    diagnosis: str


class Remediation(StoredModel):
    """One planned or settled remediation in ``status.remediations``."""

    id: str
    """The crash id: one crash is remediated once."""
    action: str
    pod: str
    podUID: str
    owner: str
    """The uid of the Pod's controller."""
    container: str
    cause: str
    diagnosis: str
    phase: str
    reason: str
    message: str = ""
    plannedAt: RequiredStoredTime
    settledAt: StoredTime = None
    outcome: str | None = None
    """Whether the owner crashed again within the budget's window."""


class OwnerHistory(StoredModel):
    """What is remembered of an owner whose Pods were replaced."""

    uid: str
    kind: str
    name: str
    template: str = ""
    attempts: Int64 = 0
    lastTime: StoredTime = None


class Withheld(StoredModel):
    """Crashes that are not remediated now, by reason."""

    reason: str
    message: str = ""
    crashes: Int64
    examples: Many[str] = ()


class WorkloadCause(StoredModel):
    """How many Pods of a workload crash of which cause."""

    cause: str
    pods: Int64


class Workload(StoredModel):
    """One owner whose Pods crash, in ``status.workloads``."""

    uid: str
    """Of the Pods' controller; of the Pod itself where it has none."""
    kind: str
    name: str
    crashingPods: Int64
    """How many of its Pods show a recent crash now."""
    crashedPods: Int64
    """How many different Pods of it have crashed since ``since`` at least, those included."""
    causes: Many[WorkloadCause] = ()
    """Of those that show a recent crash, the most frequent cause first."""
    since: RequiredStoredTime
    """When the first of these crashes was, as nearly as anybody knows."""
    lastTime: RequiredStoredTime
    """When the latest one was."""


class PodDiagnoserStatus(StoredModel):
    """``status`` of a PodDiagnoser."""

    observedGeneration: Int64 | None = None
    diagnosedPods: Int64 = 0
    lastProcessedPod: str = ""
    lastUpdateTime: StoredTime = None
    conditions: Many[Condition] = ()
    recentDiagnoses: Many[RecentDiagnosis] = ()
    countedPods: Many[str] = ()
    remediations: Many[Remediation] = ()
    owners: Many[OwnerHistory] = ()
    withheld: Many[Withheld] = ()
    workloads: Many[Workload] = ()


NO_STATUS = PodDiagnoserStatus()
"""The status of a PodDiagnoser that has none yet."""


DEFAULT_CAUSES = (
    "Completed",
    "ApplicationError",
    "OutOfMemory",
    "ChildOutOfMemory",
    "Killed",
    "Terminated",
    "SegmentationFault",
    "Aborted",
    "BusError",
    "IllegalInstruction",
    "ArithmeticError",
    "TraceTrap",
    "BrokenPipe",
    "HungUp",
    "Interrupted",
    "Quit",
    "Signaled",
    "ContainerStatusUnknown",
    "ExitStatusLost",
    "LivenessProbeFailed",
    "StartupProbeFailed",
    "SandboxChanged",
    "StoppedByKubelet",
)
"""Causes that a new Pod, elsewhere perhaps, can help. A program that is not there stays away."""


def _default(value: object) -> BeforeValidator:
    return BeforeValidator(lambda given: value if given is None else given)


def _within(least: int, most: int) -> AfterValidator:
    """Hold a number within what the CRD allows, whatever was stored before it did."""
    return AfterValidator(lambda given: max(least, min(given, most)))


_DAY = 86_400


class RemediationBudget(WireModel):
    """``spec.remediation.budget``: how many Pods are replaced within how long."""

    pods: Annotated[int, _default(5), _within(0, 50)] = 5
    windowSeconds: Annotated[int, _default(600), _within(60, _DAY)] = 600


class RemediationSpec(WireModel):
    """``spec.remediation``, with the CRD's defaults for what is missing."""

    dryRun: Annotated[bool, _default(value=False)] = False
    paused: Annotated[bool, _default(value=False)] = False
    causes: Annotated[tuple[str, ...], _default(DEFAULT_CAUSES)] = DEFAULT_CAUSES
    include: Many[str] = ()
    minPodAgeSeconds: Annotated[int, _default(30), _within(0, _DAY)] = 30
    coolDownSeconds: Annotated[int, _default(60), _within(10, 3600)] = 60
    maxAttempts: Annotated[int, _default(5), _within(1, 100)] = 5
    budget: Annotated[RemediationBudget, _default(RemediationBudget())] = RemediationBudget()


MAX_LOG_LINES = 50


class EvidenceSpec(StoredModel):
    """``spec.evidence``: what beyond a Pod's status a diagnosis may rest on, and show."""

    events: Annotated[bool, _default(value=True)] = True
    """Whether a crash's Events are read, where the hook may."""
    terminationMessage: Annotated[bool, _default(value=False)] = False
    """Whether the message that the container left is shown."""
    logLines: Annotated[int, _default(0), _within(0, MAX_LOG_LINES)] = 0
    """How many of the last lines of its log are shown."""
    maskPatterns: Many[str] = ()
    """Regular expressions (RE2) of what is masked in both, beside what always is."""


class IgnoreSpec(StoredModel):
    """``spec.ignore``: crashes that leave no mark and cause no remediation. Any that holds does."""

    cleanExits: Annotated[bool, _default(value=False)] = False
    """Those with exit code 0 of which nothing worse is known."""
    causes: Many[str] = ()
    exitCodes: Many[Int32] = ()
    containers: Many[str] = ()
    """Names of containers, or patterns with ``*`` and ``?``."""
    podLabels: Strings = Field(default_factory=dict)
    """Pods that have all of these labels; none where it is empty."""


class ThresholdSpec(StoredModel):
    """An entry of ``spec.thresholds``: from how many restarts on within how long it is told."""

    container: Text = ""
    """The name of a container, or a pattern; all where it is empty. The first that fits counts."""
    restarts: Annotated[int, _default(1), _within(1, 100)] = 1
    withinSeconds: Annotated[int, _default(600), _within(60, _DAY)] = 600


class PodDiagnoserSpec(WireModel):
    """``spec`` of a PodDiagnoser, with the CRD's defaults for what is missing."""

    targetLabels: Strings = Field(default_factory=dict)
    enableAnnotations: Annotated[bool, OrNull(lambda: True)] = True
    remediationAction: Text = ""
    remediation: Annotated[RemediationSpec, _default(RemediationSpec())] = RemediationSpec()
    evidence: Annotated[EvidenceSpec, _default(EvidenceSpec())] = EvidenceSpec()
    ignore: Annotated[IgnoreSpec, _default(IgnoreSpec())] = Field(default_factory=IgnoreSpec)
    thresholds: Many[ThresholdSpec] = ()


class PodDiagnoserMeta(OwnedMeta):
    """The metadata of a PodDiagnoser."""

    generation: Int64 | None = None


class PodDiagnoser(WireModel):
    """A PodDiagnoser, as Metacontroller sends it."""

    metadata: PodDiagnoserMeta
    spec: PodDiagnoserSpec = PodDiagnoserSpec()
    status: Annotated[PodDiagnoserStatus, OrNull(lambda: NO_STATUS)] = NO_STATUS

    @property
    def has_status(self) -> bool:
        """Whether a status is stored, be it an empty one."""
        return self.status is not NO_STATUS

    @property
    def active(self) -> bool:
        """Whether it claims Pods: ``spec.enableAnnotations`` is not false."""
        return self.spec.enableAnnotations


_NAME = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
"""A PodDiagnoser's name: a DNS-1123 subdomain that fits into a label's value."""

_UID = re.compile(r"[!-~]{1,128}")


class TargetDiagnoser(StoredModel):
    """The PodDiagnoser that a DiagnosisTarget speaks for."""

    name: Text = ""
    uid: Text = ""


class DiagnosisTargetSpec(StoredModel):
    """``spec`` of a DiagnosisTarget: what Pods need to know of a PodDiagnoser, and nothing more.

    Read leniently: one that somebody made up must not keep the Pods of its namespace from being
    diagnosed; `DiagnosisTarget.is_owned_by_its_diagnoser` sorts it out.
    """

    diagnoser: TargetDiagnoser = TargetDiagnoser()
    since: Text = ""
    """The PodDiagnoser's creationTimestamp: of several that match a Pod, the oldest claims it."""
    targetLabels: Strings = Field(default_factory=dict)
    evidence: EvidenceSpec = EvidenceSpec()
    # A factory, since pydantic would copy a default that can't be hashed, at seven times the cost.
    ignore: IgnoreSpec = Field(default_factory=IgnoreSpec)
    thresholds: Many[ThresholdSpec] = ()


class DiagnosisTarget(WireModel):
    """A DiagnosisTarget, as Metacontroller sends it."""

    metadata: OwnedMeta
    spec: DiagnosisTargetSpec = DiagnosisTargetSpec()

    @property
    def is_owned_by_its_diagnoser(self) -> bool:
        """Whether its controller is the very PodDiagnoser that it speaks for.

        Anyone who may create DiagnosisTargets can write one; the controller owner reference is what
        Metacontroller sets on an attachment of the PodDiagnoser. A name that no PodDiagnoser can
        have would make the API server refuse the label, and with it everything on the Pod.
        """
        diagnoser = self.spec.diagnoser
        if not _NAME.fullmatch(diagnoser.name) or not _UID.fullmatch(diagnoser.uid):
            return False
        return any(
            owner.controller is True
            and owner.apiVersion == API_VERSION
            and owner.kind == "PodDiagnoser"
            and owner.name == diagnoser.name
            and owner.uid == diagnoser.uid
            for owner in self.metadata.ownerReferences
        )


def diagnosis_target_spec(diagnoser: PodDiagnoser) -> DiagnosisTargetSpec:
    """Say what Pods need to know of a PodDiagnoser.

    Args:
        diagnoser: the PodDiagnoser.

    Returns:
        The spec of its DiagnosisTarget, which changes only with the PodDiagnoser's spec.
    """
    return DiagnosisTargetSpec(
        diagnoser=TargetDiagnoser(name=diagnoser.metadata.name, uid=diagnoser.metadata.uid),
        since=diagnoser.metadata.creationTimestamp,
        targetLabels=diagnoser.spec.targetLabels,
        evidence=diagnoser.spec.evidence,
        ignore=diagnoser.spec.ignore,
        thresholds=diagnoser.spec.thresholds,
    )


def diagnosis_target(diagnoser: PodDiagnoser) -> Mapping[str, object]:
    """Build the DiagnosisTarget that a PodDiagnoser publishes.

    Args:
        diagnoser: the PodDiagnoser, which is active.

    Returns:
        The object as an attachment in Metacontroller's answer. Its name carries the start of the
        PodDiagnoser's uid, so that one that was deleted and created again publishes a new object
        while the old one may still be waiting for garbage collection (the creation's AlreadyExists
        would be swallowed by Metacontroller).
    """
    meta = diagnoser.metadata
    return {
        "apiVersion": API_VERSION,
        "kind": "DiagnosisTarget",
        "metadata": {"name": f"{meta.name}-{meta.uid[:8]}", "namespace": meta.namespace},
        "spec": diagnosis_target_spec(diagnoser).model_dump(exclude_defaults=True),
    }
