"""Why the syncs of a storm came about: told from what each request shows beside the one before it.

Metacontroller does not say why it syncs an object. But each request holds the whole of it, so two
in a row tell what became new in between.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dev.benchmarks.figures import number
from dev.benchmarks.spread import percentile
from dev.envtest import audit
from dev.envtest.client import Json

FIRST = "seen for the first time"
CRASHED = "its status was written by others"
OURS = "what we had answered came back"
OTHERS = "labels or annotations were changed by others"
SPEC = "its spec was changed"
NOTHING_NEW = "a new version with nothing new"
TARGET = "a DiagnosisTarget was written"
LABELLED = "Pods were labelled"
UNLABELLED = "Pods lost the label or were deleted"
POD_STATUS = "statuses of labelled Pods were written"
POD_METADATA = "annotations or labels of labelled Pods were written"
POD_VERSION = "labelled Pods have a new version with nothing new"
RETRY = "the last answer was no success"
RESYNC = "resyncAfterSeconds of an answer"
SAME = "nothing new at all"

_OK = 200
_METADATA = ("labels", "annotations")
_MB = 1e6
_EARLY = 0.05
"""Seconds by which clocks may differ in where a wait begins."""

_LATE = 1.0
"""Seconds by which a sync that was due may come late, behind others."""


@dataclass(frozen=True, slots=True)
class Sync:
    """A request and why it came.

    Attributes:
        path: the endpoint.
        reason: why.
        line: what is kept of it, by `dev.benchmarks.recording`.
    """

    path: str
    reason: str
    line: Json


def explained(lines: Iterable[Json]) -> Iterator[Sync]:
    """Say why each sync came about.

    Args:
        lines: what `dev.benchmarks.recording` kept.

    Yields:
        The same in the order in which they came, each with its reason; several where several
        things had become new.
    """
    known: dict[tuple[str, str], _Object] = defaultdict(_Object)
    for line in sorted(lines, key=lambda one: one["at"]):
        path = line["path"]
        if "object" not in line:
            yield Sync(path, "", line)
            continue
        yield Sync(path, known[path, line["object"]["uid"]].next(line), line)


@dataclass(slots=True)
class _Object:
    """What was last seen of an object.

    Attributes:
        last: the line of its last sync.
        due: when answers have asked for another sync, in seconds.
    """

    last: Json | None = None
    due: list[float] = field(default_factory=list)

    def next(self, line: Json) -> str:
        """Return why a sync came, and remember it."""
        before, self.last = self.last, line
        reasons = [FIRST] if before is None else _news(before, line)
        at = line["at"]
        came_due = [due for due in self.due if due - _EARLY <= at <= due + _LATE]
        self.due = [due for due in self.due if due > at]
        if line.get("resync"):
            self.due.append(at + line["seconds"] + line["resync"])
        if not reasons and before is not None and before["code"] != _OK:
            reasons = [RETRY]
        if not reasons and came_due:
            reasons = [RESYNC]
        return " + ".join(reasons or [SAME])


def _news(before: Json, now: Json) -> list[str]:
    """Return what became new between two syncs of an object."""
    reasons = list(_of_object(before, now))
    reasons += _of_related(before["related"], now["related"])
    old, new = _targets(before), _targets(now)
    if old != new:
        reasons.append(TARGET)
    return reasons


def _of_object(before: Json, now: Json) -> Iterator[str]:
    old, new = before["object"], now["object"]
    if old["version"] == new["version"]:
        return
    answered = set(before.get("changes", ()))
    changed = {key for key in (*_METADATA, "status", "spec") if old[key] != new[key]}
    if not changed:
        yield NOTHING_NEW
    if "spec" in changed:
        yield SPEC
    if "status" in changed and "status" not in answered:
        yield CRASHED
    # Both may have changed at once; what we answered explains no more than what it held.
    ours = changed & answered
    if ours:
        yield OURS
    if changed.intersection(_METADATA) and not ours.intersection(_METADATA):
        yield OTHERS


def _of_related(before: Json, now: Json) -> Iterator[str]:
    """Say what became new in a PodDiagnoser's Pods."""
    old, new = _pods(before), _pods(now)
    if new.keys() - old.keys():
        yield LABELLED
    if old.keys() - new.keys():
        yield UNLABELLED
    changed = {uid for uid in old.keys() & new.keys() if old[uid]["version"] != new[uid]["version"]}
    by_status = {uid for uid in changed if old[uid]["status"] != new[uid]["status"]}
    by_metadata = {
        uid for uid in changed if any(old[uid][key] != new[uid][key] for key in _METADATA)
    }
    if by_status:
        yield POD_STATUS
    if by_metadata:
        yield POD_METADATA
    if changed - by_status - by_metadata:
        yield POD_VERSION


def _pods(related: Json) -> Json:
    return {uid: one for uid, one in related.items() if one["kind"] == "Pod"}


def _targets(line: Json) -> set[tuple[str, str]]:
    """Return the versions of all objects beside the parent that are no Pods."""
    shown = [*line["related"].values(), *line["attached"].values()]
    return {(one["uid"], one["version"]) for one in shown if one["kind"] != "Pod"}


@dataclass(frozen=True, slots=True)
class Count:
    """Syncs of one endpoint that had one reason.

    Attributes:
        name: the endpoint and the reason.
        syncs: the syncs.
        crashes: how many Pods crashed.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = (
        "",
        "syncs",
        "for each crash",
        "of these answered with a change",
        "sent",
        "answered",
        "until the answer, p50 / p95",
    )

    name: str
    syncs: list[Json]
    crashes: int

    @property
    def met(self) -> None:
        """It has no aim."""
        return

    def cells(self) -> tuple[str, ...]:
        """Return the line as the table shows it."""
        found = self.as_json()
        return (
            self.name,
            f"{found['syncs']:,}",
            number(found["syncs"] / self.crashes),
            f"{found['changing']:,}",
            f"{number(found['sent'] / _MB)} MB",
            f"{number(found['received'] / _MB)} MB",
            f"{number(found['p50'])} / {number(found['p95'])} ms",
        )

    def as_json(self) -> dict[str, Any]:
        """Return the line for a file."""
        delays = [one["seconds"] * 1000 for one in self.syncs]
        return {
            "name": self.name,
            "syncs": len(self.syncs),
            "changing": sum(bool(one.get("changes")) for one in self.syncs),
            "sent": sum(one["sent"] for one in self.syncs),
            "received": sum(one["received"] for one in self.syncs),
            "p50": percentile(delays, 50),
            "p95": percentile(delays, 95),
        }


def counts(syncs: Iterable[Sync], crashes: int) -> list[Count]:
    """Count the syncs by their reasons.

    Args:
        syncs: of a storm.
        crashes: how many Pods crashed.

    Returns:
        For each endpoint the sum and its parts, those with the most syncs first.
    """
    by_path: dict[str, dict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
    for sync in syncs:
        by_path[sync.path][sync.reason].append(sync.line)
    lines: list[Count] = []
    for path, by_reason in sorted(by_path.items()):
        everything = [line for found in by_reason.values() for line in found]
        lines.append(Count(f"**`{path}`**", everything, crashes))
        parts = sorted(by_reason.items(), key=lambda item: -len(item[1]))
        lines += [Count(reason, found, crashes) for reason, found in parts if reason]
    return lines


@dataclass(frozen=True, slots=True)
class Calls:
    """Requests to the API server of one kind, of either operator.

    Attributes:
        name: who calls, and what.
        ours: how many with ours.
        kopf: how many with kopf.
        bytes_of_ours: what was sent with ours, where it is known.
        bytes_of_kopf: the same with kopf.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ("", "ours", "sent", "kopf", "sent")

    name: str
    ours: int
    kopf: int
    bytes_of_ours: int
    bytes_of_kopf: int

    @property
    def met(self) -> None:
        """It has no aim."""
        return

    def cells(self) -> tuple[str, ...]:
        """Return the line as the table shows it."""
        return (
            self.name,
            f"{self.ours:,}",
            _size(self.bytes_of_ours),
            f"{self.kopf:,}",
            _size(self.bytes_of_kopf),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the line for a file."""
        return {
            "name": self.name,
            "ours": self.ours,
            "kopf": self.kopf,
            "bytes of ours": self.bytes_of_ours,
            "bytes of kopf": self.bytes_of_kopf,
        }


Counted = tuple[Counter[str], Counter[str]]
"""By name: how many, and how many bytes."""


def calls(ours: Counted, kopf: Counted, least: int) -> list[Calls]:
    """Put the requests of both operators side by side.

    Args:
        ours: of ours.
        kopf: of kopf.
        least: how many reads or watched changes of a kind are worth a line; writes always are.

    Returns:
        A line for each kind.
    """
    names = sorted(
        name
        for name in ours[0].keys() | kopf[0].keys()
        if max(ours[0][name], kopf[0][name]) >= least
        or any(f": {verb} " in name for verb in audit.WRITES)
    )
    return [
        Calls(name, ours[0][name], kopf[0][name], ours[1][name], kopf[1][name]) for name in names
    ]


def _size(size: int) -> str:
    return f"{number(size / _MB)} MB" if size else ""
