"""What is read of a list of Events, as the API server shows it. Pure.

Source of the shapes: ``Event`` in ``staging/src/k8s.io/api/core/v1/types.go``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pydantic import Field, ValidationError

from pod_diagnoser.api.fields import Many, Text, Time, WireModel
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.evidence import PodEvent

MAX_MESSAGE_BYTES: Final = 512
MAX_REASON_BYTES: Final = 128

SOURCES: Final = frozenset({"kubelet", "default-scheduler"})
"""Whose Events are taken.

Anyone who may create Events in the namespace can write these names as well: an Event proves no more
than that somebody who may do so said it. So what Events tell is shown, and nothing is done for it.
"""

_CONTAINER: Final = re.compile(r"spec\.(?:initC|ephemeralC|c)ontainers\{([a-z0-9-]{1,63})\}")
"""A fieldPath. Source: ``GenerateContainerRef`` in ``pkg/kubelet/container/ref.go``."""


class _Involved(WireModel):
    uid: Text = ""
    fieldPath: Text = ""


class _Source(WireModel):
    component: Text = ""


class _Series(WireModel):
    lastObservedTime: Time = None


class EventV1(WireModel):
    """A core/v1 Event, as the API server shows those of ``events.k8s.io`` too."""

    involvedObject: _Involved | None = None
    reason: Text = ""
    message: Text = ""
    source: _Source | None = None
    reportingComponent: Text = ""
    firstTimestamp: Time = None
    lastTimestamp: Time = None
    eventTime: Time = None
    series: _Series | None = None


ByPod = Mapping[str, Sequence[EventV1]]
"""Events by the uid of what they are about."""


class _ListMeta(WireModel):
    rest: Text = Field(default="", alias="continue")
    """Set where there are more."""


class EventList(WireModel):
    """A list of them."""

    items: Many[EventV1]
    metadata: _ListMeta | None = None

    @property
    def is_complete(self) -> bool:
        """Whether these are all that there are."""
        return self.metadata is None or not self.metadata.rest

    def by_subject(self) -> ByPod:
        """Sort them by the uid of what they are about."""
        events: dict[str, list[EventV1]] = {}
        for event in self.items:
            if event.involvedObject is not None:
                events.setdefault(event.involvedObject.uid, []).append(event)
        return events


def parse_event_list(content: bytes) -> EventList | None:
    """Read a list.

    Args:
        content: what the API server answered.

    Returns:
        The list, or None where it is none.
    """
    try:
        return EventList.model_validate_json(content)
    except ValidationError:
        return None


def events_about(uid: str, events: Iterable[EventV1]) -> Iterator[PodEvent]:
    """Pick the Events that the node or the scheduler tells of a Pod.

    Args:
        uid: the Pod's uid.
        events: Events of this Pod, and of others perhaps.

    Yields:
        Its Events, with texts that are safe to show.
    """
    for event in events:
        involved = event.involvedObject
        source = (event.source and event.source.component) or event.reportingComponent
        if involved is None or involved.uid != uid or source not in SOURCES:
            continue
        container = _CONTAINER.fullmatch(involved.fieldPath)
        first = event.firstTimestamp or event.eventTime
        again = event.series and event.series.lastObservedTime
        yield PodEvent(
            reason=sanitize(event.reason, MAX_REASON_BYTES),
            message=sanitize(" ".join(event.message.split()), MAX_MESSAGE_BYTES),
            container=container[1] if container else "",
            first=first,
            last=again or event.lastTimestamp or first,
        )
