"""Silence on purpose: which crashes are not worth telling. Pure.

A PodDiagnoser says it in ``spec.ignore`` and ``spec.thresholds``. What is not told leaves no mark
on the Pod, is in no status and no Event, and is never remediated.

That no mark is left means that nothing is remembered of it either: whether a threshold is reached
has to be found in what the kubelet reports, see `threshold_reached`. What is remembered, of crashes that were
told, stands in the Pod's annotations and may have been written by the Pod's owner: it can make a
crash stay silent, and never makes one be told.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol, TypeVar

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.diagnostics_v1 import IgnoreSpec, ThresholdSpec

MAX_PATTERN: Final = 63
"""How long a pattern may be, as in the CRD: a container's name is no longer."""

MAX_PATTERNS: Final = 32
"""How many patterns, or thresholds, are looked at, as in the CRD."""

CLEAN_EXIT: Final = Cause.COMPLETED
"""The cause of a crash with exit code 0 of which nothing worse is known."""


class Filters(Protocol):
    """What says which crashes are told: the spec of a PodDiagnoser or of a DiagnosisTarget."""

    @property
    def ignore(self) -> IgnoreSpec:
        """``spec.ignore``."""

    @property
    def thresholds(self) -> Sequence[ThresholdSpec]:
        """``spec.thresholds``."""


class Crash(Protocol):
    """A crash, as far as it matters for whether it is told."""

    @property
    def container(self) -> str:
        """The container's name; empty for the Pod as a whole."""

    @property
    def cause(self) -> str:
        """The cause by all that is known."""

    @property
    def status_cause(self) -> str:
        """The cause by the Pod's status alone."""

    @property
    def exit_code(self) -> int | None:
        """The exit code; None where no container ended."""

    @property
    def termination_number(self) -> int:
        """Which end of its container it is by the kubelet's count."""

    @property
    def restarts(self) -> int:
        """The container's restartCount."""

    @property
    def final(self) -> bool:
        """Whether nothing will start the container again."""

    @property
    def started_at(self) -> datetime | None:
        """When the run began that ended so, or None."""

    @property
    def ended_by(self) -> datetime | None:
        """By when it had ended for certain, or None."""


class Remembered(Protocol):
    """An earlier crash, as the Pod's annotations remember it: display only, possibly made up."""

    @property
    def container(self) -> str:
        """The container's name."""

    @property
    def moment(self) -> datetime:
        """When it ended, or was first seen."""

    @property
    def restarts(self) -> int | None:
        """Which end of its container it was by the kubelet's count, or None where nobody knows."""


_Crash = TypeVar("_Crash", bound=Crash)


def reportable(
    labels: Mapping[str, str],
    created: datetime | None,
    crashes: Iterable[_Crash],
    silence: Filters,
    history: Sequence[Remembered] = (),
) -> tuple[_Crash, ...]:
    """Pick the crashes of a Pod that are worth telling.

    Both hooks ask this, so that a status tells what the Pods show.

    Args:
        labels: the Pod's labels.
        created: when the Pod was created, or None where nobody knows.
        crashes: what crashed in it.
        silence: what is to be ignored, and the thresholds.
        history: the crashes that the Pod remembers.

    Returns:
        Those that are not ignored and whose threshold is reached, in their order. A threshold is
        about restarts: where nothing will start the container again, or none ended (the Pod as a
        whole did, or its image can't be pulled), there is nothing to wait for, and it is told.
    """
    return tuple(
        crash
        for crash in crashes
        if not _ignored_as(crash.cause, labels, crash, silence)
        and _passes_threshold(crash, created, silence, history)
    )


def allows_remediation(labels: Mapping[str, str], crash: Crash, silence: Filters) -> bool:
    """Tell whether a crash may be a reason to replace its Pod, by facts of the kubelet alone.

    What is beyond the Pod's status comes by way of its annotations. It must not bring about what
    the spec forbids, so that here a crash is also ignored for the cause that the Pod's status tells
    by itself.

    Args:
        labels: the Pod's labels.
        crash: the crash. Asked of those that are `reportable`.
        silence: what is to be ignored, and the thresholds.

    Returns:
        False where it is ignored for either cause, and where its restarts are too few.
    """
    if any(
        _ignored_as(cause, labels, crash, silence) for cause in (crash.cause, crash.status_cause)
    ):
        return False
    threshold = _threshold_for(crash, silence)
    return threshold is None or has_enough_restarts(threshold, crash.restarts)


def needs_events(labels: Mapping[str, str], crash: Crash, silence: Filters) -> bool:
    """Tell whether Events may still have a crash told that is ignored.

    A container that leaves with code 0 when a failed probe has it stopped looks like a clean exit
    until its Events are read. They are worth a read, soon after the end: nothing is remembered of
    what is ignored, so that it would be asked for again at each sync.

    Args:
        labels: the Pod's labels.
        crash: the crash.
        silence: what is to be ignored, and the thresholds.

    Returns:
        True where it is ignored for its cause and for nothing else.
    """
    return _ignored_as(crash.cause, labels, crash, silence) and not _ignored_as(
        "", labels, crash, silence
    )


def ignored_by_event_cause(labels: Mapping[str, str], crash: Crash, silence: Filters) -> bool:
    """Tell whether a crash is ignored only since Events told its cause.

    Forgotten, it would be asked about at each sync, and told once its Events are gone: this has to
    be remembered on the Pod, though it is shown nowhere.

    Args:
        labels: the Pod's labels.
        crash: the crash.
        silence: what is to be ignored, and the thresholds.

    Returns:
        True where it is ignored and would not be for the cause that the Pod's status tells.
    """
    return _ignored_as(crash.cause, labels, crash, silence) and not _ignored_as(
        crash.status_cause, labels, crash, silence
    )


def is_ignored(
    ignore: IgnoreSpec,
    pod_labels: Mapping[str, str],
    container: str,
    cause: str,
    exit_code: int | None,
) -> bool:
    """Tell whether a crash is ignored: any entry of ``spec.ignore`` that holds does it.

    Args:
        ignore: ``spec.ignore``.
        pod_labels: the Pod's labels.
        container: the container's name; empty for the Pod as a whole, which no pattern fits.
        cause: the crash's cause.
        exit_code: its exit code, or None where there is none.

    Returns:
        True where it is. A clean exit is one with code 0 of which nothing worse is known: a
        container that a failed probe ended with code 0 is none, as is one of which a child was out
        of memory. ``exitCodes: [0]`` is about all of them.
    """
    if ignore.cleanExits and exit_code == 0 and cause == CLEAN_EXIT:
        return True
    if cause in ignore.causes:
        return True
    if exit_code is not None and exit_code in ignore.exitCodes:
        return True
    if container and any(
        matches_pattern(each, container) for each in ignore.containers[:MAX_PATTERNS]
    ):
        return True
    wanted = ignore.podLabels
    return bool(wanted) and all(pod_labels.get(key) == value for key, value in wanted.items())


def threshold_for(thresholds: Sequence[ThresholdSpec], container: str) -> ThresholdSpec | None:
    """Find the threshold of a container.

    Args:
        thresholds: ``spec.thresholds``.
        container: the container's name.

    Returns:
        The first that is for all containers or whose pattern fits; None where none does. A name
        does not go before a pattern by itself: whoever writes the list decides the order.
    """
    return next(
        (
            each
            for each in thresholds[:MAX_PATTERNS]
            if not each.container or matches_pattern(each.container, container)
        ),
        None,
    )


def threshold_reached(  # noqa: PLR0913 (all that can be known)
    threshold: ThresholdSpec,
    restarts: int,
    history: Iterable[Remembered],
    ended: datetime | None,
    created: datetime | None,
    *,
    started: datetime | None = None,
) -> bool:
    """Tell whether a crash makes a container's restarts worth telling.

    A threshold is reached with the n-th crash within a window of time that ends with the crash.
    The kubelet tells how many there were, and no more of when than the begin and the end of one run
    or two. Told is what *may* be so many; silent is what certainly is not:

    * The container ended fewer times in its whole life.
    * The run that ended lasted longer than the window, so that all earlier ends are outside of it:
      what crashes once a week stays silent however often it has.
    * A crash before the window is remembered, and too few came since.

    In a Pod that is younger than the window every crash lies within it. What remains is an older
    one that crashed often in the past, of which nothing is remembered, and whose container now ends
    soon after it was started: it is told at its first short run, perhaps before its n-th. To wait
    for a memory would be to wait for ever, for what is silent leaves none.

    Args:
        threshold: the threshold.
        restarts: which end of its container the crash is by the kubelet's count, the same at each
            of its sightings: the restartCount that ``kubectl get pods`` shows of it once the
            container has been started again.
        history: crashes of this container that are remembered. More of them can only make it more
            silent, so that nobody brings something about by making them up.
        ended: when it ended; None where nobody knows, so that the number alone decides.
        created: when the Pod was created, or None where nobody knows.
        started: when the run began that ended so, or None where nobody knows.

    Returns:
        Whether it is told.
    """
    least = threshold.restarts
    if max(restarts, 1) < least:
        return False
    if least <= 1 or ended is None:
        return True
    begin = ended - timedelta(seconds=threshold.withinSeconds)
    if started is not None and started < begin:
        return False
    if created is not None and created >= begin:
        return True
    before = [
        each.restarts
        for each in history
        if each.moment < begin and (created is None or each.moment >= created)
    ]
    counted = (count for count in before if count is not None and count <= restarts)
    return restarts - max(len(before), max(counted, default=0)) >= least


def has_enough_restarts(threshold: ThresholdSpec, restarts: int) -> bool:
    """Tell whether the kubelet counts enough restarts for a remediation.

    Args:
        threshold: the threshold of the container.
        restarts: its restartCount.

    Returns:
        What is necessary for it, whatever is remembered: the Pod has had so many restarts.
    """
    return max(restarts, 1) >= threshold.restarts


def matches_pattern(pattern: str, container: str) -> bool:
    """Tell whether a pattern fits a container's name, the whole of it.

    Args:
        pattern: a name in which ``*`` stands for any characters and ``?`` for any one of them.
        container: the container's name.

    Returns:
        Whether it does. A pattern or a name that no cluster allows fits nothing, which bounds the
        time: it grows with the product of the two lengths at most.
    """
    if len(pattern) > MAX_PATTERN or len(container) > MAX_PATTERN:
        return False
    return _expression(pattern).fullmatch(container) is not None


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    first, *others = (
        "".join("." if char == "?" else re.escape(char) for char in part)
        for part in pattern.split("*")
    )
    if not others:
        return re.compile(first, re.DOTALL)
    *inner, last = others
    # Each inner part is taken where it is found first, once and for all (an atomic group): to look
    # for it further on cannot help, and would take exponential time.
    found = "".join(f"(?>.*?{part})" for part in inner if part)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def _ignored_as(cause: str, labels: Mapping[str, str], crash: Crash, silence: Filters) -> bool:
    return is_ignored(silence.ignore, labels, crash.container, cause, crash.exit_code)


def _threshold_for(crash: Crash, silence: Filters) -> ThresholdSpec | None:
    if crash.exit_code is None or crash.final:
        return None
    return threshold_for(silence.thresholds, crash.container)


def _passes_threshold(
    crash: Crash, created: datetime | None, silence: Filters, history: Sequence[Remembered]
) -> bool:
    threshold = _threshold_for(crash, silence)
    if threshold is None:
        return True
    own = [each for each in history if each.container == crash.container]
    return threshold_reached(
        threshold, crash.termination_number, own, crash.ended_by, created, started=crash.started_at
    )
