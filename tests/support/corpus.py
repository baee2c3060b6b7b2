"""The one reader of the golden files and of the watch streams.

``tests/golden/pods`` has a folder for each kind of crash. ``NAME.input.*`` is a Pod, and
``NAME.events.*`` are its Events as ``kubectl get events -o json`` gives them, where there are any:
JSON where a kubelet reported them (``kubelet-*``, Kubernetes 1.36.3 and containerd 2.3, as they
stood when the run was over), YAML where they were made by hand (``hand-*``). ``NAME.log.yaml`` is
the end of its log, ``NAME.versions.yaml`` has the versions of its workload's template, where these
were read. ``NAME.output.yaml`` is what a claimed Pod then shows. A name is used in one folder only.

``watch_streams`` holds what a watch of one Pod delivered from its creation on, a line a step,
without managedFields; ``time`` is the latest time that the step itself shows.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.time import parse_time
from pod_diagnoser.cluster.circuit_breaker import EvidenceCircuitBreaker
from pod_diagnoser.cluster.client import IDLE_REASONS
from pod_diagnoser.cluster.errors import api_error
from pod_diagnoser.cluster.template_changes import TemplateChangeReader
from pod_diagnoser.diagnosis.changes import TemplateChange, TemplateRequest
from pod_diagnoser.diagnosis.detection import detect_symptoms
from pod_diagnoser.diagnosis.diagnose import Diagnosis, diagnose, diagnose_symptom
from pod_diagnoser.diagnosis.event_rules import evaluate_events, needs_lookup
from pod_diagnoser.diagnosis.evidence import Evidence, EvidenceRequest, FetchedEvidence
from pod_diagnoser.diagnosis.lasting_conditions import detect_lasting_conditions
from pod_diagnoser.diagnosis.log_rules import find_in_log
from pod_diagnoser.diagnosis.symptoms import Symptom
from tests.support import yaml_files
from tests.support.builders import event_list
from tests.support.fake_api import FakeEvidenceApi
from tests.support.templates import FakeTemplateApi

Json = dict[str, Any]

PODS = Path(__file__).parents[1] / "golden" / "pods"
STREAMS = Path(__file__).parent / "watch_streams"

STREAM_CAUSES: Mapping[str, tuple[Cause, ...]] = {
    "00-healthy-running": (Cause.COMPLETED,),
    "01-completed-exit0-never": (),
    "01-completed-exit0-restarted": (Cause.COMPLETED,) * 2,
    "02-exit1-never": (Cause.APPLICATION_ERROR,),
    "02-exit1-restarted": (Cause.APPLICATION_ERROR,),
    "03-oomkilled-never": (Cause.OUT_OF_MEMORY,),
    "03-oomkilled-restarted": (Cause.OUT_OF_MEMORY,),
    "04-sigkill-outside-restarted": (Cause.KILLED,),
    "05-crashloop-0-terminated": (Cause.APPLICATION_ERROR,) * 4,
    "06-command-not-found-crashloop": (Cause.START_FAILED,) * 2,
    "06-command-not-found-never": (Cause.START_FAILED,),
    "06-sh-command-not-found-127": (Cause.COMMAND_NOT_FOUND,),
    "07-liveness-kill-137": (Cause.LIVENESS_PROBE_FAILED,),
    "07-liveness-kill-term-143": (Cause.LIVENESS_PROBE_FAILED,),
    "07-readiness-only-not-ready": (),
    "08-init-failing-crashloop": (Cause.APPLICATION_ERROR,) * 2,
    "08-init-failing-never": (Cause.APPLICATION_ERROR,),
    "09-sidecar-crash-crashloop": (Cause.APPLICATION_ERROR,) * 2,
    "10-errimageneverpull": (Cause.IMAGE_MISSING,),
    "10-errimagepull": (Cause.IMAGE_PULL_FAILED,),
    "11-createcontainerconfigerror": (Cause.CONFIGURATION_ERROR,),
    "11-missing-configmap-volume-containercreating": (),
    "12-activedeadlineseconds": (Cause.POD_DEADLINE_EXCEEDED,),
    "12-evicted-ephemeral-storage": (Cause.EVICTED,),
    "13-job-pod-failed": (Cause.APPLICATION_ERROR,),
    "14-terminating": (),
    "15-unschedulable": (),
    "16-termination-message": (Cause.APPLICATION_ERROR,),
    "17-poststart-hook-error": (Cause.POST_START_HOOK_FAILED,) * 2,
    "20-onfailure-exit4-restarted": (Cause.APPLICATION_ERROR,),
}
"""The causes of the crashes of each stream before its Pod was deleted, in their order.

A termination after the deletion was requested is not a crash. Pods that never ran, or were not
ready, were deleted before their condition had lasted long enough.
"""


# Golden files


@cache
def _files() -> dict[str, Path]:
    """Return the golden files by what stands before the last dot of their names."""
    files = sorted(path for path in PODS.glob("*/*.*.*"))
    found = {path.stem: path for path in files}
    assert len(found) == len(files), "a name stands in two folders, or in two formats"
    return found


@cache
def _content(name: str) -> str | None:
    """Return a golden file as JSON, or None where there is no such file."""
    path = _files().get(name)
    if path is None:
        return None
    text = path.read_text(encoding="utf-8")
    return text if path.suffix == ".json" else json.dumps(yaml_files.load(text))


def _read(name: str) -> Any:
    content = _content(name)
    return None if content is None else json.loads(content)


@cache
def names() -> tuple[str, ...]:
    """Return the names of all golden Pods."""
    found = [name for name in _files() if name.endswith(".input")]
    return tuple(name.removesuffix(".input") for name in sorted(found))


def document(name: str) -> Json:
    """Return a golden Pod as it was sent."""
    return dict(_read(f"{name}.input"))


def pod(name: str) -> Pod:
    """Return a golden Pod as the hook reads it."""
    return Pod.model_validate_json(_content(f"{name}.input") or "")


def moment(name: str, now: datetime) -> datetime:
    """Return when to look at a golden Pod: now, but one that is being deleted as that should end.

    Those of the folder for deletions that do not end are looked at now.
    """
    due = pod(name).metadata.grace_ends
    lasts = _files()[f"{name}.input"].parent.name == "not-deleted"
    return now if due is None or lasts else min(due, now)


def event_items(name: str) -> list[Json] | None:
    """Return the Events of a golden Pod as the API server gives them; None without a file."""
    found = _read(f"{name}.events")
    return None if found is None else list(found["items"])


def event_lists() -> list[Json]:
    """Return the lists of Events of all golden Pods that have any."""
    return [_read(name) for name in sorted(_files()) if name.endswith(".events")]


def output(name: str) -> Json | None:
    """Return what a golden Pod is to show; None without a file."""
    found: Json | None = _read(f"{name}.output")
    return found


def output_path(name: str) -> Path:
    """Return where it stands what a golden Pod is to show."""
    return _files()[f"{name}.input"].with_name(f"{name}.output.yaml")


def write_output(name: str, shown: Json) -> None:
    """Write what a golden Pod shows now."""
    output_path(name).write_text(yaml_files.dump(shown), encoding="utf-8")
    _files.cache_clear()
    _content.cache_clear()


FILES = ("input", "events", "versions", "log", "output")


def without_input() -> set[str]:
    """Return the files that belong to no Pod."""
    kinds = {f"{name}.{kind}" for name in names() for kind in FILES}
    return set(_files()) - kinds


# Watch streams


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
        """Whether its deletion was requested."""
        return "deletionTimestamp" in self.of["metadata"]


def stream(name: str) -> list[Step]:
    """Read a watch stream."""
    lines = (STREAMS / f"{name}.jsonl").read_text().splitlines()
    return [_step(json.loads(line)) for line in lines]


def _step(line: Json) -> Step:
    time = parse_time(line["time"])
    assert time is not None
    return Step(time, line["type"], line["object"])


def stream_names() -> list[str]:
    """Return the names of the watch streams."""
    return sorted(path.stem for path in STREAMS.glob("*.jsonl"))


# What the hook makes of a Pod and its Events


def fetched(pod: Pod, items: Sequence[Json]) -> FetchedEvidence:
    """Return what the hook fetches about a Pod where these are the Events."""
    meta = pod.metadata
    node = pod.spec.nodeName if pod.spec else ""
    request = EvidenceRequest(meta.namespace, meta.name, meta.uid, events=True, node=node)
    wanted = [
        item
        for item in items
        if not isinstance(item, dict) or str(item.get("reason")) not in IDLE_REASONS
    ]

    def listed() -> bytes:
        return event_list(*wanted)

    api = FakeEvidenceApi(listed, listed, _no_log, date=datetime.now(UTC), listed_of_node=listed)
    return api.fetcher().fetch(request)


def _no_log(_: int) -> str:
    raise api_error(404)


def fetched_for(name: str, pod: Pod) -> FetchedEvidence | None:
    """Return what the hook fetches about a golden Pod; None without a file of Events."""
    items = event_items(name)
    if items is None:
        return None
    log = _read(f"{name}.log")
    return replace(fetched(pod, items), log=log and str(log["log"]), change=_change(name, pod))


def _change(name: str, pod: Pod) -> TemplateChange | None:
    """Return what the hook finds in the versions of a golden Pod's template, if there are any."""
    versions = _read(f"{name}.versions")
    owner = pod.controller
    if versions is None or owner is None:
        return None
    request = TemplateRequest(
        owner.kind, owner.name, owner.uid, "" if owner.kind == "ReplicaSet" else pod.template_hash
    )
    api = FakeTemplateApi(versions["items"])
    reader = TemplateChangeReader(api, lambda: 0.0, EvidenceCircuitBreaker(lambda: 0.0))
    return reader.read(pod.metadata.namespace, request, 1.0)


def evidence(pod: Pod, events: FetchedEvidence | None, now: datetime) -> Mapping[str, Evidence]:
    """Return what Events show about the symptoms of a Pod, by crash id."""
    if events is None:
        return {}
    found = {}
    for each in _symptoms(pod):
        if needs_lookup(each, None, None, now):
            found[each.id] = evaluate_events(each, events, None, now)
            by_log = find_in_log(each._replace(evidence=found[each.id]), events.log or "")
            found[each.id] = by_log or found[each.id]
    return found


def symptoms(name: str, now: datetime) -> list[Symptom]:
    """Return all symptoms of a golden Pod, lasting ones too, with what its Events show."""
    of = pod(name)
    known = evidence(of, fetched_for(name, of), now)
    return [diagnose_symptom(each, known.get(each.id)).symptom for each in _symptoms(of)]


def diagnoses(pod: Pod, events: FetchedEvidence | None, now: datetime) -> tuple[Diagnosis, ...]:
    """Return the diagnoses of a Pod whose Events are known."""
    return diagnose(pod, evidence(pod, events, now))


def final_events(name: str, steps: Sequence[Step]) -> FetchedEvidence:
    """Return the Events of a stream's Pod at its end."""
    items = event_items(f"kubelet-{name}")
    assert items is not None
    return fetched(steps[-1].pod, items)


def observations(
    steps: Iterable[Step], events: FetchedEvidence | None
) -> dict[str, list[tuple[Step, Diagnosis]]]:
    """Return the steps that show each crash, with its diagnosis, in the order of the crashes."""
    seen: dict[str, list[tuple[Step, Diagnosis]]] = {}
    for step in steps:
        if step.kind == "DELETED":
            continue
        pod = step.pod
        for diagnosis in diagnose(pod, evidence(pod, events, step.time)):
            seen.setdefault(diagnosis.id, []).append((step, diagnosis))
    return seen


def _symptoms(pod: Pod) -> list[Symptom]:
    return [*detect_symptoms(pod), *(each for each, _ in detect_lasting_conditions(pod))]
