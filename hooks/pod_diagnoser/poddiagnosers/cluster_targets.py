"""Publish a ClusterPodDiagnoser: one DiagnosisTarget in each namespace that it selects. Pure.

This has a controller of its own: its syncs follow the Namespaces and the spec, and hold no Pods, so
that a crash costs none of them, and what goes wrong with Pods and statuses wipes no annotations.
"""

from pod_diagnoser.api.cluster_requests import (
    ClusterCustomizeRequest,
    ClusterTargetsRequest,
    namespaces_rule,
)
from pod_diagnoser.api.diagnostics_v1 import diagnosis_targets
from pod_diagnoser.api.metacontroller import CustomizeResponse, SyncResponse


def customize_cluster_targets(request: ClusterCustomizeRequest) -> CustomizeResponse:
    """Return the rule for what publishing needs: the Namespaces that the selector matches."""
    return CustomizeResponse(relatedResources=namespaces_rule(request.parent.spec))


def sync_cluster_targets(request: ClusterTargetsRequest) -> SyncResponse:
    """Return the DiagnosisTargets of a ClusterPodDiagnoser.

    A response without one makes Metacontroller delete it, and so wipes every Pod of its namespace
    that it claims. Where the selector cannot be evaluated, they stay where they are.
    """
    diagnoser, namespaces = request.object, request.related.namespaces
    if not diagnoser.active:
        return SyncResponse(attachments=())
    existing = {
        target.metadata.namespace: target.spec
        for target in request.attachments.targets.values()
        if not target.metadata.terminating
    }
    if namespaces is None or not diagnoser.spec.namespaceSelector.is_valid:
        selected = set(existing)
    else:
        selected = {
            each.metadata.name
            for each in namespaces.values()
            # In one that is being deleted nothing can be created.
            if not each.metadata.terminating or each.metadata.name in existing
        }
    return SyncResponse(
        attachments=tuple(
            map(
                dict,
                diagnosis_targets(
                    diagnoser, {name: existing.get(name) for name in sorted(selected)}
                ),
            )
        )
    )
