"""Events: what is told of a crash and of its remediation. Pure.

An Event's name is made from what it tells, so that creating it a second time is refused by the API
server (AlreadyExists) instead of telling it twice.

Source: ``staging/src/k8s.io/api/events/v1/types.go`` and ``pkg/apis/core/validation/events.go``.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import API_VERSION, GROUP, PodDiagnoser, Remediation
from pod_diagnoser.api.fields import is_object_name
from pod_diagnoser.api.text import truncate_bytes
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.model import EXPLANATIONS, REPLACING, Action, Outcome, Phase, Reason
from pod_diagnoser.remediation.safeguards import FRESH, is_fresh

CONTROLLER: Final = f"{GROUP}/pod-diagnoser"
MAX_NOTE_BYTES: Final = 1024
MAX_INSTANCE: Final = 128
_MAX_NAME: Final = 230
_DIGEST: Final = 16


@dataclass(frozen=True, slots=True)
class EventDocument:
    """An Event to be told.

    Attributes:
        key: namespace and name, by which it is told once.
        namespace: its namespace.
        document: the ``events.k8s.io/v1`` object.
    """

    key: str
    namespace: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventFactory:
    """What all Events of a sync have in common.

    Attributes:
        diagnoser: the PodDiagnoser that they are told for. All of it holds for its uid: one that
            was created again tells for itself.
        instance: which process tells them.
    """

    diagnoser: PodDiagnoser
    instance: str

    def name(self, regarding: str, *what: str) -> str:
        """Name an Event.

        Args:
            regarding: the name of the object that it is about.
            what: what tells it from all others about this object.

        Returns:
            A DNS subdomain, the same each time.
        """
        text = "\n".join((self.diagnoser.metadata.uid, *what))
        digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
        return f"{regarding[:_MAX_NAME].rstrip('.-')}.{digest}"

    def event(  # noqa: PLR0913 (an Event has as many fields)
        self,
        regarding: Mapping[str, str],
        name: str,
        *,
        kind: str,
        reason: str,
        action: str,
        note: str,
        now: datetime,
    ) -> EventDocument:
        """Put an Event together."""
        namespace = self.diagnoser.metadata.namespace
        return EventDocument(
            key=f"{namespace}/{name}",
            namespace=namespace,
            document={
                "apiVersion": "events.k8s.io/v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": namespace},
                "eventTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "reportingController": CONTROLLER,
                "reportingInstance": self.instance[:MAX_INSTANCE] or CONTROLLER,
                "action": action,
                "reason": reason,
                "type": kind,
                "regarding": dict(regarding),
                "note": truncate_bytes(note, MAX_NOTE_BYTES),
            },
        )

    def about_pod(self, name: str, uid: str) -> dict[str, str]:
        """Refer to a Pod. Without the uid, ``kubectl describe pod`` does not find the Event."""
        namespace = self.diagnoser.metadata.namespace
        return {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name, "uid": uid}

    def about_diagnoser(self) -> dict[str, str]:
        """Refer to the PodDiagnoser."""
        meta = self.diagnoser.metadata
        return {
            "apiVersion": API_VERSION,
            "kind": "PodDiagnoser",
            "namespace": meta.namespace,
            "name": meta.name,
            "uid": meta.uid,
        }


def crash_events(
    teller: EventFactory, crashed: Sequence[CrashedPod], now: datetime
) -> Iterator[EventDocument]:
    """Tell each fresh crash: what LogEvent does.

    Args:
        teller: who tells it.
        crashed: the Pods that the PodDiagnoser claims, with their crashes.
        now: the time.

    Returns:
        A Warning for each crash that is fresh for certain: with reason PodRestarted where a
        container was restarted after it, PodFailed where nothing will start it again. Events live
        for an hour in a cluster's default; a crash that is older than half of that is not told,
        since its Event may have been told and be gone.
    """
    diagnoser = teller.diagnoser
    if diagnoser.spec.remediationAction != Action.LOG_EVENT or not diagnoser.active:
        return
    for each in crashed:
        meta = each.pod.metadata
        for found in each.diagnoses:
            reason = _event_reason(found)
            if reason is not None and is_fresh(found, now):
                yield teller.event(
                    teller.about_pod(meta.name, meta.uid),
                    teller.name(meta.name, found.id, "PodRestarted"),
                    kind="Warning",
                    reason=reason,
                    action="Diagnose",
                    note=crash_note(each.pod, found),
                    now=now,
                )


def _event_reason(found: Diagnosis) -> str | None:
    """With which reason a crash is told; None for what is to be restarted first, or is no crash."""
    if found.was_requested:
        return None
    if found.restarted:
        return "PodRestarted"
    return "PodFailed" if found.final else None


def crash_note(pod: OwnedPod, found: Diagnosis) -> str:
    """Word a crash for an Event.

    Args:
        pod: the Pod.
        found: what crashed in it.

    Returns:
        ``Pod NAME restarted due to Completed (Exit Code: 0)``, with container and diagnosis.
    """
    where = f" in container {found.container}" if found.container else ""
    what = "restarted" if found.restarted else "failed"
    return f"Pod {pod.metadata.name} {what} due to {found.restart_reason}{where}. {found.sentence}"


_VERBS: Final = {
    Action.RESTART_POD: ("PodDeleted", "Delete", "deleted"),
    Action.EVICT_POD: ("PodEvicted", "Evict", "evicted"),
}


def remediation_events(
    teller: EventFactory, entry: Remediation, outcome: Outcome
) -> list[EventDocument]:
    """Tell what was done to a Pod, on the Pod and on the PodDiagnoser.

    Args:
        teller: who tells it.
        entry: the remediation.
        outcome: what came of it.

    Returns:
        Two Events where a Pod was made to go; one, on the Pod, where that was refused; none where
        it is not to be any more, where it is history, or where somebody forged a plan for what can
        be no Pod: no Event can be about that. What is told of one remediation by different syncs
        has one name.
    """
    if not is_object_name(entry.pod):
        return []
    if outcome.phase in (Phase.DEFERRED, Phase.FAILED):
        about = teller.about_pod(entry.pod, entry.podUID)
        return [
            _withheld(
                teller,
                about,
                crash=entry.id,
                reason=outcome.reason,
                diagnosis=entry.diagnosis,
                now=outcome.at,
            )
        ]
    if outcome.phase is not Phase.DONE or entry.action not in REPLACING:
        return []
    if outcome.at - entry.plannedAt >= FRESH:
        return []  # found out late: it may have been told then, and its Events be gone
    reason, action, verb = _VERBS[Action(entry.action)]
    who = f"spec.remediationAction {entry.action} of PodDiagnoser {teller.diagnoser.metadata.name}"
    # A Pod that was found gone went by our request, of which the answer was lost, or by another.
    what = (
        f"is gone or going, as {who} asked or for another reason"
        if outcome.reason is Reason.POD_GONE
        else f"was {verb}, so that its controller replaces it, as {who} asks"
    )
    return [
        teller.event(
            about,
            teller.name(about["name"], entry.id, "Remediated", about["kind"]),
            kind="Normal",
            reason=reason,
            action=action,
            note=f"Pod {entry.pod} {what}. {entry.diagnosis}",
            now=outcome.at,
        )
        for about in (teller.about_pod(entry.pod, entry.podUID), teller.about_diagnoser())
    ]


def withheld_event(
    teller: EventFactory, pod: OwnedPod, found: Diagnosis, reason: Reason, now: datetime
) -> EventDocument:
    """Tell why a crashed Pod is left alone.

    Args:
        teller: who tells it.
        pod: the Pod.
        found: what crashed in it.
        reason: why nothing is done.
        now: the time.

    Returns:
        One Event on the Pod for each crash and reason.
    """
    about = teller.about_pod(pod.metadata.name, pod.metadata.uid)
    return _withheld(
        teller, about, crash=found.id, reason=reason, diagnosis=found.sentence, now=now
    )


def withheld_key(teller: EventFactory, pod: OwnedPod, found: Diagnosis, reason: Reason) -> str:
    """Say by what `withheld_event` would be known, without putting it together."""
    name = teller.name(pod.metadata.name, found.id, "Withheld", reason.value)
    return f"{teller.diagnoser.metadata.namespace}/{name}"


def _withheld(  # noqa: PLR0913 (all that it is made of)
    teller: EventFactory,
    about: Mapping[str, str],
    *,
    crash: str,
    reason: Reason,
    diagnosis: str,
    now: datetime,
) -> EventDocument:
    return teller.event(
        about,
        teller.name(about["name"], crash, "Withheld", reason.value),
        kind="Normal",
        reason="RemediationWithheld",
        action="Withhold",
        note=f"Pod {about['name']} is left alone ({reason.value}): {EXPLANATIONS[reason]} "
        f"{diagnosis}",
        now=now,
    )
