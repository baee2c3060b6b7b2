"""The custom resources of this operator, as they are read and written.

The CRDs in ``crds/`` are the same definitions for the API server, with the descriptions for users;
``tests/manifests/test_crds_and_models.py`` compares the two.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

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

EVENT_CONTROLLER = f"{GROUP}/pod-diagnoser"
"""The ``reportingComponent`` of the Events that the hook posts."""

POD_DIAGNOSER = "PodDiagnoser"
CLUSTER_POD_DIAGNOSER = "ClusterPodDiagnoser"

CLUSTER_LABEL = f"{GROUP}/cluster-diagnoser"
"""The label with the name of a ClusterPodDiagnoser: on its DiagnosisTargets, and on each Pod of it
that crashed recently. A PodDiagnoser of the same name has another key."""


class StoredModel(BaseModel):
    """A part of an object that is also written: immutable, and strict about values set in code."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ConditionType(StrEnum):
    """The types of a PodDiagnoser's conditions."""

    ACTIVE = "Active"
    OVERLAPPING = "Overlapping"
    COMPLETE = "Complete"
    REMEDIATING = "Remediating"
    COMMON_FACTOR = "CommonFactor"
    NAMESPACES_SELECTED = "NamespacesSelected"
    """Of a ClusterPodDiagnoser alone."""


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
    """The crash id (`pod_diagnoser.diagnosis.symptoms.crash_id`)."""
    pod: str
    podUID: str
    container: str
    cause: str
    reason: str
    time: StoredTime = None
    """When the container ended; absent where that is not known."""
    seen: StoredTime = None
    """When it was first diagnosed."""
    diagnosis: str
    evidence: str = ""
    nextStep: str = ""
    reasonClass: str | None = None
    """What kind of reason the container's output gives (`ReasonClass`); absent where none was
    read."""


class Remediation(StoredModel):
    """One remediation in ``status.remediations``, planned or with its outcome."""

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

    @property
    def pod_namespace(self) -> str:
        """The namespace of the Pod where it is stored; else it is that of the PodDiagnoser."""
        return ""


class ActionSince(StoredModel):
    """The action by which Pods are replaced, and since when, in ``status.action``."""

    value: Text = ""
    since: StoredTime = None
    """Crashes from before it are not acted on."""
    generation: Int64 | None = None
    """The latest generation in which it was seen."""


class OwnerHistory(StoredModel):
    """The attempts for one owner whose Pods were replaced, in ``status.owners``."""

    uid: str
    kind: str
    name: str
    template: str = ""
    attempts: Int64 = 0
    lastTime: StoredTime = None


class Withheld(StoredModel):
    """Crashes that are withheld from remediation, by reason, in ``status.withheld``."""

    reason: str
    message: str = ""
    crashes: Int64
    examples: Many[str] = ()


class WorkloadCause(StoredModel):
    """How many Pods of a workload crash with a cause, and with a kind of reason by their output."""

    cause: str
    reasonClass: str | None = None
    pods: Int64


class WorkloadTemplate(StoredModel):
    """The newest version of a workload's template whose Pods crash."""

    hash: str
    """Its hash, by which the Pods' labels name it."""
    revision: Int64 | None = None
    """Its number; absent where that is not known."""
    changes: str = ""
    """What it changed, in one line; empty where that is not known."""
    crashes: Int64
    """How often its Pods crashed, at least."""
    history: str = ""
    """The same in words."""
    since: RequiredStoredTime
    """When the first of these crashes was."""
    lastTime: RequiredStoredTime
    """When the latest one was."""


class Workload(StoredModel):
    """One owner whose Pods crash, in ``status.workloads``."""

    uid: str
    """The uid of the Pods' controller, of one of them where they have several; of the Pod itself
    where it has none."""
    kind: str
    name: str
    crashingPods: Int64
    """How many of its Pods show a recent crash now."""
    crashedPods: Int64
    """How many different Pods of it have crashed since ``since``, those included."""
    causes: Many[WorkloadCause] = ()
    """The causes of recent crashes, the most frequent first."""
    since: RequiredStoredTime
    """When the first of these crashes was, as far as is known."""
    lastTime: RequiredStoredTime
    """When the latest one was."""
    template: WorkloadTemplate | None = None


class PodDiagnoserStatus(StoredModel):
    """``status`` of a PodDiagnoser."""

    observedGeneration: Int64 | None = None
    diagnosedPods: Int64 = 0
    lastProcessedPod: str = ""
    lastUpdateTime: StoredTime = None
    conditions: Many[Condition] = ()
    recentDiagnoses: Many[RecentDiagnosis] = ()
    countedPods: Many[str] | None = None
    """What former versions stored in place of `writerMemory`: 12 hexadecimal digits each. Only
    read."""
    action: ActionSince | None = None
    remediations: Many[Remediation] = ()
    owners: Many[OwnerHistory] = ()
    withheld: Many[Withheld] = ()
    workloads: Many[Workload] = ()
    writerMemory: Text | None = None
    """The Pods that `diagnosedPods` includes, the newest first (`poddiagnosers.counting`).

    ``kubectl describe`` prints the fields in the order of their names: this one is of no interest
    to people, so its name comes last."""


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
    "WindowsError",
    "LivenessProbeFailed",
    "StartupProbeFailed",
    "StoppedByKubelet",
    "NodeOutOfMemory",
)
"""The causes for which Pods are replaced: a new Pod, perhaps on another node, can help. It cannot
where, for instance, the image lacks the program; and what the node did to a Pod that it runs again
(a power cut, a restart, a new sandbox) is no fault of the Pod, which may be well."""


def _default(value: object) -> BeforeValidator:
    return BeforeValidator(lambda given: value if given is None else given)


def _within(least: int, most: int) -> AfterValidator:
    """Clamp a number to what the CRD allows: it may have been stored before the CRD did so."""
    return AfterValidator(lambda given: max(least, min(given, most)))


_DAY = 86_400


class RemediationBudget(WireModel):
    """``spec.remediation.budget``: how many Pods may be replaced within a window."""

    pods: Annotated[int, _default(5), _within(0, 50)] = 5
    windowSeconds: Annotated[int, _default(600), _within(60, _DAY)] = 600

    @property
    def per_namespace(self) -> int | None:
        """How many of them in one namespace; None where there is one only."""
        return None


class RemediationSpec(WireModel):
    """``spec.remediation``, with the CRD's defaults for what is missing."""

    dryRun: Annotated[bool, _default(value=False)] = False
    paused: Annotated[bool, _default(value=False)] = False
    causes: Annotated[tuple[str, ...], _default(DEFAULT_CAUSES)] = DEFAULT_CAUSES
    include: Many[str] = ()
    onlyWhileNotReady: Annotated[bool, _default(value=False)] = False
    minPodAgeSeconds: Annotated[int, _default(30), _within(0, _DAY)] = 30
    coolDownSeconds: Annotated[int, _default(60), _within(10, 3600)] = 60
    maxAttempts: Annotated[int, _default(5), _within(1, 100)] = 5
    budget: Annotated[RemediationBudget, _default(RemediationBudget())] = RemediationBudget()


MAX_LOG_LINES = 50


class EvidenceSpec(StoredModel):
    """``spec.evidence``: what a diagnosis may rest on and show beyond a Pod's status."""

    events: Annotated[bool, _default(value=True)] = True
    """Whether Events of crashes are read, where the hook is allowed to."""
    terminationMessage: Annotated[bool, _default(value=False)] = False
    """Whether the container's termination message is shown."""
    logLines: Annotated[int, _default(0), _within(0, MAX_LOG_LINES)] = 0
    """How many of the last lines of its log are shown."""
    reason: Annotated[bool, _default(value=False)] = False
    """Whether termination message and log are read for the reason that the container gives."""
    changes: Annotated[bool, _default(value=True)] = True
    """Whether to look up what the template of a crashed Pod changed, where the hook may."""
    maskPatterns: Many[str] = ()
    """Regular expressions (RE2) of what is masked in text of others, beside what always is."""

    @property
    def reads_logs(self) -> bool:
        """Whether logs are read, where the hook is allowed to."""
        return self.reason or self.logLines > 0

    def without_container_output(self) -> "EvidenceSpec":
        """Return it without what shows what applications wrote."""
        if not (self.terminationMessage or self.reads_logs):
            return self
        off = {"terminationMessage": False, "logLines": 0, "reason": False}
        return self.model_copy(update=off)


class IgnoreSpec(StoredModel):
    """``spec.ignore``: a crash that any field applies to is neither shown nor remediated."""

    cleanExits: Annotated[bool, _default(value=False)] = False
    """Whether crashes with exit code 0 are ignored, unless their cause says more."""
    causes: Many[str] = ()
    exitCodes: Many[Int32] = ()
    containers: Many[str] = ()
    """Names of containers, or patterns with ``*`` and ``?``."""
    podLabels: Strings = Field(default_factory=dict)
    """Crashes of Pods with all of these labels are ignored; none if it is empty."""


class ThresholdSpec(StoredModel):
    """An entry of ``spec.thresholds``: how many restarts in a window it takes to report a crash."""

    container: Text = ""
    """A container's name or a pattern; empty for all. The first entry that matches counts."""
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

    KIND: ClassVar = POD_DIAGNOSER

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

    def reaches(self, namespace: str) -> bool:
        """Say whether it may claim Pods of a namespace at all."""
        return namespace == self.metadata.namespace

    def remediation_entry(self, namespace: str, **fields: Any) -> Remediation:
        """Make an entry of ``status.remediations`` for a Pod of a namespace."""
        del namespace
        return Remediation(**fields)

    def owner_entry(self, namespace: str, **fields: Any) -> OwnerHistory:
        """Make an entry of ``status.owners`` for an owner in a namespace."""
        del namespace
        return OwnerHistory(**fields)


_NAME = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
"""A PodDiagnoser's name: a DNS-1123 subdomain that fits into a label's value."""

_UID = re.compile(r"[!-~]{1,128}")


class TargetDiagnoser(StoredModel):
    """The PodDiagnoser or ClusterPodDiagnoser that published a DiagnosisTarget."""

    kind: Text = POD_DIAGNOSER
    name: Text = ""
    uid: Text = ""


class DiagnosisTargetSpec(StoredModel):
    """``spec`` of a DiagnosisTarget: what syncs of Pods need of a PodDiagnoser, and nothing more.

    Read leniently: a forged one must not keep the Pods of its namespace from being diagnosed;
    `DiagnosisTarget.is_owned_by_its_diagnoser` rejects it.
    """

    diagnoser: TargetDiagnoser = TargetDiagnoser()
    active: Annotated[bool, OrNull(lambda: True)] = True
    """False: its PodDiagnoser is switched off. It claims no Pod, and keeps ClusterPodDiagnosers
    away from those that it matches."""
    since: Text = ""
    """The PodDiagnoser's creationTimestamp: of several that match a Pod, the oldest claims it."""
    targetLabels: Strings = Field(default_factory=dict)
    evidence: EvidenceSpec = EvidenceSpec()
    # A factory, since pydantic would copy a default that can't be hashed, at seven times the cost.
    ignore: IgnoreSpec = Field(default_factory=IgnoreSpec)
    thresholds: Many[ThresholdSpec] = ()

    @property
    def is_of_cluster(self) -> bool:
        """Whether a ClusterPodDiagnoser published it."""
        return self.diagnoser.kind == CLUSTER_POD_DIAGNOSER


class DiagnosisTarget(WireModel):
    """A DiagnosisTarget, as Metacontroller sends it."""

    metadata: OwnedMeta
    spec: DiagnosisTargetSpec = DiagnosisTargetSpec()

    @property
    def is_owned_by_its_diagnoser(self) -> bool:
        """Whether its controller is the PodDiagnoser that it names, by uid, and it has its name.

        Of each PodDiagnoser there is one: a second one, though owned, is none of Metacontroller's.
        Anyone who may create DiagnosisTargets can forge one; the controller owner reference is what
        Metacontroller sets on an attachment of the PodDiagnoser. With a name that no PodDiagnoser
        can have, the API server would refuse the label, and with it everything on the Pod.
        """
        diagnoser = self.spec.diagnoser
        if diagnoser.kind not in (POD_DIAGNOSER, CLUSTER_POD_DIAGNOSER):
            return False
        if not _NAME.fullmatch(diagnoser.name) or not _UID.fullmatch(diagnoser.uid):
            return False
        if self.metadata.name != diagnosis_target_name(self.spec):
            return False
        return any(
            owner.controller is True
            and owner.apiVersion == API_VERSION
            and owner.kind == diagnoser.kind
            and owner.name == diagnoser.name
            and owner.uid == diagnoser.uid
            for owner in self.metadata.ownerReferences
        )


def diagnosis_target_spec(diagnoser: PodDiagnoser) -> DiagnosisTargetSpec:
    """Build the spec of a diagnoser's DiagnosisTarget. It changes only with its own spec.

    That of one that is switched off holds no more than which Pods it selects.
    """
    meta, spec = diagnoser.metadata, diagnoser.spec
    described = TargetDiagnoser(kind=diagnoser.KIND, name=meta.name, uid=meta.uid)
    if not diagnoser.active:
        return DiagnosisTargetSpec(
            diagnoser=described,
            active=False,
            since=meta.creationTimestamp,
            targetLabels=spec.targetLabels,
        )
    return DiagnosisTargetSpec(
        diagnoser=described,
        since=meta.creationTimestamp,
        targetLabels=spec.targetLabels,
        evidence=spec.evidence,
        ignore=spec.ignore,
        thresholds=spec.thresholds,
    )


def diagnosis_target_name(target: DiagnosisTargetSpec) -> str:
    """Return the name of a DiagnosisTarget.

    It holds the start of the diagnoser's uid, so that one that was deleted and created again
    publishes a new object while the old one still waits for garbage collection: Metacontroller
    would swallow the AlreadyExists of its creation.

    That of a PodDiagnoser that is switched off has another name: a former version of this hook,
    which knows no `active`, does not take it for a claim.
    """
    kind = "-cluster" if target.is_of_cluster else ""
    off = "" if target.active else "-off"
    return f"{target.diagnoser.name}-{target.diagnoser.uid[:8]}{kind}{off}"


def diagnosis_target(
    diagnoser: PodDiagnoser, namespace: str, stored: DiagnosisTargetSpec | None = None
) -> Mapping[str, object]:
    """Build the DiagnosisTarget that a diagnoser publishes in a namespace, as an attachment.

    Args:
        diagnoser: the PodDiagnoser or ClusterPodDiagnoser.
        namespace: the namespace; of a PodDiagnoser its own.
        stored: the spec of its DiagnosisTarget as it is stored, where that is known. What others
            have added to it is removed.
    """
    (target,) = diagnosis_targets(diagnoser, {namespace: stored})
    return target


def diagnosis_targets(
    diagnoser: PodDiagnoser,
    stored: Mapping[str, DiagnosisTargetSpec | None],
    annotations: Mapping[str, str] | None = None,
) -> Iterator[Mapping[str, object]]:
    """Build the DiagnosisTargets that a diagnoser publishes, as `diagnosis_target`.

    Args:
        diagnoser: the PodDiagnoser or ClusterPodDiagnoser.
        stored: the namespaces, with what is stored there; there may be thousands.
        annotations: of each DiagnosisTarget.
    """
    wanted = diagnosis_target_spec(diagnoser)
    name, spec = diagnosis_target_name(wanted), wanted.model_dump(exclude_defaults=True)
    more: dict[str, object] = {"annotations": dict(annotations)} if annotations else {}
    if wanted.is_of_cluster:
        more["labels"] = {CLUSTER_LABEL: diagnoser.metadata.name}
    for namespace, there in stored.items():
        yield {
            "apiVersion": API_VERSION,
            "kind": "DiagnosisTarget",
            "metadata": {"name": name, "namespace": namespace, **more},
            "spec": spec
            if there is None or there == wanted
            else _with_removals(spec, there.model_dump(exclude_defaults=True)),
        }


def _with_removals(desired: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Set to null what is stored and not desired, which the API server then drops.

    Metacontroller merges an attachment into what is stored, and leaves the fields that it has not
    written itself. Of an object only the fields are set to null: merged with null it would stay.
    """
    removals = {
        key: _with_removals(desired.get(key) or {}, value) if isinstance(value, Mapping) else None
        for key, value in stored.items()
        if key not in desired or isinstance(value, Mapping)
    }
    return {**desired, **removals}
