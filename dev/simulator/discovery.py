"""API discovery: which groups, versions and resources are served."""

from collections.abc import Sequence

from dev.simulator.errors import ApiError
from dev.simulator.objects import Object
from dev.simulator.resources import POD, Resource

VERSION = "v1.36.3"
"""The Kubernetes version whose rules are followed."""

_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def discover(path: str, served: Sequence[Resource]) -> Object:
    """Return the document at a path of the API that is not about objects.

    Args:
        path: such as /apis or /api/v1.
        served: all resources.

    Raises:
        ApiError: 404, there is no such path.
    """
    groups = sorted({resource.group for resource in served if resource.group})
    fixed: dict[str, Object] = {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [_group(group, served) for group in groups],
        },
        "/version": {"major": "1", "minor": "36", "gitVersion": f"{VERSION}+simulator"},
        "/healthz": {"status": "ok"},
        "/readyz": {"status": "ok"},
    }
    path = path.rstrip("/")
    if path in fixed:
        return fixed[path]
    root, _, api_version = path.strip("/").partition("/")
    if root == "apis" and api_version in groups:
        return _group(api_version, served)
    resources = [resource for resource in served if resource.api_version == api_version]
    if root not in {"api", "apis"} or not resources:
        raise ApiError.no_such_path()
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": [entry for resource in resources for entry in _entries(resource)],
    }


def _group(group: str, served: Sequence[Resource]) -> Object:
    versions = sorted({one.version for one in served if one.group == group})
    entries = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": group,
        "versions": entries,
        "preferredVersion": entries[0],
    }


def _entries(resource: Resource) -> list[Object]:
    entry: Object = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _VERBS,
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    entries = [entry]
    if resource.has_status:
        entries.append(
            {
                "name": f"{resource.plural}/status",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": ["get", "patch", "update"],
            }
        )
    if resource is POD:
        entries += [
            {
                "name": f"{resource.plural}/eviction",
                "singularName": "",
                "namespaced": True,
                "group": "policy",
                "version": "v1",
                "kind": "Eviction",
                "verbs": ["create"],
            },
            {
                "name": f"{resource.plural}/log",
                "singularName": "",
                "namespaced": True,
                "kind": resource.kind,
                "verbs": ["get"],
            },
        ]
    return entries
