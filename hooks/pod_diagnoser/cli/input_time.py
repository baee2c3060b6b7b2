"""When the Pods of a dump were like that, by the times in it. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pod_diagnoser.api.time import format_time, parse_time
from pod_diagnoser.cli.report import TimeSource

_EVENTS_LAST: Final = timedelta(hours=1)
"""How long the API server keeps Events: where there are any, the latest is not much older than the
dump. Source: ``--event-ttl`` of kube-apiserver."""

_FREQUENT: Final = frozenset({"Event", "Node", "Lease"})
"""Kinds of which one is written at least once an hour, as kubelets do with their Nodes."""

_MAX_TIME: Final = 40
"""The most characters of a time."""

_OF_EVENTS: Final = (
    "eventTime",
    "firstTimestamp",
    "lastTimestamp",
    "deprecatedFirstTimestamp",
    "deprecatedLastTimestamp",
)
_OF_CONDITIONS: Final = ("lastTransitionTime", "lastProbeTime", "lastHeartbeatTime")
_OF_STATUSES: Final = ("startTime", "lastUpdateTime")
_CONTAINERS: Final = (
    "containerStatuses",
    "initContainerStatuses",
    "ephemeralContainerStatuses",
)
_STATES: Final = ("state", "lastState")
_OF_STATES: Final = ("startedAt", "finishedAt")


class InputTime:
    """Finds the time of an input by the times in its objects.

    Args:
        now: the time at which it is read, in UTC; what is later is ignored, as nobody knew it.
    """

    def __init__(self, now: datetime) -> None:
        self._now, self._limit = now, format_time(now)
        self._latest: datetime | None = None
        self._latest_text = ""
        self._is_frequent = False

    def note(self, kind: str, item: Mapping[str, Any]) -> None:
        """Note the times in an object as the API server writes it: those that say what was.

        When its deletion is due is none, which lies ahead.
        """
        self._is_frequent = self._is_frequent or kind in _FREQUENT
        for text in _times(item):
            # Times that are written alike are ordered as their texts are.
            if isinstance(text, str) and self._latest_text < text <= self._limit:
                self._keep(text[:_MAX_TIME])

    def result(self, written: datetime | None) -> tuple[datetime, TimeSource]:
        """Return the time of the input, and what says so.

        It is the current time unless the input is evidently older. Where nothing in it is written
        often, the latest time in it may be long before it was made, and is not used.

        Args:
            written: when its files were written; None where that is not known.
        """
        latest = self._latest
        if latest is None:
            return self._now, TimeSource.CLOCK
        time, source = self._now, TimeSource.CLOCK
        if written is not None and self._now - written > _EVENTS_LAST:
            time, source = written, TimeSource.WRITTEN
        if latest > time or (self._is_frequent and time - latest > _EVENTS_LAST):
            return latest, TimeSource.INPUT
        return time, source

    def _keep(self, text: str) -> None:
        time = parse_time(text)
        if time is not None and time <= self._now and (not self._latest or time > self._latest):
            self._latest, self._latest_text = time, text


def _times(item: Mapping[str, Any]) -> Iterator[Any]:
    metadata = _object(item.get("metadata"))
    yield metadata.get("creationTimestamp")
    for each in _objects(metadata.get("managedFields")):
        yield each.get("time")
    yield from map(item.get, _OF_EVENTS)
    yield _object(item.get("series")).get("lastObservedTime")
    yield _object(item.get("spec")).get("renewTime")
    status = _object(item.get("status"))
    yield from map(status.get, _OF_STATUSES)
    for condition in _objects(status.get("conditions")):
        yield from map(condition.get, _OF_CONDITIONS)
    for containers in _CONTAINERS:
        for container in _objects(status.get(containers)):
            for state in map(container.get, _STATES):
                for part in _object(state).values():
                    yield from map(_object(part).get, _OF_STATES)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    return (
        (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())
    )
