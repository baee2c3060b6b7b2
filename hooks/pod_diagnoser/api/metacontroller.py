"""Metacontroller's requests and responses for DecoratorControllers, hook version v2.

Source: ``pkg/controller/decorator/api/v2`` and ``pkg/controller/common/customize/api/v2`` in
metacontroller/metacontroller, tag v4.17.2. Requests are read leniently, since Metacontroller and
Kubernetes add fields; responses are strict, since Metacontroller refuses unknown keys.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pod_diagnoser.api.core_v1 import ObjectMeta, OwnedPod, Pod
from pod_diagnoser.api.diagnostics_v1 import API_VERSION, DiagnosisTarget, PodDiagnoser
from pod_diagnoser.api.fields import Name, OrNull, WireModel

PODS = "Pod.v1"
DIAGNOSIS_TARGETS = "DiagnosisTarget.diagnostics.local.io/v1"
"""Keys of ``related``: ``Kind.version``, or ``Kind.group/version``. A key that the customize
response requested is always there, be it empty."""


_MAX_RESYNC_SECONDS: Final = 86_400.0
"""A day. What a Pod's spec makes of it may be centuries, and Go's durations end after 292 years."""

_MIN_RESYNC_SECONDS: Final = 0.1
"""Seconds; 0 means no resync."""

Targets = Annotated[dict[str, DiagnosisTarget], OrNull(dict), Field(alias=DIAGNOSIS_TARGETS)]


class RelatedToPod(WireModel):
    """``related`` of a Pod.

    The key is required: a request without it comes from a controller without our customize hook,
    and must not be read as "no PodDiagnoser is left", which would remove everything from the Pod.
    """

    targets: Targets


class PodSyncRequest(WireModel):
    """A sync request for a Pod."""

    object: Pod
    related: RelatedToPod


class RelatedToPodDiagnoser(WireModel):
    """``related`` of a PodDiagnoser: the Pods that carry its label, and all DiagnosisTargets."""

    targets: Targets
    pods: Annotated[dict[str, OwnedPod], OrNull(dict), Field(alias=PODS)]


class PodDiagnoserSyncRequest(WireModel):
    """A sync request for a PodDiagnoser."""

    object: PodDiagnoser
    related: RelatedToPodDiagnoser


class TargetRecallRequest(WireModel):
    """A sync request for a DiagnosisTarget."""

    object: DiagnosisTarget


class RecalledMeta(ObjectMeta):
    """The metadata of a PodDiagnoser, or of a ClusterPodDiagnoser, which has no namespace."""

    namespace: Name | Literal[""] = ""


class RecalledObject(WireModel):
    """A PodDiagnoser or a ClusterPodDiagnoser, of which no more is read."""

    metadata: RecalledMeta


class DiagnoserRecallRequest(WireModel):
    """A sync request for one of these, without what is related to it."""

    object: RecalledObject


class ParentMeta(WireModel):
    """The metadata that a customize response depends on."""

    name: Name
    namespace: Name


class Parent(WireModel):
    """The parent object of a customize request."""

    metadata: ParentMeta


class CustomizeRequest(WireModel):
    """A customize request; it says ``parent`` where a sync request says ``object``."""

    parent: Parent


class HookResponse(BaseModel):
    """A response: immutable, without keys that Metacontroller doesn't know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def encode(self) -> bytes:
        """Return compact JSON in UTF-8 of the fields that were set; a None that was set is null."""
        return self.__pydantic_serializer__.to_json(self, exclude_unset=True)

    def after(self, seconds: float) -> Self:
        """Return the response as it is when it is given so many seconds later."""
        del seconds
        return self


class RelatedResourceRule(HookResponse):
    """Which related objects a sync request should contain.

    Without ``namespace`` a v2 rule lists the whole cluster: it is always set, but for a
    ClusterPodDiagnoser.
    """

    apiVersion: str
    resource: str
    namespace: str = ""
    labelSelector: dict[str, Any] | None = None


class CustomizeResponse(HookResponse):
    """The response of a customize hook."""

    relatedResources: tuple[RelatedResourceRule, ...]


class SyncResponse(HookResponse):
    """The response of a sync hook.

    A status that is not set, or None, leaves the stored one unchanged; an empty object would
    replace it. Attachments that are not set are deleted where they exist.
    """

    annotations: dict[str, str | None] = {}
    labels: dict[str, str | None] = {}
    status: dict[str, Any] | None = None
    attachments: tuple[dict[str, Any], ...] = ()
    resyncAfterSeconds: Annotated[
        float, AfterValidator(lambda seconds: min(seconds, _MAX_RESYNC_SECONDS))
    ] = 0.0

    def after(self, seconds: float) -> Self:
        """Return the response with a resync that is sooner by what has passed of its time."""
        if not (seconds and self.resyncAfterSeconds):
            return self
        left = max(_MIN_RESYNC_SECONDS, self.resyncAfterSeconds - seconds)
        return self.model_copy(update={"resyncAfterSeconds": left})


def targets_rule(namespace: str) -> RelatedResourceRule:
    """Request all DiagnosisTargets of a namespace."""
    return RelatedResourceRule(
        apiVersion=API_VERSION, resource="diagnosistargets", namespace=namespace
    )
