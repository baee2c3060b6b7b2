"""Build the objects that tests need, as Kubernetes and Metacontroller send them.

First Pods, PodDiagnosers and sync requests; then what tests of the remediation need beyond them:
Pods with an owner, PodDiagnosers that replace Pods, and what their status says.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.core_v1 import ContainerKind, OwnedPod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.api.metacontroller import (
    DIAGNOSIS_TARGETS,
    PODS,
    PodDiagnoserSyncRequest,
    PodSyncRequest,
)
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.cause_rules import CAUSE_RULES
from pod_diagnoser.diagnosis.diagnose import Diagnosis, diagnose
from pod_diagnoser.diagnosis.rules.row import CauseRule
from pod_diagnoser.diagnosis.symptoms import Symptom, SymptomKind
from pod_diagnoser.poddiagnosers.response import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot, take_snapshot
from pod_diagnoser.pods.history import CrashRecord
from pod_diagnoser.pods.keys import LABEL
from pod_diagnoser.remediation.model import ExecutionReport, Outcome, Phase, Reason

Json = dict[str, Any]

T0 = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
EVENT_POD_UID = "2b1f0c6e-0000-4000-8000-000000000001"
UID = "5b0c7c3e-8f3c-4f43-9d5d-{:012d}"


def after(seconds: float = 0, *, minutes: float = 0, hours: float = 0) -> datetime:
    """Return a time after `T0`."""
    return T0 + timedelta(seconds=seconds, minutes=minutes, hours=hours)


def terminated(
    finished: datetime | None = T0, code: int = 1, reason: str = "Error", **other: Any
) -> Json:
    """``ContainerStateTerminated``; its containerID follows from its time."""
    return {
        "containerID": f"containerd://{finished}",
        "exitCode": code,
        "reason": reason,
        "startedAt": format_time(finished - timedelta(seconds=5)) if finished else None,
        "finishedAt": format_time(finished) if finished else None,
        **other,
    }


def container(
    name: str = "app",
    last: Json | None = None,
    restarts: int | None = None,
    started: datetime | None = None,
) -> Json:
    """``ContainerStatus`` of a running container, which ended before where `last` says how."""
    return {
        "name": name,
        "restartCount": (1 if last else 0) if restarts is None else restarts,
        "state": {"running": {"startedAt": format_time(started) if started else None}},
        "lastState": {"terminated": last} if last else {},
    }


def pod(
    *containers: Json,
    name: str = "app-1",
    number: int = 1,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **metadata: Any,
) -> Json:
    """Return a Pod with these container statuses."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": UID.format(number),
            "labels": dict(labels or {"app": "app"}),
            **({"annotations": dict(annotations)} if annotations else {}),
            **metadata,
        },
        "spec": {"nodeName": "node1", "containers": [{"name": c["name"]} for c in containers]},
        "status": {"containerStatuses": list(containers)},
    }


def crashed(finished: datetime | None = T0, **options: Any) -> Json:
    """Return a Pod with one container that ended at a time and was restarted."""
    return pod(container(last=terminated(finished)), **options)


def termination(**facts: Any) -> Symptom:
    """Build the symptom of the terminated container app of the Pod app-1.

    Args:
        facts: fields of the symptom, in place of these or beside them.
    """
    fields: dict[str, Any] = {
        "id": "0" * 16,
        "kind": SymptomKind.TERMINATED,
        "container_kind": ContainerKind.CONTAINER,
        "namespace": "shop",
        "pod": "app-1",
        "container": "app",
        **facts,
    }
    return Symptom(**fields)


def diagnosis(
    cause: str = "ApplicationError",
    status_cause: str = "",
    *,
    restarts: int = 3,
    waiting: bool = False,
    **symptom: Any,
) -> Diagnosis:
    """Build the diagnosis of a container that terminated at `T0`, for the third time, after 5 s.

    Args:
        cause: the cause.
        status_cause: the cause by the Pod's status; the same where it is empty.
        restarts: the container's restartCount.
        waiting: whether the container waits for its next start, which is not counted yet.
        symptom: further fields of the symptom.
    """
    fields: dict[str, Any] = {
        "exit_code": 1,
        "started_at": after(-5),
        "ended_by": T0,
        "restarts": restarts,
        "termination_number": restarts + waiting,
        **symptom,
    }
    found = termination(**fields)
    return Diagnosis(found, Cause(status_cause or cause), rule_of(cause))


def rule_of(cause: str) -> CauseRule:
    """Return the first row of the table of causes that names a cause."""
    return next(rule for rule in CAUSE_RULES if rule.cause == cause)


def crash_record(moment: datetime = T0, restarts: int | None = None, **fields: Any) -> CrashRecord:
    """Build the record of a crash of the container app that terminated at a time."""
    known = {"id": "0" * 16, "container": "app", "cause": "ApplicationError", "exitCode": 1}
    times = {"finishedAt": moment, "seen": moment}
    return CrashRecord(**{**known, **times, "restarts": restarts, **fields})


def diagnoser(
    name: str = "diag",
    number: int = 900,
    created: datetime = T0,
    status: Json | None = None,
    generation: int = 1,
    **spec: Any,
) -> Json:
    """Return a PodDiagnoser."""
    return {
        "apiVersion": "diagnostics.local.io/v1",
        "kind": "PodDiagnoser",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": UID.format(number),
            "generation": generation,
            "creationTimestamp": format_time(created),
        },
        "spec": spec,
        **({"status": status} if status is not None else {}),
    }


def target(of: Json) -> Json:
    """Return the DiagnosisTarget of a PodDiagnoser, as the API server returns it."""
    meta = of["metadata"]
    return {
        "apiVersion": "diagnostics.local.io/v1",
        "kind": "DiagnosisTarget",
        "metadata": {
            "name": f"{meta['name']}-{meta['uid'][:8]}",
            "namespace": meta["namespace"],
            "uid": UID.format(int(meta["uid"][-12:]) + 5000),
            "ownerReferences": [
                {
                    "apiVersion": "diagnostics.local.io/v1",
                    "kind": "PodDiagnoser",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "diagnoser": {"name": meta["name"], "uid": meta["uid"]},
            "since": meta["creationTimestamp"],
            "targetLabels": of["spec"].get("targetLabels", {}),
        },
    }


def kubelet_event(**changes: Any) -> Json:
    """Return a core/v1 Event of a kubelet about a container of the Pod `EVENT_POD_UID`."""
    return {
        "metadata": {"name": "app-1.17", "namespace": "shop", "managedFields": [{}]},
        "involvedObject": {
            "kind": "Pod",
            "namespace": "shop",
            "name": "app-1",
            "uid": EVENT_POD_UID,
            "fieldPath": "spec.containers{app}",
        },
        "reason": "Killing",
        "message": "Container app failed liveness probe, will be restarted",
        "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": "2026-11-23T09:59:00Z",
        "lastTimestamp": "2026-11-23T10:00:00Z",
        "count": 2,
        "type": "Warning",
        "eventTime": None,
        "reportingComponent": "kubelet",
        "reportingInstance": "node-1",
    } | changes


def event_list(*items: Any) -> bytes:
    """Return an answer of the API server with these Events."""
    content = {"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": items}
    return json.dumps(content).encode()


def _keyed(*objects: Json) -> Json:
    return {
        f"{item['metadata']['namespace']}/{item['metadata']['name']}": copy.deepcopy(item)
        for item in objects
    }


def pod_request(of: Json, *targets: Json) -> PodSyncRequest:
    """Return the sync request for a Pod, read as it is read off the wire."""
    return PodSyncRequest.model_validate_json(
        json.dumps({"object": of, "related": {DIAGNOSIS_TARGETS: _keyed(*targets)}})
    )


def diagnoser_request(of: Json, *related: Json) -> PodDiagnoserSyncRequest:
    """Return the sync request for a PodDiagnoser with these Pods and DiagnosisTargets."""
    pods = [item for item in related if item["kind"] == "Pod"]
    targets = [item for item in related if item["kind"] != "Pod"]
    return PodDiagnoserSyncRequest.model_validate_json(
        json.dumps(
            {
                "object": of,
                "related": {DIAGNOSIS_TARGETS: _keyed(*targets), PODS: _keyed(*pods)},
            }
        )
    )


def applied(of: Json, answer: Json) -> Json:
    """Return an object after Metacontroller has applied an answer for it."""
    result = copy.deepcopy(of)
    for field in ("annotations", "labels"):
        for key, value in answer.get(field, {}).items():
            if value is None:
                result["metadata"].get(field, {}).pop(key, None)
            else:
                result["metadata"].setdefault(field, {})[key] = value
    if answer.get("status") is not None:
        result["status"] = answer["status"]
    return result


def owner(uid: str = "rs-1", kind: str = "ReplicaSet", *, controller: bool = True) -> Json:
    """Return an owner reference."""
    return {
        "apiVersion": {"Job": "batch/v1", "Node": "v1"}.get(kind, "apps/v1"),
        "kind": kind,
        "name": f"app-{uid}",
        "uid": uid,
        "controller": controller,
    }


def owned(
    number: int = 1,
    finished: datetime | None = T0,
    *,
    by: str = "rs-1",
    template: str = "t1",
    created: datetime | None = None,
    name: str | None = None,
    annotations: Mapping[str, str] | None = None,
    **metadata: Any,
) -> Json:
    """Return a crashed Pod with a controller and the label of ``diag``: it may be replaced."""
    return crashed(
        finished,
        number=number,
        name=name or f"app-{number}",
        labels={"app": "app", LABEL: "diag", "pod-template-hash": template},
        annotations=annotations,
        **{
            "creationTimestamp": format_time(created or after(-120)),
            "resourceVersion": str(number),
            "ownerReferences": [owner(by)],
            **metadata,
        },
    )


def replacing(action: str = "RestartPod", *, status: Json | None = None, **policy: Any) -> Json:
    """Return a PodDiagnoser that acts, with this ``spec.remediation``.

    It reads no Events, for which what it does would wait.
    """
    document = diagnoser(
        status=status,
        targetLabels={"app": "app"},
        remediationAction=action,
        remediation=policy,
        evidence={"events": False},
    )
    document["metadata"]["resourceVersion"] = "10"
    return document


def parsed(document: Json) -> PodDiagnoser:
    """Return the PodDiagnoser as it is read."""
    return PodDiagnoser.model_validate_json(json.dumps(document))


def parsed_pod(document: Json) -> OwnedPod:
    """Return the Pod as it is read."""
    return OwnedPod.model_validate_json(json.dumps(document))


def crash(document: Json) -> str:
    """Return the id of the one crash that a Pod shows."""
    return diagnose(parsed_pod(document))[0].id


def observed(
    document: Json,
    *related: Json,
    complete: bool = True,
    published: bool = True,
) -> DiagnoserSnapshot:
    """Return the snapshot of a sync request, with the DiagnosisTarget if it is published."""
    own = (target(document),) if published else ()
    request = diagnoser_request(document, *own, *related)
    return take_snapshot(request, complete=complete)


def answered(
    document: Json,
    now: datetime,
    *related: Json,
    effects: ExecutionReport | None = None,
    complete: bool = True,
) -> Json:
    """Return the answer to a sync request."""
    seen = observed(document, *related, complete=complete)
    result = sync_pod_diagnoser(seen, now, effects or ExecutionReport())
    return dict(json.loads(result.response.encode()))


def synced(
    document: Json,
    now: datetime,
    *related: Json,
    effects: ExecutionReport | None = None,
    complete: bool = True,
) -> Json:
    """Return the PodDiagnoser after a sync."""
    answer = answered(document, now, *related, effects=effects, complete=complete)
    return applied(document, answer)


def entries(document: Json, *phases: str) -> list[Json]:
    """Return the remediations of the status, of these phases or of all."""
    found = document["status"]["remediations"]
    return [entry for entry in found if not phases or entry["phase"] in phases]


def planned(document: Json) -> list[str]:
    """Return the Pods that are to be replaced, in the order in which they were planned."""
    return [entry["pod"] for entry in reversed(entries(document, "Planned"))]


def withheld(document: Json) -> dict[str, int]:
    """Return how many crashes are withheld from remediation, by reason."""
    return {each["reason"]: each["crashes"] for each in document["status"]["withheld"]}


def condition(document: Json, name: str = "Remediating") -> Json:
    """Return a condition of the status."""
    return next(dict(each) for each in document["status"]["conditions"] if each["type"] == name)


def settled(
    document: Json,
    at: datetime,
    *related: Json,
    as_: tuple[Phase, Reason] = (Phase.DONE, Reason.DELETED),
) -> Json:
    """Return the PodDiagnoser after a sync that executed all plans, with this outcome."""
    outcomes = {entry["id"]: Outcome(*as_, at) for entry in entries(document, "Planned")}
    return synced(document, at, *related, effects=ExecutionReport(outcomes=outcomes))


def edited(document: Json, **spec: Any) -> Json:
    """Return the PodDiagnoser after a change of its spec."""
    changed = copy.deepcopy(document)
    changed["spec"] |= spec
    changed["metadata"]["generation"] += 1
    changed["metadata"]["resourceVersion"] = str(int(changed["metadata"]["resourceVersion"]) + 1)
    return changed


def gaps(times: Sequence[datetime]) -> list[float]:
    """Seconds between times."""
    return [(later - sooner).total_seconds() for sooner, later in pairwise(times)]
