"""Publish a ClusterPodDiagnoser: one DiagnosisTarget in each namespace that it selects. Pure.

This has a controller of its own: its syncs follow the Namespaces and the spec, and hold no Pods, so
that a crash costs none of them, and what goes wrong with Pods and statuses wipes no annotations.
"""

from collections.abc import Mapping
from typing import Any

from pod_diagnoser.api.cluster_requests import (
    ClusterCustomizeRequest,
    ClusterTargetsRequest,
    namespaces_rule,
)
from pod_diagnoser.api.core_v1 import Namespace
from pod_diagnoser.api.diagnostics_v1 import diagnosis_targets
from pod_diagnoser.api.metacontroller import CustomizeResponse, SyncResponse
from pod_diagnoser.poddiagnosers.namespace_count import count_annotation


def customize_cluster_targets(request: ClusterCustomizeRequest) -> CustomizeResponse:
    """Return the rule for what publishing needs: the Namespaces that the selector matches."""
    return CustomizeResponse(relatedResources=namespaces_rule(request.parent.spec))


def sync_cluster_targets(request: ClusterTargetsRequest) -> SyncResponse:
    """Return the DiagnosisTargets of a ClusterPodDiagnoser.

    A response without one makes Metacontroller delete it, and so wipes every Pod of its namespace
    that it claims. Where the selector cannot be evaluated, they stay where they are.

    The namespaces are counted in an annotation, from which the other controller reads it.
    """
    diagnoser, namespaces = request.object, request.related.namespaces
    if not diagnoser.spec.namespaceSelector.is_valid:
        namespaces = None
    attachments = _targets(request, namespaces) if diagnoser.active else ()
    if namespaces is None:
        return SyncResponse(attachments=attachments)
    names = [each.metadata.name for each in namespaces.values()]
    return SyncResponse(annotations=count_annotation(names), attachments=attachments)


def _targets(
    request: ClusterTargetsRequest, namespaces: Mapping[str, Namespace] | None
) -> tuple[dict[str, Any], ...]:
    """Return the DiagnosisTargets; in the same namespaces as before where None are selected."""
    existing = {
        target.metadata.namespace: target.spec
        for target in request.attachments.targets.values()
        if not target.metadata.terminating
    }
    if namespaces is None:
        selected = set(existing)
    else:
        selected = {
            each.metadata.name
            for each in namespaces.values()
            # In one that is being deleted nothing can be created.
            if not each.metadata.terminating or each.metadata.name in existing
        }
    specs = {name: existing.get(name) for name in sorted(selected)}
    return tuple(map(dict, diagnosis_targets(request.object, specs)))
