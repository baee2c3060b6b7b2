"""What a Pod's workload changed in its template before, by its revisions. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from pod_diagnoser.api.apps_v1 import ControllerRevision, ReplicaSet, Version
from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.diagnosis.change_words import change_line, mask_change
from pod_diagnoser.diagnosis.changes import describe_version

REVISIONS_OF: Final = {
    "ReplicaSet": "replicasets.apps",
    "StatefulSet": "controllerrevisions.apps",
    "DaemonSet": "controllerrevisions.apps",
}
"""What keeps the versions of the template of a Pod's controller, by the controller's kind."""


def what_changed(
    pod: OwnedPod,
    revisions: Mapping[str, Mapping[str, Any]],
    crashed: datetime | None,
    mask: Sequence[str],
) -> str:
    """Say what the version of the template changed from which a Pod was made.

    Args:
        pod: the Pod.
        revisions: the ReplicaSets and ControllerRevisions that are known, by uid.
        crashed: when the crash was that it is set against, or None.
        mask: what is masked, beside what always is.

    Returns:
        A line that is safe to show; empty where it is not known.
    """
    owner = pod.controller
    if owner is None or owner.kind not in REVISIONS_OF:
        return ""
    if owner.kind == "ReplicaSet":
        current: Version | None = _read(revisions.get(owner.uid))
        deployment = current.metadata.controller if current else None
        uid = deployment.uid if deployment and deployment.kind == "Deployment" else ""
    else:
        uid, ends = owner.uid, pod.template_hash
        current = next(
            (
                each
                for each in _versions(revisions.values(), uid)
                if ends and each.metadata.name in (ends, f"{owner.name}-{ends}")
            ),
            None,
        )
    if current is None or not uid:
        return ""
    change = describe_version(current, _versions(revisions.values(), uid))
    return change_line(mask_change(change, mask), crashed, "this crash") if change else ""


def _versions(revisions: Iterable[Mapping[str, Any]], uid: str) -> Iterator[Version]:
    """Yield the versions that an object controls."""
    for each in revisions:
        version = _read(each)
        controller = version.metadata.controller if version else None
        if version is not None and controller is not None and controller.uid == uid:
            yield version


def _read(revision: Mapping[str, Any] | None) -> Version | None:
    model = ReplicaSet if revision and revision.get("kind") == "ReplicaSet" else ControllerRevision
    try:
        return model.model_validate(revision)
    except (ValidationError, RecursionError):
        return None
