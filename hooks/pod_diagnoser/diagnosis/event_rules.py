"""What Events prove of a symptom, and when they are worth a lookup.

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

from pod_diagnoser.diagnosis import start_event_rules
from pod_diagnoser.diagnosis.evidence import (
    MAX_DETAIL_BYTES,
    EventFinding,
    EventLookup,
    Evidence,
    FetchedEvidence,
    PodEvent,
)
from pod_diagnoser.diagnosis.redaction import redact_head
from pod_diagnoser.diagnosis.symptoms import STATUS_CONTROL_C_EXIT, Symptom, SymptomKind

MAX_LOOKUPS: Final = 2
"""How often the Events of a crash are looked up: the kubelet may post the one that explains it a
little later."""

SECOND_LOOKUP_AFTER: Final = timedelta(seconds=5)
"""The time from the first observation of a crash to the second lookup."""

_SECOND: Final = timedelta(seconds=1)

_ASSUMED_RUN: Final = timedelta(minutes=10)
"""How long before its end a container is taken to have started where that is not known."""

_SANDBOX_TOLERANCE: Final = timedelta(seconds=30)
"""How far a change of the sandbox may be from the end of a container that it explains: the kubelet
notices it at its next look."""

_SELF_EXPLANATORY_REASONS: Final = (
    "OOMKilled",
    "StartError",
    "ContainerCannotRun",
    "RestartingAllContainers",
)
"""Reasons to which Events add nothing."""

_KILL_MESSAGES: Final = (
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
"""What the kubelet proves when it kills a container, and how its message begins then."""

_STOPPING: Final = "Stopping container"
"""How its message begins where the whole Pod is stopped."""

_EVENTS_RETAINED: Final = timedelta(minutes=50)
"""How long Events can certainly be read: a cluster keeps them for an hour by default."""

_PROBE_MESSAGES: Final = {
    EventFinding.LIVENESS_PROBE: "Liveness probe ",
    EventFinding.STARTUP_PROBE: "Startup probe ",
}
"""How the message of an Event Unhealthy begins that holds the output of a failed probe."""

_CONCLUSIVE: Final = (
    EventLookup.FOUND,
    EventLookup.UNCLEAR,
    EventLookup.EXPIRED,
    EventLookup.REFUSED,
)
"""Results that another lookup cannot change."""


def needs_lookup(
    symptom: Symptom, known: Evidence | None, first_observed: datetime | None, now: datetime
) -> bool:
    """Return whether the Events of a symptom should be looked up now.

    The arguments are those of `seconds_until_lookup`.
    """
    seconds = seconds_until_lookup(symptom, known, first_observed, now)
    return seconds is not None and seconds <= 0


def seconds_until_lookup(
    symptom: Symptom, known: Evidence | None, first_observed: datetime | None, now: datetime
) -> float | None:
    """Return in how many seconds the Events of a symptom should be looked up.

    Args:
        symptom: what ended or failed.
        known: its evidence so far, or None.
        first_observed: when it was first observed, or None for now.
        now: the time.

    Returns:
        0 or less for now; None where Events cannot add to what is known.
    """
    if symptom.kind is not SymptomKind.TERMINATED:
        return start_event_rules.seconds_until_lookup(symptom, known, first_observed, now)
    if not may_change_cause(symptom, known):
        return None
    if known is None:
        return 0.0
    return ((first_observed or now) + SECOND_LOOKUP_AFTER - now).total_seconds()


def may_change_cause(symptom: Symptom, known: Evidence | None) -> bool:
    """Return whether a lookup of Events that is due may change the cause of a symptom.

    Args:
        symptom: what ended or failed. What does not start has had its lookup; that it is looked up
            again for as long as it lasts is nothing to wait for.
        known: its evidence so far, or None.
    """
    if symptom.kind is not SymptomKind.TERMINATED:
        return known is None and start_event_rules.may_explain(symptom)
    if symptom.reason in _SELF_EXPLANATORY_REASONS:
        return False
    return known is None or not (
        known.lookup in _CONCLUSIVE
        or known.lookups >= MAX_LOOKUPS
        or not _may_come_late(symptom, known)
    )


def _may_come_late(symptom: Symptom, known: Evidence) -> bool:
    """Whether an Event that explains the symptom may be posted after the first lookup.

    Not for an exit code of the application's own, in a container that the kubelet has no reason to
    stop: a second lookup would be wasted.
    """
    if known.lookup is not EventLookup.NOTHING:
        return True
    return (
        symptom.exit_code in (0, 137, 143)
        or bool(symptom.probes)
        or symptom.has_post_start_hook
        or symptom.resizable
    )


def evaluate_events(
    symptom: Symptom,
    fetched: FetchedEvidence,
    known: Evidence | None,
    now: datetime,
    mask_patterns: Sequence[str] = (),
) -> Evidence:
    """Work out what the Events of a Pod prove of a symptom.

    Args:
        symptom: what ended or failed.
        fetched: the Pod's Events, or why there are none.
        known: its evidence so far, or None.
        now: the time.
        mask_patterns: what is masked in a probe's output, beside what always is.

    Returns:
        Its evidence now.
    """
    if symptom.kind is not SymptomKind.TERMINATED:
        return start_event_rules.evaluate(symptom, fetched, known, mask_patterns)
    lookups = min((known.lookups if known else 0) + 1, MAX_LOOKUPS)
    if fetched.lookup is not EventLookup.FOUND:
        return Evidence(fetched.lookup or EventLookup.UNAVAILABLE, lookups=lookups)
    found = _find_in_termination(symptom, fetched.events)
    if found is not None:
        finding, detail = found
        return Evidence(EventLookup.FOUND, finding, _safe_detail(detail, mask_patterns), lookups)
    if _is_spanned_by_one_event(symptom, fetched.events):
        return Evidence(EventLookup.UNCLEAR, lookups=lookups)
    ended = symptom.ended_by
    expired = ended is None or now - ended > _EVENTS_RETAINED
    return Evidence(EventLookup.EXPIRED if expired else EventLookup.NOTHING, lookups=lookups)


def _safe_detail(detail: str, mask_patterns: Sequence[str]) -> str:
    """Redact what an Event says in addition: a probe's output may hold anything."""
    return redact_head(" ".join(detail.split()), MAX_DETAIL_BYTES, mask_patterns) if detail else ""


_Finding = tuple[EventFinding, str]


def _find_in_termination(symptom: Symptom, events: Sequence[PodEvent]) -> _Finding | None:
    end = symptom.finished_at
    if end is None:
        return None
    start = symptom.started_at or end - _ASSUMED_RUN
    own = [each for each in events if each.container == symptom.container]

    def while_it_ran(event: PodEvent) -> bool:
        # The kubelet posts that it stops a container before it does, by the clock by which it
        # records the container's end. Later Events are about the next one, or about the Pod's end.
        return _is_between(event, start, end)

    kills = [each for each in own if each.reason == "Killing" and while_it_ran(each)]
    for finding, texts in _KILL_MESSAGES:
        beginnings = tuple(text.format(symptom.container) for text in texts)
        # A probe takes more than the second in which the container started: an Event of that second
        # is about the container before. A hook may fail at once.
        earliest = start if finding is EventFinding.POST_START_HOOK else start + _SECOND
        if any(
            each.message.startswith(beginnings) and _is_between(each, earliest, end)
            for each in kills
        ):
            prefix = _PROBE_MESSAGES.get(finding)
            return finding, _probe_output(own, prefix, while_it_ran) if prefix else ""
    was_stopped = symptom.windows_status == STATUS_CONTROL_C_EXIT
    if not was_stopped and not any(each.message.startswith(_STOPPING) for each in kills):
        return None
    if any(_is_near(each, "SandboxChanged", end) for each in events if not each.container):
        return EventFinding.SANDBOX_CHANGED, ""
    return None if was_stopped else (EventFinding.STOPPED, "")


def _is_between(event: PodEvent, start: datetime, end: datetime) -> bool:
    return any(at is not None and start <= at <= end for at in (event.last, event.first))


def _is_spanned_by_one_event(symptom: Symptom, events: Sequence[PodEvent]) -> bool:
    """Whether the end lies between the first and the last of several kills in one Event."""
    end = symptom.finished_at
    return any(
        each.container == symptom.container
        and each.reason == "Killing"
        and each.first is not None
        and each.last is not None
        and end is not None
        and each.first < end < each.last
        for each in events
    )


def _probe_output(
    events: Iterable[PodEvent], prefix: str, relevant: Callable[[PodEvent], bool]
) -> str:
    """Return the last output of a failed probe."""
    outputs = [
        each
        for each in events
        if each.reason == "Unhealthy" and each.message.startswith(prefix) and relevant(each)
    ]
    latest = max(outputs, key=lambda each: (each.last or each.first, each.message), default=None)
    return "" if latest is None else latest.message.partition(": ")[2]


def _is_near(event: PodEvent, reason: str, end: datetime) -> bool:
    return event.reason == reason and any(
        at is not None and abs(at - end) <= _SANDBOX_TOLERANCE for at in (event.first, event.last)
    )
