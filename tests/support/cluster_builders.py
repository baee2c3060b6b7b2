"""Objects and requests of ClusterPodDiagnosers."""

import copy
import json
from datetime import datetime
from typing import Any

from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser
from pod_diagnoser.api.cluster_requests import (
    CLUSTER_POD_DIAGNOSERS,
    NAMESPACES,
    ClusterSyncRequest,
    ClusterTargetsRequest,
)
from pod_diagnoser.api.diagnostics_v1 import diagnosis_target
from pod_diagnoser.api.metacontroller import DIAGNOSIS_TARGETS, PODS
from tests.support.builders import T0, diagnoser

Json = dict[str, Any]


def cluster_diagnoser(
    name: str = "cluster", number: int = 700, created: datetime = T0, **options: Any
) -> Json:
    """Return a ClusterPodDiagnoser; options as of `diagnoser`."""
    made = diagnoser(name, number, created, **options)
    del made["metadata"]["namespace"]
    return {**made, "kind": "ClusterPodDiagnoser"}


def namespace(name: str = "shop", *, terminating: bool = False, **labels: str) -> Json:
    """Return a Namespace."""
    end = {"deletionTimestamp": "2026-11-23T10:00:00Z"} if terminating else {}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/metadata.name": name, **labels},
            **end,
        },
    }


def cluster_target(of: Json, namespace: str = "shop") -> Json:
    """Return a ClusterPodDiagnoser's DiagnosisTarget, as the API server returns it."""
    meta = of["metadata"]
    made = copy.deepcopy(dict(diagnosis_target(ClusterPodDiagnoser.model_validate(of), namespace)))
    made["metadata"] |= {  # type: ignore[operator]  # a dictionary, as it is made here
        "uid": f"{meta['uid'][:-8]}{namespace:*>8.8}",
        "ownerReferences": [
            {
                "apiVersion": "diagnostics.local.io/v1",
                "kind": "ClusterPodDiagnoser",
                "name": meta["name"],
                "uid": meta["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    return made


def _keyed(*objects: Json) -> Json:
    return {
        "/".join(
            filter(None, (each["metadata"].get("namespace"), each["metadata"]["name"]))
        ): copy.deepcopy(each)
        for each in objects
    }


def cluster_body(of: Json, *related: Json, selected: bool = True) -> Json:
    """Return the body of a sync request in which a status is worked out.

    Args:
        of: the ClusterPodDiagnoser.
        related: Namespaces, Pods, DiagnosisTargets and other ClusterPodDiagnosers.
        selected: False where its selector was not evaluated.
    """
    kinds = {
        CLUSTER_POD_DIAGNOSERS: "ClusterPodDiagnoser",
        DIAGNOSIS_TARGETS: "DiagnosisTarget",
        NAMESPACES: "Namespace",
        PODS: "Pod",
    }
    found = {
        key: _keyed(*(each for each in (of, *related) if each["kind"] == kind))
        for key, kind in kinds.items()
        if selected or key != NAMESPACES
    }
    return {"controller": {}, "object": of, "attachments": {}, "related": found}


def cluster_request(of: Json, *related: Json, selected: bool = True) -> ClusterSyncRequest:
    """Return a sync request in which a status is worked out, as it is read off the wire."""
    body = cluster_body(of, *related, selected=selected)
    return ClusterSyncRequest.model_validate_json(json.dumps(body))


def targets_request(
    of: Json, *namespaces: Json, existing: tuple[Json, ...] = (), selected: bool = True
) -> ClusterTargetsRequest:
    """Return a sync request in which DiagnosisTargets are published."""
    body = {
        "object": of,
        "attachments": {DIAGNOSIS_TARGETS: _keyed(*existing)},
        "related": {NAMESPACES: _keyed(*namespaces)} if selected else {},
    }
    return ClusterTargetsRequest.model_validate_json(json.dumps(body))
