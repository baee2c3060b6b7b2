"""Work out the status of a ClusterPodDiagnoser. Pure.

As that of a PodDiagnoser (`pod_diagnoser.poddiagnosers.status`), with the namespaces, and without
any text that the containers, or the authors of the Pods, may have written.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pod_diagnoser.api.cluster_diagnostics_v1 import (
    ABSENT_FROM_STATUS,
    ClusterPodDiagnoserStatus,
    ClusterRecentDiagnosis,
    ClusterWorkload,
    CrashingNamespace,
)
from pod_diagnoser.api.cluster_requests import (
    ClusterCustomizeRequest,
    cluster_rules,
    namespaces_rule,
)
from pod_diagnoser.api.diagnostics_v1 import Workload
from pod_diagnoser.api.metacontroller import CustomizeResponse, SyncResponse
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.poddiagnosers.cluster_claims import with_claims
from pod_diagnoser.poddiagnosers.cluster_conditions import (
    cluster_active_condition,
    cluster_overlapping_condition,
    cluster_remediating_condition,
    namespaces_condition,
)
from pod_diagnoser.poddiagnosers.cluster_snapshot import ClusterSnapshot
from pod_diagnoser.poddiagnosers.conditions import (
    common_factor_condition,
    complete_condition,
    conditions,
)
from pod_diagnoser.poddiagnosers.response import PodDiagnoserSync, result_of_sync
from pod_diagnoser.poddiagnosers.status import (
    Findings,
    common_fields,
    first_seen,
    latest_diagnoses,
    paced_status,
    planned_fields,
    select_diagnoses,
)
from pod_diagnoser.poddiagnosers.workload_names import workload_of
from pod_diagnoser.poddiagnosers.workloads import MAX_WORKLOADS, workloads
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.model import NOT_CONNECTED, REPLACING, ExecutionReport, replaces

MAX_NAMESPACES = 50
"""How many crashing namespaces the status lists: those with most crashing Pods."""


def customize_cluster(request: ClusterCustomizeRequest) -> CustomizeResponse:
    """Return the rules for what a ClusterPodDiagnoser's status needs.

    Metacontroller sends Namespaces whole: those of 2,000 are 1.2 MB with each sync, so with each
    crash. Only who replaces Pods needs them, to know of each namespace what comes first there.
    """
    parent = request.parent
    replacing = parent.spec.remediationAction in REPLACING
    namespaces = namespaces_rule(parent.spec) if replacing else ()
    return CustomizeResponse(relatedResources=(*namespaces, *cluster_rules(parent.metadata.name)))


def sync_cluster(
    snapshot: ClusterSnapshot, now: datetime, report: ExecutionReport = NOT_CONNECTED
) -> PodDiagnoserSync:
    """Work out a ClusterPodDiagnoser's status.

    Args:
        snapshot: what the request holds.
        now: the time, in UTC; by the API server's clock where that is known.
        report: what was done in the cluster before.
    """
    if report.connected and report.server_time_known:
        snapshot = replace(snapshot, claimed=with_claims(snapshot, now))
    result = paced_status(snapshot, report, now, _desired_status)
    response: dict[str, Any] = {
        "status": result.status.model_dump(
            mode="json", exclude_none=True, exclude=ABSENT_FROM_STATUS
        )
    }
    if result.resync_after is not None:
        response["resyncAfterSeconds"] = result.resync_after
    may_act = bool(report.awaited) or replaces(snapshot.diagnoser)
    return result_of_sync(snapshot, report, result, SyncResponse(**response), may_act=may_act)


def _desired_status(
    snapshot: ClusterSnapshot, report: ExecutionReport, findings: Findings, now: datetime
) -> ClusterPodDiagnoserStatus:
    """Return the status that shows everything, but for the time of its update.

    Where the selector cannot be evaluated, what is known of Pods stays as it is.
    """
    diagnoser = snapshot.cluster_diagnoser
    stored = diagnoser.status
    states = (
        cluster_active_condition(snapshot),
        namespaces_condition(snapshot),
        cluster_overlapping_condition(snapshot),
        complete_condition(complete=snapshot.complete or not snapshot.selection_is_known),
        cluster_remediating_condition(snapshot, findings.planned, report),
        common_factor_condition(findings.common),
    )
    described: dict[str, Any] = {
        "observedGeneration": diagnoser.metadata.generation,
        "conditions": conditions(diagnoser, filter(None, states), now),
        **planned_fields(findings.planned),
    }
    if snapshot.claimed is not None:
        described |= {
            "claims": snapshot.claimed.claims,
            "writerNamespaces": snapshot.claimed.writerNamespaces,
        }
    if snapshot.selection_is_known:
        recent = latest_diagnoses(
            stored.recentDiagnoses,
            snapshot.crashed,
            _recent_diagnosis,
            snapshot.diagnoser.spec.evidence,
        )
        new = {pod.metadata.uid for pod in findings.new.values()}
        described |= {
            **common_fields(snapshot, findings, recent),
            "selectedNamespaces": snapshot.selected_namespaces or 0,
            "namespaces": _namespaces(snapshot.crashed) if snapshot.complete else stored.namespaces,
            "recentDiagnoses": recent,
            "workloads": _workloads(
                stored.workloads, snapshot.crashed, new, now, complete=snapshot.complete
            ),
        }
    return stored.model_copy(update=described)


def _recent_diagnosis(
    crashed: CrashedPod, diagnosis: Diagnosis, known: Mapping[str, ClusterRecentDiagnosis]
) -> ClusterRecentDiagnosis:
    meta = crashed.pod.metadata
    return ClusterRecentDiagnosis(
        id=diagnosis.id,
        namespace=meta.namespace,
        pod=meta.name,
        podUID=meta.uid,
        container=diagnosis.container,
        cause=diagnosis.cause.value,
        reason=diagnosis.restart_reason,
        time=diagnosis.finished_at,
        seen=first_seen(crashed, diagnosis, known),
        reasonClass=diagnosis.reason_class,
    )


def _workloads(
    stored: Sequence[ClusterWorkload],
    crashed: Iterable[CrashedPod],
    new: Collection[str],
    now: datetime,
    *,
    complete: bool,
) -> tuple[ClusterWorkload, ...]:
    """Group crashes by the workloads of each namespace, as `workloads` does."""
    before: defaultdict[str, list[Workload]] = defaultdict(list)
    for entry in stored:
        before[entry.namespace].append(entry)
    pods: defaultdict[str, list[CrashedPod]] = defaultdict(list)
    for each in select_diagnoses(crashed, lambda found: not found.was_requested):
        pods[each.pod.metadata.namespace].append(each)
    found = [
        ClusterWorkload(
            namespace=namespace,
            **{name: getattr(entry, name) for name in Workload.model_fields if name != "template"},
        )
        for namespace in before.keys() | pods.keys()
        for entry in workloads(before[namespace], pods[namespace], new, now, complete=complete)
    ]
    found.sort(
        key=lambda each: (each.lastTime, each.namespace, each.uid, each.kind, each.name),
        reverse=True,
    )
    return tuple(found[:MAX_WORKLOADS])


def _namespaces(crashed: Iterable[CrashedPod]) -> tuple[CrashingNamespace, ...]:
    """Count the Pods that show a recent crash by namespace, the most first."""
    pods: Counter[str] = Counter()
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for each in select_diagnoses(crashed, lambda found: not found.was_requested):
        namespace = each.pod.metadata.namespace
        pods[namespace] += 1
        kinds[namespace].add(workload_of(each.pod).key)
    most = sorted(pods.items(), key=lambda each: (-each[1], each[0]))[:MAX_NAMESPACES]
    return tuple(
        CrashingNamespace(name=name, crashingPods=count, workloads=len(kinds[name]))
        for name, count in most
    )
