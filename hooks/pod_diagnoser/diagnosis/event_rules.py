"""What Events prove of an ending. Pure.

Only the kubelet's Events about that very container count, and only those of the time in which it
ran and ended: Events about earlier lives of a container look the same, and repeats of one Event are
one Event whose count rises, of which only the first and the last time are known.

Sources: ``pkg/kubelet/kuberuntime/kuberuntime_manager.go`` (computePodActions),
``kuberuntime_container.go`` (killContainer), ``pkg/kubelet/prober/prober.go``,
``pkg/kubelet/events/event.go``.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from pod_diagnoser.diagnosis.evidence import (
    EventFinding,
    EventLookup,
    Evidence,
    FetchedEvidence,
    PodEvent,
)
from pod_diagnoser.diagnosis.redaction import redact_head
from pod_diagnoser.diagnosis.symptoms import LastingCondition, Symptom, SymptomKind

MAX_DETAIL_BYTES: Final = 120

MAX_LOOKUPS: Final = 2
"""How often the Events of a crash are read: the kubelet may post what tells it a little later."""

SECOND_LOOKUP_AFTER: Final = timedelta(seconds=5)
"""After how long they are read again."""

_SECOND: Final = timedelta(seconds=1)

_ASSUMED_RUN: Final = timedelta(minutes=10)
"""How long before its end a container is taken to have started where nobody knows."""

_SANDBOX_TOLERANCE: Final = timedelta(seconds=30)
"""How far a change of the sandbox may be from the end of a container that it explains: the kubelet
sees it when it next looks."""

_SELF_EXPLANATORY_REASONS: Final = (
    "OOMKilled",
    "StartError",
    "ContainerCannotRun",
    "RestartingAllContainers",
)
"""Reasons that tell all there is to tell."""

_KILLINGS: Final = (
    (
        EventFinding.LIVENESS_PROBE,
        ("Container {} failed liveness probe", "Init container {} failed live"),
    ),
    (
        EventFinding.STARTUP_PROBE,
        ("Container {} failed startup probe", "Init container {} failed start"),
    ),
    (EventFinding.POST_START_HOOK, ("FailedPostStartHook",)),
    (EventFinding.RESIZED, ("Container {} resize requires restart",)),
    (EventFinding.DEFINITION_CHANGED, ("Container {} definition", "Init container {} definition")),
)
"""How begins what the kubelet says when it kills a container, and what that proves."""

_STOPPING: Final = "Stopping container"
"""What it says where the whole Pod is stopped."""

_EVENTS_RETAINED: Final = timedelta(minutes=50)
"""For how long Events are there to be read for certain: a cluster keeps them for an hour."""

_PROBES: Final = {
    EventFinding.LIVENESS_PROBE: "Liveness probe ",
    EventFinding.STARTUP_PROBE: "Startup probe ",
}
"""How Events named Unhealthy begin that tell what a failed probe said."""

_PULLS: Final = ("Pulling", "Pulled", "Failed")
"""What tells how far the pull of an image is; the latest counts."""

_MOUNTS: Final = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")


_CONCLUSIVE: Final = (
    EventLookup.FOUND,
    EventLookup.UNCLEAR,
    EventLookup.EXPIRED,
    EventLookup.REFUSED,
)
"""What another look cannot change."""


def needs_lookup(
    ending: Symptom, known: Evidence | None, seen: datetime | None, now: datetime
) -> bool:
    """Say whether the Events of an ending should be read now.

    Args:
        ending: what ended, or failed.
        known: what is known of it beyond the Pod's status, or None.
        seen: when it was first seen, or None for now.
        now: the time.

    Returns:
        Whether they may tell more than is known.
    """
    wait = seconds_until_lookup(ending, known, seen, now)
    return wait is not None and wait <= 0


def seconds_until_lookup(
    ending: Symptom, known: Evidence | None, seen: datetime | None, now: datetime
) -> float | None:
    """Say in how many seconds the Events of an ending should be read.

    Args:
        ending: what ended, or failed.
        known: what is known of it beyond the Pod's status, or None.
        seen: when it was first seen, or None for now.
        now: the time.

    Returns:
        0 or less for now; None where they cannot tell more than is known.
    """
    if not _events_may_explain(ending):
        return None
    if known is None:
        return 0.0
    if (
        known.lookup in _CONCLUSIVE
        or known.lookups >= MAX_LOOKUPS
        or not _may_come_late(ending, known)
    ):
        return None
    return ((seen or now) + SECOND_LOOKUP_AFTER - now).total_seconds()


def _events_may_explain(ending: Symptom) -> bool:
    if ending.kind is SymptomKind.TERMINATED:
        return ending.reason not in _SELF_EXPLANATORY_REASONS
    return ending.kind is SymptomKind.LASTING_CONDITION and ending.reason in (
        LastingCondition.NOT_CREATED,
        LastingCondition.NOT_READY,
    )


def _may_come_late(ending: Symptom, known: Evidence) -> bool:
    """Whether a second look is worth a call: not for an application's own code without probes."""
    if known.lookup is not EventLookup.NOTHING or ending.kind is SymptomKind.LASTING_CONDITION:
        return True
    stoppable = ending.exit_code in (0, 137, 143) or ending.has_post_start_hook or ending.resizable
    return bool(ending.probes) or stoppable


def evaluate_events(
    ending: Symptom,
    gathered: FetchedEvidence,
    known: Evidence | None,
    now: datetime,
    mask: Sequence[str] = (),
) -> Evidence:
    """Say what Events prove of an ending.

    Args:
        ending: what ended, or failed.
        gathered: the Pod's Events, or why there are none.
        known: what was known of it before, or None.
        now: the time.
        mask: patterns of what is masked in what a probe said, beside what always is.

    Returns:
        What is known of it now.
    """
    reads = min((known.lookups if known else 0) + 1, MAX_LOOKUPS)
    if gathered.lookup is not EventLookup.FOUND:
        return Evidence(gathered.lookup or EventLookup.UNAVAILABLE, lookups=reads)
    proved = _find_in_lasting_condition(ending, gathered.events)
    if ending.kind is SymptomKind.TERMINATED:
        proved = _find_in_termination(ending, gathered.events)
    if proved is None and _is_spanned_by_one_event(ending, gathered.events):
        return Evidence(EventLookup.UNCLEAR, lookups=reads)
    if proved is None:
        ended = ending.ended_by
        gone = ending.kind is SymptomKind.TERMINATED and (
            ended is None or now - ended > _EVENTS_RETAINED
        )
        return Evidence(EventLookup.EXPIRED if gone else EventLookup.NOTHING, lookups=reads)
    proof, detail = proved
    return Evidence(EventLookup.FOUND, proof, _fit_detail(detail, mask), reads)


def _fit_detail(detail: str, mask: Sequence[str]) -> str:
    """What an Event says in addition, fit for a sentence: a probe's output may hold anything."""
    return redact_head(" ".join(detail.split()), MAX_DETAIL_BYTES, mask) if detail else ""


_Finding = tuple[EventFinding, str]


def _find_in_termination(ending: Symptom, events: Sequence[PodEvent]) -> _Finding | None:
    end = ending.finished_at
    if end is None:
        return None
    start = ending.started_at or end - _ASSUMED_RUN
    own = [each for each in events if each.container == ending.container]

    def within(event: PodEvent) -> bool:
        # The kubelet says that it stops a container before it does, by the clock that tells when
        # the container ended. What it says later is about the next one, or about the Pod's end.
        return _is_between(event, start, end)

    said = [each for each in own if each.reason == "Killing" and within(each)]
    for proof, words in _KILLINGS:
        begins = tuple(text.format(ending.container) for text in words)
        # A probe takes more than the second in which the container started: what was said in that
        # was said of the one before. A hook may fail at once.
        least = start if proof is EventFinding.POST_START_HOOK else start + _SECOND
        if any(each.message.startswith(begins) and _is_between(each, least, end) for each in said):
            prefix = _PROBES.get(proof)
            return proof, _probe_output(own, prefix, within) if prefix else ""
    if not any(each.message.startswith(_STOPPING) for each in said):
        return None
    if any(_is_near(each, "SandboxChanged", end) for each in events if not each.container):
        return EventFinding.SANDBOX_CHANGED, ""
    return EventFinding.STOPPED, ""


def _is_between(event: PodEvent, start: datetime, end: datetime) -> bool:
    return any(at is not None and start <= at <= end for at in (event.last, event.first))


def _is_spanned_by_one_event(ending: Symptom, events: Sequence[PodEvent]) -> bool:
    """Whether the end lies between the first and the last of several kills told by one Event."""
    end = ending.finished_at
    return ending.kind is SymptomKind.TERMINATED and any(
        each.container == ending.container
        and each.reason == "Killing"
        and each.first is not None
        and each.last is not None
        and end is not None
        and each.first < end < each.last
        for each in events
    )


def _probe_output(
    events: Iterable[PodEvent], prefix: str, within: Callable[[PodEvent], bool]
) -> str:
    """What a failed probe said at last."""
    said = [
        each
        for each in events
        if each.reason == "Unhealthy" and each.message.startswith(prefix) and within(each)
    ]
    latest = max(said, key=lambda each: (each.last or each.first, each.message), default=None)
    return "" if latest is None else latest.message.partition(": ")[2]


def _is_near(event: PodEvent, reason: str, end: datetime) -> bool:
    return event.reason == reason and any(
        at is not None and abs(at - end) <= _SANDBOX_TOLERANCE for at in (event.first, event.last)
    )


def _find_in_lasting_condition(ending: Symptom, events: Sequence[PodEvent]) -> _Finding | None:
    since = ending.started_at
    if ending.kind is not SymptomKind.LASTING_CONDITION or since is None:
        return None
    lasting = [each for each in events if each.last is not None and each.last >= since - _SECOND]
    if ending.reason == LastingCondition.NOT_READY:
        said = [
            each
            for each in lasting
            if each.container == ending.container
            and each.reason == "Unhealthy"
            and each.message.startswith("Readiness probe ")
        ]
        latest = _latest(said)
        if latest is None:
            return None
        return EventFinding.READINESS_PROBE, latest.message.partition(": ")[2]
    failed = _latest([each for each in lasting if each.reason in _MOUNTS])
    if failed is not None:
        return EventFinding.MOUNT_FAILED, failed.message
    failed = _latest([each for each in lasting if each.reason == "FailedCreatePodSandBox"])
    if failed is not None:
        return EventFinding.SANDBOX_FAILED, failed.message
    pull = _latest([each for each in events if each.reason in _PULLS])
    return (EventFinding.PULLING, "") if pull is not None and pull.reason == "Pulling" else None


def _latest(events: Sequence[PodEvent]) -> PodEvent | None:
    return max(events, key=lambda each: (str(each.last), each.message), default=None)
