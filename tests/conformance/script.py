"""What a scenario says: what is done to a cluster, and what its hooks answer meanwhile.

A scenario is data. The same one is played on a real API server with the real Metacontroller
(tests.conformance.real) and in the simulator (tests.conformance.simulated).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Attributes:
        api_version: group and version.
        plural: its name in URLs.
        name: its name in manifests.
        namespaced: whether its objects are in a namespace.
    """

    api_version: str
    plural: str
    name: str
    namespaced: bool = True


POD = Kind("v1", "pods", "Pod")
DIAGNOSER = Kind("diagnostics.local.io/v1", "poddiagnosers", "PodDiagnoser")
TARGET = Kind("diagnostics.local.io/v1", "diagnosistargets", "DiagnosisTarget")
CLUSTER_DIAGNOSER = Kind(
    "diagnostics.local.io/v1", "clusterpoddiagnosers", "ClusterPodDiagnoser", namespaced=False
)
NAMESPACE = Kind("v1", "namespaces", "Namespace", namespaced=False)
KINDS = (POD, DIAGNOSER, TARGET)

POD_SPEC: Json = {
    "automountServiceAccountToken": False,
    "containers": [{"image": "app:1", "name": "app"}],
    "serviceAccount": "default",
    "serviceAccountName": "default",
    "tolerations": [
        {
            "effect": "NoExecute",
            "key": f"node.kubernetes.io/{key}",
            "operator": "Exists",
            "tolerationSeconds": 300,
        }
        for key in ("not-ready", "unreachable")
    ],
}
"""With all that admission plugins add, which the simulator does not have."""

WARM = "parity-warm"
"""A namespace in which Metacontroller comes to watch all that scenarios relate to."""

BARE: dict[Kind, Json] = {POD: {"spec": POD_SPEC}, DIAGNOSER: {"spec": {}}}
"""The least that an object of a kind must say."""


@dataclass(frozen=True)
class Create:
    """Create an object.

    Attributes:
        kind: its kind.
        name: its name.
        fields: the rest of the manifest.
        apart: whether it is created in the scenario's second namespace.
    """

    kind: Kind
    name: str
    fields: Json = field(default_factory=dict)
    apart: bool = False

    def manifest(self, namespace: str) -> Json:
        """Return the manifest for a namespace."""
        metadata = {**self.fields.get("metadata", {}), "name": self.name}
        if self.kind.namespaced:
            metadata["namespace"] = namespace
        return {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.name,
            **self.fields,
            "metadata": metadata,
        }


@dataclass(frozen=True)
class Patch:
    """Change an object by a merge patch.

    Attributes:
        kind: its kind.
        name: its name.
        patch: what changes.
        subresource: such as status.
    """

    kind: Kind
    name: str
    patch: Json
    subresource: str = ""


@dataclass(frozen=True)
class Delete:
    """Delete an object."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Adopt:
    """Make one object the controller of another, by an owner reference."""

    owner_kind: Kind
    owner: str
    kind: Kind
    name: str

    def patch(self, uid: str) -> Json:
        """Return the merge patch.

        Args:
            uid: of the owner.
        """
        owner: Json = {
            "apiVersion": self.owner_kind.api_version,
            "kind": self.owner_kind.name,
            "name": self.owner,
            "uid": uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }
        return {"metadata": {"ownerReferences": [owner]}}


@dataclass(frozen=True)
class Restart:
    """Metacontroller ends, and starts again with nothing in its caches.

    Attributes:
        meanwhile: what is done while it is away.
    """

    meanwhile: tuple["Act", ...] = ()


Act = Create | Patch | Delete | Adopt | Restart


@dataclass(frozen=True)
class Reply:
    """What the hook answers.

    Attributes:
        body: JSON, or the very bytes.
        status: of HTTP.
        headers: further ones.
        meanwhile: what is done after the request has arrived, before it is answered.
        delay: seconds until it is answered.
        cut: whether the connection ends without an answer.
    """

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    meanwhile: tuple[Act, ...] = ()
    delay: float = 0.0
    cut: bool = False

    @property
    def content(self) -> bytes:
        """The bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Step:
    """What is done, and how the hooks answer from then on.

    Attributes:
        does: what is done, one after the other.
        replies: by endpoint, such as pods/sync: the answers to the requests about one object in
            their order, of which the last one is given again and again. Endpoints that are not
            named go on as before.
        seconds: how much time the simulator lets pass.
        quiet: for how many seconds at least nothing must happen at its end, of real time.
    """

    does: tuple[Act, ...] = ()
    replies: Mapping[str, tuple[Reply, ...]] = field(default_factory=dict)
    seconds: float = 3.0
    quiet: float = 0.7


@dataclass(frozen=True)
class Scenario:
    """A sequence of steps, in namespaces of its own.

    Attributes:
        name: also the name of its namespace and of its recording.
        about: what it shows.
        steps: it goes on with the next one when nothing more happens.
        endless: whether something is tried again without end, so that how often is not determined.
    """

    name: str
    about: str
    steps: tuple[Step, ...]
    endless: bool = False

    @property
    def namespace(self) -> str:
        """Where it takes place."""
        return f"parity-{self.name}"

    @property
    def apart(self) -> str:
        """Its second namespace."""
        return f"parity-{self.name}-apart"

    def has(self, metadata: Json) -> bool:
        """Say whether an object is a part of it: where it is in no namespace, by its name."""
        return bool(metadata.get("namespace", metadata["name"]) == self.namespace)


NOTHING = (Reply(),)
"""Answers of a hook that wants nothing; a customize hook's, too."""


class Prompter:
    """Gives the hooks their answers.

    Attributes:
        scenario: the one that is played.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._replies: dict[str, tuple[Reply, ...]] = {}
        self._requested: dict[tuple[str, str], int] = {}

    def turn_to(self, step: Step) -> None:
        """Answer as a step says."""
        for endpoint, replies in step.replies.items():
            self._replies[endpoint] = replies
            self._requested = {
                key: count for key, count in self._requested.items() if key[0] != endpoint
            }

    def reply(self, endpoint: str, name: str) -> Reply:
        """Return the next answer of an endpoint about an object."""
        replies = self._replies.get(endpoint, NOTHING)
        count = self._requested.get((endpoint, name), 0)
        self._requested[endpoint, name] = count + 1
        return replies[min(count, len(replies) - 1)]


def subject(request: Json) -> Json:
    """Return the object that a request of Metacontroller is about."""
    found: Json = request.get("object") or request["parent"]
    return found


# The DecoratorControllers

RELATED_EVERYTHING = {
    "relatedResources": [
        {"apiVersion": kind.api_version, "resource": kind.plural, "namespace": "nowhere"}
        for kind in (POD, TARGET)
    ]
}
"""An answer of a customize hook with which Metacontroller watches all that scenarios relate to."""

RECREATE = "recreate"
"""Value of the label parity of the PodDiagnosers of the third controller."""


def controllers(base: str) -> list[Json]:
    """Return the DecoratorControllers of all scenarios.

    The first two and the last two have the form of ours. The third uses what ours do not use:
    selectors, attachments that are deleted and created again, and no customize hook.

    Args:
        base: URL of the hook.
    """

    def hook(path: str) -> Json:
        return {"version": "v2", "webhook": {"url": f"{base}/{path}", "timeout": "5s"}}

    def controller(name: str, spec: Json) -> Json:
        return {
            "apiVersion": "metacontroller.k8s.io/v1alpha1",
            "kind": "DecoratorController",
            "metadata": {"name": f"parity-{name}"},
            "spec": spec,
        }

    def attached(method: str) -> list[Json]:
        return [
            {
                "apiVersion": TARGET.api_version,
                "resource": TARGET.plural,
                "updateStrategy": {"method": method},
            }
        ]

    diagnosers = {"apiVersion": DIAGNOSER.api_version, "resource": DIAGNOSER.plural}
    clusters = {"apiVersion": CLUSTER_DIAGNOSER.api_version, "resource": CLUSTER_DIAGNOSER.plural}
    return [
        controller(
            "pods",
            {
                "resources": [{"apiVersion": "v1", "resource": "pods"}],
                "hooks": {"customize": hook("pods/customize"), "sync": hook("pods/sync")},
            },
        ),
        controller(
            "poddiagnosers",
            {
                "resources": [
                    {
                        **diagnosers,
                        "labelSelector": {
                            "matchExpressions": [{"key": "parity", "operator": "DoesNotExist"}]
                        },
                    }
                ],
                "attachments": attached("InPlace"),
                "hooks": {
                    "customize": hook("poddiagnosers/customize"),
                    "sync": hook("poddiagnosers/sync"),
                },
                "resyncPeriodSeconds": 3600,
            },
        ),
        controller(
            "recreate",
            {
                "resources": [
                    {
                        **diagnosers,
                        "labelSelector": {"matchLabels": {"parity": RECREATE}},
                        "annotationSelector": {"matchAnnotations": {"parity": "yes"}},
                        "ignoreStatusChanges": True,
                    }
                ],
                "attachments": attached("Recreate"),
                "hooks": {"sync": hook("recreate/sync")},
            },
        ),
        controller(
            "clusters",
            {
                "resources": [clusters],
                "hooks": {"customize": hook("clusters/customize"), "sync": hook("clusters/sync")},
            },
        ),
        controller(
            "targets",
            {
                "resources": [{**clusters, "ignoreStatusChanges": True}],
                "attachments": attached("InPlace"),
                "hooks": {"customize": hook("targets/customize"), "sync": hook("targets/sync")},
            },
        ),
    ]
