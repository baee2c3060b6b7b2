"""The versions of a workload's template: ReplicaSets and ControllerRevisions.

Source of the shapes: ``staging/src/k8s.io/api/apps/v1/types.go``. A version's own fields are never
changed by Kubernetes once it is made, except for its number, which a rollback raises.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from pod_diagnoser.api.core_v1 import OwnerReference
from pod_diagnoser.api.fields import Int64, Many, OrNull, Strings, Text, Time, WireModel
from pod_diagnoser.api.meta_v1 import LabelSelector, is_label_key, is_label_value

API_VERSION: Final = "apps/v1"
TEMPLATE_HASH: Final = "pod-template-hash"
REVISION_HASH: Final = "controller.kubernetes.io/hash"

_REVISION: Final = "deployment.kubernetes.io/revision"
_REVISION_HISTORY: Final = "deployment.kubernetes.io/revision-history"
"""Set on a ReplicaSet that was rolled back to. Source: ``SetNewReplicaSetAnnotations`` in
``pkg/controller/deployment/util/deployment_util.go``."""

_MAX_REVISION_DIGITS: Final = 18

MAX_CONTAINERS: Final = 200
"""A template with more containers is not read: nobody has so many but to keep the hook busy."""

_Object = Annotated[dict[str, Any], OrNull(dict)]


class EnvVar(WireModel):
    """An environment variable. Of its value only whether it is the same is ever used."""

    name: Text = ""
    value: Any = None
    valueFrom: Any = None


class TemplateResources(WireModel):
    """What a container requests, and its limits."""

    limits: _Object = Field(default_factory=dict)
    requests: _Object = Field(default_factory=dict)


class TemplateContainer(WireModel):
    """A container of a template."""

    name: Text = ""
    image: Text = ""
    command: Many[Text] = ()
    args: Many[Text] = ()
    env: Many[EnvVar] = ()
    envFrom: Any = None
    resources: TemplateResources | None = None
    livenessProbe: Any = None
    readinessProbe: Any = None
    startupProbe: Any = None
    lifecycle: Any = None
    volumeMounts: Any = None
    securityContext: Any = None
    workingDir: Any = None
    ports: Any = None


class TemplateSpec(WireModel):
    """The spec of a template, as far as it is compared."""

    containers: Many[TemplateContainer] = Field(default=(), max_length=MAX_CONTAINERS)
    initContainers: Many[TemplateContainer] = Field(default=(), max_length=MAX_CONTAINERS)
    volumes: Many[dict[str, Any]] = ()
    serviceAccountName: Any = None
    securityContext: Any = None
    nodeSelector: Any = None
    affinity: Any = None
    tolerations: Any = None
    topologySpreadConstraints: Any = None
    priorityClassName: Any = None
    runtimeClassName: Any = None
    hostNetwork: Any = None
    dnsPolicy: Any = None
    dnsConfig: Any = None
    terminationGracePeriodSeconds: Any = None
    activeDeadlineSeconds: Any = None
    imagePullSecrets: Any = None


class TemplateMeta(WireModel):
    """The metadata of a template, as far as it is compared."""

    annotations: _Object = Field(default_factory=dict)


class PodTemplate(WireModel):
    """A template of Pods."""

    metadata: Annotated[TemplateMeta, OrNull(TemplateMeta)] = TemplateMeta()
    spec: TemplateSpec = TemplateSpec()


class VersionMeta(WireModel):
    """The metadata of a version."""

    name: Text = ""
    uid: Text = ""
    labels: Strings = Field(default_factory=dict)
    annotations: Strings = Field(default_factory=dict)
    creationTimestamp: Time = None
    ownerReferences: Many[OwnerReference] = ()

    @property
    def controller(self) -> OwnerReference | None:
        """Its controller, or None."""
        return next((owner for owner in self.ownerReferences if owner.controller), None)


class ReplicaSetSpec(WireModel):
    """The spec of a ReplicaSet."""

    selector: LabelSelector = LabelSelector()
    template: PodTemplate = PodTemplate()


class ReplicaSet(WireModel):
    """A ReplicaSet: a version of its Deployment's template."""

    metadata: VersionMeta
    spec: ReplicaSetSpec = ReplicaSetSpec()

    @property
    def revision(self) -> int:
        """Its number; 0 where it has none."""
        text = self.metadata.annotations.get(_REVISION, "")
        is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_REVISION_DIGITS
        return int(text) if is_number else 0

    @property
    def template(self) -> PodTemplate:
        """The template."""
        return self.spec.template

    @property
    def was_rolled_back_to(self) -> bool:
        """Whether it was the current version more than once."""
        return bool(self.metadata.annotations.get(_REVISION_HISTORY))

    @property
    def siblings(self) -> str:
        """The label selector of its Deployment, which selects all versions; empty if unknown.

        A Deployment's selector cannot be changed.
        """
        return _write_selector(self.spec.selector, without=TEMPLATE_HASH)


class _RevisionData(WireModel):
    template: PodTemplate = PodTemplate()


class RevisionData(WireModel):
    """What a StatefulSet or DaemonSet keeps in a ControllerRevision: a patch with the template."""

    spec: _RevisionData = _RevisionData()


class ControllerRevision(WireModel):
    """A ControllerRevision: a version of a StatefulSet's or a DaemonSet's template."""

    metadata: VersionMeta
    revision: Int64 = 0
    data: RevisionData = RevisionData()

    @property
    def template(self) -> PodTemplate:
        """The template."""
        return self.data.spec.template

    @property
    def was_rolled_back_to(self) -> bool:
        """Whether it says that it was the current version more than once: it never does."""
        return False

    @property
    def siblings(self) -> str:
        """A label selector of all versions of its workload, and perhaps of others; may be empty.

        It has the labels of its template, among them those by which its workload selects Pods.
        Which these are it does not say: those are taken that workloads usually select by, and that
        do not change with a version.
        """
        labels = {key: value for key, value in self.metadata.labels.items() if key != REVISION_HASH}
        usual = {key: value for key, value in labels.items() if key in _USUAL_SELECTORS}
        return _write_selector(LabelSelector(matchLabels=usual or labels))


_USUAL_SELECTORS: Final = frozenset(
    {"app", "k8s-app", "name", "app.kubernetes.io/name", "app.kubernetes.io/instance"}
)

Version = ReplicaSet | ControllerRevision


class _ListMeta(WireModel):
    continue_token: Text = Field(default="", alias="continue")


class _List(WireModel):
    metadata: Annotated[_ListMeta, OrNull(_ListMeta)] = _ListMeta()

    @property
    def is_complete(self) -> bool:
        """Whether these are all."""
        return not self.metadata.continue_token


class ReplicaSetList(_List):
    """A list of ReplicaSets."""

    items: Many[ReplicaSet] = ()


class ControllerRevisionList(_List):
    """A list of ControllerRevisions."""

    items: Many[ControllerRevision] = ()


_SETS: Final[Mapping[str, str]] = {"In": "in", "NotIn": "notin"}
_PRESENCE: Final[Mapping[str, str]] = {"Exists": "", "DoesNotExist": "!"}


def _write_selector(selector: LabelSelector, without: str = "") -> str:
    """Write a selector as a query has it; empty for one that selects all, or is none."""
    texts: list[tuple[str, str, tuple[str, ...]]]
    texts = [(key, "In", (value,)) for key, value in selector.matchLabels.items() if key != without]
    texts += [(each.key, each.operator, each.values) for each in selector.matchExpressions]
    written = []
    for key, operator, values in texts:
        if not is_label_key(key) or not all(map(is_label_value, values)):
            return ""
        if operator in _SETS:
            written.append(f"{key} {_SETS[operator]} ({','.join(values)})")
        elif operator in _PRESENCE:
            written.append(f"{_PRESENCE[operator]}{key}")
        else:
            return ""
    return ",".join(written)
