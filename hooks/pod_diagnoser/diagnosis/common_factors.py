"""What many Pods have in common that crashed within one minute. Pure.

It is a hint and never a cause, and it is given only where it says something:

- at least three Pods crashed within one minute, and three in four of them share it;
- it is not what all Pods share anyway: other Pods are known that do not have it, and so many of
  these by chance, as often as the others have it, are rarer than 1 in `2 ** _MIN_BITS`; nor what
  two in three of the others have;
- Pods of one workload share image and cause anyway, so there the workloads are counted, not the
  Pods; and Pods that were started together crash together, so that says nothing either.

Only the first crash of a series counts: when a container in a crash loop ends again is decided by
the kubelet's back-off. What is said depends on the Pods alone, not on their order, and on the time
only by whether it is still said at all (`TOLD_FOR`): so it is the same from every process.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.quoting import image_forms, name, quote, word

MIN_PODS: Final = 3
WINDOW: Final = timedelta(minutes=1)

_MOST: Final = 0.75
"""Which part of the Pods has to share something."""

TOLD_FOR: Final = timedelta(minutes=55)
"""For how long after the first of the crashes it is told. Less than the hour for which a Pod counts
as recently crashed, so that what is told ends before its Pods drop out, one by one."""

_MIN_BITS: Final = 4.0
"""How rare it has to be by chance: 1 in 16."""

_MAX_MINUTES: Final = 5
"""How many minutes with crashes are looked at: those with the most Pods."""

_MAX_FACTORS: Final = 3
_MAX_IMAGE_BYTES: Final = 80

_COMMON_ANYWAY: Final = 2 / 3
"""What more of the others have says nothing, however many Pods crashed."""

_PRIOR_WEIGHT: Final = 2
"""How many other Pods what is usual counts for, beside those that are known."""
_USUAL: Final = 0.5
_RARE: Final = 0.125

_USUAL_CAUSES: Final = frozenset(
    {
        Cause.APPLICATION_ERROR.value,
        Cause.COMPLETED.value,
        ReasonClass.UNCAUGHT_EXCEPTION.value,
        ReasonClass.ASSERTION_OR_PANIC.value,
    }
)
"""Causes, and kinds of reasons, that most crashes have anyway."""


class Factor(StrEnum):
    """What Pods have in common; of two that are as surprising the first is told first.

    Where the Pods of one node are those of one workload, the node would have hit others, too.
    """

    WORKLOAD = "SameWorkload"
    NODE = "SameNode"
    IMAGE = "SameImage"
    REASON_CLASS = "SameReasonClass"
    CAUSE = "SameCause"
    SECOND = "SameSecond"
    MINUTE = "SameMinute"


class PodFacts(NamedTuple):
    """What is known of a Pod that it may have in common with others; "" or None is not known.

    Attributes:
        workload: what distinguishes its workload from all others.
        workload_kind: the kind of the workload.
        workload_name: its name.
        node: the Pod's node.
        images: the image of the container that crashed; of a Pod of which no crash is known, of all
            its containers.
        crashed: whether a crash of it is known.
        crashed_at: when it crashed first after it had run.
        started_at: when the run that ended then had begun.
        cause: the cause of that crash.
        reason_class: what kind of reason the container's output gives for it.
    """

    workload: str
    workload_kind: str
    workload_name: str
    node: str = ""
    images: tuple[str, ...] = ()
    crashed: bool = False
    crashed_at: datetime | None = None
    started_at: datetime | None = None
    cause: str = ""
    reason_class: str = ""


@dataclass(frozen=True, slots=True)
class CommonFactor:
    """What Pods that crashed within one minute have in common.

    Attributes:
        factor: the most surprising of it.
        message: all of it in one line, with how many other Pods have it too.
        first: when the first of them crashed.
        pods: how many Pods crashed within this minute.
    """

    factor: Factor
    message: str
    first: datetime
    pods: int

    def includes(self, pod: PodFacts) -> bool:
        """Return whether a Pod crashed within this minute."""
        return pod.crashed_at is not None and 0 <= (pod.crashed_at - self.first) / WINDOW <= 1

    def seconds_left(self, now: datetime) -> float:
        """Return for how many seconds it is told yet, at least 1."""
        return max(1.0, (self.first + TOLD_FOR - now).total_seconds())


def find_common_factor(
    pods: Sequence[PodFacts], now: datetime | None = None, *, whole: bool = False
) -> CommonFactor | None:
    """Find what Pods have in common that crashed within one minute.

    Args:
        pods: the Pods that are known, in any order, crashed ones and others. The more of the others
            are among them, the better it is known what is usual.
        now: the time, in UTC: only crashes of the last `TOLD_FOR` are told. None tells any.
        whole: whether these are all Pods, healthy ones too; False if only recently crashed ones are
            known, and the message says so.

    Returns:
        Of the minute in which the most Pods crashed (of two, the later) that of which there is
        anything to say; None if there is none. It takes n log n of the number of Pods.
    """
    times = sorted((pod.crashed_at, at) for at, pod in enumerate(pods) if pod.crashed_at)
    if len(times) < MIN_PODS:
        return None
    looked_at = 0
    known = _Known(pods)
    for start, end in _minutes([time for time, _ in times]):
        first = times[start][0]
        if now is not None and not now - TOLD_FOR < first <= now:
            continue
        looked_at += 1
        if looked_at > _MAX_MINUTES:
            break
        minute = _Minute([pods[at] for _, at in times[start:end]], known)
        shared = minute.shared()
        if shared:
            return CommonFactor(
                shared[0].factor, minute.describe(shared, whole=whole), first, end - start
            )
    return None


def _minutes(times: Sequence[datetime]) -> Iterable[tuple[int, int]]:
    """Yield the minutes with at least `MIN_PODS` crashes, the fullest first; none overlaps another.

    Args:
        times: when Pods crashed, in order.

    Yields:
        The range of indices of the crashes in it.
    """
    windows = []
    end = 0
    for start, first in enumerate(times):
        while end < len(times) and times[end] - first <= WINDOW:
            end += 1
        if end - start >= MIN_PODS:
            windows.append((end - start, start))
    windows.sort(reverse=True)
    taken = bytearray(len(times))
    for size, start in windows:
        # One that were within another would be longer than those before it.
        if not (taken[start] or taken[start + size - 1]):
            taken[start : start + size] = b"\1" * size
            yield start, start + size


class _Known:
    """All Pods that are known, counted by what they may share: each only when it is asked for."""

    def __init__(self, pods: Sequence[PodFacts]) -> None:
        self._pods = pods
        self.crashed = sum(pod.crashed for pod in pods)
        self._pods_by: dict[Factor, Counter[str]] = {}
        self._workloads_by: dict[Factor, dict[str, set[str]]] = {}

    def pods_by(self, factor: Factor) -> Counter[str]:
        """Count the Pods by a factor that each has once."""
        if factor not in self._pods_by:
            value = _VALUE[factor]
            self._pods_by[factor] = Counter(value(pod) for pod in self._pods)
            del self._pods_by[factor][""]
        return self._pods_by[factor]

    def workloads_by(self, factor: Factor) -> dict[str, set[str]]:
        """Return the workloads by what one of their Pods has."""
        if factor not in self._workloads_by:
            self._workloads_by[factor] = _workloads_by(self._pods, factor)
        return self._workloads_by[factor]


def _workloads_by(pods: Iterable[PodFacts], factor: Factor) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for workload, values in {(pod.workload, _values(pod, factor)) for pod in pods}:
        for value in values:
            if value:
                found.setdefault(value, set()).add(workload)
    return found


_VALUE: Final[dict[Factor, Callable[[PodFacts], str]]] = {
    Factor.NODE: lambda pod: pod.node,
    Factor.REASON_CLASS: lambda pod: pod.reason_class,
    Factor.CAUSE: lambda pod: pod.cause,
    Factor.WORKLOAD: lambda pod: pod.workload,
}


def _values(pod: PodFacts, factor: Factor) -> tuple[str, ...]:
    return pod.images if factor is Factor.IMAGE else (_VALUE[factor](pod),)


@dataclass(frozen=True, slots=True)
class _Shared:
    """Something that most Pods of a minute share.

    Attributes:
        factor: what.
        value: which node, image, cause or workload.
        pods: how many of the Pods.
        bits: how rare that is by chance: 1 in ``2 ** bits``.
        others: how many other Pods (or workloads) have it, and of how many.
        of_workloads: whether the others are workloads.
    """

    factor: Factor
    value: str
    pods: int
    bits: float
    others: tuple[int, int] = (0, 0)
    of_workloads: bool = False


class _Minute:
    """Pods that crashed within one minute, in the order of their crashes."""

    def __init__(self, pods: Sequence[PodFacts], known: _Known) -> None:
        self._pods, self._known = pods, known
        self._workloads = {pod.workload for pod in pods}

    def shared(self) -> list[_Shared]:
        """Return what they have in common, the most surprising first; it may be nothing."""
        found = [
            *map(self._by_pods, (Factor.NODE, Factor.WORKLOAD)),
            *map(self._by_workloads, (Factor.IMAGE, Factor.REASON_CLASS, Factor.CAUSE)),
        ]
        told = sorted(
            (each for each in found if each is not None and each.bits >= _MIN_BITS),
            key=lambda each: (-each.bits, _ORDER[each.factor]),
        )
        if any(each.factor is Factor.REASON_CLASS for each in told):
            # The reason says more than the cause, which the same Pods have in common, too.
            told = [each for each in told if each.factor is not Factor.CAUSE]
        return told[:_MAX_FACTORS] or [each for each in (self._by_time(),) if each]

    def _by_pods(self, factor: Factor) -> _Shared | None:
        """Compare with the other Pods: how many of these have the same node or workload."""
        inside = Counter(map(_VALUE[factor], self._pods))
        del inside[""]
        value, pods = _most_common(inside)
        if not self._are_most(pods):
            return None
        outside = self._known.pods_by(factor)
        others = (outside[value] - pods, outside.total() - inside.total())
        # What all have that are known may be all that there is.
        if pods == inside.total() and others[0] == others[1]:
            return None
        bits = _surprise(pods, len(self._pods), _share(*others, _USUAL))
        return _Shared(factor, value, pods, bits, others)

    def _by_workloads(self, factor: Factor) -> _Shared | None:
        """Compare with the other workloads: a workload's Pods have one image and fail alike."""
        value, pods = _most_common(
            Counter(value for pod in self._pods for value in set(_values(pod, factor)) if value)
        )
        if not self._are_most(pods):
            return None
        inside = _workloads_by(self._pods, factor)
        if len(inside[value]) <= 1:
            return None
        total = len(self._workloads)
        outside = self._known.workloads_by(factor)
        others = (
            len(outside[value] - self._workloads),
            len(set().union(*outside.values()) - self._workloads),
        )
        is_rare = factor is not Factor.IMAGE and value not in _USUAL_CAUSES
        if not is_rare and len(inside[value]) == total and others[0] == others[1]:
            return None
        share = _share(*others, _RARE if is_rare else _USUAL)
        bits = _surprise(len(inside[value]), total, share)
        return _Shared(factor, value, pods, bits, others, of_workloads=True)

    def _by_time(self) -> _Shared | None:
        """Return the time itself, if most crashes were then and the runs had not begun together."""
        if 2 * len(self._pods) <= self._known.crashed:
            return None
        (second, pods), *_ = Counter(pod.crashed_at for pod in self._pods).most_common(1)
        if self._are_most(pods) and _began_apart(
            pod for pod in self._pods if pod.crashed_at == second
        ):
            return _Shared(Factor.SECOND, "", pods, 0.0)
        if _began_apart(self._pods):
            return _Shared(Factor.MINUTE, "", len(self._pods), 0.0)
        return None

    def _are_most(self, pods: int) -> bool:
        return pods >= MIN_PODS and pods >= _MOST * len(self._pods)

    # Words

    def describe(self, shared: Sequence[_Shared], *, whole: bool) -> str:
        """Put it into words: how many Pods, how close together, what they share, who else does."""
        times = [pod.crashed_at for pod in self._pods if pod.crashed_at is not None]
        seconds = int((times[-1] - times[0]).total_seconds())
        within = f"within {seconds} s" if seconds else "in the same second"
        what = [self._words(each) for each in shared]
        compared = any(each.others[1] for each in shared)
        if not compared:
            what += self._without_comparison()
        head = f"{len(self._pods)} Pods{self._of_workloads(shared)} crashed {within}, "
        hint = "A hint, not a cause"
        if not whole:
            hint += (
                "; compared with other Pods that crashed within the hour, not with healthy ones"
                if compared
                else "; of healthy Pods nothing is known"
            )
        at = f"from {format_time(times[0])}" if seconds else f"at {format_time(times[0])}"
        said = ", ".join(what)
        joint = ", " if said.startswith("although") else ": "
        return f"{head}{at}{joint}{said}. {hint}."

    def _of_workloads(self, shared: Sequence[_Shared]) -> str:
        if any(each.factor is Factor.WORKLOAD and each.pods == len(self._pods) for each in shared):
            return ""
        if len(self._workloads) > 1:
            return f" of {len(self._workloads)} workloads"
        return f" of {_workload(self._pods[0])}"

    def _words(self, shared: _Shared) -> str:
        count = "all" if shared.pods == len(self._pods) else f"{shared.pods} of them"
        match shared.factor:
            case Factor.NODE:
                said = f"{count} on node {name(shared.value)}"
            case Factor.IMAGE:
                said = f"{count} with image {_image(shared.value)}"
            case Factor.REASON_CLASS:
                said = f"{count} for the reason {word(shared.value)}"
            case Factor.CAUSE:
                said = f"{count} with the cause {word(shared.value)}"
            case Factor.WORKLOAD:
                of = next(pod for pod in self._pods if pod.workload == shared.value)
                said = f"{count} of {_workload(of)}"
            case Factor.SECOND if shared.pods < len(self._pods):
                said = f"{count} in one second, although their runs had not begun together"
            case _:
                said = "although their runs had not begun together"
        has, of_all = shared.others
        if not of_all:
            return said
        unit = "workload" if shared.of_workloads else "Pod"
        others = f"other {unit}{'s' * (of_all != 1)}"
        also = f"also {has} of {of_all} {others}" if has else f"none of {of_all} {others}"
        return f"{said} ({also})"

    def _without_comparison(self) -> list[str]:
        """Return the node of all of them, where nobody knows whether that is surprising."""
        nodes = {pod.node for pod in self._pods}
        of_all = self._known.pods_by(Factor.NODE).total()
        if len(nodes) > 1 or len(self._workloads) == 1 or of_all != len(self._pods):
            return []
        return [f"all on node {name(nodes.pop())}, the only one with such Pods"]


_ORDER: Final = {factor: at for at, factor in enumerate(Factor)}


def _most_common(counts: Counter[str]) -> tuple[str, int]:
    """Return the most frequent value and how often it is there; of several the first by name."""
    if not counts:
        return "", 0
    return min(counts.items(), key=lambda each: (-each[1], each[0]))


def _share(has: int, of: int, usual: float) -> float:
    """Return the share to expect: that among the others, and what is usual if there are few."""
    return (has + _PRIOR_WEIGHT * usual) / (of + _PRIOR_WEIGHT)


def _surprise(has: int, of: int, share: float) -> float:
    """Return in bits how rare it is by chance that so many have something (Chernoff's bound)."""
    found = has / of
    if found <= share or share > _COMMON_ANYWAY:
        return 0.0
    rest = (1 - found) * math.log2((1 - found) / (1 - share)) if has < of else 0.0
    return of * (found * math.log2(found / share) + rest)


def _began_apart(pods: Iterable[PodFacts]) -> bool:
    """Return whether the runs that ended are known to have begun more than a minute apart."""
    starts = [pod.started_at for pod in pods if pod.started_at is not None]
    return len(starts) > 1 and max(starts) - min(starts) > WINDOW


def _workload(pod: PodFacts) -> str:
    return f"{word(pod.workload_kind)} {name(pod.workload_name)}"


def _image(image: str) -> str:
    fitting = (each for each in image_forms(image) if len(each.encode()) <= _MAX_IMAGE_BYTES)
    return next(fitting, quote(image, _MAX_IMAGE_BYTES))
