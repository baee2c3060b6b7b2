"""Evidence: what is known of a crash beyond the Pod's status, and how it is requested.

Deciding and fetching are apart. A sync says which Events and logs it needs (`EvidenceRequest`), an
`EvidenceFetcher` asks the API server within bounds, and the sync runs again with the result. What
was found is kept on the Pod with the crash, so that it is fetched once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.changes import TemplateChange, TemplateRequest
from pod_diagnoser.diagnosis.messages import Problem

MAX_DETAIL_BYTES: Final = 120


class EventLookup(StrEnum):
    """The result of a lookup of a Pod's Events."""

    FOUND = "Found"
    """They say what happened."""
    SILENT = "Silent"
    """None is about this crash, and one would be there: its absence proves something."""
    NOTHING = "Nothing"
    """None is about this crash, which proves nothing: one may have been dropped, or left out."""
    UNCLEAR = "Unclear"
    """They are about several terminations of the container, perhaps not about this one."""
    EXPIRED = "Expired"
    """None is about this crash, which is so long ago that those about it may be gone."""
    REFUSED = "Refused"
    """The hook is not allowed to read them."""
    UNAVAILABLE = "Unavailable"
    """They could not be read in time."""


class EventFinding(StrEnum):
    """What Events prove of a crash: those of the kubelet about that very container, or its node."""

    LIVENESS_PROBE = "LivenessProbe"
    STARTUP_PROBE = "StartupProbe"
    POST_START_HOOK = "PostStartHook"
    SANDBOX_CHANGED = "SandboxChanged"
    RESIZED = "Resized"
    DEFINITION_CHANGED = "DefinitionChanged"
    STOPPED = "Stopped"
    """The kubelet stopped it, without saying why."""
    NODE_SHUTDOWN = "NodeShutdown"
    MOUNT_FAILED = "MountFailed"
    SANDBOX_FAILED = "SandboxFailed"
    DEVICES_FAILED = "DevicesFailed"
    CLAIM_FAILED = "ClaimFailed"
    """A ResourceClaim that it needs could not be made."""
    SETUP_FAILED = "SetupFailed"
    """Something else that the kubelet does before it creates containers."""
    PULL_FAILED = "PullFailed"
    PULLING = "Pulling"
    """Its image is being pulled, which may take long."""
    READINESS_PROBE = "ReadinessProbe"
    STARTUP_PROBE_FAILS = "StartupProbeFails"
    """It has failed, not yet so often that the kubelet stops the container."""
    STOP_FAILED = "StopFailed"
    EXEC_FORMAT = "ExecFormat"
    """By its log, not by an Event: its program could not be executed."""
    NODE_OUT_OF_MEMORY = "NodeOutOfMemory"
    """Its node ran out of memory in the second in which it was killed."""
    NODE_REBOOTED = "NodeRebooted"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a crash beyond the Pod's status.

    Attributes:
        lookup: the result of the lookup of its Events.
        finding: what they prove, or None.
        detail: what the Event says in addition (a probe's output), redacted and bounded; or empty.
        lookups: how often its Events were looked up; 0 for what the Pod's own status gave.
        problem: the kind of problem that the Event tells of, or None.
        since: since when it goes on, of a pull that has not ended; else None.
        event: the reason of the Event that has the detail or, without one, that proves the finding.
            Without a finding it is that of an Event which is a hint, and no proof; or empty.
        event_time: when that Event happened, or None.
    """

    lookup: EventLookup
    finding: EventFinding | None = None
    detail: str = ""
    lookups: int = 1
    problem: Problem | None = None
    since: datetime | None = None
    event: str = ""
    event_time: datetime | None = None

    @classmethod
    def from_status(
        cls, finding: EventFinding, detail: str = "", problem: Problem | None = None
    ) -> "Evidence":
        """Return evidence that a moment of the Pod's own status gives, without a lookup."""
        return cls(EventLookup.FOUND, finding, detail, lookups=0, problem=problem)

    @property
    def is_unclear(self) -> bool:
        """Whether the Events were read, and do not tell if the kubelet stopped the container."""
        return self.lookup in (EventLookup.NOTHING, EventLookup.UNCLEAR)


NO_EVIDENCE: Mapping[str, Evidence] = {}


class OutputSource(StrEnum):
    """Which output of a container was read."""

    MESSAGE = "Message"
    LOG = "Log"


@dataclass(frozen=True, slots=True)
class OutputReason:
    """The reason that a container's own output gives for its end: redacted and bounded.

    Attributes:
        reason_class: what kind of reason it is; `ReasonClass.NOTHING` where the output does not
            explain the end.
        source: which output gives it.
        said: what its best line says; empty where there is none, or it must not be shown.
        lines: the lines as they stand, best first; of former crashes they are not kept.
    """

    reason_class: ReasonClass
    source: OutputSource
    said: str = ""
    lines: tuple[str, ...] = ()

    @property
    def explains(self) -> bool:
        """Whether it says why the container failed."""
        return self.reason_class not in (ReasonClass.NOTHING, ReasonClass.ASKED_TO_STOP)


@dataclass(frozen=True, slots=True)
class PodEvent:
    """An Event about a Pod, as far as it is read; its texts are not safe yet.

    Attributes:
        reason: ``Killing``, for example.
        message: what it says.
        container: the container that it is about, by its fieldPath; empty for the Pod.
        first: when it happened first, or None.
        last: when it happened last, or None.
        count: how often it happened; 1 at least.
        normal: whether its type is Normal, and not Warning.
    """

    reason: str
    message: str
    container: str
    first: datetime | None
    last: datetime | None
    count: int = 1
    normal: bool = True


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """An Event about a node, as far as it is read; its texts are not safe yet.

    Attributes:
        source: who wrote it: ``kubelet``, for example.
        reason: ``SystemOOM``, for example.
        message: what it says.
        first: when it happened first, or None.
        last: when it happened last, or None.
    """

    source: str
    reason: str
    message: str
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class NodeEvents:
    """The Events about a node.

    Attributes:
        events: the Events.
        read_at: when they were read, by the API server's clock. They are kept for a while.
    """

    events: Sequence[NodeEvent]
    read_at: datetime


@dataclass(frozen=True, slots=True)
class LogRequest:
    """The end of a container's log that is requested.

    Attributes:
        container: the container.
        previous: whether to read the log from before the container's last restart.
        lines: how many of its last lines are shown. More are read: what is a secret is seen by the
            lines before it.
        for_reason: whether the reason of the end is looked for in it, for which more are read.
        target: the DiagnosisTarget that asks for it, as the sync's request has it.
    """

    container: str
    previous: bool
    lines: int
    for_reason: bool = False
    target: DiagnosisTargetSpec | None = None


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """Which Events and logs of a Pod are to be fetched.

    Attributes:
        namespace: the Pod's namespace.
        pod: its name.
        uid: its uid.
        events: whether to look up its Events.
        log: the log to read, or None.
        node: the node whose Events are to be read as well, or an empty string.
        template: the template of which it is not known yet what it changed, or None.
    """

    namespace: str
    pod: str
    uid: str
    events: bool = False
    log: LogRequest | None = None
    node: str = ""
    template: TemplateRequest | None = None

    @property
    def is_more_than_template(self) -> bool:
        """Whether anything but the template is requested, so that any result says something."""
        return self.events or self.log is not None


@dataclass(frozen=True, slots=True)
class FetchedEvidence:
    """What an `EvidenceFetcher` found.

    Attributes:
        lookup: the result of the lookup of Events: `EventLookup.FOUND` with all that there are, or
            why not; None where they were not requested.
        events: the Events.
        log: the end of the log, with more lines than requested, not yet redacted; None where there
            is none, or it was not requested.
        complete: whether these are all Events that there are; otherwise they prove what they say,
            and nothing by what they do not say.
        node: the Events about the Pod's node; None where they were not requested, or not read.
        change: what its template changed; None where that was not requested, or is not known.
        log_missed: whether the log that was requested could not be read, and may be later.
    """

    lookup: EventLookup | None = None
    events: Sequence[PodEvent] = field(default_factory=tuple)
    log: str | None = None
    complete: bool = True
    node: NodeEvents | None = None
    change: TemplateChange | None = None
    log_missed: bool = field(default=False, compare=False)


class EvidenceFetcher(Protocol):
    """Fetches evidence from the API server."""

    def fetch(self, request: EvidenceRequest) -> FetchedEvidence:
        """Fetch what is requested, bounded in time and size; what fails is in the result."""
