"""The kinds that the cluster serves: a few built-in ones, and what CRDs define."""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from dev.simulator.objects import Object
from dev.simulator.schemas import Schema

Key = tuple[str, str]
"""Namespace ("" for objects without one) and name."""


@dataclass(frozen=True)
class Column:
    """A column that kubectl get prints.

    Attributes:
        name: its heading.
        type: string, integer or date.
        json_path: where its value stands, such as .status.phase.
        wide: whether it is shown with -o wide only.
    """

    name: str
    type: str
    json_path: str
    wide: bool = False


@dataclass(frozen=True, eq=False)
class Resource:
    """A kind and how it is served.

    Attributes:
        group: API group, "" for the core group.
        version: API version.
        plural: name in URLs.
        kind: name in manifests.
        namespaced: whether its objects live in namespaces.
        has_status: whether it has the status subresource.
        short_names: what kubectl takes for it.
        categories: groups of kinds that kubectl takes.
        schema: of a custom resource; None for built-in kinds, which are taken as they come.
        columns: what kubectl get prints beside the name.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    has_status: bool = False
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    schema: Schema | None = None
    columns: tuple[Column, ...] = field(default=())

    @property
    def api_version(self) -> str:
        """Group and version as they stand in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def is_custom(self) -> bool:
        """Whether a CRD defines it."""
        return self.schema is not None

    @property
    def group_kind_version(self) -> str:
        """The key of Metacontroller's object maps: Kind.version or Kind.group/version."""
        return f"{self.kind}.{self.api_version}"

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


_AGE = Column("Age", "date", ".metadata.creationTimestamp")

NAMESPACE = Resource(
    "", "v1", "namespaces", "Namespace", namespaced=False, has_status=True, short_names=("ns",)
)
POD = Resource("", "v1", "pods", "Pod", has_status=True, short_names=("po",), categories=("all",))
EVENT = Resource("", "v1", "events", "Event", short_names=("ev",))
NODE = Resource(
    "",
    "v1",
    "nodes",
    "Node",
    namespaced=False,
    has_status=True,
    short_names=("no",),
    columns=(_AGE,),
)
EVENT_V1 = Resource("events.k8s.io", "v1", "events", "Event", short_names=("ev",))
"""The other form of the same Events; the store does not hold it (dev.simulator.event_api)."""
REPLICA_SET = Resource(
    "apps",
    "v1",
    "replicasets",
    "ReplicaSet",
    has_status=True,
    short_names=("rs",),
    categories=("all",),
    columns=(
        Column("Desired", "integer", ".spec.replicas"),
        Column("Current", "integer", ".status.replicas"),
        Column("Ready", "integer", ".status.readyReplicas"),
        _AGE,
    ),
)
POD_DISRUPTION_BUDGET = Resource(
    "policy",
    "v1",
    "poddisruptionbudgets",
    "PodDisruptionBudget",
    has_status=True,
    short_names=("pdb",),
    columns=(
        Column("Min Available", "string", ".spec.minAvailable"),
        Column("Max Unavailable", "string", ".spec.maxUnavailable"),
        _AGE,
    ),
)

BUILT_IN = (NAMESPACE, NODE, POD, EVENT, REPLICA_SET, POD_DISRUPTION_BUDGET)


def from_crd(definition: Object) -> Resource:
    """Make a kind from a CustomResourceDefinition.

    Args:
        definition: the manifest of apiextensions.k8s.io/v1; its storage version is served.

    Raises:
        ValueError: the schema uses keywords or rules that the simulator does not know.
    """
    spec = definition["spec"]
    version = next(version for version in spec["versions"] if version["storage"])
    names = spec["names"]
    columns = tuple(
        Column(raw["name"], raw["type"], raw["jsonPath"], wide=raw.get("priority", 0) > 0)
        for raw in version.get("additionalPrinterColumns") or ()
    )
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        has_status="status" in (version.get("subresources") or {}),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        schema=Schema.read(version["schema"]["openAPIV3Schema"]),
        columns=columns or (_AGE,),
    )


def load_crds(folder: Path) -> list[Resource]:
    """Read every CustomResourceDefinition among the YAML files of a folder, by file name."""
    found: list[Resource] = []
    for path in sorted(folder.glob("*.yaml")):
        found.extend(
            from_crd(document)
            for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
            if document and document.get("kind") == "CustomResourceDefinition"
        )
    return found
