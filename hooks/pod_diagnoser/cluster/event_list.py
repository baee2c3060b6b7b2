"""Lists of Events, as far as they are read. Pure.

Source of the shapes: ``Event`` in ``staging/src/k8s.io/api/core/v1/types.go``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pydantic import Field, ValidationError

from pod_diagnoser.api.fields import Many, Text, Time, WireModel
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.diagnosis.evidence import PodEvent

MAX_MESSAGE_BYTES: Final = 2048
"""The cause of a nested error stands at its end, and the kubelet's are at most so long."""

MAX_REASON_BYTES: Final = 128

SOURCES: Final = frozenset({"kubelet", "default-scheduler", "attachdetach-controller"})
"""Whose Events are used.

Anyone who may create Events in the namespace can write these names as well: an Event proves no more
than that somebody who may do so wrote it. So what Events say is shown, and no Pod is replaced for
it.
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
"""Events by the uid of the object that they are about."""


class _ListMeta(WireModel):
    continue_token: Text = Field(default="", alias="continue")
    """Set where the list has more items."""


class EventList(WireModel):
    """A core/v1 EventList."""

    items: Many[EventV1]
    metadata: _ListMeta | None = None

    @property
    def is_complete(self) -> bool:
        """Whether these are all Events that were selected."""
        return self.metadata is None or not self.metadata.continue_token

    def by_subject(self) -> ByPod:
        """Group the Events by the uid of the object that they are about."""
        events: dict[str, list[EventV1]] = {}
        for event in self.items:
            if event.involvedObject is not None:
                events.setdefault(event.involvedObject.uid, []).append(event)
        return events


def parse_event_list(content: bytes) -> EventList | None:
    """Read a list from JSON; None where it is no such list."""
    try:
        return EventList.model_validate_json(content)
    except ValidationError:
        return None


def events_about(uid: str, events: Iterable[EventV1]) -> Iterator[PodEvent]:
    """Pick the Events of Kubernetes' own parts about a Pod, with texts that are safe to show.

    Args:
        uid: the Pod's uid.
        events: Events about this Pod, and others perhaps.
    """
    for event in events:
        involved = event.involvedObject
        source = (event.source and event.source.component) or event.reportingComponent
        if involved is None or involved.uid != uid or source not in SOURCES:
            continue
        container = _CONTAINER.fullmatch(involved.fieldPath)
        first = event.firstTimestamp or event.eventTime
        last_of_series = event.series and event.series.lastObservedTime
        yield PodEvent(
            reason=sanitize(event.reason, MAX_REASON_BYTES),
            message=sanitize(" ".join(event.message.split()), MAX_MESSAGE_BYTES),
            container=container[1] if container else "",
            first=first,
            last=last_of_series or event.lastTimestamp or first,
        )
