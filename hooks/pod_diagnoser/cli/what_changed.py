"""What a Pod's workload changed in its template before, by its revisions. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from pod_diagnoser.api.apps_v1 import ControllerRevision, ReplicaSet, Version
from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.diagnosis.change_words import change_line, mask_change
from pod_diagnoser.diagnosis.changes import TemplateChange, describe_version

REVISIONS_OF: Final = {
    "ReplicaSet": "replicasets.apps",
    "StatefulSet": "controllerrevisions.apps",
    "DaemonSet": "controllerrevisions.apps",
}
"""What keeps the versions of the template of a Pod's controller, by the controller's kind."""

_Objects = Mapping[str, Mapping[str, Any]]


class Revisions:
    """The versions of templates that are known.

    Args:
        revisions: ReplicaSets and ControllerRevisions as the API server writes them, by uid.
    """

    def __init__(self, revisions: _Objects) -> None:
        self._revisions = revisions
        self._by_controller: dict[str, list[str]] = {}
        for uid, each in revisions.items():
            self._by_controller.setdefault(_controller_uid(each), []).append(uid)
        self._changes: dict[str, TemplateChange | None] = {}

    def what_changed(self, pod: OwnedPod, crashed: datetime | None, mask: Sequence[str]) -> str:
        """Say what the version of the template changed from which a Pod was made.

        Args:
            pod: the Pod.
            crashed: when the crash was that it is set against, or None.
            mask: what is masked, beside what always is.

        Returns:
            A line that is safe to show; empty where it is not known.
        """
        uid = self._version_of(pod)
        if not uid:
            return ""
        if uid not in self._changes:
            self._changes[uid] = self._change(uid)
        change = self._changes[uid]
        return change_line(mask_change(change, mask), crashed, "this crash") if change else ""

    def _version_of(self, pod: OwnedPod) -> str:
        """Return the uid of the version from which a Pod was made; empty where it is not known."""
        owner = pod.controller
        if owner is None or owner.kind not in REVISIONS_OF:
            return ""
        if owner.kind == "ReplicaSet":
            return owner.uid if owner.uid in self._revisions else ""
        # The label of a StatefulSet's Pod has the whole name, that of a DaemonSet's only its end.
        names = (pod.template_hash, f"{owner.name}-{pod.template_hash}")
        for uid in self._by_controller.get(owner.uid, ()):
            metadata = self._revisions[uid].get("metadata")
            if isinstance(metadata, dict) and metadata.get("name") in names:
                return uid
        return ""

    def _change(self, uid: str) -> TemplateChange | None:
        controller = _controller_uid(self._revisions[uid])
        if not controller:  # a ReplicaSet without a Deployment has no versions
            return None
        current = _read(self._revisions[uid])
        versions = (_read(self._revisions[each]) for each in self._by_controller[controller])
        return describe_version(current, filter(None, versions)) if current else None


def _controller_uid(revision: Mapping[str, Any]) -> str:
    """Return the uid of what controls a version; empty where nothing does."""
    metadata = revision.get("metadata")
    owners = metadata.get("ownerReferences") if isinstance(metadata, dict) else None
    for owner in owners if isinstance(owners, list) else ():
        if isinstance(owner, dict) and owner.get("controller") is True:
            return str(owner.get("uid") or "")
    return ""


def _read(revision: Mapping[str, Any]) -> Version | None:
    model = ReplicaSet if revision.get("kind") == "ReplicaSet" else ControllerRevision
    try:
        return model.model_validate(revision)
    except (ValidationError, RecursionError):
        return None
