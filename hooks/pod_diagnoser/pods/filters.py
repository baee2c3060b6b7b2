"""Filters: which crashes are reportable, by ``spec.ignore`` and ``spec.thresholds``. Pure.

A crash that is not reportable leaves no annotation on its Pod, is in no status and no Event, and is
never remediated. So nothing is stored of it either: whether a threshold is reached has to follow
from what the kubelet reports (`threshold_reached`). A Pod's annotations store the crashes that
were reported, but its owner may have written them: they can suppress a crash, never report one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import translate
from functools import lru_cache
from typing import Final, TypeAlias

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTargetSpec,
    IgnoreSpec,
    PodDiagnoserSpec,
    ThresholdSpec,
)
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.pods.history import CrashRecord

MAX_PATTERN: Final = 63
"""Maximum length of a pattern, as in the CRD: that of a container's name."""

MAX_PATTERNS: Final = 32
"""Maximum number of patterns, and of thresholds, that are evaluated, as in the CRD."""

CLEAN_EXIT: Final = Cause.COMPLETED
"""The cause of a crash with exit code 0 of which nothing worse is known."""

Filters: TypeAlias = PodDiagnoserSpec | DiagnosisTargetSpec
"""A spec with ``ignore`` and ``thresholds``."""


def reportable(
    labels: Mapping[str, str],
    created: datetime | None,
    crashes: Iterable[Diagnosis],
    filters: Filters,
    history: Sequence[CrashRecord] = (),
) -> tuple[Diagnosis, ...]:
    """Pick the reportable crashes of a Pod.

    The syncs of Pods and of PodDiagnosers both use it, so a status agrees with the annotations.

    Args:
        labels: the Pod's labels.
        created: when the Pod was created, or None where that is not known.
        crashes: its crashes.
        filters: the spec to filter by.
        history: the crash records that the Pod has stored.

    Returns:
        Those that are not ignored and reach their threshold, in their order. A threshold counts
        restarts, so it is not applied where the container is not restarted, or none terminated (a
        failed Pod, an image that cannot be pulled).
    """
    return tuple(
        crash
        for crash in crashes
        if not _is_ignored_as(crash.cause, labels, crash, filters)
        and _passes_threshold(crash, created, filters, history)
    )


def allows_remediation(labels: Mapping[str, str], crash: Diagnosis, filters: Filters) -> bool:
    """Say whether a reportable crash may cause a remediation, by facts of the kubelet alone.

    Causes found in Events are stored in annotations, which can be made up. They must not have a Pod
    replaced that the filters exclude, so the cause by the Pod's status counts here too.

    Args:
        labels: the Pod's labels.
        crash: a crash that is `reportable`.
        filters: the spec to filter by.

    Returns:
        False where it is ignored for either cause, or the kubelet counts too few restarts.
    """
    if any(
        is_ignored(filters.ignore, labels, crash.container, cause, crash.exit_code)
        for cause in (crash.cause, crash.status_cause)
    ):
        return False
    threshold = _applicable_threshold(crash, filters)
    return threshold is None or has_enough_restarts(threshold, crash.restarts)


def needs_events(labels: Mapping[str, str], crash: Diagnosis, filters: Filters) -> bool:
    """Say whether an ignored crash may turn out to be reportable when its Events are read.

    A container that exits with code 0 because a failed probe had it stopped looks like a clean exit
    until then. Look it up only soon after the termination: nothing is stored of an ignored crash,
    so each sync would look it up again.

    Args:
        labels: the Pod's labels.
        crash: the crash.
        filters: the spec to filter by.

    Returns:
        True where it is ignored for its cause and for nothing else.
    """
    return _is_ignored_as(crash.cause, labels, crash, filters) and not _is_ignored_as(
        "", labels, crash, filters
    )


def is_undecided(labels: Mapping[str, str], crash: Diagnosis, filters: Filters) -> bool:
    """Say whether the second lookup of an ignored crash's Events decides if it is reportable.

    What the first one found is stored for that, as with `ignored_by_event_cause`.

    Args:
        labels: the Pod's labels.
        crash: the crash.
        filters: the spec to filter by.

    Returns:
        True where it is ignored as a clean exit, and the first lookup did not tell if it is one.
    """
    evidence = crash.symptom.evidence
    return (
        evidence is not None
        and evidence.is_unclear
        and evidence.lookups == 1
        and bool(crash.symptom.probes)
        and needs_events(labels, crash, filters)
    )


def ignored_by_event_cause(labels: Mapping[str, str], crash: Diagnosis, filters: Filters) -> bool:
    """Say whether a crash is ignored only for the cause that its Events show.

    Such a crash is stored on the Pod, though it is not reported. Otherwise each sync would look it
    up again, and report it once its Events have expired.

    Args:
        labels: the Pod's labels.
        crash: the crash.
        filters: the spec to filter by.

    Returns:
        True where it is ignored, and would not be for the cause by the Pod's status.
    """
    return (
        crash.cause is not crash.status_cause
        and _is_ignored_as(crash.cause, labels, crash, filters)
        and not _is_ignored_as(crash.status_cause, labels, crash, filters)
    )


def is_ignored(
    ignore: IgnoreSpec,
    pod_labels: Mapping[str, str],
    container: str,
    cause: str,
    exit_code: int | None,
) -> bool:
    """Say whether any entry of ``spec.ignore`` ignores a crash.

    Args:
        ignore: ``spec.ignore``.
        pod_labels: the Pod's labels.
        container: the container's name; empty for the Pod as a whole, which no pattern matches.
        cause: the crash's cause.
        exit_code: its exit code, or None.

    Returns:
        True where one does. ``cleanExits`` ignores exit code 0 only where nothing worse is known,
        such as a failed probe or a child that ran out of memory; ``exitCodes: [0]`` ignores all.
    """
    if ignore.cleanExits and exit_code == 0 and cause == CLEAN_EXIT:
        return True
    if cause in ignore.causes:
        return True
    if exit_code is not None and exit_code in ignore.exitCodes:
        return True
    if container and any(
        matches_pattern(pattern, container) for pattern in ignore.containers[:MAX_PATTERNS]
    ):
        return True
    labels = ignore.podLabels
    return bool(labels) and all(pod_labels.get(key) == value for key, value in labels.items())


def threshold_for(thresholds: Sequence[ThresholdSpec], container: str) -> ThresholdSpec | None:
    """Find the threshold of a container.

    Args:
        thresholds: ``spec.thresholds``.
        container: the container's name.

    Returns:
        The first entry that is for all containers or whose pattern matches, or None. The order of
        the list alone decides: an exact name does not take precedence over a pattern.
    """
    return next(
        (
            threshold
            for threshold in thresholds[:MAX_PATTERNS]
            if not threshold.container or matches_pattern(threshold.container, container)
        ),
        None,
    )


def threshold_reached(
    threshold: ThresholdSpec,
    crash: Diagnosis,
    history: Iterable[CrashRecord],
    created: datetime | None,
) -> bool:
    """Say whether a container has crashed often enough to be reported.

    A threshold is reached with the n-th crash within a window of time that ends with this crash.
    The kubelet reports how often the container terminated, but the times of one or two runs only.
    So a crash is suppressed only where it is certain that there were fewer:

    * The container terminated fewer times in its whole life.
    * The run that terminated was longer than the window, so all earlier terminations are outside
      of it. A container that crashes once a week is never reported.
    * A crash before the window is stored, and too few followed.

    In a Pod that is younger than the window every crash lies within it. One case remains: an older
    Pod that crashed often in the past, of which nothing is stored, and whose container terminates
    soon after a start. It is reported at its first short run, perhaps before its n-th: suppressed
    crashes are not stored, so waiting for more information would suppress it forever.

    Args:
        threshold: the threshold.
        crash: the crash. Its `termination_number` is the same at each observation.
        history: the crash records of this container. More of them can only suppress it, so making
            them up achieves nothing else.
        created: when the Pod was created, or None where that is not known.

    Returns:
        Whether to report it. Where the time of the termination is not known, the number decides.
    """
    number, ended, started = crash.termination_number, crash.ended_by, crash.started_at
    least = threshold.restarts
    if max(number, 1) < least:
        return False
    if least <= 1 or ended is None:
        return True
    window_start = ended - timedelta(seconds=threshold.withinSeconds)
    if started is not None and started < window_start:
        return False
    if created is not None and created >= window_start:
        return True
    before = [
        record.restarts
        for record in history
        if record.moment < window_start and (created is None or record.moment >= created)
    ]
    numbers = (each for each in before if each is not None and each <= number)
    return number - max(len(before), max(numbers, default=0)) >= least


def has_enough_restarts(threshold: ThresholdSpec, restarts: int) -> bool:
    """Say whether the kubelet counts enough restarts for a remediation.

    Args:
        threshold: the threshold of the container.
        restarts: its restartCount.

    Returns:
        Whether the Pod has had so many restarts at all, without regard to its history.
    """
    return max(restarts, 1) >= threshold.restarts


def matches_pattern(pattern: str, container: str) -> bool:
    """Say whether a pattern matches the whole name of a container.

    Args:
        pattern: a name in which ``*`` matches any characters and ``?`` any one of them.
        container: the container's name.

    Returns:
        Whether it does. A pattern or a name longer than the API server accepts matches nothing,
        which bounds the time: it grows with the product of the two lengths at most.
    """
    if len(pattern) > MAX_PATTERN or len(container) > MAX_PATTERN:
        return False
    return _compiled(pattern).match(container) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Translate a pattern by `fnmatch`, to which brackets would be special too.

    `fnmatch.fnmatchcase` would do the same, but its cache keeps 32,768 expressions: too much memory
    for patterns that anybody may write.
    """
    return re.compile(translate(pattern.replace("[", "[[]")))


def _is_ignored_as(
    cause: str, labels: Mapping[str, str], crash: Diagnosis, filters: Filters
) -> bool:
    ignore = filters.ignore
    if ignore.cleanExits and cause == CLEAN_EXIT and _may_be_a_probe_kill(crash):
        ignore = ignore.model_copy(update={"cleanExits": False})
    return is_ignored(ignore, labels, crash.container, cause, crash.exit_code)


def _may_be_a_probe_kill(crash: Diagnosis) -> bool:
    """Say whether a clean exit may be that of a container that was stopped for its probe.

    Its Events were read, and do not tell: to ignore it could hide that the application hangs.
    """
    evidence = crash.symptom.evidence
    return (
        evidence is not None
        and evidence.is_unclear
        and evidence.lookups > 1
        and bool(crash.symptom.probes)
    )


def _applicable_threshold(crash: Diagnosis, filters: Filters) -> ThresholdSpec | None:
    if crash.exit_code is None or crash.final:
        return None
    return threshold_for(filters.thresholds, crash.container)


def _passes_threshold(
    crash: Diagnosis, created: datetime | None, filters: Filters, history: Sequence[CrashRecord]
) -> bool:
    threshold = _applicable_threshold(crash, filters)
    if threshold is None:
        return True
    own = (record for record in history if record.container == crash.container)
    return threshold_reached(threshold, crash, own, created)
