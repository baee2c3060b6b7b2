"""Events about crashes and remediations. Pure.

An Event's name is derived from its subject, so that the API server refuses to create it a second
time (AlreadyExists) and nothing is published twice.

They are Events of core/v1, which may have eventTime and the old timestamps together; those of
``events.k8s.io`` may not. ``kubectl get events --sort-by=.lastTimestamp`` and ``kubectl describe``
order Events by the old ones alone.

Source: ``staging/src/k8s.io/api/core/v1/types.go``, ``pkg/apis/core/validation/events.go``,
``DescribeEvents`` in ``staging/src/k8s.io/kubectl/pkg/describe/describe.go``.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import (
    API_VERSION,
    CLUSTER_POD_DIAGNOSER,
    EVENT_CONTROLLER,
    PodDiagnoser,
    Remediation,
)
from pod_diagnoser.api.fields import is_object_name
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis import quoting
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.diagnosis.statement import join_sentences
from pod_diagnoser.diagnosis.symptoms import SymptomKind
from pod_diagnoser.pods.keys import CAUSE, CRASH, REASON_CLASS
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.model import EXPLANATIONS, REPLACING, Action, Outcome, Phase, Reason
from pod_diagnoser.remediation.safeguards import FRESH, is_fresh, is_recent

MAX_NOTE_BYTES: Final = 250
"""So that a screen of kubectl holds several Events."""
EVENTS_OF_THE_CLUSTER: Final = "default"
"""Where the Events about what has no namespace are.

Source: ``pkg/apis/core/validation/events.go``."""
MAX_INSTANCE: Final = 128
_MAX_NAME: Final = 230
_DIGEST: Final = 16
_MAX_NAME_IN_NOTE: Final = 63


@dataclass(frozen=True, slots=True)
class EventDocument:
    """An Event to be published.

    Attributes:
        key: namespace and name, by which it is published once.
        namespace: its namespace.
        document: the core/v1 Event.
    """

    key: str
    namespace: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventContent:
    """What an Event says: the fields of these names.

    The note is made of the sentences for which there is room, the most important first.
    """

    type: str
    reason: str
    action: str
    note: Sequence[str]
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventFactory:
    """Builds the Events of a PodDiagnoser.

    Attributes:
        diagnoser: the PodDiagnoser. Events are its uid's own: one that was created again publishes
            them again.
        instance: which process publishes them.
        pods_namespace: the namespace of the Pods that they are about; that of the PodDiagnoser
            where it is empty.
    """

    diagnoser: PodDiagnoser
    instance: str
    pods_namespace: str = ""

    @property
    def namespace(self) -> str:
        """The namespace of the Events: an Event is where the object is that it is about."""
        return self.pods_namespace or self.diagnoser.metadata.namespace

    def name(self, regarding: str, *what: str) -> str:
        """Return the name of an Event, a DNS subdomain: the same each time.

        Args:
            regarding: the name of the object that it is about.
            what: what distinguishes it from all others about this object.
        """
        text = "\n".join((self.diagnoser.metadata.uid, *what))
        digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
        return f"{regarding[:_MAX_NAME].rstrip('.-')}.{digest}"

    def key(self, name: str) -> str:
        """Return the key by which an Event of this name is published once."""
        return f"{self.namespace}/{name}"

    def event(
        self, regarding: Mapping[str, str], name: str, content: EventContent, now: datetime
    ) -> EventDocument:
        """Build an Event."""
        namespace, at = regarding.get("namespace", EVENTS_OF_THE_CLUSTER), now.astimezone(UTC)
        return EventDocument(
            key=f"{namespace}/{name}",
            namespace=namespace,
            document={
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "annotations": dict(content.annotations),
                },
                "eventTime": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "firstTimestamp": format_time(at),
                "lastTimestamp": format_time(at),
                "count": 1,
                "reportingComponent": EVENT_CONTROLLER,
                "reportingInstance": self.instance[:MAX_INSTANCE] or EVENT_CONTROLLER,
                "action": content.action,
                "reason": content.reason,
                "type": content.type,
                "involvedObject": dict(regarding),
                "message": join_sentences(content.note, MAX_NOTE_BYTES),
            },
        )

    def about_pod(self, name: str, uid: str) -> dict[str, str]:
        """Return a reference to a Pod; kubectl describe finds the Event by the uid in it."""
        namespace = self.namespace
        return {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": name, "uid": uid}

    def about_diagnoser(self) -> dict[str, str]:
        """Return a reference to the PodDiagnoser or ClusterPodDiagnoser."""
        meta = self.diagnoser.metadata
        namespace = {"namespace": meta.namespace} if meta.namespace else {}
        return {
            "apiVersion": API_VERSION,
            "kind": self.diagnoser.KIND,
            **namespace,
            "name": meta.name,
            "uid": meta.uid,
        }


def crash_events(
    factory: EventFactory,
    crashed: CrashedPod,
    now: datetime,
    awaited: Collection[str] = (),
    exists: Callable[[str], bool] = lambda _: False,
) -> Iterator[EventDocument]:
    """Build an Event for each fresh crash of a Pod: what LogEvent does.

    Args:
        factory: builds Events.
        crashed: a Pod that the PodDiagnoser claims, with its crashes.
        now: the time.
        awaited: the ids of crashes that have no Event yet, since their evidence is awaited.
        exists: whether there is an Event of a key already: it is not built again.

    Returns:
        A Warning for each crash that is fresh for certain: with reason PodRestarted where a
        container was restarted after it, PodFailed where nothing will start it again, PodNotStarted
        where a container cannot be started. By default a
        cluster keeps Events for an hour; there is none for a crash older than half of that, since
        its Event may have been published and be gone.
    """
    diagnoser = factory.diagnoser
    if diagnoser.spec.remediationAction != Action.LOG_EVENT or not diagnoser.active:
        return
    meta = crashed.pod.metadata
    for found in (*crashed.diagnoses, *crashed.former):
        reason = _event_reason(found)
        if (
            reason is None
            or found.id in awaited
            or not _is_of_this_claim(found, crashed, diagnoser)
        ):
            continue
        if _is_fresh(found, crashed, now):
            name = factory.name(meta.name, found.id, "PodRestarted")
            if exists(factory.key(name)):
                continue
            yield factory.event(
                factory.about_pod(meta.name, meta.uid),
                name,
                EventContent(
                    "Warning",
                    reason,
                    "Diagnose",
                    crash_note(crashed.pod, found),
                    _annotations(found),
                ),
                now,
            )


def _annotations(found: Diagnosis) -> dict[str, str]:
    """Say for programs which crash an Event is about, and of what kind it is."""
    kind = {REASON_CLASS: found.reason_class} if found.reason_class else {}
    return {CAUSE: found.cause.value, CRASH: found.id, **kind}


def _event_reason(found: Diagnosis) -> str | None:
    """Return the reason of a crash's Event; None if it is to be restarted first, or is no crash."""
    if found.was_requested:
        return None
    if found.restarted:
        return "PodRestarted"
    if found.symptom.kind is SymptomKind.WAITING:
        return "PodNotStarted"
    return "PodFailed" if found.final else None


def _is_of_this_claim(found: Diagnosis, crashed: CrashedPod, diagnoser: PodDiagnoser) -> bool:
    """Return whether a crash was first diagnosed by the one that claims the Pod now.

    Asked for a ClusterPodDiagnoser: a Pod that it takes over from another one has crashes that may
    have Events already.
    """
    if diagnoser.KIND != CLUSTER_POD_DIAGNOSER:
        return True
    history = crashed.history
    seen = next((each.seen for each in history.history if each.id == found.id), None)
    return (
        seen is not None
        and history.since is not None
        and history.diagnoser == diagnoser.metadata.uid
        and seen >= history.since
    )


def _is_fresh(found: Diagnosis, crashed: CrashedPod, now: datetime) -> bool:
    """Return whether a crash is certainly recent.

    Where a container is not started, nothing has ended: it counts when that was first diagnosed,
    which its Pod has recorded.
    """
    if found.symptom.kind is not SymptomKind.WAITING:
        return is_fresh(found, now)
    seen = next((each.seen for each in crashed.history.history if each.id == found.id), None)
    return seen is not None and is_recent(seen, now)


_WHAT: Final = {
    "PodRestarted": "restarted",
    "PodFailed": "failed",
    "PodNotStarted": "cannot start",
}


def crash_note(pod: OwnedPod, found: Diagnosis) -> tuple[str, ...]:
    """Return ``Pod NAME restarted due to Completed (Exit Code: 0)``, container and diagnosis.

    The name is left out where it would leave no room for what happened.
    """
    where = f" in container {quoting.name(found.container)}" if found.container else ""
    what = _WHAT[_event_reason(found) or "PodFailed"]
    lines = found.statement
    return (
        f"{_pod(pod.metadata.name)} {what} due to {found.restart_reason}{where}.",
        f"{lines.diagnosis}.",
        f"Next: {lines.next_step}",
    )


def _pod(name: str) -> str:
    """Name a Pod, unless its name is so long that it would fill the note."""
    return f"Pod {quoting.name(name)}" if len(name) <= _MAX_NAME_IN_NOTE else "The Pod"


_VERBS: Final = {
    Action.RESTART_POD: ("PodDeleted", "Delete", "deleted"),
    Action.EVICT_POD: ("PodEvicted", "Evict", "evicted"),
}


def remediation_events(
    factory: EventFactory, entry: Remediation, outcome: Outcome
) -> list[EventDocument]:
    """Build the Events about a remediation, on the Pod and on the PodDiagnoser.

    Args:
        factory: builds Events.
        entry: the remediation.
        outcome: its outcome.

    Returns:
        Two Events where a Pod was deleted or evicted; one, on the Pod, where that was refused; none
        where the plan expired, where the outcome was found out late, or where a forged plan names
        what cannot be a Pod: no Event can be about that. Different syncs give the Event of one
        remediation the same name.
    """
    if not is_object_name(entry.pod):
        return []
    if outcome.phase in (Phase.DEFERRED, Phase.FAILED):
        about = factory.about_pod(entry.pod, entry.podUID)
        name = _withheld_name(factory, entry.pod, entry.id, outcome.reason)
        content = _withheld_content(entry.pod, outcome.reason, _why(entry), outcome.explanation)
        return [factory.event(about, name, content, outcome.at)]
    if outcome.phase is not Phase.DONE or entry.action not in REPLACING:
        return []
    if outcome.at - entry.plannedAt >= FRESH:
        return []  # found out late: its Events may have been published, and be gone
    reason, action, verb = _VERBS[Action(entry.action)]
    diagnoser = factory.diagnoser
    who = f"spec.remediationAction {entry.action} of {diagnoser.KIND} {diagnoser.metadata.name}"
    # A Pod that is gone was deleted by our request, whose answer was lost, or by another.
    what = (
        f"is gone or being deleted, as {who} asked or for another reason"
        if outcome.reason is Reason.POD_GONE
        else f"was {verb}, so that its controller replaces it, as {who} asks"
    )
    note = (f"{_pod(entry.pod)} {what}.", _why(entry))
    return [
        factory.event(
            about,
            factory.name(about["name"], entry.id, "Remediated", about["kind"]),
            EventContent("Normal", reason, action, note),
            outcome.at,
        )
        for about in (factory.about_pod(entry.pod, entry.podUID), factory.about_diagnoser())
    ]


def _why(entry: Remediation) -> str:
    """Return the diagnosis of a remediation; its cause where that is all that is stored."""
    said = entry.diagnosis.rstrip(".") or f"Its crash has the cause {quoting.word(entry.cause)}"
    return f"{said}."


def withheld_event(
    factory: EventFactory, pod: OwnedPod, found: Diagnosis, reason: Reason, now: datetime
) -> EventDocument:
    """Build the Event on a crashed Pod that is withheld: one for each crash and reason.

    Args:
        factory: builds Events.
        pod: the Pod.
        found: what crashed in it.
        reason: why it is withheld.
        now: the time.
    """
    meta = pod.metadata
    name = _withheld_name(factory, meta.name, found.id, reason)
    why = f"{found.statement.diagnosis}."
    content = _withheld_content(meta.name, reason, why, EXPLANATIONS[reason])
    return factory.event(factory.about_pod(meta.name, meta.uid), name, content, now)


def withheld_key(factory: EventFactory, pod: OwnedPod, found: Diagnosis, reason: Reason) -> str:
    """Return the key of `withheld_event`, without building it."""
    return factory.key(_withheld_name(factory, pod.metadata.name, found.id, reason))


def _withheld_name(factory: EventFactory, pod: str, crash: str, reason: Reason) -> str:
    return factory.name(pod, crash, "Withheld", reason.value)


def _withheld_content(pod: str, reason: Reason, diagnosis: str, why: str) -> EventContent:
    note = (f"{_pod(pod)} is left alone ({reason.value}): {why}", diagnosis)
    return EventContent("Normal", "RemediationWithheld", "Withhold", note)
