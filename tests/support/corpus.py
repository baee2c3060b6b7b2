"""Reads the Pods, their Events and the watch streams that tests tell the truth of.

``tests/golden/pods`` holds Pods (``*.input.json``) with their Events (``*.events.json``, as
``kubectl get events -o json`` gives them): those of a ``kubelet-*`` Pod as they stood when its run
was over. ``streams`` holds what a watch of one Pod delivered from its creation on, a line a step,
without managedFields; ``time`` is the latest time that the step itself tells.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.time import parse_time
from pod_diagnoser.cluster.client import IDLE_REASONS
from pod_diagnoser.cluster.errors import ApiError
from pod_diagnoser.cluster.evidence import ApiEvidenceFetcher
from pod_diagnoser.diagnosis.detection import detect_lasting_conditions, detect_symptoms
from pod_diagnoser.diagnosis.diagnose import Diagnosis, diagnose, diagnose_symptom
from pod_diagnoser.diagnosis.event_rules import evaluate_events, needs_lookup
from pod_diagnoser.diagnosis.evidence import Evidence, EvidenceRequest, FetchedEvidence
from pod_diagnoser.diagnosis.symptoms import Symptom

Json = dict[str, Any]

PODS = Path(__file__).parents[1] / "golden" / "pods"
STREAMS = Path(__file__).parent / "watch_streams"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a watch stream.

    Attributes:
        time: when it was, at the earliest.
        kind: ``ADDED``, ``MODIFIED`` or ``DELETED``.
        of: the Pod.
    """

    time: datetime
    kind: str
    of: Json

    @property
    def pod(self) -> Pod:
        """The Pod as the hook reads it."""
        return Pod.model_validate(self.of)

    @property
    def deleted(self) -> bool:
        """Whether somebody has asked for its deletion."""
        return "deletionTimestamp" in self.of["metadata"]


def pod(name: str) -> Pod:
    """Read a Pod of the golden files."""
    return Pod.model_validate_json((PODS / f"{name}.input.json").read_bytes())


def document(name: str) -> Json:
    """A Pod of the golden files as it was sent."""
    return dict(json.loads((PODS / f"{name}.input.json").read_text()))


def names() -> list[str]:
    """The golden files' names."""
    return sorted(path.name.removesuffix(".input.json") for path in PODS.glob("*.input.json"))


def stream(name: str) -> list[Step]:
    """Read a watch stream."""
    lines = (STREAMS / f"{name}.jsonl").read_text().splitlines()
    return [_step(json.loads(line)) for line in lines]


def _step(line: Json) -> Step:
    time = parse_time(line["time"])
    assert time is not None
    return Step(time, line["type"], line["object"])


def stream_names() -> list[str]:
    """The watch streams' names."""
    return sorted(path.stem for path in STREAMS.glob("*.jsonl"))


def event_items(name: str) -> list[Json] | None:
    """The Events of a golden Pod as the API server gives them, or None where there is no file."""
    path = PODS / f"{name}.events.json"
    return list(json.loads(path.read_text())["items"]) if path.exists() else None


class RecordedEvents:
    """An API server that has Events and no logs.

    Args:
        items: the Events.
    """

    def __init__(self, items: Sequence[Json]) -> None:
        self._items = items

    def list_events(
        self, namespace: str, pod: str, uid: str, seconds: float
    ) -> tuple[bytes, datetime]:
        """Give all of them, those about others, too: whom they are about is looked at again."""
        assert pod
        assert uid
        return self.list_events_of_pods(namespace, seconds)

    def list_events_of_pods(self, namespace: str, seconds: float) -> tuple[bytes, datetime]:
        """Give all but those that are not asked for."""
        assert namespace
        assert seconds > 0
        items = [
            item
            for item in self._items
            if not isinstance(item, dict) or str(item.get("reason")) not in IDLE_REASONS
        ]
        content = {"kind": "EventList", "apiVersion": "v1", "items": items}
        return json.dumps(content).encode(), datetime.now(UTC)

    def read_log(self, *_: object, **__: object) -> str:
        """Have none."""
        raise ApiError(404)


def gathered(of: Pod, items: Sequence[Json]) -> FetchedEvidence:
    """What the edge finds about a Pod where these are the Events."""
    meta = of.metadata
    wanted = EvidenceRequest(meta.namespace, meta.name, meta.uid, events=True)
    return ApiEvidenceFetcher(RecordedEvents(items)).fetch(wanted)


def events(name: str, of: Pod) -> FetchedEvidence | None:
    """What the edge finds about a golden Pod, or None where it has no file of Events."""
    items = event_items(name)
    return None if items is None else gathered(of, items)


def proved(of: Pod, found: FetchedEvidence | None, now: datetime) -> Mapping[str, Evidence]:
    """What its Events prove of what ended in a Pod, by crash id."""
    if found is None:
        return {}
    every: list[Symptom] = [
        *detect_symptoms(of),
        *(state for state, _ in detect_lasting_conditions(of)),
    ]
    return {
        each.id: evaluate_events(each, found, None, now)
        for each in every
        if needs_lookup(each, None, None, now)
    }


def told(name: str, now: datetime) -> list[Symptom]:
    """Every ending of a golden Pod, lasting or not, with what its Events prove."""
    of = pod(name)
    evidence = proved(of, events(name, of), now)
    every = [*detect_symptoms(of), *(state for state, _ in detect_lasting_conditions(of))]
    return [diagnose_symptom(each, evidence.get(each.id)).symptom for each in every]


def diagnosed(of: Pod, found: FetchedEvidence | None, now: datetime) -> tuple[Diagnosis, ...]:
    """What is said of a Pod's endings when its Events are known."""
    return diagnose(of, proved(of, found, now))
