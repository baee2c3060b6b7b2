"""Events: what is told of a crash and of a remediation. Pure.

An Event's name is made from what it tells, so that creating it a second time is refused by the API
server (AlreadyExists) instead of telling it twice.

Source: ``staging/src/k8s.io/api/events/v1/types.go`` and ``pkg/apis/core/validation/events.go``.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pod_diagnoser.diagnosing import Diagnosis
from pod_diagnoser.pods import OwnedPod
from pod_diagnoser.remediating import FRESH, Action, Crashed, Outcome, Phase
from pod_diagnoser.resources import API_VERSION, GROUP, PodDiagnoser, Remediation
from pod_diagnoser.texts import cut

CONTROLLER: Final = f"{GROUP}/pod-diagnoser"
MAX_NOTE_BYTES: Final = 1024
_MAX_NAME: Final = 230


@dataclass(frozen=True, slots=True)
class Event:
    """An Event to be told.

    Attributes:
        key: its name, by which it is told once.
        namespace: its namespace.
        document: the ``events.k8s.io/v1`` object.
    """

    key: str
    namespace: str
    document: Mapping[str, Any]


def crash_events(
    diagnoser: PodDiagnoser, crashed: Sequence[Crashed], now: datetime, instance: str
) -> list[Event]:
    """Tell each fresh crash: what LogEvent does.

    Args:
        diagnoser: the PodDiagnoser.
        crashed: the Pods that it claims, with their crashes.
        now: the time.
        instance: which process tells it.

    Returns:
        A Warning with reason PodRestarted for each crash that is fresh for certain. Events live for
        an hour in a cluster's default; a crash that is older than half of that is not told, since
        its Event may have been told and be gone.
    """
    if diagnoser.spec.remediationAction != Action.LOG_EVENT or not diagnoser.active:
        return []
    return [
        _event(
            diagnoser,
            _about_pod(each.pod.metadata.name, each.pod.metadata.uid, each.pod.metadata.namespace),
            key=f"{found.id} PodRestarted",
            kind="Warning",
            reason="PodRestarted",
            action="Diagnose",
            note=crash_note(each.pod, found),
            now=now,
            instance=instance,
        )
        for each in crashed
        for found in each.diagnoses
        if found.ended_by is not None and now - found.ended_by < FRESH
    ]


def crash_note(pod: OwnedPod, found: Diagnosis) -> str:
    """Word a crash for an Event.

    Args:
        pod: the Pod.
        found: what crashed in it.

    Returns:
        ``Pod NAME restarted due to Completed (Exit Code: 0)``, with container and diagnosis.
    """
    return (
        f"Pod {pod.metadata.name} restarted due to {found.restart_reason} "
        f"in container {found.container}. {found.sentence}"
    )


_DONE: Final = {
    Action.RESTART_POD: ("PodDeleted", "Delete", "deleted"),
    Action.EVICT_POD: ("PodEvicted", "Evict", "evicted"),
}


def remediation_events(
    diagnoser: PodDiagnoser, entry: Remediation, outcome: Outcome, instance: str
) -> list[Event]:
    """Tell what was done to a Pod, on the Pod and on the PodDiagnoser.

    Args:
        diagnoser: the PodDiagnoser.
        entry: the remediation.
        outcome: what came of it.
        instance: which process tells it.

    Returns:
        Two Events where a Pod was made to go, none otherwise.
    """
    if outcome.phase is not Phase.DONE:
        return []
    reason, action, verb = _DONE[Action(entry.action)]
    meta = diagnoser.metadata
    note = (
        f"Pod {entry.pod} was {verb}, so that its controller replaces it, as "
        f"spec.remediationAction {entry.action} of PodDiagnoser {meta.name} asks. {entry.diagnosis}"
    )
    subjects = (
        _about_pod(entry.pod, entry.podUID, meta.namespace),
        {
            "apiVersion": API_VERSION,
            "kind": "PodDiagnoser",
            "namespace": meta.namespace,
            "name": meta.name,
            "uid": meta.uid,
        },
    )
    return [
        _event(
            diagnoser,
            subject,
            key=f"{entry.id} {reason} {subject['kind']}",
            kind="Normal",
            reason=reason,
            action=action,
            note=note,
            now=outcome.at,
            instance=instance,
        )
        for subject in subjects
    ]


def _about_pod(name: str, uid: str, namespace: str) -> dict[str, str]:
    # Without the uid, kubectl describe pod does not find the Event.
    return {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name, "uid": uid}


def _event(  # noqa: PLR0913 (an Event has as many fields)
    diagnoser: PodDiagnoser,
    regarding: Mapping[str, str],
    *,
    key: str,
    kind: str,
    reason: str,
    action: str,
    note: str,
    now: datetime,
    instance: str,
) -> Event:
    # All of it holds for one PodDiagnoser's uid: one that was created again tells for itself.
    digest = hashlib.sha256(f"{diagnoser.metadata.uid} {key}".encode()).hexdigest()[:16]
    name = f"{regarding['name'][:_MAX_NAME].rstrip('.-')}.{digest}"
    namespace = diagnoser.metadata.namespace
    return Event(
        key=f"{namespace}/{name}",
        namespace=namespace,
        document={
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": CONTROLLER,
            "reportingInstance": instance[:128],
            "action": action,
            "reason": reason,
            "type": kind,
            "regarding": dict(regarding),
            "note": cut(note, MAX_NOTE_BYTES),
        },
    )
