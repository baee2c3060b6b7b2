"""Builds what tests of the remediation talk about: owned Pods, PodDiagnosers, plans."""

import copy
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.poddiagnosers.answer import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import DiagnoserSnapshot, take_snapshot
from pod_diagnoser.pods.keys import LABEL
from pod_diagnoser.remediation.model import ExecutionReport, Outcome, Phase, Reason
from tests.support.build import (
    T0,
    Json,
    after,
    applied,
    crashed,
    diagnoser,
    diagnoser_request,
    target,
)


def owner(uid: str = "rs-1", kind: str = "ReplicaSet", *, controller: bool = True) -> Json:
    """An owner reference."""
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": f"app-{uid}",
        "uid": uid,
        "controller": controller,
    }


def owned(  # noqa: PLR0913 (all that makes a difference)
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
    """A Pod of a controller, crashed at a time, with the label of ``diag``: it may be replaced."""
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
    """A PodDiagnoser that replaces Pods, with this ``spec.remediation``."""
    document = diagnoser(
        status=status, targetLabels={"app": "app"}, remediationAction=action, remediation=policy
    )
    document["metadata"]["resourceVersion"] = "10"
    return document


def parsed(document: Json) -> PodDiagnoser:
    """The PodDiagnoser as it is read."""
    return PodDiagnoser.model_validate_json(json.dumps(document))


def parsed_pod(document: Json) -> OwnedPod:
    """The Pod as it is read."""
    return OwnedPod.model_validate_json(json.dumps(document))


def crash(document: Json) -> str:
    """The id of the one crash that a Pod shows."""
    return diagnose(parsed_pod(document))[0].id


def observed(
    document: Json,
    *related: Json,
    complete: bool = True,
    half_written: bool = False,
    published: bool = True,
) -> DiagnoserSnapshot:
    """What a sync request holds, with the PodDiagnoser's DiagnosisTarget unless that is gone."""
    own = (target(document),) if published else ()
    request = diagnoser_request(document, *own, *related)
    return take_snapshot(request, complete=complete, between_status_writes=half_written)


def answered(
    document: Json,
    now: datetime,
    *related: Json,
    effects: ExecutionReport | None = None,
    complete: bool = True,
) -> Json:
    """The answer to a sync request."""
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
    """The PodDiagnoser after a sync."""
    answer = answered(document, now, *related, effects=effects, complete=complete)
    return applied(document, answer)


def entries(document: Json, *phases: str) -> list[Json]:
    """The remediations of the status, of these phases or of all."""
    found = document["status"]["remediations"]
    return [entry for entry in found if not phases or entry["phase"] in phases]


def planned(document: Json) -> list[str]:
    """The Pods that are to be replaced, in the order in which they were planned."""
    return [entry["pod"] for entry in reversed(entries(document, "Planned"))]


def withheld(document: Json) -> dict[str, int]:
    """How many crashed Pods are left alone, by reason."""
    return {each["reason"]: each["crashes"] for each in document["status"]["withheld"]}


def condition(document: Json, name: str = "Remediating") -> Json:
    """A condition of the status."""
    return next(dict(each) for each in document["status"]["conditions"] if each["type"] == name)


def settled(
    document: Json,
    at: datetime,
    *related: Json,
    as_: tuple[Phase, Reason] = (Phase.DONE, Reason.DELETED),
) -> Json:
    """The PodDiagnoser after a sync that carried out all plans, with this outcome."""
    outcomes = {entry["id"]: Outcome(*as_, at) for entry in entries(document, "Planned")}
    return synced(document, at, *related, effects=ExecutionReport(outcomes=outcomes))


def edited(document: Json, **spec: Any) -> Json:
    """The PodDiagnoser after a change of its spec."""
    changed = copy.deepcopy(document)
    changed["spec"] |= spec
    changed["metadata"]["generation"] += 1
    changed["metadata"]["resourceVersion"] = str(int(changed["metadata"]["resourceVersion"]) + 1)
    return changed


def gaps(times: Sequence[datetime]) -> list[float]:
    """Seconds between times."""
    return [(later - sooner).total_seconds() for sooner, later in pairwise(times)]
