"""A DecoratorController, read from its manifest (pkg/apis/metacontroller/v1alpha1/types.go)."""

import re
from dataclasses import dataclass
from typing import Any, Self

from dev.simulator.objects import Object
from dev.simulator.selectors import Selector, from_object

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SPEC_ORDER = ("resources", "attachments", "hooks", "endpointConfigs", "resyncPeriodSeconds")
_HOOKS_ORDER = ("customize", "sync", "finalize")
DEFAULT_TIMEOUT = 10.0
"""Seconds that a webhook may take where the manifest says nothing."""


@dataclass(frozen=True)
class Hook:
    """A webhook.

    Attributes:
        url: where it is.
        timeout: seconds.
    """

    url: str
    timeout: float


@dataclass(frozen=True)
class ParentRule:
    """A kind of parent objects.

    Attributes:
        api_version: of the kind.
        resource: its plural name.
        labels: which of its objects.
        annotations: which of its objects, by annotations.
        ignore_status: whether updates of the status alone are passed over.
    """

    api_version: str
    resource: str
    labels: Selector
    annotations: Selector
    ignore_status: bool


@dataclass(frozen=True)
class AttachmentRule:
    """A kind of attachments.

    Attributes:
        api_version: of the kind.
        resource: its plural name.
        method: OnDelete, Recreate or InPlace.
    """

    api_version: str
    resource: str
    method: str


@dataclass(frozen=True)
class Definition:
    """A DecoratorController.

    Attributes:
        name: its name.
        parents: rules of spec.resources.
        attachments: rules of spec.attachments.
        customize: the customize hook, or None.
        sync: the sync hook.
        resync_period: seconds, or None.
        body: the object as it stands in each request to a hook.
    """

    name: str
    parents: tuple[ParentRule, ...]
    attachments: tuple[AttachmentRule, ...]
    customize: Hook | None
    sync: Hook
    resync_period: float | None
    body: Object

    @classmethod
    def read(cls, manifest: Object, *, uid: str, created: str) -> Self:
        """Read a manifest.

        Args:
            manifest: kind DecoratorController.
            uid: that the API server gave it.
            created: when, RFC 3339.

        Raises:
            ValueError: it uses what the simulator does not model.
        """
        spec = manifest["spec"]
        hooks = spec["hooks"]
        if unsupported := set(hooks) - {"customize", "sync"}:
            msg = f"hooks that the simulator does not model: {sorted(unsupported)}"
            raise ValueError(msg)
        period = spec.get("resyncPeriodSeconds")
        return cls(
            name=manifest["metadata"]["name"],
            parents=tuple(
                ParentRule(
                    rule["apiVersion"],
                    rule["resource"],
                    from_object(rule.get("labelSelector")),
                    from_object(_annotation_selector(rule.get("annotationSelector") or {})),
                    bool(rule.get("ignoreStatusChanges")),
                )
                for rule in spec["resources"]
            ),
            attachments=tuple(
                AttachmentRule(
                    rule["apiVersion"],
                    rule["resource"],
                    (rule.get("updateStrategy") or {}).get("method") or "OnDelete",
                )
                for rule in spec.get("attachments") or ()
            ),
            customize=_read_hook(hooks["customize"]) if "customize" in hooks else None,
            sync=_read_hook(hooks["sync"]),
            resync_period=None if period is None else max(float(period), 1.0),
            body=_body(manifest, uid, created),
        )


def _annotation_selector(selector: Object) -> Object:
    return {
        "matchLabels": selector.get("matchAnnotations"),
        "matchExpressions": selector.get("matchExpressions"),
    }


def _read_hook(hook: Object) -> Hook:
    if hook.get("version") != "v2":
        msg = "the simulator models hook version v2 only"
        raise ValueError(msg)
    webhook = hook["webhook"]
    if "url" in webhook:
        url = webhook["url"]
    else:
        service = webhook["service"]
        host = f"{service['name']}.{service['namespace']}:{service.get('port', 80)}"
        url = f"{service.get('protocol', 'http')}://{host}{webhook['path']}"
    return Hook(url, _seconds(webhook.get("timeout")))


def _seconds(duration: str | None) -> float:
    if duration is None:
        return DEFAULT_TIMEOUT
    found = _DURATION.findall(duration)
    return sum(float(number) * _SECONDS[unit] for number, unit in found) or DEFAULT_TIMEOUT


def _body(manifest: Object, uid: str, created: str) -> Object:
    """Build the object in the order of Go's structs, as it is sent."""
    metadata = manifest["metadata"]
    spec = manifest["spec"]
    hooks = {name: spec["hooks"][name] for name in _HOOKS_ORDER if name in spec["hooks"]}
    body: dict[str, Any] = {
        "kind": manifest["kind"],
        "apiVersion": manifest["apiVersion"],
        "metadata": {
            "name": metadata["name"],
            "uid": uid,
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": created,
        },
        "spec": {
            name: hooks if name == "hooks" else spec[name] for name in _SPEC_ORDER if name in spec
        },
        "status": {},
    }
    for name in ("labels", "annotations"):
        if metadata.get(name):
            body["metadata"][name] = metadata[name]
    return body
