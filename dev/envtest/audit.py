"""What the operator's ServiceAccounts asked of the API server, by the server's own audit log.

The log is the server's, so that it holds what arrived there whatever the caller, a proxy or a test
believes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from dev.envtest.client import Json

GROUP = "system:serviceaccounts:pod-diagnoser-system"
"""Whose requests are logged: the operator's own ServiceAccounts, and nobody else's."""


def policy() -> Json:
    """Return the audit policy.

    Returns:
        An ``audit.k8s.io/v1`` Policy: each request of `GROUP` once, when it is answered.
    """
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],  # a log's answer has both
        "rules": [{"level": "Metadata", "userGroups": [GROUP]}, {"level": "None"}],
    }


def full_policy() -> Json:
    """A policy whose log shows what became of Pods, PodDiagnosers and Events, and through whom.

    Returns:
        An ``audit.k8s.io/v1`` Policy: of everybody's writes to these, and of the operator's own
        reads of them, what was sent and what was answered. A request is noted when it comes, too:
        one that is never answered is one during which the API server ended.
    """
    resources = [
        {"group": "", "resources": ["pods", "pods/status", "pods/eviction", "events"]},
        {"group": "events.k8s.io", "resources": ["events"]},
        {"group": "diagnostics.local.io"},
    ]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitManagedFields": True,
        "omitStages": ["ResponseStarted"],
        "rules": [
            {
                "level": "RequestResponse",
                "verbs": ["create", "update", "patch", "delete", "deletecollection"],
                "resources": resources,
            },
            {"level": "RequestResponse", "verbs": ["get"], "userGroups": [GROUP]},
            {"level": "None"},
        ],
    }


@dataclass(frozen=True, slots=True)
class Audited:
    """A request that the API server has answered.

    Attributes:
        user: who asked.
        verb: such as ``delete``.
        resource: such as ``pods`` or ``pods/eviction``; empty for a path that is no resource.
        namespace: empty for what belongs to the cluster.
        name: of the object; empty for a list, and for a creation.
        code: the answer's HTTP status code.
    """

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int

    def __str__(self) -> str:
        """Such as ``delete pods 200``."""
        return f"{self.verb} {self.resource} {self.code}"


def read(path: Path) -> list[Audited]:
    """Read the log.

    Args:
        path: where the API server writes it.

    Returns:
        All requests so far, in the order in which they were answered.
    """
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    # The last line may still be on its way.
    return [_audited(json.loads(line)) for line in text.split("\n")[:-1]]


def _audited(entry: Json) -> Audited:
    target = entry.get("objectRef", {})
    resource = "/".join(part for key in ("resource", "subresource") if (part := target.get(key)))
    return Audited(
        user=entry["user"]["username"],
        verb=entry["verb"],
        resource=resource,
        namespace=target.get("namespace", ""),
        name=target.get("name", "") if entry["verb"] != "create" else "",
        code=entry.get("responseStatus", {}).get("code", 0),
    )
