"""When it proves something that no Event tells of a container's stop. Pure.

The kubelet's recorder drops Events: of one type about one Pod it sends 25, and then one in five
minutes. A restart costs four, so that after some restarts no Event ``Killing`` comes any more,
while the restarts go on. Silence proves something only where the kubelet was heard about this run,
and certainly still had room for one more Event when the run ended.

Source: ``EventSourceObjectSpamFilter`` and ``getSpamKey`` in
``staging/src/k8s.io/client-go/tools/record/events_cache.go``.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pod_diagnoser.diagnosis.evidence import PodEvent
from pod_diagnoser.diagnosis.symptoms import Symptom

EVENTS_RETAINED: Final = timedelta(minutes=50)
"""How long Events can certainly be read: a cluster keeps them for an hour by default."""

_BURST: Final = 25
_REFILL: Final = timedelta(seconds=300)
"""How many Events of a type about a Pod the kubelet sends at once, and when it sends one more."""

_STARTS: Final = ("Pulled", "Created", "Started")
"""Reasons of the three Events at each start of a container, in their order."""

_START_TAKES: Final = timedelta(seconds=15)
"""How long before a container runs the first of them may be posted."""


def proves_something(symptom: Symptom, events: Sequence[PodEvent], now: datetime) -> bool:
    """Return whether the kubelet would have been heard if it had stopped a container.

    Args:
        symptom: the container's termination.
        events: all Events about its Pod.
        now: the time.
    """
    end = symptom.finished_at
    if end is None or not any(_is_heard(each, symptom) for each in events):
        return False
    # Each try to pull an image costs Events that are not read.
    pulls = any(each.reason == "Failed" and "ImagePull" in each.message for each in events)
    return not pulls and _had_room(symptom, events, end, now)


def _had_room(symptom: Symptom, events: Sequence[PodEvent], end: datetime, now: datetime) -> bool:
    """Whether the kubelet could have sent one more Event about the Pod when the run ended."""
    before = [each for each in events if each.normal and not (each.first and each.first > end)]
    retained = now - EVENTS_RETAINED
    if symptom.events_since is not None and symptom.events_since >= retained:
        # All Events there ever were are still there.
        return _sent(before) < _BURST
    # What was sent earlier may be gone from the list, and all may have been used up with it.
    if _is_refilled(before, retained, end):
        return True
    started = symptom.started_at
    if started is None or started > end:
        return False
    # While it ran it was started once: an Event of its starts counts those of earlier runs.
    others = [each for each in before if not _is_of_runs(each, symptom)]
    if started < retained:
        return _is_refilled(others, retained, end)
    return _is_refilled(others, started, end, sent=len(_STARTS))


def _is_refilled(events: Sequence[PodEvent], since: datetime, end: datetime, sent: int = 0) -> bool:
    """Whether the kubelet had room again, if it had none at a time for which all Events are known.

    Args:
        events: the Events that may have been sent since.
        since: that time.
        end: when it would have had to have room.
        sent: how many were sent beside these.
    """
    recent = [each for each in events if each.last is None or each.last >= since]
    return (_sent(recent) + sent + 1) * _REFILL <= end - since


def _is_of_runs(event: PodEvent, symptom: Symptom) -> bool:
    """Whether an Event is about starts or ends of the container."""
    return event.container == symptom.container and event.reason in (*_STARTS, "Killing")


def _is_heard(event: PodEvent, symptom: Symptom) -> bool:
    """Whether an Event of the container's start, or of its next one, has arrived.

    They arrive in the order in which they are posted: the one before shows that Events come through
    at all, the one after it that nothing is still on its way.
    """
    since = symptom.started_at - _START_TAKES if symptom.started_at else symptom.finished_at
    return (
        event.container == symptom.container
        and event.reason in _STARTS
        and any(
            at is not None and since is not None and at >= since for at in (event.first, event.last)
        )
    )


def _sent(events: Sequence[PodEvent]) -> int:
    """How many Events were sent at most. Of a start only ``Pulled`` is read, and stands for all."""
    return sum(
        each.count * (len(_STARTS) if each.reason == "Pulled" else 1)
        for each in events
        if each.reason not in _STARTS[1:]
    )
