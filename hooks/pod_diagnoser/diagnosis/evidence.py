"""What beyond the Pod's status tells of a crash: what is wanted, and what came of asking. Pure.

The core says what it would like to know of a crash that it sees for the first time; the edge
(`pod_diagnoser.evidence`) asks the API server, bounded, and the core is asked again. What was
found is kept on the Pod with the crash, so that it is asked for once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class EventLookup(StrEnum):
    """What came of asking for Events."""

    FOUND = "Found"
    """They tell what happened."""
    NOTHING = "Nothing"
    """They were read, and tell nothing of this crash."""
    UNCLEAR = "Unclear"
    """They tell of several ends of the container, and not whether of this one."""
    EXPIRED = "Expired"
    """They tell nothing of it; it is so long ago that those about it may be gone."""
    REFUSED = "Refused"
    """The hook may not read them."""
    UNAVAILABLE = "Unavailable"
    """They could not be read in time."""


class EventFinding(StrEnum):
    """What Events prove of a crash. Each is an Event of the kubelet about that very container."""

    LIVENESS_PROBE = "LivenessProbe"
    STARTUP_PROBE = "StartupProbe"
    POST_START_HOOK = "PostStartHook"
    SANDBOX_CHANGED = "SandboxChanged"
    RESIZED = "Resized"
    DEFINITION_CHANGED = "DefinitionChanged"
    STOPPED = "Stopped"
    """The kubelet stopped it, and does not say why."""
    MOUNT_FAILED = "MountFailed"
    SANDBOX_FAILED = "SandboxFailed"
    READINESS_PROBE = "ReadinessProbe"
    PULLING = "Pulling"
    """Its image is being pulled: that may last."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a crash beyond the Pod's status.

    Attributes:
        asked: what came of asking.
        proof: what was found, or None.
        detail: what the Event says in addition (a probe's output), clean and bounded; or empty.
        reads: how often it was asked.
    """

    lookup: EventLookup
    finding: EventFinding | None = None
    detail: str = ""
    lookups: int = 1

    @classmethod
    def from_status(cls, proof: EventFinding) -> "Evidence":
        """What a passing moment of the Pod's own status proves: nobody has to be asked."""
        return cls(EventLookup.FOUND, proof, lookups=0)


NO_EVIDENCE: Mapping[str, Evidence] = {}


@dataclass(frozen=True, slots=True)
class PodEvent:
    """An Event about a Pod, as far as it is read; all texts are as hostile as the Pod.

    Attributes:
        reason: as in ``Killing``.
        message: what it says.
        container: the container that it is about, by its fieldPath; empty for the Pod.
        first: when it happened first, or None.
        last: when it happened last, or None.
    """

    reason: str
    message: str
    container: str
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class LogRequest:
    """A log to be read.

    Attributes:
        container: the container.
        previous: whether that of the container before the last restart.
        lines: how many of its last lines.
    """

    container: str
    previous: bool
    lines: int


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """What the core would like to know of a Pod.

    Attributes:
        namespace: the Pod's namespace.
        pod: its name.
        uid: its uid.
        events: whether its Events are wanted.
        log: the log that is wanted, or None.
    """

    namespace: str
    pod: str
    uid: str
    events: bool = False
    log: LogRequest | None = None


@dataclass(frozen=True, slots=True)
class FetchedEvidence:
    """What the edge found.

    Attributes:
        lookup: the result of the lookup of Events: `EventLookup.FOUND` with all that there are, or
            why not; None where they were not requested.
        events: the Events.
        log: the last lines of the log as they are, not yet fit to be shown; None where there is
            none, or it was not asked for.
    """

    lookup: EventLookup | None = None
    events: Sequence[PodEvent] = field(default_factory=tuple)
    log: str | None = None


class EvidenceFetcher(Protocol):
    """Asks the API server."""

    def fetch(self, wanted: EvidenceRequest) -> FetchedEvidence:
        """Ask for what is wanted.

        Args:
            wanted: what is wanted.

        Returns:
            What was found. It never fails and is bounded in time and size.
        """
