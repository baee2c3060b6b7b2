"""Publish a ClusterPodDiagnoser: one DiagnosisTarget in each namespace that it selects. Pure.

This has a controller of its own: its syncs follow the Namespaces and the spec, and hold no Pods, so
that a crash costs none of them, and what goes wrong with Pods and statuses wipes no annotations.
"""

from collections.abc import Mapping
from typing import Final

from pod_diagnoser.api.cluster_requests import (
    ClusterCustomizeRequest,
    ClusterTargetsRequest,
    namespaces_rule,
)
from pod_diagnoser.api.core_v1 import Namespace
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, diagnosis_targets
from pod_diagnoser.api.metacontroller import CustomizeResponse, SyncResponse
from pod_diagnoser.poddiagnosers.namespace_selection import selection_annotation
from pod_diagnoser.pods.recall import recalled_targets

RETRY_SECONDS: Final = 2.0
"""After which a response that tells of other namespaces is given again, if it lost a race."""


def customize_cluster_targets(request: ClusterCustomizeRequest) -> CustomizeResponse:
    """Return the rule for what publishing needs: the Namespaces that the selector matches."""
    return CustomizeResponse(relatedResources=namespaces_rule(request.parent.spec))


def sync_cluster_targets(request: ClusterTargetsRequest) -> SyncResponse:
    """Return the DiagnosisTargets of a ClusterPodDiagnoser.

    A response without one makes Metacontroller delete it, and so wipes every Pod of its namespace
    that it claims. Where the selector cannot be evaluated, they stay where they are.

    An annotation tells the other controller which namespaces these are. A write to the parent that
    loses a race with one to its status takes the attachments of its response with it, until it is
    tried again. So a new ClusterPodDiagnoser, whose first status is written at the same time, gets
    its DiagnosisTargets first.
    """
    diagnoser, namespaces = request.object, request.related.namespaces
    if not diagnoser.spec.namespaceSelector.is_valid:
        namespaces = None
    existing = {
        target.metadata.namespace: target.spec
        for target in request.attachments.targets.values()
        if not target.metadata.terminating
    }
    specs = _wanted(namespaces, existing) if diagnoser.active else {}
    annotations = recalled_targets(diagnoser.metadata)
    attachments = tuple(map(dict, diagnosis_targets(diagnoser, specs, annotations)))
    if namespaces is None or (specs and not existing):
        return SyncResponse(attachments=attachments)
    names = (each.metadata.name for each in namespaces.values())
    told = selection_annotation(names, everything=diagnoser.spec.namespaceSelector.is_empty)
    if told.items() <= diagnoser.metadata.annotations.items():
        return SyncResponse(attachments=attachments)
    return SyncResponse(annotations=told, attachments=attachments, resyncAfterSeconds=RETRY_SECONDS)


def _wanted(
    namespaces: Mapping[str, Namespace] | None, existing: Mapping[str, DiagnosisTargetSpec]
) -> dict[str, DiagnosisTargetSpec | None]:
    """Return in which namespaces there is to be a DiagnosisTarget, with those that exist.

    Args:
        namespaces: those that are selected; None where that is not known.
        existing: the DiagnosisTargets that exist, by namespace.
    """
    if namespaces is None:
        selected = set(existing)
    else:
        selected = {
            each.metadata.name
            for each in namespaces.values()
            # In one that is being deleted nothing can be created.
            if not each.metadata.terminating or each.metadata.name in existing
        }
    return {name: existing.get(name) for name in sorted(selected)}
