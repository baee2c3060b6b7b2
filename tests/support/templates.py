"""Versions of a workload's template, as the API server returns them, and an API that has them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pod_diagnoser.cluster.errors import api_error
from tests.support.builders import Json

LABELS = {"app": "web"}
DEPLOYMENT_UID = "deployment-1"
STATEFUL_SET_UID = "stateful-set-1"


def container(image: str = "shop/web:1.4", **fields: Any) -> Json:
    """Return a container of a template."""
    return {"name": "web", "image": image, "imagePullPolicy": "IfNotPresent", **fields}


def template(*containers: Json, **spec: Any) -> Json:
    """Return a template of Pods."""
    return {
        "metadata": {"labels": LABELS},
        "spec": {"containers": list(containers or (container(),)), **spec},
    }


def _owner(kind: str, uid: str) -> Json:
    return {"apiVersion": "apps/v1", "kind": kind, "name": "web", "uid": uid, "controller": True}


def replica_set(revision: int, of: Json | None = None, created: str = "") -> Json:
    """Return a ReplicaSet of the Deployment web.

    Args:
        revision: its revision, which is the end of its name too.
        of: the template.
        created: when it was created; on that day of November without it.
    """
    labels = LABELS | {"pod-template-hash": f"h{revision}"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"web-h{revision}",
            "namespace": "shop",
            "uid": f"rs-{revision}",
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "creationTimestamp": created or f"2026-11-{revision:02d}T10:00:00Z",
            "ownerReferences": [_owner("Deployment", DEPLOYMENT_UID)],
        },
        "spec": {"selector": {"matchLabels": labels}, "template": of or template()},
    }


def controller_revision(
    revision: int,
    of: Json | None = None,
    created: str = "",
    kind: str = "StatefulSet",
    number: int = 0,
) -> Json:
    """Return a ControllerRevision of the StatefulSet, or other controller, web.

    Args:
        revision: its revision, which is the end of its name too.
        of: the template.
        created: as of `replica_set`.
        kind: the kind of the controller.
        number: what its revision is now, where it was rolled back to.
    """
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"web-h{revision}",
            "namespace": "shop",
            "uid": f"cr-{revision}",
            "labels": LABELS | {"controller.kubernetes.io/hash": f"h{revision}"},
            "creationTimestamp": created or f"2026-11-{revision:02d}T10:00:00Z",
            "ownerReferences": [_owner(kind, STATEFUL_SET_UID)],
        },
        "data": {"spec": {"template": {"$patch": "replace", **(of or template())}}},
        "revision": number or revision,
    }


@dataclass
class FakeTemplateApi:
    """Has versions of templates, as `pod_diagnoser.cluster.template_changes.TemplateApi`.

    Attributes:
        versions: the versions.
        now: the time that has passed, in seconds.
        taken: how long each call takes, in seconds.
        calls: verb, resource, and name or selector of all calls.
        fault: called at each call; it may raise.
        continues: whether lists say that there is more.
        answers: what a version and a list are answered with instead, or None.
    """

    versions: list[Json] = field(default_factory=list)
    now: float = 0.0
    taken: float = 0.0
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    fault: Callable[[], None] = lambda: None
    continues: bool = False
    answers: tuple[bytes, bytes] | None = None

    def get_version(self, namespace: str, resource: str, name: str, seconds: float) -> bytes:
        """Return a version by its name."""
        self._call("get", resource, name, seconds)
        if self.answers is not None:
            return self.answers[0]
        for each in self._of(namespace, resource):
            if each["metadata"]["name"] == name:
                return json.dumps(each).encode()
        raise api_error(404, {"details": {"kind": resource}})

    def list_versions(self, namespace: str, resource: str, selector: str, seconds: float) -> bytes:
        """Return all versions of the namespace, whatever the selector."""
        self._call("list", resource, selector, seconds)
        if self.answers is not None:
            return self.answers[1]
        listed = {
            "metadata": {"continue": "more" if self.continues else ""},
            "items": self._of(namespace, resource),
        }
        return json.dumps(listed).encode()

    def _of(self, namespace: str, resource: str) -> list[Json]:
        return [
            each
            for each in self.versions
            if each["metadata"]["namespace"] == namespace and f"{each['kind'].lower()}s" == resource
        ]

    def _call(self, verb: str, resource: str, what: str, seconds: float) -> None:
        assert seconds > 0
        self.calls.append((verb, resource, what))
        self.now += self.taken
        self.fault()
