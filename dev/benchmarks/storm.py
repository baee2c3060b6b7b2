"""The whole operator in a cluster, beside one in kopf that does the same job.

Each round is a fresh control plane for each of the two: Pods of real size, single crashes in a
small and in a large namespace, a storm, single crashes after it, and a storm while the operator is
down.
"""

import contextlib
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta

from dev.benchmarks import pod_load, workload
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.operators import OPERATORS, HookOperator
from dev.benchmarks.pod_load import PodLoad, Watch
from dev.benchmarks.spread import Spread, percentile
from dev.benchmarks.test_bed import TestBed, open_test_bed
from dev.envtest import pods
from dev.envtest.client import PODS

SMALL, LARGE = 50, 1000
SINGLES = 50
STORM_SECONDS = 3.5
OLD = 5000
LABEL = "diagnostics.local.io/diagnoser"
_QUIET = 5.0  # longer than two debounced writes of a status and a delayed answer
_TIMEOUT = 120.0


@dataclass(slots=True)
class Round:
    """What one operator did in one round.

    Attributes:
        figures: figure to value.
    """

    figures: dict[str, float] = field(default_factory=dict)


def run(name: str) -> Round:
    """Run one round of one operator.

    Args:
        name: one of `OPERATORS`.

    Raises:
        TimeoutError: Pods are not annotated.
        dev.envtest.process.StartError: something does not start.
    """
    done = Round()
    with open_test_bed(OPERATORS[name]) as bed, contextlib.ExitStack() as watches:
        loads, watch = {}, {}
        bed.operator.start()
        for namespace, count in (("small", SMALL), ("large", LARGE)):
            bed.prepare(namespace)
            loads[namespace] = PodLoad(bed.api, namespace, count)
            loads[namespace].create()
            watch[namespace] = watches.enter_context(Watch(bed.api, namespace))
        for one in watch.values():
            one.quiet(_QUIET)
        _singles(bed, loads, watch, done)
        _storm(bed, loads["large"], watch["large"], done)
        late = _crash_one_by_one(loads["large"], watch["large"], 3)
        done.figures["single, after the storm, p50"] = percentile(late, 50)
        done.figures["single, after the storm, p95"] = percentile(late, 95)
        watch["large"].quiet(_QUIET)
        _down(bed, loads["large"], watch["large"], done)
    return done


def _singles(bed: TestBed, loads: dict[str, PodLoad], watch: dict[str, Watch], done: Round) -> None:
    """Single crashes in both namespaces, in turn, so that what else happens hits both alike."""
    before, begun = bed.cpu(), time.perf_counter()
    delays: dict[str, list[float]] = {namespace: [] for namespace in loads}
    for number in range(SINGLES):
        for namespace, load in loads.items():
            crashing = [load.names[number]]
            delays[namespace] += _delays(load, watch[namespace], crashing, 1)
            time.sleep(0.05)
    for one in watch.values():
        one.quiet(_QUIET)
    for part, used in bed.cpu().items():
        done.figures[f"CPU of single crashes: {part}"] = used - before[part]
    done.figures["seconds of single crashes"] = time.perf_counter() - begun
    for namespace, values in delays.items():
        done.figures[f"single, {namespace}, p50"] = percentile(values, 50)
        done.figures[f"single, {namespace}, p95"] = percentile(values, 95)


def _crash_one_by_one(load: PodLoad, watch: Watch, code: int) -> list[float]:
    delays: list[float] = []
    for name in load.names[:SINGLES]:
        delays += _delays(load, watch, [name], code)
        time.sleep(0.1)
    return delays


def _delays(load: PodLoad, watch: Watch, names: list[str], code: int) -> list[float]:
    """From the acknowledged status write to the annotation, in milliseconds."""
    written = load.crash(names, code)
    observed_at = watch.wait(names, code, _TIMEOUT)
    return [(observed_at[name] - written[name]) * 1000 for name in names]


def _storm(bed: TestBed, load: PodLoad, watch: Watch, done: Round) -> None:
    """Crash all Pods within some seconds."""
    before, syncs = bed.cpu(), bed.operator.pod_syncs()
    written = load.crash(load.names, 2, STORM_SECONDS)
    observed_at = watch.wait(load.names, 2, _TIMEOUT)
    first = min(written.values())
    done.figures["storm: last crash"] = max(written.values()) - first
    done.figures["storm: all annotated"] = max(observed_at.values()) - first
    delays = [(observed_at[name] - written[name]) * 1000 for name in load.names]
    done.figures["storm: from a Pod's crash to its annotation, p50"] = percentile(delays, 50)
    done.figures["storm: from a Pod's crash to its annotation, p95"] = percentile(delays, 95)
    done.figures["diagnosedPods"] = _counted(bed, load.namespace, LARGE)
    after = bed.operator.pod_syncs()
    if syncs is not None and after is not None:
        done.figures["Pod syncs for a status write"] = (after - syncs) / len(load.names)
    for part, used in bed.cpu().items():
        done.figures[f"CPU of the storm: {part}"] = used - before[part]


def _down(bed: TestBed, load: PodLoad, watch: Watch, done: Round) -> None:
    """Crash all Pods while the operator is down, and then start it."""
    bed.operator.stop()
    load.crash(load.names, 4)
    watch.quiet(1.0)
    begun = time.perf_counter()
    bed.operator.start()
    observed_at = watch.wait(load.names, 4, _TIMEOUT)
    done.figures["down: all annotated after the start"] = max(observed_at.values()) - begun
    done.figures["diagnosedPods after being down"] = _counted(bed, load.namespace, LARGE)
    for part, used in bed.operator.cpu_seconds().items():
        done.figures[f"CPU after being down: {part}"] = used


def _counted(bed: TestBed, namespace: str, expected: int) -> int:
    """Return the number of Pods in the status once it no longer changes.

    A busy machine may need seconds for each of the syncs that count.
    """
    before, since = -1, time.monotonic()
    while time.monotonic() - since < (_QUIET if before >= expected else 4 * _QUIET):
        now = int(bed.status(namespace).get("diagnosedPods", 0))
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.2)
    return before


def install_onto_old_crashes(count: int = OLD) -> list[Figure]:
    """Start the operator where many Pods restarted long ago.

    Args:
        count: how many Pods.

    Returns:
        How many are annotated, how many carry the label, and how long it takes.

    Raises:
        TimeoutError: they are not annotated.
    """
    long_ago = pods.now() - timedelta(days=3)
    with open_test_bed(HookOperator) as bed:
        bed.prepare("old")
        old = PodLoad(bed.api, "old", count)
        old.create(
            lambda name: pods.manifest(name, workload.LABELS),
            lambda pod: pod_load.crashed({**pod, "status": pods.started(pod)}, 1, long_ago),
        )
        with Watch(bed.api, "old") as watch:
            begun = time.perf_counter()
            bed.operator.start()
            observed_at = watch.wait(old.names, 1, _TIMEOUT)
            watch.quiet(_QUIET)
        labelled = bed.control_plane.admin.list(PODS, "old", LABEL)
        return [
            Figure(
                f"{count:,} old crashes: Pods annotated", Spread((float(len(observed_at)),)), "Pods"
            ),
            Figure(
                f"{count:,} old crashes: Pods labelled",
                Spread((float(len(labelled)),)),
                "Pods",
                Aim.exactly(0),
            ),
            Figure(
                f"{count:,} old crashes: all annotated after the start",
                Spread((max(observed_at.values()) - begun,)),
                "s",
            ),
        ]


def measure(rounds: int = 3) -> list[Figure]:
    """Run both operators in turn.

    Args:
        rounds: how many rounds.

    Returns:
        The figures of both, and their ratios.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: Pods are not annotated.
    """
    results: dict[str, list[Round]] = {name: [] for name in OPERATORS}
    for number in range(rounds):
        for name in OPERATORS if number % 2 == 0 else reversed(OPERATORS):
            # Minutes pass: show that it goes on.
            sys.stderr.write(f"round {number + 1} of {rounds}: {name}\n")
            results[name].append(run(name))
    return figures(
        {
            name: {
                figure: Spread(tuple(one.figures[figure] for one in found))
                for figure in found[0].figures
            }
            for name, found in results.items()
        }
    )


def figures(results: dict[str, dict[str, Spread]]) -> list[Figure]:
    """Put the figures of both operators together.

    Args:
        results: operator to figure to its spread.
    """
    ours, kopf = results["ours"], results["kopf"]
    lines: list[Figure] = []
    for figure in ours:
        unit = _unit(figure)
        lines.append(Figure(f"ours: {figure}", ours[figure], unit, _AIMS.get(figure)))
        if figure in kopf:
            lines.append(Figure(f"kopf: {figure}", kopf[figure], unit))
    lines += [
        Figure(f"kopf: {figure}", spread, _unit(figure))
        for figure, spread in kopf.items()
        if figure not in ours
    ]
    for figure, most in (
        ("storm: all annotated", 1.1),
        ("down: all annotated after the start", 1.0),
    ):
        ratio = ours[figure].over(kopf[figure])
        lines.append(Figure(f"{figure}: ours / kopf", ratio, "", Aim.at_most(most)))
    for phase in ("of the storm", "after being down", "of single crashes"):
        ratio = ours[f"CPU {phase}: hook"].over(kopf[f"CPU {phase}: kopf"])
        aim = Aim.at_most(0.8) if phase == "of the storm" else None
        lines.append(Figure(f"CPU {phase}: hook / kopf", ratio, "", aim))
    for name, found in results.items():
        aim = Aim.at_most(1.3) if name == "ours" else None
        small = found["single, small, p95"]
        for other in ("single, large, p95", "single, after the storm, p95"):
            lines.append(Figure(f"{name}: {other} / small", found[other].over(small), "", aim))
    return lines


_AIMS = {
    "diagnosedPods": Aim.exactly(LARGE),
    "diagnosedPods after being down": Aim.exactly(LARGE),
    # Slightly above 2: a periodic resync of Metacontroller may fall into the storm.
    "Pod syncs for a status write": Aim.at_most(2.05),
}


def _unit(figure: str) -> str:
    if figure.endswith(("p50", "p95")):
        return "ms"
    return "" if figure.startswith(("diagnosedPods", "Pod syncs")) else "s"
