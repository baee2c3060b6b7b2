"""The requests of the operator's ServiceAccounts, by the API server's own audit log.

The log is the server's, so it holds what arrived there, whatever the caller, a proxy or a test
assumes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from dev.envtest.client import Json

GROUP = "system:serviceaccounts:pod-diagnoser-system"
"""Whose requests are logged: the operator's own ServiceAccounts only."""


WRITES = ("create", "update", "patch", "delete", "deletecollection")
"""The verbs of requests that change something."""


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


def counting_policy() -> Json:
    """Return a policy with which all requests of everybody are counted, and the bytes of writes.

    Returns:
        An ``audit.k8s.io/v1`` Policy. Watches are logged when they end.
    """
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived", "ResponseStarted"],
        "rules": [{"level": "Request", "verbs": [*WRITES]}, {"level": "Metadata"}],
    }


def full_policy() -> Json:
    """Return a policy whose log shows all changes of Pods, PodDiagnosers and Events, with author.

    Returns:
        An ``audit.k8s.io/v1`` Policy: requests and responses of all writes to these, and
        of the operator's own reads of them. A request is logged when it comes, too: if no answer
        is logged, the API server ended meanwhile.
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
                "verbs": [*WRITES],
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
        user: the caller.
        verb: such as ``delete``.
        resource: such as ``pods`` or ``pods/eviction``; empty for a path that is no resource.
        namespace: empty for what belongs to the cluster.
        name: of the object; empty for a list, and for a creation.
        code: the answer's HTTP status code.
        agent: the caller's User-Agent.
        size: bytes of what was sent, where the policy has it logged.
    """

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    code: int
    agent: str = ""
    size: int = 0

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
    # The last line may not be complete yet.
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
        agent=entry.get("userAgent", ""),
        size=len(json.dumps(entry["requestObject"], separators=(",", ":")))
        if "requestObject" in entry
        else 0,
    )
