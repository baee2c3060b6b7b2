"""Count every sync and every request to the API server of a storm, by its reason and its caller.

That disturbs what is timed, so the storm is one of its own.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from dev.benchmarks import reasons, recording
from dev.benchmarks.figures import Line
from dev.benchmarks.operators import HookOperator, KopfOperator
from dev.benchmarks.reasons import Counted
from dev.benchmarks.site import open_site
from dev.benchmarks.storm import Round, Size, storm
from dev.benchmarks.test_bed import TestBed, open_test_bed
from dev.envtest import audit
from dev.envtest.audit import Audited
from dev.envtest.client import Json
from dev.envtest.control_plane import ControlPlane

SYNCS = "Syncs by what had become new since the object's last one"
CALLS = "Requests to the API server by caller, and what it sends in watches, without what is rare"
_OWN = "admin"
"""The agent of what the benchmark itself looks up."""

_EVENTS, _BYTES = "apiserver_watch_events_sizes_count", "apiserver_watch_events_sizes_sum"


def measure(size: Size) -> dict[str, list[Line]]:
    """Count a storm of both operators.

    Args:
        size: how much it is.

    Returns:
        Heading to lines.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: Pods are not annotated.
    """
    syncs, ours = _ours(size)
    return {
        SYNCS: [*reasons.counts(syncs, size.storm)],
        CALLS: [*reasons.calls(ours, _kopf(size), size.storm // 100)],
    }


def _ours(size: Size) -> tuple[list[reasons.Sync], Counted]:
    def make(control_plane: ControlPlane) -> HookOperator:
        return HookOperator(control_plane, recorded=True)

    with open_test_bed(make, audit_policy=audit.counting_policy()) as bed:
        begun, counted = _storm(bed, size)
        folder = bed.control_plane.folder
        lines = [
            line
            for name in ("pods", "poddiagnosers")
            for line in _lines(recording.file_of(name, folder))
        ]
    # What came before it tells what is new in its first syncs.
    return [one for one in reasons.explained(lines) if one.line["at"] >= begun], counted


def _kopf(size: Size) -> Counted:
    with open_test_bed(KopfOperator, audit_policy=audit.counting_policy()) as bed:
        return _storm(bed, size)[1]


def _storm(bed: TestBed, size: Size) -> tuple[float, Counted]:
    """Return when it began, and its requests to the API server."""
    with ExitStack() as watches:
        site = open_site(bed, "large", size.storm, watches)
        bed.operator.start()
        site.quiet()
        begun, audited_before = time.time(), len(bed.control_plane.audited())
        watched_before = _watched(bed)
        storm(site, site.load.names, Round(size))
        watched = _watched(bed)
        called = called_by(bed.control_plane.audited()[audited_before:])
    for now, before, counter in zip(watched, watched_before, called, strict=True):
        counter.update(now - before)
    return begun, called


def called_by(requests: Iterable[Audited]) -> Counted:
    """Count requests by caller, verb and resource.

    Args:
        requests: by the audit log.

    Returns:
        How many, and how many bytes were sent where that is known. What is refused has its status
        code beside it.
    """
    number: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for one in requests:
        agent = one.agent.split("/")[0].split(" ")[0] or "?"
        if agent == _OWN:
            continue
        refused = f", {one.code}" if one.code >= 400 else ""
        name = f"{agent}: {one.verb} {one.resource or 'else'}{refused}"
        number[name] += 1
        size[name] += one.size
    return number, size


def _watched(bed: TestBed) -> Counted:
    """Return what the API server has sent in watches so far, by kind."""
    metrics = bed.control_plane.admin.send("GET", "/metrics").decode()
    found: dict[str, Counter[str]] = {_EVENTS: Counter(), _BYTES: Counter()}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name in found:
                kind = sample.labels.get("resource") or sample.labels.get("kind", "")
                found[sample.name][f"all watches: events of {kind}"] += int(sample.value)
    return found[_EVENTS], found[_BYTES]


def _lines(path: Path) -> Iterator[Json]:
    # The last line may not be complete.
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        yield json.loads(line)
