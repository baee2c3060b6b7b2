"""The metadata that a Pod should have: the hook's annotations and its one label. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pod_diagnoser.api.causes import REQUESTED_RESTARTS, TRANSIENT
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.api.metacontroller import SyncResponse
from pod_diagnoser.api.time import earliest, format_time
from pod_diagnoser.diagnosis.change_words import change_line
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.pods.history import (
    RECENT,
    CrashHistory,
    CrashRecord,
    serialize,
    store_change,
    taken_over,
)
from pod_diagnoser.pods.keys import (
    ANNOTATIONS,
    CAUSE,
    CHANGES,
    CONTAINER,
    CRASHES,
    DIAGNOSED_BY,
    DIAGNOSIS,
    EVIDENCE,
    LABELS,
    LOG,
    MAX_TOTAL_BYTES,
    NEXT_STEP,
    REASON,
    RESTART_REASON,
    RESTART_TIME,
    TERMINATION_MESSAGE,
    label_of,
)
from pod_diagnoser.pods.observation import PodObservation, latest_crash
from pod_diagnoser.pods.statements import statement_in_context

_TRANSIENT_OR_REQUESTED = TRANSIENT | REQUESTED_RESTARTS

_MIN_RESYNC_SECONDS = 0.5
"""Metacontroller takes 0 for no resync."""


@dataclass(frozen=True, slots=True)
class ContainerOutput:
    """What the container of the latest crash wrote, redacted.

    Attributes:
        message: its termination message; empty where there is none, or it must not be shown.
        log: the end of its log; empty where there is none, or it must not be shown; None keeps the
            annotation as it is.
    """

    message: str = ""
    log: str | None = ""


NO_OUTPUT = ContainerOutput()


def metadata_removal(pod: Pod) -> SyncResponse:
    """Remove the hook's annotations and its label from a Pod that is not claimed."""
    return _response(
        {key: None for key in ANNOTATIONS if key in pod.metadata.annotations},
        {key: None for key in LABELS if key in pod.metadata.labels},
    )


def desired_metadata(
    pod: Pod,
    claim: DiagnosisTargetSpec,
    observation: PodObservation,
    now: datetime,
    output: ContainerOutput,
) -> SyncResponse:
    """Work out the metadata of a claimed Pod.

    Args:
        pod: the Pod.
        claim: the target of the PodDiagnoser that claims it.
        observation: its crashes.
        now: the time by the hook's clock, in UTC.
        output: what the container of the latest crash wrote.

    Returns:
        The annotations, where there is a crash to show; the label, while a crash is recent; removal
        of managed keys that are no longer right; nothing for a Pod that never crashed. Annotations
        about a crash stay when its container status is gone; those about a lasting condition are
        removed when it is over.
    """
    stored, records = observation.stored, observation.records
    since = stored.since if stored.diagnoser == claim.diagnoser.uid else None
    label_ends = [end for record in records.values() if (end := record.label_until) is not None]
    if since is None and any(now < end for end in label_ends):
        since = now.replace(microsecond=0)
    if since is not None:
        # Keep the label for an hour after the first diagnosis: a PodDiagnoser counts a labelled Pod
        # whose `since` is younger than that. A label that came back earlier would count it twice.
        label_ends.append(since + RECENT)

    annotations = _removal_of_transient(pod)
    if observation.diagnoses or any(record.silent for record in observation.history):
        desired = CrashHistory(
            diagnoser=claim.diagnoser.uid,
            since=since,
            taken=taken_over(stored, claim.diagnoser.uid, now),
            change=store_change(observation.change) if observation.change else None,
            history=tuple(observation.history),
        )
        annotations |= _annotations(pod, observation, output)
        annotations[CRASHES] = serialize(desired)
        annotations |= _diagnosed_by(pod, claim)
        annotations = _within_limits(pod, annotations)
        if annotations.get(CRASHES) is None:
            # Without a stored history the crash would be new, and recent, at every sync.
            label_ends = []
    labels, label_resync_after = _label_change(pod, claim, max(label_ends, default=None), now)
    if not labels.get(label_of(claim)):
        annotations.pop(CHANGES, None)
        if CHANGES in pod.metadata.annotations:
            annotations[CHANGES] = None
    return _response(annotations, labels, earliest(label_resync_after, observation.resync_after))


def _response(
    annotations: Mapping[str, str | None],
    labels: Mapping[str, str | None],
    resync_after: float | None = None,
) -> SyncResponse:
    """Set only the fields that say something: the response for most Pods is ``{}``."""
    fields: dict[str, Any] = {}
    if annotations:
        fields["annotations"] = annotations
    if labels:
        fields["labels"] = labels
    if resync_after is not None:
        fields["resyncAfterSeconds"] = round(max(resync_after, _MIN_RESYNC_SECONDS), 3)
    return SyncResponse(**fields)


def _removal_of_transient(pod: Pod) -> dict[str, str | None]:
    """Remove the annotations about a lasting condition; while it lasts they are set again."""
    existing = pod.metadata.annotations
    if existing.get(CAUSE) not in TRANSIENT:
        return {}
    shown = (CONTAINER, CAUSE, DIAGNOSIS, EVIDENCE, NEXT_STEP, REASON, TERMINATION_MESSAGE, LOG)
    return {key: None for key in shown if key in existing}


def _annotations(
    pod: Pod, observation: PodObservation, output: ContainerOutput
) -> dict[str, str | None]:
    latest, records = observation.latest, observation.records
    if latest is None or _is_outdated(latest, observation):
        # The annotations are about a later crash, whose container status is gone: the runtime keeps
        # two. They stay.
        return {}
    restarted = (each for each in observation.diagnoses if each.restarted)
    lines, said = statement_in_context(latest, observation), latest.symptom.output
    desired: dict[str, str | None] = {
        CONTAINER: latest.container or None,
        CAUSE: latest.cause,
        DIAGNOSIS: lines.diagnosis,
        EVIDENCE: lines.evidence,
        NEXT_STEP: lines.next_step,
        REASON: "\n".join(said.lines) if said is not None and said.lines else None,
        TERMINATION_MESSAGE: output.message or None,
        CHANGES: _changes(observation, records[latest.id]),
        **_restart_annotations(latest_crash(restarted, records)),
    }
    if output.log is not None:
        desired[LOG] = output.log or None
    existing = pod.metadata.annotations
    return {key: value for key, value in desired.items() if value is not None or key in existing}


def _changes(observation: PodObservation, crash: CrashRecord) -> str | None:
    change = observation.change
    return change_line(change, crash.moment, "this crash") if change else None


def _is_outdated(latest: Diagnosis, observation: PodObservation) -> bool:
    """Say whether a later crash than the latest that the Pod shows is stored."""
    records = observation.records
    hidden = TRANSIENT if latest.was_requested else _TRANSIENT_OR_REQUESTED
    happened = records[latest.id].happened
    return any(
        record.happened > happened
        and not record.silent
        and record.cause not in hidden
        and not _is_superseded(record, records.values())
        for record in observation.history
    )


def _is_superseded(record: CrashRecord, current: Iterable[CrashRecord]) -> bool:
    """Say whether the container terminated again since, by the kubelet's count of restarts.

    The times do not show it: the node's clock may have been set back.
    """
    return any(
        other.container == record.container
        and (other.restarts or 0) > (record.restarts or other.restarts or 0)
        for other in current
    )


def _restart_annotations(restarted: Diagnosis | None) -> dict[str, str | None]:
    """Say how the container terminated that was restarted last."""
    if restarted is None:
        return {}
    finished = restarted.finished_at
    return {
        RESTART_REASON: restarted.restart_reason,
        RESTART_TIME: format_time(finished) if finished else None,
    }


def _within_limits(pod: Pod, annotations: dict[str, str | None]) -> dict[str, str | None]:
    """Drop the least important annotations where the API server would refuse all of them."""
    existing = pod.metadata.annotations
    if sum(map(len, existing)) + sum(map(len, existing.values())) < MAX_TOTAL_BYTES // 8:
        return annotations  # the usual case: enough is left even at four bytes a character
    available = MAX_TOTAL_BYTES - sum(
        len(key.encode()) + len(value.encode())
        for key, value in existing.items()
        if key not in ANNOTATIONS
    )
    kept = dict(annotations)
    for key in reversed(ANNOTATIONS):
        present = {name: kept.get(name, existing.get(name)) for name in ANNOTATIONS}
        size = sum(len(name) + len(value.encode()) for name, value in present.items() if value)
        if size <= available:
            break
        if key in existing:
            kept[key] = None
        else:
            kept.pop(key, None)
    return kept


def _label_change(
    pod: Pod, claim: DiagnosisTargetSpec, label_end: datetime | None, now: datetime
) -> tuple[dict[str, str | None], float | None]:
    """Set or remove the label, and say in how many seconds to remove it."""
    own = label_of(claim)
    if label_end is not None and now < label_end:
        remaining = (label_end - now).total_seconds()
        others = {key: None for key in LABELS if key != own and key in pod.metadata.labels}
        # One second more, since Metacontroller's clock may differ from the hook's.
        return {own: claim.diagnoser.name, **others}, min(remaining, RECENT.total_seconds()) + 1
    return {key: None for key in LABELS if key in pod.metadata.labels}, None


def _diagnosed_by(pod: Pod, claim: DiagnosisTargetSpec) -> dict[str, str | None]:
    """Say that it was none of the Pod's own namespace that diagnosed it."""
    if claim.is_of_cluster:
        return {DIAGNOSED_BY: f"{claim.diagnoser.kind}/{claim.diagnoser.name}"}
    return {DIAGNOSED_BY: None} if DIAGNOSED_BY in pod.metadata.annotations else {}
