"""A PodDiagnoser's sync in a storm, 1,000 related Pods, and the memory that the hook takes."""

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from dev.benchmarks import samples
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.hook import PODS
from dev.benchmarks.load_generator import call, drive
from dev.benchmarks.servers import HOOK, Server
from dev.benchmarks.spread import Spread

SYNC = "/poddiagnosers/sync"
PODS_RELATED = 1000
_MIB = 1024 * 1024


def measure(syncs: int = 7, pod_syncs: int = 50_000) -> list[Figure]:
    """Measure CPU, delay and memory.

    Args:
        syncs: how many syncs of each kind.
        pod_syncs: how many syncs of Pods, for the memory in the long run.

    Raises:
        dev.envtest.process.StartError: the server does not start.
        dev.benchmarks.load_generator.AnswerError: a request fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        with Server("poddiagnosers", HOOK, Path(folder)) as server:
            figures = _syncs(server, syncs)
        with Server("pods", HOOK, Path(folder)) as server:
            figures += _long_run(server, pod_syncs)
    return figures


def _syncs(server: Server, syncs: int) -> list[Figure]:
    """Measure the sync that counts all Pods, and the one after it, which changes nothing."""
    before = server.resident_bytes()
    cpu: dict[str, list[float]] = {}
    delays: dict[str, list[float]] = {}
    resident: list[float] = []
    size = 0
    for _ in range(syncs):
        status = None
        for kind in ("first", "unchanged"):
            body = samples.poddiagnoser(datetime.now(UTC), PODS_RELATED, status)
            size = len(body)
            used, begun = server.cpu_seconds(), time.perf_counter()
            status = json.loads(call(server.port, SYNC, body))["status"]
            delays.setdefault(kind, []).append(time.perf_counter() - begun)
            cpu.setdefault(kind, []).append((server.cpu_seconds() - used) * 1000)
        resident.append(server.resident_bytes() / _MIB)
    if status is None or status["diagnosedPods"] != PODS_RELATED:
        message = f"the hook counted {status and status['diagnosedPods']} Pods of {PODS_RELATED}"
        raise RuntimeError(message)
    return [
        Figure("size of the request", Spread((size / _MIB,)), "MiB"),
        Figure(
            "CPU of the sync that counts 1,000 Pods",
            Spread(tuple(cpu["first"])),
            "ms",
            Aim.at_most(400),
        ),
        Figure("CPU of the sync after it", Spread(tuple(cpu["unchanged"])), "ms", Aim.at_most(400)),
        Figure("its answer, debounced", Spread(tuple(delays["first"])), "s"),
        Figure("resident memory before", Spread((before / _MIB,)), "MiB"),
        Figure("resident memory after each two syncs", Spread(tuple(resident)), "MiB"),
        # The first few bodies make the heap grow; later ones reuse it.
        Figure(
            "resident memory at the end over halfway",
            Spread((resident[-1] / resident[len(resident) // 2],)),
            "",
            Aim.at_most(1.05),
        ),
    ]


def _long_run(server: Server, total: int) -> list[Figure]:
    """Memory while Pods are synced, healthy and crashed in turn."""
    at: dict[int, float] = {}
    done, step = 0, total // 10
    while done < total:
        now = datetime.now(UTC)
        for body in (samples.healthy(now), samples.annotated(now)):
            drive(server.port, PODS, body, requests=step // 2)
        done += step
        at[done] = server.resident_bytes() / _MIB
    early, late = at[step], at[total]
    return [
        Figure(f"resident memory after {step:,} Pod syncs", Spread((early,)), "MiB"),
        Figure(f"resident memory after {total:,} Pod syncs", Spread((late,)), "MiB"),
        Figure("the latter over the former", Spread((late / early,)), "", Aim.at_most(1.05)),
    ]
