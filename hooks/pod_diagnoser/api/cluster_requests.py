"""Metacontroller's requests for ClusterPodDiagnosers.

As those in `pod_diagnoser.api.metacontroller`. An object of the whole cluster has no namespace, and
its related objects are of any namespace.
"""

from typing import Annotated, Final

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from pod_diagnoser.api.cluster_diagnostics_v1 import (
    ClusterPodDiagnoser,
    ClusterPodDiagnoserMeta,
    ClusterPodDiagnoserSpec,
)
from pod_diagnoser.api.core_v1 import Namespace, OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    API_VERSION,
    CLUSTER_LABEL,
    CLUSTER_POD_DIAGNOSER,
    DiagnosisTarget,
)
from pod_diagnoser.api.fields import OrNull, WireModel
from pod_diagnoser.api.metacontroller import (
    PODS,
    RelatedResourceRule,
    Targets,
)

NAMESPACES: Final = "Namespace.v1"
CLUSTER_POD_DIAGNOSERS: Final = f"{CLUSTER_POD_DIAGNOSER}.{API_VERSION}"


Namespaces = Annotated[dict[str, Namespace] | None, Field(alias=NAMESPACES)]
"""The Namespaces that the selector matches; None where none were requested."""


class ClusterParent(WireModel):
    """The parent object of a customize request."""

    metadata: ClusterPodDiagnoserMeta
    spec: ClusterPodDiagnoserSpec = ClusterPodDiagnoserSpec()


class ClusterCustomizeRequest(WireModel):
    """A customize request for a ClusterPodDiagnoser."""

    parent: ClusterParent


class RelatedToCluster(WireModel):
    """``related`` of a ClusterPodDiagnoser in the sync that reports."""

    namespaces: Namespaces = None
    pods: Annotated[dict[str, OwnedPod], OrNull(dict), Field(alias=PODS)]
    targets: Targets
    """Those of PodDiagnosers alone."""
    diagnosers: Annotated[
        dict[str, ClusterPodDiagnoser], OrNull(dict), Field(alias=CLUSTER_POD_DIAGNOSERS)
    ]


class ClusterSyncRequest(WireModel):
    """A sync request for a ClusterPodDiagnoser, in which its status is worked out."""

    object: ClusterPodDiagnoser
    related: RelatedToCluster


class RelatedNamespaces(WireModel):
    """``related`` of a ClusterPodDiagnoser in the sync that publishes."""

    namespaces: Namespaces = None


class PublishedTargets(WireModel):
    """``attachments`` of a ClusterPodDiagnoser: what Metacontroller has created for it."""

    targets: Targets


class ClusterTargetsRequest(WireModel):
    """A sync request for a ClusterPodDiagnoser, in which its DiagnosisTargets are published."""

    object: ClusterPodDiagnoser
    attachments: PublishedTargets
    related: RelatedNamespaces


def namespaces_rule(spec: ClusterPodDiagnoserSpec) -> tuple[RelatedResourceRule, ...]:
    """Request the Namespaces that a valid selector matches; nothing for an invalid one."""
    selector = spec.namespaceSelector
    if not selector.is_valid:
        return ()
    return (
        RelatedResourceRule(
            apiVersion="v1",
            resource="namespaces",
            # Without a selector at all it would be a rule by name.
            labelSelector=selector.model_dump(exclude_defaults=True) or {"matchLabels": {}},
        ),
    )


def cluster_rules(name: str) -> tuple[RelatedResourceRule, ...]:
    """Request the Pods that carry a ClusterPodDiagnoser's label, and what may claim them first."""
    not_of_cluster = {"matchExpressions": [{"key": CLUSTER_LABEL, "operator": "DoesNotExist"}]}
    return (
        RelatedResourceRule(
            apiVersion="v1",
            resource="pods",
            labelSelector={"matchLabels": {CLUSTER_LABEL: name}},
        ),
        RelatedResourceRule(
            apiVersion=API_VERSION, resource="diagnosistargets", labelSelector=not_of_cluster
        ),
        RelatedResourceRule(apiVersion=API_VERSION, resource="clusterpoddiagnosers"),
    )


_TruncatedRelated = TypedDict(
    "_TruncatedRelated",
    {
        "ClusterPodDiagnoser.diagnostics.local.io/v1": dict[str, ClusterPodDiagnoser],
        "DiagnosisTarget.diagnostics.local.io/v1": dict[str, DiagnosisTarget],
        "Namespace.v1": dict[str, Namespace],
        "Pod.v1": dict[str, OwnedPod],
    },
    total=False,
)


class _TruncatedRequest(TypedDict, total=False):
    """The start of a ClusterPodDiagnoser's sync request."""

    object: ClusterPodDiagnoser
    related: _TruncatedRelated


_TRUNCATED_REQUEST = TypeAdapter(_TruncatedRequest)


def parse_truncated_cluster(body: bytes) -> ClusterSyncRequest | None:
    """Parse the start of a ClusterPodDiagnoser's sync request, as `parse_truncated`.

    Returns:
        What could be read, or None if not even all but the Pods could: who is selected and who
        claims first has to be known.

    Raises:
        pydantic.ValidationError: it is not the start of such a request.
    """
    start = _TRUNCATED_REQUEST.validate_json(body, experimental_allow_partial=True)
    related = start.get("related", {})
    if "object" not in start or "Pod.v1" not in related:
        return None
    pods = related["Pod.v1"]
    if pods:
        pods.popitem()
    return ClusterSyncRequest.model_construct(
        object=start["object"],
        related=RelatedToCluster.model_construct(
            namespaces=related.get("Namespace.v1"),
            pods=pods,
            targets=related.get("DiagnosisTarget.diagnostics.local.io/v1", {}),
            diagnosers=related.get("ClusterPodDiagnoser.diagnostics.local.io/v1", {}),
        ),
    )
