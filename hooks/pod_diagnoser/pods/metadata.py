"""What a Pod shows: our annotations and the one label. Pure.

This module owns their names, their forms and their limits.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pod_diagnoser.api.causes import REQUESTED_RESTARTS, TRANSIENT
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec
from pod_diagnoser.api.text import truncate_bytes
from pod_diagnoser.api.time import earliest, format_time
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.pods.history import RECENT, CrashHistory, CrashRecord, serialize
from pod_diagnoser.pods.history_text import summarize_history
from pod_diagnoser.pods.keys import (
    ANNOTATIONS,
    CAUSE,
    CONTAINER,
    CRASHES,
    DIAGNOSIS,
    LABEL,
    LOG,
    MAX_DIAGNOSIS_BYTES,
    MAX_TOTAL_BYTES,
    RESTART_REASON,
    RESTART_TIME,
    TERMINATION_MESSAGE,
)
from pod_diagnoser.pods.observation import ObservedCrash, PodObservation, latest_crash

_LEAST_WAIT = 0.5
"""Seconds. 0 would mean not to ask again."""


@dataclass(frozen=True, slots=True)
class ContainerOutput:
    """What the container of the latest crash said at last, fit to be shown.

    Attributes:
        message: its termination message; empty for none, or where it is not to be shown.
        log: the last lines of its log; empty for none, or where they are not to be shown; None
            where what the Pod shows stays.
    """

    message: str = ""
    log: str | None = ""


NO_OUTPUT = ContainerOutput()


@dataclass(frozen=True, slots=True)
class DesiredMetadata:
    """What is wanted on a Pod, in Metacontroller's terms.

    Attributes:
        annotations: key to value; None removes the key. Keys that are missing stay as they are.
        labels: the same for labels.
        resync_after: seconds until the label is due to be taken off, or None.
        first_seen: the crashes that the Pod did not remember yet.
    """

    annotations: Mapping[str, str | None] = field(default_factory=dict)
    labels: Mapping[str, str | None] = field(default_factory=dict)
    resync_after: float | None = None
    first_seen: Sequence[Diagnosis] = ()


def metadata_removal(pod: Pod) -> DesiredMetadata:
    """Take everything of ours off a Pod that nobody claims.

    Args:
        pod: the Pod.

    Returns:
        Removals of those of our annotations and of our label that are there.
    """
    return DesiredMetadata(
        annotations={key: None for key in ANNOTATIONS if key in pod.metadata.annotations},
        labels={LABEL: None} if LABEL in pod.metadata.labels else {},
    )


def desired_metadata(
    pod: Pod,
    claim: DiagnosisTargetSpec,
    sighting: PodObservation,
    now: datetime,
    words: ContainerOutput,
) -> DesiredMetadata:
    """Say what a claimed Pod should show.

    Args:
        pod: the Pod.
        claim: the PodDiagnoser that claims it.
        sighting: what is seen of it.
        now: the time by our clock, in UTC.
        words: what the container of the latest crash said at last.

    Returns:
        The annotations, where a crash is there to be shown; the label, while a crash is recent; the
        removal of what is ours and no longer right. What a crash left on the Pod stays when its
        container status no longer tells of it; what told of a state is removed when that is over.
        Nothing at all for a Pod that never crashed.
    """
    record, seen = sighting.stored, sighting.crashes
    since = record.since if record.diagnoser == claim.diagnoser.uid else None
    untils = [each.record.label_until for each in seen if each.record.label_until is not None]
    if since is None and any(now < until for until in untils):
        since = now.replace(microsecond=0)
    if since is not None:
        # The label outlasts the first diagnosis by the whole hour: a PodDiagnoser counts a Pod that
        # carries the label by this moment, and must not find it young when the label is put back.
        untils.append(since + RECENT)

    annotations = _removal_of_transient(pod)
    if seen or any(crash.silent for crash in sighting.records):
        wanted = CrashHistory(
            diagnoser=claim.diagnoser.uid, since=since, history=tuple(sighting.records)
        )
        annotations |= _annotations(pod, seen, sighting.history, words)
        annotations[CRASHES] = serialize(wanted)
        annotations = _within_limits(pod, annotations)
        if annotations.get(CRASHES) is None:
            # Without its memory on the Pod the crash would be new at every sync, for ever recent.
            untils = []
    labels, due = _label_change(pod, claim, max(untils, default=None), now)
    wait = earliest(due, sighting.resync_after)
    return DesiredMetadata(
        annotations,
        labels,
        None if wait is None else round(max(wait, _LEAST_WAIT), 3),
        first_seen=sighting.first_seen,
    )


def _removal_of_transient(pod: Pod) -> dict[str, str | None]:
    """Removals of what tells of a state, for where that is over."""
    existing = pod.metadata.annotations
    if existing.get(CAUSE) not in TRANSIENT:
        return {}
    shown = (CONTAINER, CAUSE, DIAGNOSIS, TERMINATION_MESSAGE, LOG)
    return {key: None for key in shown if key in existing}


def _annotations(
    pod: Pod, seen: Sequence[ObservedCrash], history: Sequence[CrashRecord], words: ContainerOutput
) -> dict[str, str | None]:
    headline = latest_crash(seen)
    aside = (
        TRANSIENT
        if headline and headline.diagnosis.was_requested
        else TRANSIENT | REQUESTED_RESTARTS
    )
    left = (
        crash for crash in history if crash.cause not in aside and not _is_superseded(crash, seen)
    )
    if headline is None or any(crash.happened > headline.record.happened for crash in left):
        # The container status of the latest crash is gone (the runtime keeps two records): what it
        # left on the Pod is newer than what can be read now, and stays.
        return {}
    diagnosis = headline.diagnosis
    shown: dict[str, str | None] = {
        CONTAINER: diagnosis.container or None,
        CAUSE: diagnosis.cause.value,
        DIAGNOSIS: truncate_bytes(_diagnosis_text(headline, history), MAX_DIAGNOSIS_BYTES),
        TERMINATION_MESSAGE: words.message or None,
        **_restart_annotations(latest_crash([each for each in seen if each.diagnosis.restarted])),
    }
    if words.log is not None:
        shown[LOG] = words.log or None
    existing = pod.metadata.annotations
    return {key: value for key, value in shown.items() if value is not None or key in existing}


def _is_superseded(crash: CrashRecord, seen: Iterable[ObservedCrash]) -> bool:
    """Whether a container ended again since, by the kubelet's count: its clock may be set back."""
    return any(
        each.record.container == crash.container
        and (each.record.restarts or 0) > (crash.restarts or each.record.restarts or 0)
        for each in seen
    )


def _diagnosis_text(seen: ObservedCrash, history: Sequence[CrashRecord]) -> str:
    """The sentence, and what the container's history adds."""
    crash = seen.record
    again = summarize_history(history, crash, crash.restarts or 0, backing_off=crash.backOff)
    return f"{seen.diagnosis.sentence} {again}".rstrip()


def _restart_annotations(seen: ObservedCrash | None) -> dict[str, str | None]:
    """The mission's two annotations: how the container had ended that was restarted last."""
    if seen is None:
        return {}
    finished = seen.diagnosis.finished_at
    return {
        RESTART_REASON: seen.diagnosis.restart_reason,
        RESTART_TIME: format_time(finished) if finished else None,
    }


def _within_limits(pod: Pod, annotations: dict[str, str | None]) -> dict[str, str | None]:
    """Leave out what would make the API server refuse the whole write, the least needed first."""
    existing = pod.metadata.annotations
    if sum(map(len, existing)) + sum(map(len, existing.values())) < MAX_TOTAL_BYTES // 8:
        return annotations  # the usual case: even in four bytes a character there is room for ours
    room = MAX_TOTAL_BYTES - sum(
        len(key.encode()) + len(value.encode())
        for key, value in existing.items()
        if key not in ANNOTATIONS
    )
    kept = dict(annotations)
    for key in reversed(ANNOTATIONS):
        present = {name: kept.get(name, existing.get(name)) for name in ANNOTATIONS}
        size = sum(len(name) + len(value.encode()) for name, value in present.items() if value)
        if size <= room:
            break
        if key in existing:
            kept[key] = None
        else:
            kept.pop(key, None)
    return kept


def _label_change(
    pod: Pod, claim: DiagnosisTargetSpec, until: datetime | None, now: datetime
) -> tuple[dict[str, str | None], float | None]:
    if until is not None and now < until:
        remaining = (until - now).total_seconds()
        # A second more, since Metacontroller's clock is not ours.
        return {LABEL: claim.diagnoser.name}, min(remaining, RECENT.total_seconds()) + 1
    return ({LABEL: None} if LABEL in pod.metadata.labels else {}), None
