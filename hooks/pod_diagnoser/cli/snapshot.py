"""From the objects of a file to the Pods and Events in it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from pod_diagnoser.api.core_v1 import MIRROR_POD_ANNOTATION, Pod
from pod_diagnoser.cluster.event_list import (
    ByPod,
    EventList,
    EventV1,
    events_about,
    events_about_node,
)
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence, NodeEvents

_EVENTS_V1: Final = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
"""The fields of an ``events.k8s.io/v1`` Event that core/v1 calls otherwise.

Source: ``pkg/apis/events/v1/conversion.go``.
"""


_AFTER_ALL: Final = datetime.max.replace(tzinfo=UTC)
"""Nothing was written after the Events of a file were read."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Pods and Events of one moment.

    Attributes:
        pods: the Pods, each once, in the order of the file.
        events: the Events, by the uid of what they are about.
        namespaces_with_events: the namespaces of which the file has Events. Of the others nobody
            can say that there were none.
        node_events: the Events about nodes, by the node's name.
        unreadable: how many objects of these kinds could not be read.
    """

    pods: Sequence[Pod] = ()
    events: ByPod = field(default_factory=dict)
    namespaces_with_events: frozenset[str] = frozenset()
    node_events: ByPod = field(default_factory=dict)
    unreadable: int = 0

    def evidence_of(self, pod: Pod) -> FetchedEvidence | None:
        """Return what a lookup of the Pod's Events would find; None where they are not known."""
        meta = pod.metadata
        # The kubelet writes a static Pod's Events with the uid by which it knows the Pod itself.
        uid = meta.annotations.get(MIRROR_POD_ANNOTATION, meta.uid)
        own = self.events.get(uid, ())
        node = pod.spec.nodeName if pod.spec else ""
        of_node = self.node_events.get(node, ())
        if not own and not of_node and meta.namespace not in self.namespaces_with_events:
            return None
        return FetchedEvidence(
            EventLookup.FOUND,
            tuple(events_about(uid, own)),
            complete=meta.namespace in self.namespaces_with_events,
            node=NodeEvents(tuple(events_about_node(node, of_node)), _AFTER_ALL),
        )


def take_snapshot(documents: Iterable[Any]) -> Snapshot:
    """Collect the Pods and Events of JSON values.

    Args:
        documents: objects, Lists of objects, or arrays of objects; anything else is ignored. Of an
            object that occurs more than once the last counts.
    """
    pods: dict[str, Pod] = {}
    events: dict[tuple[str, str, str, str], EventV1] = {}
    unreadable = 0
    for kind, item in _objects(documents):
        if kind == "Pod":
            pod = _read(Pod, item)
            if pod is None:
                unreadable += 1
            else:
                pods[pod.metadata.uid] = pod
        elif kind == "Event":
            event = _read(EventV1, _as_core_event(item))
            if event is None:
                unreadable += 1
                continue
            namespace, name = (_metadata(item, key) for key in ("namespace", "name"))
            # An Event that repeats is one whose count rises; its message stays.
            events[namespace, name or str(len(events)), event.reason, event.message] = event
    by_subject = EventList(items=tuple(events.values())).by_subject()
    of_nodes: dict[str, list[EventV1]] = {}
    namespaces = set()
    for key, each in events.items():
        if each.involvedObject is not None and each.involvedObject.kind == "Node":
            of_nodes.setdefault(each.involvedObject.name, []).append(each)
        else:
            namespaces.add(key[0])
    return Snapshot(tuple(pods.values()), by_subject, frozenset(namespaces), of_nodes, unreadable)


def _objects(documents: Iterable[Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects in JSON values, each with its kind, in their order."""
    for document in documents:
        waiting: list[tuple[Any, str]] = [(document, "")]
        while waiting:
            value, assumed_kind = waiting.pop()
            if isinstance(value, list):
                waiting += [(each, assumed_kind) for each in reversed(value)]
            if not isinstance(value, dict):
                continue
            kind = value.get("kind") or assumed_kind
            if isinstance(kind, str) and kind.endswith("List"):
                # In the API server's own lists the items have no kind.
                waiting.append((value.get("items"), kind.removesuffix("List")))
            elif isinstance(kind, str):
                yield kind, value


_Model = TypeVar("_Model", bound=BaseModel)


def _read(model: type[_Model], value: Any) -> _Model | None:
    try:
        return model.model_validate(value)
    except (ValidationError, RecursionError):
        return None


def _as_core_event(item: Mapping[str, Any]) -> Mapping[str, Any]:
    version = item.get("apiVersion")
    if not isinstance(version, str) or not version.startswith("events.k8s.io/"):
        return item
    return {_EVENTS_V1.get(key, key): value for key, value in item.items()}


def _metadata(item: Mapping[str, Any], key: str) -> str:
    metadata = item.get("metadata")
    value = metadata.get(key) if isinstance(metadata, dict) else None
    return value if isinstance(value, str) else ""
