"""Lists of Events, as far as they are read. Pure.

Source of the shapes: ``Event`` in ``staging/src/k8s.io/api/core/v1/types.go``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import Field, ValidationError

from pod_diagnoser.api.fields import Int64, Many, Text, Time, WireModel
from pod_diagnoser.api.text import ELLIPSIS, sanitize
from pod_diagnoser.diagnosis.evidence import NodeEvent, PodEvent

MAX_MESSAGE_BYTES: Final = 2048
"""The cause of a nested error stands at its end, and the kubelet's are at most so long."""

MAX_REASON_BYTES: Final = 128

SOURCES: Final = frozenset(
    {"kubelet", "default-scheduler", "attachdetach-controller", "resource_claim"}
)
"""Whose Events are used: ``resource_claim`` is the controller that makes ResourceClaims.

Anyone who may create Events in the namespace can write these names as well: an Event proves no more
than that somebody who may do so wrote it. So what Events say is shown, and no Pod is replaced for
it.
"""

NODE_SOURCES: Final = frozenset({"kubelet", "node-controller", "kernel-monitor"})
"""Whose Events about a node are used: ``kernel-monitor`` is node-problem-detector's."""

_CONTAINER: Final = re.compile(r"spec\.(?:initC|ephemeralC|c)ontainers\{([a-z0-9-]{1,63})\}")
"""A fieldPath. Source: ``GenerateContainerRef`` in ``pkg/kubelet/container/ref.go``."""


class _Involved(WireModel):
    kind: Text = ""
    name: Text = ""
    uid: Text = ""
    fieldPath: Text = ""


class _Source(WireModel):
    component: Text = ""


class _Series(WireModel):
    count: Int64 | None = None
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
    count: Int64 | None = None
    type: Text = ""

    @property
    def component(self) -> str:
        """Who wrote it."""
        return (self.source and self.source.component) or self.reportingComponent

    @property
    def first(self) -> datetime | None:
        """When it happened first."""
        return self.firstTimestamp or self.eventTime

    @property
    def last(self) -> datetime | None:
        """When it happened last."""
        of_series = self.series.lastObservedTime if self.series else None
        return of_series or self.lastTimestamp or self.first

    @property
    def times(self) -> int:
        """How often it happened."""
        of_series = self.series.count if self.series else None
        return max(of_series or 0, self.count or 0, 1)


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
        if involved is None or involved.uid != uid or event.component not in SOURCES:
            continue
        container = _CONTAINER.fullmatch(involved.fieldPath)
        yield PodEvent(
            reason=_safe_reason(event),
            message=_safe_message(event),
            container=container[1] if container else "",
            first=event.first,
            last=event.last,
            count=event.times,
            normal=event.type != "Warning",
        )


def events_about_node(name: str, events: Iterable[EventV1]) -> Iterator[NodeEvent]:
    """Pick the Events about a node that may explain a crash, with texts that are safe to show.

    Args:
        name: the node's name.
        events: Events about this node, and others perhaps.
    """
    for event in events:
        involved = event.involvedObject
        if involved is None or (involved.kind, involved.name) != ("Node", name):
            continue
        if event.component in NODE_SOURCES:
            yield NodeEvent(
                source=event.component,
                reason=_safe_reason(event),
                message=_safe_message(event),
                first=event.first,
                last=event.last,
            )


def _safe_reason(event: EventV1) -> str:
    return sanitize(event.reason, MAX_REASON_BYTES)


def _safe_message(event: EventV1) -> str:
    """Make a message safe and bounded; secrets in it are masked later, by the user's patterns too.

    It ends with a whole word: half of a secret may look like none.
    """
    text = sanitize(" ".join(event.message.split()), MAX_MESSAGE_BYTES)
    if len(text) < len(event.message) and text.endswith(ELLIPSIS):
        return text.rpartition(" ")[0] + ELLIPSIS
    return text
