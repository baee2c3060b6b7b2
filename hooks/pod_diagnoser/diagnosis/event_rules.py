"""What Events prove of a symptom, and when they are worth a lookup.

Only the kubelet's Events about that very container count, and only those of the time in which it
ran and ended: Events about earlier lives of a container look the same, and repeats of one Event are
one Event whose count rises, of which only the first and the last time are known.

Sources: ``pkg/kubelet/kuberuntime/kuberuntime_manager.go`` (computePodActions),
``kuberuntime_container.go`` (killContainer), ``pkg/kubelet/prober/prober.go``,
``pkg/kubelet/events/event.go``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis import node_events, silence, start_event_rules
from pod_diagnoser.diagnosis.evidence import (
    MAX_DETAIL_BYTES,
    EventFinding,
    EventLookup,
    Evidence,
    FetchedEvidence,
    PodEvent,
)
from pod_diagnoser.diagnosis.redaction import redact_head
from pod_diagnoser.diagnosis.symptoms import (
    SIGNAL_BASE,
    STATUS_CONTROL_C_EXIT,
    Symptom,
    SymptomKind,
)

MAX_EVENT_BYTES: Final = 63
"""Of the reason of an Event. The longest of Kubernetes' own has 29."""

MAX_LOOKUPS: Final = 3
"""How often the Events of a crash are looked up: the kubelet may post the one that explains it a
little later. A third time only where those of the node were read before the crash."""

LOOKUPS_AWAITED: Final = 2
"""How many lookups are worth waiting for: the third one changes no cause, it adds a hint."""

SECOND_LOOKUP_AFTER: Final = timedelta(seconds=5)
"""The time from the first observation of a crash to the second lookup."""

THIRD_LOOKUP_AFTER: Final = timedelta(seconds=66)
"""The time to the third one: those of a node are read once a minute."""

_LOOKUPS_AFTER: Final = {1: SECOND_LOOKUP_AFTER, 2: THIRD_LOOKUP_AFTER}

_SECOND: Final = timedelta(seconds=1)

_ASSUMED_RUN: Final = timedelta(minutes=10)
"""How long before its end a container is taken to have started where that is not known."""

_SANDBOX_TOLERANCE: Final = timedelta(seconds=30)
"""How far a change of the sandbox may be from the end of a container that it explains: the kubelet
notices it at its next look."""

_SELF_EXPLANATORY_REASONS: Final = (
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

_KILL_TEXTS: Final = dict(_KILL_MESSAGES)

_STOPPING: Final = "Stopping container"
"""How its message begins where the whole Pod is stopped."""

_PROBE_MESSAGES: Final = {
    EventFinding.LIVENESS_PROBE: "Liveness probe ",
    EventFinding.STARTUP_PROBE: "Startup probe ",
}
"""How the message of an Event Unhealthy begins that holds the output of a failed probe."""

_IS_POSSIBLE: Final[Mapping[EventFinding, Callable[[Symptom], bool]]] = {
    EventFinding.LIVENESS_PROBE: lambda symptom: "liveness" in symptom.probes,
    EventFinding.STARTUP_PROBE: lambda symptom: "startup" in symptom.probes,
    EventFinding.POST_START_HOOK: lambda symptom: symptom.has_post_start_hook,
    EventFinding.RESIZED: lambda symptom: symptom.resizable and symptom.spec_may_have_changed,
    EventFinding.DEFINITION_CHANGED: lambda symptom: symptom.spec_may_have_changed,
}
"""By the Pod's own spec: anyone who may create Events can make one up that says what cannot be."""

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
    if known is not None and known.lookups == LOOKUPS_AWAITED:
        if not node_events.may_explain(symptom) or known.lookup in _CONCLUSIVE:
            return None
    elif not may_change_cause(symptom, known):
        return None
    if known is None:
        return 0.0
    after = _LOOKUPS_AFTER.get(known.lookups, SECOND_LOOKUP_AFTER)
    return ((first_observed or now) + after - now).total_seconds()


def may_change_cause(symptom: Symptom, known: Evidence | None) -> bool:
    """Return whether a lookup of Events that is due may change the cause of a symptom.

    Args:
        symptom: what ended or failed.
        known: its evidence so far, or None.
    """
    if symptom.kind is not SymptomKind.TERMINATED:
        return start_event_rules.may_change_cause(symptom, known)
    if _is_explained(symptom):
        return False
    return known is None or not (
        known.lookup in _CONCLUSIVE
        or known.lookups >= LOOKUPS_AWAITED
        or not _may_come_late(symptom, known)
    )


def needs_node_events(symptom: Symptom, known: Evidence | None) -> bool:
    """Return whether the Events of the node should be looked up with those of the Pod.

    Not the first time: the Pod's own may explain the crash, or come a little later.
    """
    return known is not None and node_events.may_explain(symptom)


def _is_explained(symptom: Symptom) -> bool:
    """Whether Events add nothing to what the status says of a termination."""
    if symptom.reason == "OOMKilled":
        # With another exit code the reason is about a child, perhaps of long ago.
        return symptom.exit_code == SIGNAL_BASE + 9
    return symptom.reason in _SELF_EXPLANATORY_REASONS


def _may_come_late(symptom: Symptom, known: Evidence) -> bool:
    """Whether an Event that explains the symptom may be posted after the first lookup.

    Not for an exit code of the application's own, in a container that the kubelet has no reason to
    stop: a second lookup would be wasted.
    """
    if known.lookup not in (EventLookup.NOTHING, EventLookup.SILENT):
        return True
    if node_events.may_explain(symptom):
        return True
    return (
        symptom.exit_code in (0, 137, 143)
        or symptom.windows_status == STATUS_CONTROL_C_EXIT
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
    lookups = _lookups(symptom, fetched, known)
    could_be_read = fetched.lookup is EventLookup.FOUND
    found = _find_in_termination(symptom, fetched.events) if could_be_read else None
    found = found or _find_in_node_events(symptom, fetched)
    if found is not None and known is not None and known.lookups >= LOOKUPS_AWAITED:
        # Its cause has been told and acted upon: what is found now is a hint beside it.
        found = found._replace(finding=None)
    if not could_be_read:
        lookup = fetched.lookup or EventLookup.UNAVAILABLE
        return _evidence(lookup, found, lookups, mask_patterns)
    if found is not None and found.finding is not None:
        return _evidence(EventLookup.FOUND, found, lookups, mask_patterns)
    result = _lookup_without_finding(symptom, fetched, now)
    if result in (EventLookup.NOTHING, EventLookup.UNCLEAR):
        found = _hint(symptom, fetched.events) or found
    return _evidence(result, found, lookups, mask_patterns)


def _lookups(symptom: Symptom, fetched: FetchedEvidence, known: Evidence | None) -> int:
    """Return how often Events were looked up, `MAX_LOOKUPS` where there is no need of another."""
    lookups = min((known.lookups if known else 0) + 1, MAX_LOOKUPS)
    if lookups == 1:
        return 1
    waits = node_events.may_explain(symptom) and node_events.are_too_old(symptom, fetched.node)
    return lookups if waits else MAX_LOOKUPS


def _lookup_without_finding(
    symptom: Symptom, fetched: FetchedEvidence, now: datetime
) -> EventLookup:
    if _is_spanned_by_one_event(symptom, fetched.events):
        return EventLookup.UNCLEAR
    ended = symptom.ended_by
    if ended is None or now - ended > silence.EVENTS_RETAINED:
        return EventLookup.EXPIRED
    proved = (
        fetched.complete
        and not _tells_of_a_change(symptom, fetched.events)
        and silence.proves_something(symptom, fetched.events, now)
    )
    return EventLookup.SILENT if proved else EventLookup.NOTHING


def _tells_of_a_change(symptom: Symptom, events: Iterable[PodEvent]) -> bool:
    """Whether an Event tells of a resize or a change that the Pod's spec does not show.

    It may be made up; or the Pod is older than its API server, which then does not count changes.
    """
    texts = (*_KILL_TEXTS[EventFinding.RESIZED], *_KILL_TEXTS[EventFinding.DEFINITION_CHANGED])
    beginnings = tuple(text.format(symptom.container) for text in texts)
    return any(
        each.container == symptom.container
        and each.reason == "Killing"
        and each.message.startswith(beginnings)
        for each in events
    )


class _Found(NamedTuple):
    """An Event that proves something, or is a hint where there is no finding.

    Attributes:
        finding: what it proves, or None.
        reason: its reason.
        at: when it happened, or None.
        detail: what it says in addition, not safe yet.
    """

    finding: EventFinding | None
    reason: str = ""
    at: datetime | None = None
    detail: str = ""


def _evidence(
    lookup: EventLookup, found: _Found | None, lookups: int, mask_patterns: Sequence[str]
) -> Evidence:
    if found is None:
        return Evidence(lookup, lookups=lookups)
    # A probe's output may hold anything.
    words = " ".join(found.detail.split())
    detail = redact_head(words, MAX_DETAIL_BYTES, mask_patterns) if words else ""
    if found.finding is not None:
        lookup = EventLookup.FOUND
    reason = sanitize(found.reason, MAX_EVENT_BYTES)
    return Evidence(lookup, found.finding, detail, lookups, event=reason, event_time=found.at)


def _find_in_node_events(symptom: Symptom, fetched: FetchedEvidence) -> _Found | None:
    found = node_events.find(symptom, fetched.node)
    if found is None:
        return None
    # Of the kernel's words, what counts is which process it killed.
    message = found.event.message.partition(" total-vm:")[0]
    return _Found(found.finding, found.event.reason, found.at, message)


def _find_in_termination(symptom: Symptom, events: Sequence[PodEvent]) -> _Found | None:
    end = symptom.finished_at
    if end is None:
        return None
    start = symptom.started_at or end - _ASSUMED_RUN
    own = [each for each in events if each.container == symptom.container]
    # The kubelet posts that it stops a container before it does, by the clock by which it
    # records the container's end. Later Events are about the next one, or about the Pod's end.
    kills = [each for each in own if each.reason == "Killing" and _time_in(each, start, end)]
    for finding, texts in _KILL_MESSAGES:
        beginnings = tuple(text.format(symptom.container) for text in texts)
        # A probe takes more than the second in which the container started: an Event of that second
        # is about the container before. A hook may fail at once.
        gap = timedelta(0) if finding is EventFinding.POST_START_HOOK else _SECOND
        for kill in kills:
            at = _time_in(kill, start, end, gap)
            if at and kill.message.startswith(beginnings) and _IS_POSSIBLE[finding](symptom):
                if finding is EventFinding.POST_START_HOOK:
                    return _Found(finding)  # as a moment of the status itself shows it
                output = _probe_output(own, finding, start, end)
                return output or _Found(finding, kill.reason, at)
    return _find_stop(symptom, kills, events, end)


def _find_stop(
    symptom: Symptom, kills: Sequence[PodEvent], events: Sequence[PodEvent], end: datetime
) -> _Found | None:
    """Find that the container was stopped with its Pod, or with the Pod's sandbox."""
    stop = next((each for each in kills if each.message.startswith(_STOPPING)), None)
    was_stopped = symptom.windows_status == STATUS_CONTROL_C_EXIT
    if stop is None and not was_stopped:
        return None
    for event in events:
        if not event.container and _is_near(event, "SandboxChanged", end):
            return _Found(EventFinding.SANDBOX_CHANGED, event.reason, event.last)
    if stop is None:
        return None
    at = stop.last if stop.last is not None and stop.last <= end else stop.first
    return _Found(EventFinding.STOPPED, stop.reason, at)


def _time_in(
    event: PodEvent, start: datetime, end: datetime, gap: timedelta = timedelta(0)
) -> datetime | None:
    """Return when an Event happened between two times, not before a gap; None where it did not."""
    for at in (event.last, event.first):
        if at is not None and at <= end and at - start >= gap:
            return at
    return None


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
    events: Iterable[PodEvent], finding: EventFinding, start: datetime, end: datetime
) -> _Found | None:
    """Return the last output of a failed probe within a run, if there is any."""
    prefix = _PROBE_MESSAGES.get(finding)
    if prefix is None:
        return None
    outputs = [
        (at, each.message.partition(": ")[2])
        for each in events
        if each.reason == "Unhealthy"
        and each.message.startswith(prefix)
        and (at := _time_in(each, start, end)) is not None
    ]
    at, output = max(outputs, default=(None, ""))
    return _Found(finding, "Unhealthy", at, output) if output else None


def _hint(symptom: Symptom, events: Sequence[PodEvent]) -> _Found | None:
    """Return that a probe failed for which the kubelet stops the container, if it did."""
    end = symptom.finished_at
    if end is None:
        return None
    start = symptom.started_at or end - _ASSUMED_RUN
    own = [each for each in events if each.container == symptom.container]
    outputs = [
        output._replace(finding=None)
        for finding in _PROBE_MESSAGES
        if _IS_POSSIBLE[finding](symptom)
        and (output := _probe_output(own, finding, start, end)) is not None
    ]
    return max(outputs, key=lambda each: (each.at, each.detail), default=None)


def _is_near(event: PodEvent, reason: str, end: datetime) -> bool:
    return event.reason == reason and any(
        at is not None and abs(at - end) <= _SANDBOX_TOLERANCE for at in (event.first, event.last)
    )
