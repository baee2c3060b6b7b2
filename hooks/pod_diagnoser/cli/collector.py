"""From the objects of a source, one after the other, to a snapshot. Pure."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from pod_diagnoser.api.core_v1 import MIRROR_POD_ANNOTATION, READ_VOLUMES, OwnedPod
from pod_diagnoser.api.diagnostics_v1 import GROUP, DiagnosisTarget, PodDiagnoser
from pod_diagnoser.api.fields import Text, WireModel
from pod_diagnoser.cli.sharing import Sharing
from pod_diagnoser.cli.snapshot import HealthyPod, Log, Missing, Snapshot
from pod_diagnoser.cluster.event_list import NODE_SOURCES, SOURCES, EventList, EventV1
from pod_diagnoser.diagnosis.detection import detect_symptoms
from pod_diagnoser.diagnosis.lasting_conditions import detect_lasting_conditions
from pod_diagnoser.poddiagnosers.workload_names import workload_of
from pod_diagnoser.pods.keys import CRASHES

if TYPE_CHECKING:
    from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser

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

_SOURCES: Final = SOURCES | NODE_SOURCES
"""Whose Events are used."""

_MAX_ANNOTATION: Final = 256
"""How long an annotation of others is at most that is kept."""

_REVISIONS: Final = ("ReplicaSet", "ControllerRevision")

_Model = TypeVar("_Model", bound=BaseModel)


class _EventMeta(WireModel):
    name: Text = ""
    namespace: Text = ""


class _NamedEvent(EventV1):
    metadata: _EventMeta = _EventMeta()


class Collector:
    """Collects what a source has. Of an object that occurs more than once the last counts.

    Args:
        keep: whether a Pod is kept whole although nothing is wrong with it: one that was asked for
            by name.
        looks_at: whether a Pod is looked at; others are counted, and left out.
        note: is told each object as the API server writes it, with its kind.
    """

    def __init__(
        self,
        keep: Callable[[OwnedPod], bool] = lambda _: False,
        looks_at: Callable[[OwnedPod], bool] = lambda _: True,
        note: Callable[[str, Mapping[str, Any]], None] = lambda *_: None,
    ) -> None:
        self._keep, self._looks_at, self._note = keep, looks_at, note
        self._sharing = Sharing()
        self._pods: dict[str, OwnedPod | HealthyPod] = {}
        self._uids: dict[tuple[str, str], str] = {}
        self._events: dict[tuple[str, str, str, str], EventV1] = {}
        self._namespaces_with_events: set[str] = set()
        self._logs: dict[tuple[str, str, str], Log] = {}
        self._revisions: dict[str, Mapping[str, Any]] = {}
        self._nodes: dict[str, Mapping[str, Any]] = {}
        self._diagnosers: dict[str, PodDiagnoser] = {}
        self._cluster_diagnosers: dict[str, ClusterPodDiagnoser] = {}
        self._cluster_targets: dict[str, DiagnosisTarget] = {}
        self._missing: list[Missing] = []
        self._known_uids: frozenset[str] | None = None
        self._unreadable = self._left_out = 0

    def add(self, value: Any) -> None:
        """Add an object, a List of objects, or an array of objects; anything else is ignored."""
        self._add_objects(_objects(value))

    def _add_objects(self, objects: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        for kind, item in objects:
            self._note(kind, item)
            if kind == "Pod":
                self._add_pod(item)
            elif kind == "Event":
                self._add_event(item)
            elif kind in _REVISIONS:
                self._revisions[_metadata(item, "uid")] = item
            elif kind == "Node":
                self._nodes[_metadata(item, "name")] = item
            elif kind == "PodDiagnoser":
                self._add_diagnoser(item)
            elif kind == "ClusterPodDiagnoser":
                self._add_cluster_diagnoser(item)
            elif kind == "DiagnosisTarget":
                self._add_target(item)

    def add_json(self, content: bytes, kind: str = "") -> None:
        """Add an object whose kind is known, of which what is not read never becomes a value."""
        if kind == "Pod" and (pod := _parsed(OwnedPod, content)) is not None:
            self._keep_pod(pod)
        elif kind == "Event" and (event := _parsed(_NamedEvent, content)) is not None:
            self._keep_event(event, event.metadata.namespace, event.metadata.name)
        else:
            try:
                self._add_objects(_objects(json.loads(content.decode(errors="replace")), kind))
            except (ValueError, RecursionError):
                self._unreadable += 1

    def drop_events_of_other_pods(self) -> None:
        """Keep from now on no Events about Pods of which nothing is kept."""
        self._known_uids = frozenset(
            uid
            for pod in self.pods
            for uid in (pod.metadata.uid, pod.metadata.annotations.get(MIRROR_POD_ANNOTATION, ""))
        )

    @property
    def namespaces(self) -> frozenset[str]:
        """The namespaces of the Pods."""
        return frozenset(
            each.namespace if isinstance(each, HealthyPod) else each.metadata.namespace
            for each in self._pods.values()
        )

    @property
    def pods(self) -> Iterator[OwnedPod]:
        """The Pods that are kept whole."""
        return (each for each in self._pods.values() if isinstance(each, OwnedPod))

    def add_log(self, namespace: str, pod: str, container: str, log: Log) -> None:
        """Add the end of a container's log."""
        self._logs[namespace, pod, container] = log

    def add_missing(self, missing: Missing) -> None:
        """Add what could not be read."""
        if missing not in self._missing:
            self._missing.append(missing)

    def know_events_of(self, namespace: str) -> None:
        """Note that all Events of a namespace were read, even if there are none."""
        self._namespaces_with_events.add(namespace)

    def is_asked_for(self, pod: OwnedPod) -> bool:
        """Say whether a Pod was asked for by name."""
        return self._keep(pod)

    def knows(self, namespace: str, name: str) -> bool:
        """Say whether a Pod was added."""
        return (namespace, name) in self._uids

    def kept(self, namespace: str, name: str) -> OwnedPod | None:
        """Return a Pod that has something to tell; None for any other, and where it is unknown."""
        pod = self._pods.get(self._uids.get((namespace, name), ""))
        return pod if isinstance(pod, OwnedPod) else None

    def snapshot(self) -> Snapshot:
        """Return what was collected until now."""
        of_nodes: dict[str, list[EventV1]] = {}
        for each in self._events.values():
            if each.involvedObject is not None and each.involvedObject.kind == "Node":
                of_nodes.setdefault(each.involvedObject.name, []).append(each)
        # An object of each kind has its own class, so that a Pod is known by it.
        pods = self._pods.values()
        return Snapshot(
            pods=tuple(each for each in pods if isinstance(each, OwnedPod)),
            healthy=tuple(each for each in pods if isinstance(each, HealthyPod)),
            events=EventList.model_construct(items=tuple(self._events.values())).by_subject(),
            namespaces_with_events=frozenset(self._namespaces_with_events),
            node_events=of_nodes,
            logs=dict(self._logs),
            revisions=dict(self._revisions),
            nodes=dict(self._nodes),
            diagnosers=tuple(self._diagnosers.values()),
            cluster_diagnosers=tuple(self._cluster_diagnosers.values()),
            cluster_targets=tuple(self._cluster_targets.values()),
            missing=tuple(self._missing),
            unreadable=self._unreadable,
            left_out=self._left_out,
        )

    def _add_pod(self, item: Mapping[str, Any]) -> None:
        pod = self._read(OwnedPod, item)
        if pod is not None:
            self._keep_pod(pod)

    def _keep_pod(self, pod: OwnedPod) -> None:
        if not self._looks_at(pod):
            self._left_out += 1
            return
        try:
            whole = _has_something_to_tell(pod) or self._keep(pod)
        except UnicodeEncodeError:  # half of a character, which JSON can escape
            self._unreadable += 1
            return
        kept = _without_bulk(pod) if whole else _healthy(pod)
        if isinstance(kept, OwnedPod):
            self._sharing.share(kept)
        self._pods[pod.metadata.uid] = kept
        self._uids[pod.metadata.namespace, pod.metadata.name] = pod.metadata.uid

    def _add_event(self, item: Mapping[str, Any]) -> None:
        event = self._read(EventV1, _as_core_event(item))
        if event is not None:
            self._keep_event(event, _metadata(item, "namespace"), _metadata(item, "name"))

    def _keep_event(self, event: EventV1, namespace: str, name: str) -> None:
        about = event.involvedObject
        if about is None or about.kind != "Node":
            self._namespaces_with_events.add(namespace)
        if about is None or event.component not in _SOURCES:
            return
        known = self._known_uids
        if known is not None and about.kind == "Pod" and about.uid not in known:
            return
        # An Event that repeats is one whose count rises; its message stays.
        key = (namespace, name or str(len(self._events)), event.reason, event.message)
        self._sharing.share(event)
        self._events[key] = event

    def _add_diagnoser(self, item: Mapping[str, Any]) -> None:
        diagnoser = self._read(PodDiagnoser, item)
        if diagnoser is not None:
            self._diagnosers[diagnoser.metadata.uid] = diagnoser

    def _add_cluster_diagnoser(self, item: Mapping[str, Any]) -> None:
        # Only here: its models take their time at each start, and most sources hold none.
        from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser  # noqa: PLC0415

        diagnoser = self._read(ClusterPodDiagnoser, item)
        if diagnoser is not None:
            self._cluster_diagnosers[diagnoser.metadata.uid] = diagnoser

    def _add_target(self, item: Mapping[str, Any]) -> None:
        target = self._read(DiagnosisTarget, item)
        if target is not None and target.spec.is_of_cluster:
            self._cluster_targets[target.metadata.uid] = target

    def _read(self, model: type[_Model], value: Any) -> _Model | None:
        try:
            return model.model_validate(value)
        except (ValidationError, RecursionError):
            self._unreadable += 1
            return None


def take_snapshot(documents: Iterable[Any]) -> Snapshot:
    """Collect what is in JSON values (`Collector.add`)."""
    collector = Collector()
    for document in documents:
        collector.add(document)
    return collector.snapshot()


def _parsed(model: type[_Model], content: bytes) -> _Model | None:
    try:
        return model.model_validate_json(content)
    except (ValidationError, ValueError):
        return None


def _has_something_to_tell(pod: OwnedPod) -> bool:
    """Say whether there is anything to diagnose in a Pod, now or later."""
    return (
        CRASHES in pod.metadata.annotations
        or bool(tuple(detect_symptoms(pod)))
        or any(True for _ in detect_lasting_conditions(pod))
    )


def _without_bulk(pod: OwnedPod) -> OwnedPod:
    """Remove long annotations of others, as the manifest that kubectl applied, and most volumes."""
    kept = {
        key: value
        for key, value in pod.metadata.annotations.items()
        if len(value) <= _MAX_ANNOTATION or key.startswith(f"{GROUP}/")
    }
    metadata = pod.metadata.model_copy(update={"annotations": kept})
    if pod.spec is None or not isinstance(pod.spec.volumes, list):
        return pod.model_copy(update={"metadata": metadata})
    volumes = [
        each
        for each in pod.spec.volumes
        if isinstance(each, dict) and not READ_VOLUMES.isdisjoint(each)
    ]
    spec = pod.spec.model_copy(update={"volumes": volumes})
    return pod.model_copy(update={"metadata": metadata, "spec": spec})


def _healthy(pod: OwnedPod) -> HealthyPod:
    meta, spec = pod.metadata, pod.spec
    images = {each.name: each.image for each in spec.containers} if spec else {}
    node = spec.nodeName if spec else ""
    return HealthyPod(meta.namespace, meta.name, workload_of(pod), node, images)


def _objects(document: Any, kind: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects in a JSON value, each with its kind, in their order.

    Args:
        document: the value.
        kind: what it is where it does not say it.
    """
    waiting: list[tuple[Any, str]] = [(document, kind)]
    while waiting:
        value, assumed_kind = waiting.pop()
        if isinstance(value, list):
            waiting += [(each, assumed_kind) for each in reversed(value)]
        if not isinstance(value, dict):
            continue
        said = value.get("kind") or assumed_kind
        if isinstance(said, str) and said.endswith("List"):
            # In the API server's own lists the items have no kind.
            waiting.append((value.get("items"), said.removesuffix("List")))
        elif isinstance(said, str):
            yield said, value


def _as_core_event(item: Mapping[str, Any]) -> Mapping[str, Any]:
    version = item.get("apiVersion")
    if not isinstance(version, str) or not version.startswith("events.k8s.io/"):
        return item
    return {_EVENTS_V1.get(key, key): value for key, value in item.items()}


def _metadata(item: Mapping[str, Any], key: str) -> str:
    metadata = item.get("metadata")
    value = metadata.get(key) if isinstance(metadata, dict) else None
    return value if isinstance(value, str) else ""
