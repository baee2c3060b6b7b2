"""Reads the Pods, their Events and the watch streams that tests tell the truth of.

``tests/golden/pods`` holds Pods (``*.input.json``) with their Events (``*.events.json``, as
``kubectl get events -o json`` gives them): those of a ``kubelet-*`` Pod as they stood when its run
was over. ``streams`` holds what a watch of one Pod delivered from its creation on, a line a step,
without managedFields; ``time`` is the latest time that the step itself tells.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pod_diagnoser.diagnosing import Diagnosis, diagnose
from pod_diagnoser.endings import Ending, endings, states
from pod_diagnoser.evidence import Asked, Event, Evidence, Gathered
from pod_diagnoser.pods import Pod
from pod_diagnoser.proving import asks, judge
from pod_diagnoser.times import parse_time

Json = dict[str, Any]

PODS = Path(__file__).parents[1] / "golden" / "pods"
STREAMS = Path(__file__).parent / "streams"


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


def events(name: str, uid: str) -> Gathered | None:
    """The Events of a golden Pod as the edge hands them to the core, or None."""
    items = event_items(name)
    return None if items is None else Gathered(Asked.FOUND, tuple(_events(items, uid)))


def _events(items: list[Json], uid: str) -> Iterator[Event]:
    for item in items:
        about = item.get("involvedObject") or {}
        source = item.get("source") or {}
        if about.get("uid") != uid or "kubelet" not in (
            source.get("component"),
            item.get("reportingComponent"),
        ):
            continue
        times = [
            parse_time(item.get(key) or item.get("eventTime") or "")
            for key in ("firstTimestamp", "lastTimestamp")
        ]
        yield Event(
            item.get("reason") or "",
            item.get("message") or "",
            (about.get("fieldPath") or "").partition("{")[2].rstrip("}"),
            *times,
        )


def proved(of: Pod, gathered: Gathered | None, now: datetime) -> Mapping[str, Evidence]:
    """What its Events prove of what ended in a Pod, by crash id."""
    if gathered is None:
        return {}
    every: list[Ending] = [*endings(of), *(state for state, _ in states(of))]
    return {each.id: judge(each, gathered, None) for each in every if asks(each, None, None, now)}


def diagnosed(of: Pod, gathered: Gathered | None, now: datetime) -> tuple[Diagnosis, ...]:
    """What is said of a Pod's endings when its Events are known."""
    return diagnose(of, proved(of, gathered, now))
